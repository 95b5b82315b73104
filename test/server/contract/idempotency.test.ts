// The wire contract: a request repeated with the same Idempotency-Key takes effect once.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type Client, type Reply, type Version } from '../../client.ts';
import { firstOwner, hire, password, startServer, stores, type People, type TestServer } from '../harness.ts';
import { customer, invoice, line, plan, user } from '../samples.ts';

for (const store of stores) {
  describe(`an idempotency key, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    let keys = 0;
    before(async () => {
      server = await startServer(store);
      people = await hire(server.owner, 'first.test');
    });
    after(() => server.stop());

    const newKey = () => `key-${keys += 1}`;
    const post = (client: Client, path: string, key: string, body: unknown): Promise<Reply> =>
      client.post(path, body, { 'Idempotency-Key': key });
    const count = async (collection: string) => (await server.owner.pullAll()).last.body.digest[collection]?.count ?? 0;

    test('gives a repeat the first response byte for byte and changes nothing', async () => {
      const key = newKey();
      const first = await post(server.owner, '/api/plans', key, plan({ name: 'Once' }));
      assert.equal(first.status, 201);
      const clock = (await server.owner.pull()).body.serverTime;
      const repeat = await post(server.owner, '/api/plans', key, plan({ name: 'Once' }));
      assert.deepEqual([repeat.status, repeat.text, repeat.headers['etag']], [201, first.text, first.headers['etag']]);
      assert.equal((await server.owner.pull()).body.serverTime, clock);
    });

    test('gives a repeat the first response even if the record has been deleted since', async () => {
      const key = newKey();
      const first = await post(server.owner, '/api/plans', key, plan());
      const { id, updatedAt } = first.body.record;
      await server.owner.remove(`/api/plans/${id}`, updatedAt);
      assert.equal((await post(server.owner, '/api/plans', key, plan())).text, first.text);
      assertError(await server.owner.get(`/api/plans/${id}`), 'not_found');
    });

    test('conflicts when it is reused with another body or path', async () => {
      const key = newKey();
      await post(server.owner, '/api/plans', key, plan({ name: 'One' }));
      const plans = await count('plans');
      assertError(await post(server.owner, '/api/plans', key, plan({ name: 'Two' })), 'conflict');
      assertError(await post(server.owner, '/api/customers', key, customer()), 'conflict');
      assert.equal(await count('plans'), plans);
    });

    test('conflicts when it is reused with another password, although passwords are not published', async () => {
      const key = newKey();
      const first = await post(server.owner, '/api/users', key, user('keyed@first.test', { password }));
      assert.equal((await post(server.owner, '/api/users', key, user('keyed@first.test', { password }))).text, first.text);
      assertError(await post(server.owner, '/api/users', key, user('keyed@first.test', { password: 'another one' })), 'conflict');
    });

    test('matches the same fields in another order, with other white space', async () => {
      const key = newKey();
      const first = await post(server.owner, '/api/plans', key, plan());
      const raw = `  ${JSON.stringify(Object.fromEntries(Object.entries(plan()).reverse()), null, 2)}\n`;
      const headers = { 'Idempotency-Key': key, 'Content-Type': 'application/json; charset=UTF-8' };
      const repeat = await server.owner.send('POST', '/api/plans', { raw, headers });
      assert.equal(repeat.text, first.text);
    });

    test('creates one record for concurrent requests', async () => {
      const key = newKey();
      const before = await count('customers');
      const replies = await Promise.all(Array.from({ length: 12 }, () => post(people.editor, '/api/customers', key, customer())));
      assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([201]));
      assert.equal(new Set(replies.map(({ text }) => text)).size, 1);
      assert.equal(await count('customers'), before + 1);
    });

    test('belongs to one user', async () => {
      const key = newKey();
      const mine = await post(server.owner, '/api/plans', key, plan({ name: 'Mine' }));
      const theirs = await post(people.editor, '/api/plans', key, plan({ name: 'Theirs' }));
      assert.equal(theirs.status, 201);
      assert.notEqual(theirs.body.record.id, mine.body.record.id);
      assertError(await post(people.viewer, '/api/plans', key, plan({ name: 'Mine' })), 'forbidden');
    });

    const passHours = async (hours: number): Promise<void> => {
      for (let hour = 0; hour < hours; hour += 1) {
        server.clock.ms += 3_600_000;
        await server.owner.create('plans', plan());
      }
    };

    test('is kept for 24 hours, across restarts, and can then be reused', async () => {
      const key = newKey();
      const first = await post(server.owner, '/api/plans', key, plan());
      await passHours(23);
      server.clock.ms += 3_600_000 - 1000;
      await server.restart();
      assert.equal((await post(server.owner, '/api/plans', key, plan())).text, first.text);
      server.clock.ms += 2000;
      const second = await post(server.owner, '/api/plans', key, plan({ name: 'Another day' }));
      assert.equal(second.status, 201);
      assert.notEqual(second.body.record.id, first.body.record.id);
      assert.equal((await post(server.owner, '/api/plans', key, plan({ name: 'Another day' }))).text, second.text);
    });

    test('is still known after the clock was set forward, also once others have written since', async () => {
      for (const days of [0.99, 1, 1.5, 40]) {
        const key = newKey();
        const first = await post(server.owner, '/api/plans', key, plan());
        server.clock.ms += days * 24 * 3_600_000;
        assert.equal((await post(server.owner, '/api/plans', key, plan())).text, first.text);
        await server.owner.create('plans', plan());
        await server.restart();
        assert.equal((await post(server.owner, '/api/plans', key, plan())).text, first.text);
        await passHours(22);
        assert.equal((await post(server.owner, '/api/plans', key, plan())).text, first.text);
        await passHours(2);
        assert.equal((await post(server.owner, '/api/plans', key, plan())).status, 201);
      }
    });

    if (store.kind === 'embedded') test('used while the clock was set back is still known once the clock is right again', async () => {
      await server.owner.create('plans', plan());
      server.clock.ms -= 4 * 60_000;
      const key = newKey();
      const first = await post(server.owner, '/api/plans', key, plan());
      server.clock.ms += 4 * 60_000;
      await passHours(23);
      server.clock.ms += 3_600_000 - 60_000;
      assert.equal((await post(server.owner, '/api/plans', key, plan())).text, first.text, 'the minutes count once');
    });

    test('is still known after the signing secret was rotated', async () => {
      const key = newKey();
      const fields = user(`rotated-${key}@first.test`, { password });
      const first = await post(server.owner, '/api/users', key, fields);
      await server.restart({ JWT_SECRET: 'another secret for tests that has more than 32 bytes' });
      const owner = await server.client.login(firstOwner, password);
      assert.equal((await post(owner, '/api/users', key, fields)).text, first.text);
      await server.restart();
    });

    test('of a refused request can be reused', async () => {
      const key = newKey();
      assertError(await post(server.owner, '/api/plans', key, plan({ name: '' })), 'invalid_request');
      assertError(await post(server.owner, '/api/invoices', key, invoice('0123456789abcdef01234567')), 'invalid_request');
      assert.equal((await post(server.owner, '/api/plans', key, plan())).status, 201);
    });

    test('records one payment and assigns one number when an action is repeated', async () => {
      const buyer = await server.owner.create('customers', customer());
      const draft = await server.owner.create('invoices', invoice(buyer.id, { lines: [line({ taxRateBp: 0 })] }));
      const act = (action: string, version: string, key: string, body: unknown) => server.owner.post(
        `/api/invoices/${draft.id}/${action}`, body, { 'If-Match': `"${version}"`, 'Idempotency-Key': key },
      );
      const issuing = newKey();
      const issued = await act('issue', draft.updatedAt, issuing, undefined);
      assert.equal(issued.status, 200);
      assert.equal((await act('issue', draft.updatedAt, issuing, {})).text, issued.text);
      const other = await server.owner.create('invoices', invoice(buyer.id));
      const headers = { 'If-Match': `"${other.updatedAt}"`, 'Idempotency-Key': issuing };
      assertError(await server.owner.post(`/api/invoices/${other.id}/issue`, {}, headers), 'conflict');
      const paying = newKey();
      const payment = { amountMinor: 400, paidOn: '2026-03-01' };
      const paid = await Promise.all(Array.from({ length: 5 }, () => act('payments', issued.body.record.updatedAt, paying, payment)));
      assert.equal(new Set(paid.map(({ text }) => text)).size, 1);
      const [{ body } = issued] = paid;
      assert.equal(body.record.payload['paidMinor'], 400);
      assertError(await act('payments', body.record.updatedAt, paying, { ...payment, amountMinor: 1 }), 'conflict');
      assertError(await act('void', body.record.updatedAt, paying, undefined), 'conflict');
      assert.equal((await server.owner.get(`/api/invoices/${draft.id}`)).text, paid[0]?.text);
    });

    const change = (client: Client, { id, updatedAt }: Version, key: string, fields: object): Promise<Reply> => client.send(
      'PATCH', `/api/plans/${id}`, { json: fields, headers: { 'If-Match': `"${updatedAt}"`, 'Idempotency-Key': key } },
    );
    const remove = (client: Client, { id, updatedAt }: Version, key: string): Promise<Reply> =>
      client.send('DELETE', `/api/plans/${id}`, { headers: { 'If-Match': `"${updatedAt}"`, 'Idempotency-Key': key } });

    test('gives a repeated change the first response although its version is outdated by then', async () => {
      const made = await server.owner.create('plans', plan());
      const key = newKey();
      const first = await change(server.owner, made, key, { name: 'Changed' });
      assert.equal(first.status, 200);
      await server.owner.change('plans', first.body.record, { name: 'Changed again' });
      const repeat = await change(server.owner, made, key, { name: 'Changed' });
      assert.deepEqual([repeat.status, repeat.text, repeat.headers['etag']], [200, first.text, first.headers['etag']]);
      assert.equal((await server.owner.read('plans', made.id)).payload['name'], 'Changed again');
      assertError(await change(server.owner, made, newKey(), { name: 'Changed' }), 'precondition_failed');
    });

    test('gives a repeated delete the first response although the record is gone by then', async () => {
      const made = await server.owner.create('plans', plan());
      const key = newKey();
      const first = await remove(server.owner, made, key);
      assert.equal(first.status, 200);
      await server.restart();
      const clock = (await server.owner.pull()).body.serverTime;
      const repeat = await remove(server.owner, made, key);
      assert.deepEqual([repeat.status, repeat.text, repeat.headers['etag']], [200, first.text, first.headers['etag']]);
      assert.equal((await server.owner.pull()).body.serverTime, clock);
      assertError(await remove(server.owner, made, newKey()), 'not_found');
    });

    test('applies concurrent repeats of a change or a delete once', async () => {
      const made = await server.owner.create('plans', plan());
      const [changing, removing] = [newKey(), newKey()];
      const changed = await Promise.all(Array.from({ length: 6 }, () => change(server.owner, made, changing, { name: 'Once' })));
      assert.deepEqual(changed.map(({ status }) => status), Array.from({ length: 6 }, () => 200));
      assert.equal(new Set(changed.map(({ text }) => text)).size, 1);
      const [first] = changed;
      assert.ok(first);
      const removed = await Promise.all(Array.from({ length: 6 }, () => remove(server.owner, first.body.record, removing)));
      assert.deepEqual(removed.map(({ status }) => status), Array.from({ length: 6 }, () => 200));
      assert.equal(new Set(removed.map(({ text }) => text)).size, 1);
    });

    test('conflicts when it is reused for another change, version, record or kind of write', async () => {
      const [one, other] = [await server.owner.create('plans', plan()), await server.owner.create('plans', plan())];
      const key = newKey();
      const { record } = (await change(server.owner, one, key, { name: 'One' })).body;
      for (const reply of [
        await change(server.owner, one, key, { name: 'Two' }), await change(server.owner, record, key, { name: 'One' }),
        await change(server.owner, other, key, { name: 'One' }), await remove(server.owner, one, key),
        await post(server.owner, '/api/plans', key, plan({ name: 'One' })),
      ]) assertError(reply, 'conflict');
      assert.deepEqual(await server.owner.read('plans', one.id), record);
      assert.deepEqual(await server.owner.read('plans', other.id), other);
    });

    test('of a change that was refused can be used for the next one', async () => {
      const made = await server.owner.create('plans', plan());
      const current = await server.owner.change('plans', made, { name: 'Theirs' });
      const key = newKey();
      assertError(await change(server.owner, made, key, { name: 'Mine' }), 'precondition_failed');
      assert.equal((await change(server.owner, current, key, { name: 'Mine' })).status, 200);
    });

    test('of one user means nothing for another one\'s change', async () => {
      const made = await server.owner.create('plans', plan());
      const key = newKey();
      const mine = await change(server.owner, made, key, { name: 'Mine' });
      assertError(await change(people.editor, made, key, { name: 'Mine' }), 'precondition_failed');
      assert.equal((await change(people.editor, mine.body.record, key, { name: 'Theirs' })).status, 200);
    });

    test('is 1 to 128 visible characters', async () => {
      for (const key of ['!', '~'.repeat(128), '\'"\\%${}']) {
        assert.equal((await post(server.owner, '/api/plans', key, plan())).status, 201);
      }
      for (const key of ['', 'a'.repeat(129), 'two words', 'tab\there', 'caf\u00e9']) {
        assertError(await post(server.owner, '/api/plans', key, plan()), 'invalid_request', ['Idempotency-Key']);
      }
      const twice = await server.owner.post('/api/plans', plan(), { 'Idempotency-Key': ['a', 'b'] });
      assertError(twice, 'invalid_request', ['Idempotency-Key']);
      const made = await server.owner.create('plans', plan());
      assertError(await change(server.owner, made, 'two words', { name: 'x' }), 'invalid_request', ['Idempotency-Key']);
      assertError(await remove(server.owner, made, ''), 'invalid_request', ['Idempotency-Key']);
    });
  });
}
