// A period's report: what was invoiced and received, per month and currency, with tax by category and rate. `ReportBuilder` computes
// the months from documents, which the desktop's cache reads; the window adds them up to quarters and totals.
//
// Amounts are integers in the currency's minor unit; currencies are never added together. Taxes are those that the documents have
// stored; nothing is computed anew from rates. Credit notes count negative. Received is what was paid in the month, refunds negative,
// whatever the report goes by.
//
// By payment date an invoice counts as far as it is settled (settlement.ts): a payment is divided over categories and rates as the
// invoice was when it was paid, a refund as what was credited. Net and tax together are always what was received, a settled invoice
// adds up to its stored taxes less those of its credit notes, and a month never changes by what happens later.

import { taxCategories, type TaxCategory } from './collections.ts';
import type { Tax } from './invoice.ts';
import { amountsOf, plusAmounts, Settlement, type Amounts } from './settlement.ts';

export const reportBases = ['issueDate', 'paidOn'] as const;
export type ReportBasis = (typeof reportBases)[number];

/** Months (YYYY-MM), both inclusive. */
export interface ReportQuery {
  readonly basis: ReportBasis;
  readonly from: string;
  readonly to: string;
}

/** A sum beyond `Number.MAX_SAFE_INTEGER` is null rather than approximate. */
export interface TaxSum {
  readonly category: TaxCategory;
  readonly rateBp: number;
  readonly netMinor: number | null;
  readonly taxMinor: number | null;
}

export interface ReportSums {
  /** Lowest rate first, then in the order of `taxCategories`. */
  readonly taxes: readonly TaxSum[];
  readonly receivedMinor: number | null;
}

/** One currency in one month (YYYY-MM) in which there was something. */
export interface ReportCell extends ReportSums {
  readonly month: string;
  readonly currency: string;
}

interface TaxedDocument {
  readonly issueDate: string;
  readonly totalMinor: number;
  readonly taxes: readonly Tax[];
}

/** An invoice or credit note that is open or paid. */
export interface ReportDocument extends TaxedDocument {
  readonly kind: 'invoice' | 'credit_note';
  readonly currency: string;
  readonly payments: readonly { readonly amountMinor: number; readonly paidOn: string }[];
  /** The issued credit notes of an invoice; only the basis `paidOn` needs them. */
  readonly creditNotes: readonly TaxedDocument[];
}

/** Adds documents up, one after another. */
export class ReportBuilder {
  readonly #query: ReportQuery;
  readonly #cells = new Map<string, { readonly month: string; readonly currency: string; amounts: Amounts; received: bigint }>();

  constructor(query: ReportQuery) {
    this.#query = query;
  }

  add(document: ReportDocument): void {
    const { currency, kind, issueDate, taxes, payments } = document;
    for (const { amountMinor, paidOn } of payments) {
      const cell = this.#cell(monthOf(paidOn), currency);
      if (cell) cell.received += BigInt(amountMinor);
    }
    if (this.#query.basis === 'paidOn') this.#settle(document);
    else this.#count(monthOf(issueDate), currency, plusAmounts(new Map(), amountsOf(taxes), kind === 'credit_note' ? -1n : 1n));
  }

  /** By month, then by currency. */
  cells(): ReportCell[] {
    return [...this.#cells.values()].map(({ month, currency, amounts, received }) => ({
      month, currency, taxes: toSums(amounts), receivedMinor: toExact(received),
    })).sort((a, b) => compare(a.month, b.month) || compare(a.currency, b.currency));
  }

  #settle({ currency, taxes, payments, creditNotes }: ReportDocument): void {
    if (payments.length === 0) return;
    const settlement = new Settlement(amountsOf(taxes));
    const events = [
      ...creditNotes.map((note) => ({ date: note.issueDate, happen: () => settlement.credit(amountsOf(note.taxes)) })),
      ...payments.map(({ paidOn, amountMinor }) => ({ date: paidOn, happen: () => settlement.pay(BigInt(amountMinor)) })),
    ].sort((a, b) => compare(a.date, b.date));
    for (const [month, ofMonth] of Map.groupBy(events, ({ date }) => monthOf(date))) {
      const before = settlement.settled;
      for (const { happen } of ofMonth) happen();
      const settled = [...plusAmounts(settlement.settled, before, -1n)].filter(([, { net, tax }]) => net !== 0n || tax !== 0n);
      this.#count(month, currency, new Map(settled));
    }
  }

  #count(month: string, currency: string, amounts: Amounts): void {
    const cell = amounts.size === 0 ? null : this.#cell(month, currency);
    if (cell) cell.amounts = plusAmounts(cell.amounts, amounts, 1n);
  }

  /** Null outside the months of the report. */
  #cell(month: string, currency: string) {
    if (month < this.#query.from || month > this.#query.to) return null;
    const key = `${month} ${currency}`;
    const cell = this.#cells.get(key) ?? { month, currency, amounts: new Map(), received: 0n };
    this.#cells.set(key, cell);
    return cell;
  }
}

/** The sums of several cells of one currency. */
export function addSums(cells: readonly ReportSums[]): ReportSums {
  const taxes = new Map<string, TaxSum>();
  for (const tax of cells.flatMap((cell) => cell.taxes)) {
    const sum = taxes.get(keyOf(tax)) ?? { ...tax, netMinor: 0, taxMinor: 0 };
    taxes.set(keyOf(tax), { ...sum, netMinor: plus(sum.netMinor, tax.netMinor), taxMinor: plus(sum.taxMinor, tax.taxMinor) });
  }
  return {
    taxes: [...taxes.values()].sort(inOrder), receivedMinor: cells.reduce<number | null>((sum, cell) => plus(sum, cell.receivedMinor), 0),
  };
}

/** Net, tax and both together. */
export function grossOf({ taxes }: ReportSums): { readonly [name in 'netMinor' | 'taxMinor' | 'grossMinor']: number | null } {
  const netMinor = taxes.reduce<number | null>((sum, tax) => plus(sum, tax.netMinor), 0);
  const taxMinor = taxes.reduce<number | null>((sum, tax) => plus(sum, tax.taxMinor), 0);
  return { netMinor, taxMinor, grossMinor: plus(netMinor, taxMinor) };
}

/** Null if a number is, or if the sum is not exact. */
export function plus(a: number | null, b: number | null): number | null {
  return a === null || b === null || !Number.isSafeInteger(a + b) ? null : a + b;
}

/** The month that is `count` months after another one, or before it if negative. */
export function addMonths(month: string, count: number): string {
  return new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)) - 1 + count, 1)).toISOString().slice(0, 7);
}

/** The month (YYYY-MM) of a date (YYYY-MM-DD). */
export function monthOf(date: string): string {
  return date.slice(0, 7);
}

function keyOf({ category, rateBp }: { readonly category: TaxCategory; readonly rateBp: number }): string {
  return `${category} ${rateBp}`;
}

function toSums(amounts: Amounts): TaxSum[] {
  return [...amounts.values()].map(({ category, rateBp, net, tax }) =>
    ({ category, rateBp, netMinor: toExact(net), taxMinor: toExact(tax) })).sort(inOrder);
}

function inOrder(a: TaxSum, b: TaxSum): number {
  return a.rateBp - b.rateBp || taxCategories.indexOf(a.category) - taxCategories.indexOf(b.category);
}

function toExact(sum: bigint): number | null {
  const value = Number(sum);
  return Number.isSafeInteger(value) ? value : null;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
