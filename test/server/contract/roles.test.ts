// The wire contract: what each role may see and change, per collection and method, and the records that cannot be
// deleted by any role.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type Client, type WireRecord } from '../../client.ts';
import { addAccount, hire, password, startServer, stores, type People, type TestServer } from '../harness.ts';
import { customer, invoice, plan, user } from '../samples.ts';

const roles = ['owner', 'editor', 'viewer'] as const;
/** The contract's table of permissions. */
const rights = {
  company: { sees: roles, writes: ['owner'] },
  users: { sees: ['owner'], writes: ['owner'] },
  plans: { sees: roles, writes: ['owner', 'editor'] },
  customers: { sees: roles, writes: ['owner', 'editor'] },
  invoices: { sees: roles, writes: ['owner', 'editor'] },
} as const satisfies Record<string, { sees: readonly string[]; writes: readonly string[] }>;
/** The company is there, and is neither added nor removed. */
const names = (Object.keys(rights) as (keyof typeof rights)[]).filter((name) => name !== 'company');

for (const store of stores) {
  describe(`permissions, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    let buyer: WireRecord;
    let counter = 0;
    before(async () => {
      server = await startServer(store);
      people = await hire(server.owner, 'first.test');
      buyer = await server.owner.create('customers', customer());
    });
    after(() => server.stop());

    const samples: Readonly<Record<string, () => object>> = {
      users: () => user(`role${counter += 1}@first.test`),
      plans: () => plan(),
      customers: () => customer(),
      invoices: () => invoice(buyer.id),
    };

    for (const role of roles) {
      for (const name of names) {
        const sees = (rights[name].sees as readonly string[]).includes(role);
        const writes = (rights[name].writes as readonly string[]).includes(role);
        const does = [sees ? 'sees' : 'does not see', writes ? 'changes' : 'does not change'].join(' and ');
        test(`the ${role} ${does} ${name}`, async () => {
          const client = people[role];
          const { id, updatedAt } = await server.owner.create(name, samples[name]?.() ?? {});
          const path = `/api/${name}/${id}`;
          const outcomes = async (fields: object): Promise<(number | string)[]> => {
            const created = await client.post(`/api/${name}`, fields);
            const read = await client.get(path);
            const patched = await client.patch(path, updatedAt, {});
            const removed = await client.remove(path, patched.body.record?.updatedAt ?? updatedAt);
            return [created, read, patched, removed].map(({ status, body }) => body.error?.code ?? status);
          };
          const seen = sees ? 200 : 'forbidden';
          const expected = writes ? [201, seen, 200, 200] : ['forbidden', seen, 'forbidden', 'forbidden'];
          assert.deepEqual(await outcomes(samples[name]?.() ?? {}), expected);
          const pulled = (await client.pullAll()).changes.some(({ collection }) => collection === name);
          assert.equal(pulled, sees);
        });
      }

      const does = role === 'viewer' ? 'cannot issue, pay, credit or void' : 'issues, pays, credits and voids';
      test(`the ${role} ${does} invoices`, async () => {
        const client = people[role];
        const payment = { amountMinor: 1, paidOn: '2026-03-01' };
        const draft = await server.owner.create('invoices', invoice(buyer.id));
        const open = await server.owner.act(await server.owner.create('invoices', invoice(buyer.id)), 'issue');
        const paid = await server.owner.act(open, 'payments', payment);
        const [{ id: paymentId } = { id: '' }] = paid.payload['payments'] as { id: string }[];
        const act = ({ id, updatedAt }: WireRecord, action: string, body?: unknown) =>
          client.post(`/api/invoices/${id}/${action}`, body, { 'If-Match': `"${updatedAt}"` });
        const replies = [await act(draft, 'issue'), await act(paid, 'credit'), await act(paid, 'payments', payment)];
        const now = await server.owner.read('invoices', paid.id);
        replies.push(await client.remove(`/api/invoices/${paid.id}/payments/${paymentId}`, now.updatedAt));
        replies.push(await act(await server.owner.read('invoices', draft.id), 'void'));
        const outcomes = replies.map(({ status, body }) => body.error?.code ?? status);
        assert.deepEqual(outcomes, role === 'viewer' ? Array.from(outcomes, () => 'forbidden') : [200, 201, 200, 200, 200]);
      });
    }

    for (const role of roles) {
      test(`the ${role} sees the company and ${role === 'owner' ? 'changes' : 'does not change'} it`, async () => {
        const { changes } = (await people[role].pull()).body;
        const [{ mongoId = '', updatedAt = '' } = {}] = changes.filter(({ collection }) => collection === 'company');
        const reply = await people[role].patch(`/api/company/${mongoId}`, updatedAt, { name: 'A company' });
        if (role === 'owner') assert.equal(reply.status, 200);
        else assertError(reply, 'forbidden');
      });
    }

    test('a refused role does not learn whether a record exists', async () => {
      const { id } = await server.owner.create('users', samples['users']?.() ?? {});
      for (const client of [people.editor, people.viewer]) {
        const known = await client.get(`/api/users/${id}`);
        const unknown = await client.get('/api/users/0123456789abcdef01234567');
        assertError(known, 'forbidden');
        assert.equal(known.text, unknown.text);
      }
    });

    test('nothing is allowed without a token', async () => {
      const version = { 'If-Match': `"${buyer.updatedAt}"` };
      for (const [method, path] of [
        ['POST', '/api/plans'], ['GET', `/api/customers/${buyer.id}`], ['PATCH', `/api/customers/${buyer.id}`],
        ['DELETE', `/api/customers/${buyer.id}`], ['POST', `/api/invoices/${buyer.id}/issue`],
      ] as const) {
        const json = method === 'GET' || method === 'DELETE' ? undefined : plan();
        assertError(await server.client.send(method, path, { headers: version, json }), 'unauthorized');
      }
    });

    test('the scope depends on the role and the account and nothing else', async () => {
      const scopes = await Promise.all(roles.map(async (role) => (await people[role].pull()).body.scope));
      assert.equal(new Set(scopes).size, 3);
      const elsewhere = await addAccount(server, 'owner@second.test');
      assert.equal(scopes.includes((await elsewhere.pull()).body.scope), false);
      const before = (await server.owner.get(`/api/users/${people.editor.userId}`)).body.record;
      const path = `/api/users/${people.editor.userId}`;
      const promoted = (await server.owner.patch(path, before.updatedAt, { role: 'owner' })).body.record;
      const asOwner = (await people.editor.pull()).body;
      assert.equal(asOwner.scope, scopes[0]);
      assert.equal(asOwner.changes.some(({ collection }) => collection === 'users'), true);
      await server.owner.patch(path, promoted.updatedAt, { role: 'editor' });
      const again = await server.client.login('editor@first.test', password);
      assert.equal((await again.pull()).body.scope, scopes[1]);
      await server.restart();
      assert.equal((await again.pull()).body.scope, scopes[1]);
    });
  });

  describe(`a record that other records depend on, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    const refusedAndUnchanged = async (client: Client, attempt: () => ReturnType<Client['get']>): Promise<void> => {
      const { text } = await client.pull();
      assertError(await attempt(), 'conflict');
      assert.equal((await client.pull()).text, text);
    };

    test('can be a customer, which cannot be deleted while it has invoices', async () => {
      const { owner } = server;
      const buyer = await owner.create('customers', customer());
      const other = await owner.create('customers', customer());
      const [first, second] = [await owner.create('invoices', invoice(buyer.id)), await owner.create('invoices', invoice(buyer.id))];
      const remove = () => owner.remove(`/api/customers/${buyer.id}`, buyer.updatedAt);
      await refusedAndUnchanged(owner, remove);
      await owner.remove(`/api/invoices/${first.id}`, first.updatedAt);
      await refusedAndUnchanged(owner, remove);
      await owner.patch(`/api/invoices/${second.id}`, second.updatedAt, { customerId: other.id });
      assert.equal((await remove()).status, 200);
      await refusedAndUnchanged(owner, () => owner.remove(`/api/customers/${other.id}`, other.updatedAt));
    });

    test('can be a plan, which cannot be deleted while it has customers', async () => {
      const { owner } = server;
      const { id, updatedAt } = await owner.create('plans', plan());
      const one = await owner.create('customers', customer({ planId: id }));
      const remove = () => owner.remove(`/api/plans/${id}`, updatedAt);
      await refusedAndUnchanged(owner, remove);
      await owner.patch(`/api/customers/${one.id}`, one.updatedAt, { planId: null });
      assert.equal((await remove()).status, 200);
    });

    test('can be the last enabled owner, who cannot be deleted, disabled or demoted', async () => {
      const { owner } = server;
      await owner.create('users', user('disabled@first.test', { role: 'owner', disabled: true }));
      await owner.create('users', user('editor@first.test', { role: 'editor' }));
      const path = `/api/users/${owner.userId}`;
      const { updatedAt } = (await owner.get(path)).body.record;
      await refusedAndUnchanged(owner, () => owner.remove(path, updatedAt));
      for (const change of [{ disabled: true }, { role: 'editor' }, { role: 'viewer' }, { role: 'viewer', disabled: true }]) {
        await refusedAndUnchanged(owner, () => owner.patch(path, updatedAt, change));
      }
      await owner.create('users', user('second@first.test', { role: 'owner', password }));
      const second = await server.client.login('second@first.test', password);
      assert.equal((await owner.patch(path, updatedAt, { role: 'editor' })).status, 200);
      await refusedAndUnchanged(second, async () => {
        const { record } = (await second.get(`/api/users/${second.userId}`)).body;
        return second.remove(`/api/users/${second.userId}`, record.updatedAt);
      });
    });

    test('can be the last owner, of whom one remains if two are demoted at once', async () => {
      const owner = await addAccount(server, 'owner@twins.test');
      await owner.create('users', user('twin@twins.test', { role: 'owner', password }));
      const twin = await server.client.login('twin@twins.test', password);
      const versions = await Promise.all([owner, twin].map(async ({ userId }) =>
        (await owner.get(`/api/users/${userId}`)).body.record.updatedAt));
      const replies = await Promise.all([
        owner.patch(`/api/users/${twin.userId}`, versions[1] ?? '', { role: 'viewer' }),
        twin.patch(`/api/users/${owner.userId}`, versions[0] ?? '', { role: 'viewer' }),
      ]);
      assert.equal(replies.filter(({ status }) => status === 200).length, 1);
    });

    test('can be a user, whose e-mail address is unique across accounts, ignoring case', async () => {
      const [owner, elsewhere] = [await addAccount(server, 'owner@one.test'), await addAccount(server, 'owner@other.test')];
      const mine = await owner.create('users', user('Taken@First.test'));
      assert.equal(mine.payload['email'], 'Taken@First.test');
      for (const client of [owner, elsewhere]) {
        for (const email of ['Taken@First.test', 'taken@first.TEST']) {
          await refusedAndUnchanged(client, () => client.post('/api/users', user(email)));
        }
      }
      const theirs = await elsewhere.create('users', user('free@second.test'));
      const take = () => elsewhere.patch(`/api/users/${theirs.id}`, theirs.updatedAt, { email: 'taken@first.test' });
      await refusedAndUnchanged(elsewhere, take);
      const moved = (await owner.patch(`/api/users/${mine.id}`, mine.updatedAt, { email: 'moved@first.test' })).body.record;
      assert.equal((await take()).status, 200);
      await owner.remove(`/api/users/${moved.id}`, moved.updatedAt);
      await elsewhere.create('users', user('moved@first.test'));
      const many = await Promise.all([owner, elsewhere, owner, elsewhere].map((client) =>
        client.post('/api/users', user('race@both.test'))));
      assert.deepEqual(many.map(({ status }) => status).sort(), [201, 409, 409, 409]);
    });
  });
}
