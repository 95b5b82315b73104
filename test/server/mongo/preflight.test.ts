// Opening a MongoDB that cannot be used: the error is one sentence that names the fix and never the password.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createServer } from 'node:tls';
import { inspect } from 'node:util';

import { MongoClient } from 'mongodb';

import { mongoError } from '../../../server/mongo/errors.ts';
import { helloProblem, lineProblem } from '../../../server/mongo/preflight.ts';
import { openMongoStore } from '../../../server/mongo/store.ts';
import { findMongod, openTestMongo, startMongod, withAdmin } from '../../mongod.ts';
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

test('an unknown option is named, unless it may be a part of a password', async () => {
  assertSentence(await openError('mongodb://127.0.0.1/?replicaset=rs0&tlsCaFil=x'), /^MONGODB_URL has the option tlscafil, .* correct/);
  assertSentence(await openError('mongodb://user:s3cret/?p=%40ss@127.0.0.1/'), /percent-encoded/);
});

test('a file of MONGODB_URL that cannot be read is named', async () => {
  const error = await openError('mongodb://127.0.0.1/?tls=true&tlsCAFile=/nowhere/ca.pem');
  assertSentence(error, /^MONGODB_URL names \/nowhere\/ca\.pem, which cannot be read/);
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

  test('a certificate that does not fit, and TLS that is missing from the URL, are reported with the option to add', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-preflight-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const inFolder = (name: string): string => join(folder, name);
    const certify = (name: string, days: number): void => void execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost', '-days', `${days}`,
      '-addext', 'subjectAltName=DNS:localhost', '-keyout', inFolder('key.pem'), '-out', inFolder(name),
    ], { stdio: 'ignore' });
    certify('other.pem', 1);
    certify('cert.pem', 1);
    const server = createServer({ key: readFileSync(inFolder('key.pem')), cert: readFileSync(inFolder('cert.pem')) });
    server.on('tlsClientError', () => {}).on('secureConnection', (socket) => socket.destroy());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const [own, other] = [inFolder('cert.pem'), inFolder('other.pem')].map(encodeURIComponent);
    await Promise.all(([
      ['127.0.0.1', 'tls=true', /^MongoDB at 127\.0\.0\.1:\d+ has a certificate that is not trusted: add tlsCAFile=<file> to/],
      ['localhost', `tls=true&tlsCAFile=${other}`, /has a certificate of another authority than that in .*other\.pem: correct tlsCAFile/],
      ['127.0.0.1', `tls=true&tlsCAFile=${own}`, /has a certificate for another name: name it in MONGODB_URL as its certificate does/],
      ['localhost', `tls=true&tlsCAFile=${own}`, /if it requires certificates of its clients, add tlsCertificateKeyFile=<file>\.$/],
      ['127.0.0.1', '', /cannot be reached[^:]*: start it, .* MONGODB_URL; if it requires TLS, add tls=true\.$/],
    ] as const).map(async ([host, query, sentence]) => assertSentence(await openError(`mongodb://${host}:${port}/?${query}`), sentence)));
  });

  test('a missing user, a user without rights, and one who was created elsewhere are told apart', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-preflight-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'key'), 'x'.repeat(64), { mode: 0o600 });
    const { address, kill } = await startMongod(program(), ['--replSet', 'rs0', '--keyFile', join(folder, 'key')]);
    t.after(kill);
    // What a mongod without users lets this machine do.
    await withAdmin(`mongodb://${address}/?directConnection=true`, (admin) => admin.command({
      replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: address }] },
    }));
    await withAdmin(`mongodb://${address}/?replicaSet=rs0`, (admin) => admin.command({ createUser: 'root', pwd: 'x', roles: ['root'] }));
    const pwd = decodeURIComponent(PASSWORD);
    await withAdmin(`mongodb://root:x@${address}/?replicaSet=rs0`, (admin) => admin.command({
      createUser: 'reader', pwd, roles: [{ role: 'read', db: 'invoify' }],
    }));
    const stranger = await new MongoClient(`mongodb://reader:${PASSWORD}@${address}/`).connect();
    t.after(() => stranger.close());
    for (const read of [() => stranger.db('shop').listCollections().toArray(), () => stranger.db('shop').watch().next()]) {
      const error: unknown = await read().catch(mongoError);
      assert(error instanceof Error);
      assertSentence(error, /may not read the database shop: grant it the role read there, or readWrite if that is MONGODB_DB\.$/);
    }
    assertSentence(await openError(`mongodb://${address}/`), /names no user: write it as mongodb:\/\/user:password@/);
    assertSentence(await openError(`mongodb://reader:${PASSWORD}@${address}/`),
      /^The user in MONGODB_URL may not write to the database invoify: grant it the role readWrite there\.$/);
    assertSentence(await openError(`mongodb://reader:${PASSWORD}@${address}/invoify`), /the sign-in: .*, or add authSource=admin\.$/);
    assertSentence(await openError(`mongodb://reader:wrong@${address}/`), /rejects the sign-in: .* in MONGODB_URL\.$/);
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
    const { found } = await openTestMongo();
    assert(found !== null, 'skipped where there is none');
    t.after(() => found.release());
    const address = new MongoClient(found.url).options.hosts.join(',');
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
