// The pull loop, phase by phase: fetch, apply, verify, finish.
//
//   fetch    the next piece after the cursor, a page or as much of a stream; it arrives while the one before is being applied
//   apply    rows and cursor in one transaction. A first sync commits every piece, so that it can resume; a catch-up keeps
//            its pieces beside the tables and applies all of them with the last one; a rebuild fills a second set of tables
//   verify   compare the digest with the server's before anything counts as done
//   finish   the catch-up's commit, or the rebuild's swap. The runner sets `lastSync` last of all
//
// An expired cursor (410), a changed scope or a different digest leads to a rebuild; the old data stays readable until
// the rebuild has been verified. A digest that rebuilds do not cure is not rebuilt for again before an hour has passed,
// then two, up to a day; meanwhile changes are applied without proof. A crash at any point leaves the last commit, from
// which the next run resumes. Clock and network are the caller's.

import { parseInstant } from '../../shared/clock.ts';
import { countRecords, digestDifferences, type Digest } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import { readPage, type Page, type WireChange } from '../../shared/feed.ts';
import { readLines } from '../../shared/feed-stream.ts';
import { badResponse } from '../../shared/protocol.ts';
import type { RebuildReason, SyncProgress } from '../../shared/window/views.ts';
import {
  applyChanges, beginChanges, buildIndexes, commitChanges, dropStage, LogKeeper, otherGeneration, readDigest, readStage, readState,
  rollbackChanges, saveState, stagedPages, stagePage, startRebuild, swapGenerations, type CacheWriter, type Generation, type Mismatch,
  type RefusedChange,
} from '../cache/cache.ts';
import { rebuildNotice } from '../cache/notices.ts';
import type { ReceivedPiece } from './feed-source.ts';

export interface PullDeps {
  readonly cache: CacheWriter;
  /**
   * The piece after a cursor, or the first one for null; each is asked for with the cursor of the one before. Throws the request's
   * error, among them `resync_required`.
   */
  readonly fetchPiece: (since: string | null, signal: AbortSignal) => Promise<ReceivedPiece>;
  /** Called whenever a piece has been applied or kept. */
  readonly onProgress: (progress: SyncProgress, tally: Tally) => void;
  /** Changes of the previous piece could not be applied. */
  readonly onRefused: (refused: readonly RefusedChange[]) => void;
  /** A download of everything begins. */
  readonly onRebuild: (reason: RebuildReason) => void;
  /** Whether a person asks for this run, who may have everything downloaded once more. */
  readonly isAskedFor: () => boolean;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  /** Lets other work on this thread run. */
  readonly yieldToEventLoop: () => Promise<void>;
}

/** What a run has received so far. */
export interface Tally {
  readonly upserts: number;
  readonly deletes: number;
  readonly bytes: number;
}

export interface PullResult extends Tally {
  /** Why the cache was rebuilt in this run, or null. */
  readonly rebuilt: RebuildReason | null;
  /** Null if the digests are equal. Otherwise everything was applied, but proves nothing. */
  readonly mismatch: Mismatch | null;
}

/** How long changes are written before others on this thread have their turn. What one change takes depends on what it changes. */
const SLICE_MS = 4;
const FIRST_SLICE_CHANGES = 100;
const [MIN_SLICE_CHANGES, MAX_SLICE_CHANGES] = [25, 1000];

/** A server that asks for more downloads in one run will not stop. */
const MAX_REBUILDS = 2;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Brings the cache up to date. Resolves once everything is committed; `mismatch` says whether the digest equals the
 * server's. Throws the error of a failed request, `bad_response`, `stale_answer`, `cancelled`, `resync_required` if
 * rebuilds do not help, and the cache's errors; the readable data is then unchanged, or a first sync, a rebuild or the
 * pieces kept of a catch-up are further along and will resume.
 */
export async function pull(deps: PullDeps, signal: AbortSignal): Promise<PullResult> {
  const run: Run = { tally: { upserts: 0, deletes: 0, bytes: 0 }, rebuilds: 0 };
  const log = new LogKeeper(deps.cache);
  try {
    for (; ; run.rebuilds += 1) {
      const target = chooseTarget(deps, log);
      const end = await pullInto(target, deps, signal, run);
      if (end.rebuild === null) return { ...run.tally, rebuilt: target.rebuildReason, mismatch: end.mismatch };
      if (run.rebuilds === MAX_REBUILDS) {
        throw new AppError('resync_required', 'The server kept asking to start the download over. The data on this computer stays '
          + 'readable; try again later.');
      }
      startRebuild(deps.cache, end.rebuild);
      deps.onRebuild(end.rebuild);
    }
  } finally {
    await log.close();
  }
}

