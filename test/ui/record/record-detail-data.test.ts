// What the detail of a record shows beside the record, read from a real cache.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { getRecord, listPage, selectionTotals } from '../../../desktop/cache/cache.ts';
import { loadDetail } from '../../../ui/record/record-detail-data.ts';
import { fill, invoice, recordId, temporaryCache, upsert } from '../../desktop/cache/fixtures.ts';

test('a customer owes first what has been due longest, then what has no due date; what was overpaid comes last', async (t) => {
  const cache = temporaryCache(t);
  const owed = (number: number, dueDate: string | null, paidMinor = 0) =>
    upsert('invoices', number, invoice(number, { customerId: recordId(1), totalMinor: 100, paidMinor, dueDate }));
  fill(cache, [
    upsert('customers', 1, { name: 'Customer', currency: 'EUR' }),
    owed(1, null), owed(2, '2025-01-01', 130), owed(3, '2025-03-01'), owed(4, '2025-02-01'), owed(5, null, 100),
  ]);
  const source = {
    getRecord: ({ collection, id }: { collection: string; id: string }) => ok(getRecord(cache.reader, collection, id)),
    listPage: (query: Parameters<typeof listPage>[1]) => ok(listPage(cache.reader, query)),
    selectionTotals: (selection: Parameters<typeof selectionTotals>[1]) => ok(selectionTotals(cache.reader, selection)),
  };
  const detail = await loadDetail(source, 'customers', recordId(1));
  assert(detail.ok);
  assert.deepEqual(detail.value?.open?.rows.map(({ columns }) => [columns['dueDate'], columns['openMinor']]),
    [['2025-02-01', 100], ['2025-03-01', 100], [null, 100], ['2025-01-01', -30]]);
  assert.equal(detail.value.open.total, 4);
});

async function ok<T>(value: T): Promise<{ readonly ok: true; readonly value: T }> {
  return { ok: true, value };
}
