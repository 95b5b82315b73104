// The report of a period over a real file, against sums that are computed without it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { applyChanges, closeCache, listPage, periodReport } from '../../../desktop/cache/cache.ts';
import { computeTotals } from '../../../shared/invoice.ts';
import { addMonths, type ReportCell, type ReportQuery } from '../../../shared/report.ts';
import { buildAll, invoice, recordId, temporaryCache, upsert } from './fixtures.ts';

const noPause = async (): Promise<void> => undefined;
const rates = [0, 700, 1900] as const;
const days = fc.integer({ min: 0, max: 700 }).map((offset) => new Date(Date.UTC(2025, 0, 1 + offset)).toISOString().slice(0, 10));
const line = fc.record({
  quantityMilli: fc.integer({ min: 1, max: 9000 }), unitPriceMinor: fc.integer({ min: 1, max: 99_999 }),
  taxRateBp: fc.constantFrom(...rates),
});
const plan = fc.record({
  currency: fc.constantFrom('EUR', 'CHF', 'JPY'), status: fc.constantFrom('draft', 'void', 'open', 'open', 'paid', 'paid'), issueDate: days,
  lines: fc.array(line, { minLength: 1, maxLength: 4 }), paidOn: fc.array(days, { minLength: 1, maxLength: 3 }),
  /** How many of its lines are credited. */
  credited: fc.constantFrom(0, 0, 0, 1, 9), creditedOn: days, isCreditIssued: fc.boolean(),
});
type Plan = typeof plan extends fc.Arbitrary<infer P> ? P : never;

interface Document {
  readonly kind: string;
  readonly status: string;
  readonly currency: string;
  readonly issueDate: string;
  readonly creditedId: string | null;
  readonly taxes: readonly { readonly category: string; readonly rateBp: number; readonly netMinor: number; readonly taxMinor: number }[];
  readonly totalMinor: number;
  readonly payments: readonly { readonly amountMinor: number; readonly paidOn: string }[];
}

/** An invoice and its credit note, if it has one; one that is paid has payments of all that is left of it. */
function documents({ lines, credited, creditedOn, isCreditIssued, paidOn, ...invoiced }: Plan, number: number): Document[] {
  const { taxes, totalMinor } = computeTotals(lines);
  const isIssued = invoiced.status === 'open' || invoiced.status === 'paid';
  const note = isIssued && credited > 0 ? computeTotals(lines.slice(0, credited)) : null;
  const left = totalMinor - (note && isCreditIssued ? note.totalMinor : 0);
  const part = Math.floor(left / (paidOn.length + 1));
  const payments = !isIssued ? [] : paidOn.map((day, index) =>
    ({ paidOn: day, amountMinor: index > 0 || invoiced.status === 'open' ? part : left - part * (paidOn.length - 1) }));
  return [
    { ...invoiced, kind: 'invoice', creditedId: null, taxes, totalMinor, payments: payments.filter(({ amountMinor }) => amountMinor > 0) },
    ...note === null ? [] : [{
      ...invoiced, kind: 'credit_note', creditedId: recordId(number), status: isCreditIssued ? 'paid' : 'draft', issueDate: creditedOn,
      taxes: note.taxes, totalMinor: note.totalMinor, payments: [],
    }],
  ];
}

const plans = fc.sample(plan, { numRuns: 400, seed: 17 });
const records = plans.flatMap((one, index) =>
  documents(one, 2 * index).map((document, position) => ({ number: 2 * index + position, document })));

function filled(t: Parameters<typeof temporaryCache>[0]): ReturnType<typeof temporaryCache> {
  const cache = temporaryCache(t);
  applyChanges(cache.writer, 'a', records.map(({ number, document }) => upsert('invoices', number, invoice(number, { ...document }))));
  return cache;
}

const issued = records.map(({ document }) => document).filter(({ status }) => status === 'open' || status === 'paid');
const months = (from: string, to: string): string[] => {
  const all = [];
  for (let month = from; month <= to; month = addMonths(month, 1)) all.push(month);
  return all;
};

/** Cells as "month currency" with "category rate net tax" lines and what was received; those of only zeros left out. */
function textOf(cells: readonly ReportCell[]): string[] {
  return cells.map(({ month, currency, taxes, receivedMinor }) => `${month} ${currency} ${receivedMinor} `
    + taxes.map(({ category, rateBp, netMinor, taxMinor }) => `${category} ${rateBp} ${netMinor} ${taxMinor}`).join(', '));
}

function naive(from: string, to: string): string[] {
  return months(from, to).flatMap((month) => ['CHF', 'EUR', 'JPY'].flatMap((currency) => {
    const ours = issued.filter((document) => document.currency === currency);
    const dated = ours.filter(({ issueDate }) => issueDate.startsWith(month));
    const payments = ours.flatMap((document) => document.payments).filter(({ paidOn }) => paidOn.startsWith(month));
    const taxes = rates.flatMap((rateBp) => {
      const found = dated.flatMap(({ kind, taxes: all }) => all.filter((tax) => tax.rateBp === rateBp)
        .map((tax) => kind === 'credit_note' ? [-tax.netMinor, -tax.taxMinor] as const : [tax.netMinor, tax.taxMinor] as const));
      const sum = (index: 0 | 1): number => found.reduce((total, amounts) => total + amounts[index], 0);
      return found.length === 0 ? [] : [`${rateBp === 0 ? 'Z' : 'S'} ${rateBp} ${sum(0)} ${sum(1)}`];
    });
    const received = payments.reduce((total, { amountMinor }) => total + amountMinor, 0);
    return dated.length + payments.length === 0 ? [] : [`${month} ${currency} ${received} ${taxes.join(', ')}`];
  }));
}

