// An account on its way into MongoDB. Its documents have no account yet, so no request finds them; a setting marks the import until the
// account is published, and names the one process that may go on with it: every transaction of the import changes that setting.

import type { ClientSession, MongoClient } from 'mongodb';

import { collections } from '../../shared/collections.ts';
import { isDuplicateKey } from './errors.ts';
import { byId, toRecordDocument, toStored, type RecordDocument, type Tables } from './schema.ts';
import { accountExists, addressTaken, importTakenOver, newEpoch, recordTaken } from '../store.ts';
import type { HeldRecord, Importing } from '../store.ts';

const PREFIX = 'import:';
/** Documents that are removed at a time: a transaction would not have the time for a whole account. */
const BATCH_SIZE = 5000;

export async function listImports({ settings }: Tables): Promise<readonly string[]> {
  const found = await settings.find({ _id: { $gte: PREFIX, $lt: 'import;' } }, { sort: { _id: 1 } }).toArray();
  return found.map(({ _id }) => _id.slice(PREFIX.length));
}

export interface ImportDeps {
  readonly client: MongoClient;
  readonly tables: Tables;
  /** Every call goes through it, as the store's others do. */
  readonly run: <T>(action: () => Promise<T>) => Promise<T>;
}

export async function beginImport({ client, tables, run }: ImportDeps, accountId: string): Promise<Importing> {
  const _id = PREFIX + accountId;
  const token = newEpoch();
  /** One transaction of this import. */
  const step = (change: (session: ClientSession) => Promise<void>): Promise<void> => run(async () => {
    await using session = client.startSession();
    await session.withTransaction(async () => {
      const { matchedCount } = await tables.settings.updateOne({ _id, value: token }, { $inc: { steps: 1 } }, { session });
      if (matchedCount === 0) throw importTakenOver(accountId);
      await change(session);
    }, { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' }, readPreference: 'primary' });
  });
  const clear = async (): Promise<void> => {
    for (const table of [...collections.map(({ name }) => tables.records(name)), tables.tombstones, tables.replies, tables.audit]) {
      for (let isEmpty = false; !isEmpty;) {
        await step(async (session) => {
          const found = await table.find({ accountId }, { session, projection: { _id: 1 }, limit: BATCH_SIZE }).toArray();
          isEmpty = found.length === 0;
          // The tables' ids are of two types.
          const ids = found.map((document) => document._id) as never[];
          if (!isEmpty) await table.deleteMany({ _id: { $in: ids }, accountId }, { session, ...byId });
        });
      }
    }
  };
  await run(async () => {
    await tables.settings.updateOne({ _id }, { $set: { value: token } }, { upsert: true, writeConcern: { w: 'majority' } });
    // Only now: another import could have published it in between.
    if (await tables.accounts.findOne({ _id: accountId }, { readConcern: { level: 'majority' } }) === null) return;
    await tables.settings.deleteOne({ _id, value: token });
    throw accountExists(accountId);
  });
  await clear();
  return {
    addRecords: (records) => step(async (session) => {
      const [tombstones, present] = [true, false].map((are) => records.filter(({ payload }) => (payload === null) === are));
      for (const [collection, added] of Map.groupBy(present ?? [], (record) => record.collection)) {
        await tables.records(collection).insertMany(added.map((record) => toDocument(accountId, record)), { session })
          .catch((error: unknown) => { throw isDuplicateKey(error) ? recordTaken() : error; });
      }
      if (!tombstones || tombstones.length === 0) return;
      await tables.tombstones.insertMany(tombstones.map(({ collection, id, at }) => (
        { accountId, collection, recordId: id, sync: { at: toStored(instantOf(at)) } }
      )), { session });
    }),
    addReplies: (replies) => step(async (session) => {
      await tables.replies.insertMany(replies.map((reply) => ({ accountId, ...reply })), { session });
    }),
    addEntries: (entries) => step(async (session) => {
      await tables.audit.insertMany(entries.map(({ number, at, entry }) => ({ accountId, number, at: toStored(at), entry })), { session });
    }),
    existing: (collection, ids) => run(async () => {
      const filter = { _id: { $in: [...ids] }, accountId };
      const found = await tables.records(collection).find(filter, { projection: { _id: 1 }, ...byId }).toArray();
      return new Set(found.map((document) => document._id));
    }),
    publish: ({ clock, horizon, digest, numbers, epoch, audited, pausedMs }, addresses) => step(async (session) => {
      if (addresses.length > 0) {
        await tables.directory.insertMany(addresses.map(({ email, userId }) => ({ _id: email, accountId, userId })), { session })
          .catch((error: unknown) => { throw isDuplicateKey(error) ? addressTaken() : error; });
      }
      const account = { clock: toStored(clock), horizon: toStored(horizon), digest, numbers, epoch, audited, pausedMs, writes: 0 };
      await tables.accounts.insertOne({ _id: accountId, ...account }, { session });
      await tables.settings.deleteOne({ _id }, { session });
    }),
    async discard() {
      await clear();
      await run(() => tables.settings.deleteOne({ _id, value: token }));
    },
  };
}

function toDocument(accountId: string, record: HeldRecord): RecordDocument {
  return toRecordDocument(accountId, { ...record, at: instantOf(record.at), payload: record.payload ?? '' });
}

function instantOf<T>(at: T | null): T {
  if (at === null) throw new TypeError('an imported record has no instant');
  return at;
}
