// Helpers of the store suite: a store with a clock that only the test moves, functions that write records, and reads and
// assertions on the result.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import { EPOCH, formatInstant, type Instant } from '../../../shared/clock.ts';
import { collections } from '../../../shared/collections.ts';
import { addCrc, emptyDigest, recordCrc, type CollectionDigest, type Digest } from '../../../shared/digest.ts';
import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import type { Change } from '../../../shared/feed.ts';
import type { Account, ChangeRange, RecordContent, Session, Snapshot, Store, StoreDeps, StoredRecord } from '../../../server/store.ts';

/** A separate, initially empty database that can be opened repeatedly. */
export interface TestDatabase {
  open(deps: StoreDeps): Promise<Store>;
  remove(): Promise<void>;
}

/** One open store and its clock. */
export interface Fixture {
  readonly store: Store;
  readonly clock: { nowMs: number };
}

export const START_MS = Date.UTC(2026, 0, 1, 12);
const everyCollection = collections.map(({ name }) => name);

export async function openFixture(database: TestDatabase): Promise<Fixture> {
  const clock = { nowMs: START_MS };
  return { clock, store: await database.open(depsOf(clock)) };
}

export function depsOf(clock: { readonly nowMs: number }): StoreDeps {
  return { nowMs: () => clock.nowMs, trustsClock: true, log: () => {} };
}

export function newId(): string {
  return randomBytes(12).toString('hex');
}

export async function newAccount(store: Store): Promise<string> {
  const accountId = newId();
  await store.createAccount(accountId);
  return accountId;
}

/** A session of a user, opened at the fixture's start and valid for a minute. */
export function newSession(of: Pick<Session, 'accountId' | 'userId'> & Partial<Session>): Session {
  return {
    sessionId: newId(), device: null, createdAtMs: START_MS, expiresAtMs: START_MS + 60_000, lastSeenAtMs: START_MS, syncedTo: EPOCH,
    tokenId: 'first', isTokenUsed: true, previousTokenId: null, previousEndsAtMs: 0, fullPullFrom: EPOCH, ...of,
  };
}

export function content(payload: unknown, references: readonly string[] = []): RecordContent {
  return { payload: JSON.stringify(payload), secret: null, references };
}

/** Creates one record in a separate write. */
export async function create(
  store: Store, accountId: string, collection: string, payload: unknown = { name: 'n' }, references: readonly string[] = [],
): Promise<StoredRecord> {
  const id = newId();
  const what = content(payload, references);
  const at = await store.write(accountId, async (transaction) => transaction.put(collection, id, what, null));
  return { collection, id, at, ...what };
}

/** Replaces a record's payload in a separate write. */
export async function replace(store: Store, accountId: string, { collection, id }: StoredRecord, payload: unknown): Promise<Instant> {
  return store.write(accountId, async (transaction) => (
    transaction.put(collection, id, content(payload), await transaction.get(collection, id))
  ));
}

export async function remove(store: Store, accountId: string, { collection, id }: StoredRecord): Promise<Instant> {
  return store.write(accountId, async (transaction) => {
    const record = await transaction.get(collection, id);
    assert(record);
    return transaction.remove(record);
  });
}

export interface Seen {
  readonly account: Account;
  readonly changes: readonly Change[];
}

/** The account and changes of one snapshot: all changes, unless the range is narrower. */
export async function readAll(store: Store, accountId: string, range: Partial<ChangeRange> = {}): Promise<Seen> {
  return store.snapshot(accountId, async (snapshot) => ({ account: snapshot.account, changes: await collect(snapshot, range) }));
}

export async function collect(snapshot: Snapshot, range: Partial<ChangeRange> = {}): Promise<Change[]> {
  const changes: Change[] = [];
  for await (const batch of snapshot.changes({ ...everything, ...range })) {
    // Copied, because a store may return rows with any prototype.
    changes.push(...batch.map(({ collection, id, at, payload }) => ({ collection, id, at, payload })));
  }
  return changes;
}

/** Asserts deep equality, but reports only the first difference and not thousands of records. */
export function assertSameChanges(actual: readonly Change[], expected: readonly Change[]): void {
  const index = expected.findIndex((change, at) => !isDeepStrictEqual(change, actual[at]));
  if (index >= 0) assert.deepEqual(actual[index], expected[index], `change ${index}`);
  assert.equal(actual.length, expected.length);
}

export const everything: ChangeRange = { after: EPOCH, collections: everyCollection, tombstonesAfter: EPOCH, limit: 1_000_000 };

/** The digest as a desktop computes it from the changes it received. */
export function digestOf(changes: readonly Change[]): Digest {
  const digests = new Map<string, CollectionDigest>();
  for (const { collection, id, at, payload } of changes) {
    if (payload === null) continue;
    digests.set(collection, addCrc(digests.get(collection) ?? emptyDigest, recordCrc(id, formatInstant(at), payload)));
  }
  return Object.fromEntries(digests);
}

/** Asserts the invariants of a snapshot: rising instants up to the clock, each record once, and a matching digest. */
export function assertConsistent({ account, changes }: Seen): void {
  assertRising(changes.map(({ at }) => at));
  assert((changes.at(-1)?.at ?? EPOCH) <= account.clock, 'a change is later than the clock');
  assert.equal(new Set(changes.map(({ collection, id }) => `${collection}/${id}`)).size, changes.length, 'a record appears twice');
  const counted = Object.fromEntries(Object.entries(account.digest).filter(([, { count }]) => count > 0));
  assert.deepEqual(sorted(counted), sorted(digestOf(changes)));
}

export function assertRising(instants: readonly Instant[]): void {
  for (const [index, instant] of instants.entries()) {
    if (index > 0) assert(instant > (instants[index - 1] ?? EPOCH), `instant ${index} is not later than the one before it`);
  }
}

export async function assertRejects(promise: Promise<unknown>, code: ErrorCode): Promise<AppError> {
  const error = await promise.then(() => assert.fail(`expected ${code}, but it resolved`), (reason: unknown) => reason);
  assert(error instanceof AppError, `expected ${code}, got ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return error;
}

function sorted(digest: Digest): [string, CollectionDigest][] {
  return Object.entries(digest).sort(([a], [b]) => (a < b ? -1 : 1));
}
