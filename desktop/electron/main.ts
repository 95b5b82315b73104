// The entry of Electron's main process. Reads as the list of startup steps; each is a function in its own file.
//
// Invariants: this process never touches the cache or the network, so the window never waits for either; the page is
// sandboxed and has no permissions; closing the window quits the program, after the cache and the files are closed;
// a start that fails says so and ends.

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

import { app, nativeTheme, powerMonitor, safeStorage, session, type BrowserWindow } from 'electron';

import type { Command, Outcome, Settings, WindowCalls } from '../../shared/window/ipc.ts';
import type { Status } from '../../shared/window/views.ts';
import type { DeskDeps, SystemEvent } from '../desk.ts';
import { openLog, type Log } from '../files/log.ts';
import { openSettings } from '../files/settings.ts';
import { readWindowState, saveWindowState } from '../files/window-state.ts';
import { systemDeskDeps } from '../system-deps.ts';
import { createShellCalls, forwardNetworkEvents, handleCalls } from './ipc.ts';
import { offerTextMenu, setMenu } from './menu.ts';
import { registerScheme, serveWindow } from './protocol-handler.ts';
import { guardPages, lockSession } from './security.ts';
import { failStart, type StartFailure } from './start-failure.ts';
import { guardUnsaved } from './unsaved.ts';
import { createSafeVault } from './vault.ts';
import { createWindow, focusWindow, getWindowState, loadPage, recoverFromCrashes, windowSession } from './window.ts';
import { startDeskProcess } from './worker-process.ts';

/** The other bundles, beside this one. */
const bundles = {
  worker: join(import.meta.dirname, 'worker.js'),
  preload: join(import.meta.dirname, 'preload.cjs'),
  window: join(import.meta.dirname, 'window'),
} as const;

/** How long a second start waits for the first program, which may itself be starting or ending. */
const LOCK_TIMEOUT_MS = 2000;

// Electron becomes ready only after this.
await prepare();

/**
 * Goes on in `%APPDATA%/Invoify`, whatever the package or the executable is called, or in the folder that `INVOIFY_DATA` names;
 * ends the program if no file can be created there (on Windows, folders may be all that a user may create).
 */
async function prepare(): Promise<void> {
  // As `set` leaves it: with the quotes, and with the space before what follows.
  const chosen = process.env['INVOIFY_DATA']?.replace(/^[\s"]+|[\s"]+$/g, '');
  let folder = chosen || join('%APPDATA%', 'Invoify');
  let failure: StartFailure = 'folder';
  try {
    folder = chosen || join(app.getPath('appData'), 'Invoify');
    if (!isAbsolute(folder)) throw new Error('INVOIFY_DATA must be a full path.');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const startFile = join(folder, 'starting');
    writeFileSync(startFile, '', { mode: 0o600 });
    app.setName('Invoify');
    app.setPath('userData', folder);
    failure = 'unexpected';
    // The installer gives the Start menu shortcut the same id, so Windows treats both as one program.
    app.setAppUserModelId('app.invoify.desktop');
    registerScheme();
    if (await takeLock(folder, startFile)) void app.whenReady().then(() => start(folder));
  } catch (error) {
    failStart(failure, folder, error);
  }
}

/**
 * Whether this is the first program in the folder; if not, it is ending. Not every refusal is a second start: another computer
 * or another session may hold the folder. A program that hears of a second start removes its start file, so that it knows.
 */
async function takeLock(folder: string, startFile: string): Promise<boolean> {
  let isFirst = app.requestSingleInstanceLock();
  if (!isFirst && existsSync(startFile)) {
    await new Promise((resolve) => setTimeout(resolve, LOCK_TIMEOUT_MS));
    isFirst = existsSync(startFile) && app.requestSingleInstanceLock();
  }
  const isHeard = !existsSync(startFile);
  removeFile(startFile);
  if (isFirst) app.on('second-instance', () => removeFile(startFile));
  else if (isHeard) app.quit();
  else failStart('locked', folder, new Error('The lock was refused.'));
  return isFirst;
}

function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A virus scanner may hold it for a moment.
  }
}

/** Never rejects. */
async function start(folder: string): Promise<void> {
  const logFolder = join(folder, 'logs');
  let log: Log = () => undefined;
  try {
    const system = systemDeskDeps();
    log = openLog({ folder: logFolder }, system.nowMs);
    await run(folder, logFolder, { ...system, log });
  } catch (error) {
    log('start failed', { error });
    failStart('unexpected', logFolder, error);
  }
}

