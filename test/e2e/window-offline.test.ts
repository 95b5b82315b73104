// While there is no server nothing can be changed: every control that writes, found by going through all there are on all
// screens, says why and does nothing, by mouse, keyboard or script; and what asks the host past them is refused there.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ElementHandle, Page } from 'playwright-core';

import type { Outcome } from '../../shared/window/ipc.ts';
import { assertAccessible } from './accessible.ts';
import { describeWindow, signIn, untilState, windowApi, type Scene } from './harness.ts';
import { act, detail, field, fill, finish, goTo, openRecord, press, rows, search, sheet, untilTrue } from './person.ts';

/** What any control that writes is called, whatever it is made of. */
const writeNames = /^(?:New(?: \w+)?|Edit|Send|Record payment|Duplicate|Void|Delete|Save|Save draft)$/;
const lists = ['Invoices', 'Customers', 'Plans', 'Users'] as const;

/** The writes that were asked of the host from now on. */
function countWrites(page: Page): { readonly asked: string[] } {
  const asked: string[] = [];
  page.on('request', (request) => {
    const [, channel] = /\/call\/(records\..+)$/.exec(request.url()) ?? [];
    if (channel) asked.push(channel);
  });
  return { asked };
}

async function goOffline(page: Page, scene: Scene): Promise<void> {
  await scene.stopServer();
  await untilState(page, 'offline', 'unreachable');
}

/** What an activation might have changed: the open sheets, the record that is shown and the screen. */
async function shownNow(page: Page): Promise<string> {
  const heading = await page.getByRole('heading').allInnerTexts();
  return JSON.stringify([heading, await page.locator('invoify-sheet').count(), page.url()]);
}

/** The same, once a record that was just opened stands there whole. */
async function shownAtRest(page: Page): Promise<string> {
  let last = '';
  await untilTrue(page, 'the window is at rest', async () => {
    const now = await shownNow(page);
    const isAtRest = now === last && !now.includes('""');
    last = now;
    return isAtRest;
  });
  return last;
}

type Control = ElementHandle<HTMLElement>;

/** Opens the menu of the record's actions where there is one, and it is closed; a click elsewhere closes it. */
async function openMenu(page: Page): Promise<void> {
  const menu = detail(page).getByRole('button', { name: 'More actions' });
  if (await menu.isVisible() && await page.locator('#menu:popover-open').count() === 0) await menu.click();
}

/** The controls that write and can be reached now: those of the sheet on top, or where there is none, of the window. */
async function writeControls(page: Page): Promise<readonly Control[]> {
  const sheets = page.locator('invoify-sheet');
  const isInSheet = await sheets.count() > 0;
  if (!isInSheet) await openMenu(page);
  const reachable = isInSheet ? sheets.last() : page.locator('body');
  const named = reachable.getByRole('button', { name: writeNames });
  const marked = reachable.locator('[data-write]:visible');
  assert.equal(await named.count(), await marked.count(), 'what is named like a write is one, and each is named so');
  return await marked.elementHandles() as Control[];
}

/** Tries each control that writes; answers with their names. */
async function tryEach(page: Page): Promise<readonly string[]> {
  const names: string[] = [];
  const before = await shownAtRest(page);
  for (const control of await writeControls(page)) {
    const { name, isDisabled, reason } = await control.evaluate((button) => ({
      name: button.getAttribute('aria-label') ?? button.textContent?.trim() ?? '',
      isDisabled: button.getAttribute('aria-disabled'),
      reason: (button.getRootNode() as ShadowRoot).getElementById(button.getAttribute('aria-describedby') ?? '')?.textContent,
    }));
    assert.deepEqual([isDisabled, reason], ['true', 'Internet connection required'], name);
    if (!await control.isVisible()) await openMenu(page);
    await control.click({ force: true });
    assert.equal(await shownNow(page), before, `${name} by mouse`);
    for (const key of ['Enter', 'Space']) {
      if (!await control.isVisible()) await openMenu(page);
      await control.focus();
      assert(await control.evaluate((button) => button.matches(':focus')), `${name} takes the focus`);
      await page.keyboard.press(key);
      assert.equal(await shownNow(page), before, `${name} by ${key}`);
    }
    await control.evaluate((button) => {
      button.click();
      const { host } = button.getRootNode() as ShadowRoot;
      if (host instanceof HTMLElement) host.click();
    });
    assert.equal(await shownNow(page), before, `${name} by script`);
    names.push(name);
  }
  return names;
}

