// Without a server nothing can be changed: every write control on every screen gives the reason and does nothing, by mouse,
// keyboard or script, and the host rejects writes that bypass the window.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ElementHandle, Page } from 'playwright-core';

import type { Outcome } from '../../shared/window/ipc.ts';
import { assertAccessible } from './accessible.ts';
import { describeWindow, waitForState, windowApi, type Env } from './harness.ts';
import {
  detail, field, fill, filterByStatus, goTo, openRecord, press, pressAndClose, rows, runAction, search, sheet, waitUntil,
} from './user-actions.ts';

/** The names of all write controls, whatever their elements. */
const writeNames = new RegExp('^(?:New(?: \\w+)?|Edit|Issue|Set the invoice date to today|Record payment|Remove payment of .+|'
  + 'Create credit note|Duplicate|Void|Delete|Save|Save draft|Change password|End session: .+)$');
const lists = ['Invoices', 'Customers', 'Plans', 'Users'] as const;

/** Records the writes requested from the host from now on. */
function recordWrites(page: Page): { readonly channels: string[] } {
  const channels: string[] = [];
  page.on('request', (request) => {
    const [, channel] = /\/call\/(records\..+|auth\.(?:changePassword|endSession))$/.exec(request.url()) ?? [];
    if (channel) channels.push(channel);
  });
  return { channels };
}

async function goOffline(page: Page, env: Env): Promise<void> {
  await env.stopServer();
  await waitForState(page, 'offline', 'unreachable');
}

/** A fingerprint of what an activation might change, read in one call: the headings, open sheets and the screen. */
function windowState(page: Page): Promise<string> {
  return page.evaluate(() => {
    const headings: string[] = [];
    let sheets = 0;
    const visit = (root: ParentNode): void => {
      for (const element of root.querySelectorAll<HTMLElement>('*')) {
        if (element.localName === 'invoify-sheet') sheets += 1;
        if (element.matches('h1, h2, h3, [role=heading]') && element.checkVisibility({ visibilityProperty: true })) {
          headings.push(element.innerText);
        }
        if (element.shadowRoot) visit(element.shadowRoot);
      }
    };
    visit(document);
    return JSON.stringify([headings, sheets, location.href]);
  });
}

/** The same, once it is stable and a record that was just opened has rendered. */
async function settledState(page: Page): Promise<string> {
  let last = '';
  await waitUntil(page, 'the window has settled', async () => {
    const now = await windowState(page);
    const isSettled = now === last && !now.includes('""');
    last = now;
    return isSettled;
  });
  return last;
}

type Control = ElementHandle<HTMLElement>;

/** Opens the record's action menu if there is one and it is closed; a click elsewhere closes it again. */
async function openMenu(page: Page): Promise<void> {
  const menu = detail(page).getByRole('button', { name: 'More actions' });
  if (await menu.isVisible() && await page.locator('#menu:popover-open').count() === 0) await menu.click();
}

/** The reachable write controls: those of the topmost sheet, or of the window if none is open. */
async function writeControls(page: Page): Promise<readonly Control[]> {
  const sheets = page.locator('invoify-sheet');
  const isInSheet = await sheets.count() > 0;
  if (!isInSheet) await openMenu(page);
  const reachable = isInSheet ? sheets.last() : page.locator('body');
  const named = reachable.getByRole('button', { name: writeNames }).or(reachable.getByRole('menuitem', { name: writeNames }));
  const marked = reachable.locator('[data-write]:visible');
  assert.equal(await named.count(), await marked.count(), 'controls with a write name and controls marked as writes are the same');
  return await marked.elementHandles() as Control[];
}

/** Asserts that no reachable write control does anything, and returns their names. */
async function tryWriteControls(page: Page): Promise<readonly string[]> {
  const names: string[] = [];
  const before = await settledState(page);
  for (const control of await writeControls(page)) {
    const { name, isDisabled, reason } = await control.evaluate((button) => ({
      name: button.getAttribute('aria-label') ?? button.textContent?.trim() ?? '',
      isDisabled: button.getAttribute('aria-disabled'),
      reason: (button.getRootNode() as ShadowRoot).getElementById(button.getAttribute('aria-describedby') ?? '')?.textContent,
    }));
    assert.deepEqual([isDisabled, reason], ['true', 'Server connection required'], name);
    if (!await control.isVisible()) await openMenu(page);
    await control.click({ force: true });
    assert.equal(await windowState(page), before, `${name} by mouse`);
    for (const key of ['Enter', 'Space']) {
      if (!await control.isVisible()) await openMenu(page);
      await control.focus();
      assert(await control.evaluate((button) => button.matches(':focus')), `${name} takes the focus`);
      await page.keyboard.press(key);
      assert.equal(await windowState(page), before, `${name} by ${key}`);
    }
    await control.evaluate((button) => {
      button.click();
      const { host } = button.getRootNode() as ShadowRoot;
      if (host instanceof HTMLElement) host.click();
    });
    assert.equal(await windowState(page), before, `${name} by script`);
    names.push(name);
  }
  assert.equal(await settledState(page), before, 'nothing came later');
  return names;
}

