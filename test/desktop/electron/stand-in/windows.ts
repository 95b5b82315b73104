// Windows and what is in them: a page that is loaded from the session, with the preload in a world of its own, and that
// can be made to try what a hostile page would.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';

import type { App } from './app.ts';
import { preventable } from './app.ts';
import type { IpcEvent, IpcMain, StandInFrame } from './ipc.ts';
import { runPreload, type PreloadWorld } from './preload.ts';
import type { Sessions, StandInSession } from './sessions.ts';

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowOptions extends Partial<Box> {
  readonly show?: boolean;
  readonly webPreferences: Readonly<Record<string, unknown>> & { readonly preload: string; readonly session: StandInSession };
}

type OpenHandler = (details: { url: string; disposition: string }) => { action: string };

let tokens = 0;

class Frame implements StandInFrame {
  readonly frameToken = `frame ${tokens += 1}`;
  readonly parent: Frame | null;
  url: string;

  constructor(parent: Frame | null, url = '') {
    this.parent = parent;
    this.url = url;
  }
}

export class StandInContents extends EventEmitter {
  readonly session: StandInSession;
  readonly mainFrame = new Frame(null);
  readonly #ipcMain: IpcMain;
  readonly #preload: string;
  #openHandler: OpenHandler = () => ({ action: 'allow' });
  #world: PreloadWorld | null = null;
  #isCrashed = false;
  /** How often the page was loaded. */
  loads = 0;
  /** What the page was printed with, and how that ends. */
  readonly prints: object[] = [];
  printer: { isDone: boolean; reason: string } = { isDone: true, reason: '' };

  constructor({ webPreferences }: WindowOptions, ipcMain: IpcMain) {
    super();
    this.session = webPreferences.session;
    this.#preload = webPreferences.preload;
    this.#ipcMain = ipcMain;
  }

  async loadURL(url: string): Promise<void> {
    const response = await this.session.load(url);
    assert.equal(response.status, 200, `the page ${url} is there`);
    this.mainFrame.url = url;
    this.loads += 1;
    this.#isCrashed = false;
    this.#world = runPreload(this.#preload, {
      invoke: (channel, ...values) => this.#ipcMain.invoke(this.eventFrom(this.mainFrame), channel, ...values),
      send: (channel, ...values) => void this.#ipcMain.emit(channel, this.eventFrom(this.mainFrame), ...structuredClone(values)),
    });
    this.emit('dom-ready', {});
    this.emit('did-finish-load', {});
  }

  reload(): void {
    void this.loadURL(this.mainFrame.url);
  }

  getURL(): string {
    return this.mainFrame.url;
  }

  isCrashed(): boolean {
    return this.#isCrashed;
  }

  send(channel: string, ...values: unknown[]): void {
    this.#world?.hear(channel, ...structuredClone(values));
  }

  setWindowOpenHandler(handler: OpenHandler): void {
    this.#openHandler = handler;
  }

  print(options: object, done: (isDone: boolean, reason: string) => void): void {
    this.prints.push(options);
    queueMicrotask(() => done(this.printer.isDone, this.printer.reason));
  }

  async printToPDF(options: object): Promise<Buffer> {
    this.prints.push(options);
    return Buffer.from('%PDF-1.7\n');
  }

  // ------------------------------------------------------------------------------------------ what a test does to it

  /** The main world of the page. */
  get page(): PreloadWorld {
    assert(this.#world, 'the page is loaded');
    return this.#world;
  }

  eventFrom(frame: StandInFrame | null): IpcEvent {
    return { sender: this, senderFrame: frame, type: 'frame' };
  }

  /** A frame that the page embeds. */
  embed(url: string): StandInFrame {
    return new Frame(this.mainFrame, url);
  }

  /** Follows a link or sets `location`; true where it led there. */
  navigate(url: string): boolean {
    const details = { url, isMainFrame: true, isSameDocument: false, frame: this.mainFrame };
    const events = ['will-frame-navigate', 'will-navigate'].map((name) => {
      const event = preventable({ ...details });
      this.emit(name, event);
      return event;
    });
    if (events.some(({ defaultPrevented }) => defaultPrevented)) return false;
    this.mainFrame.url = url;
    return true;
  }

  /** The same in an embedded frame. */
  navigateFrame(url: string): boolean {
    const event = preventable({ url, isMainFrame: false, isSameDocument: false, frame: this.embed(url) });
    this.emit('will-frame-navigate', event);
    return !event.defaultPrevented;
  }

  redirect(url: string): boolean {
    const event = preventable({ url, isMainFrame: true, isInPlace: false, frame: this.mainFrame });
    this.emit('will-redirect', event);
    return !event.defaultPrevented;
  }

  /** `window.open`; true where a window came. */
  open(url: string): boolean {
    return this.#openHandler({ url, disposition: 'new-window' }).action !== 'deny';
  }

  attachWebview(): boolean {
    const event = preventable({});
    this.emit('will-attach-webview', event, {}, {});
    return !event.defaultPrevented;
  }

  crash(reason: string): void {
    this.#isCrashed = true;
    this.#world = null;
    this.emit('render-process-gone', {}, { reason, exitCode: 1 });
  }
}

export class StandInWindow extends EventEmitter {
  readonly options: WindowOptions;
  readonly webContents: StandInContents;
  readonly #app: App;
  bounds: Box;
  focusCount = 0;
  #isShown: boolean;
  #isMaximized = false;
  #isMinimized = false;
  #isDestroyed = false;

  constructor(app: App, ipcMain: IpcMain, options: WindowOptions) {
    super();
    assert(app.isReady(), 'a window can be made when the app is ready');
    const { x = 100, y = 100, width = 800, height = 600 } = options;
    this.#app = app;
    this.options = options;
    this.bounds = { x, y, width, height };
    this.#isShown = options.show ?? true;
    this.webContents = new StandInContents(options, ipcMain);
    app.windows.add(this);
    app.emit('web-contents-created', {}, this.webContents);
  }

  async loadURL(url: string): Promise<void> {
    await this.webContents.loadURL(url);
    this.emit('ready-to-show');
  }

  show(): void {
    this.#isShown = true;
  }

  isVisible(): boolean {
    return this.#isShown;
  }

  focus(): void {
    this.focusCount += 1;
  }

  minimize(): void {
    this.#isMinimized = true;
  }

  isMinimized(): boolean {
    return this.#isMinimized;
  }

  restore(): void {
    this.#isMinimized = false;
  }

  maximize(): void {
    this.#isMaximized = true;
  }

  isMaximized(): boolean {
    return this.#isMaximized;
  }

  getNormalBounds(): Box {
    return this.bounds;
  }

  isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  close(): void {
    if (this.#isDestroyed) return;
    const event = preventable({});
    this.emit('close', event);
    if (event.defaultPrevented) return;
    this.#isDestroyed = true;
    this.emit('closed');
    this.#app.closed(this);
  }
}

export interface Windows {
  readonly BrowserWindow: unknown;
  readonly windows: readonly StandInWindow[];
}

export function createWindows(app: App, ipcMain: IpcMain, { session }: Sessions): Windows {
  const windows: StandInWindow[] = [];
  class BrowserWindow extends StandInWindow {
    constructor(options: WindowOptions) {
      assert.notEqual(options.webPreferences.session, session.defaultSession, 'the window has a session of its own');
      super(app, ipcMain, options);
      windows.push(this);
    }
  }
  return { BrowserWindow, windows };
}
