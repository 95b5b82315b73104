// The desktop through the preview in a real browser, using `window.electron` only: sign-in, a lost server, a damaged cache,
// a full disk, an expired session. The window itself is covered by the window-*.test.ts files.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import type { Download, Page } from 'playwright-core';

import type { WindowApi } from '../../shared/window/ipc.ts';
import { openSmallDisk } from '../disk.ts';
import { describeWindow, signIn, waitForState, windowApi, type Env } from './harness.ts';

/** Inside the page. */
declare const window: { readonly electron: WindowApi };
declare const document: EventTarget;

/** Pages without the window, for tests that it would only slow down. */
const bare = { isBare: true } as const;
const query = { collection: 'invoices', limit: 5 } as const;
/** Enough to sign in and to get halfway through the first sync. */
const HALF_WAY_BYTES = 100_000;

/** Waits until the record is in the cache after a status event, without requesting a pull. */
function waitForRecord(page: Page, collection: string, id: string): Promise<void> {
  return page.evaluate((which) => new Promise<void>((resolve) => {
    const check = async (): Promise<void> => {
      const outcome = await window.electron.data.getRecord(which);
      if (!outcome.ok || outcome.value === null) return;
      stop();
      resolve();
    };
    const stop = window.electron.sync.onStatus(() => void check());
    void check();
  }), { collection, id });
}

async function totalOf(page: Page): Promise<number> {
  const outcome = await windowApi(page).data.listPage(query);
  return outcome.ok ? outcome.value.total : assert.fail(outcome.error.message);
}

async function assertWhole(page: Page, env: Env): Promise<void> {
  assert.equal(await totalOf(page), env.stage.company.counts['invoices']);
  const health = await windowApi(page).data.health();
  assert(health.ok);
  assert.equal(health.value.digest['invoices']?.count, env.stage.company.counts['invoices']);
}

async function contentOf(download: Download): Promise<Buffer> {
  return readFile(await download.path());
}

