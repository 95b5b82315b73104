// The one state that people see, derived in one place from what the desktop knows. Everything that shows a state draws
// this one.

import type { SignedInUser } from '../shared/protocol.ts';
import type { CacheNotice, Status, SyncError, SyncProgress, SyncState } from '../shared/window/views.ts';
import type { CacheState } from './cache/cache.ts';
import { rebuildNotice } from './cache/notices.ts';

export const STALE_AFTER_MS = 15 * 60_000;

/** What the state follows from. */
export interface SyncFacts {
  readonly isRunning: boolean;
  /** The first pull of this copy has been completed. */
  readonly isComplete: boolean;
  /** Records that are here of a first pull that has not. */
  readonly partial: number;
  readonly isSignedIn: boolean;
  readonly hasNetwork: boolean;
  /** Whether our server answered last time; null: it was not asked yet. */
  readonly isOnline: boolean | null;
  /** Null: the server answered last time, or was never asked. */
  readonly error: SyncError | null;
  readonly lastSyncMs: number | null;
}

/** What the status is made of. */
export interface StatusFacts extends Omit<SyncFacts, 'isComplete' | 'lastSyncMs'> {
  /** The copy can be read. */
  readonly isOpen: boolean;
  /** Null where there is none, or one that cannot be read. */
  readonly cache: CacheState | null;
  readonly progress: SyncProgress | null;
  readonly notice: CacheNotice | null;
  /** Whom the server says the token belongs to. */
  readonly user: SignedInUser | null;
  readonly server: string | null;
  /** What the last completed pull of this session brought. */
  readonly lastChanges: number;
}

export function makeStatus(facts: StatusFacts, nowMs: number): Status {
  const { isOpen, cache, error, progress, lastChanges, server } = facts;
  const lastSyncMs = cache?.lastSyncMs ?? null;
  return {
    initialized: isOpen,
    lastSync: lastSyncMs === null ? null : { timestamp: new Date(lastSyncMs).toISOString(), changes: lastChanges },
    isOnline: facts.isOnline ?? false,
    state: deriveState({ ...facts, isComplete: cache?.isInitialComplete ?? false, lastSyncMs }, nowMs),
    error,
    progress,
    partial: facts.partial,
    notice: cache?.rebuild ? rebuildNotice(cache.rebuild.reason) : facts.notice,
    user: facts.user ?? cache?.user ?? null,
    server,
  };
}

export function deriveState(facts: SyncFacts, nowMs: number): SyncState {
  if (facts.isRunning) return facts.isComplete ? 'syncing' : 'first_sync';
  switch (facts.error?.code) {
    case 'upgrade_required': case 'server_outdated': return 'update_required';
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
  return facts.lastSyncMs === null && !facts.isComplete && facts.partial === 0 ? 'never_synced' : 'session_expired';
}
