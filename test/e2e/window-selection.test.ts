// Working on several invoices at once, and a row's menu: by mouse and by keyboard alone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';

import type { Locator, Page } from 'playwright-core';

import { assertAccessible } from './accessible.ts';
import { describeWindow, windowApi } from './harness.ts';
import { detail, filterByStatus, goTo, press, pressAndClose, rows, search, sheet, today, waitUntil } from './user-actions.ts';

const line = { description: 'Work', quantityMilli: 1000, unitPriceMinor: 10_000, taxRateBp: 1900 };

const selected = (page: Page) => page.locator('[role=grid] .sheet [role=row][aria-selected=true]:not([hidden])');
const bar = (page: Page) => page.getByRole('group', { name: 'Selected rows' });

async function isCount(page: Page, count: number): Promise<void> {
  await waitUntil(page, `${count} rows are selected`, async () => await selected(page).count() === count);
}

/** Holds the answers to those queries of pages that contain `text`, once the host has given them, until `release` sends them all. */
async function holdPages(page: Page, text: string) {
  const answers: (() => Promise<void>)[] = [];
  let isHolding = true;
  await page.route('**/call/data.listPage', async (route) => {
    if (!(route.request().postData() ?? '').includes(text)) return route.continue();
    const response = await route.fetch();
    if (!isHolding) return route.fulfill({ response });
    answers.push(() => route.fulfill({ response }));
  });
  return {
    areHeld: async (): Promise<boolean> => answers.length > 0,
    async release(): Promise<void> {
      isHolding = false;
      for (const answer of answers) await answer();
    },
  };
}

