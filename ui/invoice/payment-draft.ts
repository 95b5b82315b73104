// The state of the payment form. A payment is at least one minor unit and at most the open amount; where more was paid than is
// owed, a refund, which is entered as a positive amount and recorded as a negative one.

import { earliestDay, inFullYear } from '../../shared/days.ts';
import { isDate } from '../../shared/fields.ts';
import { problem, type Problems } from '../../shared/problems.ts';
import { notAnAmount, tooEarly, type NumberText } from '../record/record-draft.ts';

export interface PaymentDraft {
  readonly amountMinor: string;
  readonly paidOn: string;
  readonly method: string;
  readonly reference: string;
}

export interface Payment {
  readonly amountMinor: number;
  readonly paidOn: string;
  readonly method?: string;
  readonly reference?: string;
}

/** The default payment: the full open amount, or all that was paid too much, today. */
export function newPayment(openMinor: number, currency: string, today: string, numbers: NumberText): PaymentDraft {
  return { amountMinor: numbers.money(Math.abs(openMinor), currency), paidOn: today, method: '', reference: '' };
}

/** Parses the form into the payment that the server expects, with a reason per field that is not valid. */
export function fromPaymentDraft(
  draft: PaymentDraft, openMinor: number, currency: string, numbers: NumberText,
): { readonly value: Payment; readonly problems: Problems } {
  const problems: Problems = {};
  const amountMinor = numbers.parseMoney(draft.amountMinor, currency);
  const maxMinor = Math.abs(openMinor);
  if (draft.amountMinor.trim() === '') problems['amountMinor'] = problem('required');
  else if (amountMinor === null) problems['amountMinor'] = notAnAmount;
  else if (amountMinor < 1) problems['amountMinor'] = problem('min', { min: 1 });
  else if (amountMinor > maxMinor) problems['amountMinor'] = problem('max', { max: maxMinor });
  const paidOn = inFullYear(draft.paidOn);
  if (!isDate(paidOn)) problems['paidOn'] = problem(paidOn === '' ? 'required' : 'date');
  else if (paidOn < earliestDay) problems['paidOn'] = tooEarly;
  const [method, reference] = [draft.method.trim(), draft.reference.trim()];
  return {
    value: {
      amountMinor: (amountMinor ?? 0) * Math.sign(openMinor),
      paidOn,
      ...(method !== '' && { method }),
      ...(reference !== '' && { reference }),
    },
    problems,
  };
}
