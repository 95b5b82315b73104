// After the writing process is killed at any point, the cache opens at its last commit, consistent and complete.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { test } from 'node:test';

import { listPage, openCache, closeCache, readState, recomputeDigest } from '../../../desktop/cache/cache.ts';
import { digestDifferences } from '../../../shared/digest.ts';
import { buildAll, temporaryCache, temporaryPath } from './fixtures.ts';
import { assertConsistent } from './inspect.ts';

const PAGE = 400;

/** Runs the writer on a cache and kills it after it has printed `count` lines, or the line `last`. */
async function writeAndKill(path: string, mode: string, count: number, last?: string): Promise<void> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'crash-writer.ts'), path, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(writer, 'exit');
  let printed = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    printed += 1;
    if (line === last || printed === count) writer.kill('SIGKILL');
  }
  const [, signal] = await exited;
  assert.equal(signal, 'SIGKILL');
}

test('after a kill halfway through a page, the cache has the previous pages and their cursor', async (t) => {
  const path = temporaryPath(t);
  await writeAndKill(path, 'half', Infinity, 'half');
  const cache = temporaryCache(t, {}, path);
  assert.equal(readState(cache.reader).cursor, '3');
  assert.equal(listPage(cache.reader, { collection: 'invoices' }).total, 3 * PAGE);
  assertConsistent(cache, 'a');
});

test('after repeated kills while writing pages, rows and cursor always agree and writing resumes', async (t) => {
  const path = temporaryPath(t);
  let before = 0;
  for (const count of [1, 3, 2, 5, 1]) {
    await writeAndKill(path, 'pages', count);
    const cache = openCache(path);
    const pages = Number(readState(cache.reader).cursor);
    assert.ok(pages >= before + count, 'every page reported as committed is present');
    before = pages;
    assert.equal(listPage(cache.reader, { collection: 'invoices' }).total, pages * PAGE);
    assertConsistent(cache, 'a');
    const { stored, computed } = await recomputeDigest(cache.reader, async () => undefined);
    assert.deepEqual(digestDifferences(stored, computed), []);
    closeCache(cache);
  }
  const cache = temporaryCache(t, {}, path);
  buildAll(cache);
  assertConsistent(cache, 'a');
});

test('after a kill at any step of a rebuild, readers see one complete version', async (t) => {
  const path = temporaryPath(t);
  await writeAndKill(path, 'rebuilds', Infinity, 'dropped');
  for (const count of [1, 3, 4, 12, 29, 30, 31, 32, 34]) {
    await writeAndKill(path, 'rebuilds', count);
    const cache = openCache(path);
    const { generation, cursor } = readState(cache.reader);
    const { rows, total } = listPage(cache.reader, { collection: 'invoices', limit: 500 });
    assert.equal(total, 3 * PAGE);
    assert.deepEqual(new Set(rows.map(({ columns }) => columns['customerName'])), new Set([`Version ${cursor}`]));
    assert.equal(listPage(cache.reader, { collection: 'invoices', search: `version ${cursor}` }).total, 3 * PAGE);
    assertConsistent(cache, generation);
    closeCache(cache);
  }
});
