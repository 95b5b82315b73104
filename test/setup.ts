// Runs once before and after all files of a test run (`node --test --test-global-setup=test/setup.ts`): one MongoDB
// replica set for all of them, so that not every file starts its own (a file run without it starts its own), and one cache of
// compiled code for all their processes, which saves each a quarter of a second. Their temporary files are in memory, and their
// processes keep memory that they have freed, which saves a twelfth of their time.

import { join } from 'node:path';

import { keepFilesInMemory } from './memory-files.ts';
import { openTestMongo, SHARED_URL, type TestMongo } from './mongod.ts';

/**
 * For glibc (mallopt(3)), which by default gives large buffers and a free end of the heap back to the system, and asks for it again
 * in small steps. The servers that tests start by `spawnServer` do without, since some tests measure their memory.
 */
const keepMemory = { MALLOC_MMAP_THRESHOLD_: '33554432', MALLOC_TRIM_THRESHOLD_: '536870912', MALLOC_TOP_PAD_: '16777216' };

let mongo: TestMongo | null = null;

export async function globalSetup(): Promise<void> {
  keepFilesInMemory();
  Object.assign(process.env, keepMemory);
  // Coverage of code from a cache is less precise.
  if (process.env['NODE_V8_COVERAGE'] === undefined) {
    process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '..', 'node_modules', '.cache', 'test-code');
  }
  const { found, missing } = await openTestMongo();
  if (found === null) {
    console.log(missing);
    return;
  }
  mongo = found;
  process.env[SHARED_URL] = found.url;
}

export async function globalTeardown(): Promise<void> {
  await mongo?.release();
}
