// The Store contract: what an authoritative database must do so that nothing ever commits behind a cursor.
//
// Invariants: all writes of an account run inside `write`, one at a time, in a transaction that locks the account's clock: the
// change, the clock, the digest and everything related (sign-in directory, sessions, replies, audit entries) commit together or
// not at all, and `write` resolves only once the commit is durable. Every page is read inside `snapshot`, where changes, clock and
// digest describe the same instant. A store holds text and a few keys; it does not know the fields of a collection and makes no
// authorization decisions.

import { randomBytes } from 'node:crypto';

import type { Instant } from '../shared/clock.ts';
import type { Digest } from '../shared/digest.ts';
import { AppError } from '../shared/errors.ts';
import type { Change } from '../shared/feed.ts';
import { problem } from '../shared/problems.ts';

/** The state of an account beside its records. */
export interface Account {
  readonly accountId: string;
  /** The instant of the newest change. */
  readonly clock: Instant;
  /** Tombstones up to and including this instant have been removed; a cursor before it cannot be continued. */
  readonly horizon: Instant;
  readonly digest: Digest;
  /** The last number issued, by series name. */
  readonly numbers: Readonly<Record<string, number>>;
  /** A random text that `renewEpochs` replaces: what was read under another one may never have happened. */
  readonly epoch: string;
  /** The pauses between changes that the age of replies does not count, in milliseconds (reply-age.ts). */
  readonly pausedMs: number;
  /** The number of the newest audit entry. */
  readonly audited: number;
}

/** What is stored of a record. */
export interface RecordContent {
  /** The published JSON text, stored and sent byte for byte. */
  readonly payload: string;
  /** JSON text that is never published (a password hash), or null. */
  readonly secret: string | null;
  /** The ids of the records that this one refers to. */
  readonly references: readonly string[];
}

export interface StoredRecord extends RecordContent {
  readonly collection: string;
  readonly id: string;
  readonly at: Instant;
}

/** One signed-in device. A token names its session; ending the session ends the token. */
export interface Session {
  readonly accountId: string;
  readonly sessionId: string;
  readonly userId: string;
  /** The computer and program, as it named itself at sign-in. */
  readonly device: string | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** When a request last came, give or take some minutes. */
  readonly lastSeenAtMs: number;
  /** The last cursor that was pulled to its end; 0 if none was. */
  readonly syncedTo: Instant;
  /** The id of its newest token. */
  readonly tokenId: string;
  /** Whether a request has come with the newest token. */
  readonly isTokenUsed: boolean;
  /** The id of the token that the newest one replaced, if any, and until when it is still accepted. */
  readonly previousTokenId: string | null;
  readonly previousEndsAtMs: number;
  /** The account's clock when this session last began a pull without a cursor; 0 if it never did. */
  readonly fullPullFrom: Instant;
}

/** A session's next token. */
export interface Renewal {
  /** The token that asks for it, and the one that replaces it. */
  readonly from: string;
  readonly to: string;
  readonly expiresAtMs: number;
  readonly previousEndsAtMs: number;
}

/** What became of a session since it was last noted. */
export interface SessionNote {
  readonly accountId: string;
  readonly sessionId: string;
  readonly lastSeenAtMs: number;
  readonly syncedTo: Instant | null;
  /** The token that a request came with. */
  readonly tokenId: string | null;
}

/** What a token stands for at present: its session, the user's record and the account, from one read. */
export interface Identity {
  readonly session: Session;
  readonly user: StoredRecord;
  readonly account: Account;
}

/** The user who owns a sign-in address. Addresses are unique across all accounts. */
export interface DirectoryEntry {
  readonly accountId: string;
  readonly userId: string;
}

/** The reply to a request that carried an idempotency key. */
export interface StoredReply {
  /** The user's id and the idempotency key. */
  readonly key: string;
  /** Hash of the request, to tell a retry from a reused key; empty if it is not known, as after an import. */
  readonly fingerprint: string;
  readonly body: string;
  readonly keptAtMs: number;
}

/** Who did what, from where. It names fields and never holds a value of a record, a password or a token. */
export interface AuditEntry {
  /** `create`, `update`, `delete`, an action of the collection, or one that docs/protocol.md lists. */
  readonly action: string;
  /** The user's id, or `admin` for a command on the server's machine. */
  readonly actor: string;
  /** The user's address at the time. */
  readonly email: string | null;
  readonly session: string | null;
  /** The client's network address. */
  readonly peer: string | null;
  readonly request: string | null;
  readonly collection: string | null;
  readonly record: string | null;
  /** The names of the fields that changed. */
  readonly fields: readonly string[];
}

/** An entry as the audit trail keeps it. Entries are never changed; only the oldest are removed. */
export interface StoredEntry {
  /** Counts an account's entries from 1, in the order of their commits and without gaps. */
  readonly number: number;
  /** The instant of the change; of an entry without one, the time. */
  readonly at: Instant;
  readonly entry: AuditEntry;
}

