// `fetch` over Electron's `net`: what servers and proxies can do to it, and what of it must never stay behind. The stand-in
// for `net` really sends; what it cannot show is Chromium's own behaviour.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';

import type { ClientRequest } from 'electron';

import { createFetch } from '../../../desktop/electron/fetch.ts';
import { connectTo, type ServerConnection } from '../../../desktop/session/server-connection.ts';
import { answerJson, openStubServer, type StubAnswer, type StubServer } from '../../network.ts';
import { assertRejects } from '../../server/store/fixture.ts';
import { createTimers } from '../../sync/timers.ts';
import { net, system } from './stand-in/utility.ts';

const send = createFetch(net.request);
const connect = (url: string): ServerConnection => connectTo(url, {
  fetch: send, setTimer: createTimers().setTimer, hasNetwork: () => true, newId: randomUUID, log: () => undefined,
});

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Resolves when the client has left. */
  readonly left: Promise<unknown>;
}

/** A server whose answers the test gives; `next` resolves with the next request. */
async function openServer(t: TestContext): Promise<StubServer & { next(): Promise<Exchange> }> {
  const arrived: Exchange[] = [];
  let onArrival = Promise.withResolvers<void>();
  const server = await openStubServer(t, (request, response) => {
    arrived.push({ request, response, left: once(response, 'close') });
    onArrival.resolve();
  });
  return {
    ...server,
    async next() {
      while (arrived.length === 0) await onArrival.promise;
      onArrival = Promise.withResolvers();
      return arrived.shift() as Exchange;
    },
  };
}

/** Says this on every connection that something arrives on, whatever it is. */
async function openTalker(t: TestContext, text: string): Promise<string> {
  const server = createServer();
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => void socket.on('error', () => undefined).once('data', () => socket.end(text)));
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a request', () => {
  const echo: StubAnswer = ({ method, url, headers }, response) => {
    const own = Object.fromEntries(Object.entries(headers).filter(([name]) => /^(?:content-|x-|cookie|authorization)/.test(name)));
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    response.setHeader('x-twice', ['1', '2']);
    void response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ method, url, own }));
  };

  test('says the same, and gets the same, as one of Node\'s fetch', async (t) => {
    const { url } = await openStubServer(t, echo);
    const post = { method: 'POST', headers: { 'content-type': 'application/json', 'X-Other': 'é' }, body: '{"name":"Łódź"}' };
    const seen = async (response: Response): Promise<unknown> => {
      const { ok, status, headers } = response;
      return [ok, status, headers.get('Content-Type'), headers.get('set-cookie'), headers.get('x-twice'), await response.text()];
    };
    for (const init of [{ headers: { 'x-one': '1' } }, post]) {
      const asked = { redirect: 'error', cache: 'no-store', credentials: 'omit', ...init } as const;
      assert.deepEqual(await seen(await send(`${url}/a?b=c`, asked)), await seen(await fetch(`${url}/a?b=c`, asked)));
    }
  });

  test('that cannot be sent is rejected', async () => {
    await assert.rejects(send('nothing'), /Invalid URL/);
    await assert.rejects(send('ftp://127.0.0.1/'), /http/);
    await assert.rejects(send('http://127.0.0.1:1/', { headers: { 'x y': '1' } }), TypeError);
  });

  test('that is aborted in time is not sent', async (t) => {
    const { url, requests } = await openStubServer(t, answerJson('{}'));
    const reason = new Error('no longer wanted');
    await assert.rejects(send(url, { signal: AbortSignal.abort(reason) }), reason);
    assert.deepEqual(requests, []);
  });

  for (const body of [null, '{}']) {
    test(`is aborted ${body === null ? 'without' : 'with'} a body in the turn in which it is sent, or before its answer`, async (t) => {
      const server = await openServer(t);
      const method = body === null ? 'GET' : 'POST';
      const [soon, later] = [new AbortController(), new AbortController()];
      const reason = new Error('no longer wanted');
      const first = assert.rejects(send(`${server.url}/soon`, { method, body, signal: soon.signal }), reason);
      soon.abort(reason);
      await first;
      const second = assert.rejects(send(`${server.url}/later`, { method, body, signal: later.signal }), reason);
      for (let path; path !== '/later';) {
        const { request, left } = await server.next();
        path = request.url;
        if (path === '/later') later.abort(reason);
        // Electron may have sent the first one all the same.
        await left;
      }
      await second;
      assert.deepEqual([soon, later].map(({ signal }) => getEventListeners(signal, 'abort').length), [0, 0]);
    });
  }
});

