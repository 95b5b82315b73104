// A document of another program as fields of ours, by the rules of a mapping file.
//
// Invariants: a value is taken over exactly or not at all; only the noise of binary floating point is removed (19.990000000000002 is
// 19.99). The same document always gives the same fields and the same id, so adopting it again changes nothing.

import { createHash } from 'node:crypto';

import { Binary, Decimal128, Long, ObjectId, type Document } from 'mongodb';

import { writableFields } from '../../shared/collections.ts';
import { currencyDigits } from '../../shared/currency.ts';
import { checkFields, isId, isObject, type Field, type Fields, type Json, type JsonObject } from '../../shared/fields.ts';
import { noProblems } from '../../shared/problems.ts';
import { mappableFields, type MappedCollection, type Mapping, type Rule, type Rules } from '../mapping.ts';

export interface Converted {
  readonly fields: JsonObject;
  /** What cannot be taken over: field and reason, in half a sentence each. */
  readonly problems: readonly string[];
}

interface Context {
  readonly database: string;
  readonly toDay: (date: Date) => string;
  readonly currency: string;
  readonly refuse: (path: string, what: string) => void;
}

export type Converter = (mapped: MappedCollection, document: Document) => Converted;

export function createConverter({ database, timeZone }: Mapping): Converter {
  const format = new Intl.DateTimeFormat('en', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const toDay = (date: Date): string => {
    const parts = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
    return `${parts['year']?.padStart(4, '0')}-${parts['month']}-${parts['day']}`;
  };
  return ({ collection, rules }, document) => {
    const declared = mappableFields(collection);
    const problems: string[] = [];
    const context = { database, toDay, currency: '', refuse: (path: string, what: string) => void problems.push(`${path} ${what}`) };
    const currencyRule = rules.get('currency');
    const currencyField = declared['currency'];
    // The currency says how many decimals an amount has.
    const currency = currencyRule && currencyField && convert(currencyField, currencyRule, document, '', { ...context, refuse: () => {} });
    const fields = convertFields(declared, rules, document, '', { ...context, currency: typeof currency === 'string' ? currency : '' });
    return { fields, problems };
  };
}

/** A projection on what the rules read, so that whatever else a document has, however large, stays where it is. */
export function sourceFields({ rules }: MappedCollection): Document {
  const fieldsOf = (some: Rules): string[] => [...some.values()].flatMap((rule) => {
    switch (rule.kind) {
      case 'value': return [];
      case 'object': return fieldsOf(rule.fields);
      default: return rule.path.slice(0, 1);
    }
  });
  return Object.fromEntries(['_id', ...fieldsOf(rules)].map((name) => [name, 1]));
}

/**
 * The id of a record: that of an ObjectId, also one written as text, as it is. Any other key, such as a UUID or a number, becomes 24
 * digits of its SHA-256, the same each time.
 */
export function toId(database: string, key: unknown): string {
  if (key instanceof ObjectId) return key.toHexString();
  const text = key instanceof Binary ? key.toString('hex') : String(key);
  if (typeof key === 'string' && isId(text.toLowerCase())) return text.toLowerCase();
  const type = typeof key === 'number' || key instanceof Long || key instanceof Decimal128 ? 'number' : typeof key;
  return createHash('sha256').update(`${database}\n${type}\n${isPlain(key) ? JSON.stringify(key) : text}`).digest('hex').slice(0, 24);
}

/** The fields of a document, checked: those that clients may send, and all; or what is wrong. */
export function checkDocument(
  convert: Converter, mapped: MappedCollection, document: Document, previous: JsonObject | null,
): { readonly input: JsonObject; readonly fields: JsonObject } | string {
  const { fields, problems: unreadable } = convert(mapped, document);
  const writable = writableFields(mapped.collection);
  const kept = Object.entries(previous ?? {}).filter(([name]) => Object.hasOwn(writable, name) && !mapped.rules.has(name));
  const sent = Object.entries(fields).filter(([name]) => Object.hasOwn(writable, name));
  const problems = noProblems();
  const input = checkFields(writable, Object.fromEntries([...kept, ...sent]), problems);
  const named = new Set(unreadable.map((text) => text.split(' ')[0]));
  const invalid = Object.entries(problems).filter(([path]) => !named.has(path)).map(([path, { message }]) => `${path} ${message}`);
  const all = [...unreadable, ...invalid];
  return all.length > 0 ? all.join(', ') : { input, fields };
}

function convertFields(declared: Fields, rules: Rules, source: unknown, path: string, context: Context): JsonObject {
  const output: Record<string, Json> = {};
  for (const [name, rule] of rules) {
    const field = declared[name];
    const value = field ? convert(field, rule, source, path + name, context) : null;
    if (value !== null) output[name] = value;
  }
  return output;
}

function convert(field: Field, rule: Rule, source: unknown, path: string, context: Context): Json {
  switch (rule.kind) {
    case 'value':
      return rule.value;
    case 'object': {
      if (field.kind !== 'object') return null;
      const fields = convertFields(field.fields, rule.fields, source, `${path}.`, context);
      return field.optional && Object.keys(fields).length === 0 ? null : fields;
    }
    case 'list': {
      const entries = find(source, rule.path);
      if (entries === undefined || entries === null) return [];
      if (!Array.isArray(entries) || field.kind !== 'list' || field.of.kind !== 'object') {
        context.refuse(path, 'is not a list there');
        return null;
      }
      const { fields } = field.of;
      return entries.map((entry, index) => convertFields(fields, rule.fields, entry, `${path}.${index}.`, context));
    }
    case 'path': {
      const found = find(source, rule.path);
      if (found === undefined || found === null || found === '') return rule.otherwise;
      if (rule.values) {
        const key = scalarText(found) ?? '';
        if (Object.hasOwn(rule.values, key)) return rule.values[key] ?? null;
        if (rule.otherwise !== null) return rule.otherwise;
        context.refuse(path, `is ${show(found)} there, which the mapping's values do not have`);
        return null;
      }
      return convertScalar(field, found, rule.scale, path, context);
    }
  }
}

function convertScalar(field: Field, found: unknown, scale: number | 'major', path: string, context: Context): Json {
  const refuse = (what: string): null => {
    context.refuse(path, `${what} (${show(found)})`);
    return null;
  };
  switch (field.kind) {
    case 'integer': {
      if (scale === 'major' && context.currency === '') return refuse('cannot be read without a currency');
      const factor = scale === 'major' ? 10 ** currencyDigits(context.currency) : scale;
      const amount = toInteger(found, factor);
      return typeof amount === 'string' ? refuse(amount) : amount;
    }
    case 'boolean':
      return typeof found === 'boolean' ? found : refuse('is neither true nor false there');
    case 'date': {
      if (found instanceof Date && !Number.isNaN(found.getTime())) return context.toDay(found);
      if (typeof found !== 'string') return refuse('is not a date there');
      if (/^\d{4}-\d\d-\d\d$/.test(found)) return found;
      const instant = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)$/.test(found) ? new Date(found) : null;
      return instant && !Number.isNaN(instant.getTime()) ? context.toDay(instant) : refuse('is not a date there');
    }
    case 'reference':
      return toId(context.database, found);
    default: {
      const text = scalarText(found);
      if (text === null) return refuse('is not text there');
      if (field.kind === 'currency' || field.kind === 'country') return text.trim().toUpperCase();
      return field.kind === 'email' ? text.trim() : text;
    }
  }
}