async function run(dataFolder: string, logFolder: string, deps: DeskDeps): Promise<void> {
  const { log } = deps;
  const windowStateFile = join(dataFolder, 'window.json');
  const readSettings = (): Settings => openSettings(join(dataFolder, 'settings.json'), deps).settings;
  const settings = readSettings();
  let { language } = settings;
  let window: BrowserWindow | null = null;
  let setUnsaved: ((isUnsaved: boolean) => void) | null = null;

  log('started', { version: app.getVersion(), electron: process.versions['electron'] ?? '', platform: process.platform });
  logCrashes(log);
  lockSession(session.defaultSession);
  lockSession(windowSession());
  serveWindow(windowSession(), bundles.window);

  const vault = createSafeVault(join(dataFolder, 'token.bin'), { ...deps, safeStorage, platform: process.platform });
  const desk = startDeskProcess(bundles.worker, { dataFolder, version: app.getVersion() }, {
    ...deps, vault, settings: readSettings, onStatus: (status) => send('status', status),
  });
  guardPages({ log, server: () => desk.status?.server ?? settings.server });
  forwardPowerEvents((event) => desk.handleSystemEvent(event));
  forwardNetworkEvents(() => window, (event) => desk.handleSystemEvent(event));
  const shell = createShellCalls({
    ...deps, desk, dataFolder, logFolder,
    window: () => window, setUnsaved: (isUnsaved) => setUnsaved?.(isUnsaved), isTokenStored: () => vault.isPersistent(),
  });
  handleCalls({ log, desk, shell, window: () => window, onAnswer });
  applySettings(settings);

  // Started again after the window was closed for the last time.
  let isWanted = false;
  app.on('second-instance', () => {
    isWanted = true;
    focusWindow(window);
  });
  app.on('window-all-closed', () => app.quit());
  closeBeforeQuit(() => desk.close(), () => {
    log('stopped');
    if (isWanted) app.relaunch();
  });

  const opened = createWindow(bundles.preload, readWindowState(windowStateFile), deps);
  window = opened;
  recoverFromCrashes(opened, { ...deps, language: () => language });
  offerTextMenu(opened, () => language);
  setUnsaved = guardUnsaved(opened, () => language);
  opened.on('close', () => {
    isWanted = false;
    rememberWindow();
  });
  // Windows shuts down: the program ends as soon as this returns.
  opened.on('session-end', ({ reasons }) => {
    rememberWindow();
    log('session ended', { reasons });
  });
  await loadPage(opened).catch((error: unknown) => log('page failed to load', { error }));

  /** Nothing of the window can be used once it is destroyed, and its contents are destroyed first. */
  function send(channel: 'status' | 'command', value: Status | Command): void {
    const contents = window?.isDestroyed() ? null : window?.webContents;
    if (contents && !contents.isDestroyed() && !contents.isCrashed()) contents.send(channel, value);
  }

  function rememberWindow(): void {
    try {
      saveWindowState(windowStateFile, getWindowState(opened));
    } catch (error) {
      log('window state not saved', { error });
    }
  }

  function onAnswer(channel: keyof WindowCalls, outcome: Outcome<unknown>): void {
    if (channel === 'app.saveSettings' && outcome.ok) applySettings(outcome.value as Settings);
  }

  function applySettings({ theme, language: chosen }: Settings): void {
    language = chosen;
    nativeTheme.themeSource = theme;
    setMenu(language, (command) => send('command', command));
  }
}

/** Logs what is uncaught, and every child process that ends unexpectedly. */
function logCrashes(log: Log): void {
  app.on('child-process-gone', (_event, { type, reason, exitCode, serviceName, name }) =>
    log('child process exited', { type, reason, exitCode, service: name ?? serviceName ?? '' }));
  process.on('uncaughtExceptionMonitor', (error, origin) => log('uncaught error', { origin, error }));
  // It ends nothing in Electron.
  process.on('unhandledRejection', (error) => log('unhandled rejection', { error }));
}

function forwardPowerEvents(handle: (event: SystemEvent) => void): void {
  powerMonitor.on('suspend', () => handle('suspend'));
  powerMonitor.on('resume', () => handle('resume'));
  // The user returns and expects current data; the network may have changed while the screen was locked.
  powerMonitor.on('unlock-screen', () => handle('online'));
}

/** Delays quitting until `close` has settled and `onClosed` was called. */
function closeBeforeQuit(close: () => Promise<unknown>, onClosed: () => void): void {
  let state: 'running' | 'closing' | 'closed' = 'running';
  app.on('will-quit', (event) => {
    if (state === 'closed') return;
    event.preventDefault();
    if (state === 'closing') return;
    state = 'closing';
    void close().finally(() => {
      // Electron ignores a `quit` in the microtasks of `will-quit`, which this is in if there was nothing to close.
      setImmediate(() => {
        onClosed();
        state = 'closed';
        app.quit();
      });
    });
  });
}
