// The desktop without its window: cache, sync and session behind one interface, for a window, the preview or a test.
//
// Invariants: reads work whatever the network does and never wait for it; a write goes to the server or is refused, and what
// the server acknowledged is read from then on, while the pull that follows immediately waits for nobody; the cache belongs
// to one user of one server, and signing out, or signing in as someone else, removes its files. Online means that the server
// answered the last request.

import { parseInstant } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';
import { toSyncError, type ServerInfo } from '../shared/window/ipc.ts';
import type { LoginAnswer, SignedInUser } from '../shared/protocol.ts';
import { ageByClock } from '../shared/window/stale.ts';
import type { CacheNotice, Status, SyncError, SyncOutcome } from '../shared/window/views.ts';
import { AcknowledgedRecords } from './cache/cache.ts';
import { damagedNotice, rebuildNotice, setAsideNotice } from './cache/notices.ts';
import { LocalCache, type LocalCacheDeps } from './cache/local-cache.ts';
import { Reads } from './cache/reads.ts';
import { Account } from './session/account.ts';
import { CacheOwner } from './session/cache-owner.ts';
import type { ServerConnection, StreamRequest } from './session/server-connection.ts';
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

/** A cache that is damaged again within this time of being replaced is not replaced immediately, as the disk may be failing. */
const MIN_REPLACE_INTERVAL_MS = 10 * 60_000;

/** How long lists wait for the pull that brings a write; what was saved is read at once where it is asked for. */
const SHOW_WRITE_AFTER_MS = 100;

