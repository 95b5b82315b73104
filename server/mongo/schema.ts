// The MongoDB schema: collections, documents and indexes, and how documents map to the types of the Store contract.
//
// Invariants: every query, index and unique constraint begins with the account, except for the directory of sign-in
// addresses, so that everything can be sharded by account. Instants are 64-bit integers. Each declared collection has
// a MongoDB collection of its own, so a new one needs no change here. `Tables` are the MongoDB collections; the name
// keeps them apart from the declared ones.

import { Long, type Collection, type Db, type Filter, type OptionalId } from 'mongodb';

import { EPOCH, type Instant } from '../../shared/clock.ts';
import { collections } from '../../shared/collections.ts';
import type { Digest } from '../../shared/digest.ts';
import { isNamespaceExists } from './errors.ts';
import { holdAccount, requireReadable, type HeldAccount } from '../held-account.ts';
import {
  newEpoch, newFingerprintKey, type Account, type AuditEntry, type Session, type StoredEntry, type StoredRecord, type StoredReply,
} from '../store.ts';

/** The driver reads a 64-bit integer back as a number if it is a safe integer. */
type StoredInstant = Long | number;

export interface AccountDocument {
  /** The account's id. */
  readonly _id: string;
  readonly clock: StoredInstant;
  readonly horizon: StoredInstant;
  readonly digest: Digest;
  readonly numbers: Readonly<Record<string, number>>;
  readonly epoch: string;
  /** Missing until the first pause that is not counted. */
  readonly pausedMs?: number;
  /** Missing until the first audit entry. */
  readonly audited?: number;
  /** Counts transactions; a writer locks the account by incrementing it. */
  readonly writes: number;
}

export interface RecordDocument {
  /** The record's id, as on the wire. */
  readonly _id: string;
  readonly accountId: string;
  readonly sync: { readonly at: StoredInstant };
  readonly payload: string;
  readonly secret: string | null;
  readonly references: readonly string[];
}

export interface TombstoneDocument {
  readonly accountId: string;
  readonly collection: string;
  readonly recordId: string;
  readonly sync: { readonly at: StoredInstant };
}

export interface DirectoryDocument {
  /** The address, normalised by the caller. */
  readonly _id: string;
  readonly accountId: string;
  readonly userId: string;
}

export interface SessionDocument extends Omit<Session, 'sessionId' | 'syncedTo' | 'fullPullFrom'> {
  /** The session's id. */
  readonly _id: string;
  readonly syncedTo: StoredInstant;
  readonly fullPullFrom: StoredInstant;
}

export interface CounterDocument {
  /** The counter's key. */
  readonly _id: string;
  readonly count: number;
  readonly endsAtMs: number;
}

export interface ReplyDocument extends StoredReply {
  readonly accountId: string;
}

export interface AuditDocument {
  readonly accountId: string;
  readonly number: number;
  readonly at: StoredInstant;
  readonly entry: AuditEntry;
}

export interface SettingDocument {
  /** The setting's name. */
  readonly _id: string;
  readonly value: string;
  /** Of an import: its transactions so far. */
  readonly steps?: number;
  /** Of a migration: until when a process is taken to be at work. */
  readonly expiresAt?: Date;
}

export const TOMBSTONES = 'tombstones';
export const ACCOUNTS = 'accounts';
/** The synced collection that holds a session's user. */
export const USERS = 'users';

/** Forces the index on `_id`: with the account in the filter, the planner might try the account's indexes. */
export const byId = { hint: { _id: 1 } } as const;

export const majorityRead = { readConcern: { level: 'majority' } } as const;

export interface Tables {
  readonly db: Db;
  readonly accounts: Collection<AccountDocument>;
  readonly directory: Collection<DirectoryDocument>;
  readonly settings: Collection<SettingDocument>;
  readonly sessions: Collection<SessionDocument>;
  readonly counters: Collection<CounterDocument>;
  readonly replies: Collection<OptionalId<ReplyDocument>>;
  readonly tombstones: Collection<OptionalId<TombstoneDocument>>;
  readonly audit: Collection<OptionalId<AuditDocument>>;
  /** The records of a synced collection. Throws for any other name, which is a bug in the caller. */
  records(collection: string): Collection<RecordDocument>;
}

export function openTables(db: Db): Tables {
  const records = new Map(collections.map(({ name }) => [name, db.collection<RecordDocument>(name)]));
  return {
    db,
    accounts: db.collection(ACCOUNTS),
    directory: db.collection('directory'),
    settings: db.collection('settings'),
    sessions: db.collection('sessions'),
    counters: db.collection('signInCounters'),
    replies: db.collection('answers'),
    tombstones: db.collection(TOMBSTONES),
    audit: db.collection('audit'),
    records(collection) {
      const found = records.get(collection);
      if (!found) throw new Error(`${collection} is not a synced collection`);
      return found;
    },
  };
}

