// A snapshot of the cache for work that outlasts a single query and must not see a sync halfway through: verification,
// exports, backups. It uses its own connection, so that the window's queries keep seeing the latest commit.

import { AppError } from '../../shared/errors.ts';
import type { CacheReader } from './schema.ts';
import { openReader, sqliteError } from './sqlite.ts';

/**
 * Runs `run` with a reader whose reads all see the same instant, even across awaits. Throws `cancelled` if the cache is
 * closed meanwhile, otherwise the result of `sqliteError`; `operation` completes "… failed" in its message.
 */
export async function withSnapshot<T>(
  { file, layout }: CacheReader, operation: string, run: (snapshot: CacheReader) => Promise<T>,
): Promise<T> {
  let db: ReturnType<typeof openReader>;
  try {
    db = openReader(file.path, file.busyTimeoutMs);
  } catch (error) {
    throw sqliteError(error, operation);
  }
  // Lets `closeCache` close this connection, too.
  file.connections.add(db);
  try {
    db.exec('BEGIN');
    return await run({ file, layout, db });
  } catch (error) {
    if (!db.isOpen) throw new AppError('cancelled', `The data on this computer was closed: ${operation} was stopped.`, { cause: error });
    throw sqliteError(error, operation);
  } finally {
    file.connections.delete(db);
    if (db.isOpen) db.close();
  }
}
