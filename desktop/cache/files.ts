// The cache's files as files: their size, removing them, and moving a damaged set aside.
//
// A SQLite database in WAL mode is three files that belong together. Windows neither renames nor deletes a file that
// any connection holds open, so every connection is closed first (`closeCache`), and what a virus scanner or indexer
// opened for a moment is tried again for about two seconds. The database goes first: a log without its database is
// rubbish that the next opening removes, a database without its log would look whole and not be.

import {
  closeSync, existsSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { AppError, hasSystemCode } from '../../shared/errors.ts';
import { APPLICATION_ID } from './migrations.ts';

const logSuffixes = ['-wal', '-shm'] as const;
const keptDamagedSets = 3;
const retryDelaysMs = [50, 100, 200, 400, 800] as const;

/** What the cache takes on disk, in bytes. */
export function cacheSizeBytes(path: string): number {
  return [path, ...logSuffixes.map((suffix) => path + suffix)]
    .reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/**
 * Deletes the cache, and with it what of it was moved aside before. Every connection must be closed. When it returns
 * nothing of it is left; where it throws or the program ends in the middle, a mark is left by which `finishRemoval` goes
 * on. Throws `cache_busy` where a file stays held by another program and `cache_unusable` where it cannot be deleted for
 * another reason.
 */
export function removeCacheFiles(path: string): void {
  const mark = removalMark(path);
  // Without a mark, as on a full disk, the removal is as good; only nobody could finish it.
  tryTo(() => writeFileSync(mark, ''));
  for (const file of [path, ...logSuffixes.map((suffix) => path + suffix)]) {
    retry(() => rmSync(file, { force: true }), `delete ${file}`);
  }
  for (const set of damagedSets(path).filter((name) => !isForeign(name))) removeSet(set);
  rmSync(mark, { force: true });
}

/** Deletes what a removal has left that could not be completed: it holds what nobody may see any more. */
export function finishRemoval(path: string): void {
  if (existsSync(removalMark(path))) removeCacheFiles(path);
}

/**
 * Moves a cache that does not open out of the way, as `<path>.damaged-<time>` with its logs, and keeps the newest
 * three such sets. Every connection must be closed. Returns the new path, or null where there was no file. Throws
 * `cache_busy` where a file stays held by another program.
 */
export function moveCacheAside(path: string, nowMs: number): string | null {
  if (!existsSync(path)) {
    removeOrphanedLogs(path);
    return null;
  }
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-');
  const target = `${path}.damaged-${stamp}`;
  for (const suffix of ['', ...logSuffixes]) {
    if (existsSync(path + suffix)) retry(() => renameSync(path + suffix, target + suffix), `move ${path + suffix}`);
  }
  pruneDamagedSets(path);
  return target;
}

/** Deletes logs whose database is gone; SQLite would do so too, but only when it makes a new one. */
function removeOrphanedLogs(path: string): void {
  for (const suffix of logSuffixes) tryTo(() => rmSync(path + suffix, { force: true }));
}

function pruneDamagedSets(path: string): void {
  for (const set of damagedSets(path).slice(0, -keptDamagedSets)) removeSet(set);
}

/** The databases that were moved aside, oldest first. */
function damagedSets(path: string): string[] {
  const folder = dirname(path);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.startsWith(`${basename(path)}.damaged-`));
  return [...new Set(names.map((name) => name.replace(/-(?:wal|shm)$/, '')))].sort().map((name) => join(folder, name));
}

function removeSet(set: string): void {
  for (const suffix of ['', ...logSuffixes]) {
    retry(() => rmSync(set + suffix, { force: true, recursive: true }), `delete ${set + suffix}`);
  }
}

/** A folder, or a database that another program has marked as its own: that is not for us to delete with our data. */
function isForeign(file: string): boolean {
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

function removalMark(path: string): string {
  return `${path}.removing`;
}

function tryTo(run: () => void): void {
  try {
    run();
  } catch {
    // Whoever calls goes on without it.
  }
}

function retry(run: () => void, doing: string): void {
  for (const delayMs of [...retryDelaysMs, null]) {
    try {
      run();
      return;
    } catch (error) {
      if (!hasSystemCode(error, 'EBUSY', 'EPERM', 'EACCES')) {
        throw new AppError('cache_unusable', `Invoify could not ${doing}. Check who may change that folder.`, {
          cause: error,
        });
      }
      if (delayMs === null) {
        throw new AppError('cache_busy', `Another program keeps Invoify from its local copy (it could not ${doing}). `
          + 'Close programs that may have it open and try again.', { cause: error });
      }
    }
    // Waiting with the thread, so that nothing can open the files between two tries.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
  }
}
