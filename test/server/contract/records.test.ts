// The wire contract: creating, reading, changing and deleting records, alike for all collections.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, fieldsOf, type Reply, type WireRecord } from '../../client.ts';
import { password, startServer, stores, type TestServer } from '../harness.ts';
import { customer, invoice, line, plan, user } from '../samples.ts';

const someId = '0123456789abcdef01234567';
const someVersion = '2026-01-01T00:00:00.000000Z';

for (const store of stores) {
  describe(`a record, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let buyer: WireRecord;
    /** For each collection, the fields of a new record and a change to it. */
    const samples: { collection: string; fields: () => object; change: Record<string, unknown> }[] = [
      { collection: 'users', fields: () => user(`user${counter += 1}@first.test`, { role: 'editor' }), change: { name: 'Other' } },
      { collection: 'plans', fields: () => plan(), change: { priceMinor: 0 } },
      { collection: 'customers', fields: () => customer({ vatId: 'DE1', address: { city: 'Köln' } }), change: { name: 'Other' } },
      { collection: 'invoices', fields: () => invoice(buyer.id), change: { dueDate: '2026-12-31' } },
    ];
    let counter = 0;
    before(async () => {
      server = await startServer(store);
      buyer = await server.owner.create('customers', customer());
    });
    after(() => server.stop());

    const versionOf = ({ headers }: Reply) => headers['etag'];

    for (const { collection, fields, change } of samples) {
      test(`of ${collection} is created, read, changed and deleted, with its version in every response`, async () => {
        const sent = fields();
        const created = await server.owner.post(`/api/${collection}`, sent);
        assert.equal(created.status, 201);
        const { id, updatedAt, payload } = created.body.record;
        assert.deepEqual(Object.keys(created.body), ['success', 'record']);
        assert.deepEqual(Object.keys(created.body.record), ['id', 'updatedAt', 'payload']);
        assert.match(id, /^[0-9a-f]{24}$/);
        assert.match(updatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
        assert.equal(versionOf(created), `"${updatedAt}"`);
        assert.deepEqual(Object.fromEntries(Object.keys(sent).map((name) => [name, payload[name]])), sent);

        const path = `/api/${collection}/${id}`;
        const read = await server.owner.get(path);
        assert.equal(read.status, 200);
        assert.equal(read.text, created.text);
        assert.equal(versionOf(read), versionOf(created));

        const changed = await server.owner.patch(path, updatedAt, change);
        assert.equal(changed.status, 200);
        assert.ok(changed.body.record.updatedAt > updatedAt);
        assert.equal(versionOf(changed), `"${changed.body.record.updatedAt}"`);
        assert.deepEqual(changed.body.record, { id, updatedAt: changed.body.record.updatedAt, payload: { ...payload, ...change } });
        assert.equal((await server.owner.get(path)).text, changed.text);

        const removed = await server.owner.remove(path, changed.body.record.updatedAt);
        assert.equal(removed.status, 200);
        assert.deepEqual(Object.keys(removed.body.record), ['id', 'updatedAt']);
        assert.equal(removed.body.record.id, id);
        assert.ok(removed.body.record.updatedAt > changed.body.record.updatedAt);
        assert.equal(versionOf(removed), `"${removed.body.record.updatedAt}"`);
        assertError(await server.owner.get(path), 'not_found');
        assertError(await server.owner.patch(path, removed.body.record.updatedAt, change), 'not_found');
        assertError(await server.owner.remove(path, removed.body.record.updatedAt), 'not_found');
      });

      test(`of ${collection} is changed only with its current version, which a refusal includes`, async () => {
        const { id, updatedAt } = await server.owner.create(collection, fields());
        const path = `/api/${collection}/${id}`;
        const present = (await server.owner.patch(path, updatedAt, change)).body.record;
        for (const refused of [await server.owner.patch(path, updatedAt, change), await server.owner.remove(path, updatedAt)]) {
          assertError(refused, 'precondition_failed');
          assert.deepEqual(refused.body.error.current, present);
        }
        assert.deepEqual((await server.owner.get(path)).body.record, present);
        assert.equal((await server.owner.patch(path, present.updatedAt, {})).status, 200);
      });

      test(`of ${collection} needs a well-formed If-Match`, async () => {
        const { id, updatedAt } = await server.owner.create(collection, fields());
        const path = `/api/${collection}/${id}`;
        for (const header of [
          undefined, '', '*', '""', updatedAt, `W/"${updatedAt}"`, `"${updatedAt}", "${updatedAt}"`, `"${updatedAt}`, '"1"', '"yesterday"',
          `"${updatedAt}"x`, [`"${updatedAt}"`, `"${updatedAt}"`],
        ]) {
          const headers = header === undefined ? {} : { 'If-Match': header };
          assertError(await server.owner.send('PATCH', path, { headers, json: change }), 'invalid_request', ['If-Match']);
          assertError(await server.owner.send('DELETE', path, { headers }), 'invalid_request', ['If-Match']);
        }
        assert.equal((await server.owner.get(path)).body.record.updatedAt, updatedAt);
      });
    }

    test('has an id that begins with the second of its creation, for locality', async () => {
      const ids: string[] = [];
      for (let count = 0; count < 3; count += 1) ids.push((await server.owner.create('plans', plan())).id);
      const second = Math.floor(server.clock.ms / 1000).toString(16).padStart(8, '0');
      assert.deepEqual(ids.map((id) => id.slice(0, 8)), [second, second, second]);
      assert.equal(new Set(ids).size, 3);
    });

    test('that does not exist answers 404, whatever its id looks like', async () => {
      const { id } = await server.owner.create('plans', plan());
      const inCapitals = id.toUpperCase() === id ? someId : id.toUpperCase();
      for (const unknown of [someId, inCapitals, id.slice(1), `${id}0`, '0', '...', '__proto__', `%20${id}`]) {
        assertError(await server.owner.get(`/api/plans/${unknown}`), 'not_found');
        assertError(await server.owner.patch(`/api/plans/${unknown}`, someVersion, {}), 'not_found');
        assertError(await server.owner.remove(`/api/plans/${unknown}`, someVersion), 'not_found');
      }
      assertError(await server.owner.get(`/api/customers/${id}`), 'not_found');
    });

    test('is merged with a patch: null removes, objects are merged, lists and values replaced', async () => {
      const address = { street: 'Am Markt 1', city: 'Bonn', country: 'DE' };
      const one = await server.owner.create('customers', customer({ contact: 'Ada', address, internalNote: 'x' }));
      const path = `/api/customers/${one.id}`;
      const patch = { contact: null, address: { city: null, postalCode: '53111' }, internalNote: null };
      const patched = (await server.owner.patch(path, one.updatedAt, patch)).body.record;
      assert.deepEqual(fieldsOf(patched), {
        name: 'Café Müller', address: { street: 'Am Markt 1', postalCode: '53111', country: 'DE' }, currency: 'EUR',
      });
      const bare = (await server.owner.patch(path, patched.updatedAt, { address: null })).body.record;
      assert.deepEqual(fieldsOf(bare), { name: 'Café Müller', currency: 'EUR' });
      const again = (await server.owner.patch(path, bare.updatedAt, { address: { city: 'Ulm', region: null } })).body.record;
      assert.deepEqual(again.payload['address'], { city: 'Ulm' });
      assertError(await server.owner.patch(path, again.updatedAt, { name: null }), 'invalid_request', ['name']);
      assertError(await server.owner.patch(path, again.updatedAt, { address: 'Ulm' }), 'invalid_request', ['address']);
      assertError(await server.owner.patch(path, again.updatedAt, { address: { planet: 'Earth' } }), 'invalid_request', ['address.planet']);
      assert.deepEqual((await server.owner.get(path)).body.record, again);
    });

    test('is patched as in the examples of RFC 7396 that a record can have', async () => {
      for (const [before, patch, after] of [
        [{ contact: 'Ada' }, { contact: 'Eve' }, { contact: 'Eve' }],
        [{ contact: 'Ada' }, { phone: '1' }, { contact: 'Ada', phone: '1' }],
        [{ contact: 'Ada' }, { contact: null }, {}],
        [{ contact: 'Ada', phone: '1' }, { contact: null }, { phone: '1' }],
        [{ address: { city: 'Ulm' } }, { address: { city: 'Bonn', region: null } }, { address: { city: 'Bonn' } }],
        [{ contact: null }, { phone: '1' }, { phone: '1' }],
        [{}, { address: { city: null } }, { address: {} }],
        [{}, {}, {}],
      ]) {
        const { id, updatedAt } = await server.owner.create('customers', customer(before));
        const changed = await server.owner.change('customers', { id, updatedAt }, patch ?? {});
        assert.deepEqual(fieldsOf(changed), customer(after), JSON.stringify(patch));
      }
      const buyer = await server.owner.create('customers', customer());
      const draft = await server.owner.create('invoices', invoice(buyer.id, { lines: [line(), line({ unit: 'h' })] }));
      const changed = await server.owner.change('invoices', draft, { lines: [line({ description: 'Travel' })] });
      assert.deepEqual(changed.payload['lines'], [line({ description: 'Travel' })], 'a list is replaced as a whole');
    });

    test('accepts null for an optional field and publishes it as absent', async () => {
      const created = await server.owner.create('customers', customer({ contact: null, address: { city: null }, planId: null }));
      assert.deepEqual(fieldsOf(created), { name: 'Café Müller', address: {}, currency: 'EUR' });
    });

    test('keeps its text unchanged', async () => {
      const name = ' "\\/é\u0301🧾\u2028 <b>&amp; ${x} ';
      const one = await server.owner.create('customers', customer({ name, internalNote: 'a\n\tb' }));
      assert.equal(one.payload['name'], name);
      const whole = (await server.owner.pull()).body.changes.find(({ mongoId }) => mongoId === one.id);
      assert.deepEqual(whole?.payload, one.payload);
    });

    test('has only the declared fields: others are refused by name when it is created or patched', async () => {
      for (const { collection, fields } of samples) {
        const body = `${JSON.stringify(fields()).slice(0, -1)},"id":"x","__proto__":{"a":1},"constructor":1,"":0,"toString":1}`;
        const names = ['', '__proto__', 'constructor', 'id', 'toString'];
        const send = (method: string, path: string, headers: Record<string, string>, raw: string) =>
          server.owner.send(method, path, { headers: { 'Content-Type': 'application/json', ...headers }, raw });
        assertError(await send('POST', `/api/${collection}`, {}, body), 'invalid_request', names);
        const { id, updatedAt } = await server.owner.create(collection, fields());
        const version = { 'If-Match': `"${updatedAt}"` };
        for (const name of names) {
          const raw = `{${JSON.stringify(name)}:1}`;
          assertError(await send('PATCH', `/api/${collection}/${id}`, version, raw), 'invalid_request', [name]);
        }
        assertError(await send('PATCH', `/api/${collection}/${id}`, version, '{"__proto__":null}'), 'invalid_request', ['__proto__']);
        assert.equal((await server.owner.get(`/api/${collection}/${id}`)).body.record.updatedAt, updatedAt);
      }
    });

    test('refuses fields that only the server sets', async () => {
      const { id, updatedAt, payload } = await server.owner.create('invoices', invoice(buyer.id));
      for (const name of [
        'kind', 'creditedId', 'number', 'customerName', 'status', 'seller', 'buyer', 'subtotalMinor', 'taxes', 'totalMinor', 'paidMinor',
        'creditedMinor', 'payments', 'changedBy',
      ]) {
        for (const value of [payload[name] ?? null, 'x']) {
          assertError(await server.owner.post('/api/invoices', invoice(buyer.id, { [name]: value })), 'invalid_request', [name]);
          assertError(await server.owner.patch(`/api/invoices/${id}`, updatedAt, { [name]: value }), 'invalid_request', [name]);
        }
      }
      assert.deepEqual((await server.owner.get(`/api/invoices/${id}`)).body.record.payload, payload);
    });

    test('never contains a password or anything derived from it', async () => {
      const { id, updatedAt } = await server.owner.create('users', user('secretive@first.test', { password }));
      const path = `/api/users/${id}`;
      const patched = await server.owner.patch(path, updatedAt, { password: `${password}!` });
      const replies = [
        patched, await server.owner.get(path), await server.owner.patch(path, updatedAt, {}), await server.owner.pull(),
        await server.client.post('/api/auth/login', { email: 'secretive@first.test', password: `${password}!` }),
      ];
      for (const { text } of replies) assert.doesNotMatch(text, /argon|correct horse|passwordHash|"password"/i);
      assert.deepEqual(Object.keys(patched.body.record.payload), ['email', 'name', 'role', 'disabled', 'changedBy']);
    });

    test('is refused if the body is not an object', async () => {
      const { id, updatedAt } = await server.owner.create('plans', plan());
      for (const body of [null, [], [plan()], 'text', 5, true, undefined]) {
        assertError(await server.owner.post('/api/plans', body), 'invalid_request', ['.']);
        assertError(await server.owner.patch(`/api/plans/${id}`, updatedAt, body), 'invalid_request', ['.']);
      }
    });
  });
}