interface Run {
  tally: Tally;
  rebuilds: number;
}

/** Where pieces are written, and how they are committed. */
interface Target {
  readonly cursor: string | null;
  /** The scope that every piece must have; null if the first one sets it. */
  readonly scope: string | null;
  /** Null unless it is a rebuild. */
  readonly rebuildReason: RebuildReason | null;
  readonly generation: Generation;
  /** The changes that earlier runs have received for it. */
  readonly received: number;
  /** The number of changes it will have received in the end, if known. */
  readonly total: number | null;
  /** Applies a piece and advances the cursor, or keeps the piece. Returns what could not be applied. */
  apply(page: Page, bytes: Buffer): Promise<readonly RefusedChange[]>;
  /** Makes everything visible, with the outcome of the comparison. */
  finish(mismatch: Mismatch | null): Promise<void>;
  /** Rolls back whatever is not committed. */
  rollBack(): void;
}

function chooseTarget(deps: PullDeps, log: LogKeeper): Target {
  const state = readState(deps.cache);
  if (state.rebuild !== null) return rebuildTarget(deps, log);
  return state.isInitialComplete ? catchUpTarget(deps) : firstSyncTarget(deps, log);
}

/** Commits every piece into the readable tables, so that records appear as they arrive and the cursor can resume. */
function firstSyncTarget(deps: PullDeps, log: LogKeeper): Target {
  const { cache } = deps;
  const { cursor, scope, generation, downloadTotal } = readState(cache);
  return {
    cursor, scope, generation,
    rebuildReason: null,
    received: countRecords(readDigest(cache, generation)),
    total: cursor === null ? null : downloadTotal,
    apply: (page) => committing(cache, log, async () => {
      const refused = await applyInSlices(deps, generation, page.changes);
      saveState(cache, { cursor: page.serverTime, scope: page.scope, ...totalOf(page) });
      return refused;
    }),
    async finish(mismatch) {
      await log.flush();
      saveState(cache, { isInitialComplete: true, mismatch, ...provedNow(deps, mismatch) });
    },
    rollBack: () => undefined,
  };
}

/** Keeps all pieces but the last, and then applies all of them in one transaction: a catch-up is visible completely or not at all. */
function catchUpTarget(deps: PullDeps): Target {
  const { cache } = deps;
  const { cursor, scope, generation, mismatch: before } = readState(cache);
  const stage = readStage(cache);
  return {
    cursor: stage?.cursor ?? cursor, scope, generation,
    rebuildReason: null,
    received: stage?.changes ?? 0,
    total: null,
    async apply(page, bytes) {
      if (page.hasMore) {
        stagePage(cache, bytes, { cursor: page.serverTime, changes: page.changes.length });
        return [];
      }
      beginChanges(cache);
      const refused: RefusedChange[] = [];
      for (const kept of stagedPages(cache)) refused.push(...await applyInSlices(deps, generation, readKept(cache, kept)));
      refused.push(...await applyInSlices(deps, generation, page.changes));
      dropStage(cache);
      // Where nothing has changed, nothing is written, and the commit costs nothing.
      if (page.serverTime !== cursor) saveState(cache, { cursor: page.serverTime });
      return refused;
    },
    async finish(mismatch) {
      if (mismatch !== before) saveState(cache, { mismatch });
      commitChanges(cache);
    },
    rollBack: () => rollbackChanges(cache),
  };
}

/** The changes of a page, or of a part of a stream. A damaged one is dropped with the others, so that the next run asks for them again. */
function readKept(cache: CacheWriter, bytes: Buffer): readonly WireChange[] {
  try {
    return bytes.toString('latin1', 0, changeStart.length) === changeStart ? readLines(bytes) : readPage(bytes).changes;
  } catch (cause) {
    rollbackChanges(cache);
    dropStage(cache);
    const message = 'Part of a download that was kept on this computer is damaged. It is downloaded again.';
    throw new AppError('cache_unusable', message, { cause });
  }
}

const changeStart = '{"type":"';

