// The daily verification detects every kind of damage to a row, yields to other work, and sees a single snapshot.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  applyChanges, buildNext, closeCache, dropInactive, isBuilt, listPage, proveRows, readDigest, readState, recomputeDigest,
  removeCacheFiles, saveState, startRebuild, swapGenerations,
} from '../../../desktop/cache/cache.ts';
import { listInsert } from '../../../desktop/cache/schema.ts';
import { findCollection } from '../../../shared/collections.ts';
import { digestDifferences } from '../../../shared/digest.ts';
import { AppError } from '../../../shared/errors.ts';
import { buildAll, fill, invoice, recordId, temporaryCache, temporaryPath, tombstone, upsert } from './fixtures.ts';

const invoices = findCollection('invoices') ?? assert.fail('invoices are declared');
const sound = { rows: [], words: [] };
const noPause = async (): Promise<void> => undefined;
const many = Array.from({ length: 2500 }, (_, index) =>
  upsert('invoices', index, invoice(index, { customerName: `Zoë ${index} \u{1f600}` })));

test('the recomputed digest of a sound cache equals the stored one', async (t) => {
  const cache = temporaryCache(t);
  assert.deepEqual(digestDifferences(...await both(cache.reader)), []);
  fill(cache, [...many, upsert('plans', 1, { name: 'A' })]);
  const { stored, computed } = await recomputeDigest(cache.reader, noPause);
  assert.deepEqual(computed['invoices'], stored['invoices']);
  assert.deepEqual([stored['invoices']?.count, stored['plans']?.count], [2500, 1]);
  assert.deepEqual(digestDifferences(stored, computed), []);
});

test('verification detects rows that were changed, deleted, added or renamed behind its back', async (t) => {
  const damages = [
    `UPDATE invoices_a SET payload = replace(payload, 'EUR', 'USD') WHERE id = '${recordId(5)}'`,
    `UPDATE invoices_a SET updated_at = '2020-01-01T00:00:00.000000Z' WHERE id = '${recordId(5)}'`,
    `UPDATE invoices_a SET id = '${recordId(999_999)}' WHERE id = '${recordId(5)}'`,
    `DELETE FROM invoices_a WHERE id = '${recordId(5)}'`,
    `INSERT INTO invoices_a (id, updated_at, crc, payload) VALUES ('${recordId(999_999)}', '', 0, '{}')`,
  ];
  for (const damage of damages) {
    const cache = temporaryCache(t);
    fill(cache, many.slice(0, 10));
    cache.writer.db.exec(damage);
    assert.deepEqual(digestDifferences(...await both(cache.reader)), ['invoices'], damage);
  }
});

test('verification detects a list that is not what the payloads make it, byte by byte', async (t) => {
  const damages = [
    'DELETE FROM invoices_a_list WHERE rowid = 5',
    `INSERT INTO invoices_a_list (rowid, number) VALUES (999, 'INV-1')`,
    'INSERT INTO invoices_a_list (rowid) VALUES (-1)',
    `UPDATE invoices_a_list SET customerName = upper(customerName) WHERE rowid = 5`,
    'UPDATE invoices_a_list SET totalMinor = totalMinor + 1 WHERE rowid = 5',
    'UPDATE invoices_a_list SET dueDate = NULL WHERE rowid = 5',
    `UPDATE invoices_a_list SET customerName_key = 'a' WHERE rowid = 5`,
    'UPDATE invoices_a_list SET rowid = 999 WHERE rowid = 5',
  ];
  const cache = temporaryCache(t);
  // Values that the list's columns convert, or that only look alike.
  fill(cache, [...many.slice(0, 10), upsert('invoices', 20, invoice(20, { totalMinor: 12.5, number: 7, dueDate: null })),
    upsert('invoices', 21, { number: true, totalMinor: '12', customerName: { no: 'text' } })]);
  assert.deepEqual((await recomputeDigest(cache.reader, noPause)).lists, []);
  for (const damage of damages) {
    cache.writer.db.exec(`BEGIN; ${damage}; COMMIT`);
    assert.deepEqual((await recomputeDigest(cache.reader, noPause)).lists, ['invoices'], damage);
    cache.writer.db.exec('DELETE FROM invoices_a_list');
    cache.writer.db.exec(listInsert(invoices, 'a'));
  }
  assert.deepEqual((await recomputeDigest(cache.reader, noPause)).lists, []);
});

test('a proof starts a rebuild where rows or lists are damaged, and not where they are sound', async (t) => {
  const cache = temporaryCache(t);
  fill(cache, [...many.slice(0, 10), upsert('plans', 1, { name: 'A' })]);
  cache.file.needsProof = true;
  assert.deepEqual(await proveRows(cache.writer, noPause, () => 7), sound);
  assert.deepEqual([cache.file.needsProof, readState(cache.reader).lastVerifiedMs, readState(cache.reader).rebuild], [false, 7, null]);
  cache.writer.db.exec('DELETE FROM invoices_a WHERE rowid = 5; DELETE FROM plans_a_list');
  assert.deepEqual((await proveRows(cache.writer, noPause, () => 8)).rows, ['invoices', 'plans']);
  assert.deepEqual([readState(cache.reader).lastVerifiedMs, readState(cache.reader).rebuild?.reason], [8, 'rows_damaged']);
});

