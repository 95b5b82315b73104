// The state of an invoice form: its lines as text, a preview of their totals, and the defaults of a new invoice. The
// preview uses the server's arithmetic (shared/invoice.ts); the server's result is authoritative.

import type { Invoice } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import { checkFields, isDate, type Fields, type Json, type JsonObject } from '../../shared/fields.ts';
import { noProblems, problem, type Problem, type Problems } from '../../shared/problems.ts';
import { addDays, computeTotals, lineNetMinor, type PricedLine, type Totals } from '../../shared/invoice.ts';
import type { RecordView } from '../../shared/window/views.ts';
import {
  formFields, fromDraft, isSameDraft, notAnAmount, toDraft, type Draft, type FormField, type NumberText,
} from '../record/record-draft.ts';

export interface LineDraft {
  /** Identifies the line while it moves; never sent. */
  readonly key: string;
  readonly description: string;
  readonly quantity: string;
  readonly unit: string;
  readonly unitPrice: string;
  readonly taxRate: string;
}
export type LineField = Exclude<keyof LineDraft, 'key'>;

export interface InvoiceDraft {
  readonly values: Draft;
  readonly lines: readonly LineDraft[];
}

/** The default days between issue and due date. */
const defaultTermDays = 14;

/** A line's field in a record, by its name in a draft. */
export const lineFieldNames: Readonly<Record<LineField, string>> = {
  description: 'description', quantity: 'quantityMilli', unit: 'unit', unitPrice: 'unitPriceMinor', taxRate: 'taxRateBp',
};

/** The form for an invoice's payload, or for the initial fields of a new one. */
export function toInvoiceDraft(fields: readonly FormField[], start: JsonObject, numbers: NumberText): InvoiceDraft {
  const { currency, lines = [] } = start as Partial<Invoice>;
  return { values: toDraft(fields, start, numbers), lines: toLines(lines, currency ?? '', numbers) };
}

/** Parses a form into those fields of an invoice that `declared` has, with a reason per path that is not valid. */
export function fromInvoiceDraft(
  declared: Fields, draft: InvoiceDraft, numbers: NumberText,
): { readonly value: JsonObject; readonly problems: Problems } {
  const { lines: declaredLines, ...others } = declared;
  const values = fromDraft(others, formFields(others), draft.values, numbers);
  if (!declaredLines) return values;
  const lines = fromLines(draft.lines, String(draft.values['currency'] ?? ''), numbers);
  const rejected = noProblems();
  const checked = checkFields({ lines: declaredLines }, { lines: lines.value }, rejected);
  return { value: { ...values.value, ...checked }, problems: { ...values.problems, ...rejected, ...lines.problems } };
}

export function isSameInvoiceDraft(a: InvoiceDraft, b: InvoiceDraft): boolean {
  return isSameDraft(a.values, b.values) && a.lines.length === b.lines.length
    && a.lines.every((line, index) => Object.entries(line).every(([name, text]) => b.lines[index]?.[name as keyof LineDraft] === text));
}

/** The paths of all line fields, in form order. */
export function lineOrder(lines: readonly LineDraft[]): readonly string[] {
  return lines.flatMap((_line, index) => Object.values(lineFieldNames).map((name) => `lines.${index}.${name}`));
}

export function toLines(lines: Invoice['lines'], currency: string, numbers: NumberText): readonly LineDraft[] {
  return lines.map((line, index) => ({
    key: String(index),
    description: line.description,
    quantity: numbers.quantity(line.quantityMilli),
    unit: line.unit ?? '',
    unitPrice: numbers.money(line.unitPriceMinor, currency),
    taxRate: numbers.rate(line.taxRateBp),
  }));
}

/** Appends a line with a quantity of one, and the unit and tax rate of the line above it. */
export function addLine(lines: readonly LineDraft[], numbers: NumberText): readonly LineDraft[] {
  const above = lines.at(-1);
  return [...lines, {
    key: nextKey(lines), description: '', quantity: numbers.quantity(1000), unit: above?.unit ?? '',
    unitPrice: '', taxRate: above?.taxRate ?? '',
  }];
}

export function removeLine(lines: readonly LineDraft[], index: number): readonly LineDraft[] {
  return lines.toSpliced(index, 1);
}

/** Moves a line one place up or down; returns the same array at either end. */
export function moveLine(lines: readonly LineDraft[], index: number, by: -1 | 1): readonly LineDraft[] {
  const line = lines[index];
  const target = index + by;
  return line === undefined || target < 0 || target >= lines.length ? lines : lines.toSpliced(index, 1).toSpliced(target, 0, line);
}

export function changeLine(lines: readonly LineDraft[], index: number, field: LineField, text: string): readonly LineDraft[] {
  return lines.map((line, at) => (at === index ? { ...line, [field]: text } : line));
}

/** Whether a line has nothing but the defaults of a new one. */
export function isBlankLine(line: LineDraft): boolean {
  return line.description.trim() === '' && line.unitPrice.trim() === '';
}

