// The state of an invoice form: its lines as text, a preview of their totals, and the defaults of a new invoice. The
// preview uses the server's arithmetic (shared/invoice.ts); the server's result is authoritative.

import type { Company, Customer, Invoice, Plan, TaxCategory } from '../../shared/collections.ts';
import { addDays } from '../../shared/days.ts';
import { AppError } from '../../shared/errors.ts';
import { checkFields, isDate, type Fields, type Json, type JsonObject } from '../../shared/fields.ts';
import { noProblems, problem, type Problem, type Problems } from '../../shared/problems.ts';
import {
  categoryOf, computeTotals, invoiceProblems, lineNetMinor, needsExemptionReason, type Creditable, type PricedLine, type Totals,
} from '../../shared/invoice.ts';
import type { LineSuggestion, RecordView } from '../../shared/window/views.ts';
import {
  formFields, fromDraft, isSameDraft, maxRateBp, notAnAmount, rateTooHigh, toDraft, type Draft, type FormField, type NumberText,
} from '../record/record-draft.ts';

export interface LineDraft {
  /** Identifies the line while it moves; never sent. */
  readonly key: string;
  readonly description: string;
  readonly quantity: string;
  readonly unit: string;
  readonly unitPrice: string;
  /** The number of units that the price is for; blank for one. */
  readonly priceQuantity: string;
  readonly taxRate: string;
  /** A `TaxCategory`; blank for the default of the rate. */
  readonly taxCategory: string;
}
export type LineField = Exclude<keyof LineDraft, 'key'>;

export interface InvoiceDraft {
  readonly values: Draft;
  readonly lines: readonly LineDraft[];
}

/** The days between issue and due date where neither the customer nor the company has terms. */
const defaultTermDays = 14;

/** What a customer, its plan and the company give a new invoice. */
export interface InvoiceDefaults {
  readonly currency: string;
  readonly termDays: number;
  readonly taxRateBp: number | null;
  readonly buyerReference: string;
}

export function invoiceDefaults(
  customer: Partial<Customer> | null, plan: Partial<Plan> | null, company: Partial<Company> | null, currency: string,
): InvoiceDefaults {
  return {
    currency: customer?.currency ?? currency,
    termDays: customer?.paymentTermsDays ?? company?.paymentTermsDays ?? defaultTermDays,
    taxRateBp: plan?.taxRateBp ?? company?.taxRateBp ?? null,
    buyerReference: customer?.buyerReference ?? '',
  };
}

/** A line's field in a record, by its name in a draft. */
export const lineFieldNames: Readonly<Record<LineField, string>> = {
  description: 'description', quantity: 'quantityMilli', unit: 'unit', unitPrice: 'unitPriceMinor',
  priceQuantity: 'priceQuantity', taxRate: 'taxRateBp', taxCategory: 'taxCategory',
};

/** The form for an invoice's payload, or for the initial fields of a new one. */
export function toInvoiceDraft(fields: readonly FormField[], start: JsonObject, numbers: NumberText): InvoiceDraft {
  const { currency, lines = [] } = start as Partial<Invoice>;
  return { values: { ...toDraft(fields, start, numbers), currency: currency ?? '' }, lines: toLines(lines, currency ?? '', numbers) };
}

/**
 * Parses a form into those fields of an invoice that `declared` has, with a reason per path that is not valid. A reason for an
 * exemption counts only where one is needed.
 */
export function fromInvoiceDraft(
  declared: Fields, draft: InvoiceDraft, numbers: NumberText,
): { readonly value: JsonObject; readonly problems: Problems } {
  const { lines: declaredLines, ...others } = declared;
  const values = fromDraft(others, formFields(others), draft.values, numbers);
  if (!declaredLines) return values;
  const lines = fromLines(draft.lines, String(draft.values['currency'] ?? ''), numbers);
  const rejected = noProblems();
  const checked = checkFields({ lines: declaredLines }, { lines: lines.value }, rejected);
  const problems = { ...values.problems, ...rejected, ...lines.problems };
  const { taxExemptionReason, ...value } = { ...values.value, ...checked };
  const complete = taxExemptionReason !== undefined && needsReason(draft.lines, numbers) ? { ...value, taxExemptionReason } : value;
  // Only if every field is valid by itself.
  const contradictions = Object.keys(problems).length > 0 ? {} : invoiceProblems(complete as JsonObject & Invoice);
  return { value: complete, problems: { ...problems, ...contradictions } };
}

