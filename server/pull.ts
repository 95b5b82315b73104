// The change feed in pages: an account's changes after a cursor, oldest first, limited to what the caller may see. A stream is
// made of the same pieces (pull-stream.ts).
//
// A page is read from one snapshot, so its changes, cursor and digest describe the same instant. The cursor is an instant
// of the account's clock, and nothing can commit behind it. A poll of an unchanged account needs no read beyond the
// session lookup.

import { createHash } from 'node:crypto';
import { setImmediate as yieldToEventLoop, setTimeout as sleep } from 'node:timers/promises';

import { EPOCH, formatInstant, parseInstant, type Instant } from '../shared/clock.ts';
import { publishedFields, roles, visibleTo, type Role } from '../shared/collections.ts';
import { countRecords, emptyDigest, type Digest } from '../shared/digest.ts';
import { AppError } from '../shared/errors.ts';
import { changeSizeBytes, pageFrame, writeChanges, type Change } from '../shared/feed.ts';
import { streamType } from '../shared/feed-stream.ts';
import { problem } from '../shared/problems.ts';
import { noncePattern, pageLimit } from '../shared/protocol.ts';
import type { Caller } from './auth.ts';
import { accepts } from './compression.ts';
import { invalid } from './http.ts';
import type { Account, Session, Snapshot, Store } from './store.ts';

/** How long the first page of a full pull waits for the session's note of it. */
const NOTE_WAIT_MS = 500;

export interface PullQuery {
  /** Null: the whole account, without deletes. */
  readonly since: Instant | null;
  readonly limit: number;
  readonly nonce: string | null;
  readonly isStream: boolean;
}

/**
 * Reads `since`, `limit` and `nonce`, and from `Accept` whether a stream is wanted; throws `invalid_request`. The limit of a page
 * has a default and a maximum, a stream's neither.
 */
export function parsePullQuery(query: ReadonlyMap<string, string>, accept: string): PullQuery {
  const isStream = accepts(streamType, accept);
  const since = query.get('since');
  const instant = since === undefined ? null : parseInstant(since);
  if (since !== undefined && instant === null) {
    throw invalid('since', problem('instant'));
  }
  const given = query.get('limit');
  if (given !== undefined && (!/^\d+$/.test(given) || Number(given) < 1)) throw invalid('limit', problem('min', { min: 1 }));
  const limit = Number(given ?? (isStream ? Infinity : pageLimit.default));
  const nonce = query.get('nonce') ?? null;
  if (nonce !== null && !noncePattern.test(nonce)) throw invalid('nonce', problem('nonce'));
  // Nothing changed before 1970, so an earlier cursor is equivalent to that moment.
  const from = instant === null ? null : Math.max(instant, EPOCH) as Instant;
  return { since: from, limit: isStream ? limit : Math.min(limit, pageLimit.max), nonce, isStream };
}

export interface BuiltPage {
  /** The page as JSON. */
  readonly chunks: readonly Buffer[];
  /** How many changes it has. */
  readonly count: number;
  /** The cursor of a pull's last page. */
  readonly end: Instant | null;
  /** The page is sent once this has resolved. */
  readonly noted: Promise<unknown> | null;
}

/**
 * Builds one page. `hold` gets the size of the changes so far, again and again, and may throw. Throws `resync_required` if the
 * pull cannot continue from this cursor.
 */
export async function pullPage(
  store: Store, caller: Caller, query: PullQuery, hold: (sizeBytes: number) => void,
): Promise<BuiltPage> {
  const { role } = caller.user;
  const { found: page, noted } = await readFrom(store, caller, query.since, async (snapshot) => {
    const chunks: Buffer[] = [];
    const range = { ...query, maxBytes: pageLimit.maxBytes };
    const found = await readBatches(snapshot, role, range, async (batch, sizeBytes) => {
      chunks.push(writeChanges(batch, chunks.length === 0));
      hold(sizeBytes);
      return true;
    });
    const { head, tail } = pageFrame(frameOf(snapshot.account, role, query, found), found.count);
    return {
      chunks: [Buffer.from(head), ...chunks, Buffer.from(tail)],
      count: found.count,
      end: found.hasMore ? null : snapshot.account.clock,
    };
  });
  return { ...page, noted };
}

/** What was read, and what the answer must wait for after its turn (see `noteFullPull`). */
interface ReadFrom<T> {
  readonly found: T;
  /** Never rejects. */
  readonly noted: Promise<unknown> | null;
}

/** Runs `read` on a snapshot that continues from a cursor. Throws `resync_required` if there is none. */
export async function readFrom<T>(
  store: Store, caller: Caller, since: Instant | null, read: (snapshot: Snapshot) => Promise<T>,
): Promise<ReadFrom<T>> {
  const { account, session } = caller;
  if (since !== null) await rejectExpiredCursor(store, account, session, since);
  if (since === account.clock) return { found: await read({ account, async* changes() {}, count: async () => 0 }), noted: null };
  const needsNote = since === null && session.fullPullFrom !== account.clock;
  const { noted } = needsNote ? await noteFullPull(store, account, session) : { noted: null };
  const found = await store.snapshot(account.accountId, async (snapshot) => {
    if (since !== null) await rejectExpiredCursor(store, snapshot.account, session, since);
    return read(snapshot);
  });
  return { found, noted };
}

