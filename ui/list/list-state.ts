// The state of a list: search, filters and sort order as chosen by the user, the selection they add up to, and why it may be empty.
// Immutable values.

import { findCollection, type Collection } from '../../shared/collections.ts';
import { addDays } from '../../shared/days.ts';
import { ageBucketRange, statusConditions, type AgeBucket } from '../../shared/invoice-status.ts';
import type { CallError } from '../../shared/window/ipc.ts';
import type { Filter, ListSelection, ListSort, SyncState } from '../../shared/window/views.ts';

/** Everything open, or what has been overdue for a given time. */
export type Age = 'open' | Exclude<AgeBucket, 'notDue'>;

export interface DateRange {
  readonly from: string | null;
  readonly to: string | null;
}

/** Which of an invoice's dates a range is of. */
export const dateColumns = ['issueDate', 'dueDate', 'lastPaidOn'] as const;
export interface DateFilter extends DateRange {
  readonly by: (typeof dateColumns)[number];
}

export interface ListState {
  readonly search: string;
  /** The value each filtered column must have. */
  readonly choices: Readonly<Record<string, string>>;
  readonly dates: DateFilter;
  readonly age: Age | null;
  /** Filters set by a link from elsewhere, and the label that stands for them. */
  readonly given: { readonly filters: Readonly<Record<string, Filter>>; readonly label: string } | null;
  readonly sort: ListSort;
}

const anyTime: DateFilter = { by: 'issueDate', from: null, to: null };
/** The order of an age: what has been due for longest comes first. */
const oldestDue: ListSort = { column: 'dueDate', descending: false };

export function initialState(collection: Collection): ListState {
  return { search: '', choices: {}, dates: anyTime, age: null, given: null, sort: collection.defaultSort };
}

/** Resets search and filters; a sort order that the user chose stays. */
export function clearFilters(state: ListState): ListState {
  return { ...withoutAge(state), search: '', choices: {}, dates: anyTime, given: null };
}

function withoutAge(state: ListState): ListState {
  const usual = findCollection('invoices')?.defaultSort;
  return { ...state, age: null, ...(usual && state.sort === oldestDue && { sort: usual }) };
}

export function hasFilters(state: ListState): boolean {
  return state.search.trim() !== '' || Object.keys(state.choices).length > 0 || state.dates.from !== null || state.dates.to !== null
    || state.age !== null || state.given !== null;
}

/** Sets a column's filter; an empty value removes it. Choosing a status clears the age chosen in the summary. */
export function choose(state: ListState, column: string, value: string): ListState {
  const { [column]: _, ...others } = state.choices;
  const clearsAge = column === 'status' || (column === 'currency' && value === '');
  return { ...(clearsAge ? withoutAge(state) : state), choices: value === '' ? others : { ...others, [column]: value } };
}

/** Shows what a cell of the summary counts, what has been due for longest first, or everything if that is shown already. */
export function chooseAge(state: ListState, age: Age, currency: string): ListState {
  if (state.age === age && state.choices['currency'] === currency) {
    const { currency: _, ...choices } = state.choices;
    return { ...withoutAge(state), choices };
  }
  return { ...clearFilters(state), age, choices: { currency }, sort: oldestDue };
}

/** Whether it is about what is due, so that the list always says since when. */
export function showsDue({ age, choices }: ListState): boolean {
  return age !== null || choices['status'] === 'overdue';
}

/** The sort order after a click on a column heading. Amounts and dates start in descending order. */
export function sortBy(sort: ListSort, column: string): ListSort {
  if (sort.column === column) return { column, descending: sort.descending !== true };
  return { column, descending: column.endsWith('Minor') || column.endsWith('Date') };
}

/** What a search says as a decimal number, if it reads as an amount. */
let readAmount: (search: string) => string | null = () => null;

/** From now on, searches are also read as amounts; the first screen loads without the code for that. */
export function readAmountsWith(read: typeof readAmount): void {
  readAmount = read;
}

