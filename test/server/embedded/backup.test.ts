// Backups of the embedded database: made while a server writes, restored, and all that keeps one from being made.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, watch, writeFileSync, writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';

import { backUp, runBackup } from '../../../server/embedded/backup.ts';
import { openEmbeddedStore } from '../../../server/embedded/store.ts';
import { readConfig } from '../../../server/config.ts';
import { createClient, type Client } from '../../client.ts';
import { openSmallDisk } from '../../disk.ts';
import { embedded, firstOwner, password, prepare, runServer, spawnServer, type Installation, type ServerProcess } from '../harness.ts';
import { plan } from '../samples.ts';
import { assertRejects, depsOf, newAccount, START_MS } from '../store/fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'invoify-backup-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const clientOf = ({ url }: ServerProcess): Client => createClient(() => ({ url }));

/** A database of at least so many megabytes, in a new folder. */
async function newDatabase(name: string, sizeMb = 6): Promise<string> {
  const file = join(folder, name, 'invoify.sqlite');
  const store = await openEmbeddedStore(file, depsOf({ nowMs: START_MS }));
  await newAccount(store);
  await store.close();
  const db = new DatabaseSync(file);
  db.prepare('INSERT INTO setting VALUES (?, hex(zeroblob(?)))').run('filler', sizeMb * 500_000);
  db.close();
  return file;
}

/** Overwrites a page in the middle. */
function damage(file: string): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(8192, 0x5a), 0, 8192, Math.floor(statSync(file).size / 2 / 8192) * 8192);
  closeSync(descriptor);
}

describe('a backup', () => {
  let installation: Installation;
  before(async () => { installation = await prepare(embedded, { ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password }); });
  after(() => installation.remove());

  test('made while the server writes holds all that was acknowledged before, and can be restored', async () => {
    const server = await spawnServer(installation.env);
    const owner = await clientOf(server).login(firstOwner, password);
    const names = Array.from({ length: 20 }, (_, index) => `Before ${index}`);
    for (const name of names) await owner.create('plans', plan({ name }));
    const file = join(installation.folder, 'books.sqlite');
    let isRunning = true;
    const writing = (async () => {
      for (let count = 0; isRunning; count += 1) await owner.create('plans', plan({ name: `Meanwhile ${count}` }));
    })();
    const made = await runServer(['backup', file], installation.env);
    isRunning = false;
    await writing;
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^The database is backed up and checked: .*books\.sqlite, \d+ bytes\. Keep a copy of .*jwt-secret .*\.\n$/);
    assert.equal(await server.end(), 0);
    if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(installation.folder).filter((name) => name.startsWith('books')), ['books.sqlite']);

    const restored = join(installation.folder, 'restored');
    mkdirSync(restored, { mode: 0o700 });
    copyFileSync(file, join(restored, 'invoify.sqlite'));
    copyFileSync(join(installation.folder, 'jwt-secret'), join(restored, 'jwt-secret'));
    const env = { ...installation.env, DATA_DIR: restored };
    const announced = await runServer(['admin', 'restored'], env);
    assert.deepEqual([announced.code, announced.stdout.slice(0, 13)], [0, 'Every desktop'], announced.stderr);
    const again = await spawnServer(env);
    const { changes } = await (await clientOf(again).login(firstOwner, password)).pullAll();
    const found = new Set(changes.map(({ payload }) => payload?.['name']));
    assert.deepEqual(names.filter((name) => !found.has(name)), []);
    assert.equal((await clientOf(again).as(owner.token).get('/api/auth/me')).status, 200, 'the token from before is still good');
    assert.equal(await again.end(), 0);
  });

  test('is refused in one sentence where it would overwrite, has no place, or nothing to copy', async () => {
    const source = await newDatabase('refused', 0);
    const taken = join(folder, 'taken');
    writeFileSync(taken, 'precious');
    for (const [from, to, sentence] of [
      [source, taken, /taken exists already/], [source, source, /exists already/], [source, folder, /exists already/],
      [source, join(folder, 'none', 'x'), /no such folder/], [source, join(taken, 'x'), /ENOTDIR/],
      [join(folder, 'none', 'invoify.sqlite'), join(folder, 'x'), /There is no database/],
    ] as const) {
      const error: unknown = await backUp(from, to).then(() => null, (reason: unknown) => reason);
      assert.ok(error instanceof Error && sentence.test(error.message) && /^[^\n]*\.$/.test(error.message), String(error));
    }
    assert.equal(statSync(taken).size, 'precious'.length);
    assert.deepEqual(readdirSync(folder).filter((name) => /part|^x/.test(name)), []);
    const config = readConfig({ MONGODB_URL: 'mongodb://127.0.0.1/', JWT_SECRET: 'x'.repeat(32) });
    await assert.rejects(runBackup(config, ['x']), { name: 'ConfigError', message: /run mongodump --oplog/ });
    await assert.rejects(runBackup(readConfig({}), []), { name: 'ConfigError', message: /^Usage: / });
  });

  test('of a damaged database is refused, and so is taking one for restored', async () => {
    const source = await newDatabase('damaged');
    damage(source);
    const target = join(folder, 'of-damaged.sqlite');
    const { message } = await assertRejects(backUp(source, target), 'unavailable');
    assert.match(message, /^The database .*invoify\.sqlite is damaged[^\n]* restore it from a backup\.$/);
    assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('of-damaged')), []);
    const { code, stdout, stderr } = await runServer(['admin', 'restored'], { DATA_DIR: join(folder, 'damaged') });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^The server's database is damaged[^\n]* restore it from a backup\.\n$/);
  });

  test('leaves nothing on a full disk', async (t) => {
    const disk = openSmallDisk(t, 4);
    if (!disk) return;
    const source = await newDatabase('large');
    const target = join(disk.folder, 'books.sqlite');
    await assert.rejects(backUp(source, target), { name: 'ConfigError', message: /books\.sqlite: the disk is full; [^\n]*\.$/ });
    assert.deepEqual(readdirSync(disk.folder), []);
  });

  test('that is killed halfway leaves nothing that has its name', async () => {
    const source = await newDatabase('killed', 40);
    const target = mkdtempSync(join(folder, 'target-'));
    const begun = once(watch(target, { persistent: false }), 'change');
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../../server.ts'), 'backup', join(target, 'books.sqlite')], {
      env: { PATH: process.env['PATH'], DATA_DIR: join(source, '..') }, stdio: 'ignore',
    });
    await begun;
    child.kill('SIGKILL');
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
    for (const name of readdirSync(target)) assert.match(name, /^books\.sqlite\.[0-9a-f]{8}\.part/);
  });
});
