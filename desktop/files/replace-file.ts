// Replaces files atomically: the new file is written under another name beside it, flushed to disk, and renamed.
//
// Invariants: whatever happens, a file of that name is the old one or the new one, never a part of it. A crash may leave
// a `.part` file, which nothing reads.

import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { AppError, hasSystemCode } from '../../shared/errors.ts';

export interface ReplaceDeps {
  /** Makes the name of the unfinished file unique, so that concurrent writers do not share it. */
  readonly newId: () => string;
  /** Calls back once after a delay; returns a function that cancels it. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
}

/** Windows refuses to replace a file while a virus scanner or an indexer briefly has it open. */
const retryDelaysMs = [20, 50, 100, 200, 400, 800] as const;
const folderReason = 'a folder has this name';

/**
 * Replaces the file at `path`; `write` fills an empty file. Durable when it resolves. Throws `disk_full`,
 * `invalid_request` if the path cannot be written, and whatever `write` throws; the old file is then unchanged.
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

/** Like `replaceFile` for writers that need a path: `create` is given the path of a file that does not exist yet. */
export async function replaceWith(
  path: string, create: (part: string) => Promise<void>, deps: ReplaceDeps,
): Promise<void> {
  const part = `${path}.${deps.newId().slice(0, 8)}.part`;
  try {
    await create(part);
    await renameOver(part, path, deps);
  } catch (error) {
    // A failed clean-up must not hide the actual error.
    await rm(part, { force: true }).catch(() => undefined);
    throw await toWriteError(error, path);
  }
}

async function renameOver(from: string, to: string, deps: ReplaceDeps): Promise<void> {
  for (const delayMs of [...retryDelaysMs, null]) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      // Windows reports a folder in the way like an open file, but retrying would not help.
      if (await isFolder(to)) throw refusal(to, folderReason, error);
      const isTransient = hasSystemCode(error, 'EPERM', 'EBUSY', 'EACCES');
      if (!isTransient || delayMs === null) throw error;
      await new Promise<void>((resolve) => void deps.setTimer(resolve, delayMs));
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/** Turns a file system error into a message for the person who chose the file; returns any other error unchanged. */
async function toWriteError(error: unknown, path: string): Promise<unknown> {
  const is = (...codes: string[]): boolean => hasSystemCode(error, ...codes);
  if (is('ENOSPC', 'EDQUOT')) {
    const message = `The disk is full: nothing was written to ${path}. Free some space, or choose another disk.`;
    return new AppError('disk_full', message, { cause: error });
  }
  const reason = is('EACCES', 'EPERM', 'EROFS') ? `Invoify is not allowed to write in ${dirname(path)}`
    // Windows reports an invalid name as ENOENT, too.
    : is('ENOENT', 'ENOTDIR') && !await isFolder(dirname(path)) ? `there is no folder ${dirname(path)}`
      : is('EISDIR', 'EEXIST', 'ENOTEMPTY') ? folderReason
        : is('EBUSY') ? 'another program has the file open'
          : is('ENAMETOOLONG', 'EINVAL', 'ENOENT') ? 'the name cannot be used here'
            : is('EIO', 'ENXIO', 'ENODEV') ? 'the disk does not respond' : null;
  return reason === null ? error : refusal(path, reason, error);
}

function refusal(path: string, reason: string, cause: unknown): AppError {
  const fields = { path: { code: 'invalid', message: reason } };
  return new AppError('invalid_request', `Nothing was written to ${path}: ${reason}. Choose another place.`, { cause, fields });
}
