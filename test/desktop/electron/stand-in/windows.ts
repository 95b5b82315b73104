// Stand-ins for windows and their contents: a page loaded from the session, with the preload in an isolated world, that can
// do what a hostile page would try.
//
// Invariants: what the program can call has Electron's own types, or this does not compile.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';

import type {
  BrowserWindow as ElectronWindow, BrowserWindowConstructorOptions, HandlerDetails, Rectangle, RenderProcessGoneDetails, WebContents,
  WebContentsPrintOptions, WebPreferences, WindowSessionEndEvent,
} from 'electron';

import type { App } from './app.ts';
import { preventable } from './app.ts';
import type { IpcEvent, IpcMain, StandInFrame } from './ipc.ts';
import { runPreload, type PreloadWorld } from './preload.ts';
import type { Sessions, StandInSession } from './sessions.ts';

export interface WindowOptions extends Omit<BrowserWindowConstructorOptions, 'webPreferences'> {
  readonly webPreferences: Omit<WebPreferences, 'preload' | 'session'> & { readonly preload: string; readonly session: StandInSession };
}

type OpenHandler = Parameters<WebContents['setWindowOpenHandler']>[0];

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

export class StandInContents extends EventEmitter implements Pick<
  WebContents, 'loadURL' | 'reload' | 'getURL' | 'isCrashed' | 'isDestroyed' | 'send' | 'setWindowOpenHandler' | 'print' | 'printToPDF'
    | 'getZoomLevel' | 'setZoomLevel'
> {
  readonly session: StandInSession;
  readonly mainFrame = new Frame(null);
  readonly #ipcMain: IpcMain;
  readonly #preload: string;
  #openHandler: OpenHandler = () => ({ action: 'allow' });
  #world: PreloadWorld | null = null;
  #isCrashed = false;
  #isDestroyed = false;
  #zoomLevel: number;
  /** Number of page loads. */
  loads = 0;
  /** If false, the page never has anything to show. */
  hasContent = true;
  /** The options of each print, and the printer's result. */
  readonly prints: object[] = [];
  printer: { isDone: boolean; reason: string } = { isDone: true, reason: '' };

  constructor({ webPreferences }: WindowOptions, ipcMain: IpcMain) {
    super();
    this.session = webPreferences.session;
    this.#preload = webPreferences.preload;
    this.#zoomLevel = Math.log(webPreferences.zoomFactor ?? 1) / Math.log(1.2);
    this.#ipcMain = ipcMain;
  }

  /** Rejects, and emits did-fail-load, if there is no response; whatever its status, a response is a page. */
  async loadURL(url: string): Promise<void> {
    this.#requireAlive();
    const response = await this.session.load(url).catch((error: Error) => {
      this.emit('did-fail-load', {}, -2, error.message, url, true, 1, 1);
      throw error;
    });
    if (this.#isDestroyed) return;
    this.mainFrame.url = url;
    this.loads += 1;
    this.#isCrashed = false;
    this.#world = runPreload(this.#preload, {
      invoke: (channel, ...values) => this.#ipcMain.invoke(this.eventFrom(this.mainFrame), channel, ...values),
      send: (channel, ...values) => void this.#ipcMain.emit(channel, this.eventFrom(this.mainFrame), ...structuredClone(values)),
    });
    this.emit('dom-ready', {});
    this.emit('did-finish-load', {});
    if (response.ok && this.hasContent) this.emit('ready-to-show', {});
  }

  reload(): void {
    this.loadURL(this.mainFrame.url).catch(() => undefined);
  }

  getURL(): string {
    this.#requireAlive();
    return this.mainFrame.url;
  }

  isCrashed(): boolean {
    this.#requireAlive();
    return this.#isCrashed;
  }

  isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  getZoomLevel(): number {
    this.#requireAlive();
    return this.#zoomLevel;
  }

  setZoomLevel(level: number): void {
    this.#requireAlive();
    this.#zoomLevel = level;
  }

  #requireAlive(): void {
    if (this.#isDestroyed) throw new TypeError('Object has been destroyed');
  }

  send(channel: string, ...values: unknown[]): void {
    this.#requireAlive();
    this.#world?.receive(channel, ...structuredClone(values));
  }

  setWindowOpenHandler(handler: OpenHandler): void {
    this.#requireAlive();
    this.#openHandler = handler;
  }

  print(options: WebContentsPrintOptions = {}, done: (isDone: boolean, reason: string) => void = () => undefined): void {
    this.#requireAlive();
    this.prints.push(options);
    queueMicrotask(() => done(this.printer.isDone, this.printer.reason));
  }

  async printToPDF(options: object): Promise<Buffer> {
    this.#requireAlive();
    this.prints.push(options);
    return Buffer.from('%PDF-1.7\n');
  }

  // ------------------------------------------------------------------------------------------------------- for tests

  /** Before its window: whoever hears of it finds a window that is still there, as in Electron. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#world = null;
    this.emit('destroyed');
  }

  /** The main world of the page. */
  get page(): PreloadWorld {
    assert(this.#world, 'the page is loaded');
    return this.#world;
  }

  eventFrom(frame: StandInFrame | null): IpcEvent {
    return { sender: this, senderFrame: frame, type: 'frame' };
  }

  /** A frame embedded in the page. */
  embed(url: string): StandInFrame {
    return new Frame(this.mainFrame, url);
  }

  /** Follows a link or sets `location`; returns whether it navigated. */
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

  /** The same in an embedded frame, without effect. */
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

  /** `window.open`; returns whether a window opened. */
  open(url: string): boolean {
    return this.#openHandler({ url, disposition: 'new-window' } as HandlerDetails).action !== 'deny';
  }

  attachWebview(): boolean {
    const event = preventable({});
    this.emit('will-attach-webview', event, {}, {});
    return !event.defaultPrevented;
  }

  crash(reason: RenderProcessGoneDetails['reason']): void {
    this.#isCrashed = true;
    this.#world = null;
    this.emit('render-process-gone', {}, { reason, exitCode: 1 } satisfies RenderProcessGoneDetails);
  }
}

