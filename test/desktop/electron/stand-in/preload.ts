// A page's two worlds: the preload's, sandboxed as in Electron (it can require `electron` and nothing of Node), and the main
// world, which gets what passes the context bridge: copies of plain values, and functions that call across.
//
// Invariants: what the preload can call has Electron's own types, or this does not compile.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';

import type * as Electron from 'electron/renderer';

/** The renderer's connection to the main process. */
export interface RendererLink {
  invoke(channel: string, ...values: unknown[]): Promise<unknown>;
  send(channel: string, ...values: unknown[]): void;
}

export interface PreloadWorld {
  /** What was exposed on the page's `window`, by name. */
  readonly exposed: ReadonlyMap<string, unknown>;
  /** Delivers a message from the main process. */
  receive(channel: string, ...values: unknown[]): void;
  /** Dispatches an event on `window`. */
  fire(event: string): void;
}

export function runPreload(path: string, link: RendererLink): PreloadWorld {
  const exposed = new Map<string, unknown>();
  const ipcRenderer = Object.assign(new EventEmitter(), {
    invoke: (channel: string, ...values: unknown[]) => link.invoke(channel, ...structuredClone(values)),
    send: (channel: string, ...values: unknown[]) => link.send(channel, ...structuredClone(values)),
  } satisfies Pick<Electron.IpcRenderer, 'invoke' | 'send'>);
  const electron = {
    ipcRenderer,
    contextBridge: {
      exposeInMainWorld(name: string, api: unknown): void {
        assert(!exposed.has(name), `${name} is exposed once`);
        exposed.set(name, across(api));
      },
    } satisfies Pick<Electron.ContextBridge, 'exposeInMainWorld'>,
  } satisfies { readonly [Name in keyof typeof Electron]?: unknown };
  const page = new EventTarget();
  const requireInSandbox = (name: string): unknown => {
    assert(['electron', 'electron/renderer'].includes(name), `a sandboxed preload cannot load ${name}`);
    return electron;
  };
  const world = createContext({
    require: requireInSandbox,
    module: { exports: {} },
    exports: {},
    addEventListener: page.addEventListener.bind(page),
  });
  runInContext(readFileSync(path, 'utf8'), world, { filename: path });
  return {
    exposed,
    receive: (channel, ...values) => void ipcRenderer.emit(channel, {}, ...values),
    fire: (event) => void page.dispatchEvent(new Event(event)),
  };
}

/** A value as it arrives across the context bridge. */
function across(value: unknown): unknown {
  if (typeof value === 'function') return (...values: unknown[]): unknown => across(value(...values.map(across)) as unknown);
  if (value === null || typeof value !== 'object') {
    assert.notEqual(typeof value, 'symbol', 'a symbol cannot cross the context bridge');
    return value;
  }
  if (isPromise(value)) return value.then(across, (error: unknown) => Promise.reject(across(error)));
  // Only an error's message crosses.
  if (Object.prototype.toString.call(value) === '[object Error]') return new Error(String((value as { message?: unknown }).message));
  if (Array.isArray(value)) return value.map(across);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain) return structuredClone(value);
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, across(entry)])));
}

function isPromise(value: object): value is Promise<unknown> {
  return 'then' in value && typeof value.then === 'function';
}
