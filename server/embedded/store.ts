// The Store over node:sqlite: one file, nothing to install, durable when a write is acknowledged (WAL with FULL sync).
//
// Records and tombstones share one table, so an account's feed is a single index scan; a tombstone is a row without
// payload. One connection writes, and only in batches from the queue: BEGIN IMMEDIATE, a savepoint per job, one commit.
// Readers use separate connections. Whoever finds the file locked by another process (the admin command) tries again until it
// is free, and nothing else waits meanwhile.

import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

import { EPOCH, tick, type Instant } from '../../shared/clock.ts';
import { isOldestEntryDue, selectEntries, toEntry } from './audit.ts';
import { requirePlausibleTime } from '../clock-check.ts';
import { requireInPlace } from '../files.ts';
import type { HeldAccount } from '../held-account.ts';
import { beginWrite } from '../pending-write.ts';
import {
  countChanges, integer, readChanges, selectAccount, selectHeldAccount, selectRecord, text, toAccount, toHeldAccount, toRecord, type Row,
} from './rows.ts';
import { SYNC_WAIT_MS, waitWhileBusy } from './busy.ts';
import { ACCEPTED_CLOCK, FINGERPRINT_KEY, openEmbeddedFile, sqliteError } from './schema.ts';
import { createCounters, noteSession, openSession, renewSession, toSession } from './sessions.ts';
import { applyWrite, transactionReads } from './transaction.ts';
import { readHoldings, selectOrphans } from './holdings.ts';
import { beginImport, listImports, type ImportDeps } from './import.ts';
import { inspectFile } from './inspection.ts';
import { CommitWatcher } from './commit-watcher.ts';
import { newEpoch, shuttingDown, unknownAccount } from '../store.ts';
import type {
  DirectoryEntry, Holdings, Identity, Importing, Mending, Orphan, Renewal, Session, SessionNote, Snapshot, Store, StoreDeps,
  StoredEntry, StoredRecord, Transaction,
} from '../store.ts';
import { BatchQueue } from '../batch-queue.ts';

/** How error messages name the database. They reach clients, so they must not contain its path. */
const database = "The server's database";

/** The setting that `checkWrites` writes. */
const PROBE = 'probe';
const MAX_BATCH_SIZE = 100;
/** Connections kept for the next snapshots; each has a page cache. */
const MAX_IDLE_SNAPSHOTS = 4;

/** One task of a batch. It must not wait for anything but the database, because the whole batch would wait. */
interface Job {
  readonly run: () => Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Opens or creates the database file. Throws `unavailable` with the reason if it cannot be used. */
export async function openEmbeddedStore(file: string, deps: StoreDeps): Promise<Store> {
  const writer = await openEmbeddedFile(file, deps.log);
  try {
    const { value: fingerprintKey } = await waitWhileBusy(
      () => writer.prepare('SELECT value FROM setting WHERE name = ?').get(FINGERPRINT_KEY) ?? {}, new AbortController().signal,
    );
    return new EmbeddedStore(file, writer, String(fingerprintKey), deps);
  } catch (error) {
    writer.close();
    throw sqliteError(database, error);
  }
}

class EmbeddedStore implements Store {
  readonly kind = 'embedded';
  readonly fingerprintKey: string;
  readonly #file: string;
  readonly #deps: StoreDeps;
  readonly #writer: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #idleSnapshots: DatabaseSync[] = [];
  readonly #prepared = new Map<string, StatementSync>();
  readonly #queue = new BatchQueue<Job>((jobs) => this.#runBatch(jobs), MAX_BATCH_SIZE);
  readonly #commitWatcher = new CommitWatcher(() => this.#writerStatement('PRAGMA data_version').get()?.['data_version']);
  readonly #prepare = (sql: string): StatementSync => this.#writerStatement(sql);
  readonly counters = createCounters({
    prepare: this.#prepare,
    enqueue: (run) => this.#enqueue(run),
    get: (sql, ...parameters) => this.#get(sql, ...parameters),
    nowMs: () => this.#deps.nowMs(),
  });
  readonly #importDeps: ImportDeps = {
    prepare: this.#prepare,
    enqueue: (run) => this.#enqueue(run),
    all: (sql, ...parameters) => this.#all(sql, ...parameters),
  };
  /** Accounts whose clock the current batch moves. */
  readonly #movedAccounts = new Set<string>();
  readonly #givenUp = new AbortController();
  readonly #requireInPlace: () => void;
  #isClosed = false;

