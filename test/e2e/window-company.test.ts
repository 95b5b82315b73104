// The company's screen, and the paper that it is printed on: who may change what, and where on the page an envelope, a folder and a
// reader expect things (DIN 5008, form B).

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import type { Page } from 'playwright-core';

import type { Client, WireRecord } from '../client.ts';
import { pngOf, toDataUrl } from '../shared/images.ts';
import { assertAccessible, screenshotFolder, takeScreenshot } from './accessible.ts';
import { describeWindow, waitForState, windowApi, type Env } from './harness.ts';
import { field, goTo, press, waitUntil } from './user-actions.ts';

const png = pngOf(1, 1);

/** The company's record on the server. */
async function readCompany(colleague: Client): Promise<WireRecord> {
  const { changes } = await colleague.pullAll();
  const change = changes.findLast(({ collection }) => collection === 'company');
  assert(change);
  return colleague.read('company', change.mongoId);
}

async function openCompany(t: TestContext, env: Env, who = env.owner): Promise<Page> {
  const page = await env.openWindow(t, { who });
  await goTo(page, 'Company');
  await page.locator('invoify-company-preview .sheet:not(.galley)').waitFor();
  return page;
}

const save = (page: Page): Promise<void> => page.locator('invoify-company').getByRole('button', { name: 'Save', exact: true }).click();

async function assertOnPaper(page: Page, text: string): Promise<void> {
  const paper = page.locator('invoify-company-preview invoify-invoice-page');
  await waitUntil(page, `the preview shows ${text}`, async () =>
    (await paper.evaluate((element) => element.shadowRoot?.textContent ?? '')).includes(text));
}

