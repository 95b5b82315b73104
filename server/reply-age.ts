// How old the kept reply to an idempotency key is.
//
// It must not count as expired because the machine's clock was set forward: the repeated request would be applied twice. So no
// more than an hour of any pause between two changes of an account is counted, because nothing tells whether it passed or the
// clock was set. Invariants: a reply is kept for at least 24 hours of real time, unless the clock is set forward 24 times; longer
// does no harm, and no account keeps more than it made within 24 hours or in its last 24 changes.

import type { Account } from './store.ts';

/** How long a reply is kept, of the time that `replyTimeMs` counts. */
export const REPLY_TTL_MS = 24 * 60 * 60_000;
const MAX_PAUSE_MS = 60 * 60_000;

/**
 * The time by which the replies of an account are kept and expire: the clock, without the pauses that are not counted. It stands still
 * while the machine's clock is behind the last change, and never goes back.
 */
export function replyTimeMs(account: Pick<Account, 'clock' | 'pausedMs'>, nowMs: number): number {
  return Math.max(nowMs, Math.floor(account.clock / 1000)) - account.pausedMs - uncountedPauseMs(account, nowMs);
}

/** How much of the time since the last change is not counted at `nowMs`, in whole milliseconds. */
export function uncountedPauseMs({ clock }: Pick<Account, 'clock'>, nowMs: number): number {
  return Math.max(0, Math.floor(nowMs - clock / 1000) - MAX_PAUSE_MS);
}

/** The least `pausedMs` with which no reply is older at `nowMs` than the newest was when it was kept; 0 if none is kept. */
export function leastPausedMs(nowMs: number, newestReplyMs: number | null): number {
  return newestReplyMs === null ? 0 : Math.ceil(nowMs - newestReplyMs);
}
