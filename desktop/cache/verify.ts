// The daily proof: the digest computed again from the rows themselves, beside the one that is kept with them.

import { addCrc, emptyDigest, recordCrc, type Digest } from '../../shared/digest.ts';
import { recordsTable, type CacheReader, type Generation } from './schema.ts';
import { withSnapshot } from './snapshot.ts';
import { readDigest, readState } from './state.ts';

/** Rows between two pauses: about 5 ms. */
const chunkRows = 1000;

export interface Verification {
  /** The digest kept with the rows. */
  readonly kept: Digest;
  /** The digest of what the rows really hold. */
  readonly computed: Digest;
}

/**
 * Computes the digest of the readable generation from every row's id, instant and payload, and reads the kept one at
 * the same instant; `digestDifferences` of the two is empty for a sound copy. Memory stays flat. `pause` is awaited
 * between chunks so that others can run; a connection of its own keeps their queries from seeing an old instant.
 * Throws `cancelled` if the cache is closed meanwhile, `cache_unusable` for damage SQLite itself finds.
 */
export async function recomputeDigest(
  cache: CacheReader, pause: () => Promise<void>,
): Promise<Verification> {
  return withSnapshot(cache, 'checking the local copy', async (reader) => {
    const { generation } = readState(reader);
    const kept = readDigest(reader, generation);
    const computed: Record<string, Digest[string]> = {};
    for (const name of reader.layout.collections.keys()) {
      computed[name] = await digestOf(reader, generation, name, pause);
    }
    return { kept, computed };
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