/** Selects changes of an account: after `after`, in these collections, and tombstones only after `tombstonesAfter` (null: none). */
export interface ChangeRange {
  readonly after: Instant;
  readonly collections: readonly string[];
  readonly tombstonesAfter: Instant | null;
  /** The most changes to read. */
  readonly limit: number;
}

/** The most tombstones, replies and audit entries that one `prune` removes, each. */
export const pruneBatchSize = 1000;

export interface Snapshot {
  readonly account: Account;
  /** Oldest first across all collections, in batches, so that memory does not grow with the account. */
  changes(range: ChangeRange): AsyncIterable<readonly Change[]>;
  /** How many there are after an instant, with tombstones. */
  count(after: Instant, collections: readonly string[]): Promise<number>;
}

/**
 * What the callback of `write` gets. Reads see the state before this write, never the write's own changes. The changes
 * are applied after the callback has returned.
 */
export interface Transaction {
  readonly accountId: string;
  /** The account before this write. */
  readonly account: Account;
  get(collection: string, id: string): Promise<StoredRecord | null>;
  /** All records of a collection; only for collections that stay small. */
  list(collection: string): Promise<readonly StoredRecord[]>;
  /** Records of this collection that refer to the id, at most `limit`. */
  referrers(collection: string, id: string, limit: number): Promise<readonly StoredRecord[]>;
  findReply(key: string): Promise<StoredReply | null>;

  /** Creates or replaces a record and returns its instant. `previous` is the record from `get`, or null for a new one. */
  put(collection: string, id: string, content: RecordContent, previous: StoredRecord | null): Instant;
  /** Deletes a record, leaves its tombstone and returns the tombstone's instant. */
  remove(record: StoredRecord): Instant;
  /** The next number of a series, from 1 without gaps: a failed write uses none up. Throws `internal` if the last is not a number. */
  nextNumber(series: string): number;
  /**
   * Assigns an address to a user; `write` rejects with `conflict` if another user has it. Claiming it again for the same
   * user is allowed. An address released in this write can be claimed in it.
   */
  claimAddress(email: string, userId: string): void;
  releaseAddress(email: string): void;
  /** Ends a session, if there is one with this id. */
  endSession(sessionId: string): void;
  /** Ends the user's sessions, but for the one to keep. */
  endSessionsOf(userId: string, keep?: string): void;
  saveReply(reply: StoredReply): void;
  /** Adds an entry to the audit trail. It has the instant of the newest change of this write, so it comes after that change. */
  audit(entry: AuditEntry): void;
  /**
   * Removes the oldest tombstones up to `until` (inclusive), raising the horizon to the newest of them, replies saved before
   * `repliesBeforeMs`, and the oldest audit entries before `entriesBefore` (by default none); at most `pruneBatchSize` of each.
   */
  prune(until: Instant, repliesBeforeMs: number, entriesBefore?: Instant): Promise<void>;
}

/** What a write will probably read: the reply of a key, and records. */
export interface LikelyReads { readonly reply: string | null; readonly records: readonly (readonly [collection: string, id: string])[] }

/** A record or a tombstone as it is stored, whatever somebody with access to the database may have made of it. */
export interface HeldRecord {
  readonly collection: string;
  /** No id if its key is not text. */
  readonly id: string;
  /** Null if it has none that the feed could send. */
  readonly at: Instant | null;
  /** Null for a tombstone; empty if it is not text. */
  readonly payload: string | null;
  readonly secret: string | null;
  readonly references: readonly string[];
}

/** A sign-in address and its user. */
export interface Address {
  readonly email: string;
  readonly userId: string;
}

/** What is left of an account that does not exist. */
export interface Orphan {
  readonly accountId: string;
  /** How many records, not counting tombstones. */
  readonly records: number;
}

