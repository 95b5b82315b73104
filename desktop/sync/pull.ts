// The pull loop, phase by phase: fetch, apply, verify, finish.
//
//   fetch    the next page after the cursor; it is requested while the page before it is being applied
//   apply    rows and cursor in one transaction. A first sync commits every page, so that it can resume; a catch-up
//            commits once, at its end; a rebuild fills a second set of tables beside the readable ones
//   verify   compare the digest with the server's before anything counts as done
//   finish   the catch-up's commit, or the rebuild's swap. The runner sets `lastSync` last of all
//
// An expired cursor (410), a changed scope or a different digest leads to a rebuild; the old data stays readable until
// the rebuild has been verified. A crash at any point leaves the last commit, from which the next run resumes. Clock and
// network are the caller's.

import { parseInstant } from '../../shared/clock.ts';
import { digestDifferences, type Digest } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import type { Page } from '../../shared/feed.ts';
import { badResponse } from '../../shared/protocol.ts';
import type { RebuildReason } from '../../shared/window/views.ts';
import {
  applyChanges, beginChanges, buildNext, commitChanges, otherGeneration, readDigest, readState, rollbackChanges, saveState,
  startRebuild, swapGenerations, type CacheWriter, type Generation,
} from '../cache/cache.ts';
import { rebuildNotice } from '../cache/notices.ts';

export interface ReceivedPage {
  readonly page: Page;
  /** On the wire. */
  readonly sizeBytes: number;
  /** Frees its memory; its payloads must not be read afterwards. */
  readonly release: () => void;
}

export interface PullDeps {
  readonly cache: CacheWriter;
  /** The page after a cursor, or the first page for null. Throws the request's error, among them `resync_required`. */
  readonly fetchPage: (since: string | null, signal: AbortSignal) => Promise<ReceivedPage>;
  /** Called after each page has been applied, with the totals of this run. */
  readonly onApplied: (tally: Tally) => void;
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
}

/** Writing this many changes takes about 5 ms, which bounds how long readers on the same thread wait. */
const SLICE_CHANGES = 500;

/** If the digest still differs after this many rebuilds, it is a defect that another download will not fix. */
const MAX_REBUILDS = 2;

/**
 * Brings the cache up to date. Resolves once everything is committed and the digest equals the server's. Throws the error
 * of a failed request, `bad_response`, `cancelled`, `digest_mismatch` or `resync_required` if rebuilds do not help, and
 * the cache's errors; the readable data is then unchanged, or a first sync or rebuild is further along and will resume.
 */
export async function pull(deps: PullDeps, signal: AbortSignal): Promise<PullResult> {
  let tally: Tally = { upserts: 0, deletes: 0, bytes: 0 };
  const count = (page: Tally): void => {
    tally = { upserts: tally.upserts + page.upserts, deletes: tally.deletes + page.deletes, bytes: tally.bytes + page.bytes };
    deps.onApplied(tally);
  };
  for (let rebuilds = 0; ; rebuilds += 1) {
    const target = chooseTarget(deps);
    const reason = await pullInto(target, deps, signal, count);
    if (reason === null) return { ...tally, rebuilt: target.rebuildReason };
    if (rebuilds === MAX_REBUILDS) throw rebuildLimitError(reason);
    startRebuild(deps.cache, reason);
  }
}

function rebuildLimitError(reason: RebuildReason): AppError {
  if (reason === 'cache_differed') {
    return new AppError('digest_mismatch', 'The data still differs from the server after it was downloaded again. '
      + 'It stays readable; send the sync report to your administrator.');
  }
  return new AppError('resync_required', 'The server kept asking to start the download over. The data on this computer stays '
    + 'readable; try again later.');
}

/** Where pages are written, and how they are committed. */
interface Target {
  readonly cursor: string | null;
  /** The scope that every page must have; null if the first page sets it. */
  readonly scope: string | null;
  readonly rebuildReason: RebuildReason | null;
  readonly generation: Generation;
  /** Applies a page and advances the cursor. */
  apply(page: Page): Promise<void>;
  /** Called once the digests are equal. */
  finish(): Promise<void>;
  /** Rolls back whatever is not committed. */
  rollBack(): void;
}

function chooseTarget(deps: PullDeps): Target {
  const state = readState(deps.cache);
  if (state.rebuild !== null) return rebuildTarget(deps);
  return state.isInitialComplete ? catchUpTarget(deps) : firstSyncTarget(deps);
}