test('a proof empties a full-text index that is not what the list makes it, and only that, and it is built again', async (t) => {
  const damages = [
    'DELETE FROM plans_a_words WHERE rowid = 2',
    `INSERT INTO plans_a_words (rowid, name) VALUES (999, 'Gold')`,
    `INSERT OR REPLACE INTO plans_a_words (rowid, name) VALUES (2, 'Silver 3')`,
    `INSERT OR REPLACE INTO plans_a_words (rowid, name) VALUES (2, '2 Gold')`,
    `INSERT INTO plans_a_words (plans_a_words) VALUES ('delete-all')`,
  ];
  const cache = temporaryCache(t);
  const found = (): number => listPage(cache.reader, { collection: 'plans', search: 'gold 2' }).total;
  const plans = [1, 2, 3].map((number) => upsert('plans', number, { name: `Gold ${number}` }));
  fill(cache, [...many.slice(0, 1200), ...plans, upsert('plans', 4, { name: 'Bronze' }), tombstone('plans', 4, 5)]);
  for (const damage of damages) {
    cache.writer.db.exec(damage);
    assert.deepEqual(await proveRows(cache.writer, noPause, () => 8), { rows: [], words: ['plans'] }, damage);
    assert.equal(readState(cache.reader).rebuild, null);
    assert.equal(found(), 1, 'found without the index');
    buildAll(cache);
    assert.equal(found(), 1, 'found with it');
    assert.deepEqual(await proveRows(cache.writer, noPause, () => 9), sound);
  }
});

test('a full-text index that is being built, or that this SQLite does not have, does not count as damage', async (t) => {
  const cache = temporaryCache(t);
  applyChanges(cache.writer, 'a', many.slice(0, 10));
  while (!isBuilt(cache.reader, 'a')) {
    assert.deepEqual(await proveRows(cache.writer, noPause, () => 1), sound);
    buildNext(cache.writer, 'a');
  }
  const without = temporaryCache(t, { hasFullText: false });
  fill(without, many.slice(0, 10));
  assert.deepEqual(await proveRows(without.writer, noPause, () => 1), sound);
});

test('an index that SQLite cannot read any more is built again', async (t) => {
  const cache = temporaryCache(t);
  fill(cache, [upsert('plans', 1, { name: 'Gold' })]);
  cache.writer.db.enableDefensive(false);
  cache.writer.db.exec('DELETE FROM plans_a_words_data WHERE id > 10');
  assert.deepEqual(await proveRows(cache.writer, noPause, () => 1), { rows: [], words: ['plans'] });
  buildAll(cache);
  assert.equal(listPage(cache.reader, { collection: 'plans', search: 'gold' }).total, 1);
});

test('large records are read a few megabytes at a time', async (t) => {
  const cache = temporaryCache(t);
  const note = 'n'.repeat(1024 * 1024);
  fill(cache, Array.from({ length: 12 }, (_, index) => upsert('invoices', index, invoice(index, { note }))));
  let pauses = 0;
  const { stored, computed, lists } = await recomputeDigest(cache.reader, async () => void (pauses += 1));
  assert.deepEqual([digestDifferences(stored, computed), lists], [[], []]);
  assert.equal(pauses, 3);
});

test('other work runs between the chunks of a verification without affecting its result', async (t) => {
  const cache = temporaryCache(t);
  fill(cache, many);
  let pauses = 0;
  const { stored, computed } = await recomputeDigest(cache.reader, async () => {
    pauses += 1;
    if (pauses > 2) return;
    applyChanges(cache.writer, 'a', [upsert('invoices', 5000 + pauses, invoice(1))]);
    assert.equal(readDigest(cache.reader, 'a')['invoices']?.count, 2500 + pauses, 'queries see the latest commit');
    if (pauses === 2) {
      startRebuild(cache.writer, 'a test');
      saveState(cache.writer, { rebuild: { reason: 'a test', scope: 's', cursor: 'c' } });
      swapGenerations(cache.writer);
      dropInactive(cache.writer);
    }
  });
  assert.ok(pauses > 2);
  assert.equal(stored['invoices']?.count, 2500);
  assert.deepEqual(digestDifferences(stored, computed), []);
});

test('verification ends if the cache is closed or a pause throws, and leaves no file open', async (t) => {
  const path = temporaryPath(t);
  const cache = temporaryCache(t, {}, path);
  fill(cache, many);
  await assert.rejects(recomputeDigest(cache.reader, async () => {
    throw new AppError('cancelled', 'Something else is more urgent.');
  }), { code: 'cancelled' });
  assert.equal(cache.file.connections.size, 3);
  await assert.rejects(recomputeDigest(cache.reader, async () => closeCache(cache)), { code: 'cancelled' });
  assert.equal(cache.file.connections.size, 0);
  removeCacheFiles(path);
});

async function both(reader: Parameters<typeof recomputeDigest>[0]): Promise<Parameters<typeof digestDifferences>> {
  const { stored, computed } = await recomputeDigest(reader, noPause);
  return [stored, computed];
}
