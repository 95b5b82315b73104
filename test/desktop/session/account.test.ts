// The user's account from the desktop: its sessions and password, also where answers are lost or there is no server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { deviceName } from '../../../desktop/session/account.ts';
import { faults } from '../../network.ts';
import { embedded, password } from '../../server/harness.ts';
import { user } from '../../server/samples.ts';
import { assertRejects } from '../../server/store/fixture.ts';
import { openDesk } from '../../sync/desk.ts';
import { openSite, type Site, type TestAccount } from '../../sync/site.ts';
import { openSynced } from '../../sync/synced.ts';

let site: Site;
let account: TestAccount;
before(async () => {
  site = await openSite(embedded);
  account = await site.newAccount();
});
after(() => site.stop());

test('a session is named after computer and program, in at most 100 characters that the server takes', () => {
  assert.equal(deviceName('FRONT-DESK', '1.2.0'), 'FRONT-DESK, Invoify 1.2.0');
  assert.equal(deviceName('', '1.2.0'), 'Invoify 1.2.0');
  assert.equal(deviceName(' \u0007desk\n', '1.2.0'), 'desk, Invoify 1.2.0');
  const long = deviceName('x'.repeat(84) + '\u{1f4a9}', '1.2.0');
  assert.deepEqual([long.length, long.isWellFormed(), long.endsWith(', Invoify 1.2.0')], [100, true, true]);
});

describe('sessions', () => {
  test('are listed with the name given at sign-in, the user\'s own or all, and ended at most once', async (t) => {
    const email = 'seller@account.test';
    const { body } = await account.client.post('/api/users', user(email, { role: 'editor', password }));
    const desk = await openDesk(t, { url: site.server.url, deps: { device: 'FRONT-DESK, Invoify 1.2.0' } });
    await desk.host.signIn(email, password);
    await desk.sync();
    await assertRejects(desk.host.account.listSessions(true), 'forbidden');
    const { client } = await account.signIn(body.record.id);
    const sessions = (await desk.host.account.listSessions(false)).toSorted((a, b) => Number(b.current) - Number(a.current));
    assert.deepEqual(sessions.map(({ device, current }) => [device, current]), [['FRONT-DESK, Invoify 1.2.0', true], [null, false]]);
    assert.deepEqual(sessions.map(({ syncedTo }) => syncedTo !== null), [true, false]);
    const other = sessions.find(({ current }) => !current);
    assert(other);
    await desk.host.account.endSession(other.id);
    assert.equal((await client.get('/api/auth/me')).status, 401);
    await desk.host.account.endSession(other.id);
    assert.equal((await desk.host.account.listSessions(false)).length, 1);
  });

  test('of everyone are listed for an owner, who can end any', async (t) => {
    const { desk, books: { owner } } = await openSynced(t, site);
    const seller = await owner.hire('viewer');
    const theirs = (await desk.host.account.listSessions(true)).find(({ userId }) => userId === seller.userId);
    assert(theirs);
    await desk.host.account.endSession(theirs.id);
    assert.equal((await seller.client.get('/api/auth/me')).status, 401);
  });
});

describe('a new password', () => {
  const email = 'clerk@account.test';
  const next = 'another horse battery';
  before(async () => {
    await account.client.post('/api/users', user(email, { password }));
  });

  test('says what is wrong with it, and counts from then on, while this session goes on', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    await desk.host.signIn(email, password);
    await desk.sync();
    const fieldsOf = async (current: string, wanted: string): Promise<unknown> => {
      const { details } = await assertRejects(desk.host.account.changePassword(current, wanted), 'invalid_request');
      return Object.entries(details.fields ?? {}).map(([name, { code }]) => [name, code]);
    };
    assert.deepEqual(await fieldsOf(next, next), [['current', 'wrong_password']]);
    assert.deepEqual(await fieldsOf(password, 'short'), [['next', 'too_short']]);
    assert.deepEqual(await fieldsOf(password, email), [['next', 'own_address']]);
    await desk.host.account.changePassword(password, next);
    await desk.sync();
    await assertRejects(desk.host.signIn(email, password), 'unauthorized');
  });

  test('whose answer is lost may count or not, which is said, and is not sent twice', async (t) => {
    const { desk } = await openSynced(t, site);
    for (const fault of ['answerLost', 'gatewayTimeout', 'unavailableAfterwards'] as const) {
      const from = desk.network.calls.length;
      desk.network.plan(({ path }) => (path === '/api/auth/password' ? faults[fault] : null));
      await assertRejects(desk.host.account.changePassword(password, next), 'outcome_unknown');
      assert.equal(desk.network.calls.slice(from).filter(({ path }) => path === '/api/auth/password').length, 1);
      desk.network.plan(null);
      await desk.sync();
    }
  });

  test('is not sent, nor sessions asked for, while the server is away', async (t) => {
    const { desk } = await openSynced(t, site);
    desk.network.plan(() => faults.refused);
    assert.equal((await desk.host.pullFromServer()).error?.code, 'offline');
    const from = desk.network.calls.length;
    const { account: calls } = desk.host;
    for (const call of [calls.changePassword(password, next), calls.listSessions(false), calls.endSession('some')]) {
      await assertRejects(call, 'offline');
    }
    assert.equal(desk.network.calls.length, from);
  });
});
