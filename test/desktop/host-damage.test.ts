// A damaged cache, whether found at startup or in use, is set aside and downloaded again.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test, type TestContext } from 'node:test';

import { checkCache } from '../../desktop/cache/check.ts';
import { faults } from '../network.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { stores } from '../server/harness.ts';
import { openBooks, type Books } from '../sync/books.ts';
import { editDatabase, openDesk, type Desk } from '../sync/desk.ts';
import { assertExact } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';

const DAY_MS = 86_400_000;
const PAGE_BYTES = 8192;
const onWindows = process.platform === 'win32' && 'Windows moves no file that is open';

let site: Site;
before(async () => {
  const [embedded] = stores;
  assert(embedded);
  site = await openSite(embedded);
});
after(() => site.stop());

/** A closed desk with a synced cache of some size. */
async function closedCache(t: TestContext, plans = 5): Promise<{ books: Books; desk: Desk }> {
  const books = await openBooks(site);
  await books.addPlans(plans);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
  await desk.sync();
  await desk.idle();
  await desk.close();
  return { books, desk };
}

function setAside(desk: Desk): string[] {
  return readdirSync(dirname(desk.file)).filter((name) => name.includes('.damaged-'));
}

/** Overwrites the matching pages of a file that is not open. */
function overwritePages(file: string, fits: (page: Buffer, index: number) => boolean): void {
  const bytes = readFileSync(file);
  let count = 0;
  for (let index = 0; index * PAGE_BYTES < bytes.length; index += 1) {
    const page = bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
    if (!fits(page, index)) continue;
    page.fill(0xff);
    count += 1;
  }
  assert(count > 0, 'some page was damaged');
  writeFileSync(file, bytes);
}

/** The pages that hold the plans' payloads. */
const holdsPlans = (page: Buffer): boolean => page.includes('"priceMinor":1900');

describe('a cache file that cannot be opened', () => {
  const unreadable = /^The data on this computer cannot be used\. It was set aside/;
  const ways: readonly (readonly [what: string, notice: RegExp, damage: (file: string) => void])[] = [
    ['is not a database', unreadable, (file) => writeFileSync(file, 'Not a database, but long enough to be read as one.'.repeat(200))],
    ['was overwritten with zeros', unreadable, (file) => writeFileSync(file, Buffer.alloc(statSync(file).size))],
    ['has a damaged first page', unreadable, (file) => overwritePages(file, (_page, index) => index === 0)],
    ['was cut short', unreadable, (file) => truncateSync(file, PAGE_BYTES + 100)],
    ['is a folder', unreadable, (file) => {
      rmSync(file);
      mkdirSync(join(file, 'inner'), { recursive: true });
    }],
    ['belongs to another program', /belongs to another program\. It was set aside/,
      (file) => editDatabase(file, (db) => db.exec('PRAGMA application_id = 12345'))],
    ['was made by a newer version', /newer version of Invoify\. It was set aside/,
      (file) => editDatabase(file, (db) => db.exec('PRAGMA user_version = 999'))],
    ['has lost its state', /has lost its state\. It was set aside/, (file) => editDatabase(file, (db) => db.exec('DELETE FROM state'))],
  ];
  for (const [what, notice, damage] of ways) {
    test(`is set aside and downloaded again if it ${what}`, async (t) => {
      const { books, desk } = await closedCache(t);
      damage(desk.file);
      await desk.open();
      const status = await desk.host.getStatus();
      assert.deepEqual([status.state, status.initialized], ['never_synced', true]);
      assert.match(status.notice?.message ?? '', notice);
      assert.equal(setAside(desk).filter((name) => !/-(wal|shm)$/.test(name)).length, 1);
      await desk.sync();
      await assertExact(desk, books.owner.client);
      assert.equal((await desk.host.getStatus()).state, 'up_to_date');
    });
  }
});