describeWindow('the company', { invoices: 20, customers: 5 }, (env) => {
  test('is where an owner begins, from a list that has nothing yet', async (t) => {
    const colleague = await env().colleague();
    const company = await readCompany(colleague);
    await colleague.change('company', company, { address: null });
    t.after(async () => colleague.change('company', await readCompany(colleague), { address: company.payload?.['address'] }));
    const page = await env().openWindow(t);
    await windowApi(page).sync.pullFromServer();
    await page.route('**/call/data.listPage', (route) => ((route.request().postData() ?? '').includes('"collection":"customers"')
      ? route.fulfill({ json: { ok: true, value: { rows: [], total: 0 } } }) : route.continue()));
    await goTo(page, 'Customers');
    const empty = page.locator('invoify-list-empty');
    await empty.getByRole('heading', { name: 'Begin with your company' }).waitFor();
    await empty.getByText('Its name, address and bank account are on every invoice. Customers and invoices come next.').waitFor();
    await press(empty, 'Enter company details');
    await page.getByRole('heading', { level: 1, name: 'Company' }).waitFor();
  });

  test('is filled in by an owner, with a preview that follows what is typed', async (t) => {
    const page = await openCompany(t, env());
    const form = page.locator('invoify-company-form');
    await field(form, 'Name').fill('Blaufeder Werkzeuge GmbH');
    await assertOnPaper(page, 'Blaufeder Werkzeuge GmbH');
    const gap = form.getByText('An invoice names who issues it. Still missing: address.');
    await field(form, 'City').fill('');
    await gap.waitFor();
    await field(form, 'City').fill('Hamburg');
    await gap.waitFor({ state: 'detached' });
    await field(form, 'Prefix of invoice numbers').fill('BW-');
    await form.getByText(/^For example BW-\d{4}-00001$/).waitFor();
    await field(form, 'Text at the foot of every page').fill('Delivery as agreed');
    await assertOnPaper(page, 'Delivery as agreed');

    await field(form, 'IBAN').fill('');
    await field(form, 'IBAN').pressSequentially('de02120300000000202052');
    await form.getByText('Not complete yet, or mistyped.').waitFor();
    await field(form, 'Website').focus();
    await form.getByText('This IBAN is incomplete or mistyped.').waitFor();
    await save(page);
    assert.equal(await field(form, 'IBAN').evaluate((input) => input.matches(':focus')), true, 'the field that is wrong has the focus');
    for (const key of ['End', 'Backspace', '1']) await page.keyboard.press(key);
    await form.getByText('The check digits are right.').waitFor();
    await assertOnPaper(page, 'DE02 1203 0000 0000 2020 51');
    assert.equal(await field(form, 'IBAN').inputValue(), 'DE02 1203 0000 0000 2020 51');

    const choose = (name: string, buffer: Buffer): Promise<void> =>
      form.locator('input[type=file]').setInputFiles({ name, mimeType: 'image/png', buffer });
    await choose('letter.png', Buffer.from('no image'));
    const refused = form.getByText('This file is neither a PNG nor a JPEG image. Choose another one.');
    await refused.waitFor();
    await choose('large.png', Buffer.concat([png, Buffer.alloc(256 * 1024)]));
    await form.getByText('This file has 257 KiB. A logo may have at most 256 KiB').waitFor();
    await choose('bomb.png', pngOf(20_000, 20_000));
    await form.getByText('This image has 20,000 × 20,000 pixels. At most 4,000 × 4,000 are allowed: make it smaller').waitFor();
    await choose('damaged.png', png.subarray(0, 40));
    await form.getByText('This image is damaged and cannot be shown.').waitFor();
    await field(form, 'Name').fill('');
    await save(page);
    await form.getByText('1 field needs attention.').waitFor();
    await assertAccessible(page, 'company-refused');
    await field(form, 'Name').fill('Blaufeder Werkzeuge GmbH');
    await choose('logo.png', png);
    await page.locator('invoify-company-preview invoify-invoice-page img').waitFor();

    await save(page);
    await page.getByText('Saved', { exact: true }).waitFor();
    const { payload } = await readCompany(await env().colleague());
    assert.equal(payload['name'], 'Blaufeder Werkzeuge GmbH');
    assert.equal(payload['iban'], 'DE02120300000000202051');
    assert.equal(payload['invoicePrefix'], 'BW-');
    assert.equal(payload['logo'], toDataUrl('png', png));

    await choose('letter.png', Buffer.from('no image'));
    await refused.waitFor();
    await field(form, 'Name').fill('Blaufeder GmbH');
    await save(page);
    await refused.waitFor({ state: 'detached' });
    await form.getByRole('button', { name: 'Remove' }).click();
    await save(page);
    await waitUntil(page, 'the logo is removed', async () => !('logo' in (await readCompany(await env().colleague())).payload));
  });

  test('has the logo that was chosen last, however long an earlier one takes to read', async (t) => {
    const page = await openCompany(t, env());
    const form = page.locator('invoify-company-form');
    await page.evaluate(() => {
      const { createImageBitmap: draw } = window;
      let release: (() => void) | null = null;
      // The first one is drawn only after the second.
      window.createImageBitmap = (async (file: Blob) => {
        if (release !== null) return draw(file).finally(release);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return draw(file).finally(() => {
          document.body.dataset['drawn'] = 'both';
        });
      }) as typeof createImageBitmap;
    });
    for (const side of [2, 3]) {
      await form.locator('input[type=file]').setInputFiles({ name: `${side}.png`, mimeType: 'image/png', buffer: pngOf(side, side) });
    }
    const logo = form.locator('invoify-logo-field img');
    await logo.waitFor();
    await page.locator('body[data-drawn]').waitFor();
    assert.equal(await logo.evaluate((image) => (image as HTMLImageElement).naturalWidth), 3);
  });

  test('keeps what was typed without a server, with the reason at Save, and asks before it is lost', async (t) => {
    const page = await openCompany(t, env());
    const form = page.locator('invoify-company-form');
    await field(form, 'Phone').fill('+49 40 777');
    await env().stopServer();
    await waitForState(page, 'offline', 'unreachable');
    await form.getByText('No connection to the server. What you typed is kept; save it once the connection is back.').waitFor();
    assert.equal(await form.getByRole('button', { name: 'Save' }).getAttribute('aria-disabled'), 'true');
    await page.locator('[data-screen=invoices]').click();
    const question = page.locator('invoify-question');
    await question.getByRole('heading', { name: 'Discard your changes?' }).waitFor();
    await question.getByRole('button', { name: 'Keep editing' }).click();
    assert.equal(await field(form, 'Phone').inputValue(), '+49 40 777');

    await form.getByRole('button', { name: 'Discard changes' }).click();
    await waitUntil(page, 'the input is discarded', async () => await field(form, 'Phone').inputValue() !== '+49 40 777');
    await goTo(page, 'Invoices');
  });

  test('shows both versions if another owner has saved meanwhile', async (t) => {
    const page = await openCompany(t, env());
    const form = page.locator('invoify-company-form');
    await field(form, 'Phone').fill('+49 40 111');
    const colleague = await env().colleague();
    await colleague.change('company', await readCompany(colleague), { phone: '+49 40 222', website: 'blaufeder.example' });
    await form.getByText(`${env().owner.name} has changed this in the meantime. Saving will show both versions.`).waitFor();
    assert.equal(await field(form, 'Phone').inputValue(), '+49 40 111');
    await save(page);
    await page.getByRole('group', { name: 'Phone', exact: true }).getByRole('radio', { name: /^Yours/ }).check();
    await page.getByRole('button', { name: 'Save choices' }).click();
    await page.locator('invoify-conflict-dialog').waitFor({ state: 'detached' });
    const { payload } = await readCompany(colleague);
    assert.deepEqual([payload['phone'], payload['website']], ['+49 40 111', 'blaufeder.example']);
    await waitUntil(page, 'the form shows the result', async () => await field(form, 'Website').inputValue() === 'blaufeder.example');
    const hasHeading = (): Promise<boolean> => page.locator('invoify-company header h1').evaluate((heading) => heading.matches(':focus'));
    await waitUntil(page, 'the heading has the focus', hasHeading);
    await field(form, 'Phone').fill('+49 40 333');
    await page.keyboard.press('Control+s');
    await waitUntil(page, 'the heading has the focus again', hasHeading);
    assert.equal((await readCompany(colleague)).payload?.['phone'], '+49 40 333');
  });

  test('can only be viewed by others', async (t) => {
    for (const who of [env().editor, env().viewer]) {
      const page = await openCompany(t, env(), who);
      const screen = page.locator('invoify-company');
      await screen.getByText('Only an owner can change this.').waitFor();
      assert.equal(await screen.getByRole('textbox').count() + await screen.getByRole('button').count(), 0);
      await page.keyboard.press('Control+n');
      assert.equal(await page.locator('invoify-sheet').count(), 0);
    }
  });
});

