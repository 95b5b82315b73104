// What a person does in the English window, by the roles and names that a screen reader reads: these tests know of the
// elements behind them only where something is said of all elements there are.

import assert from 'node:assert/strict';

import type { Locator, Page } from 'playwright-core';

/** Goes to a screen by the sidebar. */
export async function goTo(page: Page, screen: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: screen, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: screen }).waitFor({ state: 'attached' });
}

/** The rows of the list that are drawn and have their record. */
export function rows(page: Page): Locator {
  return page.getByRole('grid').locator('.sheet').getByRole('row').and(page.locator(':not(.waiting)'));
}

/** Searches the list that is shown. */
export async function search(page: Page, text: string): Promise<void> {
  await page.getByRole('searchbox').fill(text);
}

/** The record beside the list. */
export function detail(page: Page): Locator {
  return page.getByRole('complementary', { name: 'Details' });
}

/** Opens the first record of a list in which a search for `text` finds it. */
export async function openRecord(page: Page, screen: string, text: string): Promise<void> {
  await goTo(page, screen);
  await search(page, text);
  await untilTrue(page, `${screen} lists only ${text}`, async () => await rows(page).filter({ hasNotText: text }).count() === 0
    && await rows(page).count() > 0);
  await rows(page).first().click();
  await detail(page).getByRole('heading', { level: 2 }).waitFor();
}

/** A form or question by its heading. What it holds is slotted, so that it is not below its dialog in the document. */
export function sheet(page: Page, heading: string | RegExp): Locator {
  return page.locator('invoify-sheet').filter({ has: page.getByRole('heading', { name: heading }) });
}

/** An action of the record that is shown, also where it stands in the menu. */
export async function act(page: Page, name: string): Promise<void> {
  const button = detail(page).getByRole('button', { name, exact: true });
  if (!await button.isVisible()) await detail(page).getByRole('button', { name: 'More actions' }).click();
  await button.click();
}

/** Fills the text fields of a form, by the beginnings of their labels. */
export async function fill(form: Locator, values: Readonly<Record<string, string>>): Promise<void> {
  for (const [label, value] of Object.entries(values)) await field(form, label).fill(value);
}

export function field(form: Locator, label: string): Locator {
  return form.getByRole('textbox', { name: new RegExp(`^${label}(?: \\(optional\\))?$`) })
    .or(form.locator('input[type=password], input[type=date]').and(form.getByLabel(new RegExp(`^${label}`))));
}

export async function press(form: Locator, name: string): Promise<void> {
  await form.getByRole('button', { name, exact: true }).click();
}

/** Presses a button of a form and waits until the form is gone: what it asked for was done. */
export async function finish(form: Locator, name: string): Promise<void> {
  await press(form, name);
  await form.waitFor({ state: 'detached' });
}

/** Waits until this is so of the page; `condition` is asked again after every drawing. */
export async function untilTrue(page: Page, what: string, condition: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!await condition()) {
    assert(Date.now() < endMs, `not within ${timeoutMs} ms: ${what}`);
    await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(resolve); }));
  }
}
