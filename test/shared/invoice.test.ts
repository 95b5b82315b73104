// Invoice totals against an oracle of exact fractions, what a draft may contain, age buckets, and the rules of each state.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { AppError } from '../../shared/errors.ts';
import { invoiceStatuses, taxCategories, type TaxCategory } from '../../shared/collections.ts';
import { addDays } from '../../shared/days.ts';
import {
  ageBucketRange, ageBuckets, computeTotals, creditableOf, creditProblem, displayStatus, editableInvoiceFields, invoiceProblems,
  isActionAllowed, isOverdue, issuedStatus, lineNetMinor, openMinorOf, type InvoiceAction, type InvoiceState, type PricedLine, type Totals,
} from '../../shared/invoice.ts';
import { problem } from '../../shared/problems.ts';

/** Rounds half away from zero, by quotient and remainder. */
function round(numerator: bigint, denominator: bigint): bigint {
  const [quotient, rest] = [numerator / denominator, numerator % denominator];
  const isHalf = 2n * (rest < 0n ? -rest : rest) >= denominator;
  return quotient + (isHalf ? (numerator < 0n ? -1n : 1n) : 0n);
}

describe('credit notes over the parts of an invoice', () => {
  const priced = fc.record({
    quantityMilli: fc.constant(1000), unitPriceMinor: fc.integer({ min: 1, max: 5000 }), taxRateBp: fc.constantFrom(0, 700, 1900, 2550),
  });
  test('come to the invoice at every rate, in any order and division, and none of them to less than nothing', () => {
    fc.assert(fc.property(fc.array(fc.array(priced, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 }), (parts) => {
      const invoice = { ...computeTotals(parts.flat()), creditedMinor: 0 };
      const notes: Totals[] = [];
      for (const lines of parts) {
        const creditedMinor = notes.reduce((sum, { totalMinor }) => sum + totalMinor, 0);
        const left = creditableOf({ ...invoice, creditedMinor }, notes);
        const note = computeTotals(lines, left);
        assert.equal(creditProblem(note, left), null);
        assert(note.taxes.every(({ taxMinor }) => taxMinor >= 0));
        notes.push(note);
      }
      const creditedMinor = notes.reduce((sum, { totalMinor }) => sum + totalMinor, 0);
      const { taxes, totalMinor } = creditableOf({ ...invoice, creditedMinor }, notes);
      assert.deepEqual([totalMinor, ...taxes.flatMap(({ netMinor, taxMinor }) => [netMinor, taxMinor])].filter((rest) => rest !== 0), []);
    }));
  });

  test('have no more tax than is left, of which earlier ones may even have had too much', () => {
    const cents = (quantityMilli: number): PricedLine => ({ quantityMilli, unitPriceMinor: 1, taxRateBp: 5000 });
    const invoice = computeTotals([cents(6000)]);
    const notes: Totals[] = [];
    for (let count = 0; count < 6; count += 1) {
      const creditedMinor = notes.reduce((sum, { totalMinor }) => sum + totalMinor, 0);
      notes.push(computeTotals([cents(1000)], creditableOf({ ...invoice, creditedMinor }, notes)));
    }
    assert.deepEqual(notes.map(({ taxes }) => taxes[0]?.taxMinor), [1, 1, 1, 0, 0, 0]);
    // Each was once rounded on its own.
    const rounded = Array.from({ length: 4 }, () => computeTotals([cents(1000)]));
    const left = creditableOf({ ...invoice, creditedMinor: 8 }, rounded);
    assert.deepEqual(left, { taxes: [{ category: 'S', rateBp: 5000, netMinor: 2, taxMinor: -1 }], totalMinor: 1 });
    assert.deepEqual([1000, 2000].map((quantityMilli) => computeTotals([cents(quantityMilli)], left).taxes[0]?.taxMinor), [0, -1]);
  });
});

type ExpectedTax = readonly [category: TaxCategory, rateBp: number, net: bigint, tax: bigint];

