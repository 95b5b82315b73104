// The pages of a catch-up that has not arrived completely, kept as they came until all of them become visible in one commit.
//
// Invariants: a page is staged completely or not at all. Each page follows the cursor of the one before it, the first one
// that of the state. Nothing of a staged page is readable; what is in it is checked when it is applied.

import type { CacheReader, CacheWriter } from './schema.ts';
import { inReadTransaction, inTransaction, prepared } from './sqlite.ts';

/** What has been staged. */
export interface Stage {
  /** Where the catch-up resumes. */
  readonly cursor: string;
  readonly changes: number;
}

/** Adds the next page. Durable on return; a crash loses at most this page. Throws `disk_full`, `cache_busy`, `cache_unusable`. */
export function stagePage(writer: CacheWriter, bytes: Uint8Array, { cursor, changes }: Stage): void {
  inTransaction(writer.db, 'keeping a page', () => {
    writer.db.prepare('INSERT INTO staged (cursor, changes, page) VALUES (?, ?, ?)').run(cursor, changes, bytes);
  });
}

/** Null if nothing is staged. */
export function readStage(reader: CacheReader): Stage | null {
  return inReadTransaction(reader.db, 'reading the kept pages', () => {
    const last = prepared(reader.db, 'SELECT cursor FROM staged ORDER BY seq DESC LIMIT 1').get();
    if (!last) return null;
    const sum = reader.db.prepare('SELECT sum(changes) AS changes FROM staged').get();
    return { cursor: String(last['cursor']), changes: Number(sum?.['changes']) };
  });
}

/** The staged pages as they came, oldest first; only one is in memory at a time. */
export function* stagedPages(reader: CacheReader): Generator<Buffer> {
  const next = prepared(reader.db, 'SELECT seq, page FROM staged WHERE seq > ? ORDER BY seq LIMIT 1');
  for (let row = next.get(0); row; row = next.get(Number(row['seq']))) {
    // Written only by `stagePage`.
    const { buffer, byteOffset, byteLength } = row['page'] as Uint8Array<ArrayBuffer>;
    yield Buffer.from(buffer, byteOffset, byteLength);
  }
}

/** Drops all staged pages, and writes nothing if there are none. Call it in the transaction that applies them or starts over. */
export function dropStage(writer: CacheWriter): void {
  // Without a condition SQLite empties the table as a whole, and writes its first page even where there is nothing to remove.
  prepared(writer.db, 'DELETE FROM staged WHERE true').run();
}
