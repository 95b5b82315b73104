// The desktop without its window: cache, sync and session behind one interface, for a window, the preview or a test.
//
// Invariants: reads work whatever the network does and never wait for it; a write goes to the server or is refused, and what
// the server acknowledged is read from then on, while the pull that follows immediately waits for nobody; the cache belongs
// to one user of one server, and signing out, or signing in as someone else, removes its files. Online means that the server
// answered the last request.

import { parseInstant } from '../shared/clock.ts';
import { AppError, errorCode } from '../shared/errors.ts';
import type { ServerInfo, SyncHealth } from '../shared/window/ipc.ts';
import type { SignedInUser } from '../shared/protocol.ts';
import type { Digest } from '../shared/digest.ts';
import type {
  Attempt, CacheNotice, CurrencySummary, CurrencyTotals, ListPage, ListQuery, ListSelection, RecordView, Status, SyncError, SyncOutcome,
} from '../shared/window/views.ts';
import {
  AcknowledgedRecords, counts, listAttempts, readDigest, readState, selectionTotals, summary, type CacheReader,
} from './cache/cache.ts';
import { damagedNotice, rebuildNotice, setAsideNotice } from './cache/notices.ts';
import { LocalCache, type LocalCacheDeps } from './cache/local-cache.ts';
import { CacheOwner } from './session/cache-owner.ts';
import type { Request, ServerConnection } from './session/server-connection.ts';
import { Session, type SessionDeps } from './session/session.ts';
import { makeStatus } from './status.ts';
import { SyncRunner, type RunnerDeps } from './sync/runner.ts';
import { Writes } from './sync/writes.ts';

export interface HostOptions {
  /** Path of `invoify.sqlite`; its folder is created if missing. */
  readonly databaseFile: string;
  /** The server's address; if null, it comes from the vault, if there is one. */
  readonly serverUrl: string | null;
}

export interface HostDeps extends SessionDeps, RunnerDeps, LocalCacheDeps {
  /** A new idempotency key. */
  readonly newId: () => string;
}

/** A cache that is damaged again within this time is not replaced immediately, as the disk may be failing. */
const MIN_REPLACE_INTERVAL_MS = 10 * 60_000;

/**
 * Opens the cache and restores the session from the vault. If the cache cannot be opened, the status says why and the
 * next sync tries again; the host opens regardless.
 */
export async function openHost(options: HostOptions, deps: HostDeps): Promise<Host> {
  const host = new Host(options, deps);
  await host.open();
  return host;
}

export class Host {
  readonly records: Writes;
  readonly #deps: HostDeps;
  readonly #runner: SyncRunner;
  readonly #listeners = new Set<(status: Status) => void>();
  readonly #cache: LocalCache;
  readonly #acknowledged = new AcknowledgedRecords();
  readonly #session: Session;
  readonly #owner: CacheOwner;
  #lastOutcome: SyncOutcome | null = null;
  #error: SyncError | null = null;
  #notice: CacheNotice | null = null;
  /** The notice for after the next completed sync, if the cache was set aside. */
  #replacedNotice: CacheNotice | null = null;
  #lastChanges = 0;
  #lastDamageMs = -Infinity;
  #isClosed = false;

