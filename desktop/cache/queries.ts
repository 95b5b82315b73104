// The window's queries other than totals: list pages, single records, counts. Each reads from one snapshot.
//
// Pages must be fast at any offset (measured with 100,000 records). If the sort index covers all filters, it is scanned
// in order, from the nearer end: 0.4 ms for the first and last page, up to 8 for the one in the middle. A filter on a
// high-cardinality column uses that column's index, and a filter that leaves few rows that of its own column. Otherwise, and until
// the indexes are built, the narrow list is scanned (7 ms), keeping only the page's rows sorted. Names are sorted by their keys, and
// balances by a table of them. The choice depends on the declarations, the query and counts of the moment, never on statistics.

import type { Collection } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import { isObject, type JsonObject } from '../../shared/fields.ts';
import type { ListPage, ListQuery, ListRow, ListSelection, RecordView } from '../../shared/window/views.ts';
import { fillBalances } from './balances.ts';
import {
  balanceTable, collectionIn, idColumn, listTable, listValuesSelect, quoteAll, recordsTable, sortColumns, sortTerms,
  type CacheReader, type Generation,
} from './schema.ts';
import { accessPath, invalid, readSelection, whereSql, whereValues, type Where } from './selection.ts';
import { readDigest, readState } from './state.ts';
import { inReadTransaction } from './sqlite.ts';
import { fillTemporary, writeTemporary } from './temporary.ts';

const maxLimit = 500;
/** Rows per batch of `listRows`. */
const batchRows = 500;

/**
 * A page of a list, in an order that is the same in every copy: equal values are ordered as `sortColumns` says. Throws
 * `invalid_request` for an unknown collection or column, a malformed filter or search, or an offset or limit out of range. The
 * records with the ids in `omitted` are left out.
 */
export function listPage(reader: CacheReader, query: ListQuery, omitted: readonly string[] = []): ListPage {
  const collection = collectionIn(reader.layout, query.collection);
  const page = parsePage(collection, query);
  return inReadTransaction(reader.db, `listing the ${collection.name}`, () => {
    const { generation } = readState(reader);
    const where = omit(omitted, collection, generation, readSelection(reader, generation, collection, query));
    const total = countSelection(reader, generation, collection, where);
    if (collection.balances) fillBalances(reader, generation, query.today ?? '');
    return { rows: readRows(reader, generation, collection, where, page, total), total };
  });
}

function omit(ids: readonly string[], { name }: Collection, generation: Generation, where: Where): Where {
  if (ids.length === 0) return where;
  const rowids = `SELECT rowid FROM ${recordsTable(name, generation)} WHERE id IN (SELECT value FROM json_each(?))`;
  return { ...where, conditions: [...where.conditions, { sql: `rowid NOT IN (${rowids})`, values: [JSON.stringify(ids)] }] };
}

/** The columns that a list would have for a record with this payload. Throws `invalid_request` for an unknown collection. */
export function listedColumns(reader: CacheReader, collection: string, payload: JsonObject): ListRow['columns'] {
  const row = reader.db.prepare(listValuesSelect(collectionIn(reader.layout, collection))).get(JSON.stringify(payload));
  return { ...row } as ListRow['columns'];
}

/**
 * A record with its full payload, or null if the cache has no record of that id. Throws `invalid_request` for an unknown
 * collection, `cache_unusable` if the payload is damaged.
 */
export function getRecord(reader: CacheReader, collection: string, id: string): RecordView | null {
  const { name } = collectionIn(reader.layout, collection);
  return inReadTransaction(reader.db, 'reading a record', () => {
    const { generation } = readState(reader);
    const row = reader.db.prepare(`SELECT updated_at, payload FROM ${recordsTable(name, generation)} WHERE id = ?`)
      .get(id);
    if (!row) return null;
    return { id, updatedAt: String(row['updated_at']), payload: parsePayload(String(row['payload']), `${name}/${id}`) };
  });
}

