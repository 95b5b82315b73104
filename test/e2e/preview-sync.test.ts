// The desktop's half through the preview in a real browser, by `window.electron` alone: from the first sign-in over a
// lost server, a damaged copy and a full disk to an ended session. What the window makes of it other tests look at.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import type { Download, Page } from 'playwright-core';

import type { WindowApi } from '../../shared/window/ipc.ts';
import { openSmallDisk } from '../disk.ts';
import { describeWindow, signIn, untilState, windowApi, type Scene } from './harness.ts';

/** In the page. */
declare const window: { readonly electron: WindowApi };
declare const document: EventTarget;

const query = { collection: 'invoices', limit: 5 } as const;
/** Enough for a sign-in, and half-way into the first sync. */
const HALF_WAY_BYTES = 100_000;

/** Resolves when the page hears of a status after which the record is there. Nothing asks for a pull. */
function untilRecord(page: Page, collection: string, id: string): Promise<void> {
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

async function assertWhole(page: Page, scene: Scene): Promise<void> {
  assert.equal(await totalOf(page), scene.stage.company.counts['invoices']);
  const health = await windowApi(page).data.health();
  assert(health.ok);
  assert.equal(health.value.digest['invoices']?.count, scene.stage.company.counts['invoices']);
}

async function contentOf(download: Download): Promise<Buffer> {
  return readFile(await download.path());
}

describeWindow('the desktop behind the window', { invoices: 300 }, (scene) => {
  test('signs in and brings the account', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    const { state, user, server } = await windowApi(page).sync.getStatus();
    assert.deepEqual([state, user, server], ['never_synced', null, null]);
    const status = await signIn(page, scene());
    assert.deepEqual([status.user?.email, status.server, status.isOnline], [scene().owner.email, scene().url, true]);
    assert.match(status.lastSync?.timestamp ?? '', /^\d{4}-.*Z$/);
    assert.deepEqual(await windowApi(page).data.counts(), { ok: true, value: scene().stage.company.counts });
    await assertWhole(page, scene());
  });

  test('refuses a wrong password with the reason', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    const outcome = await windowApi(page).auth.signIn({ server: scene().url, email: scene().owner.email, password: 'wrong' });
    assert.equal(!outcome.ok && outcome.error.code, 'unauthorized');
    assert.equal((await windowApi(page).sync.getStatus()).user, null);
  });

  test('answers half-way through the first sync, which can be cancelled and ends well later', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    const isHeld = scene().gate.holdAfter(HALF_WAY_BYTES);
    const { email } = scene().owner;
    await windowApi(page).auth.signIn({ server: scene().url, email, password: scene().password });
    await isHeld;
    assert.equal((await untilState(page, 'first_sync')).lastSync, null);
    assert((await windowApi(page).data.listPage(query)).ok, 'reading does not wait');
    assert.deepEqual(await windowApi(page).app.cancelSync(), { ok: true, value: null });
    assert.notEqual((await windowApi(page).sync.getStatus()).state, 'up_to_date');
    scene().gate.release();
    assert.equal((await windowApi(page).sync.pullFromServer()).outcome, 'completed');
    await assertWhole(page, scene());
  });

  test('shows what it has while the server is gone, refuses to write, and is back with it', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    const { lastSync } = await signIn(page, scene());
    await scene().stopServer();
    const offline = await untilState(page, 'offline', 'unreachable');
    assert.deepEqual([offline.isOnline, offline.lastSync], [false, lastSync]);
    assert.equal(await windowApi(page).sync.getOnlineStatus(), false);
    assert.equal((await windowApi(page).sync.pullFromServer()).error?.code, 'offline');
    await assertWhole(page, scene());
    const refused = await windowApi(page).records.create({ collection: 'plans', fields: { name: 'Offline' } });
    assert.equal(!refused.ok && refused.error.code, 'offline');
    await scene().startServer();
    assert.equal((await windowApi(page).sync.pullFromServer()).outcome, 'completed');
    assert.equal((await untilState(page, 'up_to_date')).isOnline, true);
  });

  test('hears by itself what a colleague wrote', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    await signIn(page, scene());
    const colleague = await scene().colleague(scene().editor);
    const plan = { name: 'Nudged', priceMinor: 100, currency: 'EUR', interval: 'month', active: true };
    const { id, ...version } = await colleague.create('plans', plan);
    await untilRecord(page, 'plans', id);
    await colleague.remove('plans', { id, ...version });
  });

  test('keeps everything readable when the session was ended on the server, until someone signs in again', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    await signIn(page, scene());
    await scene().endSessions();
    assert.equal((await windowApi(page).sync.pullFromServer()).outcome, 'failed');
    const status = await untilState(page, 'session_expired');
    assert.equal(status.user?.email, scene().owner.email);
    await assertWhole(page, scene());
    assert.equal((await signIn(page, scene())).error, null);
  });

  test('removes every trace when someone signs out', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    await signIn(page, scene());
    assert.deepEqual(await windowApi(page).auth.signOut(), { ok: true, value: null });
    const { state, user } = await windowApi(page).sync.getStatus();
    assert.deepEqual([state, user], ['never_synced', null]);
    assert.deepEqual(readdirSync(dirname(desktop.copyFile)), []);
    await signIn(page, scene());
  });

  for (const [damage, doDamage] of [
    ['overwritten', (file: string) => writeFileSync(file, Buffer.alloc(statSync(file).size, 0x5a))],
    ['cut off', (file: string) => truncateSync(file, 20_000)],
  ] as const) {
    test(`sets a copy aside that was ${damage}, says so, and brings another`, async (t) => {
      const desktop = await scene().openDesktop(t);
      const before = await desktop.openPage(t, { mayHear: [/ERR_/] });
      await signIn(before, scene());
      await desktop.stop();
      doDamage(desktop.copyFile);
      await desktop.start();
      const page = await desktop.openPage(t);
      assert.match((await windowApi(page).sync.getStatus()).notice?.message ?? '', /set aside/);
      await signIn(page, scene());
      assert.match((await windowApi(page).sync.getStatus()).notice?.message ?? '', /set aside/);
      await assertWhole(page, scene());
      assert(readdirSync(dirname(desktop.copyFile)).some((name) => name.startsWith('invoify.sqlite.damaged-')));
    });
  }

  test('says that the disk is full, keeps what is here readable, and recovers', async (t) => {
    const disk = openSmallDisk(t, 16);
    if (!disk) return;
    const desktop = await scene().openDesktop(t, { dataFolder: join(disk.folder, 'data') });
    const page = await desktop.openPage(t);
    await signIn(page, scene());
    disk.fill();
    const colleague = await scene().colleague();
    // More than what a full disk still has room for in files that are there.
    const plans = await Promise.all(Array.from({ length: 60 }, (_, index) => colleague.create('plans', {
      name: `${index} ${'long '.repeat(35)}`, priceMinor: 1, currency: 'EUR', interval: 'once', active: true,
    })));
    await windowApi(page).sync.pullFromServer();
    const { error } = await untilState(page, 'error');
    assert.equal(error?.code, 'disk_full');
    assert.match(error.message, /full/);
    await assertWhole(page, scene());
    const backup = await windowApi(page).app.backUp();
    assert(backup.ok, 'a backup goes to another disk');
    disk.free();
    assert.equal((await windowApi(page).sync.pullFromServer()).outcome, 'completed');
    await untilState(page, 'up_to_date');
    for (const { id } of plans) assert((await windowApi(page).data.getRecord({ collection: 'plans', id })).ok);
    for (const plan of plans) await colleague.remove('plans', plan);
  });

  test('serves two tabs at once', async (t) => {
    const desktop = await scene().openDesktop(t);
    const one = await desktop.openPage(t);
    const two = await desktop.openPage(t, { context: one.context() });
    await signIn(one, scene());
    assert.equal((await untilState(two, 'up_to_date')).user?.email, scene().owner.email);
    const fields = { name: 'Of two tabs', priceMinor: 4200, currency: 'EUR', interval: 'month', active: true };
    const created = await windowApi(one).records.create({ collection: 'plans', fields });
    assert(created.ok);
    await untilRecord(two, 'plans', created.value.id);
    const { id, updatedAt } = created.value;
    assert((await windowApi(two).records.remove({ collection: 'plans', id, updatedAt })).ok);
    await windowApi(two).auth.signOut();
    await untilState(one, 'never_synced');
  });

  test('tells a tab that comes to the front how things stand, and keeps no connection for one behind', async (t) => {
    const desktop = await scene().openDesktop(t);
    const behind = await desktop.openPage(t);
    const front = await desktop.openPage(t, { context: behind.context() });
    // Where nobody sees the tabs the browser takes all of them for visible.
    await behind.evaluate(() => {
      const heard: string[] = [];
      let visibility = 'hidden';
      Object.defineProperty(document, 'visibilityState', { get: () => visibility });
      document.dispatchEvent(new Event('visibilitychange'));
      window.electron.sync.onStatus(({ state }) => void heard.push(state));
      Object.assign(window, {
        comeToFront: () => new Promise<readonly string[]>((resolve) => {
          const before = [...heard];
          window.electron.sync.onStatus(({ state }) => resolve([...before, state]));
          visibility = 'visible';
          document.dispatchEvent(new Event('visibilitychange'));
        }),
      });
    });
    await signIn(front, scene());
    assert.deepEqual(await behind.evaluate('comeToFront()'), ['up_to_date']);
  });

  test('hands lists and backups to the browser as downloads', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    await signIn(page, scene());
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

  test('answers every call of a tab that outlives the preview', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t, { mayHear: [/ERR_/] });
    await signIn(page, scene());
    await desktop.stop();
    const outcome = await windowApi(page).data.counts();
    assert.equal(!outcome.ok && outcome.error.code, 'unavailable');
    await assert.rejects(windowApi(page).sync.getStatus(), /The preview has ended/);
    assert(existsSync(desktop.copyFile) && !existsSync(`${desktop.copyFile}-wal`), 'the copy was closed');
  });

  test('tells a tab that reloads how things stand', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    await signIn(page, scene());
    await page.reload();
    assert.equal((await untilState(page, 'up_to_date')).user?.email, scene().owner.email);
    assert.equal(page.url().includes('key'), false);
  });
});
