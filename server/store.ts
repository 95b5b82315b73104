// The Store contract: what any authoritative database must do so that nothing ever commits behind a cursor.
//
// Every write of an account runs inside `write`, one at a time, in one transaction that holds the account's clock:
// the change, the clock, the digest and whatever belongs to it (sign-in directory, sessions, idempotency answers)
// commit together or not at all, and `write` resolves only when that is durable. Every page is read inside
// `snapshot`, where changes, clock and digest describe the same instant. A store holds text and a few keys; it knows
// no collection's fields and makes no decision about permissions.

import type { Instant } from '../shared/clock.ts';
import type { Digest } from '../shared/digest.ts';
import type { Change } from '../shared/feed.ts';

/** An account's own state. */
export interface Account {
  readonly accountId: string;
  /** The instant of the newest change. */
  readonly clock: Instant;
  /** Tombstones up to and including this instant have been removed; a cursor before it cannot be continued. */
  readonly horizon: Instant;
  readonly digest: Digest;
  /** Series name to the last number given in it. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** What callers give to be stored. */
export interface RecordContent {
  /** The published JSON text, kept and sent to the letter. */
  readonly payload: string;
  /** What is never published, as JSON text (a password's hash), or null. */
  readonly secret: string | null;
  /** Ids of the records this one refers to. */
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
  readonly expiresAtMs: number;
  /** The account's clock when this session last began a pull without a cursor; 0 if never noted. */
  readonly fullPullFrom: Instant;
}

/** What one read finds about a token: its session, its user's record and the account, as they are now. */
export interface Identity {
  readonly session: Session;
  readonly user: StoredRecord;
  readonly account: Account;
}

/** Where a sign-in address leads. Addresses are unique on the whole server. */
export interface DirectoryEntry {
  readonly accountId: string;
  readonly userId: string;
}

/** The kept answer to a request that carried an idempotency key. */
export interface KeptAnswer {
  /** Names the key's owner and the key. */
  readonly key: string;
  /** Hash of what was asked, to tell a repeat from a reuse. */
  readonly fingerprint: string;
  readonly body: string;
  readonly keptAtMs: number;
}

/** Which changes of an account: after `after` (exclusive), of these collections, with or without tombstones. */
export interface ChangeRange {
  readonly after: Instant;
  readonly collections: readonly string[];
  readonly withTombstones: boolean;
  /** At most this many are read. */
  readonly limit: number;
}

export interface Snapshot {
  readonly account: Account;
  /** Oldest first across all collections, in batches, so that memory does not grow with the account. */
  changes(range: ChangeRange): AsyncIterable<readonly Change[]>;
}

/**
 * The inside of a write. Reads see the state before this write: a write never reads back what it wrote itself.
 * Everything that is changed is applied when the function that was given to `write` has returned.
 */
export interface Transaction {
  readonly accountId: string;
  /** The account before this write. */
  readonly account: Account;
  get(collection: string, id: string): Promise<StoredRecord | null>;
  /** All records of a collection; for collections that are small by nature. */
  list(collection: string): Promise<readonly StoredRecord[]>;
  /** True if a record of this collection refers to the id. */
  isReferenced(collection: string, id: string): Promise<boolean>;
  keptAnswer(key: string): Promise<KeptAnswer | null>;

  /** Creates or replaces a record and returns its instant. `previous` is what `get` returned, or null for a new one. */
  put(collection: string, id: string, content: RecordContent, previous: StoredRecord | null): Instant;
  /** Deletes a record, leaves its tombstone and returns the tombstone's instant. */
  remove(record: StoredRecord): Instant;
  /** The next number of a series, from 1 without gaps: a write that fails gives none away. */
  nextNumber(series: string): number;
  /**
   * Leads an address to a user; `write` rejects with `conflict` if it leads to another already. Claiming it again for
   * the same user is none. Addresses that this write releases are free for its claims.
   */
  claimAddress(email: string, userId: string): void;
  releaseAddress(email: string): void;
  endSessionsOf(userId: string): void;
  keepAnswer(answer: KeptAnswer): void;
  /** Removes tombstones up to `until` (inclusive), raising the horizon, and answers kept before `answersBeforeMs`. */
  prune(until: Instant, answersBeforeMs: number): Promise<void>;
}

export interface Store {
  readonly kind: 'embedded' | 'mongodb';
  /** Resolves if the database answers; rejects with `unavailable` and a sentence that says what to do. */
  check(): Promise<void>;
  /** Finishes what is in flight and closes. Calls after it reject with `unavailable`. */
  close(): Promise<void>;

  /** Adds an empty account whose clock stands at now. */
  createAccount(accountId: string): Promise<void>;
  listAccounts(): Promise<readonly string[]>;
  findAddress(email: string): Promise<DirectoryEntry | null>;

  /** Keeps a new session and removes the account's expired ones. */
  openSession(session: Session): Promise<void>;
  /** False if there is no such session (any more). */
  extendSession(accountId: string, sessionId: string, expiresAtMs: number): Promise<boolean>;
  endSession(accountId: string, sessionId: string): Promise<void>;
  noteFullPull(accountId: string, sessionId: string, from: Instant): Promise<void>;
  /** One indexed read; null if the session, its user or the account is gone. Expiry is the caller's to judge. */
  identify(accountId: string, sessionId: string): Promise<Identity | null>;

  /** One record as it is now, or null. */
  get(accountId: string, collection: string, id: string): Promise<StoredRecord | null>;
  /** Reads of one instant. The account must exist. */
  snapshot<T>(accountId: string, read: (snapshot: Snapshot) => Promise<T>): Promise<T>;
  /** The account's clock, read linearizably: no primary that was voted out answers. */
  latestClock(accountId: string): Promise<Instant>;
  /**
   * Runs `change` in the account's next transaction and resolves to its result once that is durable. An error that
   * `change` throws undoes this write alone. `change` may run more than once and must have no other effect.
   */
  write<T>(accountId: string, change: (transaction: Transaction) => Promise<T>): Promise<T>;
  /**
   * Calls back soon after the account's clock has moved, whichever process moved it, and now and then for no reason: who
   * is called looks. Moves in quick succession may be one call. Returns how to stop; never throws.
   */
  watch(accountId: string, onMoved: () => void): () => void;
}

/** What a store takes from outside. */
export interface StoreDeps {
  /** Milliseconds since 1970, with fractions where the machine has them. */
  readonly nowMs: () => number;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', event: string, facts?: Readonly<Record<string, unknown>>) => void;
}
