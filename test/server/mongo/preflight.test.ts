// Opening a MongoDB that cannot be used: the error is one sentence that names the fix and never the password.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';

import { MongoClient } from 'mongodb';

import { helloProblem, lineProblem } from '../../../server/mongo/preflight.ts';
import { openMongoStore } from '../../../server/mongo/store.ts';
import { findMongod, startMongod, startReplicaSet } from '../../mongod.ts';
import { assertRejects, depsOf, START_MS } from '../store/fixture.ts';

const PASSWORD = 's3cret-p%40ss';
const { found: mongod, missing } = findMongod();

test('a server older than 6.0 is reported as too old', () => {
  const hello = { setName: 'rs0', maxWireVersion: 13 };
  assert.match(helloProblem(hello) ?? '', /too old: update it to MongoDB 6\.0/);
  assert.equal(helloProblem({ ...hello, maxWireVersion: 17 }), null);
  assert.equal(helloProblem({ msg: 'isdbgrid', maxWireVersion: 21 }), null);
});

test('an invalid URL is reported without repeating it', async () => {
  for (const url of [`mongodb://user:${PASSWORD}@`, `postgres://user:${PASSWORD}@host/db`, `mongodb://user:${PASSWORD}/@host`, PASSWORD]) {
    assertSentence(await openError(url), /percent-encoded/);
  }
});

test('another machine is reached only over TLS that is checked, unless plaintext is allowed', async () => {
  const error = await openError(`mongodb://user:${PASSWORD}@127.0.0.1,192.0.2.1:3/`);
  assertSentence(error, /^MongoDB at .* without TLS: .*MONGODB_ALLOW_PLAINTEXT=1/);
  for (const [url, problem] of [
    ['mongodb://127.0.0.1,192.0.2.1:3/', /without TLS/], ['mongodb://db.example.test/?tls=false', /without TLS/],
    ['mongodb://[2001:db8::1]/', /without TLS/], ['mongodb+srv://user:pass@db.example.test/?tls=false', /without TLS/],
    ['mongodb://192.0.2.1/?tls=true&tlsInsecure=true', /without checking its certificate: .*tlsCAFile/],
    ['mongodb://192.0.2.1/?tls=true&tlsAllowInvalidCertificates=true', /without checking/],
    ['mongodb+srv://db.example.test/?tlsAllowInvalidHostnames=true', /without checking/],
    ['mongodb://127.0.0.1:1,localhost,[::1]/', null], ['mongodb://%2Ftmp%2Fnone.sock/', null],
    ['mongodb://127.0.0.1/?tls=true&tlsInsecure=true', null],
    ['mongodb://192.0.2.1/?ssl=true', null], ['mongodb://192.0.2.1/?tls=true', null], ['mongodb+srv://user:pass@db.example.test/', null],
  ] as const) {
    const found = lineProblem(new MongoClient(url).options);
    if (problem === null) assert.equal(found, null, url);
    else assert.match(found ?? '', problem, url);
  }
});

describe('preflight', { skip: missing ?? false, concurrency: true }, () => {
  test('an unreachable server is reported with its address and the error code', async () => {
    const error = await openError(`mongodb://user:${PASSWORD}@127.0.0.1:1/`);
    assertSentence(error, /127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\): start it, or correct/);
  });

  test('a standalone mongod is reported with the steps to make it a replica set', async (t) => {
    const { address, kill } = await startMongod(program());
    t.after(kill);
    assertSentence(await openError(`mongodb://${address}/`), /not a replica set: start mongod with --replSet/);
  });

  test('an uninitiated replica set is reported with the command that initiates it', async (t) => {
    const { address, kill } = await startMongod(program(), ['--replSet', 'rs0']);
    t.after(kill);
    assertSentence(await openError(`mongodb://${address}/`), /has not been initiated: run rs\.initiate\(\)/);
  });

  test('a wrong replica set name and a wrong password are reported differently', async (t) => {
    const set = await startReplicaSet(program(), 1);
    t.after(() => set.stop());
    const address = set.members[0]?.address;
    assertSentence(await openError(`mongodb://${address}/?replicaSet=another`), /correct replicaSet in MONGODB_URL/);
    assertSentence(await openError(`mongodb://user:${PASSWORD}@${address}/`), /rejects the sign-in: correct the user and the password/);
  });
});

function program(): string {
  assert(mongod !== null, 'skipped where there is no mongod');
  return mongod;
}

function openError(url: string): Promise<Error> {
  return assertRejects(openMongoStore(url, 'invoify', depsOf({ nowMs: START_MS })), 'unavailable');
}

function assertSentence(error: Error, expected: RegExp): void {
  assert.match(error.message, expected);
  assert.match(error.message, /^[^\n]+\.$/);
  assert.doesNotMatch(error.message, /\.\s/, 'more than one sentence');
  const everything = inspect(error, { depth: Infinity, showHidden: true });
  for (const form of [PASSWORD, decodeURIComponent(PASSWORD)]) assert(!everything.includes(form), 'the password shows');
}