/** The expected totals, or null if an amount is not a safe integer or the total is negative. */
function expectedTotals(lines: readonly PricedLine[]): { subtotal: bigint; taxes: ExpectedTax[]; total: bigint } | null {
  const rates = [...new Set(lines.map(({ taxRateBp }) => taxRateBp))].sort((a, b) => a - b);
  const taxes = rates.flatMap((rate) => taxCategories.flatMap((category): ExpectedTax[] => {
    const group = lines.filter((line) => line.taxRateBp === rate && (line.taxCategory ?? (rate === 0 ? 'Z' : 'S')) === category);
    const net = group.reduce((sum, { quantityMilli, unitPriceMinor, priceQuantity = 1 }) =>
      sum + round(BigInt(quantityMilli) * BigInt(unitPriceMinor), 1000n * BigInt(priceQuantity)), 0n);
    return group.length === 0 ? [] : [[category, rate, net, round(net * BigInt(rate), 10_000n)]];
  }));
  const subtotal = taxes.reduce((sum, [, , net]) => sum + net, 0n);
  const total = taxes.reduce((sum, [, , , tax]) => sum + tax, subtotal);
  const isExact = [subtotal, total, ...taxes.flatMap(([, , net, tax]) => [net, tax])]
    .every((amount) => Number.isSafeInteger(Number(amount)));
  return isExact && total >= 0n ? { subtotal, taxes, total } : null;
}

const rate = fc.oneof(fc.constantFrom(0, 700, 1900), fc.integer({ min: 0, max: 100_000 }));
const everyday = fc.record({
  quantityMilli: fc.integer({ min: -1000, max: 100_000 }), unitPriceMinor: fc.integer({ min: -5000, max: 100_000 }), taxRateBp: rate,
  taxCategory: fc.constantFrom(...taxCategories), priceQuantity: fc.constantFrom(1, 3, 100, 100_000),
}, { requiredKeys: ['quantityMilli', 'unitPriceMinor', 'taxRateBp'] });
const extreme = fc.record({ quantityMilli: fc.maxSafeNat(), unitPriceMinor: fc.maxSafeInteger(), taxRateBp: rate });
const mixed = fc.record({
  quantityMilli: fc.constantFrom(0, 1, 499, 500, 501, 1000), unitPriceMinor: fc.maxSafeInteger(), taxRateBp: rate,
});

describe('the totals of an invoice', () => {
  for (const [name, line] of [['everyday', everyday], ['extreme', extreme], ['mixed', mixed]] as const) {
    test(`are exact for ${name} lines, or rejected`, () => {
      fc.assert(fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const expected = expectedTotals(lines);
        if (expected === null) {
          assert.throws(() => computeTotals(lines), (error) =>
            error instanceof AppError && error.code === 'invalid_request' && 'lines' in (error.details.fields ?? {}));
          return;
        }
        const { subtotalMinor, taxes, totalMinor } = computeTotals(lines);
        assert.equal(BigInt(subtotalMinor), expected.subtotal);
        assert.deepEqual(taxes.map(({ category, rateBp, netMinor, taxMinor }) => [category, rateBp, BigInt(netMinor), BigInt(taxMinor)]),
          expected.taxes);
        assert.equal(BigInt(totalMinor), expected.total);
      }), { numRuns: 300 });
    });
  }

  test('do not depend on the order of the lines', () => {
    fc.assert(fc.property(fc.array(everyday, { minLength: 1, maxLength: 8 }), (lines) => {
      const [there, back] = [expectedTotals(lines), [...lines].reverse()];
      if (there !== null) assert.deepEqual(computeTotals(back), computeTotals(lines));
    }));
  });

  test('never contain negative zero, which JSON would lose', () => {
    const { subtotalMinor, totalMinor, taxes } = computeTotals([{ quantityMilli: 1, unitPriceMinor: -1, taxRateBp: 1 }]);
    assert.deepEqual([subtotalMinor, totalMinor, taxes], [0, 0, [{ category: 'S', rateBp: 1, netMinor: 0, taxMinor: 0 }]]);
    assert.ok([subtotalMinor, totalMinor].every((amount) => Object.is(amount, 0)));
  });

  test('round a line half away from zero', () => {
    for (const [quantityMilli, unitPriceMinor, net] of [
      [500, 1, 1], [500, -1, -1], [499, 1, 0], [1500, 1, 2], [1500, -1, -2], [333, 3, 1],
    ] as const) {
      assert.equal(lineNetMinor({ quantityMilli, unitPriceMinor, taxRateBp: 0 }), net);
    }
    for (const [priceQuantity, net] of [[100, 120], [1000, 12], [7, 1714], [100_000, 0]] as const) {
      assert.equal(lineNetMinor({ quantityMilli: 1_000_000, unitPriceMinor: 12, priceQuantity, taxRateBp: 0 }), net);
    }
    assert.throws(() => lineNetMinor({ quantityMilli: 2000, unitPriceMinor: Number.MAX_SAFE_INTEGER, taxRateBp: 0 }),
      { code: 'invalid_request' });
  });
});

