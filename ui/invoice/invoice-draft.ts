// An invoice being written: its lines as text, the totals they will have, and what a new one starts with. The totals
// are a preview by the same arithmetic as the server's (shared/invoice.ts), which has the last word.

import type { Invoice } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import { checkFields, isDate, noProblems, type Fields, type Json, type JsonObject, type Problems } from '../../shared/fields.ts';
import { addDays, computeTotals, lineNetMinor, type PricedLine, type Totals } from '../../shared/invoice.ts';
import type { RecordView } from '../../shared/window/views.ts';
import {
  formFields, fromDraft, isSameDraft, notAnAmount, notANumber, toDraft, type Draft, type FormField, type NumberText,
} from '../record/record-draft.ts';

export interface LineDraft {
  /** Tells lines apart while they move; never sent. */
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

/** Days between issue and due where nothing else says. */
export const usualTermDays = 14;

/** The field of a line in a record, by its name in a draft. */
export const lineFieldNames: Readonly<Record<LineField, string>> = {
  description: 'description', quantity: 'quantityMilli', unit: 'unit', unitPrice: 'unitPriceMinor', taxRate: 'taxRateBp',
};

/** An invoice's payload, or what a new one starts with, as the text of a form. */
export function toInvoiceDraft(fields: readonly FormField[], start: JsonObject, numbers: NumberText): InvoiceDraft {
  const { currency, lines = [] } = start as Partial<Invoice>;
  return { values: toDraft(fields, start, numbers), lines: toLines(lines, currency ?? '', numbers) };
}

/** The form as the fields of an invoice, as far as `declared` has them, or a reason per path. */
export function fromInvoice(
  declared: Fields, draft: InvoiceDraft, numbers: NumberText,
): { readonly value: JsonObject; readonly problems: Problems } {
  const { lines: declaredLines, ...others } = declared;
  const values = fromDraft(others, formFields(others), draft.values, numbers);
  if (!declaredLines) return values;
  const lines = fromLines(draft.lines, String(draft.values['currency'] ?? ''), numbers);
  const refused = noProblems();
  const checked = checkFields({ lines: declaredLines }, { lines: lines.value }, refused);
  return { value: { ...values.value, ...checked }, problems: { ...values.problems, ...refused, ...lines.problems } };
}

export function isSameInvoiceDraft(a: InvoiceDraft, b: InvoiceDraft): boolean {
  return isSameDraft(a.values, b.values) && a.lines.length === b.lines.length
    && a.lines.every((line, index) => Object.entries(line).every(([name, text]) => b.lines[index]?.[name as keyof LineDraft] === text));
}

/** The paths of what the lines hold, from the first to the last. */
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

/** One line more, at the end: a quantity of one, taxed and measured as the line above it. */
export function addLine(lines: readonly LineDraft[], numbers: NumberText): readonly LineDraft[] {
  const above = lines.at(-1);
  return [...lines, {
    key: freeKey(lines), description: '', quantity: numbers.quantity(1000), unit: above?.unit ?? '',
    unitPrice: '', taxRate: above?.taxRate ?? '',
  }];
}

export function removeLine(lines: readonly LineDraft[], index: number): readonly LineDraft[] {
  return lines.toSpliced(index, 1);
}

/** The line one place further up or down; unchanged at either end. */
export function moveLine(lines: readonly LineDraft[], index: number, by: -1 | 1): readonly LineDraft[] {
  const line = lines[index];
  const target = index + by;
  return line === undefined || target < 0 || target >= lines.length ? lines : lines.toSpliced(index, 1).toSpliced(target, 0, line);
}

export function changeLine(lines: readonly LineDraft[], index: number, field: LineField, text: string): readonly LineDraft[] {
  return lines.map((line, at) => (at === index ? { ...line, [field]: text } : line));
}

/** True for a line in which nothing was written beyond what a new one comes with. */
export function isBlankLine(line: LineDraft): boolean {
  return line.description.trim() === '' && line.unitPrice.trim() === '';
}

/** The lines as fields of a record, with a reason per path (`lines.0.quantityMilli`) for what cannot be read. */
export function fromLines(
  lines: readonly LineDraft[], currency: string, numbers: NumberText,
): { readonly value: readonly Json[]; readonly problems: Problems } {
  const problems: Problems = {};
  const value = lines.map((line, index): JsonObject => {
    const read = (field: LineField, parse: (text: string) => number | null, reason: string): JsonObject => {
      if (line[field].trim() === '') return {};
      const number = parse(line[field]);
      if (number === null) problems[`lines.${index}.${lineFieldNames[field]}`] = reason;
      return { [lineFieldNames[field]]: number ?? 0 };
    };
    return {
      ...(line.description.trim() === '' ? {} : { description: line.description.trim() }),
      ...read('quantity', numbers.parseQuantity, notANumber),
      ...(line.unit.trim() === '' ? {} : { unit: line.unit.trim() }),
      ...read('unitPrice', (text) => numbers.parseMoney(text, currency), notAnAmount),
      ...read('taxRate', numbers.parseRate, notANumber),
    };
  });
  return { value, problems };
}

export interface TotalsPreview {
  /** In minor units, by line; null where the line cannot be read yet. */
  readonly nets: readonly (number | null)[];
  /** Of the lines that can be read; null where they have no valid total. */
  readonly totals: Totals | null;
  /** Why there is no total, as shared/invoice.ts says it, or null. */
  readonly problem: string | null;
}

/** What the lines come to as far as they are written. */
export function previewTotals(lines: readonly LineDraft[], currency: string, numbers: NumberText): TotalsPreview {
  const priced = lines.map((line) => toPriced(line, currency, numbers));
  const nets = priced.map((line) => line && attempt(() => lineNetMinor(line)).value);
  const { value, problem } = attempt(() => computeTotals(priced.filter((line) => line !== null)));
  return { nets, totals: value, problem };
}

/** What a new invoice starts with. */
export function newInvoice(today: string, currency: string): JsonObject {
  return { issueDate: today, dueDate: addDays(today, usualTermDays), currency };
}

/** What a new invoice to a customer starts with. */
export function newInvoiceFor({ id, payload }: RecordView, today: string): JsonObject {
  return { ...newInvoice(today, String(payload['currency'])), customerId: id };
}

/** A new invoice with what an older one says, issued today and due after as many days. */
export function duplicateInvoice(invoice: Invoice, today: string): JsonObject {
  const termDays = daysBetween(invoice.issueDate, invoice.dueDate) ?? usualTermDays;
  return {
    customerId: invoice.customerId,
    issueDate: today,
    dueDate: addDays(today, termDays),
    currency: invoice.currency,
    lines: invoice.lines.map((line) => ({ ...line })),
    ...(invoice.notes === undefined ? {} : { notes: invoice.notes }),
  };
}

/** The form after another day of issue: the due date keeps its distance. */
export function withIssueDate(values: Draft, issueDate: string): Draft {
  const termDays = daysBetween(String(values['issueDate'] ?? ''), String(values['dueDate'] ?? ''));
  const next = { ...values, issueDate };
  return termDays === null || termDays < 0 || !isDate(issueDate) ? next : { ...next, dueDate: addDays(issueDate, termDays) };
}

/** The form after a customer was chosen: their currency, unless amounts were already written in another. */
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

function attempt<T>(compute: () => T): { readonly value: T | null; readonly problem: string | null } {
  try {
    return { value: compute(), problem: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { value: null, problem: error.details.fields?.['lines'] ?? error.message };
  }
}

/** How many days are left until a day; negative once it is over. */
export function daysUntil(date: string, today: string): number {
  return daysBetween(today, date) ?? 0;
}

function daysBetween(from: string, to: string): number | null {
  return isDate(from) && isDate(to) ? Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) : null;
}

function freeKey(lines: readonly LineDraft[]): string {
  return String(lines.reduce((highest, { key }) => Math.max(highest, Number(key)), -1) + 1);
}
