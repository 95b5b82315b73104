// The wire contract: the list of sessions and ending them, renewing tokens, how long a session lives, and changing one's own
// password.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type Client, type Reply } from '../../client.ts';
import { firstOwner, hire, password, startServer, stores, type People, type TestServer } from '../harness.ts';
import { customer, user } from '../samples.ts';

const DAY_MS = 86_400_000;
const nextPassword = 'another horse battery';

interface SessionEntry {
  readonly id: string;
  readonly userId: string;
  readonly device: string | null;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly syncedTo: string | null;
  readonly current: boolean;
}

async function sessionsOf(client: Client, query = ''): Promise<readonly SessionEntry[]> {
  const reply = await client.get(`/api/auth/sessions${query}`);
  assert.equal(reply.status, 200, reply.text);
  return (JSON.parse(reply.text) as { sessions: SessionEntry[] }).sessions;
}

async function ownSession(client: Client): Promise<SessionEntry> {
  const own = (await sessionsOf(client)).find(({ current }) => current);
  assert(own);
  return own;
}

const assertWorks = async (client: Client): Promise<void> => assert.equal((await client.get('/api/auth/me')).status, 200);
const assertEnded = async (client: Client): Promise<void> => assertError(await client.get('/api/auth/me'), 'unauthorized');

