// Writing changes: their effect on rows, list, full-text index and digest, when they become visible, and what a failure
// leaves behind.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import {
  applyChanges, beginChanges, buildNext, closeCache, commitChanges, counts, getRecord, listPage, readDigest, readState,
  rollbackChanges, saveState,
} from '../../../desktop/cache/cache.ts';
import { findCollection } from '../../../shared/collections.ts';
import type { WireChange } from '../../../shared/feed.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import { openSmallDisk } from '../../disk.ts';
import {
  buildAll, failsWith, fill, instant, invoice, recordId, temporaryCache, tombstone, upsert,
} from './fixtures.ts';
import { assertConsistent, recordRows } from './inspect.ts';

describe('applying a change', () => {
  test('inserts a new record with its payload verbatim', (t) => {
    const cache = temporaryCache(t);
    const payload = '{ "name":"Zo\\u00eb – ö \u{1f600}",\t"priceMinor":1, "unknown":{"a":[1,2.50,1e3]} }';
    const change = { collection: 'plans', id: recordId(1), updatedAt: '2026-01-01T00:00:00.000001Z', payload: Buffer.from(payload) };
    assert.deepEqual(applyChanges(cache.writer, 'a', [change]), { inserted: 1, updated: 0, deleted: 0, ignored: 0, refused: [] });
    assert.deepEqual(recordRows(cache, 'a', 'plans'), [{ id: change.id, updatedAt: change.updatedAt, payload }]);
    assertConsistent(cache, 'a');
  });

  test('accepts payloads of any size and script', (t) => {
    const cache = temporaryCache(t);
    const long = JSON.stringify({ name: 'long', note: 'ä€\u{1f600}'.repeat(100_000) });
    const changes = [long, '{"name":"short"}', long].map((payload, number): WireChange =>
      ({ collection: 'plans', id: recordId(number), updatedAt: instant(number), payload: Buffer.from(payload) }));
    applyChanges(cache.writer, 'a', changes);
    assert.deepEqual(recordRows(cache, 'a', 'plans').map(({ payload }) => payload), changes.map(({ payload }) => String(payload)));
    assertConsistent(cache, 'a');
  });

  test('replaces a record by a newer version and ignores older versions and replays', (t) => {
    const cache = temporaryCache(t);
    const first = upsert('invoices', 1, invoice(1), 10);
    const newer = upsert('invoices', 1, invoice(1, { status: 'paid' }), 11);
    const apply = (change: WireChange) => applyChanges(cache.writer, 'a', [change]);
    assert.equal(apply(first).inserted, 1);
    assert.equal(apply(newer).updated, 1);
    assert.equal(apply(newer).ignored, 1);
    assert.equal(apply(first).ignored, 1);
    assert.equal(apply(tombstone('invoices', 1, 10)).ignored, 1);
    assert.equal(getRecord(cache.reader, 'invoices', recordId(1))?.updatedAt, instant(11));
    assertConsistent(cache, 'a');
  });

  test('compares instants by value, not by notation', (t) => {
    const cache = temporaryCache(t);
    const at = (updatedAt: string, payload: string): WireChange =>
      ({ collection: 'plans', id: recordId(1), updatedAt, payload: Buffer.from(payload) });
    applyChanges(cache.writer, 'a', [at('2026-01-01T10:00:00Z', '{"name":"ten"}')]);
    assert.equal(applyChanges(cache.writer, 'a', [at('2026-01-01T10:30:00+02:00', '{"name":"half past eight"}')]).ignored, 1);
    assert.equal(applyChanges(cache.writer, 'a', [at('2026-01-01T10:00:00.5Z', '{"name":"later"}')]).updated, 1);
    failsWith('bad_response', () => applyChanges(cache.writer, 'a', [at('soon', '{"name":"never"}')]));
    assert.equal(getRecord(cache.reader, 'plans', recordId(1))?.payload['name'], 'later');
  });

  test('deletes a record from rows, list and full-text index, and ignores deletes of absent records', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('invoices', 1, invoice(1)), upsert('invoices', 2, invoice(2))]);
    const result = applyChanges(cache.writer, 'a', [tombstone('invoices', 1, 100), tombstone('invoices', 9, 100)]);
    assert.deepEqual(result, { inserted: 0, updated: 0, deleted: 1, ignored: 1, refused: [] });
    assert.equal(getRecord(cache.reader, 'invoices', recordId(1)), null);
    assert.equal(listPage(cache.reader, { collection: 'invoices', search: 'INV-2025-00001' }).total, 0);
    assert.deepEqual(counts(cache.reader), { company: 0, users: 0, plans: 0, customers: 0, invoices: 1 });
    assertConsistent(cache, 'a');
  });

  test('rewrites of the list row only the columns that change, and nothing of the full-text index for others', (t) => {
    const cache = temporaryCache(t);
    const { db } = cache.writer;
    fill(cache, [upsert('invoices', 1, invoice(1)), upsert('invoices', 2, invoice(2))]);
    const written = (second: number, overrides: JsonObject): { columns: unknown[]; hasWords: boolean } => {
      const words = (): unknown[] => db.prepare('SELECT CAST(id AS TEXT), hex(block) FROM invoices_a_words_data').all();
      const before = words();
      db.exec('DELETE FROM touched');
      assert.equal(applyChanges(cache.writer, 'a', [upsert('invoices', 1, invoice(1, overrides), second)]).updated, 1);
      assertConsistent(cache, 'a');
      return {
        columns: db.prepare('SELECT name FROM touched ORDER BY 1').all().map(({ name }) => name),
        hasWords: JSON.stringify(words()) !== JSON.stringify(before),
      };
    };
    db.exec('CREATE TEMP TABLE touched (name)');
    for (const { name } of findCollection('invoices')?.columns ?? []) {
      db.exec(`CREATE TEMP TRIGGER touch_${name} AFTER UPDATE OF ${name} ON invoices_a_list `
        + `BEGIN INSERT INTO touched VALUES ('${name}'); END`);
    }
    for (const event of ['INSERT', 'DELETE']) {
      db.exec(`CREATE TEMP TRIGGER no_${event} BEFORE ${event} ON invoices_a_list BEGIN SELECT raise(ABORT, '${event}'); END`);
    }
    assert.deepEqual(written(10, { internalNote: 'changed', lines: [{ status: 'void' }] }), { columns: [], hasWords: false });
    assert.deepEqual(written(11, { status: 'paid' }), { columns: ['openMinor', 'status'], hasWords: false });
    assert.deepEqual(written(12, { status: 'paid', dueDate: null }), { columns: ['dueDate'], hasWords: false });
    assert.deepEqual(written(13, { status: 'paid', dueDate: null, number: 'INV-2025-9' }), { columns: ['number'], hasWords: true });
    assert.equal(listPage(cache.reader, { collection: 'invoices', search: '9' }).total, 1);
  });

  test('handles several changes of the same record in one slice', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('invoices', 1, invoice(1)), upsert('invoices', 2, invoice(2))]);
    applyChanges(cache.writer, 'a', [
      upsert('invoices', 3, invoice(3), 10), upsert('invoices', 3, invoice(3, { status: 'paid' }), 11), tombstone('invoices', 3, 12),
      tombstone('invoices', 2, 13), upsert('invoices', 4, invoice(4), 14), upsert('invoices', 2, invoice(2), 15),
      tombstone('invoices', 4, 16), upsert('invoices', 5, invoice(5), 17), upsert('invoices', 5, invoice(55), 18),
    ]);
    assert.deepEqual(recordRows(cache, 'a', 'invoices').map(({ id }) => id), [1, 2, 5].map(recordId));
    assertConsistent(cache, 'a');
    // The last rows are deleted and their rowids reused, below the first row that this slice inserted.
    applyChanges(cache.writer, 'a', [
      upsert('invoices', 6, invoice(6), 20), tombstone('invoices', 6, 21), tombstone('invoices', 5, 22), tombstone('invoices', 2, 23),
      upsert('invoices', 7, invoice(7), 24), upsert('invoices', 8, invoice(8), 25),
    ]);
    assert.deepEqual(recordRows(cache, 'a', 'invoices').map(({ id }) => id), [1, 7, 8].map(recordId));
    assertConsistent(cache, 'a');
  });

  test('leaves out and names what cannot be read, and applies the rest', (t) => {
    const bad = (payload: string): WireChange =>
      ({ collection: 'plans', id: recordId(2), updatedAt: instant(1), payload: Buffer.from(payload) });
    const changes = [
      upsert('planets', 2, { name: 'Mars' }), bad('{"name":'), bad('{name:"JSON5"}'), bad('{"name":"a",}'), bad('{"a":"\u0000"}'),
      bad("{'a':1}"), bad('{"a":NaN}'), bad('{"a":\u00a01}'), bad(''), bad('[]'), bad('null'),
      bad('{"priceMinor":"much"}'), bad('{"priceMinor":1.5}'), bad('{"priceMinor":{}}'), bad('{"priceMinor":1e400}'),
    ];
    for (const isBuilt of [false, true]) {
      const cache = temporaryCache(t);
      if (isBuilt) buildAll(cache);
      const others = [upsert('plans', 1, { name: 'first' }), upsert('plans', 3, { name: 'last' })];
      const apply = (change: WireChange) => applyChanges(cache.writer, 'a', others.toSpliced(1, 0, change)).refused;
      const rest = (): string[] => recordRows(cache, 'a', 'plans').map(({ id }) => id);
      for (const change of changes) {
        assert.deepEqual(apply(change).map(({ collection, id }) => [collection, id]), [[change.collection, recordId(2)]]);
        assert.deepEqual(rest(), [1, 3].map(recordId));
        assertConsistent(cache, 'a');
      }
      applyChanges(cache.writer, 'a', [upsert('plans', 2, { name: 'existing', priceMinor: 7 }, 0)]);
      for (const change of changes) {
        assert.equal(apply(change).length, 1);
        assert.equal(getRecord(cache.reader, 'plans', recordId(2))?.payload['name'], 'existing');
        assertConsistent(cache, 'a');
      }
      assert.equal(listPage(cache.reader, { collection: 'plans', search: 'existing' }).total, 1);
    }
  });
});

