// How the changes of writes are applied within a MongoDB transaction: one command per MongoDB collection that they concern, except for
// the rare ones.

import type { AnyBulkWriteOperation, ClientSession, ObjectId } from 'mongodb';

import { EPOCH, type Instant } from '../../shared/clock.ts';
import type { PendingWrite } from '../pending-write.ts';
import { isDuplicateKey } from './errors.ts';
import { byId, dueTombstones, toRecordDocument, toStored, type RecordDocument, type Tables } from './schema.ts';
import { addressTaken } from '../store.ts';
import type { StoredRecord } from '../store.ts';

/** What one `prune` removes: tombstones up to `until`, audit entries up to a number, and these replies. */
export interface Pruning {
  readonly until: Instant | null;
  readonly lastEntry: number;
  readonly replyIds: readonly ObjectId[];
}

/** The changes of one write or of several. */
export type PendingChanges = Omit<PendingWrite, 'account'>;

/** Applies changes within the transaction, except for the account itself. Throws `conflict` if an address is taken. */
export async function applyWrite(
  tables: Tables, session: ClientSession, accountId: string, pending: PendingChanges, prunings: readonly Pruning[],
): Promise<void> {
  await applyDirectory(tables, session, accountId, pending);
  await applyPuts(tables, session, accountId, pending.puts);
  await applyRemovals(tables, session, accountId, pending.removals);
  const { endedSessions, replies, entries } = pending;
  if (endedSessions.length > 0) await tables.sessions.deleteMany({ _id: { $in: endedSessions }, accountId }, { session, ...byId });
  for (const { userId, keep } of pending.signOuts) {
    await tables.sessions.deleteMany({ accountId, userId, ...(keep === null ? {} : { _id: { $ne: keep } }) }, { session });
  }
  if (replies.length > 0) {
    await tables.replies.bulkWrite(replies.map((reply) => (
      { replaceOne: { filter: { accountId, key: reply.key }, replacement: { accountId, ...reply }, upsert: true } }
    )), { session });
  }
  if (entries.length > 0) {
    await tables.audit.insertMany(entries.map(({ number, at, entry }) => ({ accountId, number, at: toStored(at), entry })), { session });
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

async function applyDirectory(
  { directory }: Tables, session: ClientSession, accountId: string, { claims, releases }: PendingChanges,
): Promise<void> {
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

async function applyRestamps(
  tables: Tables, session: ClientSession, accountId: string, restamps: PendingChanges['restamps'],
): Promise<void> {
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

async function applyRemovals(
  tables: Tables, session: ClientSession, accountId: string, removals: PendingChanges['removals'],
): Promise<void> {
  for (const [collection, removed] of Map.groupBy(removals, ({ record }) => record.collection)) {
    const ids = removed.map(({ record }) => record.id);
    await tables.records(collection).deleteMany({ _id: { $in: ids }, accountId }, { session, ...byId });
  }
  if (removals.length === 0) return;
  await tables.tombstones.insertMany(removals.map(({ record, at }) => (
    { accountId, collection: record.collection, recordId: record.id, sync: { at: toStored(at) } }
  )), { session });
}
