// A stand-in for Electron's `app`: ready, second instances, closing windows, quitting.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** An event that a listener can prevent. */
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
  /** Whether this is the first instance. */
  isFirst = true;
  locale = 'en-GB';
  systemLocale = 'en-GB';
  readonly isPackaged = true;
  readonly windows = new Set<Closable>();
  /** Resolves when the program has quit. */
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

  getSystemLocale(): string {
    if (!this.#isReady) throw new Error('app.getSystemLocale() can only be called after app is ready');
    return this.systemLocale;
  }

  getPath(name: string): string {
    const path = this.#paths.get(name);
    if (path === undefined) throw new Error(`Failed to get '${name}' path`);
    return path;
  }

  setPath(name: string, path: string): void {
    assert(this.#paths.has(name), `no path is called ${name}`);
    assert(existsSync(path), 'a path must exist when it is set');
    assert(name !== 'userData' || !this.#hasLock, 'userData is set before the lock, which is taken in it');
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

  /** Electron does this once the entry has loaded. */
  becomeReady(): void {
    if (this.#isReady || this.#isQuitting) return;
    this.#isReady = true;
    this.emit('ready', preventable({}));
    this.#ready.resolve();
  }

  /** Emits before-quit, closes every window, emits will-quit, then quit. */
  quit(): void {
    const beforeQuit = preventable({});
    this.emit('before-quit', beforeQuit);
    if (beforeQuit.defaultPrevented) return;
    this.#isQuitting = true;
    for (const window of this.windows) window.close();
    if (this.windows.size > 0) {
      this.#isQuitting = false;
      return;
    }
    const willQuit = preventable({});
    this.emit('will-quit', willQuit);
    if (willQuit.defaultPrevented) return;
    this.emit('quit', preventable({}), 0);
    this.hasEnded = true;
    this.#end();
  }

  /** Called by a closed window; emits window-all-closed after the last one, unless the program is quitting. */
  closed(window: Closable): void {
    this.windows.delete(window);
    if (this.windows.size === 0 && !this.#isQuitting) this.emit('window-all-closed');
  }
}
