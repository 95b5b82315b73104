// The window fetches what it shows once, and its content stays in place when something else changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Locator, Page } from 'playwright-core';

import { plan } from '../server/samples.ts';
import { describeWindow, windowApi } from './harness.ts';
import { today } from './user-actions.ts';

/** Counts the page's calls by channel from now on. */
function countCalls(page: Page): Map<string, number> {
  const calls = new Map<string, number>();
  page.on('request', (request) => {
    const channel = /\/call\/(.+)$/.exec(request.url())?.[1];
    if (channel !== undefined) calls.set(channel, (calls.get(channel) ?? 0) + 1);
  });
  return calls;
}

/** Holds back the answers to the next calls on this channel. */
function delayAnswers(page: Page, channel: string, count = 1): { readonly asked: Promise<void>; deliver(): Promise<void> } {
  const [asked, released, delivered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let [calls, held, sent] = [0, 0, 0];
  const armed = page.route(`**/call/${channel}`, async (route) => {
    calls += 1;
    if (calls > count) return route.continue();
    const response = await route.fetch();
    held += 1;
    if (held === count) asked.resolve();
    await released.promise;
    await route.fulfill({ response });
    sent += 1;
    if (sent === count) delivered.resolve();
  });
  return {
    asked: armed.then(() => asked.promise),
    async deliver() {
      released.resolve();
      await delivered.promise;
      await page.evaluate(async () => { for (let n = 0; n < 10; n += 1) await new Promise(requestAnimationFrame); });
    },
  };
}

const rows = '.sheet .row:not([hidden]):not(.waiting)';

describeWindow('the window', { invoices: 300 }, (env) => {
  test('does not reload or scroll the list when the keyboard opens a record beside it', async (t) => {
    const page = await env().openWindow(t);
    await page.locator(rows).first().click();
    await page.locator('invoify-invoice-view').waitFor();
    await page.locator('.grid').focus();
    const calls = countCalls(page);
    await page.keyboard.press('End');
    const last = page.locator(`${rows}[aria-rowindex="301"][aria-selected="true"]`);
    await last.waitFor();
    const number = await last.locator('.cell').first().textContent();
    await page.locator('invoify-detail h2', { hasText: number?.trim() ?? '' }).waitFor();
    const bottomOf = (part: Locator): Promise<number> => part.evaluate((element) => element.getBoundingClientRect().bottom);
    assert.equal(await bottomOf(last), await bottomOf(page.locator('.grid')), 'the last row is in view, all of it');
    assert.equal(calls.get('data.selectionTotals') ?? 0, 0, 'the list is not reloaded');
  });

  test('keeps title and toolbar in place when a record opens, and all when the sync status does', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    const places = (): Promise<unknown> => page.evaluate(() => {
      const find = (...path: readonly string[]): Element | undefined =>
        path.reduce<ParentNode | null | undefined>((root, name) => {
          const found = root?.querySelector(name);
          return found?.shadowRoot ?? found;
        }, document.querySelector('invoify-app')?.shadowRoot) as Element | undefined;
      const list = ['invoify-shell', 'invoify-list-screen'];
      const { x, y, width } = find(...list, 'invoify-list-toolbar', 'h1')?.getBoundingClientRect() ?? {};
      return [x, y, width, find(...list, 'invoify-list-toolbar', '.search')?.getBoundingClientRect().x,
        find(...list, '.list')?.getBoundingClientRect().y, document.scrollingElement?.scrollTop];
    });
    const before = await places();
    await page.locator(rows).first().click();
    await page.locator('invoify-invoice-view').waitFor();
    assert.deepEqual(await places(), before);
    await page.locator('invoify-status-bar .state').click();
    await page.locator('invoify-sync-popover ol').waitFor();
    assert.deepEqual(await places(), before);
  });

  test('sorts from anywhere in a column\'s heading', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    const head = page.getByRole('columnheader', { name: 'Customer' });
    const box = await head.boundingBox();
    assert(box);
    await page.mouse.click(box.x + box.width - 6, box.y + box.height - 6);
    await page.locator('[role=columnheader][aria-sort]', { hasText: 'Customer' }).waitFor();
  });

  test('clips no label or heading, however wide the window is: filters that do not fit are behind a button', async (t) => {
    for (const lang of ['en-GB', 'de-DE']) {
      const page = await (await env().sharedDesktop()).openPage(t, { lang, width: 1400, hasReducedMotion: true });
      await page.locator(rows).first().click();
      await page.locator('invoify-invoice-view').waitFor();
      const bar = page.locator('invoify-list-toolbar .bar');
      const modes: boolean[] = [];
      for (const width of [700, 1024, 1200, 1280, 1920]) {
        await page.setViewportSize({ width, height: 720 });
        const isTight = await bar.evaluate(async (element) => {
          for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
          const clipped = [element, ...element.querySelectorAll('.filters > *, .button, .show')].filter((part) =>
            part.checkVisibility() && part.scrollWidth > part.clientWidth && part.clientWidth > 0);
          if (clipped.length > 0) throw new Error(`${innerWidth} px: ${clipped.map(({ className }) => className).join(', ')}`);
          return element.classList.contains('tight');
        });
        modes.push(isTight);
        const headings = await page.locator('.head .sort > span').evaluateAll((spans) =>
          spans.filter((span) => span.scrollWidth > span.clientWidth || span.scrollHeight > 31).map(({ textContent }) => textContent));
        assert.deepEqual(headings, [], `${width} px`);
      }
      assert.equal(modes[2], true, 'a narrow list has them behind the button');
      assert.equal(modes.at(-1), false, 'a wide one does not');
      await page.locator('.grid').press('Escape');
      await page.locator('invoify-detail').waitFor({ state: 'detached' });
      await page.setViewportSize({ width: 600, height: 720 });
      await page.locator('invoify-list-toolbar .show').click();
      await page.locator('invoify-list-toolbar [data-filter=status]').selectOption('paid');
      await page.locator('invoify-list-toolbar .show.set', { hasText: '(1)' }).waitFor();
      await page.keyboard.press('Escape');
      await page.locator('invoify-list-toolbar .filters').waitFor({ state: 'hidden' });
      await page.close();
    }
  });

  test('keeps the top row in place when a colleague\'s invoice is inserted above it', async (t) => {
    const page = await env().openWindow(t);
    const grid = page.locator('.grid');
    await grid.evaluate((element) => { element.scrollTop = 3200; });
    const top = page.locator(`${rows}[aria-rowindex="102"]`);
    const name = await top.textContent();
    const customers = await windowApi(page).data.listPage({ collection: 'customers', limit: 1 });
    assert(customers.ok);
    const [customer] = customers.value.rows;
    const colleague = await env().colleague(env().editor);
    await colleague.create('invoices', { customerId: customer?.id, issueDate: today(), dueDate: today(), currency: 'EUR', lines: [] });
    await page.locator('.grid[aria-rowcount="302"]').waitFor();
    assert.equal(await page.locator(`${rows}[aria-rowindex="103"]`).textContent(), name);
    assert.equal(await grid.evaluate((element) => element.scrollTop), 3232);
  });

  test('keeps what it shows when an older answer arrives late: counts, sync health and currencies', async (t) => {
    const page = await env().openWindow(t);
    const colleague = await env().colleague();
    const { id: customerId } = await colleague.create('customers', { name: 'Abroad', currency: 'EUR' });
    const addPlan = (): Promise<unknown> => colleague.create('plans', plan());
    const addInvoice = (currency: string) => (): Promise<unknown> =>
      colleague.create('invoices', { customerId, issueDate: '2026-01-01', dueDate: '2026-01-02', currency, lines: [] });
    const counts = await windowApi(page).data.counts();
    assert(counts.ok);
    const before = counts.value['plans'] ?? 0;
    /** Of two changes the answer after the first arrives last. */
    const change = async (
      screen: string, late: ReturnType<typeof delayAnswers>, changes: readonly (() => Promise<unknown>)[], newest: Locator,
    ): Promise<void> => {
      await page.locator(`[data-screen=${screen}]`).click();
      for (const make of changes) {
        await make();
        await late.asked;
      }
      await newest.waitFor({ state: 'attached' });
      await late.deliver();
      assert.equal(await newest.count(), 1, screen);
    };
    await change('plans', delayAnswers(page, 'data.counts'), [addPlan, addPlan],
      page.locator('invoify-status-bar .end', { hasText: `${before + 2} plans` }));
    // Without a filter, the totals and the currencies are the same call.
    await change('invoices', delayAnswers(page, 'data.selectionTotals', 2),
      [addInvoice('EUR'), addInvoice('JPY')], page.locator('invoify-list-toolbar option[value=JPY]'));
    await page.locator('[data-screen=health]').click();
    await page.locator('invoify-health td').first().waitFor();
    await change('health', delayAnswers(page, 'data.health'), [addPlan, addPlan],
      page.locator('invoify-health tr', { hasText: `Plans ${before + 4}` }));
  });

  test('loads the sync health once', async (t) => {
    const page = await env().openWindow(t);
    const calls = countCalls(page);
    await page.locator('[data-screen=health]').click();
    await page.locator('invoify-health td').first().waitFor();
    // Long enough for any repeated request: each update takes one animation frame.
    await page.evaluate(async () => { for (let n = 0; n < 20; n += 1) await new Promise(requestAnimationFrame); });
    assert((calls.get('data.health') ?? 0) <= 2, `${calls.get('data.health')} times`);
  });
});
