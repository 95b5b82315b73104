// Everything that MongoDB keeps of an account, for the commands that check and copy it.
//
// All reads are at one cluster time, in a snapshot session, which runs one command at a time. Unlike the feed, cursors stay open: they
// also find documents whose instants no range of instants would. Invariant: what somebody has damaged is handed on, not thrown.

import { Long, type ClientSession, type FindCursor, type MongoClient } from 'mongodb';

import { EPOCH, type Instant } from '../../shared/clock.ts';
import { collections } from '../../shared/collections.ts';
import { isConnectionError, isSnapshotGone } from './errors.ts';
import type { HeldAccount } from '../held-account.ts';
import { listImports } from './import.ts';
import { byId, majorityRead, toHeldAccount, toEntry, toStored, type Tables } from './schema.ts';
import { unknownAccount } from '../store.ts';
import type { HeldRecord, Holdings, Orphan, StoredReply } from '../store.ts';

const BATCH_SIZE = 500;

/** Throws `unauthorized` if the account does not exist. */
export async function withHoldings<T>(
  client: MongoClient, tables: Tables, accountId: string, read: (holdings: Holdings) => Promise<T>,
): Promise<T> {
  await using session = client.startSession({ snapshot: true });
  const found = await tables.accounts.findOne({ _id: accountId }, { session }).catch((error: unknown) => {
    // As in feed.ts: right after a collection is created the newest time may lie before it.
    if (isSnapshotGone(error) || isConnectionError(error)) return tables.accounts.findOne({ _id: accountId }, { session });
    throw error;
  });
  if (!found) throw unknownAccount();
  return await read(holdingsOf(tables, session, toHeldAccount(found)));
}

function holdingsOf(tables: Tables, session: ClientSession, { account, unreadable }: HeldAccount): Holdings {
  const { accountId } = account;
  return {
    account,
    unreadable,
    records: () => mergeByInstant([
      ...collections.map(({ name }) => recordsOf(tables, session, accountId, name)),
      tombstonesOf(tables, session, accountId),
    ]),
    async existing(collection, ids) {
      const filter = { _id: { $in: [...ids] }, accountId };
      const found = await tables.records(collection).find(filter, { session, projection: { _id: 1 }, ...byId }).toArray();
      return new Set(found.map(({ _id }) => _id));
    },
    // The index is MongoDB's own.
    misfiledReferences: async () => 0,
    async addresses() {
      const found = await tables.directory.find({ accountId }, { session, sort: { _id: 1 } }).toArray();
      return found.map(({ _id, userId }) => ({ email: _id, userId }));
    },
    replies: () => batches(
      tables.replies.find({ accountId }, { session, sort: { accountId: 1, key: 1 } }),
      ({ key, fingerprint, body, keptAtMs }): StoredReply => ({ key, fingerprint, body, keptAtMs }),
    ),
    lastEntry: () => lastEntry(tables, session, accountId),
    entries: () => batches(tables.audit.find({ accountId }, { session, sort: { accountId: 1, number: 1 } }), toEntry),
  };
}

/** Accounts without a document and how many records each has; not those being imported. */
export async function listOrphans(tables: Tables): Promise<readonly Orphan[]> {
  const kept = new Map<string, number>();
  const records = collections.map(({ name }) => ({ table: tables.records(name), counts: 1 }));
  const others = [tables.directory, tables.replies, tables.tombstones, tables.audit].map((table) => ({ table, counts: 0 }));
  for (const { table, counts } of [...records, ...others]) {
    const perAccount = [{ $group: { _id: '$accountId', count: { $sum: counts } } }];
    const groups = table.aggregate<{ _id: unknown; count: number }>(perAccount, majorityRead);
    for await (const { _id, count } of groups) kept.set(String(_id), (kept.get(String(_id)) ?? 0) + count);
  }
  // Only now, and in this order: an account is there before anything is kept for it, and an import until there is an account.
  for (const accountId of await listImports(tables)) kept.delete(accountId);
  for (const { _id } of await tables.accounts.find({}, { ...majorityRead, projection: { _id: 1 } }).toArray()) kept.delete(String(_id));
  return [...kept].sort().map(([accountId, count]) => ({ accountId, records: count }));
}

function recordsOf(tables: Tables, session: ClientSession, accountId: string, collection: string): AsyncGenerator<readonly HeldRecord[]> {
  const cursor = tables.records(collection).find<LooseDocument>({ accountId }, { session, sort: byInstant, ...exactTypes });
  return batches(cursor, (document) => toHeldRecord(collection, document));
}

function tombstonesOf(tables: Tables, session: ClientSession, accountId: string): AsyncGenerator<readonly HeldRecord[]> {
  const cursor = tables.tombstones.find<LooseDocument>({ accountId }, { session, sort: byInstant, ...exactTypes });
  return batches(cursor, toHeldTombstone);
}

