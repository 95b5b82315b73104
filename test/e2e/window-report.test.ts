// The report of a period: its figures against the invoices, offline too, as a file and as a way to the invoices behind them.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import type { Locator, Page } from 'playwright-core';

import type { Invoice } from '../../shared/collections.ts';
import { assertAccessible } from './accessible.ts';
import { describeWindow, waitForState, type Env } from './harness.ts';
import { goTo, waitUntil } from './user-actions.ts';

const year = new Date().getUTCFullYear();

async function readInvoices(env: Env): Promise<readonly Invoice[]> {
  const { changes } = await (await env.colleague()).pullAll();
  const found = new Map(changes.filter(({ collection }) => collection === 'invoices').map(({ mongoId, payload }) => [mongoId, payload]));
  return [...found.values()].filter((payload) => payload !== undefined).map((payload) => payload as unknown as Invoice);
}

/** An amount of euros as the British window writes it. */
const euros = (minor: number): string => new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'EUR' }).format(minor / 100);

const rowOf = (page: Page, name: string): Locator => page.locator('invoify-report section').first().getByRole('row', { name }).first();

async function assertRow(page: Page, name: string, amounts: readonly number[]): Promise<void> {
  const cells = rowOf(page, name).locator('td');
  const expected = amounts.map(euros);
  await waitUntil(page, `${name} has ${expected.join(', ')}`, async () =>
    JSON.stringify(await cells.allInnerTexts()) === JSON.stringify(expected));
}

describeWindow('the report', { invoices: 150, customers: 10 }, (env) => {
  test('adds up what was issued and received, also offline, and leads to the invoices behind a figure', async (t) => {
    const page = await env().openWindow(t);
    const invoices = (await readInvoices(env())).filter(({ currency, status }) => currency === 'EUR' && ['open', 'paid'].includes(status));
    const sumOf = (matches: (date: string) => boolean): number[] => {
      const dated = invoices.filter(({ issueDate }) => matches(issueDate));
      const add = (of: (invoice: Invoice) => number): number =>
        dated.reduce((sum, invoice) => sum + (invoice.kind === 'credit_note' ? -1 : 1) * of(invoice), 0);
      const received = invoices.flatMap(({ payments }) => payments).filter(({ paidOn }) => matches(paidOn));
      const tax = (invoice: Invoice): number => invoice.taxes.reduce((sum, { taxMinor }) => sum + taxMinor, 0);
      return [add(({ subtotalMinor }) => subtotalMinor), add(tax), add(({ totalMinor }) => totalMinor),
        received.reduce((sum, { amountMinor }) => sum + amountMinor, 0)];
    };
    await env().stopServer();
    await waitForState(page, 'unreachable', 'offline');
    await goTo(page, 'Report');
    await page.getByLabel('Period').selectOption('Last year');
    await assertRow(page, 'Total', sumOf((date) => date.startsWith(String(year - 1))));
    await page.getByLabel('Grouped by').selectOption('Quarter');
    const inQuarter = (date: string): boolean => date >= `${year - 1}-04-01` && date <= `${year - 1}-06-30`;
    await assertRow(page, `Q2 ${year - 1}`, sumOf(inQuarter));
    await assertAccessible(page, 'report-quarters');
    const months = (): Promise<string[]> =>
      Promise.all(['From month', 'To month'].map((label) => page.getByLabel(label, { exact: true }).inputValue()));
    await page.getByLabel('From month', { exact: true }).fill(`${year - 1}-05`);
    await page.getByLabel('To month', { exact: true }).fill(`${year - 1}-05`);
    await waitUntil(page, 'the months are those of whole quarters', async () =>
      JSON.stringify(await months()) === JSON.stringify([`${year - 1}-04`, `${year - 1}-06`]));
    await assertRow(page, 'Total', sumOf(inQuarter));
    await page.getByLabel('Period').selectOption('Last year');

    const chart = page.locator('invoify-report figure');
    const bars = await chart.getByRole('listitem').allTextContents();
    assert.equal(bars.length, 12);
    const june = sumOf((date) => date.startsWith(`${year - 1}-06`))[0] ?? 0;
    assert(bars[5]?.includes(`June ${year - 1}: ${euros(june)}`), bars[5]);

    await page.getByRole('button', { name: `Q2 ${year - 1}` }).first().click();
    await page.getByRole('button', { name: `Only Q2 ${year - 1}, EUR` }).waitFor();
    const count = invoices.filter(({ issueDate }) => inQuarter(issueDate)).length;
    await page.getByRole('group', { name: 'Totals of this list' }).getByText(`${count} invoice`).waitFor();
    await page.getByRole('group', { name: 'Totals of this list' }).getByText(euros(sumOf(inQuarter)[2] ?? 0)).waitFor();
  });

  test('by payment date comes to what was received, and is saved as it is shown', async (t) => {
    const page = await env().openWindow(t);
    await goTo(page, 'Report');
    await page.getByLabel('Counted by').selectOption('Payment date');
    await page.getByLabel('Period').selectOption('Last year');
    const cells = rowOf(page, 'Total').locator('td');
    await waitUntil(page, 'what was received is the gross amount', async () => {
      const [, , gross, received] = await cells.allInnerTexts();
      return gross !== undefined && gross === received;
    });
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as CSV' }).click()]);
    assert.match(download.suggestedFilename(), /^report-\d{4}-\d{2}-\d{2}\.csv$/);
    const [head = '', ...lines] = (await readFile(await download.path(), 'utf8')).split('\r\n');
    assert(head.startsWith('\ufeffPeriod,Currency,Net amount,Tax,Gross amount,Received,'));
    const inEuros = lines.filter((line) => line.split(',')[1] === 'EUR').map((line) => line.split(',').slice(2, 6).map(Number));
    assert.equal(inEuros.length, 12);
    const sums = [0, 1, 2, 3].map((index) => euros(Math.round(100 * inEuros.reduce((sum, row) => sum + (row[index] ?? 0), 0))));
    assert.deepEqual(sums, await cells.allInnerTexts());
  });

  test('says if nothing is in its months, and keeps their order', async (t) => {
    const page = await env().openWindow(t);
    await goTo(page, 'Report');
    await page.getByLabel('To month').fill('1999-03');
    await page.getByRole('heading', { name: 'Nothing in these months' }).waitFor();
    assert.equal(await page.getByLabel('From month').inputValue(), '1999-03');
    assert.equal(await page.getByLabel('Period').inputValue(), '');
    await page.getByText('Nothing was invoiced or received in them.').waitFor();
    await assertAccessible(page, 'report-nothing');
    await page.getByLabel('Counted by').selectOption('Payment date');
    await page.getByText('No payment was received in them.').waitFor();
    await page.getByLabel('Period').selectOption('Last year');
    await rowOf(page, 'Total').waitFor();
  });
});
