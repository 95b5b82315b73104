// The wire contract: content encoding, HTTPS, and client addresses behind a proxy.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';

import { readTls } from '../../../server/config.ts';
import { keepCertificates } from '../../../server/tls.ts';
import { assertError, createClient } from '../../client.ts';
import { embedded, firstOwner, password, prepare, spawnServer, startServer, type TestServer } from '../harness.ts';
import { customer } from '../samples.ts';

const decode = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;

describe('compression', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer(embedded, { TRUST_PROXY: '1' });
    const internalNote = 'Zoë 🧾 '.repeat(50);
    for (let index = 0; index < 20; index += 1) await server.owner.create('customers', customer({ internalNote }));
  });
  after(() => server.stop());

  const pull = (accept?: string) => server.owner.get('/api/sync/pull', accept === undefined ? {} : { 'Accept-Encoding': accept });

  for (const [name, decompress] of Object.entries(decode)) {
    test(`with ${name} gives the same text in fewer bytes`, async () => {
      const plain = await pull();
      assert.equal(plain.headers['content-encoding'], undefined);
      const reply = await pull(name);
      assert.equal(reply.headers['content-encoding'], name);
      assert.equal(decompress(reply.bytes).toString(), plain.text);
      assert.ok(reply.bytes.length < plain.bytes.length / 5);
      assert.equal(reply.headers['content-length'], String(reply.bytes.length));
      assert.match(String(reply.headers['vary']), /accept-encoding/i);
    });
  }

  test('uses the encoding that the client prefers', async () => {
    for (const [accept, encoding] of [
      ['gzip, deflate, br', 'br'], ['gzip, deflate, br, zstd', 'zstd'], ['gzip;q=1.0, br;q=0.5', 'gzip'],
      ['zstd;q=0, br;q=0, gzip;q=0.1', 'gzip'],
      ['*', 'zstd'], ['*;q=0.5, gzip', 'gzip'], ['GZIP', 'gzip'], ['br ; q=0.9 , gzip ; q=0.95', 'gzip'], ['gzip;q=0.001', 'gzip'],
    ] as const) assert.equal((await pull(accept)).headers['content-encoding'], encoding, accept);
  });

  test('is not used if the client does not accept it', async () => {
    for (const accept of [
      '', 'identity', 'deflate', 'gzip;q=0', '*;q=0', 'identity, gzip;q=0.5', 'compress, x-custom', ';;,,q=1', 'gzip;q=x',
    ]) {
      assert.equal((await pull(accept)).headers['content-encoding'], undefined, accept);
    }
  });

  test('applies to errors and to HEAD as well', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`field${index}`, 1]));
    const refused = await server.owner.post('/api/plans', unknown, { 'Accept-Encoding': 'gzip' });
    assert.equal(refused.status, 400);
    const { error } = JSON.parse(gunzipSync(refused.bytes).toString()) as { error: { code: string } };
    assert.equal(error.code, 'invalid_request');
    const head = await server.owner.send('HEAD', '/api/sync/pull', { headers: { 'Accept-Encoding': 'gzip' } });
    assert.deepEqual([head.headers['content-encoding'], head.bytes.length], ['gzip', 0]);
  });

  test('is skipped if the peer is on the same machine', async () => {
    await server.restart({ TRUST_PROXY: '' });
    assert.equal((await pull('gzip, br, zstd')).headers['content-encoding'], undefined);
    const claimed = await server.owner.get('/api/sync/pull', { 'Accept-Encoding': 'gzip', 'X-Forwarded-For': '203.0.113.9' });
    assert.equal(claimed.headers['content-encoding'], undefined);
  });
});

