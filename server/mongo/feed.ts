// Reads of one instant: the account and its changes, merged from one source per collection.
//
// The first read lets the server choose the newest instant that a majority holds, and every other one names that
// instant. This is what the driver's snapshot sessions do; they are not used because a session takes one command after
// the other, and these reads run side by side. No cursor is ever left open: each read is a command of its own that is
// answered at once, and the next one goes on after the last change of the one before.

import type { Document, Timestamp } from 'mongodb';

import type { Instant } from '../../shared/clock.ts';
import type { Change } from '../../shared/feed.ts';
import { isConnectionError, isSnapshotGone } from './errors.ts';
import { readInt64, readString } from './bson.ts';
import { ACCOUNTS, toAccount, TOMBSTONES, toStored, type AccountDocument, type Tables } from './schema.ts';
import { unknownAccount } from '../store.ts';
import type { ChangeRange, Snapshot } from '../store.ts';

/** Changes a batch given out holds. */
const BATCH = 100;
/** One read asks for at least and at most so many changes: few are read in vain, and few are held. */
const LEAST_READ = 20;
const LARGEST_READ = 512;
/** MongoDB ends a reply before 16 MiB, whatever was asked for. No record takes as much as what is left below that. */
const FULL_REPLY_BYTES = 8 * 1024 * 1024;

export async function openSnapshot(tables: Tables, accountId: string): Promise<Snapshot> {
  const { document, time } = await readAccount(tables, accountId).catch((error: unknown) => {
    // Right after a collection was made, the newest instant may lie before it; and a plain command is not repeated by
    // the driver when a primary has gone.
    if (isSnapshotGone(error) || isConnectionError(error)) return readAccount(tables, accountId);
    throw error;
  });
  if (!document) throw unknownAccount();
  const account = toAccount(document);
  return {
    account,
    changes(range) {
      const held = Object.values(account.digest).reduce((sum, { count }) => sum + count, 0);
      const sources = kindsIn(range).map((kind) => {
        const share = (account.digest[kind.from]?.count ?? 0) / Math.max(held, 1);
        return new Source((after, limit) => readChanges({ tables, accountId, time }, kind, after, limit), range, share);
      });
      return merge(sources, range.limit);
    },
  };
}

async function readAccount(tables: Tables, accountId: string): Promise<{ document: AccountDocument | undefined; time: Timestamp }> {
  const { cursor } = await tables.db.command({
    find: ACCOUNTS, filter: { _id: accountId }, limit: 1, singleBatch: true, readConcern: { level: 'snapshot' },
  });
  return { document: cursor.firstBatch[0], time: cursor.atClusterTime };
}

/** Where changes of one kind are, and how a document there becomes one. */
interface Kind {
  readonly from: string;
  readonly filter: Document;
  readonly projection: Document;
  /** Views into the document's bytes. */
  readonly toChange: (document: Buffer) => Change;
}

function kindsIn({ collections, withTombstones }: ChangeRange): readonly Kind[] {
  return [...collections.map(recordsOf), ...(withTombstones ? [tombstonesOf(collections)] : [])];
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

interface Found {
  readonly changes: readonly Change[];
  readonly isEnd: boolean;
}

/** An account's changes of one kind after an instant, at most `limit`, as they were at `time`. */
async function readChanges(
  { tables, accountId, time }: { tables: Tables; accountId: string; time: Timestamp }, kind: Kind, after: Instant, limit: number,
): Promise<Found> {
  const { cursor } = await tables.db.command({
    find: kind.from,
    filter: { accountId, 'sync.at': { $gt: toStored(after) }, ...kind.filter },
    sort: { accountId: 1, 'sync.at': 1 },
    projection: { ...kind.projection, 'sync.at': 1 },
    // Without a size of its own a batch is of 101 documents.
    limit, batchSize: limit, singleBatch: true,
    readConcern: { level: 'snapshot', atClusterTime: time },
    // Not `raw`, with which the driver would not understand an error that it gets for an answer either.
  }, { fieldsAsRaw: { firstBatch: true } });
  const documents: readonly Buffer[] = cursor.firstBatch;
  const sizeBytes = documents.reduce((sum, { length }) => sum + length, 0);
  return { changes: documents.map(kind.toChange), isEnd: documents.length < limit && sizeBytes < FULL_REPLY_BYTES };
}

/** The sources' changes as one sequence by instant, at most `limit`. */
async function* merge(sources: readonly Source[], limit: number): AsyncGenerator<readonly Change[]> {
  let batch: Change[] = [];
  let left = limit;
  await Promise.all(sources.map((source) => source.read(left)));
  let open = sources.filter((source) => source.head !== undefined);
  while (open.length > 0 && left > 0) {
    const source = open.reduce((oldest, other) => (headAt(other) < headAt(oldest) ? other : oldest));
    batch.push(source.take());
    left -= 1;
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
    if (source.head !== undefined || left === 0) continue;
    await source.read(left);
    if (source.head === undefined) open = open.filter((other) => other !== source);
  }
  if (batch.length > 0) yield batch;
}

function headAt(source: Source): Instant {
  if (source.head === undefined) throw new Error('a source without changes is not merged');
  return source.head.at;
}

/** Changes of one kind and what was read of them ahead. */
class Source {
  readonly #find: (after: Instant, limit: number) => Promise<Found>;
  #after: Instant;
  #readSize: number;
  #ahead: readonly Change[] = [];
  #next = 0;
  #isEnd = false;
  /** The oldest change not yet taken; undefined before the first `read` and where there is none. */
  head: Change | undefined;

  /** `share` is what part of the account's records are of this kind: as much of a page is expected to be. */
  constructor(find: (after: Instant, limit: number) => Promise<Found>, { after, limit }: ChangeRange, share: number) {
    this.#find = find;
    this.#after = after;
    this.#readSize = Math.max(LEAST_READ, Math.ceil(limit * share));
  }

  take(): Change {
    const change = this.head;
    if (change === undefined) throw new Error('nothing was read ahead');
    this.#next += 1;
    this.head = this.#ahead[this.#next];
    return change;
  }

  /** Once all that was read has been taken: reads on, at most `most` changes. */
  async read(most: number): Promise<void> {
    if (this.#isEnd) return;
    const { changes, isEnd } = await this.#find(this.#after, Math.min(this.#readSize, LARGEST_READ, most));
    this.#ahead = changes;
    this.#isEnd = isEnd;
    this.#next = 0;
    this.head = changes[0];
    this.#after = changes.at(-1)?.at ?? this.#after;
    this.#readSize *= 2;
  }
}
