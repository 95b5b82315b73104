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

import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

import { collections as declaredCollections, type Collection } from '../../shared/collections.ts';
import { AppError, hasSystemCode } from '../../shared/errors.ts';
import { requireSameLayout, syncLayout } from './layout.ts';
import { migrate, requireOurs, requireReadable } from './migrations.ts';
import { dropInactive } from './rebuild.ts';
import { createLayout, type Cache, type CacheFile, type CacheWriter } from './schema.ts';
import { openReader, openWriter, requireSqlite, toAppError, type ReadDb } from './sqlite.ts';

export {
  applyChanges, beginChanges, commitChanges, rollbackChanges, type ApplyCounts,
} from './apply.ts';
export { buildNext, isBuilt } from './build.ts';
export { cacheSizeBytes, finishRemoval, moveCacheAside, removeCacheFiles } from './files.ts';
export { counts, getRecord, listPage, listRows } from './queries.ts';
export { dropInactive, startRebuild, swapGenerations } from './rebuild.ts';
export { otherGeneration, type Cache, type CacheReader, type CacheWriter, type Generation } from './schema.ts';
export { withSnapshot } from './snapshot.ts';
export {
  listAttempts, readDigest, readState, recordAttempt, saveState, type CacheState, type Rebuild, type StateChange,
} from './state.ts';
export { selectionTotals, summary } from './summary.ts';
export { recomputeDigest, type Verification } from './verify.ts';

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
 * Opens the cache at `path` for reading only, where it cannot be opened for writing: on a full disk, in a folder that
 * may only be read. Throws `cache_unusable` where there is none that this code can read as it is.
 */
export function openCacheReadOnly(path: string, deps: CacheDeps = {}): Omit<Cache, 'writer'> {
  const file: CacheFile = { path, busyTimeoutMs: deps.busyTimeoutMs ?? defaultBusyTimeoutMs, connections: new Set() };
  try {
    const db = openAsItIs(file, requireReadable);
    const layout = createLayout(deps.collections ?? declaredCollections, deps.hasFullText ?? hasFts5(db));
    const reader = { file, layout, db };
    requireSameLayout(reader);
    return { file, reader };
  } catch (error) {
    closeAll(file.connections);
    throw toAppError(error, `opening ${path} for reading`);
  }
}

/**
 * Closes every connection of the cache; an open write transaction is rolled back. Afterwards the files can be moved or
 * deleted, also on Windows. Closing twice is harmless.
 */
export function closeCache(cache: Pick<Cache, 'file'>): void {
  closeAll(cache.file.connections);
}

/** The writer last: only a connection that may write can fold the log into the database and delete it. */
function closeAll(connections: Set<ReadDb>): void {
  for (const db of [...connections].reverse()) {
    if (db.isOpen) db.close();
    connections.delete(db);
  }
}

/**
 * SQLite needs to write beside a database in WAL mode even to read it. Where it cannot, the file alone is read, as one
 * that nobody changes; a log that still holds changes makes that impossible.
 */
function openAsItIs(file: CacheFile, accept: (db: ReadDb) => void): ReadDb {
  const open = (place: string | URL): ReadDb => {
    const db = openReader(place, file.busyTimeoutMs);
    file.connections.add(db);
    accept(db);
    return db;
  };
  try {
    return open(file.path);
  } catch (error) {
    closeAll(file.connections);
    if ((statSync(`${file.path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) throw error;
    return open(new URL(`${pathToFileURL(file.path).href}?immutable=1`));
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    if (hasSystemCode(error, 'ENOSPC')) throw error;
    throw new AppError('cache_unusable', `Invoify could not create the folder ${folder} for its local copy. `
      + 'Check who may write there.', { cause: error });
  }
}

function hasFts5(db: ReadDb): boolean {
  return db.prepare(`SELECT sqlite_compileoption_used('ENABLE_FTS5') AS used`).get()?.['used'] === 1;
}
