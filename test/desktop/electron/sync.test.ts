// Every sync trigger, from the system event to the cache: the real processes on a stand-in for Electron, with a real server.
// And a stored sign-in that cannot be read, and crashes of the data process.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { startServerProcess, type ServerProcess } from '../../../demo/server-process.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import type { Status } from '../../../shared/window/views.ts';
import { createClient, type Client } from '../../client.ts';
import { openGate, openStubServer } from '../../network.ts';
import { plan } from '../../server/samples.ts';
import type { Controls } from './stand-in/create.ts';
import { startApp, type RunningApp } from './stand-in/start.ts';

const email = 'owner@desk.test';
const password = 'correct horse battery';
const MINUTE_MS = 60_000;

let folder: string;
let server: ServerProcess;
let colleague: Client;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'invoify-electron-server-'));
  server = await startServerProcess({ env: { DATA_DIR: folder, ADMIN_EMAIL: email, ADMIN_PASSWORD: password } });
  colleague = await createClient(() => server).login(email, password);
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the program, signs in and waits for the first sync. */
async function signedIn(t: TestContext, url = server.url): Promise<RunningApp> {
  const app = await startApp(t);
  await app.ask(app.electron.auth.signIn({ server: url, email, password }));
  await app.until(({ state, lastSync }) => state === 'up_to_date' && lastSync !== null);
  return app;
}

const attemptsOf = async ({ ask, electron }: RunningApp): Promise<number> => (await ask(electron.data.health())).attempts.length;

/** Runs `act` and resolves when the sync that it triggers has completed. */
async function syncs(app: RunningApp, act: () => unknown): Promise<void> {
  const count = await attemptsOf(app);
  const timestamp = (await app.electron.sync.getStatus()).lastSync?.timestamp;
  await act();
  await app.until(({ state, lastSync }) => state === 'up_to_date' && lastSync?.timestamp !== timestamp);
  assert(await attemptsOf(app) > count);
}

describe('a sync starts', () => {
  test('right after sign-in, and at the next start with the stored token', async (t) => {
    const app = await signedIn(t);
    const count = await attemptsOf(app);
    const { lastSync } = await app.electron.sync.getStatus();
    const { home, system } = app.controls;
    app.controls.app.quit();
    await app.controls.app.ended;
    const arrange = (controls: Controls): void => controls.system.safeStorage.useKeysOf(system.safeStorage);
    const again = await startApp(t, { home, arrange });
    await again.until((status) => status.state === 'up_to_date' && status.lastSync?.timestamp !== lastSync?.timestamp);
    assert.equal((await again.electron.sync.getStatus()).user?.email, email);
    assert(await attemptsOf(again) > count);
  });

  test('every five minutes, or as often as the settings say', async (t) => {
    const app = await signedIn(t);
    await syncs(app, () => app.worker.pass(5 * MINUTE_MS + 1000));
    await app.ask(app.electron.app.saveSettings({ syncEveryMinutes: 17 }));
    const count = await attemptsOf(app);
    app.worker.pass(16 * MINUTE_MS);
    assert.equal(await attemptsOf(app), count);
    await syncs(app, () => app.worker.pass(MINUTE_MS + 1000));
  });

  test('when the machine wakes, with or without a suspend event before', async (t) => {
    const app = await signedIn(t);
    const { powerMonitor } = app.controls;
    await syncs(app, () => {
      powerMonitor.emit('suspend');
      powerMonitor.emit('resume');
    });
    await syncs(app, () => powerMonitor.emit('resume'));
    await syncs(app, () => powerMonitor.emit('unlock-screen'));
  });

  for (const event of ['suspend', 'resume'] as const) {
    test(`when the machine wakes, and \`${event}\` cancels the pull that was running`, async (t) => {
      const gate = await openGate(server.url);
      t.after(() => gate.close());
      const app = await signedIn(t, gate.url);
      const isHeld = gate.holdAfter(1);
      const interrupted = app.electron.sync.pullFromServer();
      await isHeld;
      app.controls.powerMonitor.emit(event);
      assert.equal((await interrupted).outcome, 'cancelled');
      gate.release();
      await syncs(app, () => app.controls.powerMonitor.emit('resume'));
    });
  }

  test('when the page comes back online', async (t) => {
    const app = await signedIn(t);
    app.worker.setOnline(false);
    app.contents.page.fire('offline');
    app.worker.setOnline(true);
    await syncs(app, () => app.contents.page.fire('online'));
  });

  test('on Refresh, by shortcut and by call', async (t) => {
    const app = await signedIn(t);
    const items = app.controls.system.seen.menu?.items.flatMap(({ submenu = [] }) => submenu) ?? [];
    items.find(({ accelerator }) => accelerator === 'F5')?.click?.();
    assert.deepEqual(app.commands, ['refresh'], 'the window gets the command, and then makes the call');
    await syncs(app, async () => assert.equal((await app.electron.sync.pullFromServer()).outcome, 'completed'));
  });

  test('after every write, so the cache has it immediately', async (t) => {
    const app = await signedIn(t);
    const { electron, ask } = app;
    const fields = plan({ name: 'Written here' }) as JsonObject;
    const { id } = await ask(electron.records.create({ collection: 'plans', fields }));
    await app.until(({ state }) => state === 'up_to_date');
    assert.equal((await ask(electron.data.getRecord({ collection: 'plans', id })))?.payload['name'], 'Written here');
  });

  test('when a colleague writes, by a nudge from the server', async (t) => {
    const app = await signedIn(t);
    const { electron, ask } = app;
    let id = '';
    await syncs(app, async () => { ({ id } = await colleague.create('plans', plan({ name: 'Written elsewhere' }))); });
    assert.equal((await ask(electron.data.getRecord({ collection: 'plans', id })))?.payload['name'], 'Written elsewhere');
  });
});

