// Who the desktop is to its server: one address, one token, and whether the server answered last time.
//
// What always holds: a token is shown to the server it came from and to no other; every request goes through one place,
// so that being online is judged in one place; and a token that the server refused is forgotten at once.

import { AppError, errorCode } from '../../shared/errors.ts';
import type { ServerInfo } from '../../shared/window/ipc.ts';
import { parseLoginAnswer, parseMeta, parseSignedInUser, type LoginAnswer, type SignedInUser } from '../../shared/protocol.ts';
import { connectTo, parseJson, type ConnectionDeps, type Request, type ServerConnection } from './server-connection.ts';
import type { TokenVault } from './token-vault.ts';

export interface SessionDeps extends ConnectionDeps {
  readonly vault: TokenVault;
  readonly nowMs: () => number;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export interface SessionEvents {
  /** Being online has changed. */
  readonly onlineChanged: (isOnline: boolean) => void;
  /** The server refused the token, which is forgotten. */
  readonly ended: () => void;
}

/** A new token is asked for when the one in use is older than this. */
const TOKEN_RENEWED_AFTER_MS = 86_400_000;

/** Asks a server what it is; it is told no token. */
const metaRequest = { path: '/api/meta', token: null } as const;

export class Session {
  readonly #deps: SessionDeps;
  readonly #events: SessionEvents;
  #connection: ServerConnection | null;
  #token: string | null = null;
  #tokenSinceMs = 0;
  #isOnline: boolean | null = null;
  #inFlight = new AbortController();
  #streams = new AbortController();

  /** `serverUrl` is null where nobody has named a server yet: then the vault may know it. */
  constructor(serverUrl: string | null, events: SessionEvents, deps: SessionDeps) {
    this.#deps = deps;
    this.#events = events;
    this.#connection = serverUrl === null ? null : connectTo(serverUrl, deps);
  }

