// One write inside a MongoDB transaction: its reads, and how its changes are applied.
//
// The driver allows one command at a time in a transaction, so concurrent reads are queued. Changes are applied only
// after the write's callback has returned and its addresses are known to be free, because MongoDB cannot roll back part
// of a transaction.

import type { AnyBulkWriteOperation, ClientSession, ObjectId } from 'mongodb';

import { EPOCH, type Instant } from '../../shared/clock.ts';
import type { PendingWrite, TransactionReads } from '../pending-write.ts';
import { isDuplicateKey } from './errors.ts';
import { exactTypes, heldAfter, lastEntry, newestUpTo, toHeldRecord, type LooseDocument } from './holdings.ts';
import {
  byId, dueReplies, dueTombstones, toInstant, toRecord, toRecordDocument, toStored, type RecordDocument, type Tables,
} from './schema.ts';
import { addressTaken, pruneBatchSize } from '../store.ts';
import type { StoredRecord } from '../store.ts';

/** What one `prune` removes: tombstones up to `until`, audit entries up to a number, and these replies. */
interface Pruning {
  readonly until: Instant | null;
  readonly lastEntry: number;
  readonly replyIds: readonly ObjectId[];
}

/** The reading half of a Transaction. */
export class TransactionReader {
  readonly prunings: Pruning[] = [];
  readonly reads: TransactionReads;
  readonly #tables: Tables;
  readonly #session: ClientSession;
  readonly #pending: PendingWrite;
  #last: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;

  constructor(tables: Tables, session: ClientSession, pending: PendingWrite) {
    this.#tables = tables;
    this.#session = session;
    this.#pending = pending;
    const { accountId } = pending.account;
    this.reads = {
      get: (collection, id) => this.#read(async () => {
        const document = await tables.records(collection).findOne({ _id: id, accountId }, { session, ...byId });
        return document && toRecord(collection, document);
      }),
      list: (collection) => this.#read(async () => {
        const documents = await tables.records(collection).find({ accountId }, { session }).toArray();
        return documents.map((document) => toRecord(collection, document));
      }),
      isReferenced: (collection, id) => this.#read(async () => {
        const found = await tables.records(collection).findOne({ accountId, references: id }, { session, projection: { _id: 1 } });
        return found !== null;
      }),
      findReply: (key) => this.#read(() => tables.replies.findOne(
        { accountId, key }, { session, projection: { _id: 0, key: 1, fingerprint: 1, body: 1, keptAtMs: 1 } },
      )),
      prune: (until, repliesBeforeMs, entriesBefore = EPOCH) => this.#read(() => this.#prune(until, repliesBeforeMs, entriesBefore)),
      held: (collection, id) => this.#read(async () => {
        const options = { session, ...exactTypes, ...byId };
        const document = await tables.records(collection).findOne<LooseDocument>({ _id: id, accountId }, options);
        return document && toHeldRecord(collection, document);
      }),
      heldAfter: (after, limit) => this.#read(() => heldAfter(tables, session, accountId, after, limit)),
      newestUpTo: (until) => this.#read(() => newestUpTo(tables, session, accountId, until)),
      lastEntry: () => this.#read(() => lastEntry(tables, session, accountId)),
      newestReplyMs: () => this.#read(async () => {
        const newest = await tables.replies.findOne({ accountId }, { session, sort: { accountId: -1, keptAtMs: -1 } });
        return newest?.keptAtMs ?? null;
      }),
    };
  }

  /** Resolves when no read is in progress; rejects with the first read's error. */
  async finish(): Promise<void> {
    await this.#last;
    if (this.#failure) throw this.#failure.error;
  }

  /** Throws `conflict` if another user has an address that this write claims. */
  async rejectTakenAddresses(): Promise<void> {
    const { account: { accountId }, claims, releases } = this.#pending;
    if (claims.length === 0) return;
    const addresses = claims.map(({ email }) => email);
    const taken = await this.#read(() => this.#tables.directory.find({ _id: { $in: addresses } }, { session: this.#session }).toArray());
    for (const entry of taken) {
      const isSameAccount = entry.accountId === accountId;
      if (isSameAccount && releases.includes(entry._id)) continue;
      if (!isSameAccount || claims.some(({ email, userId }) => email === entry._id && userId !== entry.userId)) throw addressTaken();
    }
  }

  async #prune(until: Instant, repliesBeforeMs: number, entriesBefore: Instant): Promise<void> {
    const { accountId } = this.#pending.account;
    const options = { session: this.#session, limit: pruneBatchSize, batchSize: pruneBatchSize };
    const tombstones = await this.#tables.tombstones.find(dueTombstones(accountId, until), {
      ...options, sort: { accountId: 1, 'sync.at': 1 }, projection: { _id: 0, 'sync.at': 1 },
    }).toArray();
    const replies = await this.#tables.replies.find(dueReplies(accountId, repliesBeforeMs), {
      ...options, projection: { _id: 1 },
    }).toArray();
    const oldest = await this.#tables.audit.find({ accountId }, {
      ...options, sort: { accountId: 1, number: 1 }, projection: { _id: 0, number: 1, at: 1 },
    }).toArray();
    const remaining = oldest.findIndex(({ at }) => toInstant(at) >= entriesBefore);
    const lastEntry = (remaining < 0 ? oldest.at(-1) : oldest[remaining - 1])?.number ?? 0;
    const newest = tombstones.at(-1);
    const horizon = newest ? toInstant(newest.sync.at) : null;
    if (horizon !== null) this.#pending.account = { ...this.#pending.account, horizon };
    this.prunings.push({ until: horizon, lastEntry, replyIds: replies.map(({ _id }) => _id) });
  }

  #read<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      if (this.#failure) throw this.#failure.error;
      try {
        return await run();
      } catch (error) {
        this.#failure = { error };
        throw error;
      }
    });
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Applies a write's changes within the transaction, except for the account itself. */
export async function applyWrite(
  tables: Tables, session: ClientSession, pending: PendingWrite, prunings: readonly Pruning[],
): Promise<void> {
  const { accountId } = pending.account;
  await applyDirectory(tables, session, pending);
  await applyPuts(tables, session, accountId, pending.puts);
  await applyRemovals(tables, session, accountId, pending.removals);
  for (const _id of pending.endedSessions) await tables.sessions.deleteOne({ _id, accountId }, { session });
  for (const { userId, keep } of pending.signOuts) {
    await tables.sessions.deleteMany({ accountId, userId, ...(keep === null ? {} : { _id: { $ne: keep } }) }, { session });
  }
  for (const reply of pending.replies) {
    await tables.replies.replaceOne({ accountId, key: reply.key }, { accountId, ...reply }, { session, upsert: true });
  }
  await applyRestamps(tables, session, accountId, pending.restamps);
  for (const { collection, id, at } of pending.droppedTombstones) {
    const filter = { accountId, collection, recordId: id, ...(at === null ? {} : { 'sync.at': toStored(at) }) };
    await tables.tombstones.deleteMany(filter, { session });
  }
  for (const { until, lastEntry, replyIds } of prunings) {
    if (until !== null) await tables.tombstones.deleteMany(dueTombstones(accountId, until), { session });
    if (lastEntry > 0) await tables.audit.deleteMany({ accountId, number: { $lte: lastEntry } }, { session });
    if (replyIds.length > 0) await tables.replies.deleteMany({ _id: { $in: replyIds }, accountId }, { session, ...byId });
  }
}

