// What holds of the window in every state, light and dark: no violation of WCAG 2.2 A or AA that axe-core finds. A picture
// of each goes to screenshots/, which Git ignores, for people to look at.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import axe from 'axe-core';
import type { Page } from 'playwright-core';

export const pictureFolder = join(import.meta.dirname, '..', '..', 'screenshots');
const levels = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Takes a picture of the window as it is, once what moves has come to rest. */
export async function takePicture(page: Page, name: string): Promise<void> {
  mkdirSync(pictureFolder, { recursive: true });
  await page.screenshot({ path: join(pictureFolder, `${name}.png`), animations: 'disabled' });
}

/**
 * Looks at the window as it is now, in both themes; leaves it light. Its theme must be the system's. In forced colours the
 * contrast is the system's own, and axe-core would judge the colours that they replace.
 */
export async function assertAccessible(page: Page, name: string, { isForced = false } = {}): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await takePicture(page, `${name}-${colorScheme}`);
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
