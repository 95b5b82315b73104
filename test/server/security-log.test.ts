// The security log: what it says of each event, that it never has what somebody typed, and that nobody can fill it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createSecurityLog } from '../../server/security-log.ts';
import type { LogLevel } from '../../server/config.ts';
import { assertError } from '../client.ts';
import { firstOwner, hire, password, startServer, stores, type People, type TestServer } from './harness.ts';
import { plan, user } from './samples.ts';

type Line = Readonly<Record<string, unknown>>;

for (const store of stores) {
  describe(`the security log, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    before(async () => {
      server = await startServer(store, { LOG_LEVEL: 'info' });
      people = await hire(server.owner, 'first.test');
    });
    after(() => server.stop());

    /** The security log's lines since then, without their time and request. */
    const linesAfter = (start: number): Line[] => server.lines.slice(start).map((text) => JSON.parse(text) as Line)
      .filter(({ area }) => area === 'security')
      .map(({ time: _time, requestId, peer, ...rest }) => {
        assert.match(String(requestId), /^[\w-]{8,}$/);
        assert.equal(peer, '127.0.0.1');
        return rest;
      });
    const common = { level: 'info', area: 'security' };

    test('has each sign-in and sign-out, with user and session', async () => {
      const start = server.lines.length;
      const client = await server.client.login(firstOwner, password);
      await client.post('/api/auth/logout');
      const [entry, exit, ...rest] = linesAfter(start);
      const session = entry?.['session'];
      assert.match(String(session), /^\w{32}$/);
      const facts = { ...common, user: server.owner.userId, email: firstOwner, session, collection: 'sessions', record: session };
      assert.deepEqual([entry, exit], [{ ...facts, event: 'sign-in' }, { ...facts, event: 'sign-out' }]);
      assert.deepEqual(rest, []);
    });

    test('has each refused sign-in: with the address of a user, but not with another text that was given as the address', async () => {
      const start = server.lines.length;
      await server.client.post('/api/auth/login', { email: 'Viewer@first.test', password: 'wrong password' });
      for (const email of ['my password, by mistake', 'my password, by mistake', 'nobody@first.test']) {
        await server.client.post('/api/auth/login', { email, password: 'wrong password' });
      }
      // The lookup of the address ends after the answer.
      while (linesAfter(start).length < 4) await new Promise(setImmediate);
      const [known, ...unknown] = linesAfter(start);
      const refused = { ...common, event: 'sign-in refused' };
      assert.deepEqual(known, { ...refused, email: 'viewer@first.test', user: people.viewer.userId });
      const hashes = unknown.map(({ addressHash, ...rest }) => {
        assert.deepEqual(rest, refused);
        assert.match(String(addressHash), /^[\w-]{16}$/);
        return addressHash;
      });
      assert.equal(hashes[0], hashes[1]);
      assert.notEqual(hashes[0], hashes[2]);
      assert.doesNotMatch(server.lines.join(''), /mistake|nobody|wrong password/);
    });

    test('has what was denied, and the token that was once good', async () => {
      const start = server.lines.length;
      const gone = await server.client.login('editor@first.test', password);
      await gone.post('/api/auth/logout');
      assertError(await gone.get('/api/auth/me'), 'unauthorized');
      assertError(await server.client.as('no.valid.token').get('/api/auth/me'), 'unauthorized');
      assertError(await people.viewer.post('/api/plans', plan()), 'forbidden');
      assertError(await people.viewer.post('/api/auth/password', { current: 'a wrong one', next: `${password} 2` }), 'invalid_request');
      const [{ session } = {}, , ...denied] = linesAfter(start);
      const viewer = { ...common, event: 'request denied', user: people.viewer.userId, session: denied[1]?.['session'], method: 'POST' };
      assert.deepEqual(denied, [
        { ...common, event: 'token refused', user: people.editor.userId, session },
        { ...viewer, code: 'forbidden', path: '/api/plans' },
        { ...viewer, code: 'wrong_password', path: '/api/auth/password' },
      ]);
    });

    test('has a change of somebody\'s password, role or address, and none of a name', async () => {
      const someone = await server.owner.create('users', user('someone@first.test', { password }));
      const start = server.lines.length;
      const named = await server.owner.change('users', someone, { name: 'Somebody' });
      const changed = await server.owner.change('users', named, { role: 'editor', password: `${password} 2` });
      await server.owner.remove(`/api/users/${someone.id}`, changed.updatedAt);
      const lines = linesAfter(start);
      assert.deepEqual(lines.map(({ event, record, fields }) => ({ event, record, fields })), [
        { event: 'user: update', record: someone.id, fields: ['role', 'password'] },
        { event: 'user: delete', record: someone.id, fields: undefined },
      ]);
    });

    test('has no password and no token, whatever happened', () => {
      const log = server.lines.join('');
      for (const secret of [password, String(server.owner.token), String(people.viewer.token)]) assert.equal(log.includes(secret), false);
    });
  });
}

test('what is refused again and again is logged once in ten seconds with the number of repeats, and in few lines', async () => {
  const lines: Line[] = [];
  let nowMs = 0;
  const log = createSecurityLog({
    log: (_level: LogLevel, event: string, facts: object = {}) => void lines.push({ event, ...facts }),
    store: () => ({ fingerprintKey: 'k', findAddress: async () => null }),
    monotonicMs: () => nowMs,
  });
  const from = { peer: '192.0.2.1', requestId: 'r' };
  for (let count = 0; count < 50; count += 1) {
    await log.signInFailed(from, 'a@b.test', 'throttled');
    log.tokenRefused(from, { userId: 'u', sessionId: 's' });
  }
  assert.deepEqual(lines.map(({ event, repeats }) => [event, repeats]), [['sign-in throttled', undefined], ['token refused', undefined]]);
  nowMs += 10_000;
  log.tokenRefused(from, { userId: 'u', sessionId: 's' });
  assert.equal(lines.at(-1)?.['repeats'], 49);
  lines.length = 0;
  for (let peer = 0; peer < 5000; peer += 1) await log.signInFailed({ peer: `p${peer}`, requestId: 'r' }, 'a@b.test', 'throttled');
  assert.ok(lines.length <= 1001, `${lines.length} lines`);
});
