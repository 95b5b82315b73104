// The desktop without its window: the copy, the sync and the session behind one interface, which a window, a preview
// or a test talks to.
//
// What always holds: reading works whatever the network does and never waits for it; a write goes to the server or is
// refused, and what it changed comes back by the pull that follows at once; the copy belongs to one user of one server,
// and signing out, or signing in as someone else, removes its files. Online means that our server answered last time.

import { AppError, errorCode } from '../shared/errors.ts';
import type { ServerInfo, SyncHealth } from '../shared/ipc.ts';
import type { JsonObject } from '../shared/fields.ts';
import { badResponse, parseLoginAnswer, parseMeta, parseSignedInUser, type SignedInUser, type WireRecord } from '../shared/protocol.ts';
import type { Digest } from '../shared/digest.ts';
import type {
  Attempt, CurrencySummary, CurrencyTotals, LastSync, ListPage, ListQuery, ListSelection, RecordView,
  Status, SyncError, SyncOutcome,
} from '../shared/views.ts';
import {
  counts, getRecord, listAttempts, listPage, readDigest, readState, saveState, selectionTotals, summary, type CacheReader, type CacheWriter,
} from './cache.ts';
import { LocalCopy } from './local-copy.ts';
import { connectTo, parseJson, type ConnectionDeps, type Request, type ServerConnection } from './server-connection.ts';
import { deriveState } from './status.ts';
import { SyncRunner, type RunnerDeps } from './sync-runner.ts';
import type { TokenVault } from './token-vault.ts';
import { sendWrite } from './write.ts';

export interface HostOptions {
  /** Path of `invoify.sqlite`; its folder is made where it is missing. */
  readonly databaseFile: string;
  /** The server's address; null where nobody has named one yet: then the vault may know it. */
  readonly serverUrl: string | null;
}

export interface HostDeps extends ConnectionDeps, RunnerDeps {
  readonly vault: TokenVault;
  /** A new idempotency key. */
  readonly newId: () => string;
}

/** A new token is asked for when the one in use is older than this. */
const TOKEN_RENEWED_AFTER_MS = 86_400_000;

/** Opens the copy, damaged or not, and takes up the session that the vault holds. Throws `cache_busy`, `disk_full`. */
export async function openHost(options: HostOptions, deps: HostDeps): Promise<Host> {
  const host = new Host(options, deps);
  await host.open();
  return host;
}

export class Host {
  readonly #deps: HostDeps;
  #connection: ServerConnection | null;
  readonly #runner: SyncRunner;
  readonly #listeners = new Set<(status: Status) => void>();
  readonly #copy: LocalCopy;
  #token: string | null = null;
  #tokenSinceMs = 0;
  /** Who the token belongs to; null until the server has said so. */
  #user: SignedInUser | null = null;
  #isOnline: boolean | null = null;
  #error: SyncError | null = null;
  #notice: string | null = null;
  #lastChanges = 0;
  #isClosed = false;

