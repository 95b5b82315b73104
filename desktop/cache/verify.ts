// The proof of the rows: recomputes the digest from the records, to be compared with the stored one, and the lists from
// the payloads. It runs once a day, and before the first pull counts after a start that found a log left behind.

import { addCrc, digestDifferences, emptyDigest, recordCrc, type CollectionDigest, type Digest } from '../../shared/digest.ts';
import type { Collection } from '../../shared/collections.ts';
import { startRebuild } from './rebuild.ts';
import { listSelect, listTable, otherGeneration, recordsTable, type CacheReader, type CacheWriter, type Generation } from './schema.ts';
import { withSnapshot } from './snapshot.ts';
import { readDigest, readState, saveState } from './state.ts';

/** Between two pauses: rows and bytes of payload, whichever comes first; about 10 ms. */
const CHUNK_ROWS = 1000;
const CHUNK_BYTES = 4 * 1024 * 1024;

export interface Verification {
  /** The digest stored with the rows. */
  readonly stored: Digest;
  /** The digest recomputed from the rows. */
  readonly computed: Digest;
  /** The collections whose list is not what the payloads make it. */
  readonly lists: readonly string[];
}

/**
 * Proves the rows, as `recomputeDigest` does, and starts a rebuild if they are damaged. Of a rebuild under way its own rows
 * decide whether it goes on or starts again. Returns the damaged collections. The result is durable on return.
 */
export async function proveRows(writer: CacheWriter, pause: () => Promise<void>, nowMs: () => number): Promise<readonly string[]> {
  const { generation, rebuild } = readState(writer);
  const damaged = await findDamaged(writer, generation, pause);
  const inRebuild = rebuild === null ? [] : await findDamaged(writer, otherGeneration(generation), pause);
  if ((rebuild === null ? damaged : inRebuild).length > 0) startRebuild(writer, 'rows_damaged');
  saveState(writer, { lastVerifiedMs: nowMs() });
  writer.file.needsProof = false;
  return [...new Set([...damaged, ...inRebuild])];
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
    isListSound &&= [countListed, countRight].every((count) => Number(count.get(first, to)?.['rows']) === rows);
    if (isLast) return { digest, isListSound };
    await pause();
  }
}

/** Counts the list's rows between two rowids that hold exactly what the payload yields, byte by byte. */
function rightListRows(collection: Collection, generation: Generation): string {
  // Compared on the list's side, so that its columns convert what the payload yields as they did when it was inserted.
  const same = collection.columns.map((column, index) => `list."${column.name}" COLLATE BINARY IS expected."${index}"`);
  const names = ['rowid', ...collection.columns.map((_column, index) => index)].map((name) => `"${name}"`);
  return `WITH expected (${names.join(', ')}) AS (${listSelect(collection, generation)} AND rowid > ? AND rowid <= ?) `
    + `SELECT count(*) AS rows FROM expected JOIN ${listTable(collection.name, generation)} AS list USING (rowid) `
    + `WHERE ${same.join(' AND ')}`;
}