/** Between tries to read a cache that could not be opened; doubled up to the maximum. */
const [FIRST_OPEN_RETRY_MS, MAX_OPEN_RETRY_MS] = [1000, 60_000];

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
  readonly data: Reads;
  readonly records: Writes;
  readonly account: Account;
  readonly #deps: HostDeps;
  readonly #runner: SyncRunner;
  readonly #listeners = new Set<(status: Status) => void>();
  readonly #cache: LocalCache;
  readonly #acknowledged = new AcknowledgedRecords();
  readonly #session: Session;
  readonly #owner: CacheOwner;
  #lastOutcome: SyncOutcome | null = null;
  /** The last sync of this run of the program: the computer's clock as it was, and the monotonic one. */
  #synced: { readonly lastSyncMs: number | null; readonly atMs: number } | null = null;
  #error: SyncError | null = null;
  #notice: CacheNotice | null = null;
  /** The notice for after the next completed sync, if the cache was set aside. */
  #replacedNotice: CacheNotice | null = null;
  #lastChanges = 0;
  #writesShown = 0;
  #lastReplacedMs = -Infinity;
  #isClosed = false;
  #cancelOpening = (): void => undefined;

  /** Use `openHost`. */
  constructor(options: HostOptions, deps: HostDeps) {
    this.#deps = deps;
    this.#session = new Session(options.serverUrl, {
      onOnlineChange: (_isOnline, failure) => {
        // The latest reason why the server is out of reach replaces an earlier one, and leaves when it answers.
        if (this.#error?.code === 'offline' || (this.#error === null && this.#session.isSignedIn)) {
          this.#error = failure?.code === 'offline' ? toSyncError(failure) : null;
        }
        this.#emit();
      },
      onDoubt: (error) => {
        this.#error = error;
        this.#emit();
      },
      onConfirmed: () => void this.pullFromServer(),
      onEnd: (error) => {
        this.#endWrites();
        this.#owner.forgetUser();
        this.#error = error;
        this.#emit();
      },
    }, deps);
    this.#cache = new LocalCache(options.databaseFile, {
      onSetAside: (reason) => {
        this.#lastReplacedMs = deps.nowMs();
        this.#replacedNotice = setAsideNotice(reason, true);
        this.#notice = setAsideNotice(reason, false);
      },
      onDamaged: (reason) => this.#onCacheDamaged(reason),
    }, deps);
    this.data = new Reads(this.#cache, this.#acknowledged);
    this.account = new Account(this.#session);
    this.#owner = new CacheOwner(this.#session, this.#cache);
    this.#runner = new SyncRunner({
      prepare: async (signal) => {
        if (this.#isClosed) throw new AppError('cancelled', 'Invoify is closing.');
        return this.#owner.prepare(signal);
      },
      cache: () => this.#cache.writer,
      onCacheError: (error) => this.#cache.noteError(error),
      send: (request) => this.#session.send(request),
      stream: (request, onChunk) => this.#session.stream(request, onChunk),
      origin: () => this.#session.requireConnection().origin,
      onEnd: (outcome) => this.#onRunEnded(outcome),
      onChange: () => this.#emit(),
    }, deps);
    this.records = new Writes(this.#session, this.#runner, (collection, record) => {
      this.#acknowledged.add(collection, record);
      this.#runner.noteInstant(record.updatedAt);
      // As a rule the pull that follows has brought it by then, and everything is read once.
      deps.setTimer(() => {
        if ((this.#cache.state()?.cursor ?? '') >= record.updatedAt) return;
        this.#writesShown += 1;
        this.#emit();
      }, SHOW_WRITE_AFTER_MS);
    }, deps);
  }

  async open(): Promise<void> {
    try {
      this.#cache.open();
    } catch (error) {
      this.#setCacheError(error);
      this.#openLater(FIRST_OPEN_RETRY_MS);
    }
    this.#cache.startCheck();
    await this.#owner.restoreSession();
  }

  // ----------------------------------------------------------------------------------------------------------- sync

  async getStatus(): Promise<Status> {
    return this.#status();
  }

  /** Starts a pull or joins the current one. Never rejects; errors are in the outcome. */
  async pullFromServer(): Promise<SyncOutcome> {
    return this.#runner.run();
  }

  /** The same, as a person asks for it: data that did not match the server's after a download may be downloaded once more. */
  async refresh(): Promise<SyncOutcome> {
    return this.#runner.run({ isAskedFor: true });
  }

  /** Whether the server answered the last request. Sends one if there has been none. */
  async getOnlineStatus(): Promise<boolean> {
    if (this.#session.isOnline === null && this.#session.origin !== null) {
      await this.#session.send({ path: '/api/health', token: null }).catch(() => undefined);
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
   * Signs in, to the given server or the current one, and starts a pull; the session that this replaces is ended on its
   * server. Another user's cache is only removed once that has succeeded. Throws like `CacheOwner.logIn`; nothing has
   * changed then.
   */
  async signIn(email: string, password: string, serverUrl?: string, replaceCache = false): Promise<SignedInUser> {
    const connection = serverUrl === undefined ? this.#session.requireConnection() : this.#session.connectionTo(serverUrl);
    const answer = await this.#owner.logIn(connection, email, password, replaceCache);
    await this.#switchTo(connection, answer.token, answer);
    void this.#session.endReplaced();
    void this.pullFromServer();
    return answer.user;
  }

  /** Checks that an Invoify server is at this address. Throws `invalid_request` for an unusable one, `offline`, `bad_response`. */
  async testConnection(serverUrl: string): Promise<ServerInfo> {
    return this.#session.testConnection(serverUrl);
  }

  /**
   * Removes the token and the cache from this computer, and ends the session on the server if it can be reached. Throws
   * `cache_busy` if another program has the cache or the stored token open; the session is ended all the same, and the
   * cache is removed before it could be opened again.
   */
  async signOut(): Promise<void> {
    let endOnServer = async (): Promise<void> => undefined;
    let tokenLeft: AppError | null = null;
    try {
      await this.#whileStopped(async () => {
        this.#endWrites();
        endOnServer = this.#session.dropToken();
        this.#owner.forgetUser();
        this.#error = null;
        this.#notice = this.#replacedNotice = null;
        const clearing = this.#session.clearVault();
        try {
          this.#cache.remove();
        } finally {
          tokenLeft = await clearing;
          this.#emit();
        }
      });
    } finally {
      await endOnServer();
      if (tokenLeft) throw tokenLeft;
    }
  }

  /** Cancels the current pull; resolves once it has ended. */
  async cancelPull(): Promise<void> {
    await this.#runner.cancel();
  }

  /** Removes the cache, keeps the session and downloads everything again. Throws `cache_busy`. */
  async resetLocalData(): Promise<void> {
    try {
      await this.#whileStopped(async () => {
        this.#acknowledged.clear();
        this.#error = null;
        this.#notice = this.#replacedNotice = null;
        this.#lastChanges = 0;
        this.#cache.reset();
        this.#owner.recreateCache();
      });
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
    this.#cancelOpening();
    await this.#whileStopped(async () => {
      this.#session.close();
      this.#cache.close();
      this.#listeners.clear();
    });
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

  /** What is pulled from now on must reach this instant of the server's clock. */
  noteInstant(serverTime: string): void {
    this.#runner.noteInstant(serverTime);
  }

  /** Sends a request that is answered with an event stream and passes on its bytes; resolves when the stream ends. */
  async receive(request: StreamRequest, onChunk: (chunk: Uint8Array) => void): Promise<void> {
    return this.#session.receive(request, onChunk);
  }

  /** Cancels the pull and all other requests; resolves once the pull has ended. */
  async abortRequests(): Promise<void> {
    const isEnded = this.#runner.cancel();
    this.#session.abortRequests();
    await isEnded;
  }

  async #switchTo(connection: ServerConnection, token: string, answer: LoginAnswer | null): Promise<void> {
    // A run in between would sync one user into another's cache.
    await this.#runner.withStopped(async () => {
      if (answer) await this.#cache.stopCheck();
      this.#endWrites();
      this.#error = null;
      try {
        this.#owner.switchTo(connection, token, answer);
      } catch (error) {
        // The user is signed in all the same; the next run tries again.
        this.#setCacheError(error);
      }
      this.#emit();
    });
    await this.#session.saveToken();
  }

  /** What a user has written, and heard of the account's clock, concerns nobody else. */
  #endWrites(): void {
    this.records.endSession();
    this.#runner.forgetInstants();
    this.#acknowledged.clear();
  }

  #onRunEnded(outcome: SyncOutcome): void {
    const { rebuilt: rebuiltBefore = null } = this.#lastOutcome ?? {};
    this.#lastOutcome = outcome;
    if (outcome.outcome === 'completed') {
      this.#synced = { lastSyncMs: this.#cache.state()?.lastSyncMs ?? null, atMs: this.#deps.monotonicMs() };
      this.#error = null;
      this.#lastChanges = outcome.changes;
      // A notice stays until a later sync brings changes.
      const rebuilt = outcome.rebuilt && rebuildNotice(outcome.rebuilt);
      this.#notice = this.#replacedNotice ?? rebuilt ?? (outcome.changes > 0 ? null : this.#notice);
      this.#replacedNotice = null;
    } else if (outcome.outcome === 'failed' && this.#session.isSignedIn) {
      // The server may have answered another request since the last of this run.
      this.#error = outcome.error?.code === 'offline' && this.#session.isOnline ? null : outcome.error;
      if (outcome.error?.code === 'disk_full' && this.#cache.makeRoom()) void this.#runner.run();
    }
    // A changed role may have caused the rebuild, so the next run looks the user up again: at once, but not for ever.
    if (outcome.rebuilt !== null) this.#owner.forgetUser();
    if (outcome.rebuilt === 'scope_changed' && rebuiltBefore === null) void this.#runner.run();
    this.#emit();
  }

  /** Runs `action` while nothing else uses the cache, or can start to. */
  async #whileStopped(action: () => Promise<void>): Promise<void> {
    await this.#runner.withStopped(async () => {
      await this.#cache.stopCheck();
      await action();
    });
  }

  /** While the cache cannot even be read, tries again, with or without a sync. */
  #openLater(delayMs: number): void {
    if (!this.#cache.isUnreadable || this.#isClosed) return;
    this.#cancelOpening = this.#deps.setTimer(() => {
      if (!this.#cache.isUnreadable) return;
      this.#cache.openForReading();
      if (!this.#cache.isOpen) {
        this.#openLater(Math.min(2 * delayMs, MAX_OPEN_RETRY_MS));
        return;
      }
      void this.#owner.reconcile().catch((error: unknown) => this.#setCacheError(error)).finally(() => this.#emit());
    }, delayMs);
  }

  #onCacheDamaged(reason: string): void {
    this.#notice = damagedNotice(reason);
    const isAgain = Math.abs(this.#deps.nowMs() - this.#lastReplacedMs) < MIN_REPLACE_INTERVAL_MS;
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
    this.#error = toSyncError(error);
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
    const cache = this.#cache.state();
    return makeStatus({
      isOpen: this.#cache.isOpen,
      cache,
      lastSyncAgeMs: this.#ageOf(cache?.lastSyncMs ?? null),
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
      writes: this.#writesShown,
    });
  }

  /** The age of the last sync; null without one, or if the computer's clock was changed since it ended in an earlier run. */
  #ageOf(lastSyncMs: number | null): number | null {
    if (lastSyncMs === null) return null;
    const synced = this.#synced;
    return synced?.lastSyncMs === lastSyncMs ? this.#deps.monotonicMs() - synced.atMs : ageByClock(lastSyncMs, this.#deps.nowMs());
  }
}
