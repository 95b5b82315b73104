// What is shown of a session: the computer behind it, and whether it keeps up.
//
// Invariant: ages are differences between the server's own instants, so this computer's clock takes no part in them.

import { parseInstant } from '../../shared/clock.ts';
import type { SessionEntry } from '../../shared/protocol.ts';

const WEEK_MS = 7 * 86_400_000;

export interface ComputerView {
  readonly id: string;
  readonly userId: string;
  /** The computer's name, or what another program calls itself; null if it said nothing. */
  readonly computer: string | null;
  /** Of Invoify; null for another program. */
  readonly version: string | null;
  readonly isCurrent: boolean;
  readonly signedInMs: number;
  readonly seenMs: number;
  readonly seenAgoMs: number;
  /** When its data was last current; null if it has not synced yet. */
  readonly syncedMs: number | null;
  /** How old its data is; 0 if there is nothing newer. Null if it has not synced yet. */
  readonly behindMs: number | null;
  /** What is wrong with it for more than a week: it was not seen, or its data are older. */
  readonly late: 'unseen' | 'behind' | null;
}

/** Sessions, those that are late first, then the latest seen. `cursor` is how far this computer has synced. */
export function viewComputers(sessions: readonly SessionEntry[], cursor: string | null): readonly ComputerView[] {
  const nowMs = Math.max(...sessions.map(({ lastSeenAt }) => Date.parse(lastSeenAt)));
  const clock = Math.max(...[cursor, ...sessions.map(({ syncedTo }) => syncedTo)].map(toInstant));
  return sessions.map((session) => viewComputer(session, clock, nowMs))
    .toSorted((a, b) => Number(b.late !== null) - Number(a.late !== null) || b.seenMs - a.seenMs);
}

function viewComputer({ id, userId, device, current, ...at }: SessionEntry, clock: number, nowMs: number): ComputerView {
  const [signedInMs, seenMs] = [Date.parse(at.createdAt), Date.parse(at.lastSeenAt)];
  const syncedMs = at.syncedTo === null ? null : Date.parse(at.syncedTo);
  const isBehind = toInstant(at.syncedTo) < clock;
  const behindMs = syncedMs === null ? null : isBehind ? Math.max(0, nowMs - syncedMs) : 0;
  const ours = /^(?:(.*), )?Invoify ([\w.+-]+)$/.exec(device ?? '');
  return {
    id, userId, computer: ours ? ours[1] ?? null : device, version: ours?.[2] ?? null, isCurrent: current,
    signedInMs, seenMs, seenAgoMs: Math.max(0, nowMs - seenMs), syncedMs, behindMs,
    late: nowMs - seenMs > WEEK_MS ? 'unseen' : (behindMs ?? nowMs - signedInMs) > WEEK_MS ? 'behind' : null,
  };
}

function toInstant(text: string | null): number {
  return parseInstant(text ?? '') ?? -Infinity;
}