export class StandInWindow extends EventEmitter implements Pick<
  ElectronWindow, 'loadURL' | 'show' | 'isVisible' | 'focus' | 'minimize' | 'isMinimized' | 'restore' | 'maximize' | 'isMaximized'
    | 'getNormalBounds' | 'isDestroyed' | 'close' | 'destroy'
> {
  readonly options: WindowOptions;
  readonly webContents: StandInContents;
  readonly #app: App;
  bounds: Rectangle;
  focusCount = 0;
  #isShown: boolean;
  #isMaximized = false;
  #isMinimized = false;
  #isDestroyed = false;

  constructor(app: App, ipcMain: IpcMain, options: WindowOptions) {
    super();
    assert(app.isReady(), 'windows can be created once the app is ready');
    const { x = 100, y = 100, width = 800, height = 600 } = options;
    this.#app = app;
    this.options = options;
    this.bounds = { x, y, width, height };
    this.#isShown = options.show ?? true;
    this.webContents = new StandInContents(options, ipcMain);
    this.webContents.on('ready-to-show', () => process.nextTick(() => this.emit('ready-to-show')));
    app.windows.add(this);
    app.emit('web-contents-created', {}, this.webContents);
  }

  loadURL(url: string): Promise<void> {
    return this.webContents.loadURL(url);
  }

  show(): void {
    this.#requireAlive();
    this.#isShown = true;
    this.emit('show');
  }

  isVisible(): boolean {
    this.#requireAlive();
    return this.#isShown;
  }

  focus(): void {
    this.#requireAlive();
    this.focusCount += 1;
  }

  minimize(): void {
    this.#requireAlive();
    this.#isMinimized = true;
  }

  isMinimized(): boolean {
    this.#requireAlive();
    return this.#isMinimized;
  }

  restore(): void {
    this.#requireAlive();
    this.#isMinimized = false;
  }

  /** Shows it, too. */
  maximize(): void {
    this.#requireAlive();
    this.#isMaximized = true;
    this.show();
  }

  isMaximized(): boolean {
    this.#requireAlive();
    return this.#isMaximized;
  }

  getNormalBounds(): Rectangle {
    this.#requireAlive();
    return this.bounds;
  }

  isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  #requireAlive(): void {
    if (this.#isDestroyed) throw new TypeError('Object has been destroyed');
  }

  close(): void {
    this.#requireAlive();
    const event = preventable({});
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }

  destroy(): void {
    if (this.#isDestroyed || this.webContents.isDestroyed()) return;
    this.webContents.destroy();
    this.#isDestroyed = true;
    this.emit('closed');
    this.#app.closed(this);
  }

  // ------------------------------------------------------------------------------------------------------- for tests

  /** Windows shuts down: the window hears of it, and then the process is ended at once. False if the window keeps the session. */
  endSession(): boolean {
    const query = preventable({ reasons: ['shutdown'] } satisfies Partial<WindowSessionEndEvent>);
    this.emit('query-session-end', query);
    if (query.defaultPrevented) return false;
    this.emit('session-end', { reasons: ['shutdown'] } satisfies Partial<WindowSessionEndEvent>);
    this.#app.die();
    return true;
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
      assert.notEqual(options.webPreferences.session, session.defaultSession, 'the window does not use the default session');
      super(app, ipcMain, options);
      windows.push(this);
    }
  }
  return { BrowserWindow, windows };
}
