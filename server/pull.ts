// The change feed as pages: what changed in an account after a cursor, oldest first, as much as one caller may see.
//
// A page is read from one snapshot, so its changes, its cursor and its digest describe the same instant. The only
// cursor is an instant of the account's clock: nothing can commit behind it. A poll of an account that has not
// changed is answered from what the session's own lookup found and reads nothing more.

import { createHash } from 'node:crypto';

import { EPOCH, formatInstant, parseInstant, type Instant } from '../shared/clock.ts';
import { publishedFields, visibleTo, type Role } from '../shared/collections.ts';
import { emptyDigest, type Digest } from '../shared/digest.ts';
import { AppError } from '../shared/errors.ts';
import { changeSizeBytes, pageFrame, writeChanges } from '../shared/feed.ts';
import { problem } from '../shared/problems.ts';
import { pageLimit } from '../shared/protocol.ts';
import type { Caller } from './auth.ts';
import { invalid } from './http.ts';
import type { Account, Session, Snapshot, Store } from './store.ts';

export interface PullQuery {
  /** Null: the whole account, without deletes. */
  readonly since: Instant | null;
  readonly limit: number;
}

/** Reads `since` and `limit`; throws `invalid_request`. */
export function parsePullQuery(query: ReadonlyMap<string, string>): PullQuery {
  const since = query.get('since');
  const instant = since === undefined ? null : parseInstant(since);
  if (since !== undefined && instant === null) {
    throw invalid('since', problem('instant'));
  }
  const limit = query.get('limit') ?? String(pageLimit.default);
  if (!/^\d+$/.test(limit) || Number(limit) < 1) throw invalid('limit', problem('min', { min: 1 }));
  // Nothing ever changed before 1970: a cursor before it stands for that moment.
  const from = instant === null ? null : Math.max(instant, EPOCH) as Instant;
  return { since: from, limit: Math.min(Number(limit), pageLimit.max) };
}

/** One page as JSON, in pieces to be sent one after another. Throws `resync_required` where the cursor cannot be continued. */
export async function pullPage(store: Store, caller: Caller, query: PullQuery): Promise<readonly Buffer[]> {
  const { since } = query;
  const { role, accountId } = caller.user;
  if (since !== null) await refuseEndedCursor(store, caller.account, caller.session, since);
  if (since === caller.account.clock) return lastPage(caller.account, role, noChanges);
  if (since === null && caller.account.horizon > EPOCH) {
    // The pages to come start at cursors before the horizon, which this session may use as long as no tombstone
    // from after this moment has been removed.
    await store.noteFullPull(accountId, caller.session.sessionId, caller.account.clock);
  }
  return store.snapshot(accountId, async (snapshot) => {
    if (since !== null) await refuseEndedCursor(store, snapshot.account, caller.session, since);
    const collected = await collect(snapshot, role, query);
    if (!collected.hasMore) return lastPage(snapshot.account, role, collected);
    const serverTime = formatInstant(collected.last);
    return toPieces({ serverTime, hasMore: true, scope: scopeOf(accountId, role), digest: null }, collected);
  });
}

/** Changes as they will be sent, batch by batch: a page never exists as one long text. */
interface Collected {
  readonly pieces: readonly Buffer[];
  readonly count: number;
  /** The instant of the last of them. */
  readonly last: Instant;
  readonly hasMore: boolean;
}

const noChanges: Collected = { pieces: [], count: 0, last: EPOCH, hasMore: false };

async function collect(snapshot: Snapshot, role: Role, { since, limit }: PullQuery): Promise<Collected> {
  const pieces: Buffer[] = [];
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
    pieces.push(writeChanges(batch.slice(0, taken), count === 0));
    count += taken;
    if (taken < batch.length) return { pieces, count, last, hasMore: true };
  }
  return { pieces, count, last, hasMore: false };
}

function lastPage(account: Account, role: Role, collected: Collected): readonly Buffer[] {
  const serverTime = formatInstant(account.clock);
  const scope = scopeOf(account.accountId, role);
  return toPieces({ serverTime, hasMore: false, scope, digest: digestFor(account, role) }, collected);
}

function toPieces(page: Parameters<typeof pageFrame>[0], { pieces, count }: Collected): readonly Buffer[] {
  const { head, tail } = pageFrame(page, count);
  return [Buffer.from(head), ...pieces, Buffer.from(tail)];
}

/** A cursor ends when tombstones after it are gone, or when it lies after the account's clock (a restored backup). */
async function refuseEndedCursor(store: Store, account: Account, session: Session, since: Instant): Promise<void> {
  const continuesFullPull = session.fullPullFrom > EPOCH && session.fullPullFrom >= account.horizon;
  if (since < account.horizon && !continuesFullPull) {
    throw new AppError('resync_required', 'This copy is older than the deletions the server still knows. Pull again without since.');
  }
  if (since <= account.clock) return;
  // A new primary may briefly serve an older state than the one this cursor came from.
  if (since > await store.latestClock(account.accountId)) {
    const reason = "This cursor lies after the server's clock, as after a restored backup.";
    throw new AppError('resync_required', `${reason} Pull again without since.`);
  }
  throw new AppError('unavailable', 'The database is catching up. Try again in a moment.', { retryAfterS: 1 });
}

function digestFor(account: Account, role: Role): Digest {
  return Object.fromEntries(visibleTo(role).map(({ name }) => [name, account.digest[name] ?? emptyDigest]));
}

/** Names what a role sees in an account: it changes when the account, the role or a published field does. */
export function scopeOf(accountId: string, role: Role): string {
  const published = visibleTo(role).map((collection) => [collection.name, publishedFields(collection)]);
  return createHash('sha256').update(JSON.stringify([accountId, role, published])).digest('base64url').slice(0, 22);
}
