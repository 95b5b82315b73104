// The tables derived from the declared collections: their names and definitions, and updating a file to match them.
//
// Each collection has three tables per generation, with the same rowids. Only the first holds original data:
//
//   invoices_a        the records as they arrived: id, updated_at and payload verbatim, and their CRC
//   invoices_a_list   the columns that lists need, extracted from the payload by SQLite, and the keys that names are sorted by
//   invoices_a_words  the full-text index over the searched columns, and over texts in the payload that no list shows (if FTS5 is
//                     compiled in)
//
// The list is a separate table because scanning it reads 14 MB instead of 100 (100,000 invoices: 6 ms instead of 18),
// which keeps every filter, total and first-sync list fast without an index, and because a changed declaration can
// rebuild it without touching the records. Its columns are not generated ones, because SQLite never reads those from a
// covering index.
//
// Invariants: nothing here names a collection, and records are never rewritten. If the declarations or this SQLite
// differ from what built the lists, these are recomputed from the payloads, in one transaction and without the network;
// a new collection gets empty tables, a removed one loses its tables.

import { createHash } from 'node:crypto';

import type { Collection, Column } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import { inTransaction, prepared, type ReadDb, type WriteDb } from './sqlite.ts';
import { textVersion } from './text.ts';

/** There are two sets of tables: one is read while a rebuild fills the other. */
export type Generation = 'a' | 'b';

export function otherGeneration(generation: Generation): Generation {
  return generation === 'a' ? 'b' : 'a';
}

/** Everything that follows from the declarations and the features of this SQLite. */
export interface Layout {
  readonly collections: ReadonlyMap<string, Collection>;
  /** Whether there are full-text indexes; without them a search matches substrings. */
  readonly hasFullText: boolean;
  /** Changes whenever the definition of a table or index does. */
  readonly fingerprint: string;
}

/** The file behind the connections. */
export interface CacheFile {
  readonly path: string;
  readonly busyTimeoutMs: number;
  /**
   * Whether the rows may differ from their digest: a log was left behind, and it may be from another day. Reset by `proveRows`.
   */
  needsProof: boolean;
  /** Every open connection, for `closeCache`: on Windows, a leaked one would make the file undeletable. */
  readonly connections: Set<ReadDb>;
}

/** A connection with its file and layout: the first argument of every function on the cache. */
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
  /** For the sync only. It can be passed as a reader and then sees its own uncommitted changes. */
  readonly writer: CacheWriter;
  /** Sees committed data only. */
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
    wordsSelect(collection, 'a'),
    String(textVersion),
  ]);
  return {
    collections: new Map(collections.map((collection) => [collection.name, collection])),
    hasFullText,
    fingerprint: createHash('sha256').update(JSON.stringify(definitions)).digest('hex'),
  };
}

