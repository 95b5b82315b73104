// A first sync of RxDB: `replicateRxCollection` with a pull handler, into its storage in memory, without indexes.
//
//   node rxdb.ts <URL>

import { collections, publishedFields } from '../../../shared/collections.ts';
import { loadPeer, type PeerReport } from './packages.ts';

const [url = ''] = process.argv.slice(2);

interface RxCollection {
  count(): { exec(): Promise<number> };
}
interface RxDatabase {
  addCollections(schemas: object): Promise<Record<string, RxCollection>>;
}
const { createRxDatabase } = loadPeer('rxdb/plugins/core') as { createRxDatabase(options: object): Promise<RxDatabase> };
const { getRxStorageMemory } = loadPeer('rxdb/plugins/storage-memory') as { getRxStorageMemory(): object };
const { replicateRxCollection } = loadPeer('rxdb/plugins/replication') as {
  replicateRxCollection(options: object): { awaitInitialReplication(): Promise<void> };
};

const invoices = collections.find(({ name }) => name === 'invoices');
if (!invoices) throw new Error('there is no collection of invoices');
const kinds: Readonly<Record<string, string>> = { integer: 'integer', boolean: 'boolean', list: 'array', object: 'object' };
const fields = Object.entries(publishedFields(invoices)).map(([name, { kind }]) => [name, { type: kinds[kind] ?? 'string' }]);

const database = await createRxDatabase({ name: 'bench', storage: getRxStorageMemory(), multiInstance: false });
const { invoices: collection } = await database.addCollections({
  invoices: {
    schema: {
      version: 0, type: 'object', primaryKey: 'id',
      properties: { id: { type: 'string', maxLength: 24 }, updatedAt: { type: 'string' }, ...Object.fromEntries(fields) },
    },
  },
});
const startedMs = performance.now();
const replication = replicateRxCollection({
  collection, replicationIdentifier: 'bench', live: false,
  pull: {
    batchSize: 1000,
    handler: async (checkpoint?: { readonly batch: number }) => (await fetch(`${url}/${checkpoint?.batch ?? 0}`)).json(),
  },
});
await replication.awaitInitialReplication();
const tookMs = performance.now() - startedMs;
const report: PeerReport = { records: await collection?.count().exec() ?? 0, tookMs };
process.stdout.write(JSON.stringify(report));
process.exit(0);
