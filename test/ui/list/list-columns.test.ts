// The columns of a list: what there is room for, and how a record's values stand in them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { findCollection } from '../../../shared/collections.ts';
import type { ListRow } from '../../../shared/window/views.ts';
import { setLocale } from '../../../ui/text/i18n.ts';
import { csvColumns, fittingColumns, leastWidthPx, listColumns } from '../../../ui/list/list-columns.ts';

await setLocale({ language: 'en', format: 'en-GB' });
const invoices = findCollection('invoices');
assert(invoices);
const columns = listColumns(invoices);
const names = (widthPx: number, sortedBy: string): readonly string[] => fittingColumns(columns, widthPx, sortedBy).map(({ name }) => name);
const rowOf = (values: ListRow['columns']): ListRow => ({ id: '1', updatedAt: '', columns: values });

describe('a list of invoices', () => {
  test('shows all its columns where there is room', () => {
    assert.deepEqual(names(leastWidthPx(columns), 'issueDate'), columns.map(({ name }) => name));
  });

  test('leaves out what the detail shows where it is narrow, and never what it is sorted by', () => {
    assert.deepEqual(names(600, 'issueDate'), ['number', 'customerName', 'issueDate', 'status', 'openMinor']);
    assert.deepEqual(names(600, 'totalMinor'), ['number', 'customerName', 'status', 'totalMinor', 'openMinor']);
  });

  test('fits whatever is left, or says how wide it is at least', () => {
    for (let widthPx = 300; widthPx < 1000; widthPx += 7) {
      const fitting = fittingColumns(columns, widthPx, 'dueDate');
      const isLeast = fitting.every(({ name }) => ['number', 'customerName', 'dueDate', 'status', 'openMinor'].includes(name));
      assert(leastWidthPx(fitting) <= widthPx || isLeast, `${widthPx} px`);
    }
  });

  test('keeps the place of each column for those who hear it', () => {
    assert.deepEqual(fittingColumns(columns, 600, 'issueDate').map(({ position }) => position), [1, 2, 3, 5, 7]);
  });

  test('gives a file every column, with the currency that the amounts on screen say themselves', () => {
    assert(csvColumns(invoices).some(({ name }) => name === 'currency'));
    assert(!columns.some(({ name }) => name === 'currency'));
  });

  test('says that an invoice is overdue from the day after it was due, as long as anything is open', () => {
    const row = (status: string, openMinor: number): ListRow => rowOf({ status, dueDate: '2026-03-01', openMinor, currency: 'EUR' });
    const status = columns.find(({ name }) => name === 'status');
    const texts = [['2026-03-01', row('sent', 100)], ['2026-03-02', row('sent', 100)], ['2026-03-02', row('paid', 0)]] as const;
    assert.deepEqual(texts.map(([today, of]) => status?.cell(of, today).text), ['Sent', 'Overdue', 'Paid']);
  });

  test('writes amounts in their currency and a dash where nothing is open', () => {
    const open = columns.find(({ name }) => name === 'openMinor');
    const cell = (openMinor: number) => open?.cell(rowOf({ openMinor, currency: 'CHF' }), '2026-03-01');
    assert.equal(cell(123_456)?.text, 'CHF\u00a01,234.56');
    assert.deepEqual(cell(0), { text: '–', isMuted: true });
  });
});
