// The application window: a sandboxed page, opened where it was last closed and reloaded when its process crashes.
//
// Invariants: the page has no Node, no files and no network, only `window.electron`; its session is in memory, so nothing
// it stores outlives the program. The window opens where it can be seen and moved (files/window-state.ts). A page that keeps
// crashing is not reloaded forever: the user decides.

import { app, BrowserWindow, dialog, nativeTheme, screen, session, type Session } from 'electron';

import type { Settings } from '../../shared/window/ipc.ts';
import type { Facts } from '../files/redact.ts';
import { fitToDisplays, minSize, type WindowState } from '../files/window-state.ts';
import { chooseLanguage } from './menu.ts';
import { pageUrl } from './protocol-handler.ts';

export interface WindowDeps {
  /** The chosen language. */
  readonly language: () => Settings['language'];
  readonly monotonicMs: () => number;
  /** Calls back once after a delay; returns a function that cancels it. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  readonly log: (event: string, facts?: Facts) => void;
}

const defaultSize = { width: 1280, height: 800 } as const;

/** How long the window waits for the page to be painted before it is shown without it. */
const SHOW_AFTER_MS = 3000;

/** Shown until the page is painted. */
const backgrounds = { light: '#ffffff', dark: '#1b1d21' } as const;

/** The factor of one zoom level (Electron's `setZoomLevel`). */
const ZOOM_BASE = 1.2;

/** Automatic reloads allowed within the period. */
const MAX_RELOADS = 3;
const RELOAD_PERIOD_MS = 60_000;

/** The session of the window's pages. */
export function windowSession(): Session {
  return session.fromPartition('invoify-window');
}

/** Not shown until the page is painted, fails to load, or takes too long: a blank window says more than none. */
export function createWindow(preload: string, saved: WindowState, { setTimer }: Pick<WindowDeps, 'setTimer'>): BrowserWindow {
  const { bounds, isMaximized, zoomLevel } = fitToDisplays(saved, screen.getAllDisplays().map(({ workArea }) => workArea));
  const window = new BrowserWindow({
    ...defaultSize,
    ...bounds,
    minWidth: minSize.width,
    minHeight: minSize.height,
    title: 'Invoify',
    show: false,
    autoHideMenuBar: true,
    backgroundColor: nativeTheme.shouldUseDarkColors ? backgrounds.dark : backgrounds.light,
    webPreferences: {
      preload,
      session: windowSession(),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
      spellcheck: false,
      navigateOnDragDrop: false,
      autoplayPolicy: 'document-user-activation-required',
      // Chromium remembers it in a session on disk only.
      zoomFactor: ZOOM_BASE ** zoomLevel,
      // Date inputs then follow their `lang`, not the language of Chromium's own texts.
      enableBlinkFeatures: 'LangAttributeAwareFormControlUI',
    },
  });
  let isShown = false;
  const show = (): void => {
    cancelTimer();
    if (isShown || window.isDestroyed()) return;
    isShown = true;
    if (isMaximized) window.maximize();
    window.show();
  };
  const cancelTimer = setTimer(show, SHOW_AFTER_MS);
  window.once('ready-to-show', show);
  window.webContents.once('did-fail-load', show);
  return window;
}

/** Resolves when the page has loaded; rejects if it cannot be. */
export async function loadPage(window: BrowserWindow): Promise<void> {
  await window.loadURL(pageUrl);
}

/** Brings the window to the front; a second start of the program does this. */
export function focusWindow(window: BrowserWindow | null): void {
  if (!window || window.isDestroyed()) return;
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

export function getWindowState(window: BrowserWindow): WindowState {
  return { bounds: window.getNormalBounds(), isMaximized: window.isMaximized(), zoomLevel: window.webContents.getZoomLevel() };
}

/** Reloads the page when its process crashes, and logs what goes wrong in it. Crashes of the data process: worker-process.ts. */
export function recoverFromCrashes(window: BrowserWindow, { monotonicMs, language, log }: Omit<WindowDeps, 'setTimer'>): void {
  let reloads: number[] = [];
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    log('renderer exited', { reason, exitCode });
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    const nowMs = monotonicMs();
    reloads = [...reloads.filter((ms) => nowMs - ms < RELOAD_PERIOD_MS), nowMs];
    if (reloads.length <= MAX_RELOADS) window.webContents.reload();
    else {
      log('window keeps crashing');
      void askToRetry(window, chooseLanguage(language(), app.getLocale())).then(() => reloads = []);
    }
  });
  window.on('unresponsive', () => log('window unresponsive'));
  window.on('responsive', () => log('window responsive again'));
  window.webContents.on('preload-error', (_event, _path, error) => log('preload failed', { error }));
  window.webContents.on('did-fail-load', (_event, code, description, _url, isMainFrame) =>
    log(isMainFrame ? 'page failed to load' : 'embedded page failed to load', { code, description }));
}

const crashTexts = {
  en: {
    message: 'The Invoify window keeps crashing.',
    detail: 'Your data is safe. Try again, or close Invoify and restart it.',
    buttons: ['Try again', 'Close'],
  },
  de: {
    message: 'Das Fenster von Invoify stürzt immer wieder ab.',
    detail: 'Ihre Daten sind sicher. Versuchen Sie es noch einmal, oder schließen Sie Invoify und starten Sie es neu.',
    buttons: ['Noch einmal versuchen', 'Schließen'],
  },
};

async function askToRetry(window: BrowserWindow, language: keyof typeof crashTexts): Promise<void> {
  const { response } = await dialog.showMessageBox(window, {
    ...crashTexts[language], type: 'error', defaultId: 0, cancelId: 1, noLink: true,
  });
  if (response === 0 && !window.isDestroyed()) window.webContents.reload();
  else app.quit();
}