test('a stored sign-in that Windows cannot unlock is said to be locked all the while, and is there at the next start', async (t) => {
  const first = await signedIn(t);
  await first.quit();
  const { home, system: { safeStorage } } = first.controls;
  const startLocked = (isLocked: boolean): Promise<RunningApp> => startApp(t, {
    home,
    arrange: ({ system }) => {
      system.safeStorage.useKeysOf(safeStorage);
      system.safeStorage.isLocked = isLocked;
    },
  });
  const locked = await startLocked(true);
  const isAsked = ({ state, error }: Status): boolean => state === 'session_expired' && error?.code === 'sign_in_locked';
  assert.equal((await locked.until(isAsked)).server, server.url);
  locked.worker.child.kill('SIGKILL');
  await locked.until(({ error }) => error?.code === 'internal');
  const { error } = await locked.until(isAsked);
  assert.match(error?.message ?? '', /^Windows cannot unlock the stored sign-in now/);
  await locked.quit();
  const again = await startLocked(false);
  await again.until(({ state }) => state === 'up_to_date');
});

test('a key store that never answers keeps no call waiting', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const app = await startApp(t, {
    files: { 'token.bin': 'encrypted' }, arrange: ({ system }) => void (system.safeStorage.isSilent = true),
  });
  if (app.worker.pid === undefined) await once(app.worker, 'spawn');
  let answered = 0;
  const calls = [app.ask(app.electron.app.getInfo()), app.electron.sync.getStatus()] as const;
  for (const call of calls) void call.finally(() => answered += 1);
  while (answered < calls.length) {
    t.mock.timers.tick(10_000);
    await nextTurn();
  }
  const [{ lacks }, { error }] = await Promise.all(calls);
  assert.deepEqual([lacks, error?.code], [['token_storage'], 'sign_in_locked']);
  for (const name of ['stored token cannot be read', 'the system cannot encrypt']) {
    const entry = app.log().find(({ event }) => event === name);
    assert.match(String(entry?.['error']), /the key store has not answered for 10 s/, name);
  }
  assert(existsSync(join(app.dataFolder, 'token.bin')));
});

test('an answer that no `Response` can hold is refused, and the data process lives on', async (t) => {
  const { url } = await openStubServer(t, (_request, response) =>
    void response.setHeader('x-city', Buffer.from('Łódź').toString('latin1')).writeHead(999).end());
  const { controls, electron } = await startApp(t);
  const outcome = await electron.auth.signIn({ server: url, email, password });
  assert.equal(!outcome.ok && outcome.error.kind, 'not_invoify');
  assert.equal((await electron.sync.getStatus()).state, 'never_synced');
  assert.equal(controls.processes.all.length, 1);
});

describe('a data process that crashes', () => {
  test('is restarted with all its data, and the status reports it meanwhile', async (t) => {
    const app = await signedIn(t);
    const counted = await app.ask(app.electron.data.counts());
    const died = app.until(({ error }) => error?.code === 'internal');
    const first = app.worker;
    first.child.kill('SIGKILL');
    const { state, isOnline, user } = await died;
    assert.deepEqual([state, isOnline, user?.email], ['error', false, email]);
    await app.until((status) => status.state === 'up_to_date');
    assert.notEqual(app.worker, first);
    assert.deepEqual(await app.ask(app.electron.data.counts()), counted);
    assert(app.log().some(({ event }) => event === 'data process exited'));
  });

  test('has its pending calls answered, a write with an unknown outcome', async (t) => {
    const app = await signedIn(t);
    const write = app.electron.records.create({ collection: 'plans', fields: plan({ name: 'Cut off' }) as JsonObject });
    const change = app.electron.auth.changePassword({ current: password, next: 'another horse battery' });
    const read = app.electron.data.counts();
    app.worker.child.kill('SIGKILL');
    const [written, changed, counted] = await Promise.all([write, change, read]);
    assert.equal(!written.ok && written.error.code, 'outcome_unknown');
    assert.equal(!changed.ok && changed.error.code, 'outcome_unknown');
    assert.equal(!counted.ok && counted.error.code, 'internal');
  });

  test('repeatedly is restarted with backoff', async (t) => {
    const app = await startApp(t);
    const { controls, electron } = app;
    await electron.sync.getStatus();
    for (let crashes = 1; crashes <= 2; crashes += 1) {
      const { child } = controls.processes.last;
      const { length } = controls.processes.all;
      child.kill('SIGKILL');
      while (controls.processes.all.length === length) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const delays = app.log().filter(({ event }) => event === 'data process exited').map(({ delayMs }) => delayMs);
    assert.deepEqual(delays, [100, 1000]);
    assert.equal((await electron.sync.getStatus()).state, 'never_synced');
  });
});
