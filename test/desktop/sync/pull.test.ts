// The pull loop's memory: a piece's bytes are released once its rows are committed, and no sooner.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readState } from '../../../desktop/cache/cache.ts';
import { pull, type PullDeps } from '../../../desktop/sync/pull.ts';
import { addCrc, emptyDigest, recordCrc } from '../../../shared/digest.ts';
import type { Page, WireChange } from '../../../shared/feed.ts';
import { instant, invoice, temporaryCache, upsert } from '../cache/fixtures.ts';

const changes = [1, 2, 3].map((number) => upsert('invoices', number, invoice(number)));
const invoices = changes.reduce((digest, { id, updatedAt, payload }) =>
  addCrc(digest, recordCrc(id, updatedAt, payload ?? '')), emptyDigest);

/** A page with one change, the last one with the digest. */
function pageOf(number: number): Page {
  const hasMore = number < changes.length;
  const own: readonly WireChange[] = changes.slice(number - 1, number);
  return {
    serverTime: instant(number), nonce: null, changes: own, hasMore, scope: 'one', total: null, digest: hasMore ? null : { invoices },
  };
}

test('each piece is released once, after its rows are committed and before the next is applied', async (t) => {
  const { writer } = temporaryCache(t);
  const events: string[] = [];
  let requested = 0;
  const deps: PullDeps = {
    cache: writer,
    async fetchPiece() {
      const number = requested += 1;
      return {
        page: pageOf(number),
        bytes: Buffer.alloc(1),
        isStale: false,
        release: () => events.push(`${number} released with the cursor at ${readState(writer).cursor}`),
      };
    },
    onProgress: (_progress, { upserts }) => events.push(`${upserts} applied`),
    onRefused: () => assert.fail('every change can be read'),
    onRebuild: () => assert.fail('no rebuild is needed'),
    isAskedFor: () => false,
    nowMs: () => 0,
    monotonicMs: () => 0,
    yieldToEventLoop: async () => {},
  };
  await pull(deps, new AbortController().signal);
  assert.deepEqual(events, [1, 2, 3].flatMap((number) =>
    [`${number} released with the cursor at ${instant(number)}`, `${number} applied`]));
});