describe('a catch-up of several slices', () => {
  test('becomes visible to readers all at once, on commit', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('invoices', 1, invoice(1))]);
    saveState(cache.writer, { cursor: 'before' });
    const seen = (): unknown[] => [
      readState(cache.reader).cursor, counts(cache.reader)['invoices'], readDigest(cache.reader, 'a')['invoices']?.count,
      listPage(cache.reader, { collection: 'invoices' }).rows.length,
      listPage(cache.reader, { collection: 'invoices', search: 'INV' }).total,
      getRecord(cache.reader, 'invoices', recordId(1)) !== null,
    ];
    const before = seen();
    beginChanges(cache.writer);
    applyChanges(cache.writer, 'a', [upsert('invoices', 2, invoice(2)), tombstone('invoices', 1, 50)]);
    applyChanges(cache.writer, 'a', [upsert('invoices', 3, invoice(3))]);
    saveState(cache.writer, { cursor: 'after' });
    assert.deepEqual(seen(), before);
    commitChanges(cache.writer);
    assert.deepEqual(seen(), ['after', 2, 2, 2, 2, false]);
    assertConsistent(cache, 'a');
  });

  test('leaves no trace when rolled back', (t) => {
    const cache = temporaryCache(t);
    beginChanges(cache.writer);
    applyChanges(cache.writer, 'a', [upsert('invoices', 1, invoice(1))]);
    saveState(cache.writer, { cursor: 'never' });
    rollbackChanges(cache.writer);
    rollbackChanges(cache.writer);
    assert.equal(readState(cache.reader).cursor, null);
    assert.deepEqual(recordRows(cache, 'a', 'invoices'), []);
  });

  test('leaves no trace and can be restarted when one of its slices fails', (t) => {
    const cache = temporaryCache(t);
    beginChanges(cache.writer);
    applyChanges(cache.writer, 'a', [upsert('invoices', 1, invoice(1))]);
    failsWith('bad_response', () => applyChanges(cache.writer, 'a', [{ ...upsert('invoices', 1, invoice(1)), updatedAt: 'soon' }]));
    failsWith('internal', () => commitChanges(cache.writer));
    assert.deepEqual(recordRows(cache, 'a', 'invoices'), []);
    beginChanges(cache.writer);
    applyChanges(cache.writer, 'a', [upsert('invoices', 1, invoice(1))]);
    commitChanges(cache.writer);
    assertConsistent(cache, 'a');
  });
});

