// The state of a form: raw text by field path (`address.city`), until the form is parsed as a whole. Parsing never changes
// or loses input; what cannot be parsed is a problem at its path.
//
// Fields and their limits come from the declarations in shared/collections.ts. A number's unit is the suffix of its
// field's name: `priceMinor` is money, `quantityMilli` thousandths, `taxRateBp` basis points.

import { earliestDay, inFullYear } from '../../shared/days.ts';
import { checkFields, isObject, type Field, type Fields, type Json, type JsonObject } from '../../shared/fields.ts';
import { problem, type Problem, type Problems } from '../../shared/problems.ts';

export type DraftValue = string | boolean;
export type Draft = Readonly<Record<string, DraftValue>>;

type ScalarField = Exclude<Field, { kind: 'object' | 'list' }>;

export interface FormField {
  readonly path: string;
  readonly field: ScalarField;
}

/** Formats stored integers the way a locale writes them, without a unit, and back; `parse…` returns null for anything else. */
export interface NumberText {
  money(amountMinor: number, currency: string): string;
  parseMoney(text: string, currency: string): number | null;
  quantity(quantityMilli: number): string;
  parseQuantity(text: string): number | null;
  rate(rateBp: number): string;
  parseRate(text: string): number | null;
}

/** Input that is not an amount. It never reaches the server. */
export const notAnAmount: Problem = { code: 'amount', message: 'must be an amount' };

/** The highest tax rate that a form takes. The server takes higher ones, but 190 instead of 19 is only ever a slip. */
export const maxRateBp = 10_000;
export const rateTooHigh = problem('max', { max: maxRateBp });
/** A date that was mistyped. The server takes it, but nobody means it. */
export const tooEarly = problem('min', { min: earliestDay });

/** The scalar fields of a form in declaration order, with nested objects flattened; without lists. */
export function formFields(fields: Fields, path = ''): readonly FormField[] {
  return Object.entries(fields).flatMap(([name, field]): readonly FormField[] => {
    const here = path === '' ? name : `${path}.${name}`;
    if (field.kind === 'list') return [];
    return field.kind === 'object' ? formFields(field.fields, here) : [{ path: here, field }];
  });
}

/** A payload as the text of a form. */
export function toDraft(fields: readonly FormField[], payload: JsonObject, numbers: NumberText): Draft {
  const currency = text(payload['currency']);
  return Object.fromEntries(fields.map(({ path, field }) => [path, toText(field, path, valueAt(payload, path), currency, numbers)]));
}

/**
 * Parses a form into the fields of a record: blank input is absent, and single lines are trimmed. `problems` holds a
 * reason for each path that does not parse or that `declared` rejects; unless it is empty, `value` is not valid.
 */
export function fromDraft(
  declared: Fields, fields: readonly FormField[], draft: Draft, numbers: NumberText,
): { readonly value: JsonObject; readonly problems: Problems } {
  const unparsed: Problems = {};
  const parsed: Record<string, Json> = {};
  for (const { path, field } of fields) {
    const value = fromText(field, path, draft[path] ?? '', text(draft['currency']), numbers);
    if (value === undefined) unparsed[path] = path.endsWith('Minor') ? notAnAmount : problem('number');
    else if (path.endsWith('Bp') && Number(value) > maxRateBp) unparsed[path] = rateTooHigh;
    else if (field.kind === 'date' && value !== null && String(value) < earliestDay) unparsed[path] = tooEarly;
    else if (value !== null) setAt(parsed, path, value);
  }
  const problems: Problems = {};
  const value = checkFields(declared, parsed, problems);
  return { value, problems: { ...problems, ...unparsed } };
}

/** Whether two drafts hold the same input; absent equals blank. */
export function isSameDraft(a: Draft, b: Draft): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((path) => (a[path] ?? '') === (b[path] ?? ''));
}

/** The value at a path of a record, or undefined. */
export function valueAt(record: JsonObject, path: string): Json | undefined {
  return path.split('.').reduce<Json | undefined>((value, key) => (isObject(value) ? value[key] as Json | undefined : undefined), record);
}

function setAt(target: Record<string, Json>, path: string, value: Json): void {
  const [head = '', ...rest] = path.split('.');
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const inner: Record<string, Json> = isObject(target[head]) ? target[head] as Record<string, Json> : {};
  target[head] = inner;
  setAt(inner, rest.join('.'), value);
}

function toText(field: ScalarField, path: string, value: Json | undefined, currency: string, numbers: NumberText): DraftValue {
  if (field.kind === 'boolean') return value === true;
  if (typeof value !== 'number') return text(value);
  if (path.endsWith('Minor')) return numbers.money(value, currency);
  if (path.endsWith('Milli')) return numbers.quantity(value);
  return path.endsWith('Bp') ? numbers.rate(value) : String(value);
}

/** Null if blank, undefined if it does not parse. */
function fromText(field: ScalarField, path: string, typed: DraftValue, currency: string, numbers: NumberText): Json | undefined {
  if (typeof typed === 'boolean') return typed;
  if (typed.trim() === '') return null;
  if (field.kind === 'date') return inFullYear(typed.trim());
  if (field.kind !== 'integer') return field.kind === 'text' && (field.multiline || field.private) ? typed : typed.trim();
  if (path.endsWith('Minor')) return numbers.parseMoney(typed, currency) ?? undefined;
  if (path.endsWith('Milli')) return numbers.parseQuantity(typed) ?? undefined;
  if (path.endsWith('Bp')) return numbers.parseRate(typed) ?? undefined;
  return /^\s*-?\d+\s*$/.test(typed) ? Number(typed) : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