describe('the age bucket of an open invoice', () => {
  const day = fc.date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10));

  test('is unique', () => {
    fc.assert(fc.property(day, fc.integer({ min: -200, max: 200 }), (today, offset) => {
      const dueDate = addDays(today, offset);
      const fitting = ageBuckets.filter((bucket) => {
        const { from, to } = ageBucketRange(bucket, today);
        return (from === null || dueDate >= from) && (to === null || dueDate <= to);
      });
      const expected = offset >= 0 ? 'notDue'
        : offset >= -30 ? 'days1to30' : offset >= -60 ? 'days31to60' : offset >= -90 ? 'days61to90' : 'over90';
      assert.deepEqual(fitting, [expected]);
    }));
  });

  test('is the one that is not due if there is no due date', () => {
    assert.deepEqual(ageBuckets.filter((bucket) => ageBucketRange(bucket, '2026-03-15').orNone), ['notDue']);
    assert.equal(isOverdue({ openMinor: 1 }, '2026-03-15'), false);
  });
});

describe('a draft', () => {
  const line = (taxRateBp: number, taxCategory?: TaxCategory): PricedLine & { description: string } =>
    ({ description: 'x', quantityMilli: 1000, unitPriceMinor: 1, taxRateBp, ...(taxCategory && { taxCategory }) });

  test('has rate 0 in every category but S, and a reason for what is neither taxed nor zero rated', () => {
    for (const category of taxCategories) {
      const problems = (taxRateBp: number, reason?: string): unknown => ({
        ...invoiceProblems({ lines: [line(1900), line(taxRateBp, category)], ...(reason !== undefined && { taxExemptionReason: reason }) }),
      });
      const missing = ['S', 'Z'].includes(category) ? {} : { taxExemptionReason: problem('required') };
      assert.deepEqual(problems(0), missing, category);
      assert.deepEqual(problems(0, ' '), missing, category);
      assert.deepEqual(problems(0, 'Because.'), {}, category);
      assert.deepEqual(problems(700, 'Because.'), category === 'S' ? {} : { 'lines.1.taxRateBp': problem('zero_rate') }, category);
    }
  });

  test('has a service period that does not end before it begins', () => {
    const problems = (to?: string): unknown =>
      ({ ...invoiceProblems({ lines: [line(0)], servicePeriod: { from: '2026-03-10', ...(to !== undefined && { to }) } }) });
    for (const to of [undefined, '2026-03-10', '2026-04-01']) assert.deepEqual(problems(to), {});
    assert.deepEqual(problems('2026-03-09'), { 'servicePeriod.to': problem('order', { other: 'from' }) });
  });
});