  /** Use `openHost`. */
  constructor(options: HostOptions, deps: HostDeps) {
    this.#deps = deps;
    this.#session = new Session(options.serverUrl, {
      onOnlineChange: (isOnline) => {
        if (isOnline && this.#error?.code === 'offline') this.#error = null;
        this.#emit();
      },
      onEnd: () => {
        this.#endWrites();
        this.#owner.forgetUser();
        this.#error = { code: 'signed_out', message: 'Sign in again to sync. The data on this computer stays readable.' };
        this.#emit();
      },
    }, deps);
    this.#cache = new LocalCache(options.databaseFile, {
      onSetAside: (reason) => {
        this.#replacedNotice = setAsideNotice(reason, true);
        this.#notice = setAsideNotice(reason, false);
      },
      onDamaged: (reason) => this.#onCacheDamaged(reason),
    }, deps);
    this.#owner = new CacheOwner(this.#session, this.#cache);
    this.#runner = new SyncRunner({
      prepare: async (signal) => {
        if (this.#isClosed) throw new AppError('cancelled', 'Invoify is closing.');
        return this.#owner.prepare(signal);
      },
      cache: () => this.#cache.writer,
      onDamaged: () => this.#cache.markDamaged(),
      send: (request) => this.#session.send(request),
      receive: (request, onChunk) => this.#session.receive(request, onChunk),
      onEnd: (outcome) => this.#onRunEnded(outcome),
      onChange: () => this.#emit(),
    }, deps);
    this.records = new Writes(this.#session, this.#runner, (collection, record) => {
      this.#acknowledged.add(collection, record);
      this.#emit();
    }, deps);
  }

  async open(): Promise<void> {
    try {
      this.#cache.open();
      this.#cache.startCheck();
    } catch (error) {
      this.#setCacheError(error);
      this.#cache.openForReading();
    }
    await this.#session.load();
  }

  // ----------------------------------------------------------------------------------------------------------- sync

  async getStatus(): Promise<Status> {
    return this.#status();
  }

  /** Starts a pull or joins the current one. Never rejects; errors are in the outcome. */
  async pullFromServer(): Promise<SyncOutcome> {
    return this.#runner.run();
  }

  /** Whether the server answered the last request. Sends one if there has been none. */
  async getOnlineStatus(): Promise<boolean> {
    if (this.#session.isOnline === null && this.#session.origin !== null) {
      await this.#session.send({ path: '/api/health' }).catch(() => undefined);
    }
    return this.#session.isOnline ?? false;
  }

  /** Switches to another token and starts a pull, which asks the server whose it is. Throws `invalid_request`, `signed_out`. */
  async setAuthToken(token: string): Promise<void> {
    if (!/^[\x21-\x7e]{1,8192}$/.test(token)) throw new AppError('invalid_request', 'This is not a valid token. Sign in again.');
    await this.#switchTo(this.#session.requireConnection(), token, null);
    void this.pullFromServer();
  }

  // ------------------------------------------------------------------------------------------------------- session

  /**
   * Signs in, to the given server or the current one, and starts a pull. Another user's cache is only removed once that
   * has succeeded. Throws `invalid_request` for an unusable address, and the server's error, such as `unauthorized`,
   * `offline`, `too_many_requests` or `upgrade_required`.
   */
  async signIn(email: string, password: string, serverUrl?: string): Promise<SignedInUser> {
    const session = this.#session;
    const connection = serverUrl === undefined ? session.requireConnection() : session.connectionTo(serverUrl);
    const { token, user } = await session.logIn(connection, email, password);
    await this.#switchTo(connection, token, user);
    void this.pullFromServer();
    return user;
  }

  /** Checks that an Invoify server is at this address. Throws `invalid_request` for an unusable one, `offline`, `bad_response`. */
  async testConnection(serverUrl: string): Promise<ServerInfo> {
    return this.#session.testConnection(serverUrl);
  }

  /**
   * Removes the token and the cache from this computer, and ends the session on the server if it can be reached. Throws
   * `cache_busy` if another program has the cache open; the session is ended all the same, and the cache is removed
   * before it could be opened again.
   */
  async signOut(): Promise<void> {
    await this.#stopWork();
    this.#endWrites();
    const endOnServer = this.#session.dropToken();
    this.#owner.forgetUser();
    this.#error = null;
    this.#notice = this.#replacedNotice = null;
    try {
      this.#cache.remove();
    } finally {
      await this.#session.clearVault();
      this.#emit();
      await endOnServer();
    }
  }

  /** Cancels the current pull; resolves once it has ended. */
  async cancelPull(): Promise<void> {
    await this.#runner.cancel();
  }

  /** Removes the cache, keeps the session and downloads everything again. Throws `cache_busy`. */
  async resetLocalData(): Promise<void> {
    await this.#stopWork();
    this.#acknowledged.clear();
    this.#error = null;
    this.#notice = this.#replacedNotice = null;
    this.#lastChanges = 0;
    try {
      this.#cache.remove();
      this.#owner.recreateCache();
    } finally {
      this.#emit();
      if (this.#session.isSignedIn) void this.pullFromServer();
    }
  }

  /** Calls back with every new status; returns a function that stops that. */
  onStatus(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Sends the status to all listeners, after something outside this process has changed it. */
  notifyStatus(): void {
    this.#emit();
  }

  /** Stops all work and closes the cache. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endWrites();
    await this.#stopWork();
    this.#cache.close();
    this.#listeners.clear();
  }

  // ------------------------------------------------------------------------------------------------ for the triggers

  get isSignedIn(): boolean {
    return this.#session.isSignedIn;
  }

  /** Whether the server answered the last request; null before the first. */
  get isOnline(): boolean | null {
    return this.#session.isOnline;
  }

  get isSyncing(): boolean {
    return this.#runner.isRunning;
  }

  /** How the last run ended; null before the first has. */
  get lastOutcome(): SyncOutcome | null {
    return this.#lastOutcome;
  }

  /** Checks with the smallest possible request whether the server answers. Throws if it does not. */
  async probe(signal: AbortSignal): Promise<void> {
    await this.#session.send({ path: '/api/health', token: null, signal });
  }

  /** Whether a complete cache is older than this instant of the server's clock. */
  isBehind(serverTime: string): boolean {
    const state = this.#cache.state();
    const [cursor, clock] = [parseInstant(state?.cursor ?? ''), parseInstant(serverTime)];
    return state?.isInitialComplete === true && cursor !== null && clock !== null && cursor < clock;
  }

  /** Sends a request that is answered with an event stream and passes on its bytes; resolves when the stream ends. */
  async receive(request: Request, onChunk: (chunk: Uint8Array) => void): Promise<void> {
    return this.#session.receive(request, onChunk);
  }

  /** Cancels the pull and all other requests; resolves once the pull has ended. */
  async abortRequests(): Promise<void> {
    const isEnded = this.#runner.cancel();
    this.#session.abortRequests();
    await isEnded;
  }

  // ------------------------------------------------------------------------------------------------------- reading

  async listPage(query: ListQuery): Promise<ListPage> {
    return this.#read((reader) => this.#acknowledged.listPage(reader, query));
  }

  async getRecord(collection: string, id: string): Promise<RecordView | null> {
    return this.#read((reader) => this.#acknowledged.getRecord(reader, collection, id));
  }

  async counts(): Promise<Readonly<Record<string, number>>> {
    return this.#read((reader) => counts(reader));
  }

  /** Open and overdue amounts by age and currency on the day `today` (YYYY-MM-DD). */
  async summary(today: string): Promise<readonly CurrencySummary[]> {
    return this.#read((reader) => summary(reader, today));
  }

  async selectionTotals(selection: ListSelection): Promise<readonly CurrencyTotals[]> {
    return this.#read((reader) => selectionTotals(reader, selection));
  }

  async digest(): Promise<Digest> {
    return this.#read((reader) => readDigest(reader, readState(reader).generation));
  }

  async attempts(): Promise<readonly Attempt[]> {
    return this.#read((reader) => listAttempts(reader));
  }

  /** The recent sync attempts and the contents of the cache; empty without a cache. */
  async health(): Promise<SyncHealth> {
    return this.#cache.health();
  }

  /** Read access for operations longer than a query. Throws `signed_out` without a cache, `cache_unusable`. */
  get reader(): CacheReader {
    return this.#cache.reader;
  }

  #read<T>(query: (reader: CacheReader) => T): T {
    try {
      return query(this.#cache.reader);
    } catch (error) {
      if (errorCode(error) === 'cache_unusable') this.#cache.markDamaged();
      throw error;
    }
  }

  async #switchTo(connection: ServerConnection, token: string, user: SignedInUser | null): Promise<void> {
    if (user) await this.#cache.stopCheck();
    // Synchronous from here to the emit: a run that started in between would sync one user into another's cache.
    await this.#runner.cancel();
    this.#endWrites();
    this.#error = null;
    try {
      this.#owner.switchTo(connection, token, user);
    } catch (error) {
      // The user is signed in all the same; the next run tries again.
      this.#setCacheError(error);
    }
    this.#emit();
    await this.#session.saveToken();
  }

  /** What a user has written concerns nobody else. */
  #endWrites(): void {
    this.records.endSession();
    this.#acknowledged.clear();
  }

  #onRunEnded(outcome: SyncOutcome): void {
    this.#lastOutcome = outcome;
    if (outcome.outcome === 'completed') {
      this.#error = null;
      this.#lastChanges = outcome.changes;
      // A notice stays until a later sync brings changes.
      const rebuilt = outcome.rebuilt && rebuildNotice(outcome.rebuilt);
      this.#notice = this.#replacedNotice ?? rebuilt ?? (outcome.changes > 0 ? null : this.#notice);
      this.#replacedNotice = null;
      // A changed role may have caused the rebuild, so the next run looks the user up again.
      if (outcome.rebuilt !== null) this.#owner.forgetUser();
    } else if (outcome.outcome === 'failed' && this.#session.isSignedIn) {
      this.#error = outcome.error;
    }
    this.#emit();
  }

  /** Once it resolves nothing uses the cache, and nothing can start to before the caller's next await. */
  async #stopWork(): Promise<void> {
    await this.#cache.stopCheck();
    await this.#runner.cancel();
  }

  #onCacheDamaged(reason: string): void {
    this.#notice = damagedNotice(reason);
    const nowMs = this.#deps.nowMs();
    const isAgain = Math.abs(nowMs - this.#lastDamageMs) < MIN_REPLACE_INTERVAL_MS;
    this.#lastDamageMs = nowMs;
    // Reading the status may be what found the damage, so listeners are called only after that.
    queueMicrotask(() => {
      if (this.#isClosed) return;
      this.#emit();
      if (this.#session.isSignedIn && !isAgain) void this.#runner.runAfterCurrent();
    });
  }

  #setCacheError(error: unknown): void {
    if (!(error instanceof AppError)) throw error;
    this.#deps.log('cache cannot be opened', { error });
    this.#error = { code: error.code, message: error.message };
  }

  #emit(): void {
    for (const listener of this.#listeners) {
      try {
        listener(this.#status());
      } catch (error) {
        // A listener that fails, such as a closed window, must not stop the sync.
        this.#deps.log('status listener failed', { error });
      }
    }
  }

  #status(): Status {
    return makeStatus({
      isOpen: this.#cache.isOpen,
      cache: this.#cache.state(),
      isRunning: this.#runner.isRunning,
      progress: this.#runner.progress,
      partial: this.#cache.partialCount(),
      isSignedIn: this.#session.isSignedIn,
      hasNetwork: this.#deps.hasNetwork(),
      isOnline: this.#session.isOnline,
      error: this.#error,
      notice: this.#notice,
      user: this.#owner.user,
      server: this.#session.origin,
      lastChanges: this.#lastChanges,
      writes: this.#acknowledged.count,
    }, this.#deps.nowMs());
  }
}