for (const store of stores) {
  describe(`sessions, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    let counter = 0;
    before(async () => {
      server = await startServer(store, { TOKEN_TTL: '40d' });
      people = await hire(server.owner, 'first.test');
    });
    after(() => server.stop());

    /** A new viewer, not signed in. */
    const newcomer = async (): Promise<string> => {
      const email = `newcomer${counter += 1}@first.test`;
      await server.owner.create('users', user(email, { password }));
      return email;
    };
    const refresh = async (client: Client): Promise<Client> => {
      const reply = await client.post('/api/auth/refresh');
      assert.equal(reply.status, 200, reply.text);
      return client.as(reply.body.token, client.userId);
    };
    const signIn = async (email: string, device?: string): Promise<Client> => {
      const { body } = await server.client.post('/api/auth/login', { email, password, device });
      return server.client.as(body.token, body.user.id);
    };

    test('are listed with device, times and cursor, and the one that asks is marked', async () => {
      const email = await newcomer();
      const first = await signIn(email, 'PC-ä, Invoify 1.0.0');
      const startedAt = new Date(server.clock.ms).toISOString().replace('Z', '000Z');
      server.clock.ms += 1000;
      const second = await signIn(email);
      const [one, two, ...rest] = await sessionsOf(second);
      assert(one && two);
      assert.deepEqual(rest, []);
      const { id, ...facts } = one;
      assert.match(id, /^[0-9a-f]{32}$/);
      assert.deepEqual(facts, {
        userId: first.userId, device: 'PC-ä, Invoify 1.0.0', createdAt: startedAt, lastSeenAt: startedAt, syncedTo: null, current: false,
      });
      assert.deepEqual([two.device, two.current], [null, true]);
    });

    test('say how far they have synced once a pull has got everything', async () => {
      const client = await signIn(await newcomer());
      for (let index = 0; index < 2; index += 1) await server.owner.create('customers', customer());
      const part = await client.pull('?limit=1');
      assert.equal(part.body.hasMore, true);
      assert.equal((await ownSession(client)).syncedTo, null);
      const { last } = await client.pullAll();
      assert.equal((await ownSession(client)).syncedTo, last.body.serverTime);
      await server.owner.create('customers', customer());
      assert.equal((await ownSession(client)).syncedTo, last.body.serverTime);
      const next = await client.pull(`?since=${last.body.serverTime}`);
      assert.equal((await ownSession(client)).syncedTo, next.body.serverTime);
      assert.notEqual(next.body.serverTime, last.body.serverTime);
    });

    test('have synced nothing with the head of a pull', async () => {
      const client = await signIn(await newcomer());
      assert.equal((await client.send('HEAD', '/api/sync/pull?limit=5000')).status, 200);
      assert.equal((await ownSession(client)).syncedTo, null);
    });

    test('say when they were last seen, to five minutes', async () => {
      const client = await signIn(await newcomer());
      const seen = async (): Promise<number> => Date.parse((await ownSession(client)).lastSeenAt);
      const startMs = server.clock.ms;
      server.clock.ms += 299_000;
      assert.equal(await seen(), startMs);
      server.clock.ms += 1000;
      assert.equal(await seen(), server.clock.ms);
    });

    test('of the whole account are listed and ended by owners only', async () => {
      const email = await newcomer();
      const client = await signIn(email);
      const { id } = await ownSession(client);
      const all = await sessionsOf(server.owner, '?all=1');
      assert(all.some((session) => session.id === id && session.userId === client.userId && !session.current));
      assert.deepEqual((await sessionsOf(server.owner)).map(({ userId }) => userId).filter((userId) => userId !== server.owner.userId), []);
      assertError(await people.editor.get('/api/auth/sessions?all=1'), 'forbidden');
      assertError(await people.editor.send('DELETE', `/api/auth/sessions/${id}`), 'not_found');
      await assertWorks(client);
      const { status, body } = await server.owner.send('DELETE', `/api/auth/sessions/${id}`);
      assert.deepEqual([status, body], [200, { success: true }]);
      await assertEnded(client);
      for (const gone of [id, 'x', '0'.repeat(32)]) {
        assertError(await server.owner.send('DELETE', `/api/auth/sessions/${gone}`), 'not_found');
      }
    });

    test('of the user\'s own can be ended, including the one that asks', async () => {
      const email = await newcomer();
      const [lost, here] = [await signIn(email), await signIn(email)];
      assert.equal((await here.send('DELETE', `/api/auth/sessions/${(await ownSession(lost)).id}`)).status, 200);
      await assertEnded(lost);
      assert.equal((await here.send('DELETE', `/api/auth/sessions/${(await ownSession(here)).id}`)).status, 200);
      await assertEnded(here);
    });

    test('take a device of up to 100 characters', async () => {
      const login = (device: unknown): Promise<Reply> => server.client.post('/api/auth/login', { email: firstOwner, password, device });
      assert.equal((await login('x'.repeat(100))).status, 200);
      assert.equal((await login(null)).status, 200);
      for (const device of ['x'.repeat(101), 5, '\u0000', ['x']]) assertError(await login(device), 'invalid_request', ['device']);
    });

    test('accept the old token for a minute after it was refreshed', async () => {
      const old = await signIn(await newcomer());
      const next = await refresh(old);
      await assertWorks(next);
      server.clock.ms += 59_000;
      await assertWorks(old);
      server.clock.ms += 1000;
      await assertEnded(old);
      await assertWorks(next);
    });

    test('survive that the answer to a refresh is lost: the old token refreshes again until the new one has arrived', async () => {
      const old = await signIn(await newcomer());
      const lost = await refresh(old);
      server.clock.ms += 3 * DAY_MS;
      await assertEnded(old);
      const arrived = await refresh(old);
      await assertWorks(arrived);
      // It is the same token, so what one process was given is no worse than what the other was.
      await assertWorks(lost);
      await sessionsOf(arrived);
      assertError(await old.post('/api/auth/refresh'), 'unauthorized');
    });

    test('survive that two processes refresh one token, at once or one after the other', async () => {
      const shared = await signIn(await newcomer());
      const both = await Promise.all([refresh(shared), refresh(shared)]);
      const late = await refresh(shared);
      server.clock.ms += DAY_MS;
      for (const client of [...both, late]) await assertWorks(client);
    });

    test('no longer accept a token older than the previous one', async () => {
      const first = await signIn(await newcomer());
      const second = await refresh(first);
      const third = await refresh(second);
      await assertEnded(first);
      assertError(await first.post('/api/auth/refresh'), 'unauthorized');
      for (const client of [second, third]) await assertWorks(client);
    });

    test('other than the one that changes its own password are ended by that', async () => {
      const email = await newcomer();
      const [other, here] = [await signIn(email), await signIn(email)];
      const { status, body } = await here.post('/api/auth/password', { current: password, next: nextPassword });
      assert.deepEqual([status, body], [200, { success: true }]);
      await assertWorks(here);
      await assertEnded(other);
      assertError(await server.client.post('/api/auth/login', { email, password }), 'unauthorized');
      await server.client.login(email, nextPassword);
    });

    test('are not affected by a change of password that is refused', async () => {
      const email = await newcomer();
      const [other, here] = [await signIn(email), await signIn(email)];
      const change = (current: unknown, next: unknown): Promise<Reply> => here.post('/api/auth/password', { current, next });
      const wrong = await change('not the password', nextPassword);
      assertError(wrong, 'invalid_request', ['current']);
      assert.equal(wrong.body.error.fields?.['current']?.code, 'wrong_password');
      for (const [next, code] of [['too short', 'too_short'], ['ß'.repeat(513), 'too_long']] as const) {
        const reply = await change(password, next);
        assertError(reply, 'invalid_request', ['next']);
        assert.equal(reply.body.error.fields?.['next']?.code, code);
      }
      assertError(await change(undefined, undefined), 'invalid_request', ['current', 'next']);
      assertError(await server.client.post('/api/auth/password', { current: password, next: nextPassword }), 'unauthorized');
      for (const client of [other, here]) await assertWorks(client);
      await server.client.login(email, password);
    });

    test('have ten tries at the present password, whoever has got hold of one', async () => {
      const email = await newcomer();
      const [stolen, own] = [await signIn(email), await signIn(email)];
      const change = (client: Client, current: string): Promise<Reply> =>
        client.post('/api/auth/password', { current, next: nextPassword });
      const replies = await Promise.all(Array.from({ length: 15 }, (_, index) => change(stolen, `guess ${index}`)));
      assert.deepEqual([400, 429].map((code) => replies.filter(({ status }) => status === code).length), [10, 5]);
      assertError(await change(stolen, password), 'too_many_requests');
      await assertWorks(stolen);
      assert.equal((await change(own, password)).status, 200);
      await assertEnded(stolen);
    });

    test('end after 180 days, however often they are renewed', async () => {
      let client = await signIn(await newcomer());
      const startMs = server.clock.ms;
      for (let day = 0; day < 175; day += 25) {
        server.clock.ms = startMs + day * DAY_MS;
        client = await refresh(client);
      }
      const { body } = await client.post('/api/auth/refresh');
      assert.equal(Date.parse(body.expiresAt), Math.floor((startMs + 180 * DAY_MS) / 1000) * 1000);
      const last = client.as(body.token);
      server.clock.ms = startMs + 180 * DAY_MS - 1000;
      await assertWorks(last);
      assert.equal(Date.parse((await last.post('/api/auth/refresh')).body.expiresAt), Date.parse(body.expiresAt));
      server.clock.ms = startMs + 180 * DAY_MS;
      await assertEnded(last);
    });
  });
}
