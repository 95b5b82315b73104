// A stand-in for Electron's sessions: registered schemes and their handlers, request filters, and permissions.
//
// Invariants: what the program can call has Electron's own types, or this does not compile.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';

import type { CustomScheme, Protocol, Session, WebContents, WebRequest } from 'electron';

import type { App } from './app.ts';
import { preventable } from './app.ts';

type Serve = Parameters<Protocol['handle']>[1];
/** The overload without a filter of URLs. */
type Filter = (details: Electron.OnBeforeRequestListenerDetails, answer: (response: Electron.CallbackResponse) => void) => void;
type Handler<Name extends 'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler'
  | 'setDisplayMediaRequestHandler'> = Parameters<Session[Name]>[0];

export class StandInSession extends EventEmitter implements Pick<
  Session, 'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler' | 'setDisplayMediaRequestHandler'
    | 'setSpellCheckerEnabled'
> {
  readonly partition: string;
  readonly #schemes: Map<string, CustomScheme>;
  readonly #served = new Map<string, Serve>();
  isSpellChecked = true;
  #filter: Filter | null = null;
  #ask: Handler<'setPermissionRequestHandler'> = null;
  #check: Handler<'setPermissionCheckHandler'> = null;
  #isDeviceGranted: Handler<'setDevicePermissionHandler'> = null;
  #shareScreen: Handler<'setDisplayMediaRequestHandler'> = null;

  constructor(partition: string, schemes: Map<string, CustomScheme>) {
    super();
    this.partition = partition;
    this.#schemes = schemes;
  }

  readonly protocol: Pick<Protocol, 'handle'> = {
    handle: (scheme, serve) => {
      assert(!this.#served.has(scheme), `the scheme ${scheme} already has a handler`);
      this.#served.set(scheme, serve);
    },
  };

  readonly webRequest: Pick<WebRequest, 'onBeforeRequest'> = {
    onBeforeRequest: (filter: unknown) => {
      assert(typeof filter === 'function', 'requests are filtered whatever their URL');
      this.#filter = filter as Filter;
    },
  };

  setPermissionRequestHandler(ask: Handler<'setPermissionRequestHandler'>): void {
    this.#ask = ask;
  }

  setPermissionCheckHandler(check: Handler<'setPermissionCheckHandler'>): void {
    this.#check = check;
  }

  setDevicePermissionHandler(isGranted: Handler<'setDevicePermissionHandler'>): void {
    this.#isDeviceGranted = isGranted;
  }

  setDisplayMediaRequestHandler(share: Handler<'setDisplayMediaRequestHandler'>): void {
    this.#shareScreen = share;
  }

  setSpellCheckerEnabled(isEnabled: boolean): void {
    this.isSpellChecked = isEnabled;
  }

  /** Loads a URL as a page does: filtered, then served. Throws a network error if it is blocked or has no handler. */
  async load(url: string, init: RequestInit = {}): Promise<Response> {
    let isCancelled = false;
    this.#filter?.({ url } as Electron.OnBeforeRequestListenerDetails, ({ cancel }) => isCancelled = cancel ?? false);
    if (isCancelled) throw new Error(`ERR_BLOCKED_BY_CLIENT loading '${url}'`);
    const scheme = new URL(url).protocol.slice(0, -1);
    const serve = this.#served.get(scheme);
    if (!serve) throw new Error(`ERR_UNKNOWN_URL_SCHEME loading '${url}'`);
    assert(this.#schemes.get(scheme)?.privileges?.standard, 'only a standard scheme gives a page an origin');
    return serve(new Request(url, init));
  }

  /** Whether a page gets a permission; without a handler it does, but for devices. */
  grants(contents: unknown, permission: string): { readonly asked: boolean; readonly checked: boolean; readonly device: boolean } {
    let asked = this.#ask === null;
    this.#ask?.(contents as WebContents, permission as never, (isGranted) => asked = isGranted, {} as never);
    const checked = this.#check?.(contents as WebContents, permission as never, 'app://invoify', {} as never) ?? true;
    return { asked, checked, device: this.#isDeviceGranted?.({ deviceType: permission } as never) ?? false };
  }

  /** The streams for a page that asks to capture the screen, or null. */
  shareScreen(): object | null {
    let shared: object | null = { video: 'the screen' };
    this.#shareScreen?.({} as Electron.DisplayMediaRequestHandlerHandlerRequest, (streams) => shared = streams);
    return shared;
  }

  /** Whether a page can start a download. */
  download(): boolean {
    const event = preventable({});
    this.emit('will-download', event, {}, {});
    return !event.defaultPrevented;
  }
}

export interface Sessions {
  readonly protocol: Pick<Protocol, 'registerSchemesAsPrivileged'>;
  readonly session: { readonly defaultSession: StandInSession; fromPartition(partition: string): StandInSession };
  readonly schemes: ReadonlyMap<string, CustomScheme>;
  readonly all: ReadonlyMap<string, StandInSession>;
}

export function createSessions(app: App): Sessions {
  const schemes = new Map<string, CustomScheme>();
  const all = new Map<string, StandInSession>();
  function sessionOf(partition: string): StandInSession {
    assert(app.isReady(), 'sessions are available once the app is ready');
    const existing = all.get(partition);
    if (existing) return existing;
    const created = new StandInSession(partition, schemes);
    all.set(partition, created);
    return created;
  }
  return {
    schemes,
    all,
    protocol: {
      registerSchemesAsPrivileged(added) {
        assert(!app.isReady(), 'schemes are registered before the app is ready');
        assert.equal(schemes.size, 0, 'schemes are registered once');
        for (const one of added) schemes.set(one.scheme, one);
      },
    },
    session: {
      get defaultSession() { return sessionOf(''); },
      fromPartition: sessionOf,
    },
  };
}
