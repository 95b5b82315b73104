// Runs one sync at a time; a request during a run joins it. A run makes sure whose token it is, pulls with retries, sets
// `lastSync` and records the attempt. Maintenance follows: indexes that a first sync left for later, and once a day a
// check that the rows on disk still match their digest.

import { AppError, errorCode } from '../../shared/errors.ts';
import { readPage } from '../../shared/feed.ts';
import { releaseBuffer } from '../../shared/heap.ts';
import { digestDifferences } from '../../shared/digest.ts';
import type { RebuildReason, SyncError, SyncOutcome, SyncProgress } from '../../shared/window/views.ts';
import { dropInactive, readState, recomputeDigest, recordAttempt, saveState, startRebuild, type CacheWriter } from '../cache/cache.ts';
import { withRetry, type RetryDeps } from './retry.ts';
import { trackProgress, type TotalSource } from './progress.ts';
import { buildIndexes, pull, type ReceivedPage, type Tally } from './pull.ts';

const DAY_MS = 86_400_000;

/**
 * Changes per page: few at first, so that a slow line soon has something to show, and more while pages arrive quickly.
 * Every page has a fixed cost on both sides, but beyond these sizes there is little to gain: pages then take more memory
 * and delay readers on the same thread.
 */
const FIRST_PAGE_CHANGES = 1000;
const MAX_PAGE_CHANGES = 2000;
/** A page that arrives within this time counts as quick. */
const QUICK_PAGE_MS = 1000;

export interface RunnerDeps extends RetryDeps {
  readonly nowMs: () => number;
  readonly yieldToEventLoop: () => Promise<void>;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
  /** Fixed number of changes per page, for tests. */
  readonly pageLimit?: number | undefined;
}

/** What a run needs of its host; asked again in every run. */
export interface RunnerHost extends TotalSource {
  /** The open cache of the signed-in user, who is looked up first if unknown. Throws `signed_out`. */
  prepare(signal: AbortSignal): Promise<CacheWriter>;
  /** The open cache, whoever owns it, for recording a failed attempt. */
  cache(): CacheWriter | null;
  /** The cache is damaged: the next `prepare` must return a new one. */
  onDamaged(): void;
  /** A run has ended. Called before its promise resolves. */
  onEnd(outcome: SyncOutcome): void;
  /** The status may have changed. */
  onChange(): void;
}

export class SyncRunner {
  readonly #host: RunnerHost;
  readonly #deps: RunnerDeps;
  #running: Promise<SyncOutcome> | null = null;
  #next: Promise<SyncOutcome> | null = null;
  #maintenance: Promise<void> = Promise.resolve();
  #cancel = new AbortController();
  #progress: SyncProgress | null = null;
  #pageChanges = FIRST_PAGE_CHANGES;

  constructor(host: RunnerHost, deps: RunnerDeps) {
    this.#host = host;
    this.#deps = deps;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  get progress(): SyncProgress | null {
    return this.#progress;
  }

  /** Joins the current run or starts one. Never rejects. */
  run(): Promise<SyncOutcome> {
    this.#running ??= this.#start();
    return this.#running;
  }

