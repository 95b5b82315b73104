// How long an invoice has been due, and the status that follows from it: a module of its own, because lists need nothing else of
// the rules for invoices (invoice.ts).

import type { InvoiceStatus } from './collections.ts';
import { addDays } from './days.ts';

/** Overdue from the day after the due date, while anything is open. Days are YYYY-MM-DD. */
export function isOverdue(
  { dueDate, openMinor }: { readonly dueDate?: string | null | undefined; readonly openMinor: number }, today: string,
): boolean {
  return openMinor > 0 && typeof dueDate === 'string' && dueDate < today;
}

/** The statuses to display: those that are stored, and those that follow from amounts and the day. */
export type ShownStatus = InvoiceStatus | 'partly_paid' | 'overdue' | 'credited';

/** What decides about the status to display, besides the day. */
export interface StatusFacts<S extends string> {
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
 * The status of an invoice to display; an overdue one is that first, and partly paid only else. A credit alone pays nothing: what is
 * settled without a payment was credited.
 */
export function displayStatus<S extends string>(invoice: StatusFacts<S>, today: string): S | 'partly_paid' | 'overdue' | 'credited' {
  const { status, totalMinor, openMinor, paidMinor, hasPayments } = invoice;
  if (isOverdue(invoice, today)) return 'overdue';
  if (openMinor > 0 && paidMinor > 0) return 'partly_paid';
  return status === 'paid' && totalMinor > 0 && !hasPayments ? 'credited' : status;
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