/** The selection as of `today` (YYYY-MM-DD). */
export function selectionOf(collection: Collection, state: ListState, today: string): ListSelection {
  const filters: Record<string, Filter> = { ...state.given?.filters };
  for (const [column, value] of Object.entries(state.choices)) Object.assign(filters, choiceFilter(collection, column, value, today));
  if (state.age !== null) {
    filters['openMinor'] = { from: 1 };
    if (state.age !== 'open') filters['dueDate'] = ageBucketRange(state.age, today);
  }
  const { by, from, to } = state.dates;
  // What is overdue may be limited to due dates, too.
  if (from !== null || to !== null) filters[by] = commonRange(filters[by] as Partial<DateRange> | undefined, { from, to });
  const search = state.search.trim();
  const amount = readAmount(search);
  return {
    collection: collection.name,
    ...(search === '' ? {} : { search }),
    ...(amount === null ? {} : { amount }),
    ...(collection.balances ? { today } : {}),
    ...(Object.keys(filters).length === 0 ? {} : { filters }),
  };
}

/** The days that are in both ranges. */
function commonRange(other: Partial<DateRange> | undefined, { from, to }: DateRange): DateRange {
  const starts = [from, other?.from ?? null].filter((day) => day !== null).sort();
  const ends = [to, other?.to ?? null].filter((day) => day !== null).sort();
  return { from: starts.at(-1) ?? null, to: ends[0] ?? null };
}

function choiceFilter(collection: Collection, column: string, value: string, today: string): Record<string, Filter> {
  if (column === 'status') return statusConditions(value, today);
  return { [column]: collection.fields[column]?.kind === 'boolean' ? value === 'yes' : value };
}

export interface Choice {
  readonly column: string;
  readonly values: readonly string[];
}

/** The columns a list can be filtered by, with their values. `currencies` are the ones in use. */
export function choicesOf(collection: Collection, currencies: readonly string[]): readonly Choice[] {
  // An invoice's kind is one of its statuses here.
  return collection.columns.filter(({ name, filtered, shown }) => filtered && shown && name !== 'kind').flatMap(({ name }) => {
    const field = collection.fields[name];
    if (field?.kind === 'boolean') return [{ column: name, values: ['yes', 'no'] }];
    if (field?.kind === 'currency') return currencies.length > 1 ? [{ column: name, values: currencies }] : [];
    if (field?.kind !== 'choice') return [];
    const isInvoiceStatus = name === 'status' && findCollection('invoices') === collection;
    return [{ column: name, values: isInvoiceStatus ? statusChoices(field.values) : field.values }];
  });
}

function statusChoices(values: readonly string[]): readonly string[] {
  return [...values.flatMap((value) => value === 'open' ? [value, 'partly_paid', 'overdue'] : [value]), 'credit_note'];
}

export const periods = ['thisMonth', 'lastMonth', 'thisQuarter', 'lastQuarter', 'thisYear', 'lastYear'] as const;
export type Period = (typeof periods)[number];

/** The dates of a period relative to `today`. */
export function periodRange(period: Period, today: string): DateRange {
  const year = Number(today.slice(0, 4));
  const month = Number(today.slice(5, 7));
  const months = (first: number, count: number): DateRange => ({ from: day(year, first), to: addDays(day(year, first + count), -1) });
  switch (period) {
    case 'thisMonth': return months(month, 1);
    case 'lastMonth': return months(month - 1, 1);
    case 'thisQuarter': return months(month - ((month - 1) % 3), 3);
    case 'lastQuarter': return months(month - ((month - 1) % 3) - 3, 3);
    case 'thisYear': return months(1, 12);
    case 'lastYear': return months(-11, 12);
  }
}

/** The first day of a month. Month 0 is December of the previous year, and so on. */
function day(year: number, month: number): string {
  return new Date(Date.UTC(year, month - 1, 1)).toISOString().slice(0, 10);
}

export type Emptiness = 'failed' | 'no-data' | 'filling' | 'no-match' | 'none';

/** Why the list is empty; null if it is not, or is still loading. */
export function emptiness({ error, total, hasFilters, state, partial }: {
  readonly error: CallError | null;
  readonly total: number | null;
  readonly hasFilters: boolean;
  readonly state: SyncState;
  readonly partial: number;
}): Emptiness | null {
  // Without a cache every read fails, which is not a failure of the list.
  const isNeverSynced = state === 'never_synced' && partial === 0;
  const hasNoCache = isNeverSynced || state === 'first_sync';
  if (error && !hasNoCache) return 'failed';
  if (total !== 0 && !(error && hasNoCache)) return null;
  if (state === 'first_sync') return 'filling';
  if (isNeverSynced) return 'no-data';
  return hasFilters ? 'no-match' : 'none';
}