/** Issues an invoice to a German customer, for a company with the usual details. */
async function issueInvoice(colleague: Client, fields: object): Promise<WireRecord> {
  const customer = await colleague.create('customers', {
    name: 'Kiefernhof Möbel KG', currency: 'EUR', language: 'de', number: 'K-10042',
    address: { street: 'Waldweg 3', postalCode: '79098', city: 'Freiburg', country: 'DE' },
  });
  const draft = await colleague.create('invoices', {
    customerId: customer.id, currency: 'EUR', issueDate: '2026-11-24', dueDate: '2026-12-08', servicePeriod: { from: '2026-11-20' },
    ...fields,
  });
  return colleague.act(draft, 'issue');
}

/** Prints a record of the invoices' list; the printed page then stays in the document, as printed. */
async function print(t: TestContext, env: Env, number: string): Promise<Page> {
  const page = await (await env.sharedDesktop()).openPage(t, { width: 1440, height: 1100 });
  await page.getByRole('searchbox').fill(number);
  await page.locator('.sheet .row:not([hidden]):not(.waiting)').first().filter({ hasText: number }).click();
  await page.locator('invoify-detail h2', { hasText: number }).waitFor();
  await page.evaluate(() => {
    window.print = () => {
      const paper = document.querySelector('invoify-invoice-page');
      if (paper) paper.remove = () => undefined;
    };
  });
  await page.keyboard.press('Control+p');
  await page.locator('invoify-invoice-page').waitFor({ state: 'attached' });
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('invoify-app').isVisible(), false);
  return page;
}

interface Placed {
  readonly x: number;
  readonly y: number;
  readonly right: number;
  readonly bottom: number;
  readonly text: string;
}

/** The places in mm from the page's left and top edge, and the texts, of every element that matches on the sheet. */
function place(page: Page, selector: string, sheet = 0): Promise<readonly Placed[]> {
  return page.locator('invoify-invoice-page').evaluate((paper, [wanted, index]) => {
    const section = paper.shadowRoot?.querySelectorAll('.sheet')[index];
    if (!section) return [];
    const at = section.getBoundingClientRect();
    const mm = (px: number): number => px * 210 / at.width;
    return [...section.querySelectorAll(wanted)].map((element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      const box = element.childElementCount + (element.textContent ?? '').trim().length > 0 ? range.getBoundingClientRect()
        : element.getBoundingClientRect();
      return {
        x: mm(box.left - at.left), y: mm(box.top - at.top), right: mm(box.right - at.left), bottom: mm(box.bottom - at.top),
        text: (element as HTMLElement).innerText.replaceAll(/\s+/g, ' ').trim(),
      };
    });
  }, [selector, sheet] as const);
}

async function countPdfPages(page: Page, name: string): Promise<number> {
  const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true, path: join(screenshotFolder, `${name}.pdf`) });
  return pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0;
}

const near = (actual: number | undefined, expected: number, what: string): void =>
  assert(Math.abs((actual ?? Number.NaN) - expected) < 0.3, `${what}: ${actual} mm instead of ${expected} mm`);

