// The state of a list as chosen by the user, and the selection that is queried.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { findCollection } from '../../../shared/collections.ts';
import { addDays } from '../../../shared/days.ts';
import { displayStatus, isOverdue } from '../../../shared/invoice.ts';
import {
  choicesOf, choose, chooseAge, clearFilters, hasFilters, initialState, periodRange, readAmountsWith, selectionOf, sortBy,
} from '../../../ui/list/list-state.ts';
import { searchedAmount } from '../../../ui/text/number-text.ts';

const invoices = findCollection('invoices');
const plans = findCollection('plans');
assert(invoices && plans);
const today = '2026-03-15';
const start = initialState(invoices);

describe('a selection', () => {
  test('is the whole collection if nothing was chosen', () => {
    assert.deepEqual(selectionOf(invoices, start, today), { collection: 'invoices' });
    assert.equal(hasFilters({ ...start, search: '  ' }), false);
  });

  test('contains the search and the filters', () => {
    const dates = { by: 'issueDate', from: '2026-01-01', to: null } as const;
    const state = { ...choose(start, 'status', 'open'), search: ' müller ', dates };
    assert.deepEqual(selectionOf(invoices, state, today), {
      collection: 'invoices', search: 'müller', filters: { status: 'open', issueDate: { from: '2026-01-01', to: null } },
    });
    assert.deepEqual(selectionOf(invoices, clearFilters(state), today), { collection: 'invoices' });
  });

  test('has what a search says as an amount, and the day for what customers owe', () => {
    readAmountsWith(searchedAmount);
    const selected = (search: string): unknown => selectionOf(invoices, { ...start, search }, today);
    assert.deepEqual(selected(' 2,334.15 '), { collection: 'invoices', search: '2,334.15', amount: '2334.15' });
    assert.deepEqual(selected('bell'), { collection: 'invoices', search: 'bell' });
    const customers = findCollection('customers');
    assert(customers);
    assert.deepEqual(selectionOf(customers, initialState(customers), today), { collection: 'customers', today });
  });

  test('is of the chosen kind of date', () => {
    for (const by of ['dueDate', 'lastPaidOn'] as const) {
      const state = { ...start, dates: { by, ...periodRange('lastQuarter', today) } };
      assert.deepEqual(selectionOf(invoices, state, today).filters, { [by]: { from: '2025-10-01', to: '2025-12-31' } });
    }
    const chosenOnly = { ...start, dates: { by: 'dueDate', from: null, to: null } } as const;
    assert.equal(selectionOf(invoices, chosenOnly, today).filters, undefined);
    assert.equal(hasFilters(chosenOnly), false);
  });

  test('of what is overdue has only the chosen due dates among it', () => {
    const dates = { by: 'dueDate', from: '2026-03-01', to: '2026-03-31' } as const;
    const inMarch = { openMinor: { from: 1 }, dueDate: { from: '2026-03-01', to: '2026-03-14' } };
    assert.deepEqual(selectionOf(invoices, { ...choose(start, 'status', 'overdue'), dates }, today).filters, inMarch);
    assert.deepEqual(selectionOf(invoices, { ...chooseAge(start, 'days1to30', 'EUR'), dates }, today).filters,
      { currency: 'EUR', ...inMarch });
  });

  test('of overdue invoices is everything open and due before today', () => {
    assert.deepEqual(selectionOf(invoices, choose(start, 'status', 'overdue'), today).filters,
      { openMinor: { from: 1 }, dueDate: { to: '2026-03-14' } });
  });

  test('of overdue invoices contains exactly those that are displayed as overdue', () => {
    const { openMinor, dueDate } = selectionOf(invoices, choose(start, 'status', 'overdue'), today).filters as {
      openMinor: { from: number }; dueDate: { to: string };
    };
    for (const [days, open] of [[-40, 1], [-1, 1], [-1, 0], [0, 1], [1, 1]] as const) {
      const row = { dueDate: addDays(today, days), openMinor: open };
      assert.equal(row.openMinor >= openMinor.from && row.dueDate <= dueDate.to, isOverdue(row, today), `${days} ${open}`);
    }
  });

  test('of partly paid invoices has those that would be displayed so if they were not overdue', () => {
    const { partPaidMinor, openMinor } = selectionOf(invoices, choose(start, 'status', 'partly_paid'), today).filters as {
      partPaidMinor: { from: number }; openMinor: { from: number };
    };
    for (const [paid, open] of [[0, 2], [1, 1], [2, 0], [3, -1]] as const) {
      const shown = displayStatus({ status: 'open', totalMinor: 9, openMinor: open, paidMinor: paid, hasPayments: true }, today);
      assert.equal(paid >= partPaidMinor.from && open >= openMinor.from, shown === 'partly_paid', `${paid} ${open}`);
    }
  });

  test('of a flag is a boolean', () => {
    assert.deepEqual(selectionOf(plans, choose(initialState(plans), 'active', 'no'), today).filters, { active: false });
  });

  test('of an age is limited to its currency, and choosing the same cell again clears both', () => {
    const state = chooseAge(choose(start, 'status', 'paid'), 'days1to30', 'EUR');
    assert.deepEqual(selectionOf(invoices, state, today).filters,
      { currency: 'EUR', openMinor: { from: 1 }, dueDate: { from: '2026-02-13', to: '2026-03-14' } });
    assert.equal(hasFilters(chooseAge(state, 'days1to30', 'EUR')), false);
  });

  test('of an age is sorted by due date, oldest first, for as long as the age is chosen', () => {
    const state = chooseAge(start, 'over90', 'EUR');
    assert.deepEqual(state.sort, { column: 'dueDate', descending: false });
    const left = [chooseAge(state, 'over90', 'EUR'), choose(state, 'status', 'paid'), choose(state, 'currency', ''), clearFilters(state)];
    assert.deepEqual(left.map(({ sort }) => sort), left.map(() => invoices.defaultSort));
    const sorted = { ...state, sort: { column: 'totalMinor', descending: true } };
    assert.deepEqual(clearFilters(sorted).sort, sorted.sort, 'the user\'s own order stays');
  });
});

