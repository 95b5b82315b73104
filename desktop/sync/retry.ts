// Trying again: exponential backoff with full jitter, for what may pass by itself.
//
// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: a random wait between nothing and
// a doubling bound spreads the clients of a server that has just come back.

import { AppError } from '../../shared/errors.ts';

const FIRST_BOUND_MS = 500;
const MAX_BOUND_MS = 30_000;
export const MAX_ATTEMPTS = 4;

export interface RetryDeps {
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/**
 * Runs `attempt` until it succeeds, fails for good, has failed `MAX_ATTEMPTS` times, or the server asks for a wait that
 * is longer than any of ours; then throws its last error. `onFailure` hears of every failure before the wait. Throws
 * `cancelled` at once when the signal is raised.
 */
export async function withRetry<T>(
  attempt: () => Promise<T>, deps: RetryDeps, signal: AbortSignal, onFailure: (error: AppError) => void,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayPass(error)) throw error;
      onFailure(error);
      if (failures >= MAX_ATTEMPTS || askedWaitMs(error) > MAX_BOUND_MS) throw error;
      await wait(backoffMs(failures, error, deps.random()), deps, signal);
    }
  }
}

/** The wait after so many failures, at least as long as the server asked for. */
export function backoffMs(failures: number, error: AppError, random: number): number {
  const boundMs = Math.min(MAX_BOUND_MS, FIRST_BOUND_MS * 2 ** (failures - 1));
  return Math.max(random * boundMs, askedWaitMs(error));
}

function askedWaitMs(error: AppError): number {
  return (error.details.retryAfterS ?? 0) * 1000;
}

/** Whether the same request may succeed a little later; it says nothing about what has been done. */
export function mayPass(error: unknown): error is AppError {
  return error instanceof AppError && ['offline', 'unavailable', 'internal', 'too_many_requests'].includes(error.code);
}

/** Resolves after a while; rejects with `cancelled` at once when the signal is raised. */
export function wait(delayMs: number, deps: RetryDeps, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelled = (): AppError => new AppError('cancelled', 'The sync was stopped.');
    if (signal.aborted) {
      reject(cancelled());
      return;
    }
    const stop = (): void => {
      cancelTimer();
      reject(cancelled());
    };
    const cancelTimer = deps.setTimer(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, delayMs);
    signal.addEventListener('abort', stop, { once: true });
  });
}
