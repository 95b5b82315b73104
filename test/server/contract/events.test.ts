// The wire contract: the event stream of nudges, on each store.

import assert from 'node:assert/strict';
import { request as requestHttp } from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';

import { assertError } from '../../client.ts';
import { openEvents, type EventStream } from './event-stream.ts';
import { addAccount, hire, openStore, password, startServer, stores, type TestServer } from '../harness.ts';
import { plan, user } from '../samples.ts';

for (const store of stores) {
  describe(`nudges, ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    const opened: EventStream[] = [];
    const listen = async (token: string | null = server.owner.token): Promise<EventStream> => {
      const stream = await openEvents(server.url, token);
      opened.push(stream);
      return stream;
    };
    before(async () => {
      server = await startServer(store);
    });
    afterEach(() => {
      for (const stream of opened.splice(0)) stream.close();
    });
    after(() => server.stop());

    test('arrive as an uncached, uncompressed event stream that starts with the current clock', async () => {
      const { serverTime } = (await server.owner.pull()).body;
      const stream = await listen();
      assert.match(stream.headers['content-type'] ?? '', /^text\/event-stream(;|$)/);
      assert.equal(stream.headers['cache-control'], 'no-store');
      assert.equal(stream.headers['content-encoding'], undefined);
      assert.equal(await stream.clock(), serverTime);
    });

    test('announce every write to every listener of the account, whoever wrote it', async () => {
      const people = await hire(server.owner, `${store.kind}-all.test`);
      const streams = await Promise.all([people.owner, people.editor, people.viewer].map(({ token }) => listen(token)));
      for (const stream of streams) await stream.clock();
      const created = await people.editor.create('plans', plan());
      for (const stream of streams) assert.equal((await stream.clocksUntil(created.updatedAt)).at(-1), created.updatedAt);
      const removed = await people.owner.remove(`/api/plans/${created.id}`, created.updatedAt);
      const { updatedAt } = removed.body.record;
      for (const stream of streams) assert.equal((await stream.clocksUntil(updatedAt)).at(-1), updatedAt);
    });

    test('arrive only when the write can be pulled', async () => {
      const stream = await listen();
      const since = await stream.clock();
      const { id, updatedAt } = await server.owner.create('plans', plan());
      await stream.clocksUntil(updatedAt);
      const { body } = await server.owner.pull(`?since=${since}`);
      assert.deepEqual(body.changes.map(({ mongoId }) => mongoId), [id]);
    });

    test('combine many writes into few events, the last with the newest clock', async () => {
      const stream = await listen();
      const [first] = [await stream.clock()];
      const written = await Promise.all(Array.from({ length: 60 }, () => server.owner.create('plans', plan())));
      const newest = written.map(({ updatedAt }) => updatedAt).sort().at(-1) ?? '';
      const clocks = await stream.clocksUntil(newest);
      assert.equal(clocks.at(-1), newest);
      assert(clocks.every((clock) => clock > first));
      assert(clocks.length < 30, `${clocks.length} events for 60 writes`);
    });

    test('are not sent for another account\'s writes', async () => {
      const stranger = await addAccount(server, `stranger@${store.kind}.test`);
      const [ours, theirs] = [await listen(), await listen(stranger.token)];
      await theirs.clock();
      await ours.clock();
      for (let index = 0; index < 3; index += 1) await server.owner.create('plans', plan());
      const { updatedAt } = await stranger.create('plans', plan());
      // Had the earlier writes been announced to the other account, those events would have arrived first.
      assert.equal(await theirs.clock(), updatedAt);
      assert.deepEqual(theirs.waiting, []);
    });

    test('announce what another process wrote to the database', async () => {
      const stream = await listen();
      await stream.clock();
      const other = await openStore(server, () => server.clock.ms);
      const { accountId } = (await server.owner.get('/api/auth/me')).body.user;
      const at = await other.write(accountId, async (transaction) =>
        transaction.put('plans', 'c'.repeat(24), { payload: '{"name":"By another process"}', secret: null, references: [] }, null));
      await other.close();
      const { serverTime } = (await server.owner.pull()).body;
      assert.equal(new Date(serverTime).getTime(), Math.floor(at / 1000));
      await stream.clocksUntil(serverTime);
    });

    test('end with their session, while other sessions\' streams continue', async () => {
      const other = await server.client.login('owner@first.test', password);
      const [ending, staying] = [await listen(other.token), await listen()];
      await ending.clock();
      await staying.clock();
      await other.post('/api/auth/logout');
      assert.deepEqual(await ending.end(), { kind: 'end', isWhole: true });
      const { updatedAt } = await server.owner.create('plans', plan());
      assert.equal(await staying.clock(), updatedAt);
    });

    test('end when their session is ended by an owner: at once, or at another server with the next heartbeat', async (t) => {
      const database = await openStore(server, () => server.clock.ms);
      t.after(() => database.close());
      t.mock.timers.enable({ apis: ['setInterval'] });
      const { accountId } = (await server.owner.get('/api/auth/me')).body.user;
      const sessionId = (token: string | null): string =>
        (JSON.parse(Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString()) as { sid: string }).sid;
      const [here, elsewhere] = await Promise.all([1, 2].map(() => server.client.login('owner@first.test', password)));
      assert(here && elsewhere);
      const [endedHere, endedElsewhere] = [await listen(here.token), await listen(elsewhere.token)];
      await endedHere.clock();
      await endedElsewhere.clock();
      await server.owner.send('DELETE', `/api/auth/sessions/${sessionId(here.token)}`);
      assert.deepEqual(await endedHere.end(), { kind: 'end', isWhole: true });
      await database.write(accountId, async (transaction) => transaction.endSession(sessionId(elsewhere.token)));
      t.mock.timers.tick(25_000);
      assert.equal((await endedElsewhere.end()).isWhole, true);
    });

    test('end immediately when the user\'s password is changed or the user is disabled', async () => {
      const changes = [{ password: 'another horse battery' }, { disabled: true }];
      for (const [index, change] of changes.entries()) {
        const email = `leaves${index}@${store.kind}.test`;
        const leaver = await server.owner.create('users', user(email, { password }));
        const stream = await listen((await server.client.login(email, password)).token);
        await stream.clock();
        await server.owner.patch(`/api/users/${leaver.id}`, leaver.updatedAt, change);
        assert.deepEqual(await stream.next(), { kind: 'end', isWhole: true });
      }
    });

    test('include a comment every 25 seconds and end when the token expires', async (t) => {
      t.mock.timers.enable({ apis: ['setInterval'] });
      t.after(() => { server.clock.ms -= 3651 * 86_400_000; });
      const stream = await listen();
      await stream.clock();
      for (let beat = 0; beat < 3; beat += 1) {
        t.mock.timers.tick(24_999);
        assert.deepEqual(stream.waiting, []);
        t.mock.timers.tick(1);
        assert.equal((await stream.next()).kind, 'comment');
      }
      server.clock.ms += 3651 * 86_400_000;
      t.mock.timers.tick(25_000);
      assert.equal((await stream.end()).isWhole, true);
    });

    test('are limited to 2 streams per session, and closing one makes room for another', async () => {
      const crowd = await server.client.login('owner@first.test', password);
      const streams = await Promise.all(Array.from({ length: 2 }, () => listen(crowd.token)));
      assertError(await crowd.get('/api/sync/events'), 'too_many_requests');
      await (await listen()).clock();
      streams[0]?.close();
      // The server notices a closed connection a moment later.
      for (let again: EventStream | null = null; again === null;) {
        again = await openEvents(server.url, crowd.token).catch(() => null);
        if (again) opened.push(again);
      }
      assert.equal((await head(server, crowd.token)).statusCode, 200, 'HEAD takes no place');
    });

    test('answer HEAD with the headers alone', async () => {
      const reply = await head(server, server.owner.token);
      assert.equal(reply.statusCode, 200);
      assert.match(reply.headers['content-type'] ?? '', /^text\/event-stream/);
      assert.equal(reply.headers['cache-control'], 'no-store');
      assert.deepEqual(await reply.toArray(), []);
    });

    test('are refused like any other route: without a token, for an old protocol, for other methods', async () => {
      assertError(await server.client.get('/api/sync/events'), 'unauthorized');
      assertError(await server.client.as('not.a.token').get('/api/sync/events'), 'unauthorized');
      assertError(await server.owner.get('/api/sync/events', { 'X-Invoify-Protocol': '0' }), 'upgrade_required');
      const posted = await server.owner.post('/api/sync/events');
      assertError(posted, 'method_not_allowed');
      assert.equal(posted.headers['allow'], 'GET, HEAD');
      assert.equal((await server.client.send('HEAD', '/api/sync/events')).status, 401);
    });

    test('end when the server shuts down and are available again after it restarts', async () => {
      const streams = await Promise.all([listen(), listen()]);
      for (const stream of streams) await stream.clock();
      const { updatedAt } = await server.owner.create('plans', plan());
      await server.restart();
      for (const stream of streams) assert.equal((await stream.end()).isWhole, true);
      assert.equal(await (await listen()).clock(), updatedAt);
    });
  });
}

function head({ url }: TestServer, token: string | null): Promise<import('node:http').IncomingMessage> {
  const request = requestHttp(`${url}/api/sync/events`, { method: 'HEAD', agent: false, headers: { Authorization: `Bearer ${token}` } });
  return new Promise((resolve, reject) => request.once('response', resolve).once('error', reject).end());
}
