// The desktop's session with its server: one address, one token, and whether the server answered last time.
//
// Invariants: a token is only ever sent to the server that issued it, and not before that has said in this run that it is
// an Invoify server; all requests go through one place, which also decides whether the desktop is online; a token is renewed
// once half of its life is over, beside whatever else happens; a token that has worked is only dropped if the server still
// refuses to renew it a minute after it first refused it, any other at once.

import { AppError, errorCode } from '../../shared/errors.ts';
import { toSyncError, type ServerInfo } from '../../shared/window/ipc.ts';
import type { SyncError } from '../../shared/window/views.ts';
import { badResponse, parseLoginAnswer, parseSignedInUser, type LoginAnswer, type SignedInUser } from '../../shared/protocol.ts';
import { holdGiven, holdIssued, holdStored, isNew, isOver, untilRenewalMs, type HeldToken, type TokenClocks } from './held-token.ts';
import {
  connectTo, parseJson, type ConnectionDeps, type OnChunk, type Request, type ServerConnection, type StreamRequest,
} from './server-connection.ts';
import type { TokenVault } from './token-vault.ts';

export interface SessionDeps extends ConnectionDeps, TokenClocks {
  readonly vault: TokenVault;
  /** The name under which the server lists this computer's sessions: at most 100 characters. */
  readonly device?: string;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export interface SessionEvents {
  /** `failure` says why the server is not online, if it is not. Also called when that changes. */
  readonly onOnlineChange: (isOnline: boolean, failure: AppError | null) => void;
  /** The server refused a token that has worked. It is asked again for a minute; until then `error` says so. */
  readonly onDoubt: (error: SyncError) => void;
  /** The server accepts the token that it had refused. */
  readonly onConfirmed: () => void;
  /** There is no token any more: refused and dropped, removed, or locked away. `error` says what that means. */
  readonly onEnd: (error: SyncError) => void;
}

/** How often the server is asked about a token that it refused, and how many times before a refusal is believed. */
const ASK_AGAIN_MS = 10_000;
const MAX_DOUBTS = 6;
/** Between a failed renewal and the next, if no pull does it earlier; and the longest timer, as none runs during sleep. */
const RETRY_RENEWAL_MS = 60_000;
const MAX_RENEWAL_TIMER_MS = 3_600_000;

const signedOut: SyncError = { code: 'signed_out', message: 'Sign in again to sync. The data on this computer stays readable.' };
const doubted: SyncError = { code: 'unauthorized', message: 'The server refused your session. Invoify keeps asking for a minute.' };
const refusedAtOnce: SyncError = {
  code: 'session_refused',
  message: 'The server does not accept the session it has just given. Something between this computer and the server, such as a '
    + 'proxy, may remove the Authorization header. Ask your administrator, then sign in again.',
};

type Exchange = 'answer' | 'stream' | 'renewal';

export class Session {
  readonly #deps: SessionDeps;
  readonly #events: SessionEvents;
  #connection: ServerConnection | null;
  #held: HeldToken | null = null;
  /** Whether the server has accepted the token, or the one that it renews. */
  #hasWorked = false;
  /** How many times the server has been asked about a token that it refused; null if it has not refused it. */
  #doubts: number | null = null;
  /** The last token that has ended. It shows its server, which knows it, that this computer has been signed in before. */
  #earlier: HeldToken | null = null;
  /** The token that is being renewed. */
  #renewing: string | null = null;
  #isSaved = true;
  /** Set if the token, or the one that it renews, was in the vault when the program started: whose it was, as noted there. */
  #restored: { readonly userId: string | null } | null = null;
  /** Ends the session that this one has replaced. */
  #replaced: { readonly userId: string | undefined; readonly end: () => Promise<void> } | null = null;
  #cancelRenewal = (): void => undefined;
  #cancelConfirmation = (): void => undefined;
  #isOnline: boolean | null = null;
  #isClosed = false;
  #failure: AppError | null = null;
  /** The origins that have identified themselves, until one gives an answer that is not an Invoify server's. */
  readonly #identified = new Set<string>();
  #inFlight = new AbortController();
  #streams = new AbortController();

  /** If `serverUrl` is null, the address comes from the vault, if there is one. */
  constructor(serverUrl: string | null, events: SessionEvents, deps: SessionDeps) {
    this.#deps = deps;
    this.#events = events;
    this.#connection = serverUrl === null ? null : connectTo(serverUrl, deps);
  }