  /**
   * A run that begins after this call, and so sees everything written before it. If the current run is cancelled, none
   * follows and that outcome is returned. Never rejects.
   */
  runAfterCurrent(): Promise<SyncOutcome> {
    if (!this.#running) return this.run();
    const { signal } = this.#cancel;
    this.#next ??= this.#running.then((outcome) => {
      this.#next = null;
      // The caller of `cancel` relies on nothing using the cache afterwards, so no run may begin.
      return signal.aborted ? outcome : this.run();
    });
    return this.#next;
  }

  /** Cancels the current run and any maintenance; resolves once neither uses the cache any more. */
  async cancel(): Promise<void> {
    this.#cancel.abort();
    await this.#running;
    await this.#maintenance;
  }

  async #start(): Promise<SyncOutcome> {
    const { signal } = this.#cancel = new AbortController();
    // Maintenance stops before its next step when a run starts; two writers would share one transaction.
    await this.#maintenance;
    const startedMs = this.#deps.nowMs();
    this.#pageChanges = FIRST_PAGE_CHANGES;
    this.#progress = { changes: 0, total: null, bytes: 0 };
    this.#host.onChange();
    const outcome = await this.#attempt(startedMs, signal);
    this.#running = null;
    this.#progress = null;
    this.#host.onEnd(outcome);
    return outcome;
  }

  async #attempt(startedMs: number, signal: AbortSignal): Promise<SyncOutcome> {
    let tally: Tally = { upserts: 0, deletes: 0, bytes: 0 };
    let cache: CacheWriter | null = null;
    const ended = new AbortController();
    try {
      cache = await withRetry(() => this.#host.prepare(signal), this.#deps, signal, () => this.#host.onChange());
      const tracker = trackProgress(cache, this.#host, AbortSignal.any([signal, ended.signal]), (progress) => {
        this.#progress = progress;
        this.#host.onChange();
      });
      const result = await pull({
        cache,
        yieldToEventLoop: this.#deps.yieldToEventLoop,
        fetchPage: async (since, pageSignal) => {
          const received = await this.#fetchPage(since, pageSignal);
          tracker.onReceived(received.page);
          return received;
        },
        onApplied: (applied) => {
          tally = applied;
          tracker.onApplied(tally);
        },
      }, signal);
      saveState(cache, { lastSyncMs: this.#deps.nowMs() });
      const completed = this.#outcome('completed', startedMs, result, result.rebuilt, null);
      this.#recordAttempt(cache, startedMs, completed);
      this.#maintenance = this.#maintain(cache, signal);
      return completed;
    } catch (error) {
      const code = errorCode(error);
      if (code === 'internal') this.#deps.log('sync failed', { error });
      if (code === 'cache_unusable') this.#host.onDamaged();
      const outcome = code === 'cancelled' ? 'cancelled' : 'failed';
      const message = error instanceof AppError ? error.message : 'Something went wrong on this computer. Try again.';
      const failed = this.#outcome(outcome, startedMs, tally, null, { code, message });
      cache ??= this.#host.cache();
      if (cache && code !== 'signed_out') this.#recordAttempt(cache, startedMs, failed);
      return failed;
    } finally {
      ended.abort();
    }
  }

  #outcome(
    outcome: SyncOutcome['outcome'], startedMs: number, { upserts, deletes, bytes }: Tally, rebuilt: SyncOutcome['rebuilt'],
    error: SyncError | null,
  ): SyncOutcome {
    const durationMs = this.#deps.nowMs() - startedMs;
    return { outcome, upserts, deletes, bytes, changes: upserts + deletes, durationMs, rebuilt, error };
  }

  #fetchPage(since: string | null, signal: AbortSignal): Promise<ReceivedPage> {
    const attempt = async (): Promise<ReceivedPage> => {
      const limit = this.#deps.pageLimit ?? this.#pageChanges;
      const query = new URLSearchParams({ limit: String(limit), ...(since === null ? {} : { since }) });
      const requestedMs = this.#deps.nowMs();
      const answer = await this.#host.send({ path: `/api/sync/pull?${query}`, signal });
      const isQuick = this.#deps.nowMs() - requestedMs < QUICK_PAGE_MS;
      this.#pageChanges = isQuick ? Math.min(2 * this.#pageChanges, MAX_PAGE_CHANGES) : FIRST_PAGE_CHANGES;
      return { page: readPage(answer), sizeBytes: answer.length, release: () => releaseBuffer(answer) };
    };
    return withRetry(attempt, this.#deps, signal, () => this.#host.onChange());
  }

  /** Best effort: a sync does not fail because its attempt cannot be recorded. */
  #recordAttempt(cache: CacheWriter, startedMs: number, { durationMs, changes, bytes, outcome, error, rebuilt }: SyncOutcome): void {
    try {
      const detail = error?.message ?? rebuilt;
      recordAttempt(cache, { startedMs, durationMs, changes, bytes, outcome, code: error?.code ?? null, detail });
    } catch (cause) {
      this.#deps.log('sync attempt not recorded', { error: cause });
    }
  }

  async #maintain(cache: CacheWriter, signal: AbortSignal): Promise<void> {
    const yieldToEventLoop = async (): Promise<void> => {
      await this.#deps.yieldToEventLoop();
      if (signal.aborted || this.#running) throw new AppError('cancelled', 'Maintenance was interrupted by a sync.');
    };
    try {
      await yieldToEventLoop();
      dropInactive(cache);
      const { generation, lastVerifiedMs } = readState(cache);
      await buildIndexes({ cache, yieldToEventLoop }, generation);
      const nowMs = this.#deps.nowMs();
      // A clock that was set back makes the check due, too.
      if (lastVerifiedMs !== null && nowMs - lastVerifiedMs < DAY_MS && nowMs >= lastVerifiedMs) return;
      await this.#verifyRows(cache, yieldToEventLoop);
    } catch (error) {
      if (errorCode(error) === 'cancelled') return;
      this.#deps.log('cache maintenance failed', { error });
      if (errorCode(error) === 'cache_unusable') this.#host.onDamaged();
    }
  }

  async #verifyRows(cache: CacheWriter, yieldToEventLoop: () => Promise<void>): Promise<void> {
    const { stored, computed } = await recomputeDigest(cache, yieldToEventLoop);
    const differing = digestDifferences(stored, computed);
    saveState(cache, { lastVerifiedMs: this.#deps.nowMs() });
    if (differing.length === 0) return;
    startRebuild(cache, 'rows_damaged' satisfies RebuildReason);
    this.#deps.log('rows differ from their digest', { collections: differing });
    void this.runAfterCurrent();
  }
}
