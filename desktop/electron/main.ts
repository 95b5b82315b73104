// Invoify under Electron, as a list of steps: each is a function of a file of its own.
//
// What always holds: this process never touches the database or the network, so the window never waits for either; the
// page runs in a sandbox and is granted nothing; closing the window ends the program, and it ends only when everything
// is written.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { app, ipcMain, nativeTheme, safeStorage, session, type BrowserWindow } from 'electron';

import type { Command, Outcome, Settings, WindowCalls } from '../../shared/window/ipc.ts';
import type { Status } from '../../shared/window/views.ts';
import { followCrashes, recoverWindow } from './crashes.ts';
import { openLog } from '../files/log.ts';
import { setMenu } from './menu.ts';
import { registerScheme, serveWindow } from './protocol-handler.ts';
import { guardPages, lockSession } from './security.ts';
import { openSettings } from '../files/settings.ts';
import { createShellCalls } from './shell-calls.ts';
import { systemDeskDeps } from '../system-deps.ts';
import { followNetwork, followPower } from './system-events.ts';
import { createSafeVault } from './vault.ts';
import { keepPlace, readPlace } from './window-bounds.ts';
import { answerWindow, isFromWindow } from './window-calls.ts';
import { createWindow, focusWindow, loadPage, placeOf, windowSession } from './window.ts';
import { startDeskProcess } from './worker-process.ts';

/** The other parts of the program, beside this file as it is bundled. */
const parts = {
  worker: join(import.meta.dirname, 'worker.js'),
  preload: join(import.meta.dirname, 'preload.cjs'),
  window: join(import.meta.dirname, 'window'),
} as const;

setUpFolder();
// The same name that the installer gives the Start menu's entry, so that Windows takes both for one program.
app.setAppUserModelId('app.invoify.desktop');
registerScheme();
if (app.requestSingleInstanceLock()) void app.whenReady().then(run);
else app.quit();

/** `%APPDATA%/Invoify`, whatever the package or the executable is called. */
function setUpFolder(): void {
  const folder = join(app.getPath('appData'), 'Invoify');
  mkdirSync(folder, { recursive: true });
  app.setName('Invoify');
  app.setPath('userData', folder);
}

async function run(): Promise<void> {
  const dataFolder = app.getPath('userData');
  const logFolder = join(dataFolder, 'logs');
  const placeFile = join(dataFolder, 'window.json');
  const system = systemDeskDeps();
  const log = openLog({ folder: logFolder }, system.nowMs);
  const deps = { ...system, log };
  const { settings } = openSettings(join(dataFolder, 'settings.json'), deps);
  let window: BrowserWindow | null = null;

  log('started', { version: app.getVersion(), electron: process.versions['electron'] ?? '', platform: process.platform });
  followCrashes(deps);
  lockSession(session.defaultSession);
  lockSession(windowSession());
  serveWindow(windowSession(), parts.window);

  const vault = createSafeVault(join(dataFolder, 'token.bin'), { ...deps, safeStorage, platform: process.platform });
  const desk = startDeskProcess(parts.worker, { dataFolder, version: app.getVersion() }, { ...deps, vault });
  guardPages({ log, server: () => desk.status?.server ?? settings.server });
  followPower((event) => desk.notice(event));
  followNetwork(ipcMain, (event) => isFromWindow(event, window), (event) => desk.notice(event));
  const shell = createShellCalls({ ...deps, desk, dataFolder, logFolder, window: () => window, isTokenKept: () => vault.isLasting() });
  answerWindow({ log, desk, shell, window: () => window, answered });
  applySettings(settings);

  const tell = (channel: 'status' | 'command', value: Status | Command): void => {
    if (window && !window.isDestroyed() && !window.webContents.isCrashed()) window.webContents.send(channel, value);
  };
  desk.onStatus((status) => tell('status', status));
  app.on('second-instance', () => focusWindow(window));
  app.on('window-all-closed', () => app.quit());
  let placeKept: Promise<void> = Promise.resolve();
  endInOrder(() => Promise.all([desk.close(), placeKept]), log);

  const opened = createWindow(parts.preload, readPlace(placeFile));
  window = opened;
  recoverWindow(opened, deps);
  opened.on('close', () => {
    placeKept = keepPlace(placeFile, placeOf(opened), deps).catch((error: unknown) => log('where the window stood is not kept', { error }));
  });
  await loadPage(opened).catch((error: unknown) => log('the page did not load', { error }));

  function answered(channel: keyof WindowCalls, outcome: Outcome<unknown>): void {
    if (channel === 'app.saveSettings' && outcome.ok) applySettings(outcome.value as Settings);
  }

  function applySettings({ theme, language }: Settings): void {
    nativeTheme.themeSource = theme;
    setMenu(language, (command) => tell('command', command));
  }
}

/** Lets the program end only when what it has open is closed. */
function endInOrder(close: () => Promise<unknown>, log: (event: string) => void): void {
  let state: 'running' | 'ending' | 'ended' = 'running';
  app.on('will-quit', (event) => {
    if (state === 'ended') return;
    event.preventDefault();
    if (state === 'ending') return;
    state = 'ending';
    void close().finally(() => {
      log('ended');
      state = 'ended';
      app.quit();
    });
  });
}
