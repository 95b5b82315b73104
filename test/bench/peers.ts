// Other libraries that keep a copy of a server's documents, each through its own documented replication, on the same invoices
// and in the same run: WatermelonDB into SQLite, RxDB into memory, PouchDB into LevelDB. They are installed by name into
// `.peers/`, which git ignores. Their clients have a process of their own, as the desktop has, and their servers send what is
// ready (peers/server.ts), while ours reads its database.
//
// What they leave out: none compares its rows with the server's, none has a full-text index, RxDB is neither durable nor
// indexed here, and PouchDB has no index but its ids.

import { execFile, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';

import { formatCount } from '../../demo/console.ts';
import { readSchema } from './cache-schema.ts';
import { foundCompany } from './company-server.ts';
import { median } from './figures.ts';
import { packages, peersFolder, type PeerReport } from './peers/packages.ts';
import type { Sheet } from './store-figures.ts';
import { measureFirstSync, withDesktop, type FirstSync } from './sync.ts';

const peers = [
  { name: 'WatermelonDB', client: 'watermelondb.ts', atLeast: 4 },
  { name: 'RxDB', client: 'rxdb.ts', atLeast: 2.5 },
  { name: 'PouchDB', client: 'pouchdb.ts', atLeast: 18 },
] as const;

const execute = promisify(execFile);

/** Measures the peers and, taking turns with them, our own first sync on the embedded database; medians of `runs`. */
export async function measurePeers({ records, runs }: { readonly records: number; readonly runs: number }, sheet: Sheet): Promise<void> {
  install(sheet);
  const folder = mkdtempSync(join(tmpdir(), 'invoify-peers-'));
  const company = await foundCompany(null, records);
  try {
    const documents = join(folder, 'documents');
    const count = await withDesktop(company, null, async ({ desktop }) => writeDocuments(desktop.file, documents));
    for (const { name, client, atLeast } of peers) {
      sheet.say(`Measuring ${name} …`);
      const server = fork(join(import.meta.dirname, 'peers/server.ts'), [documents, folder, name]);
      try {
        const [url] = await once(server, 'message') as [string];
        const [theirs, ours]: [number[], FirstSync[]] = [[], []];
        for (let run = 0; run < runs; run += 1) {
          ours.push(await measureFirstSync(company));
          theirs.push(count / await runClient(client, url, folder, count) * 1000);
        }
        const perSecond = median(ours.map((one) => one.records / one.rowsMs * 1000));
        sheet.add(`${name}: first sync of ${formatCount(count)}`, '', median(theirs), 'records/s');
        sheet.add('… ours, until the last row', 'embedded', perSecond / median(theirs), 'times', null, { of: 'value', atLeast });
        const settled = median(ours.map((one) => one.records / one.settledMs * 1000));
        sheet.add('… ours, until indexed and proved', 'embedded', settled / median(theirs), 'times');
      } finally {
        server.disconnect();
        await once(server, 'exit');
      }
    }
  } finally {
    await company.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One first sync in a process of its own; resolves to how long it took, in ms. */
async function runClient(client: string, url: string, folder: string, count: number): Promise<number> {
  const place = mkdtempSync(join(folder, 'client-'));
  const { stdout } = await execute(process.execPath, ['--max-old-space-size=8192', join(import.meta.dirname, 'peers', client), url, place]);
  rmSync(place, { recursive: true, force: true });
  const { records, tookMs } = JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as PeerReport;
  if (records !== count) throw new Error(`${client} has ${records} documents instead of ${count}`);
  return tookMs;
}

/** Writes the invoices of a cache, one document a line; returns how many. */
function writeDocuments(cacheFile: string, file: string): number {
  const table = readSchema(cacheFile).tables.find(({ name, records }) => name === records && name.startsWith('invoices_'));
  const db = new DatabaseSync(cacheFile, { readOnly: true });
  try {
    const rows = db.prepare(`SELECT id, updated_at, payload FROM "${table?.name}"`).all();
    writeFileSync(file, rows.map((row) =>
      `{"id":"${String(row['id'])}","updatedAt":"${String(row['updated_at'])}","payload":${String(row['payload'])}}\n`).join(''));
    return rows.length;
  } finally {
    db.close();
  }
}

/** Installs the packages once, without their install scripts: those that need a binary bring it. */
function install(sheet: Sheet): void {
  const marker = join(peersFolder, 'node_modules', '.package-lock.json');
  if (existsSync(marker)) return;
  sheet.say('Installing WatermelonDB, RxDB and PouchDB …');
  mkdirSync(peersFolder, { recursive: true });
  writeFileSync(join(peersFolder, 'package.json'), '{ "private": true }\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--save-exact', ...packages], {
    cwd: peersFolder, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32',
  });
}
