// Runs once before and after all files of a test run (`node --test --test-global-setup=test/setup.ts`): one MongoDB
// replica set for all of them, so that not every file starts its own. A file run without it starts its own.

import { openTestMongo, SHARED_URL, type TestMongo } from './mongod.ts';

let mongo: TestMongo | null = null;

export async function globalSetup(): Promise<void> {
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
