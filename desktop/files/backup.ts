// Backs the cache up to a file of its own, using SQLite's backup API while people read and the sync writes.
//
// Invariants: the file is a complete database of one instant that needs no log, or it does not exist.

import { open } from 'node:fs/promises';
import { backup, DatabaseSync } from 'node:sqlite';

import { AppError } from '../../shared/errors.ts';
import { withSnapshot, type CacheReader } from '../cache/cache.ts';
import { replaceWith, type ReplaceDeps } from './replace-file.ts';
import { sqliteCode } from '../cache/sqlite.ts';

/** Pages copied per turn of the event loop; the copying itself happens in another thread. */
const PAGES_PER_STEP = 1000;
/** READONLY, IOERR, CANTOPEN. The cache is read before the first write, so these come from the new file. */
const writeErrorCodes: readonly number[] = [8, 10, 14];

/**
 * Writes the cache as it is now to `path`; durable when it resolves. Throws `disk_full`, `invalid_request` if `path`
 * cannot be written, `cancelled` if the cache was closed meanwhile; `path` is then unchanged.
 */
export async function backUp(reader: CacheReader, path: string, deps: ReplaceDeps): Promise<void> {
  await replaceWith(path, async (part) => {
    // Created here because a file system error says more than SQLite's.
    await (await open(part, 'wx', 0o600)).close();
    await withSnapshot(reader, 'backing up the cache', async ({ db }) => {
      // A read starts the snapshot; within it, commits of the sync do not restart the backup.
      db.prepare('SELECT 1 FROM state').get();
      try {
        await backup(db, part, { rate: PAGES_PER_STEP });
        leaveWalMode(part);
      } catch (error) {
        if (!writeErrorCodes.includes((sqliteCode(error) ?? 0) & 0xff)) throw error;
        const message = `Nothing was written to ${path}: the disk cannot be written to. Choose another place.`;
        const fields = { path: { code: 'invalid', message: 'cannot be written to' } };
        throw new AppError('invalid_request', message, { cause: error, fields });
      }
    });
    const file = await open(part, 'r+');
    await file.sync();
    await file.close();
  }, deps);
}

/** The backup inherits WAL mode, in which a database is more than one file. */
function leaveWalMode(path: string): void {
  const db = new DatabaseSync(path);
  try {
    db.exec('PRAGMA journal_mode = DELETE');
  } finally {
    db.close();
  }
}
