// A first sync of PouchDB: `replicate` from its own server into LevelDB, 1,000 documents a batch.
//
//   node pouchdb.ts <URL> <folder>

import { join } from 'node:path';

import { loadPeer, type PeerReport } from './packages.ts';

const [url = '', folder = ''] = process.argv.slice(2);

interface Database {
  info(): Promise<{ readonly doc_count: number }>;
}
interface Pouch {
  new(name: string): Database;
  replicate(from: string, to: Database, options: object): Promise<unknown>;
}
const PouchDB = loadPeer('pouchdb') as Pouch;
const local = new PouchDB(join(folder, 'local'));

const startedMs = performance.now();
await PouchDB.replicate(`${url}/invoices`, local, { batch_size: 1000, batches_limit: 10 });
const tookMs = performance.now() - startedMs;
const report: PeerReport = { records: (await local.info()).doc_count, tookMs };
process.stdout.write(JSON.stringify(report));
process.exit(0);
