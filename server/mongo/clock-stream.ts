// Reports every move of an account's clock, by any server process, through one change stream on the accounts.
//
// Invariants: there is one stream while anyone watches, and none otherwise. A broken stream is reopened for as long as
// someone watches, and every watcher is notified whenever a stream opens. A stream reports everything that was not durable yet
// when it was opened. So moves that happened without a stream are not missed, and no resume token has to be stored.

import { setTimeout as sleep } from 'node:timers/promises';

import type { ChangeStream, ChangeStreamDocument, Timestamp } from 'mongodb';

import { isAuthError, isSnapshotGone, mongoError } from './errors.ts';
import { ACCOUNTS, type AccountDocument, type Tables } from './schema.ts';
import type { StoreDeps } from '../store.ts';
import { Watchers } from '../watchers.ts';

/** How long the database holds a `getMore` open without events, and so the longest that a closed stream lives on there. */
const AWAIT_MS = 2000;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** A database user who lacks the right to open a change stream will not get it soon. */
const AUTH_BACKOFF_MS = 300_000;

/** Only the update of a transaction that moves the clock, and of it only the account's id. */
const clockMoves = [
  { $match: { operationType: 'update', 'updateDescription.updatedFields.clock': { $exists: true } } },
  { $project: { documentKey: 1, operationType: 1 } },
];

type Stream = ChangeStream<AccountDocument, ChangeStreamDocument<AccountDocument>>;

export class ClockStream {
  readonly #tables: Tables;
  readonly #deps: StoreDeps;
  readonly #watchers = new Watchers();
  #isClosed = false;
  /** Aborts the current stream; null while nobody watches. */
  #abort: AbortController | null = null;

  constructor(tables: Tables, deps: StoreDeps) {
    this.#tables = tables;
    this.#deps = deps;
  }

  add(accountId: string, onMoved: () => void): () => void {
    if (this.#isClosed) return () => {};
    const remove = this.#watchers.add(accountId, onMoved);
    if (!this.#abort) {
      this.#abort = new AbortController();
      void this.#run(this.#abort.signal);
    }
    return () => {
      remove();
      if (!this.#watchers.isEmpty) return;
      this.#abort?.abort();
      this.#abort = null;
    };
  }

  /** Stops all notifications. The stream ends with the client's connections. */
  close(): void {
    this.#isClosed = true;
    this.#watchers.clear();
    this.#abort?.abort();
  }

  /** Never rejects. */
  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#readStream(signal, () => { failures = 0; });
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        this.#deps.log(failures === 1 ? 'warn' : 'debug', 'clock stream failed', { error: mongoError(error) });
        const backoffMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** (failures - 1));
        await sleep(isAuthError(error) ? AUTH_BACKOFF_MS : backoffMs, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  async #readStream(signal: AbortSignal, onOpen: () => void): Promise<void> {
    const startAtOperationTime = await durableTime(this.#tables).catch((error: unknown) => {
      // Right after a collection is created the newest time may lie before it.
      if (isSnapshotGone(error)) return durableTime(this.#tables);
      throw error;
    });
    if (signal.aborted) return;
    const stream: Stream = this.#tables.accounts.watch(clockMoves, { maxAwaitTimeMS: AWAIT_MS, startAtOperationTime });
    const close = (): void => void stream.close().catch(() => {});
    signal.addEventListener('abort', close);
    // The first token says that the stream is open: later moves are seen, earlier ones may have been missed.
    stream.once('resumeTokenChanged', () => {
      onOpen();
      this.#watchers.notifyAll();
    });
    try {
      while (!signal.aborted) {
        const change = await stream.next();
        if (change.operationType === 'update') this.#watchers.notify(change.documentKey._id);
      }
    } finally {
      signal.removeEventListener('abort', close);
      await stream.close().catch(() => {});
    }
  }
}

/**
 * The time up to which everything is durable. By itself a stream would begin later: at the newest write, which a reader who is
 * notified of the opening may not see yet.
 */
async function durableTime({ db }: Tables): Promise<Timestamp> {
  const { cursor } = await db.command({
    find: ACCOUNTS, filter: { _id: '' }, limit: 1, singleBatch: true, readConcern: { level: 'snapshot' },
  });
  return cursor.atClusterTime;
}