describe('a proxy', () => {
  const failTenTimes = async (server: TestServer, address: string): Promise<void> => {
    for (let failures = 0; failures < 10; failures += 1) assertError(await attempt(server, address, 'wrong wrong'), 'unauthorized');
  };
  const attempt = (server: TestServer, address: string, secret: string) =>
    server.client.post('/api/auth/login', { email: firstOwner, password: secret }, { 'X-Forwarded-For': address });

  test('that is trusted tells clients apart: one\'s failures do not lock another out', async () => {
    const server = await startServer(embedded, { TRUST_PROXY: '1' });
    await failTenTimes(server, '203.0.113.9');
    assertError(await attempt(server, '203.0.113.9', password), 'too_many_requests');
    assertError(await attempt(server, '198.51.100.1, 203.0.113.9', password), 'too_many_requests');
    assert.equal((await attempt(server, '203.0.113.10', password)).status, 200);
    await server.stop();
  });

  test('that names ports, or hands on what the client sent, lets no more guesses through', async () => {
    const server = await startServer(embedded, { TRUST_PROXY: '1, 10.0.0.0/24' });
    for (const [index, header] of [
      (port: number) => `203.0.113.7:${port}`, (port: number) => `198.51.100.${port % 250}, 203.0.113.8`,
      (port: number) => `[2001:db8::${port.toString(16)}]:${port}`, (port: number) => `::1, 203.0.113.9:${port}, 10.0.0.7`,
    ].entries()) {
      const email = `guessed${index}@first.test`;
      const replies = await Promise.all(Array.from({ length: 20 }, (_, port) => server.client.post(
        '/api/auth/login', { email, password: 'wrong wrong' }, { 'X-Forwarded-For': header(50_000 + port) },
      )));
      assert.equal(replies.filter(({ status }) => status === 401).length, 10, header(1));
    }
    await server.stop();
  });

  test('that names nobody locks nobody out because of somebody else, and is reported once', async () => {
    const server = await startServer(embedded, { TRUST_PROXY: '1' });
    const login = (email: string, secret: string) => server.client.post('/api/auth/login', { email, password: secret });
    for (let failures = 0; failures < 40; failures += 1) await login('attacked@first.test', 'wrong wrong');
    assertError(await login('attacked@first.test', 'wrong wrong'), 'too_many_requests');
    assert.equal((await login(firstOwner, password)).status, 200);
    assert.equal(server.lines.filter((line) => line.includes('X-Forwarded-For')).length, 1);
    await server.stop();
  });

  test('that is not trusted cannot set the client\'s address', async () => {
    const server = await startServer(embedded);
    await failTenTimes(server, '203.0.113.9');
    assertError(await attempt(server, '203.0.113.10', password), 'too_many_requests');
    await server.stop();
  });
});

