// Sets up and removes what the demonstration needs: a temporary folder, a database with the sample company, and a way to
// start a server on it.

import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createPasswords, type Passwords } from '../server/passwords.ts';
import { openEmbeddedStore } from '../server/embedded/store.ts';
import type { Store } from '../server/store.ts';
import type { CompanyOptions } from './company.ts';
import { seedCompany, type Seeded } from './seed.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';

export interface Stage {
  /** The desktop's cache. */
  readonly databaseFile: string;
  readonly company: Seeded;
  readonly password: string;
  startServer(port?: number): Promise<ServerProcess>;
}

/** The server's database, still empty, and the temporary folder. */
export interface Venue {
  readonly folder: string;
  /** Description for people. */
  readonly database: string;
  readonly env: Readonly<Record<string, string>>;
  openStore(): Promise<Store>;
  /** Removes folder and database, except a MongoDB database with `keepDatabase`. */
  remove(keepDatabase: boolean): Promise<void>;
}

const storeDeps = { nowMs: Date.now, trustsClock: false, log: () => {} };

/**
 * An empty database: on MongoDB if there is a URL, otherwise embedded, in a new folder. The folder is removed at the latest
 * when this process ends. `purpose` becomes part of the names of folder and database.
 */
export async function openVenue(mongodbUrl: string | undefined, purpose = 'demo'): Promise<Venue> {
  const folder = await mkdtemp(join(tmpdir(), `invoify-${purpose}-`));
  const removeFolder = async (): Promise<void> => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const dataDir = join(folder, 'server');
  if (!mongodbUrl) {
    return {
      folder,
      database: 'the embedded database',
      env: { DATA_DIR: dataDir },
      openStore: () => openEmbeddedStore(join(dataDir, 'invoify.sqlite'), storeDeps),
      remove: removeFolder,
    };
  }
  let isCreated = false;
  const name = `invoify_${purpose}_${randomBytes(6).toString('hex')}`;
  return {
    folder,
    database: `MongoDB, database ${name}`,
    env: { DATA_DIR: dataDir, MONGODB_URL: mongodbUrl, MONGODB_DB: name, JWT_SECRET: randomBytes(48).toString('base64url') },
    async openStore() {
      const { openMongoStore } = await import('../server/mongo/store.ts');
      const store = await openMongoStore(mongodbUrl, name, storeDeps);
      isCreated = true;
      return store;
    },
    async remove(keepDatabase) {
      await removeFolder();
      if (keepDatabase || !isCreated) return;
      const { MongoClient } = await import('mongodb');
      const client = await new MongoClient(mongodbUrl).connect();
      await client.db(name).dropDatabase().finally(() => client.close());
    },
  };
}

/** Writes the sample company to the venue's database, in this process, before a server starts. */
export async function setStage(
  venue: Venue, options: CompanyOptions, onProgress: (written: number) => void, passwords: Passwords = createPasswords(),
): Promise<Stage> {
  const password = randomBytes(9).toString('base64url');
  const store = await venue.openStore();
  try {
    const company = await seedCompany(store, passwords, { ...options, password }, onProgress);
    return {
      databaseFile: join(venue.folder, 'desktop', 'invoify.sqlite'),
      company,
      password,
      startServer: (port = 0) => startServerProcess({ env: { ...venue.env, PORT: String(port) } }),
    };
  } finally {
    await store.close();
  }
}
