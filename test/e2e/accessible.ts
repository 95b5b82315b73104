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

type Theme = 'dark' | 'light' | 'forced';

/** The looks of the rows and components that have passed, by theme. */
const passed: Readonly<Record<Theme, Set<string>>> = { dark: new Set(), light: new Set(), forced: new Set() };

/**
 * Checks the current state by every rule in the light theme, which stays active, and by the rules about colours in the dark
 * one; the theme setting must be the system's. A component or row is checked once for each look that it has in a theme: most
 * of what a state shows has been checked in another one.
 */
export async function assertAccessible(page: Page, name: string): Promise<void> {
  await assertNoViolations(page, name, 'dark', { type: 'rule', values: colourRules });
  await assertNoViolations(page, name, 'light', { type: 'tag', values: levels });
}

/** In forced colours, by every rule but those about colours: axe-core would check the ones that were replaced. */
export async function assertAccessibleInForcedColours(page: Page, name: string): Promise<void> {
  await assertNoViolations(page, name, 'forced', { type: 'tag', values: levels }, ['color-contrast']);
  await page.emulateMedia({ forcedColors: 'none' });
}

async function assertNoViolations(
  page: Page, name: string, theme: Theme, runOnly: axe.RunOnly, disabled: readonly string[] = [],
): Promise<void> {
  // Without motion, so that no colour is measured halfway to another.
  await page.emulateMedia({
    colorScheme: theme === 'dark' ? 'dark' : 'light', forcedColors: theme === 'forced' ? 'active' : 'none', reducedMotion: 'reduce',
  });
  await takeScreenshot(page, `${name}-${theme}`);
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(axe.source);
  const rules = Object.fromEntries(disabled.map((rule) => [rule, { enabled: false }]));
  const { violations, looks } = await page.evaluate(async ([known, options]) => {
    const { axe: inPage } = window as unknown as { axe: typeof axe };
    const childrenOf = (element: Element): readonly Element[] => [...element.shadowRoot?.children ?? [], ...element.children];
    /** Markup, size, colours, and where pointer and focus are. Lit marks its places with comments, differently in every page. */
    const textsOf = (element: Element): string => {
      const read = texts.get(element);
      if (read !== undefined) return read;
      const text = [
        element.shadowRoot?.innerHTML, element.matches(':hover'), element.matches(':focus'), ...childrenOf(element).map(textsOf),
      ].join(' ');
      texts.set(element, text);
      return text;
    };
    const texts = new Map<Element, string>();
    const lookOf = async (part: Element): Promise<string> => {
      const { width, height } = part.getBoundingClientRect();
      const isRow = part.role === 'row';
      const colours = [part, part.parentElement ?? part].map((one) => getComputedStyle(one))
        .flatMap(({ color, backgroundColor }) => [color, backgroundColor]);
      const look = [part.outerHTML, ...isRow ? [] : [width, height], ...colours, textsOf(part)].join(' ').replaceAll(/<!--.*?-->/g, '');
      // Rows that differ only in their words, and in the tooltips of the long ones, look the same.
      const looks = isRow
        ? look.replaceAll(/ title="[^"]*"/g, '').replaceAll(/(?<=>)\s*[^\s<][^<]*(?=<)/g, 'text').replaceAll(/\d+/g, '0') : look;
      const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(looks));
      return Array.from(new Uint8Array(digest), (byte) => byte.toString(16)).join(' ');
    };
    const [exclude, looksToCheck]: [Node[], string[]] = [[], []];
    const visit = async (element: Element): Promise<void> => {
      if (element.localName.includes('-') || element.role === 'row') {
        const look = await lookOf(element);
        if (known.includes(look) || looksToCheck.includes(look)) return void exclude.push(element);
        looksToCheck.push(look);
      }
      for (const child of childrenOf(element)) await visit(child);
    };
    await visit(document.body);
    // The document itself is checked by every rule in the light theme.
    if (looksToCheck.length === 0 && options.runOnly.type === 'rule') return { violations: [], looks: [] };
    const results = await inPage.run({ include: [document], exclude }, { ...options, resultTypes: ['violations'] });
    return {
      violations: results.violations.map(({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`),
      looks: looksToCheck,
    };
  }, [[...passed[theme]], { runOnly, rules }] as const);
  assert.deepEqual(violations, [], `${name}, ${theme}`);
  for (const look of looks) passed[theme].add(look);
}
