// What a user does in the English window, through accessible roles and names. Selectors for elements are used only where a
// test covers all elements of a kind.

import assert from 'node:assert/strict';

import type { Locator, Page } from 'playwright-core';

import { localDay } from '../../shared/days.ts';

/** The day (YYYY-MM-DD) that it is now for who uses the window. */
export const today = (): string => localDay(Date.now());

/** Opens a screen from the sidebar. */
export async function goTo(page: Page, screen: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: screen, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: screen }).waitFor({ state: 'attached' });
}

/** The rendered rows of the list that have loaded. By attributes, since computing the roles of everything takes ten times as long. */
export function rows(page: Page): Locator {
  return page.locator('[role=grid] .sheet [role=row]:not([hidden], .waiting)');
}

/** Of an open invoice, whatever is due or paid of it. */
const statusTexts = { draft: 'Draft', open: 'Open|Partly paid|Overdue', paid: 'Paid|Credited', void: 'Void' } as const;

/** Filters the invoices, and returns the rows that show this status, once no row of another one is left. */
export async function filterByStatus(page: Page, status: keyof typeof statusTexts): Promise<Locator> {
  await page.getByRole('combobox', { name: 'Status' }).selectOption(status);
  const withText = (texts: readonly string[]): Locator =>
    rows(page).filter({ has: page.getByText(new RegExp(`^(${texts.join('|')})$`)) });
  const others = Object.values(statusTexts).filter((text) => text !== statusTexts[status]);
  const wanted = withText([statusTexts[status]]);
  await waitUntil(page, `the list shows only invoices that are ${status}`, async () =>
    await wanted.count() > 0 && await withText(others).count() === 0);
  return wanted;
}

/** Searches the current list. */
export async function search(page: Page, text: string): Promise<void> {
  await page.getByRole('searchbox').fill(text);
}

/** The detail pane beside the list. */
export function detail(page: Page): Locator {
  return page.getByRole('complementary', { name: 'Details' });
}

/** Searches a list for `text` and opens the first record. */
export async function openRecord(page: Page, screen: string, text: string): Promise<void> {
  await goTo(page, screen);
  await search(page, text);
  await waitUntil(page, `${screen} lists only ${text}`, async () => await rows(page).filter({ hasNotText: text }).count() === 0
    && await rows(page).count() > 0);
  await rows(page).first().click();
  await detail(page).getByRole('heading', { level: 2 }).waitFor();
}

/** A form or dialog by its heading. Its content is slotted, and so not a descendant of its <dialog> in the document. */
export function sheet(page: Page, heading: string | RegExp): Locator {
  return page.locator('invoify-sheet').filter({ has: page.getByRole('heading', { name: heading }) });
}

/** Runs an action of the open record, from the bar or its menu. */
export async function runAction(page: Page, name: string): Promise<void> {
  const button = detail(page).getByRole('button', { name, exact: true }).or(detail(page).getByRole('menuitem', { name, exact: true }));
  if (!await button.isVisible()) await detail(page).getByRole('button', { name: 'More actions' }).click();
  await button.click();
}

/** Fills in text fields of a form by label. */
export async function fill(form: Locator, values: Readonly<Record<string, string>>): Promise<void> {
  for (const [label, value] of Object.entries(values)) await field(form, label).fill(value);
}

export function field(form: Locator, label: string): Locator {
  return form.getByRole('textbox', { name: label, exact: true })
    .or(form.locator('input[type=password], input[type=date]').and(form.getByLabel(new RegExp(`^${label}`))));
}

export async function press(form: Locator, name: string): Promise<void> {
  await form.getByRole('button', { name, exact: true }).click();
}

/** Presses a button of a form and waits until the form has closed. */
export async function pressAndClose(form: Locator, name: string): Promise<void> {
  await press(form, name);
  await form.waitFor({ state: 'detached' });
}

/** Waits until `condition` holds, checking after a frame, then less and less often. `what` names it in the failure. */
export async function waitUntil(page: Page, what: string, condition: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  for (let pauseMs = 0; !await condition(); pauseMs = Math.min(pauseMs + 10, 100)) {
    assert(Date.now() < endMs, `not within ${timeoutMs} ms: ${what}`);
    await page.evaluate((ms) => new Promise((resolve) => { setTimeout(() => requestAnimationFrame(resolve), ms); }), pauseMs);
  }
}
