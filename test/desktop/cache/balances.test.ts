// What customers owe: added up per currency as of a day, sorted, and never stale.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { applyChanges, listPage, listRows, withSnapshot, type Cache } from '../../../desktop/cache/cache.ts';
import { openMinorOf } from '../../../shared/invoice.ts';
import type { ListRow } from '../../../shared/window/views.ts';
import { failsWith, fill, invoice, recordId, temporaryCache, tombstone, upsert } from './fixtures.ts';

const today = '2025-03-01';
const customer = (number: number, currency = 'EUR') => upsert('customers', number, { name: `Customer ${number}`, currency });
const owed = (number: number, customerId: number, fields: Parameters<typeof invoice>[1] = {}) =>
  upsert('invoices', number, invoice(number, { customerId: recordId(customerId), totalMinor: 100, dueDate: '2025-02-14', ...fields }));

function list(cache: Cache, column = 'name', descending = false, asOf = today): (readonly unknown[])[] {
  const query = { collection: 'customers', today: asOf, sort: { column, descending } };
  const { rows, total } = listPage(cache.reader, query);
  assert.equal(rows.length, total);
  // From its middle on, a list is read from its end.
  assert.deepEqual(rows.flatMap((_, offset) => listPage(cache.reader, { ...query, offset, limit: 1 }).rows), rows);
  return rows.map(balancesOf);
}

function balancesOf({ columns }: ListRow): readonly unknown[] {
  return ['name', 'openMinor', 'overdueMinor', 'oldestDue', 'otherCurrencies', 'otherOverdue'].map((name) => columns[name]);
}

test('a customer owes what is open in its currency, and others are named', (t) => {
  const cache = temporaryCache(t);
  fill(cache, [
    ...[1, 2, 3, 4, 5].map((number) => customer(number)),
    owed(1, 1), owed(2, 1, { dueDate: '2025-03-01', paidMinor: 40 }), owed(3, 1, { dueDate: null }), owed(4, 1, { status: 'draft' }),
    owed(5, 1, { currency: 'USD', dueDate: '2025-01-01' }), owed(6, 1, { currency: 'JPY' }),
    owed(7, 1, { currency: 'CHF', status: 'paid' }),
    owed(8, 2, { paidMinor: 130 }), owed(9, 3, { currency: 'USD' }), owed(10, 4, { status: 'void' }), owed(11, 99),
  ]);
  assert.deepEqual(list(cache), [
    ['Customer 1', 260, 100, '2025-01-01', 'JPY,USD', 'JPY,USD'], ['Customer 2', -30, 0, null, null, null],
    ['Customer 3', 0, 0, '2025-02-14', 'USD', 'USD'], ['Customer 4', 0, 0, null, null, null], ['Customer 5', 0, 0, null, null, null],
  ]);
  assert.deepEqual(list(cache, 'name', false, '2025-02-14')[0], ['Customer 1', 260, 0, '2025-01-01', 'JPY,USD', 'USD']);
  const names = (column: string, descending: boolean): unknown[] =>
    list(cache, column, descending).map(([name]) => Number(String(name).at(-1)));
  assert.deepEqual([names('openMinor', true), names('openMinor', false)], [[1, 3, 5, 4, 2], [2, 4, 5, 3, 1]]);
  // What is owed in another currency is more than nothing, however much it is.
  assert.deepEqual([names('overdueMinor', true), names('overdueMinor', false)], [[1, 3, 5, 4, 2], [2, 4, 5, 3, 1]]);
  assert.deepEqual([names('oldestDue', false), names('oldestDue', true)], [[1, 3, 2, 4, 5], [3, 1, 5, 4, 2]]);
  failsWith('invalid_request', () => list(cache, 'openMinor', false, 'today'));
  failsWith('invalid_request', () => list(cache, 'otherCurrencies'));
});

test('a sum that is not a safe integer is unknown', (t) => {
  const cache = temporaryCache(t);
  const most = { totalMinor: Number.MAX_SAFE_INTEGER };
  fill(cache, [customer(1), customer(2), owed(1, 1, most), owed(2, 1, most), owed(3, 2, most)]);
  assert.deepEqual(list(cache).map(([, open, overdue]) => [open, overdue]),
    [[null, null], [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]]);
});

test('balances and the totals of lists follow every change, on both connections, and a file has the same', async (t) => {
  const cache = temporaryCache(t);
  fill(cache, [customer(1), customer(2, 'JPY')]);
  const records = new Map<number, Parameters<typeof invoice>[1]>();
  let second = 1000;
  const change = fc.record({
    number: fc.nat(8), customerId: fc.constantFrom(recordId(1), recordId(2)), currency: fc.constantFrom('EUR', 'JPY'),
    status: fc.constantFrom('open', 'draft', null), totalMinor: fc.nat(5), paidMinor: fc.nat(5),
  });
  await fc.assert(fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
    for (const { number, status, ...fields } of changes) {
      second += 1;
      if (status === null) records.delete(number);
      else records.set(number, { ...fields, status });
      applyChanges(cache.writer, 'a', [status === null ? tombstone('invoices', number, second) : owed(number, 1, { ...fields, status })]
        .map((one) => ({ ...one, updatedAt: upsert('invoices', number, {}, second).updatedAt })));
    }
    const expected = [[1, 'EUR'], [2, 'JPY']].map(([id, own]) => [...records.values()]
      .filter((fields) => fields?.['customerId'] === recordId(Number(id)) && fields['currency'] === own)
      .reduce((sum, fields) => sum + openMinorOf({ creditedMinor: 0, ...fields } as never), 0));
    const read = (reader: Cache['reader']): unknown[] => listPage(reader, { collection: 'customers', today }).rows
      .map(({ columns }) => columns['openMinor']);
    assert.deepEqual([read(cache.reader), read(cache.writer)], [expected, expected]);
    const open = [...records.values()].filter((fields) => fields?.['status'] === 'open').length;
    const count = (reader: Cache['reader']): number =>
      listPage(reader, { collection: 'invoices', filters: { status: 'open' }, limit: 1 }).total;
    assert.deepEqual([count(cache.reader), count(cache.writer)], [open, open]);
    const exported = await withSnapshot(cache.reader, 'a test', async (snapshot) =>
      [...listRows(snapshot, { collection: 'customers', today, sort: { column: 'openMinor' } })].flat());
    assert.deepEqual(exported.map(({ columns }) => columns['openMinor']), expected.toSorted((a, b) => a - b));
  }), { numRuns: 50 });
});

test('a list is limited to records by their ids', (t) => {
  const cache = temporaryCache(t);
  fill(cache, [1, 2, 3].map((number) => customer(number)));
  const find = (id: unknown): number[] => listPage(cache.reader, { collection: 'customers', filters: { id: id as string } }).rows
    .map((row) => Number.parseInt(row.id, 16));
  assert.deepEqual([find(recordId(2)), find([recordId(3), recordId(1), recordId(9)]), find([])], [[2], [1, 3], []]);
  for (const id of [7, [7], { from: 'a' }]) failsWith('invalid_request', () => find(id));
});
