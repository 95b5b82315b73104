// Looks for damage in the embedded database on a thread of its own: SQLite's quick check reads the whole file, and requests must not
// wait for it. The thread reads one snapshot, while others go on writing.

import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

import { AppError } from '../../shared/errors.ts';

/** Larger files are not inspected: the write-ahead log grows as long as the snapshot is read. */
const MAX_BYTES = 4 * 1024 * 1024 * 1024;

/** Resolves if no damage is found, or the file is too large to inspect; throws `unavailable` if there is some. */
export async function inspectFile(file: string): Promise<void> {
  if (statSync(file).size > MAX_BYTES) return;
  const worker = new Worker(new URL('./inspection-worker.ts', import.meta.url), { workerData: file });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  worker.once('message', resolve).once('error', reject).once('exit', () => reject(new Error('the inspection ended without a result')));
  const result = await promise;
  if (result === 'ok') return;
  throw new AppError('unavailable', "The server's database is damaged; restore it from a backup.", { cause: new Error(result) });
}
