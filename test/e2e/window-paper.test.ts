// The paper by itself, laid out by a real browser: nothing on it is broken, cut off or covered, whatever is on it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { build } from 'esbuild';
import type { Page } from 'playwright-core';

import { pngOf, toDataUrl } from '../shared/images.ts';
import { takeScreenshot } from './accessible.ts';
import { describeWindow, type Env } from './harness.ts';
import { waitUntil } from './user-actions.ts';

interface PaperCase {
  readonly currency: string;
  readonly language: string;
  readonly maxMinor: number;
}

/** The paper by itself, as a script that gives the page `paper`. */
async function bundlePaper(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { paperContent } from './ui/invoice/paper-content.ts';
        export { computeTotals } from './shared/invoice.ts'; import './ui/invoice/invoice-page.ts';`,
      resolveDir: join(import.meta.dirname, '../..'),
    },
    bundle: true, write: false, format: 'iife', globalName: 'paper', logLevel: 'error',
  });
  return `${outputFiles[0]?.text};window.paper = paper`;
}

/** A document of the window's origin without the window, so that nothing else defines the paper. */
async function openPaper(t: TestContext, env: Env): Promise<Page> {
  const page = await (await env.sharedDesktop()).openPage(t, { width: 900 });
  await page.goto(new URL('/tokens.css', page.url()).href);
  await page.evaluate(() => {
    const link = document.createElement('link');
    return new Promise((resolve, reject) => {
      Object.assign(link, { rel: 'stylesheet', href: '/tokens.css', onload: resolve, onerror: reject });
      document.head.append(link);
    });
  });
  await page.evaluate(await bundlePaper());
  await page.emulateMedia({ media: 'print' });
  return page;
}

/** In the page: lays out a long invoice with amounts up to the greatest, and says what is broken, runs out of its column or overlaps. */
async function layOut({ currency, language, maxMinor }: PaperCase): Promise<{ faults: string[]; sheets: number; amounts: number }> {
  const { paper } = window as unknown as {
    readonly paper: { paperContent(source: object): object; computeTotals(lines: readonly object[]): object };
  };
  const line = (unitPriceMinor: number, fields = {}): object => (
    { description: 'W'.repeat(1000), quantityMilli: 1000, unit: 'Stunden', unitPriceMinor, taxRateBp: 0, ...fields });
  const half = Math.floor(maxMinor / 2);
  const lines = [
    line(half, { priceQuantity: 1, description: 'Beratung' }), line(-half, { description: 'x' }), line(half), line(-half),
    line(0, { quantityMilli: maxMinor, unit: 'Donaudampfschifffahrtsgesellschaftskapitänsmützen' }),
    ...Array.from({ length: 20 }, (_, index) => line(index % 2 === 0 ? half : -half, { description: `Position ${index}` })),
    line(Math.floor(maxMinor * 0.8), { taxRateBp: 1900, priceQuantity: 1, description: 'Lizenz ABC-1234567890-2026' }),
  ];
  const element = document.createElement('invoify-invoice-page') as HTMLElement & { paper: object; laidOut(): Promise<void> };
  const party = { name: 'A', address: { country: 'DE' } };
  const totals = paper.computeTotals(lines) as { readonly totalMinor: number };
  element.paper = paper.paperContent({
    invoice: {
      kind: 'invoice', status: 'open', number: 'INV-2026-00001', issueDate: '2026-11-24', currency, lines, seller: party,
      buyer: { ...party, language }, paidMinor: 1, creditedMinor: 0, ...totals, totalMinor: totals.totalMinor,
      payments: [{ id: '1', amountMinor: 1, paidOn: '2026-11-25', method: 'Bank transfer', reference: 'R'.repeat(200) }],
    },
    company: null, customer: null, credited: null,
  });
  document.body.replaceChildren(element);
  await element.laidOut();
  const faults: string[] = [];
  const kept = [...element.shadowRoot?.querySelectorAll('.kept, dd') ?? []].filter((one) => /\d/.test(one.textContent ?? ''));
  for (const one of kept) {
    const range = document.createRange();
    range.selectNodeContents(one);
    const rows = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
    const box = range.getBoundingClientRect();
    const cell = (one.closest('td, th, dd, dt, div') ?? one).getBoundingClientRect();
    const sheet = (one.closest('.sheet') ?? one).getBoundingClientRect();
    const mm = sheet.width / 210;
    if (one.closest('.facts') === null && rows.size > 1) faults.push(`broken: ${one.textContent}`);
    if (box.left < cell.left - 0.5 || box.right > cell.right + 0.5) faults.push(`out of its column: ${one.textContent}`);
    if (box.right > sheet.right - 20 * mm + 0.5 || box.left < sheet.left + 25 * mm - 0.5) faults.push(`in the margin: ${one.textContent}`);
  }
  const sheets = [...element.shadowRoot?.querySelectorAll('.sheet') ?? []];
  for (const [index, sheet] of sheets.entries()) {
    const footer = sheet.querySelector('footer')?.getBoundingClientRect().top ?? 0;
    const parts = [...sheet.querySelectorAll('.parts > *, .parts tr')].map((part) => part.getBoundingClientRect().bottom);
    if (parts.some((bottom) => bottom > footer)) faults.push(`page ${index + 1} runs into its footer`);
    for (const row of sheet.querySelectorAll('.carried')) {
      if (row.getBoundingClientRect().height > 12 * 96 / 25.4) faults.push(`page ${index + 1} carries over several rows`);
    }
  }
  return { faults: faults.slice(0, 5), sheets: sheets.length, amounts: kept.length };
}

/** In the page: lays out an invoice in German with these lines, and with fields of the company's. */
async function showPaper({ lines, fields = {} }: { readonly lines: readonly object[]; readonly fields?: object }): Promise<void> {
  const { paper } = window as unknown as {
    readonly paper: { paperContent(source: object): object; computeTotals(lines: readonly object[]): object };
  };
  const element = document.createElement('invoify-invoice-page') as HTMLElement & { paper: object; laidOut(): Promise<void> };
  element.paper = paper.paperContent({
    invoice: {
      kind: 'invoice', status: 'open', number: 'INV-2026-00001', issueDate: '2026-11-24', dueDate: '2026-12-08', currency: 'EUR', lines,
      customerName: 'Kiefernhof Möbel KG', paidMinor: 0, creditedMinor: 0, payments: [], ...paper.computeTotals(lines),
    },
    company: { name: 'Blaufeder Werkzeuge GmbH', address: { city: 'Hamburg', country: 'DE' }, iban: 'DE89370400440532013000', ...fields },
    customer: { name: 'Kiefernhof Möbel KG', language: 'de', address: { city: 'Freiburg', country: 'DE' } },
    credited: null,
  });
  document.body.replaceChildren(element);
  await element.laidOut();
}

/** The words in the table's columns of quantities and prices that go over several rows. */
function brokenWords(page: Page): Promise<readonly string[]> {
  return page.locator('invoify-invoice-page').evaluate((paper) => {
    const cells = [...paper.shadowRoot?.querySelectorAll('td:is(.quantity, .price)') ?? []];
    return cells.flatMap((cell) => {
      const broken: string[] = [];
      const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
        for (const { 0: word, index } of (text.textContent ?? '').matchAll(/\S+/g)) {
          const range = document.createRange();
          range.setStart(text, index);
          range.setEnd(text, index + word.length);
          if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) broken.push(word);
        }
      }
      return broken;
    });
  });
}

/** The image or the text in the letterhead. */
function letterhead(page: Page): Promise<string> {
  return page.locator('invoify-invoice-page').evaluate((paper) => {
    const head = paper.shadowRoot?.querySelector('.letterhead');
    const image = head?.querySelector('img');
    return image ? `image of ${image.naturalWidth} pixels` : head?.textContent ?? '';
  });
}

/** On each sheet, the rows of the company's own text that can be seen, and what of the sheet is covered by its foot. */
function seenText(page: Page): Promise<readonly { readonly rows: readonly string[]; readonly covered: number }[]> {
  return page.locator('invoify-invoice-page').evaluate((paper) => [...paper.shadowRoot?.querySelectorAll('.sheet') ?? []].map((sheet) => {
    const rows: string[] = [];
    const texts = document.createTreeWalker(sheet, NodeFilter.SHOW_TEXT);
    const foot = sheet.querySelector('footer')?.getBoundingClientRect() ?? new DOMRect();
    for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
      const box = (text.parentElement ?? sheet).closest('.imprint, .parts > *')?.getBoundingClientRect() ?? new DOMRect();
      for (const { 0: row, index } of (text.textContent ?? '').matchAll(/Absatz-\d+/g)) {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + row.length);
        const { top, bottom, left, right } = range.getBoundingClientRect();
        const isInside = top >= box.top - 1 && bottom <= box.bottom + 1 && left >= box.left - 1 && right <= box.right + 1;
        if (isInside && bottom <= sheet.getBoundingClientRect().bottom) rows.push(row);
      }
    }
    const parts = [...sheet.querySelectorAll('.parts > *, .parts tr')].map((part) => part.getBoundingClientRect().bottom);
    return { rows, covered: parts.filter((bottom) => bottom > foot.top).length };
  }));
}

describeWindow('the paper by itself', { invoices: 20, customers: 5 }, (env) => {
  test('breaks no amount, however large, in any currency, and nothing runs out of its column or into the footer', async (t) => {
    const page = await openPaper(t, env());
    const cases: readonly PaperCase[] = ['EUR', 'KWD', 'HUF', 'IDR', 'CHF', 'JPY'].flatMap((currency) =>
      ['en', currency === 'CHF' ? 'de-CH' : 'de'].flatMap((language) =>
        (currency === 'KWD' ? [1_234_567_890, Number.MAX_SAFE_INTEGER] : [Number.MAX_SAFE_INTEGER])
          .map((maxMinor) => ({ currency, language, maxMinor }))));
    for (const one of cases) {
      const { faults, sheets, amounts } = await page.evaluate(layOut, one);
      assert.deepEqual(faults, [], JSON.stringify(one));
      assert(sheets >= 3 && amounts > 100, `${sheets} pages, ${amounts} amounts: ${JSON.stringify(one)}`);
      if (one.currency === 'KWD' && one.language === 'de') await takeScreenshot(page, `paper-${one.maxMinor}`);
    }
  });

  test('breaks a quantity before its unit, never within a unit for which there is room', async (t) => {
    const page = await openPaper(t, env());
    const units = [
      [12_500, 'Arbeitsstunden'], [3_000, 'Personentage'], [250_000, 'Packungen', 100], [1_250_000, 'Kilowattstunden'], [5_163, 'pauschal'],
      [1_000_000_000, 'Quadratmeter'], [2_000, 'Rollen à 25 Laufmeter'], [1_000, 'Arzneimittelpackungen', 1000], [7_500, 'h'],
    ] as const;
    for (const [unitPriceMinor, shown] of [[9500, units], [1_234_567_890, units.filter(([, unit]) => unit.length < 20)]] as const) {
      const lines = shown.map(([quantityMilli, unit, priceQuantity = 1]) => (
        { description: 'Nach Aufwand, wie besprochen', quantityMilli, unit, unitPriceMinor, priceQuantity, taxRateBp: 1900 }));
      await page.evaluate(showPaper, { lines });
      await takeScreenshot(page, `paper-units-${unitPriceMinor}`);
      assert.deepEqual(await brokenWords(page), [], String(unitPriceMinor));
    }
  });

  test('has all of the company\'s text, at the foot of every page, or at the end if it is too long for that', async (t) => {
    const page = await openPaper(t, env());
    // Of the last one all rows together have no room on a page with a foot.
    const lines = ['Beratung', 'Montage', 'W'.repeat(1000)].flatMap((description) => Array.from({ length: 14 }, () => (
      { description, quantityMilli: 1000, unit: 'Arbeitsstunden', unitPriceMinor: 1_234_567_890_123, taxRateBp: 1900 })));
    const textOf = (count: number, each: string): string =>
      Array.from({ length: count }, (_, index) => `Absatz-${index + 1}: ${each}`).join('\n').slice(0, 2000);
    const cases = [[12, 'Sitz Hamburg', 'foot'], [28, 'Sitz Hamburg', 'columns'], [40, 'Geschäftsführer und Sitz der Firma', 'end'],
      [120, 'x', 'end'], [15, 'W'.repeat(120), 'end'], [1, 'Es gelten unsere Geschäftsbedingungen. '.repeat(60), 'foot']] as const;
    for (const [count, each, where] of cases) {
      const footer = textOf(count, each);
      await page.evaluate(showPaper, { lines, fields: { footer } });
      await takeScreenshot(page, `paper-foot-${count}`);
      const sheets = await seenText(page);
      assert(sheets.length >= 2 && sheets.every(({ covered }) => covered === 0), JSON.stringify(sheets));
      const all = [...footer.matchAll(/Absatz-\d+/g)].map(String);
      const seen = where !== 'end' ? sheets.map(({ rows }) => rows) : [sheets.flatMap(({ rows }) => rows)];
      assert.equal(await page.locator('.imprint.columned').count() > 0, where === 'columns', `${count} lines`);
      for (const rows of seen) assert.deepEqual(rows, all, `${count} × ${each}`);
    }
  });

  test('has the seller\'s name in place of a logo that cannot be read, also where it is only shown', async (t) => {
    const page = await openPaper(t, env());
    const lines = [{ description: 'Beratung', quantityMilli: 1000, unitPriceMinor: 9500, taxRateBp: 1900 }];
    const logo = toDataUrl('png', pngOf(30, 20));
    const broken = toDataUrl('png', Buffer.concat([pngOf(30, 20).subarray(0, 33), Buffer.from('garbage')]));
    await page.evaluate(showPaper, { lines, fields: { logo } });
    assert.equal(await letterhead(page), 'image of 30 pixels');
    await page.evaluate(showPaper, { lines, fields: { logo: broken } });
    await takeScreenshot(page, 'paper-broken-logo');
    assert.equal(await letterhead(page), 'Blaufeder Werkzeuge GmbH');

    const show = (value: string): Promise<void> => page.locator('invoify-invoice-page').evaluate((element, wanted) => {
      const shown = element as unknown as { paper: object };
      shown.paper = { ...shown.paper, logo: wanted };
    }, value);
    await show(logo);
    await waitUntil(page, 'the logo', async () => await letterhead(page) === 'image of 30 pixels');
    await show(broken);
    await waitUntil(page, 'the name', async () => await letterhead(page) === 'Blaufeder Werkzeuge GmbH');
  });
});
