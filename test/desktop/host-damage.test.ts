// A damaged cache, whether found at startup or in use, is set aside and downloaded again.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test, type TestContext } from 'node:test';

import { checkCache } from '../../desktop/cache/check.ts';
import { faults } from '../network.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { embedded } from '../server/harness.ts';
import { openBooks, type Books } from '../sync/books.ts';
import { editDatabase, openDesk, type Desk } from '../sync/desk.ts';
import { assertExact } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';

const DAY_MS = 86_400_000;
const PAGE_BYTES = 8192;

let site: Site;
before(async () => {
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

describe('a cache file that is not ours', () => {
  const damaged = /^The data on this computer is damaged\. It was set aside/;
  const ways: readonly (readonly [what: string, notice: RegExp, damage: (file: string) => void])[] = [
    ['is not a database', damaged, (file) => writeFileSync(file, 'Not a database, but long enough to be read as one.'.repeat(200))],
    ['was overwritten with zeros', damaged, (file) => writeFileSync(file, Buffer.alloc(statSync(file).size))],
    ['has a damaged first page', damaged, (file) => overwritePages(file, (_page, index) => index === 0)],
    ['was cut short', damaged, (file) => truncateSync(file, PAGE_BYTES + 100)],
    ['is a folder', /^Something else is in the place of the data on this computer\. It was set aside/, (file) => {
      rmSync(file);
      mkdirSync(join(file, 'inner'), { recursive: true });
    }],
    ['is a link to nothing', /^Something else is in the place of the data on this computer\. It was set aside/, (file) => {
      rmSync(file);
      symlinkSync(`${file}.elsewhere`, file);
    }],
    ['belongs to another program', /belongs to another program\. It was set aside/,
      (file) => editDatabase(file, (db) => db.exec('PRAGMA application_id = 12345'))],
    ['has lost its state', /has lost its state\. It was set aside/, (file) => editDatabase(file, (db) => db.exec('DELETE FROM state'))],
    ...['state', 'digest', 'attempts'].map((table) => [`has lost its table ${table}`,
      /^The data on this computer is incomplete\. It was set aside/,
      (file: string) => editDatabase(file, (db) => db.exec(`DROP TABLE ${table}`))] as const),
  ];
  for (const [what, notice, damage] of ways) {
    test(`is set aside once the server has answered, and downloaded again, if it ${what}`, async (t) => {
      const { books, desk } = await closedCache(t);
      damage(desk.file);
      desk.network.plan(() => faults.refused);
      await desk.open();
      const status = await desk.host.getStatus();
      assert.match(status.notice?.message ?? '', /\. It will be downloaded again\.$/);
      assert.equal((await desk.host.pullFromServer()).error?.code, 'offline');
      assert.deepEqual(setAside(desk), [], 'nothing is moved while the server is away');
      desk.network.plan(null);
      await desk.sync();
      assert.match((await desk.host.getStatus()).notice?.message ?? '', notice);
      assert.equal(setAside(desk).filter((name) => !/-(wal|shm)$/.test(name)).length, 1);
      await assertExact(desk, books.owner.client);
      assert.equal((await desk.host.getStatus()).state, 'up_to_date');
    });
  }
});

test('a cache made by a newer version is left for that version, whatever is synced', async (t) => {
  const { books, desk } = await closedCache(t);
  editDatabase(desk.file, (db) => db.exec('PRAGMA user_version = 999'));
  const before = readFileSync(desk.file);
  await desk.open();
  assert.match((await desk.host.getStatus()).error?.message ?? '', /newer version of Invoify\. Install that version/);
  const { error } = await desk.host.pullFromServer();
  assert.deepEqual([error?.code, setAside(desk)], ['cache_unusable', []]);
  assert(before.equals(readFileSync(desk.file)), 'the file is unchanged');
  await desk.host.resetLocalData();
  await desk.sync();
  await assertExact(desk, books.owner.client);
});

describe('contents that a cache cannot answer for', () => {
  const ways: readonly (readonly [what: string, sql: string])[] = [
    ['a table is gone', 'DROP TABLE plans_a'],
    ['a list is gone', 'DROP TABLE plans_a_list'],
    ['the state names tables that are not there', `UPDATE state SET generation = 'b'`],
    ['a rebuild is noted without its tables', `UPDATE state SET rebuild_reason = 'cache_differed'`],
    ['a rebuild is noted with a cursor that is none', `UPDATE state SET rebuild_reason = 'cache_differed', rebuild_cursor = 'rubbish'`],
    ['its cursor is none', `UPDATE state SET cursor = 'rubbish'`],
  ];
  for (const [what, sql] of ways) {
    test(`are rebuilt beside what is readable if ${what}`, async (t) => {
      const { books, desk } = await closedCache(t);
      const [{ id } = assert.fail('there are plans')] = books.model.present('plans');
      await books.change('plans', id);
      editDatabase(desk.file, (db) => db.exec(sql));
      await desk.open();
      await desk.host.pullFromServer();
      await desk.until(({ state }) => state === 'up_to_date');
      await desk.idle();
      await desk.until(({ state }) => state === 'up_to_date');
      await assertExact(desk, books.owner.client);
      assert.deepEqual(setAside(desk), [], 'no file is replaced');
      assert.equal((await desk.host.data.listPage({ collection: 'plans' })).total, 6);
      assert.equal((await desk.sync()).rebuilt, null);
    });
  }

  test('are downloaded again where a list that is gone is read', async (t) => {
    const { books, desk } = await closedCache(t);
    await desk.open();
    await desk.sync();
    editDatabase(desk.file, (db) => db.exec('DROP TABLE plans_a_list'));
    await assertRejects(desk.host.data.listPage({ collection: 'plans' }), 'internal');
    await desk.until(({ state }) => state === 'up_to_date');
    assert.equal((await desk.host.data.listPage({ collection: 'plans' })).total, 6);
    await assertExact(desk, books.owner.client);
  });

  test('are downloaded again only once per start, as a defect would be there again', async (t) => {
    const { desk } = await closedCache(t);
    await desk.open();
    await desk.sync();
    for (const [generation, downloads] of [['a', 1], ['b', 0]]) {
      desk.network.plan(null);
      editDatabase(desk.file, (db) => db.exec(`DROP TABLE plans_${generation}_list`));
      await assertRejects(desk.host.data.listPage({ collection: 'plans' }), 'internal');
      await desk.until(({ state }) => state === 'up_to_date');
      await desk.idle();
      assert.equal(desk.network.pulls().length, downloads);
    }
  });

  for (const [what, sql] of [['missing from', 'DELETE FROM plans_a_list WHERE rowid = 3'],
    ['changed in', `UPDATE plans_a_list SET name = 'x' || substr(name, 2) WHERE rowid = 3`]] as const) {
    test(`are found by the daily verification where a row is ${what} the list`, async (t) => {
      const { books, desk } = await closedCache(t);
      editDatabase(desk.file, (db) => db.exec(sql));
      await desk.open();
      desk.clock.ms += 2 * DAY_MS;
      await desk.sync();
      await desk.idle();
      await desk.until(({ state }) => state === 'up_to_date');
      await assertExact(desk, books.owner.client);
    });
  }
});

test('a record that the search has lost is found again after the daily verification, without a download', async (t) => {
  const { books, desk } = await closedCache(t);
  editDatabase(desk.file, (db) => db.exec('DELETE FROM plans_a_words'));
  await desk.open();
  const count = async (): Promise<number> => (await desk.host.data.listPage({ collection: 'plans', search: 'plan' })).total;
  assert.equal(await count(), 0);
  desk.clock.ms += 2 * DAY_MS;
  assert.equal((await desk.sync()).rebuilt, null);
  await desk.idle();
  assert.equal(await count(), 5);
  assert.equal((await desk.sync()).rebuilt, null);
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

  test('from another user\'s cache leaves none of its rows readable after the next sign-in', async (t) => {
    const { books, desk } = await closedCache(t, 100);
    const theirs = await openBooks(site);
    await theirs.addPlans(100);
    const other = await openDesk(t, { url: site.server.url, token: theirs.owner.token });
    await other.sync();
    plantLog(other.file, desk);
    await desk.open();
    await desk.host.setAuthToken(books.owner.token);
    await desk.until(({ state }) => state === 'up_to_date');
    await desk.idle();
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  /** A closed desk with the database of one day and the log of a later one, by which the digest is the server's. */
  async function mixedCache(t: TestContext): Promise<{ books: Books; desk: Desk }> {
    const { books, desk } = await closedCache(t, 120);
    const firstDay = readFileSync(desk.file);
    const plans = books.model.present('plans');
    for (const { id } of plans.slice(60, 100)) await books.change('plans', id);
    await desk.open();
    await desk.sync();
    await desk.idle();
    await desk.reopen();
    for (const { id } of plans.slice(0, 2)) await books.change('plans', id);
    await desk.sync();
    const laterLog = readFileSync(`${desk.file}-wal`);
    await desk.close();
    writeFileSync(desk.file, firstDay);
    writeFileSync(`${desk.file}-wal`, laterLog);
    return { books, desk };
  }

  test('of a later day is found before the first pull counts', async (t) => {
    const { books, desk } = await mixedCache(t);
    await desk.open();
    const counted = desk.until(({ state }) => state === 'up_to_date').then(() => assertExact(desk, books.owner.client));
    assert.equal((await desk.sync()).rebuilt, 'rows_damaged');
    await counted;
  });

  test('of a later day is found even if the cache is closed before the first pull', async (t) => {
    const { books, desk } = await mixedCache(t);
    desk.network.plan(() => faults.refused);
    await desk.open();
    await desk.reopen();
    desk.network.plan(null);
    assert.equal((await desk.sync()).rebuilt, 'rows_damaged');
    await assertExact(desk, books.owner.client);
  });
});

describe('damage found by the check at startup', () => {
  /** A desk whose cache is damaged in the middle, with the real check. */
  async function damagedDesk(t: TestContext): Promise<{ books: Books; desk: Desk }> {
    const { books, desk: first } = await closedCache(t, 150);
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
    assert.equal((await desk.host.data.counts())['plans'], 151);
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
  const { books, desk } = await closedCache(t, 150);
  overwritePages(desk.file, holdsPlans);
  await desk.open();
  const { id } = books.model.present('plans').at(75) ?? assert.fail('there are plans');
  await assertRejects(desk.host.data.getRecord('plans', id), 'cache_unusable');
  await desk.until(({ state }) => state === 'up_to_date');
  assert.equal((await desk.host.data.getRecord('plans', id))?.id, id);
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
    const { books, desk } = await closedCache(t, 150);
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
    const { books, desk } = await closedCache(t, 150);
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
    await assertRejects(desk.host.data.listPage({ collection: 'plans' }), 'cache_unusable');
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
