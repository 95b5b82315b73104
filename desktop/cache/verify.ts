// The daily verification: recomputes the digest from the rows, to be compared with the stored one.

import { addCrc, emptyDigest, recordCrc, type Digest } from '../../shared/digest.ts';
import { recordsTable, type CacheReader, type Generation } from './schema.ts';
import { withSnapshot } from './snapshot.ts';
import { readDigest, readState } from './state.ts';

/** Rows between pauses; about 5 ms. */
const chunkRows = 1000;

export interface Verification {
  /** The digest stored with the rows. */
  readonly stored: Digest;
  /** The digest recomputed from the rows. */
  readonly computed: Digest;
}

/**
 * Recomputes the digest of the readable generation from every row's id, instant and payload, and reads the stored one
 * from the same snapshot; for a sound cache `digestDifferences` of the two is empty. Memory use is constant. `pause` is
 * awaited between chunks so that other work can run, on its own connection, so that queries still see the latest
 * commit. Throws `cancelled` if the cache is closed meanwhile, `cache_unusable` if SQLite itself finds damage.
 */
export async function recomputeDigest(
  cache: CacheReader, pause: () => Promise<void>,
): Promise<Verification> {
  return withSnapshot(cache, 'checking the data', async (reader) => {
    const { generation } = readState(reader);
    const stored = readDigest(reader, generation);
    const computed: Record<string, Digest[string]> = {};
    for (const name of reader.layout.collections.keys()) {
      computed[name] = await digestOf(reader, generation, name, pause);
    }
    return { stored, computed };
  });
}

async function digestOf(
  reader: CacheReader, generation: Generation, name: string, pause: () => Promise<void>,
): Promise<Digest[string]> {
  const next = reader.db.prepare(`SELECT rowid, id, updated_at, payload FROM ${recordsTable(name, generation)} `
    + `WHERE rowid > ? ORDER BY rowid LIMIT ${chunkRows}`);
  let digest: Digest[string] = emptyDigest;
  let last = -1;
  for (;;) {
    const rows = next.all(last);
    for (const row of rows) {
      digest = addCrc(digest, recordCrc(String(row['id']), String(row['updated_at']), String(row['payload'])));
      last = Number(row['rowid']);
    }
    if (rows.length < chunkRows) return digest;
    await pause();
  }
}
