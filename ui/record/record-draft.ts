// What stands in a form: text as it was typed, by field path (`address.city`), until it is parsed as a whole. Nothing
// typed is ever changed or lost by parsing; what cannot be parsed is a problem at its path.
//
// Which fields there are, and what they may hold, comes from the declarations in shared/collections.ts. A number's
// unit is in its field's name: `priceMinor` is money, `quantityMilli` thousandths, `taxRateBp` basis points.

import { checkFields, isObject, type Field, type Fields, type Json, type JsonObject, type Problems } from '../../shared/fields.ts';

export type DraftValue = string | boolean;
export type Draft = Readonly<Record<string, DraftValue>>;

type ScalarField = Exclude<Field, { kind: 'object' | 'list' }>;

export interface FormField {
  readonly path: string;
  readonly field: ScalarField;
}

/** How the people of a locale write what is stored as an integer, without a unit; `parse…` answers null for what is not one. */
export interface NumberText {
  money(amountMinor: number, currency: string): string;
  parseMoney(text: string, currency: string): number | null;
  quantity(quantityMilli: number): string;
  parseQuantity(text: string): number | null;
  rate(rateBp: number): string;
  parseRate(text: string): number | null;
}

/** Reasons beside those of shared/fields.ts. */
export const notANumber = 'must be a number';
export const notAnAmount = 'must be an amount';

/** The fields of a form, objects opened up, in the order of their declaration; lists are not among them. */
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
 * A form's text as the fields of a record: blank is absent, and what surrounds a single line is cut off. `problems`
 * holds a reason for each path that does not parse or that `declared` refuses; where there is one, `value` is not sound.
 */
export function fromDraft(
  declared: Fields, fields: readonly FormField[], draft: Draft, numbers: NumberText,
): { readonly value: JsonObject; readonly problems: Problems } {
  const unread: Problems = {};
  const read: Record<string, Json> = {};
  for (const { path, field } of fields) {
    const value = fromText(field, path, draft[path] ?? '', text(draft['currency']), numbers);
    if (value === undefined) unread[path] = path.endsWith('Minor') ? notAnAmount : notANumber;
    else if (value !== null) setAt(read, path, value);
  }
  const problems: Problems = {};
  const value = checkFields(declared, read, problems);
  return { value, problems: { ...problems, ...unread } };
}

/** True where two drafts hold the same text. */
export function isSameDraft(a: Draft, b: Draft): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((path) => (a[path] ?? '') === (b[path] ?? ''));
}

/** What a record holds at a path, or undefined. */
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

/** Null for blank, undefined for what cannot be read. */
function fromText(field: ScalarField, path: string, typed: DraftValue, currency: string, numbers: NumberText): Json | undefined {
  if (typeof typed === 'boolean') return typed;
  if (typed.trim() === '') return null;
  if (field.kind !== 'integer') return field.kind === 'text' && (field.multiline || field.private) ? typed : typed.trim();
  if (path.endsWith('Minor')) return numbers.parseMoney(typed, currency) ?? undefined;
  if (path.endsWith('Milli')) return numbers.parseQuantity(typed) ?? undefined;
  if (path.endsWith('Bp')) return numbers.parseRate(typed) ?? undefined;
  return /^\s*-?\d+\s*$/.test(typed) ? Number(typed) : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
