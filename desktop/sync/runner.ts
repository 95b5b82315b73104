// Runs one sync at a time; a request during a run joins it. A run makes sure whose token it is, pulls with retries, sets
// `lastSync` and records the attempt. Maintenance follows: indexes that a first sync left for later, and once a day a
// check that the rows on disk still match their digest, and the lists and searches the rows.
//
// Invariants: no two runs overlap, and none starts during `withStopped`. A run only counts if it ends at or after every
// instant that the server had named before it asked for the last page.

import { parseInstant, type Instant } from '../../shared/clock.ts';
import { AppError, errorCode } from '../../shared/errors.ts';
import { toSyncError } from '../../shared/window/ipc.ts';
import type { Attempt, SyncError, SyncOutcome, SyncProgress } from '../../shared/window/views.ts';
import {
  buildIndexes, checkpoint, dropInactiveInBackground, proveRows, readState, recordAttempt, type CacheWriter,
} from '../cache/cache.ts';
import { FeedSource, type FeedDeps, type FeedHost } from './feed-source.ts';
import { withRetry } from './retry.ts';
import { pull, type Tally } from './pull.ts';

const DAY_MS = 86_400_000;

export interface RunnerDeps extends FeedDeps {
  readonly nowMs: () => number;
}

/** What a run needs of its host; asked again in every run. */
export interface RunnerHost extends Pick<FeedHost, 'send' | 'stream' | 'origin'> {
  /** The open cache of the signed-in user, who is looked up first if unknown. Throws `signed_out`. */
  prepare(signal: AbortSignal): Promise<CacheWriter>;
  /** The open cache, whoever owns it, for recording a failed attempt. */
  cache(): CacheWriter | null;
  /** A run or maintenance failed with this error; if it proves the cache damaged, the next `prepare` returns a mended one. */
  onCacheError(error: unknown): void;
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
  readonly #feed: FeedSource;
  /** The latest instant that the server has named, other than in a pull. */
  #knownInstant: Instant | null = null;
  /** Whether a person asks for the current run. */
  #isAskedFor = false;
  /** Open while no run may start. */
  #gate: Promise<void> | null = null;

