// What people read: queries on the cache, with the records that the server has acknowledged and no pull has brought yet.
//
// Invariants: a query never waits for the network or the sync. One that finds the cache damaged reports it to the cache,
// whose lifecycle decides what follows. All methods throw `signed_out` without a cache, and `cache_unusable`.

import type { Digest } from '../../shared/digest.ts';
import type { ReportCell, ReportQuery } from '../../shared/report.ts';
import type { SyncHealth } from '../../shared/window/ipc.ts';
import type {
  Attempt, CurrencySummary, CurrencyTotals, LineQuery, LineSuggestion, ListPage, ListQuery, ListSelection, RecordView,
} from '../../shared/window/views.ts';
import type { AcknowledgedRecords } from './acknowledged.ts';
import {
  counts, lineSuggestions, listAttempts, periodReport, readDigest, readState, selectionTotals, summary, type CacheReader,
} from './cache.ts';
import type { LocalCache } from './local-cache.ts';

export class Reads {
  readonly #cache: LocalCache;
  readonly #acknowledged: AcknowledgedRecords;

  constructor(cache: LocalCache, acknowledged: AcknowledgedRecords) {
    this.#cache = cache;
    this.#acknowledged = acknowledged;
  }

  async listPage(query: ListQuery): Promise<ListPage> {
    return this.#read((reader) => this.#acknowledged.listPage(reader, query));
  }

  async getRecord(collection: string, id: string): Promise<RecordView | null> {
    return this.#read((reader) => this.#acknowledged.getRecord(reader, collection, id));
  }

  async counts(): Promise<Readonly<Record<string, number>>> {
    return this.#read((reader) => counts(reader));
  }

  /** Open and overdue amounts by age and currency on the day `today` (YYYY-MM-DD). */
  async summary(today: string): Promise<readonly CurrencySummary[]> {
    return this.#read((reader) => summary(reader, today));
  }

  async selectionTotals(selection: ListSelection): Promise<readonly CurrencyTotals[]> {
    return this.#read((reader) => selectionTotals(reader, selection));
  }

  /** The months of a report. Other work runs meanwhile. */
  async periodReport(query: ReportQuery, yieldToEventLoop: () => Promise<void>): Promise<readonly ReportCell[]> {
    return this.#read((reader) => periodReport(reader, query, yieldToEventLoop));
  }

  async lineSuggestions(query: LineQuery): Promise<readonly LineSuggestion[]> {
    return this.#read((reader) => lineSuggestions(reader, query));
  }

  async digest(): Promise<Digest> {
    return this.#read((reader) => readDigest(reader, readState(reader).generation));
  }

  async attempts(): Promise<readonly Attempt[]> {
    return this.#read((reader) => listAttempts(reader));
  }

  /** The recent sync attempts and the contents of the cache; empty without a cache. */
  async health(): Promise<SyncHealth> {
    return this.#cache.health();
  }

  /** Read access for operations longer than a query. */
  get reader(): CacheReader {
    return this.#cache.reader;
  }

  async #read<T>(query: (reader: CacheReader) => T | Promise<T>): Promise<T> {
    try {
      return await query(this.#cache.reader);
    } catch (error) {
      this.#cache.noteError(error);
      throw error;
    }
  }
}
