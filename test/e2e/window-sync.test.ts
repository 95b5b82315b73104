// Every state of the sync, reached for real, and how the window presents it: in the status bar, above the list, to screen
// readers, and by the actions it offers.

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Locator, Page } from 'playwright-core';

import { answerJson, openStubServer } from '../network.ts';
import { assertAccessible } from './accessible.ts';
import { describeWindow, waitForState, windowApi, type Desktop, type Env } from './harness.ts';
import { filterByStatus, goTo, press, pressAndClose, runAction, sheet, waitUntil } from './user-actions.ts';

const rows = '.sheet .row:not([hidden]):not(.waiting)';
const bar = (page: Page): Locator => page.locator('invoify-status-bar .state');
const notice = (page: Page): Locator => page.locator('invoify-notice-bar .notice');
/** The latest announcement to screen readers. */
const announced = (page: Page): Locator => page.locator('invoify-app > [role=status], invoify-app [role=status].visually-hidden').last();

/** Waits until the status bar shows this state with this text. */
async function expectStatus(page: Page, state: string, text: RegExp): Promise<void> {
  await page.locator(`invoify-status-bar .state[data-state=${state}]`).waitFor();
  await expectText(bar(page), text);
}

/** Pulls, and once more if that was a pull which had got through before the server's answers were replaced. */
async function pullUntilFailed(page: Page): Promise<void> {
  while ((await windowApi(page).sync.pullFromServer()).outcome !== 'failed');
}

/** Waits until the text of an element matches. */
async function expectText(where: Locator, text: RegExp): Promise<void> {
  const deadlineMs = Date.now() + 30_000;
  for (;;) {
    const content = (await where.textContent())?.replace(/\s+/g, ' ').trim() ?? '';
    if (text.test(content)) return;
    assert(Date.now() < deadlineMs, `"${content}" does not become ${text}`);
    await sleep(20);
  }
}

/** Sets whether the browser believes there is a network; loopback keeps working, as it does without one. */
async function setNetwork(page: Page, isThere: boolean): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.overrideNetworkState', { offline: !isThere, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
}

interface Opened {
  readonly desktop: Desktop;
  readonly page: Page;
}

const pageOptions = { height: 560, hasReducedMotion: true, allowedMessages: [/ERR_/] };

async function open(t: TestContext, env: Env): Promise<Opened> {
  const desktop = await env.openDesktop(t);
  return { desktop, page: await desktop.openPage(t, pageOptions) };
}

async function fillSignIn(page: Page, env: Env): Promise<void> {
  await page.getByLabel('Server address').fill(env.url);
  await page.getByLabel('E-mail').fill(env.owner.email);
  await page.getByLabel('Password').fill(env.password);
}

function openSynced(t: TestContext, env: Env): Promise<Page> {
  return env.openWindow(t, pageOptions);
}

/** Replaces the server with one that answers every request with this response. */
async function answerWith(t: TestContext, env: Env, status: number, body: object): Promise<void> {
  const { url } = await openStubServer(t, answerJson(JSON.stringify(body), status));
  await env.stopServer();
  await env.gate.open(url);
}

/** Asserts that a new record cannot be begun, by the button, which can be focused, or its key, and that both say why. */
async function expectNoNew(page: Page, reason: string): Promise<void> {
  const button = page.locator('invoify-list-toolbar').getByRole('button', { name: 'New invoice' });
  await button.focus();
  assert.equal(await button.getAttribute('aria-disabled'), 'true');
  await button.and(page.getByRole('button', { description: reason })).waitFor();
  for (const key of ['Enter', 'Control+n']) await page.keyboard.press(key);
  await page.locator('invoify-toasts .toast', { hasText: reason }).waitFor();
  assert.equal(await page.locator('invoify-sheet').count(), 0);
}

