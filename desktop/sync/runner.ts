// One run at a time: who asks while a run is under way joins it. A run signs the token in if nobody knows yet whose it
// is, pulls with retries, moves `lastSync`, keeps a record of the attempt, and then tidies up: indexes that a first
// sync left for later, and once a day the proof that the rows on disk are still what was received.

import { AppError, errorCode } from '../../shared/errors.ts';
import { readPage } from '../../shared/feed.ts';
import { releaseBuffer } from '../../shared/heap.ts';
import { digestDifferences } from '../../shared/digest.ts';
import type { RebuildReason, SyncError, SyncOutcome, SyncProgress } from '../../shared/window/views.ts';
import { dropInactive, readState, recomputeDigest, recordAttempt, saveState, startRebuild, type CacheWriter } from '../cache/cache.ts';
import { withRetry, type RetryDeps } from './retry.ts';
import { watchProgress, type TotalSource } from './progress.ts';
import { buildIndexes, pull, type ReceivedPage, type Tally } from './sync.ts';

const DAY_MS = 86_400_000;

/**
 * Changes to ask for at once: few at first, so that there is soon something to see on a slow line, and more while pages
 * come quickly. A page has its own cost on both sides; larger ones than these gain little, take more memory, and keep
 * whoever scrolls meanwhile waiting.
 */
const FIRST_PAGE_CHANGES = 1000;
const MAX_PAGE_CHANGES = 2000;
/** A page that came within this time was quick. */
const QUICK_PAGE_MS = 1000;

export interface RunnerDeps extends RetryDeps {
  readonly nowMs: () => number;
  readonly yieldToEventLoop: () => Promise<void>;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
  /** Changes to ask for at once, where a test wants other pages than the product's. */
  readonly pageLimit?: number | undefined;
}

/** What a run needs of its host, asked anew for each run. */
export interface RunnerHost extends TotalSource {
  /** The open copy of whoever is signed in; finds that out first where it is not known. Throws `signed_out`. */
  prepare(signal: AbortSignal): Promise<CacheWriter>;
  /** The open copy, whoever's it is, to keep a record of what failed. */
  cache(): CacheWriter | null;
  /** The copy was found damaged: the next `prepare` must give another one. */
  damaged(): void;
  /** A run has ended, before anyone who waits for it hears of it. */
  ended(outcome: SyncOutcome): void;
  /** Something that people see has changed. */
  changed(): void;
}

export class SyncRunner {
  readonly #host: RunnerHost;
  readonly #deps: RunnerDeps;
  #running: Promise<SyncOutcome> | null = null;
  #next: Promise<SyncOutcome> | null = null;
  #upkeep: Promise<void> = Promise.resolve();
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

  /** Joins the run under way or starts one. Never rejects. */
  run(): Promise<SyncOutcome> {
    this.#running ??= this.#start();
    return this.#running;
  }