describeWindow('a window without its server', { invoices: 20_000, customers: 1000 }, (scene) => {
  test('keeps every control that writes in its place, inert by mouse, keyboard and script', async (t) => {
    const page = await (await scene().openDesktop(t)).openPage(t, { width: 1440 });
    await signIn(page, scene());
    const writes = countWrites(page);
    await goOffline(page, scene());
    const tried: Record<string, readonly string[]> = {};
    for (const screen of lists) {
      await goTo(page, screen);
      await rows(page).first().waitFor();
      const statuses = screen === 'Invoices' ? ['draft', 'sent', 'paid', 'void'] : [null];
      for (const status of statuses) {
        if (status !== null) {
          await page.getByRole('combobox', { name: 'Status' }).selectOption(status);
          await rows(page).filter({ has: page.getByText(new RegExp(`^${status}$`, 'i')) }).first().waitFor();
        }
        await rows(page).first().click();
        await detail(page).getByRole('button', { name: 'Edit' }).waitFor();
        if (status === 'sent') await assertAccessible(page, 'detail-offline');
        tried[status ?? screen] = await tryEach(page);
        await page.keyboard.press('Escape');
        await page.keyboard.press('Escape');
      }
    }
    assert.deepEqual(tried, {
      draft: ['New invoice', 'Send', 'Edit', 'Duplicate', 'Delete'],
      sent: ['New invoice', 'Record payment', 'Edit', 'Duplicate', 'Void'],
      paid: ['New invoice', 'Edit', 'Duplicate', 'Void'],
      void: ['New invoice', 'Edit', 'Duplicate'],
      Customers: ['New customer', 'New invoice', 'Edit', 'Delete'],
      Plans: ['New plan', 'Edit', 'Delete'],
      Users: ['New user', 'Edit', 'Delete'],
    });
    for (const screen of ['Settings', 'Sync health']) {
      await goTo(page, screen);
      assert.deepEqual(await tryEach(page), [], `${screen} has nothing that writes`);
    }
    await goTo(page, 'Invoices');
    await page.keyboard.press('Control+n');
    await page.getByText('Internet connection required', { exact: true }).last().waitFor();
    assert.equal(await page.locator('invoify-sheet').count(), 0, 'the key for a new record opens nothing');
    assert.deepEqual(writes.asked, [], 'the host was asked nothing');
  });

  test('refuses at the host what asks past the window', async (t) => {
    const page = await (await scene().openDesktop(t)).openPage(t);
    await signIn(page, scene());
    const { data, records } = windowApi(page);
    await goOffline(page, scene());
    for (const collection of ['invoices', 'customers', 'plans', 'users']) {
      const listed = await data.listPage({ collection, limit: 1 });
      assert(listed.ok);
      const [row] = listed.value.rows;
      assert(row);
      const found = await data.getRecord({ collection, id: row.id });
      assert(found.ok && found.value);
      const { id, updatedAt, payload } = found.value;
      const version = { collection, id, updatedAt };
      const actions = collection === 'invoices' ? ['send', 'payments', 'void'] : [];
      const outcomes: readonly Outcome<unknown>[] = [
        await records.create({ collection, fields: payload }),
        await records.update({ ...version, patch: { notes: 'offline' } }),
        await records.remove(version),
        ...await Promise.all(actions.map((action) => records.act({ ...version, action, body: {} }))),
      ];
      const codes = outcomes.map((outcome) => (outcome.ok ? 'done' : outcome.error.code));
      assert.deepEqual(new Set(codes), new Set(['offline']), collection);
      assert.deepEqual(await data.getRecord({ collection, id }), found, 'the copy is as it was');
    }
  });

  test('keeps the text of a form that is open when the connection drops, and saves it when it is back', async (t) => {
    const page = await (await scene().openDesktop(t)).openPage(t);
    await signIn(page, scene());
    await goTo(page, 'Customers');
    await page.getByRole('button', { name: 'New customer' }).click();
    const form = sheet(page, 'New customer');
    await fill(form, { Name: 'Kept Through The Storm', Contact: 'Vera Wetter' });
    const writes = countWrites(page);
    await goOffline(page, scene());
    await form.getByText('What you typed is kept; save when you are back online.').waitFor();
    await fill(form, { Notes: 'typed while offline' });
    await assertAccessible(page, 'form-offline');
    assert.deepEqual(await tryEach(page), ['Save']);
    for (const key of ['Control+s', 'Control+Enter']) {
      await field(form, 'Notes').press(key);
      await field(form, 'Name').press('Enter');
    }
    assert.deepEqual(writes.asked, []);
    const texts = await Promise.all(['Name', 'Contact', 'Notes'].map((name) => field(form, name).inputValue()));
    assert.deepEqual(texts, ['Kept Through The Storm', 'Vera Wetter', 'typed while offline']);
    await scene().startServer();
    await windowApi(page).sync.pullFromServer();
    await untilState(page, 'up_to_date');
    await finish(form, 'Save');
    await detail(page).getByRole('heading', { name: 'Kept Through The Storm' }).waitFor();
    await detail(page).getByText('typed while offline').waitFor();
  });

  test('keeps a payment that was being typed, and a question that was open', async (t) => {
    const page = await (await scene().openDesktop(t)).openPage(t, { width: 1440 });
    await signIn(page, scene());
    await page.getByRole('combobox', { name: 'Status' }).selectOption('sent');
    await rows(page).filter({ hasText: 'Sent' }).first().click();
    await act(page, 'Record payment');
    const payment = sheet(page, 'Record a payment');
    await field(payment, 'Amount').fill('0.01');
    const writes = countWrites(page);
    await goOffline(page, scene());
    const button = payment.getByRole('button', { name: 'Record payment' });
    await untilTrue(page, 'it is inert', async () => await button.getAttribute('aria-disabled') === 'true');
    await field(payment, 'Amount').press('Enter');
    await button.click({ force: true });
    assert.equal(await field(payment, 'Amount').inputValue(), '0.01');
    assert.deepEqual(writes.asked, []);
    await finish(payment, 'Cancel');
    await scene().startServer();
    await windowApi(page).sync.pullFromServer();
    await act(page, 'Void');
    const question = sheet(page, /^Void /);
    await goOffline(page, scene());
    const confirm = question.getByRole('button', { name: 'Void', exact: true });
    await untilTrue(page, 'it is inert', async () => await confirm.getAttribute('aria-disabled') === 'true');
    await confirm.click({ force: true });
    await confirm.evaluate((button) => (button as HTMLElement).click());
    assert.deepEqual(writes.asked, []);
    assert(await question.getByRole('heading').isVisible());
  });

  test('can still be searched, read and saved as a file', async (t) => {
    const page = await (await scene().openDesktop(t)).openPage(t);
    await signIn(page, scene());
    await goOffline(page, scene());
    await openRecord(page, 'Users', scene().editor.name);
    await detail(page).getByText(scene().editor.email).waitFor();
    await page.keyboard.press('Escape');
    await goTo(page, 'Plans');
    await search(page, '');
    const [file] = await Promise.all([page.waitForEvent('download'), press(page.locator('main'), 'Save as CSV')]);
    assert.match(file.suggestedFilename(), /\.csv$/);
  });
});
