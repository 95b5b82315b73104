// Invoice totals: the open and overdue amounts, and the totals of a selection.
//
// Invariants: currencies are never added together. Sums are exact: SQLite adds 64-bit integers in two halves that
// cannot overflow, and a sum beyond `Number.MAX_SAFE_INTEGER` is null rather than approximate.

import type { InvoiceStatus } from '../../shared/collections.ts';
import { isDate } from '../../shared/fields.ts';
import { ageBucketRange, ageBuckets, type AgeBucket } from '../../shared/invoice.ts';
import type { CurrencySummary, CurrencyTotals, ListSelection, Sum } from '../../shared/window/views.ts';
import { collectionIn, listTable, type CacheReader } from './schema.ts';
import { accessPath, invalid, readSelection, whereSql, whereValues } from './selection.ts';
import { readState } from './state.ts';
import { inReadTransaction } from './sqlite.ts';

/**
 * Open amounts as of `today` (YYYY-MM-DD), per currency in alphabetical order, bucketed by days past due; without a due date they
 * are not due. What is to be refunded is not subtracted from what others owe. Throws `invalid_request` if `today` is not a date.
 */
export function summary(reader: CacheReader, today: string): CurrencySummary[] {
  if (!isDate(today)) throw invalid('The date of a summary must be written YYYY-MM-DD.');
  const { name } = collectionIn(reader.layout, 'invoices');
  const ranges = ageBuckets.map((bucket) => ({ bucket, ...ageBucketRange(bucket, today) }));
  const cases = ranges.map(({ bucket, from, to }) => {
    const bounds = [from === null ? [] : ['dueDate >= ?'], to === null ? [] : ['dueDate <= ?']].flat();
    return `WHEN ${bounds.join(' AND ')} THEN '${bucket}'`;
  });
  const values = ranges.flatMap(({ from, to }) => [from, to].filter((bound) => bound !== null));
  return inReadTransaction(reader.db, 'adding up the open amounts', () => {
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

/** What is added up only where nothing else is selected. */
const uncounted: readonly unknown[] = ['draft', 'void'] satisfies readonly InvoiceStatus[];

/**
 * The totals of a selection of invoices, per currency in alphabetical order; a currency of which nothing counts has zeros. Drafts
 * and void invoices count only if the filter of the status admits no others. Throws `invalid_request` for any other collection or a
 * malformed selection.
 */
export function selectionTotals(reader: CacheReader, selection: ListSelection): CurrencyTotals[] {
  const collection = collectionIn(reader.layout, selection.collection);
  if (collection.name !== 'invoices') throw invalid(`The ${collection.name} have no amounts to add up.`);
  return inReadTransaction(reader.db, 'adding up a selection', () => {
    const { generation } = readState(reader);
    const where = readSelection(reader, generation, collection, selection);
    const access = accessPath(reader, generation, collection, where, []);
    const status = [selection.filters?.['status'] ?? []].flat();
    const isOnlyUncounted = status.length > 0 && status.every((value) => uncounted.includes(value));
    const counted = isOnlyUncounted ? '' : ` FILTER (WHERE status NOT IN (${uncounted.map((value) => `'${value}'`).join(', ')}))`;
    const statement = reader.db.prepare(`SELECT currency, count(*)${counted} AS count, ${halves('totalMinor', counted)}, `
      + `${halves('openMinor', counted)} FROM ${listTable(collection.name, generation)} ${access} ${whereSql(where)} `
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

/** Sums a column in two halves: amounts are below 2^53, so neither half overflows 64 bits before 2^30 rows. */
function halves(column: string, counted = ''): string {
  return `coalesce(sum(${column} >> 20)${counted}, 0) AS ${column}High, coalesce(sum(${column} & 1048575)${counted}, 0) AS ${column}Low`;
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