  /** A run that begins after this call, so that it sees what was written before it. Never rejects. */
  runAfresh(): Promise<SyncOutcome> {
    if (!this.#running) return this.run();
    const { signal } = this.#cancel;
    this.#next ??= this.#running.then((outcome) => {
      this.#next = null;
      // Who cancels waits until nothing works on the copy any more, so nothing may begin then.
      return signal.aborted ? outcome : this.run();
    });
    return this.#next;
  }

  /** Stops the run under way and resolves when nothing of it works on the copy any more. */
  async cancel(): Promise<void> {
    this.#cancel.abort();
    await this.#running;
    await this.#upkeep;
  }

  async #start(): Promise<SyncOutcome> {
    const { signal } = this.#cancel = new AbortController();
    // Tidying up ends before its next step once a run is there; two writers would be in each other's transaction.
    await this.#upkeep;
    const startedMs = this.#deps.nowMs();
    this.#pageChanges = FIRST_PAGE_CHANGES;
    this.#progress = { changes: 0, total: null, bytes: 0 };
    this.#host.changed();
    const outcome = await this.#attempt(startedMs, signal);
    this.#running = null;
    this.#progress = null;
    this.#host.ended(outcome);
    return outcome;
  }

  async #attempt(startedMs: number, signal: AbortSignal): Promise<SyncOutcome> {
    let tally: Tally = { upserts: 0, deletes: 0, bytes: 0 };
    let cache: CacheWriter | null = null;
    const ended = new AbortController();
    try {
      cache = await withRetry(() => this.#host.prepare(signal), this.#deps, signal, () => this.#host.changed());
      const watch = watchProgress(cache, this.#host, AbortSignal.any([signal, ended.signal]), (progress) => {
        this.#progress = progress;
        this.#host.changed();
      });
      const result = await pull({
        cache,
        yieldToEventLoop: this.#deps.yieldToEventLoop,
        ask: async (since, askSignal) => {
          const received = await this.#ask(since, askSignal);
          watch.came(received.page);
          return received;
        },
        onPage: (received) => {
          tally = received;
          watch.applied(tally);
        },
      }, signal);
      saveState(cache, { lastSyncMs: this.#deps.nowMs() });
      const done = this.#outcome('completed', startedMs, result, result.rebuilt, null);
      this.#record(cache, startedMs, done);
      this.#upkeep = this.#tidyUp(cache, signal);
      return done;
    } catch (error) {
      const code = errorCode(error);
      if (code === 'internal') this.#deps.log('sync failed', { error });
      if (code === 'cache_unusable') this.#host.damaged();
      const outcome = code === 'cancelled' ? 'cancelled' : 'failed';
      const message = error instanceof AppError ? error.message : 'Something went wrong on this computer. Try again.';
      const failed = this.#outcome(outcome, startedMs, tally, null, { code, message });
      cache ??= this.#host.cache();
      if (cache && code !== 'signed_out') this.#record(cache, startedMs, failed);
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

  #ask(since: string | null, signal: AbortSignal): Promise<ReceivedPage> {
    const attempt = async (): Promise<ReceivedPage> => {
      const limit = this.#deps.pageLimit ?? this.#pageChanges;
      const query = new URLSearchParams({ limit: String(limit), ...(since === null ? {} : { since }) });
      const askedMs = this.#deps.nowMs();
      const answer = await this.#host.send({ path: `/api/sync/pull?${query}`, signal });
      const isQuick = this.#deps.nowMs() - askedMs < QUICK_PAGE_MS;
      this.#pageChanges = isQuick ? Math.min(2 * this.#pageChanges, MAX_PAGE_CHANGES) : FIRST_PAGE_CHANGES;
      return { page: readPage(answer), sizeBytes: answer.length, release: () => releaseBuffer(answer) };
    };
    return withRetry(attempt, this.#deps, signal, () => this.#host.changed());
  }

  /** The attempt is a record for people; that it could not be kept must not undo what it records. */
  #record(cache: CacheWriter, startedMs: number, { durationMs, changes, bytes, outcome, error, rebuilt }: SyncOutcome): void {
    try {
      const detail = error?.message ?? rebuilt;
      recordAttempt(cache, { startedMs, durationMs, changes, bytes, outcome, code: error?.code ?? null, detail });
    } catch (cause) {
      this.#deps.log('attempt not recorded', { error: cause });
    }
  }

  async #tidyUp(cache: CacheWriter, signal: AbortSignal): Promise<void> {
    const yieldToEventLoop = async (): Promise<void> => {
      await this.#deps.yieldToEventLoop();
      if (signal.aborted || this.#running) throw new AppError('cancelled', 'Something else is more urgent.');
    };
    try {
      await yieldToEventLoop();
      dropInactive(cache);
      const { generation, lastVerifiedMs } = readState(cache);
      await buildIndexes({ cache, yieldToEventLoop }, generation);
      const nowMs = this.#deps.nowMs();
      if (lastVerifiedMs !== null && nowMs - lastVerifiedMs < DAY_MS && nowMs >= lastVerifiedMs) return;
      await this.#proveRows(cache, yieldToEventLoop);
    } catch (error) {
      if (errorCode(error) === 'cancelled') return;
      this.#deps.log('upkeep failed', { error });
      if (errorCode(error) === 'cache_unusable') this.#host.damaged();
    }
  }

  async #proveRows(cache: CacheWriter, yieldToEventLoop: () => Promise<void>): Promise<void> {
    const { stored, computed } = await recomputeDigest(cache, yieldToEventLoop);
    const differing = digestDifferences(stored, computed);
    saveState(cache, { lastVerifiedMs: this.#deps.nowMs() });
    if (differing.length === 0) return;
    startRebuild(cache, 'rows_damaged' satisfies RebuildReason);
    this.#deps.log('rows differ from their digest', { collections: differing });
    void this.runAfresh();
  }
}