describeWindow('the sync status in the window', { invoices: 3000, customers: 60 }, (env) => {
  test('shows the progress of the first sync, which can be cancelled, with what has arrived readable already', async (t) => {
    const { page } = await open(t, env());
    await fillSignIn(page, env());
    const held = env().gate.holdAfter(1_000_000);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await held;
    await expectStatus(page, 'first_sync', /^Downloading – [1-9][\d,]* of [\d,]+ · Totals incomplete$/);
    await page.locator(rows).first().waitFor();
    const progress = notice(page).getByRole('progressbar', { name: 'Download' });
    const [ratio = '', content = ''] = [await progress.getAttribute('value'), await bar(page).textContent()].map((text) => text ?? '');
    const [, done = 0, total = 0] = /([\d,]+) of ([\d,]+)/.exec(content)?.map((text) => Number(text.replaceAll(',', ''))) ?? [];
    assert.equal(Number(ratio), done / total);
    await assertAccessible(page, 'sync-first');
    await notice(page).getByRole('button', { name: 'Cancel' }).click();
    env().gate.release();
    await expectStatus(page, 'never_synced', /^Download stopped at [1-9][\d,]* · Totals incomplete$/);
    await page.locator('invoify-list-totals').getByText('incomplete').waitFor();
    await assertAccessible(page, 'sync-stopped');
    await notice(page).getByRole('button', { name: 'Sync now' }).click();
    await expectStatus(page, 'up_to_date', /^Online · Last synced just now$/);
    assert.equal(await notice(page).count(), 0);
    const health = await windowApi(page).data.health();
    assert(health.ok);
    assert.equal(total, Object.values(health.value.counts).reduce((sum, count) => sum + count), 'the total was the server\'s');
  });

  test('is "never synced" if the first download was cancelled before anything arrived', async (t) => {
    const { page } = await open(t, env());
    await fillSignIn(page, env());
    // Lets the sign-in response through, but no page of records.
    const held = env().gate.holdAfter(20_000);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await held;
    await expectStatus(page, 'first_sync', /^Downloading… · Totals incomplete$/);
    await notice(page).getByRole('button', { name: 'Cancel' }).click();
    await expectStatus(page, 'never_synced', /^No data on this computer yet$/);
    await assertAccessible(page, 'sync-never');
    env().gate.release();
    await page.locator('invoify-list-empty').getByRole('button', { name: 'Sync now' }).click();
    await expectStatus(page, 'up_to_date', /^Online · Last synced just now$/);
    await page.locator(rows).first().waitFor();
  });

  test('is "syncing" only while a sync takes long, and "up to date" afterwards', async (t) => {
    const page = await openSynced(t, env());
    const idleText = await bar(page).textContent();
    await page.getByRole('button', { name: 'Refresh' }).first().click();
    await page.getByText('Everything is up to date.').first().waitFor();
    // On a busy machine it is no short one, and its end is heard of before the status that says so.
    await waitUntil(page, 'a short sync changes nothing', async () => await bar(page).textContent() === idleText);
    void env().gate.holdAfter(0);
    const pulled = windowApi(page).sync.pullFromServer();
    await expectStatus(page, 'syncing', /^Syncing…$/);
    await assertAccessible(page, 'sync-syncing');
    env().gate.release();
    await pulled;
    await expectStatus(page, 'up_to_date', /^Online · Last synced just now$/);
  });

  test('is "stale" after a quarter of an hour without any event', async (t) => {
    const page = await (await env().sharedDesktop()).openPage(t, pageOptions);
    await page.evaluate(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() + 16 * 60_000;
      (document.querySelector('invoify-app') as unknown as { requestUpdate(): void }).requestUpdate();
    });
    await expectStatus(page, 'stale', /^Last synced 16 min/);
    await page.locator('invoify-status-bar').getByRole('button', { name: 'Refresh' }).waitFor();
    await assertAccessible(page, 'sync-stale');
  });

  test('distinguishes "offline" without a network from an unreachable server', async (t) => {
    const page = await openSynced(t, env());
    t.after(() => setNetwork(page, true));
    await setNetwork(page, false);
    await env().stopServer();
    await windowApi(page).sync.pullFromServer();
    await expectStatus(page, 'offline', /^Offline · Showing data from today \d\d:\d\d\. You can view and export\.$/);
    await expectText(announced(page), /^Offline\. Showing data from/);
    await assertAccessible(page, 'sync-offline');
    assert(await page.locator(rows).count() > 5, 'everything stays readable');
    await setNetwork(page, true);
    await expectStatus(page, 'unreachable', /^Can’t reach 127\.0\.0\.1:\d+$/);
    await setNetwork(page, false);
    await expectStatus(page, 'offline', /^Offline · /);
    // Must precede the restart: the desktop reconnects automatically, and the button disappears.
    await notice(page).getByRole('button', { name: 'Try again' }).click();
    await page.locator('invoify-toasts').getByText(/offline|refuses connections|was cut/).first().waitFor();
    await env().startServer();
    await windowApi(page).sync.pullFromServer();
    await expectStatus(page, 'up_to_date', /^Online/);
    assert.equal(await notice(page).count(), 0);
  });

  test('is "unreachable" while the server is down, and online again with it', async (t) => {
    const page = await openSynced(t, env());
    await env().stopServer();
    await windowApi(page).sync.pullFromServer();
    await expectStatus(page, 'unreachable', /^Can’t reach 127\.0\.0\.1:\d+$/);
    await expectText(notice(page), /Showing data from .*You can view and export\./);
    await expectText(announced(page), /^Can’t reach/);
    await assertAccessible(page, 'sync-unreachable');
    assert(await page.locator(rows).count() > 5, 'everything stays readable');
    // Must precede the restart: the desktop reconnects automatically, and the button disappears.
    await notice(page).getByRole('button', { name: 'Try again' }).click();
    await page.locator('invoify-toasts').getByText(/offline|refuses connections|was cut/).first().waitFor();
    await env().startServer();
    await windowApi(page).sync.pullFromServer();
    await expectStatus(page, 'up_to_date', /^Online/);
    await expectText(announced(page), /^Online\. Everything is up to date\.$/);
    assert.equal(await notice(page).count(), 0);
  });

  test('is not given at sign-in while an older refusal stands beside it', async (t) => {
    const page = await (await env().openDesktop(t)).openPage(t);
    const form = page.locator('invoify-sign-in');
    await form.getByLabel('Server address').fill(env().url);
    await form.getByLabel('E-mail').fill(env().owner.email);
    await form.getByLabel('Password').fill('not the password');
    await form.getByRole('button', { name: 'Sign in', exact: true }).click();
    const refusal = form.getByText('The e-mail address or password is incorrect.');
    await refusal.waitFor();
    await form.getByRole('button', { name: 'Test connection' }).click();
    await form.getByText(/^Connected to Invoify/).waitFor();
    assert.equal(await refusal.count(), 0);
  });

  test('asks at sign-in before the data of another account behind the same address is given up', async (t) => {
    const page = await openSynced(t, env());
    await windowApi(page).sync.setAuthToken('ended');
    await notice(page).getByRole('button', { name: 'Sign in' }).click();
    const requests: unknown[] = [];
    await page.route('**/call/auth.signIn', async (route) => {
      requests.push(route.request().postDataJSON());
      if (requests.length > 2) return route.continue();
      await route.fulfill({ json: { ok: false, error: { code: 'account_changed', message: 'Another account.' } } });
    });
    const dialog = page.locator('invoify-sign-in-dialog');
    const question = dialog.locator('invoify-question');
    await dialog.getByLabel('Password').fill(env().password);
    for (const answer of ['Cancel', 'Set aside and sign in']) {
      await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
      await question.getByText('The server has a different account for this address').waitFor();
      await assertAccessible(page, 'sign-in-account-changed');
      await question.getByRole('button', { name: answer }).click();
      if (answer === 'Cancel') await dialog.getByRole('alert').getByText('The server has a different account').waitFor();
    }
    await waitForState(page, 'up_to_date');
    const request = { server: env().url, email: env().owner.email, password: env().password };
    assert.deepEqual(requests, [request, request, { ...request, replaceCache: true }]);
  });

  test('is "session expired" with everything readable, until the user signs in again', async (t) => {
    const page = await openSynced(t, env());
    await env().endSessions(env().owner);
    await windowApi(page).sync.pullFromServer();
    await expectStatus(page, 'error', /^Checking your sign-in… · Last synced/);
    await expectNoNew(page, 'Checking your sign-in…');
    assert.equal(await page.locator('invoify-status-bar .state[data-tone=bad], invoify-notice-bar [data-tone=bad]').count(), 0);
    // A token that has worked would be asked about once more after a minute.
    await windowApi(page).sync.setAuthToken('ended');
    await expectStatus(page, 'session_expired', /^Sign in again to sync · Last synced/);
    await expectText(notice(page), /^Sign in again to sync\. Showing data from today \d/);
    await expectNoNew(page, 'Sign in again to make changes');
    await assertAccessible(page, 'sync-expired');
    assert(await page.locator(rows).count() > 5);
    await notice(page).getByRole('button', { name: 'Sign in' }).click();
    const dialog = page.locator('invoify-sign-in-dialog');
    await dialog.getByLabel('Password').fill(env().password);
    await assertAccessible(page, 'sync-expired-dialog');
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expectStatus(page, 'up_to_date', /^Online/);
    await dialog.waitFor({ state: 'detached' });
    await waitUntil(page, 'what is shown has the focus', () => page.evaluate(() => document.activeElement !== document.body));
  });

  test('is left by signing in from a form, a payment or a confirmation that was open, with what was typed', async (t) => {
    const page = await openSynced(t, env());
    const dialog = page.locator('invoify-sign-in-dialog');
    const signInFrom = async (from: Locator): Promise<void> => {
      await windowApi(page).sync.setAuthToken('ended');
      await from.getByRole('button', { name: 'Sign in', exact: true }).click();
      await dialog.getByLabel('Password').fill(env().password);
      await assertAccessible(page, 'sign-in-over-form');
      await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
      await dialog.waitFor({ state: 'detached' });
      await expectStatus(page, 'up_to_date', /^Online/);
      await from.getByText('Sign in again').waitFor({ state: 'detached' });
      await waitUntil(page, 'something in the sheet has the focus', async () => await from.locator(':focus').count() > 0);
    };
    await goTo(page, 'Customers');
    await page.keyboard.press('Control+n');
    const form = sheet(page, 'New customer');
    await form.getByLabel('Name', { exact: true }).fill('Typed Before Ltd');
    // Only what the desktop sends from now on is refused: the save is the first to find out, since nothing tells it earlier.
    env().gate.plan(() => ({ forward }) => forward({ authorization: 'Bearer ended' }));
    await press(form, 'Save');
    // The banner is gone for a moment while a sync asks once more.
    await waitUntil(page, 'the banner says so, and nothing else is said', async () =>
      await form.getByText('Your sign-in is being checked. You can save in a moment').isVisible()
        && (await form.getByRole('alert').innerText()).trim() === '');
    await form.getByRole('button', { name: 'Sign in', exact: true }).click();
    await dialog.getByLabel('Password').fill('half a passw');
    await env().stopServer();
    await windowApi(page).sync.pullFromServer();
    await waitForState(page, 'unreachable');
    await env().startServer();
    await windowApi(page).sync.pullFromServer();
    await waitForState(page, 'error');
    assert.equal(await dialog.getByLabel('Password').inputValue(), 'half a passw', 'a network that comes and goes takes nothing away');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    env().gate.plan(null);
    await signInFrom(form);
    assert.equal((await form.getByRole('alert').innerText()).trim(), '', 'nor afterwards');
    const name = form.getByLabel('Name', { exact: true });
    assert.equal(await name.inputValue(), 'Typed Before Ltd');
    assert.equal(await name.evaluate((input) => input.matches(':focus')), true, 'the field has the focus again');
    await pressAndClose(form, 'Save');
    await goTo(page, 'Invoices');
    await (await filterByStatus(page, 'open')).first().click();
    await runAction(page, 'Record payment');
    const payment = sheet(page, 'Record a payment');
    await payment.getByLabel('Amount').fill('0.07');
    await signInFrom(payment);
    assert.equal(await payment.getByLabel('Amount').inputValue(), '0.07');
    await press(payment, 'Cancel');
    await press(page.locator('invoify-question'), 'Discard');
    await runAction(page, 'Void');
    await signInFrom(sheet(page, /^Void /));
  });

  test('is left by signing in as somebody else, for whom nothing stays that was open or typed', async (t) => {
    const page = await (await env().openSynced(t, env().editor)).openPage(t);
    await page.keyboard.press('Control+n');
    const form = sheet(page, 'New invoice');
    await form.getByLabel('Description, line 1').fill('Not for the viewer');
    await windowApi(page).sync.setAuthToken('ended');
    await form.getByRole('button', { name: 'Sign in', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Sign in again' });
    await dialog.getByLabel('E-mail').fill(env().viewer.email);
    await dialog.getByLabel('Password').fill(env().password);
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await expectStatus(page, 'up_to_date', /^Online/);
    await page.getByTitle(env().viewer.name).or(page.getByText(env().viewer.name)).first().waitFor();
    assert.equal(await page.locator('invoify-detail').count(), 0);
    assert.equal(await page.evaluate(() => document.activeElement !== document.body), true);
  });

  test('is "update required" if the server no longer supports the protocol of this desktop', async (t) => {
    const page = await openSynced(t, env());
    // Makes this desktop look outdated to the server.
    env().gate.plan(() => ({ forward }) => forward({ 'x-invoify-protocol': '0' }));
    await windowApi(page).sync.pullFromServer();
    await expectStatus(page, 'update_required', /^Update Invoify · Last synced/);
    await expectText(notice(page), /^Update Invoify: this server speaks protocol.* Showing data from today \d/);
    await expectNoNew(page, 'Update Invoify');
    await assertAccessible(page, 'sync-update-required');
    assert(await page.locator(rows).count() > 5);
    env().gate.plan(null);
    await windowApi(page).sync.pullFromServer();
    await expectStatus(page, 'up_to_date', /^Online/);
  });

  test('is "update required" for the server if the server is too old', async (t) => {
    const page = await openSynced(t, env());
    await answerWith(t, env(), 200, { name: 'invoify', version: '0.0.1', protocol: { current: 0, oldest: 0 } });
    // Taking over a session starts by asking for its user and the server's protocol.
    await windowApi(page).sync.setAuthToken('a-token-of-the-page');
    await expectStatus(page, 'update_required', /^Ask your administrator to update the server · Last synced/);
    await expectNoNew(page, 'Ask your administrator to update the server');
    await expectText(notice(page), /^Ask your administrator to update the server: it speaks protocol 0/);
    await assertAccessible(page, 'sync-server-outdated');
    assert(await page.locator(rows).count() > 5, 'everything stays readable');
  });

  test('is "failed" with the reason and details', async (t) => {
    const page = await openSynced(t, env());
    await answerWith(t, env(), 400, {
      success: false, error: { code: 'invalid_request', message: 'The request makes no sense.' },
    });
    await pullUntilFailed(page);
    await expectStatus(page, 'error', /^Sync failed · Last synced/);
    await expectText(notice(page), /^\s*Sync failed: ./);
    await bar(page).click();
    const popover = page.locator('invoify-sync-popover');
    await popover.getByText('Failed').first().waitFor();
    await popover.getByRole('button', { name: 'Copy report' }).waitFor();
    await assertAccessible(page, 'sync-failed');
  });

  test('says that a cache was set aside and downloaded again, in both languages, until the user has read it', async (t) => {
    const desktop = await env().openSynced(t);
    await desktop.stop();
    // Another program's database, which is not Invoify's to remove.
    const database = new DatabaseSync(desktop.cacheFile);
    database.exec('PRAGMA application_id = 12345');
    database.close();
    await desktop.start();
    await desktop.signIn(env().url, env().owner.email, env().password);
    const page = await desktop.openPage(t, { hasReducedMotion: true });
    await expectStatus(page, 'up_to_date', /^Online/);
    await expectText(notice(page), /It was set aside and downloaded again\./);
    await assertAccessible(page, 'sync-cache-replaced');
    await windowApi(page).app.saveSettings({ language: 'de' });
    await page.reload();
    const german = /^Die Daten auf diesem Computer waren nicht verwendbar\. Sie wurden beiseitegelegt und neu heruntergeladen\.$/;
    await expectText(notice(page), german);
    await windowApi(page).app.saveSettings({ language: 'en' });
    await page.reload();
    await notice(page).getByRole('button', { name: 'Dismiss' }).click();
    await notice(page).waitFor({ state: 'detached' });
    await waitForState(page, 'up_to_date');
  });
});
