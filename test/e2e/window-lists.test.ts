// The lists of a company with 3,000 invoices: sorting by every column; search, filters and the summary's cells, with
// totals checked against the rows; and a stable position when a sync completes.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import type { Page } from 'playwright-core';

import type { ListRow, ListSelection } from '../../shared/window/views.ts';
import { describeWindow, windowApi, type Env } from './harness.ts';
import { detail, field, goTo, rows, runAction, search, sheet, today, waitUntil } from './user-actions.ts';

/** The stored value behind a displayed one, where they differ. */
const storedValues: Readonly<Record<string, string>> = {
  Open: 'open', Overdue: 'open', 'Partly paid': 'open', 'Credit note': 'paid',
  Monthly: 'month', Yearly: 'year', 'Not offered': '0', Offered: '1', Allowed: '0', Blocked: '1',
  '–': '',
};
const dated = ['Invoice date', 'Due', 'Oldest due'];
const counted = ['Total', 'Balance', 'Price', 'Open', 'Overdue'];
const named = ['Name', 'Customer', 'Contact'];
const pageRows = 500;

/** Sorts after every text. */
const lastText = '\uffff';

/** A cell as a value that sorts like the list: what is empty last in both directions; case-insensitive, names by their letters. */
function sortKeyOf(column: string, text: string, isDescending: boolean): number | string {
  const value = column === 'Open' && text === '–' ? '0' : storedValues[text] ?? text;
  if (value === '' && column === 'Overdue') return 0;
  if (value === '' && counted.includes(column)) return -Infinity;
  if (value === '') return dated.includes(column) ? (isDescending ? -Infinity : Infinity) : isDescending ? '' : lastText;
  if (named.includes(column)) return value.normalize('NFKD').replaceAll(/[\u0300-\u036f]/g, '').replaceAll('ß', 'ss').toLowerCase();
  // British date format: day first.
  if (dated.includes(column)) return Number(value.split('/').toReversed().join(''));
  if (counted.includes(column)) return Number(value.replaceAll(/[^\d-]/g, ''));
  return value.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** What the list draws, in one call: whether a column is sorted downwards, how far the list is scrolled, and that column's cells. */
function drawnOf(page: Page, column: number): Promise<{ isDescending: boolean; scrollTop: number; texts: readonly string[] }> {
  return page.locator('[role=grid]').evaluate((grid, position) => ({
    isDescending: grid.querySelector(`[role=columnheader][aria-colindex="${position}"]`)?.getAttribute('aria-sort') === 'descending',
    scrollTop: grid.scrollTop,
    texts: [...grid.querySelectorAll('.sheet [role=row]:not([hidden], .waiting)')]
      .map((row) => ({
        index: Number(row.getAttribute('aria-rowindex')),
        text: row.querySelector(`[aria-colindex="${position}"]`)?.textContent?.trim() ?? '',
      }))
      .sort((one, other) => one.index - other.index)
      .map(({ text }) => text),
  }), column);
}

function isInOrder(values: readonly (number | string)[], isDescending: boolean): boolean {
  return values.every((value, index) => {
    const before = values[index - 1];
    return before === undefined || (isDescending ? before >= value : before <= value);
  });
}

async function rowCount(page: Page): Promise<number> {
  return Number(await page.getByRole('grid').getAttribute('aria-rowcount')) - 1;
}

/** Reads every row of a selection page by page. */
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

/** Asserts that the list's totals per currency are those of the given rows: without drafts and void ones, unless all are. */
async function assertTotals(page: Page, listed: readonly ListRow[]): Promise<void> {
  await waitUntil(page, `${listed.length} rows are listed`, async () => await rowCount(page) === listed.length);
  const isUncounted = ({ columns }: ListRow): boolean => ['draft', 'void'].includes(String(columns['status']));
  const isOnlyUncounted = listed.every(isUncounted);
  const sums = new Map<string, { total: number; open: number }>();
  for (const row of listed) {
    const { columns } = row;
    const isCounted = isOnlyUncounted || !isUncounted(row);
    const sum = sums.get(String(columns['currency'])) ?? { total: 0, open: 0 };
    sums.set(String(columns['currency']), {
      total: sum.total + (isCounted ? Number(columns['totalMinor']) : 0), open: sum.open + Number(columns['openMinor'] ?? 0),
    });
  }
  const bar = page.getByRole('group', { name: 'Totals of this list' });
  const wanted = [...sums].flatMap(([currency, { total, open }]) => [formatMoney(total, currency), formatMoney(open, currency)]);
  let shown = '';
  await waitUntil(page, `${wanted.join(' ')} are shown`, async () => {
    shown = await page.locator('invoify-list-totals').evaluate((element) => element.shadowRoot?.textContent ?? '');
    return wanted.every((text) => shown.includes(text));
  }).catch((error: unknown) => { throw new Error(`the totals are: ${shown}`, { cause: error }); });
  assert.equal(await bar.getByRole('button', { name: /^All \d+ currencies$/ }).count(), sums.size > 1 ? 1 : 0);
}

function open(t: TestContext, env: Env, height = 540): Promise<Page> {
  return env.openWindow(t, { width: 1600, height });
}

const filterBy = (page: Page, name: string, option: string): Promise<unknown> =>
  page.getByRole('combobox', { name, exact: true }).selectOption(option);

describeWindow('a long list', { invoices: 3000, customers: 200 }, (env) => {
  test('sorts by each of its columns, in both directions, from the first row to the last', async (t) => {
    // A low window has fewer rows to draw and read, forty times.
    const page = await open(t, env(), 480);
    const columns = {
      Invoices: ['Number', 'Customer', 'Invoice date', 'Due', 'Status', 'Total', 'Balance'],
      Customers: ['Name', 'Number', 'Contact', 'E-mail', 'Currency', 'Open', 'Overdue', 'Oldest due'],
      Plans: ['Name', 'Price', 'Currency', 'Billed', 'Availability'],
      Users: ['Name', 'E-mail', 'Role', 'Sign-in'],
    };
    for (const [screen, names] of Object.entries(columns)) {
      await goTo(page, screen);
      await waitUntil(page, `${screen} has loaded`, async () => await rowCount(page) > 0);
      assert.deepEqual(await page.getByRole('columnheader').getByRole('button').allInnerTexts(), names);
      const last = await rowCount(page) + 1;
      const headers = page.locator('[role=columnheader]').filter({ has: page.locator('button') });
      for (const [index, column] of names.entries()) {
        const header = headers.nth(index);
        const position = Number(await header.getAttribute('aria-colindex'));
        const ends: (number | string | undefined)[][] = [];
        for (let turn = 0; turn < 2; turn += 1) {
          await header.locator('button').click();
          const { isDescending } = await drawnOf(page, position);
          const order = `${screen} by ${column}, ${isDescending ? 'descending' : 'ascending'}`;
          await page.locator('[role=grid]').focus();
          let values: readonly (number | string)[] = [];
          const readsInOrder = async (isAtTop: boolean): Promise<boolean> => {
            const { texts, scrollTop } = await drawnOf(page, position);
            values = texts.map((text) => sortKeyOf(column, text, isDescending));
            return (!isAtTop || scrollTop === 0) && isInOrder(values, isDescending);
          };
          await waitUntil(page, order, () => readsInOrder(true));
          const [first] = values;
          await page.keyboard.press('End');
          await rows(page).and(page.locator(`[aria-rowindex="${last}"]`)).waitFor();
          await waitUntil(page, `${order}, at its end`, () => readsInOrder(false));
          const bottom = values.at(-1);
          ends.push(isDescending ? [bottom, first] : [first, bottom]);
        }
        const hasEmpty = ends.flat().some((end) => end === Infinity || end === lastText);
        if (!hasEmpty) assert.deepEqual(ends[0], ends[1], `${screen} by ${column} has the same ends both ways`);
      }
    }
  });

  test('shows search results as the user types, and ignores stale responses', async (t) => {
    const page = await open(t, env());
    let release = (): void => {};
    const isReleased = new Promise<void>((resolve) => { release = resolve; });
    let answered = (): void => {};
    const isAnswered = new Promise<void>((resolve) => { answered = resolve; });
    await page.route('**/call/data.listPage', async (route) => {
      const isStale = (route.request().postData() ?? '').includes('"bell"');
      if (isStale) await isReleased;
      await route.continue();
      if (isStale) answered();
    });
    const box = page.getByRole('searchbox', { name: 'Search Invoices' });
    await box.fill('bell');
    await box.pressSequentially('amy');
    const isAll = async (): Promise<boolean> => await rows(page).count() > 0
      && await rows(page).filter({ hasNotText: /bellamy/i }).count() === 0;
    await waitUntil(page, 'the newer result is shown', isAll);
    const count = await rowCount(page);
    const response = page.waitForResponse((one) => (one.request().postData() ?? '').includes('"bell"'));
    release();
    await Promise.all([isAnswered, response]);
    await page.evaluate(async () => { for (let n = 0; n < 10; n += 1) await new Promise(requestAnimationFrame); });
    assert(await isAll());
    assert.equal(await rowCount(page), count);
    await assertTotals(page, await readRows(page, { collection: 'invoices', search: 'bellamy' }));
    await page.getByRole('button', { name: 'Clear search' }).click();
    await waitUntil(page, 'all are listed', async () => await rowCount(page) === 3000);
  });

  test('finds an amount as it is shown and the end of a number, opens the first hit, and closes what it does not list', async (t) => {
    const page = await open(t, env());
    const { rows: [first] } = await windowApi(page).data.listPage({ collection: 'invoices', filters: { status: 'open' }, limit: 1 })
      .then((outcome) => outcome.ok ? outcome.value : assert.fail());
    assert(first);
    const number = String(first.columns['number']);
    await search(page, new Intl.NumberFormat('en-GB', { minimumFractionDigits: 2 }).format(Number(first.columns['totalMinor']) / 100));
    await waitUntil(page, 'the amount is found', async () => await rowCount(page) < 20
      && await rows(page).filter({ hasText: number }).count() === 1);
    await search(page, number.slice(-4));
    await waitUntil(page, 'the end of the number is found', async () => await rowCount(page) < 20
      && await rows(page).filter({ hasText: number }).count() === 1);
    await search(page, number);
    await page.keyboard.press('Enter');
    await detail(page).getByRole('heading', { level: 2, name: number }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.localName), 'invoify-app');
    await page.keyboard.press('Control+f');
    await page.keyboard.type('nobody is called so');
    await detail(page).waitFor({ state: 'detached' });
    // The focus stays in the search.
    await page.keyboard.press('Escape');
    await waitUntil(page, 'all are listed', async () => await rowCount(page) === 3000);
  });

  test('applies its filters, with totals per currency', async (t) => {
    const page = await open(t, env());
    const all = await readRows(page, { collection: 'invoices' });
    await assertTotals(page, all);
    const statusOf = ({ columns }: ListRow): unknown => columns['kind'] === 'credit_note' ? 'credit_note' : columns['status'];
    const isOverdue = ({ columns }: ListRow): boolean => Number(columns['openMinor']) > 0 && String(columns['dueDate']) < today();
    for (const status of ['draft', 'open', 'paid', 'void', 'overdue', 'credit_note']) {
      await filterBy(page, 'Status', status);
      await assertTotals(page, all.filter((row) => (status === 'overdue' ? isOverdue(row) : statusOf(row) === status)));
    }
    const main = page.getByRole('main');
    await filterBy(page, 'Status', 'paid');
    await filterBy(page, 'Currency', 'CHF');
    const paid = all.filter((row) => statusOf(row) === 'paid' && row.columns['currency'] === 'CHF');
    await assertTotals(page, paid);
    const year = String(Number(today().slice(0, 4)) - 1);
    await main.getByRole('button', { name: 'Invoice date' }).first().click();
    await page.getByRole('button', { name: 'Last year' }).click();
    await assertTotals(page, paid.filter(({ columns }) => String(columns['issueDate']).startsWith(year)));
    await main.getByRole('button', { name: 'Last year' }).first().click();
    await page.getByLabel('Filter by').selectOption('Last payment');
    await assertTotals(page, paid.filter(({ columns }) => String(columns['lastPaidOn']).startsWith(year)));
    await page.getByLabel('Filter by').selectOption('Invoice date');
    // British day first, although Chromium's own language is American English.
    await page.getByLabel('To', { exact: true }).focus();
    await page.keyboard.type(`3103${year}`);
    await assertTotals(page, paid.filter(({ columns }) => {
      const issued = String(columns['issueDate']);
      return issued >= `${year}-01-01` && issued <= `${year}-03-31`;
    }));
    await page.getByLabel('From', { exact: true }).fill(`${year}-06-30`);
    await page.getByLabel('To', { exact: true }).focus();
    assert.equal(await page.getByLabel('From', { exact: true }).inputValue(), `${year}-06-30`, 'its end may follow');
    await page.getByLabel('Filter by').focus();
    await waitUntil(page, 'a range that ends before it begins is turned round', async () =>
      await page.getByLabel('From', { exact: true }).inputValue() === `${year}-03-31`
        && await page.getByLabel('To', { exact: true }).inputValue() === `${year}-06-30`);
    await page.keyboard.press('Escape');
    await search(page, 'nobody is called so');
    await page.getByRole('button', { name: 'Clear search and filters' }).click();
    await assertTotals(page, all);
  });

  test('filters by each cell of its summary, with the count and amount that the cell shows', async (t) => {
    const page = await open(t, env());
    const summary = page.getByRole('group', { name: 'Open invoices' });
    for (const currency of ['EUR', 'CHF']) {
      await page.getByRole('combobox', { name: 'Currency' }).selectOption(currency);
      for (const cell of ['Open', '1–30 days overdue', '31–60 days', '61–90 days', 'Over 90 days']) {
        const button = summary.getByRole('button', { name: cell });
        // A currency that is rarely used has no invoices of some ages.
        if (currency !== 'EUR' && /, 0 invoices$/.test((await button.innerText()).trim())) continue;
        await button.click();
        await waitUntil(page, `${cell} is chosen`, async () => await button.getAttribute('aria-pressed') === 'true');
        const text = await button.innerText();
        const [, amount = '', count = ''] = /\n(\S+)[^]*, ([\d,]+) invoices?$/.exec(text.trim()) ?? [];
        const isCounted = async (): Promise<boolean> => await rowCount(page) === Number(count.replaceAll(',', ''));
        await waitUntil(page, `${currency} ${cell}: ${text}`, async () => await isCounted()
          && (await page.locator('invoify-list-totals .sum').allInnerTexts()).some((sum) => sum.includes(amount)));
      }
      const chosen = summary.getByRole('button', { pressed: true });
      await chosen.click();
      await waitUntil(page, 'a second click clears the filter', async () => await rowCount(page) === 3000);
    }
  });

  test('keeps its scroll position, selection and open form when a sync completes', async (t) => {
    const page = await open(t, env());
    const grid = page.getByRole('grid');
    await filterBy(page, 'Status', 'open');
    await waitUntil(page, 'only open ones are listed', async () => await rowCount(page) < 3000);
    await grid.evaluate((element) => { element.scrollTop = 1600; });
    const row = rows(page).and(page.locator('[aria-rowindex="60"]'));
    await row.click();
    await detail(page).getByRole('heading', { level: 2 }).waitFor();
    const number = await row.getByRole('gridcell').first().innerText();
    await runAction(page, 'Edit');
    const form = sheet(page, /^Edit INV-/);
    await field(form, 'Internal note – never printed').fill('typed while a sync came');
    const scrolled = await grid.evaluate((element) => element.scrollTop);
    const before = await windowApi(page).sync.getStatus();
    const colleague = await env().colleague(env().editor);
    await colleague.create('customers', { name: 'Of a colleague', currency: 'EUR' });
    await waitUntil(page, 'a sync completed', async () =>
      (await windowApi(page).sync.getStatus()).lastSync?.timestamp !== before.lastSync?.timestamp);
    await page.evaluate(async () => { for (let n = 0; n < 10; n += 1) await new Promise(requestAnimationFrame); });
    assert.equal(await grid.evaluate((element) => element.scrollTop), scrolled);
    assert.equal(await field(form, 'Internal note – never printed').inputValue(), 'typed while a sync came');
    assert.equal(await page.locator('[role=row][aria-selected=true] [role=gridcell]').first().innerText(), number);
    await form.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Discard' }).click();
    await detail(page).getByRole('heading', { level: 2, name: number }).waitFor();
  });
});
