// Retries with exponential backoff and full jitter, for transient errors.
//
// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: waiting a random time below a
// doubling bound spreads out the clients of a server that has just come back.

import { AppError } from '../../shared/errors.ts';

/** The bound of the first wait, and of the longest. */
export interface BackoffBounds {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Between the tries of a request, and of whatever names no other bounds; triggers.ts has those between syncs. */
const requestBounds: BackoffBounds = { firstMs: 500, maxMs: 30_000 };
export const MAX_ATTEMPTS = 4;

export interface RetryDeps {
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/**
 * Runs `attempt` until it succeeds, fails with a permanent error, has failed `MAX_ATTEMPTS` times, or the server asks for
 * a wait longer than the maximum backoff; then throws its last error. `onFailure` is called for every transient failure,
 * before the wait. Throws `cancelled` immediately if the signal aborts during a wait.
 */
export async function withRetry<T>(
  attempt: () => Promise<T>, deps: RetryDeps, signal: AbortSignal, onFailure: (error: AppError) => void,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error)) throw error;
      onFailure(error);
      if (failures >= MAX_ATTEMPTS || retryAfterMs(error) > requestBounds.maxMs) throw error;
      await wait(backoffMs(failures, error, deps.random()), deps, signal);
    }
  }
}

/** How long to wait after this many failures; at least as long as the server asked for. `random` is in [0, 1). */
export function backoffMs(
  failures: number, error: Pick<AppError, 'details'>, random: number, { firstMs, maxMs }: BackoffBounds = requestBounds,
): number {
  return Math.max(random * Math.min(maxMs, firstMs * 2 ** (failures - 1)), retryAfterMs(error));
}

function retryAfterMs({ details }: Pick<AppError, 'details'>): number {
  return (details.retryAfterS ?? 0) * 1000;
}

/** Whether the same request may succeed later. Says nothing about whether the failed one had an effect. */
export function isTransient(error: unknown): error is AppError {
  return error instanceof AppError && ['offline', 'outcome_unknown', 'unavailable', 'internal', 'too_many_requests'].includes(error.code);
}

/** Resolves after the delay; rejects with `cancelled` as soon as the signal aborts. */
export function wait(delayMs: number, deps: RetryDeps, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelled = (): AppError => new AppError('cancelled', 'The sync was cancelled.');
    if (signal.aborted) {
      reject(cancelled());
      return;
    }
    const onAbort = (): void => {
      cancelTimer();
      reject(cancelled());
    };
    const cancelTimer = deps.setTimer(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
