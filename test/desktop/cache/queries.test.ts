// Lists, records and counts: their contents and order, and that every access path returns the same page.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { applyChanges, counts, getRecord, listPage, listRows } from '../../../desktop/cache/cache.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import type { Filter, ListQuery, ListRow, RangeFilter } from '../../../shared/window/views.ts';
import { buildAll, failsWith, fill, instant, invoice, recordId, temporaryCache, upsert } from './fixtures.ts';

const numbers = (rows: readonly ListRow[]): number[] => rows.map(({ id }) => Number.parseInt(id, 16));

describe('a page of a list', () => {
  test('has the declared columns of each record, and the total', (t) => {
    const cache = temporaryCache(t);
    const payments = ['2025-03-01', '2025-04-30', '2025-02-28'].map((paidOn) => ({ paidOn }));
    fill(cache, [upsert('invoices', 1, invoice(1, { paidMinor: 400, payments })), upsert('invoices', 2, invoice(2, { status: 'paid' }))]);
    assert.deepEqual(listPage(cache.reader, { collection: 'invoices', limit: 1 }), {
      total: 2,
      rows: [{
        id: recordId(2), updatedAt: instant(2),
        columns: {
          number: 'INV-2025-00002', customerName: 'Customer 2', issueDate: '2025-01-15', dueDate: '2025-02-14', status: 'paid',
          totalMinor: 1002, openMinor: 0, kind: 'invoice', creditedId: null, currency: 'EUR', customerId: recordId(1002),
          lastPaidOn: null, partPaidMinor: 0,
        },
      }],
    });
    const second = listPage(cache.reader, { collection: 'invoices', offset: 1 }).rows[0]?.columns;
    assert.deepEqual([second?.['openMinor'], second?.['lastPaidOn'], second?.['partPaidMinor']], [601, '2025-04-30', 400]);
  });

  test('has no greatest value of what is not a list', (t) => {
    const cache = temporaryCache(t);
    const odd = [null, 'text', 7, {}, ['text', 7, null, []], [{ paidOn: null }]];
    fill(cache, odd.map((payments, index) => upsert('invoices', index, invoice(index, { payments }))));
    const { rows } = listPage(cache.reader, { collection: 'invoices' });
    assert.deepEqual(rows.map(({ columns }) => columns['lastPaidOn']), odd.map(() => null));
  });

  test('has null for an absent field and 0 or 1 for a boolean', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('users', 1, { name: 'A', disabled: true }), upsert('users', 2, { name: 'B', disabled: false, email: null })]);
    const { rows } = listPage(cache.reader, { collection: 'users' });
    assert.deepEqual(rows.map(({ columns }) => [columns['disabled'], columns['email']]), [[1, null], [0, null]]);
  });

  test('sorts text case-insensitively and equal values in the order in which they were made', (t) => {
    const cache = temporaryCache(t);
    const names = ['beta', 'Alpha', 'alpha', 'Beta', 'ALPHA', 'gamma'];
    applyChanges(cache.writer, 'a', names.map((name, index) => upsert('customers', index, { name })));
    const ask = (descending: boolean): number[] =>
      numbers(listPage(cache.reader, { collection: 'customers', sort: { column: 'name', descending } }).rows);
    const unbuilt = [ask(false), ask(true)];
    assert.deepEqual(unbuilt, [[1, 2, 4, 0, 3, 5], [5, 3, 0, 4, 2, 1]]);
    buildAll(cache);
    assert.deepEqual([ask(false), ask(true)], unbuilt);
  });

  test('is empty past the end, with the same total', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('plans', 1, { name: 'A' })]);
    assert.deepEqual(listPage(cache.reader, { collection: 'plans', offset: 5 }), { rows: [], total: 1 });
    assert.deepEqual(listPage(cache.reader, { collection: 'users' }), { rows: [], total: 0 });
  });

  test('is rejected for an invalid query', (t) => {
    const { reader } = temporaryCache(t);
    const bad: readonly unknown[] = [
      { collection: 'planets' }, { collection: '' }, { collection: 'invoices"; DROP TABLE state; --' },
      { collection: 'invoices', sort: { column: 'note' } }, { collection: 'invoices', sort: { column: 'customerId' } },
      { collection: 'invoices', sort: { column: 'rowid' } }, { collection: 'invoices', sort: { column: 'number" DESC; --' } },
      { collection: 'invoices', limit: 0 }, { collection: 'invoices', limit: 501 }, { collection: 'invoices', limit: 1.5 },
      { collection: 'invoices', limit: '10' }, { collection: 'invoices', offset: -1 }, { collection: 'invoices', offset: Number.NaN },
      { collection: 'invoices', filters: { note: 'x' } }, { collection: 'invoices', filters: { rowid: 1 } },
      { collection: 'invoices', filters: { status: null } }, { collection: 'invoices', filters: { status: { like: 'x' } } },
      { collection: 'invoices', filters: { status: [null] } }, { collection: 'invoices', filters: { status: [{}] } },
      { collection: 'invoices', filters: { totalMinor: Number.NaN } }, { collection: 'invoices', filters: { totalMinor: { from: [] } } },
      { collection: 'invoices', filters: { status: Array.from({ length: 1001 }, () => 'x') } }, { collection: 'invoices', search: 5 },
      { collection: 'invoices', filters: null }, { collection: 'invoices', filters: 'status' },
    ];
    for (const query of bad) failsWith('invalid_request', () => listPage(reader, query as ListQuery));
  });

  test('treats values that look like SQL as plain values', (t) => {
    const cache = temporaryCache(t);
    const hostile = `x' OR 1=1; --"%_\\`;
    fill(cache, [upsert('plans', 1, { name: hostile, currency: 'EUR' }), upsert('plans', 2, { name: 'other', currency: 'USD' })]);
    const total = (filter: Filter): number => listPage(cache.reader, { collection: 'plans', filters: { name: filter } }).total;
    const totals = [total(hostile), total(`${hostile}x`), total([hostile, 'other']), total([]), total({ from: hostile, to: hostile })];
    assert.deepEqual(totals, [1, 0, 2, 0, 1]);
  });
});

