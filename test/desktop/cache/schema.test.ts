// Updating the app: migrations update the fixed tables, derived tables are recomputed from the payloads, and no record is
// lost or downloaded again.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import {
  applyChanges, closeCache, counts, getRecord, isBuilt, listPage, readDigest, readState, saveState, selectionTotals, startRebuild,
  swapGenerations,
} from '../../../desktop/cache/cache.ts';
import { migrate, migrations, requireCompatible, type Migration } from '../../../desktop/cache/migrations.ts';
import { createLayout } from '../../../desktop/cache/schema.ts';
import { openWriter } from '../../../desktop/cache/sqlite.ts';
import { collections, type Collection } from '../../../shared/collections.ts';
import { buildAll, failsWith, fill, instant, invoice, recordId, temporaryCache, temporaryPath, upsert } from './fixtures.ts';
import { assertConsistent, recordRows } from './inspect.ts';

const parcels: Collection = {
  name: 'parcels',
  fields: { weight: { kind: 'integer', min: 0, max: 1000 } },
  sees: ['owner'],
  writes: ['owner'],
  columns: [{ name: 'weight', type: 'integer', sorted: true }],
  defaultSort: { column: 'weight', descending: false },
};

/** The declarations of a later version: one column added, one removed, one newly searched, and a new collection. */
const later: readonly Collection[] = [...collections.map((collection) => collection.name !== 'invoices' ? collection : {
  ...collection,
  columns: [
    ...collection.columns.filter(({ name }) => name !== 'openMinor').map((column) =>
      column.name === 'currency' ? { ...column, searched: true as const } : column),
    { name: 'paidMinor', type: 'integer' as const, sorted: true as const },
  ],
}), parcels];

describe('changed declarations', () => {
  const changes = Array.from({ length: 30 }, (_, index) =>
    upsert('invoices', index, invoice(index, { paidMinor: 100 - index, currency: index % 2 === 0 ? 'EUR' : 'USD' })));

  test('rebuild the lists from the existing payloads', (t) => {
    const path = temporaryPath(t);
    const first = temporaryCache(t, {}, path);
    fill(first, changes);
    saveState(first.writer, { cursor: 'kept' });
    const before = recordRows(first, 'a', 'invoices');
    closeCache(first);

    const second = temporaryCache(t, { collections: later }, path);
    assert.deepEqual(recordRows(second, 'a', 'invoices'), before);
    assert.equal(readState(second.reader).cursor, 'kept');
    assert.equal(isBuilt(second.reader, 'a'), false);
    const ask = { collection: 'invoices', sort: { column: 'paidMinor' }, search: 'usd', limit: 3 };
    const unbuilt = listPage(second.reader, ask);
    assert.deepEqual(unbuilt.rows.map(({ columns }) => columns['paidMinor']), [71, 73, 75]);
    buildAll(second);
    assert.deepEqual(listPage(second.reader, ask), unbuilt);
    assert.equal(counts(second.reader)['parcels'], 0);
    applyChanges(second.writer, 'a', [upsert('parcels', 1, { weight: 5 })]);
    assertConsistent(second, 'a');
    closeCache(second);

    const third = temporaryCache(t, {}, path);
    assert.equal(listPage(third.reader, { collection: 'invoices', sort: { column: 'openMinor' } }).total, 30);
    assert.equal(readDigest(third.reader, 'a')['parcels'], undefined);
    failsWith('invalid_request', () => listPage(third.reader, { collection: 'parcels' }));
    assertConsistent(third, 'a');
  });

  test('apply to a rebuild in progress', (t) => {
    const path = temporaryPath(t);
    const first = temporaryCache(t, {}, path);
    fill(first, changes);
    startRebuild(first.writer, 'a test');
    applyChanges(first.writer, 'b', changes.slice(0, 10));
    saveState(first.writer, { rebuild: { reason: 'a test', scope: 's', cursor: 'c' } });
    closeCache(first);
    const cache = temporaryCache(t, { collections: later }, path);
    assertConsistent(cache, 'a');
    assertConsistent(cache, 'b');
    applyChanges(cache.writer, 'b', [...changes.slice(10), upsert('parcels', 1, { weight: 5 })]);
    swapGenerations(cache.writer);
    assert.deepEqual(listPage(cache.reader, { collection: 'parcels' }).rows.map(({ columns }) => columns), [{ weight: 5 }]);
    assertConsistent(cache, 'b');
  });

  test('leave tables and indexes untouched if nothing changed', (t) => {
    const path = temporaryPath(t);
    const first = temporaryCache(t, {}, path);
    fill(first, changes);
    closeCache(first);
    assert.ok(isBuilt(temporaryCache(t, {}, path).reader, 'a'));
  });

  test('are rejected if a name is not a valid table or column name', () => {
    const withColumn = (name: string): Collection => ({ ...parcels, columns: [{ name, type: 'text' }] });
    for (const name of ['', 'a b', 'a"b', 'id', 'rowid', 'a.b', '1a']) {
      assert.throws(() => createLayout([withColumn(name)], true), TypeError, name);
      assert.throws(() => createLayout([{ ...parcels, name }], true), TypeError, name);
    }
  });
});

/** Gzipped; written by the last version that spoke protocol 1: a plan, a user, a customer and an invoice of each status. */
const cacheOfProtocol1 = join(import.meta.dirname, 'protocol-1.sqlite.gz');

