// The wire contract: when a cursor expires. Tombstones are kept for a limited time; a cursor older than a removed one, or
// after the account's clock, is refused, because continuing from it would miss changes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type Client, type Reply } from '../../client.ts';
import { firstOwner, hire, password, startServer, stores, type Environment, type TestServer } from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { plan } from '../samples.ts';

const DAY_MS = 86_400_000;

/** Repeats a pull until it fails with `code`: housekeeping runs concurrently with the requests. */
async function untilCode(client: Client, query: string, code: string): Promise<Reply> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const reply = await client.pull(query);
    if (reply.body.error?.code === code) return reply;
  }
  throw new Error(`no ${code} in a thousand pulls`);
}

for (const store of stores) {
  describe(`a cursor beyond the account's clock, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    test('cannot be continued, even one microsecond beyond', async () => {
      const { viewer } = await hire(server.owner, 'first.test');
      const { serverTime } = (await server.owner.pull()).body;
      const next = serverTime.replace(/\d{6}Z$/, (fraction) => `${String(parseInt(fraction, 10) + 1).padStart(6, '0')}Z`);
      for (const since of [next, '2026-12-31T23:59:59Z', '9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59-23:59']) {
        for (const client of [server.owner, viewer]) assertError(await client.pull(`?since=${since}`), 'resync_required');
      }
      assert.equal((await server.owner.pull(`?since=${serverTime}`)).status, 200);
    });

    test('is valid once the clock has reached it', async () => {
      const { serverTime } = (await server.owner.pull()).body;
      server.clock.ms += 1000;
      const { updatedAt } = await server.owner.create('plans', plan());
      const { body } = await server.owner.pull(`?since=${updatedAt}`);
      assert.deepEqual([body.serverTime, body.count], [updatedAt, 0]);
      assert.equal((await server.owner.pull(`?since=${serverTime}`)).body.count, 1);
    });

    test('gives the whole account with its deletes if it is older than everything', async () => {
      const { id, updatedAt } = await server.owner.create('plans', plan());
      await server.owner.remove(`/api/plans/${id}`, updatedAt);
      const whole = (await server.owner.pull()).body;
      for (const since of ['1970-01-01T00:00:00Z', '1969-07-20T20:17:40Z', '0001-01-01T00:00:00Z', '0000-01-01T00:00:00+23:59']) {
        const { status, body } = await server.owner.pull(`?since=${since}`);
        assert.equal(status, 200, since);
        assert.deepEqual(body.changes.filter(({ type }) => type === 'upsert'), whole.changes);
        assert.deepEqual(body.changes.filter(({ type }) => type === 'delete').map(({ mongoId }) => mongoId), [id]);
      }
    });
  });

  describe(`a cursor older than removed tombstones, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let beforeDelete = '';
    let deleted = '';
    before(async () => {
      server = await startServer(store);
      for (let index = 0; index < 4; index += 1) await server.owner.create('plans', plan({ name: `Kept ${index}` }));
      const { id, updatedAt } = await server.owner.create('plans', plan({ name: 'Deleted' }));
      beforeDelete = (await server.owner.pull()).body.serverTime;
      deleted = (await server.owner.remove(`/api/plans/${id}`, updatedAt)).body.record.updatedAt;
    });
    after(() => server.stop());

    const later = async (days: number, env: Environment = {}): Promise<Client> => {
      server.clock.ms += days * DAY_MS;
      await server.restart(env);
      return server.client.login(firstOwner, password);
    };

    test('can be continued for 90 days', async () => {
      const client = await later(89.9);
      await client.create('plans', plan({ name: 'After 89 days' }));
      const { body } = await client.pull(`?since=${beforeDelete}`);
      assert.deepEqual(body.changes.map(({ type, updatedAt }) => (type === 'delete' ? updatedAt : type)), [deleted, 'upsert']);
    });

    test('can then not be continued, unlike one at the removed tombstone itself', async () => {
      const client = await later(0.2);
      assertError(await untilCode(client, `?since=${beforeDelete}`, 'resync_required'), 'resync_required');
      assertError(await client.pull('?since=1970-01-01T00:00:00Z'), 'resync_required');
      assertError(await client.pull(`?since=${beforeDelete}&limit=1`), 'resync_required');
      const { status, body } = await client.pull(`?since=${deleted}`);
      assert.equal(status, 200);
      assert.equal(body.count, 1);
    });

    test('is still valid within a paged first pull, whose pages precede that delete', async () => {
      const client = await server.client.login(firstOwner, password);
      const { pages, last } = await client.pullAll('limit=1');
      assert.equal(pages.length, 7);
      const cache = new NaiveCache();
      for (const page of pages) cache.apply(page);
      assert.deepEqual(cache.digest(), withoutEmpty(last.body.digest));
    });

    test('gives a paged first pull the deletes between its pages', async () => {
      const client = await server.client.login(firstOwner, password);
      const first = await client.pull('?limit=3');
      const cache = new NaiveCache();
      cache.apply(first);
      const { changes } = (await server.owner.pull()).body;
      const [held, unheld] = [first.body.changes.at(-1), changes.at(-1)];
      for (const change of [held, unheld]) {
        assert.equal((await server.owner.remove(`/api/plans/${change?.mongoId}`, change?.updatedAt ?? '')).status, 200);
      }
      let page = first;
      while (page.body.hasMore) {
        page = await client.pull(`?limit=2&since=${page.body.serverTime}`);
        cache.apply(page);
      }
      assert.deepEqual(cache.digest(), withoutEmpty(page.body.digest));
    });

    test('expires after TOMBSTONE_DAYS', async () => {
      const { serverTime } = (await server.owner.pull()).body;
      const { id, updatedAt } = await server.owner.create('plans', plan());
      await server.owner.remove(`/api/plans/${id}`, updatedAt);
      const kept = await later(0.4, { TOMBSTONE_DAYS: '0.5' });
      await kept.create('plans', plan());
      assert.equal((await kept.pull(`?since=${serverTime}`)).status, 200);
      const client = await later(0.2, { TOMBSTONE_DAYS: '0.5' });
      await untilCode(client, `?since=${serverTime}`, 'resync_required');
    });

    test('cannot be continued either by a session whose own full pull was before that delete', async () => {
      const { serverTime } = (await server.owner.pull()).body;
      const { id, updatedAt } = await server.owner.create('plans', plan());
      await server.owner.remove(`/api/plans/${id}`, updatedAt);
      await later(0.6, { TOMBSTONE_DAYS: '0.5' });
      await untilCode(server.owner, `?since=${serverTime}`, 'resync_required');
    });
  });
}
