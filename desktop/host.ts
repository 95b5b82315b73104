// The desktop without its window: the copy, the sync and the session behind one interface, which a window, a preview
// or a test talks to.
//
// What always holds: reading works whatever the network does and never waits for it; a write goes to the server or is
// refused, and what it changed comes back by the pull that follows at once; the copy belongs to one user of one server,
// and signing out, or signing in as someone else, removes its files. Online means that our server answered last time.

import { parseInstant } from '../shared/clock.ts';
import { AppError, errorCode } from '../shared/errors.ts';
import type { ServerInfo, SyncHealth } from '../shared/window/ipc.ts';
import type { SignedInUser } from '../shared/protocol.ts';
import type { Digest } from '../shared/digest.ts';
import type {
  Attempt, CacheNotice, CurrencySummary, CurrencyTotals, ListPage, ListQuery, ListSelection, RecordView, Status, SyncError, SyncOutcome,
} from '../shared/window/views.ts';
import {
  counts, getRecord, listAttempts, listPage, readDigest, readState, selectionTotals, summary, type CacheReader,
} from './cache/cache.ts';
import { damagedNotice, rebuildNotice, setAsideNotice } from './cache/notices.ts';
import { LocalCache, type LocalCacheDeps } from './cache/local-cache.ts';
import { Records } from './sync/records.ts';
import type { Request, ServerConnection } from './session/server-connection.ts';
import { Session, type SessionDeps } from './session/session.ts';
import { makeStatus } from './status.ts';
import { SyncRunner, type RunnerDeps } from './sync/runner.ts';
import { Tenant } from './session/tenant.ts';

export interface HostOptions {
  /** Path of `invoify.sqlite`; its folder is made where it is missing. */
  readonly databaseFile: string;
  /** The server's address; null where nobody has named one yet: then the vault may know it. */
  readonly serverUrl: string | null;
}

export interface HostDeps extends SessionDeps, RunnerDeps, LocalCacheDeps {
  /** A new idempotency key. */
  readonly newId: () => string;
}

/** On a disk that damages what is written to it the downloads must not follow each other without a pause. */
const REPLACED_AT_ONCE_AFTER_MS = 10 * 60_000;

/**
 * Opens the copy and takes up the session that the vault holds. It opens in any case: where the copy cannot be, the
 * status says why, and the next run tries again.
 */
export async function openHost(options: HostOptions, deps: HostDeps): Promise<Host> {
  const host = new Host(options, deps);
  await host.open();
  return host;
}

export class Host {
  /** Writes to the server; what they changed comes back by a pull. */
  readonly records: Records;
  readonly #deps: HostDeps;
  readonly #runner: SyncRunner;
  readonly #listeners = new Set<(status: Status) => void>();
  readonly #cache: LocalCache;
  readonly #session: Session;
  readonly #tenant: Tenant;
  #error: SyncError | null = null;
  #notice: CacheNotice | null = null;
  /** What to say of a copy that was set aside once another has been downloaded. */
  #replaced: CacheNotice | null = null;
  #lastChanges = 0;
  #damagedMs = -Infinity;
  #isClosed = false;

