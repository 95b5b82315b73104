// A database that keeps the server waiting: a file that another program has locked, a MongoDB that is away or says nothing. The
// rest goes on, and a shutdown ends in time.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';

import { assertError, createClient, type Client, type Reply } from '../client.ts';
import { findMongod, startReplicaSet } from '../mongod.ts';
import {
  embedded, firstOwner, password, prepare, runServer, spawnServer, startServer, type Installation, type ServerProcess, type TestServer,
} from './harness.ts';
import { plan } from './samples.ts';

const admin = { ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password };

/** Locks the database file against every other writer; returns how to unlock it. */
function lock({ folder }: Installation): () => void {
  const db = new DatabaseSync(join(folder, 'invoify.sqlite'));
  db.exec('BEGIN IMMEDIATE');
  return () => db.close();
}

describe('a database file that another program has locked', () => {
  let server: TestServer;
  before(async () => { server = await startServer(embedded); });
  after(() => server.stop());

  test('keeps nobody waiting who does not write, and a write only until it is free', async () => {
    const unlock = lock(server);
    let isSettled = false;
    const write = server.owner.post('/api/plans', plan()).finally(() => { isSettled = true; });
    for (let round = 0; round < 5; round += 1) {
      assert.equal((await server.client.get('/api/health')).status, 200);
      assert.equal((await server.owner.pull()).status, 200);
    }
    assert.equal(isSettled, false);
    unlock();
    assert.equal((await write).status, 201);
  });

  test('keeps the admin command waiting until it is free', async () => {
    const unlock = lock(server);
    const command = runServer(['admin', 'restored'], server.env);
    const line = server.owner.post('/api/plans', plan());
    assert.equal((await server.client.get('/api/health')).status, 200);
    // The command has reached the database when it has opened the file; it may be free before or after that.
    setImmediate(unlock);
    assert.equal((await line).status, 201);
    assert.equal((await command).code, 0);
  });
});

/** Requests that the database does not answer are refused, one of them with a password to check; an open event stream is ended. */
async function assertEndsInTime(server: ServerProcess, owner: Client, blockDatabase: () => unknown): Promise<void> {
  const { port, hostname } = new URL(server.url);
  const stream = connect(Number(port), hostname).on('error', () => {});
  stream.write(`GET /api/sync/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${owner.token}\r\n\r\n`);
  await once(stream, 'data');
  await blockDatabase();
  const write: Promise<Reply> = owner.post('/api/plans', plan(), { 'Idempotency-Key': 'in-flight' });
  const hash = owner.as(null).post('/api/auth/login', { email: firstOwner, password });
  // Answered after the write has been received.
  assert.equal((await owner.get('/api/health')).status, 200);
  const startedMs = performance.now();
  const exited = server.end();
  for (const reply of [await write, await hash]) assertError(reply, 'unavailable');
  assert.equal(await exited, 0);
  // It takes about 5.5 seconds and, on an idle machine, at most 9; on a busy one everything takes longer.
  assert.ok(performance.now() - startedMs < 30_000);
}

describe('SIGTERM', { concurrency: true }, () => {
  test('ends a server whose file is locked, and answers what could not be written', async () => {
    const installation = await prepare(embedded, admin);
    const server = await spawnServer(installation.env);
    const owner = await createClient(() => ({ url: server.url })).login(firstOwner, password);
    let unlock = (): void => {};
    await assertEndsInTime(server, owner, () => { unlock = lock(installation); });
    unlock();
    await installation.remove();
  });

  const { found: program, missing } = findMongod();
  for (const [what, signal] of [['is away', 'SIGKILL'], ['says nothing', 'SIGSTOP']] as const) {
    test(`ends a server whose MongoDB ${what}, and answers what could not be written`, { skip: missing ?? false }, async () => {
      assert.ok(program);
      const set = await startReplicaSet(program, 1);
      const installation = await prepare({ kind: 'mongodb', skip: false }, { ...admin, MONGODB_URL: set.url });
      const server = await spawnServer(installation.env);
      const owner = await createClient(() => ({ url: server.url })).login(firstOwner, password);
      const [member] = set.members;
      await assertEndsInTime(server, owner, () => process.kill(member?.pid ?? NaN, signal));
      await set.stop();
      await installation.remove();
    });
  }
});
