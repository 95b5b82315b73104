// A stand-in for `ipcMain`. Messages between pages and the main process are structured-cloned, as in Electron.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';

export interface StandInFrame {
  readonly frameToken: string;
  readonly parent: StandInFrame | null;
  readonly url: string;
}

export interface IpcEvent {
  readonly sender: unknown;
  readonly senderFrame: StandInFrame | null;
  readonly type: 'frame';
}

type Handler = (event: IpcEvent, ...values: unknown[]) => unknown;

export interface IpcMain extends EventEmitter {
  handle(channel: string, handler: Handler): void;
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
        return structuredClone(await handler(event, ...cloned));
      } catch (error) {
        throw new Error(`Error invoking remote method '${channel}': ${String(error)}`, { cause: error });
      }
    },
  });
}
