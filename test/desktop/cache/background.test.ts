// What a thread of its own does for the cache: building indexes, dropping tables, keeping the log short. Readers are served
// meanwhile, and the next durable commit covers what had not waited for the disk.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import threads, { Worker, type WorkerOptions } from 'node:worker_threads';

import { openBackground } from '../../../desktop/cache/background.ts';
import {
  applyChanges, beginChanges, buildIndexes, closeCache, commitChanges, dropInactiveInBackground, isBuilt, listPage, LogKeeper,
  rollbackChanges, saveState, startRebuild, swapGenerations, type Cache,
} from '../../../desktop/cache/cache.ts';
import { removeCacheFiles } from '../../../desktop/cache/files.ts';
import { collections } from '../../../shared/collections.ts';
import { AppError } from '../../../shared/errors.ts';
import { failsWith, instant, invoice, temporaryCache, upsert } from './fixtures.ts';
import { assertConsistent } from './inspect.ts';

const manyInvoices = Array.from({ length: 2500 }, (_, number) => upsert('invoices', number, invoice(number)));

test('indexes of many records are built on another thread, which can be stopped between two steps and goes on later', async (t) => {
  const cache = temporaryCache(t);
  applyChanges(cache.writer, 'a', manyInvoices);
  let pauses = 0;
  const stopped = new AppError('cancelled', 'Stopped.');
  await assert.rejects(buildIndexes(cache.writer, 'a', async () => {
    pauses += 1;
    if (pauses === 3) throw stopped;
  }), stopped);
  assert.equal(isBuilt(cache.reader, 'a'), false);
  applyChanges(cache.writer, 'a', [upsert('invoices', 9000, invoice(9000)), upsert('invoices', 1, invoice(1, { number: 'new' }), 9001)]);
  let turns = 0;
  const building = buildIndexes(cache.writer, 'a', async () => undefined).then(() => { turns = -turns; });
  for (; turns >= 0; turns += 1) {
    assert.equal(listPage(cache.reader, { collection: 'invoices', limit: 1 }).total, 2501);
    await nextTurn();
  }
  await building;
  assert.ok(turns < -1, 'this thread went on');
  assert.equal(isBuilt(cache.reader, 'a'), true);
  assert.equal(listPage(cache.reader, { collection: 'invoices', search: 'new' }).total, 1);
  assertConsistent(cache, 'a');
});

test('the tables that a rebuild has replaced are dropped on another thread', async (t) => {
  const cache = temporaryCache(t);
  startRebuild(cache.writer, 'cache_differed');
  applyChanges(cache.writer, 'b', manyInvoices.slice(0, 10));
  saveState(cache.writer, { rebuild: { reason: 'cache_differed', scope: 's', cursor: instant(10) } });
  await dropInactiveInBackground(cache.writer);
  swapGenerations(cache.writer);
  await dropInactiveInBackground(cache.writer);
  const left = cache.reader.db.prepare(`SELECT count(*) AS tables FROM sqlite_schema WHERE name GLOB '*_a' OR name GLOB '*_a_*'`).get();
  assert.equal(left?.['tables'], 0);
  assert.equal(listPage(cache.reader, { collection: 'invoices' }).total, 10);
});

test('the log of a long download stays short, whatever it writes', async (t) => {
  const cache = temporaryCache(t);
  const note = 'n'.repeat(200_000);
  const log = new LogKeeper(cache.writer);
  let longest = 0;
  for (let page = 0; page < 20; page += 1) {
    commitPage(cache, Array.from({ length: 15 }, (_, number) => upsert('invoices', page * 15 + number, invoice(number, { note }))));
    await log.afterCommit();
    longest = Math.max(longest, logPages(cache) * 4096);
  }
  assert.ok(longest < 32 * 1024 * 1024, String(longest));
  await log.flush();
  await log.close();
  assertConsistent(cache, 'a');
});

test('what is written in the background is checkpointed there, and not by the next commit on this thread', async (t) => {
  const cache = temporaryCache(t);
  const background = openBackground(cache.file);
  await background.run(['BEGIN IMMEDIATE', 'CREATE TABLE large (a)', 'INSERT INTO large VALUES (zeroblob(8000000))', 'COMMIT']);
  await background.close();
  assert.equal(pendingPages(cache), 0);
});

test('changes are committed without waiting for the disk only if they can resume', (t) => {
  const cache = temporaryCache(t);
  const synchronous = (): unknown => cache.writer.db.prepare('PRAGMA synchronous').get()?.['synchronous'];
  beginChanges(cache.writer, true);
  assert.equal(synchronous(), 1);
  commitChanges(cache.writer);
  assert.equal(synchronous(), 2);
  beginChanges(cache.writer, true);
  rollbackChanges(cache.writer);
  assert.equal(synchronous(), 2);
  beginChanges(cache.writer);
  assert.equal(synchronous(), 2);
  rollbackChanges(cache.writer);
});

