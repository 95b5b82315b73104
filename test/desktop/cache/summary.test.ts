// Invoice totals: open and overdue amounts by age and currency, and the totals of a selection, all exact.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { applyChanges, selectionTotals, summary, type Cache } from '../../../desktop/cache/cache.ts';
import { invoiceStatuses } from '../../../shared/collections.ts';
import { addDays } from '../../../shared/days.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import { ageBucketRange, ageBuckets, isOverdue, openMinorOf } from '../../../shared/invoice.ts';
import { failsWith, fill, invoice, temporaryCache, upsert } from './fixtures.ts';

const today = '2025-06-15';
const dueDates = fc.option(fc.integer({ min: -120, max: 120 }).map((days) => addDays(today, days)));

function fillInvoices(cache: Cache, records: readonly JsonObject[]): void {
  fill(cache, records.map((overrides, index) => upsert('invoices', index, invoice(index, overrides))));
}

describe('the summary', () => {
  test('groups open amounts by age as of today and totals each currency separately', (t) => {
    const cache = temporaryCache(t);
    const due = (daysAgo: number, totalMinor: number, overrides: JsonObject = {}): JsonObject =>
      ({ dueDate: addDays(today, -daysAgo), totalMinor, ...overrides });
    fillInvoices(cache, [
      due(-1, 1), due(0, 2), due(1, 4), due(30, 8), due(31, 16), due(60, 32), due(61, 64), due(90, 128), due(91, 256), due(4000, 512),
      due(40, 1000, { currency: 'JPY' }), due(40, 5000, { currency: 'JPY', paidMinor: 3000 }),
      { dueDate: null, totalMinor: 1024 },
      due(2, 50, { creditedMinor: 20, paidMinor: 30 }), due(2, 50, { creditedMinor: 30, paidMinor: 30 }),
      due(20, 20_000, { creditedMinor: 12_000, paidMinor: 5952 }), due(5, 70, { kind: 'credit_note', status: 'paid' }),
      due(5, 9999, { status: 'draft' }), due(5, 9999, { status: 'void' }), due(5, 9999, { status: 'paid', paidMinor: 9999 }),
    ]);
    const sum = (count: number, openMinor: number): object => ({ count, openMinor });
    assert.deepEqual(summary(cache.reader, today), [
      {
        currency: 'EUR', open: sum(12, 4095), overdue: sum(9, 3068),
        buckets: { notDue: sum(3, 1027), days1to30: sum(3, 2060), days31to60: sum(2, 48), days61to90: sum(2, 192), over90: sum(2, 768) },
      },
      {
        currency: 'JPY', open: sum(2, 3000), overdue: sum(2, 3000),
        buckets: { notDue: sum(0, 0), days1to30: sum(0, 0), days31to60: sum(2, 3000), days61to90: sum(0, 0), over90: sum(0, 0) },
      },
    ]);
    assert.deepEqual(summary(cache.reader, '2000-01-01')[0]?.overdue, sum(0, 0));
  });

  test('is empty if nothing is open', (t) => {
    const cache = temporaryCache(t);
    assert.deepEqual(summary(cache.reader, today), []);
  });

  test('agrees with the filters behind its cells', (t) => {
    const cache = temporaryCache(t);
    const record = fc.record({
      dueDate: dueDates, totalMinor: fc.integer({ min: 0, max: 100 }),
      status: fc.constantFrom('draft', 'open', 'paid'), currency: fc.constantFrom('EUR', 'USD'),
    });
    fillInvoices(cache, fc.sample(record, { numRuns: 300, seed: 7 }));
    for (const row of summary(cache.reader, today)) {
      for (const bucket of ageBuckets) {
        const [total] = selectionTotals(cache.reader, {
          collection: 'invoices', filters: { currency: row.currency, dueDate: ageBucketRange(bucket, today), openMinor: { from: 1 } },
        });
        assert.deepEqual({ count: total?.count, openMinor: total?.openMinor }, row.buckets[bucket], `${row.currency} ${bucket}`);
      }
    }
  });

  test('agrees with the invoice rules on what is open and what is overdue', (t) => {
    const cache = temporaryCache(t);
    const record = fc.record({
      dueDate: dueDates, totalMinor: fc.integer({ min: 0, max: 100 }), paidMinor: fc.integer({ min: 0, max: 100 }),
      creditedMinor: fc.integer({ min: 0, max: 50 }), status: fc.constantFrom(...invoiceStatuses), currency: fc.constant('EUR'),
    });
    const records = fc.sample(record, { numRuns: 300, seed: 11 });
    fillInvoices(cache, records);
    const claims = records.map((over) => ({ dueDate: over.dueDate, openMinor: openMinorOf(over) }))
      .filter(({ openMinor }) => openMinor > 0);
    const sum = (of: typeof claims): object => ({ count: of.length, openMinor: of.reduce((total, { openMinor }) => total + openMinor, 0) });
    const [eur] = summary(cache.reader, today);
    assert.deepEqual([eur?.open, eur?.overdue], [sum(claims), sum(claims.filter((claim) => isOverdue(claim, today)))]);
  });

  test('is rejected for an invalid date', (t) => {
    const { reader } = temporaryCache(t);
    for (const day of ['', 'today', '2025-02-30', '2025-6-1', `2025-01-01' OR 1`]) failsWith('invalid_request', () => summary(reader, day));
  });
});