  /** Use `openHost`. */
  constructor(options: HostOptions, deps: HostDeps) {
    this.#deps = deps;
    this.#connection = options.serverUrl === null ? null : connectTo(options.serverUrl, deps);
    this.#copy = new LocalCopy(options.databaseFile, {
      ...deps,
      onSetAside: () => {
        this.#notice = 'The copy on this computer could not be used and was set aside. It is downloaded again.';
      },
    });
    this.#runner = new SyncRunner({
      prepare: (signal) => this.#prepare(signal),
      cache: () => this.#copy.writer,
      damaged: () => this.#copy.markDamaged(),
      send: (request) => this.#send(request),
      ended: (outcome) => this.#finish(outcome),
      changed: () => this.#emit(),
    }, deps);
  }

  async open(): Promise<void> {
    this.#copy.open();
    const kept = await this.#deps.vault.load();
    if (kept) this.#connection ??= connectTo(kept.origin, this.#deps);
    // The token of another server must not be shown to this one.
    this.#token = kept && kept.origin === this.#connection?.origin ? kept.token : null;
    // How old a kept token is nobody knows, so the first run that may renews it.
    this.#tokenSinceMs = -Infinity;
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
    if (this.#isOnline === null && this.#connection) await this.#send({ path: '/api/health' }).catch(() => undefined);
    return this.#isOnline ?? false;
  }

  /** Takes a token that the window brought, and syncs. Whose it is, the first answer of the server tells. */
  async setAuthToken(token: string): Promise<void> {
    if (!/^[\x21-\x7e]{1,8192}$/.test(token)) throw new AppError('invalid_request', 'This is not a token. Sign in again.');
    await this.#adoptToken(this.#requireConnection(), token, null);
    void this.pullFromServer();
  }

  // ------------------------------------------------------------------------------------------------------- session

  /**
   * Signs in, at the server named here or the one there is, and starts a pull; what belongs to anyone else goes only when
   * that went well. Throws `unauthorized`, `offline`, `too_many_requests`, `upgrade_required` and so on.
   */
  async signIn(email: string, password: string, serverUrl?: string): Promise<SignedInUser> {
    const connection = serverUrl === undefined ? this.#requireConnection() : this.#connectionTo(serverUrl);
    const request = { method: 'POST', path: '/api/auth/login', body: { email, password }, token: null } as const;
    const answer = parseLoginAnswer(parseJson(await this.#sendTo(connection, request)));
    await this.#adoptToken(connection, answer.token, answer.user);
    void this.pullFromServer();
    return answer.user;
  }

  /** Asks a server what it is. Throws `invalid_request` for an address that cannot be used, `offline`, `bad_response`. */
  async testConnection(serverUrl: string): Promise<ServerInfo> {
    const connection = connectTo(serverUrl, this.#deps);
    const { name, version } = parseMeta(parseJson(await connection.send({ path: '/api/meta', token: null })));
    return { origin: connection.origin, name, version };
  }

  /** Ends the session, here for certain and on the server if it can be reached, and removes the copy from this computer. */
  async signOut(): Promise<void> {
    await this.#runner.cancel();
    const token = this.#token;
    const connection = this.#connection;
    this.#token = null;
    this.#user = null;
    this.#error = null;
    this.#notice = null;
    try {
      this.#copy.remove();
    } finally {
      await this.#deps.vault.clear();
      this.#emit();
    }
    if (token !== null && connection) {
      await connection.send({ method: 'POST', path: '/api/auth/logout', token }).catch((error: unknown) =>
        this.#deps.log('the session stays on the server until it expires', { error }));
    }
  }

  async cancelPull(): Promise<void> {
    await this.#runner.cancel();
  }

  /** Calls back with each change of the status; returns how to stop that. */
  onStatus(listener: (status: Status) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Stops what runs and closes the copy. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#runner.cancel();
    this.#copy.close();
    this.#listeners.clear();
  }

  // ------------------------------------------------------------------------------------------------------- reading

  async listPage(query: ListQuery): Promise<ListPage> {
    return listPage(this.#copy.reader, query);
  }

  async getRecord(collection: string, id: string): Promise<RecordView | null> {
    return getRecord(this.#copy.reader, collection, id);
  }

  async counts(): Promise<Readonly<Record<string, number>>> {
    return counts(this.#copy.reader);
  }

  /** Open and overdue amounts by age and currency on the day `today` (YYYY-MM-DD). */
  async summary(today: string): Promise<readonly CurrencySummary[]> {
    return summary(this.#copy.reader, today);
  }

  async selectionTotals(selection: ListSelection): Promise<readonly CurrencyTotals[]> {
    return selectionTotals(this.#copy.reader, selection);
  }

  async digest(): Promise<Digest> {
    const reader = this.#copy.reader;
    return readDigest(reader, readState(reader).generation);
  }

  async attempts(): Promise<readonly Attempt[]> {
    return listAttempts(this.#copy.reader);
  }

  /** How the syncs went and what the copy holds; empty where there is none. */
  async health(): Promise<SyncHealth> {
    return this.#copy.health();
  }

  /** The end that reads, for what is not a query of the window. Throws `signed_out` where there is no copy. */
  get reader(): CacheReader {
    return this.#copy.reader;
  }

  /** Removes the copy, keeps the session and downloads everything again. Throws `cache_busy`. */
  async resetLocalData(): Promise<void> {
    await this.#runner.cancel();
    this.#copy.remove();
    this.#copy.open();
    // Whose the new copy is, the next run finds out and keeps in it.
    this.#user = null;
    this.#error = null;
    this.#notice = null;
    this.#lastChanges = 0;
    this.#emit();
    if (this.#token !== null) void this.pullFromServer();
  }

  // ------------------------------------------------------------------------------------------------------- writing

  async createRecord(collection: string, fields: JsonObject): Promise<WireRecord> {
    return this.#write({ method: 'POST', path: `/api/${segment(collection)}`, body: fields });
  }

  /** `updatedAt` is the version that the change is based on; throws `precondition_failed` where it is not the present one. */
  async updateRecord(collection: string, id: string, updatedAt: string, patch: JsonObject): Promise<WireRecord> {
    return this.#write({ method: 'PATCH', path: `/api/${segment(collection)}/${segment(id)}`, body: patch }, updatedAt);
  }

  async deleteRecord(collection: string, id: string, updatedAt: string): Promise<WireRecord> {
    return this.#write({ method: 'DELETE', path: `/api/${segment(collection)}/${segment(id)}` }, updatedAt);
  }

  async actOnRecord(collection: string, id: string, action: string, updatedAt: string, body?: JsonObject): Promise<WireRecord> {
    return this.#write({ method: 'POST', path: `/api/${segment(collection)}/${segment(id)}/${segment(action)}`, body }, updatedAt);
  }

  /**
   * Sends a write and pulls. Throws `offline` without sending where the server did not answer last time, and
   * `outcome_unknown` where no answer came that tells whether it was done.
   */
  async #write(request: Request, updatedAt?: string): Promise<WireRecord> {
    this.#requireToken();
    if (this.#isOnline !== true) throw new AppError('offline', 'Internet connection required. Nothing was changed.');
    try {
      const record = await sendWrite(request, updatedAt, { ...this.#deps, send: (attempt) => this.#send(attempt) });
      await this.#runner.runAfresh();
      return record;
    } catch (error) {
      // What was refused may have been changed by someone else, and what got no answer may have been done.
      void this.#runner.runAfresh();
      throw error;
    }
  }

  // -------------------------------------------------------------------------------------------------------- inside

  async #adoptToken(connection: ServerConnection, token: string, user: SignedInUser | null): Promise<void> {
    await this.#runner.cancel();
    // Up to the emit nothing waits: a run that began in between would work for one user on the copy of another.
    if (this.#connection !== connection) this.#isOnline = user ? true : null;
    this.#connection = connection;
    this.#token = token;
    this.#tokenSinceMs = this.#deps.nowMs();
    this.#user = null;
    this.#error = null;
    if (user) this.#adoptUser(user);
    this.#emit();
    await this.#deps.vault.save({ token, origin: connection.origin });
  }

  /** Makes the copy this user's: one that belongs to anyone else, or to another server, is removed first. */
  #adoptUser(user: SignedInUser): CacheWriter {
    const { origin } = this.#requireConnection();
    const held = this.#copy.writer;
    const state = held && readState(held);
    const isTheirs = state?.userId === user.id && state.accountId === user.accountId && state.serverOrigin === origin;
    if (state && state.userId !== null && !isTheirs) this.#copy.remove();
    const writer = this.#copy.open();
    saveState(writer, { serverOrigin: origin, accountId: user.accountId, userId: user.id, user });
    this.#user = user;
    return writer;
  }

  async #prepare(signal: AbortSignal): Promise<CacheWriter> {
    if (this.#isClosed) throw new AppError('cancelled', 'Invoify is closing.');
    this.#requireToken();
    if (this.#copy.replaceDamaged()) this.#user = null;
    const { writer } = this.#copy;
    if (this.#user && writer) {
      await this.#renewToken(signal);
      return writer;
    }
    return this.#adoptUser(parseSignedInUser(parseJson(await this.#send({ path: '/api/auth/me', signal }))));
  }

  /** Keeps a session that is in use from expiring. */
  async #renewToken(signal: AbortSignal): Promise<void> {
    if (this.#deps.nowMs() - this.#tokenSinceMs < TOKEN_RENEWED_AFTER_MS) return;
    const answer = parseLoginAnswer(parseJson(await this.#send({ method: 'POST', path: '/api/auth/refresh', signal })));
    if (answer.user.id !== this.#user?.id) throw badResponse('it renewed the token of someone else');
    this.#token = answer.token;
    this.#tokenSinceMs = this.#deps.nowMs();
    this.#adoptUser(answer.user);
    await this.#deps.vault.save({ token: answer.token, origin: this.#requireConnection().origin });
  }

  async #send(request: Request): Promise<Buffer> {
    return this.#sendTo(this.#requireConnection(), request);
  }

  /** Every request goes through here, so that being online is judged in one place. */
  async #sendTo(connection: ServerConnection, request: Request): Promise<Buffer> {
    // A server that is only being tried says nothing about being online.
    const judge = (isOnline: boolean): void => {
      if (connection === this.#connection) this.#setOnline(isOnline);
    };
    const token = request.token === undefined ? this.#token : request.token;
    try {
      const answer = await connection.send({ ...request, token });
      judge(true);
      return answer;
    } catch (error) {
      const code = errorCode(error);
      if (code !== 'cancelled') judge(code !== 'offline' && code !== 'unavailable' && code !== 'bad_response');
      // A token that came meanwhile is not the one that was refused.
      if (code === 'unauthorized' && token !== null && token === this.#token) await this.#endSession();
      throw error;
    }
  }

  async #endSession(): Promise<void> {
    this.#token = null;
    this.#user = null;
    this.#error = { code: 'signed_out', message: 'Sign in again to sync. What is here stays readable.' };
    await this.#deps.vault.clear();
    this.#emit();
  }

  #finish(outcome: SyncOutcome): void {
    if (outcome.outcome === 'completed') {
      this.#error = null;
      this.#lastChanges = outcome.changes;
      this.#notice = outcome.rebuilt ?? (outcome.changes > 0 ? null : this.#notice);
      // A rebuild may come from a changed role: the next run asks who this is now.
      if (outcome.rebuilt !== null) this.#user = null;
    } else if (outcome.outcome === 'failed' && this.#token !== null) {
      this.#error = outcome.error;
    }
    this.#emit();
  }

  #setOnline(isOnline: boolean): void {
    if (this.#isOnline === isOnline) return;
    this.#isOnline = isOnline;
    if (isOnline && this.#error?.code === 'offline') this.#error = null;
    this.#emit();
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
    const state = this.#copy.state();
    const lastSyncMs = state?.lastSyncMs ?? null;
    const lastSync: LastSync | null = lastSyncMs === null
      ? null : { timestamp: new Date(lastSyncMs).toISOString(), changes: this.#lastChanges };
    return {
      initialized: this.#copy.writer !== null,
      lastSync,
      isOnline: this.#isOnline ?? false,
      state: deriveState({
        isRunning: this.#runner.isRunning,
        isComplete: state?.isInitialComplete ?? false,
        isSignedIn: this.#token !== null,
        hasNetwork: this.#deps.hasNetwork(),
        isOnline: this.#isOnline,
        error: this.#error,
        lastSyncMs,
      }, this.#deps.nowMs()),
      error: this.#error,
      progress: this.#runner.progress,
      notice: state?.rebuild?.reason ?? this.#notice,
      user: this.#user ?? state?.user ?? null,
      server: this.#connection?.origin ?? null,
    };
  }

  #requireConnection(): ServerConnection {
    if (this.#connection) return this.#connection;
    throw new AppError('signed_out', "Enter your server's address and sign in.");
  }

  /** The connection there is where it leads to the same server: being online is known of it. */
  #connectionTo(serverUrl: string): ServerConnection {
    const connection = connectTo(serverUrl, this.#deps);
    return connection.origin === this.#connection?.origin ? this.#connection : connection;
  }

  #requireToken(): void {
    if (this.#token === null) throw new AppError('signed_out', 'Sign in again to sync. What is here stays readable.');
  }
}

/** A name or id as one segment of a path, whatever it is. */
function segment(text: string): string {
  return encodeURIComponent(text);
}
