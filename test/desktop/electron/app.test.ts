// The program under Electron, from start to quit: the real main, preload and worker bundles on a stand-in for Electron.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { SignInRequest } from '../../../shared/window/ipc.ts';
import { loadApp, startApp, type RunningApp } from './stand-in/start.ts';
import type { StandInMenuItem } from './stand-in/system.ts';
import type { StandInContents, StandInWindow } from './stand-in/windows.ts';

function menuItems({ controls }: RunningApp): StandInMenuItem[] {
  const flatten = (items: readonly StandInMenuItem[]): StandInMenuItem[] =>
    items.flatMap((item) => [item, ...flatten(item.submenu ?? [])]);
  return flatten(controls.system.seen.menu?.items ?? []);
}

async function shown(window: StandInWindow): Promise<void> {
  if (!window.isVisible()) await once(window, 'show');
}

describe('startup', () => {
  test('opens one sandboxed window on a page of the custom scheme', async (t) => {
    const { controls, window, contents } = await startApp(t);
    assert.equal(contents.getURL(), 'app://invoify/index.html');
    assert.equal(controls.windows.length, 1);
    await shown(window);
    const { sandbox, contextIsolation, nodeIntegration, nodeIntegrationInWorker, nodeIntegrationInSubFrames, webSecurity, webviewTag,
      spellcheck, allowRunningInsecureContent, experimentalFeatures, enableBlinkFeatures } = window.options.webPreferences;
    assert.deepEqual([sandbox, contextIsolation, webSecurity], [true, true, true]);
    assert.deepEqual(
      [nodeIntegration, nodeIntegrationInWorker, nodeIntegrationInSubFrames, webviewTag, spellcheck, allowRunningInsecureContent],
      [false, false, false, false, false, false]);
    assert.deepEqual([experimentalFeatures, enableBlinkFeatures], [undefined, 'LangAttributeAwareFormControlUI']);
    assert.deepEqual([...controls.sessions.schemes.values()],
      [{ scheme: 'app', privileges: { standard: true, secure: true } }]);
    assert(![...controls.sessions.all.keys()].some((partition) => partition.startsWith('persist:')), 'every session is in memory');
  });

  test('stores its data in a folder named Invoify, whatever the package is called', async (t) => {
    const { controls, dataFolder, electron, ask, log } = await startApp(t);
    assert.equal(controls.app.getPath('userData'), join(controls.home, 'Invoify'));
    await electron.sync.getStatus();
    const { version, dataFolder: shown, logFolder, lacks } = await ask(electron.app.getInfo());
    assert.deepEqual([version, shown, logFolder, lacks], ['0.1.0', dataFolder, join(dataFolder, 'logs'), []]);
    assert(existsSync(join(dataFolder, 'database')));
    const { sqlite, fullText } = log().find(({ event }) => event === 'cache opened') ?? {};
    assert.deepEqual([sqlite, fullText], [process.versions.sqlite, true]);
  });

  test('tells the window the system\'s regional format, if it has one', async (t) => {
    const { controls, ask, electron } = await startApp(t);
    for (const [system, told] of [['de-DE', 'de-DE'], ['en-DE-u-co-phonebk', 'en-DE'], ['c', null], ['', null]] as const) {
      controls.app.systemLocale = system;
      assert.equal((await ask(electron.app.getInfo())).locale, told, system);
    }
  });

  test('tells the window that sign-ins are not stored if the system cannot encrypt', async (t) => {
    const { ask, electron, log } = await startApp(t, { arrange: ({ system }) => void (system.safeStorage.isBroken = true) });
    assert.deepEqual((await ask(electron.app.getInfo())).lacks, ['token_storage']);
    assert.equal(log().filter(({ event }) => event === 'the system cannot encrypt').length, 1);
  });

  test('of a second instance focuses the first one and quits', async (t) => {
    const { controls, window } = await startApp(t);
    window.minimize();
    const second = await loadApp(t, { home: controls.home });
    second.app.becomeReady();
    await second.app.ended;
    assert.deepEqual([second.app.exitCode, second.windows.length, second.processes.all.length], [0, 0, 0]);
    assert.deepEqual([window.isMinimized(), window.isVisible(), window.focusCount], [false, true, 1]);
  });

  test('exposes the preload\'s API to the page, and nothing else', async (t) => {
    const { contents } = await startApp(t);
    assert.deepEqual([...contents.page.exposed.keys()], ['electron']);
    const api = contents.page.exposed.get('electron') as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    assert.deepEqual(Object.keys(api), ['sync', 'auth', 'data', 'records', 'app']);
    assert.deepEqual(Object.keys(api['sync'] ?? {}), ['pullFromServer', 'getStatus', 'getOnlineStatus', 'setAuthToken', 'onStatus']);
    assert(Object.isFrozen(api['sync']));
  });
});