describe('totals are exact', () => {
  const max = Number.MAX_SAFE_INTEGER;

  test('up to the largest safe integer', (t) => {
    const cache = temporaryCache(t);
    fillInvoices(cache, [{ totalMinor: max - 3 }, { totalMinor: 1 }, { totalMinor: 2 }]);
    assert.equal(summary(cache.reader, today)[0]?.open.openMinor, max);
    assert.equal(selectionTotals(cache.reader, { collection: 'invoices' })[0]?.totalMinor, max);
  });

  test('and null beyond it, without affecting other totals', (t) => {
    const cache = temporaryCache(t);
    fillInvoices(cache, [...Array.from({ length: 1500 }, () => ({ totalMinor: max })), { totalMinor: 5, currency: 'USD' }]);
    const [eur, usd] = summary(cache.reader, today);
    assert.deepEqual([eur?.open, usd?.open], [{ count: 1500, openMinor: null }, { count: 1, openMinor: 5 }]);
    assert.deepEqual(selectionTotals(cache.reader, { collection: 'invoices' }), [
      { currency: 'EUR', count: 1500, totalMinor: null, openMinor: null }, { currency: 'USD', count: 1, totalMinor: 5, openMinor: 5 },
    ]);
  });
});

test('the totals of a selection respect its search and filters', (t) => {
  const cache = temporaryCache(t);
  applyChanges(cache.writer, 'a', [
    upsert('invoices', 1, invoice(1, { customerName: 'Alpha', totalMinor: 10 })),
    upsert('invoices', 2, invoice(2, { customerName: 'Alpha', totalMinor: 20, status: 'paid' })),
    upsert('invoices', 3, invoice(3, { customerName: 'Beta', totalMinor: 40, currency: 'CHF' })),
  ]);
  assert.deepEqual(selectionTotals(cache.reader, { collection: 'invoices' }), [
    { currency: 'CHF', count: 1, totalMinor: 40, openMinor: 40 }, { currency: 'EUR', count: 2, totalMinor: 30, openMinor: 10 },
  ]);
  assert.deepEqual(selectionTotals(cache.reader, { collection: 'invoices', search: 'alpha', filters: { status: 'paid' } }), [
    { currency: 'EUR', count: 1, totalMinor: 20, openMinor: 0 },
  ]);
  assert.deepEqual(selectionTotals(cache.reader, { collection: 'invoices', search: 'nobody' }), []);
  failsWith('invalid_request', () => selectionTotals(cache.reader, { collection: 'plans' }));
  failsWith('invalid_request', () => selectionTotals(cache.reader, { collection: 'invoices', filters: { nothing: 1 } }));
});

test('the totals of a selection subtract credit notes, and count drafts and void invoices only where nothing else is selected', (t) => {
  const cache = temporaryCache(t);
  fillInvoices(cache, [
    { totalMinor: 1000, status: 'open', creditedMinor: 300, paidMinor: 100 }, { totalMinor: 40, status: 'paid', paidMinor: 40 },
    { totalMinor: 300, status: 'paid', kind: 'credit_note' }, { totalMinor: 7, status: 'draft', kind: 'credit_note' },
    { totalMinor: 50, status: 'open', creditedMinor: 50, paidMinor: 30 },
    { totalMinor: 5, status: 'draft' }, { totalMinor: 6, status: 'void' }, { totalMinor: 9, status: 'draft', currency: 'USD' },
  ]);
  const totals = (status?: string | readonly string[]): object[] =>
    selectionTotals(cache.reader, { collection: 'invoices', ...(status !== undefined && { filters: { status } }) });
  const usd = { currency: 'USD', count: 0, totalMinor: 0, openMinor: 0 };
  assert.deepEqual(totals(), [{ currency: 'EUR', count: 4, totalMinor: 790, openMinor: 570 }, usd]);
  assert.deepEqual(totals(['open', 'draft']), [{ currency: 'EUR', count: 2, totalMinor: 1050, openMinor: 570 }, usd]);
  assert.deepEqual(totals('draft'), [
    { currency: 'EUR', count: 2, totalMinor: -2, openMinor: 0 }, { currency: 'USD', count: 1, totalMinor: 9, openMinor: 0 },
  ]);
  assert.deepEqual(totals(['void', 'draft'])[0], { currency: 'EUR', count: 3, totalMinor: 4, openMinor: 0 });
});
