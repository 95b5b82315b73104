// What a CSV file's rows mean for an account: which become new records, which are there already, and which do not fit.
//
// Invariants: a customer is known by name and e-mail address, an invoice by its number, so importing a file again adds nothing twice. An
// import changes no record that exists.

import { findCollection, writableFields, type Collection } from '../shared/collections.ts';
import { earliestDay } from '../shared/days.ts';
import { AppError } from '../shared/errors.ts';
import { checkFields, type Json, type JsonObject } from '../shared/fields.ts';
import { noProblems, type Problems } from '../shared/problems.ts';
import { parseAmount, parseDay, parseRate, type CsvKind, type CsvTable } from './csv-table.ts';
import type { HeldRecord } from './store.ts';
import { takeInvoice } from './taken-invoice.ts';
import { parsePayload } from './verify.ts';

/** A row that becomes a record. */
export interface NewRecord {
  readonly line: number;
  readonly key: string;
  readonly payload: JsonObject;
}

/** What is wrong with a row, at a column if it is about one. */
export interface RowFault {
  readonly line: number;
  readonly column: string | null;
  readonly text: string;
}

export interface Reading {
  readonly added: readonly NewRecord[];
  readonly faults: readonly RowFault[];
  /** How many rows are in the account already. */
  readonly present: number;
}

interface KnownCustomer {
  readonly id: string;
  readonly payload: JsonObject;
}

/** The customers and invoices of an account by what they are known by. */
export class KnownRecords {
  /** By name and address; people may have entered several customers with the same ones. */
  readonly #customers = new Map<string, KnownCustomer[]>();
  /** By name: the keys of the customers with that name. */
  readonly #namesakes = new Map<string, Set<string>>();
  /** By number: what else must be the same. */
  readonly #invoices = new Map<string, string>();
  /** By collection and id: what the record is known by. */
  readonly #keys = new Map<string, string>();

  /** Notes a record as it is now; a tombstone is forgotten. */
  add({ collection, id, payload: text }: Pick<HeldRecord, 'collection' | 'id' | 'payload'>): void {
    const key = this.#keys.get(`${collection} ${id}`);
    if (key !== undefined) this.#forget(collection, id, key);
    const payload = text === null ? null : parsePayload(text);
    if (payload && collection === 'customers') this.#addCustomer(id, payload);
    if (payload && collection === 'invoices' && typeof payload['number'] === 'string') {
      this.#invoices.set(payload['number'], invoiceDetails(payload));
      this.#keys.set(`${collection} ${id}`, payload['number']);
    }
  }

  /** Whether a row's record is there already, or for an invoice, another one with its number. */
  find(collection: CsvKind, { key, payload }: Pick<NewRecord, 'key' | 'payload'>): 'same' | 'other' | null {
    if (collection === 'customers') return this.#customers.has(key) ? 'same' : null;
    const details = this.#invoices.get(key);
    if (details === undefined) return null;
    return details === invoiceDetails(payload) ? 'same' : 'other';
  }

  hasId(collection: string, id: string): boolean {
    return this.#keys.has(`${collection} ${id}`);
  }

  /** The customer that a row names, or why there is none. */
  findCustomer(name: string, email: string | undefined): KnownCustomer | string {
    const keys = email === undefined ? [...this.#namesakes.get(fold(name)) ?? []] : [customerKey({ name, email })];
    if (keys.length > 1) return 'is the name of several customers: add a column customerEmail';
    const [customer, ...others] = this.#customers.get(keys[0] ?? '') ?? [];
    if (others.length > 0) return 'is the name of several customers with the same e-mail address, or none: give each of them its own first';
    return customer ?? 'is no customer of this account: import the customers first';
  }

  #addCustomer(id: string, payload: JsonObject): void {
    const key = customerKey(payload);
    const name = fold(payload['name']);
    const alike = this.#customers.get(key);
    if (alike) alike.push({ id, payload });
    else this.#customers.set(key, [{ id, payload }]);
    this.#namesakes.set(name, (this.#namesakes.get(name) ?? new Set()).add(key));
    this.#keys.set(`customers ${id}`, key);
  }

  #forget(collection: string, id: string, key: string): void {
    this.#keys.delete(`${collection} ${id}`);
    if (collection === 'invoices') {
      this.#invoices.delete(key);
      return;
    }
    const others = this.#customers.get(key)?.filter((customer) => customer.id !== id) ?? [];
    if (others.length > 0) {
      this.#customers.set(key, others);
      return;
    }
    this.#customers.delete(key);
    this.#namesakes.get(key.split('\n')[0] ?? '')?.delete(key);
  }
}

