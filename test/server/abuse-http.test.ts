// Attacks with HTTP itself, from raw sockets: bytes after a request, other versions, bodies that are too long or cut off, and
// what of it reaches the log. Then bodies that have far more wrong with them than anybody wants to read.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { after, before, describe, test } from 'node:test';

import { createOutput } from '../../server/log.ts';
import { assertError, createClient, exchangeRaw, type Reply } from '../client.ts';
import { embedded, firstOwner, password, prepare, spawnServer, startServer, stores, type TestServer } from './harness.ts';
import { customer, plan } from './samples.ts';

const MIB = 1024 * 1024;

/** What a connection receives. */
class RawConnection {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  text = '';
  error: Error | null = null;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('error', (error) => { this.error = error; }).on('data', (chunk) => { this.text += chunk.toString('latin1'); });
  }

  /** Resolves when the text received so far, or the one received later, matches. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) await once(this.socket, 'data');
  }
}

function post(path: string, { token }: { token: string | null }, text: string, more = ''): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${more}`
    + `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

function statuses(text: string): string[] {
  return text.match(/HTTP\/1\.1 \d+/g) ?? [];
}

for (const store of stores) {
  describe(`bytes after a request, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    const plans = async (): Promise<unknown[]> =>
      (await server.owner.pullAll()).changes.filter(({ collection }) => collection === 'plans').map(({ payload }) => payload?.['name']);

    test('do not take its answer away, and end the connection', async () => {
      for (const [index, garbage] of [
        'garbage\r\n\r\n', '\u0000\u0001\u0002', 'GET / HTTP/9.9\r\n\r\n', 'GET /api/health HTTP/2.0\r\nHost: x\r\n\r\n', 'GET /\r\n\r\n',
        'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n',
      ].entries()) {
        const name = `Before garbage ${index}`;
        const answer = await exchangeRaw(server.url, post('/api/plans', server.owner, JSON.stringify(plan({ name }))) + garbage);
        assert.deepEqual(statuses(answer), ['HTTP/1.1 201'], garbage.slice(0, 40));
        assert.ok(answer.includes(name));
        assert.ok((await plans()).includes(name));
      }
    });

    test('do not take the answers to pipelined requests away', async () => {
      const [one, two] = [plan({ name: 'First of two' }), plan({ name: 'Second of two' })].map((fields) => JSON.stringify(fields));
      const requests = post('/api/plans', server.owner, one ?? '') + post('/api/plans', server.owner, two ?? '');
      const answer = await exchangeRaw(server.url, `${requests}garbage\r\n\r\n`);
      assert.deepEqual(statuses(answer), ['HTTP/1.1 201', 'HTTP/1.1 201']);
    });

    test('that never come are not waited for: the client is told to send its request again, as on a busy server', async () => {
      const late = new RawConnection(server.url);
      late.socket.write('GET /api/health HTTP/1.1\r\nHost: x\r\n');
      await late.until(/Retry-After: 1\r\n[^]*"unavailable"/);
      assert.deepEqual(statuses(late.text), ['HTTP/1.1 503']);
      late.socket.end();
      await late.closed;
    });

    test('are not answered inside an event stream', async () => {
      const stream = new RawConnection(server.url);
      stream.socket.write(`GET /api/sync/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.owner.token}\r\n\r\n`);
      await stream.until(/event: change/);
      for (const line of ['garbage', 'more', 'GET /api/health HTTP/1.1\r\nHost: x']) stream.socket.write(`${line}\r\n\r\n`);
      const { updatedAt } = await server.owner.create('plans', plan());
      await stream.until(new RegExp(updatedAt.replaceAll('.', '\\.')));
      assert.deepEqual(statuses(stream.text), ['HTTP/1.1 200']);
      assert.doesNotMatch(stream.text, /success/);
      stream.socket.destroy();
    });
  });
}

describe('a connection', () => {
  let server: TestServer;
  /** Opened first, so that it is cut while the other tests run. */
  let silent: RawConnection;
  before(async () => {
    server = await startServer(embedded);
    silent = new RawConnection(server.url);
    silent.socket.write(`POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 * MIB}\r\n\r\n{`);
  });
  after(() => server.stop());

  test('that speaks HTTP/0.9 or HTTP/2.0 is closed without an answer', async () => {
    for (const text of ['GET /api/health\r\n\r\n', 'GET /api/health HTTP/0.9\r\n\r\n', 'GET /api/health HTTP/2.0\r\nHost: x\r\n\r\n']) {
      assert.equal(await exchangeRaw(server.url, text), '', text);
    }
  });

  test('gets the request id that was sent back with CONNECT and with HTTP that cannot be parsed, where it can be known', async () => {
    const id = 'known-to-the-client';
    for (const text of [
      `CONNECT x:1 HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n\r\n`,
      `GET /api/health HTTP/1.1\r\nHost: x\r\nx-request-id:${id} \r\nno colon\r\n\r\n`,
      `GET /api/health HTTP/1.7\r\nHost: x\r\nX-Request-Id: ${id}\r\n\r\n`,
      `POST /api/auth/login HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      `GET /x/../y HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n`,
    ]) {
      const answer = await exchangeRaw(server.url, text);
      assert.deepEqual(statuses(answer), ['HTTP/1.1 400'], text);
      assert.match(answer, new RegExp(`^X-Request-Id: ${id}\r$`, 'm'), text);
    }
    for (const fields of ['X-Request-Id: short', `X-Request-Id: ${id}\r\nX-Request-Id: ${id}`, `X: 1\r\n\r\nX-Request-Id: ${id}`]) {
      const answer = await exchangeRaw(server.url, `GET /api/health HTTP/1.7\r\nHost: x\r\n${fields}\r\n\r\n`);
      assert.match(answer, /^X-Request-Id: [0-9a-f]{8}-[0-9a-f-]{27}\r$/m, fields);
    }
  });

  test('that asks for another protocol is answered in this one and closed, and nothing after that is taken for a request', async () => {
    const inner = 'GET /api/meta HTTP/1.1\r\nHost: x\r\n\r\n';
    const outer = post('/api/auth/login', { token: null }, inner);
    const upgrade = 'Connection: Upgrade\r\nUpgrade: x\r\n';
    for (const [first, second] of [
      [`GET /api/health HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n${outer.slice(0, -inner.length)}`, inner],
      [`GET /api/health HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: keep-alive, upgrade\r\n\r\n`, outer],
      [`${post('/api/health', { token: null }, '{}', upgrade)}${outer.slice(0, -inner.length)}`, inner],
      [`POST /api/health HTTP/1.1\r\nHost: x\r\n${upgrade}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOS`, inner],
      // Takes a while to answer, so that the rest is there before.
      [`${post('/api/auth/login', { token: null }, '{"email":"x@x.test","password":"x"}', upgrade)}POST`, inner.repeat(200)],
    ] as const) {
      const asker = new RawConnection(server.url);
      asker.socket.setNoDelay(true).write(first);
      if (second.length < 1000) await asker.until(/\r\n\r\n\{.*\}/);
      asker.socket.write(second);
      await once(asker.socket, 'end');
      asker.socket.end();
      await asker.closed;
      assert.equal(statuses(asker.text).length, 1, first);
      assert.match(asker.text, /^Connection: close\r$/m, first);
      assert.doesNotMatch(asker.text, /"invoify"/, first);
    }
    const two = `GET /api/meta HTTP/1.1\r\nHost: x\r\n\r\nGET /api/health HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n${inner}`;
    assert.deepEqual(statuses(await exchangeRaw(server.url, two)), ['HTTP/1.1 200', 'HTTP/1.1 200']);
  });

  test('that asks for another protocol is cut if far too many requests follow', async () => {
    const asker = new RawConnection(server.url);
    asker.socket.write(`GET /api/sync/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.owner.token}\r\n`
      + 'Connection: Upgrade\r\nUpgrade: x\r\n\r\n');
    await asker.until(/event: change/);
    asker.socket.write('GET /api/health HTTP/1.1\r\n\r\n'.repeat(300));
    asker.socket.end();
    await asker.closed;
    assert.deepEqual(statuses(asker.text), ['HTTP/1.1 200']);
  });

  test('with a transfer coding other than chunked is refused and closed', async () => {
    for (const [version, path, codings] of [
      ['1.1', '/api/auth/login', ['gzip, chunked']], ['1.1', '/api/auth/login', ['gzip', 'chunked']],
      ['1.1', '/api/health', ['gzip, chunked']], ['1.1', '/api/auth/login', ['chunked, chunked']],
      ['1.0', '/api/auth/login', ['chunked']],
    ] as const) {
      const lines = codings.map((coding) => `Transfer-Encoding: ${coding}\r\n`).join('');
      const text = `POST ${path} HTTP/${version}\r\nHost: x\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n${lines}\r\n`
        + '2\r\n{}\r\n0\r\n\r\nGET /api/health HTTP/1.1\r\nHost: x\r\n\r\n';
      const answer = await exchangeRaw(server.url, text);
      assert.deepEqual(statuses(answer), ['HTTP/1.1 400'], text);
      assert.match(answer, /^Connection: close\r$.*"invalid_request"/ms, text);
    }
    const chunked = 'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n';
    const answer = await exchangeRaw(server.url, `${chunked}GET /api/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.deepEqual(statuses(answer), ['HTTP/1.1 400', 'HTTP/1.1 200']);
    assert.match(answer, /"email":\{"code":"required"/);
  });

  test('that is reset after CONNECT or after garbage does not end the server', async () => {
    for (const text of ['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 'garbage\r\n\r\n', 'GET /api/health HTTP/2.0\r\n\r\n']) {
      for (let attempt = 0; attempt < 20; attempt += 1) {
        const { socket } = new RawConnection(server.url);
        await once(socket, 'connect');
        await new Promise<void>((resolve) => socket.write(text, () => resolve()));
        socket.resetAndDestroy();
      }
    }
    assert.equal((await server.client.get('/api/health')).status, 200);
  });

  test('with a body that is too long ends in 413 however much of it is sent before the answer is read', async () => {
    const head = 'POST /api/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
      + `Authorization: Bearer ${server.owner.token}\r\n`;
    const block = Buffer.alloc(MIB, 32);
    const chunk = Buffer.concat([Buffer.from(`${MIB.toString(16)}\r\n`), block, Buffer.from('\r\n')]);
    for (const [more, part, end] of [
      [`Content-Length: ${20 * MIB}`, block, ''], ['Transfer-Encoding: chunked', chunk, '0\r\n\r\n'],
    ] as const) {
      const sender = new RawConnection(server.url);
      sender.socket.pause().write(`${head}${more}\r\n\r\n`);
      for (let sent = 0; sent < 20; sent += 1) if (!sender.socket.write(part)) await once(sender.socket, 'drain');
      await new Promise<void>((resolve) => sender.socket.write(end, () => resolve()));
      sender.socket.resume();
      await once(sender.socket, 'end');
      sender.socket.end();
      await sender.closed;
      assert.equal(sender.error, null);
      assert.match(sender.text, /^HTTP\/1\.1 413 .*^Connection: close\r$.*"payload_too_large"/ms);
      assert.equal(statuses(sender.text).length, 1);
    }
  });

  test('with a body that does not end is cut after a while', async () => {
    const sender = new RawConnection(server.url);
    sender.socket.write('POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n');
    const block = Buffer.alloc(MIB);
    let sentMib = 0;
    for (; !sender.socket.destroyed && sentMib < 1000; sentMib += 1) {
      if (!sender.socket.write(block)) await Promise.race([once(sender.socket, 'drain').catch(() => {}), sender.closed]);
    }
    assert.ok(sentMib < 200, `sent ${sentMib} MiB`);
    assert.match(sender.text, /^HTTP\/1\.1 404 /);
  });

  test('that is cut in mid-request is nothing to report', async () => {
    const logged = server.lines.length;
    const text = JSON.stringify(plan());
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const { socket } = new RawConnection(server.url);
      await once(socket, 'connect');
      const part = post('/api/plans', server.owner, text).slice(0, -5);
      await new Promise<void>((resolve) => socket.write(part, () => resolve()));
      if (attempt % 2 === 0) socket.destroy();
      else socket.resetAndDestroy();
    }
    while (server.lines.slice(logged).filter((line) => line.includes('"request aborted"')).length < 50) await new Promise(setImmediate);
    for (const line of server.lines.slice(logged)) {
      assert.doesNotMatch(line, /"stack"|"level":"(info|warn|error)"/);
      assert.match(line, /"requestId"/);
    }
  });

  test('whose body stops does not stay open after its refusal', async () => {
    // Only what is written afterwards tells that the other side reads no more.
    const sending = setInterval(() => silent.socket.write(' '), 50);
    await silent.closed;
    clearInterval(sending);
    assert.match(silent.text, /^HTTP\/1\.1 413 /);
  });
});

