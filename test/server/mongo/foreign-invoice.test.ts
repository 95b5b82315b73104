// An invoice of another program as one of ours, where the mapping does not have its payments.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { JsonObject } from '../../../shared/fields.ts';
import { takeForeignInvoice } from '../../../server/mongo/foreign-invoice.ts';

const id = '0123456789abcdef01234567';
const input: JsonObject = {
  customerId: 'fedcba987654321001234567', issueDate: '2025-01-15', currency: 'EUR',
  lines: [{ description: 'Work', quantityMilli: 1000, unitPriceMinor: 1000, taxRateBp: 0 }],
};

function take(status: string, previous: JsonObject | null = null, own: JsonObject = input): JsonObject {
  return takeForeignInvoice({ id, input: own, fields: { number: 'RE-1', status }, customer: { name: 'One' }, previous }).payload;
}

/** As `take` gives it, but for what people have recorded since. */
function recorded(payments: readonly JsonObject[], creditedMinor = 0): JsonObject {
  const paidMinor = payments.reduce((sum, { amountMinor }) => sum + Number(amountMinor), 0);
  return { ...take('open'), payments, paidMinor, creditedMinor };
}

describe('an invoice of another program', () => {
  test('that is paid there gets a payment of what is open here, on its date, beside those that were recorded here', () => {
    const payment = { id: 'p', amountMinor: 300, paidOn: '2025-02-01' };
    const { payments, paidMinor, status } = take('paid', recorded([payment], 200));
    const [first, { id: own, ...second } = { id: '' }, ...others] = payments as readonly JsonObject[];
    assert.deepEqual([first, second, others], [payment, { amountMinor: 500, paidOn: '2025-01-15' }, []]);
    assert.match(String(own), /^[0-9a-f]{24}$/);
    assert.deepEqual([paidMinor, status], [800, 'paid']);
    assert.deepEqual(take('paid', take('paid')), take('paid'), 'taken over again');
  });

  test('that is open or void there keeps the payments that were recorded here', () => {
    const payment = { id: 'p', amountMinor: 300, paidOn: '2025-02-01' };
    for (const status of ['open', 'void']) assert.deepEqual(take(status, recorded([payment]))['payments'], [payment]);
  });

  test('keeps whom it was for until it is another customer\'s', () => {
    const previous = take('open');
    const renamed = (own: JsonObject): JsonObject =>
      takeForeignInvoice({ id, input: own, fields: { number: 'RE-1', status: 'open' }, customer: { name: 'Two' }, previous }).payload;
    assert.deepEqual([renamed(input)['customerName'], renamed(input)['buyer']], ['One', { name: 'One' }]);
    const moved = renamed({ ...input, customerId: '0000000000000000deadbeef' });
    assert.deepEqual([moved['customerName'], moved['buyer']], ['Two', { name: 'Two' }]);
  });

  test('does not come to less than was paid or credited here, and a draft has neither number nor payments', () => {
    const less: JsonObject = { ...input, lines: [{ description: 'Work', quantityMilli: 1000, unitPriceMinor: 299, taxRateBp: 0 }] };
    const payment = { id: 'p', amountMinor: 300, paidOn: '2025-02-01' };
    assert.throws(() => take('open', recorded([payment]), less), /payments exceed the total/);
    assert.throws(() => take('open', recorded([], 300), less), /lines come to less than what was credited/);
    const draft = (fields: JsonObject): unknown =>
      takeForeignInvoice({ id, input, fields: { status: 'draft', ...fields }, customer: { name: 'One' }, previous: null });
    assert.throws(() => draft({ number: 'RE-1' }), /number is given to a draft/);
    assert.throws(() => draft({ paidMinor: 1 }), /payments are recorded for a draft/);
  });
});
