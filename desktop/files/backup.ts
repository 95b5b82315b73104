// A backup of the copy in a file of its own, made by SQLite while people read and the sync writes.
//
// What always holds: the file is a whole database of one instant, complete without a log, or it is not there.

import { open } from 'node:fs/promises';
import { backup, DatabaseSync } from 'node:sqlite';

import { AppError } from '../../shared/errors.ts';
import { withSnapshot, type CacheReader } from '../cache/cache.ts';
import { replaceWith, type ReplaceDeps } from './replace-file.ts';
import { sqliteCode } from '../cache/sqlite.ts';

/** Pages between two turns of the event loop; they are copied in another thread. */
const pagesAtOnce = 1000;
/** READONLY, IOERR, CANTOPEN: with everything read before the first write, it is the new file that fails. */
const unwritable: readonly number[] = [8, 10, 14];

/**
 * Writes the copy as it is now to `path`; durable when it resolves. Throws `disk_full`, `invalid_request` where `path`
 * cannot be written, `cancelled` where the copy was closed meanwhile; then nothing of it stays.
 */
export async function backUp(reader: CacheReader, path: string, deps: ReplaceDeps): Promise<void> {
  await replaceWith(path, async (part) => {
    // Made here, because an error of the file system says more than SQLite's.
    await (await open(part, 'wx', 0o600)).close();
    await withSnapshot(reader, 'backing up the local copy', async ({ db }) => {
      // The snapshot begins with a read; within it no commit of the sync makes the backup start again.
      db.prepare('SELECT 1 FROM state').get();
      try {
        await backup(db, part, { rate: pagesAtOnce });
        leaveWalMode(part);
      } catch (error) {
        if (!unwritable.includes((sqliteCode(error) ?? 0) & 0xff)) throw error;
        const message = `Nothing was written to ${path}: the disk does not take it. Choose another place.`;
        throw new AppError('invalid_request', message, { cause: error });
      }
    });
    const file = await open(part, 'r+');
    await file.sync();
    await file.close();
  }, deps);
}

/** The page that says so was copied, too; a file that is moved about had better be one. */
function leaveWalMode(path: string): void {
  const db = new DatabaseSync(path);
  try {
    db.exec('PRAGMA journal_mode = DELETE');
  } finally {
    db.close();
  }
}
