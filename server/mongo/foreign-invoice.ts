// An invoice of another program as one of ours: its totals are computed from its lines, and what it says otherwise is reported.

import type { InvoiceStatus } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { takeInvoice, type TakenPayment } from '../taken-invoice.ts';

export interface ForeignInvoice {
  /** The record's id. */
  readonly id: string;
  /** The checked fields that clients may send. */
  readonly input: JsonObject;
  /** All fields that the mapping gives. */
  readonly fields: JsonObject;
  /** The customer's payload. */
  readonly customer: JsonObject;
  /** The payload as it is here. */
  readonly previous: JsonObject | null;
}

/**
 * The payload, and in which amounts or in what state it differs from what the other program says. Payments are those of the mapping:
 * a list, or an amount paid; without either those that were recorded here, and, of an invoice that is paid, the rest as one payment on
 * its date. Throws `invalid_request` if it does not fit.
 */
export function takeForeignInvoice(
  { id, input, fields, customer, previous }: ForeignInvoice,
): { readonly payload: JsonObject; readonly differences: readonly string[] } {
  const status = fields['status'] as InvoiceStatus;
  const number = typeof fields['number'] === 'string' ? fields['number'] : null;
  const paidOn = String(input['issueDate']);
  const pay = (amountMinor: number): readonly TakenPayment[] => (amountMinor > 0 ? [{ amountMinor, paidOn }] : []);
  const take = (payments: readonly TakenPayment[]): JsonObject =>
    takeInvoice({ key: id, input, status, number, customer, payments, previous });
  const given = fields['payments'] ?? null;
  const paidMinor = fields['paidMinor'] ?? null;
  const known = given !== null ? given as unknown as readonly TakenPayment[] : paidMinor !== null ? pay(Number(paidMinor)) : null;
  const recorded = status === 'draft' ? [] : (previous?.['payments'] ?? []) as unknown as readonly TakenPayment[];
  const first = take(known ?? recorded);
  const openMinor = Number(first['totalMinor']) - Number(first['creditedMinor']) - Number(first['paidMinor']);
  const payload = known === null && status === 'paid' && openMinor > 0 ? take([...recorded, ...pay(openMinor)]) : first;
  const amounts = ['subtotalMinor', 'totalMinor', 'paidMinor'].flatMap((name) => {
    const theirs = fields[name] ?? null;
    return theirs === null || theirs === payload[name] ? [] : [`${name} is ${String(theirs)} there, and ${String(payload[name])} here`];
  });
  const isOtherwise = status !== payload['status'];
  return { payload, differences: isOtherwise ? [...amounts, `is ${status} there, and ${String(payload['status'])} here`] : amounts };
}
