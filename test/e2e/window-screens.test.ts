// Every screen with content, and everything that opens on top: accessible in both themes and in forced colours, without
// overflow at three widths, in both languages.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import type { Page } from 'playwright-core';

import { assertAccessible, assertAccessibleInForcedColours, takeScreenshot } from './accessible.ts';
import { describeWindow, type PageOptions, type Env } from './harness.ts';
import { filterByStatus, runAction } from './user-actions.ts';

const rows = '.sheet .row:not([hidden]):not(.waiting)';

interface State {
  readonly name: string;
  /** Navigates there from any earlier state. */
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

/** Every screen. */
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
      await page.locator('invoify-settings invoify-computers li').first().waitFor();
    },
  },
  {
    name: 'company',
    async reach(page) {
      await openScreen(page, 'company');
      await page.locator('invoify-company-preview .sheet:not(.galley)').waitFor();
    },
  },
  {
    name: 'report',
    async reach(page) {
      await openScreen(page, 'report');
      await page.locator('invoify-report td').first().waitFor();
    },
  },
  {
    name: 'computers',
    async reach(page) {
      await openScreen(page, 'computers');
      await page.locator('invoify-computers :is(li, td)').first().waitFor();
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

/** Opens the first invoice with a status. */
async function openInvoice(page: Page, status: Parameters<typeof filterByStatus>[1]): Promise<void> {
  await closeAll(page);
  await openScreen(page, 'invoices');
  await (await filterByStatus(page, status)).first().click();
  await page.locator('invoify-detail').getByRole('button', { name: 'Edit' }).waitFor();
}

async function closeAll(page: Page): Promise<void> {
  for (let layer = 0; layer < 3; layer += 1) {
    await page.keyboard.press('Escape');
    const discard = page.locator('invoify-question').getByRole('button', { name: 'Discard' });
    if (await discard.isVisible()) await discard.click();
  }
}

/** Everything that opens on top of a screen. */
const opened: readonly State[] = [
  {
    name: 'invoice-edit-with-errors',
    async reach(page) {
      await openInvoice(page, 'draft');
      await runAction(page, 'Edit');
      const form = page.locator('invoify-sheet');
      await form.getByLabel('Description, line 1').fill('');
      await form.getByLabel('Unit price, line 1').fill('a lot');
      await form.getByRole('button', { name: 'Save' }).first().click();
      await form.locator('[aria-invalid=true]').first().waitFor();
    },
  },
  {
    name: 'customer-picker',
    async reach(page) {
      await closeAll(page);
      await page.keyboard.press('Control+n');
      await page.locator('invoify-sheet').getByRole('combobox', { name: 'Customer' }).click();
      await page.locator('invoify-sheet').getByRole('option').filter({ visible: true }).first().waitFor();
    },
  },
  {
    name: 'issue-confirmation',
    async reach(page) {
      await openInvoice(page, 'draft');
      await runAction(page, 'Issue');
      await page.locator('invoify-confirm-dialog').getByRole('heading').waitFor();
    },
  },
  {
    name: 'payment-form',
    async reach(page) {
      await openInvoice(page, 'open');
      await runAction(page, 'Record payment');
      await page.locator('invoify-payment-dialog').getByRole('heading').waitFor();
    },
  },
  {
    name: 'more-actions',
    async reach(page) {
      await openInvoice(page, 'paid');
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.locator('#menu:popover-open').waitFor();
    },
  },
  {
    name: 'issued-filter',
    async reach(page) {
      await closeAll(page);
      await page.getByRole('button', { name: /^Invoice date/ }).first().click();
      await page.locator(':popover-open').first().waitFor();
    },
  },
  {
    name: 'password-refused',
    async reach(page) {
      await closeAll(page);
      await openScreen(page, 'settings');
      await page.getByLabel('New password', { exact: true }).fill('short');
      await page.getByRole('button', { name: 'Change password' }).click();
      await page.locator('invoify-password-form [aria-invalid=true]').nth(2).waitFor();
    },
  },
  {
    name: 'end-session',
    async reach(page) {
      await openScreen(page, 'computers');
      await page.getByRole('button', { name: 'End session: ' }).first().click();
      await page.locator('invoify-question').getByRole('heading').waitFor();
    },
  },
  {
    name: 'sync-popover',
    async reach(page) {
      await closeAll(page);
      await page.locator('invoify-status-bar .state').click();
      await page.locator('invoify-sync-popover').getByRole('button', { name: 'Copy report' }).waitFor();
    },
  },
];

/** Asserts that a German window shows neither text keys nor the texts of the English one. */
async function assertTranslated(page: Page, name: string): Promise<void> {
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
  assert.deepEqual(keys, [], `${name} shows text keys instead of texts`);
  assert.equal(await page.getByText(/^(?:Refresh|New invoice|Settings|Sync health|Save|Cancel)$/).count(), 0, name);
}

async function open(t: TestContext, env: Env, options: PageOptions): Promise<Page> {
  return (await env.sharedDesktop()).openPage(t, options);
}

describeWindow('every screen', { invoices: 300, customers: 40 }, (env) => {
  test('is accessible in both themes and in forced colours, with everything that opens on top of it', async (t) => {
    const page = await open(t, env(), { width: 1440, height: 600, hasReducedMotion: true });
    await env().colleague();
    for (const { name, reach } of states) {
      await reach(page);
      await assertAccessible(page, name);
      await assertAccessibleInForcedColours(page, name);
    }
    for (const { name, reach } of opened) {
      await reach(page);
      await assertAccessible(page, name);
    }
  });

  test('is accessible before sign-in, also with an invalid field', async (t) => {
    const page = await (await env().openDesktop(t)).openPage(t, { hasReducedMotion: true });
    const button = page.getByRole('button', { name: 'Sign in' });
    await button.waitFor();
    await assertAccessible(page, 'sign-in');
    await page.getByLabel('Server address').fill('http://invoices.example.com');
    await page.getByLabel('E-mail').fill(env().owner.email);
    await page.getByLabel('Password').fill('wrong');
    await button.click();
    await page.getByText(/must begin with https/).first().waitFor();
    await assertAccessible(page, 'sign-in-refused');
  });

  for (const lang of ['en-GB', 'de-DE']) {
    test(`fits windows of any width, in ${lang}${lang === 'de-DE' ? ', with every text translated' : ''}`, async (t) => {
      const page = await open(t, env(), { lang, hasReducedMotion: true });
      await page.locator(`html[lang=${lang.slice(0, 2)}]`).waitFor();
      // The narrowest first, since that is where a state is hardest to reach.
      for (const { name, reach } of states) {
        await page.setViewportSize({ width: 640, height: 480 });
        await reach(page);
        for (const width of [640, 1024, 1440]) {
          await page.setViewportSize({ width, height: 480 });
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.equal(overflow, 0, `${name} is wider than the window`);
          await takeScreenshot(page, `${name}-${width}-${lang}`);
        }
        if (lang === 'de-DE') await assertTranslated(page, name);
      }
    });
  }
});