describeWindow('the paper', { invoices: 20, customers: 5 }, (env) => {
  test('has everything in its place, in the customer\'s language, whatever the window\'s is', async (t) => {
    const colleague = await env().colleague();
    const { payload } = await issueInvoice(colleague, {
      buyerReference: 'Abt. 4', orderNumber: 'PO-77',
      lines: [
        { description: 'Schrauben', quantityMilli: 250_000, unit: 'Stk.', unitPriceMinor: 1250, priceQuantity: 100, taxRateBp: 1900 },
        { description: 'Montage', quantityMilli: 7500, unit: 'h', unitPriceMinor: 9600, taxRateBp: 1900 },
      ],
      note: 'Vielen Dank.',
    });
    const number = String(payload['number']);
    const page = await print(t, env(), number);
    await takeScreenshot(page, 'invoice-printed');
    assert.equal(await countPdfPages(page, 'invoice-printed'), 1);

    const [sender] = await place(page, '.sender span');
    const [address] = await place(page, '.window address');
    const facts = await place(page, '.opening .facts');
    const [heading] = await place(page, 'h1');
    assert.equal(heading?.text, `Rechnung ${number}`);
    near(sender?.x, 25, 'the sender');
    near(address?.x, 25, 'the address');
    near(facts[0]?.x, 125, 'the information block');
    near(facts[0]?.y, 50, 'the information block');
    assert(sender && sender.y >= 45 && sender.bottom <= 62.7, 'the sender is in its zone of the window');
    assert(address && address.y >= 62.4 && address.bottom <= 90 && address.right <= 105, 'the address is in the window');
    near(heading?.y, 98.46, 'the subject');
    assert.deepEqual((await place(page, '.mark')).map(({ y }) => Math.round(y * 10) / 10), [105, 148.5, 210]);
    assert.equal(address.text, 'Kiefernhof Möbel KG Waldweg 3 79098 Freiburg');

    const text = (await place(page, ':scope > *')).map((part) => part.text).join(' ');
    const company = (await readCompany(colleague)).payload;
    for (const part of [
      String(company['name']), 'Rechnungsdatum 24. November 2026', 'Leistungsdatum 20. November 2026', 'Fällig am 8. Dezember 2026',
      'Kundennummer K-10042', 'Ihre Referenz Abt. 4', 'Ihre Bestellung PO-77', '12,50 € je 100 Stk.', '7,5 h', 'Zwischensumme 751,25 €',
      'USt. 19 % auf 751,25 € 142,74 €', 'Gesamtbetrag 893,99 €',
      `Bitte überweisen Sie 893,99 € bis zum 8. Dezember 2026 mit dem Verwendungszweck ${number}.`, 'Vielen Dank.', 'Seite 1 von 1',
    ]) assert(text.includes(part), `${part} in ${text}`);
  });

  test('goes over several pages, with what the lines so far add up to on both sides of each break', async (t) => {
    const lines = Array.from({ length: 70 }, (_, index) => ({
      description: index % 6 === 2 ? `Position ${index + 1}\nin drei\nZeilen` : `Position ${index + 1}`,
      quantityMilli: 1000, unitPriceMinor: 1000 + index, taxRateBp: 1900,
    }));
    const { payload } = await issueInvoice(await env().colleague(), { lines, note: 'Vielen Dank.' });
    const page = await print(t, env(), String(payload['number']));
    const count = await page.locator('invoify-invoice-page .sheet').count();
    assert(count >= 4, `${count} pages`);
    assert.equal(await countPdfPages(page, 'invoice-printed-long'), count);

    const amount = (lineCount: number): string => new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'EUR' })
      .format(lines.slice(0, lineCount).reduce((sum, { unitPriceMinor }) => sum + unitPriceMinor, 0) / 100).replaceAll(/\s/g, ' ');
    const positions: string[] = [];
    for (let sheet = 0; sheet < count; sheet += 1) {
      const rows = await place(page, 'tbody tr', sheet);
      const [footer] = await place(page, 'footer', sheet);
      assert(rows.length > 0 && footer);
      const parts = await place(page, '.parts > *, .parts tr', sheet);
      assert(parts.every(({ bottom }) => bottom < footer.y), `nothing of page ${sheet + 1} runs into the footer`);
      assert(footer.bottom < 297 && footer.text.startsWith(`Seite ${sheet + 1} von ${count}`));
      const carried = `Übertrag ${amount(positions.length)}`;
      assert.deepEqual((await place(page, '.carried.in', sheet)).map(({ text }) => text), sheet === 0 ? [] : [carried]);
      positions.push(...(await place(page, 'td.position', sheet)).map(({ text }) => text));
      const next = `Übertrag ${amount(positions.length)}`;
      assert.deepEqual((await place(page, '.carried.out', sheet)).map(({ text }) => text), sheet === count - 1 ? [] : [next]);
    }
    assert.deepEqual(positions, lines.map((_, index) => String(index + 1)));
  });
});
