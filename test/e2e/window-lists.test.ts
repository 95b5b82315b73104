// Lists of a company with 20,000 invoices: in order by every column, narrowed by search, filters and the summary's cells,
// with the sums of what is listed, checked against the rows themselves; and left in place when a sync completes.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import type { Locator, Page } from 'playwright-core';

import type { ListRow, ListSelection } from '../../shared/window/views.ts';
import { describeWindow, signIn, windowApi, type Scene } from './harness.ts';
import { act, detail, field, goTo, rows, search, sheet, untilTrue } from './person.ts';

/** What stands for a declared value in a list, where it is not its own name. */
const meanings: Readonly<Record<string, string>> = {
  Overdue: 'sent', Monthly: 'month', Yearly: 'year', 'Not offered': '0', Offered: '1', Enabled: '0', Disabled: '1', '–': '',
};
const dated = ['Issued', 'Due'];
const counted = ['Total', 'Balance', 'Price'];
const pageRows = 500;

/** A cell as a value that can be compared as the list compares: empty first, letters whatever their case. */
function valueOf(column: string, text: string): number | string {
  const value = meanings[text] ?? text;
  if (value === '') return counted.includes(column) || dated.includes(column) ? -Infinity : '';
  // A British day, the first number first.
  if (dated.includes(column)) return Number(value.split('/').toReversed().join(''));
  if (counted.includes(column)) return Number(value.replaceAll(/[^\d-]/g, ''));
  return value.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function header(page: Page, column: string): Locator {
  return page.getByRole('columnheader').filter({ has: page.getByRole('button', { name: column, exact: true }) });
}

/** The values of a column in the rows that are drawn, from the top. */
async function columnNow(page: Page, column: string): Promise<readonly (number | string)[]> {
  const position = await header(page, column).getAttribute('aria-colindex');
  const texts = await rows(page).evaluateAll((drawn, at) => drawn
    .filter((row) => !row.hasAttribute('hidden'))
    .map((row) => ({
      index: Number(row.getAttribute('aria-rowindex')),
      text: row.querySelector(`[aria-colindex="${at}"]`)?.textContent?.trim() ?? '',
    }))
    .sort((a, b) => a.index - b.index)
    .map(({ text }) => text), position);
  return texts.map((text) => valueOf(column, text));
}

function isInOrder(values: readonly (number | string)[], isDescending: boolean): boolean {
  return values.every((value, index) => {
    const before = values[index - 1];
    return before === undefined || (isDescending ? before >= value : before <= value);
  });
}

async function countNow(page: Page): Promise<number> {
  return Number(await page.getByRole('grid').getAttribute('aria-rowcount')) - 1;
}

/** Every row of a selection, read page by page. */
async function readRows(page: Page, selection: ListSelection): Promise<readonly ListRow[]> {
  const read: ListRow[] = [];
  for (;;) {
    const outcome = await windowApi(page).data.listPage({ ...selection, offset: read.length, limit: pageRows });
    assert(outcome.ok);
    read.push(...outcome.value.rows);
    if (read.length >= outcome.value.total) return read;
  }
}

function formatMoney(amountMinor: number, currency: string): string {
  return new Intl.NumberFormat('en-GB', { style: 'currency', currency }).format(amountMinor / 100);
}

/** The sums below the list say what these rows come to, per currency. */
async function assertTotals(page: Page, listed: readonly ListRow[]): Promise<void> {
  await untilTrue(page, `${listed.length} rows are listed`, async () => await countNow(page) === listed.length);
  const sums = new Map<string, { total: number; open: number }>();
  for (const { columns } of listed) {
    const sum = sums.get(String(columns['currency'])) ?? { total: 0, open: 0 };
    sums.set(String(columns['currency']), {
      total: sum.total + Number(columns['totalMinor']), open: sum.open + Number(columns['openMinor'] ?? 0),
    });
  }
  const bar = page.getByRole('group', { name: 'Totals of what is listed' });
  const wanted = [...sums].flatMap(([currency, { total, open }]) => [formatMoney(total, currency), formatMoney(open, currency)]);
  let shown = '';
  await untilTrue(page, `${wanted.join(' ')} are shown`, async () => {
    shown = await page.locator('invoify-list-totals').evaluate((element) => element.shadowRoot?.textContent ?? '');
    return wanted.every((text) => shown.includes(text));
  }).catch((error: unknown) => { throw new Error(`the sums are: ${shown}`, { cause: error }); });
  assert.equal(await bar.getByRole('button', { name: /^All \d+ currencies$/ }).count(), sums.size > 1 ? 1 : 0);
}

async function open(t: TestContext, scene: Scene): Promise<Page> {
  const page = await (await scene.openDesktop(t)).openPage(t, { width: 1600, height: 900 });
  await signIn(page, scene);
  await rows(page).first().waitFor();
  return page;
}

const filterBy = (page: Page, name: string, option: string): Promise<unknown> =>
  page.getByRole('combobox', { name, exact: true }).selectOption(option);

describeWindow('a long list', { invoices: 20_000, customers: 1000 }, (scene) => {
  test('is put in order by each of its columns, both ways, from the first row to the last', async (t) => {
    const page = await open(t, scene());
    const columns = {
      Invoices: ['Number', 'Customer', 'Issued', 'Due', 'Status', 'Total', 'Balance'],
      Customers: ['Name', 'Contact', 'E-mail', 'Currency'],
      Plans: ['Name', 'Price', 'Currency', 'Billed', 'Offered'],
      Users: ['Name', 'E-mail', 'Role', 'Sign-in'],
    };
    for (const [screen, names] of Object.entries(columns)) {
      await goTo(page, screen);
      await untilTrue(page, `${screen} is there`, async () => await countNow(page) > 0);
      assert.deepEqual(await page.getByRole('columnheader').getByRole('button').allInnerTexts(), names);
      const last = await countNow(page) + 1;
      for (const column of names) {
        const ends: (number | string | undefined)[][] = [];
        for (let turn = 0; turn < 2; turn += 1) {
          await header(page, column).getByRole('button').click();
          const isDescending = await header(page, column).getAttribute('aria-sort') === 'descending';
          const way = `${screen} by ${column}, ${isDescending ? 'descending' : 'ascending'}`;
          await untilTrue(page, way, async () => await page.getByRole('grid').evaluate((grid) => grid.scrollTop) === 0
            && isInOrder(await columnNow(page, column), isDescending));
          const [first] = await columnNow(page, column);
          await page.getByRole('grid').press('End');
          await rows(page).and(page.locator(`[aria-rowindex="${last}"]`)).waitFor();
          await untilTrue(page, `${way}, at its end`, async () => isInOrder(await columnNow(page, column), isDescending));
          const bottom = (await columnNow(page, column)).at(-1);
          ends.push(isDescending ? [bottom, first] : [first, bottom]);
        }
        assert.deepEqual(ends[0], ends[1], `${screen} by ${column} has the same ends both ways`);
      }
    }
  });

  test('follows what is typed, and never shows an older answer over a newer one', async (t) => {
    const page = await open(t, scene());
    let release = (): void => {};
    const isReleased = new Promise<void>((resolve) => { release = resolve; });
    let answered = (): void => {};
    const isAnswered = new Promise<void>((resolve) => { answered = resolve; });
    await page.route('**/call/data.listPage', async (route) => {
      const isOld = (route.request().postData() ?? '').includes('"bell"');
      if (isOld) await isReleased;
      await route.continue();
      if (isOld) answered();
    });
    const box = page.getByRole('searchbox', { name: 'Search Invoices' });
    await box.fill('bell');
    await box.pressSequentially('amy');
    const isAll = async (): Promise<boolean> => await rows(page).count() > 0
      && await rows(page).filter({ hasNotText: /bellamy/i }).count() === 0;
    await untilTrue(page, 'the newer answer is shown', isAll);
    const count = await countNow(page);
    const response = page.waitForResponse((one) => (one.request().postData() ?? '').includes('"bell"'));
    release();
    await Promise.all([isAnswered, response]);
    await page.evaluate(async () => { for (let n = 0; n < 10; n += 1) await new Promise(requestAnimationFrame); });
    assert(await isAll());
    assert.equal(await countNow(page), count);
    await page.unroute('**/call/data.listPage');
    await assertTotals(page, await readRows(page, { collection: 'invoices', search: 'bellamy' }));
    await page.getByRole('button', { name: 'Clear search' }).click();
    await untilTrue(page, 'all are listed', async () => await countNow(page) === 20_000);
  });

  test('is narrowed by its filters, and sums what is left per currency', async (t) => {
    const page = await open(t, scene());
    const all = await readRows(page, { collection: 'invoices' });
    await assertTotals(page, all);
    const today = new Date().toISOString().slice(0, 10);
    const isOverdue = ({ columns }: ListRow): boolean => Number(columns['openMinor']) > 0 && String(columns['dueDate']) < today;
    for (const status of ['draft', 'sent', 'paid', 'void', 'overdue']) {
      await filterBy(page, 'Status', status);
      await assertTotals(page, all.filter((row) => (status === 'overdue' ? isOverdue(row) : row.columns['status'] === status)));
    }
    const main = page.getByRole('main');
    await filterBy(page, 'Status', 'paid');
    await filterBy(page, 'Currency', 'CHF');
    const paid = all.filter(({ columns }) => columns['status'] === 'paid' && columns['currency'] === 'CHF');
    await assertTotals(page, paid);
    const year = String(Number(today.slice(0, 4)) - 1);
    await main.getByRole('button', { name: 'Issued' }).first().click();
    await page.getByRole('button', { name: 'Last year' }).click();
    await assertTotals(page, paid.filter(({ columns }) => String(columns['issueDate']).startsWith(year)));
    await main.getByRole('button', { name: 'Last year' }).first().click();
    await page.getByLabel('To', { exact: true }).fill(`${year}-03-31`);
    await assertTotals(page, paid.filter(({ columns }) => {
      const issued = String(columns['issueDate']);
      return issued >= `${year}-01-01` && issued <= `${year}-03-31`;
    }));
    await page.keyboard.press('Escape');
    await search(page, 'nobody is called so');
    await page.getByRole('button', { name: 'Clear search and filters' }).click();
    await assertTotals(page, all);
  });

  test('is narrowed by each cell of its summary, which says what it leads to', async (t) => {
    const page = await open(t, scene());
    const summary = page.getByRole('group', { name: 'What is open' });
    for (const currency of ['EUR', 'GBP']) {
      await summary.getByRole('combobox', { name: 'Currency of the summary' }).selectOption(currency);
      for (const cell of ['Open', 'Overdue 1–30', '31–60 days', '61–90 days', 'Over 90 days']) {
        const button = summary.getByRole('button', { name: cell });
        await button.click();
        await untilTrue(page, `${cell} is chosen`, async () => await button.getAttribute('aria-pressed') === 'true');
        const text = await button.innerText();
        const [, amount = '', count = ''] = /\n(\S+)[^]*, ([\d,]+) invoices?$/.exec(text.trim()) ?? [];
        const isCounted = async (): Promise<boolean> => await countNow(page) === Number(count.replaceAll(',', ''));
        await untilTrue(page, `${currency} ${cell}: ${text}`, async () => await isCounted()
          && (await page.locator('invoify-list-totals .sum').allInnerTexts()).some((sum) => sum.includes(amount)));
      }
      const chosen = summary.getByRole('button', { pressed: true });
      await chosen.click();
      await untilTrue(page, 'the same again lifts it', async () => await countNow(page) === 20_000);
    }
  });

  test('keeps its place, its selection and a form that is open when a sync completes', async (t) => {
    const page = await open(t, scene());
    const grid = page.getByRole('grid');
    await filterBy(page, 'Status', 'sent');
    await untilTrue(page, 'only sent ones are listed', async () => await countNow(page) < 20_000);
    await grid.evaluate((element) => { element.scrollTop = 6400; });
    const row = rows(page).and(page.locator('[aria-rowindex="210"]'));
    await row.click();
    await detail(page).getByRole('heading', { level: 2 }).waitFor();
    const number = await row.getByRole('gridcell').first().innerText();
    await act(page, 'Edit');
    const form = sheet(page, /^Edit INV-/);
    await field(form, 'Notes').fill('typed while a sync came');
    const scrolled = await grid.evaluate((element) => element.scrollTop);
    const before = await windowApi(page).sync.getStatus();
    const colleague = await scene().colleague(scene().editor);
    await colleague.create('customers', { name: 'Of a colleague', currency: 'EUR' });
    await untilTrue(page, 'a sync completed', async () =>
      (await windowApi(page).sync.getStatus()).lastSync?.timestamp !== before.lastSync?.timestamp);
    await page.evaluate(async () => { for (let n = 0; n < 10; n += 1) await new Promise(requestAnimationFrame); });
    assert.equal(await grid.evaluate((element) => element.scrollTop), scrolled);
    assert.equal(await field(form, 'Notes').inputValue(), 'typed while a sync came');
    assert.equal(await page.locator('[role=row][aria-selected=true] [role=gridcell]').first().innerText(), number);
    await form.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Discard' }).click();
    await detail(page).getByRole('heading', { level: 2, name: number }).waitFor();
  });
});
