// Files that are whole or not there: written under another name beside their place, flushed to the disk, and renamed.
//
// What always holds: whatever happens, the file of that name is the one before or the new one, never a part of it. A
// crash may leave a `.part` file, which nothing reads.

import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { AppError, hasSystemCode } from '../../shared/errors.ts';

export interface ReplaceDeps {
  /** Makes the name of the unfinished file, so that two who write the same file do not meet. */
  readonly newId: () => string;
  /** Calls back once after a delay; returns how to cancel it. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
}

/** Windows refuses to replace a file while a virus scanner or an indexer has it open, which they do for a moment. */
const retryDelaysMs = [20, 50, 100, 200, 400, 800] as const;
const folderInPlace = 'a folder has this name';

/**
 * Puts a file in the place of `path`: `write` gets an empty one to fill. Durable when it resolves. Throws `disk_full`,
 * `invalid_request` where the folder cannot be written to, and whatever `write` throws; then what was there still is.
 */
export async function replaceFile(
  path: string, write: (file: FileHandle) => Promise<void>, deps: ReplaceDeps,
): Promise<void> {
  await replaceWith(path, async (part) => {
    const file = await open(part, 'wx', 0o600);
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
  }, deps);
}

/** The same for who writes files by name: `make` is given the name of a file that is not there yet. */
export async function replaceWith(
  path: string, make: (part: string) => Promise<void>, deps: ReplaceDeps,
): Promise<void> {
  const part = `${path}.${deps.newId().slice(0, 8)}.part`;
  try {
    await make(part);
    await renameOver(part, path, deps);
  } catch (error) {
    // That it could not be removed is not what went wrong.
    await rm(part, { force: true }).catch(() => undefined);
    throw await writeError(error, path);
  }
}

async function renameOver(from: string, to: string, deps: ReplaceDeps): Promise<void> {
  for (const delayMs of [...retryDelaysMs, null]) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      // Windows says of a folder in the place what it says of a file that is open; waiting moves no folder.
      if (await isFolder(to)) throw refusal(to, folderInPlace, error);
      const mayPass = hasSystemCode(error, 'EPERM', 'EBUSY', 'EACCES');
      if (!mayPass || delayMs === null) throw error;
      await new Promise<void>((resolve) => void deps.setTimer(resolve, delayMs));
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/** What an error of the file system means to the person who chose the file; any other comes back as it is. */
async function writeError(error: unknown, path: string): Promise<unknown> {
  const is = (...codes: string[]): boolean => hasSystemCode(error, ...codes);
  if (is('ENOSPC', 'EDQUOT')) {
    const message = `The disk is full: nothing was written to ${path}. Free some space, or choose another disk.`;
    return new AppError('disk_full', message, { cause: error });
  }
  const reason = is('EACCES', 'EPERM', 'EROFS') ? `Invoify may not write in ${dirname(path)}`
    // Windows says of a name that it does not take that nothing is there.
    : is('ENOENT', 'ENOTDIR') && !await isFolder(dirname(path)) ? `there is no folder ${dirname(path)}`
      : is('EISDIR', 'EEXIST', 'ENOTEMPTY') ? folderInPlace
        : is('EBUSY') ? 'another program has the file open'
          : is('ENAMETOOLONG', 'EINVAL', 'ENOENT') ? 'the name cannot be used here'
            : is('EIO', 'ENXIO', 'ENODEV') ? 'the disk does not answer' : null;
  return reason === null ? error : refusal(path, reason, error);
}

function refusal(path: string, reason: string, cause: unknown): AppError {
  return new AppError('invalid_request', `Nothing was written to ${path}: ${reason}. Choose another place.`, { cause });
}