  constructor(file: string, writer: DatabaseSync, fingerprintKey: string, deps: StoreDeps) {
    this.#file = file;
    this.#requireInPlace = requireInPlace(file);
    this.#requireInPlace();
    this.#deps = deps;
    this.#writer = writer;
    this.#reader = this.#openReader();
    this.fingerprintKey = fingerprintKey;
  }

  async check(): Promise<void> {
    await this.#get('SELECT 1 FROM account LIMIT 1');
  }

  async checkWrites(): Promise<void> {
    const value = newEpoch();
    await this.#enqueue(async () => this.#run('INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)', PROBE, value));
    // Another process may have written its own meanwhile.
    this.#get('SELECT value FROM setting WHERE name = ?', PROBE);
  }

  async freeBytes(): Promise<number | null> {
    const { bavail, bsize } = await statfs(dirname(this.#file));
    return bavail * bsize;
  }

  inspect(): Promise<void> {
    return inspectFile(this.#file);
  }

  async checkClock(): Promise<void> {
    await this.#read(() => this.#checkedNowMs());
  }

  async acceptClock(): Promise<void> {
    await this.#enqueue(async () => {
      const now = tick(EPOCH, this.#deps.nowMs());
      // The time that the clock skips is a pause that the replies do not count.
      this.#run('UPDATE account SET clock = max(clock, ?1), paused_ms = paused_ms + CAST(max(0, ?1 - clock) / 1000 AS INTEGER)', now);
      this.#run(`INSERT OR REPLACE INTO setting (name, value) SELECT '${ACCEPTED_CLOCK}', coalesce(max(clock), 0) FROM account`);
    });
  }

  giveUp(): void {
    this.#givenUp.abort(shuttingDown());
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#commitWatcher.close();
    await this.#queue.idle();
    for (const db of [this.#reader, ...this.#idleSnapshots, this.#writer]) db.close();
  }

  async createAccount(accountId: string): Promise<void> {
    await this.#enqueue(async () => this.#run(
      'INSERT INTO account (account_id, clock, horizon, digest, numbers, epoch) VALUES (?, ?, 0, ?, ?, ?)',
      accountId, tick(EPOCH, this.#checkedNowMs()), '{}', '{}', newEpoch(),
    ));
  }

  async listAccounts(): Promise<readonly string[]> {
    return (await this.#all('SELECT account_id FROM account ORDER BY account_id')).map((row) => text(row, 'account_id'));
  }

  beginImport(accountId: string): Promise<Importing> {
    return beginImport(this.#importDeps, accountId);
  }

  listImports(): Promise<readonly string[]> {
    return listImports(this.#importDeps);
  }

  async listOrphans(): Promise<readonly Orphan[]> {
    return (await this.#all(selectOrphans)).map((row) => ({ accountId: text(row, 'account_id'), records: integer(row, 'records') }));
  }

  async renewEpochs(): Promise<void> {
    await this.#enqueue(async () => this.#run('UPDATE account SET epoch = ?', newEpoch()));
  }

  async findAddress(email: string): Promise<DirectoryEntry | null> {
    const row = await this.#get('SELECT account_id, user_id FROM directory WHERE email = ?', email);
    return row ? { accountId: text(row, 'account_id'), userId: text(row, 'user_id') } : null;
  }

  openSession(session: Session): Promise<void> {
    return this.#enqueue(async () => openSession(this.#prepare, session, this.#deps.nowMs()));
  }

  renewSession(accountId: string, sessionId: string, renewal: Renewal): Promise<Session | null> {
    return this.#enqueue(async () => renewSession(this.#prepare, accountId, sessionId, renewal));
  }

  noteSessions(notes: readonly SessionNote[]): Promise<void> {
    return this.#enqueue(async () => {
      for (const note of notes) noteSession(this.#prepare, note);
    });
  }

  async listSessions(accountId: string): Promise<readonly Session[]> {
    return (await this.#all('SELECT * FROM session WHERE account_id = ? ORDER BY created_at_ms', accountId)).map(toSession);
  }

  async noteFullPull(accountId: string, sessionId: string, from: Instant): Promise<void> {
    await this.#enqueue(async () => this.#run(
      'UPDATE session SET full_pull_from = ? WHERE account_id = ? AND session_id = ?', from, accountId, sessionId,
    ));
  }

  async identify(accountId: string, sessionId: string, userId: string): Promise<Identity | null> {
    const row = await this.#get(
      `SELECT a.*, s.*, r.collection, r.id, r.at, r.payload, r.secret, r.refs
       FROM session s
       JOIN record r ON r.account_id = s.account_id AND r.collection = 'users' AND r.id = s.user_id
       JOIN account a ON a.account_id = s.account_id
       WHERE s.account_id = ? AND s.session_id = ? AND s.user_id = ? AND r.payload IS NOT NULL`,
      accountId, sessionId, userId,
    );
    if (!row) return null;
    return { session: toSession(row), user: toRecord(row), account: toAccount(row) };
  }

  async get(accountId: string, collection: string, id: string): Promise<StoredRecord | null> {
    const row = await this.#get(selectRecord, accountId, collection, id);
    return row ? toRecord(row) : null;
  }

  snapshot<T>(accountId: string, read: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    return this.#atOnce(accountId, selectAccount, (db, row) => (
      read({
        account: toAccount(row),
        changes: (range) => readChanges(db, accountId, range),
        count: async (after, collections) => countChanges(db, accountId, after, collections),
      })
    ));
  }

  readHoldings<T>(accountId: string, read: (holdings: Holdings) => Promise<T>): Promise<T> {
    return this.#atOnce(accountId, selectHeldAccount, (db, row) => read(readHoldings(db, toHeldAccount(row))));
  }

  /** Runs `read` in a read transaction on an existing account. */
  async #atOnce<T>(accountId: string, select: string, read: (db: DatabaseSync, account: Row) => Promise<T>): Promise<T> {
    this.#requireOpen();
    // A separate connection, because the read transaction stays open while the caller waits between batches.
    const db = this.#idleSnapshots.pop() ?? this.#openReader();
    try {
      db.exec('BEGIN');
      // The first read takes the snapshot.
      const row = await waitWhileBusy(() => db.prepare(select).get(accountId), this.#givenUp.signal);
      if (!row) throw unknownAccount();
      const result = await read(db, row);
      db.exec('COMMIT');
      if (this.#isClosed || this.#idleSnapshots.length >= MAX_IDLE_SNAPSHOTS) db.close();
      else this.#idleSnapshots.push(db);
      return result;
    } catch (error) {
      db.close();
      throw sqliteError(database, error);
    }
  }

  async isPruneDue(accountId: string, until: Instant, repliesBeforeMs: number, entriesBefore = EPOCH): Promise<boolean> {
    const row = await this.#get(
      `SELECT EXISTS (SELECT 1 FROM record WHERE account_id = ? AND payload IS NULL AND at <= ?)
           OR EXISTS (SELECT 1 FROM answer WHERE account_id = ? AND kept_at_ms < ?)
           OR ${isOldestEntryDue} AS is_due`,
      accountId, until, accountId, repliesBeforeMs, accountId, entriesBefore,
    );
    return row?.['is_due'] === 1;
  }

  async auditEntries(accountId: string, after: number, limit: number): Promise<readonly StoredEntry[]> {
    return (await this.#all(selectEntries, accountId, after, limit)).map(toEntry);
  }

  async latestClock(accountId: string): Promise<Instant> {
    const row = await this.#get(selectAccount, accountId);
    if (!row) throw unknownAccount();
    return toAccount(row).clock;
  }

  write<T>(accountId: string, change: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#transact(accountId, selectAccount, (row) => ({ account: toAccount(row), unreadable: [] }), change);
  }

  mend<T>(accountId: string, change: (mending: Mending) => Promise<T>): Promise<T> {
    return this.#transact(accountId, selectHeldAccount, toHeldAccount, change);
  }

  async #transact<T>(
    accountId: string, select: string, convert: (row: Row) => HeldAccount, change: (mending: Mending) => Promise<T>,
  ): Promise<T> {
    const queuedMs = performance.now();
    const { result, entries } = await this.#enqueue(async () => {
      this.#deps.onClockWait?.(performance.now() - queuedMs);
      const row = this.#writerStatement(select).get(accountId);
      if (!row) throw unknownAccount();
      const { account, unreadable } = convert(row);
      const { pending, changes } = beginWrite(account, () => this.#checkedNowMs());
      const before = pending.account.clock;
      const outcome = await change({ ...changes, unreadable, ...transactionReads(this.#prepare, accountId, pending) });
      applyWrite(this.#prepare, accountId, pending);
      if (pending.account.clock !== before) this.#movedAccounts.add(accountId);
      return { result: outcome, entries: pending.entries };
    });
    for (const { entry } of entries) this.#deps.onAudited?.(entry);
    return result;
  }

  watch(accountId: string, onMoved: () => void): () => void {
    return this.#commitWatcher.add(accountId, onMoved);
  }

  /** The time to stamp by. The only clock to check it against is the one that the accounts carry. */
  #checkedNowMs(): number {
    const nowMs = this.#deps.nowMs();
    if (this.#deps.trustsClock) return nowMs;
    const found = this.#writerStatement(`SELECT min(coalesce(max(clock), 0), ${Number.MAX_SAFE_INTEGER}) AS newest, coalesce((
        SELECT min(CAST(value AS INTEGER), ${Number.MAX_SAFE_INTEGER}) FROM setting WHERE name = '${ACCEPTED_CLOCK}'
      ), 0) AS accepted FROM account`).get() ?? {};
    requirePlausibleTime(nowMs, integer(found, 'newest') as Instant, integer(found, 'accepted') as Instant);
    return nowMs;
  }

  #enqueue<T>(run: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#requireOpen();
      this.#queue.add({ run, resolve: (result) => resolve(result as T), reject });
    });
  }

  async #runBatch(jobs: readonly Job[]): Promise<void> {
    const outcomes: (() => void)[] = [];
    try {
      this.#requireInPlace();
      await waitWhileBusy(() => this.#writer.exec('BEGIN IMMEDIATE'), this.#givenUp.signal);
      for (const job of jobs) outcomes.push(await this.#runJob(job));
      this.#writer.exec('COMMIT');
    } catch (error) {
      if (this.#writer.isTransaction) this.#writer.exec('ROLLBACK');
      this.#movedAccounts.clear();
      const reason = sqliteError(database, error);
      for (const job of jobs) job.reject(reason);
      return;
    }
    for (const settle of outcomes) settle();
    this.#commitWatcher.notify(this.#movedAccounts);
    this.#movedAccounts.clear();
  }

  /** Runs one job in a savepoint. Returns the function that settles it once the batch is committed. */
  async #runJob(job: Job): Promise<() => void> {
    this.#writer.exec('SAVEPOINT job');
    try {
      const result = await job.run();
      this.#writer.exec('RELEASE job');
      return () => job.resolve(result);
    } catch (error) {
      // A full disk or an I/O error may already have rolled back the whole batch: then every job fails.
      if (!this.#writer.isTransaction) throw error;
      this.#writer.exec('ROLLBACK TO job; RELEASE job');
      const reason = sqliteError(database, error);
      return () => job.reject(reason);
    }
  }

  #get(sql: string, ...parameters: SQLInputValue[]): Promise<Row | undefined> {
    return this.#read(() => this.#statement(this.#reader, 'r', sql).get(...parameters));
  }

  #all(sql: string, ...parameters: SQLInputValue[]): Promise<Row[]> {
    return this.#read(() => this.#statement(this.#reader, 'r', sql).all(...parameters));
  }

  async #read<T>(action: () => T): Promise<T> {
    this.#requireOpen();
    try {
      return await waitWhileBusy(action, this.#givenUp.signal);
    } catch (error) {
      throw sqliteError(database, error);
    }
  }

  /** Only inside a batch. Returns the number of changed rows. */
  #run(sql: string, ...parameters: SQLInputValue[]): number {
    return Number(this.#writerStatement(sql).run(...parameters).changes);
  }

  #writerStatement(sql: string): StatementSync {
    return this.#statement(this.#writer, 'w', sql);
  }

  #statement(db: DatabaseSync, connection: 'r' | 'w', sql: string): StatementSync {
    const key = connection + sql;
    const statement = this.#prepared.get(key) ?? db.prepare(sql);
    this.#prepared.set(key, statement);
    return statement;
  }

  #openReader(): DatabaseSync {
    return new DatabaseSync(this.#file, { readOnly: true, timeout: SYNC_WAIT_MS });
  }

  #requireOpen(): void {
    if (this.#isClosed) throw shuttingDown();
  }
}