describe('a full disk', () => {
  const many = Array.from({ length: 3000 }, (_, index) => upsert('invoices', index + 10, invoice(index, { note: 'x'.repeat(1000) })));

  test('fails the changes, preserves existing data, and is recoverable once space is freed', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('invoices', 1, invoice(1))]);
    cache.writer.db.exec('PRAGMA max_page_count = 100');
    beginChanges(cache.writer);
    failsWith('disk_full', () => applyChanges(cache.writer, 'a', many));
    rollbackChanges(cache.writer);
    failsWith('disk_full', () => applyChanges(cache.writer, 'a', many));
    assert.equal(counts(cache.reader)['invoices'], 1);
    assertConsistent(cache, 'a');
    cache.writer.db.exec('PRAGMA max_page_count = 100000');
    assert.equal(applyChanges(cache.writer, 'a', many).inserted, many.length);
    assertConsistent(cache, 'a');
  });

  test('is recognized on a real file system', (t) => {
    const disk = openSmallDisk(t, 4);
    if (!disk) return;
    const path = join(disk.folder, 'database', 'invoify.sqlite');
    const cache = temporaryCache(t, {}, path);
    fill(cache, [upsert('invoices', 1, invoice(1))]);
    failsWith('disk_full', () => {
      for (let round = 0; round < 10; round += 1) {
        applyChanges(cache.writer, 'a', many.map((change) => ({ ...change, id: recordId(Number.parseInt(change.id, 16) + round * 5000) })));
      }
    });
    assertConsistent(cache, 'a');
    closeCache(cache);
    assert.notEqual(getRecord(temporaryCache(t, {}, path).reader, 'invoices', recordId(1)), null);
  });
});

