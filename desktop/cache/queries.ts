// Everything the window reads except sums: pages of lists, single records, counts. Read-only, each from one instant.
//
// How a page is found, so that 100,000 records stay quick at any depth (measured for them): where the sort's index
// holds all the filters it is walked in order, 0.4 ms at the near end and up to 8 at the far one; where a filter names
// one of many values its own index finds the few; otherwise, and before there are indexes, the narrow list is scanned,
// 7 ms, and only the page's rows are kept in order. The way follows from the declarations and the query, never from
// statistics.

import type { Collection } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import { isObject, type JsonObject } from '../../shared/fields.ts';
import type { ListPage, ListQuery, ListRow, ListSelection, RecordView } from '../../shared/window/views.ts';
import { listTable, recordsTable, requireCollection, type CacheReader, type Generation } from './schema.ts';
import { accessPath, invalid, readSelection, whereSql, whereValues, type Where } from './selection.ts';
import { readDigest, readState } from './state.ts';
import { inReadTransaction } from './sqlite.ts';

const maxLimit = 500;
/** What `listRows` gives at once. */
const lotRows = 500;

/**
 * A page of a list, in an order that is the same every time: equal values stand in the order of arrival. Throws
 * `invalid_request` for a collection, column, filter or number that cannot be.
 */
export function listPage(reader: CacheReader, query: ListQuery): ListPage {
  const collection = requireCollection(reader.layout, query.collection);
  const page = requirePage(collection, query);
  return inReadTransaction(reader.db, `listing the ${collection.name}`, () => {
    const { generation } = readState(reader);
    const where = readSelection(reader, generation, collection, query);
    const total = countSelection(reader, generation, collection, where);
    return { rows: readRows(reader, generation, collection, where, page, total), total };
  });
}

/** One record with its whole payload, or null where the copy has none of that id. */
export function getRecord(reader: CacheReader, collection: string, id: string): RecordView | null {
  const { name } = requireCollection(reader.layout, collection);
  return inReadTransaction(reader.db, 'reading a record', () => {
    const { generation } = readState(reader);
    const row = reader.db.prepare(`SELECT updated_at, payload FROM ${recordsTable(name, generation)} WHERE id = ?`)
      .get(id);
    if (!row) return null;
    return { id, updatedAt: String(row['updated_at']), payload: parsePayload(String(row['payload']), `${name}/${id}`) };
  });
}

