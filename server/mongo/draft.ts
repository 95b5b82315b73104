// One job inside a transaction: what its change reads, and how its draft is applied.
//
// The driver allows one command at a time in a transaction, so reads wait for each other even where a change asks for
// several at once. A draft is applied only after its change has returned and its addresses are known to be free:
// MongoDB cannot undo a part of a transaction.

import type { AnyBulkWriteOperation, ClientSession } from 'mongodb';

import type { Instant } from '../../shared/clock.ts';
import type { Draft } from '../write-draft.ts';
import { isDuplicateKey } from './errors.ts';
import { byId, toInstant, toRecord, toRecordDocument, toStored, type RecordDocument, type Tables } from './schema.ts';
import { addressTaken } from '../store-errors.ts';
import type { StoredRecord, Transaction } from '../store.ts';

/** Tombstones up to `until` and answers kept before `answersBeforeMs`, to be removed. */
interface Pruning {
  readonly until: Instant;
  readonly answersBeforeMs: number;
}

/** The reading half of a Transaction. */
export class TransactionReader {
  readonly prunings: Pruning[] = [];
  readonly reads: Pick<Transaction, 'get' | 'list' | 'isReferenced' | 'keptAnswer' | 'prune'>;
  readonly #tables: Tables;
  readonly #session: ClientSession;
  readonly #draft: Draft;
  #last: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;

  constructor(tables: Tables, session: ClientSession, draft: Draft) {
    this.#tables = tables;
    this.#session = session;
    this.#draft = draft;
    const { accountId } = draft.account;
    this.reads = {
      get: (collection, id) => this.#read(async () => {
        const document = await tables.records(collection).findOne({ _id: id, accountId }, { session, ...byId });
        return document && toRecord(collection, document);
      }),
      list: (collection) => this.#read(async () => {
        const documents = await tables.records(collection).find({ accountId }, { session }).toArray();
        return documents.map((document) => toRecord(collection, document));
      }),
      isReferenced: (collection, id) => this.#read(async () => {
        const found = await tables.records(collection).findOne({ accountId, references: id }, { session, projection: { _id: 1 } });
        return found !== null;
      }),
      keptAnswer: (key) => this.#read(() => tables.answers.findOne(
        { accountId, key }, { session, projection: { _id: 0, key: 1, fingerprint: 1, body: 1, keptAtMs: 1 } },
      )),
      prune: (until, answersBeforeMs) => this.#read(() => this.#prune(until, answersBeforeMs)),
    };
  }

  /** Resolves when no read is under way; rejects with the first one's failure. */
  async finish(): Promise<void> {
    await this.#last;
    if (this.#failure) throw this.#failure.error;
  }

  /** Throws `conflict` if an address that the draft claims leads to someone else. */
  async refuseTakenAddresses(): Promise<void> {
    const { account: { accountId }, claims, releases } = this.#draft;
    if (claims.length === 0) return;
    const addresses = claims.map(({ email }) => email);
    const taken = await this.#read(() => this.#tables.directory.find({ _id: { $in: addresses } }, { session: this.#session }).toArray());
    for (const entry of taken) {
      const isOurs = entry.accountId === accountId;
      if (isOurs && releases.includes(entry._id)) continue;
      if (!isOurs || claims.some(({ email, userId }) => email === entry._id && userId !== entry.userId)) throw addressTaken();
    }
  }

  async #prune(until: Instant, answersBeforeMs: number): Promise<void> {
    const { accountId } = this.#draft.account;
    const newest = await this.#tables.tombstones.findOne(
      { accountId, 'sync.at': { $lte: toStored(until) } }, { session: this.#session, sort: { accountId: -1, 'sync.at': -1 } },
    );
    if (newest) this.#draft.account = { ...this.#draft.account, horizon: toInstant(newest.sync.at) };
    this.prunings.push({ until, answersBeforeMs });
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

/** Writes a draft into the transaction, all but the account itself. */
export async function applyDraft(tables: Tables, session: ClientSession, draft: Draft, prunings: readonly Pruning[]): Promise<void> {
  const { accountId } = draft.account;
  await applyDirectory(tables, session, draft);
  await applyPuts(tables, session, accountId, draft.puts);
  await applyRemovals(tables, session, accountId, draft.removals);
  if (draft.endedUsers.length > 0) await tables.sessions.deleteMany({ accountId, userId: { $in: draft.endedUsers } }, { session });
  for (const answer of draft.answers) {
    await tables.answers.replaceOne({ accountId, key: answer.key }, { accountId, ...answer }, { session, upsert: true });
  }
  for (const { until, answersBeforeMs } of prunings) {
    await tables.tombstones.deleteMany({ accountId, 'sync.at': { $lte: toStored(until) } }, { session });
    await tables.answers.deleteMany({ accountId, keptAtMs: { $lt: answersBeforeMs } }, { session });
  }
}

async function applyDirectory({ directory }: Tables, session: ClientSession, draft: Draft): Promise<void> {
  const { account: { accountId }, claims, releases } = draft;
  if (releases.length > 0) await directory.deleteMany({ _id: { $in: releases }, accountId }, { session });
  for (const { email, userId } of claims) {
    try {
      await directory.replaceOne({ _id: email, accountId }, { accountId, userId }, { session, upsert: true });
    } catch (error) {
      // Another account took it after this transaction's snapshot was made.
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

async function applyRemovals(tables: Tables, session: ClientSession, accountId: string, removals: Draft['removals']): Promise<void> {
  for (const [collection, removed] of Map.groupBy(removals, ({ record }) => record.collection)) {
    const ids = removed.map(({ record }) => record.id);
    await tables.records(collection).deleteMany({ _id: { $in: ids }, accountId }, { session, ...byId });
  }
  if (removals.length === 0) return;
  await tables.tombstones.insertMany(removals.map(({ record, at }) => (
    { accountId, collection: record.collection, recordId: record.id, sync: { at: toStored(at) } }
  )), { session });
}
