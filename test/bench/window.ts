// The window with a large account, in a real Chromium on the preview: scrolling, opening a list and searching. Times are
// taken in the page, from the event to the frame after the one that drew the result.

import type { Locator, Page } from 'playwright-core';

import { closeCache, isBuilt, openCacheReadOnly, readState } from '../../desktop/cache/cache.ts';
import { startEnv, signIn, type CleanupScope } from '../e2e/harness.ts';
import { median, percentile } from './figures.ts';

export interface WindowFigures {
  readonly scrolls: readonly Scroll[];
  readonly paintMs: Spread;
  readonly searchMs: Spread;
}

export interface Scroll {
  readonly pxPerSecond: number;
  readonly framesPerSecond: number;
  /** Share of the frames more than 20 ms after the previous one. */
  readonly lateShare: number;
  /** Share of the frames in which a visible row had not loaded yet. */
  readonly waitingShare: number;
}

export interface Spread {
  readonly median: number;
  readonly largest: number;
}

const speeds = [1500, 12_000, 72_000] as const;
const SCROLL_MS = 3000;
const PAINTS = 12;
const searches = ['2024', 'consult', 'INV', 'meyer', 'plan', 'a', 'gmbh', 'support', '0042', 'licen'] as const;

/** Opens a window on a company with this many invoices and measures it. Throws if there is no Chromium. */
export async function measureWindow(invoices: number): Promise<WindowFigures> {
  const endings: (() => void | Promise<void>)[] = [];
  const scope: CleanupScope = { after: (run) => void endings.push(run) };
  const env = await startEnv({ invoices, customers: Math.max(20, Math.round(invoices / 50)) });
  try {
    const desktop = await env.openDesktop(scope);
    const page = await desktop.openPage(scope);
    await signIn(page, env);
    const grid = page.locator('invoify-list-table .grid');
    await page.locator('invoify-list-table .row[data-index="0"]:not(.waiting)').waitFor();
    // Measures an ordinary day's window: after the first sync, with the lists' indexes built and the rows verified.
    while (!isSettled(desktop.cacheFile)) await page.waitForTimeout(100);
    const scrolls: Scroll[] = [];
    for (const speed of speeds) scrolls.push(await measureScroll(grid, speed));
    return { scrolls, paintMs: await measurePaint(page), searchMs: await measureSearch(page) };
  } finally {
    for (const end of endings) await end();
    await env.close();
  }
}

function isSettled(cacheFile: string): boolean {
  const cache = openCacheReadOnly(cacheFile);
  try {
    const { generation, lastVerifiedMs } = readState(cache.reader);
    return lastVerifiedMs !== null && isBuilt(cache.reader, generation);
  } finally {
    closeCache(cache);
  }
}

async function measureScroll(grid: Locator, pxPerSecond: number): Promise<Scroll> {
  const { intervalsMs, waiting } = await grid.evaluate((element, { speed, forMs }) =>
    new Promise<{ intervalsMs: number[]; waiting: number }>((resolve) => {
      const intervals: number[] = [];
      let [start, before, waitingFrames] = [NaN, NaN, 0];
      const step = (nowMs: number): void => {
        if (Number.isNaN(start)) start = nowMs;
        else intervals.push(nowMs - before);
        before = nowMs;
        waitingFrames += Number(element.querySelector('.row.waiting:not([hidden])') !== null);
        element.scrollTop = (nowMs - start) / 1000 * speed;
        if (nowMs - start < forMs) requestAnimationFrame(step);
        else resolve({ intervalsMs: intervals, waiting: waitingFrames });
      };
      element.scrollTop = 0;
      requestAnimationFrame(step);
    }), { speed: pxPerSecond, forMs: SCROLL_MS });
  const frames = intervalsMs.length;
  return {
    pxPerSecond,
    framesPerSecond: frames * 1000 / intervalsMs.reduce((sum, ms) => sum + ms, 0),
    lateShare: intervalsMs.filter((ms) => ms > 20).length / frames,
    waitingShare: waiting / (frames + 1),
  };
}

/** From the click on the invoices in the sidebar until their rows are shown, coming from another list. */
async function measurePaint(page: Page): Promise<Spread> {
  const times: number[] = [];
  for (let turn = 0; turn < PAINTS; turn += 1) {
    await untilAnotherList(page, "[data-screen='customers']", null);
    times.push(await untilAnotherList(page, "[data-screen='invoices']", null));
  }
  return spreadOf(times);
}

/** From the key that completes a word until its results are shown. */
async function measureSearch(page: Page): Promise<Spread> {
  const times: number[] = [];
  for (const word of searches) {
    times.push(await untilAnotherList(page, 'input[type=search]', word));
    await untilAnotherList(page, 'input[type=search]', '');
  }
  return spreadOf(times);
}

/** Clicks or types, and returns the time until another list is shown, told by its name or count. */
async function untilAnotherList(page: Page, selector: string, typed: string | null): Promise<number> {
  const target = await page.locator(selector).first().elementHandle();
  return page.evaluate(([element, text]) => new Promise<number>((resolve, reject) => {
    // Queried again each time: another list is another element.
    const find = (root: ParentNode, name: string): Element | null => {
      const found = root.querySelector(name);
      if (found) return found;
      for (const { shadowRoot } of root.querySelectorAll('*')) {
        const inside = shadowRoot && find(shadowRoot, name);
        if (inside) return inside;
      }
      return null;
    };
    const labelOf = (): string => find(document, '.grid')?.getAttribute('aria-label') ?? '';
    const stands = (): boolean => {
      const grid = find(document, '.grid');
      const isEmpty = grid?.getAttribute('aria-rowcount') === '1';
      return isEmpty || grid?.querySelector('.sheet .row:not([hidden]):not(.waiting)') != null;
    };
    const before = labelOf();
    const startMs = performance.now();
    if (text === null) {
      (element as HTMLElement).click();
    } else {
      (element as HTMLInputElement).value = text;
      element.dispatchEvent(new Event('input', { bubbles: true }));
    }
    const look = (): void => {
      if (performance.now() - startMs > 20_000) reject(new Error(`the list is still "${before}"`));
      else if (labelOf() !== before && stands()) requestAnimationFrame(() => resolve(performance.now() - startMs));
      else requestAnimationFrame(look);
    };
    look();
  }), [target as unknown as HTMLElement, typed] as const);
}

function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), largest: percentile(values, 1) };
}
