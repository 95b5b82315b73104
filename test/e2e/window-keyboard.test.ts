// Using the window with the keyboard only, from the sign-in to a paid invoice. After every key some element has visible
// focus, and when the focused element disappears, the focus moves to a sensible place.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Locator, Page } from 'playwright-core';

import { describeWindow, waitForState } from './harness.ts';
import { detail, goTo, rows, sheet, waitUntil } from './user-actions.ts';

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
