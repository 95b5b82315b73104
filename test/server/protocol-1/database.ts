// A database that a server of protocol 1 wrote, on either store, with the same ids, instants and payloads: embedded.sql and
// mongodb.ndjson are dumps of what the last version of it left behind after the same requests. There are two accounts; in the first,
// invoices in every state, a customer that was renamed since, deleted records, a session, a kept answer and an audit trail.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { BSON, MongoClient, type Document } from 'mongodb';

import { prepare, type Installation, type TestStore } from '../harness.ts';

export const firstAccount = '69a42a400000000000000001';
export const secondAccount = '69a42a400000000000000010';
/** The clock of the first account, which is also that of its newest record. */
export const oldClock = '2026-03-01T12:04:00.000004Z';
/** By store: what the owner's last pull said. */
export const oldScope = { embedded: 'KauooNzxV4zIB2YsRAVLRz', mongodb: 'ijELHmfnQpZXOPy42gFEwy' } as const;

export async function prepareOldDatabase(store: TestStore): Promise<Installation> {
  const installation = await prepare(store);
  if (store.kind === 'embedded') {
    fillEmbedded(join(installation.folder, 'invoify.sqlite'));
  } else {
    const { MONGODB_URL = '', MONGODB_DB = '' } = installation.env;
    await fillMongo(MONGODB_URL, MONGODB_DB);
  }
  return installation;
}

export function fillEmbedded(file: string): void {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; BEGIN; ${read('embedded.sql')} COMMIT`);
  db.close();
}

export async function fillMongo(url: string, name: string): Promise<void> {
  await using client = await MongoClient.connect(url);
  const lines = read('mongodb.ndjson').trimEnd().split('\n').map((line) => BSON.EJSON.parse(line, { relaxed: false }) as Document);
  const documents = lines.flatMap((line) => Object.entries(line));
  for (const [collection, found] of Map.groupBy(documents, ([key]) => key)) {
    await client.db(name).collection(collection).insertMany(found.map(([, document]) => document as Document));
  }
}

function read(file: string): string {
  return readFileSync(join(import.meta.dirname, file), 'utf8');
}