/** Records and tombstones after an instant, oldest first, at most `limit`, as a transaction sees them. */
export async function heldAfter(
  tables: Tables, session: ClientSession, accountId: string, after: Instant, limit: number,
): Promise<readonly HeldRecord[]> {
  const filter = { accountId, 'sync.at': { $gt: toStored(after) } };
  const options = { session, sort: byInstant, limit, ...exactTypes };
  const found: HeldRecord[] = [];
  for (const { name } of collections) {
    const documents = await tables.records(name).find<LooseDocument>(filter, options).toArray();
    found.push(...documents.map((document) => toHeldRecord(name, document)));
  }
  found.push(...(await tables.tombstones.find<LooseDocument>(filter, options).toArray()).map(toHeldTombstone));
  return found.toSorted((a, b) => (a.at ?? EPOCH) - (b.at ?? EPOCH)).slice(0, limit);
}

/** The newest instant of a record or tombstone up to `until`, as a transaction sees it; `EPOCH` if there is none. */
export async function newestUpTo(tables: Tables, session: ClientSession, accountId: string, until: Instant): Promise<Instant> {
  let newest = EPOCH;
  for (const source of [...collections.map(({ name }) => tables.records(name)), tables.tombstones]) {
    const filter = { accountId, 'sync.at': { $lte: toStored(until) } };
    const found = await source.findOne(filter, { session, sort: { accountId: -1, 'sync.at': -1 }, projection: { sync: 1 }, ...exactTypes });
    newest = Math.max(newest, instantIn(found?.sync) ?? EPOCH) as Instant;
  }
  return newest;
}

/** The number of the newest audit entry; 0 if there is none. */
export async function lastEntry({ audit }: Tables, session: ClientSession, accountId: string): Promise<number> {
  return (await audit.findOne({ accountId }, { session, sort: { accountId: -1, number: -1 } }))?.number ?? 0;
}

export const byInstant = { accountId: 1, 'sync.at': 1 } as const;
/** The feed sends 64-bit integers only, so they must be told from other numbers. */
export const exactTypes = { promoteLongs: false } as const;

/** A record's or tombstone's document, of which nothing is taken for granted. */
export type LooseDocument = Readonly<Record<string, unknown>>;

export function toHeldRecord(collection: string, { _id, sync, payload, secret, references }: LooseDocument): HeldRecord {
  return {
    collection,
    id: typeof _id === 'string' ? _id : JSON.stringify(_id),
    at: instantIn(sync),
    payload: typeof payload === 'string' ? payload : '',
    secret: typeof secret === 'string' ? secret : null,
    references: Array.isArray(references) ? references.filter((target) => typeof target === 'string') : [],
  };
}

function toHeldTombstone({ collection, recordId, sync }: LooseDocument): HeldRecord {
  return { collection: String(collection), id: String(recordId), at: instantIn(sync), payload: null, secret: null, references: [] };
}

function instantIn(sync: unknown): Instant | null {
  const at = typeof sync === 'object' && sync !== null && 'at' in sync ? sync.at : null;
  const instant = at instanceof Long ? at.toNumber() : -1;
  return Number.isSafeInteger(instant) && instant > 0 ? instant as Instant : null;
}

/** What a cursor finds, in batches, converted. */
export async function* batches<D extends object, T>(cursor: FindCursor<D>, convert: (document: D) => T): AsyncGenerator<readonly T[]> {
  cursor.batchSize(BATCH_SIZE);
  try {
    while (await cursor.hasNext()) yield cursor.readBufferedDocuments().map((document) => convert(document));
  } finally {
    await cursor.close();
  }
}

/** One batch at a time is read ahead from each source. */
async function* mergeByInstant(sources: readonly AsyncGenerator<readonly HeldRecord[]>[]): AsyncGenerator<readonly HeldRecord[]> {
  const open: { readonly source: AsyncGenerator<readonly HeldRecord[]>; batch: readonly HeldRecord[]; next: number }[] = [];
  try {
    for (const source of sources) {
      const first = await source.next();
      if (first.done !== true) open.push({ source, batch: first.value, next: 0 });
    }
    let merged: HeldRecord[] = [];
    while (open.length > 0) {
      const oldest = open.reduce((least, other) => (instantAt(other) < instantAt(least) ? other : least));
      const record = oldest.batch[oldest.next];
      if (record) merged.push(record);
      oldest.next += 1;
      if (oldest.next >= oldest.batch.length) {
        const following = await oldest.source.next();
        if (following.done === true) open.splice(open.indexOf(oldest), 1);
        else Object.assign(oldest, { batch: following.value, next: 0 });
      }
      if (merged.length < BATCH_SIZE) continue;
      yield merged;
      merged = [];
    }
    if (merged.length > 0) yield merged;
  } finally {
    for (const source of sources) await source.return(undefined);
  }
}

function instantAt({ batch, next }: { readonly batch: readonly HeldRecord[]; readonly next: number }): number {
  return batch[next]?.at ?? -1;
}
