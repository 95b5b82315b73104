// Asserts that axe-core finds no violation of WCAG 2.2 A or AA in the window, in both themes. Saves a screenshot of each
// state to screenshots/, which Git ignores, for manual review.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import axe from 'axe-core';
import type { Page } from 'playwright-core';

export const screenshotFolder = join(import.meta.dirname, '..', '..', 'screenshots');
const levels = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Saves a screenshot of the window with animations finished. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshotFolder, { recursive: true });
  await page.screenshot({ path: join(screenshotFolder, `${name}.png`), animations: 'disabled' });
}

/**
 * Checks the current state in the dark theme and then the light one, which stays active; the theme setting must be the
 * system's. `isForced` skips the contrast rule: in forced colours axe-core would check the colours that were replaced.
 */
export async function assertAccessible(page: Page, name: string, { isForced = false } = {}): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await takeScreenshot(page, `${name}-${colorScheme}`);
    assert.deepEqual(await violations(page, isForced), [], `${name}, ${colorScheme}`);
  }
}

async function violations(page: Page, isForced: boolean): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async ([runOnly, enabled]) => {
    const { axe: inPage } = window as unknown as { axe: typeof axe };
    const { violations: all } = await inPage.run(document, { runOnly: [...runOnly], rules: { 'color-contrast': { enabled } } });
    return all.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`);
  }, [levels, !isForced] as const);
}
