// A disk that is full, read-only or missing: the desktop says so, the cache stays readable, and the first sync after the
// cause is gone works as usual.

import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';

import { openSmallDisk, type SmallDisk } from '../disk.ts';
import { embedded } from '../server/harness.ts';
import { plan } from '../server/samples.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { openBooks, type Books } from '../sync/books.ts';
import { editDatabase, openDesk, type Desk } from '../sync/desk.ts';
import { assertExact } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

interface Bench {
  readonly disk: SmallDisk;
  readonly desk: Desk;
  readonly books: Books;
}

/** A desk with a synced cache on a small disk. */
async function deskOnSmallDisk(t: TestContext): Promise<Bench | null> {
  const disk = openSmallDisk(t, 8);
  if (!disk) return null;
  const books = await openBooks(site);
  await books.addPlans(5);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, folder: disk.folder });
  await desk.sync();
  await desk.idle();
  return { disk, desk, books };
}

async function planCount(desk: Desk): Promise<number> {
  return (await desk.host.data.listPage({ collection: 'plans' })).total;
}

/** Adds enough plans with long names to exceed all the free space of a full disk. */
async function addMany(books: Books): Promise<void> {
  await Promise.all(Array.from({ length: 60 }, (_, index) => books.create('plans', plan({ name: `${index} ${'long '.repeat(35)}` }))));
}