describe('the menu', () => {
  test('has the usual shortcuts, and sends commands to the window', async (t) => {
    const app = await startApp(t);
    const items = menuItems(app);
    const keys = {
      refresh: 'F5', search: 'CommandOrControl+F', new: 'CommandOrControl+N', print: 'CommandOrControl+P',
      settings: 'CommandOrControl+,',
    };
    for (const [command, accelerator] of Object.entries(keys)) {
      items.find((item) => item.accelerator === accelerator)?.click?.();
      assert.equal(app.commands.at(-1), command);
    }
    const roles = items.map(({ role }) => role);
    for (const role of ['cut', 'copy', 'paste', 'selectAll', 'zoomIn', 'zoomOut', 'resetZoom', 'quit']) assert(roles.includes(role), role);
    assert(!roles.includes('toggleDevTools') && !roles.includes('reload'));
    assert.deepEqual(items.filter(({ role }) => role === 'zoomIn').map(({ accelerator, visible }) => [accelerator, visible]),
      [[undefined, undefined], ['CommandOrControl+=', false]], 'Ctrl+= works as well');
  });

  test('is in the chosen language, or the system\'s', async (t) => {
    const app = await startApp(t, { arrange: ({ app: { ...rest } }) => void rest });
    assert(menuItems(app).some(({ label }) => label === 'Settings'));
    await app.ask(app.electron.app.saveSettings({ language: 'de' }));
    assert(menuItems(app).some(({ label }) => label === 'Einstellungen'));
    const german = await startApp(t, { arrange: (controls) => void (controls.app.locale = 'de-AT') });
    assert(menuItems(german).some(({ label }) => label === 'Drucken …'));
  });
});

test('the theme follows the settings, at startup and when they change', async (t) => {
  const app = await startApp(t, { files: { 'settings.json': '{ "theme": "dark" }' } });
  const { nativeTheme } = app.controls.system;
  assert.equal(nativeTheme.themeSource, 'dark');
  await app.ask(app.electron.app.saveSettings({ theme: 'light' }));
  assert.equal(nativeTheme.themeSource, 'light');
  assert.equal((await app.electron.app.saveSettings({ theme: 'pink' as 'dark' })).ok, false);
  assert.equal(nativeTheme.themeSource, 'light');
});