/**
 * Creates missing collections, indexes and settings, and adds what accounts of an older version lack. Several server processes
 * may do so at the same time.
 */
export async function createSchema(tables: Tables): Promise<void> {
  // These have no secondary index that would create them; a transaction that creates its collection conflicts with others.
  for (const { collectionName } of [tables.accounts, tables.directory]) await createCollection(tables.db, collectionName);
  for (const { name } of collections) {
    await tables.records(name).createIndexes([{ key: { accountId: 1, 'sync.at': 1 } }, { key: { accountId: 1, references: 1 } }]);
  }
  await tables.tombstones.createIndexes([{ key: { accountId: 1, 'sync.at': 1, collection: 1 } }]);
  await tables.sessions.createIndexes([{ key: { accountId: 1, userId: 1 } }, { key: { accountId: 1, expiresAtMs: 1 } }]);
  await tables.replies.createIndexes([{ key: { accountId: 1, key: 1 }, unique: true }, { key: { accountId: 1, keptAtMs: 1 } }]);
  await tables.audit.createIndexes([{ key: { accountId: 1, number: 1 }, unique: true }]);
  // Sessions of an older version; their tokens have no id.
  const nowMs = Date.now();
  await tables.sessions.updateMany({ tokenId: { $exists: false } }, { $set: {
    device: null, createdAtMs: nowMs, lastSeenAtMs: nowMs, syncedTo: toStored(EPOCH), tokenId: '', isTokenUsed: true,
    previousTokenId: null, previousEndsAtMs: 0,
  } });
  await tables.accounts.updateMany({ epoch: { $exists: false } }, { $set: { epoch: newEpoch() } });
}

/** The database's `Store.fingerprintKey`, made by whoever asks first. */
export async function readFingerprintKey({ settings }: Tables): Promise<string> {
  const setting = await settings.findOneAndUpdate(
    { _id: 'fingerprintKey' }, { $setOnInsert: { value: newFingerprintKey() } }, { upsert: true, returnDocument: 'after' },
  );
  if (!setting) throw new Error('an upsert returned no document');
  return setting.value;
}

async function createCollection(db: Db, name: string): Promise<void> {
  try {
    await db.createCollection(name);
  } catch (error) {
    if (!isNamespaceExists(error)) throw error;
  }
}

/** The tombstones up to `until`. */
export function dueTombstones(accountId: string, until: Instant): Filter<OptionalId<TombstoneDocument>> {
  return { accountId, 'sync.at': { $lte: toStored(until) } };
}

/** The replies saved before `repliesBeforeMs`. */
export function dueReplies(accountId: string, repliesBeforeMs: number): Filter<OptionalId<ReplyDocument>> {
  return { accountId, keptAtMs: { $lt: repliesBeforeMs } };
}

export function toStored(instant: Instant): Long {
  return Long.fromNumber(instant);
}

export function toInstant(stored: StoredInstant): Instant {
  return (typeof stored === 'number' ? stored : stored.toNumber()) as Instant;
}

/** Throws `internal` if somebody has changed the document so that it cannot be read. */
export function toAccount(document: AccountDocument): Account {
  return requireReadable(toHeldAccount(document));
}

export function toHeldAccount({ _id, clock, horizon, digest, numbers, epoch, pausedMs = 0, audited = 0 }: AccountDocument): HeldAccount {
  return holdAccount(_id, {
    clock: toNumber(clock), horizon: toNumber(horizon), digest, numbers, epoch, pausedMs: toNumber(pausedMs), audited: toNumber(audited),
  });
}

/** Takes whatever is there; an integer beyond the safe ones then counts as unreadable. */
function toNumber(stored: unknown): unknown {
  return stored instanceof Long ? stored.toNumber() : stored;
}

export function toEntry({ number, at, entry }: AuditDocument): StoredEntry {
  return { number, at: toInstant(at), entry };
}

export function toRecord(collection: string, { _id, sync, payload, secret, references }: RecordDocument): StoredRecord {
  return { collection, id: _id, at: toInstant(sync.at), payload, secret, references };
}

export function toRecordDocument(accountId: string, { id, at, payload, secret, references }: StoredRecord): RecordDocument {
  return { _id: id, accountId, sync: { at: toStored(at) }, payload, secret, references };
}

export function toSession({ _id, syncedTo, fullPullFrom, ...rest }: SessionDocument): Session {
  return { ...rest, sessionId: _id, syncedTo: toInstant(syncedTo), fullPullFrom: toInstant(fullPullFrom) };
}