export function parsePayload(text: string, what: string): JsonObject {
  try {
    const payload: unknown = JSON.parse(text);
    if (isObject(payload)) return payload as JsonObject;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AppError('cache_unusable', `The local data of ${what} is damaged. It will be downloaded again.`, { damage: 'contents' });
}

/** The number of records in each declared collection. */
export function counts(reader: CacheReader): Record<string, number> {
  return inReadTransaction(reader.db, 'counting the records', () => {
    const digest = readDigest(reader, readState(reader).generation);
    return Object.fromEntries([...reader.layout.collections.keys()].map((name) => [name, digest[name]?.count ?? 0]));
  });
}

function readRows(
  reader: CacheReader, generation: Generation, collection: Collection, where: Where, page: Page, total: number,
): ListRow[] {
  const { name } = collection;
  const list = listTable(name, generation);
  // Search results are looked up row by row, unless there are so many that scanning in order reaches them sooner.
  const isSelective = where.search !== null && total * 32 < countAll(reader, generation, collection);
  const access = isSelective ? 'NOT INDEXED' : accessPath(reader, generation, collection, where, [page.sortBy]);
  // Whatever is nearer to the end is found from there, since every row before it has to be skipped.
  const isFromEnd = page.offset > total / 2;
  const limit = Math.max(0, Math.min(page.limit, total - page.offset));
  const offset = isFromEnd ? Math.max(0, total - page.offset - limit) : page.offset;
  const order = orderBy(collection, page);
  const scanned = isFromEnd ? orderBy(collection, page, true) : order;
  // Rowids first: sorting and skipping handle little data, and only the page's rows are read in full.
  const candidates = access === 'NOT INDEXED' && page.isDescending !== isFromEnd
    // Rows are stored in order of arrival, which many sorts resemble. Scanning backwards meets the page's rows first;
    // scanning forwards, each row would displace another (five times slower). LIMIT -1 keeps SQLite from dropping the
    // inner ORDER BY.
    ? `(SELECT rowid, ${scanned.columns} FROM ${list} NOT INDEXED ${whereSql(where)} ORDER BY rowid DESC LIMIT -1) AS list`
    : `${list} AS list ${access} ${whereSql(where)}`;
  const rowids = `SELECT rowid FROM ${candidates} ${scanned.sql} LIMIT ? OFFSET ?`;
  const rows = reader.db.prepare(`SELECT records.id, records.updated_at, ${rowColumns(collection)} FROM (${rowids}) AS page `
    // CROSS keeps SQLite from scanning the whole order again to find the page's rows.
    + `CROSS JOIN ${list} AS list ON list.rowid = page.rowid `
    + `CROSS JOIN ${recordsTable(name, generation)} AS records ON records.rowid = page.rowid ${joinBalances(collection)} ${order.sql}`)
    .all(...whereValues(where), limit, offset);
  return rows.map(toListRow);
}

/** The ORDER BY clause over a list called `list`, also from its end, and the columns of the list that it needs beside the rowid. */
function orderBy(
  collection: Collection, { sortBy, isDescending }: Pick<Page, 'sortBy' | 'isDescending'>, isFromEnd = false,
): { readonly sql: string; readonly columns: string } {
  const direction = isDescending !== isFromEnd ? 'DESC' : 'ASC';
  // What has no value comes last in both directions; SQLite also scans an index in this order, and from its end.
  const nulls = isFromEnd ? 'NULLS FIRST' : 'NULLS LAST';
  const balance = collection.balances?.find(({ name }) => name === sortBy);
  if (balance) {
    const owed = (value: string): string => `(SELECT ${value} FROM temp.${balanceTable} AS owed WHERE owed.rowid = list.rowid)`;
    const value = owed(`owed."${sortBy}"`);
    // Whoever owes nothing comes after those who owe something, even if only in another currency.
    const term = balance.type === 'text' ? `${value} ${direction} ${nulls}` : `coalesce(${value}, 0) ${direction}, `
      + `coalesce(${owed(`owed."${otherCurrenciesOf(sortBy)}" IS NOT NULL`)}, 0) ${direction}`;
    return { sql: `ORDER BY ${term}, list."${idColumn}" ${direction}`, columns: `"${idColumn}"` };
  }
  const columns = sortColumns(collection, sortBy);
  const terms = sortTerms(columns, 'list.').map((term, index) => `${term} ${direction}${index === 0 ? ` ${nulls}` : ''}`);
  return { sql: `ORDER BY ${terms.join(', ')}`, columns: quoteAll(columns) };
}

/** The column that names the other currencies in which a customer has such an amount. */
function otherCurrenciesOf(balance: string): string {
  return balance === 'overdueMinor' ? 'otherOverdue' : 'otherCurrencies';
}

/** The columns of a list's row, with the balances, of `list` joined by `joinBalances`. */
function rowColumns({ columns, balances }: Collection): string {
  const owed = balances ? [...balances.map(({ name }) => name), 'otherCurrencies', 'otherOverdue'] : [];
  return [
    ...columns.map(({ name }) => `list."${name}"`),
    ...owed.map((name) => `${name.endsWith('Minor') ? `iif(owed.rowid IS NULL, 0, owed."${name}")` : `owed."${name}"`} AS "${name}"`),
  ].join(', ');
}

function joinBalances({ balances }: Collection): string {
  return balances ? `LEFT JOIN temp.${balanceTable} AS owed ON owed.rowid = list.rowid` : '';
}

/**
 * All rows of a list, in its order, in batches of 500. Each batch takes a few milliseconds; only a sort without an index
 * is completed before the first one. Use it inside `withSnapshot`, so that all batches see the same instant. Throws like
 * `listPage`.
 */
export function* listRows(snapshot: CacheReader, query: ListSelection & Pick<ListQuery, 'sort'>): Generator<readonly ListRow[]> {
  const collection = collectionIn(snapshot.layout, query.collection);
  const page = parsePage(collection, query);
  const { generation } = readState(snapshot);
  const where = readSelection(snapshot, generation, collection, query);
  const list = listTable(collection.name, generation);
  if (collection.balances) fillBalances(snapshot, generation, query.today ?? '');
  const access = where.search ? 'NOT INDEXED' : accessPath(snapshot, generation, collection, where, [page.sortBy]);
  const rowids = snapshot.db.prepare(`SELECT rowid FROM ${list} AS list ${access} ${whereSql(where)} `
    + orderBy(collection, page).sql).iterate(...whereValues(where));
  const lookUp = snapshot.db.prepare(`SELECT records.id, records.updated_at, ${rowColumns(collection)} FROM json_each(?) AS batch `
    + `CROSS JOIN ${list} AS list ON list.rowid = batch.value `
    + `CROSS JOIN ${recordsTable(collection.name, generation)} AS records ON records.rowid = batch.value `
    + `${joinBalances(collection)} ORDER BY batch.key`);
  let batch: number[] = [];
  for (const { rowid } of rowids) {
    batch.push(Number(rowid));
    if (batch.length < batchRows) continue;
    yield lookUp.all(JSON.stringify(batch)).map(toListRow);
    batch = [];
  }
  if (batch.length > 0) yield lookUp.all(JSON.stringify(batch)).map(toListRow);
}

function toListRow({ id, updated_at: updatedAt, ...values }: Record<string, unknown>): ListRow {
  return { id: String(id), updatedAt: String(updatedAt), columns: values as ListRow['columns'] };
}

/** The table with the number of rows of each selection that was counted: all pages of a list have the same, by any sort. */
const countTable = 'counted';
/** At most this many selections, and none with a longer key than this, so that the table stays small whatever is asked for. */
const [maxCounted, maxCountedKey] = [200, 2000];

function countSelection(
  reader: CacheReader, generation: Generation, collection: Collection, where: Where,
): number {
  if (where.conditions.length === 0) return countAll(reader, generation, collection);
  if (where.conditions.length === 1 && where.search?.count !== undefined) return where.search.count;
  // Any order works for counting; an index on a filtered column keeps the matching rows together.
  const orders = [...where.filtered, collection.defaultSort.column];
  const access = where.search ? 'NOT INDEXED' : accessPath(reader, generation, collection, where, orders);
  const sql = `SELECT count(*) AS count FROM ${listTable(collection.name, generation)} ${access} ${whereSql(where)}`;
  const values = whereValues(where);
  const key = JSON.stringify([sql, ...values]);
  // What a search finds is kept already, and not named in the condition on it.
  if (where.search || key.length > maxCountedKey) return Number(reader.db.prepare(sql).get(...values)?.['count']);
  fillTemporary(reader.db, countTable, 'selection TEXT PRIMARY KEY, count INTEGER', '', () => undefined);
  const kept = reader.db.prepare(`SELECT count FROM temp.${countTable} WHERE selection = ?`);
  if (!kept.get(key)) {
    writeTemporary(reader.db, () => {
      reader.db.prepare(`DELETE FROM temp.${countTable} WHERE (SELECT count(*) FROM temp.${countTable}) >= ?`).run(maxCounted);
      reader.db.prepare(`INSERT INTO temp.${countTable} SELECT ?, * FROM (${sql})`).run(key, ...values);
    });
  }
  return Number(kept.get(key)?.['count']);
}

/** The digest commits with the rows, so its count is exact. */
function countAll(reader: CacheReader, generation: Generation, collection: Collection): number {
  return readDigest(reader, generation)[collection.name]?.count ?? 0;
}

interface Page {
  readonly sortBy: string;
  readonly isDescending: boolean;
  readonly offset: number;
  readonly limit: number;
}

function parsePage(collection: Collection, query: ListQuery): Page {
  const sort = query.sort ?? collection.defaultSort;
  const column = [...collection.columns, ...collection.balances ?? []].find(({ name }) => name === sort.column);
  if (!column?.sorted) throw invalid(`The ${collection.name} cannot be sorted by ${sort.column}.`);
  return {
    sortBy: column.name,
    isDescending: sort.descending === true,
    offset: requireInteger('offset', query.offset ?? 0, 0, Number.MAX_SAFE_INTEGER),
    limit: requireInteger('limit', query.limit ?? 100, 1, maxLimit),
  };
}

function requireInteger(what: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(`The ${what} of a list must be a whole number from ${min} to ${max}.`);
}
