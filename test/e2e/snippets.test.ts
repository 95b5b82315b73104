// Code that was specified against `window.electron.sync` (snippets.md) runs in the preview unchanged, with React itself.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { build } from 'esbuild';
import type { Page } from 'playwright-core';

import { describeWindow, waitForState, windowApi } from './harness.ts';

/** The code block below a heading, verbatim. */
function snippet(heading: string): string {
  const text = readFileSync(join(import.meta.dirname, 'snippets.md'), 'utf8');
  return new RegExp(`^## ${heading}\n\n\`\`\`\\w+\n(.*?)\`\`\``, 'ms').exec(text)?.[1] ?? assert.fail(`no code below ${heading}`);
}

/** Runs a snippet in the page as a module, with more code appended. */
async function run(page: Page, code: string, appended: string): Promise<void> {
  const { outputFiles } = await build({
    stdin: { contents: `${code}\n${appended}`, loader: 'jsx', resolveDir: import.meta.dirname },
    bundle: true, write: false, format: 'iife', jsx: 'automatic',
  });
  await page.evaluate(outputFiles[0]?.text ?? '');
}

/** Mounts a component of a snippet above the window. */
async function show(page: Page, code: string, name: string): Promise<void> {
  // One snippet omits its import.
  const hooks = code.includes("from 'react'") ? '' : "import { useEffect, useState } from 'react';";
  await run(page, code, `${hooks}
    import { createRoot } from 'react-dom/client';
    const place = document.createElement('div');
    place.id = '${name}';
    document.body.prepend(place);
    createRoot(place).render(<${name} />);`);
}

describeWindow('the snippets', { invoices: 20 }, (env) => {
  test('of the four functions return what they document', async (t) => {
    const page = await env().openWindow(t);
    const { token } = await env().colleague();
    const { status, online } = await page.evaluate<{ status: Record<string, unknown>; online: unknown }>(
      `(async (token) => { ${snippet('The four functions')} return { status, online }; })(${JSON.stringify(token)})`,
    );
    assert.deepEqual([status['initialized'], status['isOnline'], online], [true, true, true]);
    const { timestamp } = status['lastSync'] as { timestamp: string };
    assert.equal(new Date(timestamp).toISOString(), timestamp);
    await waitForState(page, 'up_to_date');
  });

  test('of the sync status show the connection and the last sync, and pull', async (t) => {
    const page = await env().openWindow(t);
    await show(page, snippet('Sync status'), 'SyncStatus');
    const shown = page.locator('#SyncStatus');
    await shown.getByText('● Online').waitFor();
    assert.match(await shown.innerText(), /Last synced: .*\d{4}/);
    const lastSync = async (): Promise<string | undefined> => (await windowApi(page).sync.getStatus()).lastSync?.timestamp;
    const before = await lastSync();
    const isHeld = env().gate.holdAfter(0);
    await shown.getByRole('button', { name: 'Refresh' }).click();
    await shown.getByText('Syncing...').waitFor();
    assert(await shown.getByRole('button').isDisabled());
    await isHeld;
    env().gate.release();
    await shown.getByRole('button', { name: 'Refresh' }).waitFor();
    assert.notEqual(await lastSync(), before);
  });

  test('of the sync status and the button are disabled while the server is down', async (t) => {
    const page = await (await env().openSynced(t, env().owner, { isBare: true })).openPage(t);
    await show(page, snippet('A button that needs the server'), 'CreateInvoiceButton');
    const create = page.locator('#CreateInvoiceButton').getByRole('button', { name: 'Create Invoice' });
    await create.waitFor();
    assert(await create.isEnabled());
    await env().stopServer();
    await waitForState(page, 'offline', 'unreachable');
    await page.reload();
    await show(page, snippet('A button that needs the server'), 'CreateInvoiceButton');
    await page.locator('#CreateInvoiceButton button[disabled][title="Internet connection required"]').waitFor();
    await show(page, snippet('Sync status'), 'SyncStatus');
    await page.locator('#SyncStatus').getByText('● Offline').waitFor();
    assert(await page.locator('#SyncStatus').getByRole('button').isDisabled());
  });

  test('of the login hand over the token, and the sync starts automatically', async (t) => {
    // So that the desktop knows the server from an earlier session.
    const page = await (await env().openSynced(t, env().owner, { isBare: true })).openPage(t);
    await windowApi(page).auth.signOut();
    // The snippet expects the server's routes on the page's own origin.
    await page.route('**/api/auth/login', async (route) =>
      route.fulfill({ response: await route.fetch({ url: `${env().url}/api/auth/login` }) }));
    const { owner: { email }, password } = env();
    await run(page, snippet('Signing in'), `handleLogin(${JSON.stringify(email)}, ${JSON.stringify(password)});`);
    assert.equal((await waitForState(page, 'up_to_date')).user?.email, email);
    assert.deepEqual(await windowApi(page).data.counts(), { ok: true, value: env().stage.company.counts });
  });
});
