// Why no answer from the server arrived: each cause has its own kind and sentence, and is logged once. Real servers where Node
// can play the part, for Node's fetch and for Electron's; errors which only a Windows desktop sees, by their names.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setDefaultCACertificates } from 'node:tls';

import { createFetch } from '../../../desktop/electron/fetch.ts';
import { failure } from '../../../desktop/session/connection-failure.ts';
import { connectTo, type ServerConnection } from '../../../desktop/session/server-connection.ts';
import { failureKinds, type FailureKind } from '../../../shared/errors.ts';
import { assertRejects } from '../../server/store/fixture.ts';
import { createTimers } from '../../sync/timers.ts';
import { net } from '../electron/stand-in/utility.ts';

interface Bench {
  readonly connection: ServerConnection;
  readonly log: string[];
}

/** Each way to send requests, and how it words a cause. */
const transports: readonly (readonly [name: string, send: typeof fetch, words: (cause: RegExp) => RegExp])[] = [
  ['Node\'s fetch', fetch, (cause) => cause],
  ['Electron\'s net', createFetch(net.request), () => /net::ERR_|redirect/],
];

function connect(url: string, send: typeof fetch = fetch, { setTimer } = createTimers()): Bench {
  const log: string[] = [];
  const connection = connectTo(url, {
    fetch: send, setTimer, hasNetwork: () => true, newId: randomUUID,
    log: (event, facts) => void log.push(`${event} ${JSON.stringify(facts)}`),
  });
  return { connection, log };
}

/** Sends a request with a token; returns the failure's message after checking its kind and that the log has the cause. */
async function failing({ connection, log }: Bench, kind: FailureKind | undefined, cause: RegExp): Promise<string> {
  const error = await assertRejects(connection.send({ path: '/api/auth/me', token: 'a-secret-token' }), 'offline');
  assert.equal(error.details.kind, kind, String(log));
  assert.equal(log.length, 1);
  assert.match(log[0] ?? '', cause);
  assert.doesNotMatch(log[0] ?? '', /a-secret-token/);
  return error.message;
}