  /**
   * Restores the session from the vault. `owner` is whose rows the cache holds, and from which server: that server is the
   * one in use, whatever the settings say, and a token of another user or server ends the session and is removed. A vault
   * that cannot be read is logged and counts as empty; if it is only locked, the session ends with `sign_in_locked`.
   */
  async load(owner: { readonly userId: string; readonly origin: string } | null): Promise<void> {
    const loaded = await this.#deps.vault.load().catch((error: unknown) => {
      this.#deps.log('stored token cannot be read', { error });
      return errorCode(error) === 'sign_in_locked' ? toSyncError(error) : null;
    });
    const stored = loaded && 'token' in loaded ? loaded : null;
    this.#connection = this.#tryConnect(owner?.origin) ?? this.#connection ?? this.#tryConnect(stored?.origin);
    if (loaded && 'code' in loaded) this.#events.onEnd(loaded);
    if (!stored) return;
    if (stored.origin !== this.origin || (owner && (stored.userId ?? owner.userId) !== owner.userId)) {
      this.#deps.log('stored token does not belong to the data on this computer', { origin: stored.origin });
      this.dropToken();
      await this.clearVault();
      this.#events.onEnd(signedOut);
      return;
    }
    this.#hold(holdStored(stored, this.#deps), true);
    this.#restored = { userId: stored.userId ?? null };
  }

  /** Whether the token was in the vault when the program started: nobody has signed in since. */
  get isRestored(): boolean {
    return this.#restored !== null;
  }

  /** Whether this user was signed in when the program last ran, and has been since. */
  wasSignedIn(userId: string): boolean {
    return this.#restored?.userId === userId;
  }

  /** Whether the token is known to be another user's, or for another server. */
  isOfOther(owner: { readonly userId: string; readonly origin: string }): boolean {
    const held = this.#held;
    return held !== null && (held.origin !== owner.origin || (held.userId ?? owner.userId) !== owner.userId);
  }

  /** Null for an origin from a damaged file. */
  #tryConnect(origin: string | undefined): ServerConnection | null {
    try {
      return origin === undefined ? null : connectTo(origin, this.#deps);
    } catch (error) {
      this.#deps.log('stored server address cannot be used', { error });
      return null;
    }
  }

  /** The server's origin; null if no server has been set. */
  get origin(): string | null {
    return this.#connection?.origin ?? null;
  }

  get isSignedIn(): boolean {
    return this.#held !== null;
  }

  /** Whose the token is; null without one, or if the server has not said so yet. */
  get userId(): string | null {
    return this.#held?.userId ?? null;
  }

  /** Whether the server answered the last request; null before the first. */
  get isOnline(): boolean | null { return this.#isOnline; }

  /** Throws `signed_out` without a token. */
  requireToken(): void {
    if (this.#held === null) throw new AppError(signedOut.code, signedOut.message);
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
   * Sends a request that is answered with an event stream and passes on its bytes. Throws `cancelled` also after `endStreams`. The
   * first byte proves that the server is online; a failure proves nothing, as proxies may block streams.
   */
  async receive(request: StreamRequest, onChunk: (chunk: Uint8Array) => void): Promise<void> {
    const signal = AbortSignal.any([this.#streams.signal, ...(request.signal ? [request.signal] : [])]);
    if (!await this.stream({ ...request, signal }, onChunk, 'stream')) throw badResponse('it is not an event stream');
  }

  /** Like `send` for an answer that arrives as a stream: see `ServerConnection.receive`. */
  async stream(request: StreamRequest, onChunk: OnChunk, kind: 'answer' | 'stream' = 'answer'): Promise<boolean> {
    const connection = this.requireConnection();
    return this.#exchange(connection, request, (prepared, reportOnline) =>
      connection.receive({ ...prepared, headers: request.headers }, (chunk) => {
        reportOnline(true);
        return onChunk(chunk);
      }), kind);
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
    kind: Exchange = 'answer',
  ): Promise<T> {
    // Trying out another server does not affect the online state.
    const reportOnline = (isOnline: boolean, failure: AppError | null = null): void => {
      if (connection === this.#connection) this.#setOnline(isOnline, failure);
    };
    const held = this.#held;
    const token = request.token === undefined ? held?.token ?? null : request.token;
    const inFlight = this.#inFlight.signal;
    const signal = request.signal ? AbortSignal.any([request.signal, inFlight]) : inFlight;
    try {
      if (token !== null) await this.#identify(connection, signal);
      const answer = await run({ ...request, token, signal }, reportOnline);
      reportOnline(true);
      if (kind !== 'renewal' && token !== null && token === this.#held?.token) this.#onAccepted();
      return answer;
    } catch (error) {
      const code = errorCode(error);
      if (code === 'cancelled' && inFlight.aborted && !request.signal?.aborted) {
        throw new AppError('offline', 'The connection was interrupted by sleep or a change of network. Try again.', { cause: error });
      }
      const isFromServer = code !== 'offline' && code !== 'unavailable' && code !== 'bad_response';
      if (code === 'bad_response') this.#identified.delete(connection.origin);
      // While the token is in doubt, renewals are all that is sent.
      if (code !== 'cancelled' && (isFromServer || kind === 'answer' || (kind === 'renewal' && this.#doubts !== null))) {
        reportOnline(isFromServer, isFromServer || !(error instanceof AppError) ? null : error);
      }
      if (code !== 'unauthorized' || token === null || token !== held?.token || !this.#held) throw error;
      if (token === this.#held.token) throw await this.#onRefused(this.#held, kind, error);
      // The token was renewed meanwhile. What was refused has done nothing, and is sent with the new one.
      const isSamePerson = held.userId !== undefined && held.userId === this.#held.userId && connection === this.#connection;
      if (kind === 'renewal' || !isSamePerson) throw error;
      return this.#exchange(connection, request, run, kind);
    }
  }

  /** Nobody else is shown a token or a password. Throws like `ServerConnection.identify`. */
  async #identify(connection: ServerConnection, signal?: AbortSignal): Promise<void> {
    if (this.#identified.has(connection.origin)) return;
    await connection.identify(signal);
    this.#identified.add(connection.origin);
  }

  /** Checks that an Invoify server is at this address. Throws `invalid_request` for an unusable one, `offline`, `bad_response`. */
  async testConnection(serverUrl: string): Promise<ServerInfo> {
    const connection = connectTo(serverUrl, this.#deps);
    return { origin: connection.origin, ...await connection.identify() };
  }

  /** Requests a token from a server after checking that it is an Invoify server. Changes nothing here: see `adopt`. */
  async logIn(connection: ServerConnection, email: string, password: string): Promise<LoginAnswer> {
    this.#identified.delete(connection.origin);
    await this.#exchange(connection, { path: '/api/meta', token: null }, ({ signal }) => this.#identify(connection, signal));
    const token = this.#earlier?.origin === connection.origin ? this.#earlier.token : null;
    const { device } = this.#deps;
    const body = { email, password, ...(device !== undefined && { device }) };
    const request = { method: 'POST', path: '/api/auth/login', body, token } as const;
    return parseLoginAnswer(parseJson(await this.sendTo(connection, request)));
  }

  /** The user that the token belongs to. Throws `server_outdated`. */
  async whoAmI(signal: AbortSignal): Promise<SignedInUser> {
    this.#identified.delete(this.requireConnection().origin);
    return parseSignedInUser(parseJson(await this.send({ path: '/api/auth/me', signal })));
  }

  /** Switches to a token from the server that has just issued it, or (`answer` is null) from elsewhere. */
  adopt(connection: ServerConnection, token: string, answer: LoginAnswer | null): void {
    const isOtherSession = this.#held !== null && this.#held.token !== token;
    this.#replaced = isOtherSession ? { userId: this.#held?.userId, end: this.#logOut() } : null;
    this.#restored = null;
    if (this.#connection !== connection) this.#isOnline = answer ? true : null;
    this.#connection = connection;
    this.#hold(answer ? holdIssued(answer, connection.origin, this.#deps) : holdGiven(token, connection.origin, this.#deps), false);
  }

  /** Notes whose token it is, which the server has just said. The session of someone else that it replaced is ended. */
  nameUser(userId: string): void {
    if (!this.#held || this.#held.userId === userId) return;
    this.#held = { ...this.#held, userId };
    void this.saveToken();
    if (this.#replaced?.userId !== undefined && this.#replaced.userId !== userId) void this.endReplaced();
    // Another token of the same user may be one of the same session.
    this.#replaced = null;
  }

  /** Ends the session that this one has replaced. Best effort: a failure is logged. */
  async endReplaced(): Promise<void> {
    const replaced = this.#replaced;
    this.#replaced = null;
    await replaced?.end();
  }

  /** Renews the token if half of its life is over, and stores one that could not be stored. Never fails. */
  async renewIfDue(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    if (!this.#isSaved) void this.saveToken();
    if (this.#isOnline !== false && untilRenewalMs(held, this.#deps) === 0) await this.#renew(held);
  }

  /** Renews the token. Best effort: a failure is logged, says nothing about the server being online, and is tried again. */
  async #renew(held: HeldToken): Promise<void> {
    if (this.#renewing === held.token) return;
    this.#renewing = held.token;
    try {
      const connection = this.requireConnection();
      const answer = parseLoginAnswer(parseJson(await this.#exchange(
        connection, { method: 'POST', path: '/api/auth/refresh' }, (prepared) => connection.send(prepared), 'renewal')));
      // Signed out, or someone else signed in meanwhile.
      if (this.#held?.token !== held.token) return;
      if (answer.user.id !== (this.#held.userId ?? answer.user.id)) throw badResponse('it renewed the token for another user');
      const doubts = this.#doubts;
      this.#hold(holdIssued(answer, connection.origin, this.#deps), true);
      if (doubts !== null) this.#events.onConfirmed();
      await this.saveToken();
    } catch (error) {
      this.#deps.log('token not renewed', { error });
    } finally {
      if (this.#renewing === held.token) this.#renewing = null;
    }
  }

  /** Stores the token for the next start. A failure is logged and tried again; until then the next start finds none. */
  async saveToken(): Promise<void> {
    if (this.#held === null) return;
    const { receivedMonotonicMs: _, ...stored } = this.#held;
    this.#isSaved = true;
    await this.#deps.vault.save(stored).catch((error: unknown) => {
      this.#isSaved = false;
      this.#deps.log('token cannot be stored', { error });
    });
  }

  /** Removes the stored token. A failure, after which the next start may find it, is logged and returned. */
  async clearVault(): Promise<AppError | null> {
    return this.#deps.vault.clear().then(() => null, (error: unknown) => {
      this.#deps.log('stored token cannot be removed', { error });
      return new AppError('cache_busy', 'You are signed out, but Invoify could not remove the stored sign-in from this computer. '
        + 'Close programs that may be using it and sign out again.', { cause: error });
    });
  }

  /** Drops the token from memory, not from the vault. Returns a function that ends the session on the server. */
  dropToken(): () => Promise<void> {
    const end = this.#logOut();
    this.endStreams();
    this.#replaced = null;
    this.#hold(null, false);
    return end;
  }

  /** Ends a session on its server. Best effort: a failure is logged. */
  async endSession(connection: ServerConnection, token: string): Promise<void> {
    try {
      await this.#identify(connection);
      await connection.send({ method: 'POST', path: '/api/auth/logout', token });
    } catch (error) {
      this.#deps.log('session not ended on the server; it will expire', { error });
    }
  }

  /** Stops the timers, for good: an answer that is still to come sets none. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRenewal();
    this.#cancelConfirmation();
  }

  /** A function that ends the present session on the server. */
  #logOut(): () => Promise<void> {
    const [held, connection] = [this.#held, this.#connection];
    return async () => held && connection ? this.endSession(connection, held.token) : undefined;
  }

  #hold(held: HeldToken | null, hasWorked: boolean): void {
    this.#cancelConfirmation();
    this.#held = held;
    this.#hasWorked = hasWorked;
    this.#doubts = null;
    this.#scheduleRenewal();
  }

  #scheduleRenewal(): void {
    this.#cancelRenewal();
    if (!this.#held || this.#isClosed) return;
    const delayMs = Math.min(Math.max(untilRenewalMs(this.#held, this.#deps), RETRY_RENEWAL_MS), MAX_RENEWAL_TIMER_MS);
    this.#cancelRenewal = this.#deps.setTimer(() => {
      this.#scheduleRenewal();
      void this.renewIfDue();
    }, delayMs);
  }

  #onAccepted(): void {
    this.#hasWorked = true;
    if (this.#doubts === null) return;
    this.#doubts = null;
    this.#cancelConfirmation();
    this.#events.onConfirmed();
  }

  // A server whose clock jumps may refuse a good token; and once the answer to a renewal was lost, the old token can only renew.
  async #onRefused(held: HeldToken, kind: Exchange, error: unknown): Promise<unknown> {
    const isConfirmed = kind === 'renewal' && this.#doubts !== null && this.#doubts > MAX_DOUBTS;
    if (this.#hasWorked && !isConfirmed && !isOver(held, this.#deps)) {
      if (this.#doubts === null && !this.#isClosed) this.#askAgain(held, 1);
      this.#events.onDoubt(doubted);
      return new AppError(doubted.code, doubted.message, { cause: error });
    }
    // Only a token that came with its user was issued to this program.
    const isRefusedAtOnce = !this.#hasWorked && held.userId !== undefined && isNew(held, this.#deps);
    this.#earlier = held;
    this.dropToken();
    const clearing = this.clearVault();
    // Before anyone can sign in again, whom this would not concern.
    this.#events.onEnd(isRefusedAtOnce ? refusedAtOnce : signedOut);
    await clearing;
    return error;
  }

  /** Asks the server to renew a token that it has refused, until that is answered. */
  #askAgain(held: HeldToken, doubts: number): void {
    this.#doubts = doubts;
    this.#cancelConfirmation = this.#deps.setTimer(() => this.#askAgain(held, doubts + 1), ASK_AGAIN_MS);
    void this.#renew(held);
  }

  #setOnline(isOnline: boolean, failure: AppError | null): void {
    if (this.#isOnline === isOnline && this.#failure?.message === failure?.message) return;
    this.#isOnline = isOnline;
    this.#failure = failure;
    this.#events.onOnlineChange(isOnline, failure);
  }
}
