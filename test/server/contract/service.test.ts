// The wire contract: health, readiness and meta, and the responses when the database or the server itself fails.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';

import { protocolVersion } from '../../../shared/protocol.ts';
import { findMongod, startReplicaSet } from '../../mongod.ts';
import { assertError, type Client, type Reply } from '../../client.ts';
import { openSmallDisk } from '../../disk.ts';
import { embedded, firstOwner, password, startServer, stores, type TestServer } from '../harness.ts';
import { plan } from '../samples.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as { version: string };

for (const store of stores) {
  describe(`the service, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    test('reports health, readiness and its protocol without a token', async () => {
      assert.deepEqual((await server.client.get('/api/health')).body, { success: true, status: 'ok' });
      const ready = await server.client.get('/api/ready');
      const checks = { reads: 'ok', writes: 'ok', disk: 'ok', clock: 'ok', integrity: 'ok' };
      assert.deepEqual([ready.status, ready.body], [200, { success: true, checks }]);
      const meta = await server.client.get('/api/meta');
      assert.deepEqual([meta.status, meta.body], [200, { name: 'invoify', version, protocol: protocolVersion }]);
    });

    test('reveals nothing about an internal error and logs it under the request\'s id', async () => {
      const attempts: (() => Promise<Reply>)[] = [
        () => server.owner.get('/api/auth/me'), () => server.owner.pull(), () => server.owner.post('/api/plans', plan()),
        () => server.client.post('/api/auth/login', { email: firstOwner, password }),
      ];
      for (const attempt of attempts) {
        server.clock.fault = new Error('the inside of the server', { cause: new Error('deeper inside') });
        const reply = await attempt();
        assertError(reply, 'internal');
        assert.deepEqual(Object.keys(reply.body), ['success', 'error']);
        assert.deepEqual(Object.keys(reply.body.error), ['code', 'message']);
        assert.doesNotMatch(reply.text, /inside|\.ts|at /);
        const logged = server.lines.find((line) => line.includes(String(reply.headers['x-request-id'])));
        assert.match(logged ?? '', /"level":"error".*the inside of the server.*deeper inside/);
      }
    });

    test('never logs a password or a token', async () => {
      await server.client.post('/api/auth/login', { email: firstOwner, password: 'a wrong password' });
      await server.owner.get('/api/nothing?token=a-secret-token');
      const log = server.lines.join('');
      for (const secret of [password, 'a wrong password', 'a-secret-token', String(server.owner.token)]) {
        assert.equal(log.includes(secret), false);
      }
    });
  });
}

test('a server on a full disk says so until there is room, and that the disk is nearly full before, and can be read', async (t) => {
  const disk = openSmallDisk(t, 8);
  if (!disk) return;
  const server = await startServer({ kind: 'embedded', skip: false }, { DATA_DIR: disk.folder });
  t.after(() => server.stop());
  const checks = async (): Promise<Readonly<Record<string, string>>> => {
    const reply = await server.client.get('/api/ready');
    assertError(reply, 'unavailable');
    return (reply.body as unknown as { checks: Record<string, string> }).checks;
  };
  const sentence = /^The database's disk is nearly full: \d MiB are free\. Make room\.$/;
  const before = await checks();
  assert.equal(before['writes'], 'ok');
  assert.match(before['disk'] ?? '', sentence);
  disk.fill();
  // What was written successfully stands for a second.
  let full = await checks();
  while (full['writes'] === 'ok') full = await checks();
  assert.match(full['writes'] ?? '', /full disk/);
  assert.match(full['disk'] ?? '', sentence);
  assert.equal((await server.owner.pull()).status, 200);
  disk.free();
  assert.equal((await checks())['writes'], 'ok');
});

/** Asserts that the server is up and everything else is 503. */
async function assertUnavailable(client: Client): Promise<void> {
  assert.equal((await client.get('/api/health')).status, 200);
  const replies = await Promise.all([
    client.get('/api/ready'), client.pull(), client.get('/api/plans/0123456789abcdef01234567'), client.post('/api/auth/refresh'),
    client.as(null).post('/api/auth/login', { email: firstOwner, password }),
  ]);
  for (const reply of replies) assertError(reply, 'unavailable');
  const [ready] = replies;
  const { checks } = ready?.body as unknown as { checks: Record<string, string> };
  assert.deepEqual(Object.keys(checks), ['reads', 'writes', 'disk', 'clock', 'integrity']);
  for (const name of ['reads', 'writes']) assert.match(checks[name] ?? '', /^[A-Z].*\.$/);
}

/** Asserts that each reason for a 503 was logged once, as a warning without a stack, and its repeats only at debug level. */
function assertLoggedOnce({ lines }: TestServer): void {
  const logged = lines.map((line) => JSON.parse(line) as { event: string; level: string; code: string; error: { message: string } })
    .filter(({ event, code }) => event === 'request failed' && code === 'unavailable');
  const warnings = logged.filter(({ level }) => level === 'warn');
  assert.ok(logged.length > warnings.length && warnings.length > 0);
  assert.equal(new Set(warnings.map(({ error }) => error.message)).size, warnings.length);
  assert.deepEqual(new Set(logged.map(({ level }) => level)), new Set(['warn', 'debug']));
  for (const line of logged) assert.doesNotMatch(JSON.stringify(line), /"stack"/);
}

describe('without its database', () => {
  test('the embedded server is healthy, not ready, and responds with 503', async () => {
    const server = await startServer(embedded);
    const file = join(server.folder, 'invoify.sqlite');
    // Another connection's write makes every other connection read the file again, which is then no longer a database.
    const db = new DatabaseSync(file);
    db.exec('BEGIN IMMEDIATE; UPDATE account SET clock = clock; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    writeFileSync(file, Buffer.alloc(100_000, 7));
    await assertUnavailable(server.owner);
    assertLoggedOnce(server);
    await server.stop();
  });

  const { found: program, missing } = findMongod();
  test('the MongoDB server is healthy, not ready, and responds with 503', { skip: missing ?? false }, async () => {
    assert.ok(program);
    const set = await startReplicaSet(program, 1);
    const server = await startServer({ kind: 'mongodb', skip: false }, { MONGODB_URL: set.url });
    await set.stop();
    await assertUnavailable(server.owner);
    assertLoggedOnce(server);
    await server.stop();
  });
});
