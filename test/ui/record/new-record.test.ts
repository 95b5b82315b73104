// What a new record starts with.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newRecord } from '../../../ui/record/new-record.ts';
import type { Source } from '../../../ui/record/record-detail-data.ts';

/** A cache with one company, and no invoices. */
function source(company: object): Source {
  return {
    getRecord: async ({ id }) => ({ ok: true, value: { id, updatedAt: '', payload: { name: 'Blaufeder', ...company } } }),
    listPage: async () => ({ ok: true, value: { rows: [{ id: 'c', updatedAt: '', columns: {} }], total: 1 } }),
    selectionTotals: async () => ({ ok: true, value: [] }),
  };
}

test('a new customer is in the company\'s country, if that is known', async () => {
  const known = await newRecord(source({ address: { country: 'AT' } }), 'customers', '2026-11-30');
  assert.deepEqual(known, { currency: 'EUR', address: { country: 'AT' } });
  assert.deepEqual(await newRecord(source({}), 'customers', '2026-11-30'), { currency: 'EUR' });
});
