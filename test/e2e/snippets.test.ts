// What was specified against `window.electron.sync` runs in the preview unchanged (snippets.md).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { build } from 'esbuild';
import type { Page } from 'playwright-core';

import { parseLoginAnswer } from '../../shared/protocol.ts';
import { describeWindow, signIn, untilState, windowApi, type Scene } from './harness.ts';

const react = join(import.meta.dirname, 'react-stand-in.ts');

/** The code below a heading, as it stands there. */
function snippet(heading: string): string {
  const text = readFileSync(join(import.meta.dirname, 'snippets.md'), 'utf8');
  return new RegExp(`^## ${heading}\n\n\`\`\`\\w+\n(.*?)\`\`\``, 'ms').exec(text)?.[1] ?? assert.fail(`there is no ${heading}`);
}

/** Runs a snippet in the page as the module it is, with what else the page needs behind it. */
async function run(page: Page, code: string, behind: string): Promise<void> {
  const { outputFiles } = await build({
    stdin: { contents: `${code}\n${behind}`, loader: 'jsx', resolveDir: import.meta.dirname },
    bundle: true, write: false, format: 'iife', jsx: 'automatic', alias: { react, 'react/jsx-runtime': react },
    // One snippet leaves its imports to the reader.
    inject: [react],
  });
  await page.evaluate(outputFiles[0]?.text ?? '');
}

/** Shows a component of a snippet beside the window. */
async function show(page: Page, code: string, name: string): Promise<void> {
  await run(page, code, `import { mount } from 'react';
    const place = document.createElement('div');
    place.id = 'snippet';
    document.body.prepend(place);
    mount(${name}, place);`);
}

async function newToken({ url, owner, password }: Scene): Promise<string> {
  const response = await fetch(`${url}/api/auth/login`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email: owner.email, password }),
  });
  return parseLoginAnswer(await response.json()).token;
}

describeWindow('the snippets', { invoices: 20 }, (scene) => {
  test('the four functions do what is said of them', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    await signIn(page, scene());
    const { status, online } = await page.evaluate<{ status: Record<string, unknown>; online: unknown }>(
      `(async (token) => { ${snippet('The four functions')} return { status, online }; })(${JSON.stringify(await newToken(scene()))})`,
    );
    assert.deepEqual([status['initialized'], status['isOnline'], online], [true, true, true]);
    const { timestamp } = status['lastSync'] as { timestamp: string };
    assert.equal(new Date(timestamp).toISOString(), timestamp);
    await untilState(page, 'up_to_date');
  });

  test('the sync status shows the server, the last sync, and pulls', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    await signIn(page, scene());
    await show(page, snippet('Sync status'), 'SyncStatus');
    const shown = page.locator('#snippet');
    await shown.getByText('● Online').waitFor();
    assert.match(await shown.innerText(), /Last synced: .*\d{4}/);
    const lastSync = async (): Promise<string | undefined> => (await windowApi(page).sync.getStatus()).lastSync?.timestamp;
    const before = await lastSync();
    const isHeld = scene().gate.holdAfter(0);
    await shown.getByRole('button', { name: 'Refresh' }).click();
    await shown.getByText('Syncing...').waitFor();
    assert(await shown.getByRole('button').isDisabled());
    await isHeld;
    scene().gate.release();
    await shown.getByRole('button', { name: 'Refresh' }).waitFor();
    assert.notEqual(await lastSync(), before);
  });

  test('the sync status and the button say so when there is no server', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    await signIn(page, scene());
    await show(page, snippet('A button that needs the server'), 'CreateInvoiceButton');
    const create = page.locator('#snippet').getByRole('button', { name: 'Create Invoice' });
    await create.waitFor();
    assert(await create.isEnabled());
    await scene().stopServer();
    await untilState(page, 'offline', 'unreachable');
    await page.reload();
    await show(page, snippet('A button that needs the server'), 'CreateInvoiceButton');
    await page.locator('#snippet button[disabled][title="Internet connection required"]').waitFor();
    await page.reload();
    await show(page, snippet('Sync status'), 'SyncStatus');
    await page.locator('#snippet').getByText('● Offline').waitFor();
    assert(await page.locator('#snippet').getByRole('button').isDisabled());
  });

  test('a login of the page itself hands its token over, and the sync starts by itself', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    // The desktop knows its server from an earlier session.
    await signIn(page, scene());
    await windowApi(page).auth.signOut();
    // The page that the snippet was written for has its server's routes beside it.
    await page.route('**/api/auth/login', async (route) => route.fulfill({
      response: await route.fetch({ url: `${scene().url}/api/auth/login`, headers: { 'content-type': 'application/json' } }),
    }));
    const { owner: { email }, password } = scene();
    await run(page, snippet('Signing in'), `handleLogin(${JSON.stringify(email)}, ${JSON.stringify(password)});`);
    assert.equal((await untilState(page, 'up_to_date')).user?.email, email);
    assert.deepEqual(await windowApi(page).data.counts(), { ok: true, value: scene().stage.company.counts });
  });
});
