// Invoices: computed fields and the life cycle. A draft can be edited and deleted freely. Sending assigns the number and
// freezes everything except notes and due date. Payments close the invoice. A void invoice keeps its number.
//
// Numbers have no gaps or duplicates, because the series is incremented in the transaction that writes the invoice.

import {
  findCollection, publishedFields, type Collection, type Customer, type Invoice, type InvoiceStatus,
} from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import type { Json, JsonObject } from '../shared/fields.ts';
import {
  computeTotals, editableInvoiceFields, isActionAllowed, openMinorOf, sentStatus, type InvoiceAction,
} from '../shared/invoice.ts';
import { problem } from '../shared/problems.ts';
import { parseInput, paymentFields } from '../shared/protocol.ts';
import type { Rules } from './rules.ts';
import type { StoredRecord, Transaction } from './store.ts';

const publishedInvoice = publishedFields(requireInvoices());
/** The highest number of a series has 15 digits. */
const MAX_COUNT = 10 ** 15 - 1;

export const invoiceRules: Rules = {
  async complete(transaction, { input, previous }) {
    const before = previous && parseInvoice(previous);
    const editable = before && editableInvoiceFields(before.status);
    if (before && editable) return changeSent(before, input, editable);
    const invoice = input as JsonObject & Invoice;
    return {
      ...input,
      customerName: await customerName(transaction, invoice.customerId),
      status: 'draft',
      ...totalsOf(invoice),
      paidMinor: 0,
      payments: [],
    };
  },

  async remove(_transaction, record) {
    requireAllowed(parseInvoice(record), 'delete', 'deleted');
  },

  actions: {
    send: { parse: parseNothing, run: send },
    payments: { parse: parsePayment, run: pay },
    void: { parse: parseNothing, run: voidInvoice },
  },
};

/** Whether numbers can be issued after `count` in what is kept as a series. */
export function isSeries(name: string, count: unknown): boolean {
  return /^INV-\d{4}$/.test(name) && Number.isSafeInteger(count) && Number(count) >= 0 && Number(count) < MAX_COUNT;
}

/** The series and the count of an invoice's number; null for a payload without one. */
export function issuedNumber({ number }: JsonObject): { readonly series: string; readonly count: number } | null {
  const [, series, count] = typeof number === 'string' ? /^(INV-\d{4})-(\d{5,15})$/.exec(number) ?? [] : [];
  return series === undefined ? null : { series, count: Number(count) };
}

/**
 * Why a payload's number cannot be kept, or null. Numbers that another program gave are kept as they are, unless they read like one of a
 * series and are none: the next numbers of that series must not meet them.
 */
export function numberProblem(payload: JsonObject): string | null {
  const { number } = payload;
  const isMistakable = typeof number === 'string' && /^INV-\d{4}-/.test(number) && issuedNumber(payload) === null;
  return isMistakable ? 'number is not one like INV-2026-00001' : null;
}

/** An invoice as another program has it. */
export interface TakenInvoice {
  /** The fields that a client may send, which have been checked. */
  readonly input: JsonObject;
  readonly status: InvoiceStatus;
  readonly number: string | null;
  readonly customerName: string;
  readonly payments: Invoice['payments'];
}

/**
 * The payload of such an invoice, with its totals computed here. `sent` and `paid` follow from its payments. Throws `invalid_request`
 * with the field that does not fit.
 */
export function takeInvoice({ input, status, number, customerName: name, payments }: TakenInvoice): JsonObject {
  const invoice = input as JsonObject & Invoice;
  const refuse = (field: string, message: string): never => {
    throw new AppError('invalid_request', `${field} ${message}.`, { fields: { [field]: { code: 'invalid', message } } });
  };
  const totals = totalsOf(invoice);
  const totalMinor = Number(totals['totalMinor']);
  const paidMinor = payments.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  if (status === 'draft') {
    if (number !== null) refuse('number', 'is given to a draft');
    if (payments.length > 0) refuse('payments', 'are recorded for a draft');
  } else {
    const wrong = number === null ? 'number is missing' : numberProblem({ number });
    if (wrong !== null) refuse('number', wrong.slice('number '.length));
    if (invoice.lines.length === 0) refuse('lines', 'are missing');
    if (!Number.isSafeInteger(paidMinor) || paidMinor > totalMinor) refuse('payments', 'exceed the total');
  }
  return parseInput(publishedInvoice, {
    ...input,
    number,
    customerName: name,
    status: status === 'draft' || status === 'void' ? status : sentStatus({ totalMinor, paidMinor }),
    ...totals,
    paidMinor,
    payments,
  });
}

