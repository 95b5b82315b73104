// Assembles the stand-in: one Electron, and the controls for a test.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { App } from './app.ts';
import { createIpcMain, type IpcMain } from './ipc.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSystem, StandInPowerMonitor, type System } from './system.ts';
import { UtilityProcesses } from './utility-process.ts';
import { createWindows, type StandInWindow } from './windows.ts';

export interface Controls {
  /** The folder with the user's folders. */
  readonly home: string;
  readonly app: App;
  readonly ipcMain: IpcMain;
  readonly sessions: Sessions;
  readonly system: System;
  readonly processes: UtilityProcesses;
  readonly windows: readonly StandInWindow[];
  readonly powerMonitor: StandInPowerMonitor;
}

/** The modules, under Electron's names. */
export interface Parts {
  readonly app: App;
  readonly BrowserWindow: unknown;
  readonly clipboard: System['clipboard'];
  readonly dialog: System['dialog'];
  readonly ipcMain: IpcMain;
  readonly Menu: System['Menu'];
  readonly nativeTheme: System['nativeTheme'];
  readonly powerMonitor: StandInPowerMonitor;
  readonly protocol: Sessions['protocol'];
  readonly safeStorage: System['safeStorage'];
  readonly screen: System['screen'];
  readonly session: Sessions['session'];
  readonly shell: System['shell'];
  readonly utilityProcess: UtilityProcesses;
}

export function createElectron(): { readonly electron: Parts; readonly controls: Controls } {
  const home = process.env['STAND_IN_HOME'] ?? mkdtempSync(join(tmpdir(), 'invoify-electron-'));
  const app = new App(home);
  const ipcMain = createIpcMain();
  const sessions = createSessions(app);
  const system = createSystem(app);
  const processes = new UtilityProcesses(app);
  const { BrowserWindow, windows } = createWindows(app, ipcMain, sessions);
  const powerMonitor = new StandInPowerMonitor();
  const { clipboard, dialog, Menu, nativeTheme, safeStorage, screen, shell } = system;
  return {
    electron: {
      app, BrowserWindow, clipboard, dialog, ipcMain, Menu, nativeTheme, powerMonitor, protocol: sessions.protocol, safeStorage, screen,
      session: sessions.session, shell, utilityProcess: processes,
    },
    controls: { home, app, ipcMain, sessions, system, processes, windows, powerMonitor },
  };
}