test('a statement that fails in the background is undone and reported like any other', async (t) => {
  const cache = temporaryCache(t);
  const background = openBackground(cache.file);
  const failing = background.run(['BEGIN IMMEDIATE', 'DELETE FROM state', 'SELECT nothing FROM nowhere', 'COMMIT']);
  const error = await failing.then(() => assert.fail('it did not fail'), (reason: unknown) => reason);
  failsWith('internal', () => { throw error; });
  await background.run(['BEGIN IMMEDIATE', 'DELETE FROM attempts', 'COMMIT']);
  await background.close();
  assert.equal(cache.reader.db.prepare('SELECT count(*) AS rows FROM state').get()?.['rows'], 1);
});

test('statements that overlap run one after the other, and each call gets its own result', async (t) => {
  const cache = temporaryCache(t);
  const background = openBackground(cache.file);
  const runs = ['CREATE TABLE one (a)', 'SELECT nothing FROM nowhere', 'INSERT INTO one VALUES (1)'].map((sql) => background.run([sql]));
  const closing = background.close();
  assert.deepEqual((await Promise.allSettled(runs)).map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
  await closing;
  await assert.rejects(background.run(['DROP TABLE one']), TypeError);
  await background.close();
  assert.equal(cache.reader.db.prepare('SELECT count(*) AS rows FROM one').get()?.['rows'], 1);
});

test('can recover from a thread that ends: what it had begun is undone, and another one follows', async (t) => {
  const cache = temporaryCache(t);
  const workers = watchWorkers(t);
  const background = openBackground(cache.file);
  await background.run(['BEGIN IMMEDIATE', 'DELETE FROM state']);
  await workers[0]?.terminate();
  await background.run(['CREATE TABLE after_the_end (a)']);
  await background.run(['INSERT INTO after_the_end VALUES (1)']);
  // It ends in the middle of the statements, or before them.
  const running = background.run(['INSERT INTO after_the_end VALUES (2)', countTo(500_000), 'INSERT INTO after_the_end VALUES (3)']);
  await nextTurn();
  await workers[1]?.terminate();
  await running;
  await background.close();
  assert.equal(workers.length, 2);
  assert.equal(cache.reader.db.prepare('SELECT count(*) AS rows FROM state').get()?.['rows'], 1);
  assert.equal(cache.reader.db.prepare('SELECT count(DISTINCT a) AS rows FROM after_the_end').get()?.['rows'], 3);
});

for (const [fault, source] of [['cannot be started', null], ['fail at once', 'throw new Error()']] as const) {
  test(`can sync where threads ${fault}: checkpoints and indexes are made on this thread, and the files can be removed`, async (t) => {
    const cache = temporaryCache(t, { collections: collections.filter(({ name }) => name === 'invoices') });
    watchWorkers(t, source);
    const log = new LogKeeper(cache.writer);
    for (let page = 0; page < 2; page += 1) {
      const note = 'n'.repeat(200_000);
      const first = 10_000 + page * 30;
      commitPage(cache, Array.from({ length: 30 }, (_, number) => upsert('invoices', first + number, invoice(number, { note }))));
      await log.flush();
      assert.equal(pendingPages(cache), 0);
    }
    await log.close();
    applyChanges(cache.writer, 'a', manyInvoices);
    await buildIndexes(cache.writer, 'a', async () => undefined);
    assert.equal(isBuilt(cache.reader, 'a'), true);
    assertConsistent(cache, 'a');
    closeCache(cache);
    removeCacheFiles(cache.file.path);
    assert.equal(existsSync(cache.file.path), false);
  });
}

/** The threads that are started until the end of the test, each with this source instead of its own; null lets none start. */
function watchWorkers(t: TestContext, source?: string | null): Worker[] {
  const workers: Worker[] = [];
  t.mock.property(threads, 'Worker', class extends Worker {
    constructor(program: string, options: WorkerOptions) {
      if (source === null) throw new Error('no thread is left');
      super(source ?? program, options);
      workers.push(this);
    }
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return workers;
}

/** A statement that takes a while. */
function countTo(rows: number): string {
  return `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) SELECT max(i) FROM n`;
}

function commitPage(cache: Cache, changes: Parameters<typeof applyChanges>[2]): void {
  beginChanges(cache.writer, true);
  applyChanges(cache.writer, 'a', changes);
  commitChanges(cache.writer);
}

function logPages(cache: Cache): number {
  return Number(cache.writer.db.prepare('PRAGMA wal_checkpoint(NOOP)').get()?.['log']);
}

function pendingPages(cache: Cache): number {
  const row = cache.writer.db.prepare('PRAGMA wal_checkpoint(NOOP)').get();
  return Number(row?.['log']) - Number(row?.['checkpointed']);
}
