// What the report shows: the months that were chosen, its tables by currency, its bars, and its CSV file. Immutable values.

import {
  addMonths, addSums, grossOf, monthOf, type ReportBasis, type ReportCell, type ReportQuery, type ReportSums,
} from '../../shared/report.ts';
import type { TableRequest, TableValue } from '../../shared/window/ipc.ts';
import { periodRange, periods, type Period } from '../list/list-state.ts';

export const groupings = ['month', 'quarter'] as const;
export type Grouping = (typeof groupings)[number];

/** Months (YYYY-MM), both inclusive. */
export interface Months {
  readonly from: string;
  readonly to: string;
}

export interface ReportState extends Months {
  readonly basis: ReportBasis;
  readonly per: Grouping;
}

/** This year, by invoice date and month. */
export function initialReport(today: string): ReportState {
  return { ...monthsOf('thisYear', today), basis: 'issueDate', per: 'month' };
}

/** The months of a period as of `today`. */
export function monthsOf(period: Period, today: string): Months {
  const { from, to } = periodRange(period, today);
  return { from: monthOf(from ?? today), to: monthOf(to ?? today) };
}

/** The period that has exactly these months, or null. */
export function periodOf({ from, to }: Months, today: string): Period | null {
  return periods.find((period) => {
    const months = monthsOf(period, today);
    return months.from === from && months.to === to;
  }) ?? null;
}

/** Sets one end of the months; the other one moves along where it would come before or after it. */
export function setEnd(state: ReportState, end: keyof Months, month: string): ReportState {
  const { from, to } = end === 'from' ? { from: month, to: state.to } : { from: state.from, to: month };
  return from <= to ? { ...state, from, to } : { ...state, from: month, to: month };
}

/** The months of whole groups: quarters are never reported in part. */
export function shownMonths({ from, to, per }: ReportState): Months {
  if (per === 'month') return { from, to };
  return { from: addMonths(from, -((Number(from.slice(5)) - 1) % 3)), to: addMonths(to, 2 - ((Number(to.slice(5)) - 1) % 3)) };
}

/** The twelve months of the chart, the last one shown last. */
export function chartMonths(state: ReportState): readonly string[] {
  const { to } = shownMonths(state);
  return Array.from({ length: 12 }, (_, index) => addMonths(to, index - 11));
}

/** What tables and chart need. */
export function reportQuery(state: ReportState): ReportQuery {
  const { from, to } = shownMonths(state);
  const [first = from] = chartMonths(state);
  return { basis: state.basis, from: first < from ? first : from, to };
}

/** A month (YYYY-MM) or quarter (YYYY-Q4), and the months in it. */
export interface Group extends Months {
  readonly name: string;
}

export interface ReportRow {
  readonly group: Group;
  /** Null if there was nothing. */
  readonly sums: ReportSums | null;
}

export interface ReportTable {
  readonly currency: string;
  readonly rows: readonly ReportRow[];
  readonly total: ReportSums;
}

/**
 * One table for each currency that has something in the shown months, in the order of `currencies`. Months after today's are left out
 * where they have nothing.
 */
export function reportTables(
  state: ReportState, cells: readonly ReportCell[], today: string, currencies: readonly string[],
): readonly ReportTable[] {
  const { from, to } = shownMonths(state);
  const shown = cells.filter(({ month }) => month >= from && month <= to);
  const last = shown.reduce((month, cell) => cell.month > month ? cell.month : month, monthOf(today));
  const groups = groupsOf({ from, to }, state.per).filter((group) => group.from <= last);
  const byCurrency = Object.entries(Object.groupBy(shown, ({ currency }) => currency));
  return byCurrency.map(([currency, own = []]) => ({ currency, own }))
    .sort((a, b) => currencies.indexOf(a.currency) - currencies.indexOf(b.currency))
    .map(({ currency, own }) => ({
      currency,
      rows: groups.map((group) => {
        const found = own.filter(({ month }) => month >= group.from && month <= group.to);
        return { group, sums: found.length === 0 ? null : addSums(found) };
      }),
      total: addSums(own),
    }));
}

function groupsOf({ from, to }: Months, per: Grouping): readonly Group[] {
  const step = per === 'month' ? 1 : 3;
  const groups: Group[] = [];
  for (let month = from; month <= to; month = addMonths(month, step)) {
    const name = per === 'month' ? month : `${month.slice(0, 4)}-Q${Math.ceil(Number(month.slice(5)) / 3)}`;
    groups.push({ name, from: month, to: addMonths(month, step - 1) });
  }
  return groups;
}

/** The net amount of each of the chart's months in a currency; null where a sum is not exact. */
export function chartAmounts(state: ReportState, cells: readonly ReportCell[], currency: string): readonly (number | null)[] {
  const own = cells.filter((cell) => cell.currency === currency);
  return chartMonths(state).map((month) => grossOf(addSums(own.filter((cell) => cell.month === month))).netMinor);
}

export interface Bar {
  /** From the top, with all bars between 0 and 100. */
  readonly top: number;
  readonly height: number;
}

/** Bars from zero upwards, or downwards for what is negative, and the place of zero; without an amount a bar has no height. */
export function bars(amounts: readonly (number | null)[]): { readonly zero: number; readonly bars: readonly Bar[] } {
  const known = amounts.map((amount) => amount ?? 0);
  const max = Math.max(0, ...known);
  const span = max - Math.min(0, ...known) || 1;
  const zero = 100 * max / span || (known.some((amount) => amount < 0) ? 0 : 100);
  return {
    zero,
    bars: known.map((amount) => ({ top: amount > 0 ? zero - 100 * amount / span : zero, height: 100 * Math.abs(amount) / span })),
  };
}

/** How the report is written into a file: the words for its columns and values. */
export interface CsvWords {
  readonly name: string;
  readonly period: string;
  readonly currency: string;
  readonly net: string;
  readonly tax: string;
  readonly gross: string;
  readonly received: string;
  readonly netOf: (tax: ReportSums['taxes'][number]) => string;
  readonly taxOf: (tax: ReportSums['taxes'][number]) => string;
  readonly locale: string;
}

/**
 * A row for each group and currency, without totals, so that every column can be added up; with two columns for each category and
 * rate that occurs. A group's name (2026-11, 2026-Q4) sorts as text.
 */
export function reportCsv(tables: readonly ReportTable[], words: CsvWords): TableRequest {
  const { taxes } = addSums(tables.map(({ total }) => total));
  const rows = tables.flatMap(({ currency, rows: own }) => own.map(({ group, sums }): TableValue[] => {
    const all = sums ?? addSums([]);
    const amount = (amountMinor: number | null): TableValue => amountMinor === null ? null : { amountMinor, currency };
    const { netMinor, taxMinor, grossMinor } = grossOf(all);
    return [
      group.name, currency, amount(netMinor), amount(taxMinor), amount(grossMinor), amount(all.receivedMinor),
      ...taxes.flatMap(({ category, rateBp }) => {
        const found = all.taxes.find((tax) => tax.category === category && tax.rateBp === rateBp);
        return [amount(found ? found.netMinor : 0), amount(found ? found.taxMinor : 0)];
      }),
    ];
  }));
  const { name, period, currency, net, tax, gross, received, netOf, taxOf, locale } = words;
  return {
    name, titles: [period, currency, net, tax, gross, received, ...taxes.flatMap((one) => [netOf(one), taxOf(one)])], rows, locale,
  };
}