/** Commits every piece into the inactive tables, which are swapped in by one commit in the end. */
function rebuildTarget(deps: PullDeps, log: LogKeeper): Target {
  const { cache } = deps;
  const state = readState(cache);
  const { cursor = null, scope = null, reason = '' } = state.rebuild ?? {};
  const generation = otherGeneration(state.generation);
  return {
    cursor, scope, generation,
    rebuildReason: rebuildNotice(reason).code,
    received: countRecords(readDigest(cache, generation)),
    total: cursor === null ? null : state.downloadTotal,
    apply: (page) => committing(cache, log, async () => {
      const refused = await applyInSlices(deps, generation, page.changes);
      saveState(cache, { rebuild: { reason, scope: page.scope, cursor: page.serverTime }, ...totalOf(page) });
      return refused;
    }),
    async finish(mismatch) {
      // Before the swap, so that lists are as fast after it as before.
      await buildIndexes(cache, generation, deps.yieldToEventLoop);
      swapGenerations(cache, { mismatch, ...provedNow(deps, mismatch) });
    },
    rollBack: () => undefined,
  };
}

/**
 * A download that yields the server's digest is proved: its digest was computed from the bytes that were written. The first proof
 * that reads them back is due a day later.
 */
function provedNow({ nowMs }: PullDeps, mismatch: Mismatch | null): { lastVerifiedMs?: number } {
  return mismatch === null ? { lastVerifiedMs: nowMs() } : {};
}

/** Only a download's first piece has the total. */
function totalOf({ total }: Page): { downloadTotal?: number } {
  return total === null ? {} : { downloadTotal: total };
}

async function applyInSlices(
  { cache, monotonicMs, yieldToEventLoop }: PullDeps, generation: Generation, changes: readonly WireChange[],
): Promise<readonly RefusedChange[]> {
  const refused: RefusedChange[] = [];
  for (let start = 0, size = FIRST_SLICE_CHANGES; start < changes.length;) {
    const slice = changes.slice(start, start + size);
    const startedMs = monotonicMs();
    refused.push(...applyChanges(cache, generation, slice).refused);
    const growth = Math.min(2, SLICE_MS / (monotonicMs() - startedMs));
    start += size;
    size = Math.max(MIN_SLICE_CHANGES, Math.min(MAX_SLICE_CHANGES, Math.floor(size * growth)));
    await yieldToEventLoop();
  }
  return refused;
}

/** How a target ended: with a comparison of the digests, or with a reason to rebuild the cache. */
type End = { readonly rebuild: null; readonly mismatch: Mismatch | null } | { readonly rebuild: RebuildReason };

/** Pulls until the target is complete or the cache must be rebuilt. */
async function pullInto(target: Target, deps: PullDeps, signal: AbortSignal, run: Run): Promise<End> {
  const readAhead = new AbortController();
  const anySignal = AbortSignal.any([signal, readAhead.signal]);
  const allRefused: RefusedChange[] = [];
  try {
    let { cursor, scope, received, total } = target;
    if (received > 0) deps.onProgress({ changes: received, total, bytes: run.tally.bytes }, run.tally);
    let nextPiece = deps.fetchPiece(cursor, anySignal);
    for (;;) {
      const { page, bytes, isStale, release } = await nextPiece;
      if (scope !== null && page.scope !== scope) return { rebuild: 'scope_changed' };
      if (isStale) throw staleAnswerError();
      scope = page.scope;
      requireProgress(page, cursor);
      cursor = page.serverTime;
      if (page.hasMore) {
        nextPiece = deps.fetchPiece(cursor, anySignal);
        // It is awaited in the next iteration; until then its rejection must not count as unhandled.
        nextPiece.catch(() => undefined);
        // A request is only sent once this thread yields; the server then works while the piece is applied.
        await deps.yieldToEventLoop();
      }
      const sizeBytes = bytes.length;
      const refused = await target.apply(page, bytes);
      if (refused.length > 0) deps.onRefused(refused);
      allRefused.push(...refused);
      run.tally = addPage(run.tally, page, sizeBytes);
      received += page.changes.length;
      total = page.total ?? total;
      release();
      // Changes made meanwhile can exceed the total.
      deps.onProgress({ changes: received, total: total !== null && received > total ? null : total, bytes: run.tally.bytes }, run.tally);
      if (!page.hasMore) return await verify(target, deps, page.digest, allRefused, run);
      throwIfCancelled(signal);
    }
  } catch (error) {
    if (endsCursor(error, target.cursor)) return { rebuild: 'cursor_ended' };
    throw error;
  } finally {
    readAhead.abort();
    target.rollBack();
  }
}