describe('the window', () => {
  const saved = (bounds: object, isMaximized = false): Record<string, string> =>
    ({ 'window.json': JSON.stringify({ bounds, isMaximized }) });

  test('opens where it was closed, at the same size, with its content as large', async (t) => {
    const first = await startApp(t);
    first.contents.setZoomLevel(1.5);
    first.window.bounds = { x: 300, y: 200, width: 1000, height: 700 };
    first.window.maximize();
    await first.quit();
    const state = readFileSync(join(first.dataFolder, 'window.json'), 'utf8');
    const second = await startApp(t, { files: { 'window.json': state } });
    await shown(second.window);
    assert.deepEqual(second.window.getNormalBounds(), { x: 300, y: 200, width: 1000, height: 700 });
    assert.equal(second.window.isMaximized(), true);
    assert.equal(second.contents.getZoomLevel().toFixed(6), '1.500000');
  });

  test('opens in the default place if its display is gone', async (t) => {
    const { window } = await startApp(t, { files: saved({ x: 2500, y: 100, width: 1000, height: 700 }) });
    assert.deepEqual([window.options.x, window.options.y, window.options.width], [undefined, undefined, 1280]);
  });

  test('opens in the default place if its title bar was above or below the display', async (t) => {
    for (const y of [-100, 5000]) {
      const { window } = await startApp(t, { files: saved({ x: 300, y, width: 1000, height: 700 }) });
      assert.deepEqual([window.options.y, window.options.width], [undefined, 1280], String(y));
    }
  });

  test('opens in the default place if window.json is damaged', async (t) => {
    const { window } = await startApp(t, { files: { 'window.json': '{"bounds":{"x":"far"' } });
    assert.deepEqual([window.options.x, window.options.width, window.isMaximized()], [undefined, 1280, false]);
    for (const level of ['1e3', '-1e3']) {
      const zoomed = await startApp(t, { files: { 'window.json': `{"zoomLevel":${level}}` } });
      assert.equal(zoomed.contents.getZoomLevel(), 0, level);
    }
  });

  test('has a menu where a text is entered or selected, in the user\'s language', async (t) => {
    const { controls, contents } = await startApp(t, { files: { 'settings.json': '{ "language": "de" }' } });
    const at = { x: 10, y: 20, menuSourceType: 'mouse', editFlags: { canCut: false, canCopy: true, canPaste: true, canSelectAll: true } };
    const opened = (): unknown => controls.system.seen.popups.splice(0).map(({ items }) =>
      items.flatMap(({ label, enabled }) => label === undefined ? [] : [[label, enabled]]));
    contents.emit('context-menu', {}, { ...at, isEditable: true, selectionText: '' });
    assert.deepEqual(opened(), [[['Ausschneiden', false], ['Kopieren', true], ['Einfügen', true], ['Alles auswählen', true]]]);
    contents.emit('context-menu', {}, { ...at, isEditable: false, selectionText: 'INV-1' });
    assert.deepEqual(opened(), [[['Kopieren', true]]]);
    contents.emit('context-menu', {}, { ...at, isEditable: false, selectionText: ' ' });
    assert.deepEqual(opened(), []);
  });

  test('is shown when its page has content, or after 3 s if it never has', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { window } = await startApp(t, {
      files: saved({ x: 300, y: 200, width: 1000, height: 700 }, true),
      arrange: ({ app }) => void app.once('web-contents-created', (_event, contents: StandInContents) => { contents.hasContent = false; }),
    });
    t.mock.timers.tick(2999);
    assert.equal(window.isVisible(), false);
    t.mock.timers.tick(1);
    assert.deepEqual([window.isVisible(), window.isMaximized()], [true, true]);
  });

  test('is shown at once if its page cannot be loaded', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const controls = await loadApp(t);
    const { promise: hasFailed, resolve } = Promise.withResolvers<void>();
    controls.app.once('web-contents-created', (_event, contents: StandInContents) => {
      contents.session.load = () => Promise.reject(new Error('ERR_FAILED'));
      contents.once('did-fail-load', () => resolve());
    });
    controls.app.becomeReady();
    await hasFailed;
    assert.equal(controls.windows[0]?.isVisible(), true);
  });

  test('reloads when its page crashes, and asks the user if it keeps crashing', async (t) => {
    const { controls, contents, electron, log } = await startApp(t, { files: { 'settings.json': '{ "language": "de" }' } });
    controls.system.person.press = async () => 0;
    for (const loads of [2, 3, 4]) {
      contents.crash('crashed');
      await once(contents, 'did-finish-load');
      assert.equal(contents.loads, loads);
    }
    assert.equal(controls.system.seen.messages.length, 0);
    contents.crash('oom');
    await once(contents, 'did-finish-load');
    const [question] = controls.system.seen.messages;
    assert.equal(question?.message, 'Das Fenster von Invoify stürzt immer wieder ab.');
    assert.equal((await contents.page.exposed.get('electron') as RunningApp['electron'] === electron), false);
    assert.deepEqual(log().filter(({ event }) => event === 'renderer exited').map(({ reason }) => reason),
      ['crashed', 'crashed', 'crashed', 'oom']);
  });

  test('quits if the user chooses to close it after repeated crashes', async (t) => {
    const { controls, contents } = await startApp(t);
    controls.system.person.press = async () => 1;
    for (const _ of [1, 2, 3]) {
      contents.crash('crashed');
      await once(contents, 'did-finish-load');
    }
    contents.crash('crashed');
    await controls.app.ended;
  });
});

