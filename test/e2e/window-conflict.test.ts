// Two users edit the same record: saving shows both versions, to choose from field by field.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import type { Page } from 'playwright-core';

import { assertAccessible } from './accessible.ts';
import { describeWindow, type Env } from './harness.ts';
import { openRecord, press, runAction, sheet, today } from './user-actions.ts';

const rows = '.sheet .row:not([hidden]):not(.waiting)';

interface Conflicted {
  readonly page: Page;
  /** The customer on the server. */
  read(): Promise<Readonly<Record<string, unknown>>>;
}

/** Edits name and contact in a form and saves it after a colleague changed both, and the phone number too. */
async function openConflict(t: TestContext, env: Env, name: string): Promise<Conflicted> {
  const colleague = await env.colleague(env.editor);
  const record = await colleague.create('customers', { name, contact: 'Before', currency: 'EUR' });
  const page = await env.openWindow(t);
  await page.locator('[data-screen=customers]').click();
  await page.getByRole('searchbox').fill(name);
  await page.locator('.grid[aria-rowcount="2"]').waitFor();
  await page.locator(rows).first().click();
  const detail = page.locator('invoify-detail');
  await detail.getByRole('button', { name: 'Edit', exact: true }).click();
  await detail.getByLabel('Name', { exact: true }).fill(`${name}, mine`);
  await detail.getByLabel('Contact').fill('Mine');
  await colleague.change('customers', record, { name: `${name}, theirs`, contact: 'Theirs', phone: '+43 1 234' });
  await detail.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('heading', { name: `${env.editor.name} has changed this in the meantime` }).waitFor();
  return { page, read: async () => (await colleague.read('customers', record.id)).payload ?? {} };
}

const choose = (page: Page, field: string, side: 'Yours' | 'Theirs'): Promise<void> =>
  page.getByRole('group', { name: field, exact: true }).getByRole('radio', { name: side === 'Yours' ? /^Yours/ : /^Changed by/ }).check();

async function saveChoice(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Save choices' }).click();
  await page.locator('invoify-conflict-dialog').waitFor({ state: 'detached' });
  await page.locator('invoify-detail').getByRole('button', { name: 'Edit', exact: true }).waitFor();
}

