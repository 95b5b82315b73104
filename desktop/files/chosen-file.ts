// A file that a person chose to write to must be none of our own: a backup over the live copy would destroy both.

import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';

import { AppError } from '../../shared/errors.ts';

/**
 * Throws `invalid_request` for a path that is not absolute, or that leads into `dataFolder`: as it is written, in other
 * case, or through links, whichever of them exist.
 */
export function requireForeignFile(path: string, dataFolder: string): void {
  if (!isAbsolute(path) || path.includes('\0')) throw refuse(path, 'its whole path is needed');
  const way = relative(realPath(dataFolder).toLowerCase(), realPath(path).toLowerCase());
  if (!/^\.\.(?:[\\/]|$)/.test(way) && !isAbsolute(way)) {
    throw refuse(path, `${dataFolder} is where Invoify keeps its own files`);
  }
}

/** Where a path leads; what of it is not there yet stays as it is written. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

function refuse(path: string, reason: string): AppError {
  return new AppError('invalid_request', `Nothing was written to ${path}: ${reason}. Choose another place.`);
}
