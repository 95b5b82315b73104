// A hostile page under Electron gets nothing: the real main and preload bundles on a stand-in for Electron.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startApp, type RunningApp } from './stand-in/start.ts';

const foreign = [
  'https://evil.example/', 'http://evil.example/', 'file:///etc/passwd', 'data:text/html,<h1>x</h1>', 'javascript:alert(1)',
  'app://evil/index.html', 'app://user@invoify/index.html', 'app://invoify/window.js', 'blob:app://invoify/1',
  'about:blank', 'chrome://gpu/',
] as const;

describe('a page', () => {
  test('cannot navigate away, in any way and to any URL', async (t) => {
    const { contents } = await startApp(t);
    const home = contents.getURL();
    for (const url of foreign) {
      assert.equal(contents.navigate(url), false, `navigates to ${url}`);
      assert.equal(contents.navigateFrame(url), false, `embeds ${url}`);
      assert.equal(contents.redirect(url), false, `is redirected to ${url}`);
    }
    assert.equal(contents.getURL(), home);
    assert.equal(contents.navigateFrame(home), false, 'embeds itself');
    assert.equal(contents.attachWebview(), false);
    assert.equal(contents.navigate(`${home}#/invoices`), true, 'moves within itself');
  });

  test('cannot open windows, and opens only HTTPS links to the server in the browser', async (t) => {
    const signedOut = await startApp(t);
    for (const url of foreign) assert.equal(signedOut.contents.open(url), false, url);
    assert.deepEqual(signedOut.controls.system.seen.opened, [], 'without a server nothing is opened');

    const { contents, controls } = await startApp(t, { files: { 'settings.json': '{"server":"https://books.test"}' } });
    for (const url of [
      ...foreign, 'http://books.test/', 'https://books.test.evil.example/', 'https://user@books.test/', 'https://books.test:444/',
    ]) {
      assert.equal(contents.open(url), false, url);
      assert.equal(contents.navigate(url), false, url);
    }
    assert.deepEqual(controls.system.seen.opened, []);
    assert.equal(contents.open('https://books.test/help'), false);
    assert.equal(contents.navigate('https://books.test/terms'), false);
    assert.deepEqual(controls.system.seen.opened, ['https://books.test/help', 'https://books.test/terms']);
  });
});

test('a page is granted no permission in any session', async (t) => {
  const { controls, contents } = await startApp(t);
  for (const session of controls.sessions.all.values()) {
    for (const permission of ['media', 'geolocation', 'notifications', 'clipboard-read', 'fullscreen', 'openExternal', 'hid', 'usb']) {
      assert.deepEqual(session.grants(contents, permission), { asked: false, checked: false, device: false }, permission);
    }
    assert.equal(session.shareScreen(), null);
    assert.equal(session.download(), false);
    assert.equal(session.isSpellChecked, false);
  }
});

