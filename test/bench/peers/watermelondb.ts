// A first sync of WatermelonDB: `synchronize` into SQLite, through its adapter for Node, with the lists' columns indexed.
//
//   node watermelondb.ts <URL> <folder>

import { join } from 'node:path';

import { collections, publishedFields } from '../../../shared/collections.ts';
import { loadPeer, type PeerReport } from './packages.ts';

const [url = '', folder = ''] = process.argv.slice(2);

interface Watermelon {
  readonly Database: new (options: object) => { get(table: string): { query(): { fetchCount(): Promise<number> } } };
  readonly Model: new (...parameters: unknown[]) => object;
  appSchema(schema: object): object;
  tableSchema(schema: object): object;
}
const { Database, Model, appSchema, tableSchema } = loadPeer('@nozbe/watermelondb') as Watermelon;
const { default: SQLiteAdapter } = loadPeer('@nozbe/watermelondb/adapters/sqlite') as { default: new (options: object) => object };
const { synchronize } = loadPeer('@nozbe/watermelondb/sync') as { synchronize(options: object): Promise<void> };

const invoices = collections.find(({ name }) => name === 'invoices');
if (!invoices) throw new Error('there is no collection of invoices');
const indexed = new Set(invoices.columns.filter((column) => column.sorted || column.filtered).map(({ name }) => name));
const types: Readonly<Record<string, string>> = { integer: 'number', boolean: 'boolean' };
const columns = Object.entries(publishedFields(invoices)).map(([name, { kind }]) =>
  ({ name, type: types[kind] ?? 'string', isOptional: true, isIndexed: indexed.has(name) }));

class Invoice extends Model {
  static table = 'invoices';
}
const adapter = new SQLiteAdapter({
  dbName: join(folder, 'watermelon.db'), schema: appSchema({ version: 1, tables: [tableSchema({ name: 'invoices', columns })] }),
});
const database = new Database({ adapter, modelClasses: [Invoice] });

const startedMs = performance.now();
await synchronize({ database, pullChanges: async () => (await fetch(url)).json() });
const tookMs = performance.now() - startedMs;
const report: PeerReport = { records: await database.get('invoices').query().fetchCount(), tookMs };
process.stdout.write(JSON.stringify(report));
process.exit(0);
