// The one window: a sandboxed page of ours, opened where it stood last time.
//
// What always holds: the page has no Node, no file, no network and no other world than `window.electron`; it keeps nothing
// on the disk (its session is in memory), so what a page puts into its storage is gone with the program.

import { BrowserWindow, nativeTheme, screen, session, type Session } from 'electron';

import { pageUrl } from './protocol-handler.ts';
import { minSize, placeWindow, usualSize, type WindowPlace } from './window-bounds.ts';

/** As the window's own background, before its page is there. */
const backgrounds = { light: '#ffffff', dark: '#1b1d21' } as const;

/** The session of the window's pages. */
export function windowSession(): Session {
  return session.fromPartition('invoify-window');
}

export function createWindow(preload: string, kept: WindowPlace): BrowserWindow {
  const { bounds, isMaximized } = placeWindow(kept, screen.getAllDisplays().map(({ workArea }) => workArea));
  const window = new BrowserWindow({
    ...usualSize,
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
    },
  });
  window.once('ready-to-show', () => {
    if (isMaximized) window.maximize();
    window.show();
  });
  return window;
}

/** Resolves when the page is there; that it did not load is told to the log by who waits. */
export async function loadPage(window: BrowserWindow): Promise<void> {
  await window.loadURL(pageUrl);
}

export function placeOf(window: BrowserWindow): WindowPlace {
  return { bounds: window.getNormalBounds(), isMaximized: window.isMaximized() };
}

/** Brings the window to the front, as a second start of the program asks for. */
export function focusWindow(window: BrowserWindow | null): void {
  if (!window || window.isDestroyed()) return;
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