/** The declaration of a collection. Throws `invalid_request` for an unknown name. */
export function collectionIn(layout: Layout, name: string): Collection {
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

/** The temporary table that `fillBalances` fills. */
export const balanceTable = 'balances';

export function wordsTable(name: string, generation: Generation): string {
  return `"${name}_${generation}_words"`;
}

/** The index in the order of a sorted column. */
export function sortIndex(name: string, generation: Generation, column: string): string {
  return `"${name}_${generation}_by_${column}"`;
}

/** The index for lookups by one value of a filtered column. */
export function filterIndex(name: string, generation: Generation, column: string): string {
  return `"${name}_${generation}_of_${column}"`;
}

export function searchedColumns(collection: Collection): readonly string[] {
  return collection.columns.filter((column) => column.searched).map((column) => column.name);
}

/** The columns that are sorted by a key, which is in the column that `keyOf` names. */
export function namedColumns(collection: Collection): readonly string[] {
  return collection.columns.filter((column) => column.named).map((column) => column.name);
}

/** The column with the key that a named column is sorted by. */
export function keyOf(column: string): string {
  return `${column}_key`;
}

/** The column of a list with the record's id as bytes. */
export const idColumn = '_id';

/** The column of a full-text index for the texts of entries. */
const entriesColumn = '_entries';

/** The columns of a full-text index. */
export function wordsColumns(collection: Collection): readonly string[] {
  return [...searchedColumns(collection), ...collection.searchedEntries ? [entriesColumn] : []];
}

/** A SELECT of the rowid and of what is in each of the `wordsColumns`; callers append a condition on `list.rowid`. */
export function wordsSelect(collection: Collection, generation: Generation): string {
  const { name } = collection;
  const columns = searchedColumns(collection).map((column) => `search_text(list."${column}")`);
  const from = `FROM ${listTable(name, generation)} AS list`;
  if (!collection.searchedEntries) return `SELECT list.rowid, ${columns.join(', ')} ${from}`;
  columns.push(`search_text(${entriesText(collection.searchedEntries, 'records.payload')})`);
  return `SELECT list.rowid, ${columns.join(', ')} ${from} `
    + `JOIN ${recordsTable(name, generation)} AS records ON records.rowid = list.rowid`;
}

function entriesText({ list, field }: NonNullable<Collection['searchedEntries']>, payload: string): string {
  // `jsonb_each` neither writes an entry as text nor reads it again.
  return `(SELECT group_concat(value ->> '$.${field}', ' ') FROM jsonb_each(${payload}, '$.${list}') WHERE type = 'object')`;
}

/**
 * The low-cardinality filtered columns. They are included in every sort index, so that a filtered list scans that index
 * in order and reads nothing else. An index of their own would match half of the records.
 */
export function coveredFilters(collection: Collection): readonly string[] {
  return collection.columns.filter((column) => column.filtered && hasFewValues(collection, column))
    .map((column) => column.name);
}

/** The high-cardinality filtered columns, each worth an index of its own. */
export function selectiveFilters(collection: Collection): readonly string[] {
  return collection.columns.filter((column) => column.filtered && !hasFewValues(collection, column))
    .map((column) => column.name);
}

function hasFewValues(collection: Collection, column: Column): boolean {
  const kind = collection.fields[column.name]?.kind;
  return kind === 'choice' || kind === 'boolean' || kind === 'currency';
}

/** The statements that create a collection's empty tables. */
function createStatements(collection: Collection, generation: Generation, hasFullText: boolean): string[] {
  const { name } = collection;
  const records = `CREATE TABLE IF NOT EXISTS ${recordsTable(name, generation)} (`
    + 'rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, updated_at TEXT NOT NULL, crc INTEGER NOT NULL, '
    + 'payload TEXT NOT NULL) STRICT';
  return [records, ...derivedStatements(collection, generation, hasFullText)];
}

/** The statements that create only the tables derived from the records. */
function derivedStatements(collection: Collection, generation: Generation, hasFullText: boolean): string[] {
  const { name } = collection;
  const columns = collection.columns.map((column) =>
    `"${column.name}" ${column.type === 'integer' ? 'INTEGER' : 'TEXT'}${isCaseless(column) ? ' COLLATE NOCASE' : ''}`);
  const keys = namedColumns(collection).map((column) => `"${keyOf(column)}" TEXT`);
  const list = `CREATE TABLE ${listTable(name, generation)} `
    + `(rowid INTEGER PRIMARY KEY, ${[...columns, ...keys, `"${idColumn}" BLOB`].join(', ')})`;
  const searched = searchedColumns(collection);
  if (!hasFullText || searched.length === 0) return [list];
  return [list, `CREATE VIRTUAL TABLE ${wordsTable(name, generation)} USING ${fullText(collection)}`];
}

/**
 * The full-text index of a collection. Contentless: the text is already in the list. No prefix index: it would speed up "i*"
 * over 100,000 invoices only from 6 to 5 ms, at a third more build time and twice the size.
 */
export function fullText(collection: Collection): string {
  return `fts5(${quoteAll(wordsColumns(collection))}, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2')`;
}

function isCaseless(column: Column): boolean {
  return column.type === 'text' && column.sorted === true;
}

/** The columns that a list is sorted by. No two rows are equal in all of them, so that every copy has the same order. */
export function sortColumns({ columns }: Collection, sortBy: string): readonly string[] {
  const { named, ties } = columns.find(({ name }) => name === sortBy) ?? {};
  return [named ? keyOf(sortBy) : sortBy, ...ties === undefined ? [] : [ties], idColumn];
}

/** The terms of an ORDER BY or an index with these columns, all in one direction; `table` precedes each column. */
export function sortTerms(columns: readonly string[], table = ''): readonly string[] {
  // Any bytes come after any text: what has no number yet will get a later one.
  return columns.map((name, index) => index === 0 || name === idColumn ? `${table}"${name}"` : `coalesce(${table}"${name}", x'')`);
}

/** The statements that create a collection's indexes. */
export function indexStatements(collection: Collection, generation: Generation): string[] {
  const { name } = collection;
  const list = listTable(name, generation);
  const covered = coveredFilters(collection);
  const sorts = collection.columns.filter((column) => column.sorted).map((column) => {
    const rest = covered.filter((other) => other !== column.name).map((other) => `"${other}"`);
    return `CREATE INDEX ${sortIndex(name, generation, column.name)} ON ${list} `
      + `(${[...sortTerms(sortColumns(collection, column.name)), ...rest].join(', ')})`;
  });
  const filters = selectiveFilters(collection).map((column) =>
    `CREATE INDEX ${filterIndex(name, generation, column)} ON ${list} ("${column}")`);
  return [...sorts, ...filters];
}

/**
 * A SELECT over the records that yields the rows of the list; callers may append AND conditions. Records whose payload is
 * not strict JSON yield no row (SQLite by itself would also accept JSON5).
 */
export function listSelect(collection: Collection, generation: Generation): string {
  const values = listValues(collection).map(({ sql }) => sql);
  return `SELECT rowid, ${values.join(', ')} FROM ${recordsTable(collection.name, generation)} `
    + 'WHERE json_valid(payload)';
}

interface ListValue {
  readonly name: string;
  /** What yields it from a record. */
  readonly sql: string;
}

/** What a list has beside the rowid: its columns, the keys of names, and the id. */
export function listValues({ columns }: Collection): readonly ListValue[] {
  return [...payloadValues(columns), { name: idColumn, sql: 'unhex(id)' }];
}

function payloadValues(columns: readonly Column[]): readonly ListValue[] {
  return [
    ...columns.map((column) => ({ name: column.name, sql: columnExpression(column) })),
    ...columns.filter(({ named }) => named).map((column) =>
      ({ name: keyOf(column.name), sql: `sort_key(CAST(${columnExpression(column)} AS TEXT))` })),
  ];
}

/** An INSERT of rows of the list in place of those that are there; callers may append AND conditions on the records. */
export function listInsert(collection: Collection, generation: Generation): string {
  // Nothing is replaced as a rule, but a plain INSERT would keep a statement journal to undo itself.
  return `INSERT OR REPLACE INTO ${listTable(collection.name, generation)} `
    + `(${quoteAll(['rowid', ...listValues(collection).map(({ name }) => name)])}) ${listSelect(collection, generation)}`;
}

/** A SELECT of one row: the columns that the list has for the payload that is bound to it. */
export function listValuesSelect(collection: Collection): string {
  const values = collection.columns.map((column) => `${columnExpression(column)} AS "${column.name}"`);
  return `SELECT ${values.join(', ')} FROM (SELECT ? AS payload)`;
}

/**
 * A SELECT that says of each column, as 1 or 0, whether the list has there exactly what a payload yields, and then whether
 * the searched texts of its entries are those of the record as stored; the payload's UTF-8 and the rowid are bound in this order. No
 * row if the payload is not strict JSON.
 */
export function listComparison(collection: Collection, generation: Generation): string {
  const same = collection.columns.map(({ name }) => `list."${name}" COLLATE BINARY IS expected."${name}" AS "${name}"`);
  const expected = collection.columns.map((column) => `${columnExpression(column)} AS "${column.name}"`);
  const { searchedEntries } = collection;
  const entries = searchedEntries
    ? `${entriesText(searchedEntries, 'records.payload')} IS ${entriesText(searchedEntries, 'expected.payload')}` : '1';
  return `SELECT ${same.join(', ')}, ${entries} AS "${entriesColumn}" FROM (SELECT ${expected.join(', ')}, payload `
    + 'FROM (SELECT CAST(? AS TEXT) AS payload) WHERE json_valid(payload)) AS expected '
    + `LEFT JOIN ${listTable(collection.name, generation)} AS list ON list.rowid = ? `
    + `LEFT JOIN ${recordsTable(collection.name, generation)} AS records ON records.rowid = list.rowid`;
}

/** Whether a row of `listComparison` says that the searched texts of the entries have changed. */
export function hasOtherEntries(row: Readonly<Record<string, unknown>>): boolean {
  return row[entriesColumn] === 0;
}

/** An UPDATE of some columns of a list's row, with their keys; the payload's UTF-8 and the rowid are bound in this order. */
export function listUpdate(collection: Collection, generation: Generation, columns: readonly Column[]): string {
  const values = payloadValues(columns);
  return `UPDATE ${listTable(collection.name, generation)} SET (${quoteAll(values.map(({ name }) => name))}) = `
    + `(SELECT ${values.map(({ sql }) => sql).join(', ')} FROM (SELECT CAST(? AS TEXT) AS payload)) WHERE rowid = ?`;
}

/** A condition on rows of a list that are of the wrong kind for their columns; null if there can be none. */
export function wrongKind(collection: Collection): string | null {
  const integers = collection.columns.filter((column) => column.type === 'integer');
  return integers.length === 0 ? null : integers.map(({ name }) => `typeof("${name}") NOT IN ('integer', 'null')`).join(' OR ');
}

function columnExpression(column: Column): string {
  const value = column.difference ? differenceExpression(column.difference)
    : column.greatest ? greatestExpression(column.greatest) : fieldExpression(column.name);
  return column.negative ? `CASE WHEN ${holds(column.negative)} THEN -${value} ELSE ${value} END` : value;
}

function differenceExpression({ of, minus, where }: NonNullable<Column['difference']>): string {
  const terms = [of, ...minus].map((field) => `coalesce(${fieldExpression(field)}, 0)`);
  return `(CASE WHEN ${holds(where)} THEN ${terms.join(' - ')} ELSE 0 END)`;
}

function greatestExpression({ of, field }: NonNullable<Column['greatest']>): string {
  const entry = (index: number, path = ''): string => `payload ->> '$.${of}[${index}]${path}'`;
  // Most lists have one entry or none; looking for more costs half of a first sync's list columns (7 against 4.5 µs a row).
  return `(CASE WHEN ${entry(1)} IS NULL THEN ${entry(0, `.${field}`)}
    ELSE (SELECT max(value ->> '$.${field}') FROM jsonb_each(payload, '$.${of}') WHERE type = 'object') END)`;
}

function holds({ field, values }: NonNullable<Column['negative']>): string {
  return `${fieldExpression(field)} IN (${values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ')})`;
}

function fieldExpression(field: string): string {
  return `(payload ->> '$.${field}')`;
}

export function quoteAll(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

/**
 * Updates the tables to match the layout; a no-op if they already do. 100,000 records take about half a second; a crash
 * leaves the previous tables. Afterwards the indexes are missing until `buildIndexes` has built them.
 */
export function syncLayout(writer: CacheWriter): void {
  const { db, layout } = writer;
  const state = db.prepare('SELECT fingerprint, generation, rebuild_reason FROM state').get();
  if (state?.['fingerprint'] === layout.fingerprint) return;
  inTransaction(db, 'updating the data for this version', () => {
    for (const table of collectionTables(writer)) {
      if (table.kind !== 'records' || !layout.collections.has(table.collection)) {
        for (const sql of dropStatement(writer, table)) db.exec(sql);
      }
    }
    const generation = state?.['generation'] === 'b' ? 'b' : 'a';
    createTables(writer, generation);
    if (state?.['rebuild_reason'] != null) createTables(writer, otherGeneration(generation));
    db.exec('DELETE FROM build');
    db.prepare('DELETE FROM digest WHERE collection NOT IN (SELECT value FROM json_each(?))')
      .run(JSON.stringify([...layout.collections.keys()]));
    db.prepare('UPDATE state SET fingerprint = ?').run(layout.fingerprint);
  });
}

/** Throws `cache_unusable` if the tables do not match the layout and so cannot be read without updating them. */
export function requireCurrentLayout({ db, layout }: CacheReader): void {
  if (db.prepare('SELECT fingerprint FROM state').get()?.['fingerprint'] === layout.fingerprint) return;
  throw new AppError('cache_unusable', 'The data on this computer does not match this version of Invoify and cannot be updated. '
    + 'Check the write permissions of its folder.');
}

/** Creates a generation's missing tables and fills the lists from the existing records. */
export function createTables(writer: CacheWriter, generation: Generation): void {
  for (const collection of writer.layout.collections.values()) {
    for (const sql of createStatements(collection, generation, writer.layout.hasFullText)) writer.db.exec(sql);
    writer.db.exec(listInsert(collection, generation));
  }
}

/** Drops every table of a generation, with its digest and build progress. */
export function dropTables(writer: CacheWriter, generation: Generation): void {
  for (const sql of dropStatements(writer, generation)) writer.db.exec(sql);
}

/** The statements with which `dropTables` does so. */
export function dropStatements(reader: CacheReader, generation: Generation): string[] {
  const tables = collectionTables(reader).filter((table) => table.generation === generation);
  return [
    ...tables.flatMap((table) => dropStatement(reader, table)),
    `DELETE FROM digest WHERE generation = '${generation}'`,
    `DELETE FROM build WHERE generation = '${generation}'`,
  ];
}

/** Whether the file has any table of a generation. */
export function hasTables(reader: CacheReader, generation: Generation): boolean {
  return collectionTables(reader).some((table) => table.generation === generation);
}

interface CollectionTable {
  readonly name: string;
  readonly collection: string;
  readonly generation: string;
  readonly kind: 'records' | 'list' | 'words';
}

/** The collections' tables in the file, including those of collections no longer declared. */
function collectionTables({ db }: CacheReader): CollectionTable[] {
  return prepared(db, `SELECT name FROM sqlite_schema WHERE type = 'table'`).all().flatMap((row) => {
    const name = String(row['name']);
    const [, collection = '', generation = '', kind] = /^([a-zA-Z0-9]+)_([ab])(?:_(list|words))?$/.exec(name) ?? [];
    if (generation === '') return [];
    return [{ name, collection, generation, kind: kind === 'list' || kind === 'words' ? kind : 'records' }];
  });
}

/** Without FTS5, its tables cannot even be dropped; they stay unused until an SQLite with FTS5 opens the file. */
function dropStatement({ layout }: CacheReader, table: CollectionTable): string[] {
  return table.kind === 'words' && !layout.hasFullText ? [] : [`DROP TABLE "${table.name}"`];
}
