// Asserts that axe-core finds no violation of WCAG 2.2 A or AA in the window, in both themes. With SCREENSHOTS=1 the tests
// also save a screenshot of each state to screenshots/, which Git ignores, for manual review.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import axe from 'axe-core';
import type { Page } from 'playwright-core';

export const screenshotFolder = join(import.meta.dirname, '..', '..', 'screenshots');
const levels = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Saves a screenshot of the window with animations finished, if SCREENSHOTS=1 asks for them. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  if (process.env['SCREENSHOTS'] !== '1') return;
  mkdirSync(screenshotFolder, { recursive: true });
  await page.screenshot({ path: join(screenshotFolder, `${name}.png`), animations: 'disabled' });
}

/** The rules whose outcome depends on colours; the others see the same document in every theme. */
const colourRules = ['color-contrast', 'link-in-text-block'];

/**
 * Checks the current state by every rule in the light theme, which stays active, and by the rules about colours in the dark
 * one; the theme setting must be the system's. `isForced` leaves those rules out: in forced colours axe-core would check the
 * colours that were replaced.
 */
export async function assertAccessible(page: Page, name: string, { isForced = false } = {}): Promise<void> {
  if (!isForced) await assertNoViolations(page, name, 'dark', { type: 'rule', values: colourRules });
  await assertNoViolations(page, name, 'light', { type: 'tag', values: levels }, isForced ? ['color-contrast'] : []);
}

async function assertNoViolations(
  page: Page, name: string, colorScheme: 'dark' | 'light', runOnly: axe.RunOnly, disabled: readonly string[] = [],
): Promise<void> {
  // Without motion, so that no colour is measured halfway to another.
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await takeScreenshot(page, `${name}-${colorScheme}`);
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(axe.source);
  const violations = await page.evaluate(async ([only, off]) => {
    const { axe: inPage } = window as unknown as { axe: typeof axe };
    const rules = Object.fromEntries(off.map((rule) => [rule, { enabled: false }]));
    const { violations: all } = await inPage.run(document, { runOnly: only, rules });
    return all.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`);
  }, [runOnly, disabled] as const);
  assert.deepEqual(violations, [], `${name}, ${colorScheme}`);
}
