// One desktop in a test: a data folder, a preview running on it, and pages that use the preview.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Browser, Page } from 'playwright-core';

import { startPreview, type Preview } from '../../desktop/preview/preview.ts';
import type { Outcome, WindowCalls } from '../../shared/window/ipc.ts';
import type { Status } from '../../shared/window/views.ts';
import { assertQuiet, newPage, openPage, watch, type CleanupScope, type PageOptions } from './page.ts';

export interface DesktopOptions {
  /** A new one by default. */
  readonly dataFolder?: string;
  /** Serve a page that has only `window.electron`, without the window's code. */
  readonly isBare?: boolean;
}

export type WindowOptions = Pick<PageOptions, 'width' | 'height' | 'allowedMessages'>;

export interface Desktop {
  readonly dataFolder: string;
  /** The cache's database file. */
  readonly cacheFile: string;
  /** Its log entries, oldest first. */
  readonly log: readonly { readonly event: string; readonly facts: Readonly<Record<string, unknown>> }[];
  /** The running preview; fails if it is stopped. */
  preview(): Preview;
  /** Signs in without a page and resolves once the cache is up to date. From then on a new page opens with its list. */
  signIn(server: string, email: string, password: string): Promise<void>;
  /** Pulls; false if that failed. */
  pull(): Promise<boolean>;
  /** Opens a page of its own, until the test ends. */
  openPage(t: CleanupScope, options?: PageOptions): Promise<Page>;
  /**
   * The window of a signed-in desktop, in English and without motion: one page for all tests, in which each gets a new window
   * with its list. It costs a fifth of `openPage`. What a test does to the page itself, like replacing its functions, stays.
   */
  openWindow(t: CleanupScope, options?: WindowOptions): Promise<Page>;
  /** Stops the preview while its pages stay open. Does nothing if it is stopped. */
  stop(): Promise<void>;
  /** Restarts on the same folder. The user is signed out, since a preview keeps its token in memory. */
  start(): Promise<void>;
}

const firstRow = '.sheet .row:not([hidden]):not(.waiting) >> nth=0';

interface Host {
  readonly browser: Browser;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The parent of new data folders. */
  readonly folder: string;
}

export async function startDesktop(t: CleanupScope, { browser, files, folder }: Host, options: DesktopOptions = {}): Promise<Desktop> {
  const dataFolder = options.dataFolder ?? newFolder(join(folder, 'desktops'));
  const log: { event: string; facts: Readonly<Record<string, unknown>> }[] = [];
  const served = options.isBare === true ? new Map([...files, ['window.js', Buffer.of()]]) : files;
  /** The origins of all previews so far: each start gets a new port. */
  const origins = new Set<string>();
  const start = async (): Promise<Preview> => {
    const started = await startPreview({ files: served, dataFolder, version: '0.1.0' }, {
      log: (event, facts = {}) => void log.push({ event, facts }),
      nowMs: Date.now,
    });
    origins.add(started.origin);
    return started;
  };
  const pages: Page[] = [];
  let kept: { readonly page: Page; readonly problems: Set<string> } | null = null;
  let isSignedIn = false;
  let preview: Preview | null = await start();
  const desktop: Desktop = {
    dataFolder,
    cacheFile: join(dataFolder, 'database', 'invoify.sqlite'),
    log,
    preview() {
      assert(preview, 'the preview is running');
      return preview;
    },
    async signIn(server, email, password) {
      const { desk } = desktop.preview();
      const synced = Promise.withResolvers<void>();
      const stop = desk.onStatus((status) => {
        if ((JSON.parse(status) as Status).state === 'up_to_date') synced.resolve();
      });
      const outcome = JSON.parse(await desk.answer('auth.signIn', JSON.stringify({ server, email, password }))) as Outcome<unknown>;
      assert(outcome.ok, `signing in failed: ${JSON.stringify(outcome)}`);
      await synced.promise;
      stop();
      isSignedIn = true;
    },
    async pull() {
      const answer = await desktop.preview().desk.answer('sync.pullFromServer', '');
      const pulled = JSON.parse(answer) as Outcome<WindowCalls['sync.pullFromServer']['answer']>;
      return pulled.ok && pulled.value.outcome === 'completed';
    },
    async openPage(scope, pageOptions = {}) {
      const page = await openPage(scope, browser, origins, pageOptions);
      pages.push(page);
      await page.goto(desktop.preview().newLink());
      if (isSignedIn && options.isBare !== true) await page.locator(firstRow).waitFor();
      return page;
    },
    async openWindow(scope, { width = 1440, height = 720, allowedMessages = [] } = {}) {
      if (!kept || kept.page.isClosed()) {
        const page = await newPage(browser);
        kept = { page, problems: watch(page, origins) };
        pages.push(page);
        await page.goto(desktop.preview().newLink());
      }
      const { page, problems } = kept;
      await page.unrouteAll();
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ media: null, colorScheme: 'light', forcedColors: 'none', reducedMotion: 'reduce' });
      await page.mouse.move(0, 0);
      await page.evaluate(() => {
        history.replaceState(null, '', '/');
        document.body.replaceChildren(document.createElement('invoify-app'));
      });
      await page.locator(firstRow).waitFor();
      problems.clear();
      scope.after(() => assertQuiet(problems, { allowedMessages }));
      return page;
    },
    async stop() {
      const stopping = preview;
      preview = null;
      isSignedIn = false;
      await stopping?.close();
    },
    async start() {
      preview ??= await start();
    },
  };
  t.after(async () => {
    // Pages first: one that outlived its preview would log errors. The folder last: a running preview writes to it.
    for (const page of pages) await page.close();
    await desktop.stop();
    if (options.dataFolder === undefined) rmSync(dataFolder, { recursive: true, force: true });
  });
  return desktop;
}

function newFolder(inside: string): string {
  mkdirSync(inside, { recursive: true });
  return mkdtempSync(join(inside, 'invoify-desktop-'));
}
