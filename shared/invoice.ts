// Invoices: totals from lines, what each status allows, and how long an amount has been overdue. Server, cache and
// window all take these rules from here.
//
// Amounts are integers in the currency's minor unit, quantities are thousandths, rates are basis points; intermediate
// results are exact. A line's net is rounded half away from zero; tax is computed once per rate on the sum of its
// lines' nets and rounded the same way, as in EN 16931 (BR-CO-17, BT-117).

import type { Invoice, InvoiceStatus } from './collections.ts';
import { AppError } from './errors.ts';
import { problem, type Problem } from './problems.ts';
import { MAX_INTEGER } from './fields.ts';

export interface PricedLine {
  readonly quantityMilli: number;
  readonly unitPriceMinor: number;
  readonly taxRateBp: number;
}

export interface Tax {
  readonly rateBp: number;
  readonly netMinor: number;
  readonly taxMinor: number;
}

export interface Totals {
  readonly subtotalMinor: number;
  /** One entry per rate, lowest rate first. */
  readonly taxes: readonly Tax[];
  readonly totalMinor: number;
}

/** The totals of an invoice. Throws `invalid_request` if the total is negative or an amount is not a safe integer. */
export function computeTotals(lines: readonly PricedLine[]): Totals {
  const netByRate = new Map<number, bigint>();
  for (const line of lines) {
    netByRate.set(line.taxRateBp, (netByRate.get(line.taxRateBp) ?? 0n) + lineNet(line));
  }
  const taxes = [...netByRate].sort(([a], [b]) => a - b).map(([rateBp, net]) => ({
    rateBp,
    netMinor: exact(net),
    taxMinor: exact(divideRounded(net * BigInt(rateBp), 10_000n)),
  }));
  const subtotalMinor = exact(taxes.reduce((sum, tax) => sum + BigInt(tax.netMinor), 0n));
  const totalMinor = exact(taxes.reduce((sum, tax) => sum + BigInt(tax.taxMinor), BigInt(subtotalMinor)));
  if (totalMinor < 0) throw invalidLines(problem('negative_total'));
  return { subtotalMinor, taxes, totalMinor };
}

/** A line's net amount in minor units, rounded half away from zero. Throws `invalid_request` if it is not a safe integer. */
export function lineNetMinor(line: PricedLine): number {
  return exact(lineNet(line));
}

function lineNet(line: PricedLine): bigint {
  return divideRounded(BigInt(line.quantityMilli) * BigInt(line.unitPriceMinor), 1000n);
}

/** numerator / denominator rounded half away from zero; the denominator is positive. */
function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const rounded = (2n * magnitude + denominator) / (2n * denominator);
  return numerator < 0n ? -rounded : rounded;
}

function exact(amount: bigint): number {
  if (amount > BigInt(MAX_INTEGER) || amount < -BigInt(MAX_INTEGER)) throw invalidLines(problem('too_large'));
  return Number(amount);
}

function invalidLines(refusal: Problem): AppError {
  return new AppError('invalid_request', `The lines ${refusal.message}.`, { fields: { lines: refusal } });
}

/** What can be done with an invoice, besides reading and copying it. */
export type InvoiceAction = 'edit' | 'delete' | 'send' | 'pay' | 'void';

const allowedActions: Readonly<Record<string, readonly InvoiceAction[]>> = {
  draft: ['edit', 'delete', 'send'],
  sent: ['edit', 'pay', 'void'],
  paid: ['edit', 'void'],
  void: ['edit'],
} satisfies Record<InvoiceStatus, readonly InvoiceAction[]>;

/** Whether an invoice in this status allows an action; sending also needs a line. An unknown status allows nothing. */
export function isActionAllowed(status: string, action: InvoiceAction): boolean {
  return Object.hasOwn(allowedActions, status) && (allowedActions[status]?.includes(action) ?? false);
}

/** The fields that can still be edited; null means all of them. Sending freezes everything but due date and notes. */
export function editableInvoiceFields(status: string): readonly string[] | null {
  return status === 'draft' ? null : ['dueDate', 'notes'];
}

/** The status of an invoice that was sent. One with a total of 0 is paid as soon as it is sent. */
export function sentStatus({ totalMinor, paidMinor }: Pick<Invoice, 'totalMinor' | 'paidMinor'>): 'sent' | 'paid' {
  return paidMinor >= totalMinor ? 'paid' : 'sent';
}

/** What is still to be paid: 0 for a draft, a paid or a void invoice. The cache's `openMinor` column holds the same. */
export function openMinorOf({ status, totalMinor, paidMinor }: Pick<Invoice, 'status' | 'totalMinor' | 'paidMinor'>): number {
  return status === 'sent' ? totalMinor - paidMinor : 0;
}

/** Overdue from the day after the due date, while anything is open. Days are YYYY-MM-DD. */
export function isOverdue({ dueDate, openMinor }: { readonly dueDate: string; readonly openMinor: number }, today: string): boolean {
  return openMinor > 0 && dueDate < today;
}

/** The status to display: the stored one, or `overdue`, which is never stored because it depends on the day. */
export function displayStatus<S extends string>(
  invoice: { readonly status: S; readonly dueDate: string; readonly openMinor: number }, today: string,
): S | 'overdue' {
  return isOverdue(invoice, today) ? 'overdue' : invoice.status;
}

/** How long an open amount has been overdue. */
export const ageBuckets = ['notDue', 'days1to30', 'days31to60', 'days61to90', 'over90'] as const;
export type AgeBucket = (typeof ageBuckets)[number];

/** The first and last due date in a bucket as of `today`: YYYY-MM-DD, inclusive, null for unbounded. */
export function ageBucketRange(bucket: AgeBucket, today: string): { from: string | null; to: string | null } {
  switch (bucket) {
    case 'notDue': return { from: today, to: null };
    case 'days1to30': return { from: addDays(today, -30), to: addDays(today, -1) };
    case 'days31to60': return { from: addDays(today, -60), to: addDays(today, -31) };
    case 'days61to90': return { from: addDays(today, -90), to: addDays(today, -61) };
    case 'over90': return { from: null, to: addDays(today, -91) };
  }
}

/** The date `days` after `date`, or before it if negative; both YYYY-MM-DD. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
