// Sums of money over the invoices: what is open and overdue, and what a selection amounts to. The product's own
// figures, so this file may name the collection; every other query is general.
//
// Currencies are never added together. Sums are exact: SQLite adds 64-bit integers in two halves that cannot overflow,
// and a sum that a number cannot hold exactly is null rather than nearly right.

import { ageBucketRange, ageBuckets, type AgeBucket } from '../../shared/invoice.ts';
import { isDate } from '../../shared/fields.ts';
import type { CurrencySummary, CurrencyTotals, ListSelection, Sum } from '../../shared/window/views.ts';
import { listTable, requireCollection, type CacheReader } from './schema.ts';
import { accessPath, invalid, readSelection, whereSql, whereValues } from './selection.ts';
import { readState } from './state.ts';
import { inReadTransaction } from './sqlite.ts';

/**
 * What is open on the day `today` (YYYY-MM-DD), per currency in alphabetical order, by how long it has been due.
 * Throws `invalid_request` where `today` is not a day.
 */
export function summary(reader: CacheReader, today: string): CurrencySummary[] {
  if (!isDate(today)) throw invalid('The day of a summary must be written YYYY-MM-DD.');
  const { name } = requireCollection(reader.layout, 'invoices');
  const ranges = ageBuckets.map((bucket) => ({ bucket, ...ageBucketRange(bucket, today) }));
  const cases = ranges.map(({ bucket, from, to }) => {
    const ends = [from === null ? [] : ['dueDate >= ?'], to === null ? [] : ['dueDate <= ?']].flat();
    return `WHEN ${ends.join(' AND ')} THEN '${bucket}'`;
  });
  const values = ranges.flatMap(({ from, to }) => [from, to].filter((end) => end !== null));
  return inReadTransaction(reader.db, 'adding up what is open', () => {
    const { generation } = readState(reader);
    const statement = reader.db.prepare(`SELECT currency, CASE ${cases.join(' ')} ELSE 'notDue' END AS bucket, `
      + `count(*) AS count, ${halves('openMinor')} FROM ${listTable(name, generation)} NOT INDEXED `
      + 'WHERE openMinor > 0 GROUP BY 1, 2 ORDER BY 1');
    statement.setReadBigInts(true);
    const byCurrency = new Map<string, Map<string, ExactSum>>();
    for (const row of statement.all(...values)) {
      const currency = String(row['currency']);
      const buckets = byCurrency.get(currency) ?? new Map<string, ExactSum>();
      byCurrency.set(currency, buckets);
      buckets.set(String(row['bucket']), { count: Number(row['count']), minor: joinHalves(row, 'openMinor') });
    }
    return [...byCurrency].map(([currency, buckets]) => summarize(currency, buckets));
  });
}

/**
 * How many invoices a selection has and what they amount to, per currency in alphabetical order. Throws
 * `invalid_request` for what is not a selection of invoices.
 */
export function selectionTotals(reader: CacheReader, selection: ListSelection): CurrencyTotals[] {
  const collection = requireCollection(reader.layout, selection.collection);
  if (collection.name !== 'invoices') throw invalid(`The ${collection.name} have no amounts to add up.`);
  return inReadTransaction(reader.db, 'adding up a selection', () => {
    const { generation } = readState(reader);
    const where = readSelection(reader, generation, collection, selection);
    const way = accessPath(reader, generation, collection, where, []);
    const statement = reader.db.prepare(`SELECT currency, count(*) AS count, ${halves('totalMinor')}, `
      + `${halves('openMinor')} FROM ${listTable(collection.name, generation)} ${way} ${whereSql(where)} `
      + 'GROUP BY 1 ORDER BY 1');
    statement.setReadBigInts(true);
    return statement.all(...whereValues(where)).map((row) => ({
      currency: String(row['currency']),
      count: Number(row['count']),
      totalMinor: toExactNumber(joinHalves(row, 'totalMinor')),
      openMinor: toExactNumber(joinHalves(row, 'openMinor')),
    }));
  });
}

interface ExactSum {
  readonly count: number;
  readonly minor: bigint;
}

function summarize(currency: string, sums: ReadonlyMap<string, ExactSum>): CurrencySummary {
  const add = (names: readonly AgeBucket[]): Sum => {
    const parts = names.map((name) => sums.get(name) ?? { count: 0, minor: 0n });
    return {
      count: parts.reduce((count, part) => count + part.count, 0),
      openMinor: toExactNumber(parts.reduce((minor, part) => minor + part.minor, 0n)),
    };
  };
  const buckets = Object.fromEntries(ageBuckets.map((name) => [name, add([name])])) as Record<AgeBucket, Sum>;
  return { currency, open: add(ageBuckets), overdue: add(ageBuckets.filter((name) => name !== 'notDue')), buckets };
}

/** A column's sum in two halves: amounts are below 2^53, so neither half overflows 64 bits before 2^30 rows. */
function halves(column: string): string {
  return `coalesce(sum(${column} >> 20), 0) AS ${column}High, coalesce(sum(${column} & 1048575), 0) AS ${column}Low`;
}

function joinHalves(row: Record<string, unknown>, column: string): bigint {
  return toBigInt(row[`${column}High`]) * 1048576n + toBigInt(row[`${column}Low`]);
}

function toBigInt(value: unknown): bigint {
  return typeof value === 'bigint' ? value : 0n;
}

function toExactNumber(sum: bigint): number | null {
  const value = Number(sum);
  return Number.isSafeInteger(value) ? value : null;
}
