// The one state that people see, derived in one place from what the desktop knows. Everything that shows a state draws
// this one.

import type { SyncError, SyncState } from '../shared/views.ts';

export const STALE_AFTER_MS = 15 * 60_000;

/** What the state follows from. */
export interface SyncFacts {
  readonly isRunning: boolean;
  /** The first pull of this copy has been completed. */
  readonly isComplete: boolean;
  readonly isSignedIn: boolean;
  readonly hasNetwork: boolean;
  /** Whether our server answered last time; null: it was not asked yet. */
  readonly isOnline: boolean | null;
  /** Null: the server answered last time, or was never asked. */
  readonly error: SyncError | null;
  readonly lastSyncMs: number | null;
}

export function deriveState(facts: SyncFacts, nowMs: number): SyncState {
  if (facts.isRunning) return facts.isComplete ? 'syncing' : 'first_sync';
  switch (facts.error?.code) {
    case 'upgrade_required': return 'update_required';
    case 'unauthorized': case 'signed_out': return endedState(facts);
    case 'offline': return facts.hasNetwork ? 'unreachable' : 'offline';
    case undefined: case 'cancelled': break;
    default: return 'error';
  }
  if (!facts.isSignedIn) return endedState(facts);
  if (facts.lastSyncMs === null) return 'never_synced';
  if (facts.isOnline === false) return facts.hasNetwork ? 'unreachable' : 'offline';
  // A clock that was set back makes an age negative; the sync is then as fresh as it was.
  const isFresh = nowMs - facts.lastSyncMs <= STALE_AFTER_MS;
  return isFresh && facts.isOnline ? 'up_to_date' : 'stale';
}

function endedState(facts: SyncFacts): SyncState {
  return facts.lastSyncMs === null && !facts.isComplete ? 'never_synced' : 'session_expired';
}