describe('HTTPS', { skip: hasOpenssl() ? false : 'there is no openssl program to make a certificate with' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-tls-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const env = { TLS_CERT: cert, TLS_KEY: key };
  before(() => newCertificate(cert, key));
  after(() => rmSync(folder, { recursive: true }));

  test('is served if TLS_CERT and TLS_KEY are set, and tells browsers to stay with it', async () => {
    const server = await startServer(embedded, { ...env, TEST_CA: readFileSync(cert, 'utf8') });
    assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
    const { status, headers } = await server.owner.pull();
    assert.deepEqual([status, headers['strict-transport-security']], [200, 'max-age=63072000']);
    assertError(await server.owner.get('/nothing'), 'not_found');

    const distrustful = createClient(() => ({ url: server.url, agent: server.agent }));
    await assert.rejects(distrustful.get('/api/health'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    const { port } = new URL(server.url);
    const plain = connect(Number(port), '127.0.0.1').on('error', () => {});
    plain.write('GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n');
    const answer = Buffer.concat(await plain.toArray().catch(() => []) as Buffer[]).toString();
    assert.doesNotMatch(answer, /success/);
    await server.stop();
  });

  test('is refused to clients with an older TLS, or without forward secrecy or authenticated encryption', async () => {
    const server = await startServer(embedded, { ...env, TEST_CA: readFileSync(cert, 'utf8') });
    for (const accepted of ['TLSv1.3', 'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305']) {
      const socket = await handshake(server.url, accepted);
      assert.ok(accepted === socket.getProtocol() || accepted === socket.getCipher().name);
      socket.destroy();
    }
    for (const refused of ['TLSv1.1', 'ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA', 'AES128-GCM-SHA256']) {
      await assert.rejects(handshake(server.url, refused), { code: /^ERR_SSL_|^ECONNRESET$/ }, refused);
    }
    await server.stop();
  });

  test('says what is wrong with a key: another certificate\'s, with a passphrase, too short', () => {
    const other = ['other.pem', 'other-key.pem'].map((name) => join(folder, name)) as [string, string];
    newCertificate(...other);
    assert.throws(() => readTls(cert, other[1]), /^ConfigError: TLS_KEY is not the private key of the certificate /);
    const locked = join(folder, 'locked-key.pem');
    execFileSync('openssl', ['pkcs8', '-topk8', '-in', key, '-passout', 'pass:x', '-out', locked], { stdio: 'ignore' });
    assert.throws(() => readTls(cert, locked), /^ConfigError: TLS_KEY has a passphrase, which nobody could enter: /);
    const short = ['short.pem', 'short-key.pem'].map((name) => join(folder, name)) as [string, string];
    newCertificate(...short, ['rsa:1024']);
    assert.throws(() => readTls(...short), /^ConfigError: The key of TLS_CERT is too short: /);
  });

  test('takes a renewed certificate on SIGHUP, and keeps the old one if the new pair is broken', async () => {
    const installation = await prepare(embedded, env);
    const server = await spawnServer(installation.env);
    const serial = async (): Promise<string> => {
      const socket = await handshake(server.url, 'TLSv1.3');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const first = await serial();
    newCertificate(join(folder, 'next.pem'), join(folder, 'next-key.pem'));
    copyFileSync(join(folder, 'next.pem'), cert);
    assert.ok(server.child.kill('SIGHUP'));
    assert.match(await server.line(/certificate/), /"level":"error".*the old one stays.*TLS_KEY is not the private key of the certificate/);
    assert.equal(await serial(), first);

    copyFileSync(join(folder, 'next-key.pem'), key);
    assert.ok(server.child.kill('SIGHUP'));
    assert.match(await server.line(/certificate read again/), /"level":"info".*"validTo":"\d{4}-/);
    assert.notEqual(await serial(), first);
    assert.equal(await server.end(), 0);
    await installation.remove();
  });

  test('starts with a certificate that has expired, with a warning, and takes another on SIGHUP', async () => {
    const installation = await prepare(embedded, env);
    newCertificate(cert, key);
    expire(cert, key);
    const server = await spawnServer(installation.env);
    assert.match(await server.line(/certificate/), /"level":"warn","event":"certificate has expired".*cert\.pem.*"validTo":"\d{4}-/);
    newCertificate(cert, key);
    assert.ok(server.child.kill('SIGHUP'));
    await server.line(/"level":"info","event":"certificate read again"/);
    expire(cert, key);
    assert.ok(server.child.kill('SIGHUP'));
    assert.match(await server.line(/the old one stays/), /"level":"error".*has expired: renew it, or correct the clock of this machine/);
    assert.equal(await server.end(), 0);
    newCertificate(cert, key);
    await installation.remove();
  });

  test('keeps a certificate that is valid now unless the new one is, too; before and after its days it takes any', () => {
    const lines: string[] = [];
    const files = readTls(cert, key);
    assert.ok(files);
    const { validFromDate, validToDate } = new X509Certificate(files.cert);
    let atMs = validFromDate.getTime() - 1;
    const https = createHttpsServer();
    const nowMs = (): number => atMs;
    const reload = keepCertificates(https, files, { nowMs, log: (level, event) => void lines.push(`${level}: ${event}`) });
    reload();
    for (atMs of [validFromDate.getTime(), validToDate.getTime(), validToDate.getTime() + 1000]) reload();
    assert.deepEqual(lines, [
      'warn: certificate is not valid yet', 'info: certificate read again', 'warn: certificate is not valid yet',
      'info: certificate read again', 'info: certificate read again', 'info: certificate read again', 'warn: certificate has expired',
    ]);
  });

  test('that is not served makes SIGHUP do nothing', async () => {
    const installation = await prepare(embedded);
    const server = await spawnServer(installation.env);
    assert.ok(server.child.kill('SIGHUP'));
    const answer = await fetch(`${server.url}/api/health`);
    assert.deepEqual([answer.status, answer.headers.get('strict-transport-security')], [200, null]);
    assert.equal(await server.end(), 0);
    await installation.remove();
  });
});

const ellipticCurve = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'] as const;

function newCertificate(cert: string, key: string, kind: readonly string[] = ellipticCurve): void {
  execFileSync('openssl', [
    'req', '-x509', '-newkey', ...kind, '-nodes', '-keyout', key, '-out', cert, '-days', '2',
    '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1',
  ], { stdio: 'ignore' });
}

/** Makes a certificate one whose last day is over. */
function expire(cert: string, key: string): void {
  execFileSync('openssl', ['x509', '-in', cert, '-signkey', key, '-days', '-1', '-out', `${cert}.expired`], { stdio: 'ignore' });
  renameSync(`${cert}.expired`, cert);
}

/** Connects with this version of TLS, or with TLS 1.2 and this cipher. */
async function handshake(url: string, offered: string): Promise<TLSSocket> {
  const version = offered === 'TLSv1.1' || offered === 'TLSv1.3' ? offered : 'TLSv1.2';
  const socket = connectTls({
    host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false, minVersion: version, maxVersion: version,
    // Level 0 offers what OpenSSL itself would not.
    ciphers: `${version === 'TLSv1.2' ? offered : 'ALL'}:@SECLEVEL=0`,
  });
  await once(socket, 'secureConnect');
  return socket;
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
