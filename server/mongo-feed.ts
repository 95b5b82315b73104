// Reads of one instant: the account and its changes, merged from one cursor per collection.
//
// The first read lets the server choose the newest instant that a majority holds, and every other one names that
// instant. This is what the driver's snapshot sessions do; they are not used because they send their read concern with
// `killCursors` too, which the server refuses, so a reader that stops early would leave its cursors open there.

import type { BSONSerializeOptions, Document, RunCommandCursor, RunCursorCommandOptions, Timestamp } from 'mongodb';

import type { Instant } from '../shared/clock.ts';
import type { Change } from '../shared/feed.ts';
import { isConnectionError, isSnapshotGone } from './mongo-errors.ts';
import { rawNumber, rawText, readRawDocument, type RawDocument } from './mongo-raw.ts';
import { ACCOUNTS, toAccount, TOMBSTONES, toStored, type AccountDocument, type Tables } from './mongo-schema.ts';
import { unknownAccount } from './store-errors.ts';
import type { ChangeRange, Snapshot } from './store.ts';

/** Changes a batch given out holds. */
const BATCH = 100;
/** A cursor reads this many at first, and twice as many each time it is asked again: what a page leaves unread is small. */
const FIRST_READ = 500;
const LARGEST_READ = 1000;

export async function openSnapshot(tables: Tables, accountId: string): Promise<Snapshot> {
  const { document, time } = await readAccount(tables, accountId).catch((error: unknown) => {
    // Right after a collection was made, the newest instant may lie before it; and a plain command is not repeated by
    // the driver when a primary has gone.
    if (isSnapshotGone(error) || isConnectionError(error)) return readAccount(tables, accountId);
    throw error;
  });
  if (!document) throw unknownAccount();
  return { account: toAccount(document), changes: (range) => readChanges(tables, accountId, time, range) };
}

async function readAccount(tables: Tables, accountId: string): Promise<{ document: AccountDocument | undefined; time: Timestamp }> {
  const { cursor } = await tables.db.command({
    find: ACCOUNTS, filter: { _id: accountId }, limit: 1, singleBatch: true, readConcern: { level: 'snapshot' },
  });
  return { document: cursor.firstBatch[0], time: cursor.atClusterTime };
}

function readChanges(tables: Tables, accountId: string, time: Timestamp, range: ChangeRange): AsyncGenerator<readonly Change[]> {
  const after = { $gt: toStored(range.after) };
  const open = (collection: string, filter: Document, projection: Document, toChange: (document: RawDocument) => Change): Source => {
    const cursor = tables.db.runCursorCommand({
      find: collection,
      filter: { accountId, 'sync.at': after, ...filter },
      sort: { accountId: 1, 'sync.at': 1 },
      projection: { ...projection, 'sync.at': 1 },
      limit: range.limit,
      batchSize: Math.min(FIRST_READ, range.limit),
      readConcern: { level: 'snapshot', atClusterTime: time },
    }, asBytes);
    return new Source(cursor, toChange);
  };
  const sources = range.collections.map((collection) => open(collection, {}, { payload: 1 }, (document) => ({
    collection, id: rawText(document, '_id').toString('latin1'), at: instantOf(document), payload: rawText(document, 'payload'),
  })));
  if (range.withTombstones) {
    const named = { collection: { $in: range.collections } };
    sources.push(open(TOMBSTONES, named, { _id: 0, collection: 1, recordId: 1 }, (document) => ({
      collection: rawText(document, 'collection').toString('latin1'), id: rawText(document, 'recordId').toString('latin1'),
      at: instantOf(document), payload: null,
    })));
  }
  return merge(sources, range.limit);
}

/** Documents as they arrived. The driver takes the option though its type for this call does not name it. */
const asBytes: RunCursorCommandOptions & BSONSerializeOptions = { raw: true };

function instantOf(document: RawDocument): Instant {
  return rawNumber(document, 'sync', 'at') as Instant;
}

/** The sources' changes as one sequence by instant, at most `limit`; closes the sources however the reader ends. */
async function* merge(sources: readonly Source[], limit: number): AsyncGenerator<readonly Change[]> {
  let batch: Change[] = [];
  let left = limit;
  try {
    await Promise.all(sources.map((source) => source.read()));
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
      await source.read();
      if (source.head === undefined) open = open.filter((other) => other !== source);
    }
    if (batch.length > 0) yield batch;
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

function headAt(source: Source): Instant {
  if (source.head === undefined) throw new Error('a source without changes is not merged');
  return source.head.at;
}

/** One cursor and what was read from it ahead. */
class Source {
  readonly #cursor: RunCommandCursor;
  readonly #toChange: (document: RawDocument) => Change;
  #ahead: Uint8Array[] = [];
  #next = 0;
  #readSize = FIRST_READ;
  /** The oldest change not yet taken; undefined before the first `read` and where there is none. */
  head: Change | undefined;

  constructor(cursor: RunCommandCursor, toChange: (document: RawDocument) => Change) {
    this.#cursor = cursor;
    this.#toChange = toChange;
  }

  take(): Change {
    const change = this.head;
    if (change === undefined) throw new Error('nothing was read ahead');
    this.#advance();
    return change;
  }

  async read(): Promise<void> {
    const hasMore = await this.#cursor.hasNext();
    this.#ahead = hasMore ? this.#cursor.readBufferedDocuments() as Uint8Array[] : [];
    this.#next = 0;
    this.#readSize = Math.min(this.#readSize * 2, LARGEST_READ);
    this.#cursor.setBatchSize(this.#readSize);
    this.#advance();
  }

  close(): Promise<void> {
    return this.#cursor.close();
  }

  #advance(): void {
    const document = this.#ahead[this.#next];
    this.#next += 1;
    this.head = document && this.#toChange(readRawDocument(document));
  }
}
