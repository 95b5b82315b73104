// Waiting for a lock that another process holds on the database file.
//
// Invariant: nobody waits inside SQLite. Its busy timeout would stop the whole process, requests that need no database included,
// for as long as a backup program or an administrator's shell keeps the lock.

import { setTimeout as sleep } from 'node:timers/promises';

/** SQLite's own busy timeout: for the moments in which connections of this process meet. */
export const SYNC_WAIT_MS = 2;
/** How long a lock is waited for. */
const BUSY_TIMEOUT_MS = 5000;
const MAX_PAUSE_MS = 50;
/** SQLITE_BUSY and SQLITE_LOCKED (sqlite.org/rescode.html). */
const busyCodes: readonly number[] = [5, 6];

/**
 * Runs `action` until no other process keeps it from its lock; in between, everything else goes on. Rejects with SQLite's error
 * after `BUSY_TIMEOUT_MS`, and as soon as `signal` aborts with its reason.
 */
export async function waitWhileBusy<T>(action: () => T, signal: AbortSignal): Promise<T> {
  const deadlineMs = performance.now() + BUSY_TIMEOUT_MS;
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    signal.throwIfAborted();
    try {
      return action();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadlineMs) throw error;
    }
    // Aborting ends the pause, and the next round throws the reason.
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && busyCodes.includes(error.errcode & 0xff);
}
