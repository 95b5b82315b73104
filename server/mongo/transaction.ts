// The reads of one write inside a MongoDB transaction.
//
// The driver allows one command at a time in a transaction, so concurrent reads are queued. A write's changes join its batch only
// after its callback has returned and its addresses are known to be free, because MongoDB cannot roll back part of a transaction.

import type { ClientSession } from 'mongodb';

import { EPOCH, type Instant } from '../../shared/clock.ts';
import type { PendingWrite, TransactionReads } from '../pending-write.ts';
import type { Pruning } from './apply.ts';
import type { Batch } from './batch.ts';
import { exactTypes, heldAfter, lastEntry, newestUpTo, toHeldRecord, type LooseDocument } from './holdings.ts';
import { byId, dueReplies, dueTombstones, toInstant, toRecord, type Tables } from './schema.ts';
import { addressTaken, pruneBatchSize } from '../store.ts';

/** The reading half of a Transaction. */
export class TransactionReader {
  readonly prunings: Pruning[] = [];
  readonly reads: TransactionReads;
  readonly #tables: Tables;
  readonly #session: ClientSession;
  readonly #batch: Batch;
  readonly #pending: PendingWrite;
  #last: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;

  constructor(tables: Tables, session: ClientSession, batch: Batch, pending: PendingWrite) {
    this.#tables = tables;
    this.#session = session;
    this.#batch = batch;
    this.#pending = pending;
    const { accountId } = pending.account;
    this.reads = {
      get: (collection, id) => this.#read(() => batch.get(collection, id)),
      list: (collection) => this.#readSent(async () => {
        const documents = await tables.records(collection).find({ accountId }, { session }).toArray();
        return documents.map((document) => toRecord(collection, document));
      }),
      referrers: (collection, id, limit) => this.#readSent(async () => {
        const documents = await tables.records(collection).find({ accountId, references: id }, { session, limit }).toArray();
        return documents.map((document) => toRecord(collection, document));
      }),
      findReply: (key) => this.#read(() => batch.findReply(key)),
      prune: (until, repliesBeforeMs, entriesBefore = EPOCH) => this.#readSent(() => this.#prune(until, repliesBeforeMs, entriesBefore)),
      held: (collection, id) => this.#readSent(async () => {
        const options = { session, ...exactTypes, ...byId };
        const document = await tables.records(collection).findOne<LooseDocument>({ _id: id, accountId }, options);
        return document && toHeldRecord(collection, document);
      }),
      heldAfter: (after, limit) => this.#readSent(() => heldAfter(tables, session, accountId, after, limit)),
      newestUpTo: (until) => this.#readSent(() => newestUpTo(tables, session, accountId, until)),
      lastEntry: () => this.#readSent(() => lastEntry(tables, session, accountId)),
      newestReplyMs: () => this.#readSent(async () => {
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
    const session = this.#session;
    const taken = await this.#readSent(() => this.#tables.directory.find({ _id: { $in: addresses } }, { session }).toArray());
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

  /** Reads what the transaction sees, after the changes of earlier writes. */
  #readSent<T>(run: () => Promise<T>): Promise<T> {
    return this.#read(async () => {
      await this.#batch.send();
      return run();
    });
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
