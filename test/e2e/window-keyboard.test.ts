// Using the window with the keyboard only, from the sign-in to a paid invoice. After every key some element has visible
// focus, and when the focused element disappears, the focus moves to a sensible place.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Locator, Page } from 'playwright-core';

import { addDays } from '../../shared/days.ts';
import { describeWindow, waitForState } from './harness.ts';
import { detail, filterByStatus, goTo, rows, sheet, today, waitUntil } from './user-actions.ts';

/** More than the tab stops of any screen. */
const maxStops = 120;

/** The focused element, and whether its focus is visible; null if nothing has the focus. */
function currentFocus(page: Page): Promise<{ readonly what: string; readonly isVisible: boolean } | null> {
  return page.evaluate(() => {
    let focused = document.activeElement;
    while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
    if (!focused || focused === document.body) return null;
    const name = focused.getAttribute('aria-label') ?? focused.textContent?.trim().slice(0, 40) ?? '';
    const hasOutline = (element: Element): boolean => {
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1;
    };
    const isInView = (element: Element): boolean => {
      const { top, bottom, left, right } = element.getBoundingClientRect();
      return bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
    };
    // A radio shows its focus on the label; a grid on its active row, or on its header if there is none.
    const row = focused.getAttribute('aria-activedescendant');
    const root = focused.getRootNode() as Document | ShadowRoot;
    const indicators = [focused, focused.closest('label'), row === null ? focused.querySelector('.head') : root.getElementById(row)];
    // A heading takes the focus only as a reading position, and needs no indicator.
    const isHeading = /^H[1-6]$/.test(focused.tagName);
    const isVisible = isHeading || indicators.some((element) => element !== null && hasOutline(element) && isInView(element));
    return { what: `${focused.localName} ${name}`, isVisible };
  });
}

async function checkFocus(page: Page, after: string): Promise<void> {
  const focus = await currentFocus(page);
  assert(focus, `after ${after} nothing has the focus`);
  assert(focus.isVisible, `after ${after} the focus on ${focus.what} is not visible`);
}

async function key(page: Page, name: string): Promise<void> {
  await page.keyboard.press(name);
  await checkFocus(page, name);
}

function hasFocus(target: Locator): Promise<boolean> {
  return target.evaluateAll(([element]) => element?.matches(':focus') ?? false);
}

/** Presses Tab, or Shift+Tab, until the target has the focus. */
async function tabTo(page: Page, target: Locator, step: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await target.first().waitFor();
  const wanted = await target.first().elementHandle();
  let ends = 0;
  for (let stops = 0; stops < maxStops; stops += 1) {
    if (await wanted?.evaluate((element) => element.matches(':focus'))) return;
    await page.keyboard.press(step);
    const focus = await currentFocus(page);
    // After the last stop the focus leaves the page once for the browser's own controls, then wraps around.
    if (focus === null) ends += 1;
    else assert(focus.isVisible, `after ${step} the focus on ${focus.what} is not visible`);
    assert(ends <= 1, `after ${step} nothing has the focus`);
  }
  assert.fail(`${step} does not reach ${String(target)}`);
}

async function type(page: Page, text: string): Promise<void> {
  await page.keyboard.type(text);
  await checkFocus(page, `typing ${text}`);
}

async function pressButton(page: Page, button: Locator, step?: 'Tab' | 'Shift+Tab'): Promise<void> {
  await tabTo(page, button, step);
  await page.keyboard.press('Enter');
}