/** Whether the server cannot continue from the cursor: it has ended, or it is not one, because the cache is damaged. */
function endsCursor(error: unknown, cursor: string | null): boolean {
  return error instanceof AppError
    && (error.code === 'resync_required' || (error.code === 'invalid_request' && cursor !== null));
}

async function verify(
  target: Target, deps: PullDeps, digest: Digest | null, refused: readonly RefusedChange[], { rebuilds }: Run,
): Promise<End> {
  if (digest === null) throw badResponse('its end has no digest');
  const isEqual = digestDifferences(readDigest(deps.cache, target.generation), digest).length === 0;
  if (isEqual) {
    await target.finish(null);
    return { rebuild: null, mismatch: null };
  }
  const { mismatch: before } = readState(deps.cache);
  const nowMs = deps.nowMs();
  const isRebuild = target.rebuildReason !== null;
  // What was refused explains a difference. One that a download has not cured is not cured by the next, in whatever run.
  const mayRebuild = before === null ? refused.length === 0 && rebuilds < MAX_REBUILDS && target.rebuildReason !== 'cache_differed'
    : !isRebuild && (deps.isAskedFor() || isDue(before, nowMs));
  if (mayRebuild) return { rebuild: 'cache_differed' };
  const message = before !== null && !isRebuild && refused.length === 0 ? before.message : mismatchMessage(refused);
  const mismatch: Mismatch = before !== null && !isRebuild ? { ...before, message }
    : { downloads: (before?.downloads ?? 0) + 1, atMs: nowMs, message };
  await target.finish(mismatch);
  return { rebuild: null, mismatch };
}

/** Whether everything may be downloaded once more. A clock that was set back makes it due, too. */
function isDue({ downloads, atMs }: Mismatch, nowMs: number): boolean {
  const waitMs = Math.min(DAY_MS, HOUR_MS * 2 ** (downloads - 1));
  return nowMs - atMs >= waitMs || nowMs < atMs;
}

function mismatchMessage(refused: readonly RefusedChange[]): string {
  const [first] = refused;
  if (!first) {
    return 'The data still differs from the server after it was downloaded again. It stays readable and is kept up to date; '
      + 'send the sync report to your administrator.';
  }
  const others = refused.length === 1 ? '' : ` Nor can ${refused.length - 1} more.`;
  return `${first.collection}/${first.id} from the server cannot be read: ${first.reason}.${others} `
    + 'Everything else is there; send the sync report to your administrator.';
}

function staleAnswerError(): AppError {
  return new AppError('stale_answer', 'The server answered with older data than it had already announced. Invoify asks '
    + 'again by itself; if this keeps happening, something in between may be repeating answers.');
}

/** Throws `bad_response` for a cursor that stands still or moves without changes: the loop would never end. */
function requireProgress(page: Page, cursor: string | null): void {
  const before = cursor === null ? null : parseInstant(cursor);
  const after = parseInstant(page.serverTime);
  if (after === null || (before !== null && after < before)) throw badResponse('its cursor went back');
  const last = page.changes.at(-1);
  if (page.hasMore && (!last || after === before || parseInstant(last.updatedAt) !== after)) {
    throw badResponse('it has more changes, but its cursor is not that of its last change');
  }
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('cancelled', 'The sync was cancelled.');
}

function addPage({ upserts, deletes, bytes }: Tally, { changes }: Page, sizeBytes: number): Tally {
  const newDeletes = changes.reduce((sum, change) => sum + Number(change.payload === null), 0);
  return { upserts: upserts + changes.length - newDeletes, deletes: deletes + newDeletes, bytes: bytes + sizeBytes };
}

/** Commits one piece of a download, which resumes from the last one that is there. */
async function committing<T>(cache: CacheWriter, log: LogKeeper, run: () => Promise<T>): Promise<T> {
  beginChanges(cache, true);
  try {
    const result = await run();
    commitChanges(cache);
    await log.afterCommit();
    return result;
  } finally {
    rollbackChanges(cache);
  }
}
