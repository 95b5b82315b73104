// A payment being recorded: by default all that is open, today; never more than is open.

import type { Invoice } from '../../shared/collections.ts';
import { isDate, type Problems } from '../../shared/fields.ts';
import { notAnAmount, type NumberText } from '../record/record-draft.ts';

export interface PaymentDraft {
  readonly amount: string;
  readonly paidOn: string;
}

/** A payment of all that is open, today. */
export function newPayment(openMinor: number, currency: string, today: string, numbers: NumberText): PaymentDraft {
  return { amount: numbers.money(openMinor, currency), paidOn: today };
}

/** The payment as the server takes it, or a reason per field. */
export function fromPayment(
  draft: PaymentDraft, openMinor: number, currency: string, numbers: NumberText,
): { readonly value: { readonly amountMinor: number; readonly paidOn: string }; readonly problems: Problems } {
  const problems: Problems = {};
  const amountMinor = numbers.parseMoney(draft.amount, currency);
  if (draft.amount.trim() === '') problems['amountMinor'] = 'is required';
  else if (amountMinor === null) problems['amountMinor'] = notAnAmount;
  else if (amountMinor < 1) problems['amountMinor'] = 'must be at least 1';
  else if (amountMinor > openMinor) problems['amountMinor'] = `must be at most ${openMinor}`;
  if (!isDate(draft.paidOn)) problems['paidOn'] = draft.paidOn === '' ? 'is required' : 'must be a date as YYYY-MM-DD';
  return { value: { amountMinor: amountMinor ?? 0, paidOn: draft.paidOn }, problems };
}

/** What is still to be paid: nothing of a draft, a paid or a void invoice. */
export function openMinorOf(invoice: Pick<Invoice, 'status' | 'totalMinor' | 'paidMinor'>): number {
  return invoice.status === 'sent' ? invoice.totalMinor - invoice.paidMinor : 0;
}
