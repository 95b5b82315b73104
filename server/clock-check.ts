// Whether the machine's clock can be right. An account's clock never goes back, so that a single change stamped in 2099 would
// hold every later stamp there, and no tombstone would ever be old enough to be pruned.
//
// Invariant: nothing is stamped, signed or pruned by a clock that these functions refuse.

import { EPOCH, type Instant } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';

/** How far this machine's clock may be from the database's. */
export const MAX_SKEW_MS = 5 * 60_000;
/** How far past the accepted change stamps may have advanced by single microseconds. */
const MAX_CREEP_US = 3_600_000_000;
/** How far it may be ahead of the newest change, where the database has no clock of its own. */
export const MAX_STEP_MS = 366 * 86_400_000;

/** Throws `unavailable` if the two clocks differ by more than `MAX_SKEW_MS`. */
export function requireSameTime(nowMs: number, databaseMs: number): void {
  if (Math.abs(nowMs - databaseMs) <= MAX_SKEW_MS) return;
  throw clockRefused(`The server's clock shows ${toMinutes(nowMs)} and the database's ${toMinutes(databaseMs)}. `
    + 'Set the one that is wrong; until then nothing can be changed.');
}

/**
 * Throws `unavailable` if the clock is more than `MAX_STEP_MS` ahead of the newest change (`EPOCH` if there is none), or more
 * than `MAX_SKEW_MS` behind it: stamps would creep on by microseconds, and sessions would not end. `accepted` is the newest
 * change at the time when an administrator accepted the clock. Until the clock has caught up with it, changes are stamped just
 * after it, and only such a change may be later than the clock.
 */
export function requirePlausibleTime(nowMs: number, newest: Instant, accepted: Instant): void {
  const aheadMs = nowMs - newest / 1000;
  const isAccepted = newest - accepted <= MAX_CREEP_US;
  if (newest === EPOCH || (aheadMs <= MAX_STEP_MS && (aheadMs >= -MAX_SKEW_MS || isAccepted))) return;
  const [relation, command] = aheadMs > 0 ? ['more than a year after the newest change', 'admin clock']
    : [`before the newest change of ${toMinutes(newest / 1000)}`, 'verify --fix'];
  throw clockRefused(`The server's clock shows ${toMinutes(nowMs)}, ${relation}. Set it right, or run `
    + `"node server.ts ${command}" if it is right; until then nothing can be changed.`);
}

function clockRefused(message: string): AppError {
  return new AppError('unavailable', message, { retryAfterS: 60 });
}

/** To the minute, so that repeats of the message can be told from news. */
function toMinutes(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}
