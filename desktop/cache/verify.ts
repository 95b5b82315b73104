// The proof of the rows: recomputes the digest from the records, to be compared with the stored one, the lists from the
// payloads, and the full-text indexes from the lists. It runs once a day, and before the first pull counts after a start
// that found a log left behind.

import { crc32 } from 'node:zlib';

import { addCrc, digestDifferences, emptyDigest, recordCrc, type CollectionDigest, type Digest } from '../../shared/digest.ts';
import type { Collection } from '../../shared/collections.ts';
import { emptyWords, readWordsTo, wantsWords } from './indexes.ts';
import { startRebuild } from './rebuild.ts';
import {
  fullText, listSelect, listTable, listValues, otherGeneration, quoteAll, recordsTable, wordsColumns, wordsSelect, wordsTable,
  type CacheReader, type CacheWriter, type Generation,
} from './schema.ts';
import { withSnapshot } from './snapshot.ts';
import { openScratch, sqliteCode, type ReadDb } from './sqlite.ts';
import { readDigest, readState, saveState } from './state.ts';

/** Between two pauses: rows and bytes of payload, whichever comes first; about 6 ms. */
const CHUNK_ROWS = 400;
const CHUNK_BYTES = 4 * 1024 * 1024;

export interface Verification {
  /** The digest stored with the rows. */
  readonly stored: Digest;
  /** The digest recomputed from the rows. */
  readonly computed: Digest;
  /** The collections whose list is not what the payloads make it. */
  readonly lists: readonly string[];
}

/** The collections that were damaged, by what was damaged in them and has been dealt with. */
export interface Proof {
  /** Rows or lists; a rebuild has been started. */
  readonly rows: readonly string[];
  /** Full-text indexes, which are empty now: `buildIndexes` builds them again. */
  readonly words: readonly string[];
}

/**
 * Proves the rows, as `recomputeDigest` does, and starts a rebuild if they are damaged. A rebuild under way goes on or starts
 * again depending on its own rows. Where the rows are sound, the full-text indexes are proved, too, and those that are not are
 * emptied. The result is durable on return.
 */
export async function proveRows(writer: CacheWriter, pause: () => Promise<void>, nowMs: () => number): Promise<Proof> {
  const { generation, rebuild } = readState(writer);
  const damaged = await findDamaged(writer, generation, pause);
  const inRebuild = rebuild === null ? [] : await findDamaged(writer, otherGeneration(generation), pause);
  if ((rebuild === null ? damaged : inRebuild).length > 0) startRebuild(writer, 'rows_damaged');
  const rows = [...new Set([...damaged, ...inRebuild])];
  const words = rows.length > 0 ? [] : [
    ...await mendWords(writer, generation, pause),
    ...rebuild === null ? [] : await mendWords(writer, otherGeneration(generation), pause),
  ];
  saveState(writer, { lastVerifiedMs: nowMs() });
  writer.file.needsProof = false;
  return { rows, words };
}

async function findDamaged(cache: CacheReader, generation: Generation, pause: () => Promise<void>): Promise<readonly string[]> {
  const { stored, computed, lists } = await recomputeDigest(cache, pause, generation);
  return [...new Set([...digestDifferences(stored, computed), ...lists])];
}

/**
 * Recomputes the digest of a generation, by default the readable one, from every row's id, instant and payload, and reads the stored one
 * from the same snapshot; for a sound cache `digestDifferences` of the two is empty. Lists are compared with what the
 * payloads yield. Memory use is constant. `pause` is awaited between chunks so that other work can run, on its own
 * connection, so that queries still see the latest commit. Throws `cancelled` if the cache is closed meanwhile,
 * `cache_unusable` if SQLite itself finds damage.
 */
export async function recomputeDigest(
  cache: CacheReader, pause: () => Promise<void>, generation = readState(cache).generation,
): Promise<Verification> {
  return withSnapshot(cache, 'checking the data', async (reader) => {
    const stored = readDigest(reader, generation);
    const computed: Record<string, CollectionDigest> = {};
    const lists: string[] = [];
    for (const collection of reader.layout.collections.values()) {
      const { digest, isListSound } = await proveCollection(reader, generation, collection, pause);
      computed[collection.name] = digest;
      if (!isListSound) lists.push(collection.name);
    }
    return { stored, computed, lists };
  });
}

async function proveCollection(
  reader: CacheReader, generation: Generation, collection: Collection, pause: () => Promise<void>,
): Promise<{ digest: CollectionDigest; isListSound: boolean }> {
  const { db } = reader;
  const list = listTable(collection.name, generation);
  const next = db.prepare(`SELECT rowid, id, updated_at, payload FROM ${recordsTable(collection.name, generation)} `
    + `WHERE rowid > ? ORDER BY rowid LIMIT ${CHUNK_ROWS}`);
  const countListed = db.prepare(`SELECT count(*) AS rows FROM ${list} WHERE rowid > ? AND rowid <= ?`);
  const countRight = db.prepare(rightListRows(collection, generation));
  let digest = emptyDigest;
  let isListSound = true;
  let last = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const first = last;
    let [rows, sizeBytes] = [0, 0];
    // One row at a time: a chunk of the largest records would be a gigabyte.
    for (const row of next.iterate(first)) {
      const payload = String(row['payload']);
      digest = addCrc(digest, recordCrc(String(row['id']), String(row['updated_at']), payload));
      last = Number(row['rowid']);
      rows += 1;
      sizeBytes += payload.length;
      if (sizeBytes >= CHUNK_BYTES) break;
    }
    const isLast = rows < CHUNK_ROWS && sizeBytes < CHUNK_BYTES;
    const to = isLast ? Number.MAX_SAFE_INTEGER : last;
    isListSound &&= Number(countListed.get(first, to)?.['rows']) === rows
      && Number(countRight.get(first, to)?.['rows']) === rows;
    if (isLast) return { digest, isListSound };
    await pause();
  }
}

