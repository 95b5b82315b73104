// Turns search text into a condition on a list.
//
// Every word must match. With a full-text index, a word matches the beginning of a word in any searched column or searched entry, the
// end of a number, all of a number but its leading zeros, and any part of what is written without spaces, as text.ts has it ("mul"
// finds Müller, "INV-2025-00" and "412" find INV-2025-00412). Without one, or until it is built, a word matches any substring of a
// searched column, ignoring the case of A–Z.
// Umlauts may be typed as ae, oe and ue, and these as umlauts ("schroeder" finds Schröder, and the other way round).
// Input is never treated as syntax. What also reads as an amount finds the records with that amount, too.

import type { Collection } from '../../shared/collections.ts';
import { currenciesOf, minorAmounts } from '../../shared/currency.ts';
import { hasIndexes, hasWords } from './indexes.ts';
import { listTable, searchedColumns, sortIndex, wordsTable, type CacheReader, type Generation } from './schema.ts';
import { fillTemporary } from './temporary.ts';
import { searchWords } from './text.ts';

export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export interface SearchCondition extends Condition {
  /** The number of matches of the search alone, if it is known. */
  readonly count?: number;
}

/** The temporary table of the rows that the last search found. */
const foundTable = 'found';

/** No real search is longer, and SQLite limits the length of patterns. */
const maxSearchLength = 256;

/**
 * The condition for a search text, for queries in the same read transaction, or null if it contains no words. `amount` is what the
 * text says as a decimal number such as `2334.15`, if it does.
 */
export function searchCondition(
  reader: CacheReader, generation: Generation, collection: Collection, search: string, amount: string | null,
): SearchCondition | null {
  const words = searchWords(search.slice(0, maxSearchLength));
  const columns = searchedColumns(collection);
  if (words.length === 0 || columns.length === 0) return null;
  const amounts = amount === null ? [] : amountConditions(collection, amount);
  if (reader.layout.hasFullText && hasWords(reader, generation, collection)) {
    const table = wordsTable(collection.name, generation);
    const list = listTable(collection.name, generation);
    const rowids = [
      `SELECT rowid FROM ${table} WHERE ${table} MATCH ?`,
      ...amounts.map(({ column, sql }) => {
        const access = hasIndexes(reader, generation, collection) ? `INDEXED BY ${sortIndex(collection.name, generation, column)}` : '';
        return `SELECT rowid FROM ${list} ${access} WHERE ${sql}`;
      }),
    ];
    const values = [
      // No prefix for an amount with decimals: its last part, such as 15, begins too many numbers.
      words.map((spellings) => anyOf(spellings.map(({ phrase }) =>
        `"${phrase.replaceAll('"', '""')}"${amount?.includes('.') ? '' : ' *'}`))).join(' AND '),
      ...amounts.flatMap(({ values }) => values),
    ];
    // Kept for counting, for this page and the next, and for totals: finding the rows takes longer than all of these.
    fillTemporary(reader.db, foundTable, 'rowid INTEGER PRIMARY KEY', JSON.stringify([table, ...values]), () =>
      // Nothing is replaced, but a plain INSERT would keep a statement journal to undo itself.
      reader.db.prepare(`INSERT OR REPLACE INTO temp.${foundTable} ${rowids.join(' UNION ')}`).run(...values));
    const { count } = reader.db.prepare(`SELECT count(*) AS count FROM temp.${foundTable}`).get() ?? {};
    return { sql: `rowid IN (SELECT rowid FROM temp.${foundTable})`, count: Number(count), values: [] };
  }
  const everyWord = words.map((spellings) =>
    anyOf(spellings.flatMap(() => columns.map((column) => `"${column}" LIKE ? ESCAPE '\\'`)))).join(' AND ');
  return {
    sql: [everyWord, ...amounts.map(({ sql }) => sql)].map((sql) => `(${sql})`).join(' OR '),
    values: [
      ...words.flat().flatMap(({ word }) => columns.map(() => `%${word.replace(/[\\%_]/g, '\\$&')}%`)),
      ...amounts.flatMap(({ values }) => values),
    ],
  };
}

function anyOf(conditions: readonly string[]): string {
  return `(${conditions.join(' OR ')})`;
}

/** A condition per column of amounts: it has this amount, in whichever currency. Credit notes count negative. */
function amountConditions({ columns }: Collection, decimal: string): readonly (Condition & { readonly column: string })[] {
  const amounts = minorAmounts(decimal).map(({ digits, amountMinor }) => ({ currencies: currenciesOf(digits), amountMinor }));
  if (amounts.length === 0) return [];
  return columns.filter(({ name, sorted }) => sorted && name.endsWith('Minor')).map(({ name }) => ({
    column: name,
    // The first condition is what the index is searched for.
    sql: `"${name}" IN (${amounts.map(() => '?, ?').join(', ')}) AND (${amounts.map(({ currencies }) =>
      `abs("${name}") = ? AND currency IN (${currencies.map(() => '?').join(', ')})`).join(' OR ')})`,
    values: [
      ...amounts.flatMap(({ amountMinor }) => [amountMinor, -amountMinor]),
      ...amounts.flatMap(({ amountMinor, currencies }) => [amountMinor, ...currencies]),
    ],
  }));
}
