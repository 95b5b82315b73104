// A sound cache that cannot be opened for the moment is tried again and read meanwhile, and never set aside. Of two
// programs on one folder one syncs; the other reads.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';

import { openCache, type Cache } from '../../desktop/cache/cache.ts';
import { sqliteError } from '../../desktop/cache/sqlite.ts';
import { faults } from '../network.ts';
import { embedded, firstOwner, password } from '../server/harness.ts';
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

interface Opening {
  readonly books: Books;
  readonly desk: Desk;
  /** How many of the next tries to open the cache fail, and with which SQLite result. */
  readonly fault: { left: number; errcode: number };
}

/** A closed desk with a synced cache. */
async function closedDesk(t: TestContext): Promise<Opening> {
  const fault = { left: 0, errcode: 0 };
  const books = await openBooks(site);
  await books.addPlans(5);
  const desk = await openDesk(t, {
    url: site.server.url,
    token: books.owner.token,
    deps: {
      openCache(path): Cache {
        if (fault.left === 0) return openCache(path, { busyTimeoutMs: 50 });
        fault.left -= 1;
        throw sqliteError(Object.assign(new Error('injected'), { errcode: fault.errcode }), 'opening the cache');
      },
    },
  });
  await desk.sync();
  await desk.idle();
  await desk.close();
  return { books, desk, fault };
}

function files(desk: Desk): string[] {
  return readdirSync(dirname(desk.file)).filter((name) => !/-(wal|shm)$/.test(name)).sort();
}

describe('a cache that cannot be opened for a moment', () => {
  /** SQLITE_CANTOPEN (also for too many open files), IOERR_READ, PERM, NOMEM, READONLY. */
  const failures = [14, 266, 3, 7, 8];

  test('is opened by another try', async (t) => {
    const { books, desk, fault } = await closedDesk(t);
    for (const errcode of failures) {
      Object.assign(fault, { left: 1, errcode });
      await desk.open();
      assert.equal((await desk.host.getStatus()).error, null, String(errcode));
      await desk.sync();
      await desk.close();
    }
    await desk.open();
    await assertExact(desk, books.owner.client);
    assert.deepEqual(files(desk), ['invoify.sqlite', 'invoify.sqlite.lock']);
  });

  test('nor by another try is read meanwhile, and synced into as soon as it can be', async (t) => {
    const { books, desk, fault } = await closedDesk(t);
    for (const errcode of failures) {
      const held = books.model.present('plans').length;
      await books.addPlans(1);
      Object.assign(fault, { left: Infinity, errcode });
      await desk.open();
      const { initialized, error, notice } = await desk.host.getStatus();
      assert.deepEqual([initialized, error?.code, notice], [true, 'cache_unusable', null], String(errcode));
      assert.equal((await desk.host.data.counts())['plans'], held);
      assert.equal((await desk.host.pullFromServer()).error?.code, 'cache_unusable');
      assert.equal((await desk.host.data.counts())['plans'], held, 'a failed sync takes nothing away');
      fault.left = 0;
      await desk.sync();
      assert.equal((await desk.host.data.counts())['plans'], held + 1);
      await desk.close();
    }
    await desk.open();
    await assertExact(desk, books.owner.client);
    assert.deepEqual(files(desk), ['invoify.sqlite', 'invoify.sqlite.lock']);
  });
});

