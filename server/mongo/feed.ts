// Snapshot reads: the account and its changes, merged from one source per collection.
//
// The first read lets the server choose the newest majority-committed cluster time, and all others read at that time.
// This is what the driver's snapshot sessions do; they are not used because a session runs one command at a time, and
// these reads run concurrently. No cursor is ever left open: each read is a separate single-batch command, and the next
// one continues after the last change of the one before.

import type { Document, Timestamp } from 'mongodb';

import type { Instant } from '../../shared/clock.ts';
import type { Change } from '../../shared/feed.ts';
import { isConnectionError, isSnapshotGone } from './errors.ts';
import { readInt64, readString } from './bson.ts';
import { ACCOUNTS, toAccount, TOMBSTONES, toStored, type AccountDocument, type Tables } from './schema.ts';
import { unknownAccount } from '../store.ts';
import type { ChangeRange, Snapshot } from '../store.ts';

/** A batch ends at either limit, of changes or of bytes of their payloads: the caller holds it until it is sent. */
const BATCH_SIZE = 250;
const BATCH_BYTES = 256 * 1024;
/** Bounds on the changes per read: few are read for nothing, and few are held in memory. */
const MIN_READ = 20;
const MAX_READ = 512;
/** MongoDB cuts a reply off before 16 MiB. A reply below this size was not cut off: no record fills the 8 MiB between. */
const FULL_REPLY_BYTES = 8 * 1024 * 1024;

export async function openSnapshot(tables: Tables, accountId: string): Promise<Snapshot> {
  const { document, time } = await readAccount(tables, accountId).catch((error: unknown) => {
    // Right after a collection is created the newest time may lie before it. And the driver does not retry a plain
    // command when the primary is lost.
    if (isSnapshotGone(error) || isConnectionError(error)) return readAccount(tables, accountId);
    throw error;
  });
  if (!document) throw unknownAccount();
  const account = toAccount(document);
  return {
    account,
    changes(range) {
      const total = Object.values(account.digest).reduce((sum, { count }) => sum + count, 0);
      const sourceOf = (kind: Kind, after: Instant): Source => {
        const share = (account.digest[kind.from]?.count ?? 0) / Math.max(total, 1);
        return new Source((from, limit) => readChanges({ tables, accountId, time }, kind, from, limit), { ...range, after }, share);
      };
      const { after, collections, tombstonesAfter } = range;
      const sources = collections.map((collection) => sourceOf(recordsOf(collection), after));
      if (tombstonesAfter !== null) sources.push(sourceOf(tombstonesOf(collections), Math.max(after, tombstonesAfter) as Instant));
      return merge(sources, range.limit);
    },
    async count(after, collections) {
      const kinds = [...collections.map(recordsOf), tombstonesOf(collections)];
      const counts = kinds.map((kind) => countChanges({ tables, accountId, time }, kind, after));
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },
  };
}

async function readAccount(tables: Tables, accountId: string): Promise<{ document: AccountDocument | undefined; time: Timestamp }> {
  const { cursor } = await tables.db.command({
    find: ACCOUNTS, filter: { _id: accountId }, limit: 1, singleBatch: true, readConcern: { level: 'snapshot' },
  });
  return { document: cursor.firstBatch[0], time: cursor.atClusterTime };
}

/** One source of changes: where they are stored, and how a document becomes a change. */
interface Kind {
  readonly from: string;
  readonly filter: Document;
  readonly projection: Document;
  /** The change's texts are views into the document's bytes. */
  readonly toChange: (document: Buffer) => Change;
}

function recordsOf(collection: string): Kind {
  return {
    from: collection, filter: {}, projection: { payload: 1 },
    toChange: (document) => ({
      collection, id: readString(document, '_id').toString('latin1'), at: instantIn(document), payload: readString(document, 'payload'),
    }),
  };
}

function tombstonesOf(collections: readonly string[]): Kind {
  return {
    from: TOMBSTONES, filter: { collection: { $in: collections } }, projection: { _id: 0, collection: 1, recordId: 1 },
    toChange: (document) => ({
      collection: readString(document, 'collection').toString('latin1'), id: readString(document, 'recordId').toString('latin1'),
      at: instantIn(document), payload: null,
    }),
  };
}

function instantIn(document: Buffer): Instant {
  return readInt64(document, 'sync', 'at') as Instant;
}

