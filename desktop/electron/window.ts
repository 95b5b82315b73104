// The application window: a sandboxed page, opened where it was last closed and reloaded when its process crashes.
//
// Invariants: the page has no Node, no files and no network, only `window.electron`; its session is in memory, so nothing
// it stores outlives the program. The window opens where it can be seen and moved, whatever window.json says and whichever
// displays are gone; unusable content is ignored. A page that keeps crashing is not reloaded forever: the user decides.

import { readFileSync, writeFileSync } from 'node:fs';

import { app, BrowserWindow, dialog, nativeTheme, screen, session, type Session } from 'electron';

import { isObject } from '../../shared/fields.ts';
import type { Settings } from '../../shared/window/ipc.ts';
import type { Facts } from '../files/redact.ts';
import { chooseLanguage } from './menu.ts';
import { pageUrl } from './protocol-handler.ts';

/** In device-independent pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowState {
  /** Without maximizing; null lets the system choose. */
  readonly bounds: Box | null;
  readonly isMaximized: boolean;
}

export interface WindowDeps {
  /** The chosen language. */
  readonly language: () => Settings['language'];
  readonly monotonicMs: () => number;
  /** Calls back once after a delay; returns a function that cancels it. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  readonly log: (event: string, facts?: Facts) => void;
}

const minSize = { width: 820, height: 560 } as const;
const defaultSize = { width: 1280, height: 800 } as const;
/** How much of the title bar must be on a display, so that the window can be dragged. */
const minVisible = { width: 120, height: 32 } as const;

/** How long the window waits for the page to be painted before it is shown without it. */
const SHOW_AFTER_MS = 3000;

/** Shown until the page is painted. */
const backgrounds = { light: '#ffffff', dark: '#1b1d21' } as const;

/** Automatic reloads allowed within the period. */
const MAX_RELOADS = 3;
const RELOAD_PERIOD_MS = 60_000;

/** The session of the window's pages. */
export function windowSession(): Session {
  return session.fromPartition('invoify-window');
}

/** Not shown until the page is painted, fails to load, or takes too long: a blank window says more than none. */
export function createWindow(preload: string, saved: WindowState, { setTimer }: Pick<WindowDeps, 'setTimer'>): BrowserWindow {
  const { bounds, isMaximized } = fitToDisplays(saved, screen.getAllDisplays().map(({ workArea }) => workArea));
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
  return { bounds: window.getNormalBounds(), isMaximized: window.isMaximized() };
}

/** The saved state, or the default if there is none or it is unusable. */
export function readWindowState(path: string): WindowState {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isObject(value)) return { bounds: parseBox(value['bounds']), isMaximized: value['isMaximized'] === true };
  } catch {
    // The first start, or a damaged file: there is nothing to restore.
  }
  return { bounds: null, isMaximized: false };
}

/** Synchronous, for when the system shuts down. Throws if it cannot be written; a crash may leave an unusable file. */
export function saveWindowState(path: string, state: WindowState): void {
  writeFileSync(path, `${JSON.stringify(state)}\n`, { mode: 0o600 });
}

function parseBox(value: unknown): Box | null {
  if (!isObject(value)) return null;
  const { x, y, width, height } = value;
  const isBox = [x, y, width, height].every((side) => Number.isInteger(side) && Math.abs(side as number) < 100_000);
  return isBox && (width as number) > 0 && (height as number) > 0 ? { x, y, width, height } as Box : null;
}

/** Keeps the saved bounds if their title bar is on a display, limited to that display's work area. */
function fitToDisplays({ bounds, isMaximized }: WindowState, workAreas: readonly Box[]): WindowState {
  const display = bounds && workAreas.find((area) => canBeDragged(bounds, area));
  if (!display) return { bounds: null, isMaximized };
  const width = Math.min(Math.max(bounds.width, minSize.width), display.width);
  const height = Math.min(Math.max(bounds.height, minSize.height), display.height);
  return { bounds: { x: bounds.x, y: bounds.y, width, height }, isMaximized };
}

function canBeDragged(bounds: Box, area: Box): boolean {
  const visibleWidth = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x);
  const isTopVisible = bounds.y >= area.y && bounds.y + minVisible.height <= area.y + area.height;
  return isTopVisible && visibleWidth >= minVisible.width;
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