describeWindow('the window while offline', { invoices: 300, customers: 40 }, (env) => {
  test('shows every write control, disabled for mouse, keyboard and script', async (t) => {
    const page = await env().openWindow(t);
    const writes = recordWrites(page);
    await env().colleague();
    await goTo(page, 'Computers');
    await page.getByRole('button', { name: 'End session: ' }).first().waitFor();
    await goOffline(page, env());
    const ends = await tryWriteControls(page);
    assert(ends.length > 0 && ends.every((name) => name.startsWith('End session: ')), 'sessions that were listed cannot be ended');
    const tried: Record<string, readonly string[]> = {};
    for (const screen of lists) {
      await goTo(page, screen);
      await rows(page).first().waitFor();
      const statuses = screen === 'Invoices' ? ['draft', 'open', 'paid', 'void'] as const : [null];
      for (const status of statuses) {
        if (status !== null) await filterByStatus(page, status);
        await rows(page).first().click();
        await detail(page).getByRole('button', { name: 'Edit' }).waitFor();
        if (status === 'open') await assertAccessible(page, 'detail-offline');
        // A payment's button names its amount; only a draft that was not dated today can be.
        const names = (await tryWriteControls(page)).map((name) => name.replace(/ of .*/, ''));
        tried[status ?? screen] = names.filter((name) => name !== 'Set the invoice date to today');
        await page.keyboard.press('Escape');
        await page.keyboard.press('Escape');
      }
    }
    assert.deepEqual(tried, {
      draft: ['New invoice', 'Issue', 'Edit', 'Duplicate', 'Delete'],
      open: ['New invoice', 'Record payment', 'Edit', 'Create credit note', 'Duplicate', 'Void'],
      paid: ['New invoice', 'Edit', 'Create credit note', 'Duplicate', 'Remove payment'],
      void: ['New invoice', 'Edit', 'Duplicate'],
      Customers: ['New customer', 'New invoice', 'Edit', 'Delete'],
      Plans: ['New plan', 'Edit', 'Delete'],
      Users: ['New user', 'Edit', 'Delete'],
    });
    for (const [screen, names] of [['Settings', ['Change password']], ['Computers', []], ['Sync health', []]] as const) {
      await goTo(page, screen);
      const offline = page.locator('main').getByText(/^No connection to the server/);
      await (screen === 'Sync health' ? page.locator('invoify-health td') : offline).first().waitFor();
      assert.deepEqual(await tryWriteControls(page), names, screen);
    }
    await goTo(page, 'Invoices');
    await page.keyboard.press('Control+n');
    const toast = page.locator('invoify-toasts .toast', { hasText: 'Server connection required' });
    await toast.waitFor();
    assert.equal(await page.locator('invoify-sheet').count(), 0, 'the shortcut for a new record opens nothing');
    assert.deepEqual(writes.channels, [], 'no write reached the host');
    await env().startServer();
    await waitForState(page, 'up_to_date');
    await toast.waitFor({ state: 'detached' });
  });

  test('has its host reject writes that bypass it', async (t) => {
    const page = await env().openWindow(t);
    const { data, records } = windowApi(page);
    await goOffline(page, env());
    for (const collection of ['invoices', 'customers', 'plans', 'users']) {
      const listed = await data.listPage({ collection, limit: 1 });
      assert(listed.ok);
      const [row] = listed.value.rows;
      assert(row);
      const found = await data.getRecord({ collection, id: row.id });
      assert(found.ok && found.value);
      const { id, updatedAt, payload } = found.value;
      const version = { collection, id, updatedAt };
      const actions = collection === 'invoices' ? ['issue', 'payments', 'credit', 'void'] : [];
      const outcomes: readonly Outcome<unknown>[] = [
        await records.create({ collection, fields: payload }),
        await records.update({ ...version, patch: { internalNote: 'offline' } }),
        await records.remove(version),
        await records.removeEntry({ ...version, list: 'payments', entry: 'f'.repeat(24) }),
        ...await Promise.all(actions.map((action) => records.act({ ...version, action, body: {} }))),
      ];
      const codes = outcomes.map((outcome) => (outcome.ok ? 'done' : outcome.error.code));
      assert.deepEqual(new Set(codes), new Set(['offline']), collection);
      assert.deepEqual(await data.getRecord({ collection, id }), found, 'the cache is unchanged');
    }
  });

  test('keeps the input of an open form when the connection drops, and saves it later', async (t) => {
    const page = await env().openWindow(t);
    await goTo(page, 'Customers');
    await page.getByRole('button', { name: 'New customer' }).click();
    const form = sheet(page, 'New customer');
    await fill(form, { Name: 'Kept Through The Storm', Contact: 'Vera Wetter' });
    const writes = recordWrites(page);
    await goOffline(page, env());
    await form.getByText('What you typed is kept; save it once the connection is back.').waitFor();
    await fill(form, { 'Internal note – never printed': 'typed while offline' });
    await assertAccessible(page, 'form-offline');
    assert.deepEqual(await tryWriteControls(page), ['Save']);
    for (const key of ['Control+s', 'Control+Enter']) {
      await field(form, 'Internal note – never printed').press(key);
      await field(form, 'Name').press('Enter');
    }
    assert.deepEqual(writes.channels, []);
    const texts = await Promise.all(['Name', 'Contact', 'Internal note – never printed'].map((name) => field(form, name).inputValue()));
    assert.deepEqual(texts, ['Kept Through The Storm', 'Vera Wetter', 'typed while offline']);
    await env().startServer();
    await windowApi(page).sync.pullFromServer();
    await waitForState(page, 'up_to_date');
    await pressAndClose(form, 'Save');
    await detail(page).getByRole('heading', { name: 'Kept Through The Storm' }).waitFor();
    await detail(page).getByText('typed while offline').waitFor();
  });

  test('keeps an unfinished payment and an open confirmation', async (t) => {
    const page = await env().openWindow(t);
    await (await filterByStatus(page, 'open')).first().click();
    await runAction(page, 'Record payment');
    const payment = sheet(page, 'Record a payment');
    await field(payment, 'Amount').fill('0.01');
    const writes = recordWrites(page);
    await goOffline(page, env());
    const button = payment.getByRole('button', { name: 'Record payment' });
    await waitUntil(page, 'the button is disabled', async () => await button.getAttribute('aria-disabled') === 'true');
    await field(payment, 'Amount').press('Enter');
    await button.click({ force: true });
    assert.equal(await field(payment, 'Amount').inputValue(), '0.01');
    assert.deepEqual(writes.channels, []);
    const question = page.locator('invoify-question');
    await field(payment, 'Amount').press('Escape');
    await pressAndClose(question, 'Keep editing');
    assert.equal(await field(payment, 'Amount').inputValue(), '0.01');
    await press(payment, 'Cancel');
    await press(question, 'Discard');
    await payment.waitFor({ state: 'detached' });
    await env().startServer();
    await windowApi(page).sync.pullFromServer();
    await runAction(page, 'Void');
    const voiding = sheet(page, /^Void /);
    await goOffline(page, env());
    const confirm = voiding.getByRole('button', { name: 'Void', exact: true });
    await waitUntil(page, 'the button is disabled', async () => await confirm.getAttribute('aria-disabled') === 'true');
    await confirm.click({ force: true });
    await confirm.evaluate((button) => (button as HTMLElement).click());
    assert.deepEqual(writes.channels, []);
    assert(await voiding.getByRole('heading').isVisible());
  });

  test('can still be searched, read and exported', async (t) => {
    const page = await env().openWindow(t);
    await goOffline(page, env());
    await openRecord(page, 'Users', env().editor.name);
    await detail(page).getByText(env().editor.email).waitFor();
    await page.keyboard.press('Escape');
    await goTo(page, 'Plans');
    await search(page, '');
    const [file] = await Promise.all([page.waitForEvent('download'), press(page.locator('main'), 'Save as CSV')]);
    assert.match(file.suggestedFilename(), /\.csv$/);
  });
});