describeWindow('keyboard use', { invoices: 300, customers: 200 }, (env) => {
  test('covers everything from the sign-in to a paid invoice', async (t) => {
    const page = await (await env().openDesktop(t)).openPage(t, { width: 1440 });
    const server = page.getByRole('textbox', { name: 'Server address' });
    await waitUntil(page, 'the first field has the focus', () => hasFocus(server));
    await type(page, env().url);
    await key(page, 'Tab');
    assert(await hasFocus(page.getByRole('textbox', { name: 'E-mail' })));
    await type(page, env().owner.email);
    await key(page, 'Tab');
    await type(page, env().password);
    await page.keyboard.press('Enter');
    await waitForState(page, 'up_to_date');
    await rows(page).first().waitFor();
    await waitUntil(page, 'the list has the focus', () => hasFocus(page.getByRole('grid')));
    await checkFocus(page, 'signing in');

    await pressButton(page, page.getByRole('button', { name: 'New invoice' }), 'Shift+Tab');
    const form = sheet(page, 'New invoice');
    const customer = form.getByRole('combobox', { name: 'Customer' });
    await waitUntil(page, 'the customer field has the focus', () => hasFocus(customer));
    await type(page, 'ashworth');
    const proposed = form.getByRole('listbox').getByRole('option', { selected: true });
    await proposed.waitFor();
    const chosen = (await proposed.locator('.name').innerText()).trim();
    assert.match(chosen, /ashworth/i);
    await key(page, 'Enter');
    assert.equal(await customer.inputValue(), chosen);
    await tabTo(page, form.getByRole('textbox', { name: 'Description, line 1' }));
    await type(page, 'Work done by keys');
    await tabTo(page, form.getByRole('textbox', { name: 'Unit price, line 1' }));
    await page.keyboard.press('Control+a');
    await type(page, '120.50');
    await key(page, 'Enter');
    const next = form.getByRole('textbox', { name: 'Description, line 2' });
    await waitUntil(page, 'Enter on the last line adds another and focuses it', () => hasFocus(next));
    await pressButton(page, form.getByRole('button', { name: 'Remove line 2' }));
    await next.waitFor({ state: 'detached' });
    await checkFocus(page, 'removing a line');
    const tax = form.getByRole('textbox', { name: 'Tax %, line 1' });
    await tabTo(page, tax);
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await pressButton(page, form.getByRole('button', { name: 'Save draft' }));
    await waitUntil(page, 'the missing field has the focus', () => hasFocus(tax));
    await checkFocus(page, 'saving with a tax missing');
    await type(page, '20');
    await pressButton(page, form.getByRole('button', { name: 'Save draft' }));
    await form.waitFor({ state: 'detached' });
    await detail(page).getByRole('heading', { level: 2, name: 'Draft' }).waitFor();
    await checkFocus(page, 'saving a draft');

    const more = detail(page).getByRole('button', { name: 'More actions' });
    await pressButton(page, more);
    await waitUntil(page, 'the menu has the focus', () => hasFocus(detail(page).getByRole('menuitem').first()));
    await key(page, 'End');
    await key(page, 'Enter');
    const deletion = sheet(page, 'Delete this draft?');
    await waitUntil(page, 'its Cancel has the focus', () => hasFocus(deletion.getByRole('button', { name: 'Cancel' })));
    await key(page, 'Enter');
    await deletion.waitFor({ state: 'detached' });
    await waitUntil(page, 'what opened the dialog has the focus', () => hasFocus(more));

    await pressButton(page, detail(page).getByRole('button', { name: 'Issue', exact: true }));
    const question = sheet(page, 'Issue this invoice?');
    await waitUntil(page, 'Cancel has the focus', () => hasFocus(question.getByRole('button', { name: 'Cancel' })));
    await pressButton(page, question.getByRole('button', { name: 'Issue' }));
    await question.waitFor({ state: 'detached' });
    const pay = detail(page).getByRole('button', { name: 'Record payment' });
    await pay.waitFor();
    await checkFocus(page, 'issuing');

    await pressButton(page, pay);
    const payment = sheet(page, 'Record a payment');
    await waitUntil(page, 'the amount has the focus', () => hasFocus(payment.getByRole('textbox', { name: 'Amount' })));
    assert.equal(await payment.getByRole('textbox', { name: 'Amount' }).inputValue(), '144.60');
    await page.keyboard.press('Enter');
    await payment.waitFor({ state: 'detached' });
    await detail(page).getByText('Paid', { exact: true }).first().waitFor();
    await pay.waitFor({ state: 'detached' });
    await checkFocus(page, 'recording the payment');

    await key(page, 'Escape');
    await detail(page).waitFor({ state: 'detached' });
    await waitUntil(page, 'the list has the focus', () => hasFocus(page.getByRole('grid')));
  });

  test('takes at most 40 keys from the sign-in via a payment of what is overdue to a new invoice on paper', async (t) => {
    const colleague = await env().colleague();
    const date = (daysAgo: number): string => addDays(today(), -daysAgo);
    const { id: customerId } = await colleague.create('customers', { name: 'Overdue Since Long Ltd', currency: 'EUR' });
    const draft = await colleague.create('invoices', {
      customerId, currency: 'EUR', issueDate: date(4000), dueDate: date(3900),
      lines: [{ description: 'Work', quantityMilli: 1000, unitPriceMinor: 10_000, taxRateBp: 1900 }],
    });
    await colleague.act(draft, 'issue');
    const page = await (await env().openDesktop(t)).openPage(t, { width: 1440, hasReducedMotion: true });
    await page.evaluate(() => { window.print = () => { document.documentElement.dataset['printed'] = 'yes'; }; });
    let count = 0;
    const keys = async (...names: readonly string[]): Promise<void> => {
      for (const name of names) await key(page, name);
      count += names.length;
    };
    const isOn = (what: string, target: Locator): Promise<void> => waitUntil(page, `${what} has the focus`, () => hasFocus(target));
    const heading = detail(page).getByRole('heading', { level: 2 });

    await isOn('the server', page.getByRole('textbox', { name: 'Server address' }));
    await type(page, env().url);
    await keys('Tab');
    await type(page, env().owner.email);
    await keys('Tab');
    await type(page, env().password);
    await page.keyboard.press('Enter');
    count += 1;
    await rows(page).first().waitFor();
    await waitForState(page, 'up_to_date');
    await isOn('the list', page.getByRole('grid'));

    await keys('Shift+Tab', 'Enter', 'Tab');
    await rows(page).first().filter({ hasText: 'Overdue Since Long Ltd' }).waitFor();
    await keys('Enter');
    await heading.filter({ hasText: 'INV-' }).waitFor();
    await keys('Enter');
    await isOn('the heading', heading);
    await keys('Tab', 'Tab');
    await isOn('the payment', detail(page).getByRole('button', { name: 'Record payment' }));
    await keys('Enter');
    await isOn('the amount', sheet(page, 'Record a payment').getByRole('textbox', { name: 'Amount' }));
    await page.keyboard.press('Enter');
    count += 1;
    await detail(page).getByText('Paid', { exact: true }).first().waitFor();
    await isOn('the heading', heading);

    await page.keyboard.press('Control+n');
    count += 1;
    const form = sheet(page, 'New invoice');
    await isOn('the customer', form.getByRole('combobox', { name: 'Customer' }));
    await type(page, 'overdue since');
    await form.getByRole('listbox').getByRole('option', { selected: true }).waitFor();
    await keys('Enter');
    await isOn('the description', form.getByRole('textbox', { name: 'Description, line 1' }));
    await type(page, 'Work done by keys');
    await keys('Tab', 'Tab', 'Tab');
    await isOn('the price', form.getByRole('textbox', { name: 'Unit price, line 1' }));
    await type(page, '120.50');
    await page.keyboard.press('Control+Enter');
    count += 1;
    await form.waitFor({ state: 'detached' });
    await heading.filter({ hasText: 'Draft' }).waitFor();
    await isOn('the heading', heading);
    await keys('Tab', 'Tab');
    await isOn('Issue', detail(page).getByRole('button', { name: 'Issue', exact: true }));
    await keys('Enter');
    const question = sheet(page, 'Issue this invoice?');
    await isOn('Cancel', question.getByRole('button', { name: 'Cancel' }));
    await keys('Tab');
    await isOn('Issue', question.getByRole('button', { name: 'Issue' }));
    await page.keyboard.press('Enter');
    count += 1;
    await heading.filter({ hasText: 'INV-' }).waitFor();
    await isOn('the heading', heading);
    await page.keyboard.press('Control+p');
    count += 1;
    await page.locator('html[data-printed=yes]').waitFor();
    assert(count <= 40, `${count} keys`);
    t.diagnostic(`${count} keys`);
  });

  test('goes from a row into its record and back, and is on what is shown after every action', async (t) => {
    const page = await env().openWindow(t, { width: 1440 });
    const grid = page.getByRole('grid');
    const heading = detail(page).getByRole('heading', { level: 2 });
    const isOn = (what: string, target: Locator): Promise<void> => waitUntil(page, `${what} has the focus`, () => hasFocus(target));
    await filterByStatus(page, 'draft');
    await tabTo(page, grid);
    await key(page, 'ArrowDown');
    await key(page, 'Enter');
    await heading.waitFor();
    assert(await hasFocus(grid), 'opening leaves the focus in the list');
    await key(page, 'Enter');
    await isOn('the heading', heading);
    await key(page, 'ArrowLeft');
    await isOn('the list', grid);
    assert.equal(await grid.getAttribute('aria-activedescendant'), 'row-1');
    await key(page, 'ArrowRight');
    await isOn('the heading', heading);

    await tabTo(page, detail(page).getByRole('button', { name: 'Edit' }));
    await page.keyboard.press('Control+n');
    const form = sheet(page, 'New invoice');
    await isOn('the customer', form.getByRole('combobox', { name: 'Customer' }));
    await type(page, 'ashworth');
    await form.getByRole('listbox').getByRole('option', { selected: true }).waitFor();
    await key(page, 'Enter');
    await page.keyboard.press('Control+Enter');
    await form.waitFor({ state: 'detached' });
    await heading.filter({ hasText: 'Draft' }).waitFor();
    await isOn('the heading', heading);
    await pressButton(page, detail(page).getByRole('button', { name: 'Edit' }));
    const edited = sheet(page, 'Edit draft');
    await isOn('the customer', edited.getByRole('combobox', { name: 'Customer' }));
    await key(page, 'Escape');
    await edited.waitFor({ state: 'detached' });
    assert(await hasFocus(detail(page).getByRole('button', { name: 'Edit' })), 'a form that is left gives the focus back');
    await key(page, 'Enter');
    await tabTo(page, edited.getByLabel('Internal note – never printed'));
    await type(page, 'By keys');
    await page.keyboard.press('Control+Enter');
    await edited.waitFor({ state: 'detached' });
    await isOn('the heading', heading);
    await tabTo(page, page.getByRole('button', { name: 'Dismiss' }));
    await page.keyboard.press('Enter');
    await isOn('the heading', heading);
    await key(page, 'Escape');
    await detail(page).waitFor({ state: 'detached' });
    await isOn('the list', grid);

    await key(page, 'Tab');
    const sorted = page.getByRole('columnheader').locator('button:focus');
    assert.match(await sorted.innerText(), /^Invoice date/, 'the headings are one tab stop, at the sorted one');
    await key(page, 'ArrowRight');
    assert.match(await sorted.innerText(), /^Due/);
    await key(page, 'Enter');
    await page.locator('[role=columnheader][aria-sort]', { hasText: 'Due' }).waitFor();
    await key(page, 'Shift+Tab');
    await isOn('the list', grid);
  });

  test('never picks a result of an outdated search', async (t) => {
    const page = await env().openWindow(t);
    let release = (): void => {};
    const isReleased = new Promise<void>((resolve) => { release = resolve; });
    await page.route('**/call/data.listPage', async (route) => {
      if ((route.request().postData() ?? '').includes('"ashworth"')) await isReleased;
      await route.continue();
    });
    await page.keyboard.press('Control+n');
    const form = sheet(page, 'New invoice');
    const customer = form.getByRole('combobox', { name: 'Customer' });
    const proposed = form.getByRole('listbox').getByRole('option', { selected: true });
    await waitUntil(page, 'the customer field has the focus', () => hasFocus(customer));
    await type(page, 'a');
    await proposed.filter({ hasNotText: /ashworth/i }).waitFor();
    await type(page, 'shworth');
    await key(page, 'Enter');
    await key(page, 'ArrowDown');
    await key(page, 'Enter');
    assert.equal(await customer.inputValue(), 'ashworth');
    assert.equal(await customer.getAttribute('aria-expanded'), 'true');
    release();
    await proposed.filter({ hasText: /ashworth/i }).waitFor();
    await key(page, 'Enter');
    assert.match(await customer.inputValue(), /ashworth/i);
  });

  test('types into the right invoice line immediately after a line is added, moved or removed', async (t) => {
    const page = await (await env().sharedDesktop()).openPage(t, { width: 1440 });
    await page.keyboard.press('Control+n');
    const form = sheet(page, 'New invoice');
    await waitUntil(page, 'the customer field has the focus', () => hasFocus(form.getByRole('combobox', { name: 'Customer' })));
    const descriptions = form.getByRole('textbox', { name: /^Description, line/ });
    const texts = (): Promise<string[]> => descriptions.evaluateAll((cells) => cells.map((cell) => (cell as HTMLTextAreaElement).value));
    await tabTo(page, descriptions);
    // Simulates a busy machine that renders late, while keystrokes keep coming.
    await page.evaluate(() => { window.requestAnimationFrame = (draw) => window.setTimeout(() => draw(performance.now()), 250); });
    await type(page, 'one');
    for (const text of ['two', 'three']) {
      await page.keyboard.press('Enter');
      await type(page, text);
    }
    assert.deepEqual(await texts(), ['one', 'two', 'three']);
    await page.keyboard.press('Alt+ArrowUp');
    await type(page, '!');
    assert.deepEqual(await texts(), ['one', 'three!', 'two']);
    await pressButton(page, form.getByRole('button', { name: 'Move line 1 down' }), 'Shift+Tab');
    await key(page, 'Enter');
    assert.deepEqual(await texts(), ['three!', 'two', 'one']);
    assert(await hasFocus(form.getByRole('button', { name: 'Move line 3 up' })), 'the opposite button has the focus at the end');
    await pressButton(page, form.getByRole('button', { name: 'Remove line 2' }), 'Shift+Tab');
    await type(page, '?');
    assert.deepEqual(await texts(), ['three!', 'one?']);
    for (const [line, left] of [[2, ['three!']], [1, []]] as const) {
      await pressButton(page, form.getByRole('button', { name: `Remove line ${line}` }), line === 2 ? 'Tab' : 'Shift+Tab');
      await checkFocus(page, `removing line ${line}`);
      assert.deepEqual(await texts(), left);
    }
    await key(page, 'Enter');
    await type(page, 'again');
    assert.deepEqual(await texts(), ['again']);
  });

  test('reaches everything on every screen and wraps around, with visible focus at every stop', async (t) => {
    const page = await env().openWindow(t);
    for (const screen of ['Invoices', 'Customers', 'Plans', 'Users', 'Computers', 'Settings', 'Sync health']) {
      const item = page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: screen, exact: true });
      await tabTo(page, item);
      await key(page, 'Enter');
      await page.getByRole('heading', { level: 1, name: screen }).waitFor({ state: 'attached' });
      const reached = new Set<string>();
      for (let stops = 0; stops < maxStops; stops += 1) {
        await page.keyboard.press('Tab');
        const focus = await currentFocus(page);
        if (focus === null) break;
        assert(focus.isVisible, `on ${screen} the focus on ${focus.what} is not visible`);
        reached.add(focus.what);
      }
      const hasStatus = [...reached].some((what) => /online|synced/i.test(what));
      assert(hasStatus, `on ${screen} Tab reaches the status bar: ${[...reached].join('; ')}`);
    }
  });

  test('returns by Escape from within what a button has opened to that button', async (t) => {
    const page = await env().openWindow(t);
    for (const button of [page.locator('invoify-date-filter button').first(), page.locator('invoify-status-bar .state')]) {
      await button.focus();
      await key(page, 'Enter');
      const opened = page.locator(':popover-open');
      await opened.getByRole('button').first().waitFor();
      await page.keyboard.press('Tab');
      assert(await opened.evaluate((element) => element.matches(':focus-within')));
      await key(page, 'Escape');
      await opened.waitFor({ state: 'detached' });
      assert(await hasFocus(button));
    }
  });

  test('opens, navigates and leaves a list', async (t) => {
    const page = await env().openWindow(t);
    await rows(page).first().waitFor();
    await goTo(page, 'Customers');
    await rows(page).first().waitFor();
    await page.keyboard.press('Control+f');
    const box = page.getByRole('searchbox', { name: 'Search Customers' });
    assert(await hasFocus(box));
    await type(page, 'ashworth');
    await waitUntil(page, 'the list shows the results', async () => await rows(page).count() > 0
      && await rows(page).filter({ hasNotText: /ashworth/i }).count() === 0);
    await tabTo(page, page.getByRole('grid'));
    await key(page, 'Enter');
    await detail(page).getByRole('heading', { level: 2 }).waitFor();
    await checkFocus(page, 'opening a record');
    await key(page, 'Escape');
    await detail(page).waitFor({ state: 'detached' });
    await waitUntil(page, 'the list has the focus', () => hasFocus(page.getByRole('grid')));
    await tabTo(page, box, 'Shift+Tab');
    await key(page, 'Escape');
    assert.equal(await box.inputValue(), '');
    await tabTo(page, page.getByRole('grid'));
    await key(page, 'End');
    const count = Number(await page.getByRole('grid').getAttribute('aria-rowcount'));
    await page.locator(`[aria-rowindex="${count}"]`).waitFor();
    assert.equal(await page.getByRole('grid').getAttribute('aria-activedescendant'), `row-${count - 2}`);
    await key(page, 'Home');
    assert.equal(await page.getByRole('grid').getAttribute('aria-activedescendant'), 'row-0');
  });
});
