// Keeps the desktop's own files to the user they belong to, on Linux and macOS and whatever the umask. On Windows the access list of
// the user's profile does that; whoever moves the data elsewhere must set one (docs/desktop.md).
//
// Invariants: a new file or folder has its mode from the moment it exists; one that was open to others is tightened. Tightening is
// best effort: a file system without modes keeps nobody from working.

import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';

import { hasSystemCode } from '../../shared/errors.ts';

/** Creates the folder, and those above it, for this user only; tightens an existing one. Throws if it cannot be created. */
export function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  tighten(folder, 0o700);
}

/**
 * Creates an empty file with mode 0600, or tightens an existing one. Throws if it cannot be created. An existing file is never opened:
 * closing it again would release the locks that SQLite has on it in this process (POSIX).
 */
export function makePrivateFile(file: string): void {
  if (process.platform === 'win32') return;
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!hasSystemCode(error, 'EEXIST')) throw error;
  }
  tighten(file, 0o600);
}

/** Sets the mode if others have rights, or this user lacks some. Does nothing without such a file. */
export function tighten(path: string, mode: 0o600 | 0o700): void {
  if (process.platform === 'win32') return;
  try {
    const found = statSync(path, { throwIfNoEntry: false })?.mode ?? mode;
    if ((found & 0o777) !== mode) chmodSync(path, mode);
  } catch {
    // Nothing else depends on it.
  }
}
