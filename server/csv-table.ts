// A CSV file with customers or open invoices: which columns it has, and what its values say. Knows no database.
//
// A column is named by its field, in English or in German as the window's own export has it; case, blanks and hyphens do not matter.

import { findCollection, writableFields } from '../shared/collections.ts';
import { readCsv, readCsvText, type CsvRow } from '../shared/csv.ts';
import { currencyDigits } from '../shared/currency.ts';
import { isDate, type Fields } from '../shared/fields.ts';
import { ConfigError } from './config.ts';

export type CsvKind = 'customers' | 'invoices';

export interface CsvTable {
  readonly kind: CsvKind;
  /** The title of each column as the file has it, by field; `address.city` is a field, too. */
  readonly titles: ReadonlyMap<string, string>;
  readonly rows: Iterable<CsvRow>;
  /** The values of a row by field: trimmed, and only those that are not empty. */
  readonly read: (row: CsvRow) => ReadonlyMap<string, string>;
  readonly columnCount: number;
  /** A value of a row in a column without a name, or null. */
  readonly readUnnamed: (row: CsvRow) => string | null;
}

const invoiceNames: Readonly<Record<string, readonly string[]>> = {
  number: ['invoice', 'invoiceNumber', 'nummer', 'rechnungsnummer'],
  customerName: ['customer', 'kunde'],
  customerEmail: [],
  issueDate: ['date', 'invoiceDate', 'datum', 'rechnungsdatum'],
  dueDate: ['due', 'fällig', 'fällig am'],
  currency: ['währung'],
  totalMinor: ['total', 'betrag', 'gesamtbetrag', 'brutto'],
  openMinor: ['balance', 'open', 'offen', 'offener betrag'],
  status: [],
  kind: ['type', 'art'],
  netMinor: ['net', 'netto'],
  taxRate: ['tax', 'vat', 'mwst', 'ust', 'steuersatz'],
  description: ['beschreibung', 'bezeichnung'],
  note: ['notes', 'notiz', 'bemerkung'],
  internalNote: ['interne notiz'],
};

const customerNames: Readonly<Record<string, readonly string[]>> = {
  name: ['company', 'firma', 'kunde'],
  number: ['customerNumber', 'nummer', 'kundennummer'],
  contact: ['ansprechpartner'],
  email: ['e-mail', 'mail'],
  phone: ['telephone', 'telefon'],
  'address.street': ['straße', 'strasse'],
  'address.city': ['stadt', 'ort'],
  'address.postalCode': ['zip', 'plz', 'postleitzahl'],
  'address.region': ['state', 'bundesland'],
  'address.country': ['land'],
  vatId: ['taxId', 'ust-id', 'ustidnr'],
  language: ['sprache'],
  buyerReference: ['leitweg-id', 'käuferreferenz'],
  currency: ['währung'],
  paymentTermsDays: ['paymentTerms', 'zahlungsziel'],
  internalNote: ['note', 'notes', 'notiz', 'interne notiz', 'bemerkung'],
};

/** What the window's own list of customers has beside a customer's fields; it follows from invoices, and is not read. */
const balanceNames: Readonly<Record<string, readonly string[]>> = {
  openMinor: ['open', 'offen'],
  overdueMinor: ['overdue', 'überfällig'],
  oldestDue: ['oldest due', 'älteste fälligkeit', 'fällig ab'],
};

/** The columns that make a file one of this kind. */
const required: Readonly<Record<CsvKind, readonly string[]>> = {
  invoices: ['number', 'customerName'],
  customers: ['name'],
};

const columns: Readonly<Record<CsvKind, ReadonlyMap<string, string>>> = {
  invoices: byName(Object.keys(invoiceNames), invoiceNames),
  customers: byName([...leaves(writableFields(requireCustomers())), ...Object.keys(balanceNames)], { ...customerNames, ...balanceNames }),
};

/** The text of a file. Throws `ConfigError` with a sentence unless it is UTF-8. */
export function decodeCsv(bytes: Uint8Array, file: string): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new ConfigError(`${file} is UTF-16: save it as “CSV UTF-8”. Nothing was imported.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ConfigError(`${file} is not UTF-8 but probably Windows-1252, as Excel's plain “CSV” is: save it as “CSV UTF-8”, or `
      + `convert it with iconv -f WINDOWS-1252 -t UTF-8. Nothing was imported.`, { cause: error });
  }
}

/**
 * Reads the header: its separator is the one of comma, semicolon and tab with which most names are known. Throws `ConfigError` for a name
 * that is unknown and not among `skipped`, or there twice, and if columns that customers or invoices need are missing.
 */
