// The one state that people see, derived in one place from what the desktop knows. Everything that shows a state draws
// this one.

import type { ErrorCode } from '../shared/errors.ts';
import type { SignedInUser } from '../shared/protocol.ts';

export const STALE_AFTER_MS = 15 * 60_000;

export type SyncState =
  | 'never_synced'      // no data on this computer yet
  | 'first_sync'        // downloading; totals are incomplete
  | 'syncing'
  | 'up_to_date'
  | 'stale'             // the last sync is over 15 minutes ago, or of an earlier session
  | 'offline'           // the operating system has no network
  | 'unreachable'       // the network is there, our server does not answer
  | 'session_expired'   // sign in again; what is here stays readable
  | 'error'
  | 'update_required';  // one side is too old for the other

export interface SyncError {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface SyncProgress {
  /** Changes received so far in this run, or in the whole first sync where it was resumed. */
  readonly changes: number;
  /** All there are to come, where the server said so. */
  readonly total: number | null;
  readonly bytes: number;
}

export interface LastSync {
  /** ISO-8601, UTC: when the last completed, committed and verified pull ended. */
  readonly timestamp: string;
  readonly changes: number;
}

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

export interface Status {
  /** The local database is open. */
  readonly initialized: boolean;
  readonly lastSync: LastSync | null;
  /** Our server answered last time it was asked. */
  readonly isOnline: boolean;
  readonly state: SyncState;
  readonly error: SyncError | null;
  readonly progress: SyncProgress | null;
  /** Why the copy is being, or was last, built anew; null where it never was. */
  readonly notice: string | null;
  readonly user: SignedInUser | null;
  /** The server's origin. */
  readonly server: string | null;
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