function parsePayload(text: string, what: string): JsonObject {
  try {
    const payload: unknown = JSON.parse(text);
    if (isObject(payload)) return payload as JsonObject;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AppError('cache_unusable', `The local copy of ${what} is damaged. It is downloaded again.`);
}

/** How many records each declared collection has. */
export function counts(reader: CacheReader): Record<string, number> {
  return inReadTransaction(reader.db, 'counting', () => {
    const digest = readDigest(reader, readState(reader).generation);
    return Object.fromEntries([...reader.layout.collections.keys()].map((name) => [name, digest[name]?.count ?? 0]));
  });
}

function readRows(
  reader: CacheReader, generation: Generation, collection: Collection, where: Where, page: Page, total: number,
): ListRow[] {
  const { name } = collection;
  const list = listTable(name, generation);
  // What a search found is looked up row by row, unless it found so much that walking the order meets it sooner.
  const isFew = where.search !== null && total * 8 < countAll(reader, generation, collection);
  const way = isFew ? 'NOT INDEXED' : accessPath(reader, generation, collection, where, [page.sortBy]);
  const direction = page.isDescending ? 'DESC' : 'ASC';
  const order = (table: string) => `ORDER BY ${table}"${page.sortBy}" ${direction}, ${table}rowid ${direction}`;
  // The page's rowids first: what is sorted and skipped stays small, and only the page's rows are read whole.
  const candidates = way === 'NOT INDEXED' && page.isDescending
    // Rows lie in order of arrival, which many sorts follow. From its end the page's own rows are met first; from its
    // beginning each row would displace another one (five times slower). LIMIT keeps SQLite from undoing the order.
    ? `(SELECT rowid, "${page.sortBy}" FROM ${list} NOT INDEXED ${whereSql(where)} ORDER BY rowid DESC LIMIT -1)`
    : `${list} ${way} ${whereSql(where)}`;
  const rowids = `SELECT rowid FROM ${candidates} ${order('')} LIMIT ? OFFSET ?`;
  const columns = collection.columns.map((column) => `list."${column.name}"`).join(', ');
  const rows = reader.db.prepare(`SELECT records.id, records.updated_at, ${columns} FROM (${rowids}) AS page `
    // CROSS keeps SQLite from walking the whole order again to find the page's rows in it.
    + `CROSS JOIN ${list} AS list ON list.rowid = page.rowid `
    + `CROSS JOIN ${recordsTable(name, generation)} AS records ON records.rowid = page.rowid ${order('list.')}`)
    .all(...whereValues(where), page.limit, page.offset);
  return rows.map(toListRow);
}

/**
 * All rows of a list in its order, a few hundred at a time, each lot a few milliseconds' work; only a sort that has no
 * index is done at once, before the first lot. To be used inside a snapshot, as lots must be of one instant. Throws like
 * `listPage`.
 */
export function* listRows(snapshot: CacheReader, query: ListSelection & Pick<ListQuery, 'sort'>): Generator<readonly ListRow[]> {
  const collection = requireCollection(snapshot.layout, query.collection);
  const { sortBy, isDescending } = requirePage(collection, query);
  const { generation } = readState(snapshot);
  const where = readSelection(snapshot, generation, collection, query);
  const list = listTable(collection.name, generation);
  const direction = isDescending ? 'DESC' : 'ASC';
  const way = where.search ? 'NOT INDEXED' : accessPath(snapshot, generation, collection, where, [sortBy]);
  const rowids = snapshot.db.prepare(`SELECT rowid FROM ${list} ${way} ${whereSql(where)} `
    + `ORDER BY "${sortBy}" ${direction}, rowid ${direction}`).iterate(...whereValues(where));
  const columns = collection.columns.map(({ name }) => `list."${name}"`).join(', ');
  const lookUp = snapshot.db.prepare(`SELECT records.id, records.updated_at, ${columns} FROM json_each(?) AS lot `
    + `CROSS JOIN ${list} AS list ON list.rowid = lot.value `
    + `CROSS JOIN ${recordsTable(collection.name, generation)} AS records ON records.rowid = lot.value ORDER BY lot.key`);
  let lot: number[] = [];
  for (const { rowid } of rowids) {
    lot.push(Number(rowid));
    if (lot.length < lotRows) continue;
    yield lookUp.all(JSON.stringify(lot)).map(toListRow);
    lot = [];
  }
  if (lot.length > 0) yield lookUp.all(JSON.stringify(lot)).map(toListRow);
}

function toListRow({ id, updated_at: updatedAt, ...values }: Record<string, unknown>): ListRow {
  return { id: String(id), updatedAt: String(updatedAt), columns: values as ListRow['columns'] };
}

function countSelection(
  reader: CacheReader, generation: Generation, collection: Collection, where: Where,
): number {
  if (where.conditions.length === 0) return countAll(reader, generation, collection);
  const isSearchOnly = where.filtered.length === 0;
  // Any order serves to count; one that begins with a filtered column finds its rows together.
  const orders = [...where.filtered, collection.defaultSort.column];
  const way = where.search ? 'NOT INDEXED' : accessPath(reader, generation, collection, where, orders);
  const sql = (isSearchOnly ? where.search?.countSql : undefined)
    ?? `SELECT count(*) AS count FROM ${listTable(collection.name, generation)} ${way} ${whereSql(where)}`;
  return Number(reader.db.prepare(sql).get(...whereValues(where))?.['count']);
}

/** The digest is committed with the rows, so its count is theirs. */
function countAll(reader: CacheReader, generation: Generation, collection: Collection): number {
  return readDigest(reader, generation)[collection.name]?.count ?? 0;
}

interface Page {
  readonly sortBy: string;
  readonly isDescending: boolean;
  readonly offset: number;
  readonly limit: number;
}

function requirePage(collection: Collection, query: ListQuery): Page {
  const sort = query.sort ?? collection.defaultSort;
  const column = collection.columns.find(({ name }) => name === sort.column);
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