test('amounts and dates sort in descending order first, and a second click reverses the order', () => {
  assert.deepEqual(sortBy(start.sort, 'totalMinor'), { column: 'totalMinor', descending: true });
  assert.deepEqual(sortBy(start.sort, 'customerName'), { column: 'customerName', descending: false });
  assert.deepEqual(sortBy({ column: 'customerName', descending: false }, 'customerName'), { column: 'customerName', descending: true });
});

test('credit notes are one of the statuses, and not among the paid ones', () => {
  const filters = (status: string) => selectionOf(invoices, choose(start, 'status', status), '2026-03-01').filters;
  assert.deepEqual(filters('credit_note'), { kind: 'credit_note' });
  assert.deepEqual(filters('paid'), { status: 'paid', kind: 'invoice' });
});

test('a list offers the currencies in use as filters, and what is partly paid or overdue besides the stored statuses', () => {
  const offered = Object.fromEntries(choicesOf(invoices, ['EUR', 'CHF']).map(({ column, values }) => [column, values]));
  assert.deepEqual(offered, {
    status: ['draft', 'open', 'partly_paid', 'overdue', 'paid', 'void', 'credit_note'], currency: ['EUR', 'CHF'],
  });
  assert.equal(choicesOf(invoices, ['EUR']).some(({ column }) => column === 'currency'), false);
});

test('periods are whole months, quarters and years, also across the turn of a year', () => {
  assert.deepEqual(periodRange('thisMonth', '2024-02-10'), { from: '2024-02-01', to: '2024-02-29' });
  assert.deepEqual(periodRange('lastMonth', '2026-01-31'), { from: '2025-12-01', to: '2025-12-31' });
  assert.deepEqual(periodRange('thisQuarter', '2026-05-05'), { from: '2026-04-01', to: '2026-06-30' });
  assert.deepEqual(periodRange('lastQuarter', '2026-05-05'), { from: '2026-01-01', to: '2026-03-31' });
  assert.deepEqual(periodRange('lastQuarter', '2026-03-31'), { from: '2025-10-01', to: '2025-12-31' });
  assert.deepEqual(periodRange('thisYear', '2026-05-05'), { from: '2026-01-01', to: '2026-12-31' });
  assert.deepEqual(periodRange('lastYear', '2026-05-05'), { from: '2025-01-01', to: '2025-12-31' });
});
