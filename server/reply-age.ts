// How old the kept reply to an idempotency key is.
//
// It must not count as expired because the machine's clock was set forward: the repeated request would be applied twice. So a
// pause of more than a day between two changes of an account is not counted, because nothing tells whether it passed or the
// clock was set. Invariant: a reply is kept for at least 24 hours of real time; longer does no harm.

import type { Account } from './store.ts';

/** How long a reply is kept, of the time that `replyTimeMs` counts. */
export const REPLY_TTL_MS = 24 * 60 * 60_000;
const MAX_PAUSE_MS = 24 * 60 * 60_000;

/** The time by which the replies of an account are kept and expire: the clock, without the pauses that are not counted. */
export function replyTimeMs(account: Pick<Account, 'clock' | 'pausedMs'>, nowMs: number): number {
  return nowMs - account.pausedMs - uncountedPauseMs(account, nowMs);
}

/** How long nothing had changed at `nowMs`, in whole milliseconds, if that is not counted; otherwise 0. */
export function uncountedPauseMs({ clock }: Pick<Account, 'clock'>, nowMs: number): number {
  const pauseMs = Math.floor(nowMs - clock / 1000);
  return pauseMs > MAX_PAUSE_MS ? pauseMs : 0;
}

/** The least `pausedMs` with which no reply is older at `nowMs` than the newest was when it was kept; 0 if none is kept. */
export function leastPausedMs(nowMs: number, newestReplyMs: number | null): number {
  return newestReplyMs === null ? 0 : Math.ceil(nowMs - newestReplyMs);
}
