// The sign-in throttle: limits the failed sign-ins of a network address, per user and in total.
//
// An attempt counts as failed once it is admitted, and is uncounted if it succeeds, so that parallel guesses get no more
// tries than sequential ones. The counts are in memory: several server processes each have their own, which multiplies
// the limit by their number but needs no database write for a wrong password.

import { AppError } from '../shared/errors.ts';

const WINDOW_MS = 5 * 60_000;
const MAX_PER_USER = 10;
const MAX_PER_PEER = 100;
/** Bounds the memory that a flood of made-up addresses can use. */
const MAX_ENTRIES = 10_000;

export interface Throttle {
  /** Counts an attempt as failed for now. Throws `too_many_requests` if there were too many failures from this peer. */
  admit(peer: string, email: string): void;
  /** The password was right: clears this user's failures at this peer, and uncounts the attempt for the peer. */
  succeeded(peer: string, email: string): void;
  /** The password could not be checked: uncounts the attempt. */
  inconclusive(peer: string, email: string): void;
}

interface Failures {
  count: number;
  readonly endsAtMs: number;
}

export function createThrottle(nowMs: () => number): Throttle {
  const failures = new Map<string, Failures>();

  const current = (key: string): Failures | null => {
    const found = failures.get(key);
    if (found && found.endsAtMs > nowMs()) return found;
    failures.delete(key);
    return null;
  };
  const count = (key: string): void => {
    const found = current(key);
    if (found) {
      found.count += 1;
      return;
    }
    const [oldest] = failures.keys();
    if (failures.size >= MAX_ENTRIES && oldest !== undefined) failures.delete(oldest);
    failures.set(key, { count: 1, endsAtMs: nowMs() + WINDOW_MS });
  };
  const uncount = (key: string): void => {
    const found = current(key);
    if (found) found.count -= 1;
  };
  const requireBelow = (key: string, max: number): void => {
    const found = current(key);
    if (!found || found.count < max) return;
    throw new AppError('too_many_requests', 'Too many failed sign-ins. Wait a few minutes and try again.', {
      retryAfterS: (found.endsAtMs - nowMs()) / 1000,
    });
  };
  const userKey = (peer: string, email: string): string => `${peer} ${email}`;

  return {
    admit(peer, email) {
      requireBelow(peer, MAX_PER_PEER);
      requireBelow(userKey(peer, email), MAX_PER_USER);
      count(peer);
      count(userKey(peer, email));
    },
    succeeded(peer, email) {
      uncount(peer);
      failures.delete(userKey(peer, email));
    },
    inconclusive(peer, email) {
      uncount(peer);
      uncount(userKey(peer, email));
    },
  };
}
