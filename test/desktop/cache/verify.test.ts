// The daily verification detects every kind of damage to a row, yields to other work, and sees a single snapshot.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  applyChanges, closeCache, readDigest, recomputeDigest, removeCacheFiles, saveState, startRebuild, swapGenerations, dropInactive,
} from '../../../desktop/cache/cache.ts';
import { digestDifferences } from '../../../shared/digest.ts';
import { AppError } from '../../../shared/errors.ts';
import { fill, invoice, recordId, temporaryCache, temporaryPath, upsert } from './fixtures.ts';

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

test('other work runs between the chunks of a verification without affecting its result', async (t) => {
  const cache = temporaryCache(t);
  fill(cache, many);
  let pauses = 0;
  const { stored, computed } = await recomputeDigest(cache.reader, async () => {
    pauses += 1;
    applyChanges(cache.writer, 'a', [upsert('invoices', 5000 + pauses, invoice(1))]);
    assert.equal(readDigest(cache.reader, 'a')['invoices']?.count, 2500 + pauses, 'queries see the latest commit');
    if (pauses === 2) {
      startRebuild(cache.writer, 'a test');
      saveState(cache.writer, { rebuild: { reason: 'a test', scope: 's', cursor: 'c' } });
      swapGenerations(cache.writer);
      dropInactive(cache.writer);
    }
  });
  assert.equal(pauses, 2);
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
  assert.equal(cache.file.connections.size, 2);
  await assert.rejects(recomputeDigest(cache.reader, async () => closeCache(cache)), { code: 'cancelled' });
  assert.equal(cache.file.connections.size, 0);
  removeCacheFiles(path);
});

async function both(reader: Parameters<typeof recomputeDigest>[0]): Promise<Parameters<typeof digestDifferences>> {
  const { stored, computed } = await recomputeDigest(reader, noPause);
  return [stored, computed];
}
