// A stand-in for Electron's sessions: registered schemes and their handlers, request filters, and permissions.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';

import type { App } from './app.ts';
import { preventable } from './app.ts';

type Serve = (request: Request) => Response | Promise<Response>;
type Filter = (details: { url: string }, answer: (response: { cancel?: boolean }) => void) => void;
type AskPermission = (contents: unknown, permission: string, answer: (isGranted: boolean) => void, details: object) => void;
type CheckPermission = (contents: unknown, permission: string, origin: string, details: object) => boolean;
type ShareScreen = (request: object, answer: (streams: object | null) => void) => void;

interface Scheme {
  readonly scheme: string;
  readonly privileges: Readonly<Record<string, boolean>>;
}

export class StandInSession extends EventEmitter {
  readonly partition: string;
  readonly #schemes: Map<string, Scheme>;
  readonly #served = new Map<string, Serve>();
  isSpellChecked = true;
  #filter: Filter | null = null;
  #ask: AskPermission = (_contents, _permission, answer) => answer(true);
  #check: CheckPermission = () => true;
  #isDeviceGranted: (details: object) => boolean = () => false;
  #shareScreen: ShareScreen | null = null;

  constructor(partition: string, schemes: Map<string, Scheme>) {
    super();
    this.partition = partition;
    this.#schemes = schemes;
  }

  readonly protocol = {
    handle: (scheme: string, serve: Serve): void => {
      assert(!this.#served.has(scheme), `the scheme ${scheme} already has a handler`);
      this.#served.set(scheme, serve);
    },
  };

  readonly webRequest = {
    onBeforeRequest: (filter: Filter): void => {
      this.#filter = filter;
    },
  };

  setPermissionRequestHandler(ask: AskPermission): void {
    this.#ask = ask;
  }

  setPermissionCheckHandler(check: CheckPermission): void {
    this.#check = check;
  }

  setDevicePermissionHandler(isGranted: (details: object) => boolean): void {
    this.#isDeviceGranted = isGranted;
  }

  setDisplayMediaRequestHandler(share: ShareScreen): void {
    this.#shareScreen = share;
  }

  setSpellCheckerEnabled(isEnabled: boolean): void {
    this.isSpellChecked = isEnabled;
  }

  /** Loads a URL as a page does: filtered, then served. Throws a network error if it is blocked or has no handler. */
  async load(url: string, init: RequestInit = {}): Promise<Response> {
    let isCancelled = false;
    this.#filter?.({ url }, ({ cancel }) => isCancelled = cancel ?? false);
    if (isCancelled) throw new Error(`ERR_BLOCKED_BY_CLIENT loading '${url}'`);
    const scheme = new URL(url).protocol.slice(0, -1);
    const serve = this.#served.get(scheme);
    if (!serve) throw new Error(`ERR_UNKNOWN_URL_SCHEME loading '${url}'`);
    assert(this.#schemes.get(scheme)?.privileges['standard'], 'only a standard scheme gives a page an origin');
    return serve(new Request(url, init));
  }

  /** Whether a page gets a permission. */
  grants(contents: unknown, permission: string): { readonly asked: boolean; readonly checked: boolean; readonly device: boolean } {
    let asked = false;
    this.#ask(contents, permission, (isGranted) => asked = isGranted, {});
    const checked = this.#check(contents, permission, 'app://invoify', {});
    return { asked, checked, device: this.#isDeviceGranted({ deviceType: permission }) };
  }

  /** The streams for a page that asks to capture the screen, or null. */
  shareScreen(): object | null {
    let shared: object | null = { video: 'the screen' };
    this.#shareScreen?.({}, (streams) => shared = streams);
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
  readonly protocol: { registerSchemesAsPrivileged(schemes: Scheme[]): void };
  readonly session: { readonly defaultSession: StandInSession; fromPartition(partition: string): StandInSession };
  readonly schemes: ReadonlyMap<string, Scheme>;
  readonly all: ReadonlyMap<string, StandInSession>;
}

export function createSessions(app: App): Sessions {
  const schemes = new Map<string, Scheme>();
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
