// Every kind of write, made in one window and seen in a colleague's window on another desktop; and what a role without
// permission is shown.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Locator, Page } from 'playwright-core';

import type { SampleUser } from '../../demo/company.ts';
import type { WindowApi } from '../../shared/window/ipc.ts';
import { passThrough } from '../network.ts';
import { describeWindow, windowApi, type Env } from './harness.ts';
import { waitUntil } from './user-actions.ts';

const rows = '.sheet .row:not([hidden]):not(.waiting)';

async function openWindow(t: TestContext, env: Env, who: SampleUser): Promise<Page> {
  return env.openWindow(t, { who });
}

const detail = (page: Page): Locator => page.locator('invoify-detail');
const title = (page: Page, text: string): Promise<void> => page.locator('invoify-detail h2', { hasText: text }).waitFor();
const openScreen = (page: Page, screen: string): Promise<void> => page.locator(`[data-screen=${screen}]`).click();

/** Searches a list and waits until it shows this many rows; a colleague's writes arrive without a refresh. */
async function sees(page: Page, screen: string, text: string, count: number): Promise<void> {
  await openScreen(page, screen);
  await page.getByRole('searchbox').fill(text);
  await page.locator(`.grid[aria-rowcount="${count + 1}"], invoify-list-empty`).first().waitFor();
  await page.waitForFunction(async ([collection, search, wanted]) => {
    const { electron } = window as unknown as { electron: WindowApi };
    const outcome = await electron.data.listPage({ collection, search });
    return outcome.ok && outcome.value.total === wanted;
  }, [screen, text, count] as const, { polling: 100 });
}

const button = (where: Locator | Page, name: string): Locator => where.getByRole('button', { name, exact: true });

/** Runs an action from the record's menu, which opens its dialog. */
async function runMenuAction(page: Page, action: string): Promise<void> {
  await button(page, 'More actions').click();
  await page.getByRole('menuitem', { name: action, exact: true }).click();
}
const actionDialog = (page: Page): Locator => page.locator('invoify-confirm-dialog, invoify-payment-dialog');
const confirm = (page: Page, action: string): Promise<void> => button(actionDialog(page), action).click();

