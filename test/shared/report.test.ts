// A period's report: what counts in which month, by invoice date and by payment date.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

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

  test('of an invoice that a credit note has reduced counts what is left', () => {
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

describe('by payment date, of an invoice that is credited after it was paid', () => {
  const lines = [standard(100_000), standard(1000, 700)];
  const paid = { amountMinor: 120_070, paidOn: '2025-08-20' };
  const months = (more: Partial<ReportDocument>): string[] =>
    report('paidOn', [document('2025-08-01', lines, { payments: [paid], ...more })], '2025-01', '2026-12');
  const whole = '2025-08 EUR: S7 1000+70, S19 100000+19000; 120070';
  const creditNotes = [document('2025-09-10', [standard(100_000)], { kind: 'credit_note' })];

  test('a credit moves nothing, and the refund takes back what was credited', () => {
    assert.deepEqual(months({ creditNotes }), [whole]);
    assert.deepEqual(months({ creditNotes, payments: [paid, { amountMinor: -119_000, paidOn: '2025-10-01' }] }),
      [whole, '2025-10 EUR: S19 -100000+-19000; -119000']);
    assert.deepEqual(months({ creditNotes, payments: [paid, { amountMinor: -11_900, paidOn: '2025-10-01' }] }),
      [whole, '2025-10 EUR: S19 -10000+-1900; -11900']);
  });

  test('a payment of the day of the credit counts like one before it', () => {
    const sameDay = [document(paid.paidOn, [standard(100_000)], { kind: 'credit_note' })];
    assert.deepEqual(months({ creditNotes: sameDay }), [whole]);
  });

  test('what was paid of something that is then credited counts for what is left', () => {
    const half = { amountMinor: 60_035, paidOn: '2025-08-20' };
    assert.deepEqual(months({ creditNotes, payments: [half, { amountMinor: -58_965, paidOn: '2025-10-01' }] }), [
      '2025-08 EUR: S7 500+35, S19 50000+9500; 60035', '2025-09 EUR: S7 500+35, S19 -450+-85; 0',
      '2025-10 EUR: S19 -49550+-9415; -58965',
    ]);
  });

  test('what is paid beyond the invoice counts in its proportions', () => {
    assert.deepEqual(months({ payments: [paid, { amountMinor: 120_070, paidOn: '2025-09-01' }] }), [whole, whole.replace('-08', '-09')]);
  });
});

describe('by payment date, whatever happens in whatever order', () => {
  type Step = { readonly kind: 'pay' | 'credit'; readonly shares: readonly number[] };
  const rates = [1900, 700, 0];
  const taxes = fc.tuple(...rates.map((rateBp) => fc.record({
    category: fc.constant(taxCategories[0]), rateBp: fc.constant(rateBp), netMinor: fc.integer({ min: 0, max: 5000 }),
    taxMinor: fc.integer({ min: 0, max: 900 }),
  })));
  const share = fc.integer({ min: 0, max: 100 });
  const steps = fc.array(fc.record<Step>({
    kind: fc.constantFrom('pay', 'pay', 'credit'), shares: fc.array(share, { minLength: 6, maxLength: 6 }),
  }), { maxLength: 8 });
  const total = (list: readonly { netMinor: number; taxMinor: number }[]): number =>
    list.reduce((sum, { netMinor, taxMinor }) => sum + netMinor + taxMinor, 0);

  /** One step a month: a part of what is left is credited, or a part of what is open paid or refunded; at last all of it. */
  function happen(issued: ReportDocument['taxes'], list: readonly Step[]): { invoice: ReportDocument; left: ReportDocument['taxes'] } {
    const [payments, creditNotes]: [{ amountMinor: number; paidOn: string }[], ReportDocument[]] = [[], []];
    let left = issued;
    const last: Step = { kind: 'pay', shares: [100] };
    for (const [index, { kind, shares }] of [...list, last].entries()) {
      const date = `${addMonths('2025-01', index)}-15`;
      const part = (amount: number, which: number): number => Math.trunc(amount * (shares[which] ?? 0) / 100);
      if (kind === 'pay') {
        const amountMinor = part(total(left) - payments.reduce((sum, payment) => sum + payment.amountMinor, 0), 0);
        if (amountMinor !== 0) payments.push({ amountMinor, paidOn: date });
        continue;
      }
      const credited = left.map((tax, at) =>
        ({ ...tax, netMinor: part(tax.netMinor, 2 * at), taxMinor: part(tax.taxMinor, 2 * at + 1) }));
      left = left.map((tax, at) => ({ ...tax, netMinor: tax.netMinor - (credited[at]?.netMinor ?? 0),
        taxMinor: tax.taxMinor - (credited[at]?.taxMinor ?? 0) }));
      creditNotes.push({ ...document(date, []), kind: 'credit_note', taxes: credited, totalMinor: total(credited) });
    }
    return { invoice: { ...document('2025-01-01', []), taxes: issued, totalMinor: total(issued), payments, creditNotes }, left };
  }

  function monthly(invoice: ReportDocument) {
    const builder = new ReportBuilder({ basis: 'paidOn', from: '2025-01', to: '2026-12' });
    builder.add(invoice);
    return builder.cells();
  }

  function assertSums(months: ReturnType<typeof monthly>, expected: ReportDocument['taxes']): void {
    const sums = new Map(addSums(months).taxes.map(({ rateBp, netMinor, taxMinor }) => [rateBp, [netMinor, taxMinor]]));
    for (const { rateBp, netMinor, taxMinor } of expected) assert.deepEqual(sums.get(rateBp) ?? [0, 0], [netMinor, taxMinor]);
  }

  test('every month adds up to what was received, no rate leaves what was invoiced, and all add up to what is left', () => {
    fc.assert(fc.property(taxes, steps, (issued, list) => {
      const { invoice, left } = happen(issued, list);
      const months = monthly(invoice);
      for (const month of months) assert.equal(grossOf(month).grossMinor, month.receivedMinor);
      for (let count = 1; count <= months.length; count++) {
        for (const { rateBp, netMinor, taxMinor } of addSums(months.slice(0, count)).taxes) {
          const bound = issued.find((tax) => tax.rateBp === rateBp);
          assert.ok(netMinor !== null && netMinor >= 0 && netMinor <= (bound?.netMinor ?? 0), `net ${netMinor} at ${rateBp}`);
          assert.ok(taxMinor !== null && taxMinor >= 0 && taxMinor <= (bound?.taxMinor ?? 0), `tax ${taxMinor} at ${rateBp}`);
        }
      }
      if (invoice.payments.length === 0) return;
      assertSums(months, left);
    }));
  });

  test('also where payments are dated in another order than they were recorded, or are more than is owed', () => {
    const amounts = fc.array(fc.tuple(fc.integer({ min: -9000, max: 9000 }), fc.integer({ min: 0, max: 9 })), { maxLength: 5 });
    fc.assert(fc.property(taxes, steps, amounts, (issued, list, more) => {
      const { invoice, left } = happen(issued, list);
      fc.pre(total(issued) > 0);
      const odd = more.map(([amountMinor, month]) => ({ amountMinor, paidOn: `${addMonths('2025-01', month)}-20` }));
      const undone = odd.map(({ amountMinor }, index) => ({ amountMinor: -amountMinor, paidOn: `${addMonths('2025-01', 12 + index)}-20` }));
      const months = monthly({ ...invoice, payments: [...undone, ...invoice.payments, ...odd] });
      for (const month of months) assert.equal(grossOf(month).grossMinor, month.receivedMinor);
      if (odd.length + invoice.payments.length === 0) return;
      assertSums(months, left);
    }));
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
