// What a client is refused when it asks for too much at once, and that nobody else is.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { assertError, type Client } from '../client.ts';
import { requestText } from './abuse.ts';
import { firstOwner, openStore, password, startServer, stores, type TestServer } from './harness.ts';
import { plan, user } from './samples.ts';

const PAGE = '?limit=5000';
/** Somebody else than the owner, whose requests show how others are served. */
const greedyEmail = 'greedy@first.test';

for (const store of stores) {
  describe(`on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    const sockets: Socket[] = [];
    before(async () => {
      server = await startServer(store);
      await server.owner.create('users', user(greedyEmail, { role: 'editor', password }));
      await addLargePage(server);
    });
    after(async () => {
      for (const socket of sockets) socket.destroy();
      await server.stop();
    });

    /** Sends requests on one connection and reads nothing. */
    const send = (...requests: readonly string[]): Socket => {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname).on('error', () => {});
      socket.pause().write(requests.join(''));
      sockets.push(socket);
      return socket;
    };
    const pullText = ({ token }: Client): string =>
      requestText('GET', `/api/sync/pull${PAGE}`, [`Authorization: Bearer ${token}`]);

    test('a third pull of a session is refused until an answer before it has been read, and no other session is', async () => {
      const greedy = await server.client.login(greedyEmail, password);
      const stalled = [send(pullText(greedy)), send(pullText(greedy))];
      // They are at work once their first bytes have come.
      await Promise.all(stalled.map((socket) => once(socket, 'readable')));
      const refused = await greedy.pull('?limit=1');
      assertError(refused, 'too_many_requests');
      assert.equal(refused.headers['retry-after'], '1');
      assert.equal((await server.owner.pull('?limit=1')).status, 200);
      assert.equal((await greedy.get('/api/auth/me')).status, 200);
      for (const socket of stalled) socket.destroy();
      while ((await greedy.pull('?limit=1')).status !== 200) continue;
    });

    test('a request that is sent ahead is handled once the answer before it has been read', async () => {
      const client = await server.client.login(greedyEmail, password);
      const body = JSON.stringify(plan({ name: 'Sent ahead' }));
      const socket = send(pullText(client), requestText('POST', '/api/plans', [
        `Authorization: Bearer ${client.token}`, 'Content-Type: application/json', `Content-Length: ${body.length}`,
      ]) + body, requestText('GET', '/api/meta', ['Connection: close']));
      await once(socket, 'readable');
      const { updatedAt } = await server.owner.create('plans', plan());
      const isCreated = async (): Promise<boolean> => (await server.owner.pull(`?since=${updatedAt}`)).body.count > 0;
      assert.equal(await isCreated(), false);
      const received = Buffer.concat(await socket.toArray() as Buffer[]).toString('latin1');
      assert.deepEqual([...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status), ['200', '201', '200']);
      assert.equal(await isCreated(), true);
    });

    if (store.kind === 'mongodb') return;

    test('a sign-in of more than 4 KiB is refused, whoever sends it, and before all of it has arrived', async () => {
      const long = { email: firstOwner, password, device: ' '.repeat(4096) };
      assertError(await server.client.post('/api/auth/login', long), 'payload_too_large');
      const socket = send(requestText('POST', '/api/auth/login', ['Content-Type: application/json', 'Content-Length: 1048576']) + ' ');
      assert.match(String(await once(socket.resume(), 'data')), /^HTTP\/1\.1 413 /);
    });

    test('a connection that sends 300 requests ahead of an answer is cut, and none of them is handled', async () => {
      const client = await server.client.login(greedyEmail, password);
      const socket = send(pullText(client), requestText('POST', '/api/auth/logout', [`Authorization: Bearer ${client.token}`]).repeat(300));
      await new Promise((resolve) => socket.resume().once('close', resolve));
      assert.equal((await client.get('/api/auth/me')).status, 200);
    });
  });
}

/** Fills a page with 8 MiB, more than the system takes off a server for a client that reads nothing. */
async function addLargePage(server: TestServer): Promise<void> {
  const { accountId } = (await server.owner.get('/api/auth/me')).body.user;
  const direct = await openStore(server, () => server.clock.ms);
  const payload = JSON.stringify(plan({ name: 'x'.repeat(100_000) }));
  await direct.write(accountId, async (transaction) => {
    for (let index = 0; index < 90; index += 1) {
      transaction.put('plans', randomBytes(12).toString('hex'), { payload, secret: null, references: [] }, null);
    }
  });
  await direct.close();
}