describe('the report of random invoices', () => {
  test('by invoice date is what adding up every issued document comes to, for any months', async (t) => {
    const cache = filled(t);
    for (const [from, to] of [['2025-01', '2026-12'], ['2025-11', '2026-02'], ['2026-02', '2026-02']] as const) {
      for (const isBuilt of [false, true]) {
        if (isBuilt) buildAll(cache);
        assert.deepEqual(textOf(await periodReport(cache.reader, { basis: 'issueDate', from, to }, noPause)), naive(from, to));
      }
    }
  });

  test('by payment date has net and tax of exactly what was received', async (t) => {
    const cache = filled(t);
    const cells = await periodReport(cache.reader, { basis: 'paidOn', from: '2025-01', to: '2026-12' }, noPause);
    assert(cells.length > 40);
    for (const { month, currency, taxes, receivedMinor } of cells) {
      const settled = taxes.reduce((sum, { netMinor, taxMinor }) => sum + Number(netMinor) + Number(taxMinor), 0);
      assert.equal(settled, receivedMinor, `${month} ${currency}`);
    }
    for (const [from, to] of [['2025-03', '2025-05'], ['2026-12', '2026-12']] as const) {
      assert.deepEqual(await periodReport(cache.reader, { basis: 'paidOn', from, to }, noPause),
        cells.filter(({ month }) => month >= from && month <= to));
    }
  });

  test('lets other work run now and then, also while it finds nothing', async (t) => {
    const cache = filled(t);
    for (const [basis, reads] of [['issueDate', 1], ['paidOn', 2]] as const) {
      let pauses = 0;
      const cells = await periodReport(cache.reader, { basis, from: '2030-01', to: '2030-12' }, async () => { pauses += 1; });
      assert.deepEqual([cells.length, pauses], [0, reads * Math.ceil(records.length / 200)]);
    }
  });

  test('by payment date comes in all to the stored taxes of what is settled', async (t) => {
    const cache = temporaryCache(t);
    const settled = records.filter(({ document }) => document.status === 'paid');
    const open = new Set(records.filter(({ document }) => document.status === 'open').map(({ number }) => recordId(number)));
    const counted = settled.filter(({ document }) => document.creditedId === null || !open.has(document.creditedId));
    applyChanges(cache.writer, 'a', counted.map(({ number, document }) => upsert('invoices', number, invoice(number, { ...document }))));
    const cells = await periodReport(cache.reader, { basis: 'paidOn', from: '2025-01', to: '2026-12' }, noPause);
    for (const currency of ['CHF', 'EUR', 'JPY']) {
      for (const rateBp of rates) {
        const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
        const reported = cells.filter((cell) => cell.currency === currency).flatMap(({ taxes }) => taxes)
          .filter((tax) => tax.rateBp === rateBp);
        const stored = counted.filter(({ document }) => document.currency === currency).flatMap(({ document: { kind, taxes } }) =>
          taxes.filter((tax) => tax.rateBp === rateBp).map((tax) => ({ ...tax, sign: kind === 'credit_note' ? -1 : 1 })));
        assert.deepEqual([sum(reported.map(({ netMinor }) => Number(netMinor))), sum(reported.map(({ taxMinor }) => Number(taxMinor)))],
          [sum(stored.map(({ sign, netMinor }) => sign * netMinor)), sum(stored.map(({ sign, taxMinor }) => sign * taxMinor))]);
      }
    }
  });
});

test('a report lets other work run, and sees no change that comes meanwhile', async (t) => {
  const cache = filled(t);
  const query: ReportQuery = { basis: 'issueDate', from: '2025-01', to: '2026-12' };
  const before = await periodReport(cache.reader, query, noPause);
  let pauses = 0;
  const during = await periodReport(cache.reader, query, async () => {
    pauses += 1;
    applyChanges(cache.writer, 'a', [upsert('invoices', 9000 + pauses, invoice(9000 + pauses, { issueDate: '2025-05-05', taxes: [
      { category: 'S', rateBp: 1900, netMinor: 100, taxMinor: 19 },
    ] }))]);
    assert.equal(listPage(cache.reader, { collection: 'invoices' }).total, records.length + pauses);
  });
  assert(pauses > 2);
  assert.deepEqual(during, before);
  assert.notDeepEqual(await periodReport(cache.reader, query, noPause), before);
});

test('a report is rejected for anything but two months, and cancelled by closing the cache', async (t) => {
  const cache = filled(t);
  for (const months of [{ from: '2025-13' }, { from: '2025-1' }, { from: '2026-12-01' }, { to: '' }, { to: '2024-12' }]) {
    await assert.rejects(periodReport(cache.reader, { basis: 'issueDate', from: '2025-01', to: '2026-12', ...months }, noPause),
      { code: 'invalid_request' });
  }
  await assert.rejects(periodReport(cache.reader, { basis: 'paidOn', from: '2025-01', to: '2026-12' }, async () => closeCache(cache)),
    { code: 'cancelled' });
});
