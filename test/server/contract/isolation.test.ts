// The wire contract with two accounts on one server: neither can read, change or affect the other by any route, id,
// reference, key or cursor.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type Client, type Reply, type WireRecord } from '../../client.ts';
import { addAccount, hire, startServer, stores, type People, type TestServer } from '../harness.ts';
import { customer, invoice, plan, user } from '../samples.ts';

const unknownId = '0123456789abcdef01234567';
const marker = 'Of the second account alone';

interface Holdings {
  readonly records: readonly (readonly [collection: string, record: WireRecord])[];
  readonly plan: WireRecord;
  readonly customer: WireRecord;
}

/** Creates records in every collection and state, with `mark` in all their texts. */
async function furnish(owner: Client, mark: string, domain: string): Promise<Holdings> {
  const onePlan = await owner.create('plans', plan({ name: mark }));
  const oneCustomer = await owner.create('customers', customer({ name: mark, planId: onePlan.id, internalNote: mark }));
  const draft = await owner.create('invoices', invoice(oneCustomer.id, { note: mark }));
  const other = await owner.create('invoices', invoice(oneCustomer.id, { note: mark }));
  const issued = await owner.act(await owner.act(other, 'issue'), 'payments', { amountMinor: 1, paidOn: '2026-03-01', reference: mark });
  const note = await owner.act(issued, 'credit');
  const { mongoId = '' } = (await owner.pull()).body.changes.find(({ collection }) => collection === 'company') ?? {};
  const company = await owner.change('company', await owner.read('company', mongoId), { name: mark });
  const someone = await owner.create('users', user(`someone@${domain}`, { name: mark }));
  const gone = await owner.create('plans', plan({ name: mark }));
  await owner.remove(`/api/plans/${gone.id}`, gone.updatedAt);
  return {
    records: [
      ['plans', onePlan], ['customers', oneCustomer], ['invoices', draft], ['invoices', issued], ['invoices', note],
      ['company', company], ['users', someone], ['plans', gone],
    ],
    plan: onePlan,
    customer: oneCustomer,
  };
}

