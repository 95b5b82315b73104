// The embedded store: the store suite on real SQLite files, and how it takes the machine's clock.

import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';

import { EPOCH } from '../../../shared/clock.ts';
import { inspectFile } from '../../../server/embedded/inspection.ts';
import { openEmbeddedStore } from '../../../server/embedded/store.ts';
import { openSmallDisk } from '../../disk.ts';
import {
  assertRejects, content, create, depsOf, newAccount, newId, newSession, readAll, remove, START_MS, type TestDatabase,
} from '../store/fixture.ts';
import { storeSuite } from '../store/suite.ts';

const DAY_MS = 86_400_000;
const onWindows = process.platform === 'win32' ? 'Windows keeps an open file in its place' : false;

async function newDatabase(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-store-'));
  return {
    open: (deps) => openEmbeddedStore(join(folder, 'data', 'invoify.db'), deps),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

storeSuite('embedded store', newDatabase);

describe('an embedded store', () => {
  test('does not open on a read-only disk, where it could never write again, but once the disk can be written', async (t) => {
    const disk = openSmallDisk(t, 4);
    if (!disk) return;
    const [file, copy] = [join(disk.folder, 'invoify.sqlite'), join(disk.folder, 'copy.sqlite')];
    const store = await openEmbeddedStore(file, depsOf({ nowMs: START_MS }));
    const accountId = await newAccount(store);
    // With its log, as after a kill, SQLite opens even a database that it cannot write.
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(file + suffix, copy + suffix);
    await store.close();
    disk.setReadOnly(true);
    const { message } = await assertRejects(openEmbeddedStore(copy, depsOf({ nowMs: START_MS })), 'unavailable');
    assert.match(message, /cannot be written \(EROFS\)/);
    disk.setReadOnly(false);
    const again = await openEmbeddedStore(copy, depsOf({ nowMs: START_MS }));
    await create(again, accountId, 'plans');
    await again.close();
  });

  test('scans no table for a write or a pull, however many accounts there are', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-store-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'invoify.sqlite');
    const prepared = new Set<string>();
    const { prepare } = DatabaseSync.prototype;
    t.mock.method(DatabaseSync.prototype, 'prepare', function noted(this: DatabaseSync, sql: string) {
      prepared.add(sql);
      return prepare.call(this, sql);
    });
    const store = await openEmbeddedStore(file, { ...depsOf({ nowMs: START_MS }), trustsClock: false });
    t.after(() => store.close());
    prepared.clear();
    const accountId = await newAccount(store);
    const session = newSession({ accountId, userId: newId() });
    await store.openSession(session);
    await store.write(accountId, async (transaction) => {
      assert.equal(await transaction.findReply('k'), null);
      transaction.saveReply({ key: 'k', fingerprint: 'f', body: 'b', keptAtMs: START_MS });
      transaction.put('users', session.userId, content({}, [newId()]), null);
      transaction.claimAddress('a@example.com', session.userId);
    });
    await store.noteSessions([{ ...session, syncedTo: null }]);
    assert(await store.identify(accountId, session.sessionId, session.userId));
    assert(await store.findAddress('a@example.com'));
    await readAll(store, accountId);
    await remove(store, accountId, await create(store, accountId, 'plans'));
    await store.isPruneDue(accountId, EPOCH, START_MS);
    t.mock.restoreAll();

    const db = new DatabaseSync(file);
    t.after(() => db.close());
    const statements = [...prepared].filter((sql) => /^\s*(SELECT|UPDATE|DELETE)/.test(sql));
    assert(statements.length > 10, `only ${statements.length} statements were seen`);
    for (const sql of statements) {
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all().map(({ detail }) => String(detail));
      // The largest value of a column is searched for even where there is no index to search in.
      assert.deepEqual(plan.filter((detail) => /^(SCAN \w+|SEARCH (?!.* USING ))/.test(detail) && !/CONSTANT ROW/.test(detail)), [], sql);
    }
  });

  test('takes no write while another file, or none, is in the place of its own, where it would be lost', { skip: onWindows }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-store-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [file, aside] = [join(folder, 'invoify.sqlite'), join(folder, 'aside.sqlite')];
    const store = await openEmbeddedStore(file, depsOf({ nowMs: START_MS }));
    t.after(() => store.close());
    const accountId = await newAccount(store);
    const refused = async (reason: RegExp): Promise<void> => {
      for (const write of [create(store, accountId, 'plans'), store.checkWrites()]) {
        assert.match((await assertRejects(write, 'unavailable')).message, reason);
      }
    };
    for (const suffix of ['', '-wal']) {
      renameSync(file + suffix, aside);
      await refused(/not in its place/);
      copyFileSync(aside, file + suffix);
      await refused(/^Another file is in the place/);
      renameSync(aside, file + suffix);
      await create(store, accountId, 'plans');
    }
    await store.checkWrites();
  });

  test('is found to be damaged by an inspection, and intact before', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-store-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'invoify.sqlite');
    const store = await openEmbeddedStore(file, depsOf({ nowMs: START_MS }));
    t.after(() => store.close());
    const accountId = await newAccount(store);
    await store.write(accountId, async (transaction) => {
      for (let index = 0; index < 200; index += 1) transaction.put('plans', newId(), content({ name: 'x'.repeat(500) }), null);
    });
    await store.inspect();
    await store.checkWrites();
    // As if it had been written over, while nobody has it open: the log would hide it.
    const copy = join(folder, 'copy.sqlite');
    const db = new DatabaseSync(file);
    db.exec(`VACUUM INTO '${copy}'`);
    db.close();
    const bytes = readFileSync(copy);
    bytes.fill(0xa5, 8 * 8192, 12 * 8192);
    writeFileSync(copy, bytes);
    const error = await assertRejects(inspectFile(copy), 'unavailable');
    assert.equal(error.message, "The server's database is damaged; restore it from a backup.");
  });

  test('stamps nothing more than a year ahead of the newest change, until the clock is accepted', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const clock = { nowMs: START_MS };
    const store = await database.open({ ...depsOf(clock), trustsClock: false });
    t.after(() => store.close());
    const [accountId, other] = [await newAccount(store), await newAccount(store)];
    const plan = await create(store, accountId, 'plans');
    clock.nowMs += 365 * DAY_MS;
    await create(store, accountId, 'plans');
    const before = await readAll(store, accountId);

    clock.nowMs += 367 * DAY_MS;
    for (const stamp of [
      () => create(store, accountId, 'plans'), () => remove(store, accountId, plan), () => store.createAccount(newId()),
      () => store.checkClock(),
    ]) assert.match((await assertRejects(stamp(), 'unavailable')).message, /^The server's clock shows 2028-01-03T12:00Z, .*admin clock/);
    assert.deepEqual(await readAll(store, accountId), before);
    assert.equal(await store.write(other, async (transaction) => transaction.account.accountId), other, 'what stamps nothing may run');

    await store.acceptClock();
    await store.checkClock();
    assert.equal((await readAll(store, accountId)).account.clock, clock.nowMs * 1000);
    assert.deepEqual((await readAll(store, accountId)).changes, before.changes);
    assert.equal((await create(store, other, 'plans')).at, clock.nowMs * 1000 + 1);
  });

  test('stamps nothing more than 5 minutes before the newest change, until the clock is accepted', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const clock = { nowMs: START_MS };
    const store = await database.open({ ...depsOf(clock), trustsClock: false });
    t.after(() => store.close());
    const accountId = await newAccount(store);
    clock.nowMs -= 5 * 60_000;
    const plan = await create(store, accountId, 'plans');
    assert.equal(plan.at, START_MS * 1000 + 1);
    const before = await readAll(store, accountId);

    clock.nowMs -= 1000;
    for (const stamp of [
      () => create(store, accountId, 'plans'), () => remove(store, accountId, plan), () => store.createAccount(newId()),
      () => store.checkClock(),
    ]) {
      const { message } = await assertRejects(stamp(), 'unavailable');
      assert.match(message, /^The server's clock shows \d{4}-.*, before the newest change of .*verify --fix/);
    }
    assert.deepEqual(await readAll(store, accountId), before);

    await store.acceptClock();
    clock.nowMs -= 400 * DAY_MS;
    for (let change = 2; change < 5; change += 1) {
      assert.equal((await create(store, accountId, 'plans')).at, START_MS * 1000 + change);
    }
    clock.nowMs = START_MS + 1000;
    assert.equal((await create(store, accountId, 'plans')).at, clock.nowMs * 1000);
    clock.nowMs = START_MS + 8 * 3_600_000;
    assert.equal((await create(store, accountId, 'plans')).at, clock.nowMs * 1000);
    clock.nowMs = START_MS;
    await assertRejects(create(store, accountId, 'plans'), 'unavailable');
  });
});
