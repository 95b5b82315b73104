// The wire contract: the size of a page of the feed, and that pages of every size add up to the same records.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { openStore, startServer, stores, type TestServer } from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { customer, invoice, line, plan } from '../samples.ts';

const PLANS = 5200;
const MIB = 1024 * 1024;

/** Creates thousands of records in one write, directly in the store: the wire has no request for that. */
async function addPlans(server: TestServer, count: number): Promise<void> {
  const { accountId } = (await server.owner.get('/api/auth/me')).body.user;
  const store = await openStore(server, () => server.clock.ms);
  await store.write(accountId, async (transaction) => {
    for (let index = 0; index < count; index += 1) {
      const payload = JSON.stringify(plan({ name: `Plan ${index}` }));
      transaction.put('plans', randomBytes(12).toString('hex'), { payload, secret: null, references: [] }, null);
    }
  });
  await store.close();
}

for (const store of stores) {
  describe(`the size of a page, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(store);
      await addPlans(server, PLANS);
    });
    after(() => server.stop());

    test('is 1000 changes by default and 5000 at most', async () => {
      for (const [query, count] of [
        ['', 1000], ['?limit=1001', 1001], ['?limit=4999', 4999], ['?limit=5000', 5000], ['?limit=5001', 5000],
        ['?limit=999999999999999999999', 5000],
      ] as const) {
        const { body } = await server.owner.pull(query);
        assert.equal(body.count, count, query);
        assert.equal(body.changes.length, count);
        assert.equal(body.hasMore, true);
      }
    });

    test('does not affect the result of a whole pull', async () => {
      const caches: string[][] = [];
      for (const query of ['', 'limit=333', 'limit=5000']) {
        const { pages, changes, last } = await server.owner.pullAll(query);
        const cache = new NaiveCache();
        for (const page of pages) cache.apply(page);
        assert.deepEqual(cache.digest(), withoutEmpty(last.body.digest));
        caches.push(changes.map(({ mongoId }) => mongoId));
      }
      assert.equal(new Set(caches[0]).size, PLANS + 2);
      for (const ids of caches) assert.deepEqual(ids, caches[0]);
    });

    test('is about 8 MiB at most, and the following page continues with the next change', async () => {
      const { serverTime } = (await server.owner.pullAll('limit=5000')).last.body;
      const { id } = await server.owner.create('customers', customer());
      const lines = Array.from({ length: 1000 }, () => line({ description: 'é'.repeat(450) }));
      for (let index = 0; index < 11; index += 1) await server.owner.create('invoices', invoice(id, { lines }));

      const first = await server.owner.pull(`?since=${serverTime}`);
      assert.equal(first.body.hasMore, true);
      assert.ok(first.bytes.length > 7.5 * MIB && first.bytes.length < 9.5 * MIB, `${first.bytes.length} bytes`);
      assert.equal(first.body.serverTime, first.body.changes.at(-1)?.updatedAt);
      const second = await server.owner.pull(`?since=${first.body.serverTime}`);
      assert.equal(second.body.hasMore, false);
      assert.equal(first.body.count + second.body.count, 12);
    });
  });
}