/** The series after these numbers were taken over: each goes on after its largest. */
export function raiseSeries(numbers: Readonly<Record<string, number>>, payloads: Iterable<JsonObject>): Record<string, number> {
  const raised: Record<string, number> = { ...numbers };
  for (const payload of payloads) {
    const number = issuedNumber(payload);
    if (number) raised[number.series] = Math.max(raised[number.series] ?? 0, number.count);
  }
  return raised;
}

async function send(transaction: Transaction, record: StoredRecord): Promise<JsonObject> {
  const invoice = parseInvoice(record);
  requireAllowed(invoice, 'send', 'issued');
  if (invoice.lines.length === 0) throw new AppError('conflict', 'An invoice without lines cannot be issued. Add a line first.');
  const year = invoice.issueDate.slice(0, 4);
  const number = `INV-${year}-${String(transaction.nextNumber(`INV-${year}`)).padStart(5, '0')}`;
  const name = await customerName(transaction, invoice.customerId);
  return { ...asJson(invoice), number, customerName: name, status: sentStatus({ ...invoice, paidMinor: 0 }) };
}

async function pay(_transaction: Transaction, record: StoredRecord, input: JsonObject): Promise<JsonObject> {
  const invoice = parseInvoice(record);
  requireAllowed(invoice, 'pay', 'paid');
  const payment = input as JsonObject & Invoice['payments'][number];
  const openMinor = openMinorOf(invoice);
  if (payment.amountMinor > openMinor) {
    throw new AppError('conflict', 'The payment exceeds the open amount of this invoice.', {
      fields: { amountMinor: problem('max', { max: openMinor }) },
    });
  }
  const paidMinor = invoice.paidMinor + payment.amountMinor;
  return {
    ...asJson(invoice),
    status: sentStatus({ ...invoice, paidMinor }),
    paidMinor,
    payments: [...asJson(invoice).payments as readonly Json[], input],
  };
}

async function voidInvoice(_transaction: Transaction, record: StoredRecord): Promise<JsonObject> {
  const invoice = parseInvoice(record);
  requireAllowed(invoice, 'void', 'voided');
  return { ...asJson(invoice), status: 'void' };
}

function changeSent(before: Invoice, input: JsonObject, editable: readonly string[]): JsonObject {
  const current = asJson(before);
  const frozen = Object.keys(input).filter((key) => !editable.includes(key) && JSON.stringify(input[key]) !== JSON.stringify(current[key]));
  if (frozen.length > 0) {
    throw new AppError('conflict', `This invoice is ${before.status}: only its notes and due date can change.`, {
      fields: Object.fromEntries(frozen.map((key) => [key, problem('frozen')])),
    });
  }
  const { notes: _notes, ...rest } = current;
  return { ...rest, ...input };
}

async function customerName(transaction: Transaction, customerId: string): Promise<string> {
  const record = await transaction.get('customers', customerId);
  if (!record) throw new AppError('conflict', 'The customer of this invoice no longer exists. Choose another.');
  return (JSON.parse(record.payload) as Customer).name;
}

function totalsOf(invoice: Invoice): JsonObject {
  const { subtotalMinor, taxes, totalMinor } = computeTotals(invoice.lines);
  return { subtotalMinor, taxes: taxes.map((tax) => ({ ...tax })), totalMinor };
}

function requireAllowed(invoice: Invoice, action: InvoiceAction, participle: string): void {
  if (!isActionAllowed(invoice.status, action)) {
    throw new AppError('conflict', `This invoice is ${invoice.status}, so it cannot be ${participle}.`);
  }
}

function parseNothing(body: unknown): JsonObject {
  return parseInput({}, body ?? {});
}

function parsePayment(body: unknown): JsonObject {
  return parseInput(paymentFields, body);
}

function parseInvoice(record: StoredRecord): Invoice {
  return JSON.parse(record.payload) as Invoice;
}

function requireInvoices(): Collection {
  const invoices = findCollection('invoices');
  if (!invoices) throw new Error('the invoices are not declared');
  return invoices;
}

function asJson(invoice: Invoice): JsonObject {
  return invoice as unknown as JsonObject;
}