test('all rows of a list come in its order, in batches, with and without indexes', (t) => {
  for (const count of [0, 1, 499, 500, 501, 1234]) {
    const cache = temporaryCache(t);
    applyChanges(cache.writer, 'a', Array.from({ length: count }, (_, number) => upsert('invoices', number, invoice(number))));
    const all = Array.from({ length: count }, (_, number) => number);
    const byName = all.toSorted((left, right) => left % 7 - right % 7 || left - right);
    for (const hasIndexes of [false, true]) {
      if (hasIndexes) buildAll(cache);
      const ask = (query: Pick<ListQuery, 'sort' | 'filters' | 'search'>): number[] => {
        const batches = [...listRows(cache.reader, { collection: 'invoices', ...query })];
        for (const batch of batches.slice(0, -1)) assert.equal(batch.length, 500);
        return batches.flatMap(numbers);
      };
      assert.deepEqual(ask({}), all.toReversed());
      assert.deepEqual(ask({ sort: { column: 'customerName' } }), byName);
      assert.deepEqual(ask({ sort: { column: 'totalMinor' }, filters: { totalMinor: { from: 1400 } } }), all.slice(400));
      assert.deepEqual(ask({ search: 'INV-2025-00123' }), all.filter((number) => number === 123));
    }
  }
});

test('every copy has the same order, whatever arrived first, and the invoices of a day in that of their numbers', (t) => {
  const numbersOf = (day: number): (string | null)[] =>
    [`INV-2025-0000${4 - day}`, null, `CN-2025-0000${day}`, `INV-2025-0001${day}`, null];
  const records = [0, 1, 2].flatMap((day) => numbersOf(day).map((number, index) => upsert('invoices', day * 5 + index, invoice(0, {
    number, issueDate: `2025-01-1${day}`, dueDate: '2025-02-14', status: number === null ? 'draft' : 'open',
  }))));
  const orders = [records, records.toReversed(), [...records.slice(7), ...records.slice(0, 7)]];
  const sorts = ['number', 'customerName', 'issueDate', 'dueDate', 'status', 'totalMinor', 'openMinor']
    .flatMap((column) => [true, false].map((descending) => ({ column, descending })));
  const copies = orders.flatMap((order) => [false, true].map((isBuilt) => {
    const cache = temporaryCache(t);
    for (const record of order) applyChanges(cache.writer, 'a', [record]);
    if (isBuilt) buildAll(cache);
    return sorts.map((sort) => {
      const all = [...listRows(cache.reader, { collection: 'invoices', sort })].flat();
      const paged = all.flatMap((_, offset) => listPage(cache.reader, { collection: 'invoices', sort, offset, limit: 1 }).rows);
      assert.deepEqual(paged, all);
      return all.map(({ columns }) => columns['number'] ?? 'draft');
    });
  }));
  for (const copy of copies) assert.deepEqual(copy, copies[0]);
  assert.deepEqual(copies[0]?.[sorts.findIndex(({ column, descending }) => column === 'issueDate' && descending)], [
    'draft', 'draft', 'INV-2025-00012', 'INV-2025-00002', 'CN-2025-00002',
    'draft', 'draft', 'INV-2025-00011', 'INV-2025-00003', 'CN-2025-00001',
    'draft', 'draft', 'INV-2025-00010', 'INV-2025-00004', 'CN-2025-00000',
  ]);
});

