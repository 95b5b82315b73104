// The Store over MongoDB, for any number of server processes on one replica set.
//
// A write is a transaction that locks the account's document. Writers of one account queue within this process, and
// compete for that document with other processes. Reads outside a transaction see only majority-committed data, and a
// snapshot reads it at one cluster time.

import type { Document, MongoClient } from 'mongodb';

import { EPOCH, tick, type Instant } from '../../shared/clock.ts';
import { requireSameTime } from '../clock-check.ts';
import { noAnswer, mongoError } from './errors.ts';
import { openSnapshot } from './feed.ts';
import { listOrphans, withHoldings } from './holdings.ts';
import { beginImport, listImports } from './import.ts';
import { migrateRecords } from './migrate-records.ts';
import { connectMongo } from './preflight.ts';
import {
  byId, createSchema, dueReplies, dueTombstones, majorityRead, openTables, readFingerprintKey, toEntry, toInstant, toRecord, toSession,
  toStored, type Tables,
} from './schema.ts';
import { ClockStream } from './clock-stream.ts';
import { runBatch, type WriteJob } from './write.ts';
import { giveBackCounters, identifyAll, noteSessions, openSession, renewSession, takeCounters, type Lookup } from './sessions.ts';
import { newEpoch, shuttingDown, unknownAccount } from '../store.ts';
import type {
  Counters, DirectoryEntry, Holdings, Identity, Importing, LikelyReads, Mending, Orphan, Renewal, Session, SessionNote, Snapshot, Store,
  StoreDeps, StoredEntry, StoredRecord, Transaction,
} from '../store.ts';
import { AccountQueues } from '../batch-queue.ts';

const MAX_BATCH_SIZE = 100;
const CHECK_TIMEOUT_MS = 3000;
const CLOCK_TIMEOUT_MS = 5000;
const noReads: LikelyReads = { reply: null, records: [] };

/**
 * Connects, checks that the database can be used, creates its collections and indexes, and brings the records of an earlier version up
 * to date. Throws `unavailable` with a message that names the fix, also if the connection to another machine is not secured, unless
 * `allowsPlaintext`.
 */
export async function openMongoStore(url: string, dbName: string, deps: StoreDeps, allowsPlaintext = false): Promise<Store> {
  const client = await connectMongo(url, allowsPlaintext);
  try {
    const tables = openTables(client.db(dbName));
    await createSchema(tables);
    await migrateRecords(client, tables, deps.log);
    return new MongoStore(client, tables, await readFingerprintKey(tables), deps);
  } catch (error) {
    await client.close();
    throw mongoError(error);
  }
}

