// Invoices and credit notes: computed fields and the life cycle. A draft can be edited and deleted freely. Issuing assigns the number,
// keeps both parties as they are at that moment, and freezes everything but the internal note and the due date. Payments and credit
// notes close an invoice. A void invoice keeps its number.
//
// Invariants: numbers have no gaps or duplicates, because the series is incremented in the transaction that writes the invoice. What an
// invoice was credited is the sum of its issued credit notes, and never more than its total, because both are written together.

import {
  buyerFields, findCollection, maxCreditNotes, maxPayments, sellerFields, writableFields, type Collection, type Customer, type Invoice,
} from '../shared/collections.ts';
import { earliestDay } from '../shared/days.ts';
import { AppError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/fields.ts';
import {
  computeTotals, creditableOf, creditProblem, editableInvoiceFields, invoiceProblems, isActionAllowed, issuedStatus, openMinorOf,
  type Creditable, type InvoiceAction,
} from '../shared/invoice.ts';
import { problem } from '../shared/problems.ts';
import { creditFields, parseInput, paymentFields, refuseProblems } from '../shared/protocol.ts';
import { companyOf } from './company.ts';
import type { ActionContext, ActionResult, Rules } from './rules.ts';
import type { StoredRecord, Transaction } from './store.ts';

const writableNames = Object.keys(writableFields(requireInvoices()));
/** What a credit note takes over from its invoice. */
const creditedFields = [
  'customerId', 'servicePeriod', 'buyerReference', 'orderNumber', 'currency', 'lines', 'taxExemptionReason',
] as const;
/** The highest number of a series has 15 digits. */
const MAX_COUNT = 10 ** 15 - 1;
/** The days whose years make series. */
const [FIRST_DAY, LAST_DAY] = [earliestDay, '2199-12-31'];
const defaultPrefixes = { invoice: 'INV-', credit_note: 'CN-' } as const;

export const invoiceRules: Rules = {
  async complete(transaction, { input, previous }) {
    const before = previous && parseInvoice(previous);
    const editable = before && editableInvoiceFields(before.status);
    if (before && editable) return changeIssued(before, input, editable);
    const invoice = input as JsonObject & Invoice;
    refuseProblems(invoiceProblems(invoice));
    if (before?.kind === 'credit_note') {
      refuseChanges(before, input, ['customerId', 'currency'], 'A credit note has the customer and the currency of its invoice.');
    }
    const { kind = 'invoice', creditedId } = before ?? {};
    const credited = creditedId === undefined ? null : await creditedBy(transaction, creditedId);
    return {
      ...input,
      kind,
      ...(creditedId !== undefined && { creditedId }),
      customerName: (await customerOf(transaction, invoice)).name,
      status: 'draft',
      ...totalsOf(invoice, credited?.left),
      paidMinor: 0,
      creditedMinor: 0,
      payments: [],
    };
  },

  async remove(_transaction, record) {
    requireAllowed(parseInvoice(record), 'delete', 'it cannot be deleted');
  },

  actions: {
    issue: { parse: parseNothing, run: issue },
    payments: { parse: (body) => parseInput(paymentFields, body), run: pay },
    'payments/:entry': { parse: (body) => body as JsonObject, run: unpay, auditedAs: 'payment-removed' },
    credit: { parse: (body) => parseInput(creditFields, body ?? {}), run: credit, creates: true },
    void: { parse: parseNothing, run: voidInvoice },
  },
};

/** Whether `count` can be the highest number, or 0, in what is kept as a series: `<prefix><year>`, as in `INV-2026`. */
export function isSeries(name: string, count: unknown): boolean {
  return /^[^]{0,20}\d{4}$/.test(name) && Number.isSafeInteger(count) && Number(count) >= 0 && Number(count) <= MAX_COUNT;
}

/**
 * The series and the count of an invoice's number, whatever its prefix; null for a payload without one. Only years from 1900 to 2199
 * count, so that what another program has before its numbers, such as a customer's number, seldom makes a series of its own.
 */
export function issuedNumber({ number }: JsonObject): { readonly series: string; readonly count: number } | null {
  const [, series, count] = typeof number === 'string' ? /^([^]{0,20}(?:19|20|21)\d\d)-(\d{5,15})$/.exec(number) ?? [] : [];
  return series === undefined ? null : { series, count: Number(count) };
}

/**
 * Why a payload's number cannot be kept, or null. Numbers that another program gave are kept as they are, unless they begin like a
 * number of a default series but are not one, and would be mistaken for it.
 */
export function numberProblem(payload: JsonObject): string | null {
  const { number } = payload;
  const isMistakable = typeof number === 'string' && /^(?:INV|CN)-(?:19|20|21)\d\d-/.test(number) && takenNumber(payload) === null;
  return isMistakable ? 'number is not one like INV-2026-00001' : null;
}

/**
 * As `issuedNumber`, but for a number that another program may have given: RE-2026-0123 belongs to RE-2026, too. Not where its
 * prefix has digits, since numbers that begin with the customer's, such as 1234-2026-1, would fill the account with series. An
 * imported account is checked by `issuedNumber`, since servers of earlier versions counted such numbers in no series.
 */
export function takenNumber(payload: JsonObject): ReturnType<typeof issuedNumber> {
  const { number } = payload;
  const [, series, count] = typeof number === 'string' ? /^(\D{0,20}(?:19|20|21)\d\d)-(\d{1,4})$/.exec(number) ?? [] : [];
  return series === undefined ? issuedNumber(payload) : { series, count: Number(count) };
}

/** The series after these numbers were taken over: each goes on after its largest. */
export function raiseSeries(numbers: Readonly<Record<string, number>>, payloads: Iterable<JsonObject>): Record<string, number> {
  const raised: Record<string, number> = { ...numbers };
  for (const payload of payloads) {
    const number = takenNumber(payload);
    if (number) raised[number.series] = Math.max(raised[number.series] ?? 0, number.count);
  }
  return raised;
}

async function issue(transaction: Transaction, record: StoredRecord): Promise<ActionResult> {
  const draft = parseInvoice(record);
  const { kind, creditedId, issueDate, lines } = draft;
  requireAllowed(draft, 'issue', 'it cannot be issued');
  if (lines.length === 0) throw new AppError('conflict', `Without lines this ${nounOf(draft)} cannot be issued. Add a line first.`);
  const [company, customer] = await Promise.all([companyOf(transaction), customerOf(transaction, draft)]);
  const credited = creditedId === undefined ? null : await creditedBy(transaction, creditedId);
  // Another credit note may have been issued since the draft was saved.
  const invoice = credited ? { ...draft, ...totalsOf(draft, credited.left) } as Invoice : draft;
  const other = creditedId === undefined ? undefined : addCredit(credited, invoice);
  const prefix = (kind === 'invoice' ? company.invoicePrefix : company.creditNotePrefix) ?? defaultPrefixes[kind];
  const payload: JsonObject = {
    ...asJson(invoice),
    number: nextNumber(transaction, prefix, issueDate),
    customerName: customer.name,
    seller: pick(company, Object.keys(sellerFields)),
    buyer: pick(customer, Object.keys(buyerFields)),
    status: issuedStatus(invoice),
  };
  return { payload, ...(other && { other }) };
}

/** The next number of a series; throws `conflict` if `issuedNumber` could not read it: it might be given again. */
function nextNumber(transaction: Transaction, prefix: string, issueDate: string): string {
  if (issueDate < FIRST_DAY || issueDate > LAST_DAY) {
    throw new AppError('conflict', 'Only dates from 1900 to 2199 have numbers. Change the date first.', {
      fields: { issueDate: issueDate < FIRST_DAY ? problem('min', { min: FIRST_DAY }) : problem('max', { max: LAST_DAY }) },
    });
  }
  const series = prefix + issueDate.slice(0, 4);
  const number = `${series}-${String(transaction.nextNumber(series)).padStart(5, '0')}`;
  if (issuedNumber({ number })?.series === series) return number;
  throw new AppError('conflict', `No number can follow in the series ${series}. Ask an owner for another prefix of the company.`);
}

/** The invoice that a credit note corrects. */
interface Credited {
  readonly previous: StoredRecord;
  readonly invoice: Invoice;
  readonly left: Creditable;
  /** How many credit notes it has, drafts included. */
  readonly count: number;
  /** Whether some of them are issued. */
  readonly isCredited: boolean;
}

/** Null if there is none. */
async function creditedBy(transaction: Transaction, creditedId: string): Promise<Credited | null> {
  const previous = await transaction.get('invoices', creditedId);
  if (!previous) return null;
  const invoice = parseInvoice(previous);
  const notes = (await transaction.referrers('invoices', creditedId, maxCreditNotes)).map(parseInvoice);
  const issued = notes.filter(({ kind, status }) => kind === 'credit_note' && status !== 'draft');
  return { previous, invoice, left: creditableOf(invoice, issued), count: notes.length, isCredited: issued.length > 0 };
}

/** The credited invoice once the credit note is issued; throws `conflict` if that cannot be a part of what is left to be credited. */
function addCredit(credited: Credited | null, note: Invoice): ActionResult['other'] {
  if (!credited) throw new AppError('conflict', 'The invoice of this credit note no longer exists. Delete the credit note.');
  const { previous, invoice, left } = credited;
  if (!isActionAllowed(invoice, 'credit')) {
    throw new AppError('conflict', `The invoice of this credit note is ${stateOf(invoice)}, so no more of it can be credited.`);
  }
  const refusal = creditProblem(note, left);
  if (refusal) {
    const { rateBp } = refusal.params ?? {};
    const message = rateBp === undefined
      ? 'The credit note exceeds what is left to be credited. Remove lines from it, or lower its amounts.'
      : `The credit note has more at ${Number(rateBp) / 100} % tax than is left of its invoice. Give its lines the invoice's tax rates and `
        + 'amounts.';
    throw new AppError('conflict', message, { fields: { lines: refusal } });
  }
  const creditedMinor = invoice.creditedMinor + note.totalMinor;
  return { previous, payload: { ...asJson(invoice), creditedMinor, status: issuedStatus({ ...invoice, creditedMinor }) } };
}

async function pay(_transaction: Transaction, record: StoredRecord, input: JsonObject, { newId }: ActionContext): Promise<ActionResult> {
  const invoice = parseInvoice(record);
  requireAllowed(invoice, 'pay', 'it cannot be paid');
  if (invoice.payments.length >= maxPayments) throw new AppError('conflict', 'This invoice has as many payments as it can have.');
  const amountMinor = Number(input['amountMinor']);
  const openMinor = openMinorOf(invoice);
  const [min, max] = openMinor > 0 ? [1, openMinor] : [openMinor, -1];
  if (amountMinor < min || amountMinor > max) {
    const message = openMinor > 0 ? 'A payment of this invoice can be at most what is open.'
      : 'More was paid than is left of this invoice, so it takes a refund (a negative payment) of at most the difference.';
    throw new AppError('conflict', message, {
      fields: { amountMinor: amountMinor < min ? problem('min', { min }) : problem('max', { max }) },
    });
  }
  return { payload: withPayments(invoice, [...invoice.payments, { id: newId(), ...input as JsonObject & Omit<Payment, 'id'> }]) };
}

async function unpay(_transaction: Transaction, record: StoredRecord, { entry }: JsonObject): Promise<ActionResult> {
  const invoice = parseInvoice(record);
  const payments = invoice.payments.filter(({ id }) => id !== entry);
  if (payments.length === invoice.payments.length) {
    throw new AppError('not_found', `This invoice has no payment ${String(entry).slice(0, 40)}.`);
  }
  requireAllowed(invoice, 'unpay', 'its payments cannot be removed');
  if (sumOf(payments) < 0) throw new AppError('conflict', 'More was refunded than would be left of the payments. Remove a refund first.');
  return { payload: withPayments(invoice, payments) };
}

async function credit(transaction: Transaction, record: StoredRecord, input: JsonObject, { nowMs }: ActionContext): Promise<ActionResult> {
  const invoice = parseInvoice(record);
  requireAllowed(invoice, 'credit', 'it cannot be credited');
  const { left = null, count = 0 } = await creditedBy(transaction, record.id) ?? {};
  if (count >= maxCreditNotes) throw new AppError('conflict', 'This invoice has as many credit notes as it can have.');
  if (left?.taxes.every(({ netMinor }) => netMinor === 0)) {
    throw new AppError('conflict', 'Nothing is left of this invoice to be credited.');
  }
  return {
    payload: {
      ...pick(invoice, creditedFields),
      ...totalsOf(invoice),
      kind: 'credit_note',
      creditedId: record.id,
      customerName: (await customerOf(transaction, invoice)).name,
      status: 'draft',
      issueDate: input['issueDate'] ?? new Date(nowMs).toISOString().slice(0, 10),
      paidMinor: 0,
      creditedMinor: 0,
      payments: [],
    },
  };
}

async function voidInvoice(transaction: Transaction, record: StoredRecord): Promise<ActionResult> {
  const invoice = parseInvoice(record);
  requireAllowed(invoice, 'void', 'it cannot be voided');
  // If the invoice comes to 0, so do its credit notes, and `creditedMinor` does not show them.
  if (invoice.totalMinor === 0 && (await creditedBy(transaction, record.id))?.isCredited) {
    throw new AppError('conflict', 'This invoice is credited, so it cannot be voided.');
  }
  return { payload: { ...asJson(invoice), status: 'void' } };
}

type Payment = Invoice['payments'][number];

function withPayments(invoice: Invoice, payments: readonly Payment[]): JsonObject {
  const paidMinor = sumOf(payments);
  return { ...asJson({ ...invoice, paidMinor, payments }), status: issuedStatus({ ...invoice, paidMinor }) };
}

function sumOf(payments: readonly Payment[]): number {
  return payments.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

function changeIssued(before: Invoice, input: JsonObject, editable: readonly string[]): JsonObject {
  const frozen = writableNames.filter((key) => !editable.includes(key));
  refuseChanges(before, input, frozen, `This ${nounOf(before)} is ${before.status}: only its due date and its internal note can change.`);
  const kept = Object.entries(asJson(before)).filter(([key]) => !editable.includes(key));
  return { ...Object.fromEntries(kept), ...input };
}

/** Throws `conflict` if the input changes, adds or removes one of these fields. */
function refuseChanges(before: Invoice, input: JsonObject, frozen: readonly string[], message: string): void {
  const changed = frozen.filter((key) => JSON.stringify(input[key]) !== JSON.stringify(asJson(before)[key]));
  if (changed.length === 0) return;
  throw new AppError('conflict', message, { fields: Object.fromEntries(changed.map((key) => [key, problem('frozen')])) });
}

async function customerOf(transaction: Transaction, { customerId }: Invoice): Promise<Customer> {
  const record = await transaction.get('customers', customerId);
  if (!record) throw new AppError('conflict', 'The customer of this invoice no longer exists. Choose another.');
  return JSON.parse(record.payload) as Customer;
}

/** An invoice's computed amounts, or those of a credit note over what is left of one. */
export function totalsOf(invoice: Pick<Invoice, 'lines'>, left: Creditable | null = null): JsonObject {
  const { subtotalMinor, taxes, totalMinor } = computeTotals(invoice.lines, left);
  return { subtotalMinor, taxes: taxes.map((tax) => ({ ...tax })), totalMinor };
}

function requireAllowed(invoice: Invoice, action: InvoiceAction, consequence: string): void {
  if (isActionAllowed(invoice, action)) return;
  throw new AppError('conflict', `This ${nounOf(invoice)} is ${stateOf(invoice)}, so ${consequence}.`);
}

function stateOf({ status, paidMinor, creditedMinor, totalMinor }: Invoice): string {
  if (creditedMinor > 0 && creditedMinor === totalMinor) return 'credited in full';
  if (status !== 'open') return status;
  return creditedMinor > 0 ? 'partly credited' : paidMinor > 0 ? 'partly paid' : status;
}

function nounOf({ kind }: Invoice): string {
  return kind === 'credit_note' ? 'credit note' : 'invoice';
}

function parseNothing(body: unknown): JsonObject {
  return parseInput({}, body ?? {});
}

function parseInvoice(record: StoredRecord): Invoice {
  return JSON.parse(record.payload) as Invoice;
}

export function requireInvoices(): Collection {
  const invoices = findCollection('invoices');
  if (!invoices) throw new Error('the invoices are not declared');
  return invoices;
}

/** The fields of a record that have these names. */
export function pick(record: object, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(record).filter(([key]) => names.includes(key))) as JsonObject;
}

function asJson(invoice: Invoice): JsonObject {
  return invoice as unknown as JsonObject;
}
