// The wire contract: the payments of an invoice, its refunds, and how they are taken back.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { maxPayments } from '../../../shared/collections.ts';
import { assertError, type Reply, type WireRecord } from '../../client.ts';
import { openStore, startServer, stores, type TestServer } from '../harness.ts';
import { customer, invoice, line } from '../samples.ts';

interface Payment {
  readonly id: string;
  readonly amountMinor: number;
}

const paidOn = '2026-03-02';

for (const store of stores) {
  describe(`payments, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let buyer: WireRecord;
    before(async () => {
      server = await startServer(store);
      buyer = await server.owner.create('customers', customer());
    });
    after(() => server.stop());

    const pay = ({ id, updatedAt }: WireRecord, amountMinor: number): Promise<Reply> =>
      server.owner.post(`/api/invoices/${id}/payments`, { amountMinor, paidOn }, { 'If-Match': `"${updatedAt}"` });
    const paid = async (record: WireRecord, amountMinor: number): Promise<WireRecord> => {
      const { status, body, text } = await pay(record, amountMinor);
      assert.equal(status, 200, text);
      return body.record;
    };
    const paymentsOf = ({ payload }: WireRecord): readonly Payment[] => payload['payments'] as readonly Payment[];
    const removePayment = ({ id, updatedAt }: WireRecord, paymentId: string, headers = {}): Promise<Reply> =>
      server.owner.send('DELETE', `/api/invoices/${id}/payments/${paymentId}`, { headers: { 'If-Match': `"${updatedAt}"`, ...headers } });
    const removed = async (record: WireRecord, index: number): Promise<WireRecord> => {
      const reply = await removePayment(record, paymentsOf(record)[index]?.id ?? '');
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.headers['etag'], `"${reply.body.record.updatedAt}"`);
      return reply.body.record;
    };
    const draft = (unitPriceMinor = 1000): Promise<WireRecord> =>
      server.owner.create('invoices', invoice(buyer.id, { lines: [line({ unitPriceMinor, taxRateBp: 0 })] }));
    const open = async (): Promise<WireRecord> => server.owner.act(await draft(), 'issue');
    const credited = async (record: WireRecord, unitPriceMinor: number): Promise<WireRecord> => {
      const note = await server.owner.act(record, 'credit');
      await server.owner.act(await server.owner.change('invoices', note, { lines: [line({ unitPriceMinor, taxRateBp: 0 })] }), 'issue');
      return server.owner.read('invoices', record.id);
    };
    const sums = ({ payload }: WireRecord) => [payload['status'], payload['paidMinor'], paymentsOf({ payload } as WireRecord).length];
    const assertBound = (reply: Reply, code: 'min' | 'max', bound: number): void => {
      assertError(reply, 'conflict', ['amountMinor']);
      assert.deepEqual(reply.body.error.fields?.['amountMinor']?.params, { [code]: bound });
    };

    test('are kept with method, reference and an id of their own', async () => {
      const given = { amountMinor: 400, paidOn, method: 'Bank transfer', reference: 'E2E-1' };
      const first = await server.owner.act(await open(), 'payments', given);
      const second = await paid(first, 600);
      const [one, two] = paymentsOf(second);
      assert.deepEqual(one, { id: one?.id, ...given });
      assert.deepEqual(two, { id: two?.id, amountMinor: 600, paidOn });
      for (const { id } of [one, two] as Payment[]) assert.match(id, /^[0-9a-f]{24}$/);
      assert.notEqual(one?.id, two?.id);
      assert.deepEqual(sums(second), ['paid', 1000, 2]);
    });

    test('go up to what is open and not one unit more', async () => {
      const issued = await paid(await open(), 400);
      assertBound(await pay(issued, 601), 'max', 600);
      assertBound(await pay(issued, Number.MAX_SAFE_INTEGER), 'max', 600);
      const nearly = await paid(issued, 599);
      assert.deepEqual(sums(nearly), ['open', 999, 2]);
      assertBound(await pay(nearly, 2), 'max', 1);
      const full = await paid(nearly, 1);
      assert.deepEqual(sums(full), ['paid', 1000, 3]);
      for (const amountMinor of [1, -1]) assertError(await pay(full, amountMinor), 'conflict', []);
    });

    test('cannot be negative while something is open', async () => {
      for (const amountMinor of [-1, -1000]) assertBound(await pay(await open(), amountMinor), 'min', 1);
    });

    test('go up to what a credit note has left', async () => {
      const left = await credited(await open(), 300);
      assertBound(await pay(left, 701), 'max', 700);
      assert.deepEqual(sums(await paid(left, 700)), ['paid', 700, 1]);
    });

    test('are refunds, down to what was overpaid, once a paid invoice is credited', async () => {
      const over = await credited(await paid(await open(), 1000), 300);
      assert.deepEqual(sums(over), ['open', 1000, 1]);
      assertBound(await pay(over, 1), 'max', -1);
      assertBound(await pay(over, -301), 'min', -300);
      const partly = await paid(over, -100);
      assert.deepEqual(sums(partly), ['open', 900, 2]);
      assert.deepEqual(sums(await paid(partly, -200)), ['paid', 700, 3]);
    });

    test('are taken back one by one, in any order', async () => {
      const full = await paid(await paid(await open(), 400), 600);
      const [first, second] = paymentsOf(full);
      const without = await removed(full, 0);
      assert.deepEqual([sums(without), paymentsOf(without)], [['open', 600, 1], [second]]);
      assertError(await removePayment(without, first?.id ?? ''), 'not_found');
      const none = await removed(without, 0);
      assert.deepEqual(sums(none), ['open', 0, 0]);
      assert.equal((await server.owner.act(none, 'void')).payload['status'], 'void');
    });

    test('are taken back only as far as nothing is refunded that was not paid', async () => {
      const refunded = await paid(await credited(await paid(await paid(await open(), 400), 600), 900), -900);
      assert.deepEqual(sums(refunded), ['paid', 100, 3]);
      assertError(await removePayment(refunded, paymentsOf(refunded)[0]?.id ?? ''), 'conflict');
      const again = await removed(refunded, 2);
      assert.deepEqual(sums(again), ['open', 1000, 2]);
      assert.deepEqual(sums(await removed(again, 1)), ['open', 400, 1]);
    });

    test('are taken back with the current version only, once per key, and not by other methods', async () => {
      const one = await paid(await open(), 400);
      const [{ id: paymentId } = { id: '' }] = paymentsOf(one);
      const path = `/api/invoices/${one.id}/payments/${paymentId}`;
      assertError(await server.owner.send('DELETE', path), 'invalid_request', ['If-Match']);
      assertError(await removePayment({ ...one, updatedAt: '2026-01-01T00:00:00Z' }, paymentId), 'precondition_failed');
      for (const unknown of ['0123456789abcdef01234567', 'x', '__proto__', one.id]) {
        assertError(await removePayment(one, unknown), 'not_found');
      }
      for (const method of ['GET', 'POST', 'PATCH']) {
        const reply = await server.owner.send(method, path);
        assertError(reply, 'method_not_allowed');
        assert.equal(reply.headers['allow'], 'DELETE');
      }
      const key = { 'Idempotency-Key': 'taken-back' };
      const replies = await Promise.all(Array.from({ length: 3 }, () => removePayment(one, paymentId, key)));
      assert.equal(new Set(replies.map(({ text }) => text)).size, 1);
      assert.deepEqual(sums(replies[0]?.body.record as WireRecord), ['open', 0, 0]);
      assertError(await removePayment(one, '0123456789abcdef01234567', key), 'conflict');
    });

    test('are as many as an invoice can have at most', async () => {
      const { id } = await server.owner.act(await draft(maxPayments + 1), 'issue');
      const { user: { accountId } } = (await server.owner.get('/api/auth/me')).body;
      const target = await openStore(server, () => server.clock.ms);
      await target.write(accountId, async (transaction) => {
        const record = await transaction.get('invoices', id);
        assert.ok(record);
        const payments = Array.from({ length: maxPayments - 1 }, (_, index) => ({ id: `p${index}`, amountMinor: 1, paidOn }));
        const payload = { ...JSON.parse(record.payload) as object, paidMinor: payments.length, payments };
        transaction.put('invoices', id, { ...record, payload: JSON.stringify(payload) }, record);
      });
      await target.close();
      const full = await paid(await server.owner.read('invoices', id), 1);
      assert.deepEqual(sums(full), ['open', maxPayments, maxPayments]);
      assertError(await pay(full, 1), 'conflict');
      assert.deepEqual(sums(await removed(full, 0)), ['open', maxPayments - 1, maxPayments - 1]);
    });

    test('are accepted once when two of the open amount come at once', async () => {
      const issued = await open();
      const replies = await Promise.all([pay(issued, 1000), pay(issued, 1000)]);
      assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 412]);
    });
  });
}
