// The pull loop, as its phases: ask, apply, verify, done.
//
//   ask      the next page after the cursor; while one page is applied the next is already on its way
//   apply    rows and cursor in one transaction. A first sync commits page by page, so that it can resume; a catch-up
//            commits once, at its end; a rebuild fills tables beside the readable ones
//   verify   the digest of what is held against the server's, before anything counts as done
//   done     the catch-up's commit, or the rebuild's swap; `lastSync` moves last of all
//
// A cursor that ended (410), a changed scope or a digest that differs leads to a rebuild; what was readable stays
// readable until the rebuild has been verified. A crash at any point leaves the last commit, from which the next run
// goes on. The loop reads no clock and opens no socket: both come with `deps`.

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

/** A page and its size on the wire. */
export interface ReceivedPage {
  readonly page: Page;
  readonly sizeBytes: number;
  /** Gives its memory back; nobody may read a payload of it afterwards. */
  readonly release: () => void;
}

export interface PullDeps {
  readonly cache: CacheWriter;
  /** The page after a cursor, or the first of all. Throws `cancelled`, `resync_required` and what else can go wrong. */
  readonly ask: (since: string | null, signal: AbortSignal) => Promise<ReceivedPage>;
  /** Called after each page that was applied. */
  readonly onPage: (tally: Tally) => void;
  /** Lets whatever else waits for this thread run. */
  readonly yieldToEventLoop: () => Promise<void>;
}

/** What a run has received so far. */
export interface Tally {
  readonly upserts: number;
  readonly deletes: number;
  readonly bytes: number;
}

export interface PullResult extends Tally {
  /** Why the copy was built anew in this run, or null. */
  readonly rebuilt: RebuildReason | null;
}

/** So many changes take about 5 ms to write; readers on the same thread wait no longer than that. */
const SLICE = 500;

/** A copy that differs even after that many rebuilds is a defect that another download does not cure. */
const MAX_REBUILDS = 2;

/**
 * Brings the copy up to date. Resolves once it is committed and its digest equals the server's. Rejects with the code
 * of what stopped it; the copy is then as it was, or further along a resumable first sync or rebuild.
 */
export async function pull(deps: PullDeps, signal: AbortSignal): Promise<PullResult> {
  let tally: Tally = { upserts: 0, deletes: 0, bytes: 0 };
  const count = (page: Tally): void => {
    tally = { upserts: tally.upserts + page.upserts, deletes: tally.deletes + page.deletes, bytes: tally.bytes + page.bytes };
    deps.onPage(tally);
  };
  for (let rebuilds = 0; ; rebuilds += 1) {
    const target = chooseTarget(deps);
    const reason = await fill(target, deps, signal, count);
    if (reason === null) return { ...tally, rebuilt: target.rebuildReason };
    if (rebuilds === MAX_REBUILDS) throw givenUp(reason);
    startRebuild(deps.cache, reason);
  }
}

function givenUp(reason: RebuildReason): AppError {
  if (reason === 'copy_differed') {
    return new AppError('digest_mismatch', 'The copy still differs from the server after it was downloaded again. '
      + 'What is here stays readable; send the report of the last syncs to your administrator.');
  }
  return new AppError('resync_required', 'The server asked to begin the download again each time. What is here stays readable; '
    + 'try again later.');
}

/** Where pages go, and what makes them count. */
interface Target {
  readonly cursor: string | null;
  /** The scope that every page must have; null where the first one sets it. */
  readonly scope: string | null;
  readonly rebuildReason: RebuildReason | null;
  readonly generation: Generation;
  /** Applies a page and moves the cursor with it. */
  apply(page: Page): Promise<void>;
  /** Makes it all count; called only when the digests are equal. */
  finish(): Promise<void>;
  /** Gives up what is not committed. */
  abandon(): void;
}

function chooseTarget(deps: PullDeps): Target {
  const state = readState(deps.cache);
  if (state.rebuild !== null) return rebuildTarget(deps);
  return state.isInitialComplete ? catchUpTarget(deps) : firstSyncTarget(deps);
}

/** Page by page into the tables that are read: what has arrived is readable, and the cursor resumes it. */
function firstSyncTarget(deps: PullDeps): Target {
  const { cache } = deps;
  const { cursor, scope, generation } = readState(cache);
  return {
    cursor, scope, generation,
    rebuildReason: null,
    apply: (page) => inCommit(cache, async () => {
      await applyInSlices(deps, generation, page);
      saveState(cache, { cursor: page.serverTime, scope: page.scope });
    }),
    finish: async () => saveState(cache, { isInitialComplete: true }),
    abandon: () => undefined,
  };
}

