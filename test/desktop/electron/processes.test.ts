// The lives of the two processes under Electron: starts that fail, a data process that dies or never lives, second starts, and
// the end of the Windows session. Nothing in Electron ends by itself after a mistake: see stand-in/utility-process.ts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';

import { bundleProgram, type Program } from './stand-in/bundle.ts';
import type { Controls } from './stand-in/create.ts';
import { loadApp, startApp, type RunningApp } from './stand-in/start.ts';

let program: Program;
let folder: string;
before(async () => {
  program = await bundleProgram();
  ({ folder } = program);
});
after(() => program.remove());

/** The folder of a program whose data process has other code. */
function withDataProcess(t: TestContext, change: (code: string) => string): string {
  const changed = mkdtempSync(join(tmpdir(), 'invoify-changed-'));
  t.after(() => rmSync(changed, { recursive: true, force: true }));
  cpSync(folder, changed, { recursive: true });
  const file = join(changed, 'worker.js');
  const code = readFileSync(file, 'utf8');
  assert.notEqual(change(code), code);
  writeFileSync(file, change(code));
  return changed;
}

/** The log's first entry for an event. */
const entry = ({ log }: RunningApp, name: string): ReturnType<RunningApp['log']>[number] | undefined =>
  log().find(({ event }) => event === name);

const lastEvent = ({ log }: RunningApp): unknown => log().at(-1)?.['event'];

/** The lock is refused and nobody hears of this start, as when another computer holds it. Two seconds pass with the first refusal. */
function lockElsewhere(t: TestContext, { app, home }: Controls, onRefused = (): void => undefined): void {
  mkdirSync(join(home, 'Invoify', 'lockfile'));
  const request = app.requestSingleInstanceLock.bind(app);
  app.requestSingleInstanceLock = () => {
    const isGranted = request();
    if (!isGranted) {
      onRefused();
      queueMicrotask(() => t.mock.timers.tick(2000));
    }
    return isGranted;
  };
}

