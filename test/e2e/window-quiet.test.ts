// The window asks for what it shows once, and leaves what is seen where it is: nothing is fetched again for an answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import { describeWindow, signIn, windowApi } from './harness.ts';

/** Counts the calls of the page from now on, by channel. */
function countCalls(page: Page): Map<string, number> {
  const calls = new Map<string, number>();
  page.on('request', (request) => {
    const channel = /\/call\/(.+)$/.exec(request.url())?.[1];
    if (channel !== undefined) calls.set(channel, (calls.get(channel) ?? 0) + 1);
  });
  return calls;
}

const rows = '.sheet .row:not([hidden]):not(.waiting)';

describeWindow('a window that nobody touches', { invoices: 300 }, (scene) => {
  test('keeps the list where it was scrolled to when the keyboard leads to a record beside it', async (t) => {
    const page = await (await scene().openDesktop(t)).openPage(t, { width: 1440 });
    await signIn(page, scene());
    await page.locator(rows).first().click();
    await page.locator('invoify-invoice-view').waitFor();
    await page.locator('.grid').focus();
    const calls = countCalls(page);
    await page.keyboard.press('End');
    const last = page.locator(`${rows}[aria-rowindex="301"][aria-selected="true"]`);
    await last.waitFor();
    const number = await last.locator('.cell').first().textContent();
    await page.locator('invoify-detail h2', { hasText: number?.trim() ?? '' }).waitFor();
    assert(await page.locator('.grid').evaluate((grid) => grid.scrollTop) > 5000, 'the last row is in view');
    assert.equal(calls.get('data.selectionTotals') ?? 0, 0, 'the list is asked nothing anew');
  });

  test('keeps the row that is at the top when a colleague\'s invoice comes above it', async (t) => {
    const page = await (await scene().openDesktop(t)).openPage(t);
    await signIn(page, scene());
    const grid = page.locator('.grid');
    await page.locator(rows).first().waitFor();
    await grid.evaluate((element) => { element.scrollTop = 3200; });
    const top = page.locator(`${rows}[aria-rowindex="102"]`);
    const name = await top.textContent();
    const customers = await windowApi(page).data.listPage({ collection: 'customers', limit: 1 });
    assert(customers.ok);
    const [customer] = customers.value.rows;
    const today = new Date().toISOString().slice(0, 10);
    const colleague = await scene().colleague(scene().editor);
    await colleague.create('invoices', { customerId: customer?.id, issueDate: today, dueDate: today, currency: 'EUR', lines: [] });
    await page.locator('.grid[aria-rowcount="302"]').waitFor();
    assert.equal(await page.locator(`${rows}[aria-rowindex="103"]`).textContent(), name);
    assert.equal(await grid.evaluate((element) => element.scrollTop), 3232);
  });

  test('reads the sync\'s health once', async (t) => {
    const page = await (await scene().openDesktop(t)).openPage(t);
    await signIn(page, scene());
    const calls = countCalls(page);
    await page.locator('[data-screen=health]').click();
    await page.locator('invoify-health td').first().waitFor();
    // Whatever an answer would ask again would have been asked by now: each drawing is one animation frame.
    await page.evaluate(async () => { for (let n = 0; n < 20; n += 1) await new Promise(requestAnimationFrame); });
    assert((calls.get('data.health') ?? 0) <= 2, `${calls.get('data.health')} times`);
  });
});