test('a cache that another program keeps locked is set aside despite the lock', { skip: onWindows }, async (t) => {
  const { books, desk } = await closedCache(t);
  const holder = spawn(process.execPath, ['-e', `
    const db = new (require('node:sqlite').DatabaseSync)(${JSON.stringify(desk.file)});
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; DELETE FROM attempts; COMMIT');
    console.log('locked');
    process.stdin.resume();
  `], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  await desk.open();
  const { notice } = await desk.host.getStatus();
  assert.match(notice?.message ?? '', /^Another program is using the data on this computer\. It was set aside/);
  await desk.sync();
  await assertExact(desk, books.owner.client);
});

describe('a WAL of another database beside the cache', () => {
  /** Copies the WAL of `from`, which is open, beside the closed cache. */
  const plantLog = (from: string, desk: Desk): void => copyFileSync(`${from}-wal`, `${desk.file}-wal`);

  test('made by another program is set aside with the cache', async (t) => {
    const { books, desk } = await closedCache(t);
    const other = new DatabaseSync(join(desk.folder, 'other.sqlite'));
    other.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; CREATE TABLE notes (text TEXT)`);
    plantLog(join(desk.folder, 'other.sqlite'), desk);
    other.close();
    await desk.open();
    await desk.sync();
    await assertExact(desk, books.owner.client);
    assert.match(setAside(desk).join(' '), /damaged/);
  });

  test('from another cache leaves none of its rows readable after a sync', async (t) => {
    const { books, desk } = await closedCache(t, 300);
    const theirs = await openBooks(site);
    await theirs.addPlans(300);
    const other = await openDesk(t, { url: site.server.url, token: theirs.owner.token });
    await other.sync();
    plantLog(other.file, desk);
    await desk.open();
    // The first run may hit the damage; a second one then starts by itself.
    await desk.host.pullFromServer();
    await desk.until(({ state }) => state === 'up_to_date');
    await desk.idle();
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });
});

describe('damage found by the check at startup', () => {
  /** A desk whose cache is damaged in the middle, with the real check. */
  async function damagedDesk(t: TestContext): Promise<{ books: Books; desk: Desk }> {
    const { books, desk: first } = await closedCache(t, 400);
    overwritePages(first.file, holdsPlans);
    const desk = await openDesk(t, { url: site.server.url, cacheFrom: first.file, deps: { checkCache } });
    await desk.close();
    await desk.storeToken(books.owner.token);
    return { books, desk };
  }

  test('is reported, and the cache is downloaded again automatically', async (t) => {
    const { books, desk } = await damagedDesk(t);
    await desk.open();
    await desk.until(({ notice }) => notice?.message === 'The data on this computer is damaged. It will be downloaded again.');
    const { notice } = await desk.until(({ state }) => state === 'up_to_date');
    assert.equal(notice?.message, 'The data on this computer is damaged. It was set aside and downloaded again.');
    await assertExact(desk, books.owner.client);
    assert.equal(setAside(desk).filter((name) => !/-(wal|shm)$/.test(name)).length, 1);
  });

  test('leaves the readable part in use until the server answers', async (t) => {
    const { books, desk } = await damagedDesk(t);
    desk.network.plan(() => faults.refused);
    await desk.open();
    await desk.until(({ notice, error }) => notice !== null && error?.code === 'offline');
    assert.equal((await desk.host.counts())['plans'], 401);
    assert.deepEqual(setAside(desk), []);
    desk.network.plan(null);
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  test('does not prevent signing out from removing the cache meanwhile', async (t) => {
    const { desk } = await damagedDesk(t);
    await desk.open();
    await desk.host.signOut();
    assert.deepEqual(readdirSync(dirname(desk.file)), []);
    assert.equal((await desk.host.getStatus()).notice, null);
  });
});

test('a query that hits damage causes a new download', async (t) => {
  const { books, desk } = await closedCache(t, 400);
  overwritePages(desk.file, holdsPlans);
  await desk.open();
  const { id } = books.model.present('plans').at(200) ?? assert.fail('there are plans');
  await assertRejects(desk.host.getRecord('plans', id), 'cache_unusable');
  await desk.until(({ state }) => state === 'up_to_date');
  assert.equal((await desk.host.getRecord('plans', id))?.id, id);
  await assertExact(desk, books.owner.client);
});

test('a disk that damages every cache does not cause endless automatic downloads', async (t) => {
  const { desk } = await closedCache(t);
  await desk.open();
  await desk.sync();
  for (const isFirst of [true, false]) {
    editDatabase(desk.file, (db) => db.exec('DELETE FROM state'));
    const before = desk.network.calls.length;
    await desk.host.getStatus();
    await desk.idle();
    assert.equal(desk.network.calls.length > before, isFirst);
  }
});

describe('a cache found damaged while in use', () => {
  test('by a pull is replaced by an automatic second pull', async (t) => {
    const { books, desk } = await closedCache(t, 400);
    for (const { id } of books.model.present('plans').slice(0, 100)) await books.change('plans', id);
    overwritePages(desk.file, holdsPlans);
    await desk.open();
    const { error } = await desk.host.pullFromServer();
    assert.equal(error?.code, 'cache_unusable');
    const { notice } = await desk.until(({ state }) => state === 'up_to_date');
    assert.equal(notice?.message, 'The data on this computer is damaged. It was set aside and downloaded again.');
    assert(desk.statuses.some((status) => status.notice?.message === 'The data on this computer is damaged. It will be downloaded again.'));
    await assertExact(desk, books.owner.client);
    assert.equal(setAside(desk).filter((name) => !/-(wal|shm)$/.test(name)).length, 1);
    await desk.sync();
    assert.equal((await desk.host.getStatus()).state, 'up_to_date');
  });

  test('by the daily verification is replaced by the next pull', async (t) => {
    const { books, desk } = await closedCache(t, 400);
    overwritePages(desk.file, holdsPlans);
    await desk.open();
    desk.clock.ms += 2 * DAY_MS;
    await desk.sync();
    await desk.idle();
    assert.match(desk.logged.join('\n'), /cache maintenance failed/);
    await desk.sync();
    await assertExact(desk, books.owner.client);
    assert(desk.statuses.some(({ state, notice }) => state === 'first_sync' && /set aside/.test(notice?.message ?? '')));
  });

  test('so badly that its state cannot be read still has a status, and is replaced', async (t) => {
    const { books, desk } = await closedCache(t);
    await desk.open();
    await desk.sync();
    editDatabase(desk.file, (db) => db.exec('DELETE FROM state'));
    const status = await desk.host.getStatus();
    assert.equal(status.lastSync, null);
    await assertRejects(desk.host.listPage({ collection: 'plans' }), 'cache_unusable');
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  test('belongs to its user again once replaced, and not to the next user', async (t) => {
    const { books, desk } = await closedCache(t);
    const other = await books.owner.hire('viewer');
    await desk.open();
    // The second run renews the token, which identifies the cache's owner.
    await desk.sync();
    await desk.sync();
    editDatabase(desk.file, (db) => db.exec('DELETE FROM state'));
    await desk.host.getStatus();
    await desk.sync();
    await desk.sync();
    desk.network.plan(null);
    await desk.host.setAuthToken(other.token);
    await desk.until(({ state, user }) => state === 'up_to_date' && user?.id === other.userId);
    assert.equal(desk.network.pulls()[0]?.since, null);
    await assertExact(desk, other.client);
  });

  test('that cannot be replaced yet is reported, and replaced later', async (t) => {
    const { books, desk } = await closedCache(t);
    await desk.open();
    await desk.sync();
    editDatabase(desk.file, (db) => db.exec('DELETE FROM state'));
    desk.network.plan(() => faults.refused);
    assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
    desk.network.plan(null);
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });
});