/**
 * What follows starts at cursors that may soon be before the horizon. With the note, this session may use them until a tombstone
 * from after this moment is removed; so a page is sent once the next one will find it. The database may be locked or its disk full:
 * after `NOTE_WAIT_MS` the page is sent without, and at worst the pull is ended by the next removal of tombstones.
 */
async function noteFullPull(
  store: Store, { accountId, clock }: Account, { sessionId, fullPullFrom }: Session,
): Promise<{ readonly noted: Promise<unknown> }> {
  const noting = store.noteFullPull(accountId, sessionId, clock);
  // A note from before a backup was restored is replaced first: it would keep cursors alive that have ended.
  if (fullPullFrom > clock) await noting;
  return { noted: Promise.race([noting.catch(() => {}), sleep(NOTE_WAIT_MS, undefined, { ref: false })]) };
}

interface Found {
  readonly count: number;
  /** The instant of the last change. */
  readonly last: Instant;
  readonly hasMore: boolean;
}

interface BatchRange {
  readonly since: Instant | null;
  /** Later than `since` where the deletes up to then are of records that the reader cannot have. */
  readonly tombstonesAfter?: Instant | null;
  readonly limit: number;
  readonly maxBytes: number;
}

/**
 * Reads changes of a snapshot in batches until there are no more, `limit` or `maxBytes` is reached, or `take` resolves to false.
 * `take` gets the size of all changes so far.
 */
export async function readBatches(
  snapshot: Snapshot, role: Role,
  { since, tombstonesAfter = since, limit, maxBytes }: BatchRange,
  take: (batch: readonly Change[], sizeBytes: number) => Promise<boolean>,
): Promise<Found> {
  let count = 0;
  let sizeBytes = 0;
  let last = since ?? EPOCH;
  const range = { after: last, collections: namesOf(role), tombstonesAfter, limit: limit + 1 };
  for await (const batch of snapshot.changes(range)) {
    let taken = 0;
    for (const change of batch) {
      if (count + taken === limit || sizeBytes >= maxBytes) break;
      sizeBytes += changeSizeBytes(change);
      taken += 1;
      last = change.at;
    }
    count += taken;
    const goesOn = await take(taken < batch.length ? batch.slice(0, taken) : batch, sizeBytes);
    if (taken < batch.length || !goesOn) return { count, last, hasMore: true };
    // The embedded database answers without ever waiting, and others want to be served.
    await yieldToEventLoop();
  }
  return { count, last, hasMore: false };
}

/** The collections that a role sees. */
export function namesOf(role: Role): readonly string[] {
  return visibleTo(role).map(({ name }) => name);
}

/** What a page says beside its changes, as of the account that they were read with. */
function frameOf(account: Account, role: Role, { since, nonce }: PullQuery, { hasMore, last }: Found): Parameters<typeof pageFrame>[0] {
  const digest = digestFor(account, role);
  return {
    serverTime: formatInstant(hasMore ? last : account.clock),
    nonce,
    hasMore,
    scope: scopeOf(account, role),
    total: since === null ? countRecords(digest) : null,
    digest: hasMore ? null : digest,
  };
}

/** A cursor expires if tombstones after it were removed, or if it lies after the account's clock (a restored backup). */
async function rejectExpiredCursor(store: Store, account: Account, session: Session, since: Instant): Promise<void> {
  const continuesFullPull = session.fullPullFrom > EPOCH && session.fullPullFrom >= account.horizon;
  if (since < account.horizon && !continuesFullPull) {
    throw new AppError('resync_required', 'This cursor is older than the deletions that the server still knows. Pull again without since.');
  }
  if (since <= account.clock) return;
  // A new primary may briefly serve a state older than the cursor.
  if (since > await store.latestClock(account.accountId)) {
    const reason = "This cursor lies after the server's clock, as after a restored backup.";
    throw new AppError('resync_required', `${reason} Pull again without since.`);
  }
  throw new AppError('unavailable', 'The database is catching up. Try again in a moment.', { retryAfterS: 1 });
}

export function digestFor(account: Account, role: Role): Digest {
  return Object.fromEntries(visibleTo(role).map(({ name }) => [name, account.digest[name] ?? emptyDigest]));
}

/** The published fields of what each role sees, as JSON: writing them took a tenth of a poll's time. */
const publishedTo = new Map(roles.map((role) => [
  role, JSON.stringify(visibleTo(role).map((collection) => [collection.name, publishedFields(collection)])),
]));

/** Identifies what a role can see of an account; changes with the account, its epoch, the role and the published fields. */
export function scopeOf({ accountId, epoch }: Account, role: Role): string {
  const parts = `${JSON.stringify([accountId, epoch, role]).slice(0, -1)},${publishedTo.get(role)}]`;
  return createHash('sha256').update(parts).digest('base64url').slice(0, 22);
}