/** Whether a line is in a VAT category that needs a reason. */
export function needsReason(lines: readonly LineDraft[], numbers: NumberText): boolean {
  return needsExemptionReason(lines.map((line) => ({
    taxRateBp: numbers.parseRate(line.taxRate) ?? 0, ...(line.taxCategory !== '' && { taxCategory: line.taxCategory as TaxCategory }),
  })));
}

/** A line's VAT category as far as its rate parses, or null. */
export function lineCategory({ taxRate, taxCategory }: LineDraft, numbers: NumberText): TaxCategory | null {
  const taxRateBp = numbers.parseRate(taxRate);
  if (taxCategory !== '') return taxCategory as TaxCategory;
  return taxRateBp === null ? null : categoryOf({ taxRateBp });
}

/**
 * The line in another category. All but the standard one have a rate of 0; there it is the usual rate instead, or, without one, still to be
 * filled in.
 */
export function withCategory(line: LineDraft, category: TaxCategory, usualRateBp: number | null, numbers: NumberText): LineDraft {
  if (category === 'S') {
    const isTaxed = (numbers.parseRate(line.taxRate) ?? 0) > 0;
    return { ...line, taxCategory: '', taxRate: isTaxed ? line.taxRate : rateText(usualRateBp || null, numbers) };
  }
  return { ...line, taxRate: numbers.rate(0), taxCategory: category === 'Z' ? '' : category };
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
    priceQuantity: line.priceQuantity === undefined ? '' : numbers.quantity(line.priceQuantity * 1000),
    taxRate: numbers.rate(line.taxRateBp),
    taxCategory: line.taxCategory ?? '',
  }));
}