test('every access path returns the same page as filtering all records', (t) => {
  const statuses = ['draft', 'open', 'paid', 'void'];
  const day = (offset: number): string => new Date(Date.UTC(2025, 0, 1 + offset)).toISOString().slice(0, 10);
  const records = Array.from({ length: 120 }, (_, index): JsonObject => invoice(index, {
    status: statuses[index * 7 % 4] ?? '', currency: ['EUR', 'USD', 'CHF'][index * 5 % 3] ?? '', issueDate: day(index * 13 % 17),
    dueDate: index % 13 === 0 ? null : day(index * 11 % 40), kind: index % 5 === 0 ? 'credit_note' : 'invoice',
    totalMinor: index * 37 % 50, creditedMinor: index * 3 % 7, paidMinor: index * 3 % 10,
    ...(index % 9 === 0 ? { number: null } : {}),
    payments: Array.from({ length: index % 3 }, (_, payment) => ({ paidOn: day((index * 17 + payment * 5) % 31) })),
  }));
  const caches = [false, true].map((isBuilt) => {
    const cache = temporaryCache(t);
    applyChanges(cache.writer, 'a', records.map((record, index) => upsert('invoices', index, record)));
    if (isBuilt) buildAll(cache);
    return cache;
  });
  const rows = records.map((record, index): Record<string, unknown> & { index: number } => ({
    ...record, index, lastPaidOn: (record['payments'] as readonly { paidOn: string }[]).map(({ paidOn }) => paidOn).sort().at(-1) ?? null,
    totalMinor: (record['kind'] === 'credit_note' ? -1 : 1) * Number(record['totalMinor']),
    partPaidMinor: record['status'] === 'open' ? record['paidMinor'] : 0,
    openMinor: record['status'] === 'open'
      ? Number(record['totalMinor']) - Number(record['creditedMinor']) - Number(record['paidMinor']) : 0,
  }));

  const filters = fc.record({
    status: fc.oneof(fc.constantFrom(...statuses), fc.subarray(statuses)),
    currency: fc.constantFrom('EUR', 'USD', 'CHF'),
    customerId: fc.integer({ min: 1000, max: 1007 }).map(recordId),
    dueDate: fc.record({ from: fc.constantFrom(null, day(5), day(38)), to: fc.constantFrom(null, day(25)), orNone: fc.boolean() }),
    kind: fc.constantFrom('invoice', 'credit_note'),
    issueDate: fc.record({ from: fc.constant(day(3)) }),
    openMinor: fc.record({ from: fc.constant(1) }),
    lastPaidOn: fc.record({ from: fc.constant(day(4)), to: fc.constantFrom(null, day(20)) }),
    partPaidMinor: fc.record({ from: fc.constant(1) }),
    number: fc.record({ to: fc.constant('INV-2025-00060') }),
  }, { requiredKeys: [] });
  const columns = ['number', 'customerName', 'issueDate', 'dueDate', 'status', 'totalMinor', 'openMinor'] as const;
  const query = fc.record({
    filters, sort: fc.record({ column: fc.constantFrom(...columns), descending: fc.boolean() }),
    offset: fc.integer({ min: 0, max: 130 }), limit: fc.integer({ min: 1, max: 50 }),
  });

  fc.assert(fc.property(query, (asked) => {
    const matching = rows.filter((row) => Object.entries(asked.filters).every(([name, filter]) => matches(row[name], filter as Filter)));
    const { column, descending } = asked.sort;
    const sign = descending ? -1 : 1;
    const tie = (row: Record<string, unknown>): unknown => column.endsWith('Date') ? row['number'] ?? '~' : null;
    const isNone = (row: Record<string, unknown>): number => Number(row[column] === null);
    // What has no value comes last in both directions.
    const sorted = matching.toSorted((a, b) => isNone(a) - isNone(b)
      || sign * (compare(a[column], b[column]) || compare(tie(a), tie(b)) || a.index - b.index));
    const expected = { total: matching.length, numbers: sorted.slice(asked.offset, asked.offset + asked.limit).map(({ index }) => index) };
    for (const { reader } of caches) {
      const page = listPage(reader, { collection: 'invoices', ...asked } as ListQuery);
      assert.deepEqual({ total: page.total, numbers: numbers(page.rows) }, expected);
    }
  }), { numRuns: 400 });
});

