// An invoice from its draft to its credit note, as one person works through it: what the form asks for only where it matters, what
// must be known before anything is issued, and how a payment is taken back.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import { addDays } from '../../shared/days.ts';
import type { Client } from '../client.ts';
import { assertAccessible } from './accessible.ts';
import { describeWindow, windowApi } from './harness.ts';
import { detail, openRecord, press, pressAndClose, runAction, sheet, today, waitUntil } from './user-actions.ts';

const line = { description: 'Work', quantityMilli: 1000, unitPriceMinor: 10_000, taxRateBp: 1900 };

/** Makes a customer with one draft, and opens the draft. */
async function openDraft(page: Page, colleague: Client, name: string, fields: object = {}): Promise<string> {
  const customer = await colleague.create('customers', { name, currency: 'EUR' });
  const { id } = await colleague.create('invoices', {
    customerId: customer.id, issueDate: today(), dueDate: today(), currency: 'EUR', lines: [line], ...fields,
  });
  await openRecord(page, 'Invoices', name);
  return id;
}

async function issue(page: Page, question: RegExp): Promise<void> {
  await runAction(page, 'Issue');
  await pressAndClose(sheet(page, question), 'Issue');
}

const badge = (page: Page, text: string): Promise<void> => detail(page).locator('header .badge', { hasText: text }).waitFor();
const toast = (page: Page, text: RegExp) => page.locator('invoify-toasts .toast', { hasText: text });

