// A period's report: what counts in which month, by invoice date and by payment date.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { taxCategories } from '../../shared/collections.ts';
import { computeTotals } from '../../shared/invoice.ts';
import { addMonths, addSums, grossOf, plus, ReportBuilder, type ReportDocument, type ReportQuery } from '../../shared/report.ts';

const standard = (netMinor: number, rateBp = 1900): { quantityMilli: number; unitPriceMinor: number; taxRateBp: number } =>
  ({ quantityMilli: 1000, unitPriceMinor: netMinor, taxRateBp: rateBp });

function document(issueDate: string, lines: Parameters<typeof computeTotals>[0], more: Partial<ReportDocument> = {}): ReportDocument {
  const { taxes, totalMinor } = computeTotals(lines);
  return { kind: 'invoice', currency: 'EUR', issueDate, taxes, totalMinor, payments: [], creditNotes: [], ...more };
}

/** The cells as "month currency: rate net+tax …; received". */
function report(basis: ReportQuery['basis'], documents: readonly ReportDocument[], from = '2026-01', to = '2026-12'): string[] {
  const builder = new ReportBuilder({ basis, from, to });
  for (const one of documents) builder.add(one);
  return builder.cells().map(({ month, currency, taxes, receivedMinor }) =>
    `${month} ${currency}: ${taxes.map(({ category, rateBp, netMinor, taxMinor }) =>
      `${category}${rateBp / 100} ${netMinor}+${taxMinor}`).join(', ')}; ${receivedMinor}`);
}

describe('by invoice date', () => {
  test('adds up stored taxes by category and rate, per month and currency, credit notes negative', () => {
    assert.deepEqual(report('issueDate', [
      document('2026-01-31', [standard(10_000), standard(5000, 700), standard(300, 0)]),
      document('2026-01-01', [standard(33), standard(100, 700)]),
      document('2026-01-15', [standard(1000)], { kind: 'credit_note' }),
      document('2026-01-15', [{ ...standard(70_000, 0), taxCategory: 'AE' }]),
      document('2026-02-01', [standard(200)], { kind: 'credit_note' }),
      document('2026-02-28', [standard(900, 1000)], { currency: 'JPY' }),
      document('2025-12-31', [standard(1)]), document('2027-01-01', [standard(1)]),
    ]), [
      '2026-01 EUR: Z0 300+0, AE0 70000+0, S7 5100+357, S19 9033+1716; 0',
      '2026-02 EUR: S19 -200+-38; 0',
      '2026-02 JPY: S10 900+90; 0',
    ]);
  });

  test('takes taxes as they are stored, even where they are not what the rate would make of the sum', () => {
    const tax = { category: 'S', rateBp: 1900, netMinor: 3, taxMinor: 1 } as const;
    const odd = { ...document('2026-03-01', []), taxes: [tax], totalMinor: 4 };
    assert.deepEqual(report('issueDate', [odd, odd, odd]), ['2026-03 EUR: S19 9+3; 0']);
  });

  test('has what was received in the months of the payments, also of invoices of other months', () => {
    const paid = document('2025-11-30', [standard(10_000)], {
      payments: [
        { amountMinor: 5000, paidOn: '2025-12-31' }, { amountMinor: 7000, paidOn: '2026-01-02' },
        { amountMinor: -100, paidOn: '2026-02-02' },
      ],
    });
    assert.deepEqual(report('issueDate', [paid]), ['2026-01 EUR: ; 7000', '2026-02 EUR: ; -100']);
  });
});

describe('by payment date', () => {
  const lines = [standard(10_000), standard(5000, 700)];
  const total = 10_000 + 1900 + 5000 + 350;

  test('counts an invoice as far as it was paid, to the cent of its stored taxes in all', () => {
    const invoice = document('2025-06-01', lines, { payments: [
      { amountMinor: 5750, paidOn: '2026-01-10' }, { amountMinor: 1, paidOn: '2026-01-10' },
      { amountMinor: total - 5751, paidOn: '2026-03-10' },
    ] });
    assert.deepEqual(report('paidOn', [invoice]), [
      '2026-01 EUR: S7 1667+117, S19 3334+633; 5751', '2026-03 EUR: S7 3333+233, S19 6666+1267; 11499',
    ]);
    assert.deepEqual(report('paidOn', [invoice], '2026-03'), ['2026-03 EUR: S7 3333+233, S19 6666+1267; 11499']);
  });

  test('counts neither what is unpaid nor a credit note, but what is refunded after one', () => {
    const creditNotes = [document('2026-02-10', [standard(5000, 700)], { kind: 'credit_note' })];
    const invoice = document('2026-01-01', lines, { creditNotes, payments: [
      { amountMinor: total, paidOn: '2026-01-05' }, { amountMinor: -5350, paidOn: '2026-02-20' },
    ] });
    const [january, february] = ['2026-01 EUR: S7 5000+350, S19 10000+1900; 17250', '2026-02 EUR: S7 -5000+-350; -5350'];
    assert.deepEqual(report('paidOn', [invoice, ...creditNotes, document('2026-01-01', lines)]), [january, february]);
    assert.deepEqual(report('paidOn', [{ ...invoice, payments: invoice.payments.slice(0, 1) }], '2026-01', '2026-01'), [january]);
  });

  test('of an invoice that is less after a credit note counts what is left', () => {
    const creditNotes = [document('2026-02-10', [standard(5000, 700)], { kind: 'credit_note' })];
    const payments = [{ amountMinor: 11_900, paidOn: '2026-03-05' }];
    assert.deepEqual(report('paidOn', [document('2026-01-01', lines, { creditNotes, payments })]),
      ['2026-03 EUR: S19 10000+1900; 11900']);
  });

  test('of an invoice that is credited in full counts a payment until it is refunded', () => {
    const creditNotes = [document('2026-02-10', lines, { kind: 'credit_note' })];
    const payments = [{ amountMinor: total, paidOn: '2026-01-05' }, { amountMinor: -total, paidOn: '2026-04-05' }];
    assert.deepEqual(report('paidOn', [document('2026-01-01', lines, { creditNotes, payments })]), [
      '2026-01 EUR: S7 5000+350, S19 10000+1900; 17250', '2026-04 EUR: S7 -5000+-350, S19 -10000+-1900; -17250',
    ]);
  });
});

test('sums of cells keep their categories and rates in order, and are null where they are not exact', () => {
  const max = Number.MAX_SAFE_INTEGER;
  const tax = (rateBp: number, netMinor: number | null, category: (typeof taxCategories)[number] = 'S') =>
    ({ category, rateBp, netMinor, taxMinor: 2 });
  const sums = addSums([
    { taxes: [tax(1900, max), tax(0, 5, 'AE')], receivedMinor: 1 }, { taxes: [tax(700, 3), tax(1900, 1)], receivedMinor: 2 },
  ]);
  assert.deepEqual(sums, {
    taxes: [tax(0, 5, 'AE'), tax(700, 3), { ...tax(1900, null), taxMinor: 4 }], receivedMinor: 3,
  });
  assert.deepEqual(grossOf(sums), { netMinor: null, taxMinor: 8, grossMinor: null });
  assert.deepEqual(grossOf(addSums([])), { netMinor: 0, taxMinor: 0, grossMinor: 0 });
  assert.deepEqual([plus(max, 0), plus(-max, -1), plus(null, 1)], [max, null, null]);
});

test('months are counted across years', () => {
  assert.deepEqual([addMonths('2026-11', 2), addMonths('2026-01', -1), addMonths('2026-03', -26)], ['2027-01', '2025-12', '2024-01']);
});