test('a cache of protocol 1 stays readable until what its migrated server has is swapped in', (t) => {
  const path = temporaryPath(t);
  mkdirSync(dirname(path));
  writeFileSync(path, gunzipSync(readFileSync(cacheOfProtocol1)));
  const cache = temporaryCache(t, {}, path);
  const isOldReadable = (): void => {
    assert.deepEqual(counts(cache.reader), { company: 0, users: 1, plans: 1, customers: 1, invoices: 5 });
    assertConsistent(cache, 'a');
    const { rows } = listPage(cache.reader, { collection: 'invoices', search: 'nordwind', sort: { column: 'number' } });
    const draft = rows.at(-1);
    assert.deepEqual([draft?.columns['status'], draft?.columns['totalMinor'], rows.length], ['draft', 11_900, 5]);
    assert.equal(getRecord(cache.reader, 'customers', recordId(100))?.payload['taxId'], 'DE123456788');
    const [totals] = selectionTotals(cache.reader, { collection: 'invoices' });
    assert.deepEqual([totals?.count, totals?.totalMinor], [3, 35_700]);
  };
  isOldReadable();
  buildAll(cache);
  isOldReadable();
  assert.equal(readState(cache.reader).cursor, instant(200));

  startRebuild(cache.writer, 'scope_changed');
  saveState(cache.writer, { rebuild: { reason: 'scope_changed', scope: 'after', cursor: instant(300) } });
  const migrated = [['draft', 0], ['open', 0], ['open', 5000], ['paid', 11_900], ['void', 0]] as const;
  applyChanges(cache.writer, 'b', [upsert('company', 1, { name: '' }), ...migrated.map(([status, paidMinor], index) =>
    upsert('invoices', index + 1, invoice(index + 1, { status, paidMinor, totalMinor: 11_900 }), 300))]);
  isOldReadable();
  swapGenerations(cache.writer);
  buildAll(cache, 'b');
  assertConsistent(cache, 'b');
  assert.deepEqual(selectionTotals(cache.reader, { collection: 'invoices' }),
    [{ currency: 'EUR', count: 3, totalMinor: 35_700, openMinor: 18_800 }]);
  assert.deepEqual(counts(cache.reader), { company: 1, users: 0, plans: 0, customers: 0, invoices: 5 });
});

describe('an SQLite without FTS5', () => {
  test('reads, writes and searches a cache created with FTS5, and leaves nothing stale for a later SQLite with FTS5', (t) => {
    const path = temporaryPath(t);
    const search = (cache: ReturnType<typeof temporaryCache>, text: string): number =>
      listPage(cache.reader, { collection: 'invoices', search: text }).total;
    const first = temporaryCache(t, {}, path);
    fill(first, [upsert('invoices', 1, invoice(1, { customerName: 'Alpha' })), upsert('invoices', 2, invoice(2))]);
    closeCache(first);
    const without = temporaryCache(t, { hasFullText: false }, path);
    buildAll(without);
    assert.ok(isBuilt(without.reader, 'a'));
    applyChanges(without.writer, 'a', [upsert('invoices', 1, invoice(1, { customerName: 'Beta' }), 50)]);
    assert.deepEqual([search(without, 'alpha'), search(without, 'beta')], [0, 1]);
    closeCache(without);
    const again = temporaryCache(t, {}, path);
    assert.deepEqual([search(again, 'alpha'), search(again, 'beta')], [0, 1]);
    buildAll(again);
    assert.deepEqual([search(again, 'alpha'), search(again, 'beta')], [0, 1]);
    assertConsistent(again, 'a');
  });
});

describe('migrations', () => {
  /** Fills each version's fixed tables with data as that version wrote it. */
  const fixtures: readonly ((run: (sql: string) => void) => void)[] = [
    () => undefined,
    (run) => run(`UPDATE state SET cursor = 'kept', rebuild_reason = 'a test'`),
    (run) => run(`INSERT INTO build (generation, collection, indexes, words_to) VALUES ('a', 'invoices', 9, 9007199254740991)`),
    (run) => run(`INSERT INTO build (generation, collection, indexes, words_to, keys_to) VALUES ('a', 'invoices', 9, 7, 7)`),
  ];

  test('each have a test from the previous version', () => {
    assert.equal(fixtures.length, migrations.length);
  });

  for (const [version, fixture] of fixtures.entries()) {
    test(`from version ${version} preserve existing data`, (t) => {
      const path = temporaryPath(t);
      closeCache(temporaryCache(t, {}, path));
      const db = openWriter(`${path}.${version}`, 50, requireCompatible);
      migrate(db, migrations.slice(0, version));
      fixture((sql) => db.exec(sql));
      migrate(db);
      assert.equal(db.prepare('PRAGMA user_version').get()?.['user_version'], migrations.length);
      assert.equal(db.prepare('SELECT count(*) AS rows FROM state').get()?.['rows'], 1);
      db.close();
    });
  }

  test('run once each, in order, and a failing one leaves the previous version', (t) => {
    const path = temporaryPath(t);
    const first = temporaryCache(t, {}, path);
    fill(first, [upsert('invoices', 1, invoice(1))]);
    saveState(first.writer, { cursor: 'kept' });
    closeCache(first);
    const addColumn: Migration = (db) => db.exec(`ALTER TABLE state ADD COLUMN mood TEXT; UPDATE state SET mood = 'new'`);
    const fail: Migration = (db) => {
      db.exec(`UPDATE state SET mood = 'half'; CREATE TABLE half (a)`);
      db.exec('SELECT nonsense');
    };
    const db = openWriter(path, 50, (found) => requireCompatible(found, [...migrations, addColumn, fail]));
    failsWith('internal', () => migrate(db, [...migrations, addColumn, fail]));
    const state = db.prepare('SELECT cursor, mood FROM state').get();
    assert.deepEqual([state?.['cursor'], state?.['mood']], ['kept', 'new']);
    assert.equal(db.prepare('PRAGMA user_version').get()?.['user_version'], migrations.length + 1);
    migrate(db, [...migrations, addColumn]);
    db.close();
    failsWith('cache_unusable', () => temporaryCache(t, {}, path));
  });
});
