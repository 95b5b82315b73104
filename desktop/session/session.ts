// The desktop's session with its server: one address, one token, and whether the server answered last time.
//
// Invariants: a token is only ever sent to the server that issued it; all requests go through one place, which also
// decides whether the desktop is online; a token that the server refuses is dropped immediately.

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
  readonly onOnlineChange: (isOnline: boolean) => void;
  /** The server refused the token, which has been dropped. */
  readonly onEnd: () => void;
}

/** A token older than this is renewed. */
const RENEW_TOKEN_AFTER_MS = 86_400_000;

/** Identifies a server. Sent without a token. */
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

  /** If `serverUrl` is null, the address comes from the vault, if there is one. */
  constructor(serverUrl: string | null, events: SessionEvents, deps: SessionDeps) {
    this.#deps = deps;
    this.#events = events;
    this.#connection = serverUrl === null ? null : connectTo(serverUrl, deps);
  }

  /** Restores the session from the vault. A vault that cannot be read is logged and counts as empty. */
  async load(): Promise<void> {
    const stored = await this.#deps.vault.load().catch((error: unknown) => {
      this.#deps.log('stored token cannot be read', { error });
      return null;
    });
    if (stored) this.#connection ??= connectTo(stored.origin, this.#deps);
    // Another server's token must not be sent to this one.
    this.#token = stored && stored.origin === this.#connection?.origin ? stored.token : null;
    // The age of a stored token is unknown, so the first opportunity renews it.
    this.#tokenSinceMs = -Infinity;
  }

  /** The server's origin; null if no server has been set. */
  get origin(): string | null {
    return this.#connection?.origin ?? null;
  }

  get isSignedIn(): boolean {
    return this.#token !== null;
  }

  /** Whether the server answered the last request; null before the first. */
  get isOnline(): boolean | null {
    return this.#isOnline;
  }

  /** Throws `signed_out` without a token. */
  requireToken(): void {
    if (this.#token === null) throw new AppError('signed_out', 'Sign in again to sync. The data on this computer stays readable.');
  }

  /** Throws `signed_out` if no server has been set. */
  requireConnection(): ServerConnection {
    if (this.#connection) return this.#connection;
    throw new AppError('signed_out', "Enter your server's address and sign in.");
  }

  /** Reuses the current connection for the same server, whose online state is known. Throws like `connectTo`. */
  connectionTo(serverUrl: string): ServerConnection {
    const connection = connectTo(serverUrl, this.#deps);
    return connection.origin === this.#connection?.origin ? this.#connection : connection;
  }

  /** Sends a request to the current server with the token. Throws like `ServerConnection.send`. */
  async send(request: Request): Promise<Buffer> {
    return this.sendTo(this.requireConnection(), request);
  }

  async sendTo(connection: ServerConnection, request: Request): Promise<Buffer> {
    return this.#exchange(connection, request, (prepared) => connection.send(prepared));
  }

  /**
   * Like `send` for a streamed answer: see `ServerConnection.receive`. Throws `cancelled` also after `endStreams`. The
   * first byte proves that the server is online; a failure proves nothing, as proxies may block streams.
   */
  async receive(request: Request, onChunk: (chunk: Uint8Array) => void): Promise<void> {
    const connection = this.requireConnection();
    const signal = AbortSignal.any([this.#streams.signal, ...(request.signal ? [request.signal] : [])]);
    return this.#exchange(connection, { ...request, signal }, (prepared, reportOnline) => connection.receive(prepared, (chunk) => {
      reportOnline(true);
      onChunk(chunk);
    }), 'stream');
  }

  /** Aborts all requests in flight with `offline`: after sleep their connections may be dead. */
  abortRequests(): void {
    this.#inFlight.abort();
    this.#inFlight = new AbortController();
  }

  /** Ends all open streams, which belong to the previous user. */
  endStreams(): void {
    this.#streams.abort();
    this.#streams = new AbortController();
  }

  async #exchange<T>(
    connection: ServerConnection, request: Request, run: (request: Request, reportOnline: (isOnline: boolean) => void) => Promise<T>,
    kind: 'answer' | 'stream' = 'answer',
  ): Promise<T> {
    // Trying out another server does not affect the online state.
    const reportOnline = (isOnline: boolean): void => {
      if (connection === this.#connection) this.#setOnline(isOnline);
    };
    const token = request.token === undefined ? this.#token : request.token;
    const inFlight = this.#inFlight.signal;
    const signal = request.signal ? AbortSignal.any([request.signal, inFlight]) : inFlight;
    try {
      const answer = await run({ ...request, token, signal }, reportOnline);
      reportOnline(true);
      return answer;
    } catch (error) {
      const code = errorCode(error);
      if (code === 'cancelled' && inFlight.aborted && !request.signal?.aborted) {
        throw new AppError('offline', 'The connection was interrupted by sleep or a change of network. Try again.', { cause: error });
      }
      const isFromServer = code !== 'offline' && code !== 'unavailable' && code !== 'bad_response';
      if (code !== 'cancelled' && (isFromServer || kind === 'answer')) reportOnline(isFromServer);
      // A newer token is not the one that was refused.
      if (code === 'unauthorized' && token !== null && token === this.#token) {
        this.dropToken();
        await this.clearVault();
        this.#events.onEnd();
      }
      throw error;
    }
  }

  /** Checks that an Invoify server is at this address. Throws `invalid_request` for an unusable one, `offline`, `bad_response`. */
  async testConnection(serverUrl: string): Promise<ServerInfo> {
    const connection = connectTo(serverUrl, this.#deps);
    return { origin: connection.origin, ...parseMeta(parseJson(await connection.send(metaRequest))) };
  }

  /** Requests a token from a server after checking that it is an Invoify server. Changes nothing here: see `adopt`. */
  async logIn(connection: ServerConnection, email: string, password: string): Promise<LoginAnswer> {
    parseMeta(parseJson(await this.sendTo(connection, metaRequest)));
    const request = { method: 'POST', path: '/api/auth/login', body: { email, password }, token: null } as const;
    return parseLoginAnswer(parseJson(await this.sendTo(connection, request)));
  }

  /** The user that the token belongs to. Throws `server_outdated` if the server's protocol is too old. */
  async whoAmI(signal: AbortSignal): Promise<SignedInUser> {
    const [answer] = await Promise.all([
      this.send({ path: '/api/auth/me', signal }),
      // Any other failure will show in the request above as well.
      this.send({ ...metaRequest, signal }).then((meta) => parseMeta(parseJson(meta))).catch((error: unknown) => {
        if (errorCode(error) === 'server_outdated') throw error;
      }),
    ]);
    return parseSignedInUser(parseJson(answer));
  }

  /** A new token if the current one is due for renewal, or null. `adopt` and `saveToken` put it to use. */
  async renew(signal: AbortSignal): Promise<LoginAnswer | null> {
    if (this.#deps.nowMs() - this.#tokenSinceMs < RENEW_TOKEN_AFTER_MS) return null;
    return parseLoginAnswer(parseJson(await this.send({ method: 'POST', path: '/api/auth/refresh', signal })));
  }

  /** Switches to this server and token. `hasAnswered`: the server has just issued the token, so it is online. */
  adopt(connection: ServerConnection, token: string, hasAnswered: boolean): void {
    if (this.#connection !== connection) this.#isOnline = hasAnswered ? true : null;
    this.#connection = connection;
    this.#token = token;
    this.#tokenSinceMs = this.#deps.nowMs();
  }

  /** Stores the token for the next start. A failure is logged; the token then lasts until the program closes. */
  async saveToken(): Promise<void> {
    if (this.#token === null) return;
    await this.#deps.vault.save({ token: this.#token, origin: this.requireConnection().origin }).catch((error: unknown) =>
      this.#deps.log('token cannot be stored', { error }));
  }

  /** Removes the stored token. A failure is logged. */
  async clearVault(): Promise<void> {
    await this.#deps.vault.clear().catch((error: unknown) => this.#deps.log('stored token cannot be removed', { error }));
  }

  /** Drops the token from memory, not from the vault. Returns a function that ends the session on the server. */
  dropToken(): () => Promise<void> {
    const [token, connection] = [this.#token, this.#connection];
    this.endStreams();
    this.#token = null;
    return async () => {
      if (token === null || !connection) return;
      await connection.send({ method: 'POST', path: '/api/auth/logout', token }).catch((error: unknown) =>
        this.#deps.log('session not ended on the server; it will expire', { error }));
    };
  }

  #setOnline(isOnline: boolean): void {
    if (this.#isOnline === isOnline) return;
    this.#isOnline = isOnline;
    this.#events.onOnlineChange(isOnline);
  }
}
