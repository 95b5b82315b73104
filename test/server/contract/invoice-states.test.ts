// The wire contract: the life of an invoice. What each state allows and refuses, and the input of each action.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type Payload, type Reply, type WireRecord } from '../../client.ts';
import { startServer, stores, type TestServer } from '../harness.ts';
import { customer, invoice, line } from '../samples.ts';

const thousand = { unitPriceMinor: 1000, taxRateBp: 0 };
const payment = (amountMinor: unknown = 100) => ({ amountMinor, paidOn: '2026-03-02' });

for (const store of stores) {
  describe(`an invoice, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let buyer: WireRecord;
    before(async () => {
      server = await startServer(store);
      buyer = await server.owner.create('customers', customer());
    });
    after(() => server.stop());

    const act = ({ id, updatedAt }: WireRecord, action: string, body?: unknown): Promise<Reply> =>
      server.owner.post(`/api/invoices/${id}/${action}`, body, { 'If-Match': `"${updatedAt}"` });
    const done = async (reply: Promise<Reply>): Promise<WireRecord> => {
      const { status, body, text } = await reply;
      assert.equal(status, 200, text);
      return body.record;
    };
    const patch = ({ id, updatedAt }: WireRecord, change: object) => server.owner.patch(`/api/invoices/${id}`, updatedAt, change);

    /** Creates an invoice over 1000 in each state. */
    const states: Readonly<Record<string, () => Promise<WireRecord>>> = {
      draft: () => server.owner.create('invoices', invoice(buyer.id, { lines: [line(thousand)], notes: 'n' })),
      sent: async () => done(act(await states['draft']?.() as WireRecord, 'send')),
      'sent and partly paid': async () => done(act(await states['sent']?.() as WireRecord, 'payments', payment(400))),
      paid: async () => done(act(await states['sent']?.() as WireRecord, 'payments', payment(1000))),
      'void after sent': async () => done(act(await states['sent']?.() as WireRecord, 'void')),
      'void after paid': async () => done(act(await states['paid']?.() as WireRecord, 'void')),
    };
    const everySent = ['sent', 'sent and partly paid', 'paid', 'void after sent', 'void after paid'];

    const attempts: Readonly<Record<string, { allowed: readonly string[]; run: (record: WireRecord) => Promise<Reply> }>> = {
      'be sent': { allowed: ['draft'], run: (record) => act(record, 'send') },
      'take a payment': { allowed: ['sent', 'sent and partly paid'], run: (record) => act(record, 'payments', payment(1)) },
      'be voided': { allowed: ['sent', 'sent and partly paid', 'paid'], run: (record) => act(record, 'void', {}) },
      'be deleted': { allowed: ['draft'], run: (record) => server.owner.remove(`/api/invoices/${record.id}`, record.updatedAt) },
      'have other notes': { allowed: ['draft', ...everySent], run: (record) => patch(record, { notes: 'other' }) },
      'lose its notes': { allowed: ['draft', ...everySent], run: (record) => patch(record, { notes: null }) },
      'have another due date': { allowed: ['draft', ...everySent], run: (record) => patch(record, { dueDate: '2027-01-01' }) },
      'be patched with what it holds': {
        allowed: ['draft', ...everySent],
        run: (record) => {
          const { customerId, issueDate, currency, lines } = record.payload;
          return patch(record, { customerId, issueDate, currency, lines });
        },
      },
      'have another customer': {
        allowed: ['draft'],
        run: async (record) => patch(record, { customerId: (await server.owner.create('customers', customer())).id }),
      },
      'have another issue date': { allowed: ['draft'], run: (record) => patch(record, { issueDate: '2026-01-16', notes: 'other' }) },
      'have another currency': { allowed: ['draft'], run: (record) => patch(record, { currency: 'USD' }) },
      'have other lines': { allowed: ['draft'], run: (record) => patch(record, { lines: [line()] }) },
      'have a unit on its line': { allowed: ['draft'], run: (record) => patch(record, { lines: [line({ ...thousand, unit: 'h' })] }) },
      'have no lines': { allowed: ['draft'], run: (record) => patch(record, { lines: [] }) },
    };

    for (const [state, make] of Object.entries(states)) {
      // What is refused leaves the invoice as it was, for all that are refused.
      let unchanged: WireRecord | undefined;
      for (const [what, { allowed, run }] of Object.entries(attempts)) {
        const isAllowed = allowed.includes(state);
        test(`that is ${state} ${isAllowed ? 'can' : 'cannot'} ${what}`, async () => {
          const record = isAllowed ? await make() : unchanged ??= await make();
          const reply = await run(record);
          if (isAllowed) {
            assert.equal(reply.status, 200, reply.text);
            return;
          }
          assertError(reply, 'conflict');
          assert.deepEqual((await server.owner.get(`/api/invoices/${record.id}`)).body.record, record);
        });
      }
    }

    test('changes only the affected fields at each step of its life', async () => {
      const changes = (before: Payload, after: Payload) =>
        Object.keys({ ...before, ...after }).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])).sort();
      const draft = await states['draft']?.() as WireRecord;
      const sent = await done(act(draft, 'send'));
      assert.deepEqual(changes(draft.payload, sent.payload), ['number', 'status']);
      const paid = await done(act(sent, 'payments', payment(400)));
      assert.deepEqual(changes(sent.payload, paid.payload), ['paidMinor', 'payments']);
      assert.deepEqual([paid.payload['status'], paid.payload['paidMinor'], paid.payload['payments']], ['sent', 400, [payment(400)]]);
      const noted = await done(patch(paid, { notes: 'other', dueDate: '2027-01-01' }));
      assert.deepEqual(changes(paid.payload, noted.payload), ['dueDate', 'notes']);
      const closed = await done(act(noted, 'payments', payment(600)));
      assert.deepEqual(changes(noted.payload, closed.payload), ['paidMinor', 'payments', 'status']);
      assert.deepEqual([closed.payload['status'], closed.payload['payments']], ['paid', [payment(400), payment(600)]]);
      const voided = await done(act(closed, 'void'));
      assert.deepEqual(changes(closed.payload, voided.payload), ['status']);
      assert.equal(voided.payload['status'], 'void');
      const bare = await done(patch(voided, { notes: null }));
      assert.deepEqual([changes(voided.payload, bare.payload), 'notes' in bare.payload], [['notes'], false]);
    });

    test('accepts payments up to the open amount and not one unit more', async () => {
      const sent = await states['sent and partly paid']?.() as WireRecord;
      assertError(await act(sent, 'payments', payment(601)), 'conflict');
      assertError(await act(sent, 'payments', payment(Number.MAX_SAFE_INTEGER)), 'conflict');
      const nearly = await done(act(sent, 'payments', payment(599)));
      assert.equal(nearly.payload['status'], 'sent');
      assertError(await act(nearly, 'payments', payment(2)), 'conflict');
      assert.equal((await done(act(nearly, 'payments', payment(1)))).payload['status'], 'paid');
    });

    test('accepts one of two concurrent payments of its open amount', async () => {
      const sent = await states['sent']?.() as WireRecord;
      const replies = await Promise.all([act(sent, 'payments', payment(1000)), act(sent, 'payments', payment(1000))]);
      assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 412]);
    });

    test('with a total of zero is paid as soon as it is sent', async () => {
      const draft = await server.owner.create('invoices', invoice(buyer.id, { lines: [line({ unitPriceMinor: 0 })] }));
      assert.equal((await done(act(draft, 'send'))).payload['status'], 'paid');
    });

    test('without lines cannot be sent', async () => {
      assertError(await act(await server.owner.create('invoices', invoice(buyer.id, { lines: [] })), 'send'), 'conflict');
    });

    test('refuses an invalid payment', async () => {
      const sent = await states['sent']?.() as WireRecord;
      for (const amountMinor of [0, -1, 1.5, '1', null, undefined, 2 ** 53, true, [], {}]) {
        assertError(await act(sent, 'payments', { amountMinor, paidOn: '2026-03-02' }), 'invalid_request', ['amountMinor']);
      }
      for (const paidOn of ['', '2026-02-30', '2026-03-02T00:00:00Z', 20260302, null, undefined, {}]) {
        assertError(await act(sent, 'payments', { amountMinor: 1, paidOn }), 'invalid_request', ['paidOn']);
      }
      assertError(await act(sent, 'payments', { ...payment(1), currency: 'EUR' }), 'invalid_request', ['currency']);
      assertError(await act(sent, 'payments', {}), 'invalid_request', ['amountMinor', 'paidOn']);
      for (const body of [undefined, null, [], 'x', 1]) assertError(await act(sent, 'payments', body), 'invalid_request', ['.']);
    });

    test('refuses fields for an action that has none', async () => {
      const draft = await states['draft']?.() as WireRecord;
      for (const action of ['send', 'void']) {
        assertError(await act(draft, action, { number: 'INV-1' }), 'invalid_request', ['number']);
        for (const body of [[], 'x', 1]) assertError(await act(draft, action, body), 'invalid_request', ['.']);
      }
    });

    test('refuses actions without its current version in If-Match', async () => {
      const sent = await states['sent']?.() as WireRecord;
      for (const action of ['send', 'payments', 'void']) {
        const path = `/api/invoices/${sent.id}/${action}`;
        assertError(await server.owner.post(path, payment(1)), 'invalid_request', ['If-Match']);
        assertError(await server.owner.post(path, payment(1), { 'If-Match': '*' }), 'invalid_request', ['If-Match']);
        const old = await server.owner.post(path, action === 'payments' ? payment(1) : {}, { 'If-Match': '"2026-01-01T00:00:00Z"' });
        assertError(old, 'precondition_failed');
        assert.deepEqual(old.body.error.current, sent);
      }
    });

    test('that does not exist answers 404, as does an unknown action, and 400 to an empty segment of the path', async () => {
      const draft = await states['draft']?.() as WireRecord;
      const unknown = { ...draft, id: '0123456789abcdef01234567' };
      for (const action of ['send', 'void']) assertError(await act(unknown, action), 'not_found');
      assertError(await act(unknown, 'payments', payment(1)), 'not_found');
      for (const action of ['pay', 'Send', 'toString', '__proto__', 'constructor']) assertError(await act(draft, action), 'not_found');
      for (const action of ['', 'send/']) assertError(await act(draft, action), 'invalid_request');
      assertError(await server.owner.post(`/api/customers/${buyer.id}/send`, {}, { 'If-Match': `"${buyer.updatedAt}"` }), 'not_found');
    });
  });
}
