// `electron` in the main process: everything that the desktop imports, created once per module graph.
//
// Invariants: every export is one that Electron declares, or this does not compile; it behaves as Electron documents it as
// far as the desktop uses it, and throws on other uses. In one thing it is stricter: the main process runs in the test's own
// process, where a rejection that nobody handles fails the test; in Electron it is logged, and the program goes on.

import type * as Electron from 'electron/main';

import { createElectron, type Controls } from './create.ts';

const { electron, controls: created } = createElectron();

/** Lets a test inspect and drive this Electron. */
export const controls: Controls = created;

export const {
  app, BrowserWindow, clipboard, dialog, ipcMain, Menu, nativeTheme, powerMonitor, protocol, safeStorage, screen, session, shell,
  utilityProcess,
} = electron satisfies { readonly [Name in keyof typeof Electron]?: unknown };