/** Serves until the test ends; returns `host:port`. */
async function listen(t: TestContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    // Many of these connections are meant to break.
    socket.on('error', () => undefined);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a certificate', { skip: hasOpenssl() ? false : 'there is no openssl program to make certificates with' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-certificates-'));
  after(() => rmSync(folder, { recursive: true }));

  const openssl = (...args: readonly string[]): Buffer => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const addKey = (name: string): void =>
    void openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`);

  /** A certificate for `name` that `issuer` signs, valid between two instants (`YYYYMMDDHHMMSSZ`). */
  function issue(file: string, issuer: string, name: string, from: string, until: string): void {
    writeFileSync(join(folder, 'name.cnf'), `subjectAltName=${name}`);
    openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', '-cert', `${issuer}.pem`, '-keyfile', `${issuer}.key`,
      '-in', 'server.csr', '-startdate', from, '-enddate', until, '-extfile', 'name.cnf', '-out', `${file}.pem`);
  }

  before(() => {
    writeFileSync(join(folder, 'ca.cnf'), ['[ca]', 'default_ca=d', '[d]', 'new_certs_dir=.', 'database=index.txt', 'serial=serial',
      'policy=p', 'default_md=sha256', 'unique_subject=no', '[p]', 'commonName=supplied'].join('\n'));
    writeFileSync(join(folder, 'index.txt'), '');
    writeFileSync(join(folder, 'serial'), '01');
    for (const name of ['server', 'known', 'unknown']) addKey(name);
    for (const name of ['known', 'unknown']) openssl('req', '-x509', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.pem`);
    openssl('req', '-x509', '-key', 'server.key', '-subj', '/CN=self', '-addext', 'subjectAltName=IP:127.0.0.1', '-out', 'selfSigned.pem');
    openssl('req', '-new', '-key', 'server.key', '-subj', '/CN=server', '-out', 'server.csr');
    const [past, earlier, later, future] = ['20000101000000Z', '20010101000000Z', '20990101000000Z', '20990201000000Z'] as const;
    issue('good', 'known', 'IP:127.0.0.1', past, future);
    issue('expired', 'known', 'IP:127.0.0.1', past, earlier);
    issue('notYetValid', 'known', 'IP:127.0.0.1', later, future);
    issue('wrongName', 'known', 'DNS:invoices.example.com', past, future);
    issue('untrusted', 'unknown', 'IP:127.0.0.1', past, future);
    setDefaultCACertificates([read('known.pem')]);
  });

  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const serve = (t: TestContext, file: string): Promise<string> => listen(t, createHttps(
    { cert: read(`${file}.pem`), key: read('server.key') },
    (request, response) => answer(response, String(request.headers['x-request-id'])),
  ));
  const answer = (response: ServerResponse, id: string): void =>
    void response.setHeader('x-request-id', id).end('{"success":true}');

  test('that this computer trusts is accepted', async (t) => {
    const { connection, log } = connect(`https://${await serve(t, 'good')}`);
    assert.equal(String(await connection.send({ path: '/api/health' })), '{"success":true}');
    assert.deepEqual(log, []);
  });

  const bad: readonly (readonly [what: string, file: string, kind: FailureKind, cause: RegExp, message: RegExp])[] = [
    ['signed by itself', 'selfSigned', 'certificate_untrusted', /DEPTH_ZERO_SELF_SIGNED_CERT/, /does not trust the certificate of 127/],
    ['of an unknown authority', 'untrusted', 'certificate_untrusted', /UNABLE_TO_VERIFY_LEAF_SIGNATURE/, /does not trust/],
    ['that has expired', 'expired', 'certificate_expired', /CERT_HAS_EXPIRED/, /has expired\. Check this computer's date/],
    ['that is not valid yet', 'notYetValid', 'certificate_not_yet_valid', /CERT_NOT_YET_VALID/, /is not valid yet/],
    ['for another name', 'wrongName', 'certificate_wrong_name', /ERR_TLS_CERT_ALTNAME_INVALID/, /is for another name/],
  ];
  for (const [what, file, kind, cause, message] of bad) {
    test(`${what} is named as such`, async (t) => {
      assert.match(await failing(connect(`https://${await serve(t, file)}`), kind, cause), message);
    });
  }

  test('is missing where the address is plain HTTP and the server is not', async (t) => {
    await failing(connect(`http://${await serve(t, 'good')}`), 'interrupted', /UND_ERR_SOCKET|ECONNRESET/);
  });
});