/** Reads every row. `currency` is that of rows whose file has no such column. */
export function readRows(table: CsvTable, known: KnownRecords, currency: string | null): Reading {
  const collection = requireCollection(table.kind);
  const convert = table.kind === 'customers' ? readCustomer : readInvoice;
  const lines = new Map<string, number>();
  const added: NewRecord[] = [];
  const faults: RowFault[] = [];
  let present = 0;
  for (const row of table.rows) {
    const { line, values, fault } = row;
    const refuse = (text: string, field: string | null = null): void =>
      void faults.push({ line, column: field === null ? null : table.titles.get(field) ?? field, text });
    if (fault !== null) {
      refuse(fault === 'unclosed' ? 'has a quotation mark that is never closed' : 'has text after a closing quotation mark');
      continue;
    }
    if (values.length > table.columnCount) {
      refuse(`has ${values.length} values, and the first line names ${table.columnCount} columns`);
      continue;
    }
    const unnamed = table.readUnnamed(row);
    if (unnamed !== null) {
      refuse(`has “${unnamed.trim().slice(0, 40)}” in a column that the first line does not name: name it, or leave it out with --skip ""`);
      continue;
    }
    const fields = new Map(table.read(row));
    if (fields.size === 0) continue;
    if (!fields.has('currency') && currency !== null) fields.set('currency', currency);
    const record = convert({ collection, known, fields, refuse });
    if (record === null) continue;
    if (record === 'present') {
      present += 1;
      continue;
    }
    const before = lines.get(record.key);
    const what = table.kind === 'customers' ? 'name and e-mail address' : 'number';
    if (before !== undefined) refuse(`is the same ${what} as on line ${before}`);
    else added.push({ line, ...record });
    lines.set(record.key, before ?? line);
  }
  return { added, faults, present };
}

interface RowContext {
  readonly collection: Collection;
  readonly known: KnownRecords;
  readonly fields: ReadonlyMap<string, string>;
  readonly refuse: (text: string, field?: string) => void;
}

type RowResult = Omit<NewRecord, 'line'> | 'present' | null;

function readCustomer({ collection, known, fields, refuse }: RowContext): RowResult {
  const input: Record<string, Json> = {};
  for (const [path, value] of fields) {
    const [name = '', inner] = path.split('.');
    const text = path === 'currency' || path === 'address.country' ? value.toUpperCase() : value;
    const isNumber = collection.fields[name]?.kind === 'integer' && /^\d{1,9}$/.test(text);
    if (inner === undefined) input[name] = isNumber ? Number(text) : text;
    else input[name] = { ...input[name] as JsonObject | undefined, [inner]: text };
  }
  const payload = check(collection, input, refuse);
  if (!payload) return null;
  const record = { key: customerKey(payload), payload };
  return known.find('customers', record) === null ? record : 'present';
}

/** What an invoice with something open is called, in other programs and in the window's own lists. */
const openWords: readonly string[] = ['open', 'sent', 'overdue', 'offen', 'überfällig'];
/** What an invoice is called that was paid in part. */
const partlyPaidWords: readonly string[] = ['partly paid', 'teilweise bezahlt'];
const paidWords: readonly string[] = ['paid', 'bezahlt'];
const creditWords: readonly string[] = ['credited', 'credit note', 'gutgeschrieben', 'gutschrift'];