/** The number times the factor, exact; or why that is not a whole number. */
function toInteger(found: unknown, factor: number): number | string {
  // Fifteen digits are what a double holds of a decimal number.
  const text = typeof found === 'number' ? String(Number(found.toPrecision(15))) : scalarText(found) ?? '';
  const [, sign = '', whole = '', decimals = '', exponent = '0'] = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,2}))?$/.exec(text) ?? [];
  if (whole === '' || typeof found === 'boolean') return 'is not a number there';
  const shift = decimals.length - Number(exponent);
  const numerator = BigInt(whole + decimals) * BigInt(factor) * 10n ** BigInt(Math.max(0, -shift));
  const denominator = 10n ** BigInt(Math.max(0, shift));
  if (numerator % denominator !== 0n) return 'has more decimals than can be kept';
  const amount = Number(numerator / denominator);
  if (!Number.isSafeInteger(amount)) return 'is too large';
  return sign === '-' && amount !== 0 ? -amount : amount;
}

function find(source: unknown, path: readonly string[]): unknown {
  return path.reduce((value: unknown, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined), source);
}

/** The text of what has one; null for objects, lists and dates. */
function scalarText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (value instanceof ObjectId) return value.toHexString();
  const isNumber = typeof value === 'number' || value instanceof Decimal128 || value instanceof Long;
  return isNumber || typeof value === 'boolean' ? String(value) : null;
}

function isPlain(value: unknown): boolean {
  return isObject(value) && Object.getPrototypeOf(value) === Object.prototype;
}

function show(value: unknown): string {
  const text = scalarText(value) ?? (value instanceof Date ? 'a date' : Array.isArray(value) ? 'a list' : 'an object');
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
