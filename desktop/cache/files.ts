// The cache's files: measuring and removing them, and moving a damaged set aside.
//
// An SQLite database in WAL mode consists of three files that belong together. Windows cannot rename or delete a file
// that is open, so callers close every connection first (`closeCache`); files held briefly by a virus scanner or indexer
// are retried for about two seconds. The database goes first: a log without its database is harmless and is removed on
// the next open, whereas a database without its log would look intact but lack commits.

import {
  closeSync, existsSync, lstatSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { AppError, errorCode, hasSystemCode } from '../../shared/errors.ts';
import { APPLICATION_ID } from './migrations.ts';
import { lockFile, lockForWriting } from './sqlite.ts';

const logSuffixes = ['-wal', '-shm'] as const;
const maxSets = 3;
/** Why a cache is moved aside: it is damaged, or the last data of an account that its server no longer has. */
const setAsideReasons = ['damaged', 'former'] as const;
export type SetAsideReason = (typeof setAsideReasons)[number];
const retryDelaysMs = [50, 100, 200, 400, 800] as const;

/** The cache's size on disk, including its logs. */
export function cacheSizeBytes(path: string): number {
  return [path, ...logSuffixes.map((suffix) => path + suffix)]
    .reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/**
 * Deletes the cache and every set moved aside earlier, except those of other programs. All connections of this process
 * must be closed. If it throws or the process dies halfway, a marker file remains, with which `finishRemoval` completes
 * the removal. Throws `cache_busy` if another program keeps a file open, `cache_unusable` if it cannot be deleted for
 * another reason.
 */
export function removeCacheFiles(path: string): void {
  const marker = removalMarker(path);
  // Best effort: on a full disk the removal goes ahead without a marker, it just cannot be resumed.
  ignoreErrors(() => writeFileSync(marker, '', { mode: 0o600 }));
  requireUnused(path);
  for (const file of [path, ...logSuffixes.map((suffix) => path + suffix)]) {
    retry(() => rmSync(file, { force: true }), `delete ${file}`);
  }
  for (const why of setAsideReasons) removeSets(path, why);
  rmSync(marker, { force: true });
}

/**
 * Deletes the sets moved aside earlier for this reason, except those of other programs. Returns whether there were any.
 * Throws like `removeCacheFiles`.
 */
export function removeSets(path: string, why: SetAsideReason): boolean {
  const sets = setsAside(path, why).filter((name) => !isForeign(name));
  for (const set of sets) removeSet(set);
  return sets.length > 0;
}

/**
 * Throws `cache_busy` if another process has the cache open for writing, as deleting or moving the file does on Windows;
 * elsewhere that process would go on with a file that is gone. Any other failure says nothing about that.
 */
export function requireUnused(path: string): void {
  try {
    lockForWriting(path).close();
    rmSync(lockFile(path), { force: true });
  } catch (error) {
    if (errorCode(error) === 'cache_busy') throw error;
  }
}

/** Completes an interrupted removal: the files hold data that must no longer be readable. Throws like `removeCacheFiles`. */
export function finishRemoval(path: string): void {
  if (existsSync(removalMarker(path))) removeCacheFiles(path);
}

/**
 * Moves a cache to `<path>.<why>-<time>`, with its logs, and keeps the newest three such sets. All connections must be
 * closed. Returns the new path, or null if there was no file. Throws `cache_busy` if another program
 * keeps a file open, `cache_unusable` if a file cannot be moved for any other reason.
 */
export function moveCacheAside(path: string, nowMs: number, why: SetAsideReason): string | null {
  // A link to nothing is moved, too.
  if (!lstatSync(path, { throwIfNoEntry: false })) {
    removeOrphanedLogs(path);
    return null;
  }
  requireUnused(path);
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-');
  const target = `${path}.${why}-${stamp}`;
  for (const suffix of ['', ...logSuffixes]) {
    const from = path + suffix;
    if (lstatSync(from, { throwIfNoEntry: false })) retry(() => renameSync(from, target + suffix), `move ${from}`);
  }
  for (const set of setsAside(path, why).slice(0, -maxSets)) removeSet(set);
  return target;
}

/** Deletes logs without a database. SQLite would do so too, but only when it creates a new database. */
function removeOrphanedLogs(path: string): void {
  for (const suffix of logSuffixes) ignoreErrors(() => rmSync(path + suffix, { force: true }));
}

/** The databases moved aside for this reason, oldest first. */
function setsAside(path: string, why: SetAsideReason): string[] {
  const folder = dirname(path);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.startsWith(`${basename(path)}.${why}-`));
  return [...new Set(names.map((name) => name.replace(/-(?:wal|shm)$/, '')))].sort().map((name) => join(folder, name));
}

function removeSet(set: string): void {
  for (const suffix of ['', ...logSuffixes]) {
    retry(() => rmSync(set + suffix, { force: true, recursive: true }), `delete ${set + suffix}`);
  }
}

/** Whether this is a folder, a database marked by another program, or unreadable: not ours to delete. */
export function isForeign(file: string): boolean {
  const header = Buffer.alloc(100);
  try {
    const descriptor = openSync(file, 'r');
    try {
      readSync(descriptor, header, 0, header.length, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return !hasSystemCode(error, 'ENOENT');
  }
  // https://sqlite.org/fileformat2.html, "The Database Header"
  const applicationId = header.readInt32BE(68);
  return header.toString('latin1', 0, 16) === 'SQLite format 3\0' && applicationId !== 0 && applicationId !== APPLICATION_ID;
}

function removalMarker(path: string): string {
  return `${path}.removing`;
}

function ignoreErrors(run: () => void): void {
  try {
    run();
  } catch {
    // The caller can do without it.
  }
}

/** Retries while another program holds a file. `action` completes "could not …" in messages. */
function retry(run: () => void, action: string): void {
  for (const delayMs of [...retryDelaysMs, null]) {
    try {
      run();
      return;
    } catch (error) {
      if (!hasSystemCode(error, 'EBUSY', 'EPERM', 'EACCES')) {
        throw new AppError('cache_unusable', `Invoify could not ${action}. Check who may change that folder.`, {
          cause: error,
        });
      }
      if (delayMs === null) {
        throw new AppError('cache_busy', `Another program is using the data on this computer (Invoify could not ${action}). `
          + 'Close programs that may be using it and try again.', { cause: error });
      }
    }
    // Blocks the thread, so that nothing can open the files between attempts.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
  }
}
