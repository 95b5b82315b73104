// The change feed in pages: an account's changes after a cursor, oldest first, limited to what the caller may see.
//
// A page is read from one snapshot, so its changes, cursor and digest describe the same instant. The cursor is an instant
// of the account's clock, and nothing can commit behind it. A poll of an unchanged account needs no read beyond the
// session lookup.

import { createHash } from 'node:crypto';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

import { EPOCH, formatInstant, parseInstant, type Instant } from '../shared/clock.ts';
import { publishedFields, visibleTo, type Role } from '../shared/collections.ts';
import { emptyDigest, type Digest } from '../shared/digest.ts';
import { AppError } from '../shared/errors.ts';
import { changeSizeBytes, pageFrame, writeChanges } from '../shared/feed.ts';
import { problem } from '../shared/problems.ts';
import { noncePattern, pageLimit } from '../shared/protocol.ts';
import type { Caller } from './auth.ts';
import { invalid } from './http.ts';
import type { Account, Session, Snapshot, Store } from './store.ts';

export interface PullQuery {
  /** Null: the whole account, without deletes. */
  readonly since: Instant | null;
  readonly limit: number;
  readonly nonce: string | null;
}

/** Reads `since`, `limit` and `nonce`; throws `invalid_request`. */
export function parsePullQuery(query: ReadonlyMap<string, string>): PullQuery {
  const since = query.get('since');
  const instant = since === undefined ? null : parseInstant(since);
  if (since !== undefined && instant === null) {
    throw invalid('since', problem('instant'));
  }
  const limit = query.get('limit') ?? String(pageLimit.default);
  if (!/^\d+$/.test(limit) || Number(limit) < 1) throw invalid('limit', problem('min', { min: 1 }));
  const nonce = query.get('nonce') ?? null;
  if (nonce !== null && !noncePattern.test(nonce)) throw invalid('nonce', problem('nonce'));
  // Nothing changed before 1970, so an earlier cursor is equivalent to that moment.
  const from = instant === null ? null : Math.max(instant, EPOCH) as Instant;
  return { since: from, limit: Math.min(Number(limit), pageLimit.max), nonce };
}

/**
 * Builds one page. `hold` gets the size of the changes so far, again and again, and may throw. Throws `resync_required` if the
 * pull cannot continue from this cursor.
 */
export async function pullPage(store: Store, caller: Caller, query: PullQuery, hold: (sizeBytes: number) => void): Promise<BuiltPage> {
  const { since } = query;
  const { role, accountId } = caller.user;
  if (since !== null) await rejectExpiredCursor(store, caller.account, caller.session, since);
  if (since === caller.account.clock) {
    return { chunks: toChunks(frameOf(caller.account, role, query, noChanges), noChanges), count: 0, end: since };
  }
  const isNoteAhead = caller.session.fullPullFrom > caller.account.clock;
  if (since === null && (caller.account.horizon > EPOCH || isNoteAhead)) {
    // The following pages start at cursors before the horizon. This session may use them until a tombstone from after
    // this moment is removed.
    await store.noteFullPull(accountId, caller.session.sessionId, caller.account.clock);
  }
  return store.snapshot(accountId, async (snapshot) => {
    if (since !== null) await rejectExpiredCursor(store, snapshot.account, caller.session, since);
    const collected = await collect(snapshot, role, query, hold);
    const chunks = toChunks(frameOf(snapshot.account, role, query, collected), collected);
    return { chunks, count: collected.count, end: collected.hasMore ? null : snapshot.account.clock };
  });
}

export interface BuiltPage {
  /** The page as JSON. */
  readonly chunks: readonly Buffer[];
  /** How many changes it has. */
  readonly count: number;
  /** The cursor of a pull's last page. */
  readonly end: Instant | null;
}

type PageFrame = Parameters<typeof pageFrame>[0];

/** Serialised changes, in one chunk per batch: a page never exists as one long string. */
interface Collected {
  readonly chunks: readonly Buffer[];
  readonly count: number;
  /** The instant of the last change. */
  readonly last: Instant;
  readonly hasMore: boolean;
}

const noChanges: Collected = { chunks: [], count: 0, last: EPOCH, hasMore: false };

async function collect(
  snapshot: Snapshot, role: Role, { since, limit }: PullQuery, hold: (sizeBytes: number) => void,
): Promise<Collected> {
  const chunks: Buffer[] = [];
  let count = 0;
  let sizeBytes = 0;
  let last = since ?? EPOCH;
  const batches = snapshot.changes({
    after: since ?? EPOCH,
    collections: visibleTo(role).map((collection) => collection.name),
    withTombstones: since !== null,
    limit: limit + 1,
  });
  for await (const batch of batches) {
    let taken = 0;
    for (const change of batch) {
      if (count + taken === limit || sizeBytes >= pageLimit.maxBytes) break;
      sizeBytes += changeSizeBytes(change);
      taken += 1;
      last = change.at;
    }
    chunks.push(writeChanges(batch.slice(0, taken), count === 0));
    hold(sizeBytes);
    count += taken;
    if (taken < batch.length) return { chunks, count, last, hasMore: true };
    // The embedded database answers without ever waiting, and others want to be served.
    await yieldToEventLoop();
  }
  return { chunks, count, last, hasMore: false };
}

/** What a page says beside its changes, as of the account that they were read with. */
function frameOf(account: Account, role: Role, { since, nonce }: PullQuery, { hasMore, last }: Collected): PageFrame {
  const digest = digestFor(account, role);
  return {
    serverTime: formatInstant(hasMore ? last : account.clock),
    nonce,
    hasMore,
    scope: scopeOf(account, role),
    total: since === null ? Object.values(digest).reduce((sum, { count }) => sum + count, 0) : null,
    digest: hasMore ? null : digest,
  };
}

function toChunks(page: PageFrame, { chunks, count }: Collected): readonly Buffer[] {
  const { head, tail } = pageFrame(page, count);
  return [Buffer.from(head), ...chunks, Buffer.from(tail)];
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

function digestFor(account: Account, role: Role): Digest {
  return Object.fromEntries(visibleTo(role).map(({ name }) => [name, account.digest[name] ?? emptyDigest]));
}

/** Identifies what a role can see of an account; changes with the account, its epoch, the role and the published fields. */
function scopeOf({ accountId, epoch }: Account, role: Role): string {
  const published = visibleTo(role).map((collection) => [collection.name, publishedFields(collection)]);
  return createHash('sha256').update(JSON.stringify([accountId, epoch, role, published])).digest('base64url').slice(0, 22);
}
