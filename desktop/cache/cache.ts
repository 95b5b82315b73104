// The local SQLite cache of one account, written by the sync and read by the desktop: opening and closing it, and the
// module from which to import everything else.
//
// Invariants: there is one read-write connection, used only by the sync, whichever processes have the file open, and one
// read-only connection for all queries in each of them.
// A file that is foreign, damaged or of a newer version is never written to. Losing the file costs only time: everything
// in it can be pulled again.
//
//   openCache ─▶ beginChanges ─▶ applyChanges … ─▶ saveState({ cursor }) ─▶ commitChanges    a catch-up in one commit
//            ├▶ startRebuild ─▶ applyChanges into the other generation … ─▶ buildIndexes ─▶ swapGenerations
//            ├▶ listPage, getRecord, summary …                             on the read-only connection
//            └▶ closeCache ─▶ removeCacheFiles | moveCacheAside

import { lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

import { collections as declaredCollections, type Collection } from '../../shared/collections.ts';
import { AppError, errorCode, hasSystemCode } from '../../shared/errors.ts';
import { makePrivateFolder } from './private.ts';
import { migrate, requireCompatible, requireCurrentVersion, requireFixedTables } from './migrations.ts';
import { dropInactive } from './rebuild.ts';
import { createLayout, requireCurrentLayout, syncLayout, type Cache, type CacheFile, type CacheWriter } from './schema.ts';
import { readState, saveState } from './state.ts';
import { lockForWriting, openReader, openWriter, requireSqlite, sqliteError, type ReadDb } from './sqlite.ts';

export { AcknowledgedRecords } from './acknowledged.ts';
export {
  applyChanges, beginChanges, commitChanges, rollbackChanges, type ApplyCounts, type RefusedChange,
} from './apply.ts';
export { LogKeeper, checkpoint } from './background.ts';
export { buildIndexes, buildNext, isBuilt } from './indexes.ts';
export {
  cacheSizeBytes, finishRemoval, isForeign, moveCacheAside, removeCacheFiles, removeSets, requireUnused, type SetAsideReason,
} from './files.ts';
export { lineSuggestions } from './line-suggestions.ts';
export { counts, getRecord, listPage, listRows } from './queries.ts';
export { dropInactive, dropInactiveInBackground, startRebuild, swapGenerations } from './rebuild.ts';
export { otherGeneration, type Cache, type CacheReader, type CacheWriter, type Generation } from './schema.ts';
export { periodReport } from './report.ts';
export { withSnapshot } from './snapshot.ts';
export { dropStage, readStage, stagedPages, stagePage, type Stage } from './stage.ts';
export {
  listAttempts, readDigest, readState, recordAttempt, saveState, type CacheState, type Mismatch, type Rebuild, type StateChange,
} from './state.ts';
export { selectionTotals, summary } from './summary.ts';
export { proveRows, recomputeDigest, type Proof, type Verification } from './verify.ts';

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
 * an update of the app, about half a second per 100,000 records. A crash at any point leaves a file that opens. Only one
 * process at a time has it open.
 *
 * Throws `cache_unusable`, with `details.damage` for a file that is foreign or damaged (it is left untouched; see
 * `moveCacheAside`) and without for one of a newer version or a failed system call; `cache_busy` if another process has it
 * open or locked, `disk_full`.
 */
export function openCache(path: string, deps: CacheDeps = {}): Cache {
  requireSqlite(deps.sqliteVersion ?? process.versions.sqlite ?? '0');
  const file = describeFile(path, deps);
  try {
    createFolder(dirname(path));
    requireFile(path);
    file.connections.add(lockForWriting(path));
    file.needsProof = hasLog(path);
    const writeDb = openWriter(path, file.busyTimeoutMs, requireCompatible);
    file.connections.add(writeDb);
    const layout = createLayout(deps.collections ?? declaredCollections, deps.hasFullText ?? hasFts5(writeDb));
    const writer: CacheWriter = { file, layout, db: writeDb };
    migrate(writeDb);
    requireFixedTables(writeDb);
    syncLayout(writer);
    dropInactive(writer);
    // Closing deletes the log, and the proof stays due.
    if (file.needsProof) saveState(writer, { lastVerifiedMs: null });
    const state = readState(writer);
    file.needsProof ||= state.isInitialComplete && state.lastVerifiedMs === null;
    const readDb = openReader(path, file.busyTimeoutMs);
    file.connections.add(readDb);
    return { file, writer, reader: { file, layout, db: readDb } };
  } catch (error) {
    closeAll(file.connections);
    throw sqliteError(error, `opening ${path}`);
  }
}

/**
 * Opens the cache at `path` read-only, for when it cannot be opened for writing: on a full disk, in a read-only folder, or
 * beside another process that has it open. Throws `cache_unusable` if there is no file that this version can read
 * unchanged, `cache_busy` if it is locked.
 */
export function openCacheReadOnly(path: string, deps: CacheDeps = {}): Omit<Cache, 'writer'> {
  const file = describeFile(path, deps);
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

function describeFile(path: string, deps: CacheDeps): CacheFile {
  return { path, busyTimeoutMs: deps.busyTimeoutMs ?? defaultBusyTimeoutMs, needsProof: false, connections: new Set() };
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
    // Immutable also means that locks are ignored.
    if (hasLog(file.path) || errorCode(sqliteError(error, '')) === 'cache_busy') throw error;
    return open(new URL(`${pathToFileURL(file.path).href}?immutable=1`));
  }
}

/** Whether the last process that wrote the cache left a log with commits behind, instead of closing the cache. */
function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Throws `cache_unusable` for anything but a file, or nothing, at the path. A link to a file is one. */
function requireFile(path: string): void {
  const isLinked = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (statSync(path, { throwIfNoEntry: false })?.isFile() ?? !isLinked) return;
  throw new AppError('cache_unusable', 'Something else is in the place of the data on this computer: '
    + `${path} is a folder or a link to nothing. Move it elsewhere.`, { damage: 'file' });
}

function createFolder(folder: string): void {
  try {
    makePrivateFolder(folder);
  } catch (error) {
    if (hasSystemCode(error, 'ENOSPC')) throw error;
    throw new AppError('cache_unusable', `Invoify could not create the folder ${folder} for its data. `
      + 'Check the write permissions there.', { cause: error });
  }
}

function hasFts5(db: ReadDb): boolean {
  return db.prepare(`SELECT sqlite_compileoption_used('ENABLE_FTS5') AS used`).get()?.['used'] === 1;
}