describe('a full disk', () => {
  test('fails a sync with a clear message, leaves the cache readable, and is over once there is space', async (t) => {
    const bench = await deskOnSmallDisk(t);
    if (!bench) return;
    const { disk, desk, books } = bench;
    await addMany(books);
    disk.fill();
    const { error } = await desk.host.pullFromServer();
    assert.equal(error?.code, 'disk_full');
    assert.match(error.message, /^The disk is full: .*free some space/s);
    const status = await desk.host.getStatus();
    assert.deepEqual([status.state, status.isOnline, status.initialized], ['error', true, true]);
    assert.equal(await planCount(desk), 6);
    disk.free();
    await desk.sync();
    await assertExact(desk, books.owner.client);
    assert.equal((await desk.host.getStatus()).state, 'up_to_date');
  });

  test('at startup leaves the cache readable as it is', async (t) => {
    const bench = await deskOnSmallDisk(t);
    if (!bench) return;
    const { disk, desk, books } = bench;
    await desk.close();
    disk.fill();
    await addMany(books);
    await desk.open();
    const { initialized, error, state, lastSync } = await desk.host.getStatus();
    assert.deepEqual([initialized, error?.code, state, lastSync !== null], [true, 'disk_full', 'error', true]);
    assert.equal(await planCount(desk), 6);
    assert.equal((await desk.host.pullFromServer()).error?.code, 'disk_full');
    assert.equal(await planCount(desk), 6, 'the failed try takes nothing away');
    disk.free();
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  test('without room for a rebuild loses what was set aside earlier, and nothing else', async (t) => {
    const bench = await deskOnSmallDisk(t);
    if (!bench) return;
    const { disk, desk, books } = bench;
    const setAside = `${desk.file}.damaged-2026-01-01T00-00-00-000Z`;
    writeFileSync(setAside, Buffer.alloc(2 * 1024 * 1024));
    editDatabase(desk.file, (db) => db.exec(`UPDATE state SET cursor = 'rubbish'`));
    disk.fill();
    assert.equal((await desk.host.pullFromServer()).error?.code, 'disk_full');
    const { notice } = await desk.until(({ state }) => state === 'up_to_date');
    assert.equal(notice?.code, 'cursor_ended');
    assert.equal(existsSync(setAside), false);
    await assertExact(desk, books.owner.client);
  });

  test('without room for a rebuild leaves the cache readable, and the rebuild goes on once there is space', async (t) => {
    const bench = await deskOnSmallDisk(t);
    if (!bench) return;
    const { disk, desk, books } = bench;
    await addMany(books);
    editDatabase(desk.file, (db) => db.exec(`UPDATE state SET cursor = 'rubbish'`));
    disk.fill();
    for (let run = 0; run < 3; run += 1) {
      const { error } = await desk.host.pullFromServer();
      assert.equal(error?.code, 'disk_full');
      assert.match(error.message, /free some space/);
      assert.equal(await planCount(desk), 6);
    }
    disk.free();
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  test('before the first sync is reported, and the sync completes once there is space', async (t) => {
    const disk = openSmallDisk(t, 8);
    if (!disk) return;
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, folder: disk.folder });
    await desk.close();
    rmSync(dirname(desk.file), { recursive: true });
    disk.fill();
    await desk.open();
    assert.deepEqual([(await desk.host.getStatus()).initialized, (await desk.host.getStatus()).error?.code], [false, 'disk_full']);
    assert.equal((await desk.host.pullFromServer()).error?.code, 'disk_full');
    await assertRejects(desk.host.data.listPage({ collection: 'plans' }), 'cache_unusable');
    disk.free();
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  test('does not prevent another user from signing in, and shows them none of the previous user\'s data', async (t) => {
    const bench = await deskOnSmallDisk(t);
    if (!bench) return;
    const { disk, desk } = bench;
    const other = await openBooks(site);
    await desk.close();
    disk.fill();
    await desk.open();
    await desk.host.setAuthToken(other.owner.token);
    await desk.until(({ user, state }) => user?.id === other.owner.userId && state !== 'first_sync');
    for (const { id } of (await desk.host.data.listPage({ collection: 'plans' })).rows) {
      assert(other.model.present('plans').some((held) => held.id === id));
    }
    disk.free();
    await desk.sync();
    await assertExact(desk, other.owner.client);
  });
});

describe('a read-only disk', () => {
  test('at startup leaves the cache readable and creates no file beside it', async (t) => {
    const bench = await deskOnSmallDisk(t);
    if (!bench) return;
    const { disk, desk, books } = bench;
    await desk.close();
    await books.addPlans(2);
    disk.setReadOnly(true);
    await desk.open();
    const { initialized, error, notice } = await desk.host.getStatus();
    assert.deepEqual([initialized, error?.code, notice], [true, 'cache_unusable', null]);
    assert.match(error?.message ?? '', /Check who may change its folder/);
    assert.equal(await planCount(desk), 6);
    assert.equal((await desk.host.pullFromServer()).error?.code, 'cache_unusable');
    assert.equal(await planCount(desk), 6);
    disk.setReadOnly(false);
    await desk.sync();
    await assertExact(desk, books.owner.client);
    assert.equal((await desk.host.getStatus()).state, 'up_to_date');
  });
});

describe('a database folder that cannot be created', () => {
  test('leaves the desktop without a cache and says why, until the folder can be created', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.close();
    rmSync(dirname(desk.file), { recursive: true });
    writeFileSync(dirname(desk.file), 'a file in the place of the folder');
    await desk.open();
    const { initialized, error } = await desk.host.getStatus();
    assert.deepEqual([initialized, error?.code], [false, 'cache_unusable']);
    assert.match(error?.message ?? '', /could not create the folder/);
    assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
    assert.deepEqual((await desk.host.data.health()).attempts, []);
    await assertRejects(desk.host.data.getRecord('plans', '0'.repeat(24)), 'cache_unusable');
    rmSync(dirname(desk.file));
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  test('because its drive is missing is created when the drive is back', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    await desk.close();
    renameSync(desk.folder, `${desk.folder}.away`);
    t.after(() => rmSync(`${desk.folder}.away`, { recursive: true, force: true }));
    writeFileSync(desk.folder, 'nothing is mounted here');
    await desk.open();
    assert.equal((await desk.host.getStatus()).initialized, false);
    rmSync(desk.folder);
    renameSync(`${desk.folder}.away`, desk.folder);
    desk.network.plan(null);
    await desk.sync();
    assert.notEqual(desk.network.pulls()[0]?.since, null, 'the cache that came back continues');
    assert(existsSync(desk.file));
    await assertExact(desk, books.owner.client);
  });
});