/** All that is kept of an account but its sessions, as of one instant; in batches, so that memory does not grow with the account. */
export interface Holdings {
  readonly account: Account;
  /** Its members that cannot be read, and stand as values that are wrong. */
  readonly unreadable: readonly (keyof Account)[];
  /** Records and tombstones, oldest first; those without an instant may come anywhere. */
  records(): AsyncIterable<readonly HeldRecord[]>;
  /** Those of the ids that are records of the collection. */
  existing(collection: string, ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** How many references are indexed beside the records and differ from them. */
  misfiledReferences(): Promise<number>;
  addresses(): Promise<readonly Address[]>;
  replies(): AsyncIterable<readonly StoredReply[]>;
  entries(): AsyncIterable<readonly StoredEntry[]>;
  /** The number of the newest audit entry; 0 if there is none. */
  lastEntry(): Promise<number>;
}

/**
 * What a write of `verify --fix` can do beyond other writes. None of it is stamped or counted in the digest: it sets what other
 * writes derive.
 */
export interface Mending extends Transaction {
  /** As that of `Holdings`. */
  readonly unreadable: readonly (keyof Account)[];
  /** A record as it is stored; null if there is none. */
  held(collection: string, id: string): Promise<HeldRecord | null>;
  /** Records and tombstones after an instant, oldest first, at most `limit`. */
  heldAfter(after: Instant, limit: number): Promise<readonly HeldRecord[]>;
  /** The newest instant of a record or tombstone up to `until` (inclusive); `EPOCH` if there is none. */
  newestUpTo(until: Instant): Promise<Instant>;
  /** The number of the newest audit entry; 0 if there is none. */
  lastEntry(): Promise<number>;
  /** When the newest reply was kept, by the time that counts for replies; null if there is none. */
  newestReplyMs(): Promise<number | null>;
  /** Stores a record as it is given. */
  keep(record: StoredRecord): void;
  /** Gives a record or tombstone, as it was read, another instant. Several are moved in the order of the calls. */
  restamp(record: HeldRecord, at: Instant): void;
  /** Removes a tombstone, as it was read, of a record that exists. */
  dropTombstone(tombstone: HeldRecord): void;
  /** Rebuilds the index of references, where there is one beside the records. */
  refileReferences(): void;
  setAccount(changes: Partial<Account>): void;
}

/**
 * An account on its way into the database: nobody can see or use anything of it before it is published. Calls are made one at a time;
 * they throw `conflict` once another import of the same account has begun.
 */
export interface Importing {
  /** Records and tombstones. Throws `conflict` for one that is in the database. */
  addRecords(records: readonly HeldRecord[]): Promise<void>;
  addReplies(replies: readonly StoredReply[]): Promise<void>;
  addEntries(entries: readonly StoredEntry[]): Promise<void>;
  /** Those of the ids that are records of the collection. */
  existing(collection: string, ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Makes it an account, in one transaction. Throws `conflict` if an address is taken. */
  publish(account: Account, addresses: readonly Address[]): Promise<void>;
  /** Removes what was added. */
  discard(): Promise<void>;
}

/** Counts in the time until it ends; the first to count sets that time. Ended counters count as absent. */
export interface CounterLimit {
  readonly key: string;
  readonly max: number;
  readonly endsAtMs: number;
}

export interface FullCounter {
  readonly key: string;
  readonly endsAtMs: number;
}

/** Counters that all server processes share. They need not survive the loss of a database server. */
export interface Counters {
  /** Adds one to each counter that is not full, or nothing if one is: then returns that one. Parallel calls never exceed a `max`. */
  take(limits: readonly CounterLimit[]): Promise<FullCounter | null>;
  /** Takes one back from each. */
  giveBack(keys: readonly string[]): Promise<void>;
  reset(keys: readonly string[]): Promise<void>;
  /** True if something was counted and its time has not ended. */
  isRunning(key: string): Promise<boolean>;
  /** Removes counters that have ended. */
  prune(): Promise<void>;
}

export interface Store {
  readonly kind: 'embedded' | 'mongodb';
  /** A secret of the database, made with it and the same for all its servers, for hashes that are kept in it. */
  readonly fingerprintKey: string;
  readonly counters: Counters;
  /** Resolves if the database answers; rejects with `unavailable` and a message that says what to do. */
  check(): Promise<void>;
  /** Writes something and reads it back; rejects with `unavailable` and a message that says what to do. */
  checkWrites(): Promise<void>;
  /** Free space where the database is, in bytes; null if it cannot be known. */
  freeBytes(): Promise<number | null>;
  /**
   * Looks for damage without disturbing requests, which may take minutes; rejects with `unavailable` if there is some. Finds none
   * in MongoDB, which looks itself.
   */
  inspect(): Promise<void>;
  /**
   * Rejects with `unavailable` if this machine's clock cannot be right: far from the database's own clock (MongoDB), or far
   * ahead of the newest change or behind it (embedded). So does everything that would stamp by it.
   */
  checkClock(): Promise<void>;
  /** Accepts this machine's clock although it is far from the newest change. Does nothing on MongoDB. */
  acceptClock(): Promise<void>;
  /**
   * Stops waiting for a database that does not answer or a file that is locked: calls in flight, and later ones that would have
   * to wait, reject with `unavailable`. Whether a write among them was committed is then unknown.
   */
  giveUp(): void;
  /** Waits for calls in flight, then closes. Later calls reject with `unavailable`. */
  close(): Promise<void>;