describeWindow('an edit conflict', { invoices: 20, customers: 10 }, (env) => {
  test('shows the original, mine and theirs, and saves nothing before it is resolved', async (t) => {
    const { page, read } = await openConflict(t, env(), 'Shown GmbH');
    const group = page.getByRole('group', { name: 'Contact', exact: true });
    for (const text of ['Mine', 'Theirs', 'Before: Before']) await group.getByText(text, { exact: true }).waitFor();
    const phone = page.getByRole('group', { name: 'Phone', exact: true });
    assert.equal(await phone.getByRole('radio', { name: /^Changed by/ }).isChecked(), true, 'what only they changed is preselected');
    assert.equal((await read())['contact'], 'Theirs');
    await phone.getByText(`Changed by ${env().editor.name} just now`).waitFor();
    await assertAccessible(page, 'conflict');
    await page.getByRole('button', { name: 'Back to the form' }).click();
    assert.equal(await page.locator('invoify-detail').getByLabel('Contact').inputValue(), 'Mine');
    assert.equal((await read())['contact'], 'Theirs');
    await page.getByText(`${env().editor.name} has changed this in the meantime. Saving will show both versions.`).waitFor();
  });

  test('with a deletion is said at once, and what was typed stays to be copied', async (t) => {
    const colleague = await env().colleague(env().editor);
    const record = await colleague.create('customers', { name: 'Gone GmbH', currency: 'EUR' });
    const page = await env().openWindow(t);
    await openRecord(page, 'Customers', 'Gone GmbH');
    await runAction(page, 'Edit');
    const form = sheet(page, /^Edit Gone GmbH/);
    await form.getByLabel('Contact').fill('Typed');
    await colleague.remove(`/api/customers/${record.id}`, record.updatedAt);
    await form.getByText('This has been deleted in the meantime.').waitFor();
    assert.equal(await form.getByLabel('Contact').inputValue(), 'Typed');
    await press(form, 'Save');
    await form.getByRole('alert').getByText('This no longer exists').waitFor();
    assert.equal(await form.getByLabel('Contact').inputValue(), 'Typed');
    await press(form, 'Cancel');
    await page.locator('invoify-question').getByRole('button', { name: 'Discard' }).click();
    await form.waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await page.locator('invoify-detail').waitFor({ state: 'detached' });
    const other = await colleague.create('customers', { name: 'Gone Too GmbH', currency: 'EUR' });
    await openRecord(page, 'Customers', 'Gone Too GmbH');
    await page.locator('invoify-detail').getByRole('button', { name: 'Edit', exact: true }).focus();
    await colleague.remove(`/api/customers/${other.id}`, other.updatedAt);
    await page.getByText('This no longer exists').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('invoify-detail').waitFor({ state: 'detached' });
  });

  test('can be resolved with all of mine, which takes back nothing that only they changed', async (t) => {
    const { page, read } = await openConflict(t, env(), 'Kept GmbH');
    await page.getByRole('group', { name: 'Phone', exact: true }).getByText('Unchanged', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Keep all mine' }).click();
    await saveChoice(page);
    const { name, contact, phone } = await read();
    assert.deepEqual([name, contact, phone], ['Kept GmbH, mine', 'Mine', '+43 1 234']);
  });

  test('can be resolved with all of theirs', async (t) => {
    const { page, read } = await openConflict(t, env(), 'Taken GmbH');
    await page.getByRole('button', { name: 'Use all theirs' }).click();
    await saveChoice(page);
    const { name, contact, phone } = await read();
    assert.deepEqual([name, contact, phone], ['Taken GmbH, theirs', 'Theirs', '+43 1 234']);
  });

  test('can be resolved field by field', async (t) => {
    const { page, read } = await openConflict(t, env(), 'Mixed GmbH');
    await choose(page, 'Name', 'Theirs');
    await choose(page, 'Contact', 'Yours');
    await saveChoice(page);
    const { name, contact, phone, changedBy } = await read();
    assert.deepEqual([name, contact, phone], ['Mixed GmbH, theirs', 'Mine', '+43 1 234']);
    const { name: author } = changedBy as { readonly name: string };
    assert.equal(author, env().owner.name);
    await page.locator('invoify-detail').getByText(new RegExp(`^Last changed by ${author}, today \\d`)).waitFor();
  });

  test('locks the fields of a draft that was issued while its form was open, and saves the rest', async (t) => {
    const colleague = await env().colleague(env().editor);
    const customer = await colleague.create('customers', { name: 'Issued Meanwhile Ltd', currency: 'EUR' });
    const line = { description: 'Work', quantityMilli: 1000, unitPriceMinor: 5000, taxRateBp: 0 };
    const draft = await colleague.create('invoices', {
      customerId: customer.id, issueDate: today(), dueDate: today(), currency: 'EUR', lines: [line],
    });
    const page = await env().openWindow(t);
    await openRecord(page, 'Invoices', 'Issued Meanwhile Ltd');
    await runAction(page, 'Edit');
    const form = sheet(page, 'Edit draft');
    await form.getByLabel('Description, line 1').fill('Work, and more of it');
    await form.getByLabel('Internal note').fill('Typed meanwhile');
    await colleague.act(draft, 'issue');
    await form.getByRole('button', { name: 'Save draft' }).click();
    await page.getByRole('heading', { name: `${env().editor.name} has changed this in the meantime` }).waitFor();
    const lines = page.getByRole('group', { name: 'Lines', exact: true });
    await lines.getByText('Work, and more of it', { exact: false }).waitFor();
    await lines.getByText('Theirs is kept: this can no longer be changed.').waitFor();
    assert.equal(await lines.getByRole('radio', { name: /^Yours/ }).isDisabled(), true);
    assert.equal(await lines.getByRole('radio', { name: /^Unchanged/ }).isChecked(), true);
    await assertAccessible(page, 'conflict-issued');
    await page.getByRole('button', { name: 'Keep all mine' }).click();
    await saveChoice(page);
    const { status, internalNote, lines: held } = (await colleague.read('invoices', draft.id)).payload ?? {};
    assert.deepEqual([status, internalNote], ['open', 'Typed meanwhile']);
    assert.equal((held as readonly { readonly description: string }[])[0]?.description, 'Work');
  });

  test('makes voiding ask again, with the changes, if the invoice was changed meanwhile, and impossible once it is paid', async (t) => {
    const colleague = await env().colleague(env().editor);
    const customer = await colleague.create('customers', { name: 'Meanwhile Ltd', currency: 'EUR' });
    const line = { description: 'Work', quantityMilli: 1000, unitPriceMinor: 5000, taxRateBp: 0 };
    const draft = await colleague.create('invoices', {
      customerId: customer.id, issueDate: today(), dueDate: today(), currency: 'EUR', lines: [line],
    });
    const issued = await colleague.act(draft, 'issue');
    const page = await env().openWindow(t);
    await openRecord(page, 'Invoices', 'Meanwhile Ltd');
    await runAction(page, 'Void');
    const question = sheet(page, /^Void INV-/);
    await colleague.change('invoices', issued, { internalNote: 'Has promised to pay' });
    await press(question, 'Void');
    await question.getByText(`${env().editor.name} has changed this in the meantime. Check it again before you continue.`).waitFor();
    await question.getByText('Has promised to pay').waitFor();
    await colleague.act(await colleague.read('invoices', draft.id), 'payments', { amountMinor: 5000, paidOn: today() });
    await press(question, 'Void');
    await question.getByText('Status: Open is now Paid').waitFor();
    await question.getByText('This is no longer possible.').waitFor();
    assert.equal(await question.getByRole('button', { name: 'Void', exact: true }).count(), 0);
  });

  test('in a payment names the colleague, and keeps what was typed', async (t) => {
    const colleague = await env().colleague(env().editor);
    const customer = await colleague.create('customers', { name: 'Paying Ltd', currency: 'EUR' });
    const line = { description: 'Work', quantityMilli: 1000, unitPriceMinor: 5000, taxRateBp: 0 };
    const draft = await colleague.create('invoices', { customerId: customer.id, issueDate: today(), currency: 'EUR', lines: [line] });
    const issued = await colleague.act(draft, 'issue');
    const page = await env().openWindow(t);
    await openRecord(page, 'Invoices', 'Paying Ltd');
    await runAction(page, 'Record payment');
    const payment = sheet(page, 'Record a payment');
    await payment.getByLabel('Amount').fill('12.50');
    await colleague.change('invoices', issued, { internalNote: 'Has promised to pay' });
    await press(payment, 'Record payment');
    await payment.getByText(`${env().editor.name} has changed this in the meantime. Check it again before you continue.`).waitFor();
    assert.equal(await payment.getByLabel('Amount').inputValue(), '12.50');
  });
});
