// The life of the program, as Electron's `app` tells of it: ready, a second start, windows closing, quitting.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** An event that a listener may prevent. */
export interface Preventable {
  readonly defaultPrevented: boolean;
  preventDefault(): void;
}

export function preventable<T extends object>(details: T): T & Preventable {
  let isPrevented = false;
  return Object.defineProperties(details, {
    defaultPrevented: { get: () => isPrevented },
    preventDefault: { value: () => { isPrevented = true; } },
  }) as T & Preventable;
}

interface Closable {
  close(): void;
  isDestroyed(): boolean;
}

export class App extends EventEmitter {
  name = 'invoify';
  userModelId = '';
  /** Whether this is the first of its name; false: another one runs. */
  isFirst = true;
  locale = 'en-GB';
  readonly isPackaged = true;
  readonly windows = new Set<Closable>();
  /** Resolves when the program has ended. */
  readonly ended: Promise<void>;
  hasEnded = false;
  readonly #paths: Map<string, string>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #end: () => void;
  #isReady = false;
  #isQuitting = false;
  #hasLock = false;

  constructor(home: string) {
    super();
    this.#paths = new Map([['appData', home], ['userData', join(home, 'invoify')], ['documents', home]]);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
  }

  setName(name: string): void {
    this.name = name;
  }

  setAppUserModelId(id: string): void {
    this.userModelId = id;
  }

  getVersion(): string {
    return '0.1.0';
  }

  getLocale(): string {
    assert(this.#isReady, 'the locale is known when the app is ready');
    return this.locale;
  }

  getPath(name: string): string {
    const path = this.#paths.get(name);
    if (path === undefined) throw new Error(`Failed to get '${name}' path`);
    return path;
  }

  setPath(name: string, path: string): void {
    assert(this.#paths.has(name), `there is no path ${name}`);
    assert(existsSync(path), 'a path that is set must exist');
    assert(name !== 'userData' || !this.#hasLock, 'the lock is taken in the folder of the data');
    this.#paths.set(name, path);
  }

  requestSingleInstanceLock(): boolean {
    this.#hasLock = true;
    return this.isFirst;
  }

  isReady(): boolean {
    return this.#isReady;
  }

  whenReady(): Promise<void> {
    return this.#ready.promise;
  }

  /** What Electron does once the entry has been loaded. */
  becomeReady(): void {
    if (this.#isReady || this.#isQuitting) return;
    this.#isReady = true;
    this.emit('ready', preventable({}));
    this.#ready.resolve();
  }

  /** Asks, closes every window, asks again, and ends. */
  quit(): void {
    const asked = preventable({});
    this.emit('before-quit', asked);
    if (asked.defaultPrevented) return;
    this.#isQuitting = true;
    for (const window of this.windows) window.close();
    if (this.windows.size > 0) {
      this.#isQuitting = false;
      return;
    }
    const last = preventable({});
    this.emit('will-quit', last);
    if (last.defaultPrevented) return;
    this.emit('quit', preventable({}), 0);
    this.hasEnded = true;
    this.#end();
  }

  /** A window is gone: the last one tells, except where the program quits anyway. */
  closed(window: Closable): void {
    this.windows.delete(window);
    if (this.windows.size === 0 && !this.#isQuitting) this.emit('window-all-closed');
  }
}