function readInvoice({ collection, known, fields, refuse }: RowContext): RowResult {
  const name = fields.get('customerName');
  const number = fields.get('number');
  const currency = fields.get('currency')?.toUpperCase() ?? '';
  if (number === undefined || name === undefined) {
    refuse('is required', number === undefined ? 'number' : 'customerName');
    return null;
  }
  const customer = known.findCustomer(name, fields.get('customerEmail'));
  if (typeof customer === 'string') {
    refuse(customer, 'customerName');
    return null;
  }
  if (!['invoice', 'rechnung'].includes(fields.get('kind')?.toLowerCase() ?? 'invoice')) {
    refuse('must be invoice: credit notes are not imported', 'kind');
    return null;
  }
  const status = fold(fields.get('status') ?? 'open');
  const isPartlyPaid = partlyPaidWords.includes(status);
  const isPaid = paidWords.includes(status);
  if (!openWords.includes(status) && !isPartlyPaid && !isPaid) {
    refuse(creditWords.includes(status) ? 'is about a credit note, and those are not imported: record the invoice with what is left of it'
      : 'must be open or paid: only invoices that were issued are imported', 'status');
    return null;
  }
  let isSound = true;
  const parse = <T>(field: string, read: (text: string) => T | null, hint: string): T | null => {
    const text = fields.get(field);
    const value = text === undefined ? null : read(text);
    if (text !== undefined && value === null) {
      refuse(hint, field);
      isSound = false;
    }
    return value;
  };
  const amountOf = (field: string): number | null =>
    parse(field, (text) => parseAmount(text, currency), `must be an amount in ${currency || 'a currency'}, such as 1234.56 or 1.234,56`);
  const [total, open, net] = [amountOf('totalMinor'), amountOf('openMinor'), amountOf('netMinor')];
  const rate = parse('taxRate', parseRate, 'must be a percentage, such as 19');
  const dayOf = (field: string): string | null => {
    const day = parse(field, parseDay, 'must be a day as 2026-01-31 or 31.01.2026');
    if (day === null || day >= earliestDay) return day;
    refuse(`is before ${earliestDay}: correct the year`, field);
    isSound = false;
    return null;
  };
  const [issueDate, dueDate] = [dayOf('issueDate'), dayOf('dueDate')];
  if (!isSound) return null;
  if (rate !== null && net === null) refuse('needs the amount before tax, in a column net', 'taxRate');
  const priced = net ?? total;
  if (priced === null) refuse('is required', 'totalMinor');
  if (priced === null || (rate !== null && net === null)) return null;
  if (isPartlyPaid && open === null) {
    refuse('needs what is still open, in a column balance', 'status');
    return null;
  }
  if (isPaid ? open !== null && open !== 0 : fields.has('status') && !isPartlyPaid && open === 0 && priced !== 0) {
    refuse(isPaid ? 'must be zero where the status is paid' : 'must be more than zero unless the status is paid', 'openMinor');
    return null;
  }
  const line = { description: fields.get('description') ?? number, quantityMilli: 1000, unitPriceMinor: priced, taxRateBp: rate ?? 0 };
  const notes = Object.fromEntries(['note', 'internalNote'].map((field) => [field, fields.get(field) ?? null]));
  const input = check(collection, { customerId: customer.id, currency, issueDate, dueDate, lines: [line], ...notes }, refuse);
  if (!input) return null;
  const left = open ?? (isPaid ? 0 : null);
  const row = { number, customer: customer.payload, input, total, open: left, isPartlyPaid, paidOn: issueDate ?? '' };
  return finishInvoice({ known, refuse }, row);
}

interface PricedRow {
  readonly number: string;
  readonly customer: JsonObject;
  readonly input: JsonObject;
  readonly total: number | null;
  readonly open: number | null;
  readonly isPartlyPaid: boolean;
  readonly paidOn: string;
}

/** Compares what the row says about its amounts, and what is open; the difference was paid. */
function finishInvoice({ known, refuse }: Pick<RowContext, 'known' | 'refuse'>, row: PricedRow): RowResult {
  const { number, customer, input, total, open, isPartlyPaid, paidOn } = row;
  const take = (paidMinor: number): JsonObject => takeInvoice({
    key: number, input, status: 'open', number, customer, previous: null,
    payments: paidMinor > 0 ? [{ amountMinor: paidMinor, paidOn }] : [],
  });
  try {
    const totalMinor = Number(take(0)['totalMinor']);
    if (total !== null && total !== totalMinor) {
      refuse('is not what net and tax rate come to', 'totalMinor');
      return null;
    }
    if (isPartlyPaid && open !== null && (open <= 0 || open >= totalMinor)) {
      refuse('must be more than zero and less than the total where the status is partly paid', 'openMinor');
      return null;
    }
    if (open !== null && (open < 0 || open > totalMinor)) {
      refuse('must be between zero and the total', 'openMinor');
      return null;
    }
    const record = { key: number, payload: take(totalMinor - (open ?? totalMinor)) };
    const present = known.find('invoices', record);
    if (present === null) return record;
    if (present === 'same') return 'present';
    refuse('is the number of another invoice of this account', 'number');
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    refuseAll(error.details.fields ?? {}, refuse);
    return null;
  }
}

/** The checked fields, or null if there is a problem, which is reported. */
function check(collection: Collection, input: JsonObject, refuse: RowContext['refuse']): JsonObject | null {
  const problems = noProblems();
  const checked = checkFields(writableFields(collection), input, problems);
  refuseAll(problems, refuse);
  return Object.keys(problems).length === 0 ? checked : null;
}

function refuseAll(problems: Readonly<Problems>, refuse: RowContext['refuse']): void {
  // The one line of an invoice has no column of its own.
  for (const [path, { message }] of Object.entries(problems)) refuse(message, path.startsWith('lines') ? 'totalMinor' : path);
}

function customerKey({ name, email }: JsonObject): string {
  return `${fold(name)}\n${fold(email)}`;
}

/** What makes an invoice with the same number the same one, whatever was paid since. */
function invoiceDetails({ customerId, issueDate, currency, totalMinor }: JsonObject): string {
  return JSON.stringify([customerId, issueDate, currency, totalMinor]);
}

function fold(text: Json | undefined): string {
  return typeof text === 'string' ? text.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase() : '';
}

function requireCollection(kind: CsvKind): Collection {
  const collection = findCollection(kind);
  if (!collection) throw new Error(`${kind} are not declared`);
  return collection;
}
