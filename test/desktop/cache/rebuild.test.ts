// A rebuild fills the inactive generation and replaces the readable one in one commit.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  applyChanges, closeCache, counts, dropInactive, getRecord, isBuilt, listPage, readDigest, readState,
  saveState, startRebuild, swapGenerations, type Cache,
} from '../../../desktop/cache/cache.ts';
import { collections } from '../../../shared/collections.ts';
import { buildAll, fill, invoice, recordId, temporaryCache, temporaryPath, upsert } from './fixtures.ts';
import { assertConsistent } from './inspect.ts';

function tables(cache: Cache, generation: 'a' | 'b'): number {
  return Number(cache.reader.db.prepare('SELECT count(*) AS tables FROM sqlite_schema WHERE name GLOB ?')
    .get(`*_${generation}`)?.['tables']);
}

/** What the window shows: counts, list, search and a record. */
function seen({ reader }: Cache): unknown[] {
  return [
    counts(reader)['invoices'], listPage(reader, { collection: 'invoices' }).rows.map(({ id }) => id),
    listPage(reader, { collection: 'invoices', search: 'inv' }).total, getRecord(reader, 'invoices', recordId(1))?.payload['status'],
  ];
}

describe('a rebuild', () => {
  test('is invisible until it is swapped in, and then visible all at once', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('invoices', 1, invoice(1)), upsert('invoices', 2, invoice(2))]);
    saveState(cache.writer, { cursor: 'old', scope: 'old', isInitialComplete: true });
    const before = seen(cache);
    startRebuild(cache.writer, 'the digest differed');
    assert.deepEqual(readState(cache.reader).rebuild, { reason: 'the digest differed', scope: null, cursor: null });
    applyChanges(cache.writer, 'b', [upsert('invoices', 1, invoice(1, { status: 'paid' })), upsert('invoices', 3, invoice(3))]);
    saveState(cache.writer, { rebuild: { reason: 'the digest differed', scope: 'new', cursor: 'new' } });
    buildAll(cache, 'b');
    assert.deepEqual(seen(cache), before);
    assert.equal(readDigest(cache.reader, 'b')['invoices']?.count, 2);
    swapGenerations(cache.writer, { lastSyncMs: 7 });
    assert.deepEqual(seen(cache), [2, [3, 1].map(recordId), 2, 'paid']);
    const { generation, cursor, scope, lastSyncMs, rebuild } = readState(cache.reader);
    assert.deepEqual({ generation, cursor, scope, lastSyncMs, rebuild }, {
      generation: 'b', cursor: 'new', scope: 'new', lastSyncMs: 7, rebuild: null,
    });
    assertConsistent(cache, 'b');
    assert.ok(isBuilt(cache.reader, 'b'));
  });

  test('leaves the old data to a read transaction that began before the swap', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('invoices', 1, invoice(1))]);
    startRebuild(cache.writer, 'a test');
    saveState(cache.writer, { rebuild: { reason: 'a test', scope: 's', cursor: 'c' } });
    cache.reader.db.exec('BEGIN');
    const before = seen(cache);
    swapGenerations(cache.writer);
    dropInactive(cache.writer);
    assert.deepEqual(seen(cache), before);
    cache.reader.db.exec('COMMIT');
    assert.deepEqual(seen(cache), [0, [], 0, undefined]);
  });

  test('resumes after the cache was closed', (t) => {
    const path = temporaryPath(t);
    const first = temporaryCache(t, {}, path);
    fill(first, [upsert('invoices', 1, invoice(1))]);
    startRebuild(first.writer, 'a test');
    applyChanges(first.writer, 'b', [upsert('invoices', 2, invoice(2))]);
    saveState(first.writer, { rebuild: { reason: 'a test', scope: 's', cursor: 'half' } });
    closeCache(first);
    const cache = temporaryCache(t, {}, path);
    assert.deepEqual(readState(cache.reader).rebuild, { reason: 'a test', scope: 's', cursor: 'half' });
    applyChanges(cache.writer, 'b', [upsert('invoices', 3, invoice(3))]);
    buildAll(cache, 'b');
    swapGenerations(cache.writer);
    assert.deepEqual(seen(cache)[1], [3, 2].map(recordId));
    assertConsistent(cache, 'b');
  });

  test('starts with empty tables when restarted', (t) => {
    const cache = temporaryCache(t);
    startRebuild(cache.writer, 'first');
    applyChanges(cache.writer, 'b', [upsert('invoices', 2, invoice(2))]);
    buildAll(cache, 'b');
    startRebuild(cache.writer, 'second');
    assert.deepEqual(readDigest(cache.reader, 'b'), {});
    assert.equal(isBuilt(cache.reader, 'b'), false);
    assertConsistent(cache, 'b');
  });

  test('cannot be swapped in before its first committed page', (t) => {
    const cache = temporaryCache(t);
    assert.throws(() => swapGenerations(cache.writer), TypeError);
    startRebuild(cache.writer, 'a test');
    assert.throws(() => swapGenerations(cache.writer), TypeError);
    assert.equal(readState(cache.reader).generation, 'a');
  });

  test('leaves no tables behind, even if a crash prevented dropping them', (t) => {
    const path = temporaryPath(t);
    const first = temporaryCache(t, {}, path);
    const all = collections.length;
    assert.deepEqual([tables(first, 'a'), tables(first, 'b')], [all, 0]);
    startRebuild(first.writer, 'a test');
    saveState(first.writer, { rebuild: { reason: 'a test', scope: 's', cursor: 'c' } });
    swapGenerations(first.writer);
    assert.deepEqual([tables(first, 'a'), tables(first, 'b')], [all, all]);
    closeCache(first);
    const cache = temporaryCache(t, {}, path);
    assert.deepEqual([tables(cache, 'a'), tables(cache, 'b')], [0, all]);
    startRebuild(cache.writer, 'back to the first tables');
    applyChanges(cache.writer, 'a', [upsert('invoices', 1, invoice(1))]);
    saveState(cache.writer, { rebuild: { reason: 'a test', scope: 's', cursor: 'c' } });
    swapGenerations(cache.writer);
    dropInactive(cache.writer);
    assert.deepEqual([tables(cache, 'a'), tables(cache, 'b')], [all, 0]);
    assertConsistent(cache, 'a');
  });
});
