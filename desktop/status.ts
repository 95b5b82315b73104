// Derives the one state that people see from what the desktop knows. Everything that displays a state uses this one.

import type { SignedInUser } from '../shared/protocol.ts';
import { isStale } from '../shared/window/stale.ts';
import type { CacheNotice, Status, SyncError, SyncProgress, SyncState } from '../shared/window/views.ts';
import type { CacheState } from './cache/cache.ts';
import { rebuildNotice } from './cache/notices.ts';

/** The inputs of the state. */
export interface SyncFacts {
  readonly isRunning: boolean;
  /** The first pull into this cache has completed. */
  readonly isComplete: boolean;
  /** Records received so far by a first pull that has not completed. */
  readonly partial: number;
  readonly isSignedIn: boolean;
  readonly hasNetwork: boolean;
  /** Whether our server answered the last request; null before the first one. */
  readonly isOnline: boolean | null;
  /** Null if the last sync succeeded, or there was none. */
  readonly error: SyncError | null;
  /** A pull has completed. */
  readonly hasSynced: boolean;
  /** How long ago the last one did; null if that is unknown. */
  readonly lastSyncAgeMs: number | null;
}

/** The inputs of the whole status. */
export interface StatusFacts extends Omit<SyncFacts, 'isComplete' | 'hasSynced'> {
  /** The cache can be read. */
  readonly isOpen: boolean;
  /** Null if there is no cache, or it cannot be read. */
  readonly cache: CacheState | null;
  readonly progress: SyncProgress | null;
  readonly notice: CacheNotice | null;
  /** The owner of the token, according to the server. */
  readonly user: SignedInUser | null;
  readonly server: string | null;
  /** How many acknowledged writes the lists showed before a pull brought them. */
  readonly writes: number;
  /** How many changes the last completed pull of this session received. */
  readonly lastChanges: number;
}

export function makeStatus(facts: StatusFacts): Status {
  const { isOpen, cache, progress, lastSyncAgeMs: ageMs, lastChanges, server } = facts;
  // That the data is not proved is said until it is, also after a restart.
  const unproved = facts.isSignedIn && cache?.mismatch ? { code: 'digest_mismatch', message: cache.mismatch.message } as const : null;
  const error = facts.error ?? unproved;
  const lastSyncMs = cache?.lastSyncMs ?? null;
  return {
    initialized: isOpen,
    lastSync: lastSyncMs === null ? null : { timestamp: new Date(lastSyncMs).toISOString(), ageMs, changes: lastChanges },
    isOnline: facts.isOnline ?? false,
    state: deriveState({ ...facts, error, isComplete: cache?.isInitialComplete ?? false, hasSynced: lastSyncMs !== null }),
    error,
    progress,
    partial: facts.partial,
    cursor: cache?.cursor ?? null,
    notice: cache?.rebuild ? rebuildNotice(cache.rebuild.reason) : facts.notice,
    writes: facts.writes,
    user: facts.user ?? cache?.user ?? null,
    server,
  };
}

/** The first fact that applies decides: a running sync, then an error, the session, the connection, and the age of the data. */
export function deriveState(facts: SyncFacts): SyncState {
  if (facts.isRunning) return facts.isComplete ? 'syncing' : 'first_sync';
  switch (facts.error?.code) {
    case 'upgrade_required': case 'server_outdated': return 'update_required';
    // A refusal that has not been confirmed yet leaves the session in place.
    case 'unauthorized': return facts.isSignedIn ? 'error' : signedOutState(facts);
    case 'signed_out': case 'session_refused': case 'sign_in_locked': return signedOutState(facts);
    case 'offline': return facts.hasNetwork ? 'unreachable' : 'offline';
    case undefined: case 'cancelled': break;
    default: return 'error';
  }
  if (!facts.isSignedIn) return signedOutState(facts);
  if (!facts.hasSynced) return 'never_synced';
  if (facts.isOnline === false) return facts.hasNetwork ? 'unreachable' : 'offline';
  return facts.isOnline && !isStale(facts.lastSyncAgeMs) ? 'up_to_date' : 'stale';
}

/** Without any data there is no session to speak of. */
function signedOutState(facts: SyncFacts): SyncState {
  return !facts.hasSynced && !facts.isComplete && facts.partial === 0 ? 'never_synced' : 'session_expired';
}
