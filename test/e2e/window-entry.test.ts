// Entering an invoice quickly: a customer who is new, lines as they were before or as a plan has them, and issuing from the form.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertAccessible } from './accessible.ts';
import { describeWindow, windowApi } from './harness.ts';
import { detail, press, pressAndClose, sheet, today, waitUntil } from './user-actions.ts';

describeWindow('entering an invoice', { invoices: 30, customers: 10 }, (env) => {
  test('offers names that begin with what was typed first, and makes a customer without leaving the invoice', async (t) => {
    const colleague = await env().colleague();
    for (const name of ['Alpha Zebra', 'Zebra Works', 'Beta Zebra']) await colleague.create('customers', { name, currency: 'EUR' });
    const page = await env().openWindow(t, { width: 1280 });
    await page.keyboard.press('Control+n');
    const form = sheet(page, 'New invoice');
    const customer = form.getByRole('combobox', { name: 'Customer' });
    const options = form.getByRole('option');
    await waitUntil(page, 'the customers have come', async () => {
      await customer.fill('');
      await customer.fill('zebra');
      return await options.filter({ hasText: 'Zebra Works' }).count() === 1;
    });
    const names = async (): Promise<readonly string[]> => (await options.locator('.name').allInnerTexts()).map((name) => name.trim());
    assert.deepEqual(await names(), ['Zebra Works', 'Alpha Zebra', 'Beta Zebra', 'New customer “zebra”']);
    await assertAccessible(page, 'picker-new-customer');

    await form.getByLabel('Order number').fill('PO 7');
    await customer.fill('Quite New Ltd');
    // Until the search is answered, the same option is there, but Enter does nothing.
    await form.getByRole('option', { name: 'New customer “Quite New Ltd”', selected: true }).waitFor();
    await customer.press('Enter');
    const newForm = sheet(page, 'New customer');
    assert.equal(await newForm.getByLabel('Name', { exact: true }).inputValue(), 'Quite New Ltd');
    await newForm.getByLabel('Payable within (days)').fill('5');
    await pressAndClose(newForm, 'Save');
    await waitUntil(page, 'the customer is chosen', async () => await customer.inputValue() === 'Quite New Ltd');
    assert.equal(await form.getByLabel('Order number').inputValue(), 'PO 7');
    await waitUntil(page, 'their terms apply', async () =>
      (Date.parse(await form.getByLabel('Due date').inputValue()) - Date.parse(today())) / 86_400_000 === 5);
  });

  test('reads dates as they are typed, in one order, and categories as they are chosen', async (t) => {
    const page = await env().openWindow(t, { width: 1280 });
    await page.keyboard.press('Control+n');
    const form = sheet(page, 'New invoice');
    const value = (label: string): Promise<string> => form.getByLabel(label, { exact: true }).inputValue();
    await form.getByLabel('Invoice date').fill('2026-11-30');
    await form.getByLabel('Due date').fill('2026-12-14');
    // Typed from its first part on. There is no 31 November, so for a moment there is no date.
    const type = async (label: string, digits: string): Promise<void> => {
      const input = form.getByLabel(label, { exact: true });
      const box = await input.boundingBox();
      await input.click({ position: { x: 16, y: (box?.height ?? 0) / 2 } });
      await page.keyboard.type(digits);
    };
    await type('Invoice date', '31122026');
    assert.deepEqual([await value('Invoice date'), await value('Due date')], ['2026-12-31', '2027-01-14']);
    // Day and month are in the same order where nothing was entered before.
    await type('Service date or from', '05122026');
    assert.equal(await value('Service date or from'), '2026-12-05');
    await type('Due date', '150127');
    await form.getByLabel('Order number').click();
    await waitUntil(page, 'two digits are a year of this century', async () => await value('Due date') === '2027-01-15');

    await form.getByLabel('Tax %, line 1').fill('19');
    await form.getByRole('button', { name: 'VAT category' }).click();
    const category = form.getByLabel('VAT category, line 1');
    await category.selectOption('E');
    assert.equal(await value('Tax %, line 1'), '0');
    await category.selectOption('S');
    assert.deepEqual([await category.inputValue(), await value('Tax %, line 1') === '0'], ['S', false]);

    await form.getByLabel('Currency').selectOption('JPY');
    await form.getByLabel('Unit price, line 1').fill('1234.50');
    await press(form, 'Save draft');
    const refusal = form.getByText(/^Please enter an amount/);
    await refusal.waitFor();
    await form.getByLabel('Currency').selectOption('EUR');
    await refusal.waitFor({ state: 'detached' });
    const [question] = await Promise.all([page.waitForEvent('dialog'), page.close({ runBeforeUnload: true })]);
    assert.equal(question.type(), 'beforeunload');
    await question.dismiss();
    await press(form, 'Cancel');
    await page.locator('invoify-question').getByRole('button', { name: 'Discard' }).click();
    await form.waitFor({ state: 'detached' });
    await page.keyboard.press('Control+n');
    const customer = form.getByRole('combobox', { name: 'Customer' });
    await customer.fill('Typed, and not chosen');
    const [atName] = await Promise.all([page.waitForEvent('dialog'), page.close({ runBeforeUnload: true })]);
    await atName.dismiss();
    assert.equal(await customer.inputValue(), 'Typed, and not chosen');
    await customer.press('Escape');
    await pressAndClose(form, 'Cancel');
    await Promise.all([page.waitForEvent('close'), page.close({ runBeforeUnload: true })]);
  });

  test('fills a line with an earlier one or a plan, and issues the invoice from its form', async (t) => {
    const colleague = await env().colleague();
    const { id: customerId } = await colleague.create('customers', { name: 'Lines Ltd', currency: 'EUR' });
    const line = { description: 'Window cleaning', quantityMilli: 2000, unit: 'h', unitPriceMinor: 4550, taxRateBp: 700 };
    await colleague.create('invoices', { customerId, issueDate: today(), currency: 'EUR', lines: [line] });
    const plan = { name: 'Window care', priceMinor: 9900, currency: 'EUR', interval: 'month', unit: 'months', active: true };
    await colleague.create('plans', plan);
    const page = await env().openWindow(t, { width: 1280 });
    await windowApi(page).sync.pullFromServer();
    await page.keyboard.press('Control+n');
    const form = sheet(page, 'New invoice');
    const customer = form.getByRole('combobox', { name: 'Customer' });
    const offers = form.getByRole('listbox', { name: 'Earlier lines and plans' }).getByRole('option');
    await customer.fill('Lines Ltd');
    await form.getByRole('option', { name: /^Lines Ltd/, selected: true }).waitFor();
    await customer.press('Enter');
    const description = form.getByLabel('Description, line 1');
    const value = (label: string): Promise<string> => form.getByLabel(label, { exact: true }).inputValue();
    await description.pressSequentially('window');
    await waitUntil(page, 'the whole word is answered', async () => await offers.count() === 2);
    assert.deepEqual(await offers.allInnerTexts().then((texts) => texts.map((text) => text.replace(/\s+/g, ' ').trim())),
      ['Window care Monthly · €99.00 / months', 'Window cleaning €45.50 / h · 7%']);
    await assertAccessible(page, 'line-suggestions');
    await page.keyboard.press('Escape');
    await offers.first().waitFor({ state: 'detached' });
    await page.keyboard.press('ArrowDown');
    await offers.nth(1).waitFor();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    assert.deepEqual(
      await Promise.all(['Description', 'Quantity', 'Unit', 'Unit price', 'Tax %'].map((name) => value(`${name}, line 1`))),
      ['Window cleaning', '1', 'h', '45.50', '7'],
    );
    await page.keyboard.press('Enter');
    await page.keyboard.type('window ca');
    await offers.first().click();
    assert.deepEqual(
      await Promise.all(['Description', 'Quantity', 'Unit', 'Unit price'].map((name) => value(`${name}, line 2`))),
      ['Window care', '1', 'months', '99.00'],
    );
    await form.getByLabel('Tax %, line 2').fill('19');
    const issue = form.getByRole('button', { name: 'Save and issue', exact: true });
    assert.deepEqual(await Promise.all(['title', 'aria-keyshortcuts'].map((name) => issue.getAttribute(name))),
      ['Save and issue (Ctrl+Shift+Enter)', 'Control+Shift+Enter']);
    await page.keyboard.press('Control+Shift+Enter');
    await pressAndClose(sheet(page, /^Issue this invoice/), 'Issue');
    await detail(page).locator('header .badge', { hasText: 'Open' }).waitFor();
  });

  test('asks for a line at its fields before anything is issued, even if all lines were removed', async (t) => {
    const name = 'Bäckerei Schröder & Söhne KG';
    await (await env().colleague()).create('customers', { name, currency: 'EUR' });
    const page = await env().openWindow(t, { width: 1280 });
    await page.keyboard.press('Control+n');
    const form = sheet(page, 'New invoice');
    const picker = form.getByRole('combobox', { name: 'Customer' });
    await picker.fill('Bäckerei Schröder');
    const offered = form.getByRole('option').first().locator('.name');
    await waitUntil(page, 'the customer is offered', async () => await offered.innerText() === name);
    assert.equal(await offered.evaluate((box) => box.scrollWidth <= box.clientWidth && box.clientHeight < 24), true);
    await offered.click();
    await waitUntil(page, 'the customer is chosen', async () => await picker.inputValue() === name);
    assert.equal(await picker.evaluate((input) => input.scrollWidth <= input.clientWidth), true, 'it is shown in full');
    await form.getByRole('button', { name: 'Remove line 1' }).click();
    await form.getByRole('button', { name: 'Save and issue', exact: true }).click();
    await form.getByRole('alert').getByText('2 fields need attention.').waitFor();
    const description = form.getByLabel('Description, line 1');
    await waitUntil(page, 'the first empty field has the focus', () => description.evaluate((input) => input.matches(':focus')));
    for (const field of ['Description', 'Unit price']) {
      assert.equal(await form.getByLabel(`${field}, line 1`).getAttribute('aria-invalid'), 'true', field);
    }
    await description.fill('Bread');
    await form.getByRole('alert').getByText('1 field needs attention.').waitFor();
  });

  for (const [lang, price, quantity, tax] of [
    ['ar-EG', '\u0662\u066c\u0663\u0664\u0665\u066b\u0666\u0667', '\u0662', '\u0661\u0669'],
    ['fa-IR', '\u06f2\u066c\u06f3\u06f4\u06f5\u066b\u06f6\u06f7', '\u06f2', '\u06f1\u06f9'],
  ] as const) {
    test(`reads the digits of the keyboard, in ${lang}`, async (t) => {
      const page = await (await env().sharedDesktop()).openPage(t, { lang });
      await page.keyboard.press('Control+n');
      const form = sheet(page, 'New invoice');
      await form.getByLabel('Unit price, line 1').fill(price);
      await form.getByLabel('Quantity, line 1').fill(quantity);
      await form.getByLabel('Tax %, line 1').fill(tax);
      await form.getByText(/5[,٬]582[.٫]69/).last().waitFor();
    });
  }
});