describeWindow('the desktop behind the window', { invoices: 300 }, (env) => {
  test('signs in and downloads the account', async (t) => {
    const desktop = await env().openDesktop(t);
    const page = await desktop.openPage(t);
    const { state, user, server } = await windowApi(page).sync.getStatus();
    assert.deepEqual([state, user, server], ['never_synced', null, null]);
    const status = await signIn(page, env());
    assert.deepEqual([status.user?.email, status.server, status.isOnline], [env().owner.email, env().url, true]);
    assert.match(status.lastSync?.timestamp ?? '', /^\d{4}-.*Z$/);
    assert.deepEqual(await windowApi(page).data.counts(), { ok: true, value: env().stage.company.counts });
    await assertWhole(page, env());
  });

  test('reports a wrong password', async (t) => {
    const desktop = await env().openDesktop(t, bare);
    const page = await desktop.openPage(t);
    const outcome = await windowApi(page).auth.signIn({ server: env().url, email: env().owner.email, password: 'wrong' });
    assert.equal(!outcome.ok && outcome.error.code, 'unauthorized');
    assert.equal((await windowApi(page).sync.getStatus()).user, null);
  });

  test('can be read during the first sync, which can be cancelled and completed later', async (t) => {
    const desktop = await env().openDesktop(t, bare);
    const page = await desktop.openPage(t);
    const isHeld = env().gate.holdAfter(HALF_WAY_BYTES);
    const { email } = env().owner;
    await windowApi(page).auth.signIn({ server: env().url, email, password: env().password });
    await isHeld;
    assert.equal((await waitForState(page, 'first_sync')).lastSync, null);
    assert((await windowApi(page).data.listPage(query)).ok, 'reading does not wait');
    assert.deepEqual(await windowApi(page).app.cancelSync(), { ok: true, value: null });
    assert.notEqual((await windowApi(page).sync.getStatus()).state, 'up_to_date');
    env().gate.release();
    assert.equal((await windowApi(page).sync.pullFromServer()).outcome, 'completed');
    await assertWhole(page, env());
  });

  test('serves reads while the server is down, rejects writes, and recovers with the server', async (t) => {
    const desktop = await env().openSynced(t, env().owner, bare);
    const page = await desktop.openPage(t);
    const { lastSync } = await windowApi(page).sync.getStatus();
    await env().stopServer();
    const offline = await waitForState(page, 'offline', 'unreachable');
    assert.deepEqual([offline.isOnline, offline.lastSync?.timestamp], [false, lastSync?.timestamp]);
    assert.equal(await windowApi(page).sync.getOnlineStatus(), false);
    assert.equal((await windowApi(page).sync.pullFromServer()).error?.code, 'offline');
    await assertWhole(page, env());
    const refused = await windowApi(page).records.create({ collection: 'plans', fields: { name: 'Offline' } });
    assert.equal(!refused.ok && refused.error.code, 'offline');
    await env().startServer();
    assert.equal((await windowApi(page).sync.pullFromServer()).outcome, 'completed');
    assert.equal((await waitForState(page, 'up_to_date')).isOnline, true);
  });

  test("receives a colleague's write without being asked to sync", async (t) => {
    const page = await (await env().sharedDesktop()).openPage(t);
    const colleague = await env().colleague(env().editor);
    const plan = { name: 'Nudged', priceMinor: 100, currency: 'EUR', interval: 'month', active: true };
    const { id, updatedAt } = await colleague.create('plans', plan);
    await waitForRecord(page, 'plans', id);
    assert.equal((await colleague.remove(`/api/plans/${id}`, updatedAt)).status, 200);
  });

  test('keeps everything readable after the server ended the session, until the user signs in again', async (t) => {
    const { editor } = env();
    const desktop = await env().openSynced(t, editor, bare);
    const page = await desktop.openPage(t);
    await env().endSessions(editor);
    // A token that has worked would be asked about once more after a minute.
    await windowApi(page).sync.setAuthToken('ended');
    const status = await waitForState(page, 'session_expired');
    assert.equal(status.user?.email, editor.email);
    await assertWhole(page, env());
    assert.equal((await signIn(page, env(), editor)).error, null);
  });

  test('removes all files of the cache on sign-out', async (t) => {
    const desktop = await env().openSynced(t, env().owner, bare);
    const page = await desktop.openPage(t);
    assert.deepEqual(await windowApi(page).auth.signOut(), { ok: true, value: null });
    const { state, user } = await windowApi(page).sync.getStatus();
    assert.deepEqual([state, user], ['never_synced', null]);
    assert.deepEqual(readdirSync(dirname(desktop.cacheFile)), []);
    await signIn(page, env());
  });

  for (const [damage, doDamage] of [
    ['overwritten', (file: string) => writeFileSync(file, Buffer.alloc(statSync(file).size, 0x5a))],
    ['truncated', (file: string) => truncateSync(file, 20_000)],
  ] as const) {
    // Whose it was cannot be read, and the preview keeps no token that would tell.
    test(`says that a cache was ${damage}, and replaces it once the server has answered`, async (t) => {
      const desktop = await env().openSynced(t, env().owner, bare);
      await desktop.stop();
      doDamage(desktop.cacheFile);
      const damagedBytes = readFileSync(desktop.cacheFile);
      await desktop.start();
      const page = await desktop.openPage(t);
      assert.match((await windowApi(page).sync.getStatus()).notice?.message ?? '', /damaged\. It will be downloaded again/);
      assert(damagedBytes.equals(readFileSync(desktop.cacheFile)), 'not before the server has answered');
      await signIn(page, env());
      await assertWhole(page, env());
      assert(!readdirSync(dirname(desktop.cacheFile)).some((name) => name.includes('damaged')));
    });
  }

  test('reports a full disk, keeps the cache readable, and recovers', async (t) => {
    const disk = openSmallDisk(t, 16);
    if (!disk) return;
    const desktop = await env().openSynced(t, env().owner, { dataFolder: join(disk.folder, 'data') });
    const page = await desktop.openPage(t);
    disk.fill();
    const colleague = await env().colleague();
    // More than fits into the free pages of the existing files.
    const plans = await Promise.all(Array.from({ length: 60 }, (_, index) => colleague.create('plans', {
      name: `${index} ${'long '.repeat(35)}`, priceMinor: 1, currency: 'EUR', interval: 'once', active: true,
    })));
    await windowApi(page).sync.pullFromServer();
    const { error } = await waitForState(page, 'error');
    assert.equal(error?.code, 'disk_full');
    assert.match(error.message, /full/);
    await assertWhole(page, env());
    const backup = await windowApi(page).app.backUp();
    assert(backup.ok, 'the backup goes to another disk');
    disk.free();
    assert.equal((await windowApi(page).sync.pullFromServer()).outcome, 'completed');
    await waitForState(page, 'up_to_date');
    for (const { id } of plans) assert((await windowApi(page).data.getRecord({ collection: 'plans', id })).ok);
    for (const plan of plans) await colleague.remove(`/api/plans/${plan.id}`, plan.updatedAt);
  });

  test('serves two tabs at the same time', async (t) => {
    const desktop = await env().openDesktop(t, bare);
    const one = await desktop.openPage(t);
    const two = await desktop.openPage(t);
    await signIn(one, env());
    assert.equal((await waitForState(two, 'up_to_date')).user?.email, env().owner.email);
    const fields = { name: 'Of two tabs', priceMinor: 4200, currency: 'EUR', interval: 'month', active: true };
    const created = await windowApi(one).records.create({ collection: 'plans', fields });
    assert(created.ok);
    await waitForRecord(two, 'plans', created.value.id);
    const { id, updatedAt } = created.value;
    assert((await windowApi(two).records.remove({ collection: 'plans', id, updatedAt })).ok);
    await windowApi(two).auth.signOut();
    await waitForState(one, 'never_synced');
  });

  test('sends the status to a tab that becomes visible, and no events to a hidden one', async (t) => {
    const desktop = await env().openDesktop(t, bare);
    const behind = await desktop.openPage(t);
    const front = await desktop.openPage(t);
    // A headless browser treats all tabs as visible.
    await behind.evaluate(() => {
      const states: string[] = [];
      let visibility = 'hidden';
      Object.defineProperty(document, 'visibilityState', { get: () => visibility });
      document.dispatchEvent(new Event('visibilitychange'));
      window.electron.sync.onStatus(({ state }) => void states.push(state));
      Object.assign(window, {
        comeToFront: () => new Promise<readonly string[]>((resolve) => {
          const before = [...states];
          window.electron.sync.onStatus(({ state }) => resolve([...before, state]));
          visibility = 'visible';
          document.dispatchEvent(new Event('visibilitychange'));
        }),
      });
    });
    await signIn(front, env());
    assert.deepEqual(await behind.evaluate('comeToFront()'), ['up_to_date']);
  });

  test('delivers exports and backups as browser downloads', async (t) => {
    const page = await (await env().sharedDesktop()).openPage(t);
    const [list, saved] = await Promise.all([page.waitForEvent('download'), windowApi(page).app.exportCsv({
      selection: { collection: 'invoices' }, columns: [{ name: 'number', title: 'Nummer' }, { name: 'totalMinor', title: 'Betrag' }],
      locale: 'de-DE',
    })]);
    assert(saved.ok && saved.value);
    assert.equal(list.suggestedFilename(), saved.value.path);
    const csv = (await contentOf(list)).toString('utf8');
    assert.match(csv, /^\uFEFF"?Nummer"?;"?Betrag"?\r\n/);
    assert.equal(csv.trimEnd().split('\r\n').length, 301);
    const [backup] = await Promise.all([page.waitForEvent('download'), windowApi(page).app.backUp()]);
    assert.match(backup.suggestedFilename(), /^invoify-backup-.*\.sqlite$/);
    assert.equal((await contentOf(backup)).subarray(0, 15).toString(), 'SQLite format 3');
  });

  test('fails the calls of a tab that outlives the preview instead of leaving them pending', async (t) => {
    const desktop = await env().openSynced(t);
    const page = await desktop.openPage(t, { allowedMessages: [/ERR_/] });
    await desktop.stop();
    const outcome = await windowApi(page).data.counts();
    assert.equal(!outcome.ok && outcome.error.code, 'unavailable');
    await assert.rejects(windowApi(page).sync.getStatus(), /The preview is not running/);
    assert(existsSync(desktop.cacheFile) && !existsSync(`${desktop.cacheFile}-wal`), 'the cache was closed');
  });

  test('sends the status to a tab that reloads', async (t) => {
    const page = await (await env().sharedDesktop()).openPage(t);
    await page.reload();
    assert.equal((await waitForState(page, 'up_to_date')).user?.email, env().owner.email);
    assert.equal(page.url().includes('key'), false);
  });
});
