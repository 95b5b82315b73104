// The wire contract: the life of an invoice. What each state allows and refuses, and the input of each action.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type Payload, type Reply, type WireRecord } from '../../client.ts';
import { amount } from '../../sync/seeds.ts';
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

    /** Makes an invoice over 1000, or a credit note of one, in each state. */
    const states: Readonly<Record<string, () => Promise<WireRecord>>> = {
      draft: () => server.owner.create('invoices', invoice(buyer.id, {
        lines: [line(thousand)], note: 'n', internalNote: 'n', orderNumber: '1', servicePeriod: { from: '2026-01-01', to: '2026-01-31' },
      })),
      open: async () => server.owner.act(await make('draft'), 'issue'),
      'partly paid': async () => server.owner.act(await make('open'), 'payments', payment(400)),
      paid: async () => server.owner.act(await make('open'), 'payments', payment(1000)),
      void: async () => server.owner.act(await make('open'), 'void'),
      'partly credited': async () => credited(await make('open'), 400),
      'partly credited after it was paid': async () => credited(await make('paid'), 400),
      'credited in full': async () => credited(await make('open'), 1000),
      'a draft credit note': async () => server.owner.act(await make('open'), 'credit'),
      'an issued credit note': async () => server.owner.act(await make('a draft credit note'), 'issue'),
    };
    const make = (state: string): Promise<WireRecord> => (states[state] as () => Promise<WireRecord>)();
    /** The invoice after a credit note over the amount. */
    const credited = async (record: WireRecord, amountMinor: number): Promise<WireRecord> => {
      const note = await server.owner.act(record, 'credit');
      await server.owner.act(await done(patch(note, { lines: [line({ ...thousand, unitPriceMinor: amountMinor })] })), 'issue');
      return server.owner.read('invoices', record.id);
    };
    const drafts = ['draft', 'a draft credit note'];
    const all = Object.keys(states);

    const attempts: Readonly<Record<string, { allowed: readonly string[]; run: (record: WireRecord) => Promise<Reply> }>> = {
      'be issued': { allowed: drafts, run: (record) => act(record, 'issue') },
      'take a payment': { allowed: ['open', 'partly paid', 'partly credited'], run: (record) => act(record, 'payments', payment(1)) },
      'take a refund': { allowed: ['partly credited after it was paid'], run: (record) => act(record, 'payments', payment(-1)) },
      'be credited': {
        allowed: ['open', 'partly paid', 'paid', 'partly credited', 'partly credited after it was paid'],
        run: (record) => act(record, 'credit'),
      },
      'be voided': { allowed: ['open'], run: (record) => act(record, 'void', {}) },
      'be deleted': { allowed: drafts, run: (record) => server.owner.remove(`/api/invoices/${record.id}`, record.updatedAt) },
      'have another internal note': { allowed: all, run: (record) => patch(record, { internalNote: 'other' }) },
      'lose its internal note': { allowed: all, run: (record) => patch(record, { internalNote: null }) },
      'have another due date': { allowed: all, run: (record) => patch(record, { dueDate: '2027-01-01' }) },
      'lose its due date': { allowed: all, run: (record) => patch(record, { dueDate: null }) },
      'be patched with what it holds': {
        allowed: all,
        run: (record) => {
          const { customerId, issueDate, currency, lines, servicePeriod, orderNumber } = record.payload;
          return patch(record, { customerId, issueDate, currency, lines, servicePeriod, orderNumber });
        },
      },
      'have another customer': {
        allowed: ['draft'],
        run: async (record) => patch(record, { customerId: (await server.owner.create('customers', customer())).id }),
      },
      'have another currency': { allowed: ['draft'], run: (record) => patch(record, { currency: 'USD' }) },
      'have another issue date': { allowed: drafts, run: (record) => patch(record, { issueDate: '2026-01-16', internalNote: 'other' }) },
      'have another printed note': { allowed: drafts, run: (record) => patch(record, { note: 'other' }) },
      'lose its order number': { allowed: drafts, run: (record) => patch(record, { orderNumber: null }) },
      'have another period of service': { allowed: drafts, run: (record) => patch(record, { servicePeriod: { to: null } }) },
      'have a buyer reference': { allowed: drafts, run: (record) => patch(record, { buyerReference: '04011000-1234512345-06' }) },
      'have other lines': { allowed: drafts, run: (record) => patch(record, { lines: [line()] }) },
      'have a unit on its line': { allowed: drafts, run: (record) => patch(record, { lines: [line({ ...thousand, unit: 'h' })] }) },
      'have no lines': { allowed: drafts, run: (record) => patch(record, { lines: [] }) },
    };

    // The rules are the same on each store.
    for (const state of store.kind === 'mongodb' ? all.slice(-amount(3, all.length)) : all) {
      // What is refused leaves the invoice as it was, for all that are refused.
      let unchanged: WireRecord | undefined;
      for (const [what, { allowed, run }] of Object.entries(attempts)) {
        const isAllowed = allowed.includes(state);
        test(`that is ${state} ${isAllowed ? 'can' : 'cannot'} ${what}`, async () => {
          const record = isAllowed ? await make(state) : unchanged ??= await make(state);
          const reply = await run(record);
          if (isAllowed) {
            assert.equal(reply.status, what === 'be credited' ? 201 : 200, reply.text);
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
      const draft = await make('draft');
      const issued = await server.owner.act(draft, 'issue');
      assert.deepEqual(changes(draft.payload, issued.payload), ['buyer', 'number', 'seller', 'status']);
      const paid = await server.owner.act(issued, 'payments', payment(400));
      assert.deepEqual(changes(issued.payload, paid.payload), ['paidMinor', 'payments']);
      assert.deepEqual([paid.payload['status'], paid.payload['paidMinor']], ['open', 400]);
      const noted = await done(patch(paid, { internalNote: 'other', dueDate: '2027-01-01' }));
      assert.deepEqual(changes(paid.payload, noted.payload), ['dueDate', 'internalNote']);
      const closed = await server.owner.act(noted, 'payments', payment(600));
      assert.deepEqual(changes(noted.payload, closed.payload), ['paidMinor', 'payments', 'status']);
      assert.equal(closed.payload['status'], 'paid');
      const afterCredit = await credited(closed, 400);
      assert.deepEqual(changes(closed.payload, afterCredit.payload), ['creditedMinor', 'status']);
      const bare = await done(patch(afterCredit, { internalNote: null, dueDate: null }));
      assert.deepEqual(changes(afterCredit.payload, bare.payload), ['dueDate', 'internalNote']);
      assert.deepEqual(['internalNote', 'dueDate'].filter((name) => name in bare.payload), []);
      const open = await make('open');
      assert.deepEqual(changes(open.payload, (await server.owner.act(open, 'void')).payload), ['status']);
    });

    test('names each field that can no longer change', async () => {
      const open = await make('open');
      const refused = await patch(open, { note: null, orderNumber: '2', buyerReference: 'x', servicePeriod: null, internalNote: 'other' });
      assertError(refused, 'conflict', ['buyerReference', 'note', 'orderNumber', 'servicePeriod']);
      assert.deepEqual(new Set(Object.values(refused.body.error.fields ?? {}).map(({ code }) => code)), new Set(['frozen']));
      assertError(await patch(await make('a draft credit note'), { currency: 'USD' }), 'conflict', ['currency']);
    });

    test('with a total of zero is paid as soon as it is issued', async () => {
      const draft = await server.owner.create('invoices', invoice(buyer.id, { lines: [line({ unitPriceMinor: 0 })] }));
      assert.equal((await server.owner.act(draft, 'issue')).payload['status'], 'paid');
    });

    test('without lines cannot be issued', async () => {
      assertError(await act(await server.owner.create('invoices', invoice(buyer.id, { lines: [] })), 'issue'), 'conflict');
    });

    test('refuses an invalid payment', async () => {
      const issued = await make('open');
      for (const amountMinor of [0, 1.5, '1', null, undefined, 2 ** 53, true, [], {}]) {
        assertError(await act(issued, 'payments', { amountMinor, paidOn: '2026-03-02' }), 'invalid_request', ['amountMinor']);
      }
      for (const paidOn of ['', '2026-02-30', '2026-03-02T00:00:00Z', 20260302, null, undefined, {}]) {
        assertError(await act(issued, 'payments', { amountMinor: 1, paidOn }), 'invalid_request', ['paidOn']);
      }
      assertError(await act(issued, 'payments', { ...payment(1), currency: 'EUR' }), 'invalid_request', ['currency']);
      for (const [field, size] of [['method', 100], ['reference', 200]] as const) {
        for (const value of [1, {}, 'two\nlines', 'a'.repeat(size + 1)]) {
          assertError(await act(issued, 'payments', { ...payment(1), [field]: value }), 'invalid_request', [field]);
        }
      }
      assertError(await act(issued, 'payments', {}), 'invalid_request', ['amountMinor', 'paidOn']);
      for (const body of [undefined, null, [], 'x', 1]) assertError(await act(issued, 'payments', body), 'invalid_request', ['.']);
    });

    test('refuses fields for an action that has none', async () => {
      const draft = await make('draft');
      for (const action of ['issue', 'credit', 'void']) {
        assertError(await act(draft, action, { number: 'INV-1' }), 'invalid_request', ['number']);
        for (const body of [[], 'x', 1]) assertError(await act(draft, action, body), 'invalid_request', ['.']);
      }
    });

    test('refuses actions without its current version in If-Match', async () => {
      const issued = await make('open');
      for (const action of ['issue', 'payments', 'credit', 'void']) {
        const path = `/api/invoices/${issued.id}/${action}`;
        assertError(await server.owner.post(path, payment(1)), 'invalid_request', ['If-Match']);
        assertError(await server.owner.post(path, payment(1), { 'If-Match': '*' }), 'invalid_request', ['If-Match']);
        const old = await server.owner.post(path, action === 'payments' ? payment(1) : {}, { 'If-Match': '"2026-01-01T00:00:00Z"' });
        assertError(old, 'precondition_failed');
        assert.deepEqual(old.body.error.current, issued);
      }
    });

    test('that does not exist answers 404, as does an unknown action, and 400 to an empty segment of the path', async () => {
      const draft = await make('draft');
      const unknown = { ...draft, id: '0123456789abcdef01234567' };
      for (const action of ['issue', 'credit', 'void']) assertError(await act(unknown, action), 'not_found');
      assertError(await act(unknown, 'payments', payment(1)), 'not_found');
      for (const action of ['pay', 'send', 'Issue', 'unpay', ':entry', 'toString', '__proto__', 'constructor']) {
        assertError(await act(draft, action), 'not_found');
      }
      for (const action of ['', 'send/']) assertError(await act(draft, action), 'invalid_request');
      assertError(await server.owner.post(`/api/customers/${buyer.id}/issue`, {}, { 'If-Match': `"${buyer.updatedAt}"` }), 'not_found');
    });
  });
}
