// The sign-in throttle: how many wrong passwords an address on the network may try, for one person and in all.
//
// An attempt counts from the moment it is admitted and is taken back when it succeeds, so that guesses sent all at once
// are as few as those sent one by one. Counts live in this process's memory, so several server processes each have
// their own; that bounds guessing to a small multiple and needs no write for a wrong password.

import { AppError } from '../shared/errors.ts';

const WINDOW_MS = 5 * 60_000;
const MAX_PER_PERSON = 10;
const MAX_PER_PEER = 100;
/** Bounds the memory that a flood of invented addresses can take. */
const MAX_ENTRIES = 10_000;

export interface Throttle {
  /** Counts an attempt as failed until told otherwise. Throws `too_many_requests` where this peer has failed too often. */
  admit(peer: string, email: string): void;
  /** The attempt was the right person's: their failures are forgotten, and the peer has not failed by it. */
  succeeded(peer: string, email: string): void;
  /** The attempt came to nothing for a reason that tells nothing of the password. */
  undecided(peer: string, email: string): void;
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
  const takeBack = (key: string): void => {
    const found = current(key);
    if (found) found.count -= 1;
  };
  const refuse = (key: string, max: number): void => {
    const found = current(key);
    if (!found || found.count < max) return;
    throw new AppError('too_many_requests', 'Too many failed sign-ins. Wait a few minutes and try again.', {
      retryAfterS: (found.endsAtMs - nowMs()) / 1000,
    });
  };
  const personKey = (peer: string, email: string): string => `${peer} ${email}`;

  return {
    admit(peer, email) {
      refuse(peer, MAX_PER_PEER);
      refuse(personKey(peer, email), MAX_PER_PERSON);
      count(peer);
      count(personKey(peer, email));
    },
    succeeded(peer, email) {
      takeBack(peer);
      failures.delete(personKey(peer, email));
    },
    undecided(peer, email) {
      takeBack(peer);
      takeBack(personKey(peer, email));
    },
  };
}