/** Parses lines into fields of a record, with a reason per path (`lines.0.quantityMilli`) that does not parse. */
export function fromLines(
  lines: readonly LineDraft[], currency: string, numbers: NumberText,
): { readonly value: readonly Json[]; readonly problems: Problems } {
  const problems: Problems = {};
  const value = lines.map((line, index): JsonObject => {
    const read = (field: LineField, parse: (text: string) => number | null, refusal: Problem): JsonObject => {
      if (line[field].trim() === '') return {};
      const number = parse(line[field]);
      if (number === null) problems[`lines.${index}.${lineFieldNames[field]}`] = refusal;
      return { [lineFieldNames[field]]: number ?? 0 };
    };
    return {
      ...(line.description.trim() === '' ? {} : { description: line.description.trim() }),
      ...read('quantity', numbers.parseQuantity, problem('number')),
      ...(line.unit.trim() === '' ? {} : { unit: line.unit.trim() }),
      ...read('unitPrice', (text) => numbers.parseMoney(text, currency), notAnAmount),
      ...read('taxRate', numbers.parseRate, problem('number')),
    };
  });
  return { value, problems };
}

export interface TotalsPreview {
  /** In minor units, by line; null if the line does not parse yet. */
  readonly nets: readonly (number | null)[];
  /** Of the lines that parse; null if they have no valid total. */
  readonly totals: Totals | null;
  /** Why there is no total: a reason from shared/invoice.ts, or null. */
  readonly problem: Problem | null;
}

/** The totals of the lines as far as they parse. */
export function previewTotals(lines: readonly LineDraft[], currency: string, numbers: NumberText): TotalsPreview {
  const priced = lines.map((line) => toPriced(line, currency, numbers));
  const nets = priced.map((line) => line && attempt(() => lineNetMinor(line)).value);
  const { value, problem } = attempt(() => computeTotals(priced.filter((line) => line !== null)));
  return { nets, totals: value, problem };
}

/** The initial fields of a new invoice. */
export function newInvoice(today: string, currency: string): JsonObject {
  return { issueDate: today, dueDate: addDays(today, defaultTermDays), currency };
}

/** The initial fields of a new invoice to a customer. */
export function newInvoiceFor({ id, payload }: RecordView, today: string): JsonObject {
  return { ...newInvoice(today, String(payload['currency'])), customerId: id };
}

/** The initial fields of a copy of an invoice: issued today, with the same payment term. */
export function duplicateInvoice(invoice: Invoice, today: string): JsonObject {
  const termDays = daysBetween(invoice.issueDate, invoice.dueDate) ?? defaultTermDays;
  return {
    customerId: invoice.customerId,
    issueDate: today,
    dueDate: addDays(today, termDays),
    currency: invoice.currency,
    lines: invoice.lines.map((line) => ({ ...line })),
    ...(invoice.notes === undefined ? {} : { notes: invoice.notes }),
  };
}

/** The form values with a new issue date; the due date moves along, so that the payment term stays the same. */
export function withIssueDate(values: Draft, issueDate: string): Draft {
  const termDays = daysBetween(String(values['issueDate'] ?? ''), String(values['dueDate'] ?? ''));
  const next = { ...values, issueDate };
  return termDays === null || termDays < 0 || !isDate(issueDate) ? next : { ...next, dueDate: addDays(issueDate, termDays) };
}

/** The form with a new customer, and the customer's currency unless prices have been entered already. */
export function withCustomer(draft: InvoiceDraft, customerId: string, currency: string): InvoiceDraft {
  const keepsCurrency = draft.lines.some((line) => line.unitPrice.trim() !== '');
  const values = { ...draft.values, customerId, ...(keepsCurrency ? {} : { currency }) };
  return { ...draft, values };
}

function toPriced(line: LineDraft, currency: string, numbers: NumberText): PricedLine | null {
  const quantityMilli = numbers.parseQuantity(line.quantity);
  const unitPriceMinor = numbers.parseMoney(line.unitPrice, currency);
  const taxRateBp = numbers.parseRate(line.taxRate);
  return quantityMilli === null || unitPriceMinor === null || taxRateBp === null ? null : { quantityMilli, unitPriceMinor, taxRateBp };
}

function attempt<T>(compute: () => T): { readonly value: T | null; readonly problem: Problem | null } {
  try {
    return { value: compute(), problem: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { value: null, problem: error.details.fields?.['lines'] ?? { code: error.code, message: error.message } };
  }
}

/** Days from today until a date; negative once it has passed, 0 if either is not a date. */
export function daysUntil(date: string, today: string): number {
  return daysBetween(today, date) ?? 0;
}

function daysBetween(from: string, to: string): number | null {
  return isDate(from) && isDate(to) ? Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) : null;
}

function nextKey(lines: readonly LineDraft[]): string {
  return String(lines.reduce((highest, { key }) => Math.max(highest, Number(key)), -1) + 1);
}
