// A stand-in for `ipcMain`. Messages between pages and the main process are structured-cloned, as in Electron.
//
// Invariants: what the program can call has Electron's own types, or this does not compile.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';

import type { IpcMain as ElectronIpcMain, IpcMainInvokeEvent, WebFrameMain } from 'electron';

export interface StandInFrame extends Readonly<Pick<WebFrameMain, 'frameToken' | 'url'>> {
  readonly parent: StandInFrame | null;
}

export interface IpcEvent {
  readonly sender: unknown;
  readonly senderFrame: StandInFrame | null;
  readonly type: 'frame';
}

type Handler = Parameters<ElectronIpcMain['handle']>[1];

export interface IpcMain extends EventEmitter, Pick<ElectronIpcMain, 'handle'> {
  /** Like `ipcRenderer.invoke`, from any frame of any page. */
  invoke(event: IpcEvent, channel: string, ...values: unknown[]): Promise<unknown>;
}

export function createIpcMain(): IpcMain {
  const handlers = new Map<string, Handler>();
  return Object.assign(new EventEmitter(), {
    handle(channel: string, handler: Handler): void {
      assert(!handlers.has(channel), `Attempted to register a second handler for '${channel}'`);
      handlers.set(channel, handler);
    },
    async invoke(event: IpcEvent, channel: string, ...values: unknown[]): Promise<unknown> {
      const cloned = structuredClone(values);
      const handler = handlers.get(channel);
      if (!handler) throw new Error(`Error invoking remote method '${channel}': Error: No handler registered for '${channel}'`);
      try {
        return structuredClone(await handler(event as IpcMainInvokeEvent, ...cloned));
      } catch (error) {
        throw new Error(`Error invoking remote method '${channel}': ${String(error)}`, { cause: error });
      }
    },
  });
}
