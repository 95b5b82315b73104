// The copy as it is at one instant, for what takes longer than a query and must not see a sync in between: the proof of
// the rows, an export. It has a connection of its own, so that the window's queries go on seeing what is newest.

import { AppError } from '../../shared/errors.ts';
import type { CacheReader } from './schema.ts';
import { openReader, toAppError } from './sqlite.ts';

/**
 * Runs `run` on a reader whose every read is of the same instant, also across pauses. Throws `cancelled` where the copy
 * was closed meanwhile, and what `toAppError` makes of an error; `doing` completes "… failed" in its message.
 */
export async function withSnapshot<T>(
  { file, layout }: CacheReader, doing: string, run: (snapshot: CacheReader) => Promise<T>,
): Promise<T> {
  let db: ReturnType<typeof openReader>;
  try {
    db = openReader(file.path, file.busyTimeoutMs);
  } catch (error) {
    throw toAppError(error, doing);
  }
  // Whoever closes the copy closes this connection, too.
  file.connections.add(db);
  try {
    db.exec('BEGIN');
    return await run({ file, layout, db });
  } catch (error) {
    if (!db.isOpen) throw new AppError('cancelled', `The local copy was closed: ${doing} was stopped.`, { cause: error });
    throw toAppError(error, doing);
  } finally {
    file.connections.delete(db);
    if (db.isOpen) db.close();
  }
}
