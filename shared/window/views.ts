// What the window is shown: the sync's state, lists and records, sums, and how past syncs went. Types only; they are
// made by the desktop's half, cross to the window as they are, and hold nothing that structured cloning would lose.

import type { ErrorCode } from '../errors.ts';
import type { JsonObject } from '../fields.ts';
import type { AgeBucket } from '../invoice.ts';
import type { SignedInUser } from '../protocol.ts';

// ------------------------------------------------------------------------------------------------------- the sync

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

/** Why a copy that could be used was built anew. */
export type RebuildReason =
  | 'cursor_ended'    // the server no longer knew what it had seen
  | 'scope_changed'   // its user may see something else now
  | 'copy_differed'   // its digest was not the server's
  | 'rows_damaged';   // what is on the disk is not what was received

/** Something that happened to the copy, told until something else does. */
export interface CacheNotice {
  /** `damaged` and `set_aside`: another one comes; `replaced`: it is here. */
  readonly code: RebuildReason | 'damaged' | 'set_aside' | 'replaced';
  /** In English. */
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

export interface Status {
  /** The local database is open. */
  readonly initialized: boolean;
  readonly lastSync: LastSync | null;
  /** Our server answered last time it was asked. */
  readonly isOnline: boolean;
  readonly state: SyncState;
  readonly error: SyncError | null;
  readonly progress: SyncProgress | null;
  /** Records that are here of a first sync that was never completed: sums are incomplete. 0 where it was, or has none. */
  readonly partial: number;
  /** Why the copy is being, or was last, built anew; null where it never was. */
  readonly notice: CacheNotice | null;
  readonly user: SignedInUser | null;
  /** The server's origin; null where none was ever named. */
  readonly server: string | null;
}

/** How one pull went. */
export interface SyncOutcome {
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  readonly changes: number;
  readonly upserts: number;
  readonly deletes: number;
  /** Received, uncompressed. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Why the copy was built anew, or null. */
  readonly rebuilt: RebuildReason | null;
  readonly error: SyncError | null;
}

/** One try to sync, as sync health shows it. */
export interface Attempt {
  readonly startedMs: number;
  readonly durationMs: number;
  readonly changes: number;
  readonly bytes: number;
  readonly outcome: SyncOutcome['outcome'];
  readonly code: ErrorCode | null;
  /** The error's sentence in English, or the reason of a rebuild. */
  readonly detail: string | null;
}

// ------------------------------------------------------------------------------------------------ lists and records

export type Scalar = string | number | boolean;

/** One value, any of several, or a range with both ends included. */
export type Filter = Scalar | readonly Scalar[] | { readonly from?: Scalar | null; readonly to?: Scalar | null };

export interface ListSelection {
  readonly collection: string;
  readonly search?: string;
  /** Declared column to what it must be; all must hold. A sorted text column is compared without regard to case. */
  readonly filters?: Readonly<Record<string, Filter>>;
}

export interface ListSort {
  readonly column: string;
  readonly descending?: boolean;
}

export interface ListQuery extends ListSelection {
  readonly sort?: ListSort;
  readonly offset?: number;
  /** 1 to 500; 100 if absent. */
  readonly limit?: number;
}

export interface ListRow {
  readonly id: string;
  readonly updatedAt: string;
  /** Every declared column; booleans are 0 and 1. */
  readonly columns: Readonly<Record<string, string | number | null>>;
}

export interface ListPage {
  readonly rows: readonly ListRow[];
  /** How many records the selection has. */
  readonly total: number;
}

export interface RecordView {
  readonly id: string;
  readonly updatedAt: string;
  readonly payload: JsonObject;
}

// ------------------------------------------------------------------------------------------------------------ sums

export interface Sum {
  readonly count: number;
  /** In minor units; null where it is beyond what a number holds exactly. */
  readonly openMinor: number | null;
}

export interface CurrencySummary {
  readonly currency: string;
  readonly open: Sum;
  /** Open and due before `today`. */
  readonly overdue: Sum;
  readonly buckets: Readonly<Record<AgeBucket, Sum>>;
}

export interface CurrencyTotals {
  readonly currency: string;
  readonly count: number;
  /** In minor units; null where it is beyond what a number holds exactly. */
  readonly totalMinor: number | null;
  readonly openMinor: number | null;
}