describe('a start that fails', () => {
  /** Starts, and returns what the user reads before the program ends. */
  async function failedStart(t: TestContext, arrange: (controls: Controls) => void): Promise<string> {
    const { app, system, processes, windows } = await loadApp(t, { folder, arrange });
    app.becomeReady();
    await app.ended;
    assert.deepEqual([app.exitCode, windows.length, processes.all.length], [1, 0, 0]);
    assert.equal(system.seen.errors.length, 1);
    return Object.values(system.seen.errors[0] ?? {}).join('\n');
  }

  /** Names the data folder in the environment for the rest of the test. */
  function useFolder(t: TestContext, path: string): string {
    process.env['INVOIFY_DATA'] = path;
    t.after(() => delete process.env['INVOIFY_DATA']);
    return path;
  }

  const putFileInTheWay = ({ home }: Controls): string => {
    const path = join(home, 'Invoify');
    rmSync(path, { recursive: true });
    writeFileSync(path, 'in the way');
    return path;
  };

  test('because a file has the name of the data folder says so, and names another way', async (t) => {
    let path = '';
    const text = await failedStart(t, (controls) => { path = putFileInTheWay(controls); });
    assert.match(text, /^Invoify cannot start\nInvoify cannot use the folder for its data:\n/);
    assert(text.includes(path) && text.includes('INVOIFY_DATA') && text.includes('EEXIST'), text);
  });

  test('is told in German on a German system', async (t) => {
    const text = await failedStart(t, (controls) => {
      controls.app.languages = ['de-AT', 'en-GB'];
      putFileInTheWay(controls);
    });
    assert.match(text, /^Invoify kann nicht starten\n.*\n[^]*Umgebungsvariable INVOIFY_DATA/);
  });

  test('because there is no %APPDATA% says so', async (t) => {
    const text = await failedStart(t, ({ app }) => void app.paths.delete('appData'));
    assert.match(text, /%APPDATA%[^]*INVOIFY_DATA[^]*\(Failed to get 'appData' path\)/);
  });

  test('because INVOIFY_DATA is not a full path says so', async (t) => {
    useFolder(t, join('some', 'folder'));
    assert.match(await failedStart(t, () => undefined), /\(INVOIFY_DATA must be a full path\.\)/);
    assert(!existsSync('some'));
  });

  const noSuchFolder = process.platform !== 'linux' && 'only Linux has a folder in which nobody can write';
  test('because nothing can be written in the data folder says so', { skip: noSuchFolder }, async (t) => {
    const path = useFolder(t, '/sys');
    assert((await failedStart(t, () => undefined)).includes(path));
  });

  test('is avoided by INVOIFY_DATA, which names another data folder', async (t) => {
    const parent = mkdtempSync(join(tmpdir(), 'invoify-elsewhere-'));
    const path = useFolder(t, join(parent, 'data', 'Invoify'));
    const { controls, electron, ask } = await startApp(t, { folder, arrange: putFileInTheWay });
    t.after(() => rmSync(parent, { recursive: true, force: true }));
    assert.equal((await ask(electron.app.getInfo())).dataFolder, path);
    await electron.sync.getStatus();
    assert.deepEqual([controls.app.getPath('userData'), existsSync(join(path, 'database'))], [path, true]);
  });

  test('is avoided even if INVOIFY_DATA has spaces or quotes around it, as `set` leaves them', async (t) => {
    const path = mkdtempSync(join(tmpdir(), 'invoify-elsewhere-'));
    t.after(() => rmSync(path, { recursive: true, force: true }));
    for (const value of [`${path} `, `"${path}"`, ` "${path}" `]) {
      useFolder(t, value);
      const { app } = await loadApp(t, { folder });
      assert.equal(app.getPath('userData'), path);
      app.exit();
    }
    useFolder(t, ' ');
    const { app, home } = await loadApp(t, { folder });
    assert.equal(app.getPath('userData'), join(home, 'Invoify'));
  });

  test('because no file can be written in the data folder says so, even if folders can', async (t) => {
    const text = await failedStart(t, ({ home }) => void mkdirSync(join(home, 'Invoify', 'starting')));
    assert.match(text, /cannot use the folder for its data[^]*\(E(?:ISDIR|PERM)/);
  });

  for (const [languages, expected] of [
    [['en-GB'], /already open on another computer or in another session, or its folder cannot be used:[^]*INVOIFY_DATA/],
    [['de-AT'], /bereits auf einem anderen Computer oder in einer anderen Sitzung geöffnet[^]*INVOIFY_DATA/],
  ] as const) {
    test(`because nobody who can hear of it holds the lock says so (${languages[0]})`, async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const text = await failedStart(t, (controls) => {
        controls.app.languages = languages;
        lockElsewhere(t, controls);
      });
      assert.match(text, expected);
    });
  }

  test('because the computer\'s name cannot be read says so', async (t) => {
    const reading = t.mock.method(os, 'hostname', () => { throw new Error('no name is known'); });
    syncBuiltinESMExports();
    t.after(() => {
      reading.mock.restore();
      syncBuiltinESMExports();
    });
    assert.match(await failedStart(t, () => undefined), /Something went wrong[^]*logs[^]*\(no name is known\)/);
  });

  test('before Electron is ready, for an unexpected reason, says so', async (t) => {
    const text = await failedStart(t, ({ app }) => { app.setAppUserModelId = () => { throw new Error('no id can be set'); }; });
    assert.match(text, /Something went wrong[^]*\(no id can be set\)/);
  });

  test('for an unexpected reason is logged and told, and ends the program', async (t) => {
    const { app, home, system, windows } = await loadApp(t, {
      folder,
      arrange: (controls) => { controls.app.getLocale = () => { throw new Error('no language is known'); }; },
    });
    app.becomeReady();
    await app.ended;
    assert.deepEqual([app.exitCode, windows.length], [1, 0]);
    const logFolder = join(home, 'Invoify', 'logs');
    const [error] = system.seen.errors;
    assert(error?.content.includes(logFolder) && error.content.includes('no language is known'), error?.content);
    assert.match(readFileSync(join(logFolder, 'invoify.log'), 'utf8'), /"start failed","error":"Error: no language is known/);
  });
});

test('a rejection that nobody handles is logged', async (t) => {
  const app = await startApp(t, { folder });
  // Only the program's own listener: the test runner's would fail this test.
  process.listeners('unhandledRejection').at(-1)?.(new Error('nobody handles this'), Promise.resolve());
  assert.match(String(entry(app, 'unhandled rejection')?.['error']), /nobody handles this/);
});

test('an exception that nobody catches is logged before Electron reports it', async (t) => {
  const app = await startApp(t, { folder });
  process.listeners('uncaughtExceptionMonitor').at(-1)?.(new Error('nobody catches this'), 'uncaughtException');
  assert.match(String(entry(app, 'uncaught error')?.['error']), /nobody catches this/);
});

describe('the data process', () => {
  test('that cannot open its data says why in the log, answers every call, and is started again', async (t) => {
    const broken = withDataProcess(t, (code) =>
      code.replace(/async function openDesk\(.*\) \{/, '$& throw new Error("no thread is left");'));
    const app = await startApp(t, { folder: broken, files: { 'settings.json': '{ "theme": "dark" }' } });
    const { ok } = await app.electron.data.counts();
    const { state } = await app.until(({ error }) => error?.code === 'internal');
    assert.deepEqual([ok, state], [false, 'error']);
    assert.match(String(entry(app, 'data process cannot open the data')?.['error']), /no thread is left/);
    const { code, delayMs } = entry(app, 'data process exited') ?? {};
    assert.deepEqual([code, delayMs], [1, 100]);
    // The window asks for them once, and may do so now.
    assert.equal((await app.ask(app.electron.app.getSettings())).theme, 'dark');
  });

  test('that cannot close its data says why in the log, and ends all the same', async (t) => {
    const broken = withDataProcess(t, (code) => code.replace(/triggers\.close\(\);/, 'throw new Error("the disk is gone");'));
    const app = await startApp(t, { folder: broken });
    await app.electron.sync.getStatus();
    await app.quit();
    const last = app.log().slice(-2);
    assert.deepEqual(last.map(({ event }) => event), ['data process cannot close the data', 'stopped']);
    assert.match(String(last[0]?.['error']), /the disk is gone/);
  });

  test('that fails says why in the log before it is gone', async (t) => {
    const app = await startApp(t, { folder });
    await app.electron.sync.getStatus();
    app.worker.postMessage(null);
    await once(app.worker.child, 'exit');
    assert.match(String(entry(app, 'data process failed')?.['error']), /TypeError: .*null/);
  });

  test('survives a rejection that nobody handles, and logs it', async (t) => {
    const rejecting = withDataProcess(t, (code) => `${code}\nPromise.reject(new Error('nobody handles this'));\n`);
    const app = await startApp(t, { folder: rejecting });
    assert.equal((await app.electron.sync.getStatus()).state, 'never_synced');
    assert.match(String(entry(app, 'unhandled rejection')?.['error']), /nobody handles this/);
    assert.equal(app.controls.processes.all.length, 1);
  });

  test('that V8 gives up is restarted, and logged by its own name without V8\'s report', async (t) => {
    const app = await startApp(t, { folder });
    await app.electron.sync.getStatus();
    app.worker.failFatally('Reached heap limit', '{"environmentVariables":{"HOME":"/secret"}}');
    await once(app.controls.app, 'child-process-gone');
    await app.until(({ error }) => error?.code === 'internal');
    assert.deepEqual({ ...entry(app, 'data process failed'), time: '' },
      { time: '', event: 'data process failed', type: 'FatalError', location: 'Reached heap limit' });
    const { type, service } = entry(app, 'child process exited') ?? {};
    assert.deepEqual([type, service], ['Utility', 'Invoify Data']);
    assert(!JSON.stringify(app.log()).includes('secret'));
    await app.until(({ state }) => state === 'never_synced');
  });

  test('that has ended is not listened to', async (t) => {
    const app = await startApp(t, { folder });
    const status = await app.electron.sync.getStatus();
    const first = app.worker;
    first.child.kill('SIGKILL');
    await app.until(({ error }) => error !== null);
    await app.until(({ error }) => error === null);
    const { length } = app.statuses;
    const posts = t.mock.method(first, 'postMessage').mock;
    first.receive({ kind: 'answer', id: 1, outcome: { ok: true, value: null } });
    first.receive({ kind: 'vault', id: 1, request: { operation: 'load' } });
    first.receive({ kind: 'status', status: { ...status, state: 'offline' } });
    assert.equal((await app.electron.sync.getStatus()).state, 'never_synced');
    assert.deepEqual([app.statuses.length, posts.callCount()], [length, 0]);
  });

  const unstoppable = process.platform === 'win32' && 'Windows cannot suspend a process with a signal';
  test('leaves open what became of what it was writing, and of nothing else, and gets no younger', { skip: unstoppable }, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const app = await startApp(t, { folder });
    const { auth, data, records, sync } = app.electron;
    const lastSync = { timestamp: '2026-03-01T12:00:00.000Z', ageMs: 60_000, changes: 0 };
    app.worker.receive({ kind: 'status', status: { ...await sync.getStatus(), lastSync } });
    app.worker.child.kill('SIGSTOP');
    const create = () => records.create({ collection: 'plans', fields: {} });
    const calls = [auth.changePassword({ current: 'a', next: 'b' }), create(), data.counts()];
    app.worker.child.kill('SIGKILL');
    const answers = [...await Promise.all(calls), await create()];
    assert.deepEqual(answers.map((answer) => answer.ok ? null : answer.error.code),
      ['outcome_unknown', 'outcome_unknown', 'internal', 'internal'], 'the last one was not even sent');
    assert(((await sync.getStatus()).lastSync?.ageMs ?? 0) > 60_000);
  });

  test('is started again, and its calls are answered, even if its status cannot be passed on', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const app = await startApp(t, { folder });
    await app.electron.sync.getStatus();
    app.contents.send = () => { throw new Error('the page is gone'); };
    const waiting = app.electron.data.counts();
    app.worker.child.kill('SIGKILL');
    assert.equal((await waiting).ok, false);
    t.mock.timers.tick(100);
    assert.equal((await app.electron.data.counts()).ok, true);
    assert.match(String(entry(app, 'status not passed on')?.['error']), /the page is gone/);
  });

  test('can report while the page is being destroyed, before its window is', async (t) => {
    const app = await startApp(t, { folder });
    const status = await app.electron.sync.getStatus();
    let isWindowThere = false;
    app.contents.once('destroyed', () => {
      isWindowThere = !app.window.isDestroyed();
      app.worker.receive({ kind: 'status', status });
    });
    app.window.close();
    await app.controls.app.ended;
    assert.deepEqual([isWindowThere, entry(app, 'status not passed on')], [true, undefined]);
  });

  test('that the system does not start is logged, keeps no call waiting, and is started again', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { promise: isAllowed, resolve: allow } = Promise.withResolvers<void>();
    const app = await startApp(t, { folder, arrange: ({ processes }) => { processes.isAllowed = isAllowed; } });
    const { processes } = app.controls;
    const first = app.worker;
    assert.deepEqual([first.pid, first.kill()], [undefined, false]);
    const waiting = app.electron.data.counts();
    t.mock.timers.tick(30_000);
    assert.equal((await waiting).ok, false);
    assert.equal(entry(app, 'data process exited')?.['code'], null);
    processes.isAllowed = Promise.resolve();
    t.mock.timers.tick(100);
    await app.until(({ state }) => state === 'never_synced');
    // The first one starts after all; two would fight over the data.
    allow();
    await once(first.child, 'exit');
    assert.equal(processes.all.length, 2);
  });

  test('that dies again and again is started less and less often, and at once again if it has lived for a minute', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const now = performance.now.bind(performance);
    let livedMs = 0;
    t.mock.method(performance, 'now', () => now() + livedMs);
    const app = await startApp(t, { folder, arrange: ({ processes }) => { processes.isAllowed = new Promise(() => undefined); } });
    try {
      const delays: number[] = [];
      // The system starts none of them, which ends each after 30 s.
      for (const lifeMs of [0, 0, 0, 0, 0, 0, 0, 0, 60_000, 0]) {
        livedMs += lifeMs;
        t.mock.timers.tick(30_000);
        const delayMs = Number(app.log().at(-1)?.['delayMs']);
        delays.push(delayMs);
        const { length: started } = app.controls.processes.all;
        t.mock.timers.tick(delayMs - 1);
        assert.equal(app.controls.processes.all.length, started, `not before ${delayMs} ms`);
        t.mock.timers.tick(1);
        assert.equal(app.controls.processes.all.length, started + 1);
      }
      assert.deepEqual(delays, [100, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 100, 1000]);
    } finally {
      app.controls.app.quit();
      t.mock.timers.tick(5000);
      await app.controls.app.ended;
    }
  });

  test('answers even a call that comes before it knows where its data is', async (t) => {
    const { promise: isAllowed, resolve: allow } = Promise.withResolvers<void>();
    const app = await startApp(t, { folder, arrange: ({ processes }) => { processes.isAllowed = isAllowed; } });
    const answers: { readonly kind: string; readonly id?: number; readonly outcome?: { readonly ok: boolean } }[] = [];
    app.worker.on('message', (message) => answers.push(message));
    app.worker.child.send({ data: { kind: 'call', id: 7, channel: 'data.counts', request: undefined } });
    allow();
    await app.until(({ state }) => state === 'never_synced');
    assert.equal(answers.find(({ kind, id }) => kind === 'answer' && id === 7)?.outcome?.ok, false);
  });

  test('that never started does not keep the program from quitting', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const app = await startApp(t, { folder, arrange: ({ processes }) => { processes.isAllowed = new Promise(() => undefined); } });
    app.controls.app.quit();
    t.mock.timers.tick(5000);
    await app.controls.app.ended;
    assert.equal(lastEvent(app), 'stopped');
  });
});

