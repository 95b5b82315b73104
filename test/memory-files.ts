// Puts the temporary files of a test process, and of those it starts, on an in-memory file system, if there is one with enough
// space: the tests commit many thousands of times, and each commit would wait for the disk. They are still real files.

import { existsSync, statfsSync } from 'node:fs';

const FOLDER = '/dev/shm';
const ENOUGH_BYTES = 2 * 1024 ** 3;

/** Does nothing if TMPDIR is set. */
export function keepFilesInMemory(): void {
  if (process.env['TMPDIR'] || process.platform !== 'linux') return;
  if (!existsSync(FOLDER)) return;
  const { bavail, bsize } = statfsSync(FOLDER);
  if (bavail * bsize >= ENOUGH_BYTES) process.env['TMPDIR'] = FOLDER;
}
