// The wire contract: signing in and out, refreshing, reading the signed-in user, and what revokes a token.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type Client } from '../../client.ts';
import { firstOwner, password, startServer, stores, type TestServer } from '../harness.ts';
import { user } from '../samples.ts';

for (const store of stores) {
  describe(`signing in, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store, { TOKEN_TTL: '2h' }); });
    after(() => server.stop());

    const login = (email: unknown, secret: unknown) => server.client.post('/api/auth/login', { email, password: secret });

    test('returns a token, its expiry and the user', async () => {
      const { status, body } = await login(firstOwner, password);
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body).sort(), ['expiresAt', 'success', 'token', 'user']);
      assert.match(body.token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
      assert.equal(Date.parse(body.expiresAt), server.clock.ms + 2 * 3_600_000);
      const { id, accountId, ...rest } = body.user;
      assert.deepEqual(rest, { email: firstOwner, name: 'owner', role: 'owner' });
      assert.match(id, /^[0-9a-f]{24}$/);
      assert.match(accountId, /^[0-9a-f]{24}$/);
    });

    test('responds alike to a wrong password, an unknown address and a disabled user', async () => {
      await server.owner.create('users', user('gone@first.test', { password, disabled: true }));
      const replies = await Promise.all([
        login(firstOwner, 'another horse'), login('nobody@first.test', password), login('gone@first.test', password),
        login('not an address', password),
      ]);
      for (const reply of replies) assertError(reply, 'unauthorized');
      assert.equal(new Set(replies.map(({ text }) => text)).size, 1);
      const names = replies.map(({ headers }) => Object.keys(headers).sort().join());
      assert.equal(new Set(names).size, 1);
    });

    test('refuses a user without a password', async () => {
      await server.owner.create('users', user('invited@first.test'));
      assertError(await login('invited@first.test', ''), 'invalid_request', ['password']);
      assertError(await login('invited@first.test', 'undefined'), 'unauthorized');
    });

    test('reports each invalid field of the body', async () => {
      const cases: [unknown, string[]][] = [
        [{}, ['email', 'password']], [{ email: 1, password: true }, ['email', 'password']], [{ email: firstOwner }, ['password']],
        [{ email: null, password }, ['email']], [{ email: firstOwner, password, remember: true }, ['remember']],
        [{ email: 'a'.repeat(321), password: 'p'.repeat(1025) }, ['email', 'password']],
        [{ email: 'a\u0000', password: '\ud800' }, ['email', 'password']],
        [[], ['.']], ['text', ['.']], [null, ['.']], [undefined, ['.']],
      ];
      for (const [body, fields] of cases) {
        assertError(await server.client.post('/api/auth/login', body), 'invalid_request', fields);
      }
    });

    test('makes the user readable, which nobody is without a token', async () => {
      const { body } = await login(firstOwner, password);
      const me = await server.client.as(body.token).get('/api/auth/me');
      assert.deepEqual(me.body, { success: true, user: body.user });
      for (const [method, path] of [['GET', 'me'], ['POST', 'refresh'], ['POST', 'logout']] as const) {
        assertError(await server.client.send(method, `/api/auth/${path}`), 'unauthorized');
      }
    });

    test('shows later changes of the user\'s name and address to an earlier token', async () => {
      const { id, updatedAt } = await server.owner.create('users', user('old@first.test', { password }));
      const someone = await server.client.login('old@first.test', password);
      await server.owner.patch(`/api/users/${id}`, updatedAt, { email: 'new@first.test', name: 'Renamed' });
      const { body } = await someone.get('/api/auth/me');
      assert.equal(body.user.email, 'new@first.test');
      assert.equal(body.user.name, 'Renamed');
      assertError(await login('old@first.test', password), 'unauthorized');
      assert.equal((await login('new@first.test', password)).status, 200);
    });

    test('can be extended by refreshing a valid token, and the old one expires on time', async () => {
      const old = await server.client.login(firstOwner, password);
      server.clock.ms += 3_600_000;
      const { status, body } = await old.post('/api/auth/refresh');
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body).sort(), ['expiresAt', 'success', 'token', 'user']);
      assert.notEqual(body.token, old.token);
      assert.equal(Date.parse(body.expiresAt), server.clock.ms + 2 * 3_600_000);
      const refreshed = server.client.as(body.token);
      assert.equal((await old.get('/api/auth/me')).status, 200);
      server.clock.ms += 3_600_000;
      assertError(await old.get('/api/auth/me'), 'unauthorized');
      assertError(await old.post('/api/auth/refresh'), 'unauthorized');
      assert.equal((await refreshed.get('/api/auth/me')).status, 200);
      server.clock.ms += 3_600_000;
      assertError(await refreshed.get('/api/auth/me'), 'unauthorized');
    });
  });

  describe(`a token is revoked from the next request, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people = 0;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    const editor = async (): Promise<{ email: string; path: string; version: string; signedIn: Client }> => {
      const email = `editor${people += 1}@first.test`;
      const { id, updatedAt } = await server.owner.create('users', user(email, { role: 'editor', password }));
      return { email, path: `/api/users/${id}`, version: updatedAt, signedIn: await server.client.login(email, password) };
    };
    const assertEnded = async (client: Client): Promise<void> => {
      assertError(await client.get('/api/auth/me'), 'unauthorized');
      assertError(await client.pull(), 'unauthorized');
      assertError(await client.post('/api/auth/refresh'), 'unauthorized');
    };

    test('by signing out, with its refreshed tokens and no others', async () => {
      const first = await server.client.login(firstOwner, password);
      const second = await server.client.login(firstOwner, password);
      server.clock.ms += 1000;
      const refreshed = server.client.as((await first.post('/api/auth/refresh')).body.token);
      const { status, body } = await first.post('/api/auth/logout');
      assert.equal(status, 200);
      assert.deepEqual(body, { success: true });
      await assertEnded(first);
      await assertEnded(refreshed);
      assertError(await first.post('/api/auth/logout'), 'unauthorized');
      assert.equal((await second.get('/api/auth/me')).status, 200);
    });

    test('by a password change, and the old password is refused', async () => {
      const { email, path, version, signedIn } = await editor();
      const { status } = await server.owner.patch(path, version, { password: 'another good one' });
      assert.equal(status, 200);
      await assertEnded(signedIn);
      assertError(await server.client.post('/api/auth/login', { email, password }), 'unauthorized');
      assert.equal((await server.client.post('/api/auth/login', { email, password: 'another good one' })).status, 200);
    });

    test('by a user\'s own change of password, after the response', async () => {
      const { email, path, version } = await editor();
      const promoted = await server.owner.patch(path, version, { role: 'owner' });
      const self = await server.client.login(email, password);
      assert.equal((await self.patch(path, promoted.body.record.updatedAt, { password: 'another good one' })).status, 200);
      await assertEnded(self);
    });

    test('by a role that removes rights, and not by one that adds rights', async () => {
      const { path, version, signedIn } = await editor();
      const promoted = await server.owner.patch(path, version, { role: 'owner' });
      assert.equal((await signedIn.get('/api/auth/me')).body.user.role, 'owner');
      const demoted = await server.owner.patch(path, promoted.body.record.updatedAt, { role: 'viewer' });
      assert.equal(demoted.status, 200);
      await assertEnded(signedIn);
    });

    test('by disabling the user, and enabling again does not restore it', async () => {
      const { email, path, version, signedIn } = await editor();
      const disabled = await server.owner.patch(path, version, { disabled: true });
      await assertEnded(signedIn);
      assertError(await server.client.post('/api/auth/login', { email, password }), 'unauthorized');
      await server.owner.patch(path, disabled.body.record.updatedAt, { disabled: false });
      await assertEnded(signedIn);
      assert.equal((await server.client.post('/api/auth/login', { email, password })).status, 200);
    });

    test('by deleting the user, whose address becomes available again', async () => {
      const { email, path, version, signedIn } = await editor();
      assert.equal((await server.owner.remove(path, version)).status, 200);
      await assertEnded(signedIn);
      assertError(await server.client.post('/api/auth/login', { email, password }), 'unauthorized');
      await server.owner.create('users', user(email, { password }));
      await assertEnded(signedIn);
    });

    test('but not by a change that removes no rights', async () => {
      const { path, version, signedIn } = await editor();
      await server.owner.patch(path, version, { name: 'Somebody', password: null });
      assert.equal((await signedIn.get('/api/auth/me')).status, 200);
    });
  });

  describe(`the sign-in throttle, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    test('admits ten of fifty concurrent guesses', async () => {
      const attempts = Array.from({ length: 50 }, () =>
        server.client.post('/api/auth/login', { email: 'guessed@first.test', password: 'wrong wrong' }));
      const answers = await Promise.all(attempts);
      assert.deepEqual(Object.entries(Object.groupBy(answers, ({ status }) => status)).map(([status, all = []]) => [status, all.length]),
        [['401', 10], ['429', 40]]);
    });

    test('refuses even the right password after ten wrong ones until Retry-After has passed', async () => {
      const attempt = (email: string, secret: string) => server.client.post('/api/auth/login', { email, password: secret });
      for (let failures = 0; failures < 10; failures += 1) assertError(await attempt(firstOwner, 'wrong wrong'), 'unauthorized');
      const refused = await attempt(firstOwner, password);
      assertError(refused, 'too_many_requests');
      const others = await Promise.all(['a', 'b', 'c'].map((name) => attempt(`${name}@first.test`, 'wrong wrong')));
      // Two addresses share a slot of the counters once in 65,536 times.
      assert(others.filter(({ status }) => status === 401).length >= 2, 'other addresses are not refused');
      server.clock.ms += Number(refused.headers['retry-after']) * 1000;
      assert.equal((await attempt(firstOwner, password)).status, 200);
    });
  });
}