describe('standard output', () => {
  test('without a reader does not end the server', async () => {
    const installation = await prepare(embedded, { ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password });
    const server = await spawnServer(installation.env);
    server.child.stdout?.destroy();
    const client = createClient(() => ({ url: server.url }));
    for (let request = 0; request < 20; request += 1) assertError(await client.get('/nothing'), 'not_found');
    assert.equal((await client.get('/api/health')).status, 200);
    assert.equal(await server.end(), 0);
    await installation.remove();
  });

  test('whose reader does not read costs a megabyte and says later how many lines are missing', async () => {
    const texts: string[] = [];
    let release = (): void => {};
    const output = new Writable({
      decodeStrings: false,
      write(text: string, _encoding, done) {
        texts.push(text);
        release = done;
      },
    });
    const write = createOutput(output as unknown as NodeJS.WriteStream);
    const line = `${'x'.repeat(1023)}\n`;
    for (let index = 0; index < 3000; index += 1) write(line);
    assert.ok(output.writableLength <= MIB + 2 * line.length);
    while (output.writableLength > 0) {
      release();
      await new Promise(setImmediate);
    }
    const written = texts.length;
    write('last\n');
    assert.deepEqual(JSON.parse(texts[written] ?? ''), { level: 'warn', event: 'log lines dropped', count: 3000 - written });
  });
});