/** Appends a line with a quantity of one, and the unit, tax rate and category of the line above it; the first has `taxRateBp`. */
export function addLine(lines: readonly LineDraft[], numbers: NumberText, taxRateBp: number | null = null): readonly LineDraft[] {
  const above = lines.at(-1);
  return [...lines, {
    key: nextKey(lines), description: '', quantity: numbers.quantity(1000), unit: above?.unit ?? '', unitPrice: '', priceQuantity: '',
    taxRate: above?.taxRate ?? rateText(taxRateBp, numbers), taxCategory: above?.taxCategory ?? '',
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

/** A new tax rate also gives the line the default category of that rate. */
export function changeLine(lines: readonly LineDraft[], index: number, field: LineField, text: string): readonly LineDraft[] {
  return lines.map((line, at) =>
    (at === index ? { ...line, ...(field === 'taxRate' && { taxCategory: '' }), [field]: text } : line));
}

/** The line with everything that is suggested: its quantity stays, and its tax rate where none is. */
export function withSuggestion(line: LineDraft, suggestion: LineSuggestion, currency: string, numbers: NumberText): LineDraft {
  const { taxRateBp = 0, ...others } = suggestion;
  const [filled] = toLines([{ ...others, taxRateBp, quantityMilli: 0 }], currency, numbers);
  const { key, quantity, taxRate, taxCategory } = line;
  return { ...line, ...filled, key, quantity, ...(suggestion.taxRateBp === undefined && { taxRate, taxCategory }) };
}

/** Whether a line has nothing but the defaults of a new one. */
export function isBlankLine(line: LineDraft): boolean {
  return line.description.trim() === '' && line.unitPrice.trim() === '';
}

/** The form without its blank lines, which are not sent, and the index on screen of each other line. */
export function withoutBlankLines(draft: InvoiceDraft): { readonly draft: InvoiceDraft; readonly shownAt: readonly number[] } {
  const shownAt = [...draft.lines.keys()].filter((index) => !isBlankLine(draft.lines[index] as LineDraft));
  return { draft: { ...draft, lines: draft.lines.filter((line) => !isBlankLine(line)) }, shownAt };
}

/** The problems of what was sent, at the lines on screen. */
export function atShownLines(problems: Problems, shownAt: readonly number[]): Problems {
  const shownPath = (path: string): string =>
    path.replace(/^lines\.(\d+)/, (_sent, index: string) => `lines.${shownAt[Number(index)] ?? index}`);
  return Object.fromEntries(Object.entries(problems).map(([path, reason]) => [shownPath(path), reason]));
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
      else if (field === 'taxRate' && number > maxRateBp) problems[`lines.${index}.${lineFieldNames[field]}`] = rateTooHigh;
      return { [lineFieldNames[field]]: number ?? 0 };
    };
    return {
      ...(line.description.trim() === '' ? {} : { description: line.description.trim() }),
      ...read('quantity', numbers.parseQuantity, problem('number')),
      ...(line.unit.trim() === '' ? {} : { unit: line.unit.trim() }),
      ...read('unitPrice', (text) => numbers.parseMoney(text, currency), notAnAmount),
      ...read('priceQuantity', (text) => parseUnits(text, numbers), problem('number')),
      ...read('taxRate', numbers.parseRate, problem('number')),
      ...(line.taxCategory === '' ? {} : { taxCategory: line.taxCategory }),
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

/** The totals of the lines as far as they parse; `left` is for a credit note. */
export function previewTotals(
  lines: readonly LineDraft[], currency: string, numbers: NumberText, left: Creditable | null = null,
): TotalsPreview {
  const priced = lines.map((line) => toPriced(line, currency, numbers));
  const nets = priced.map((line) => line && attempt(() => lineNetMinor(line)).value);
  const { value, problem } = attempt(() => computeTotals(priced.filter((line) => line !== null), left));
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
  const { customerId, issueDate, dueDate, buyerReference, currency, lines, taxExemptionReason, note } = invoice;
  const termDays = daysBetween(issueDate, dueDate ?? '');
  return {
    customerId,
    issueDate: today,
    ...(termDays !== null && { dueDate: addDays(today, termDays) }),
    ...(buyerReference !== undefined && { buyerReference }),
    currency,
    lines: lines.map((line) => ({ ...line })),
    ...(taxExemptionReason !== undefined && { taxExemptionReason }),
    ...(note !== undefined && { note }),
  };
}

/** What changes if a draft is issued on another day: the due date moves along. */
export function redated({ issueDate, dueDate }: Pick<Invoice, 'issueDate' | 'dueDate'>, today: string): JsonObject {
  const termDays = daysBetween(issueDate, dueDate ?? '');
  return { issueDate: today, ...(termDays !== null && termDays >= 0 && { dueDate: addDays(today, termDays) }) };
}

/**
 * The form values with a new issue date. The due date moves along, so that the payment term stays the same: as it was by `before`, the last
 * valid issue date, since there is none while a date is being typed.
 */
export function withIssueDate(values: Draft, issueDate: string, before: string): Draft {
  const { dueDate = '' } = values;
  return { ...values, issueDate, ...(isDate(issueDate) && redated({ issueDate: before, dueDate: String(dueDate) }, issueDate)) };
}

/**
 * The form with a new customer. Whatever is still as `before` set it becomes what `after` sets; the currency only if there are no prices.
 */
export function withCustomer(
  draft: InvoiceDraft, customerId: string, before: InvoiceDefaults, after: InvoiceDefaults, numbers: NumberText,
): InvoiceDraft {
  const { issueDate = '', dueDate, buyerReference = '' } = draft.values;
  const keepsCurrency = draft.lines.some((line) => line.unitPrice.trim() !== '');
  const isDefaultDue = isDate(String(issueDate)) && dueDate === addDays(String(issueDate), before.termDays);
  return {
    values: {
      ...draft.values,
      customerId,
      ...(!keepsCurrency && { currency: after.currency }),
      ...(isDefaultDue && { dueDate: addDays(String(issueDate), after.termDays) }),
      ...(buyerReference === before.buyerReference && { buyerReference: after.buyerReference }),
    },
    lines: draft.lines.map((line) => isBlankLine(line) && line.taxRate === rateText(before.taxRateBp, numbers)
      ? { ...line, taxRate: rateText(after.taxRateBp, numbers) } : line),
  };
}

function rateText(rateBp: number | null, numbers: NumberText): string {
  return rateBp === null ? '' : numbers.rate(rateBp);
}

/** A whole number of units, or null. */
function parseUnits(text: string, numbers: NumberText): number | null {
  const milli = numbers.parseQuantity(text);
  return milli === null || milli % 1000 !== 0 ? null : milli / 1000;
}

function toPriced(line: LineDraft, currency: string, numbers: NumberText): PricedLine | null {
  const quantityMilli = numbers.parseQuantity(line.quantity);
  const unitPriceMinor = numbers.parseMoney(line.unitPrice, currency);
  const priceQuantity = line.priceQuantity.trim() === '' ? 1 : parseUnits(line.priceQuantity, numbers);
  const taxRateBp = numbers.parseRate(line.taxRate);
  if (quantityMilli === null || unitPriceMinor === null || priceQuantity === null || priceQuantity < 1 || taxRateBp === null) return null;
  const category = line.taxCategory === '' ? {} : { taxCategory: line.taxCategory as TaxCategory };
  return { quantityMilli, unitPriceMinor, priceQuantity, taxRateBp, ...category };
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