describe('a peer', () => {
  /** Answers with this status, these headers and this body, which is no answer from an Invoify server. */
  const plain = (t: TestContext, status: number, headers: Readonly<Record<string, string>>, body = ''): Promise<string> =>
    listen(t, createHttp((request, response) =>
      void response.writeHead(status, { 'x-request-id': String(request.headers['x-request-id']), ...headers }).end(body)));
  const saying = (t: TestContext, talk: (socket: Socket) => void): Promise<string> => listen(t, createTcp(talk));

  type Peer = (t: TestContext) => Promise<string>;
  const peers: readonly (readonly [what: string, peer: Peer, kind: FailureKind, cause: RegExp, message: RegExp])[] = [
    ['that speaks HTTP where the address has no scheme', (t) => plain(t, 200, {}), 'not_https', /ERR_SSL_/, /no secure connection/],
    ['that redirects for good', async (t) => `http://${await plain(t, 301, { location: '/elsewhere' })}`,
      'redirected', /redirect/, /redirects to another address/],
    ['that redirects for now', async (t) => `http://${await plain(t, 302, { location: 'https://elsewhere.example/' })}`,
      'redirected', /redirect/, /redirects/],
    ['that is a proxy and wants a password', async (t) => `http://${await plain(t, 407, { 'proxy-authenticate': 'Basic' })}`,
      'proxy_password', /./, /asks for a password/],
    ['that says gzip and sends none', async (t) => `http://${await plain(t, 200, { 'content-encoding': 'gzip' }, '{"success":true}')}`,
      'broken_encoding', /Z_DATA_ERROR/, /cannot be decompressed/],
    ['that says br and sends none', async (t) => `http://${await plain(t, 200, { 'content-encoding': 'br' }, '{"success":true}')}`,
      'broken_encoding', /ERR_/, /cannot be decompressed/],
    ['that says zstd and sends none', async (t) => `http://${await plain(t, 200, { 'content-encoding': 'zstd' }, '{"success":true}')}`,
      'broken_encoding', /ZSTD_/, /cannot be decompressed/],
    ['that does not exist', async () => 'https://invoices.invalid',
      'name_not_found', /ENOTFOUND|EAI_AGAIN/, /no server called invoices\.invalid/],
    ['that refuses', async () => `http://${await closedPort()}`, 'refused', /ECONNREFUSED/, /^127.* refuses connections/],
    ['that resets', async (t) => `http://${await saying(t, (socket) => void socket.once('data', () => socket.resetAndDestroy()))}`,
      'interrupted', /ECONNRESET|UND_ERR_SOCKET/, /was cut/],
    ['that hangs up', async (t) => `http://${await saying(t, (socket) => void socket.once('data', () => socket.end()))}`,
      'interrupted', /UND_ERR_SOCKET/, /was cut/],
    ['that ends in the middle of an answer', async (t) => `http://${await saying(t, (socket) => void socket.once('data', (request) => {
      const id = /x-request-id: (.*)\r/i.exec(String(request))?.[1];
      socket.end(`HTTP/1.1 200 OK\r\nX-Request-Id: ${id}\r\nContent-Length: 100\r\n\r\n{"success"`);
    }))}`, 'interrupted', /UND_ERR_SOCKET/, /was cut/],
    ['that does not speak HTTP', async (t) => `http://${await saying(t, (socket) => void socket.once('data', () =>
      socket.end('SSH-2.0-OpenSSH_9.9\r\n')))}`, 'not_invoify', /HTTPParserError/, /is not an Invoify server/],
  ];
  for (const [what, peer, kind, cause, message] of peers) {
    for (const [name, send, words] of transports) {
      test(`${what} is named as such by ${name}`, async (t) => {
        assert.match(await failing(connect(await peer(t), send), kind, words(cause)), message);
      });
    }
  }

  test('that falls silent is named as such', async (t) => {
    const timers = createTimers();
    const url = `http://${await saying(t, (socket) => void socket.once('data', () => timers.passSilence()))}`;
    const { connection } = connect(url, fetch, timers);
    const error = await assertRejects(connection.send({ path: '/api/health' }), 'offline');
    assert.deepEqual([error.details.kind, /does not answer/.test(error.message)], ['timed_out', true]);
  });

  test('that is another program is named as such', async (t) => {
    const url = `http://${await plain(t, 200, { 'content-type': 'application/json' }, '{"status":"UP"}')}`;
    for (const ask of [connect(url).connection.send({ path: '/api/health' }), connect(url).connection.identify()]) {
      const error = await assertRejects(ask, 'bad_response');
      assert.equal(error.details.kind, 'not_invoify');
      assert.match(error.message, /^What answers at 127.* is not an Invoify server\./);
    }
  });
});

describe('an error of Electron', () => {
  const names: Readonly<Record<string, FailureKind | undefined>> = {
    ERR_CERT_AUTHORITY_INVALID: 'certificate_untrusted',
    ERR_CERT_REVOKED: 'certificate_revoked',
    ERR_CERT_WEAK_SIGNATURE_ALGORITHM: 'certificate_untrusted',
    ERR_SSL_CLIENT_AUTH_CERT_NEEDED: 'client_certificate',
    ERR_BAD_SSL_CLIENT_AUTH_CERT: 'client_certificate',
    ERR_NETWORK_ACCESS_DENIED: 'blocked',
    ERR_PAC_SCRIPT_FAILED: 'proxy_failed',
    ERR_CERTIFICATE_TRANSPARENCY_REQUIRED: 'certificate_untrusted',
    ERR_CERT_DATE_INVALID: 'certificate_date',
    ERR_CERT_COMMON_NAME_INVALID: 'certificate_wrong_name',
    ERR_SSL_PROTOCOL_ERROR: 'not_https',
    ERR_SSL_VERSION_OR_CIPHER_MISMATCH: 'not_https',
    ERR_PROXY_AUTH_REQUESTED: 'proxy_password',
    ERR_PROXY_AUTH_UNSUPPORTED: 'proxy_password',
    ERR_UNEXPECTED_PROXY_AUTH: 'proxy_password',
    ERR_PROXY_CONNECTION_FAILED: 'proxy_failed',
    ERR_TUNNEL_CONNECTION_FAILED: 'proxy_failed',
    ERR_HTTPS_PROXY_TUNNEL_RESPONSE_REDIRECT: 'proxy_failed',
    ERR_NO_SUPPORTED_PROXIES: 'proxy_failed',
    ERR_INVALID_REDIRECT: 'redirected',
    ERR_TOO_MANY_REDIRECTS: 'redirected',
    ERR_NAME_NOT_RESOLVED: 'name_not_found',
    ERR_CONNECTION_REFUSED: 'refused',
    ERR_CONNECTION_TIMED_OUT: 'timed_out',
    ERR_TIMED_OUT: 'timed_out',
    ERR_ADDRESS_UNREACHABLE: 'timed_out',
    ERR_CONTENT_DECODING_FAILED: 'broken_encoding',
    ERR_INVALID_HTTP_RESPONSE: 'not_invoify',
    ERR_INVALID_CHUNKED_ENCODING: 'not_invoify',
    ERR_RESPONSE_HEADERS_TOO_BIG: 'not_invoify',
    ERR_CONNECTION_RESET: 'interrupted',
    ERR_CONNECTION_CLOSED: 'interrupted',
    ERR_EMPTY_RESPONSE: 'interrupted',
    ERR_NETWORK_CHANGED: 'interrupted',
    ERR_INCOMPLETE_CHUNKED_ENCODING: 'interrupted',
    ERR_HTTP2_PING_FAILED: 'interrupted',
    ERR_QUIC_PROTOCOL_ERROR: 'interrupted',
    ERR_SOCKET_NOT_CONNECTED: 'interrupted',
    ERR_FAILED: undefined,
  };
  for (const [name, kind] of Object.entries(names)) {
    test(`${name} is ${kind ?? 'of no known kind'}`, async () => {
      const bench = connect('https://invoices.example.com', async () => {
        throw new Error(`net::${name}`);
      });
      assert.match(await failing(bench, kind, new RegExp(name)), /invoices\.example\.com/);
    });
  }

  test('says that this computer has no network', async () => {
    const bench = connect('https://invoices.example.com', async () => {
      throw new Error('net::ERR_INTERNET_DISCONNECTED');
    });
    assert.match(await failing(bench, undefined, /ERR_INTERNET_DISCONNECTED/), /^This computer is offline/);
  });

  test('says that it was redirected, and has the proxy\'s answer', async () => {
    await failing(connect('https://invoices.example.com', async () => {
      throw new Error("Attempted to redirect, but redirect policy was 'error'");
    }), 'redirected', /redirect/);
    await failing(connect('https://invoices.example.com', async () => new Response('<html>', { status: 407 })), 'proxy_password', /407/);
  });
});

test('each kind has a sentence of its own', async () => {
  const found = new Set<string>();
  for (const kind of failureKinds) found.add(failure('offline', kind, 'https://invoices.example.com').message);
  assert.equal(found.size, failureKinds.length);
});

test('a cause is logged when it changes, not for every request', async () => {
  let cause = 'ERR_NAME_NOT_RESOLVED';
  const { connection, log } = connect('https://invoices.example.com', async (_url, init) => {
    const requestId = new Headers(init?.headers).get('x-request-id') ?? '';
    if (cause === '') return new Response('{"success":true}', { headers: { 'x-request-id': requestId } });
    throw new Error(`net::${cause}`);
  });
  const ask = (): Promise<unknown> => connection.send({ path: '/api/health' }).catch(() => undefined);
  for (const next of ['ERR_NAME_NOT_RESOLVED', 'ERR_NAME_NOT_RESOLVED', 'ERR_CONNECTION_REFUSED', '', 'ERR_CONNECTION_REFUSED']) {
    cause = next;
    await ask();
  }
  assert.deepEqual(log.map((line) => /ERR_\w+/.exec(line)?.[0]),
    ['ERR_NAME_NOT_RESOLVED', 'ERR_CONNECTION_REFUSED', 'ERR_CONNECTION_REFUSED']);
});

/** An address where nothing listens any more. */
async function closedPort(): Promise<string> {
  const server = createTcp();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}