describe('a body with many mistakes', () => {
  let server: TestServer;
  before(async () => { server = await startServer(embedded); });
  after(() => server.stop());

  const unknown = (count: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1]));

  test('is answered with at most 20 of them, in a few kilobytes', async () => {
    const made = await server.owner.create('customers', customer());
    const attempts: ((fields: object) => Promise<Reply>)[] = [
      (fields) => server.client.post('/api/auth/login', fields),
      (fields) => server.owner.post('/api/customers', fields),
      (fields) => server.owner.patch(`/api/customers/${made.id}`, made.updatedAt, fields),
      (fields) => server.owner.patch(`/api/customers/${made.id}`, made.updatedAt, { address: fields }),
      (fields) => server.owner.post('/api/customers', customer({ address: fields })),
      (fields) => server.owner.post('/api/invoices', { lines: [fields] }),
      () => server.owner.post('/api/invoices', { lines: Array.from({ length: 1000 }, () => unknown(30)) }),
      (fields) => server.owner.post(`/api/invoices/${made.id}/payments`, fields, { 'If-Match': `"${made.updatedAt}"` }),
    ];
    for (const fields of [unknown(90), unknown(9000), unknown(90_000), { ['k'.repeat(900)]: 1 }, { ['k'.repeat(900_000)]: 1 }]) {
      for (const attempt of attempts) {
        const reply = await attempt(fields);
        if (reply.status !== 413) assertError(reply, 'invalid_request');
        assert.ok(reply.bytes.length < 10_000, `${reply.bytes.length} bytes`);
      }
    }
    assert.equal((await server.owner.read('customers', made.id)).updatedAt, made.updatedAt);
  });
});

