// The local SQLite cache of one account, written by the sync and read by the desktop: opening and closing it, and the
// module from which to import everything else.
//
// Invariants: there is one read-write connection, used only by the sync, and one read-only connection for all queries.
// A file that is foreign, damaged or of a newer version is never written to. Losing the file costs only time: everything
// in it can be pulled again.
//
//   openCache ─▶ beginChanges ─▶ applyChanges … ─▶ saveState({ cursor }) ─▶ commitChanges    a catch-up in one commit
//            ├▶ startRebuild ─▶ applyChanges into the other generation … ─▶ buildNext … ─▶ swapGenerations
//            ├▶ listPage, getRecord, summary …                             on the read-only connection
//            └▶ closeCache ─▶ removeCacheFiles | moveCacheAside

import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

import { collections as declaredCollections, type Collection } from '../../shared/collections.ts';
import { AppError, hasSystemCode } from '../../shared/errors.ts';
import { migrate, requireCompatible, requireCurrentVersion } from './migrations.ts';
import { dropInactive } from './rebuild.ts';
import { createLayout, requireCurrentLayout, syncLayout, type Cache, type CacheFile, type CacheWriter } from './schema.ts';
import { openReader, openWriter, requireSqlite, sqliteError, type ReadDb } from './sqlite.ts';

export { AcknowledgedRecords } from './acknowledged.ts';
export {
  applyChanges, beginChanges, commitChanges, rollbackChanges, type ApplyCounts,
} from './apply.ts';
export { buildNext, isBuilt } from './indexes.ts';
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

/** Overrides for tests; production code passes none. */
export interface CacheDeps {
  readonly collections?: readonly Collection[];
  /** False simulates an SQLite without FTS5. */
  readonly hasFullText?: boolean;
  readonly sqliteVersion?: string;
  readonly busyTimeoutMs?: number;
}

/**
 * How long a statement waits for another process, such as a backup or scanner that holds the file briefly. The waiting
 * thread serves no queries.
 */
const defaultBusyTimeoutMs = 2000;

/**
 * Opens the cache at `path`, creating folder and file if necessary, and updates its tables; that takes time only after
 * an update of the app, about half a second per 100,000 records. A crash at any point leaves a file that opens. Throws
 * `cache_unusable` for a file that is foreign, damaged, unreadable or of a newer version (it is left untouched; see
 * `moveCacheAside`), `cache_busy` if another process has it locked, `disk_full`.
 */
export function openCache(path: string, deps: CacheDeps = {}): Cache {
  requireSqlite(deps.sqliteVersion ?? process.versions.sqlite ?? '0');
  const file: CacheFile = { path, busyTimeoutMs: deps.busyTimeoutMs ?? defaultBusyTimeoutMs, connections: new Set() };
  try {
    createFolder(dirname(path));
    const writeDb = openWriter(path, file.busyTimeoutMs, requireCompatible);
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
    throw sqliteError(error, `opening ${path}`);
  }
}

/**
 * Opens the cache at `path` read-only, for when it cannot be opened for writing: on a full disk or in a read-only folder.
 * Throws `cache_unusable` if there is no file that this version can read unchanged, `cache_busy` if it is locked.
 */
export function openCacheReadOnly(path: string, deps: CacheDeps = {}): Omit<Cache, 'writer'> {
  const file: CacheFile = { path, busyTimeoutMs: deps.busyTimeoutMs ?? defaultBusyTimeoutMs, connections: new Set() };
  try {
    const db = openUnchanged(file, requireCurrentVersion);
    const layout = createLayout(deps.collections ?? declaredCollections, deps.hasFullText ?? hasFts5(db));
    const reader = { file, layout, db };
    requireCurrentLayout(reader);
    return { file, reader };
  } catch (error) {
    closeAll(file.connections);
    throw sqliteError(error, `opening ${path} for reading`);
  }
}

/**
 * Closes every connection, rolling back an open write transaction. Afterwards the files can be moved or deleted, even on
 * Windows. Closing twice is harmless.
 */
export function closeCache(cache: Pick<Cache, 'file'>): void {
  closeAll(cache.file.connections);
}

/** Closes the writer last: only a read-write connection can checkpoint the log and delete it. */
function closeAll(connections: Set<ReadDb>): void {
  for (const db of [...connections].reverse()) {
    if (db.isOpen) db.close();
    connections.delete(db);
  }
}

/**
 * Opens a file without changing it. Reading a WAL database normally requires creating files beside it. If that fails,
 * the file is opened as immutable, which is impossible while its log still holds changes.
 */
function openUnchanged(file: CacheFile, accept: (db: ReadDb) => void): ReadDb {
  const open = (location: string | URL): ReadDb => {
    const db = openReader(location, file.busyTimeoutMs);
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

function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    if (hasSystemCode(error, 'ENOSPC')) throw error;
    throw new AppError('cache_unusable', `Invoify could not create the folder ${folder} for its data. `
      + 'Check the write permissions there.', { cause: error });
  }
}

function hasFts5(db: ReadDb): boolean {
  return db.prepare(`SELECT sqlite_compileoption_used('ENABLE_FTS5') AS used`).get()?.['used'] === 1;
}
