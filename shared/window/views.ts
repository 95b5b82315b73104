// The data that the window displays: sync status, lists and records, totals, and past syncs. Types only. The desktop
// builds these values, and they survive structured cloning.

import type { Invoice, Plan } from '../collections.ts';
import type { ErrorCode, FailureKind } from '../errors.ts';
import type { JsonObject } from '../fields.ts';
import type { AgeBucket } from '../invoice.ts';
import type { SignedInUser } from '../protocol.ts';

// ------------------------------------------------------------------------------------------------------- the sync

export type SyncState =
  | 'never_synced'      // no data on this computer yet
  | 'first_sync'        // downloading; totals are incomplete
  | 'syncing'
  | 'up_to_date'
  | 'stale'             // the last sync was over 15 minutes ago, or in an earlier session
  | 'offline'           // the operating system has no network
  | 'unreachable'       // there is a network, but the server does not answer
  | 'session_expired'   // sign in again; local data stays readable
  | 'error'
  | 'update_required';  // the desktop or the server is too old for the other

export interface SyncError {
  readonly code: ErrorCode;
  /** In English. */
  readonly message: string;
  /** Why no answer from the server arrived, where that is known. */
  readonly kind?: FailureKind;
  /** How long the server asked to wait. */
  readonly retryAfterS?: number;
}

/** Why a usable cache was rebuilt. */
export type RebuildReason =
  | 'cursor_ended'    // the server no longer accepts its cursor
  | 'scope_changed'   // the user's permissions changed
  | 'cache_differed'  // its digest differed from the server's
  | 'rows_damaged';   // the stored rows differ from what was received

/** The last thing that happened to the cache, shown until the next one. */
export interface CacheNotice {
  /** After `damaged` and `set_aside` a new cache is downloaded; `replaced` reports that it is complete. */
  readonly code: RebuildReason | 'damaged' | 'set_aside' | 'replaced';
  /** In English. */
  readonly message: string;
}

export interface SyncProgress {
  /** Changes received so far, also by earlier runs of what this one resumes. */
  readonly changes: number;
  /** The number of records, if all of them are being downloaded. */
  readonly total: number | null;
  readonly bytes: number;
}

export interface LastSync {
  /** When the last completed, committed and verified pull ended; ISO 8601, UTC. */
  readonly timestamp: string;
  /**
   * How long before this status that was: in the same run of the program by a clock that nobody can change, otherwise by
   * the computer's clock; null if that was changed since, so that the age is unknown.
   */
  readonly ageMs: number | null;
  readonly changes: number;
}

export interface Status {
  /** The cache is open. */
  readonly initialized: boolean;
  readonly lastSync: LastSync | null;
  /** The server answered the last request. */
  readonly isOnline: boolean;
  readonly state: SyncState;
  readonly error: SyncError | null;
  readonly progress: SyncProgress | null;
  /** Number of records from an unfinished first sync, so totals are incomplete; otherwise 0. */
  readonly partial: number;
  /** The instant of the server's clock that the data reflects; null before the first page. */
  readonly cursor: string | null;
  /** Counts the acknowledged writes that a pull takes long to bring; what any write wrote can be read at once. */
  readonly writes: number;
  /** Why the cache is being rebuilt or was last rebuilt; null if it never was. */
  readonly notice: CacheNotice | null;
  readonly user: SignedInUser | null;
  /** The server's origin; null before the first sign-in. */
  readonly server: string | null;
}

/** The result of one pull. */
export interface SyncOutcome {
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  readonly changes: number;
  readonly upserts: number;
  readonly deletes: number;
  /** Received, uncompressed. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Why the cache was rebuilt, or null. */
  readonly rebuilt: RebuildReason | null;
  readonly error: SyncError | null;
}

/** One attempt to sync, as sync health shows it. */
export interface Attempt {
  readonly startedMs: number;
  readonly durationMs: number;
  readonly changes: number;
  readonly bytes: number;
  readonly outcome: SyncOutcome['outcome'];
  readonly code: ErrorCode | null;
  /** Why no answer from the server arrived, where that is known. */
  readonly kind?: FailureKind;
  /** The error message in English, or the reason for a rebuild. */
  readonly detail: string | null;
}

// ------------------------------------------------------------------------------------------------ lists and records

export type Scalar = string | number | boolean;

/** One value, any of several, or an inclusive range. */
export type Filter = Scalar | readonly Scalar[] | RangeFilter;

/** Both bounds are inclusive; null is unbounded. */
export interface RangeFilter {
  readonly from?: Scalar | null;
  readonly to?: Scalar | null;
  /** Records without a value match, too. */
  readonly orNone?: boolean;
}

export interface ListSelection {
  readonly collection: string;
  readonly search?: string;
  /** The search text as a decimal number such as `2334.15`, if it reads as an amount; that amount is searched for, too. */
  readonly amount?: string;
  /** The day as of which what is overdue is added up (YYYY-MM-DD), for records with balances; without it nothing is overdue. */
  readonly today?: string;
  /** Declared columns, or `id`, with their filters, all of which must match. Sorted text columns compare case-insensitively. */
  readonly filters?: Readonly<Record<string, Filter>>;
}

export interface ListSort {
  readonly column: string;
  readonly descending?: boolean;
}

export interface ListQuery extends ListSelection {
  readonly sort?: ListSort;
  readonly offset?: number;
  /** 1 to 500; defaults to 100. */
  readonly limit?: number;
}

export interface ListRow {
  readonly id: string;
  readonly updatedAt: string;
  /**
   * Every declared column; booleans are 0 and 1. With balances, also `otherCurrencies` and `otherOverdue`: the currencies, other
   * than the record's, of what is open and of what is overdue, separated by commas, or null.
   */
  readonly columns: Readonly<Record<string, string | number | null>>;
}

export interface ListPage {
  readonly rows: readonly ListRow[];
  /** Number of records in the selection. */
  readonly total: number;
}

export interface RecordView {
  readonly id: string;
  readonly updatedAt: string;
  readonly payload: JsonObject;
}

/** What is being typed as the description of an invoice's line. */
export interface LineQuery {
  readonly text: string;
  readonly currency: string;
}

/** A line as it was invoiced before, or as a plan has it. */
export type LineSuggestion = Omit<Invoice['lines'][number], 'quantityMilli' | 'taxRateBp'> & {
  readonly taxRateBp?: number;
  /** For a plan: how often it is invoiced. */
  readonly interval?: Plan['interval'];
};

// ------------------------------------------------------------------------------------------------------------ sums

export interface Sum {
  readonly count: number;
  /** In minor units; null if it exceeds the safe integers. */
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
  /** The invoices that are added up. */
  readonly count: number;
  /** In minor units, credit notes subtracted; null if it exceeds the safe integers. */
  readonly totalMinor: number | null;
  readonly openMinor: number | null;
}
