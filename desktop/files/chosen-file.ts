// Keeps exports and backups out of the data folder: a backup written over the live cache would destroy both.

import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';

import { AppError } from '../../shared/errors.ts';

/**
 * Throws `invalid_request` for a path that is not absolute or that leads into `dataFolder`, also if it differs in case or
 * goes through links. Neither path needs to exist.
 */
export function requireOutsideDataFolder(path: string, dataFolder: string): void {
  if (!isAbsolute(path) || path.includes('\0')) throw refusal(path, 'the full path is required');
  const route = relative(realPath(dataFolder).toLowerCase(), realPath(path).toLowerCase());
  if (!/^\.\.(?:[\\/]|$)/.test(route) && !isAbsolute(route)) {
    throw refusal(path, `${dataFolder} is for Invoify's own files`);
  }
}

/** Resolves links and case; the part of the path that does not exist yet stays as it is. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

function refusal(path: string, reason: string): AppError {
  const fields = { path: { code: 'invalid', message: reason } };
  return new AppError('invalid_request', `Nothing was written to ${path}: ${reason}. Choose another place.`, { fields });
}
