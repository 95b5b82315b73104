// The SQLite copy of one account that the desktop reads and the sync keeps: opening and closing it, and the one place
// to import everything else from.
//
// What always holds: there is one writing connection, used by the sync only, and one read-only connection for every
// query. A file that is not ours, newer than this code, or damaged is never written to. Losing the file loses nothing
// but time: everything in it can be pulled again.
//
//   openCache ─▶ beginChanges ─▶ applyChanges … ─▶ saveState({ cursor }) ─▶ commitChanges    a catch-up, one commit
//            ├▶ startRebuild ─▶ applyChanges into the other generation … ─▶ buildNext … ─▶ swapGenerations
//            ├▶ listPage, getRecord, summary …                             on the read-only connection
//            └▶ closeCache ─▶ removeCacheFiles | moveCacheAside

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { collections as declaredCollections, type Collection } from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import { syncLayout } from './cache-layout.ts';
import { migrate, requireOurs } from './cache-migrations.ts';
import { dropInactive } from './cache-rebuild.ts';
import { createLayout, type Cache, type CacheFile, type CacheWriter } from './cache-schema.ts';
import { hasCode, openReader, openWriter, requireSqlite, toAppError, type ReadDb, type WriteDb } from './sqlite.ts';

export {
  applyChanges, beginChanges, commitChanges, rollbackChanges, type ApplyCounts,
} from './cache-apply.ts';
export { buildNext, isBuilt } from './cache-build.ts';
export { cacheSizeBytes, moveCacheAside, removeCacheFiles } from './cache-files.ts';
export { counts, getRecord, listPage, listRows } from './cache-queries.ts';
export { dropInactive, startRebuild, swapGenerations } from './cache-rebuild.ts';
export { otherGeneration, type Cache, type CacheReader, type CacheWriter, type Generation } from './cache-schema.ts';
export { withSnapshot } from './cache-snapshot.ts';
export {
  listAttempts, readDigest, readState, recordAttempt, saveState, type CacheState, type Rebuild, type StateChange,
} from './cache-state.ts';
export { selectionTotals, summary } from './cache-summary.ts';
export { recomputeDigest, type Verification } from './cache-verify.ts';

/** What a test may set; the product gives nothing. */
export interface CacheDeps {
  readonly collections?: readonly Collection[];
  /** False stands for an SQLite without FTS5. */
  readonly hasFullText?: boolean;
  readonly sqliteVersion?: string;
  readonly busyTimeoutMs?: number;
}

/**
 * How long a statement waits for another process. A backup or a scanner holds the file for a moment; the thread that
 * waits serves no query meanwhile.
 */
const defaultBusyTimeoutMs = 2000;

/**
 * Opens the cache at `path`, making folder and file where there are none, and brings its tables up to date: nothing to
 * do but once after an update of the app, when 100,000 records take about half a second. A crash at any point leaves
 * a file that opens. Throws `cache_unusable` for a file that is not ours, newer than this code, damaged or not
 * readable (it is left as it is: see `moveCacheAside`), `cache_busy` if another process holds it, `disk_full`.
 */
export function openCache(path: string, deps: CacheDeps = {}): Cache {
  requireSqlite(deps.sqliteVersion ?? process.versions.sqlite ?? '0');
  const file: CacheFile = { path, busyTimeoutMs: deps.busyTimeoutMs ?? defaultBusyTimeoutMs, connections: new Set() };
  try {
    makeFolder(dirname(path));
    const writeDb = openWriter(path, file.busyTimeoutMs, requireOurs);
    file.connections.add(writeDb);
    const layout = createLayout(deps.collections ?? declaredCollections, deps.hasFullText ?? hasFts5(writeDb));
    const writer: CacheWriter = { file, layout, db: writeDb };
    migrate(writeDb);
    syncLayout(writer);
    dropInactive(writer);
    const readDb = openReader(path, file.busyTimeoutMs);
    file.connections.add(readDb);
    return { file, writer, reader: { file, layout, db: readDb } };
  } catch (error) {
    closeAll(file.connections);
    throw toAppError(error, `opening ${path}`);
  }
}

/**
 * Closes every connection of the cache; an open write transaction is rolled back. Afterwards the files can be moved or
 * deleted, also on Windows. Closing twice is harmless.
 */
export function closeCache(cache: Cache): void {
  closeAll(cache.file.connections);
}

/** The writer last: only a connection that may write can fold the log into the database and delete it. */
function closeAll(connections: Set<ReadDb>): void {
  for (const db of [...connections].reverse()) {
    if (db.isOpen) db.close();
    connections.delete(db);
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    if (hasCode(error, 'ENOSPC')) throw error;
    throw new AppError('cache_unusable', `Invoify could not create the folder ${folder} for its local copy. `
      + 'Check who may write there.', { cause: error });
  }
}

function hasFts5(db: WriteDb): boolean {
  return db.prepare(`SELECT sqlite_compileoption_used('ENABLE_FTS5') AS used`).get()?.['used'] === 1;
}