describe('an answer', () => {
  test('arrives chunk by chunk, and ends when its signal aborts', async (t) => {
    const server = await openServer(t);
    const stopping = new AbortController();
    const asked = send(server.url, { signal: stopping.signal });
    const { response, left } = await server.next();
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    const reader = (await asked).body?.getReader();
    for (const text of ['event: change\n', 'data: {}\n\n']) {
      const read = reader?.read();
      response.write(text);
      assert.equal(Buffer.from((await read)?.value ?? []).toString(), text);
    }
    const read = reader?.read();
    const reason = new Error('stopped');
    stopping.abort(reason);
    await Promise.all([assert.rejects(read ?? Promise.resolve(), reason), left]);
    assert.equal(getEventListeners(stopping.signal, 'abort').length, 0);
  });

  test('is sent no faster than it is read', async (t) => {
    const server = await openServer(t);
    const asked = send(server.url);
    const { response } = await server.next();
    const chunk = Buffer.alloc(1024 * 1024);
    let sentChunks = 0;
    let isFull = false;
    response.writeHead(200).flushHeaders();
    const body = (await asked).body;
    while (sentChunks < 64 && !isFull) {
      isFull = await new Promise((resolve) => {
        setTimeout(() => resolve(true), 200);
        response.write(chunk, () => resolve(false));
        sentChunks += 1;
      });
    }
    assert(isFull, 'the sender has to wait');
    let sizeBytes = 0;
    response.end();
    for await (const part of body ?? []) sizeBytes += part.length;
    assert.equal(sizeBytes, sentChunks * chunk.length);
  });

  const encoders = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync };
  test('is decoded', async (t) => {
    const { url } = await openStubServer(t, ({ url: path = '', headers }, response) => {
      const name = path.slice(1) as keyof typeof encoders;
      assert(headers['accept-encoding']?.includes(name));
      response.writeHead(200, { 'content-encoding': name }).end(encoders[name]('{"success":true}'));
    });
    for (const name of Object.keys(encoders)) {
      const response = await send(`${url}/${name}`);
      assert.deepEqual([response.headers.get('content-encoding'), await response.text()], [name, '{"success":true}']);
    }
  });

  test('without a body has none, and keeps no request, whatever its server goes on to send', async (t) => {
    const { url } = await openStubServer(t, (request, response) => {
      response.writeHead(Number(request.url?.slice(1)));
      if (request.url === '/204') response.end();
      else response.write('x'.repeat(65_536));
    });
    const { signal } = new AbortController();
    for (const expected of [204, 205]) {
      let aborts = 0;
      const watched = createFetch((options) => net.request(options).on('abort', () => aborts += 1));
      const { status, body } = await watched(`${url}/${expected}`, { signal });
      await nextTurn();
      assert.deepEqual([status, body, aborts, getEventListeners(signal, 'abort').length], [expected, null, 1, 0]);
    }
  });

  for (const status of ['600', '999']) {
    test(`with the status ${status} is rejected`, async (t) => {
      const url = await openTalker(t, `HTTP/1.1 ${status} Odd\r\nContent-Length: 0\r\n\r\n`);
      await assert.rejects(send(url), /net::ERR_INVALID_HTTP_RESPONSE/);
      const error = await assertRejects(connect(url).send({ path: '/api/health' }), 'offline');
      assert.equal(error.details.kind, 'not_invoify');
    });
  }

  test('with headers beyond Latin-1 loses only those', async (t) => {
    const url = await openTalker(t, 'HTTP/1.1 404 Łódź \xff\r\nX-City: Łódź\r\nX-Street: Straße\r\nContent-Length: 2\r\n\r\nno');
    const response = await send(url);
    assert.deepEqual([response.status, response.headers.get('x-city'), response.headers.get('x-street'), await response.text()],
      [404, null, 'Straße', 'no']);
  });

  test('that nobody reads keeps no connection', async (t) => {
    const endless: StubAnswer = (_request, response) => {
      // Not an Invoify server's, so the client does not read it.
      response.removeHeader('x-request-id');
      response.writeHead(response.req.url === '/found' ? 200 : 404);
      const write = (): void => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', write);
      write();
    };
    const { url, requests } = await openStubServer(t, endless);
    for (let round = 0; round < 8; round += 1) {
      await (await send(`${url}/found`)).body?.cancel();
      for await (const _chunk of (await send(`${url}/found`)).body ?? []) break;
      await assertRejects(connect(url).send({ path: '/missing' }), 'bad_response');
      await assertRejects(connect(url).receive({ path: '/found', headers: { accept: 'text/plain' } }, () => undefined), 'bad_response');
    }
    assert.equal(requests.length, 32);
  });

  test('that refuses is the answer, also where it asks for a password', async (t) => {
    const { url } = await openStubServer(t, (_request, response) =>
      void response.writeHead(401, { 'www-authenticate': 'Basic realm="books"' }).end('no'));
    for (const credentials of ['omit', 'include'] as const) {
      const response = await send(url, { credentials });
      assert.deepEqual([response.status, await response.text()], [401, 'no']);
    }
  });
});

