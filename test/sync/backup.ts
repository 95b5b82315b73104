// Backs up and restores a test server's database while the server is down, as an administrator would.

import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { MongoClient, type Document } from 'mongodb';

import type { Environment } from '../server/harness.ts';

export interface Backup {
  restore(): Promise<void>;
}

/** The database must not be open, neither now nor at `restore`. */
export async function takeBackup(env: Environment): Promise<Backup> {
  const { MONGODB_URL, MONGODB_DB, DATA_DIR = '' } = env;
  if (MONGODB_URL !== undefined) return backUpMongo(MONGODB_URL, MONGODB_DB ?? '');
  const file = join(DATA_DIR, 'invoify.sqlite');
  copyFileSync(file, `${file}.backup`);
  return {
    async restore() {
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
      copyFileSync(`${file}.backup`, file);
    },
  };
}

async function backUpMongo(url: string, name: string): Promise<Backup> {
  await using client = await new MongoClient(url, { promoteLongs: false }).connect();
  const held = new Map<string, Document[]>();
  for (const collection of await client.db(name).collections()) held.set(collection.collectionName, await collection.find().toArray());
  return {
    async restore() {
      await using again = await new MongoClient(url).connect();
      for (const collection of await again.db(name).collections()) {
        await collection.deleteMany({});
        const documents = held.get(collection.collectionName) ?? [];
        if (documents.length > 0) await collection.insertMany(documents);
      }
    },
  };
}
