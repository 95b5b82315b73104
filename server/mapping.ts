// The mapping file of `node server.ts adopt`: which collection and field of another program becomes which of ours
// (docs/bringing-data.md). Parsed strictly: a key that is not known is refused with its place.
//
//   "name": "fullName"                                    the field at that path, such as "billing.street"
//   "currency": { "value": "EUR" }                        the same for all
//   "status": { "from": "state", "values": { "OPEN": "open" }, "default": "draft" }
//   "unitPriceMinor": { "from": "cents", "scale": 1 }     the value times that; "major" for an amount such as 12.34
//   "address": { "street": "line1", "city": "town" }      an object
//   "lines": { "from": "items", "each": { … } }           a list, and what becomes of each of its entries

import { parseArgs } from 'node:util';

import { collections, publishedFields, writableFields, type Collection } from '../shared/collections.ts';
import { isObject, type Field, type Fields, type Json } from '../shared/fields.ts';
import { ConfigError } from './config.ts';

export type Rule =
  | { readonly kind: 'value'; readonly value: Json }
  | {
    readonly kind: 'path'; readonly path: readonly string[]; readonly scale: number | 'major';
    readonly values: Readonly<Record<string, Json>> | null; readonly otherwise: Json;
  }
  | { readonly kind: 'object'; readonly fields: Rules }
  | { readonly kind: 'list'; readonly path: readonly string[]; readonly fields: Rules };

export type Rules = ReadonlyMap<string, Rule>;

export interface MappedCollection {
  readonly collection: Collection;
  /** Its name in the other program's database. */
  readonly from: string;
  readonly rules: Rules;
}

export interface Mapping {
  readonly database: string;
  readonly timeZone: string;
  /** In the order in which records can refer to one another. */
  readonly collections: readonly MappedCollection[];
}

export interface AdoptOptions {
  readonly file: string;
  /** Null: the only one of the database. */
  readonly account: string | null;
  readonly isDryRun: boolean;
}

/** Throws `ConfigError` if the words are not the command's. */
export function parseAdoptOptions(args: readonly string[]): AdoptOptions {
  const usage = 'Usage: node server.ts adopt [--account <id>] [--dry-run] <mapping.json>';
  try {
    const options = { account: { type: 'string' }, 'dry-run': { type: 'boolean' } } as const;
    const { values, positionals: [file, ...rest] } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (file === undefined || rest.length > 0) throw new ConfigError(usage);
    return { file, account: values.account ?? null, isDryRun: values['dry-run'] === true };
  } catch (error) {
    throw new ConfigError(usage, { cause: error });
  }
}

/** The fields of an invoice that no client sends and that can be taken over all the same. */
const takenInvoiceFields = ['number', 'status', 'subtotalMinor', 'totalMinor', 'paidMinor', 'payments'] as const;

/** The fields that a mapping can have: those that a client may send except the password, and for invoices `takenInvoiceFields`. */
export function mappableFields(collection: Collection): Fields {
  const { password: _password, ...fields } = writableFields(collection);
  if (collection.name !== 'invoices') return fields;
  const published = publishedFields(collection);
  const { status, ...taken } = Object.fromEntries(takenInvoiceFields.flatMap((name) => {
    const field = published[name];
    return field ? [[name, { ...withoutIds(field), optional: true } as Field]] : [];
  }));
  return { ...fields, ...taken, ...(status ? { status: { ...status, optional: false } as unknown as Field } : {}) };
}

/** Entries get ids of ours. */
function withoutIds(field: Field): Field {
  if (field.kind !== 'list' || field.of.kind !== 'object') return field;
  const { id: _id, ...fields } = field.of.fields;
  return { ...field, of: { ...field.of, fields } };
}

/** Throws `ConfigError` with everything that is wrong with the file, a line for each. A byte order mark is ignored. */
export function parseMapping(text: string, file: string): Mapping {
  const faults: string[] = [];
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new ConfigError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const parse = createParser((place, what) => void faults.push(`${file}: ${place} ${what}.`));
  const mapping = parse(json);
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
  return mapping;
}

type Refuse = (place: string, what: string) => void;