describeWindow('an invoice', { invoices: 40, customers: 10 }, (env) => {
  test('takes terms, reference and tax rate from customer and company, and has a category and reason where the rate is 0', async (t) => {
    const colleague = await env().colleague();
    const customer = { name: 'Terms & Sons', currency: 'EUR', language: 'de', paymentTermsDays: 7, buyerReference: 'KST 4400' };
    await colleague.create('customers', customer);
    const page = await env().openWindow(t, { width: 1440 });
    await openRecord(page, 'Customers', customer.name);
    await runAction(page, 'New invoice');
    const form = sheet(page, 'New invoice');
    const value = (label: string): Promise<string> => form.getByLabel(label, { exact: true }).inputValue();
    await waitUntil(page, 'the reference is filled in', async () => await value('Buyer reference') === 'KST 4400');
    assert.equal((Date.parse(await value('Due date')) - Date.parse(await value('Invoice date'))) / 86_400_000, 7);
    assert.equal(await value('Tax %, line 1'), '19');
    assert.equal(await form.getByLabel('VAT category, line 1').count(), 0, 'only where it matters');

    await form.getByLabel('Service date or from').fill('2026-10-01');
    await form.getByLabel('Service until').fill('2026-09-30');
    await form.getByLabel('Description, line 1').fill('Screws');
    await form.getByLabel('Quantity, line 1').fill('250');
    await form.getByLabel('Unit price, line 1').fill('3.20');
    await press(form, 'Price per several units');
    await form.getByLabel('Price per several units, line 1').fill('100');
    await form.getByText('€8.00').first().waitFor();
    await form.getByLabel('Tax %, line 1').fill('0');
    await form.getByLabel('VAT category, line 1').selectOption({ label: 'Exempt' });
    await press(form, 'Save draft');
    await form.getByText('Please fill this in.').waitFor();
    await form.getByText('Must not be before the first day.').waitFor();
    await assertAccessible(page, 'invoice-with-category');
    await form.getByLabel('VAT category, line 1').selectOption({ label: 'Reverse charge' });
    const reason = form.getByLabel('Reason for the tax exemption (printed)');
    assert.match(await reason.inputValue(), /Reverse Charge/, 'the usual sentence, in the language of the customer');
    await form.getByLabel('Service until').fill('2026-10-31');
    await form.getByLabel('Note on the invoice').fill('Printed');
    await form.getByLabel('Internal note – never printed').fill('Not printed');
    await pressAndClose(form, 'Save draft');
    await detail(page).getByText(/^1\s?–\s?31 October 2026$/).waitFor();
    for (const text of ['250 × €3.20 per 100 · Reverse charge', 'KST 4400', 'Printed', 'Not printed']) {
      await detail(page).getByText(text, { exact: true }).first().waitFor();
    }
  });

  test('is not issued before the company has a name and an address, and leads there', async (t) => {
    const colleague = await env().colleague();
    const page = await env().openWindow(t, { width: 1440 });
    const listed = await windowApi(page).data.listPage({ collection: 'company', limit: 1 });
    const company = await colleague.read('company', listed.ok ? listed.value.rows[0]?.id ?? '' : '');
    const address = company.payload?.['address'] as object;
    const whenCompanyIs = ({ updatedAt }: { readonly updatedAt: string }) => waitUntil(page, 'the company has come', async () => {
      const found = await windowApi(page).data.getRecord({ collection: 'company', id: company.id });
      return found.ok && found.value?.updatedAt === updatedAt;
    });
    const emptied = await colleague.change('company', company, { address: null });
    await openDraft(page, colleague, 'No Address Ltd');
    await whenCompanyIs(emptied);
    await runAction(page, 'Issue');
    const question = sheet(page, 'Company details are missing');
    await question.getByText('An invoice names who issues it. Still missing: address.').waitFor();
    await assertAccessible(page, 'company-missing');
    await press(question, 'Enter company details');
    await page.getByRole('heading', { level: 1, name: 'Company' }).waitFor({ state: 'attached' });
    const form = page.locator('invoify-company-form');
    await form.getByText('Once you save, you go back to where you were.').waitFor();
    const street = form.getByLabel('Street');
    await waitUntil(page, 'what is missing has the focus', () => street.evaluate((input) => input.matches(':focus-within')));
    await street.fill('Hafenstraße 1');
    await form.getByLabel('City').fill('Kiel');
    await press(form, 'Save');
    await press(sheet(page, /^Issue this invoice/), 'Cancel');
    await detail(page).getByText('No Address Ltd').waitFor();

    const { vatId, taxNumber, iban } = company.payload ?? {};
    const moved = await colleague.read('company', company.id);
    const bare = await colleague.change('company', moved, { address, vatId: null, taxNumber: null, iban: null });
    await whenCompanyIs(bare);
    await openDraft(page, colleague, 'No Account Ltd');
    await runAction(page, 'Issue');
    const warned = sheet(page, /^Issue this invoice/);
    for (const text of [/neither a VAT ID nor a tax number/, /no IBAN/, /No date of service/]) await warned.getByText(text).waitFor();
    await assertAccessible(page, 'issue-warned');
    await press(warned, 'Enter date of service');
    const draft = sheet(page, 'Edit draft');
    const served = draft.getByLabel('Service date or from');
    await waitUntil(page, 'the date of service has the focus', () => served.evaluate((input) => input.matches(':focus-within')));
    await press(draft, 'Save draft');
    await press(warned, 'It is the invoice date');
    await waitUntil(page, 'the warning has gone', async () => await warned.getByText(/no IBAN/).isVisible()
      && await warned.getByText(/No date of service/).count() === 0);
    await press(warned, 'Cancel');
    await colleague.change('company', bare, { vatId: vatId ?? null, taxNumber: taxNumber ?? null, iban: iban ?? null });
  });

  test('is issued on a later day than it was dated, offers its PDF, and is paid, unpaid and paid back', async (t) => {
    const colleague = await env().colleague();
    const page = await env().openWindow(t, { width: 1440 });
    await page.route('**/call/app.getInfo', async (route) => {
      const { value } = await (await route.fetch()).json() as { readonly value: object };
      await route.fulfill({ json: { ok: true, value: { ...value, lacks: [] } } });
    });
    const saved = { ok: true, value: { path: '/x/kept.pdf', sizeBytes: 1 } };
    await page.route('**/call/app.exportPdf', (route) => route.fulfill({ json: saved }));
    await page.reload();
    const id = await openDraft(page, colleague, 'Paid Twice Ltd', { issueDate: '2026-01-02', dueDate: '2026-01-16' });
    await runAction(page, 'Set the invoice date to today');
    await toast(page, /Saved/).waitFor();
    const { issueDate, dueDate } = (await colleague.read('invoices', id)).payload ?? {};
    assert.deepEqual([issueDate, dueDate], [today(), addDays(today(), 14)]);
    await issue(page, /^Issue this invoice/);
    await badge(page, 'Open');
    await toast(page, /^\s*Issued as INV-/).getByRole('button', { name: 'Save PDF' }).click();
    await toast(page, /Saved to \/x\/kept\.pdf/).waitFor();

    await runAction(page, 'Record payment');
    const payment = sheet(page, 'Record a payment');
    await payment.getByLabel('Amount').fill('19');
    await payment.getByLabel('Payment method').fill('SEPA');
    await payment.getByLabel('Reference').fill('7 of 9');
    await payment.getByLabel('Received on').fill(`${Number(today().slice(0, 4)) + 1}-12-31`);
    await payment.getByText('This date is in the future.').waitFor();
    await payment.getByLabel('Received on').fill(today());
    await payment.getByText('This date is in the future.').waitFor({ state: 'detached' });
    await pressAndClose(payment, 'Record payment');
    await badge(page, 'Partly paid');
    await detail(page).getByText('SEPA · 7 of 9').waitFor();
    await toast(page, /Payment recorded/).getByRole('button', { name: 'Undo' }).click();
    await toast(page, /Undone/).waitFor();
    await badge(page, 'Open');
    assert.deepEqual((await colleague.read('invoices', id)).payload?.['payments'], []);

    await runAction(page, 'Record payment');
    await pressAndClose(sheet(page, 'Record a payment'), 'Record payment');
    await badge(page, 'Paid');
    await detail(page).getByRole('button', { name: 'Remove payment of €119.00' }).click();
    const question = sheet(page, /^Remove this payment from INV-/);
    await question.getByText('will count as not received.').waitFor();
    await pressAndClose(question, 'Remove payment');
    await badge(page, 'Open');
  });

  test('is corrected by a credit note, cut down before it is issued, and refunds what was paid too much', async (t) => {
    const colleague = await env().colleague();
    const page = await env().openWindow(t, { width: 1440 });
    const id = await openDraft(page, colleague, 'Credited Ltd', { lines: [line, { ...line, description: 'Travel' }] });
    await issue(page, /^Issue this invoice/);
    await detail(page).getByRole('heading', { name: /^INV-/ }).waitFor();
    const number = await detail(page).getByRole('heading', { level: 2 }).innerText();
    await runAction(page, 'Record payment');
    await pressAndClose(sheet(page, 'Record a payment'), 'Record payment');
    await badge(page, 'Paid');

    // So that the window's day is not the server's. Not by Playwright's clock, which every page of the browser shares.
    const now = await page.evaluateHandle(() => {
      const replaced = Date.now;
      Date.now = () => replaced() + 2 * 86_400_000;
      return replaced;
    });
    await runAction(page, 'Create credit note');
    const form = sheet(page, 'Edit credit note');
    await form.getByText('Credited Ltd').waitFor();
    assert.equal(await form.getByLabel('Credit note date').inputValue(), addDays(today(), 2));
    await page.evaluate((replaced) => { Date.now = replaced; }, now);
    await form.getByText(new RegExp(`^Corrects ${number} of .*\\. Left to credit: €238\\.00$`)).waitFor();
    await form.getByLabel('Tax %, line 1').fill('7');
    await form.getByText(`Nothing of ${number} is left to credit at 7% tax.`).waitFor();
    await form.getByLabel('Tax %, line 1').fill('19');
    await form.getByLabel('Quantity, line 1').fill('3');
    await form.getByText(`Only €238.00 of ${number} is left to credit.`).waitFor();
    await form.getByLabel('Credit note date').fill('2026-01-02');
    await form.getByText(/^Before the invoice’s date, /).waitFor();
    await press(form, 'Save and issue');
    await form.getByRole('alert').getByText(`Only €238.00 of ${number} is left to credit.`, { exact: true }).waitFor();
    assert.equal(await form.getByLabel('Currency').count(), 0, 'it is in the currency of the invoice');
    await assertAccessible(page, 'credit-note-form');
    await press(form, 'Remove line 1');
    await pressAndClose(form, 'Save draft');
    await detail(page).getByRole('heading', { name: 'Credit note' }).waitFor();
    await detail(page).getByText('To be credited').waitFor();
    await runAction(page, 'Issue');
    await sheet(page, /^Issue this credit note/).getByText(`Its date is before that of invoice ${number}, `).waitFor();
    await pressAndClose(sheet(page, /^Issue this credit note/), 'Issue');
    await detail(page).getByRole('heading', { name: /^CN-/ }).waitFor();
    await badge(page, 'Credit note');
    await detail(page).getByText('Total credited').waitFor();

    await detail(page).getByRole('button', { name: number }).click();
    await detail(page).getByRole('heading', { name: number }).waitFor();
    await detail(page).getByRole('button', { name: /^CN-/ }).waitFor();
    await detail(page).getByText('Overpaid: to be refunded').waitFor();
    await assertAccessible(page, 'invoice-overpaid');
    await runAction(page, 'Record refund');
    await pressAndClose(sheet(page, 'Record a refund'), 'Record refund');
    await badge(page, 'Paid');
    const { paidMinor, creditedMinor, status } = (await colleague.read('invoices', id)).payload ?? {};
    assert.deepEqual([paidMinor, creditedMinor, status], [11_900, 11_900, 'paid']);
  });
});