class MongoStore implements Store {
  readonly kind = 'mongodb';
  readonly fingerprintKey: string;
  readonly counters: Counters = {
    take: (limits) => this.#run(() => takeCounters(this.#tables, limits, this.#deps.nowMs())),
    giveBack: (keys) => this.#run(() => giveBackCounters(this.#tables, keys)),
    reset: (keys) => this.#run(async () => {
      await this.#tables.counters.deleteMany({ _id: { $in: [...keys] } });
    }),
    isRunning: (key) => this.#run(async () =>
      await this.#tables.counters.findOne({ _id: key, endsAtMs: { $gt: this.#deps.nowMs() } }) !== null),
    prune: () => this.#run(async () => {
      await this.#tables.counters.deleteMany({ endsAtMs: { $lte: this.#deps.nowMs() } });
    }),
  };
  readonly #client: MongoClient;
  readonly #tables: Tables;
  readonly #deps: StoreDeps;
  readonly #clockStream: ClockStream;
  readonly #writes: AccountQueues<WriteJob>;
  readonly #lookups: AccountQueues<Lookup>;
  /** Calls in flight, and how to end them. */
  readonly #inFlight = new Map<Promise<unknown>, (reason: unknown) => void>();
  #isClosed = false;

  constructor(client: MongoClient, tables: Tables, fingerprintKey: string, deps: StoreDeps) {
    this.fingerprintKey = fingerprintKey;
    this.#client = client;
    this.#tables = tables;
    this.#deps = deps;
    this.#clockStream = new ClockStream(tables, deps);
    this.#writes = new AccountQueues((accountId, ...batch) => runBatch({ ...deps, client, tables }, accountId, ...batch), MAX_BATCH_SIZE);
    this.#lookups = new AccountQueues((accountId, lookups) => identifyAll(tables, accountId, lookups), MAX_BATCH_SIZE);
  }

  check(): Promise<void> {
    return this.#run(async () => {
      await this.#ask({ ping: 1 });
    });
  }

  checkWrites(): Promise<void> {
    return this.#run(async () => {
      const value = newEpoch();
      const { collectionName } = this.#tables.settings;
      const write = { q: { _id: 'probe' }, u: { $set: { value } }, upsert: true };
      await this.#ask({ update: collectionName, updates: [write], writeConcern: { w: 'majority' } });
      await this.#ask({ find: collectionName, filter: { _id: 'probe' }, limit: 1, readConcern: { level: 'majority' } });
    });
  }

  /** That of the primary; null if the server does not say how large its disk is. */
  freeBytes(): Promise<number | null> {
    return this.#run(async () => {
      const { fsTotalSize, fsUsedSize } = await this.#ask({ dbStats: 1 });
      return typeof fsTotalSize === 'number' && typeof fsUsedSize === 'number' ? fsTotalSize - fsUsedSize : null;
    });
  }

  async inspect(): Promise<void> {}

  checkClock(): Promise<void> {
    return this.#run(async () => {
      if (this.#deps.trustsClock) return;
      const { localTime } = await this.#ask({ hello: 1 });
      requireSameTime(this.#deps.nowMs(), Number(localTime));
    });
  }

  /** There is nothing to accept: the database has a clock of its own. */
  acceptClock(): Promise<void> {
    return this.checkClock();
  }

  giveUp(): void {
    this.#isClosed = true;
    for (const reject of this.#inFlight.values()) reject(shuttingDown());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#inFlight.keys());
    this.#clockStream.close();
    await this.#client.close();
  }

  async createAccount(accountId: string): Promise<void> {
    await this.checkClock();
    return this.#run(async () => {
      const clock = toStored(tick(EPOCH, this.#deps.nowMs()));
      const empty = { horizon: toStored(EPOCH), digest: {}, numbers: {}, epoch: newEpoch(), writes: 0 };
      await this.#tables.accounts.insertOne({ _id: accountId, clock, ...empty });
    });
  }

  listAccounts(): Promise<readonly string[]> {
    return this.#run(async () => {
      const found = await this.#tables.accounts.find({}, { ...majorityRead, projection: { _id: 1 }, sort: { _id: 1 } }).toArray();
      return found.map(({ _id }) => _id);
    });
  }

  beginImport(accountId: string): Promise<Importing> {
    return beginImport({ client: this.#client, tables: this.#tables, run: (action) => this.#run(action) }, accountId);
  }

  listImports(): Promise<readonly string[]> {
    return this.#run(() => listImports(this.#tables));
  }

  listOrphans(): Promise<readonly Orphan[]> {
    return this.#run(() => listOrphans(this.#tables));
  }

  renewEpochs(): Promise<void> {
    return this.#run(async () => {
      await this.#tables.accounts.updateMany({}, { $set: { epoch: newEpoch() } });
    });
  }

  findAddress(email: string): Promise<DirectoryEntry | null> {
    return this.#run(() => this.#tables.directory.findOne(
      { _id: email }, { ...majorityRead, projection: { _id: 0, accountId: 1, userId: 1 } },
    ));
  }

  openSession(session: Session): Promise<void> {
    return this.#run(() => openSession(this.#tables, session, this.#deps.nowMs()));
  }

  renewSession(accountId: string, sessionId: string, renewal: Renewal): Promise<Session | null> {
    return this.#run(() => renewSession(this.#tables, accountId, sessionId, renewal));
  }

  noteSessions(notes: readonly SessionNote[]): Promise<void> {
    return this.#run(() => noteSessions(this.#tables, notes));
  }

  listSessions(accountId: string): Promise<readonly Session[]> {
    return this.#run(async () => {
      const found = await this.#tables.sessions.find({ accountId }, majorityRead).toArray();
      return found.map(toSession).toSorted((a, b) => a.createdAtMs - b.createdAtMs);
    });
  }

  noteFullPull(accountId: string, sessionId: string, from: Instant): Promise<void> {
    return this.#run(async () => {
      await this.#tables.sessions.updateOne({ _id: sessionId, accountId }, { $set: { fullPullFrom: toStored(from) } });
    });
  }

  identify(accountId: string, sessionId: string, userId: string): Promise<Identity | null> {
    return this.#run(() => new Promise((resolve, reject) => {
      this.#lookups.add(accountId, { sessionId, userId, resolve, reject });
    }));
  }

  get(accountId: string, collection: string, id: string): Promise<StoredRecord | null> {
    return this.#run(async () => {
      const document = await this.#tables.records(collection).findOne({ _id: id, accountId }, { ...majorityRead, ...byId });
      return document && toRecord(collection, document);
    });
  }

  snapshot<T>(accountId: string, read: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    return this.#run(async () => read(await openSnapshot(this.#tables, accountId)));
  }

  readHoldings<T>(accountId: string, read: (holdings: Holdings) => Promise<T>): Promise<T> {
    return this.#run(() => withHoldings(this.#client, this.#tables, accountId, read));
  }

  isPruneDue(accountId: string, until: Instant, repliesBeforeMs: number, entriesBefore = EPOCH): Promise<boolean> {
    return this.#run(async () => {
      const projection = { projection: { _id: 1 } };
      const [oldest] = await this.#readEntries(accountId, 0, 1);
      return (oldest !== undefined && oldest.at < entriesBefore)
        || await this.#tables.tombstones.findOne(dueTombstones(accountId, until), projection) !== null
        || await this.#tables.replies.findOne(dueReplies(accountId, repliesBeforeMs), projection) !== null;
    });
  }

  auditEntries(accountId: string, after: number, limit: number): Promise<readonly StoredEntry[]> {
    return this.#run(() => this.#readEntries(accountId, after, limit));
  }

  latestClock(accountId: string): Promise<Instant> {
    return this.#run(async () => {
      const found = await this.#tables.accounts.findOne(
        { _id: accountId }, { readConcern: { level: 'linearizable' }, maxTimeMS: CLOCK_TIMEOUT_MS, projection: { clock: 1 } },
      );
      if (!found) throw unknownAccount();
      return toInstant(found.clock);
    });
  }

  write<T>(accountId: string, change: (transaction: Transaction) => Promise<T>, reads = noReads): Promise<T> {
    return this.#transact(accountId, { mends: false, reads }, change);
  }

  mend<T>(accountId: string, change: (mending: Mending) => Promise<T>): Promise<T> {
    return this.#transact(accountId, { mends: true, reads: noReads }, change);
  }

  #transact<T>(accountId: string, job: Pick<WriteJob, 'mends' | 'reads'>, change: (mending: Mending) => Promise<T>): Promise<T> {
    // The monotonic clock: `deps.nowMs` may step, and stands still in tests.
    const queuedMs = performance.now();
    let waitMs = 0;
    return this.#run(() => new Promise<T>((resolve, reject) => {
      this.#writes.add(accountId, {
        ...job,
        // It runs again if another process was faster; the wait goes on until then.
        change(transaction) {
          waitMs = performance.now() - queuedMs;
          return change(transaction);
        },
        resolve: (result) => {
          this.#deps.onClockWait?.(waitMs);
          // The result is what `change` returned.
          resolve(result as T);
        },
        reject,
      });
    }));
  }

  watch(accountId: string, onMoved: () => void): () => void {
    return this.#clockStream.add(accountId, onMoved);
  }

  async #readEntries(accountId: string, after: number, limit: number): Promise<readonly StoredEntry[]> {
    const found = await this.#tables.audit.find(
      { accountId, number: { $gt: after } }, { ...majorityRead, sort: { accountId: 1, number: 1 }, limit, batchSize: limit },
    ).toArray();
    return found.map(toEntry);
  }

  /** The answer to a command of the checks, which must not wait as long as a write may. */
  async #ask(command: Document): Promise<Document> {
    const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
    try {
      return await this.#tables.db.command(command, { signal });
    } catch (error) {
      throw signal.aborted ? noAnswer(error) : error;
    }
  }

  /** Every call goes through here: it is rejected after `close`, which waits for calls in flight, or by `giveUp`; errors are mapped. */
  async #run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw shuttingDown();
    const { promise: running, resolve, reject } = Promise.withResolvers<T>();
    this.#inFlight.set(running, reject);
    action().then(resolve, reject);
    try {
      return await running;
    } catch (error) {
      throw mongoError(error);
    } finally {
      this.#inFlight.delete(running);
    }
  }
}