describeWindow('writes in one window', { invoices: 300, customers: 600 }, (env) => {
  test('create, change and delete plans, customers and users in another window', async (t) => {
    const here = await openWindow(t, env(), env().owner);
    const there = await (await env().openSynced(t)).openPage(t, { width: 1440, hasReducedMotion: true });
    const cases = [
      { screen: 'plans', fill: [['Name', 'Quarterly check'], ['Price', '120.50']] },
      { screen: 'customers', fill: [['Name', 'Quarterly Partners']] },
      { screen: 'users', fill: [['Name', 'Quarterly Temp'], ['E-mail', 'quarterly@example.com'], ['Password', 'correct horse battery']] },
    ] as const;
    for (const { screen, fill } of cases) {
      const [[, name]] = fill;
      await openScreen(here, screen);
      await here.keyboard.press('Control+n');
      for (const [label, value] of fill) await detail(here).getByLabel(label, { exact: true }).first().fill(value);
      await button(detail(here), 'Save').click();
      await title(here, name);
      await sees(there, screen, name, 1);

      await button(detail(here), 'Edit').click();
      await detail(here).getByLabel('Name', { exact: true }).fill(`${name} II`);
      await button(detail(here), 'Save').click();
      await title(here, `${name} II`);
      await sees(there, screen, `${name} II`, 1);

      await runMenuAction(here, 'Delete');
      await confirm(here, 'Delete');
      await sees(there, screen, `${name} II`, 0);
      await here.locator('invoify-detail').waitFor({ state: 'detached' });
    }
  });

  test('draft, issue, pay, duplicate, void and delete invoices in another window', async (t) => {
    const here = await openWindow(t, env(), env().editor);
    const there = await openWindow(t, env(), env().viewer);
    await here.keyboard.press('Control+n');
    await detail(here).getByRole('combobox', { name: 'Customer' }).click();
    await detail(here).getByRole('option').first().click();
    await detail(here).getByLabel('Description, line 1').fill('Annual audit of the boilers');
    await detail(here).getByLabel('Unit price, line 1').fill('200');
    await detail(here).getByLabel('Tax %, line 1').fill('19');
    await detail(here).getByLabel('Note on the invoice').fill('Boilers, please');
    await button(detail(here), 'Save draft').click();
    await title(here, 'Draft invoice');
    // A draft has no number yet, so it is searched by its customer.
    const customer = (await detail(here).locator('button.link').first().textContent())?.trim() ?? '';
    await openScreen(there, 'invoices');
    await there.getByRole('combobox', { name: 'Status' }).selectOption('draft');
    await there.getByRole('searchbox').fill(customer);
    const newest = there.locator('.sheet .row[data-index="0"]:not(.waiting)');
    await newest.getByText(/238\.00$/).waitFor();
    await newest.click();
    await detail(there).getByText('Boilers, please').waitFor();

    await button(detail(here), 'Edit').click();
    await detail(here).getByLabel('Quantity, line 1').fill('2');
    await detail(here).getByLabel('Note on the invoice').fill('Two boilers, please');
    await button(detail(here), 'Save draft').click();
    await title(here, 'Draft invoice');
    await newest.getByText(/476\.00$/).waitFor();
    await detail(there).getByText('Two boilers, please').waitFor();
    await there.getByRole('combobox', { name: 'Status' }).selectOption('');

    await button(detail(here), 'Issue').click();
    await confirm(here, 'Issue');
    const heading = here.locator('invoify-detail h2', { hasText: 'INV-' });
    await heading.waitFor();
    const number = (await heading.textContent())?.match(/INV-\d{4}-\d+/)?.[0] ?? '';
    await sees(there, 'invoices', number, 1);

    // Even if the cache responds slowly, a user's next action must not conflict with their own previous one.
    await here.route('**/call/data.getRecord', async (route) => {
      await sleep(300);
      await route.continue();
    });
    for (const [amount, left] of [['100', 'Partly paid'], ['', 'Paid']] as const) {
      await button(detail(here), 'Record payment').click();
      const dialog = actionDialog(here);
      if (amount !== '') await dialog.getByLabel('Amount').fill(amount);
      await confirm(here, 'Record payment');
      await dialog.waitFor({ state: 'detached' });
      await detail(here).getByText(left, { exact: true }).first().waitFor();
    }
    await there.locator(rows).first().getByText('Paid', { exact: true }).waitFor();
    await here.unrouteAll({ behavior: 'wait' });

    await runMenuAction(here, 'Duplicate');
    await button(detail(here), 'Save draft').click();
    await title(here, 'Draft invoice');
    await button(detail(here), 'Issue').click();
    await confirm(here, 'Issue');
    await here.locator('invoify-detail h2', { hasText: 'INV-' }).filter({ hasNotText: number }).waitFor();
    const second = (await here.locator('invoify-detail h2').first().textContent())?.match(/INV-\d{4}-\d+/)?.[0] ?? '';
    await runMenuAction(here, 'Void');
    await confirm(here, 'Void');
    await detail(here).getByText('Void', { exact: true }).first().waitFor();
    await sees(there, 'invoices', second, 1);
    await there.locator(rows).first().getByText('Void', { exact: true }).waitFor();

    await runMenuAction(here, 'Duplicate');
    await button(detail(here), 'Cancel').click();
    await here.locator('invoify-detail h2', { hasText: second }).waitFor();
    assert.equal(await here.locator('invoify-detail').evaluate((pane) => pane.shadowRoot?.activeElement !== null), true);
    await runMenuAction(here, 'Duplicate');
    await button(detail(here), 'Save draft').click();
    await title(here, 'Draft invoice');
    const drafts = async (page: Page): Promise<number> => {
      const outcome = await windowApi(page).data.listPage({
        collection: 'invoices', search: customer, filters: { status: ['draft'] }, limit: 1,
      });
      return outcome.ok ? outcome.value.total : NaN;
    };
    const count = await drafts(here);
    await waitUntil(there, 'the duplicate is there', async () => await drafts(there) === count);
    await openScreen(there, 'invoices');
    await there.getByRole('searchbox').fill(customer);
    await there.getByRole('combobox', { name: 'Status' }).selectOption('draft');
    await there.locator(`.grid[aria-rowcount="${count + 1}"]`).waitFor();
    await runMenuAction(here, 'Delete');
    await confirm(here, 'Delete');
    await here.locator('invoify-detail').waitFor({ state: 'detached' });
    await there.locator(`.grid[aria-rowcount="${count}"]`).waitFor({ state: 'attached' });
    assert.deepEqual([await drafts(here), await drafts(there)], [count - 1, count - 1]);
  });

  test('are shown at once, although no pull ends', async (t) => {
    const soonGone = { name: 'A plan that nobody has', priceMinor: 1, currency: 'EUR', interval: 'once', active: true };
    await (await env().colleague()).create('plans', soonGone);
    const page = await (await env().openSynced(t)).openPage(t, { width: 1440, hasReducedMotion: true });
    // The window that other tests share must not wait for its pull once this one is over.
    const over = Promise.withResolvers<void>();
    t.after(() => over.resolve());
    env().gate.plan((call) => call.page === null ? null : (exchange) => over.promise.then(() => passThrough(exchange)));
    await openScreen(page, 'plans');
    const row = (name: string): Locator => page.locator(rows).filter({ hasText: name });
    await page.keyboard.press('Control+n');
    await detail(page).getByLabel('Name', { exact: true }).fill('New at once');
    await detail(page).getByLabel('Price', { exact: true }).fill('1');
    await button(detail(page), 'Save').click();
    await title(page, 'New at once');
    await row(soonGone.name).click();
    await title(page, soonGone.name);
    await button(detail(page), 'Edit').click();
    await detail(page).getByLabel('Name', { exact: true }).fill('Changed at once');
    await button(detail(page), 'Save').click();
    await title(page, 'Changed at once');
    await row('Changed at once').waitFor();
    await runMenuAction(page, 'Delete');
    await confirm(page, 'Delete');
    await page.locator('invoify-detail').waitFor({ state: 'detached' });
    await row('Changed at once').waitFor({ state: 'detached' });
  });

  test('show whether the sign-in is stored, change the user\'s own password, once it is right, and end their other sessions', async (t) => {
    const { editor, password } = env();
    const elsewhere = await env().colleague(editor);
    const page = await openWindow(t, env(), editor);
    await openScreen(page, 'settings');
    const notStored = page.getByText('cannot store your sign-in');
    await notStored.waitFor();
    await openScreen(page, 'health');
    await page.route('**/call/app.getInfo', async (route) => {
      const { value } = await (await route.fetch()).json() as { readonly value: object };
      await route.fulfill({ json: { ok: true, value: { ...value, lacks: [] } } });
    }, { times: 1 });
    await openScreen(page, 'settings');
    await notStored.waitFor({ state: 'detached' });
    const list = page.locator('invoify-computers li');
    await list.filter({ hasText: 'Unknown computer' }).waitFor();
    const problems = page.locator('invoify-password-form .problem');
    const change = async (current: string, next: string, again = next): Promise<readonly string[]> => {
      await page.getByLabel('Current password').fill(current);
      await page.getByLabel('New password', { exact: true }).fill(next);
      await page.getByLabel('Repeat the new password').fill(again);
      // What the window itself refuses is not sent.
      const answered = next === 'short' || next === current ? null : page.waitForResponse(/auth\.changePassword$/);
      await page.keyboard.press('Enter');
      await answered;
      await page.locator('invoify-password-form [data-write][aria-disabled=false]').waitFor();
      return problems.allInnerTexts();
    };
    assert.deepEqual(await change(password, 'short', 'long'),
      ['Must have at least 10 characters.', 'This differs from the new password.']);
    assert.equal(await page.getByLabel('New password', { exact: true }).evaluate((input) => input.matches(':focus')), true);
    assert.deepEqual(await change('not the password', 'correct horse battery'), ['This is not your current password.']);
    assert.deepEqual(await change(password, 'qwertyuiop'), ['One of the most common passwords. Please choose another.']);
    assert.deepEqual(await change(password, password), ['Must differ from the current password.']);
    assert.equal(await page.locator('invoify-password-form .hint').count(), 0, 'a problem takes the place of the hint');
    const error = { code: 'too_many_requests', message: 'Too many attempts.', retryAfterS: 890 };
    await page.route('**/call/auth.changePassword', (route) => route.fulfill({ json: { ok: false, error } }), { times: 1 });
    assert.deepEqual(await change(password, 'correct horse battery'), ['Too many attempts. Try again in 15 minutes.']);
    assert.deepEqual(await change(password, 'correct horse battery'), []);
    await page.getByText('Password changed.').first().waitFor();
    assert.deepEqual([await page.getByLabel('Current password').inputValue(), (await elsewhere.get('/api/auth/me')).status], ['', 401]);
    await list.filter({ hasText: 'Unknown computer' }).waitFor({ state: 'detached' });
    assert.equal(await list.filter({ hasText: 'This computer' }).count(), 1);
    assert.deepEqual(await change('correct horse battery', password), []);
  });

  test('end the session of a colleague\'s computer, after a confirmation', async (t) => {
    const { owner, viewer } = env();
    const there = await env().colleague(viewer);
    const here = await openWindow(t, env(), owner);
    await openScreen(here, 'computers');
    const row = here.locator('invoify-computers tr').filter({ hasText: viewer.name }).filter({ hasText: 'Unknown computer' });
    await row.getByRole('button').click();
    await button(here.locator('invoify-question'), 'Cancel').click();
    await row.getByRole('button').press('Enter');
    await here.getByRole('heading', { name: `End ${viewer.name}’s session on “Unknown computer”?` }).waitFor();
    await button(here.locator('invoify-question'), 'End session').click();
    await row.waitFor({ state: 'detached' });
    await here.getByText(`${viewer.name}’s session ended: Unknown computer`).first().waitFor();
    assert.equal(await here.locator('invoify-computers [data-list]').evaluate((element) => element.matches(':focus')), true);
    assert.equal((await there.get('/api/auth/me')).status, 401);
  });

  test('are not offered for users to an editor, who is shown none', async (t) => {
    const page = await openWindow(t, env(), env().editor);
    assert.equal(await page.locator('[data-screen=users], [data-screen=computers]').count(), 0);
    const listed = await windowApi(page).data.listPage({ collection: 'users' });
    assert.equal(listed.ok && listed.value.total, 0, 'none are in the cache');
    const refused = await windowApi(page).records.create({
      collection: 'users', fields: { name: 'x', email: 'x@example.com', role: 'owner', password: 'correct horse battery' },
    });
    assert.equal(!refused.ok && refused.error.code, 'forbidden');
  });

  test('are not offered to a viewer, who is shown no users either', async (t) => {
    const page = await openWindow(t, env(), env().viewer);
    assert.equal(await page.locator('[data-screen=users], [data-screen=computers]').count(), 0);
    for (const screen of ['invoices', 'customers', 'plans']) {
      await openScreen(page, screen);
      await page.locator(rows).first().click();
      await page.locator('invoify-detail h2').waitFor();
      assert.equal(await page.locator('[data-write]').filter({ visible: true }).count(), 0, screen);
      await page.keyboard.press('Control+n');
      assert.equal(await page.locator('invoify-record-form, invoify-invoice-form').count(), 0, screen);
    }
    const refused = await windowApi(page).records.create({ collection: 'customers', fields: { name: 'x', currency: 'EUR' } });
    assert.equal(!refused.ok && refused.error.code, 'forbidden');
  });
});
