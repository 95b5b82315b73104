// How the feed's sources, one for each kind of change, become one sequence. No database: sources are lists here, which are read as
// MongoDB answers, in parts that may end early.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { merge, Source, type ReadResult } from '../../../server/mongo/feed.ts';
import type { Instant } from '../../../shared/clock.ts';
import type { Change } from '../../../shared/feed.ts';

/** Changes of several kinds; no two share an instant, and some kinds have none. */
const kinds = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 2000 }), fc.nat(3)), { selector: ([at]) => at, maxLength: 600 })
  .map((changes) => [0, 1, 2, 3].map((kind) =>
    changes.filter(([, of]) => of === kind).map(([at]) => at).toSorted((a, b) => a - b).map((at): Change => (
      { collection: `kind ${kind}`, id: String(at), at: at as Instant, payload: null }))));

test('sources are merged to what is after the cursor, oldest first, up to the limit, however their reads are cut off', async () => {
  const cursor = fc.nat(2100);
  const limit = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1000 }));
  // How much of a read arrives; and of which share of the account each source takes itself to be.
  const [parts, share] = [fc.infiniteStream(fc.integer({ min: 1, max: 60 })), fc.double({ min: 0, max: 1, noNaN: true })];
  await fc.assert(fc.asyncProperty(kinds, cursor, limit, parts, share, async (changes, from, most, sizes, part) => {
    const after = from as Instant;
    const sources = changes.map((all) => {
      const read = async (since: Instant, wanted: number): Promise<ReadResult> => {
        assert(wanted > 0 && wanted <= most, `${wanted} of ${most} are asked for`);
        const left = all.filter(({ at }) => at > since);
        const size = Math.min(wanted, sizes.next().value);
        return { changes: left.slice(0, size), isEnd: left.length < size };
      };
      return new Source(read, { after, collections: [], tombstonesAfter: null, limit: most }, part);
    });
    const merged: Change[] = [];
    for await (const batch of merge(sources, most)) {
      assert(batch.length > 0);
      merged.push(...batch);
    }
    const wanted = changes.flat().filter(({ at }) => at > after).toSorted((a, b) => a.at - b.at).slice(0, most);
    assert.deepEqual(merged.map(({ id }) => id), wanted.map(({ id }) => id));
  }), { numRuns: 200 });
});

test('a batch ends with the change that fills it, since a stream holds it until it is sent', async () => {
  const sizes = [1, 100_000, 200_000, 1, 300_000, 5, 5];
  const changes = sizes.map((size, index): Change => (
    { collection: 'plans', id: String(index), at: index + 1 as Instant, payload: Buffer.alloc(size) }));
  const read = async (since: Instant, wanted: number): Promise<ReadResult> => {
    const left = changes.filter(({ at }) => at > since);
    return { changes: left.slice(0, wanted), isEnd: left.length < wanted };
  };
  const source = new Source(read, { after: 0 as Instant, collections: [], tombstonesAfter: null, limit: 100 }, 1);
  const batches: number[][] = [];
  for await (const batch of merge([source], 100)) batches.push(batch.map(({ id }) => Number(id)));
  assert.deepEqual(batches, [[0, 1, 2], [3, 4], [5, 6]]);
});
