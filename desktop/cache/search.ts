// Turns search text into a condition on a list.
//
// Every word must match. With a full-text index, a word matches the beginning of a word in any searched column,
// ignoring case and accents ("mul" finds Müller, "INV-2025-00" finds INV-2025-00412). Without one, or until it is
// built, a word matches any substring of a searched column, ignoring the case of A–Z. Input is never treated as syntax.

import type { Collection } from '../../shared/collections.ts';
import { hasWords } from './indexes.ts';
import { searchedColumns, wordsTable, type CacheReader, type Generation } from './schema.ts';

export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export interface SearchCondition extends Condition {
  /** Counts the matches of the search alone, with the same values, if that is faster than counting list rows. */
  readonly countSql?: string;
}

/** No real search is longer, and SQLite limits the length of patterns. */
const maxSearchLength = 256;

/** The condition for a search text, or null if it contains no words. */
export function searchCondition(
  reader: CacheReader, generation: Generation, collection: Collection, search: string,
): SearchCondition | null {
  const words = splitWords(search);
  const columns = searchedColumns(collection);
  if (words.length === 0 || columns.length === 0) return null;
  if (reader.layout.hasFullText && hasWords(reader, generation, collection)) {
    const table = wordsTable(collection.name, generation);
    return {
      sql: `rowid IN (SELECT rowid FROM ${table} WHERE ${table} MATCH ?)`,
      countSql: `SELECT count(*) AS count FROM ${table} WHERE ${table} MATCH ?`,
      values: [words.map((word) => `"${word.replaceAll('"', '""')}" *`).join(' ')],
    };
  }
  const everyWord = words.map(() => `(${columns.map((column) => `"${column}" LIKE ? ESCAPE '\\'`).join(' OR ')})`);
  return {
    sql: everyWord.join(' AND '),
    values: words.flatMap((word) => columns.map(() => `%${word.replace(/[\\%_]/g, '\\$&')}%`)),
  };
}

/** Splits at whitespace and control characters, strips surrounding punctuation and drops empty words. */
function splitWords(search: string): string[] {
  return search.slice(0, maxSearchLength).split(/[\s\p{Cc}]+/u)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}\p{M}]+$/gu, ''))
    .filter((word) => word !== '');
}