describe('a connection that is cut before an answer', () => {
  for (const isReset of [true, false]) {
    test(`by a ${isReset ? 'reset' : 'hang-up'} is tried once more, where the request may be sent twice`, async (t) => {
      let cuts = 0;
      const { url } = await openStubServer(t, (request, response) => {
        cuts += 1;
        if (cuts % 2 === 0) return void response.end('{"success":true}');
        if (isReset) request.socket.resetAndDestroy();
        else request.socket.destroy();
      });
      assert.equal(String(await connect(url).send({ path: '/api/health' })), '{"success":true}');
      assert.equal(cuts, 2);
      let repeats = 0;
      const onRepeat = (): void => void (repeats += 1);
      await connect(url).send({ method: 'POST', path: '/api/plans', body: {}, onRepeat });
      assert.deepEqual([cuts, repeats], [4, 1]);
      const error = await assertRejects(connect(url).send({ method: 'POST', path: '/api/plans', body: {} }), 'offline');
      assert.deepEqual([cuts, error.details.kind], [5, 'interrupted']);
    });
  }
});

describe('a proxy', () => {
  async function behindProxy(t: TestContext, answer: StubAnswer): Promise<ServerConnection> {
    system.proxy = (await openStubServer(t, answer)).url;
    t.after(() => void (system.proxy = null));
    return connect('http://127.0.0.1:1');
  }

  test('that lets requests through is not noticed', async (t) => {
    const connection = await behindProxy(t, (request, response) => {
      assert.equal(request.url, 'http://127.0.0.1:1/api/health');
      response.end('{"success":true}');
    });
    assert.equal(String(await connection.send({ path: '/api/health' })), '{"success":true}');
  });

  for (const scheme of ['Basic', 'NTLM', 'Unknown']) {
    test(`that asks for a password is named as such, and given none (${scheme})`, async (t) => {
      const connection = await behindProxy(t, (_request, response) =>
        void response.writeHead(407, { 'proxy-authenticate': `${scheme} realm="office"` }).end('Who are you?'));
      for (let round = 0; round < 8; round += 1) {
        const error = await assertRejects(connection.send({ path: '/api/health' }), 'offline');
        assert.equal(error.details.kind, 'proxy_password');
        assert.match(String(error.cause), /net::ERR_PROXY_AUTH_/);
      }
    });
  }
});

test('an error that is reported once more ends nothing', async () => {
  const sent: ClientRequest[] = [];
  const watched = createFetch((options) => {
    const request = net.request(options);
    sent.push(request);
    return request;
  });
  await assert.rejects(watched('http://127.0.0.1:1/'), /net::ERR_/);
  assert.doesNotThrow(() => sent[0]?.emit('error', new Error('net::ERR_FAILED')));
});

test('nothing of a request is left once it is over', async (t) => {
  const server = await openServer(t);
  const keeping = new AbortController();
  for (const end of [(response: ServerResponse) => response.end('{}'), (response: ServerResponse) => response.destroy()]) {
    const asked = send(server.url, { signal: keeping.signal }).then((response) => response.text());
    end((await server.next()).response);
    await asked.catch(() => undefined);
    await nextTurn();
    assert.equal(getEventListeners(keeping.signal, 'abort').length, 0);
  }
});
