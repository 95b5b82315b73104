// A stand-in for Electron's `app`: ready, second instances, closing windows, quitting and exiting as in browser.cc of
// Electron's source.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

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
  destroy(): void;
  isDestroyed(): boolean;
}

/** The program that holds the lock of each data folder on this computer. */
const holders = new Map<string, App>();

export class App extends EventEmitter implements Pick<
  Electron.App, 'name' | 'isPackaged' | 'setName' | 'setAppUserModelId' | 'getVersion' | 'getLocale' | 'getSystemLocale'
    | 'getPreferredSystemLanguages' | 'getPath' | 'setPath' | 'requestSingleInstanceLock' | 'isReady' | 'whenReady' | 'quit' | 'exit'
    | 'relaunch'
> {
  name = 'invoify';
  userModelId = '';
  locale = 'en-GB';
  systemLocale = 'en-GB';
  readonly isPackaged = true;
  readonly windows = new Set<Closable>();
  /** The system's languages, the preferred one first. */
  languages: readonly string[] = ['en-GB'];
  /** A name that is missing has no path, as when a policy redirects a folder to nowhere. */
  readonly paths: Map<string, string>;
  /** Resolves when the program has quit, exited or died. */
  readonly ended: Promise<void>;
  hasEnded = false;
  /** Null as long as it has not quit or exited. */
  exitCode: number | null = null;
  /** Whether it starts again once it has ended. */
  isRelaunched = false;
  readonly #ready = Promise.withResolvers<void>();
  readonly #resolveEnded: () => void;
  #isReady = false;
  #isQuitting = false;
  #isExiting = false;
  #hasLock = false;

  constructor(home: string) {
    super();
    this.paths = new Map([['appData', home], ['userData', join(home, 'invoify')], ['documents', home]]);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolveEnded = resolve;
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
    const path = this.paths.get(name);
    if (path === undefined) throw new Error(`Failed to get '${name}' path`);
    return path;
  }

  setPath(name: string, path: string): void {
    assert(this.paths.has(name), `no path is called ${name}`);
    if (!isAbsolute(path)) throw new Error('Path must be absolute');
    assert(existsSync(path), 'a path must exist when it is set');
    assert(name !== 'userData' || !this.#hasLock, 'userData is set before the lock, which is taken in it');
    this.paths.set(name, path);
  }

  getPreferredSystemLanguages(): string[] {
    return [...this.languages];
  }

  /**
   * The holder hears of it before this returns, or as soon as it is ready. What refuses it is not said: a folder in which the
   * lock's file cannot be created, as when another computer or another session holds it, looks like a second instance.
   */
  requestSingleInstanceLock(): boolean {
    if (this.#hasLock) return true;
    const folder = this.getPath('userData');
    const holder = holders.get(folder);
    if (holder) {
      if (holder.#isReady) holder.emit('second-instance', {}, [], '');
      else void holder.whenReady().then(() => holder.emit('second-instance', {}, [], ''));
      return false;
    }
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'lockfile'), '');
    } catch {
      return false;
    }
    holders.set(folder, this);
    this.#hasLock = true;
    return true;
  }

  isReady(): boolean {
    return this.#isReady;
  }

  whenReady(): Promise<void> {
    return this.#ready.promise;
  }

  /** Electron does this once the entry has loaded. */
  becomeReady(): void {
    if (this.#isReady || this.#isQuitting || this.hasEnded) return;
    this.#isReady = true;
    this.emit('ready', preventable({}));
    this.#ready.resolve();
  }

  /** Emits before-quit, closes every window, emits will-quit, then quit. */
  quit(): void {
    if (this.#isQuitting) return;
    const beforeQuit = preventable({});
    this.emit('before-quit', beforeQuit);
    if (beforeQuit.defaultPrevented) return;
    this.#isQuitting = true;
    if (this.windows.size === 0) this.#quitWithoutWindows();
    else for (const window of this.windows) window.close();
    if (this.windows.size > 0) this.#isQuitting = false;
  }

  /** Asks nobody and emits only quit; before the app is ready not even that. */
  exit(code = 0): void {
    if (!this.#isReady) return this.#end(code);
    this.#isQuitting = true;
    this.#isExiting = true;
    if (this.windows.size === 0) this.#shutDown(code);
    this.exitCode = code;
    for (const window of this.windows) window.destroy();
  }

  relaunch(): void {
    this.isRelaunched = true;
  }

  /** The session ends: the system ends the process at once, unless it is quitting already. */
  die(): void {
    if (!this.#isQuitting) this.#end(null);
  }

  /** Called by a closed window; the program goes on unless it listens to window-all-closed or is quitting. */
  closed(window: Closable): void {
    this.windows.delete(window);
    if (this.windows.size > 0) return;
    if (this.#isExiting) this.#shutDown(this.exitCode ?? 0);
    else if (this.#isQuitting) this.#quitWithoutWindows();
    else this.emit('window-all-closed');
  }

  #quitWithoutWindows(): void {
    const willQuit = preventable({});
    this.emit('will-quit', willQuit);
    // Only after the microtasks of the listeners, so a `quit` in one of them does nothing.
    if (willQuit.defaultPrevented) setImmediate(() => this.#isQuitting = false);
    else this.#shutDown(0);
  }

  #shutDown(code: number): void {
    this.emit('quit', preventable({}), code);
    this.#end(code);
  }

  #end(code: number | null): void {
    if (this.hasEnded) return;
    this.exitCode = code;
    this.hasEnded = true;
    if (this.#hasLock) {
      const folder = this.getPath('userData');
      holders.delete(folder);
      rmSync(join(folder, 'lockfile'), { force: true });
    }
    this.#resolveEnded();
  }
}
