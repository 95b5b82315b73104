// A copy that cannot be used, found so at the start or while it is in use, is set aside and downloaded again.

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

/** A desk with a synced copy of some size, closed. */
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

/** Overwrites whole pages of a file that nobody has open: those that fit. */
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

describe('a file that cannot be opened as the copy', () => {
  const unreadable = /^The local cache cannot be used\. It was set aside/;
  const ways: readonly (readonly [what: string, notice: RegExp, damage: (file: string) => void])[] = [
    ['is no database', unreadable, (file) => writeFileSync(file, 'This is no database, though long enough to be looked at.'.repeat(200))],
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
    test(`because it ${what} is set aside and downloaded again`, async (t) => {
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

test('a copy that another program keeps locked is set aside, lock and all', { skip: onWindows }, async (t) => {
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
  assert.match((await desk.host.getStatus()).notice?.message ?? '', /^Another program is using the local cache\. It was set aside/);
  await desk.sync();
  await assertExact(desk, books.owner.client);
});

describe('the log of another database beside the copy', () => {
  /** Puts the log of `from`, which is open, beside the closed copy. */
  const plantLog = (from: string, desk: Desk): void => copyFileSync(`${from}-wal`, `${desk.file}-wal`);

  test('that another program made is set aside with it', async (t) => {
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

  test('that is of another copy brings nothing of it to the screen once a sync is through', async (t) => {
    const { books, desk } = await closedCache(t, 300);
    const theirs = await openBooks(site);
    await theirs.addPlans(300);
    const other = await openDesk(t, { url: site.server.url, token: theirs.owner.token });
    await other.sync();
    plantLog(other.file, desk);
    await desk.open();
    // The first run may meet the damage; then one follows by itself.
    await desk.host.pullFromServer();
    await desk.until(({ state }) => state === 'up_to_date');
    await desk.idle();
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });
});

describe('what the check at the start finds', () => {
  /** A desk whose copy is damaged in its middle, with the real check. */
  async function damagedDesk(t: TestContext): Promise<{ books: Books; desk: Desk }> {
    const { books, desk: first } = await closedCache(t, 400);
    overwritePages(first.file, holdsPlans);
    const desk = await openDesk(t, { url: site.server.url, copyOf: first.file, deps: { checkCache } });
    await desk.close();
    await desk.keep(books.owner.token);
    return { books, desk };
  }

  test('is said and downloaded again by itself', async (t) => {
    const { books, desk } = await damagedDesk(t);
    await desk.open();
    await desk.until(({ notice }) => notice?.message === 'The data on this computer is damaged. It will be downloaded again.');
    const { notice } = await desk.until(({ state }) => state === 'up_to_date');
    assert.equal(notice?.message, 'The data on this computer is damaged. It was set aside and downloaded again.');
    await assertExact(desk, books.owner.client);
    assert.equal(setAside(desk).filter((name) => !/-(wal|shm)$/.test(name)).length, 1);
  });

  test('stays in use until the server has answered, for what can be read of it', async (t) => {
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

  test('does not keep the copy from being removed meanwhile', async (t) => {
    const { desk } = await damagedDesk(t);
    await desk.open();
    await desk.host.signOut();
    assert.deepEqual(readdirSync(dirname(desk.file)), []);
    assert.equal((await desk.host.getStatus()).notice, null);
  });
});

test('a query that meets damage has the copy downloaded again', async (t) => {
  const { books, desk } = await closedCache(t, 400);
  overwritePages(desk.file, holdsPlans);
  await desk.open();
  const { id } = books.model.present('plans').at(200) ?? assert.fail('there are plans');
  await assertRejects(desk.host.getRecord('plans', id), 'cache_unusable');
  await desk.until(({ state }) => state === 'up_to_date');
  assert.equal((await desk.host.getRecord('plans', id))?.id, id);
  await assertExact(desk, books.owner.client);
});

test('a disk that damages every copy is not written to again and again by itself', async (t) => {
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

describe('a copy that turns out to be damaged while it is in use', () => {
  test('by a pull is replaced by one that follows by itself', async (t) => {
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

  test('by the proof of a day is replaced by the next pull', async (t) => {
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

  test('so much that not even its state can be read still has a status, and is replaced', async (t) => {
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

  test('belongs to its user again once it is replaced, and not to the next one', async (t) => {
    const { books, desk } = await closedCache(t);
    const other = await books.owner.hire('viewer');
    await desk.open();
    // The second run renews the token, and with it says whose the copy is.
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

  test('and cannot be replaced yet says so, and is replaced later', async (t) => {
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
