// Invoice totals against an oracle of exact fractions, age buckets, and the rules of each status.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { AppError } from '../../shared/errors.ts';
import { invoiceStatuses } from '../../shared/collections.ts';
import {
  addDays, ageBucketRange, ageBuckets, computeTotals, displayStatus, editableInvoiceFields, isActionAllowed, isOverdue, lineNetMinor,
  openMinorOf, sentStatus, type InvoiceAction, type PricedLine,
} from '../../shared/invoice.ts';

/** Rounds half away from zero, by quotient and remainder. */
function round(numerator: bigint, denominator: bigint): bigint {
  const [quotient, rest] = [numerator / denominator, numerator % denominator];
  const isHalf = 2n * (rest < 0n ? -rest : rest) >= denominator;
  return quotient + (isHalf ? (numerator < 0n ? -1n : 1n) : 0n);
}

/** The expected totals, or null if an amount is not a safe integer or the total is negative. */
function expectedTotals(lines: readonly PricedLine[]): { subtotal: bigint; taxes: [number, bigint, bigint][]; total: bigint } | null {
  const rates = [...new Set(lines.map(({ taxRateBp }) => taxRateBp))].sort((a, b) => a - b);
  const taxes = rates.map((rate): [number, bigint, bigint] => {
    const net = lines.filter(({ taxRateBp }) => taxRateBp === rate)
      .reduce((sum, { quantityMilli, unitPriceMinor }) => sum + round(BigInt(quantityMilli) * BigInt(unitPriceMinor), 1000n), 0n);
    return [rate, net, round(net * BigInt(rate), 10_000n)];
  });
  const subtotal = taxes.reduce((sum, [, net]) => sum + net, 0n);
  const total = taxes.reduce((sum, [, , tax]) => sum + tax, subtotal);
  const isExact = [subtotal, total, ...taxes.flatMap(([, net, tax]) => [net, tax])].every((amount) => Number.isSafeInteger(Number(amount)));
  return isExact && total >= 0n ? { subtotal, taxes, total } : null;
}

const rate = fc.oneof(fc.constantFrom(0, 700, 1900), fc.integer({ min: 0, max: 100_000 }));
const everyday = fc.record({
  quantityMilli: fc.integer({ min: 0, max: 100_000 }), unitPriceMinor: fc.integer({ min: -5000, max: 100_000 }), taxRateBp: rate,
});
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
        assert.deepEqual(taxes.map(({ rateBp, netMinor, taxMinor }) => [rateBp, BigInt(netMinor), BigInt(taxMinor)]), expected.taxes);
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
    assert.deepEqual([subtotalMinor, totalMinor, taxes], [0, 0, [{ rateBp: 1, netMinor: 0, taxMinor: 0 }]]);
    assert.ok([subtotalMinor, totalMinor].every((amount) => Object.is(amount, 0)));
  });

  test('round a line half away from zero', () => {
    for (const [quantityMilli, unitPriceMinor, net] of [
      [500, 1, 1], [500, -1, -1], [499, 1, 0], [1500, 1, 2], [1500, -1, -2], [333, 3, 1],
    ] as const) {
      assert.equal(lineNetMinor({ quantityMilli, unitPriceMinor, taxRateBp: 0 }), net);
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

  test('counts calendar days over leap days and years', () => {
    assert.equal(addDays('2024-02-28', 1), '2024-02-29');
    assert.equal(addDays('2023-02-28', 1), '2023-03-01');
    assert.equal(addDays('2026-01-01', -1), '2025-12-31');
    fc.assert(fc.property(day, fc.integer({ min: -2000, max: 2000 }), (from, days) =>
      assert.equal(addDays(addDays(from, days), -days), from)));
  });
});

describe('the status of an invoice', () => {
  const actions: readonly InvoiceAction[] = ['edit', 'delete', 'send', 'pay', 'void'];

  test('decides which actions are allowed', () => {
    const allowed = (status: string): readonly InvoiceAction[] => actions.filter((action) => isActionAllowed(status, action));
    assert.deepEqual(Object.fromEntries(invoiceStatuses.map((status) => [status, allowed(status)])), {
      draft: ['edit', 'delete', 'send'], sent: ['edit', 'pay', 'void'], paid: ['edit', 'void'], void: ['edit'],
    });
    for (const unknown of ['', 'open', 'toString']) assert.deepEqual(allowed(unknown), []);
  });

  test('freezes everything but due date and notes once the invoice is sent', () => {
    assert.deepEqual(invoiceStatuses.map(editableInvoiceFields),
      [null, ['dueDate', 'notes'], ['dueDate', 'notes'], ['dueDate', 'notes']]);
  });

  test('is paid as soon as nothing is open, so an invoice over zero is paid when sent', () => {
    const amounts = [[100, 0], [100, 99], [100, 100], [0, 0]] as const;
    assert.deepEqual(amounts.map(([totalMinor, paidMinor]) => sentStatus({ totalMinor, paidMinor })), ['sent', 'sent', 'paid', 'paid']);
  });

  test('leaves an amount open only while it is sent', () => {
    assert.deepEqual(invoiceStatuses.map((status) => openMinorOf({ status, totalMinor: 100, paidMinor: 30 })), [0, 70, 0, 0]);
  });

  test('is displayed as overdue from the day after the due date, while anything is open', () => {
    const at = (today: string, openMinor: number): string => displayStatus({ status: 'sent', dueDate: '2026-03-01', openMinor }, today);
    assert.deepEqual([at('2026-03-01', 100), at('2026-03-02', 100), at('2026-03-02', 0)], ['sent', 'overdue', 'sent']);
    assert.equal(displayStatus({ status: 'void', dueDate: '2026-03-01', openMinor: 0 }, '2026-03-02'), 'void');
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
