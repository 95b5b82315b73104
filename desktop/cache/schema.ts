// What the cache's file looks like: names and definitions of the tables that follow from the declared collections.
//
// Per collection and generation there are three, and only the first holds anything of its own:
//
//   invoices_a        the records as they arrived: id, updated_at and payload to the letter, and their CRC
//   invoices_a_list   the columns that lists need, computed by SQLite from the payload, same rowid
//   invoices_a_words  full-text index over the searched columns (where FTS5 is compiled in), same rowid
//
// The list is a table of its own because scanning it reads 14 MB where the records are 100 (100,000 invoices: 6 ms
// instead of 18), so that every filter, sum and first-sync list is quick without an index for it, and because a new
// declaration then rebuilds lists without touching a record. Ordinary columns and not generated ones, which SQLite
// never reads from a covering index. Nothing here names a collection.

import { createHash } from 'node:crypto';

import type { Collection, Column } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import type { ReadDb, WriteDb } from './sqlite.ts';

/** Two sets of tables: one is read, the other is where a rebuild grows. */
export type Generation = 'a' | 'b';
export const generations: readonly Generation[] = ['a', 'b'];

export function otherGeneration(generation: Generation): Generation {
  return generation === 'a' ? 'b' : 'a';
}

/** Everything that follows from the declarations and from what this SQLite can do. */
export interface Layout {
  readonly collections: ReadonlyMap<string, Collection>;
  /** Whether full-text indexes are kept; without them a search looks for parts of words. */
  readonly hasFullText: boolean;
  /** Changes whenever a derived table would look different. */
  readonly fingerprint: string;
}

/** The file behind the connections. */
export interface CacheFile {
  readonly path: string;
  readonly busyTimeoutMs: number;
  /** Every open connection, for `closeCache`: a forgotten one would keep Windows from removing the file. */
  readonly connections: Set<ReadDb>;
}

/** A connection and what is behind it; every function on the cache takes one first. */
export interface CacheReader {
  readonly file: CacheFile;
  readonly layout: Layout;
  readonly db: ReadDb;
}
export interface CacheWriter extends CacheReader {
  readonly db: WriteDb;
}

/** An open cache. */
export interface Cache {
  readonly file: CacheFile;
  /** Writes; the sync's alone. Where a reader is asked for it may stand in, and sees what it has not committed yet. */
  readonly writer: CacheWriter;
  /** Reads what is committed. */
  readonly reader: CacheReader;
}

const namePattern = /^[a-zA-Z][a-zA-Z0-9]{0,60}$/;

export function createLayout(collections: readonly Collection[], hasFullText: boolean): Layout {
  for (const { name, columns } of collections) {
    const bad = [name, ...columns.map((column) => column.name)]
      .find((text) => !namePattern.test(text) || ['id', 'rowid'].includes(text));
    if (bad !== undefined) throw new TypeError(`${bad} cannot be the name of a table or column`);
  }
  const definitions = collections.map((collection) => [
    ...createStatements(collection, 'a', hasFullText),
    ...indexStatements(collection, 'a'),
    listSelect(collection, 'a'),
  ]);
  return {
    collections: new Map(collections.map((collection) => [collection.name, collection])),
    hasFullText,
    fingerprint: createHash('sha256').update(JSON.stringify(definitions)).digest('hex'),
  };
}

/** The declaration of a collection that a caller named; throws `invalid_request` for any other name. */
export function requireCollection(layout: Layout, name: string): Collection {
  const collection = layout.collections.get(name);
  if (!collection) throw new AppError('invalid_request', `There is no collection called ${name}.`);
  return collection;
}

export function recordsTable(name: string, generation: Generation): string {
  return `"${name}_${generation}"`;
}

export function listTable(name: string, generation: Generation): string {
  return `"${name}_${generation}_list"`;
}

export function wordsTable(name: string, generation: Generation): string {
  return `"${name}_${generation}_words"`;
}

/** The index that gives a sorted column's order. */
export function sortIndex(name: string, generation: Generation, column: string): string {
  return `"${name}_${generation}_by_${column}"`;
}

/** The index that finds the few records with one value of a filtered column. */
export function filterIndex(name: string, generation: Generation, column: string): string {
  return `"${name}_${generation}_of_${column}"`;
}

