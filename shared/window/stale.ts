// When data counts as stale, and how old it is. The desktop and the window both ask this: the desktop when it derives the
// status, the window as time passes without a new one.

export const STALE_AFTER_MS = 15 * 60_000;

/** An instant that lies no further ahead than this is the work of a time server, not of a clock that someone changed. */
const CORRECTION_MS = 60_000;

/** Whether data of this age is too old. An unknown age (null) counts as old. */
export function isStale(ageMs: number | null): boolean {
  return ageMs === null || ageMs > STALE_AFTER_MS;
}

/** How long ago an instant of this computer's clock was; null for one in the future, as the clock has been changed since. */
export function ageByClock(thenMs: number, nowMs: number): number | null {
  return thenMs - nowMs > CORRECTION_MS ? null : Math.max(0, nowMs - thenMs);
}