for (const store of stores) {
  describe(`two accounts, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let first: People;
    let second: Client;
    let mine: Holdings;
    let theirs: Holdings;
    let theirText = '';
    before(async () => {
      server = await startServer(store);
      first = await hire(server.owner, 'first.test');
      second = await addAccount(server, 'owner@second.test');
      mine = await furnish(server.owner, 'Of the first account', 'first.test');
      theirs = await furnish(second, marker, 'second.test');
      theirText = (await second.pull()).text;
    });
    after(() => server.stop());

    const actions = [
      ['issue', undefined], ['payments', { amountMinor: 1, paidOn: '2026-03-01' }], ['credit', undefined], ['void', undefined],
    ] as const;

    /** Every request that names a record. */
    const attempts = (client: Client, collection: string, id: string, version: string): Promise<Reply>[] => [
      client.get(`/api/${collection}/${id}`),
      client.send('HEAD', `/api/${collection}/${id}`),
      client.patch(`/api/${collection}/${id}`, version, {}),
      client.patch(`/api/${collection}/${id}`, '2026-01-01T00:00:00Z', {}),
      client.remove(`/api/${collection}/${id}`, version),
      client.remove(`/api/invoices/${id}/payments/${unknownId}`, version),
      ...actions.map(([action, body]) => client.post(`/api/invoices/${id}/${action}`, body, { 'If-Match': `"${version}"` })),
    ];

    test('get the same 404 for each other\'s records as for unknown ones, from every method and action', async () => {
      for (const [collection, { id, updatedAt }] of theirs.records) {
        const replies = await Promise.all(attempts(server.owner, collection, id, updatedAt));
        const unknown = await Promise.all(attempts(server.owner, collection, unknownId, updatedAt));
        for (const [index, reply] of replies.entries()) {
          assert.equal(reply.status, 404);
          if (reply.text !== '') assertError(reply, 'not_found');
          assert.equal(reply.text.replaceAll(id, unknownId), unknown[index]?.text);
        }
      }
      assert.equal((await second.pull()).text, theirText);
    });

    test('cannot refer to each other\'s records, as if they did not exist', async () => {
      const ownCustomer = mine.customer;
      for (const attempt of [
        (id: string) => server.owner.post('/api/customers', customer({ planId: id })),
        (id: string) => server.owner.post('/api/invoices', invoice(id)),
        (id: string) => server.owner.patch(`/api/customers/${ownCustomer.id}`, ownCustomer.updatedAt, { planId: id }),
      ]) {
        for (const id of [theirs.plan.id, theirs.customer.id]) {
          const reply = await attempt(id);
          assertError(reply, 'invalid_request');
          assert.equal(reply.text, (await attempt(unknownId)).text);
        }
      }
    });

    test('can delete a record whatever the other refers to', async () => {
      const own = await server.owner.create('plans', plan());
      assert.equal((await server.owner.remove(`/api/plans/${own.id}`, own.updatedAt)).status, 200);
    });

    test('see nothing of each other in any page, from any cursor, in any role', async () => {
      const instants = (await second.pull()).body.changes.map(({ updatedAt }) => updatedAt);
      const cursors = ['', '1970-01-01T00:00:00Z', ...instants.slice(0, 2), ...instants.slice(-1)];
      const theirIds = theirs.records.map(([, { id }]) => id);
      const { serverTime } = (await server.owner.pull()).body;
      for (const client of Object.values(first) as Client[]) {
        for (const since of cursors) {
          for (const limit of since > serverTime ? [''] : ['', '&limit=1']) {
            const reply = await client.pull(since === '' ? `?${limit}` : `?since=${since}${limit}`);
            if (since > serverTime) assertError(reply, 'resync_required');
            else assert.equal(reply.status, 200);
            assert.equal(reply.text.includes(marker) || reply.text.includes('second.test'), false);
            assert.equal(theirIds.some((id) => reply.text.includes(id)), false);
          }
        }
      }
    });

    test('cannot continue from the other\'s cursor after their own clock', async () => {
      server.clock.ms += 60_000;
      const { updatedAt } = await second.create('plans', plan({ name: marker }));
      assertError(await server.owner.pull(`?since=${updatedAt}`), 'resync_required');
    });

    test('never change each other\'s clock, digest or scope', async () => {
      const before = (await second.pull()).text;
      const kept = await server.owner.create('plans', plan());
      await server.owner.remove(`/api/plans/${kept.id}`, kept.updatedAt);
      await server.owner.create('users', user('new@first.test'));
      await server.owner.pull();
      assertError(await server.owner.post('/api/users', user('owner@second.test')), 'conflict');
      assert.equal((await second.pull()).text, before);
      assert.notEqual((await server.owner.pull()).body.scope, (await second.pull()).body.scope);
    });

    test('can use the same idempotency key independently', async () => {
      const key = { 'Idempotency-Key': 'one-and-the-same' };
      const ours = await server.owner.post('/api/plans', plan({ name: 'Ours' }), key);
      const other = await second.post('/api/plans', plan({ name: marker }), key);
      assert.deepEqual([ours.status, other.status], [201, 201]);
      assert.notEqual(other.body.record.id, ours.body.record.id);
      assert.equal((await server.owner.post('/api/plans', plan({ name: 'Ours' }), key)).text, ours.text);
      assert.equal(other.body.record.payload['name'], marker);
    });

    test('have separate users and sessions', async () => {
      const users = await Promise.all([server.owner, second].map(async (client) => (await client.get('/api/auth/me')).body.user));
      assert.deepEqual(users.map(({ email }) => email), ['owner@first.test', 'owner@second.test']);
      assert.notEqual(users[0]?.accountId, users[1]?.accountId);
      await second.post('/api/auth/logout');
      assertError(await second.pull(), 'unauthorized');
      assert.equal((await server.owner.pull()).status, 200);
    });
  });
}
