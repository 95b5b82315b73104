// The pages kept of a catch-up: they survive a restart, come back as they were, and are gone once they are applied or in vain.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  beginChanges, closeCache, commitChanges, dropStage, readStage, stagedPages, stagePage, startRebuild,
} from '../../../desktop/cache/cache.ts';
import { temporaryCache, temporaryPath } from './fixtures.ts';

const pages = ['first', 'ä€\u{1f600}', ''].map((text) => Buffer.from(text));

test('kept pages come back byte for byte and in order after a restart, with the cursor and number of changes so far', (t) => {
  const path = temporaryPath(t);
  const first = temporaryCache(t, {}, path);
  assert.equal(readStage(first.writer), null);
  for (const [index, page] of pages.entries()) {
    stagePage(first.writer, page, { cursor: `after ${index}`, changes: index + 1 });
    assert.deepEqual(readStage(first.reader), { cursor: `after ${index}`, changes: (index + 1) * (index + 2) / 2 });
  }
  closeCache(first);
  const second = temporaryCache(t, {}, path);
  assert.deepEqual([...stagedPages(second.writer)], pages);
  dropStage(second.writer);
  assert.deepEqual([...stagedPages(second.writer)], []);
  assert.equal(readStage(second.reader), null);
});

test('a rebuild drops kept pages', (t) => {
  const { writer } = temporaryCache(t);
  stagePage(writer, Buffer.from('page'), { cursor: 'c', changes: 1 });
  startRebuild(writer, 'a test');
  assert.equal(readStage(writer), null);
});

test('dropping pages where none are kept writes nothing', (t) => {
  const { writer } = temporaryCache(t);
  const logged = (): unknown => writer.db.prepare('PRAGMA wal_checkpoint(NOOP)').get()?.['log'];
  const before = logged();
  beginChanges(writer);
  dropStage(writer);
  commitChanges(writer);
  assert.equal(logged(), before);
});