describe('a second start', () => {
  test('while the first is closing is remembered, and follows it', async (t) => {
    const { controls, window, electron } = await startApp(t, { folder });
    await electron.sync.getStatus();
    window.close();
    const second = await loadApp(t, { folder, home: controls.home });
    await Promise.all([second.app.ended, controls.app.ended]);
    assert.deepEqual([second.system.seen.errors, controls.app.isRelaunched], [[], true]);
  });

  test('in the turn before the first quits is remembered, too', async (t) => {
    const { controls, window, worker, electron } = await startApp(t, { folder });
    await electron.sync.getStatus();
    worker.once('exit', () => setImmediate(() => controls.app.emit('second-instance', {}, [], '')));
    window.close();
    await controls.app.ended;
    assert.equal(controls.app.isRelaunched, true);
  });

  test('while the first has closed but is not gone takes its place', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { controls, dataFolder } = await startApp(t, {
      folder, arrange: (own) => lockElsewhere(t, own, () => rmdirSync(join(own.home, 'Invoify', 'lockfile'))),
    });
    assert.deepEqual([controls.windows.length, controls.system.seen.errors], [1, []]);
    assert(!existsSync(join(dataFolder, 'starting')));
  });

  test('while the first is still starting waits for it, and ends', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const first = await loadApp(t, { folder });
    const second = loadApp(t, {
      folder,
      home: first.home,
      arrange: ({ app }) => {
        const request = app.requestSingleInstanceLock.bind(app);
        app.requestSingleInstanceLock = () => {
          const isGranted = request();
          first.app.becomeReady();
          first.app.once('second-instance', () => queueMicrotask(() => t.mock.timers.tick(2000)));
          return isGranted;
        };
      },
    });
    const { app, system } = await second;
    app.becomeReady();
    await app.ended;
    assert.deepEqual([app.exitCode, system.seen.errors], [0, []]);
  });

  test('that found the window is forgotten when it is closed', async (t) => {
    const { controls, window } = await startApp(t, { folder });
    await (await loadApp(t, { folder, home: controls.home })).app.ended;
    assert.equal(window.focusCount, 1);
    window.close();
    await controls.app.ended;
    assert.equal(controls.app.isRelaunched, false);
  });
});

test('the end of the Windows session finds the window\'s state already written', async (t) => {
  const app = await startApp(t, { folder });
  app.window.bounds = { x: 300, y: 200, width: 1000, height: 700 };
  assert.equal(app.window.endSession(), true);
  const state: unknown = JSON.parse(readFileSync(join(app.dataFolder, 'window.json'), 'utf8'));
  assert.deepEqual(state, { bounds: app.window.bounds, isMaximized: false, zoomLevel: 0 });
  assert.deepEqual([lastEvent(app), app.controls.app.hasEnded], ['session ended', true]);
});