describe('the state of an invoice', () => {
  const actions: readonly InvoiceAction[] = ['edit', 'delete', 'issue', 'pay', 'unpay', 'credit', 'void'];
  const state = (over: Partial<Record<keyof InvoiceState, unknown>>): InvoiceState =>
    ({ kind: 'invoice', status: 'open', totalMinor: 100, paidMinor: 0, creditedMinor: 0, ...over } as InvoiceState);
  const allowed = (over: Parameters<typeof state>[0]): string =>
    actions.filter((action) => isActionAllowed(state(over), action)).join(' ');

  test('decides which actions are allowed', () => {
    const cases: readonly (readonly [Parameters<typeof state>[0], string])[] = [
      [{ status: 'draft' }, 'edit delete issue'],
      [{}, 'edit pay unpay credit void'],
      [{ paidMinor: 30 }, 'edit pay unpay credit'],
      [{ creditedMinor: 30 }, 'edit pay unpay credit'],
      [{ creditedMinor: 100, paidMinor: 30 }, 'edit pay unpay'],
      [{ status: 'paid', paidMinor: 100 }, 'edit unpay credit'],
      [{ status: 'paid', creditedMinor: 100 }, 'edit unpay'],
      [{ status: 'paid', totalMinor: 0 }, 'edit unpay credit void'],
      [{ status: 'void' }, 'edit'],
    ];
    for (const [over, expected] of cases) assert.equal(allowed(over), expected, JSON.stringify(over));
    for (const status of ['', 'sent', 'toString']) assert.equal(allowed({ status }), '');
  });

  test('of a credit note allows it to be edited, deleted and issued, and nothing else', () => {
    assert.deepEqual(invoiceStatuses.map((status) => allowed({ kind: 'credit_note', status })),
      ['edit delete issue', 'edit', 'edit', 'edit']);
  });

  test('freezes everything but due date and internal note once the invoice is issued', () => {
    const rest = ['dueDate', 'internalNote'];
    assert.deepEqual(invoiceStatuses.map(editableInvoiceFields), [null, rest, rest, rest]);
  });

  test('is paid while nothing is open: neither to be paid nor to be refunded', () => {
    const status = (totalMinor: number, paidMinor: number, creditedMinor: number): string =>
      issuedStatus({ kind: 'invoice', totalMinor, paidMinor, creditedMinor });
    assert.deepEqual([status(100, 0, 0), status(100, 60, 39), status(100, 60, 50)], ['open', 'open', 'open']);
    assert.deepEqual([status(100, 100, 0), status(100, 60, 40), status(100, 0, 100), status(0, 0, 0)], ['paid', 'paid', 'paid', 'paid']);
    assert.equal(issuedStatus({ kind: 'credit_note', totalMinor: 100, paidMinor: 0, creditedMinor: 0 }), 'paid');
  });

  test('leaves an amount open only while it is open', () => {
    const amounts = { totalMinor: 100, paidMinor: 30, creditedMinor: 20 };
    assert.deepEqual(invoiceStatuses.map((status) => openMinorOf({ status, ...amounts })), [0, 50, 0, 0]);
    assert.equal(openMinorOf({ ...amounts, status: 'open', creditedMinor: 80 }), -10);
  });

  test('is displayed as overdue from the day after the due date, while anything is to be paid', () => {
    const at = (today: string, openMinor: number, status = 'open'): string =>
      displayStatus({
        status, dueDate: '2026-03-01', totalMinor: 100, openMinor, paidMinor: 100 - openMinor, hasPayments: openMinor < 100,
      }, today);
    assert.deepEqual([at('2026-03-01', 100), at('2026-03-02', 100), at('2026-03-02', 40)], ['open', 'overdue', 'overdue']);
    assert.deepEqual([at('2026-03-02', 0, 'void'), at('2026-03-02', -5), at('2026-03-01', 40)], ['void', 'open', 'partly_paid']);
    const credited = { status: 'open', totalMinor: 100, openMinor: 40, paidMinor: 0, hasPayments: false };
    assert.equal(displayStatus(credited, '2099-01-01'), 'open', 'credits pay nothing');
    assert.equal(displayStatus({ ...credited, hasPayments: true }, '2099-01-01'), 'open', 'what was refunded or taken back pays nothing');
  });

  test('is displayed as credited, not as paid, once nothing is open and nobody has paid', () => {
    const shown = (status: string, totalMinor: number, hasPayments: boolean): string =>
      displayStatus({ status, totalMinor, openMinor: 0, paidMinor: 0, hasPayments }, '2026-03-02');
    assert.deepEqual([shown('paid', 100, false), shown('paid', 100, true), shown('paid', 0, false)], ['credited', 'paid', 'paid']);
    assert.deepEqual([shown('void', 100, false), shown('draft', 100, false)], ['void', 'draft']);
  });

  test('is overdue in every age bucket but the one that is not due yet', () => {
    const today = '2026-03-15';
    for (let days = -120; days <= 120; days += 1) {
      const dueDate = addDays(today, days);
      const bucket = ageBuckets.find((name) => {
        const { from, to } = ageBucketRange(name, today);
        return (from === null || dueDate >= from) && (to === null || dueDate <= to);
      });
      assert.equal(isOverdue({ dueDate, openMinor: 1 }, today), bucket !== 'notDue', dueDate);
    }
  });
});
