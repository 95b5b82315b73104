// The wire contract: credit notes. What one takes over from its invoice, how much they can credit, and what becomes of the invoice.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { maxCreditNotes } from '../../../shared/collections.ts';
import { assertError, fieldsOf, type Reply, type WireRecord } from '../../client.ts';
import { firstOwner, password, startServer, stores, type TestServer } from '../harness.ts';
import { customer, invoice, line } from '../samples.ts';

interface Entry {
  readonly number: number;
  readonly action: string;
  readonly record: string;
  readonly request: string;
  readonly fields: readonly string[];
}

for (const store of stores) {
  describe(`a credit note, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let buyer: WireRecord;
    before(async () => {
      server = await startServer(store);
      buyer = await server.owner.create('customers', customer());
    });
    after(() => server.stop());

    const over = (unitPriceMinor: number) => ({ lines: [line({ unitPriceMinor, taxRateBp: 0 })] });
    const open = async (fields: object = over(1000)): Promise<WireRecord> =>
      server.owner.act(await server.owner.create('invoices', invoice(buyer.id, fields)), 'issue');
    const act = ({ id, updatedAt }: WireRecord, action: string): Promise<Reply> =>
      server.owner.post(`/api/invoices/${id}/${action}`, undefined, { 'If-Match': `"${updatedAt}"` });
    const credit = (record: WireRecord): Promise<WireRecord> => server.owner.act(record, 'credit');
    const reread = ({ id }: WireRecord): Promise<WireRecord> => server.owner.read('invoices', id);
    /** A draft over the amount. */
    const draftOver = async (record: WireRecord, amountMinor: number): Promise<WireRecord> =>
      server.owner.change('invoices', await credit(record), over(amountMinor));
    const state = ({ payload }: WireRecord) => [payload['status'], payload['creditedMinor']];

    test('begins as a draft with what the invoice charges, of today, and leaves the invoice as it is', async () => {
      const invoiced = await open({
        lines: [line(), line({ taxRateBp: 0, taxCategory: 'E' })], taxExemptionReason: 'Insurance', buyerReference: 'b', orderNumber: 'o',
        servicePeriod: { from: '2026-01-01', to: '2026-01-31' }, note: 'Thank you', internalNote: 'Slow payer',
      });
      const reply = await act(invoiced, 'credit');
      assert.equal(reply.status, 201, reply.text);
      const { id, updatedAt } = reply.body.record;
      assert.equal(reply.headers['etag'], `"${updatedAt}"`);
      const {
        lines, taxExemptionReason, buyerReference, orderNumber, servicePeriod, currency, subtotalMinor, taxes, totalMinor,
      } = invoiced.payload;
      assert.deepEqual(fieldsOf(reply.body.record), {
        kind: 'credit_note', creditedId: invoiced.id, customerId: buyer.id, customerName: 'Café Müller', status: 'draft',
        issueDate: new Date(server.clock.ms).toISOString().slice(0, 10), servicePeriod, buyerReference, orderNumber, currency, lines,
        taxExemptionReason, subtotalMinor, taxes, totalMinor, paidMinor: 0, creditedMinor: 0, payments: [],
      });
      assert.deepEqual(await server.owner.read('invoices', id), reply.body.record);
      assert.deepEqual(await reread(invoiced), invoiced);
    });

    test('begins with the day that is sent, such as the one where its writer is', async () => {
      const invoiced = await open();
      const headers = { 'If-Match': `"${invoiced.updatedAt}"` };
      for (const body of [{ issueDate: '2026-02-30' }, { issueDate: 1 }, { dueDate: '2026-03-01' }, []]) {
        assert.equal((await server.owner.post(`/api/invoices/${invoiced.id}/credit`, body, headers)).status, 400, JSON.stringify(body));
      }
      const reply = await server.owner.post(`/api/invoices/${invoiced.id}/credit`, { issueDate: '2026-03-01' }, headers);
      assert.equal(reply.status, 201, reply.text);
      assert.equal(reply.body.record.payload['issueDate'], '2026-03-01');
    });

    test('gets a number of its own series and is paid once it is issued; in the same instant the invoice is credited', async () => {
      const invoiced = await open();
      const { serverTime } = (await server.owner.pull()).body;
      const note = await server.owner.act(await credit(invoiced), 'issue');
      assert.match(String(note.payload['number']), /^CN-2026-\d{5}$/);
      assert.deepEqual(state(note), ['paid', 0]);
      const credited = await reread(invoiced);
      assert.deepEqual(state(credited), ['paid', 1000]);
      const { changes } = (await server.owner.pull(`?since=${serverTime}`)).body;
      assert.deepEqual(changes.map(({ mongoId, updatedAt }) => [mongoId, updatedAt]), [
        [note.id, note.updatedAt], [invoiced.id, credited.updatedAt],
      ]);
      const next = await server.owner.act(await credit(await open()), 'issue');
      assert.equal(Number(String(next.payload['number']).slice(-5)), Number(String(note.payload['number']).slice(-5)) + 1);
    });

    test('can be one of several, up to the invoice\'s total', async () => {
      const invoiced = await open();
      const [first, second, third] = [await draftOver(invoiced, 300), await draftOver(invoiced, 700), await draftOver(invoiced, 701)];
      await server.owner.act(first, 'issue');
      assert.deepEqual(state(await reread(invoiced)), ['open', 300]);
      const refused = await act(third, 'issue');
      assertError(refused, 'conflict', ['lines']);
      assert.deepEqual(refused.body.error.fields?.['lines']?.params, { max: 700 });
      await server.owner.act(second, 'issue');
      const full = await reread(invoiced);
      assert.deepEqual(state(full), ['paid', 1000]);
      assertError(await act(third, 'issue'), 'conflict');
      assertError(await act(await server.owner.change('invoices', third, over(0)), 'issue'), 'conflict');
      assertError(await act(full, 'credit'), 'conflict');
      for (const record of [full, await server.owner.read('invoices', first.id)]) {
        for (const action of ['void', 'issue', 'credit']) assertError(await act(record, action), 'conflict');
        assertError(await server.owner.remove(`/api/invoices/${record.id}`, record.updatedAt), 'conflict');
      }
    });

    test('has no more at a tax rate than its invoice has', async () => {
      const at = (unitPriceMinor: number, taxRateBp: number, fields = {}) =>
        line({ unitPriceMinor, taxRateBp, quantityMilli: 1000, ...fields });
      const exempt = { taxCategory: 'E' } as const;
      const invoiced = await open({ lines: [at(1000, 1900), at(500, 0, exempt), at(-100, 700)], taxExemptionReason: 'Insurance' });
      const refusal = async (...lines: object[]): Promise<unknown> => {
        const reply = await act(await server.owner.change('invoices', await credit(await reread(invoiced)), { lines }), 'issue');
        if (reply.status === 200) return null;
        assertError(reply, 'conflict', ['lines']);
        return reply.body.error.fields?.['lines']?.params;
      };
      assert.deepEqual(await refusal(at(1, 500)), { max: 0, category: 'S', rateBp: 500 });
      assert.deepEqual(await refusal(at(1, 700)), { max: 0, category: 'S', rateBp: 700 });
      assert.deepEqual(await refusal(at(1001, 1900)), { max: 1000, category: 'S', rateBp: 1900 });
      assert.deepEqual(await refusal(at(501, 0, exempt)), { max: 500, category: 'E', rateBp: 0 });
      assert.deepEqual(await refusal(at(1, 0)), { max: 0, category: 'Z', rateBp: 0 });
      assert.equal(await refusal(at(600, 1900), at(-100, 1900), at(0, 500), at(250, 0, exempt), at(-100, 700)), null);
      assert.equal(await refusal(at(250, 0, exempt)), null);
    });

    for (const [priceMinor, last] of [[1003, 1193], [1013, 1206]] as const) {
      test(`over the rest of an invoice leaves nothing of it open, however each part is rounded (2 × ${priceMinor})`, async () => {
        const part = line({ unitPriceMinor: priceMinor, taxRateBp: 1900 });
        const invoiced = await open({ lines: [part, part] });
        const parts: number[] = [];
        for (const _ of [1, 2]) {
          const draft = await server.owner.change('invoices', await credit(await reread(invoiced)), { lines: [part] });
          parts.push(Number((await server.owner.act(draft, 'issue')).payload['totalMinor']));
        }
        assert.deepEqual([parts[1], parts.reduce((sum, total) => sum + total, 0)], [last, invoiced.payload['totalMinor']]);
        assert.deepEqual(state(await reread(invoiced)), ['paid', invoiced.payload['totalMinor']]);
      });
    }

    test('has what is left of the tax when it is issued, which may be less or more than when it was saved', async () => {
      for (const [priceMinor, last] of [[1003, 1193], [1013, 1206]] as const) {
        const part = line({ unitPriceMinor: priceMinor, taxRateBp: 1900 });
        const invoiced = await open({ lines: [part, part] });
        const drafts = [await credit(invoiced), await credit(invoiced)];
        const saved = await Promise.all(drafts.map((draft) => server.owner.change('invoices', draft, { lines: [part] })));
        const [first, second] = saved;
        assert.ok(first && second);
        await server.owner.act(first, 'issue');
        const { payload } = await server.owner.act(second, 'issue');
        assert.deepEqual([payload['totalMinor'] === second.payload['totalMinor'], payload['totalMinor']], [false, last]);
        assert.deepEqual(state(await reread(invoiced)), ['paid', invoiced.payload['totalMinor']]);
      }
    });

    test('has, as a draft, what is left of the tax when it is saved', async () => {
      const part = line({ unitPriceMinor: 1003, taxRateBp: 1900 });
      const invoiced = await open({ lines: [part, part] });
      const drafts = [await credit(invoiced), await credit(invoiced)];
      const [first, second] = await Promise.all(drafts.map((draft) => server.owner.change('invoices', draft, { lines: [part] })));
      assert.ok(first && second);
      assert.equal(second.payload['totalMinor'], 1194);
      await server.owner.act(first, 'issue');
      const saved = await server.owner.change('invoices', second, { lines: [part] });
      assert.equal(saved.payload['totalMinor'], 1193);
    });

    test('takes no more of a tax rate than earlier ones have left of it', async () => {
      const at = (unitPriceMinor: number, taxRateBp: number) => line({ unitPriceMinor, taxRateBp });
      const invoiced = await open({ lines: [at(10_000, 1900), at(10_000, 700)] });
      const draft = async (lines: readonly object[]): Promise<WireRecord> =>
        server.owner.change('invoices', await credit(await reread(invoiced)), { lines });
      await server.owner.act(await draft([at(10_000, 1900)]), 'issue');
      const again = await draft([at(8900, 1900)]);
      const refused = await act(again, 'issue');
      assertError(refused, 'conflict', ['lines']);
      assert.deepEqual(refused.body.error.fields?.['lines']?.params, { max: 0, category: 'S', rateBp: 1900 });
      await server.owner.act(await draft([at(10_000, 700)]), 'issue');
      assert.deepEqual(state(await reread(invoiced)), ['paid', invoiced.payload['totalMinor']]);
    });

    test('corrects an invoice that comes to 0, too, once; without one, such an invoice can be voided', async () => {
      const settled = { lines: [line({ unitPriceMinor: 100_000, taxRateBp: 1900 }), line({ unitPriceMinor: -119_000, taxRateBp: 0 })] };
      const invoiced = await open(settled);
      assert.deepEqual(state(invoiced), ['paid', 0]);
      const note = await server.owner.act(await credit(invoiced), 'issue');
      assert.deepEqual(note.payload['taxes'], invoiced.payload['taxes']);
      const now = await reread(invoiced);
      assertError(await act(now, 'credit'), 'conflict');
      assertError(await act(now, 'void'), 'conflict');
      assert.deepEqual(state(await server.owner.act(await open(settled), 'void')), ['void', 0]);
    });

    test('begins with the whole again, however much of it is credited, to be cut down', async () => {
      const lines = (share: number) => ({ lines: [
        line({ unitPriceMinor: 100_000 / share, taxRateBp: 1900 }), line({ unitPriceMinor: -115_000 / share, taxRateBp: 0 }),
      ] });
      const invoiced = await open(lines(1));
      for (const _ of [1, 2]) {
        const draft = await credit(await reread(invoiced));
        assert.equal(draft.payload['totalMinor'], invoiced.payload['totalMinor']);
        await server.owner.act(await server.owner.change('invoices', draft, lines(2)), 'issue');
      }
      assert.deepEqual(state(await reread(invoiced)), ['paid', invoiced.payload['totalMinor']]);
    });

    test('is the last that its invoice can have once there are as many as it can have, drafts included', async () => {
      // A session of its own, as one can make only so many records at once.
      const owner = await server.client.login(firstOwner, password);
      const invoiced = await open();
      const creditOnce = (): Promise<Reply> =>
        owner.post(`/api/invoices/${invoiced.id}/credit`, undefined, { 'If-Match': `"${invoiced.updatedAt}"` });
      const replies = await Promise.all(Array.from({ length: maxCreditNotes }, creditOnce));
      assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([201]));
      assertError(await creditOnce(), 'conflict');
      const [{ body: { record } } = await creditOnce()] = replies;
      await owner.remove(`/api/invoices/${record.id}`, record.updatedAt);
      assert.equal((await creditOnce()).status, 201);
      assertError(await creditOnce(), 'conflict');
    });

    test('uses up no number when it is refused', async () => {
      const invoiced = await open();
      const tooMuch = await draftOver(invoiced, 1001);
      const countOf = ({ payload }: WireRecord): number => Number(String(payload['number']).slice(-5));
      const issueNext = async (): Promise<number> => countOf(await server.owner.act(await credit(await open()), 'issue'));
      const before = await issueNext();
      assertError(await act(tooMuch, 'issue'), 'conflict');
      assert.equal(await issueNext(), before + 1);
      assert.deepEqual(await reread(invoiced), invoiced);
    });

    test('over the whole can be issued once when two are at once', async () => {
      const invoiced = await open();
      const notes = [await credit(invoiced), await credit(invoiced)];
      const replies = await Promise.all(notes.map((note) => act(note, 'issue')));
      assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 409]);
      assert.deepEqual(state(await reread(invoiced)), ['paid', 1000]);
    });

    test('of a paid invoice leaves a refund open', async () => {
      const invoiced = await server.owner.act(await open(), 'payments', { amountMinor: 1000, paidOn: '2026-03-01' });
      await server.owner.act(await draftOver(invoiced, 1), 'issue');
      const credited = await reread(invoiced);
      assert.deepEqual([state(credited), credited.payload['paidMinor']], [['open', 1], 1000]);
      const refunded = await server.owner.act(credited, 'payments', { amountMinor: -1, paidOn: '2026-03-01' });
      assert.deepEqual([state(refunded), refunded.payload['paidMinor']], [['paid', 1], 999]);
    });

    test('can be deleted while it is a draft, and cannot be issued once its invoice is void', async () => {
      const invoiced = await open();
      const [one, other] = [await credit(invoiced), await credit(invoiced)];
      assert.equal((await server.owner.remove(`/api/invoices/${one.id}`, one.updatedAt)).status, 200);
      const voided = await server.owner.act(invoiced, 'void');
      assertError(await act(voided, 'credit'), 'conflict');
      assertError(await act(other, 'issue'), 'conflict');
      assert.equal((await server.owner.remove(`/api/invoices/${other.id}`, other.updatedAt)).status, 200);
      assert.deepEqual(await reread(voided), voided);
    });

    test('keeps its customer from being deleted', async () => {
      const someone = await server.owner.create('customers', customer());
      const draft = await server.owner.create('invoices', invoice(someone.id));
      await server.owner.act(await credit(await server.owner.act(draft, 'issue')), 'issue');
      assertError(await server.owner.remove(`/api/customers/${someone.id}`, someone.updatedAt), 'conflict');
    });

    test('is made once per key, whatever has become of it since', async () => {
      const { id, updatedAt } = await open();
      const post = (body?: object) => server.owner.post(
        `/api/invoices/${id}/credit`, body, { 'If-Match': `"${updatedAt}"`, 'Idempotency-Key': `credit-${id}` },
      );
      const replies = await Promise.all([post(), post({}), post()]);
      assert.deepEqual(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size, 1);
      const [{ body: { record } } = await post()] = replies;
      await server.owner.remove(`/api/invoices/${record.id}`, record.updatedAt);
      assert.equal((await post()).text, replies[0]?.text);
      assertError(await server.owner.get(`/api/invoices/${record.id}`), 'not_found');
    });

    test('and what it changes are in the audit trail, under one request', async () => {
      const invoiced = await open();
      const note = await credit(invoiced);
      await server.owner.act(note, 'issue');
      const paid = await server.owner.act(await open(), 'payments', { amountMinor: 1, paidOn: '2026-03-01' });
      const [{ id: paymentId } = { id: '' }] = paid.payload['payments'] as { id: string }[];
      await server.owner.remove(`/api/invoices/${paid.id}/payments/${paymentId}`, paid.updatedAt);
      const { entries } = (await server.owner.get('/api/audit?limit=1000')).body as unknown as { entries: readonly Entry[] };
      const named = entries.slice(entries.findIndex(({ record }) => record === note.id))
        .filter(({ record }) => [note.id, invoiced.id, paid.id].includes(record));
      const isNew = (action: string): boolean => action === 'credit' || action === 'create';
      assert.deepEqual(named.map(({ action, record, fields }) => [action, record, isNew(action) ? [] : fields.toSorted()]), [
        ['credit', note.id, []],
        ['issue', note.id, ['buyer', 'number', 'seller', 'status']],
        ['issue', invoiced.id, ['creditedMinor', 'status']],
        ['create', paid.id, []],
        ['issue', paid.id, ['buyer', 'number', 'seller', 'status']],
        ['payments', paid.id, ['paidMinor', 'payments']],
        ['payment-removed', paid.id, ['paidMinor', 'payments']],
      ]);
      assert.equal(named[1]?.request, named[2]?.request);
      assert.notEqual(named[0]?.request, named[1]?.request);
    });
  });
}
