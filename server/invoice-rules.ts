// Invoices: what the server computes, and the life of one: a draft is edited and deleted freely; sending gives it its
// number and freezes it but for notes and due date; payments close it; voiding ends it and its number stays.
//
// Numbers have no gaps and no repeats because the series counts in the transaction that writes the invoice.

import type { Customer, Invoice, InvoiceStatus } from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import type { Json, JsonObject } from '../shared/fields.ts';
import { computeTotals } from '../shared/invoice.ts';
import { parseInput, paymentFields } from '../shared/protocol.ts';
import type { Rules } from './rules.ts';
import type { StoredRecord, Transaction } from './store.ts';

/** What may still change once an invoice is sent. */
const openFields = ['notes', 'dueDate'] as const;

export const invoiceRules: Rules = {
  async complete(transaction, { input, previous }) {
    const before = previous && parseInvoice(previous);
    if (before && before.status !== 'draft') return changeSent(before, input);
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
    requireStatus(parseInvoice(record), ['draft'], 'deleted');
  },

  actions: {
    send: { parse: parseNothing, run: send },
    payments: { parse: parsePayment, run: pay },
    void: { parse: parseNothing, run: end },
  },
};

async function send(transaction: Transaction, record: StoredRecord): Promise<JsonObject> {
  const invoice = parseInvoice(record);
  requireStatus(invoice, ['draft'], 'sent');
  if (invoice.lines.length === 0) throw new AppError('conflict', 'An invoice without lines cannot be sent. Add a line first.');
  const year = invoice.issueDate.slice(0, 4);
  const number = `INV-${year}-${String(transaction.nextNumber(`INV-${year}`)).padStart(5, '0')}`;
  const name = await customerName(transaction, invoice.customerId);
  return { ...asJson(invoice), number, customerName: name, status: statusFor(invoice.totalMinor, 0) };
}

async function pay(_transaction: Transaction, record: StoredRecord, input: JsonObject): Promise<JsonObject> {
  const invoice = parseInvoice(record);
  requireStatus(invoice, ['sent'], 'paid');
  const payment = input as JsonObject & Invoice['payments'][number];
  const openMinor = invoice.totalMinor - invoice.paidMinor;
  if (payment.amountMinor > openMinor) {
    throw new AppError('conflict', 'The payment is more than what is open on this invoice.', {
      fields: { amountMinor: `must be at most ${openMinor}` },
    });
  }
  const paidMinor = invoice.paidMinor + payment.amountMinor;
  return {
    ...asJson(invoice),
    status: statusFor(invoice.totalMinor, paidMinor),
    paidMinor,
    payments: [...asJson(invoice).payments as readonly Json[], input],
  };
}

async function end(_transaction: Transaction, record: StoredRecord): Promise<JsonObject> {
  const invoice = parseInvoice(record);
  requireStatus(invoice, ['sent', 'paid'], 'voided');
  return { ...asJson(invoice), status: 'void' };
}

function changeSent(before: Invoice, input: JsonObject): JsonObject {
  const allowed: readonly string[] = openFields;
  const held = asJson(before);
  const frozen = Object.keys(input).filter((key) => !allowed.includes(key) && JSON.stringify(input[key]) !== JSON.stringify(held[key]));
  if (frozen.length > 0) {
    throw new AppError('conflict', `This invoice is ${before.status}: only its notes and due date can change.`, {
      fields: Object.fromEntries(frozen.map((key) => [key, 'cannot change any more'])),
    });
  }
  const { notes: _notes, ...rest } = held;
  return { ...rest, ...input };
}

/** Nothing open is paid, so an invoice over nothing is paid when it is sent. */
function statusFor(totalMinor: number, paidMinor: number): InvoiceStatus {
  return paidMinor >= totalMinor ? 'paid' : 'sent';
}

async function customerName(transaction: Transaction, customerId: string): Promise<string> {
  const record = await transaction.get('customers', customerId);
  if (!record) throw new AppError('conflict', 'The customer of this invoice does not exist any more. Choose another.');
  return (JSON.parse(record.payload) as Customer).name;
}

function totalsOf(invoice: Invoice): JsonObject {
  const { subtotalMinor, taxes, totalMinor } = computeTotals(invoice.lines);
  return { subtotalMinor, taxes: taxes.map((tax) => ({ ...tax })), totalMinor };
}

function requireStatus(invoice: Invoice, allowed: readonly InvoiceStatus[], what: string): void {
  if (!allowed.includes(invoice.status)) {
    throw new AppError('conflict', `This invoice is ${invoice.status}, so it cannot be ${what}.`);
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

function asJson(invoice: Invoice): JsonObject {
  return invoice as unknown as JsonObject;
}
