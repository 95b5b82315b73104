// The columns of a list: which of them fit, and how values are formatted.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { findCollection } from '../../../shared/collections.ts';
import type { ListRow } from '../../../shared/window/views.ts';
import { setLocale } from '../../../ui/text/i18n.ts';
import { fittingColumns, minWidthPx, listColumns } from '../../../ui/list/list-columns.ts';
import { csvColumns } from '../../../ui/list/list-csv.ts';

before(() => setLocale({ language: 'en', format: 'en-GB' }));
const invoices = findCollection('invoices');
assert(invoices);
const columns = listColumns(invoices);
const names = (widthPx: number, sortedBy: string): readonly string[] =>
  fittingColumns(columns, widthPx, [sortedBy]).map(({ name }) => name);
const rowOf = (values: ListRow['columns']): ListRow => ({ id: '1', updatedAt: '', columns: values });

describe('a list of invoices', () => {
  test('shows every column if there is room', () => {
    assert.deepEqual(names(minWidthPx(columns), 'issueDate'), columns.map(({ name }) => name));
  });

  test('drops dispensable columns when narrow, but never the sorted one', () => {
    assert.deepEqual(names(665, 'issueDate'), ['number', 'customerName', 'issueDate', 'dueDate', 'status', 'openMinor']);
    assert.deepEqual(names(560, 'issueDate'), ['number', 'customerName', 'issueDate', 'status', 'openMinor']);
    assert.deepEqual(names(600, 'totalMinor'), ['number', 'customerName', 'status', 'totalMinor', 'openMinor']);
    assert.deepEqual(names(700, 'number'), ['number', 'customerName', 'dueDate', 'status', 'totalMinor', 'openMinor']);
  });

  test('keeps a column that its filter is about, whatever it is sorted by', () => {
    const kept = fittingColumns(columns, 560, ['totalMinor', 'dueDate']).map(({ name }) => name);
    assert.deepEqual(kept, ['number', 'customerName', 'dueDate', 'status', 'totalMinor', 'openMinor']);
  });

  test('fits the remaining columns, or reports the minimum width', () => {
    for (let widthPx = 300; widthPx < 1000; widthPx += 7) {
      const fitting = fittingColumns(columns, widthPx, ['dueDate']);
      const isMinimal = fitting.every(({ name }) => ['number', 'customerName', 'dueDate', 'status', 'openMinor'].includes(name));
      assert(minWidthPx(fitting) <= widthPx || isMinimal, `${widthPx} px`);
    }
  });

  test('keeps the index of each column for screen readers', () => {
    assert.deepEqual(fittingColumns(columns, 560, ['issueDate']).map(({ position }) => position), [1, 2, 3, 5, 7]);
  });

  test('exports every column, including the currency that amounts on screen contain', () => {
    assert(csvColumns(invoices).some(({ name }) => name === 'currency'));
    assert(!columns.some(({ name }) => name === 'currency'));
  });

  test('shows an invoice as overdue from the day after its due date, while anything is open', () => {
    const row = (status: string, openMinor: number): ListRow => rowOf({ status, dueDate: '2026-03-01', openMinor, currency: 'EUR' });
    const status = columns.find(({ name }) => name === 'status');
    const texts = [['2026-03-01', row('open', 100)], ['2026-03-02', row('open', 100)], ['2026-03-02', row('paid', 0)]] as const;
    assert.deepEqual(texts.map(([today, of]) => status?.cell(of, today).text), ['Open', 'Overdue', 'Paid']);
  });

  test('shows what is partly paid, and which are credit notes, issued or not', () => {
    const cells = (values: ListRow['columns']) => {
      const row = rowOf({ totalMinor: 300, openMinor: 0, dueDate: null, ...values });
      return ['number', 'status'].map((name) => columns.find((column) => column.name === name)?.cell(row, '2026-03-01').text);
    };
    const open = { kind: 'invoice', number: 'INV-1', status: 'open', openMinor: 100 };
    assert.deepEqual(cells({ ...open, partPaidMinor: 200, lastPaidOn: '2026-02-01' }), ['INV-1', 'Partly paid']);
    assert.deepEqual(cells({ ...open, partPaidMinor: 0, lastPaidOn: null }), ['INV-1', 'Open'], 'a credit pays nothing');
    assert.deepEqual(cells({ ...open, partPaidMinor: 0, lastPaidOn: '2026-02-01' }), ['INV-1', 'Open'], 'nor does what was refunded');
    assert.deepEqual(cells({ kind: 'invoice', number: null, status: 'draft' }), ['–', 'Draft']);
    assert.deepEqual(cells({ kind: 'credit_note', number: 'CN-1', status: 'paid' }), ['CN-1', 'Credit note']);
    assert.deepEqual(cells({ kind: 'credit_note', number: null, status: 'draft' }), ['Credit note', 'Draft']);
  });

  test('shows what a customer owes, and in which other currencies', () => {
    const customers = findCollection('customers');
    assert(customers);
    const owed = listColumns(customers).slice(-3);
    assert.deepEqual(owed.map(({ title, isNumber, isDate }) => [title, isNumber, isDate]),
      [['Open', true, false], ['Overdue', true, false], ['Oldest due', false, true]]);
    const texts = (values: ListRow['columns']) => {
      const row = rowOf({ currency: 'EUR', openMinor: 0, overdueMinor: 0, oldestDue: null, otherCurrencies: null, ...values });
      return owed.map((column) => column.cell(row, '2026-03-01').text);
    };
    assert.deepEqual(texts({}), ['–', '–', '–']);
    assert.deepEqual(texts({ openMinor: 250, overdueMinor: 100, oldestDue: '2026-02-14' }), ['€2.50', '€1.00', '14/02/2026']);
    assert.deepEqual(texts({ openMinor: 250, otherCurrencies: 'CHF,USD' }), ['€2.50 + CHF + USD', '–', '–']);
    assert.deepEqual(texts({ otherCurrencies: 'USD' }), ['USD', '–', '–']);
    assert.deepEqual(texts({ openMinor: 10_000, otherCurrencies: 'JPY,USD', otherOverdue: 'JPY' }),
      ['€100.00 + JPY + USD', 'JPY', '–']);
    assert(csvColumns(customers).some(({ name }) => name === 'overdueMinor'));
  });

  test('formats amounts in their currency, and a dash if nothing is open', () => {
    const open = columns.find(({ name }) => name === 'openMinor');
    const cell = (openMinor: number) => open?.cell(rowOf({ openMinor, currency: 'CHF' }), '2026-03-01');
    assert.equal(cell(123_456)?.text, 'CHF\u00a01,234.56');
    assert.deepEqual(cell(0), { text: '–', isMuted: true });
  });
});
