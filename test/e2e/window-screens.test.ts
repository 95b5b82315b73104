// Every screen with content in it: no violation of WCAG 2.2 A or AA that axe-core finds, light and dark; nothing wider than
// the window at three widths; both languages. Pictures of each go to screenshots/, for people to look at.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import axe from 'axe-core';
import type { Page } from 'playwright-core';

import { describeWindow, signIn, type PageOptions, type Scene } from './harness.ts';

const folder = join(import.meta.dirname, '..', '..', 'screenshots');
mkdirSync(folder, { recursive: true });

const rows = '.sheet .row:not([hidden]):not(.waiting)';

interface State {
  readonly name: string;
  /** Leads there from any state before it. */
  readonly reach: (page: Page) => Promise<unknown>;
}

const openScreen = async (page: Page, screen: string): Promise<void> => {
  await page.keyboard.press('Escape');
  await page.locator(`[data-screen=${screen}]`).click();
};
const openFirst = async (page: Page, screen: string): Promise<void> => {
  await openScreen(page, screen);
  await page.locator(rows).first().click();
  await page.locator('invoify-detail h2').waitFor();
};

/** Every screen, in the order in which a person might go through them. */
const states: readonly State[] = [
  { name: 'invoices', reach: (page) => page.locator(rows).first().waitFor() },
  ...['invoices', 'customers', 'plans', 'users'].map((screen) => ({
    name: `${screen}-detail`,
    reach: (page: Page) => openFirst(page, screen),
  })),
  {
    name: 'invoices-search-without-match',
    async reach(page) {
      await openScreen(page, 'invoices');
      await page.getByRole('searchbox').fill('zzzz nobody');
      await page.locator('invoify-list-empty').waitFor();
    },
  },
  {
    name: 'settings',
    async reach(page) {
      await page.getByRole('searchbox').fill('');
      await openScreen(page, 'settings');
      await page.locator('invoify-settings h1, invoify-settings h2').first().waitFor();
    },
  },
  {
    name: 'health',
    async reach(page) {
      await openScreen(page, 'health');
      await page.locator('invoify-health td').first().waitFor();
    },
  },
  ...['invoices', 'customers', 'plans', 'users'].map((screen) => ({
    name: `${screen}-new`,
    async reach(page: Page) {
      await openScreen(page, screen);
      await page.keyboard.press('Control+n');
      await page.locator('invoify-detail form, invoify-detail input').first().waitFor();
    },
  })),
];

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe: inPage } = window as unknown as { axe: typeof axe };
    const { violations: all } = await inPage.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
    });
    return all.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`);
  });
  return found;
}

async function open(t: TestContext, scene: Scene, options: PageOptions): Promise<Page> {
  const page = await (await scene.openDesktop(t)).openPage(t, options);
  await signIn(page, scene);
  return page;
}

describeWindow('every screen', { invoices: 20_000, customers: 1500 }, (scene) => {
  for (const isDark of [false, true]) {
    test(`has no violation that axe-core finds, ${isDark ? 'dark' : 'light'}`, async (t) => {
      const page = await open(t, scene(), { width: 1440, height: 900, isDark, hasReducedMotion: true });
      for (const { name, reach } of states) {
        await reach(page);
        await page.screenshot({ path: join(folder, `${name}-${isDark ? 'dark' : 'light'}.png`) });
        assert.deepEqual(await violations(page), [], name);
      }
    });
  }

  test('has none before anyone signed in either', async (t) => {
    for (const isDark of [false, true]) {
      const page = await (await scene().openDesktop(t)).openPage(t, { isDark, hasReducedMotion: true });
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await page.screenshot({ path: join(folder, `sign-in-${isDark ? 'dark' : 'light'}.png`) });
      assert.deepEqual(await violations(page), []);
    }
  });

  for (const width of [1440, 1024, 640]) {
    test(`fits a window ${width} wide, in English and in German`, async (t) => {
      for (const lang of ['en-GB', 'de-DE']) {
        const page = await open(t, scene(), { width, lang, hasReducedMotion: true });
        assert.equal(await page.evaluate(() => document.documentElement.lang), lang.slice(0, 2));
        for (const { name, reach } of states) {
          await reach(page);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.equal(overflow, 0, `${name} is wider than the window`);
          await page.screenshot({ path: join(folder, `${name}-${width}-${lang}.png`) });
        }
      }
    });
  }

  test('prints an invoice that looks like one, and nothing else of the window', async (t) => {
    const page = await open(t, scene(), { width: 1440, height: 1100 });
    await page.getByRole('searchbox').fill('INV-');
    await page.locator(rows).first().filter({ hasText: 'INV-' }).click();
    const heading = page.locator('invoify-detail h2', { hasText: 'INV-' });
    await heading.waitFor();
    const number = (await heading.textContent())?.match(/INV-\d{4}-\d+/)?.[0] ?? '';
    // The sheet stays where it is for as long as it is looked at here.
    await page.evaluate(() => {
      window.print = () => {
        const sheet = document.querySelector('invoify-invoice-page');
        if (sheet) sheet.remove = () => undefined;
      };
    });
    await page.keyboard.press('Control+p');
    const sheet = page.locator('invoify-invoice-page');
    await sheet.waitFor({ state: 'attached' });
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('invoify-app').isVisible(), false);
    const text = await sheet.evaluate((element) => element.shadowRoot?.textContent ?? '');
    for (const part of [number, 'Invoice number', 'Date of issue', 'Payable by', 'Bill to', 'Subtotal', 'Total']) {
      assert(text.includes(part), part);
    }
    assert.match(text, /Paid in full|Please pay .* quoting INV-|Void/);
    await page.screenshot({ path: join(folder, 'invoice-printed.png') });
    const pdf = await page.pdf({ format: 'A4', path: join(folder, 'invoice-printed.pdf') });
    assert.equal(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length, 1, 'it fits one sheet');
  });

  test('leaves no text in another language than its own', async (t) => {
    const page = await open(t, scene(), { width: 1440, lang: 'de-DE' });
    for (const { name, reach } of states) {
      await reach(page);
      const keys = await page.evaluate(() => {
        const texts: string[] = [];
        const walk = (root: Node): void => {
          for (const node of root.childNodes) {
            if (node.nodeType === Node.TEXT_NODE) texts.push(node.textContent ?? '');
            else if (node instanceof Element) walk(node.shadowRoot ?? node);
          }
        };
        walk(document.body);
        return texts.map((text) => text.trim()).filter((text) => /^[a-z]+\.[a-zA-Z.]+$/.test(text));
      });
      assert.deepEqual(keys, [], `${name} shows the name of a text in place of the text`);
      assert.equal(await page.getByText(/^(?:Refresh|New invoice|Settings|Sync health|Save|Cancel)$/).count(), 0, name);
    }
  });
});
