// `electron` as the main process sees it: everything that the desktop imports, made anew for each graph of modules.
//
// What always holds: each name is one that Electron declares, or this does not compile; what a name does follows
// Electron's documentation as far as the desktop uses it, and throws where it is used otherwise.

import type * as Electron from 'electron/main';

import { createElectron, type Controls } from './create.ts';

const { electron, controls: made } = createElectron();

/** What a test sees of this Electron, and does to it. */
export const controls: Controls = made;

export const {
  app, BrowserWindow, clipboard, dialog, ipcMain, Menu, nativeTheme, powerMonitor, protocol, safeStorage, screen, session, shell,
  utilityProcess,
} = electron satisfies { readonly [Name in keyof typeof Electron]?: unknown };
