// Builds the lists' indexes step by step, once the rows are written.
//
// A first sync or a rebuild writes rows twice as fast without indexes to maintain; until they exist, lists scan the
// narrow list table. First the indexes of every list are built, then the full-text indexes. Each step is one index, or one chunk of a
// full-text index, in its own transaction, so that queries run between steps and a crash loses at most one step. `applyChanges`
// maintains whatever is already built, even while the rest is being built.

import { countRecords } from '../../shared/digest.ts';
import type { Collection } from '../../shared/collections.ts';
import { openBackground } from './background.ts';
import {
  indexStatements, listTable, quoteAll, searchedColumns, wordsColumns, wordsSelect, wordsTable, type CacheReader,
  type CacheWriter, type Generation,
} from './schema.ts';
import { inReadTransaction, inTransaction, prepared } from './sqlite.ts';
import { readDigest } from './state.ts';

/** Up to this many records, a step takes a few milliseconds, and less than to start a thread for it. */
const FEW_RECORDS = 2000;

/** Rows added to the full-text index per step. */
const CHUNK_ROWS = 10_000;

/** The value of `words_to` once every row, present and future, belongs in the full-text index. */
const ALL_ROWS = Number.MAX_SAFE_INTEGER;

/**
 * Builds everything that is missing of a generation's indexes, on a thread of its own unless there are few records. Nothing else
 * may write meanwhile. `pause` is awaited between steps and may throw, which ends it. Throws `disk_full`, `cache_busy`,
 * `cache_unusable`. A crash loses at most one step, a power cut at most all of them.
 */
export async function buildIndexes(writer: CacheWriter, generation: Generation, pause: () => Promise<void>): Promise<void> {
  if (countRecords(readDigest(writer, generation)) <= FEW_RECORDS) {
    while (!buildNext(writer, generation)) await pause();
    return;
  }
  let step = nextStep(writer, generation);
  if (step === null) return;
  const background = openBackground(writer.file);
  try {
    for (; step !== null; step = nextStep(writer, generation)) {
      await background.run(['BEGIN IMMEDIATE', ...step, 'COMMIT']);
      await pause();
    }
  } finally {
    await background.close();
  }
}

/**
 * Builds the next missing index, or chunk of one, of a generation on this thread, which for many records takes long. Returns true
 * once all are built. Durable on return. Throws `disk_full`, `cache_busy`, `cache_unusable`.
 */
export function buildNext(writer: CacheWriter, generation: Generation): boolean {
  return inTransaction(writer.db, 'building the indexes', () => {
    const step = nextStep(writer, generation);
    for (const sql of step ?? []) writer.db.exec(sql);
    return step === null;
  });
}

/** The statements of the next step; null if nothing is left to build. */
function nextStep(reader: CacheReader, generation: Generation): readonly string[] | null {
  for (const nextOf of [indexStep, wordsStep]) {
    for (const collection of reader.layout.collections.values()) {
      const step = nextOf(reader, generation, collection);
      if (step !== null) return step;
    }
  }
  return null;
}

function indexStep(reader: CacheReader, generation: Generation, collection: Collection): readonly string[] | null {
  const progress = readProgress(reader, generation, collection);
  const index = indexStatements(collection, generation)[progress.indexes];
  return index === undefined ? null : [index, saveProgress(generation, collection, { ...progress, indexes: progress.indexes + 1 })];
}

function wordsStep(reader: CacheReader, generation: Generation, collection: Collection): readonly string[] | null {
  const progress = readProgress(reader, generation, collection);
  const { wordsTo } = progress;
  if (wordsTo === ALL_ROWS || !wantsWords(reader, collection)) return null;
  const { last, to } = nextChunk(reader, generation, collection, wordsTo);
  const words = `INSERT INTO ${wordsTable(collection.name, generation)} (rowid, ${quoteAll(wordsColumns(collection))}) `
    + `${wordsSelect(collection, generation)} WHERE list.rowid > ${wordsTo} AND list.rowid <= ${last}`;
  return [...last === null ? [] : [words], saveProgress(generation, collection, { ...progress, wordsTo: to })];
}

/** The last row of the chunk after a row, if there is any, and how far everything is done with it. */
function nextChunk(
  reader: CacheReader, generation: Generation, { name }: Collection, after: number,
): { readonly last: number | null; readonly to: number } {
  const { rows, last } = reader.db.prepare('SELECT count(*) AS rows, max(rowid) AS last FROM '
    + `(SELECT rowid FROM ${listTable(name, generation)} WHERE rowid > ? ORDER BY rowid LIMIT ${CHUNK_ROWS})`).get(after) ?? {};
  // A chunk that is not full is the last one. Looking for more could go on for as long as new rows arrive.
  return { last: Number(rows) === 0 ? null : Number(last), to: Number(rows) < CHUNK_ROWS ? ALL_ROWS : Number(last) };
}

/** Empties a full-text index, so that `buildNext` builds it again; until then a search matches substrings. Durable on return. */
export function emptyWords(writer: CacheWriter, generation: Generation, collection: Collection): void {
  const table = wordsTable(collection.name, generation);
  inTransaction(writer.db, 'emptying the search', () => {
    writer.db.exec(`INSERT INTO ${table} (${table}) VALUES ('delete-all')`);
    writer.db.exec(saveProgress(generation, collection, { ...readProgress(writer, generation, collection), wordsTo: 0 }));
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
  const row = prepared(reader.db, 'SELECT indexes, words_to FROM build WHERE generation = ? AND collection = ?')
    .get(generation, collection.name);
  return { indexes: Number(row?.['indexes'] ?? 0), wordsTo: Number(row?.['words_to'] ?? 0) };
}

function saveProgress(generation: Generation, { name }: Collection, { indexes, wordsTo }: Progress): string {
  return 'INSERT OR REPLACE INTO build (generation, collection, indexes, words_to) '
    + `VALUES ('${generation}', '${name}', ${indexes}, ${wordsTo})`;
}