/** Where and as of which time an account is read. */
interface Place {
  readonly tables: Tables;
  readonly accountId: string;
  readonly time: Timestamp;
}

async function countChanges({ tables, accountId, time }: Place, kind: Kind, after: Instant): Promise<number> {
  const { cursor } = await tables.db.command({
    aggregate: kind.from,
    pipeline: [{ $match: { accountId, 'sync.at': { $gt: toStored(after) }, ...kind.filter } }, { $count: 'count' }],
    cursor: {},
    readConcern: { level: 'snapshot', atClusterTime: time },
  });
  return Number(cursor.firstBatch[0]?.count ?? 0);
}

export interface ReadResult {
  readonly changes: readonly Change[];
  readonly isEnd: boolean;
}

/** Reads an account's changes of one kind after an instant, at most `limit`, as of `time`. */
async function readChanges({ tables, accountId, time }: Place, kind: Kind, after: Instant, limit: number): Promise<ReadResult> {
  const { cursor } = await tables.db.command({
    find: kind.from,
    filter: { accountId, 'sync.at': { $gt: toStored(after) }, ...kind.filter },
    sort: { accountId: 1, 'sync.at': 1 },
    projection: { ...kind.projection, 'sync.at': 1 },
    // The default batch size is 101 documents.
    limit, batchSize: limit, singleBatch: true,
    readConcern: { level: 'snapshot', atClusterTime: time },
    // Not `raw`, with which the driver would not recognise an error reply either.
  }, { fieldsAsRaw: { firstBatch: true } });
  const documents: readonly Buffer[] = cursor.firstBatch;
  const sizeBytes = documents.reduce((sum, { length }) => sum + length, 0);
  return { changes: documents.map(kind.toChange), isEnd: documents.length < limit && sizeBytes < FULL_REPLY_BYTES };
}

/** Merges the sources by instant; yields at most `limit` changes. */
export async function* merge(sources: readonly Source[], limit: number): AsyncGenerator<readonly Change[]> {
  let batch: Change[] = [];
  let batchBytes = 0;
  let left = limit;
  await Promise.all(sources.map((source) => source.read(left)));
  let open = sources.filter((source) => source.head !== undefined);
  while (open.length > 0 && left > 0) {
    const source = open.reduce((oldest, other) => (headAt(other) < headAt(oldest) ? other : oldest));
    const change = source.take();
    batch.push(change);
    batchBytes += change.payload?.length ?? 0;
    left -= 1;
    if (batch.length === BATCH_SIZE || batchBytes >= BATCH_BYTES) {
      yield batch;
      batch = [];
      batchBytes = 0;
    }
    if (source.head !== undefined || left === 0) continue;
    await source.read(left);
    if (source.head === undefined) open = open.filter((other) => other !== source);
  }
  if (batch.length > 0) yield batch;
}

function headAt(source: Source): Instant {
  if (source.head === undefined) throw new Error('an exhausted source cannot be merged');
  return source.head.at;
}

/** Changes of one kind, with read-ahead. */
export class Source {
  readonly #readAfter: (after: Instant, limit: number) => Promise<ReadResult>;
  #after: Instant;
  #readSize: number;
  #ahead: readonly Change[] = [];
  #next = 0;
  #isEnd = false;
  /** The oldest change not yet taken; undefined before the first `read` and once exhausted. */
  head: Change | undefined;

  /** `share` is the fraction of the account's records that are of this kind, used to size the first read. */
  constructor(readAfter: (after: Instant, limit: number) => Promise<ReadResult>, { after, limit }: ChangeRange, share: number) {
    this.#readAfter = readAfter;
    this.#after = after;
    this.#readSize = Math.max(MIN_READ, Math.ceil(limit * share));
  }

  take(): Change {
    const change = this.head;
    if (change === undefined) throw new Error('no change was read ahead');
    this.#next += 1;
    this.head = this.#ahead[this.#next];
    return change;
  }

  /** Reads at most `limit` further changes. Call it only when all earlier ones have been taken. */
  async read(limit: number): Promise<void> {
    if (this.#isEnd) return;
    const { changes, isEnd } = await this.#readAfter(this.#after, Math.min(this.#readSize, MAX_READ, limit));
    this.#ahead = changes;
    this.#isEnd = isEnd;
    this.#next = 0;
    this.head = changes[0];
    this.#after = changes.at(-1)?.at ?? this.#after;
    this.#readSize *= 2;
  }
}
