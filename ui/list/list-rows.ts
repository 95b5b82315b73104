// The loaded rows of a list: fetches pages as they come into view, keeps a limited number, and ignores stale responses.
//
// While a new request loads, the rows of the previous one stay visible. They are replaced in one step, once everything
// in view has arrived, so nothing jumps or flickers.

import type { CallError, Outcome } from '../../shared/window/ipc.ts';
import type { ListPage, ListQuery, ListRow, ListSelection, ListSort } from '../../shared/window/views.ts';

export const pageRows = 100;
/** Rows fetched before and after those in view. */
const margin = 50;
/** 5,000 rows, so that scrolling back and forth fetches nothing. */
const maxPages = 50;
const maxInFlight = 2;

export interface ListRowsDeps {
  readonly fetchPage: (query: ListQuery) => Promise<Outcome<ListPage>>;
  /** The rows have changed. `isNew`: they belong to a new request and are shown from the top. */
  readonly onChange: (isNew: boolean) => void;
}

export interface ListRequest {
  readonly selection: ListSelection;
  readonly sort: ListSort;
}

interface ResultSet {
  readonly request: ListRequest;
  readonly pages: Map<number, readonly ListRow[]>;
  readonly inFlight: Set<number>;
  total: number | null;
  /** False for a refresh of the previous request. */
  readonly isNew: boolean;
}

export class ListRows {
  readonly #deps: ListRowsDeps;
  #shown: ResultSet | null = null;
  /** Replaces `#shown` once everything in view has arrived. */
  #pending: ResultSet | null = null;
  #first = 0;
  #last = pageRows - 1;
  #error: CallError | null = null;

  constructor(deps: ListRowsDeps) {
    this.#deps = deps;
  }

  /** The number of rows in the list; null until the first response. */
  get total(): number | null {
    return this.#shown?.total ?? null;
  }

  /** The rows shown belong to the latest request. */
  get isSettled(): boolean {
    return this.#pending === null && this.#shown !== null;
  }

  /** Why the latest request failed. */
  get error(): CallError | null {
    return this.#error;
  }

  row(index: number): ListRow | undefined {
    return this.#shown?.pages.get(Math.floor(index / pageRows))?.[index % pageRows];
  }

  /** The index of a record among the loaded rows, or -1. */
  indexOf(id: string): number {
    for (const [page, rows] of this.#shown?.pages ?? []) {
      const index = rows.findIndex((row) => row.id === id);
      if (index >= 0) return page * pageRows + index;
    }
    return -1;
  }

  /** Loads another list, from the top. */
  show(request: ListRequest): void {
    this.#last -= this.#first;
    this.#first = 0;
    this.#load(request, true);
  }

  /** Repeats the latest request because records may have changed. The scroll position stays. */
  refresh(): void {
    const latest = this.#pending ?? this.#shown;
    if (latest) this.#load(latest.request, latest === this.#pending && latest.isNew);
  }

  /** Sets which rows are in view, and fetches the missing ones. */
  setView(first: number, last: number): void {
    // While another list loads, the view is still of the previous one.
    if (this.#pending?.isNew) return;
    this.#first = first;
    this.#last = last;
    this.#pump();
  }

  #load(request: ListRequest, isNew: boolean): void {
    this.#error = null;
    this.#pending = { request, pages: new Map(), inFlight: new Set(), total: null, isNew };
    this.#pump();
  }

  #pump(): void {
    const target = this.#pending ?? this.#shown;
    if (!target || this.#error) return;
    for (const page of wantedPages(this.#first, this.#last, target.total)) {
      if (target.inFlight.size >= maxInFlight) return;
      if (!target.pages.has(page) && !target.inFlight.has(page)) void this.#fetch(target, page);
    }
  }

  async #fetch(target: ResultSet, page: number): Promise<void> {
    target.inFlight.add(page);
    const { selection, sort } = target.request;
    const outcome = await this.#deps.fetchPage({ ...selection, sort, offset: page * pageRows, limit: pageRows });
    target.inFlight.delete(page);
    if (target !== this.#pending && target !== this.#shown) return;
    // While a newer request loads, pages of the previous one still fill the view; its errors are ignored.
    if (!outcome.ok) {
      if (target === this.#shown && this.#pending) return;
      this.#error = outcome.error;
      this.#deps.onChange(false);
      return;
    }
    target.pages.set(page, outcome.value.rows);
    target.total = outcome.value.total;
    if (target === this.#pending && this.#isViewLoaded(target)) {
      this.#shown = target;
      this.#pending = null;
      this.#deps.onChange(target.isNew);
    } else if (target === this.#shown) {
      this.#deps.onChange(false);
    }
    this.#evict(target);
    this.#pump();
  }

  /** Whether every page in view has arrived. */
  #isViewLoaded(target: ResultSet): boolean {
    if (target.total === null) return false;
    const last = Math.min(this.#last, target.total - 1);
    const first = Math.min(this.#first, Math.max(0, last));
    for (let page = Math.floor(first / pageRows); page * pageRows <= last; page += 1) {
      if (!target.pages.has(page)) return false;
    }
    return true;
  }

  #evict(target: ResultSet): void {
    if (target.pages.size <= maxPages) return;
    const middle = (this.#first + this.#last) / 2 / pageRows;
    const farthest = [...target.pages.keys()].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
    for (const page of farthest.slice(0, target.pages.size - maxPages)) target.pages.delete(page);
  }
}

/** The pages to fetch, those in view first. While `total` is unknown (null), no page beyond the view. */
export function wantedPages(first: number, last: number, total: number | null): readonly number[] {
  const end = total === null ? last : Math.min(last, total - 1);
  const pageOf = (index: number): number => Math.floor(Math.max(0, index) / pageRows);
  const inView = range(pageOf(Math.min(first, end)), pageOf(end));
  const lastPage = total === null ? pageOf(end) : pageOf(total - 1);
  const around = [pageOf(end + margin), pageOf(first - margin)].filter((page) => page <= lastPage && !inView.includes(page));
  return [...inView, ...new Set(around)];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
