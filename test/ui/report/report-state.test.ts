// What the report shows of the months that were read: tables, bars and the file.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { ReportCell } from '../../../shared/report.ts';
import {
  bars, chartAmounts, chartMonths, initialReport, monthsOf, periodOf, reportCsv, reportQuery, reportTables, setEnd, shownMonths,
} from '../../../ui/report/report-state.ts';

const today = '2026-05-15';
const start = initialReport(today);
/** Not in the order of the alphabet. */
const currencies = ['EUR', 'CHF'];

function cell(month: string, currency: string, netMinor: number, receivedMinor = 0, rateBp = 1900): ReportCell {
  const taxMinor = netMinor * rateBp / 10_000;
  return { month, currency, taxes: [{ category: rateBp === 0 ? 'Z' : 'S', rateBp, netMinor, taxMinor }], receivedMinor };
}

describe('the months of a report', () => {
  test('are this year at first, and those of any period', () => {
    assert.deepEqual(start, { from: '2026-01', to: '2026-12', basis: 'issueDate', per: 'month' });
    assert.deepEqual(monthsOf('lastQuarter', today), { from: '2026-01', to: '2026-03' });
    assert.equal(periodOf(start, today), 'thisYear');
    assert.equal(periodOf(monthsOf('lastMonth', today), today), 'lastMonth');
    assert.equal(periodOf({ from: '2026-02', to: '2026-03' }, today), null);
  });

  test('stay in their order when one end is moved past the other', () => {
    assert.deepEqual(setEnd(start, 'to', '2025-11'), { ...start, from: '2025-11', to: '2025-11' });
    assert.deepEqual(setEnd(start, 'from', '2027-02'), { ...start, from: '2027-02', to: '2027-02' });
    assert.deepEqual(setEnd(start, 'from', '2026-03'), { ...start, from: '2026-03' });
  });

  test('are whole quarters where these are shown', () => {
    const state = { ...start, from: '2026-02', to: '2026-10', per: 'quarter' } as const;
    assert.deepEqual(shownMonths(state), { from: '2026-01', to: '2026-12' });
    assert.deepEqual(shownMonths({ ...state, per: 'month' }), { from: '2026-02', to: '2026-10' });
    assert.deepEqual(shownMonths({ ...state, from: '2026-03', to: '2026-03' }), { from: '2026-01', to: '2026-03' });
  });

  test('are read together with the twelve of the chart', () => {
    const month = { ...start, ...monthsOf('lastMonth', today) };
    assert.deepEqual([chartMonths(month)[0], chartMonths(month).at(-1), chartMonths(month).length], ['2025-05', '2026-04', 12]);
    assert.deepEqual(reportQuery(month), { basis: 'issueDate', from: '2025-05', to: '2026-04' });
    assert.deepEqual(reportQuery({ ...start, from: '2020-07' }), { basis: 'issueDate', from: '2020-07', to: '2026-12' });
  });
});

describe('the tables of a report', () => {
  const cells = [
    cell('2025-12', 'EUR', 9900), cell('2026-01', 'EUR', 100, 5), cell('2026-01', 'CHF', 700), cell('2026-04', 'EUR', 300, 6, 0),
    cell('2026-05', 'EUR', -200),
  ];

  test('have a row for every month until today, and totals, per currency, in their order', () => {
    const [eur, chf, ...others] = reportTables(start, cells, today, currencies);
    assert.deepEqual([eur?.currency, chf?.currency, others], ['EUR', 'CHF', []]);
    assert.deepEqual(eur?.rows.map(({ group, sums }) => [group.name, sums?.receivedMinor ?? null]),
      [['2026-01', 5], ['2026-02', null], ['2026-03', null], ['2026-04', 6], ['2026-05', 0]]);
    assert.deepEqual(eur?.total, {
      taxes: [{ category: 'Z', rateBp: 0, netMinor: 300, taxMinor: 0 }, { category: 'S', rateBp: 1900, netMinor: -100, taxMinor: -19 }],
      receivedMinor: 11,
    });
    assert.equal(chf?.rows.length, 5);
    assert.deepEqual(reportTables(start, cells, today, ['CHF', 'EUR']).map(({ currency }) => currency), ['CHF', 'EUR']);
  });

  test('have a row for a later month if there is something in it', () => {
    const [eur] = reportTables(start, [...cells, cell('2026-07', 'EUR', 1)], today, currencies);
    assert.deepEqual(eur?.rows.slice(-2).map(({ group }) => group.name), ['2026-06', '2026-07']);
  });

  test('have quarters, which are named so', () => {
    const [eur] = reportTables({ ...start, per: 'quarter' }, cells, today, currencies);
    assert.deepEqual(eur?.rows.map(({ group, sums }) => [group, sums?.receivedMinor]), [
      [{ name: '2026-Q1', from: '2026-01', to: '2026-03' }, 5], [{ name: '2026-Q2', from: '2026-04', to: '2026-06' }, 6],
    ]);
  });

  test('are none if nothing is in the months that are shown', () => {
    assert.deepEqual(reportTables({ ...start, from: '2026-02', to: '2026-03' }, cells, today, currencies), []);
  });

  test('become a file without totals, with two columns for each category and rate', () => {
    const csv = reportCsv(reportTables({ ...start, per: 'quarter' }, cells, today, currencies), {
      name: 'report', period: 'Period', currency: 'Currency', net: 'Net', tax: 'Tax', gross: 'Gross', received: 'Received', locale: 'en',
      netOf: ({ rateBp }) => `Net ${rateBp}`, taxOf: ({ rateBp }) => `Tax ${rateBp}`,
    });
    assert.deepEqual(csv.titles, ['Period', 'Currency', 'Net', 'Tax', 'Gross', 'Received', 'Net 0', 'Tax 0', 'Net 1900', 'Tax 1900']);
    const plain = csv.rows.map((row) => row.map((value) => typeof value === 'object' && value !== null ? value.amountMinor : value));
    assert.deepEqual(plain, [
      ['2026-Q1', 'EUR', 100, 19, 119, 5, 0, 0, 100, 19], ['2026-Q2', 'EUR', 100, -38, 62, 6, 300, 0, -200, -38],
      ['2026-Q1', 'CHF', 700, 133, 833, 0, 0, 0, 700, 133], ['2026-Q2', 'CHF', 0, 0, 0, 0, 0, 0, 0, 0],
    ]);
  });

  test('and its bars are of the net amounts of twelve months in one currency', () => {
    assert.deepEqual(chartAmounts({ ...start, to: '2026-05' }, cells, 'EUR'), [0, 0, 0, 0, 0, 0, 9900, 100, 0, 0, 300, -200]);
  });
});

describe('bars', () => {
  test('fill the height from the greatest amount to zero', () => {
    assert.deepEqual(bars([50, 200, null, 0]), {
      zero: 100, bars: [{ top: 75, height: 25 }, { top: 0, height: 100 }, { top: 100, height: 0 }, { top: 100, height: 0 }],
    });
  });

  test('go down from zero where an amount is negative', () => {
    assert.deepEqual(bars([300, -100]), { zero: 75, bars: [{ top: 0, height: 75 }, { top: 75, height: 25 }] });
    assert.deepEqual(bars([-100]), { zero: 0, bars: [{ top: 0, height: 100 }] });
  });

  test('of nothing have no height', () => {
    assert.deepEqual(bars([0, 0]), { zero: 100, bars: [{ top: 100, height: 0 }, { top: 100, height: 0 }] });
  });
});
