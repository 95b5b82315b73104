// Hears of every move of an account's clock, whichever server process moved it, through one change stream on the
// accounts.
//
// What always holds: there is one stream while anyone watches, and none otherwise. A stream that breaks is opened again
// for as long as someone watches, and whenever one is open everybody is told to look: so nothing that happened while
// there was none is missed, and no resume token has to be kept.

import { setTimeout as sleep } from 'node:timers/promises';

import type { ChangeStream, ChangeStreamDocument } from 'mongodb';

import { isRefusal } from './errors.ts';
import type { AccountDocument, Tables } from './schema.ts';
import type { StoreDeps } from '../store.ts';
import { Watchers } from '../watchers.ts';

/** How long the database holds a question open while there is nothing to tell, and at most a stream that was closed. */
const AWAIT_MS = 2000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A user without the right to a change stream does not get it while we wait. */
const REFUSED_PAUSE_MS = 300_000;

/** Of a write's transaction only the step that moves the clock, and of that only whose it is. */
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
  /** Ends the following that is under way; null where nobody watches. */
  #stop: AbortController | null = null;

  constructor(tables: Tables, deps: StoreDeps) {
    this.#tables = tables;
    this.#deps = deps;
  }

  add(accountId: string, onMoved: () => void): () => void {
    if (this.#isClosed) return () => {};
    const remove = this.#watchers.add(accountId, onMoved);
    if (!this.#stop) {
      this.#stop = new AbortController();
      void this.#follow(this.#stop.signal);
    }
    return () => {
      remove();
      if (!this.#watchers.isEmpty) return;
      this.#stop?.abort();
      this.#stop = null;
    };
  }

  /** Nobody is called any more. The stream ends with the client's connections. */
  close(): void {
    this.#isClosed = true;
    this.#watchers.clear();
    this.#stop?.abort();
  }

  /** Never rejects. */
  async #follow(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#followOne(signal, () => { failures = 0; });
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        this.#deps.log(failures === 1 ? 'warn' : 'debug', 'clocks are not watched for a moment', { error });
        const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
        await sleep(isRefusal(error) ? REFUSED_PAUSE_MS : pauseMs, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  async #followOne(signal: AbortSignal, onOpen: () => void): Promise<void> {
    const stream: Stream = this.#tables.accounts.watch(clockMoves, { maxAwaitTimeMS: AWAIT_MS });
    const close = (): void => void stream.close().catch(() => {});
    signal.addEventListener('abort', close);
    // With its first token the stream is open: from here on nothing is missed, and before it anything was.
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
