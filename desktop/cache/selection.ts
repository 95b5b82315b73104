// The records that a list, total or export covers: compiles a search and filters to SQL with every value bound, and
// chooses the index.

import type { Collection, Column } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import { isDate, isObject } from '../../shared/fields.ts';
import type { Filter, ListSelection, Scalar } from '../../shared/window/views.ts';
import { hasIndexes } from './indexes.ts';
import {
  coveredFilters, filterIndex, listTable, namedColumns, recordsTable, selectiveFilters, sortIndex, type CacheReader, type Generation,
} from './schema.ts';
import { readDigest } from './state.ts';
import { searchCondition, type Condition, type SearchCondition } from './search.ts';

/** A selection as conditions joined by AND, and the facts that determine its index. */
export interface Where {
  readonly conditions: readonly Condition[];
  /** The filtered columns; their conditions come first, in this order. */
  readonly filtered: readonly string[];
  readonly search: SearchCondition | null;
}

const maxValues = 1000;

/** Parses a selection. Throws `invalid_request` for an unknown column or a malformed filter or search. */
export function readSelection(
  reader: CacheReader, generation: Generation, collection: Collection, selection: ListSelection,
): Where {
  const { search = '', amount = null, today = null, filters = {} } = selection;
  if (typeof search !== 'string') throw invalid('A search must be text.');
  if (amount !== null && !/^\d{1,16}(\.\d{1,4})?$/.test(amount)) throw invalid('An amount to search for must be a decimal number.');
  if (today !== null && !isDate(today)) throw invalid('The day of a list must be written YYYY-MM-DD.');
  if (!isObject(filters)) throw invalid('Filters must name columns.');
  const words = searchCondition(reader, generation, collection, search, amount);
  const conditions = Object.entries(filters).map(([name, filter]) => {
    if (name === 'id') return idCondition(recordsTable(collection.name, generation), filter);
    const column = collection.columns.find((declared) => declared.name === name);
    if (!column) throw invalid(`The ${collection.name} cannot be filtered by ${name}.`);
    return filterCondition(column, filter);
  });
  return {
    conditions: words ? [...conditions, words] : conditions,
    filtered: Object.keys(filters),
    search: words,
  };
}

export function whereSql(where: Where): string {
  return where.conditions.length === 0 ? '' : `WHERE ${where.conditions.map(({ sql }) => `(${sql})`).join(' AND ')}`;
}

export function whereValues(where: Where): (string | number)[] {
  return where.conditions.flatMap(({ values }) => values);
}

function idCondition(records: string, filter: Filter): Condition {
  const ids = isScalar(filter) ? [filter] : filter;
  const areIds = Array.isArray(ids) && ids.every((id) => typeof id === 'string');
  if (!areIds) throw invalid('The filter for id must be an id, or a list of ids.');
  return { sql: `rowid IN (SELECT rowid FROM ${records} WHERE id IN (SELECT value FROM json_each(?)))`, values: [JSON.stringify(ids)] };
}

function filterCondition(column: Column, filter: Filter): Condition {
  const name = `"${column.name}"`;
  if (isScalar(filter)) return { sql: `${name} = ?`, values: [toValue(filter)] };
  if (Array.isArray(filter)) {
    if (filter.length > maxValues) throw invalid(`A filter takes at most ${maxValues} values.`);
    if (!filter.every(isScalar)) throw invalidFilter(column);
    return { sql: `${name} IN (${filter.map(() => '?').join(', ')})`, values: filter.map(toValue) };
  }
  if (!isObject(filter)) throw invalidFilter(column);
  const { from = null, to = null, orNone = false, ...rest } = filter;
  if (Object.keys(rest).length > 0 || ![from, to].every((bound) => bound === null || isScalar(bound)) || typeof orNone !== 'boolean') {
    throw invalidFilter(column);
  }
  const bounds = [{ sql: `${name} >= ?`, bound: from }, { sql: `${name} <= ?`, bound: to }]
    .flatMap(({ sql, bound }) => isScalar(bound) ? [{ sql, value: toValue(bound) }] : []);
  const sql = [`${name} IS NOT NULL`, ...bounds.map((bound) => bound.sql)].join(' AND ');
  return { sql: orNone ? `${name} IS NULL OR (${sql})` : sql, values: bounds.map(({ value }) => value) };
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && !Number.isNaN(value));
}

function toValue(value: Scalar): string | number {
  return typeof value === 'boolean' ? Number(value) : value;
}

/**
 * The INDEXED BY or NOT INDEXED clause for a selection. `orders` lists the sorted columns whose index may be scanned,
 * best first; an index qualifies if it contains every filtered column. Otherwise the index of a filter that leaves few rows, if any.
 */
export function accessPath(
  reader: CacheReader, generation: Generation, collection: Collection, where: Where, orders: readonly string[],
): string {
  if (!hasIndexes(reader, generation, collection)) return 'NOT INDEXED';
  const { name } = collection;
  const selective = selectiveFilters(collection).find((column) => where.filtered.includes(column));
  if (selective !== undefined) return `INDEXED BY ${filterIndex(name, generation, selective)}`;
  const covered = coveredFilters(collection);
  const sorted = collection.columns.filter((column) => column.sorted).map((column) => column.name);
  const named = namedColumns(collection);
  const order = orders.find((column) => sorted.includes(column)
    && where.filtered.every((filtered) => (filtered === column && !named.includes(column)) || covered.includes(filtered)));
  const index = order ?? narrowestFilter(reader, generation, collection, where);
  return index === undefined ? 'NOT INDEXED' : `INDEXED BY ${sortIndex(name, generation, index)}`;
}

/** Looking up a row by an index takes about as long as scanning this many. */
const SCANNED_PER_LOOKUP = 16;

/**
 * The filtered column whose sort index alone leaves so few rows that looking these up is faster than scanning the list, as for what
 * is overdue. Its entries are counted, but no more than may be looked up.
 */
function narrowestFilter(reader: CacheReader, generation: Generation, collection: Collection, where: Where): string | undefined {
  const list = listTable(collection.name, generation);
  const mostRows = Math.floor((readDigest(reader, generation)[collection.name]?.count ?? 0) / SCANNED_PER_LOOKUP);
  let [narrowest, fewest]: [string | undefined, number] = [undefined, mostRows];
  for (const [index, name] of where.filtered.entries()) {
    const condition = where.conditions[index];
    const column = collection.columns.find((declared) => declared.name === name);
    if (!condition || !column?.sorted || column.named) continue;
    const rows = reader.db.prepare(`SELECT count(*) AS rows FROM (SELECT 1 FROM ${list} `
      + `INDEXED BY ${sortIndex(collection.name, generation, name)} WHERE ${condition.sql} LIMIT ${fewest})`)
      .get(...condition.values)?.['rows'];
    if (Number(rows) < fewest) [narrowest, fewest] = [name, Number(rows)];
  }
  return narrowest;
}

export function invalid(message: string): AppError {
  return new AppError('invalid_request', message);
}

function invalidFilter(column: Column): AppError {
  return invalid(`The filter for ${column.name} must be a value, a list of values, or a range from … to, orNone.`);
}