function matches(value: unknown, filter: Filter): boolean {
  if (Array.isArray(filter)) return filter.includes(value);
  if (typeof filter !== 'object') return value === filter;
  const { from = null, to = null, orNone = false } = filter as RangeFilter;
  if (value === null || value === undefined) return orNone;
  return (from === null || compare(value, from) >= 0) && (to === null || compare(value, to) <= 0);
}

/** SQLite's order: null, then numbers, then text by code unit. */
function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return a < b ? -1 : 1;
}

describe('a single record', () => {
  test('has its full payload, or is null if absent', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('invoices', 1, invoice(1, { lines: [{ description: 'Ü', quantityMilli: 1 }] }))]);
    const record = getRecord(cache.reader, 'invoices', recordId(1));
    const payload = invoice(1, { lines: [{ description: 'Ü', quantityMilli: 1 }] });
    assert.deepEqual(record, { id: recordId(1), updatedAt: instant(1), payload });
    for (const id of ['', recordId(2), `${recordId(1)} `, "' OR 1 --"]) assert.equal(getRecord(cache.reader, 'invoices', id), null);
    assert.equal(getRecord(cache.reader, 'plans', recordId(1)), null);
    failsWith('invalid_request', () => getRecord(cache.reader, 'planets', recordId(1)));
  });

  test('makes the cache unusable if its payload is damaged', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [upsert('plans', 1, { name: 'A' })]);
    for (const damaged of ['{"name":"A"', '["A"]', '']) {
      cache.writer.db.prepare('UPDATE plans_a SET payload = ?').run(damaged);
      failsWith('cache_unusable', () => getRecord(cache.reader, 'plans', recordId(1)));
    }
  });
});

test('the rows of a selection are counted once for all of its pages and sorts, and again after every change', (t) => {
  const cache = temporaryCache(t);
  fill(cache, [1, 2, 3].map((number) => upsert('invoices', number, invoice(number, { currency: number === 1 ? 'CHF' : 'EUR' }))));
  const total = (currency: string, column = 'dueDate'): number =>
    listPage(cache.reader, { collection: 'invoices', filters: { currency }, sort: { column } }).total;
  const kept = (): unknown => cache.reader.db.prepare('SELECT count(*) AS kept FROM temp.counted').get()?.['kept'];
  assert.deepEqual([total('EUR'), total('CHF'), total('EUR', 'number'), total('CHF', 'totalMinor'), kept()], [2, 1, 2, 1, 2]);

  applyChanges(cache.writer, 'a', [upsert('invoices', 1, invoice(1, { currency: 'EUR' }), 10)]);
  assert.deepEqual([total('CHF'), total('EUR'), kept()], [0, 3, 2]);

  for (let index = 0; index < 1000; index += 1) assert.equal(total(`X${index}`), 0);
  assert(Number(kept()) <= 200);
  const ids = Array.from({ length: 500 }, (_, index) => recordId(index));
  assert.equal(listPage(cache.reader, { collection: 'invoices', filters: { id: ids } }).total, 3);
  assert(!JSON.stringify(cache.reader.db.prepare('SELECT selection FROM temp.counted').all()).includes(recordId(499)));
});

test('counts reflect every change', (t) => {
  const cache = temporaryCache(t);
  assert.deepEqual(counts(cache.reader), { company: 0, users: 0, plans: 0, customers: 0, invoices: 0 });
  applyChanges(cache.writer, 'a', [
    upsert('plans', 1, { name: 'A' }), upsert('invoices', 1, invoice(1)), upsert('invoices', 2, invoice(2)),
  ]);
  assert.deepEqual(counts(cache.reader), { company: 0, users: 0, plans: 1, customers: 0, invoices: 2 });
});
