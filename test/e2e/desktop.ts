// One desktop of a test: a data folder, the preview on it, and the pages that look at it.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import type { Browser, BrowserContext, Page } from 'playwright-core';

import { startPreview, type Preview } from '../../desktop/preview/preview.ts';
import { temporaryFolder, type Ending } from './harness.ts';
import { openPage, type PageOptions } from './page.ts';

export interface DesktopOptions {
  /** A new one where absent. */
  readonly dataFolder?: string;
  /** Without the window in its page: `window.electron` alone. */
  readonly isBare?: boolean;
}

export interface Desktop {
  readonly dataFolder: string;
  /** The database file of the copy. */
  readonly copyFile: string;
  /** What it logged, newest last. */
  readonly log: readonly { readonly event: string; readonly facts: Readonly<Record<string, unknown>> }[];
  /** The one that runs. */
  preview(): Preview;
  /** A page in a browser profile of its own, or one more in the profile of another page. */
  openPage(t: Ending, options?: PageOptions & { readonly context?: BrowserContext }): Promise<Page>;
  /** Quits; pages stay open and see it. At once where it is stopped. */
  stop(): Promise<void>;
  /** Starts again on the same folder. Everyone is signed out: a preview keeps the token in memory. */
  start(): Promise<void>;
}

interface Around {
  readonly browser: Browser;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Where data folders are made. */
  readonly folder: string;
}

export async function startDesktop(t: Ending, { browser, files, folder }: Around, options: DesktopOptions = {}): Promise<Desktop> {
  const dataFolder = options.dataFolder ?? temporaryFolder(t, join(folder, 'desktops'));
  const log: { event: string; facts: Readonly<Record<string, unknown>> }[] = [];
  const served = options.isBare === true ? new Map([...files, ['window.js', Buffer.of()]]) : files;
  /** Of each preview there was: it gets another port each time. */
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
  let preview: Preview | null = await start();
  const desktop: Desktop = {
    dataFolder,
    copyFile: join(dataFolder, 'database', 'invoify.sqlite'),
    log,
    preview() {
      assert(preview, 'the preview runs');
      return preview;
    },
    async openPage(ending, { context, ...pageOptions } = {}) {
      const page = await openPage(ending, context ?? browser, origins, pageOptions);
      pages.push(page);
      await page.goto(context ? desktop.preview().origin : desktop.preview().newLink());
      return page;
    },
    async stop() {
      const stopping = preview;
      preview = null;
      await stopping?.close();
    },
    async start() {
      preview ??= await start();
    },
  };
  t.after(async () => {
    // Hooks run in the order they were made: a page that outlived its preview would complain.
    for (const page of pages) await page.close();
    await desktop.stop();
  });
  return desktop;
}