test('any sequence of changes and index builds leaves the same records as a plain map', (t) => {
  const change = fc.record({
    collection: fc.constantFrom('invoices', 'customers'),
    number: fc.integer({ min: 1, max: 12 }),
    second: fc.integer({ min: 1, max: 30 }),
    isDelete: fc.boolean(),
    text: fc.string({ unit: 'grapheme', maxLength: 12 }),
  });
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.array(change, { minLength: 1, maxLength: 12 }) },
    { weight: 2, arbitrary: fc.constant('build' as const) },
    { weight: 1, arbitrary: fc.constant('build all' as const) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 10 }), fc.boolean(), (steps, hasFullText) => {
    const cache = temporaryCache(t, { hasFullText });
    // Durability across power cuts does not matter here.
    cache.writer.db.exec('PRAGMA synchronous = OFF');
    const model = new Map<string, WireChange>();
    for (const todo of steps) {
      if (todo === 'build') buildNext(cache.writer, 'a');
      else if (todo === 'build all') buildAll(cache);
      else {
        const changes = todo.map(({ collection, number, second, isDelete, text }) => isDelete
          ? tombstone(collection, number, second)
          : upsert(collection, number, { customerName: text, name: text, status: 'open', totalMinor: second, paidMinor: 1 }, second));
        for (const one of changes) applyToModel(model, one);
        applyChanges(cache.writer, 'a', changes);
        assertConsistent(cache, 'a');
      }
    }
    const expected = [...model.values()].filter(({ collection }) => collection === 'invoices')
      .map(({ id, updatedAt, payload }) => ({ id, updatedAt, payload: String(payload) })).sort((a, b) => a.id < b.id ? -1 : 1);
    assert.deepEqual(recordRows(cache, 'a', 'invoices'), expected);
    buildAll(cache);
    assertConsistent(cache, 'a');
    closeCache(cache);
  }), { numRuns: 60 });
});

function applyToModel(model: Map<string, WireChange>, change: WireChange): void {
  const key = `${change.collection}/${change.id}`;
  const existing = model.get(key);
  if (existing && change.updatedAt < existing.updatedAt) return;
  if (change.payload === null) model.delete(key);
  else model.set(key, change);
}
