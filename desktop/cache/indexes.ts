// Builds the lists' indexes step by step, once the rows are written.
//
// A first sync or a rebuild writes rows twice as fast without indexes to maintain; until they exist, lists scan the
// narrow list table. `buildNext` then builds one index or one chunk of the full-text index per call, in its own
// transaction, so that queries run between steps and a crash loses at most one step. `applyChanges` maintains whatever
// is already built, even while the rest is being built.

import type { Collection } from '../../shared/collections.ts';
import {
  indexStatements, listTable, quoteAll, searchedColumns, wordsTable, type CacheReader, type CacheWriter,
  type Generation,
} from './schema.ts';
import { inReadTransaction, inTransaction } from './sqlite.ts';

/** Rows added to the full-text index per step; about 25 ms. */
const wordsChunk = 5000;

/** The value of `words_to` once every row, present and future, belongs in the full-text index. */
const ALL_ROWS = Number.MAX_SAFE_INTEGER;

/**
 * Builds the next missing index, or chunk of one, of a generation. Returns true once all are built. Durable on return.
 * An index takes up to 0.1 s per 100,000 records. Throws `disk_full`, `cache_busy`, `cache_unusable`.
 */
export function buildNext(writer: CacheWriter, generation: Generation): boolean {
  return inTransaction(writer.db, 'building the indexes', () => {
    for (const collection of writer.layout.collections.values()) {
      if (buildOne(writer, generation, collection)) return false;
    }
    return true;
  });
}

/** Performs one step for one collection. Returns false if nothing is left to build. */
function buildOne(writer: CacheWriter, generation: Generation, collection: Collection): boolean {
  const { db } = writer;
  const progress = readProgress(writer, generation, collection);
  const index = indexStatements(collection, generation)[progress.indexes];
  if (index !== undefined) {
    db.exec(index);
    saveProgress(writer, generation, collection, { ...progress, indexes: progress.indexes + 1 });
    return true;
  }
  const searched = searchedColumns(collection);
  const { wordsTo } = progress;
  if (wordsTo === ALL_ROWS || searched.length === 0 || !writer.layout.hasFullText) return false;
  const list = listTable(collection.name, generation);
  const { rows, last } = db.prepare(`SELECT count(*) AS rows, max(rowid) AS last FROM (SELECT rowid FROM ${list} `
    + `WHERE rowid > ? ORDER BY rowid LIMIT ${wordsChunk})`).get(wordsTo) ?? {};
  if (Number(rows) > 0) {
    db.prepare(`INSERT INTO ${wordsTable(collection.name, generation)} (rowid, ${quoteAll(searched)}) `
      + `SELECT rowid, ${quoteAll(searched)} FROM ${list} WHERE rowid > ? AND rowid <= ?`).run(wordsTo, Number(last));
  }
  // A chunk that is not full is the last one. Looking for more could go on for as long as new rows arrive.
  const isLast = Number(rows) < wordsChunk;
  saveProgress(writer, generation, collection, { ...progress, wordsTo: isLast ? ALL_ROWS : Number(last) });
  return true;
}

/** Empties a full-text index, so that `buildNext` builds it again; until then a search matches substrings. Durable on return. */
export function emptyWords(writer: CacheWriter, generation: Generation, collection: Collection): void {
  const table = wordsTable(collection.name, generation);
  inTransaction(writer.db, 'emptying the search', () => {
    writer.db.exec(`INSERT INTO ${table} (${table}) VALUES ('delete-all')`);
    saveProgress(writer, generation, collection, { ...readProgress(writer, generation, collection), wordsTo: 0 });
  });
}

/** Whether every index of a generation is built. */
export function isBuilt(reader: CacheReader, generation: Generation): boolean {
  return inReadTransaction(reader.db, 'reading the indexes', () =>
    [...reader.layout.collections.values()].every((collection) =>
      hasIndexes(reader, generation, collection)
        && (hasWords(reader, generation, collection) || !wantsWords(reader, collection))));
}

/** Whether a collection has a full-text index, once it is built. */
export function wantsWords(reader: CacheReader, collection: Collection): boolean {
  return reader.layout.hasFullText && searchedColumns(collection).length > 0;
}

/** Whether the sort and filter indexes of a collection's list are built. */
export function hasIndexes(reader: CacheReader, generation: Generation, collection: Collection): boolean {
  return readProgress(reader, generation, collection).indexes === indexStatements(collection, generation).length;
}

/** Whether every row of a collection is in its full-text index. */
export function hasWords(reader: CacheReader, generation: Generation, collection: Collection): boolean {
  return readWordsTo(reader, generation, collection) === ALL_ROWS;
}

/** The last rowid that the full-text index covers; 0 if it covers none. */
export function readWordsTo(reader: CacheReader, generation: Generation, collection: Collection): number {
  return readProgress(reader, generation, collection).wordsTo;
}

interface Progress {
  /** How many of `indexStatements` have been executed. */
  readonly indexes: number;
  readonly wordsTo: number;
}

function readProgress(reader: CacheReader, generation: Generation, collection: Collection): Progress {
  const row = reader.db.prepare('SELECT indexes, words_to FROM build WHERE generation = ? AND collection = ?')
    .get(generation, collection.name);
  return { indexes: Number(row?.['indexes'] ?? 0), wordsTo: Number(row?.['words_to'] ?? 0) };
}

function saveProgress(writer: CacheWriter, generation: Generation, collection: Collection, progress: Progress): void {
  writer.db.prepare('INSERT OR REPLACE INTO build (generation, collection, indexes, words_to) VALUES (?, ?, ?, ?)')
    .run(generation, collection.name, progress.indexes, progress.wordsTo);
}
