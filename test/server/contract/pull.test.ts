// The wire contract: the change feed. Its parameters, order, cursors, deletes and digest.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type WireChange, type WireRecord } from '../../client.ts';
import { hire, startServer, stores, type People, type TestServer } from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { customer, invoice, plan, user } from '../samples.ts';

const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

for (const store of stores) {
  describe(`a pull, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    const made: WireRecord[] = [];
    before(async () => {
      server = await startServer(store);
      people = await hire(server.owner, 'first.test');
      for (let round = 0; round < 3; round += 1) {
        const { owner } = server;
        made.push(await owner.create('plans', plan({ name: `Plan ${round}` })));
        const buyer = await owner.create('customers', customer({ name: `"Zoë"\\${round} \u2028 🧾`, internalNote: 'a\tb\nc' }));
        made.push(buyer, await owner.create('invoices', invoice(buyer.id)));
      }
    });
    after(() => server.stop());

    const idsOf = (changes: readonly WireChange[]) => changes.map(({ mongoId }) => mongoId);

    test('has exactly the members of the contract', async () => {
      const { body } = await server.owner.pull();
      assert.deepEqual(Object.keys(body).sort(), ['changes', 'count', 'digest', 'hasMore', 'scope', 'serverTime', 'success', 'total']);
      assert.equal(body.count, body.changes.length);
      assert.match(body.serverTime, instantPattern);
      const partial = (await server.owner.pull('?limit=1')).body;
      assert.deepEqual(Object.keys(partial).sort(), ['changes', 'count', 'hasMore', 'scope', 'serverTime', 'success', 'total']);
      for (const change of body.changes) {
        assert.deepEqual(Object.keys(change), ['type', 'collection', 'mongoId', 'updatedAt', 'payload']);
        assert.match(change.updatedAt, instantPattern);
        assert.match(change.mongoId, /^[0-9a-f]{24}$/);
      }
    });

    test('returns every record once, as its own route does, oldest first across all collections', async () => {
      const { changes } = (await server.owner.pull()).body;
      assert.equal(changes.length, 4 + made.length);
      assert.equal(new Set(idsOf(changes)).size, changes.length);
      const instants = changes.map(({ updatedAt }) => updatedAt);
      assert.deepEqual(instants, [...new Set(instants)].sort());
      assert.deepEqual(idsOf(changes.slice(-made.length)), made.map(({ id }) => id));
      for (const { collection, mongoId, updatedAt, payload } of changes) {
        const { body } = await server.owner.get(`/api/${collection}/${mongoId}`);
        assert.deepEqual(body.record, { id: mongoId, updatedAt, payload });
      }
    });

    test('returns the same changes in pages of any size, with the instant of a page\'s last change as its cursor', async () => {
      const whole = (await server.owner.pull()).body;
      for (const limit of [1, 2, 5, whole.count - 1]) {
        const { changes, pages, last } = await server.owner.pullAll(`limit=${limit}`);
        assert.deepEqual(changes, whole.changes);
        for (const { body } of pages.slice(0, -1)) {
          assert.equal(body.count, limit);
          assert.equal(body.serverTime, body.changes.at(-1)?.updatedAt);
          assert.equal('digest' in body, false);
          assert.equal(body.scope, whole.scope);
        }
        assert.equal(last.body.serverTime, whole.serverTime);
        assert.deepEqual(last.body.digest, whole.digest);
      }
      const exact = (await server.owner.pull(`?limit=${whole.count}`)).body;
      assert.equal(exact.hasMore, false);
      assert.equal(exact.serverTime, whole.serverTime);
    });

    test('without changes keeps the cursor, the scope and the digest', async () => {
      const whole = (await server.owner.pull()).body;
      const { status, body } = await server.owner.pull(`?since=${whole.serverTime}`);
      assert.equal(status, 200);
      const { total: _total, ...rest } = whole;
      assert.deepEqual(body, { ...rest, changes: [], count: 0 });
    });

    test('without a cursor says on its first page how many records this role will get in all', async () => {
      for (const client of [people.owner, people.viewer]) {
        const { changes, pages } = await client.pullAll('limit=4');
        assert.deepEqual(pages.map(({ body }) => body.total), [changes.length, ...pages.slice(1).map(() => undefined)]);
      }
    });

    test('bears the nonce of its own request, so that a remembered answer is not taken for it', async () => {
      const { serverTime } = (await server.owner.pull()).body;
      const longest = '0aZ-_'.padEnd(64, 'x');
      for (const query of ['', 'limit=1&', `since=${serverTime}&`]) {
        assert.equal((await server.owner.pull(`?${query}nonce=${longest}`)).body.nonce, longest);
        assert.equal('nonce' in (await server.owner.pull(`?${query}`)).body, false);
      }
      assert.match((await server.owner.pull('?nonce=k3v')).text, /^\{"success":true,"serverTime":"[^"]+","nonce":"k3v","count":/);
    });

    test('refuses a nonce of other characters, of another length, or given twice', async () => {
      for (const nonce of ['', 'a.b', 'a+b', 'a%20b', '%22', '%C3%A9', 'x'.repeat(65), 'a&nonce=a']) {
        assertError(await server.owner.pull(`?nonce=${nonce}`), 'invalid_request', ['nonce']);
      }
    });

    test('ends with a digest over the payloads as sent', async () => {
      for (const client of [people.owner, people.editor, people.viewer]) {
        const cache = new NaiveCache();
        const { pages, last } = await client.pullAll('limit=4');
        for (const page of pages) cache.apply(page);
        assert.deepEqual(cache.digest(), withoutEmpty(last.body.digest));
      }
    });

    test('by an editor or viewer contains no users, and its cursor is still the account\'s clock', async () => {
      const whole = (await server.owner.pull()).body;
      for (const client of [people.editor, people.viewer]) {
        const { body } = await client.pull();
        assert.deepEqual(body.changes, whole.changes.filter(({ collection }) => collection !== 'users'));
        assert.equal('users' in body.digest, false);
        const { users: _users, ...rest } = whole.digest;
        assert.deepEqual(body.digest, rest);
      }
      const viewer = await server.owner.get(`/api/users/${people.viewer.userId}`);
      await server.owner.patch(`/api/users/${people.viewer.userId}`, viewer.body.record.updatedAt, { name: 'Renamed' });
      const since = await people.viewer.pull(`?since=${whole.serverTime}`);
      assert.deepEqual(since.body.changes, []);
      assert.equal(since.body.serverTime, (await server.owner.pull()).body.serverTime);
      assert.ok(since.body.serverTime > whole.serverTime);
    });

    test('returns a changed record once, at its newest version, in its new place', async () => {
      const before = (await server.owner.pull()).body;
      const { id, updatedAt } = await server.owner.create('plans', plan({ name: 'First' }));
      const second = (await server.owner.patch(`/api/plans/${id}`, updatedAt, { name: 'Second' })).body.record;
      await server.owner.create('plans', plan({ name: 'Between' }));
      const third = (await server.owner.patch(`/api/plans/${id}`, second.updatedAt, { name: 'Third' })).body.record;
      for (const { body } of [await server.owner.pull(), await server.owner.pull(`?since=${before.serverTime}`)]) {
        const found = body.changes.filter(({ mongoId }) => mongoId === id);
        assert.deepEqual(found.map(({ payload, updatedAt: at }) => ({ name: payload?.['name'], at })),
          [{ name: 'Third', at: third.updatedAt }]);
        assert.equal(body.changes.at(-1)?.mongoId, id);
        assert.equal(body.serverTime, third.updatedAt);
      }
    });

    test('includes a delete after a cursor and not in a first pull', async () => {
      const before = (await server.owner.pull()).body;
      const { id, updatedAt } = await server.owner.create('customers', customer());
      const between = (await server.owner.pull()).body;
      const { record } = (await server.owner.remove(`/api/customers/${id}`, updatedAt)).body;
      const change = { type: 'delete', collection: 'customers', mongoId: id, updatedAt: record.updatedAt };
      for (const { serverTime } of [before, between]) {
        for (const client of [people.owner, people.viewer]) {
          const { body } = await client.pull(`?since=${serverTime}`);
          assert.deepEqual(body.changes, [change]);
          assert.equal(body.serverTime, record.updatedAt);
        }
      }
      const whole = await server.owner.pull();
      assert.ok(whole.body.changes.every(({ type, mongoId }) => type === 'upsert' && mongoId !== id));
      const cache = new NaiveCache();
      cache.apply(whole);
      assert.deepEqual(cache.digest(), withoutEmpty(whole.body.digest));
    });

    test('includes deleted users only for roles that see users', async () => {
      const { serverTime } = (await server.owner.pull()).body;
      const { id, updatedAt } = await server.owner.create('users', user('brief@first.test'));
      await server.owner.remove(`/api/users/${id}`, updatedAt);
      assert.deepEqual((await people.editor.pull(`?since=${serverTime}`)).body.changes, []);
      assert.deepEqual(idsOf((await people.owner.pull(`?since=${serverTime}`)).body.changes), [id]);
    });

    test('keeps its order when the machine\'s clock steps back an hour', async () => {
      const { serverTime } = (await server.owner.pull()).body;
      server.clock.ms -= 3_600_000;
      const records = [await server.owner.create('plans', plan()), await server.owner.create('customers', customer())];
      server.clock.ms += 3_600_000;
      assert.ok(records.every(({ updatedAt }) => updatedAt > serverTime));
      assert.deepEqual(idsOf((await server.owner.pull(`?since=${serverTime}`)).body.changes), records.map(({ id }) => id));
    });

    test('accepts a cursor in every form of an RFC 3339 date-time', async () => {
      server.clock.ms = Date.parse('2026-05-01T00:30:00.125Z');
      const { updatedAt } = await server.owner.create('plans', plan());
      assert.equal(updatedAt, '2026-05-01T00:30:00.125000Z');
      const later = await server.owner.create('plans', plan());
      for (const since of [
        '2026-05-01T00:30:00.125Z', '2026-05-01T00:30:00.125000000Z', '2026-05-01T00:30:00.125000999Z', '2026-05-01T00:30:00.1250000Z',
        '2026-05-01T01:30:00.125+01:00', '2026-05-01T01:30:00.125%2B01:00', '2026-04-30T19:00:00.125-05:30',
        '2026-05-01T00:30:00.125-00:00', '2026-05-01T00:30:00.125+00:00', '2026-05-01T00%3A30%3A00.125Z',
        '2026-05-01T14:30:00.125+14:00', '2026-05-01t00:30:00.125z',
      ]) {
        assert.deepEqual(idsOf((await server.owner.pull(`?since=${since}`)).body.changes), [later.id], since);
      }
      for (const since of [
        '2026-05-01T00:30:00Z', '2026-04-30T23:30:00-01:00', '2026-05-01T00:30:00.1Z',
        '2026-04-30T23:59:60Z', '2026-05-01t01:59:60.5%2B02:00',
      ]) {
        assert.equal((await server.owner.pull(`?since=${since}`)).body.count, 2, since);
      }
    });

    test('refuses any other cursor, or one that is given twice', async () => {
      for (const since of [
        '', 'now', '0', '1767268800000', '2026-05-01', '2026-05-01T00:30:00', '2026-05-01T00:30:00.125', '2026-05-01T00:30:00.Z',
        '2026-05-01T00:30:00.1234567890Z', '2026-13-01T00:30:00Z', '2026-02-29T00:30:00Z', '2026-05-32T00:30:00Z', '2026-00-01T00:30:00Z',
        '2026-05-01T25:00:00Z', '2026-05-01T00:60:00Z', '2026-05-01T00:30:61Z', '2026-05-01T00:30:00+25:00', '2026-05-01T00:30:00+01:60',
        '2026-05-01T00:30:00ZZ', '2026-05-01T00:30:00Z%20', '%202026-05-01T00:30:00Z', '2026-05-01T00:30:00%2001:00', '26-05-01T00:30:00Z',
        '+2026-05-01T00:30:00Z', '2026-05-01T00:30:00Z%00', '%ff%fe', '%zz', 'undefined', '2026-05-01T00:30:00+1:00', '%D9%A2%D9%A0',
        '2026-05-01T00:29:60Z', '2026-05-01T00:30Z', '2026-05-01T00:30:00,5Z', '2026-05-01T00:30:00+01', '2026-05-01T00:30:00+0100',
        '2026-05-01%2000:30:00Z',
      ]) assertError(await server.owner.pull(`?since=${since}`), 'invalid_request', ['since']);
      const { serverTime } = (await server.owner.pull()).body;
      assertError(await server.owner.pull(`?since=${serverTime}&since=${serverTime}`), 'invalid_request', ['since']);
      for (const other of ['&since=x', '&since=', '&%73ince=2026-01-01T00:00:00Z']) {
        assertError(await server.owner.pull(`?since=${serverTime}${other}`), 'invalid_request', ['since']);
      }
      assertError(await server.owner.pull('?limit=1&since=x&limit=1'), 'invalid_request', ['limit']);
    });

    test('refuses a limit that is not a whole number of at least 1', async () => {
      for (const limit of [
        '', '0', '-1', '1.5', '1e3', 'ten', '+1', '%2B1', '0x10', 'NaN', 'Infinity', '%205', '5%20', '1_000', '00', '%D9%A1',
      ]) {
        assertError(await server.owner.pull(`?limit=${limit}`), 'invalid_request', ['limit']);
      }
      assert.equal((await server.owner.pull(`?limit=${'9'.repeat(40)}`)).body.hasMore, false);
      assert.equal((await server.owner.pull('?limit=007')).body.count, 7);
    });

    test('needs a token and the method GET', async () => {
      assertError(await server.client.pull(), 'unauthorized');
      assertError(await server.client.pull('?since=nonsense'), 'unauthorized');
      const reply = await server.owner.post('/api/sync/pull', {});
      assertError(reply, 'method_not_allowed');
      assert.equal(reply.headers['allow'], 'GET, HEAD');
      assert.equal((await server.owner.send('HEAD', '/api/sync/pull')).status, 200);
    });
  });
}