describe('quitting', () => {
  test('by closing the window closes everything first', async (t) => {
    const { controls, window, worker, log, electron } = await startApp(t);
    await electron.sync.getStatus();
    window.close();
    await controls.app.ended;
    assert.equal(worker.exitCode, 0);
    assert.equal(log().at(-1)?.['event'], 'stopped');
  });

  test('by any way asks first while something is unsaved, and so does the end of the Windows session', async (t) => {
    const { controls, window, ask, electron } = await startApp(t);
    const { person, seen } = controls.system;
    await ask(electron.app.setUnsaved({ isUnsaved: true }));
    for (const [count, [leave, button]] of ([[() => window.close(), 0], [() => controls.app.quit(), null]] as const).entries()) {
      person.press = async () => button;
      leave();
      leave();
      await nextTurn();
      assert.deepEqual([seen.messages.length, window.isDestroyed()], [count + 1, false]);
    }
    assert.deepEqual([seen.messages[0]?.message, seen.messages[0]?.defaultId], ['Close Invoify?', 0], 'Enter goes back');
    assert.equal(window.endSession(), false);
    person.press = async () => 1;
    window.close();
    await controls.app.ended;
  });

  test('asks nothing once all is saved, or if the page has crashed', async (t) => {
    const ways: readonly ((app: RunningApp) => Promise<unknown>)[] = [
      ({ ask, electron }) => ask(electron.app.setUnsaved({ isUnsaved: false })),
      async ({ contents }) => {
        contents.crash('crashed');
        await once(contents, 'did-finish-load');
      },
    ];
    for (const settle of ways) {
      const app = await startApp(t);
      await app.ask(app.electron.app.setUnsaved({ isUnsaved: true }));
      await settle(app);
      app.window.close();
      assert.deepEqual(app.controls.system.seen.messages, []);
      await app.controls.app.ended;
    }
  });

  test('answers pending calls', async (t) => {
    const { electron, controls } = await startApp(t);
    const request: SignInRequest = { server: 'http://127.0.0.1:9', email: 'a@b.test', password: 'secret' };
    const answers = [electron.auth.signIn(request), electron.data.counts(), electron.sync.getStatus().then(() => null, () => null)];
    controls.app.quit();
    await controls.app.ended;
    await Promise.all(answers);
    assert.equal((await electron.data.counts()).ok, false);
  });

  const unstoppable = process.platform === 'win32' && 'Windows cannot suspend a process with a signal';
  test('waits for the data process however often it is asked for', { skip: unstoppable }, async (t) => {
    const { controls, worker, electron } = await startApp(t);
    await electron.sync.getStatus();
    worker.child.kill('SIGSTOP');
    for (const _ of [1, 2]) {
      controls.app.quit();
      for (const __ of [1, 2]) await nextTurn();
      assert.equal(controls.app.hasEnded, false);
    }
    worker.child.kill('SIGCONT');
    await controls.app.ended;
    assert.equal(worker.exitCode, 0);
  });

  test('does not wait for a data process that hangs', { skip: unstoppable }, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { controls, worker, electron } = await startApp(t);
    await electron.sync.getStatus();
    worker.child.kill('SIGSTOP');
    controls.app.quit();
    t.mock.timers.tick(5000);
    await Promise.all([controls.app.ended, once(worker.child, 'exit')]);
  });
});

test('a page can save only to the file that the user chooses', async (t) => {
  const { controls, electron, ask, dataFolder, contents } = await startApp(t);
  const { person, seen } = controls.system;
  assert.equal(await ask(electron.app.exportPdf({ name: 'INV-2026-00001' })), null);
  const path = join(controls.home, 'chosen.pdf');
  person.save = async () => path;
  assert.deepEqual(await ask(electron.app.exportPdf({ name: 'a/../b: CON?' })), { path, sizeBytes: 9 });
  assert.equal(readFileSync(path, 'utf8'), '%PDF-1.7\n');
  assert.match(seen.saveDialogs.at(-1)?.defaultPath ?? '', /a-\.\.-b- CON-\.pdf$/);
  person.save = async () => join(dataFolder, 'database', 'invoify.sqlite');
  assert.equal((await electron.app.backUp()).ok, false);
  assert.equal((await electron.app.exportPdf({ name: 'x' })).ok, false, 'the data folder is for the program');
  person.save = async () => join(controls.home, 'no', 'folder.pdf');
  const missing = await electron.app.exportPdf({ name: 'x' });
  assert.equal(!missing.ok && missing.error.code, 'invalid_request');

  assert.equal(await ask(electron.app.copyText({ text: 'a report' })), null);
  assert.equal(seen.clipboard, 'a report');
  person.copy = () => Promise.reject(new Error('the clipboard is in use'));
  assert.equal((await electron.app.copyText({ text: 'x' })).ok, false, 'the answer waits for the clipboard');
  assert.equal(await ask(electron.app.openFolder({ folder: 'logs' })), null);
  assert.deepEqual(seen.folders, [join(dataFolder, 'logs')]);
  person.folderProblem = 'no program';
  assert.equal((await electron.app.openFolder({ folder: 'data' })).ok, false);
  assert.equal(await ask(electron.app.print()), null);
  contents.printer = { isDone: false, reason: 'Print job canceled' };
  assert.equal(await ask(electron.app.print()), null);
  contents.printer = { isDone: false, reason: 'Print job failed' };
  assert.equal((await electron.app.print()).ok, false);
});