/** Counts the list's rows between two rowids that hold exactly what the payload yields, byte by byte. */
function rightListRows(collection: Collection, generation: Generation): string {
  // Compared on the list's side, so that its columns convert what the payload yields as they did when it was inserted.
  const values = listValues(collection);
  const same = values.map(({ name }, index) => `list."${name}" COLLATE BINARY IS expected."${index}"`);
  const names = ['rowid', ...values.map((_value, index) => index)].map((name) => `"${name}"`);
  return `WITH expected (${names.join(', ')}) AS (${listSelect(collection, generation)} AND rowid > ? AND rowid <= ?) `
    + `SELECT count(*) AS rows FROM expected JOIN ${listTable(collection.name, generation)} AS list USING (rowid) `
    + `WHERE ${same.join(' AND ')}`;
}

/** Empties the full-text indexes that differ from what the lists make them. Returns their collections. */
async function mendWords(writer: CacheWriter, generation: Generation, pause: () => Promise<void>): Promise<readonly string[]> {
  const wrong = await withSnapshot(writer, 'checking the search', async (reader) => {
    const found: Collection[] = [];
    for (const collection of reader.layout.collections.values()) {
      if (wantsWords(reader, collection) && !await hasRightWords(reader, generation, collection, pause)) found.push(collection);
    }
    return found;
  });
  for (const collection of wrong) emptyWords(writer, generation, collection);
  return wrong.map(({ name }) => name);
}

/**
 * Whether an index has every word of its rows in its place, and no other. Like the digest, it is a sum that does not depend
 * on order: that of the index, and that of indexes over a chunk of the list's rows at a time, in memory.
 */
async function hasRightWords(
  reader: CacheReader, generation: Generation, collection: Collection, pause: () => Promise<void>,
): Promise<boolean> {
  const columns = wordsColumns(collection);
  const wordsTo = readWordsTo(reader, generation, collection);
  const scratch = openScratch();
  try {
    scratch.exec(`CREATE VIRTUAL TABLE words USING ${fullText(collection)}`);
    const sumChunk = wordsSum(scratch, 'words', collection, pause);
    const insert = scratch.prepare(`INSERT INTO words (rowid, ${quoteAll(columns)}) `
      + `SELECT value ->> 0, ${columns.map((_column, index) => `value ->> ${index + 1}`).join(', ')} FROM json_each(?)`);
    const next = reader.db.prepare(`${wordsSelect(collection, generation)} `
      + `WHERE list.rowid > ? AND list.rowid <= ? ORDER BY list.rowid LIMIT ${CHUNK_INDEXED_ROWS}`);
    let expected = 0n;
    let rows = next.all(Number.MIN_SAFE_INTEGER, wordsTo);
    while (rows.length > 0) {
      insert.run(JSON.stringify(rows.map((row) => Object.values(row))));
      expected += await sumChunk();
      scratch.exec(`INSERT INTO words (words) VALUES ('delete-all')`);
      await pause();
      rows = next.all(rows.at(-1)?.['rowid'] ?? wordsTo, wordsTo);
    }
    return await wordsSum(reader.db, wordsTable(collection.name, generation), collection, pause)() === expected;
  } catch (error) {
    if (sqliteCode(error) === CORRUPT_VTAB) return false;
    throw error;
  } finally {
    scratch.close();
  }
}

/** What FTS5 says of an index that it cannot read. */
const CORRUPT_VTAB = 267;
/** Between two pauses, each about 10 ms: rows to index, and words in their places to sum. A word that is in every row takes longer. */
const CHUNK_INDEXED_ROWS = 300;
const CHUNK_WORDS = 10_000;

/** A function that sums, over all words of an index, each one's CRC-32 times what its rows, columns and places in them yield. */
function wordsSum(db: ReadDb, table: string, collection: Collection, pause: () => Promise<void>): () => Promise<bigint> {
  db.exec(`DROP TABLE IF EXISTS temp.places; CREATE VIRTUAL TABLE temp.places USING fts5vocab(main, ${table}, instance)`);
  const column = wordsColumns(collection).map((name, index) => `WHEN '${name}' THEN ${index + 1}`).join(' ');
  // Multiplied out, so that two words that change places do not yield the same.
  const places = `(doc % 1000003 + 1) * (doc % 999983 + 7919 * offset + 104729 * CASE col ${column} END) % 2147483647`;
  const select = db.prepare(`SELECT term, count(*) AS count, sum(${places}) AS places FROM temp.places GROUP BY term`);
  return async () => {
    let [sum, rest] = [0n, CHUNK_WORDS];
    for (const row of select.iterate()) {
      sum += BigInt(crc32(String(row['term']))) * BigInt(Number(row['places']));
      rest -= Number(row['count']);
      if (rest > 0) continue;
      await pause();
      rest = CHUNK_WORDS;
    }
    return sum;
  };
}
