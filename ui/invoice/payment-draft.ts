// The state of the payment form. A payment is at least one minor unit and at most the open amount.

import { isDate } from '../../shared/fields.ts';
import { problem, type Problems } from '../../shared/problems.ts';
import { notAnAmount, type NumberText } from '../record/record-draft.ts';

export interface PaymentDraft {
  readonly amount: string;
  readonly paidOn: string;
}

/** The default payment: the full open amount, today. */
export function newPayment(openMinor: number, currency: string, today: string, numbers: NumberText): PaymentDraft {
  return { amount: numbers.money(openMinor, currency), paidOn: today };
}

/** Parses the form into the payment that the server expects, with a reason per field that is not valid. */
export function fromPaymentDraft(
  draft: PaymentDraft, openMinor: number, currency: string, numbers: NumberText,
): { readonly value: { readonly amountMinor: number; readonly paidOn: string }; readonly problems: Problems } {
  const problems: Problems = {};
  const amountMinor = numbers.parseMoney(draft.amount, currency);
  if (draft.amount.trim() === '') problems['amountMinor'] = problem('required');
  else if (amountMinor === null) problems['amountMinor'] = notAnAmount;
  else if (amountMinor < 1) problems['amountMinor'] = problem('min', { min: 1 });
  else if (amountMinor > openMinor) problems['amountMinor'] = problem('max', { max: openMinor });
  if (!isDate(draft.paidOn)) problems['paidOn'] = problem(draft.paidOn === '' ? 'required' : 'date');
  return { value: { amountMinor: amountMinor ?? 0, paidOn: draft.paidOn }, problems };
}