test('an e-mail is opened as a mailto: link, a phone number as a tel: link, and nothing else is, whatever the page asks for', async (t) => {
  const { controls, electron, ask } = await startApp(t);
  const { seen } = controls.system;
  assert.equal(await ask(electron.app.openEmail({ to: 'a@kunde.test', subject: 'Rechnung & mehr', text: 'Hallo\n' })), null);
  assert.deepEqual(seen.opened, ['mailto:a@kunde.test?subject=Rechnung%20%26%20mehr&body=Hallo%0D%0A']);
  for (const to of ['https://evil.example/', 'a@kunde.test?cc=b@kunde.test', 'file:///C:/x.exe', 'a@kunde.test, b@kunde.test']) {
    const refused = await electron.app.openEmail({ to, subject: 'x', text: 'x' });
    assert.equal(!refused.ok && refused.error.code, 'invalid_request', to);
  }
  assert.equal(await ask(electron.app.openPhone({ number: '+49 (0) 30 123-456' })), null);
  assert.equal(await ask(electron.app.openEmail({ to: 'a@kunde.test', subject: '', text: '' })), null);
  for (const number of ['https://evil.example/', '*21*0301234#', 'file:///C:/12345', 'tel:12345']) {
    const refused = await electron.app.openPhone({ number });
    assert.equal(!refused.ok && refused.error.code, 'invalid_request', number);
  }
  assert.deepEqual(seen.opened.slice(1), ['tel:+4930123456', 'mailto:a@kunde.test?subject=&body=']);
});

test('no dialog opens for an e-invoice that cannot be written', async (t) => {
  const { controls, electron } = await startApp(t);
  const refused = await electron.app.exportEInvoice({ id: '0'.repeat(24) });
  assert.equal(refused.ok, false);
  assert.deepEqual(controls.system.seen.saveDialogs, []);
});

test('a page can save where there is no Documents folder, as when its server is away', async (t) => {
  const { controls, electron, ask } = await startApp(t, { arrange: ({ app }) => void app.paths.delete('documents') });
  const { person, seen } = controls.system;
  const path = join(controls.home, 'chosen.pdf');
  person.save = async () => path;
  assert.deepEqual(await ask(electron.app.exportPdf({ name: 'INV-2026-00001' })), { path, sizeBytes: 9 });
  assert.equal(seen.saveDialogs.at(-1)?.defaultPath, 'INV-2026-00001.pdf');
});

test('PDFs of several invoices go to the folder that was chosen, each in a file of its own', async (t) => {
  const { controls, electron, ask } = await startApp(t);
  const { person, seen } = controls.system;
  const first = await electron.app.exportPdf({ name: 'INV-1', isInFolder: true });
  assert.equal(!first.ok && first.error.code, 'conflict', 'no folder was chosen');
  assert.equal(await ask(electron.app.chooseFolder()), null);
  person.chooseFolder = async () => controls.home;
  assert.equal(await ask(electron.app.chooseFolder()), controls.home);
  for (const name of ['INV-1.pdf', 'INV-1 (2).pdf', 'INV-1 (3).pdf']) {
    const path = join(controls.home, name);
    assert.deepEqual(await ask(electron.app.exportPdf({ name: 'INV-1', isInFolder: true })), { path, sizeBytes: 9 });
  }
  assert.deepEqual(seen.saveDialogs, []);
});

test('only one save dialog is open at a time', async (t) => {
  const { controls, electron } = await startApp(t);
  const { promise, resolve } = Promise.withResolvers<null>();
  controls.system.person.save = () => promise;
  const first = electron.app.backUp();
  const second = await electron.app.backUp();
  assert.equal(!second.ok && second.error.code, 'conflict');
  resolve(null);
  assert.deepEqual(await first, { ok: true, value: null });
});

test('starts even if the log folder is a file', async (t) => {
  const { electron, dataFolder } = await startApp(t, { files: { logs: 'not a folder' } });
  assert.equal((await electron.sync.getStatus()).state, 'never_synced');
  assert.equal(readFileSync(join(dataFolder, 'logs'), 'utf8'), 'not a folder');
  writeFileSync(join(dataFolder, 'logs'), '');
});
