// The integrity check at startup: it distinguishes sound files from damaged ones and closes the file when stopped.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { checkCache } from '../../../desktop/cache/check.ts';
import { closeCache, removeCacheFiles } from '../../../desktop/cache/cache.ts';
import { fill, invoice, temporaryCache, temporaryPath, upsert } from './fixtures.ts';

const PAGE_BYTES = 8192;
const invoices = Array.from({ length: 2000 }, (_, index) => upsert('invoices', index, invoice(index)));

describe('the integrity check', () => {
  test('finds a sound cache sound, even while it is being written', async (t) => {
    const path = temporaryPath(t);
    const cache = temporaryCache(t, {}, path);
    fill(cache, invoices);
    const check = checkCache(path);
    fill(cache, [upsert('invoices', 1, invoice(1, { customerName: 'Changed' }), 5000)]);
    assert.equal(await check.result, 'sound');
    await check.stop();
  });

  for (const noise of [0x00, 0x5a, 0xff]) {
    test(`detects pages overwritten with ${noise} anywhere in the tables and indexes`, async (t) => {
      const path = temporaryPath(t);
      const cache = temporaryCache(t, {}, path);
      fill(cache, invoices);
      closeCache(cache);
      const bytes = readFileSync(path);
      const pages = bytes.length / PAGE_BYTES;
      for (const page of [Math.floor(pages / 3), Math.floor(pages / 2), pages - 2]) {
        const damaged = Buffer.from(bytes);
        damaged.fill(noise, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
        writeFileSync(path, damaged);
        assert.equal(await checkCache(path).result, 'damaged', `page ${page} of ${pages}`);
      }
    });
  }

  test('reports stopped for a missing file', async (t) => {
    assert.equal(await checkCache(temporaryPath(t)).result, 'stopped');
  });

  test('has closed the file once it is stopped, by ending itself', async (t) => {
    const { mock: terminated } = t.mock.method(Worker.prototype, 'terminate');
    const path = temporaryPath(t);
    const cache = temporaryCache(t, {}, path);
    fill(cache, invoices);
    const check = checkCache(path);
    await check.stop();
    await check.stop();
    assert.equal(await check.result, 'stopped');
    assert.equal(terminated.callCount(), 0);
    closeCache(cache);
    removeCacheFiles(path);
  });
});