for (const store of stores) {
  describe(`a change, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    test('is refused for an unknown field at every depth although it is null, and changes nothing', async () => {
      const made = await server.owner.create('customers', customer({ address: { city: 'Ulm' } }));
      const bare = await server.owner.create('customers', customer());
      for (const [fields, path] of [
        [{ bogus: null }, 'bogus'], [{ $ne: null }, '$ne'], [{ address: { bogus: null } }, 'address.bogus'],
        [{ address: { $ne: null } }, 'address.$ne'], [{ address: { city: 'Bonn', $unset: null } }, 'address.$unset'],
        [{ address: { __proto__: null, 'a.b': null } }, 'address.a.b'], [{ name: { $ne: null } }, 'name'],
        [{ address: { city: { bogus: null } } }, 'address.city'], [{ planId: { $ne: null } }, 'planId'],
      ] as const) {
        for (const { id, updatedAt } of [made, bare]) {
          const reply = await server.owner.patch(`/api/customers/${id}`, updatedAt, fields);
          assertError(reply, 'invalid_request', [path]);
        }
      }
      const invoices = { lines: [{ bogus: null }] };
      assertError(await server.owner.post('/api/invoices', invoices), 'invalid_request');
      assert.deepEqual(await server.owner.read('customers', made.id), made);
      assert.deepEqual(await server.owner.read('customers', bare.id), bare);
      const kept = await server.owner.change('customers', made, { address: { street: 'Markt 1', city: null } });
      assert.deepEqual(kept.payload['address'], { street: 'Markt 1' });
    });
  });
}
