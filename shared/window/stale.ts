// When data counts as stale. The desktop and the window both ask this: the desktop when it derives the status, the
// window as time passes without a new one.

export const STALE_AFTER_MS = 15 * 60_000;

/** Whether the last sync is too long ago. A negative age (the clock was set back) counts as fresh. */
export function isStale(lastSyncMs: number, nowMs: number): boolean {
  return nowMs - lastSyncMs > STALE_AFTER_MS;
}