  /** Creates an empty account whose clock is the current time. */
  createAccount(accountId: string): Promise<void>;
  listAccounts(): Promise<readonly string[]>;
  /** Begins an import, and removes what an earlier one left that did not finish. Throws `conflict` if the account exists. */
  beginImport(accountId: string): Promise<Importing>;
  /** The accounts whose import has begun and not finished. */
  listImports(): Promise<readonly string[]>;
  /** What is kept for ids of which there is neither an account nor an import. Reads the whole database. */
  listOrphans(): Promise<readonly Orphan[]>;
  /** Gives all accounts a new epoch, so that every client pulls everything again. */
  renewEpochs(): Promise<void>;
  findAddress(email: string): Promise<DirectoryEntry | null>;

  /** Saves a new session and removes the account's expired ones. */
  openSession(session: Session): Promise<void>;
  /** Gives the session its next token if `from` is its newest one. Returns the session as it is then, or null if there is none. */
  renewSession(accountId: string, sessionId: string, renewal: Renewal): Promise<Session | null>;
  /** Saves notes; those about sessions that have ended are dropped. */
  noteSessions(notes: readonly SessionNote[]): Promise<void>;
  /** The account's sessions, also expired ones, oldest first. */
  listSessions(accountId: string): Promise<readonly Session[]>;
  noteFullPull(accountId: string, sessionId: string, from: Instant): Promise<void>;
  /** One indexed read; null if the session is gone or another user's, or the user or account is. The caller must check the expiry. */
  identify(accountId: string, sessionId: string, userId: string): Promise<Identity | null>;

  /** The current state of a record, or null. */
  get(accountId: string, collection: string, id: string): Promise<StoredRecord | null>;
  /** Runs `read` on one consistent snapshot. Throws `unauthorized` if the account does not exist. */
  snapshot<T>(accountId: string, read: (snapshot: Snapshot) => Promise<T>): Promise<T>;
  /** Runs `read` on everything that is kept of an account. Throws like `snapshot`. */
  readHoldings<T>(accountId: string, read: (holdings: Holdings) => Promise<T>): Promise<T>;
  /** Whether `prune` with the same arguments would remove anything. Writes nothing. */
  isPruneDue(accountId: string, until: Instant, repliesBeforeMs: number, entriesBefore?: Instant): Promise<boolean>;
  /** The audit entries after number `after`, oldest first, at most `limit`. Entries that commit later have greater numbers. */
  auditEntries(accountId: string, after: number, limit: number): Promise<readonly StoredEntry[]>;
  /** The account's clock, read linearizably: never from a deposed primary. */
  latestClock(accountId: string): Promise<Instant>;
  /**
   * Runs `change` in the account's next transaction and resolves to its result once that is durable. If `change` throws,
   * only this write is undone. `change` may run more than once and must have no other side effects. `reads` may be read for
   * several writes at once.
   */
  write<T>(accountId: string, change: (transaction: Transaction) => Promise<T>, reads?: LikelyReads): Promise<T>;
  /** As `write`. */
  mend<T>(accountId: string, change: (mending: Mending) => Promise<T>): Promise<T>;
  /**
   * Calls back soon after any process has moved the account's clock. Calls may be spurious, and several moves may share one, so
   * the callback must read the clock itself. Returns how to stop; never throws.
   */
  watch(accountId: string, onMoved: () => void): () => void;
}

/** What a store depends on. */
export interface StoreDeps {
  /** Milliseconds since 1970, with fractions if the clock has them. */
  readonly nowMs: () => number;
  /** True where a test moves the clock: it is not checked then. */
  readonly trustsClock: boolean;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', event: string, facts?: Readonly<Record<string, unknown>>) => void;
  /** Called once for each audit entry, after its commit; must not throw. */
  readonly onAudited?: (entry: AuditEntry) => void;
  /** Called for each write with how long it waited for the account's clock; must not throw. */
  readonly onClockWait?: (waitMs: number) => void;
}

export function newEpoch(): string {
  return randomBytes(12).toString('base64url');
}

export function newFingerprintKey(): string {
  return randomBytes(32).toString('base64url');
}

// The errors that both stores throw.
export function shuttingDown(): AppError {
  return new AppError('unavailable', 'The server is shutting down. Try again in a moment.', { retryAfterS: 5 });
}

export function unknownAccount(): AppError {
  return new AppError('unauthorized', 'This account no longer exists. Sign in again.');
}

export function accountExists(accountId: string): AppError {
  return new AppError('conflict', `There is an account ${accountId} already. An import replaces nothing.`);
}

export function importTakenOver(accountId: string): AppError {
  return new AppError('conflict', `Another import of the account ${accountId} has begun, so this one was given up.`);
}

export function recordTaken(): AppError {
  return new AppError('conflict', 'A record is in the file twice, or in another account of this database.');
}

export function addressTaken(): AppError {
  return new AppError('conflict', 'That e-mail address is already in use. Choose another.', { fields: { email: problem('taken') } });
}
