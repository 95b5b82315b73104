// An invoice that another program has, in a document or in a row of a file, as one of ours.
//
// Invariant: the same invoice gives the same payload, so taking it over again changes nothing: ids of payments follow from what they
// are part of, and the parties stay as they were when it was first taken over as issued.

import { createHash } from 'node:crypto';

import { buyerFields, publishedFields, type Invoice, type InvoiceStatus } from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/fields.ts';
import { invoiceProblems, issuedStatus } from '../shared/invoice.ts';
import { parseInput, refuseProblems } from '../shared/protocol.ts';
import { numberProblem, pick, requireInvoices, totalsOf } from './invoice-rules.ts';

const publishedInvoice = publishedFields(requireInvoices());

type Payment = Invoice['payments'][number];
export type TakenPayment = Omit<Payment, 'id'> & Partial<Pick<Payment, 'id'>>;

export interface TakenInvoice {
  /** The record's id, or its number, from which payments without an id get theirs. */
  readonly key: string;
  /** The fields that a client may send, which have been checked. */
  readonly input: JsonObject;
  readonly status: InvoiceStatus;
  readonly number: string | null;
  /** The customer's payload. */
  readonly customer: JsonObject;
  readonly payments: readonly TakenPayment[];
  /** The payload as it is here. */
  readonly previous: JsonObject | null;
}

/**
 * The payload, with its totals computed here. `open` and `paid` follow from its payments. Throws `invalid_request` with the field that
 * does not fit.
 */
export function takeInvoice({ key, input, status, number, customer, payments, previous }: TakenInvoice): JsonObject {
  const invoice = input as JsonObject & Invoice;
  const refuse = (field: string, message: string): never => {
    throw new AppError('invalid_request', `${field} ${message}.`, { fields: { [field]: { code: 'invalid', message } } });
  };
  refuseProblems(invoiceProblems(invoice));
  const totals = totalsOf(invoice);
  const totalMinor = Number(totals['totalMinor']);
  const paidMinor = payments.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const creditedMinor = Number(previous?.['creditedMinor'] ?? 0);
  if (status === 'draft') {
    if (number !== null) refuse('number', 'is given to a draft');
    if (payments.length > 0) refuse('payments', 'are recorded for a draft');
  } else {
    const wrong = number === null ? 'number is missing' : numberProblem({ number });
    if (wrong !== null) refuse('number', wrong.slice('number '.length));
    if (invoice.lines.length === 0) refuse('lines', 'are missing');
    if (!Number.isSafeInteger(paidMinor) || paidMinor > totalMinor) refuse('payments', 'exceed the total');
  }
  if (creditedMinor > totalMinor) refuse('lines', 'come to less than what was credited');
  const kind = 'invoice';
  const parties = status === 'draft' ? null : partiesOf(input, customer, previous);
  return parseInput(publishedInvoice, {
    ...input,
    kind,
    number,
    customerName: parties?.buyer['name'] ?? customer['name'],
    status: status === 'draft' || status === 'void' ? status : issuedStatus({ kind, totalMinor, paidMinor, creditedMinor }),
    ...parties,
    ...totals,
    paidMinor,
    creditedMinor,
    payments: withIds(key, payments),
  });
}

/** Once issued they stay, unless the invoice is another customer's now. Who issued it is not known. */
function partiesOf(input: JsonObject, customer: JsonObject, previous: JsonObject | null): { buyer: JsonObject; seller?: JsonObject } {
  const isKept = previous?.['buyer'] !== undefined && previous['customerId'] === input['customerId'];
  return isKept ? pick(previous, ['seller', 'buyer']) as ReturnType<typeof partiesOf> : { buyer: pick(customer, Object.keys(buyerFields)) };
}

function withIds(key: string, payments: readonly TakenPayment[]): readonly Payment[] {
  const given = new Set(payments.map(({ id }) => id));
  let index = 0;
  const next = (): string => {
    const id = createHash('sha256').update(`${key}\n${index}`).digest('hex').slice(0, 24);
    index += 1;
    return given.has(id) ? next() : id;
  };
  return payments.map((payment) => ({ ...payment, id: payment.id ?? next() }));
}
