// The pull loop's memory: a piece's bytes are released once its rows are committed, and no sooner. And what it kept and cannot read.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readStage, readState, stagePage, type CacheWriter } from '../../../desktop/cache/cache.ts';
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

function depsFor(cache: CacheWriter, deps: Pick<PullDeps, 'fetchPiece' | 'onProgress'>): PullDeps {
  return {
    cache,
    onRefused: () => assert.fail('every change can be read'),
    onRebuild: () => assert.fail('no rebuild is needed'),
    isAskedFor: () => false,
    nowMs: () => 0,
    monotonicMs: () => 0,
    yieldToEventLoop: async () => {},
    ...deps,
  };
}

test('each piece is released once, after its rows are committed and before the next is applied', async (t) => {
  const { writer } = temporaryCache(t);
  const events: string[] = [];
  let requested = 0;
  const deps = depsFor(writer, {
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
  });
  await pull(deps, new AbortController().signal);
  assert.deepEqual(events, [1, 2, 3].flatMap((number) =>
    [`${number} released with the cursor at ${instant(number)}`, `${number} applied`]));
});

test('a piece of a catch-up that was kept and is damaged is dropped, so that the next pull asks for it again', async (t) => {
  const { writer } = temporaryCache(t);
  const asked: unknown[] = [];
  const deps = depsFor(writer, {
    async fetchPiece(since) {
      const number = asked.push(since);
      const page = number <= changes.length ? pageOf(number) : { ...pageOf(changes.length), serverTime: instant(5) };
      return { page, bytes: Buffer.alloc(1), isStale: false, release: () => undefined };
    },
    onProgress: () => undefined,
  });
  const { signal } = new AbortController();
  await pull(deps, signal);
  const state = readState(writer);
  for (const damaged of ['junk', '{"type":"upsert"']) {
    stagePage(writer, Buffer.from(damaged), { cursor: instant(4), changes: 1 });
    await assert.rejects(pull(deps, signal), { code: 'cache_unusable' });
    assert.deepEqual([readStage(writer), readState(writer)], [null, state]);
  }
  await pull(deps, signal);
  assert.deepEqual(asked.slice(-3), [instant(4), instant(4), instant(3)]);
});