/** Commits every page into the readable tables, so that records appear as they arrive and the cursor can resume. */
function firstSyncTarget(deps: PullDeps): Target {
  const { cache } = deps;
  const { cursor, scope, generation } = readState(cache);
  return {
    cursor, scope, generation,
    rebuildReason: null,
    apply: (page) => inTransaction(cache, async () => {
      await applyInSlices(deps, generation, page);
      saveState(cache, { cursor: page.serverTime, scope: page.scope });
    }),
    finish: async () => saveState(cache, { isInitialComplete: true }),
    rollBack: () => undefined,
  };
}

/** Applies all pages in one transaction, so that a catch-up becomes visible completely or not at all. */
function catchUpTarget(deps: PullDeps): Target {
  const { cache } = deps;
  const { cursor, scope, generation } = readState(cache);
  return {
    cursor, scope, generation,
    rebuildReason: null,
    async apply(page) {
      if (!cache.db.isTransaction) beginChanges(cache);
      await applyInSlices(deps, generation, page);
      saveState(cache, { cursor: page.serverTime });
    },
    finish: async () => commitChanges(cache),
    rollBack: () => rollbackChanges(cache),
  };
}

/** Commits every page into the inactive tables, which are swapped in by one commit once verified. */
function rebuildTarget(deps: PullDeps): Target {
  const { cache } = deps;
  const state = readState(cache);
  const { cursor = null, scope = null, reason = '' } = state.rebuild ?? {};
  const generation = otherGeneration(state.generation);
  return {
    cursor, scope, generation,
    rebuildReason: rebuildNotice(reason).code,
    apply: (page) => inTransaction(cache, async () => {
      await applyInSlices(deps, generation, page);
      saveState(cache, { rebuild: { reason, scope: page.scope, cursor: page.serverTime } });
    }),
    async finish() {
      // Before the swap, so that lists are as fast after it as before.
      await buildIndexes(deps, generation);
      swapGenerations(cache);
    },
    rollBack: () => undefined,
  };
}

async function applyInSlices({ cache, yieldToEventLoop }: PullDeps, generation: Generation, page: Page): Promise<void> {
  for (let start = 0; start < page.changes.length; start += SLICE_CHANGES) {
    applyChanges(cache, generation, page.changes.slice(start, start + SLICE_CHANGES));
    await yieldToEventLoop();
  }
}

/** Pulls until the target is complete. Returns null when it is, or why the cache must be rebuilt. */
async function pullInto(
  target: Target, deps: PullDeps, signal: AbortSignal, count: (page: Tally) => void,
): Promise<RebuildReason | null> {
  const readAhead = new AbortController();
  const anySignal = AbortSignal.any([signal, readAhead.signal]);
  try {
    let { cursor, scope } = target;
    let nextPage = deps.fetchPage(cursor, anySignal);
    for (;;) {
      const { page, sizeBytes, release } = await nextPage;
      if (scope !== null && page.scope !== scope) return 'scope_changed';
      scope = page.scope;
      requireProgress(page, cursor);
      cursor = page.serverTime;
      if (page.hasMore) {
        nextPage = deps.fetchPage(cursor, anySignal);
        // It is awaited in the next iteration; until then its rejection must not count as unhandled.
        nextPage.catch(() => undefined);
        // The request is only sent once this thread yields; the server then works while the page is applied.
        await deps.yieldToEventLoop();
      }
      await target.apply(page);
      release();
      count({ ...countOf(page), bytes: sizeBytes });
      if (!page.hasMore) return await verify(target, deps.cache, page.digest);
      throwIfCancelled(signal);
    }
  } catch (error) {
    if (error instanceof AppError && error.code === 'resync_required') return 'cursor_ended';
    throw error;
  } finally {
    readAhead.abort();
    target.rollBack();
  }
}

async function verify(target: Target, cache: CacheWriter, digest: Digest | null): Promise<RebuildReason | null> {
  if (digest === null) throw badResponse('its last page has no digest');
  if (digestDifferences(readDigest(cache, target.generation), digest).length > 0) return 'cache_differed';
  await target.finish();
  return null;
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

/** Builds the missing indexes of a generation step by step, yielding in between; a crash loses one step. */
export async function buildIndexes(
  { cache, yieldToEventLoop }: Pick<PullDeps, 'cache' | 'yieldToEventLoop'>, generation: Generation,
): Promise<void> {
  while (!buildNext(cache, generation)) await yieldToEventLoop();
}

function countOf({ changes }: Page): { upserts: number; deletes: number } {
  const deletes = changes.reduce((sum, change) => sum + Number(change.payload === null), 0);
  return { upserts: changes.length - deletes, deletes };
}

async function inTransaction(cache: CacheWriter, run: () => Promise<void>): Promise<void> {
  beginChanges(cache);
  try {
    await run();
    commitChanges(cache);
  } finally {
    rollbackChanges(cache);
  }
}