  /** Use `openHost`. */
  constructor(options: HostOptions, deps: HostDeps) {
    this.#deps = deps;
    this.#session = new Session(options.serverUrl, {
      onlineChanged: (isOnline) => {
        if (isOnline && this.#error?.code === 'offline') this.#error = null;
        this.#emit();
      },
      ended: () => {
        this.#tenant.forget();
        this.#error = { code: 'signed_out', message: 'Sign in again to sync. What is here stays readable.' };
        this.#emit();
      },
    }, deps);
    this.#cache = new LocalCache(options.databaseFile, {
      onSetAside: (reason) => {
        this.#replaced = setAsideNotice(reason, true);
        this.#notice = setAsideNotice(reason, false);
      },
      onDamaged: (reason) => this.#foundDamaged(reason),
    }, deps);
    this.#tenant = new Tenant(this.#session, this.#cache);
    this.#runner = new SyncRunner({
      prepare: async (signal) => {
        if (this.#isClosed) throw new AppError('cancelled', 'Invoify is closing.');
        return this.#tenant.prepare(signal);
      },
      cache: () => this.#cache.writer,
      damaged: () => this.#cache.markDamaged(),
      send: (request) => this.#session.send(request),
      receive: (request, take) => this.#session.receive(request, take),
      ended: (outcome) => this.#finish(outcome),
      changed: () => this.#emit(),
    }, deps);
    this.records = new Records(this.#session, this.#runner, deps);
  }

  async open(): Promise<void> {
    try {
      this.#cache.open();
      this.#cache.startCheck();
    } catch (error) {
      this.#noteUnusableCache(error);
      this.#cache.openForReading();
    }
    await this.#session.load();
  }

  // ------------------------------------------------------------------------------------------------- the seed's four

  async getStatus(): Promise<Status> {
    return this.#status();
  }

  /** Starts a pull, or joins the one under way. Never rejects: what went wrong is in the outcome. */
  async pullFromServer(): Promise<SyncOutcome> {
    return this.#runner.run();
  }

  /** Whether our server answered last time it was asked; asks it if it never was. */
  async getOnlineStatus(): Promise<boolean> {
    if (this.#session.isOnline === null && this.#session.origin !== null) {
      await this.#session.send({ path: '/api/health' }).catch(() => undefined);
    }
    return this.#session.isOnline ?? false;
  }

  /** Takes a token that the window brought, and syncs. Whose it is, the first answer of the server tells. */
  async setAuthToken(token: string): Promise<void> {
    if (!/^[\x21-\x7e]{1,8192}$/.test(token)) throw new AppError('invalid_request', 'This is not a token. Sign in again.');
    await this.#adoptToken(this.#session.requireConnection(), token, null);
    void this.pullFromServer();
  }

  // ------------------------------------------------------------------------------------------------------- session

  /**
   * Signs in, at the server named here or the one there is, and starts a pull; what belongs to anyone else goes only when
   * that went well. Throws `unauthorized`, `offline`, `too_many_requests`, `upgrade_required` and so on.
   */
  async signIn(email: string, password: string, serverUrl?: string): Promise<SignedInUser> {
    const session = this.#session;
    const connection = serverUrl === undefined ? session.requireConnection() : session.connectionTo(serverUrl);
    const { token, user } = await session.logIn(connection, email, password);
    await this.#adoptToken(connection, token, user);
    void this.pullFromServer();
    return user;
  }

  /** Asks a server what it is. Throws `invalid_request` for an address that cannot be used, `offline`, `bad_response`. */
  async testConnection(serverUrl: string): Promise<ServerInfo> {
    return this.#session.testConnection(serverUrl);
  }

  /**
   * Ends the session, here for certain and on the server if it can be reached, and removes the copy from this computer.
   * Throws `cache_busy` where another program holds the copy; it is removed before it is opened again.
   */
  async signOut(): Promise<void> {
    await this.#stopWork();
    const endOnServer = this.#session.forget();
    this.#tenant.forget();
    this.#error = null;
    this.#notice = this.#replaced = null;
    try {
      this.#cache.remove();
    } finally {
      await this.#session.clearVault();
      this.#emit();
      await endOnServer();
    }
  }

  async cancelPull(): Promise<void> {
    await this.#runner.cancel();
  }

  /** Removes the copy, keeps the session and downloads everything again. Throws `cache_busy`. */
  async resetLocalData(): Promise<void> {
    await this.#stopWork();
    this.#error = null;
    this.#notice = this.#replaced = null;
    this.#lastChanges = 0;
    try {
      this.#cache.remove();
      this.#tenant.startOver();
    } finally {
      this.#emit();
      if (this.#session.isSignedIn) void this.pullFromServer();
    }
  }

  /** Calls back with each change of the status; returns how to stop that. */
  onStatus(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells the status anew: something that it follows from has changed outside of this process. */
  tellStatus(): void {
    this.#emit();
  }

  /** Stops what runs and closes the copy. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#stopWork();
    this.#cache.close();
    this.#listeners.clear();
  }

  // -------------------------------------------------------------------------------------- what starts a sync by itself

  get isSignedIn(): boolean {
    return this.#session.isSignedIn;
  }

  /** Whether our server answered last time; null: it was not asked yet. */
  get isOnline(): boolean | null {
    return this.#session.isOnline;
  }

  get isSyncing(): boolean {
    return this.#runner.isRunning;
  }

  /** Asks whether the server is there, by the smallest request there is. */
  async probe(signal: AbortSignal): Promise<void> {
    await this.#session.send({ path: '/api/health', token: null, signal });
  }

  /** True where a complete copy lacks what the server has at this instant of its clock. */
  isBehind(serverTime: string): boolean {
    const state = this.#cache.state();
    const [held, there] = [parseInstant(state?.cursor ?? ''), parseInstant(serverTime)];
    return state?.isInitialComplete === true && held !== null && there !== null && held < there;
  }

  /** Sends a request whose answer is a stream of events and hands on its bytes; resolves when it has ended. */
  async receive(request: Request, take: (chunk: Uint8Array) => void): Promise<void> {
    return this.#session.receive(request, take);
  }

  /** Ends the pull and gives every other request up; resolves when the pull has ended. */
  async abortRequests(): Promise<void> {
    const isEnded = this.#runner.cancel();
    this.#session.abortRequests();
    await isEnded;
  }

  // ------------------------------------------------------------------------------------------------------- reading

  async listPage(query: ListQuery): Promise<ListPage> {
    return this.#read((reader) => listPage(reader, query));
  }

  async getRecord(collection: string, id: string): Promise<RecordView | null> {
    return this.#read((reader) => getRecord(reader, collection, id));
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

  /** How the syncs went and what the copy holds; empty where there is none. */
  async health(): Promise<SyncHealth> {
    return this.#cache.health();
  }

  /** The end that reads, for what takes longer than a query. Throws `signed_out` where there is no copy. */
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

  // -------------------------------------------------------------------------------------------------------- inside

  async #adoptToken(connection: ServerConnection, token: string, user: SignedInUser | null): Promise<void> {
    if (user) await this.#cache.stopCheck();
    // Up to the emit nothing waits: a run that began in between would work for one user on the copy of another.
    await this.#runner.cancel();
    this.#error = null;
    try {
      this.#tenant.moveIn(connection, token, user);
    } catch (error) {
      // They are signed in all the same; the run that follows tries again.
      this.#noteUnusableCache(error);
    }
    this.#emit();
    await this.#session.keep();
  }

  #finish(outcome: SyncOutcome): void {
    if (outcome.outcome === 'completed') {
      this.#error = null;
      this.#lastChanges = outcome.changes;
      // A notice of what is over stays until something else happens to the copy.
      const rebuilt = outcome.rebuilt && rebuildNotice(outcome.rebuilt);
      this.#notice = this.#replaced ?? rebuilt ?? (outcome.changes > 0 ? null : this.#notice);
      this.#replaced = null;
      // A rebuild may come from a changed role: the next run asks who this is now.
      if (outcome.rebuilt !== null) this.#tenant.forget();
    } else if (outcome.outcome === 'failed' && this.#session.isSignedIn) {
      this.#error = outcome.error;
    }
    this.#emit();
  }

  /** When it resolves nothing works on the copy, and nothing can begin to before the next wait. */
  async #stopWork(): Promise<void> {
    await this.#cache.stopCheck();
    await this.#runner.cancel();
  }

  #foundDamaged(reason: string): void {
    this.#notice = damagedNotice(reason);
    const nowMs = this.#deps.nowMs();
    const isAgain = Math.abs(nowMs - this.#damagedMs) < REPLACED_AT_ONCE_AFTER_MS;
    this.#damagedMs = nowMs;
    // Who asked for the status finds it in there; nothing is told while it is being put together.
    queueMicrotask(() => {
      if (this.#isClosed) return;
      this.#emit();
      if (this.#session.isSignedIn && !isAgain) void this.#runner.runAfresh();
    });
  }

  #noteUnusableCache(error: unknown): void {
    if (!(error instanceof AppError)) throw error;
    this.#deps.log('the copy cannot be opened', { error });
    this.#error = { code: error.code, message: error.message };
  }

  #emit(): void {
    for (const listener of this.#listeners) {
      try {
        listener(this.#status());
      } catch (error) {
        // A window that is gone must not stop the sync that tells it something.
        this.#deps.log('status not told', { error });
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
      user: this.#tenant.user,
      server: this.#session.origin,
      lastChanges: this.#lastChanges,
    }, this.#deps.nowMs());
  }
}