  constructor(host: RunnerHost, deps: RunnerDeps) {
    this.#host = host;
    this.#deps = deps;
    this.#feed = new FeedSource({
      send: (request) => host.send(request),
      stream: (request, onChunk) => host.stream(request, onChunk),
      origin: () => host.origin(),
      knownInstant: () => this.#knownInstant,
      onRetry: () => host.onChange(),
    }, deps);
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  get progress(): SyncProgress | null {
    return this.#progress;
  }

  /**
   * Joins the current run or starts one. While `withStopped` is at work it starts none, and resolves as cancelled once that
   * is over. `isAskedFor`: a person asks, so everything may be downloaded once more. Never rejects.
   */
  run({ isAskedFor = false } = {}): Promise<SyncOutcome> {
    if (this.#gate) return this.#gate.then(() => notStarted);
    this.#isAskedFor ||= isAskedFor;
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
    await this.withStopped(async () => undefined);
  }

  /**
   * Cancels the current run and any maintenance, and then runs `action`; no run can start before it has settled. `action`
   * must not wait for a run. Several are run one after the other. Rejects as `action` does.
   */
  async withStopped<T>(action: () => Promise<T>): Promise<T> {
    const earlier = this.#gate;
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    this.#gate = gate;
    this.#cancel.abort();
    try {
      await earlier;
      await this.#running;
      await this.#maintenance;
      return await action();
    } finally {
      if (this.#gate === gate) this.#gate = null;
      open();
    }
  }

  /** The server has named an instant of the account's clock: no pull that is asked for from now on may end before it. */
  noteInstant(text: string): void {
    const instant = parseInstant(text);
    if (instant !== null && instant > (this.#knownInstant ?? -Infinity)) this.#knownInstant = instant;
  }

  /** Another account begins, with a clock of its own. */
  forgetInstants(): void {
    this.#knownInstant = null;
  }

  async #start(): Promise<SyncOutcome> {
    const { signal } = this.#cancel = new AbortController();
    // Maintenance stops before its next step when a run starts; two writers would share one transaction.
    await this.#maintenance;
    const startedMs = this.#deps.nowMs();
    this.#feed.startRun();
    this.#progress = { changes: 0, total: null, bytes: 0 };
    this.#host.onChange();
    const outcome = await this.#attempt(startedMs, signal);
    this.#running = null;
    this.#isAskedFor = false;
    this.#progress = null;
    this.#host.onEnd(outcome);
    return outcome;
  }

  async #attempt(startedMs: number, signal: AbortSignal): Promise<SyncOutcome> {
    let tally: Tally = { upserts: 0, deletes: 0, bytes: 0 };
    let cache: CacheWriter | null = null;
    try {
      cache = await withRetry(() => this.#host.prepare(signal), this.#deps, signal, () => this.#host.onChange());
      // A log that was left behind may be from another day than the file: nothing counts before the rows are proved.
      if (cache.file.needsProof) await this.#verifyRows(cache, () => this.#pauseProof(signal));
      const result = await pull({
        cache,
        nowMs: this.#deps.nowMs,
        monotonicMs: this.#deps.monotonicMs,
        yieldToEventLoop: this.#deps.yieldToEventLoop,
        fetchPiece: (since, pieceSignal) => this.#feed.fetch(since, pieceSignal),
        isAskedFor: () => this.#isAskedFor,
        onProgress: (progress, newTally) => {
          tally = newTally;
          this.#progress = progress;
          this.#host.onChange();
        },
        onRefused: (refused) => this.#deps.log('changes refused', {
          count: refused.length, first: refused.slice(0, 10).map(({ collection, id, reason }) => `${collection}/${id}: ${reason}`),
        }),
        onRebuild: (reason) => {
          // The server no longer continues from what it has named before.
          if (reason !== 'cache_differed') this.forgetInstants();
        },
      }, signal);
      const error = result.mismatch && { code: 'digest_mismatch', message: result.mismatch.message } as const;
      const ended = this.#outcome(error ? 'failed' : 'completed', startedMs, result, result.rebuilt, error);
      // One commit: where nothing has changed, it is the only one, and does not wait for the disk.
      recordAttempt(cache, toAttempt(startedMs, ended), error ? {} : { lastSyncMs: this.#deps.nowMs() });
      this.#maintenance = this.#maintain(cache, signal);
      return ended;
    } catch (error) {
      const code = errorCode(error);
      if (code === 'internal') this.#deps.log('sync failed', { error });
      this.#host.onCacheError(error);
      const outcome = code === 'cancelled' ? 'cancelled' : 'failed';
      const failed = this.#outcome(outcome, startedMs, tally, null, toSyncError(error));
      cache ??= this.#host.cache();
      if (cache && code !== 'signed_out') this.#recordFailure(cache, toAttempt(startedMs, failed));
      return failed;
    }
  }

  #outcome(
    outcome: SyncOutcome['outcome'], startedMs: number, { upserts, deletes, bytes }: Tally, rebuilt: SyncOutcome['rebuilt'],
    error: SyncError | null,
  ): SyncOutcome {
    const durationMs = this.#deps.nowMs() - startedMs;
    return { outcome, upserts, deletes, bytes, changes: upserts + deletes, durationMs, rebuilt, error };
  }

  /** Best effort: a sync does not fail because its attempt cannot be recorded. */
  #recordFailure(cache: CacheWriter, attempt: Attempt): void {
    try {
      recordAttempt(cache, attempt);
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
      await dropInactiveInBackground(cache);
      const { generation, lastVerifiedMs } = readState(cache);
      await buildIndexes(cache, generation, yieldToEventLoop);
      await checkpoint(cache);
      const nowMs = this.#deps.nowMs();
      // A clock that was set back makes the check due, too.
      if (lastVerifiedMs !== null && nowMs - lastVerifiedMs < DAY_MS && nowMs >= lastVerifiedMs) return;
      if (await this.#verifyRows(cache, yieldToEventLoop)) await buildIndexes(cache, generation, yieldToEventLoop);
      else void this.runAfterCurrent();
    } catch (error) {
      if (errorCode(error) === 'cancelled') return;
      this.#deps.log('cache maintenance failed', { error });
      this.#host.onCacheError(error);
    }
  }

  async #pauseProof(signal: AbortSignal): Promise<void> {
    await this.#deps.yieldToEventLoop();
    if (signal.aborted) throw new AppError('cancelled', 'The sync was cancelled.');
  }

  /** Whether the rows are sound; if not, a rebuild has been started. */
  async #verifyRows(cache: CacheWriter, pause: () => Promise<void>): Promise<boolean> {
    const { rows, words } = await proveRows(cache, pause, this.#deps.nowMs);
    if (rows.length > 0) this.#deps.log('rows are damaged', { collections: rows });
    if (words.length > 0) this.#deps.log('full-text indexes are damaged', { collections: words });
    return rows.length === 0;
  }
}

function toAttempt(startedMs: number, { durationMs, changes, bytes, outcome, error, rebuilt }: SyncOutcome): Attempt {
  const why = { code: error?.code ?? null, ...(error?.kind && { kind: error.kind }), detail: error?.message ?? rebuilt };
  return { startedMs, durationMs, changes, bytes, outcome, ...why };
}

/** The outcome of a run that was not allowed to start. */
const notStarted: SyncOutcome = {
  outcome: 'cancelled', changes: 0, upserts: 0, deletes: 0, bytes: 0, durationMs: 0, rebuilt: null,
  error: { code: 'cancelled', message: 'The sync was cancelled.' },
};