/** Another program that keeps a file locked until it is killed. */
async function lock(t: TestContext, file: string): Promise<ChildProcess> {
  const holder = spawn(process.execPath, ['-e', `
    const db = new (require('node:sqlite').DatabaseSync)(${JSON.stringify(file)});
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; DELETE FROM attempts; COMMIT');
    console.log('locked');
    process.stdin.resume();
  `], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  return holder;
}

async function unlock(holder: ChildProcess): Promise<void> {
  const exited = once(holder, 'exit');
  holder.kill('SIGKILL');
  await exited;
}

describe('a cache that another program keeps locked', () => {
  test('stays where it is, and is synced into once it is unlocked', async (t) => {
    const { books, desk } = await closedDesk(t);
    const holder = await lock(t, desk.file);
    await desk.open();
    assert.equal((await desk.host.getStatus()).error?.code, 'cache_busy');
    await assertRejects(desk.host.data.counts(), 'cache_unusable');
    assert.equal((await desk.host.pullFromServer()).error?.code, 'cache_busy');
    assert.deepEqual(files(desk), ['invoify.sqlite', 'invoify.sqlite.lock']);
    await unlock(holder);
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  test('is readable once it is unlocked, without the server', async (t) => {
    const { desk } = await closedDesk(t);
    const holder = await lock(t, desk.file);
    desk.network.plan(() => faults.refused);
    await desk.open();
    assert.equal((await desk.host.getStatus()).initialized, false);
    await unlock(holder);
    // The next try is a timer of at least half a minute by now.
    const readable = desk.until(({ initialized }) => initialized);
    desk.timers.passSilence();
    await readable;
    assert.equal((await desk.host.data.counts())['plans'], 6);
  });
});

test('a cache that cannot be read is not tried again once the desktop is closed', async (t) => {
  const { desk } = await closedDesk(t);
  await lock(t, desk.file);
  desk.network.plan(() => faults.refused);
  desk.timers.hold(true);
  await desk.open();
  assert.notEqual(desk.timers.pending, 0);
  await desk.close();
  assert.equal(desk.timers.pending, 0);
});

describe('a cache that becomes readable late', () => {
  test('is removed if someone else has signed in meanwhile, although the server is away', async (t) => {
    const { desk } = await closedDesk(t);
    const holder = await lock(t, desk.file);
    await desk.open();
    await desk.host.signIn(firstOwner, password);
    await desk.idle();
    desk.network.plan(() => faults.refused);
    await unlock(holder);
    desk.timers.passSilence();
    await desk.idle();
    await assertRejects(desk.host.data.counts(), 'signed_out');
    assert.equal((await desk.host.getStatus()).user, null);
    assert.deepEqual(files(desk), []);
  });

  test('and only for reading is removed by the sync of someone else', async (t) => {
    const { books, desk, fault } = await closedDesk(t);
    const other = await books.owner.hire('viewer');
    const holder = await lock(t, desk.file);
    Object.assign(fault, { left: Infinity, errcode: 8 });
    // Only the sync tries again.
    desk.timers.hold(true);
    await desk.open();
    desk.network.plan(({ path }) => path === '/api/auth/me' ? async ({ forward }) => {
      await unlock(holder);
      return forward();
    } : null);
    await desk.host.setAuthToken(other.token);
    const { error } = await desk.until((status) => status.error !== null);
    assert.equal(error?.code, 'cache_unusable');
    await assertRejects(desk.host.data.counts(), 'signed_out');
    assert.deepEqual(files(desk), []);
  });

  test('ends the session of someone else, whose token was in the vault', async (t) => {
    const { books, desk } = await closedDesk(t);
    const other = await books.owner.hire('viewer');
    await desk.vault.save({ token: other.token, origin: site.server.url, userId: other.userId });
    const holder = await lock(t, desk.file);
    await desk.open();
    await unlock(holder);
    desk.timers.passSilence();
    const { user } = await desk.until(({ state }) => state === 'session_expired');
    assert.equal(user?.id, books.owner.userId);
    assert.equal(await desk.vault.load(), null);
  });
});

describe('a second program on the same folder', () => {
  test('reads what the first syncs, says why it cannot sync, and syncs once the first has been closed', async (t) => {
    const { books, desk } = await closedDesk(t);
    await desk.open();
    const { token } = await books.owner.signIn(books.owner.userId);
    const second = await openDesk(t, { url: site.server.url, token, beside: desk });
    const { initialized, error } = await second.host.getStatus();
    assert.deepEqual([initialized, error?.code], [true, 'cache_busy']);
    assert.match(error?.message ?? '', /^Another Invoify is using the data on this computer/);
    await books.addPlans(1);
    await desk.sync();
    assert.equal((await second.host.data.counts())['plans'], 7);
    assert.equal((await second.host.pullFromServer()).error?.code, 'cache_busy');
    await assertRejects(second.host.signOut(), 'cache_busy');
    await second.close();
    assert.equal((await desk.host.data.counts())['plans'], 7, 'a sign-out in the second takes nothing away from the first');
    await desk.sync();
    await desk.close();
  });

  test('that tries to sync at every step of a rebuild leaves both right', async (t) => {
    const books = await openBooks(site);
    await books.addPlans(20);
    const { token } = books.owner;
    const desk = await openDesk(t, { url: site.server.url, token, pageLimit: () => 5 });
    await desk.sync();
    await desk.idle();
    const second = await openDesk(t, { url: site.server.url, token, pageLimit: () => 5, beside: desk });
    editDatabase(desk.file, (db) => db.exec(`UPDATE state SET cursor = 'rubbish'`));
    const codes = new Set<string | undefined>();
    desk.network.plan(({ page }) => async ({ forward }) => {
      if (page !== null) codes.add((await second.host.pullFromServer()).error?.code);
      return forward();
    });
    assert.equal((await desk.sync()).rebuilt, 'cursor_ended');
    codes.add((await second.host.pullFromServer()).error?.code);
    await desk.idle();
    assert.deepEqual([...codes], ['cache_busy']);
    desk.network.plan(null);
    await desk.sync();
    await assertExact(desk, books.owner.client);
    assert.equal((await second.host.data.counts())['plans'], 21);
    await desk.close();
    await books.addPlans(1);
    await second.sync();
    await assertExact(second, books.owner.client);
    await desk.open();
    assert.equal((await desk.host.getStatus()).error?.code, 'cache_busy');
    await second.close();
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });
});