  /** Takes up what the vault holds. */
  async load(): Promise<void> {
    const kept = await this.#deps.vault.load().catch((error: unknown) => {
      this.#deps.log('the kept token cannot be read', { error });
      return null;
    });
    if (kept) this.#connection ??= connectTo(kept.origin, this.#deps);
    // The token of another server must not be shown to this one.
    this.#token = kept && kept.origin === this.#connection?.origin ? kept.token : null;
    // How old a kept token is nobody knows, so the first run that may renews it.
    this.#tokenSinceMs = -Infinity;
  }

  /** The server's origin; null where none was ever named. */
  get origin(): string | null {
    return this.#connection?.origin ?? null;
  }

  get isSignedIn(): boolean {
    return this.#token !== null;
  }

  /** Whether our server answered last time; null: it was not asked yet. */
  get isOnline(): boolean | null {
    return this.#isOnline;
  }

  requireToken(): void {
    if (this.#token === null) throw new AppError('signed_out', 'Sign in again to sync. What is here stays readable.');
  }

  requireConnection(): ServerConnection {
    if (this.#connection) return this.#connection;
    throw new AppError('signed_out', "Enter your server's address and sign in.");
  }

  /** The connection there is where it leads to the same server: being online is known of it. */
  connectionTo(serverUrl: string): ServerConnection {
    const connection = connectTo(serverUrl, this.#deps);
    return connection.origin === this.#connection?.origin ? this.#connection : connection;
  }

  /** Sends to the server there is, with the token. Throws what `ServerConnection.send` does. */
  async send(request: Request): Promise<Buffer> {
    return this.sendTo(this.requireConnection(), request);
  }

  async sendTo(connection: ServerConnection, request: Request): Promise<Buffer> {
    return this.#exchange(connection, request, (asked) => connection.send(asked));
  }

  /**
   * The same for an answer that is a stream: see `ServerConnection.receive`. Throws `cancelled` also after `endStreams`.
   * Its first byte says that the server is there; that it fails says nothing, as something on the way may not let
   * streams through.
   */
  async receive(request: Request, take: (chunk: Uint8Array) => void): Promise<void> {
    const connection = this.requireConnection();
    const signal = AbortSignal.any([this.#streams.signal, ...(request.signal ? [request.signal] : [])]);
    return this.#exchange(connection, { ...request, signal }, (asked, judge) => connection.receive(asked, (chunk) => {
      judge(true);
      take(chunk);
    }), 'stream');
  }

  /** Gives every request under way up, as one that got no answer: its connection may be dead and not know it. */
  abortRequests(): void {
    this.#inFlight.abort();
    this.#inFlight = new AbortController();
  }

  /** Ends the streams that are open: whom they were asked for has gone. */
  endStreams(): void {
    this.#streams.abort();
    this.#streams = new AbortController();
  }

  async #exchange<T>(
    connection: ServerConnection, request: Request, run: (request: Request, judge: (isOnline: boolean) => void) => Promise<T>,
    kind: 'answer' | 'stream' = 'answer',
  ): Promise<T> {
    // A server that is only being tried says nothing about being online.
    const judge = (isOnline: boolean): void => {
      if (connection === this.#connection) this.#setOnline(isOnline);
    };
    const token = request.token === undefined ? this.#token : request.token;
    const inFlight = this.#inFlight.signal;
    const signal = request.signal ? AbortSignal.any([request.signal, inFlight]) : inFlight;
    try {
      const answer = await run({ ...request, token, signal }, judge);
      judge(true);
      return answer;
    } catch (error) {
      const code = errorCode(error);
      if (code === 'cancelled' && inFlight.aborted && !request.signal?.aborted) {
        throw new AppError('offline', 'The connection was given up while this computer slept. Try again.', { cause: error });
      }
      const isFromServer = code !== 'offline' && code !== 'unavailable' && code !== 'bad_response';
      if (code !== 'cancelled' && (isFromServer || kind === 'answer')) judge(isFromServer);
      // A token that came meanwhile is not the one that was refused.
      if (code === 'unauthorized' && token !== null && token === this.#token) {
        this.forget();
        await this.clearVault();
        this.#events.ended();
      }
      throw error;
    }
  }

  /** Asks a server what it is. Throws `invalid_request` for an address that cannot be used, `offline`, `bad_response`. */
  async testConnection(serverUrl: string): Promise<ServerInfo> {
    const connection = connectTo(serverUrl, this.#deps);
    return { origin: connection.origin, ...parseMeta(parseJson(await connection.send(metaRequest))) };
  }

  /** Asks a server for a token, once it has said that it is one of ours. Changes nothing yet: see `adopt`. */
  async logIn(connection: ServerConnection, email: string, password: string): Promise<LoginAnswer> {
    parseMeta(parseJson(await this.sendTo(connection, metaRequest)));
    const request = { method: 'POST', path: '/api/auth/login', body: { email, password }, token: null } as const;
    return parseLoginAnswer(parseJson(await this.sendTo(connection, request)));
  }

  /** Whose the token is. Throws `server_outdated` where the server is too old to be asked for anything else. */
  async whoAmI(signal: AbortSignal): Promise<SignedInUser> {
    const [answer] = await Promise.all([
      this.send({ path: '/api/auth/me', signal }),
      // Whatever else is wrong with it is wrong with the other request as well.
      this.send({ ...metaRequest, signal }).then((meta) => parseMeta(parseJson(meta))).catch((error: unknown) => {
        if (errorCode(error) === 'server_outdated') throw error;
      }),
    ]);
    return parseSignedInUser(parseJson(answer));
  }

  /** A newer token where the one in use is old enough, or null; `adopt` and `keep` make it the one in use. */
  async renew(signal: AbortSignal): Promise<LoginAnswer | null> {
    if (this.#deps.nowMs() - this.#tokenSinceMs < TOKEN_RENEWED_AFTER_MS) return null;
    return parseLoginAnswer(parseJson(await this.send({ method: 'POST', path: '/api/auth/refresh', signal })));
  }

  /** Works with this server and token from now on. `hasAnswered`: the server has just given the token. */
  adopt(connection: ServerConnection, token: string, hasAnswered: boolean): void {
    if (this.#connection !== connection) this.#isOnline = hasAnswered ? true : null;
    this.#connection = connection;
    this.#token = token;
    this.#tokenSinceMs = this.#deps.nowMs();
  }

  /** Keeps the token for the next start. Where that fails it serves until the end of this one. */
  async keep(): Promise<void> {
    if (this.#token === null) return;
    await this.#deps.vault.save({ token: this.#token, origin: this.requireConnection().origin }).catch((error: unknown) =>
      this.#deps.log('the token is not kept for the next start', { error }));
  }

  /** Removes what was kept for the next start. */
  async clearVault(): Promise<void> {
    await this.#deps.vault.clear().catch((error: unknown) => this.#deps.log('the kept token cannot be removed', { error }));
  }

  /** Forgets the token in memory, not in the vault; returns how to end it on the server. */
  forget(): () => Promise<void> {
    const [token, connection] = [this.#token, this.#connection];
    this.endStreams();
    this.#token = null;
    return async () => {
      if (token === null || !connection) return;
      await connection.send({ method: 'POST', path: '/api/auth/logout', token }).catch((error: unknown) =>
        this.#deps.log('the session stays on the server until it expires', { error }));
    };
  }

  #setOnline(isOnline: boolean): void {
    if (this.#isOnline === isOnline) return;
    this.#isOnline = isOnline;
    this.#events.onlineChanged(isOnline);
  }
}