/** All pages in one transaction: a catch-up is seen whole or not at all. */
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
    abandon: () => rollbackChanges(cache),
  };
}

/** Page by page into the other tables, swapped in by one commit when they are proved equal. */
function rebuildTarget(deps: PullDeps): Target {
  const { cache } = deps;
  const state = readState(cache);
  const { cursor = null, scope = null, reason = '' } = state.rebuild ?? {};
  const generation = otherGeneration(state.generation);
  return {
    cursor, scope, generation,
    rebuildReason: rebuildNotice(reason).code,
    apply: (page) => inCommit(cache, async () => {
      await applyInSlices(deps, generation, page);
      saveState(cache, { rebuild: { reason, scope: page.scope, cursor: page.serverTime } });
    }),
    async finish() {
      // Built before they are shown, so that the lists are as quick after the swap as before it.
      await buildIndexes(deps, generation);
      swapGenerations(cache);
    },
    abandon: () => undefined,
  };
}

async function applyInSlices({ cache, yieldToEventLoop }: PullDeps, generation: Generation, page: Page): Promise<void> {
  for (let start = 0; start < page.changes.length; start += SLICE) {
    applyChanges(cache, generation, page.changes.slice(start, start + SLICE));
    await yieldToEventLoop();
  }
}

/** Runs one target to its end. Returns null when it is done, or why the copy must be built anew. */
async function fill(
  target: Target, deps: PullDeps, signal: AbortSignal, count: (page: Tally) => void,
): Promise<RebuildReason | null> {
  const readAhead = new AbortController();
  const anySignal = AbortSignal.any([signal, readAhead.signal]);
  try {
    let { cursor, scope } = target;
    let asked = deps.ask(cursor, anySignal);
    for (;;) {
      const { page, sizeBytes, release } = await asked;
      if (scope !== null && page.scope !== scope) return 'scope_changed';
      scope = page.scope;
      refuseStandstill(page, cursor);
      cursor = page.serverTime;
      if (page.hasMore) {
        asked = deps.ask(cursor, anySignal);
        // It is awaited in the next turn; until then a failure must not count as unhandled.
        asked.catch(() => undefined);
        // The request leaves only when this thread is idle for a moment; the server then works while we write.
        await deps.yieldToEventLoop();
      }
      await target.apply(page);
      release();
      count({ ...countOf(page), bytes: sizeBytes });
      if (!page.hasMore) return await verify(target, deps.cache, page.digest);
      refuseCancelled(signal);
    }
  } catch (error) {
    if (error instanceof AppError && error.code === 'resync_required') return 'cursor_ended';
    throw error;
  } finally {
    readAhead.abort();
    target.abandon();
  }
}

async function verify(target: Target, cache: CacheWriter, digest: Digest | null): Promise<RebuildReason | null> {
  if (digest === null) throw badResponse('its last page has no digest');
  if (digestDifferences(readDigest(cache, target.generation), digest).length > 0) return 'copy_differed';
  await target.finish();
  return null;
}

/** A server whose cursor stands still, or moves without bringing anything, would be asked for ever. */
function refuseStandstill(page: Page, cursor: string | null): void {
  const before = cursor === null ? null : parseInstant(cursor);
  const after = parseInstant(page.serverTime);
  if (after === null || (before !== null && after < before)) throw badResponse('its cursor went back');
  const last = page.changes.at(-1);
  if (page.hasMore && (!last || after === before || parseInstant(last.updatedAt) !== after)) {
    throw badResponse('there is more, but its cursor is not that of its last change');
  }
}

function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('cancelled', 'The sync was stopped.');
}

/** Builds what is missing of a generation's indexes, a step at a time; a crash loses one step. */
export async function buildIndexes({ cache, yieldToEventLoop }: Pick<PullDeps, 'cache' | 'yieldToEventLoop'>, generation: Generation): Promise<void> {
  while (!buildNext(cache, generation)) await yieldToEventLoop();
}

function countOf({ changes }: Page): { upserts: number; deletes: number } {
  const deletes = changes.reduce((sum, change) => sum + Number(change.payload === null), 0);
  return { upserts: changes.length - deletes, deletes };
}

async function inCommit(cache: CacheWriter, run: () => Promise<void>): Promise<void> {
  beginChanges(cache);
  try {
    await run();
    commitChanges(cache);
  } finally {
    rollbackChanges(cache);
  }
}
