// What a person types into a search box, as a condition on a list.
//
// Every word must be found. With a full-text index a word is the beginning of a word in any searched column, without
// regard to case and accents ("mul" finds Müller, "INV-2025-00" finds INV-2025-00412); without one, or until it is
// built, a word is any part of a searched column, without regard to the case of A–Z. Nothing typed is ever syntax.

import type { Collection } from '../../shared/collections.ts';
import { hasWords } from './build.ts';
import { searchedColumns, wordsTable, type CacheReader, type Generation } from './schema.ts';

export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export interface SearchCondition extends Condition {
  /** Counts what the search alone finds, with the same values, where that is quicker than asking the list. */
  readonly countSql?: string;
}

/** More cannot be meant, and SQLite's patterns have limits. */
const maxSearchLength = 256;

/** The condition for a search text, or null where it holds no word; characters that are no part of words separate. */
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

/** Words as people separate them, without the punctuation around them; what is only punctuation asks for nothing. */
function splitWords(search: string): string[] {
  return search.slice(0, maxSearchLength).split(/[\s\p{Cc}]+/u)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}\p{M}]+$/gu, ''))
    .filter((word) => word !== '');
}