export function readTable(text: string, skipped: readonly string[]): CsvTable {
  // Excel's own way to name the separator.
  const body = text.replace(/^sep=.(?:\r\n|\n|\r)/i, '');
  const headers = [',', ';', '\t'].map((delimiter) => {
    const [header] = readCsv(body, delimiter);
    return { delimiter, names: header?.values.map((value) => readCsvText(value).trim()) ?? [] };
  });
  const kinds = Object.keys(required) as CsvKind[];
  const all = kinds.flatMap((kind) => headers.map((header) => {
    const fields = header.names.map((name) => columns[kind].get(normal(name)));
    return { kind, ...header, fields, isComplete: required[kind].every((field) => fields.includes(field)) };
  }));
  const found = all.find(({ isComplete }) => isComplete);
  if (!found) {
    throw new ConfigError('The first line must name the columns: those of customers (name, and more), or those of invoices (number, '
      + 'customer, and more). docs/bringing-data.md lists them. Nothing was imported.');
  }
  const { kind, delimiter, names, fields } = found;
  const ignored = new Set(skipped.map(normal));
  const missing = skipped.find((name) => !names.some((one) => normal(one) === normal(name)));
  if (missing !== undefined) throw new ConfigError(`There is no column “${missing}” to leave out with --skip. Nothing was imported.`);
  const unknown = names.filter((name, index) => fields[index] === undefined && name !== '' && !ignored.has(normal(name)));
  if (unknown.length > 0) {
    throw new ConfigError(`The ${kind} have no column ${unknown.map((name) => `“${name}”`).join(', ')}: rename it, or leave it out `
      + 'with --skip <column>. Nothing was imported.');
  }
  const used = fields.map((field, index) => (ignored.has(normal(names[index] ?? '')) ? undefined : field));
  const twice = used.find((field, index) => field !== undefined && used.indexOf(field) !== index);
  if (twice !== undefined) {
    const both = names.filter((_, index) => used[index] === twice).map((name) => `“${name}”`).join(' and ');
    throw new ConfigError(`The columns ${both} mean the same: leave one out with --skip <column>. Nothing was imported.`);
  }
  const rows = readCsv(body, delimiter, body === text ? 1 : 2);
  rows.next();
  return {
    kind,
    titles: new Map(used.flatMap((field, index) => (field === undefined ? [] : [[field, names[index] ?? field]]))),
    rows,
    read: ({ values }) => new Map(used.flatMap((field, index): [string, string][] => {
      const value = readCsvText(values[index] ?? '').replaceAll('\r\n', '\n').trim();
      const isRead = field !== undefined && !(kind === 'customers' && Object.hasOwn(balanceNames, field));
      return isRead && value !== '' ? [[field, value]] : [];
    })),
    columnCount: names.length,
    readUnnamed: ({ values }) => ignored.has('') ? null
      : values.find((value, index) => names[index] === '' && value.trim() !== '') ?? null,
  };
}

/**
 * An amount in minor units, of text such as 1234.56, 1234,56, 1.234,56 or 1 234.56; null if it is not one, or not clearly one: 1.234
 * could be over a thousand or just over one.
 */
export function parseAmount(text: string, currency: string): number | null {
  const [, sign = '', body = ''] = /^([-\u2212]?)(\d[\d.,\s'’]*)$/.exec(text) ?? [];
  const digits = currencyDigits(currency);
  const marks = [...body.matchAll(/[.,]/g)].map(([mark]) => mark);
  const last = marks.at(-1);
  const isDecimal = last !== undefined && marks.filter((mark) => mark === last).length === 1
    && (marks.length > 1 || digits > 0);
  const [whole = '', decimals = ''] = isDecimal ? [body.slice(0, body.lastIndexOf(last)), body.slice(body.lastIndexOf(last) + 1)] : [body];
  const isUnclear = isDecimal && marks.length === 1 && decimals.length === 3 && digits !== 3;
  const isGrouped = /^(\d+|\d{1,3}([.,\s'’])\d{3}(\2\d{3})*)$/.test(whole);
  if (isUnclear || !isGrouped || decimals.length > digits || (isDecimal && !/^\d+$/.test(decimals))) return null;
  const amount = Number(whole.replace(/\D/g, '') + decimals.padEnd(digits, '0'));
  if (!Number.isSafeInteger(amount)) return null;
  return sign === '' || amount === 0 ? amount : -amount;
}

/** A day as YYYY-MM-DD, of that or of DD.MM.YYYY; null for anything else, also for 01/02/2026, which could be either of two days. */
export function parseDay(text: string): string | null {
  const [, day = '', month = '', year = ''] = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(text) ?? [];
  const date = year === '' ? text : `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  return isDate(date) ? date : null;
}

/** A percentage in basis points, of text such as 19, 7.7 or 19,00 %; null for anything else. */
export function parseRate(text: string): number | null {
  const [, whole, decimals = ''] = /^(\d{1,3})(?:[.,](\d{1,2}))?\s*%?$/.exec(text) ?? [];
  return whole === undefined ? null : Number(whole + decimals.padEnd(2, '0'));
}

/** The paths of the fields that a column can hold. */
function leaves(fields: Fields, path = ''): string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    if (field.kind === 'object') return leaves(field.fields, `${path}${name}.`);
    return field.kind === 'reference' || field.kind === 'list' ? [] : [path + name];
  });
}

function byName(fields: readonly string[], names: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, string> {
  return new Map(fields.flatMap((field) => {
    const own = [field, field.replace(/^address\./, ''), field.replace(/Minor$/, '')];
    return [...own, ...names[field] ?? []].map((name) => [normal(name), field] as const);
  }));
}

function normal(name: string): string {
  return name.normalize('NFC').toLowerCase().replace(/[\s._-]/g, '');
}

function requireCustomers() {
  const customers = findCollection('customers');
  if (!customers) throw new Error('the customers are not declared');
  return customers;
}
