// What the writes of one transaction share: what was read for them, and what of their changes has not been sent yet.
//
// Each write sees the database as those before it leave it, although their changes go out together at the end, one command per
// MongoDB collection: a `get` or `findReply` knows what was put before, and before any other read all changes are sent.
//
// Records and replies are read beside the transaction, because within one the driver allows one command at a time. The
// transaction holds the account's lock, so nobody else can change them meanwhile, and whatever committed before is seen by a
// primary that reads its newest data. If the transaction has ended without this process knowing, another writer may have been
// faster; but then its commit fails, and nothing of what was read counts.

import type { ClientSession, FindOptions } from 'mongodb';

import type { PendingWrite } from '../pending-write.ts';
import type { LikelyReads, StoredRecord, StoredReply } from '../store.ts';
import { applyWrite, type PendingChanges, type Pruning } from './apply.ts';
import { isTransient, labelTransient } from './errors.ts';
import { byId, toRecord, type Tables } from './schema.ts';

/** The database rejected changes of one or more writes, and with them the transaction. */
export class ChangesRejected extends Error {
  constructor(cause: unknown) {
    super('the changes of a batch were rejected', { cause });
  }
}

/** The newest committed data, whatever read preference the URL has. */
const besideTransaction = { readConcern: { level: 'local' }, readPreference: 'primary' } as const;

export class Batch {
  readonly #tables: Tables;
  readonly #session: ClientSession;
  readonly #accountId: string;
  /** By collection and id, and by key; null for what does not exist. */
  readonly #records = new Map<string, StoredRecord | null>();
  readonly #replies = new Map<string, StoredReply | null>();
  #unsent: PendingWrite[] = [];
  /** How records and replies are read. */
  #reading: FindOptions = besideTransaction;

  /** The session must be in a transaction that holds the account's lock. */
  constructor(tables: Tables, session: ClientSession, accountId: string) {
    this.#tables = tables;
    this.#session = session;
    this.#accountId = accountId;
  }

  /**
   * Reads what several writes will probably ask for, unless it is known, side by side: one command per MongoDB collection. Does nothing
   * once only the transaction can be asked, where commands run one after another.
   */
  async readAhead(reads: readonly LikelyReads[]): Promise<void> {
    if (this.#reading !== besideTransaction) return;
    const keys = reads.flatMap(({ reply }) => reply ?? []).filter((key) => !this.#replies.has(key));
    const unknown = reads.flatMap((read) => read.records).filter(([collection, id]) => !this.#records.has(nameOf(collection, id)));
    const records = Map.groupBy(unknown, ([collection]) => collection);
    await Promise.all([
      keys.length > 0 ? this.#readReplies(keys) : null,
      ...[...records].map(([collection, found]) => this.#readRecords(collection, found.map(([, id]) => id))),
    ]);
  }

  async get(collection: string, id: string): Promise<StoredRecord | null> {
    const name = nameOf(collection, id);
    if (!this.#records.has(name)) await this.#readRecords(collection, [id]);
    return this.#records.get(name) ?? null;
  }

  async findReply(key: string): Promise<StoredReply | null> {
    if (!this.#replies.has(key)) await this.#readReplies([key]);
    return this.#replies.get(key) ?? null;
  }

  /** Takes over the changes of a write, whose other reads have ended. Throws like `send` if some had to be sent. */
  async add(write: PendingWrite, prunings: readonly Pruning[]): Promise<void> {
    const isPlain = prunings.length === 0 && [write.claims, write.releases, write.restamps, write.droppedTombstones].every(isEmpty);
    if (!isPlain) await this.send();
    this.#unsent.push(write);
    for (const record of write.puts) this.#records.set(nameOf(record.collection, record.id), record);
    for (const { record: { collection, id } } of write.removals) this.#records.set(nameOf(collection, id), null);
    for (const reply of write.replies) this.#replies.set(reply.key, reply);
    if (isPlain) return;
    await this.send(prunings);
    // Only the transaction sees what such a write has done.
    this.#records.clear();
    this.#replies.clear();
    this.#reading = { session: this.#session };
  }

  /** Sends all changes. Throws `ChangesRejected` if the database does not take them. */
  async send(prunings: readonly Pruning[] = []): Promise<void> {
    const writes = this.#unsent;
    if (writes.length === 0) return;
    this.#unsent = [];
    try {
      await applyWrite(this.#tables, this.#session, this.#accountId, merge(writes), prunings);
    } catch (error) {
      throw isTransient(error) ? error : new ChangesRejected(error);
    }
  }

  async #readRecords(collection: string, ids: readonly string[]): Promise<void> {
    const asked = [...new Set(ids)];
    const filter = { _id: { $in: asked }, accountId: this.#accountId };
    const options = { ...this.#reading, ...byId, batchSize: asked.length + 1 };
    const found = await this.#tables.records(collection).find(filter, options).toArray().catch(throwLabelled);
    for (const id of asked) this.#records.set(nameOf(collection, id), null);
    for (const document of found) this.#records.set(nameOf(collection, document._id), toRecord(collection, document));
  }

  async #readReplies(keys: readonly string[]): Promise<void> {
    const asked = [...new Set(keys)];
    const found = await this.#tables.replies.find({ accountId: this.#accountId, key: { $in: asked } }, {
      ...this.#reading, batchSize: asked.length + 1, projection: { _id: 0, key: 1, fingerprint: 1, body: 1, keptAtMs: 1 },
    }).toArray().catch(throwLabelled);
    for (const key of asked) this.#replies.set(key, null);
    for (const reply of found) this.#replies.set(reply.key, reply);
  }
}

/**
 * The changes of several writes as those of one. Of a record that was put several times, only the last is left; none is put again
 * once it was removed.
 */
function merge(writes: readonly PendingWrite[]): PendingChanges {
  const [first, ...others] = writes;
  if (!first) throw new RangeError('there are no changes');
  // Writes with other changes are sent alone.
  return others.length === 0 ? first : {
    ...first,
    puts: [...new Map(writes.flatMap(({ puts }) => puts.map((put) => [nameOf(put.collection, put.id), put]))).values()],
    removals: writes.flatMap(({ removals }) => removals),
    endedSessions: writes.flatMap(({ endedSessions }) => endedSessions),
    signOuts: writes.flatMap(({ signOuts }) => signOuts),
    replies: writes.flatMap(({ replies }) => replies),
    entries: writes.flatMap(({ entries }) => entries),
  };
}

function throwLabelled(error: unknown): never {
  throw labelTransient(error);
}

function nameOf(collection: string, id: string): string {
  return `${collection} ${id}`;
}

function isEmpty(list: readonly unknown[]): boolean {
  return list.length === 0;
}