async function applyDirectory({ directory }: Tables, session: ClientSession, pending: PendingWrite): Promise<void> {
  const { account: { accountId }, claims, releases } = pending;
  if (releases.length > 0) await directory.deleteMany({ _id: { $in: releases }, accountId }, { session });
  for (const { email, userId } of claims) {
    try {
      await directory.replaceOne({ _id: email, accountId }, { accountId, userId }, { session, upsert: true });
    } catch (error) {
      // Another account claimed it after this transaction's snapshot was taken.
      throw isDuplicateKey(error) ? addressTaken() : error;
    }
  }
}

async function applyPuts(tables: Tables, session: ClientSession, accountId: string, puts: readonly StoredRecord[]): Promise<void> {
  for (const [collection, records] of Map.groupBy(puts, (record) => record.collection)) {
    const operations = records.map((record): AnyBulkWriteOperation<RecordDocument> => ({
      replaceOne: { filter: { _id: record.id, accountId }, replacement: toRecordDocument(accountId, record), upsert: true, ...byId },
    }));
    await tables.records(collection).bulkWrite(operations, { session });
  }
}

async function applyRestamps(tables: Tables, session: ClientSession, accountId: string, restamps: PendingWrite['restamps']): Promise<void> {
  const [tombstones, records] = [true, false].map((are) => restamps.filter(({ record }) => (record.payload === null) === are));
  for (const [collection, moved] of Map.groupBy(records ?? [], ({ record }) => record.collection)) {
    await tables.records(collection).bulkWrite(moved.map(({ record, at }) => (
      { updateOne: { filter: { _id: record.id, accountId }, update: { $set: { 'sync.at': toStored(at) } }, ...byId } }
    )), { session });
  }
  if (!tombstones || tombstones.length === 0) return;
  await tables.tombstones.bulkWrite(tombstones.map(({ record, at }) => ({ updateOne: {
    filter: { accountId, 'sync.at': toStored(record.at ?? EPOCH), collection: record.collection, recordId: record.id },
    update: { $set: { 'sync.at': toStored(at) } },
  } })), { session });
}

async function applyRemovals(tables: Tables, session: ClientSession, accountId: string, removals: PendingWrite['removals']): Promise<void> {
  for (const [collection, removed] of Map.groupBy(removals, ({ record }) => record.collection)) {
    const ids = removed.map(({ record }) => record.id);
    await tables.records(collection).deleteMany({ _id: { $in: ids }, accountId }, { session, ...byId });
  }
  if (removals.length === 0) return;
  await tables.tombstones.insertMany(removals.map(({ record, at }) => (
    { accountId, collection: record.collection, recordId: record.id, sync: { at: toStored(at) } }
  )), { session });
}