export function searchedColumns(collection: Collection): readonly string[] {
  return collection.columns.filter((column) => column.searched).map((column) => column.name);
}

/**
 * The filtered columns that have few different values: they ride along in every sort index, so that a filtered list
 * walks the order it is shown in and reads nothing else. An index of their own would find half of the records.
 */
export function coveredFilters(collection: Collection): readonly string[] {
  return collection.columns.filter((column) => column.filtered && hasFewValues(collection, column))
    .map((column) => column.name);
}

/** The filtered columns with many values, each worth an index of its own. */
export function selectiveFilters(collection: Collection): readonly string[] {
  return collection.columns.filter((column) => column.filtered && !hasFewValues(collection, column))
    .map((column) => column.name);
}

function hasFewValues(collection: Collection, column: Column): boolean {
  const kind = collection.fields[column.name]?.kind;
  return kind === 'choice' || kind === 'boolean' || kind === 'currency';
}

/** The statements that make a collection's empty tables. */
export function createStatements(collection: Collection, generation: Generation, hasFullText: boolean): string[] {
  const { name } = collection;
  const records = `CREATE TABLE IF NOT EXISTS ${recordsTable(name, generation)} (`
    + 'rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, updated_at TEXT NOT NULL, crc INTEGER NOT NULL, '
    + 'payload TEXT NOT NULL) STRICT';
  return [records, ...derivedStatements(collection, generation, hasFullText)];
}

/** The statements that make only what can be computed again from the records. */
export function derivedStatements(collection: Collection, generation: Generation, hasFullText: boolean): string[] {
  const { name } = collection;
  const columns = collection.columns.map((column) =>
    `"${column.name}" ${column.type === 'integer' ? 'INTEGER' : 'TEXT'}${isCaseless(column) ? ' COLLATE NOCASE' : ''}`);
  const list = `CREATE TABLE ${listTable(name, generation)} (rowid INTEGER PRIMARY KEY, ${columns.join(', ')})`;
  const searched = searchedColumns(collection);
  if (!hasFullText || searched.length === 0) return [list];
  // Contentless: the words are in the list already. No prefix index: "i*" over 100,000 invoices takes 6 ms without
  // one and 5 with, which a third more build time and twice the size do not buy.
  const words = `CREATE VIRTUAL TABLE ${wordsTable(name, generation)} USING fts5(${quoteAll(searched)}, content='', `
    + `contentless_delete=1, tokenize='unicode61 remove_diacritics 2')`;
  return [list, words];
}

function isCaseless(column: Column): boolean {
  return column.type === 'text' && column.sorted === true;
}

/**
 * The statements that make a collection's indexes. The rowid comes second, so that equal values have one order and
 * the index still gives it.
 */
export function indexStatements(collection: Collection, generation: Generation): string[] {
  const { name } = collection;
  const list = listTable(name, generation);
  const covered = coveredFilters(collection);
  const sorts = collection.columns.filter((column) => column.sorted).map((column) => {
    const rest = covered.filter((other) => other !== column.name);
    return `CREATE INDEX ${sortIndex(name, generation, column.name)} ON ${list} `
      + `(${quoteAll([column.name, 'rowid', ...rest])})`;
  });
  const filters = selectiveFilters(collection).map((column) =>
    `CREATE INDEX ${filterIndex(name, generation, column)} ON ${list} ("${column}")`);
  return [...sorts, ...filters];
}

/**
 * The rows of the list as SELECT over the records, to be completed by AND. Records whose payload is not JSON (strictly:
 * SQLite alone would also read JSON5) give no row.
 */
export function listSelect(collection: Collection, generation: Generation): string {
  const values = collection.columns.map(columnExpression);
  return `SELECT rowid, ${values.join(', ')} FROM ${recordsTable(collection.name, generation)} `
    + 'WHERE json_valid(payload)';
}

function columnExpression(column: Column): string {
  if (!column.difference) return fieldExpression(column.name);
  const { of, minus, where } = column.difference;
  const values = where.values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ');
  return `CASE WHEN ${fieldExpression(where.field)} IN (${values}) `
    + `THEN coalesce(${fieldExpression(of)}, 0) - coalesce(${fieldExpression(minus)}, 0) ELSE 0 END`;
}

function fieldExpression(field: string): string {
  return `payload ->> '$.${field}'`;
}

export function quoteAll(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
