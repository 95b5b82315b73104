// The status of an invoice to display, and how long it has been due: a module of its own, because lists need nothing else of the
// rules for invoices (invoice.ts).

import type { InvoiceStatus } from './collections.ts';
import { addDays } from './days.ts';

/** Overdue from the day after the due date, while anything is open. Days are YYYY-MM-DD. */
export function isOverdue(
  { dueDate, openMinor }: { readonly dueDate?: string | null | undefined; readonly openMinor: number }, today: string,
): boolean {
  return openMinor > 0 && typeof dueDate === 'string' && dueDate < today;
}

/** The statuses to display: those that are stored, and those that follow from amounts and the day. */
export const shownStatuses = ['draft', 'open', 'partly_paid', 'overdue', 'paid', 'credited', 'void'] as const;
export type ShownStatus = (typeof shownStatuses)[number];

/** What decides about the status to display, besides the day. */
export interface InvoiceStatusFacts<S extends string> {
  readonly status: S;
  readonly dueDate?: string | null | undefined;
  readonly totalMinor: number;
  readonly openMinor: number;
  /** Of an open invoice: what was paid and not refunded. */
  readonly paidMinor: number;
  /** Refunded ones, too. */
  readonly hasPayments: boolean;
}

/**
 * The status of an invoice to display; overdue takes precedence over partly paid. A credit alone pays nothing: what is settled
 * without a payment was credited.
 */
export function displayStatus<S extends string>(invoice: InvoiceStatusFacts<S>, today: string): S | 'partly_paid' | 'overdue' | 'credited' {
  const { status, totalMinor, openMinor, paidMinor, hasPayments } = invoice;
  if (isOverdue(invoice, today)) return 'overdue';
  if (openMinor > 0 && paidMinor > 0) return 'partly_paid';
  return status === 'paid' && totalMinor > 0 && !hasPayments ? 'credited' : status;
}

/**
 * The status to display of an invoice in a list, by the columns of its row. Nobody pays a credit note, so for an issued one its kind
 * says more.
 */
export function rowStatus(columns: Readonly<Record<string, string | number | null>>, today: string): ShownStatus | 'credit_note' {
  const { status, kind, dueDate, totalMinor, openMinor, partPaidMinor, lastPaidOn } = columns;
  if (kind === 'credit_note' && status === 'paid') return 'credit_note';
  return displayStatus({
    status: String(status) as InvoiceStatus, dueDate: typeof dueDate === 'string' ? dueDate : null, totalMinor: Number(totalMinor),
    openMinor: Number(openMinor), paidMinor: Number(partPaidMinor), hasPayments: typeof lastPaidOn === 'string',
  }, today);
}

/** What a column of a list must hold: a value, or one within bounds, which are inclusive. */
type Condition = string | { readonly from: number } | { readonly to: string };

/**
 * The invoices of a list that are found under a status, as conditions on the columns. Some are shown under another one: `open` also
 * finds overdue and partly paid ones, `paid` credited ones, and `credit_note` drafts of credit notes.
 */
export function statusConditions(status: string, today: string): Readonly<Record<string, Condition>> {
  switch (status) {
    case 'overdue': return { openMinor: { from: 1 }, dueDate: { to: addDays(today, -1) } };
    // Whether overdue or not, as with `open`.
    case 'partly_paid': return { partPaidMinor: { from: 1 }, openMinor: { from: 1 } };
    // An issued credit note is stored as paid, but nobody has paid it.
    case 'paid': return { status, kind: 'invoice' };
    case 'credit_note': return { kind: status };
    default: return { status };
  }
}

/** How long an open amount has been overdue. */
export const ageBuckets = ['notDue', 'days1to30', 'days31to60', 'days61to90', 'over90'] as const;
export type AgeBucket = (typeof ageBuckets)[number];

/**
 * The first and last due date in a bucket as of `today`: YYYY-MM-DD, inclusive, null for unbounded; `orNone` if it also has what has
 * no due date.
 */
export function ageBucketRange(bucket: AgeBucket, today: string): { from: string | null; to: string | null; orNone?: true } {
  switch (bucket) {
    case 'notDue': return { from: today, to: null, orNone: true };
    case 'days1to30': return { from: addDays(today, -30), to: addDays(today, -1) };
    case 'days31to60': return { from: addDays(today, -60), to: addDays(today, -31) };
    case 'days61to90': return { from: addDays(today, -90), to: addDays(today, -61) };
    case 'over90': return { from: null, to: addDays(today, -91) };
  }
}