describeWindow('several rows of a list', { invoices: 60, customers: 10 }, (env) => {
  /** A list of two drafts of a new customer, which a colleague can issue. */
  async function openDrafts(t: TestContext, name: string) {
    const colleague = await env().colleague();
    const { id: customerId } = await colleague.create('customers', { name, currency: 'EUR' });
    const draft = { customerId, issueDate: today(), currency: 'EUR', lines: [line] };
    const drafts = [await colleague.create('invoices', draft), await colleague.create('invoices', draft)] as const;
    const page = await env().openWindow(t, { width: 1280 });
    await search(page, name);
    await waitUntil(page, 'the drafts have come', async () => await rows(page).filter({ hasText: name }).count() === 2);
    return {
      page,
      async issue(index: 0 | 1): Promise<void> {
        await colleague.act(drafts[index], 'issue');
        await windowApi(page).sync.pullFromServer();
      },
      async select(): Promise<void> {
        await page.getByRole('grid').focus();
        await page.keyboard.press('Control+a');
        await bar(page).getByRole('button', { name: 'Issue 2 drafts' }).waitFor();
      },
    };
  }

  test('are selected with Ctrl and Shift, saved as CSV, and unselected by Esc', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    await filterByStatus(page, 'paid');
    await rows(page).nth(1).click();
    await detail(page).getByRole('heading', { level: 2 }).waitFor();
    await rows(page).nth(3).click({ modifiers: ['Control'] });
    await isCount(page, 2);
    await bar(page).getByText('2 selected').waitFor();
    await rows(page).nth(5).click({ modifiers: ['Shift'] });
    await isCount(page, 3);
    await assertAccessible(page, 'selection');
    const numbers = await selected(page).locator('[role=gridcell]:first-child').allInnerTexts();
    const [download] = await Promise.all([page.waitForEvent('download'), press(bar(page), 'Save CSV')]);
    const csv = readFileSync(await download.path(), 'utf8');
    assert.deepEqual(csv.trim().split('\r\n').slice(1).map((text) => text.split(/[,;]/)[0]), numbers);

    await page.getByRole('grid').focus();
    await page.keyboard.press('Escape');
    await bar(page).waitFor({ state: 'detached' });
    await detail(page).waitFor();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    await isCount(page, 3);
    await page.keyboard.press('Shift+ArrowUp');
    await isCount(page, 2);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Control+ ');
    await isCount(page, 3);
    await page.keyboard.press('Control+a');
    await waitUntil(page, 'all are selected', async () => await selected(page).count() === await rows(page).count());
    assert.equal(await page.getByRole('grid').getAttribute('aria-multiselectable'), 'true');
    await rows(page).first().click();
    await bar(page).waitFor({ state: 'detached' });
  });

  test('are issued together, the oldest first, and what does not work is listed', async (t) => {
    const colleague = await env().colleague();
    const { id: customerId } = await colleague.create('customers', { name: 'Several Ltd', currency: 'EUR' });
    const make = (issueDate: string, lines: readonly object[], fields = {}) => colleague.create('invoices', {
      customerId, issueDate, currency: 'EUR', lines, ...fields,
    });
    const late = await make(today(), [line], { dueDate: '2026-01-04' });
    const early = await make('2026-01-05', [line]);
    const empty = await make('2026-01-06', []);
    const changed = await make('2026-01-07', [line]);
    const page = await env().openWindow(t, { width: 1280 });
    await search(page, 'Several Ltd');
    await waitUntil(page, 'the drafts have come', async () => await rows(page).filter({ hasText: 'Several Ltd' }).count() === 4);
    await page.getByRole('grid').focus();
    await page.keyboard.press('Control+a');
    await press(bar(page), 'Issue 4 drafts');
    const question = sheet(page, 'Issue 4 drafts?');
    await question.getByText('4 drafts, €357.00 in all.').waitFor();
    await question.getByText('3 of them are dated before today.').waitFor();
    await question.getByText('1 of them is due before its own date.').waitFor();
    await assertAccessible(page, 'selection-issue');
    await colleague.change('invoices', changed, { lines: [{ ...line, unitPriceMinor: 99_000_000 }] });
    await windowApi(page).sync.pullFromServer();
    await press(question, 'Issue');
    const result = sheet(page, 'Done');
    const given = await result.getByText(/^2 issued: /).innerText();
    assert.match(given, /^2 issued: INV-2026-\d{5} to INV-\d{4}-\d{5}\.$/);
    assert.equal(await result.evaluate((dialog) => dialog.contains((dialog.getRootNode() as ShadowRoot).activeElement)), true);
    await result.getByText(/^Draft invoice · Several Ltd · .+ · €0\.00: Add a line first\.$/).waitFor();
    await result.getByText(/^Draft invoice · Several Ltd · .+ · €119\.00: It was changed in the meantime\./).waitFor();
    await assertAccessible(page, 'selection-issued');
    await page.keyboard.press('Enter');
    await result.waitFor({ state: 'detached' });
    const numberOf = async (id: string): Promise<string> => String((await colleague.read('invoices', id)).payload?.['number']);
    assert.ok(await numberOf(early.id) < await numberOf(late.id));
    assert.deepEqual([await numberOf(empty.id), await numberOf(changed.id)], ['undefined', 'undefined']);
  });

  test('are shown as they are now if they change again while they are read', async (t) => {
    const { page, issue, select } = await openDrafts(t, 'Changing Again Ltd');
    await select();
    const answers = await holdPages(page, '"filters":{"id":[');
    await issue(0);
    await waitUntil(page, 'the selected rows are read', answers.areHeld);
    await issue(1);
    await waitUntil(page, 'the list has been read', async () => await rows(page).filter({ hasText: 'Draft' }).count() === 0);
    await answers.release();
    await bar(page).getByRole('button', { name: /^Issue/ }).waitFor({ state: 'detached' });
    await bar(page).getByText('2 selected').waitFor();
  });

  test('are shown as they are now if they are selected while the list is read', async (t) => {
    const { page, issue, select } = await openDrafts(t, 'Changing Meanwhile Ltd');
    const answers = await holdPages(page, '"search":"Changing');
    await issue(0);
    await waitUntil(page, 'the list is read', answers.areHeld);
    await select();
    await answers.release();
    await bar(page).getByRole('button', { name: 'Issue 1 draft' }).waitFor();
  });

  test('are listed again once the company has what they could not be issued without', async (t) => {
    const colleague = await env().colleague();
    const page = await env().openWindow(t, { width: 1280 });
    const listed = await windowApi(page).data.listPage({ collection: 'company', limit: 1 });
    const company = await colleague.read('company', listed.ok ? listed.value.rows[0]?.id ?? '' : '');
    await colleague.change('company', company, { address: null });
    const { id: customerId } = await colleague.create('customers', { name: 'Waiting Ltd', currency: 'EUR' });
    for (const issueDate of [today(), '2026-01-05']) {
      await colleague.create('invoices', { customerId, issueDate, currency: 'EUR', lines: [line] });
    }
    await windowApi(page).sync.pullFromServer();
    await search(page, 'Waiting Ltd');
    await waitUntil(page, 'the drafts have come', async () => await rows(page).filter({ hasText: 'Waiting Ltd' }).count() === 2);
    await page.getByRole('grid').focus();
    await page.keyboard.press('Control+a');
    await press(bar(page), 'Issue 2 drafts');
    await press(sheet(page, 'Issue 2 drafts?'), 'Enter company details');
    const form = page.locator('invoify-company-form');
    await form.getByLabel('Street').fill('Hafenstraße 1');
    await form.getByLabel('City').fill('Kiel');
    await press(form, 'Save');
    await page.getByRole('button', { name: 'Only 2 selected' }).waitFor();
    await waitUntil(page, 'they are listed', async () => await rows(page).count() === 2);
    await waitUntil(page, 'the list has the focus', () => page.getByRole('grid').evaluate((grid) => grid.matches(':focus')));
    await page.keyboard.press('Control+a');
    await press(bar(page), 'Issue 2 drafts');
    const question = sheet(page, 'Issue 2 drafts?');
    await question.getByRole('button', { name: 'Issue', exact: true }).waitFor();
    await windowApi(page).sync.setAuthToken('ended');
    await question.getByRole('button', { name: 'Sign in', exact: true }).click();
    const signIn = page.locator('invoify-sign-in-dialog');
    await signIn.getByLabel('Password').fill(env().password);
    await signIn.getByRole('button', { name: 'Sign in', exact: true }).click();
    await signIn.waitFor({ state: 'detached' });
    await press(question, 'Issue');
    await sheet(page, 'Done').getByText(/^2 issued: /).waitFor();
    await page.keyboard.press('Escape');
    await waitUntil(page, 'the list has the focus again', () => page.getByRole('grid').evaluate((grid) => grid.matches(':focus')));
  });

  test('are saved as PDFs in one folder, until the user cancels', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    await page.route('**/call/app.getInfo', async (route) => {
      const { value } = await (await route.fetch()).json() as { readonly value: object };
      await route.fulfill({ json: { ok: true, value: { ...value, lacks: [] } } });
    });
    await page.route('**/call/app.chooseFolder', (route) => route.fulfill({ json: { ok: true, value: '/x/papers' } }));
    const requests: unknown[] = [];
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    await page.route('**/call/app.exportPdf', async (route) => {
      requests.push(route.request().postDataJSON());
      if (requests.length === 2) await cancelled;
      await route.fulfill({ json: { ok: true, value: { path: '/x/papers/a.pdf', sizeBytes: 1 } } });
    });
    await filterByStatus(page, 'paid');
    const number = await rows(page).first().locator('[role=gridcell]').first().innerText();
    await rows(page).first().click({ modifiers: ['Control'] });
    await rows(page).nth(3).click({ modifiers: ['Shift'] });
    await press(bar(page), 'Save PDFs');
    const dialog = sheet(page, 'Saving 4 PDFs');
    await dialog.getByText('1 of 4').waitFor();
    await assertAccessible(page, 'selection-pdf');
    const [question] = await Promise.all([page.waitForEvent('dialog'), page.close({ runBeforeUnload: true })]);
    assert.equal(question.type(), 'beforeunload', 'the window asks before it closes on a run');
    await question.dismiss();
    await press(dialog, 'Cancel');
    resolve();
    await sheet(page, 'Done').getByText('2 PDFs saved to /x/papers.').waitFor();
    await sheet(page, 'Done').getByText('2 were not tried.').waitFor();
    assert.deepEqual(requests[0], { name: number, isInFolder: true });
    assert.equal(requests.length, 2);
  });

  test('are saved as PDFs as far as that works, and what does not is listed', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    await page.route('**/call/app.getInfo', async (route) => {
      const { value } = await (await route.fetch()).json() as { readonly value: object };
      await route.fulfill({ json: { ok: true, value: { ...value, lacks: [] } } });
    });
    await page.route('**/call/app.chooseFolder', (route) => route.fulfill({ json: { ok: true, value: '/x/papers' } }));
    const names: string[] = [];
    // The first is saved, the second is not, and the third says that no other can be.
    const answers = [
      { ok: true, value: { path: '/x/papers/a.pdf', sizeBytes: 1 } },
      ...['internal', 'disk_full'].map((code) => ({ ok: false, error: { code, message: '' } })),
    ];
    await page.route('**/call/app.exportPdf', async (route) => {
      names.push((route.request().postDataJSON() as { readonly name: string }).name);
      await route.fulfill({ json: answers[names.length - 1] });
    });
    await filterByStatus(page, 'paid');
    await rows(page).first().click({ modifiers: ['Control'] });
    await rows(page).nth(3).click({ modifiers: ['Shift'] });
    await press(bar(page), 'Save PDFs');
    const result = sheet(page, 'Done');
    for (const text of ['1 PDF saved to /x/papers.', '2 did not work:', '1 was not tried.']) await result.getByText(text).waitFor();
    assert.equal(names.length, 3);
    const failures = await result.getByRole('listitem').allInnerTexts();
    assert.deepEqual(failures.map((text) => text.replace(/ · .*?: /, ': ')), [
      `${names[1]}: Something went wrong. Try again; if it keeps happening, check the log.`,
      `${names[2]}: The disk of this computer is full. Free some space and try again.`,
    ]);
    await assertAccessible(page, 'selection-pdf-failed');
  });

  test('of customers and plans have a menu of their own', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    t.after(() => page.context().clearPermissions());
    const menu = page.getByRole('menu');
    const choose = async (screen: string, item: RegExp): Promise<string> => {
      await goTo(page, screen);
      await rows(page).first().click({ button: 'right' });
      const name = await rows(page).first().locator('[role=gridcell]').first().innerText();
      await menu.getByRole('menuitem', { name: item }).click();
      await menu.waitFor({ state: 'detached' });
      return name;
    };
    for (const [screen, item, pattern] of [
      ['Customers', /^Copy name$/, /./], ['Customers', /^Copy e-mail address$/, /@/], ['Plans', /^Copy price$/, /^[\d,]+\.\d\d$/],
    ] as const) {
      await page.evaluate(() => navigator.clipboard.writeText(''));
      await choose(screen, item);
      await waitUntil(page, `${item} copies`, async () => pattern.test(await page.evaluate(() => navigator.clipboard.readText())));
    }
    const customer = await choose('Customers', /^Show invoices$/);
    await page.getByRole('button', { name: `Only ${customer}` }).waitFor();
    const plan = await choose('Plans', /^Show customers$/);
    await page.getByRole('button', { name: `Only ${plan}` }).waitFor();
    await page.getByRole('button', { name: `Only ${plan}` }).click();
    const billed = await choose('Customers', /^New invoice for /);
    const form = sheet(page, 'New invoice');
    await waitUntil(page, 'the customer is chosen', async () =>
      await form.getByRole('combobox', { name: 'Customer' }).inputValue() === billed);
    await pressAndClose(form, 'Cancel');
  });

  test('have a menu, which the keyboard opens, too', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    t.after(() => page.context().clearPermissions());
    await filterByStatus(page, 'paid');
    const row = rows(page).nth(2);
    const [number = '', customer = ''] = await row.locator('[role=gridcell]').allInnerTexts();
    const menu = page.getByRole('menu');
    const copied = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText());
    await row.click({ button: 'right' });
    await menu.waitFor();
    await assertAccessible(page, 'row-menu');
    await menu.getByRole('menuitem', { name: 'Copy number' }).click();
    await waitUntil(page, 'the number is copied', async () => await copied() === number);
    await page.keyboard.press('Shift+F10');
    await menu.waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await waitUntil(page, 'the amount is copied', async () => /^[\d,]+\.\d\d$/.test(await copied()));
    await page.keyboard.press('Shift+F10');
    await menu.waitFor();
    await page.keyboard.press('Escape');
    await menu.waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement?.localName), 'invoify-app');
    await page.keyboard.press('ContextMenu');
    await menu.getByRole('menuitem', { name: 'Print' }).waitFor();
    assert.equal(await menu.getByRole('menuitem', { name: 'Record payment' }).count(), 0);
    await menu.getByRole('menuitem', { name: 'Open customer' }).click();
    await detail(page).getByRole('heading', { level: 2, name: customer }).waitFor();
    await goTo(page, 'Invoices');
    await filterByStatus(page, 'open');
    await rows(page).first().click({ button: 'right' });
    await menu.getByRole('menuitem', { name: 'Record payment' }).click();
    await pressAndClose(page.locator('invoify-payment-dialog invoify-sheet'), 'Cancel');
  });

  test('have a menu that says why a credit note cannot be issued any more', async (t) => {
    const colleague = await env().colleague();
    const { id: customerId } = await colleague.create('customers', { name: 'Voided Ltd', currency: 'EUR' });
    const draft = await colleague.create('invoices', { customerId, issueDate: today(), currency: 'EUR', lines: [line] });
    const invoice = await colleague.act(draft, 'issue');
    await colleague.act(invoice, 'credit');
    await colleague.act(await colleague.read('invoices', draft.id), 'void');
    const page = await env().openWindow(t, { width: 1280 });
    await search(page, 'Voided Ltd');
    const row = rows(page).filter({ hasText: /Voided Ltd.*Draft/s });
    await row.click({ button: 'right' });
    const issue = page.getByRole('menuitem', { name: 'Issue' });
    await issue.waitFor();
    assert.equal(await issue.getAttribute('aria-disabled'), 'true');
    assert.match(String(await issue.getAttribute('title')), /credit/i);
  });

  test('have a menu for all that are selected, and one for a row that is not', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    await filterByStatus(page, 'paid');
    await rows(page).first().click({ modifiers: ['Control'] });
    await rows(page).nth(2).click({ modifiers: ['Shift'] });
    await rows(page).nth(1).click({ button: 'right' });
    const menu = page.getByRole('menu', { name: 'Menu of the selected rows' });
    const [download] = await Promise.all([page.waitForEvent('download'), menu.getByRole('menuitem', { name: 'Save CSV' }).click()]);
    assert.equal(readFileSync(await download.path(), 'utf8').trim().split('\r\n').length, 4);
    await isCount(page, 3);
    await rows(page).nth(4).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Copy number' }).waitFor();
    await bar(page).waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
  });

  test('and their record have menus that the keyboard uses alike', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    await filterByStatus(page, 'paid');
    await rows(page).first().click();
    const more = detail(page).getByRole('button', { name: 'More actions' });
    const menu = page.getByRole('menu', { name: 'More actions' });
    const isFocused = (item: Locator): Promise<boolean> => item.evaluate((element) =>
      (element.getRootNode() as Document | ShadowRoot).activeElement === element);
    await more.press('Enter');
    const items = menu.getByRole('menuitem');
    await waitUntil(page, 'the first item has the focus', () => isFocused(items.first()));
    await assertAccessible(page, 'record-menu');
    await page.keyboard.press('ArrowDown');
    await waitUntil(page, 'the second item has the focus', () => isFocused(items.nth(1)));
    await page.keyboard.press('End');
    await waitUntil(page, 'the last item has the focus', () => isFocused(items.last()));
    await page.keyboard.press('Escape');
    await menu.waitFor({ state: 'hidden' });
    assert.equal(await isFocused(more), true);
    await detail(page).waitFor();
  });
});