test('a page can load only packaged files', async (t) => {
  const { contents } = await startApp(t);
  const { session } = contents;
  // By the program: most of them nobody would serve anyway.
  const isBlocked = /ERR_BLOCKED_BY_CLIENT/;
  for (const url of foreign.filter((address) => !address.startsWith('app:'))) await assert.rejects(session.load(url), isBlocked, url);
  for (const url of ['https://evil.example/pixel.png', 'wss://evil.example/', 'ftp://evil.example/x']) {
    await assert.rejects(session.load(url), isBlocked, url);
  }
  for (const path of [
    'secret.html', '../secret.html', '..%2fsecret.html', '%2e%2e/secret.html', '..\\secret.html', 'index.html/', 'INDEX.HTML',
    'index.html%00', '',
  ]) {
    const response = await session.load(`app://invoify/${path}`);
    assert.equal(response.status, 404, path);
    assert.equal(await response.text(), '');
  }
  for (const url of ['app://elsewhere/index.html', 'app://invoify.evil.example/index.html', 'app://somebody@invoify/index.html']) {
    await assert.rejects(session.load(url), isBlocked, url);
  }
  assert.equal((await session.load('app://invoify/index.html', { method: 'POST', body: 'x' })).status, 405);
  const page = await session.load('app://invoify/index.html');
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.doesNotMatch(page.headers.get('content-security-policy') ?? '', /unsafe-inline|unsafe-eval|\*/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
});

describe('a call', () => {
  const refused = { ok: false, error: { code: 'forbidden', message: 'Only the window of Invoify may ask for this.' } };
  const call = ({ controls, contents }: RunningApp, frame: Parameters<typeof contents.eventFrom>[0], sender: unknown = contents) =>
    controls.ipcMain.invoke({ ...contents.eventFrom(frame), sender }, 'call', 'sync.getStatus', undefined);

  test('is answered only for the window\'s top frame', async (t) => {
    const app = await startApp(t);
    const { contents } = app;
    const { mainFrame } = contents;
    assert.equal((await call(app, mainFrame) as { ok: boolean }).ok, true);
    for (const [what, frame, sender] of [
      ['a frame at our address in the page', contents.embed('app://invoify/index.html'), contents],
      ['a foreign frame in the page', contents.embed('https://evil.example/'), contents],
      ['a frame that is gone', null, contents],
      ['another page', mainFrame, {}],
      ['the top frame at a foreign address', { ...mainFrame, parent: null, url: 'https://evil.example/' }, contents],
      ['another top frame at our address', { ...mainFrame, parent: null, frameToken: 'other', url: mainFrame.url }, contents],
    ] as const) assert.deepEqual(await call(app, frame, sender), refused, what);
    assert.equal(app.log().filter(({ event }) => event === 'call from an unknown sender refused').length, 6);
  });

  test('to a channel that is not the window\'s is not found', async (t) => {
    const { controls, contents } = await startApp(t);
    const others = [
      'file.backUp', 'file.writeCsv', 'file.writeEInvoice', '__proto__', 'constructor', 'sync', '', 7, null, undefined, {},
      ['sync.getStatus'],
    ];
    for (const channel of others) {
      const outcome = await controls.ipcMain.invoke(contents.eventFrom(contents.mainFrame), 'call', channel, { path: '/tmp/x' });
      assert.deepEqual(outcome, { ok: false, error: { code: 'not_found', message: 'There is no such call.' } }, String(channel));
    }
  });

  test('with an invalid request is refused, by the shell and by the desk', async (t) => {
    const { controls, contents } = await startApp(t);
    const channels = [
      'app.exportPdf', 'app.exportEInvoice', 'app.openEmail', 'app.openPhone', 'app.copyText', 'app.openFolder', 'data.listPage',
      'app.setUnsaved', 'auth.signIn', 'records.create', 'app.saveSettings',
    ];
    for (const channel of channels) {
      for (const request of [undefined, null, 7, 'x', [], { __proto__: null, collection: 7, text: 7, folder: '..', theme: 'pink' }]) {
        const outcome = await controls.ipcMain.invoke(contents.eventFrom(contents.mainFrame), 'call', channel, request) as {
          ok: boolean; error?: { code: string };
        };
        assert.deepEqual([outcome.ok, outcome.error?.code], [false, 'invalid_request'], `${channel} ${JSON.stringify(request)}`);
      }
    }
  });

  test('about the network is accepted only from the window, and only as online or offline', async (t) => {
    const { controls, contents, electron, worker } = await startApp(t);
    await electron.sync.getStatus();
    const posted: unknown[] = [];
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (data) => {
      posted.push(data);
      post(data);
    };
    controls.ipcMain.emit('network', contents.eventFrom(contents.embed('https://evil.example/')), 'online');
    controls.ipcMain.emit('network', contents.eventFrom(null), 'online');
    controls.ipcMain.emit('network', contents.eventFrom(contents.mainFrame), { state: 'online' });
    controls.ipcMain.emit('network', contents.eventFrom(contents.mainFrame), 'resume');
    assert.deepEqual(posted, []);
    contents.page.fire('online');
    assert.deepEqual(posted, [{ kind: 'systemEvent', event: 'online' }]);
  });
});
