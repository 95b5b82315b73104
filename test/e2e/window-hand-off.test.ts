// Handing an invoice on from the window: as an e-invoice, with what is missing named first, and with an e-mail.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import type { Client, WireRecord } from '../client.ts';
import { describeWindow, windowApi } from './harness.ts';
import { detail, fill, openRecord, press, pressAndClose, rows, runAction, sheet, waitUntil } from './user-actions.ts';

/** Issues an invoice to a new customer with these fields. */
async function issueInvoice(colleague: Client, customerFields: object): Promise<WireRecord> {
  const customer = await colleague.create('customers', { currency: 'EUR', language: 'de', ...customerFields });
  return colleague.act(await colleague.create('invoices', {
    customerId: customer.id, currency: 'EUR', issueDate: '2026-01-15', dueDate: '2026-02-14',
    lines: [{ description: 'Work', quantityMilli: 1500, unitPriceMinor: 9950, taxRateBp: 1900 }],
  }), 'issue');
}

const address = { street: 'Amtsweg 1', city: 'Musterstadt', postalCode: '12345', country: 'DE' };

describeWindow('an issued invoice', { invoices: 20, customers: 5 }, (env) => {
  test('is exported as an e-invoice once what is missing was entered where the window leads', async (t) => {
    const { payload } = await issueInvoice(await env().colleague(), { name: 'Stadt Musterstadt', address, email: 'post@stadt.test' });
    const number = String(payload['number']);
    const page = await env().openWindow(t);
    await openRecord(page, 'Invoices', number);
    await runAction(page, 'Export XRechnung (XML)');
    const dialog = sheet(page, 'Not complete for an e-invoice');
    await dialog.getByText('Customer: Buyer reference', { exact: true }).waitFor();
    await dialog.getByText('For public bodies their Leitweg-ID, otherwise').waitFor();
    await press(dialog, 'Edit customer');
    const form = sheet(page, /^Edit Stadt Musterstadt/);
    const reference = form.getByLabel('Buyer reference');
    await waitUntil(page, 'what is missing has the focus', () => reference.evaluate((input) => input.matches(':focus-within')));
    await fill(form, { 'Buyer reference': '04011000-12345-03' });
    const downloading = page.waitForEvent('download');
    await press(form, 'Save');
    const download = await downloading;
    assert.equal(download.suggestedFilename(), `${number}.xml`);
    const xml = readFileSync(await download.path(), 'utf8');
    assert(xml.includes('<cbc:BuyerReference>04011000-12345-03</cbc:BuyerReference>') && xml.endsWith('</Invoice>\n'));
    await page.getByText(`Saved to ${number}.xml`).waitFor();
    await detail(page).getByRole('heading', { name: number }).waitFor();
  });

  test('names what would do as well where an e-invoice lacks something', async (t) => {
    const { payload } = await issueInvoice(await env().colleague(), { name: 'Ohne Adresse AG', address: { ...address, country: 'AT' } });
    const page = await env().openWindow(t);
    await openRecord(page, 'Invoices', String(payload['number']));
    await runAction(page, 'Export XRechnung (XML)');
    const dialog = sheet(page, 'Not complete for an e-invoice');
    for (const text of ['Customer: Buyer reference or Electronic address', 'Customer: Electronic address or E-mail']) {
      await dialog.getByText(text, { exact: true }).waitFor();
    }
    await press(dialog, 'Close');
  });

  test('opens an e-mail in the customer\'s language, to the customer', async (t) => {
    const { payload } = await issueInvoice(await env().colleague(), { name: 'Kiefernhof KG', address, email: 'post@kiefernhof.test' });
    const page = await env().openWindow(t);
    await openRecord(page, 'Invoices', String(payload['number']));
    const links: string[] = [];
    await page.exposeFunction('noteLink', (link: string) => void links.push(link));
    // Instead of the system's e-mail program.
    await page.evaluate(() => {
      HTMLAnchorElement.prototype.click = function noteInstead(this: HTMLAnchorElement): void {
        (window as unknown as { noteLink(link: string): void }).noteLink(this.href);
      };
    });
    await runAction(page, 'Open e-mail');
    await waitUntil(page, 'the e-mail is opened', async () => links.length === 1);
    assert(links[0]?.startsWith(`mailto:post@kiefernhof.test?subject=Rechnung%20${String(payload['number'])}%20von%20`), links[0]);
    await page.getByText('The e-mail has no attachment yet: print the invoice to a PDF and attach that.').waitFor();
    assert(await detail(page).getByRole('button', { name: 'More actions' }).evaluate((button) => button.matches(':focus')));
  });

  test('is listed with what its customer owes, who is written to and called, and gets a statement of each currency', async (t) => {
    const colleague = await env().colleague();
    const { payload: { customerId, number } } = await issueInvoice(colleague, {
      name: 'Birkenau GbR', address, email: 'post@birkenau.test', phone: '+49 (0) 30 1234-56',
    });
    const lines = [{ description: 'Work', quantityMilli: 1000, unitPriceMinor: 700, taxRateBp: 0 }];
    const rest = { customerId, issueDate: '2026-01-15', lines };
    await colleague.act(await colleague.create('invoices', { ...rest, currency: 'CHF' }), 'issue');
    const page = await env().openWindow(t, { width: 1600 });
    await openRecord(page, 'Customers', 'Birkenau');
    const owed = await rows(page).filter({ hasText: 'Birkenau' }).first().getByRole('gridcell').allInnerTexts();
    assert.deepEqual(owed.slice(-3), ['€177.61 + CHF', '€177.61', '14/02/2026']);
    const open = detail(page).locator('[data-open] li');
    assert.match(await open.filter({ hasText: String(number) }).innerText(), /Overdue since 14\/02\/2026\s*€177\.61/);
    assert.equal(await open.count(), 2);

    const links: string[] = [];
    await page.exposeFunction('noteProgram', (link: string) => void links.push(link));
    const papers: string[] = [];
    await page.exposeFunction('notePaper', (text: string) => void papers.push(text));
    await page.evaluate(() => {
      const noted = window as unknown as { noteProgram(link: string): void; notePaper(text: string): void };
      HTMLAnchorElement.prototype.click = function noteInstead(this: HTMLAnchorElement): void { noted.noteProgram(this.href); };
      window.print = () => {
        for (const { shadowRoot } of document.querySelectorAll('invoify-invoice-page')) noted.notePaper(shadowRoot?.textContent ?? '');
      };
    });
    await detail(page).getByRole('button', { name: 'post@birkenau.test' }).click();
    await detail(page).getByRole('button', { name: '+49 (0) 30 1234-56' }).click();
    await waitUntil(page, 'both programs are asked', async () => links.length === 2);
    assert.deepEqual(links, ['mailto:post@birkenau.test?subject=&body=', 'tel:+4930123456']);
    await detail(page).getByRole('button', { name: 'Print statement of account' }).click();
    await waitUntil(page, 'both papers are printed', async () => papers.length === 2);
    assert(papers[0]?.includes('Offene Rechnungen in EUR') && papers[0].includes(String(number)), papers[0]);
    assert(papers[1]?.includes('Offene Rechnungen in CHF'), papers[1]);
    assert.equal(await page.locator('invoify-invoice-page').count(), 0);
  });

  test('is in its customer\'s statement of account as a PDF', async (t) => {
    const { payload: { number } } = await issueInvoice(await env().colleague(), { name: 'Lindenhof GbR', address });
    const page = await env().openWindow(t);
    await page.route('**/call/app.getInfo', async (route) => {
      const { value } = await (await route.fetch()).json() as { readonly value: object };
      await route.fulfill({ json: { ok: true, value: { ...value, lacks: [] } } });
    });
    const saved: unknown[] = [];
    await page.route('**/call/app.exportPdf', async (route) => {
      const text = await page.locator('invoify-invoice-page').evaluate(({ shadowRoot }) => shadowRoot?.textContent ?? '');
      saved.push(route.request().postDataJSON(), text.includes(String(number)));
      await route.fulfill({ json: { ok: true, value: { path: '/x/statement.pdf', sizeBytes: 1 } } });
    });
    await page.evaluate(() => document.body.replaceChildren(document.createElement('invoify-app')));
    await openRecord(page, 'Customers', 'Lindenhof');
    await runAction(page, 'Save statement of account as PDF');
    await page.getByText('Saved to /x/statement.pdf').waitFor();
    assert.deepEqual(saved, [{ name: 'Offene Posten Lindenhof GbR' }, true]);
  });

  test('is credited rather than voided once its customer has it, and stays as it was if that is cancelled', async (t) => {
    const { id, payload } = await issueInvoice(await env().colleague(), { name: 'Schon Zugestellt KG', address });
    const number = String(payload['number']);
    const page = await env().openWindow(t);
    const heading = (name: string | RegExp): Promise<void> => detail(page).getByRole('heading', { name }).waitFor();
    const creditNotes = async (): Promise<number> => {
      const found = await windowApi(page).data.listPage({ collection: 'invoices', filters: { creditedId: id } });
      return found.ok ? found.value.total : -1;
    };
    await openRecord(page, 'Invoices', number);
    await runAction(page, 'Void');
    const question = sheet(page, `Void ${number}?`);
    await question.getByText('Does your customer have it already?').waitFor();
    await pressAndClose(question, 'Create credit note');
    await pressAndClose(sheet(page, 'Edit credit note'), 'Cancel');
    await page.getByText('Undone').waitFor();
    await heading(number);
    await waitUntil(page, 'the draft is gone', async () => await creditNotes() === 0);

    await runAction(page, 'Create credit note');
    await pressAndClose(sheet(page, 'Edit credit note'), 'Save draft');
    await heading('Credit note');
    await detail(page).getByRole('button', { name: number }).click();
    await heading(number);
    await runAction(page, 'Void');
    await question.getByText('A draft credit note for it exists').waitFor();
    assert.equal(await question.getByRole('button', { name: 'Create credit note' }).count(), 0);
    await pressAndClose(question, 'Cancel');
    await detail(page).getByRole('button', { name: 'Draft', exact: true }).click();
    await heading('Credit note');
    await runAction(page, 'Issue');
    await pressAndClose(sheet(page, /^Issue this credit note/), 'Issue');
    await heading(/^CN-/);
    await detail(page).getByRole('button', { name: number }).click();
    await detail(page).locator('header .badge', { hasText: 'Credited' }).waitFor();
    await rows(page).filter({ hasText: number }).getByText('Credited', { exact: true }).waitFor();
  });

  test('is not offered for export as a draft', async (t) => {
    const colleague = await env().colleague();
    const customer = await colleague.create('customers', { name: 'Entwurf & Sohn', currency: 'EUR' });
    await colleague.create('invoices', { customerId: customer.id, issueDate: '2026-01-15', currency: 'EUR', lines: [] });
    const page = await env().openWindow(t);
    await openRecord(page, 'Invoices', 'Entwurf & Sohn');
    await detail(page).getByRole('button', { name: 'More actions' }).click();
    await detail(page).getByRole('menuitem', { name: 'Delete' }).waitFor();
    assert.equal(await detail(page).getByRole('button', { name: /XRechnung|e-mail/ }).count(), 0);
  });
});
