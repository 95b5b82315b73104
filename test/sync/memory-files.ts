// Puts the temporary files of a test process into memory, where the machine has a file system there with room enough:
// the tests of the sync commit many thousand times, and each commit waits for the disk. They are real files all the same.

import { existsSync, statfsSync } from 'node:fs';

const FOLDER = '/dev/shm';
const ENOUGH_BYTES = 2 * 1024 ** 3;

/** A folder that was chosen by TMPDIR stays. */
export function keepFilesInMemory(): void {
  if (process.env['TMPDIR'] || process.platform !== 'linux') return;
  if (!existsSync(FOLDER)) return;
  const { bavail, bsize } = statfsSync(FOLDER);
  if (bavail * bsize >= ENOUGH_BYTES) process.env['TMPDIR'] = FOLDER;
}
