// The host through the preview in a real browser: from the first sign-in over a lost server to an ended session.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeWindow, signIn, untilState, windowApi } from './harness.ts';

describeWindow('the desktop behind the window', { invoices: 300 }, (scene) => {
  test('signs in and brings the account', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    assert.equal((await windowApi(page).sync.getStatus()).state, 'never_synced');
    const status = await signIn(page, scene());
    assert.equal(status.user?.email, scene().owner.email);
    assert.deepEqual(await windowApi(page).data.counts(), { ok: true, value: scene().stage.company.counts });
  });

  test('goes offline with the server, and back', async (t) => {
    const desktop = await scene().openDesktop(t);
    const page = await desktop.openPage(t);
    await signIn(page, scene());
    await scene().stopServer();
    await windowApi(page).sync.pullFromServer();
    assert.equal((await untilState(page, 'unreachable', 'offline')).isOnline, false);
    await scene().startServer();
    await windowApi(page).sync.pullFromServer();
    await untilState(page, 'up_to_date');
    await scene().endSessions();
    await windowApi(page).sync.pullFromServer();
    await untilState(page, 'session_expired');
  });
});
