// The rows of one list as far as they are in the window: pages fetched as they come into view, few kept, and never an
// answer of an older question over a newer one's.
//
// A question has a generation. While a newer one is on its way the rows of the older stay to be seen; they are replaced
// at once, when all that is in view has arrived, so nothing jumps and nothing blinks.

import type { CallError, Outcome } from '../../shared/window/ipc.ts';
import type { ListPage, ListQuery, ListRow, ListSelection, ListSort } from '../../shared/window/views.ts';

export const pageRows = 100;
/** Rows fetched before and after those in view. */
const margin = 50;
/** Pages kept: 5,000 rows, so that going back and forth asks for nothing. */
const maxPages = 50;
const maxInFlight = 2;

export interface ListRowsDeps {
  readonly fetchPage: (query: ListQuery) => Promise<Outcome<ListPage>>;
  /** Something to be drawn has changed. `isNew`: the rows are another question's, to be shown from its top. */
  readonly changed: (isNew: boolean) => void;
}

export interface ListQuestion {
  readonly selection: ListSelection;
  readonly sort: ListSort;
}

interface Answered {
  readonly generation: number;
  readonly question: ListQuestion;
  readonly pages: Map<number, readonly ListRow[]>;
  readonly asked: Set<number>;
  total: number | null;
  /** Set where it asks something new, not the same again. */
  readonly isNew: boolean;
}

export class ListRows {
  readonly #deps: ListRowsDeps;
  /** What is drawn, and what will replace it. */
  #shown: Answered | null = null;
  #coming: Answered | null = null;
  #generation = 0;
  #first = 0;
  #last = pageRows - 1;
  #error: CallError | null = null;

  constructor(deps: ListRowsDeps) {
    this.#deps = deps;
  }

  /** How many rows there are; null until the first answer. */
  get total(): number | null {
    return this.#shown?.total ?? null;
  }

  /** The question whose rows are shown; null until the first answer. */
  get question(): ListQuestion | null {
    return this.#shown?.question ?? null;
  }

  /** What is shown answers the latest question. */
  get isSettled(): boolean {
    return this.#coming === null && this.#shown !== null;
  }

  /** Why the latest question got no answer. */
  get error(): CallError | null {
    return this.#error;
  }

  row(index: number): ListRow | undefined {
    return this.#shown?.pages.get(Math.floor(index / pageRows))?.[index % pageRows];
  }

  /** Where a record stands, among the rows that are here; -1 where it is not. */
  indexOf(id: string): number {
    for (const [page, rows] of this.#shown?.pages ?? []) {
      const index = rows.findIndex((row) => row.id === id);
      if (index >= 0) return page * pageRows + index;
    }
    return -1;
  }

  /** Asks for another list, to be seen from its top. */
  show(question: ListQuestion): void {
    this.#last -= this.#first;
    this.#first = 0;
    this.#ask(question, true);
  }

  /** Asks the same again, because the records may have changed; what is in view stays in view. */
  refresh(): void {
    const latest = this.#coming ?? this.#shown;
    if (latest) this.#ask(latest.question, latest === this.#coming && latest.isNew);
  }

  /** Says which rows are in view. */
  need(first: number, last: number): void {
    // While another list is coming, what is in view is of the old one.
    if (this.#coming?.isNew) return;
    this.#first = first;
    this.#last = last;
    this.#pump();
  }

  #ask(question: ListQuestion, isNew: boolean): void {
    this.#generation += 1;
    this.#error = null;
    this.#coming = { generation: this.#generation, question, pages: new Map(), asked: new Set(), total: null, isNew };
    this.#pump();
  }

  #pump(): void {
    const target = this.#coming ?? this.#shown;
    if (!target || this.#error) return;
    for (const page of wantedPages(this.#first, this.#last, target.total)) {
      const inFlight = target.asked.size;
      if (inFlight >= maxInFlight) return;
      if (!target.pages.has(page) && !target.asked.has(page)) void this.#fetch(target, page);
    }
  }

  async #fetch(target: Answered, page: number): Promise<void> {
    target.asked.add(page);
    const { selection, sort } = target.question;
    const outcome = await this.#deps.fetchPage({ ...selection, sort, offset: page * pageRows, limit: pageRows });
    target.asked.delete(page);
    if (target !== this.#coming && target !== this.#shown) return;
    // While a newer question is under way, an older one's pages still fill what is seen; its errors are of no use.
    if (!outcome.ok) {
      if (target === this.#shown && this.#coming) return;
      this.#error = outcome.error;
      this.#deps.changed(false);
      return;
    }
    target.pages.set(page, outcome.value.rows);
    target.total = outcome.value.total;
    if (target === this.#coming && this.#isInView(target)) {
      this.#shown = target;
      this.#coming = null;
      this.#deps.changed(target.isNew);
    } else if (target === this.#shown) {
      this.#deps.changed(false);
    }
    this.#forget(target);
    this.#pump();
  }

  /** Whether all that is in view of it has arrived. */
  #isInView(target: Answered): boolean {
    if (target.total === null) return false;
    const last = Math.min(this.#last, target.total - 1);
    const first = Math.min(this.#first, Math.max(0, last));
    for (let page = Math.floor(first / pageRows); page * pageRows <= last; page += 1) {
      if (!target.pages.has(page)) return false;
    }
    return true;
  }

  #forget(target: Answered): void {
    if (target.pages.size <= maxPages) return;
    const middle = (this.#first + this.#last) / 2 / pageRows;
    const farthest = [...target.pages.keys()].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
    for (const page of farthest.slice(0, target.pages.size - maxPages)) target.pages.delete(page);
  }
}

/** The pages to be had, those in view first. `total` is null while it is not known: then only the first is asked for. */
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