function createParser(refuse: Refuse) {
  const members = (value: unknown, place: string, known: readonly string[]): Record<string, unknown> => {
    if (!isObject(value)) {
      refuse(place, 'must be an object');
      return {};
    }
    for (const key of Object.keys(value)) if (!known.includes(key)) refuse(`${place}.${key}`, `is not one of ${known.join(', ')}`);
    return value;
  };
  const path = (value: unknown, place: string): readonly string[] => {
    const parts = typeof value === 'string' ? value.split('.') : [];
    if (parts.length === 0 || parts.some((part) => part === '')) refuse(place, 'must be the path of a field, such as billing.street');
    return parts;
  };
  const rule = (name: string, field: Field, value: unknown, place: string): Rule => {
    if (field.kind === 'list') {
      const { from, each } = members(value, place, ['from', 'each']);
      const of = field.of.kind === 'object' ? field.of.fields : {};
      return { kind: 'list', path: path(from, `${place}.from`), fields: fields(of, each, `${place}.each`) };
    }
    if (field.kind === 'object') return { kind: 'object', fields: fields(field.fields, value, place) };
    if (typeof value === 'string') return { kind: 'path', path: path(value, place), scale: scaleOf(name), values: null, otherwise: null };
    const { value: constant, from, scale = scaleOf(name), values = null, default: otherwise = null } =
      members(value, place, ['value', 'from', 'scale', 'values', 'default']);
    const isConstant = isObject(value) && Object.hasOwn(value, 'value');
    if (isConstant && Object.keys(value).length > 1) refuse(place, 'has a value, and so nothing else');
    if (isConstant) return { kind: 'value', value: scalar(constant, `${place}.value`) };
    if (scale !== 'major' && !(typeof scale === 'number' && Number.isSafeInteger(scale) && scale > 0)) {
      refuse(`${place}.scale`, 'must be a whole number or "major"');
    }
    const table = values === null ? null : Object.fromEntries(Object.entries(isObject(values) ? values : {}).map(([key, to]) =>
      [key, scalar(to, `${place}.values.${key}`)]));
    if (values !== null && !isObject(values)) refuse(`${place}.values`, 'must be an object');
    return {
      kind: 'path', path: path(from, `${place}.from`), scale: scale === 'major' ? scale : Number(scale), values: table,
      otherwise: scalar(otherwise, `${place}.default`),
    };
  };
  const scalar = (value: unknown, place: string): Json => {
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Json;
    refuse(place, 'must be text, a number, true, false or null');
    return null;
  };
  const fields = (declared: Fields, value: unknown, place: string): Rules => {
    const given = members(value, place, Object.keys(declared));
    return new Map(Object.entries(declared).flatMap(([name, field]): [string, Rule][] => {
      if (Object.hasOwn(given, name)) return [[name, rule(name, field, given[name], `${place}.${name}`)]];
      if (!field.optional) refuse(`${place}.${name}`, 'is missing, and every record needs it');
      return [];
    }));
  };
  return (json: unknown): Mapping => {
    const { database, timeZone = 'UTC', collections: given } = members(json, 'mapping', ['database', 'timeZone', 'collections']);
    if (typeof database !== 'string' || !/^[^/\\. "$*<>:|?\0]{1,63}$/.test(database)) refuse('mapping.database', 'must name a database');
    if (typeof timeZone !== 'string' || !isTimeZone(timeZone)) refuse('mapping.timeZone', 'must be a time zone, such as Europe/Berlin');
    const mappable = collections.filter(({ single }) => !single);
    const byName = members(given, 'mapping.collections', mappable.map(({ name }) => name));
    const mapped = mappable.flatMap((collection): MappedCollection[] => {
      if (!Object.hasOwn(byName, collection.name)) return [];
      const place = `mapping.collections.${collection.name}`;
      const { from, fields: rules } = members(byName[collection.name], place, ['from', 'fields']);
      if (typeof from !== 'string' || from === '' || from.startsWith('system.')) refuse(`${place}.from`, 'must name a collection');
      return [{ collection, from: String(from), rules: fields(mappableFields(collection), rules, `${place}.fields`) }];
    });
    if (mapped.length === 0) refuse('mapping.collections', 'must name a collection');
    const twice = mapped.find(({ from }, index) => mapped.findIndex((other) => other.from === from) !== index);
    if (twice) refuse(`mapping.collections.${twice.collection.name}.from`, 'is named for another collection, too');
    return { database: String(database), timeZone: String(timeZone), collections: mapped };
  };
}

/** By the unit in the field's name: money is usually kept as 12.34, quantities as 1.5, rates in percent. */
function scaleOf(name: string): number | 'major' {
  return name.endsWith('Minor') ? 'major' : name.endsWith('Milli') ? 1000 : name.endsWith('Bp') ? 100 : 1;
}

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}
