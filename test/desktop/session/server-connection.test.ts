// The desktop's HTTP client: which addresses are accepted, what is sent, and how each answer is handled.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib';

import { connectTo, parseServerUrl, type ConnectionDeps, type ServerConnection } from '../../../desktop/session/server-connection.ts';
import { systemHostDeps } from '../../../desktop/system-deps.ts';
import { AppError, type ErrorCode, type FailureKind } from '../../../shared/errors.ts';
import { protocolVersion, requestIdHeader, requestIdPattern } from '../../../shared/protocol.ts';
import { answerJson, createNetwork, faults, networkError, openStubServer, type Fault } from '../../network.ts';
import { assertRejects } from '../../server/store/fixture.ts';
import { createTimers } from '../../sync/timers.ts';

function depsWith(deps: Partial<ConnectionDeps> = {}): ConnectionDeps {
  const { setTimer } = createTimers();
  return { fetch, setTimer, hasNetwork: () => true, newId: randomUUID, log: () => undefined, ...deps };
}

/** A connection over a network with the same fault in every request. */
function connectionWith(fault: Fault, deps: Partial<ConnectionDeps> = {}): ServerConnection {
  const timers = createTimers();
  const network = createNetwork({ onStall: () => setImmediate(timers.passSilence) });
  network.plan(() => fault);
  return connectTo('http://localhost:1', depsWith({ fetch: network.fetch, setTimer: timers.setTimer, ...deps }));
}

/** An answer with this body, status and headers. */
function answering(body: object | string, status = 200, headers: Readonly<Record<string, string>> = {}): Fault {
  return async () => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
}

async function connectToStub(t: TestContext, text: string, status = 200): Promise<ServerConnection> {
  const { url } = await openStubServer(t, answerJson(text, status));
  return connectTo(url, depsWith());
}

const hello = { path: '/api/health' } as const;

describe('a server address', () => {
  const accepted: Readonly<Record<string, string>> = {
    'https://invoices.example.com': 'https://invoices.example.com',
    'invoices.example.com': 'https://invoices.example.com',
    'INVOICES.example.com:8443/': 'https://invoices.example.com:8443',
    'https://invoices.example.com:443/some/page?x#y': 'https://invoices.example.com',
    ' https://invoices.example.com ': 'https://invoices.example.com',
    'https://münchen.example': 'https://xn--mnchen-3ya.example',
    'http://localhost:4380': 'http://localhost:4380',
    'http://127.0.0.1:4380': 'http://127.0.0.1:4380',
    'http://127.1': 'http://127.0.0.1',
    'http://[::1]:4380': 'http://[::1]:4380',
    'localhost:4380': 'https://localhost:4380',
  };
  for (const [text, origin] of Object.entries(accepted)) {
    test(`${text} is accepted as ${origin}`, () => assert.equal(parseServerUrl(text), origin));
  }

  const refused = [
    '', 'https://', 'http://invoices.example.com', 'http://192.168.1.2', 'http://127.0.0.1.example.com', 'http://localhost.example.com',
    'http://localhost@invoices.example.com', 'https://user:secret@invoices.example.com', 'ftp://invoices.example.com',
    'javascript://invoices.example.com', 'file:///etc/passwd', 'https://a b', 'http://[::ffff:192.168.1.2]', 'http://0.0.0.0',
  ];
  for (const text of refused) {
    test(`"${text}" is refused`, () => {
      assert.throws(() => parseServerUrl(text), (error) => error instanceof AppError && error.code === 'invalid_request');
    });
  }
});

describe('an answer', () => {
  test('of an Invoify server is returned byte for byte', async (t) => {
    const text = '{"success":true,\n "name":"Łódź"}';
    assert.equal(String(await (await connectToStub(t, text)).send(hello)), text);
  });

  test('that refuses becomes the server\'s own error, with its details', async (t) => {
    const current = { id: '0123456789abcdef01234567', updatedAt: '2026-01-01T00:00:00.000000Z', payload: { name: 'Theirs' } };
    const fields = { name: { code: 'taken', message: 'is already in use' } };
    const answer = { success: false, error: { code: 'precondition_failed', message: 'Changed.', fields, current } };
    const error = await assertRejects((await connectToStub(t, JSON.stringify(answer), 412)).send(hello), 'precondition_failed');
    assert.deepEqual([error.message, error.details.fields, error.details.current], ['Changed.', fields, current]);
  });

  const conflict = { success: false, error: { code: 'conflict', message: 'x' } };
  const invalid: readonly (readonly [what: string, fault: Fault, code: ErrorCode])[] = [
    ['is an HTML page', answering('<html></html>'), 'bad_response'],
    ['is empty', answering(''), 'bad_response'],
    ['is an array', answering('[1, 2]'), 'bad_response'],
    ['is another program\'s JSON', answering({ status: 'UP' }), 'bad_response'],
    ['says success in another form', answering({ success: 'true' }), 'bad_response'],
    ['is cut off', answering('{"success":true,"user":{'), 'bad_response'],
    ['is an error with the status of a success', answering(conflict), 'bad_response'],
    ['refuses without an error', answering('Not Found', 404), 'bad_response'],
    ['refuses with an unknown code', answering({ success: false, error: { code: 'teapot', message: '?' } }, 400), 'bad_response'],
    ['refuses without saying that it is no success', answering({ error: conflict.error }, 409), 'bad_response'],
    ['refuses with an error of the wrong shape',
      answering({ success: false, error: { code: 'conflict', message: 7 } }, 400), 'bad_response'],
    ['refuses with a code that only the desktop has',
      answering({ success: false, error: { code: 'cancelled', message: '?' } }, 400), 'bad_response'],
    ['refuses the request with the status of a server\'s fault', answering(conflict, 502), 'unavailable'],
    ['reports its own fault with the status of a refusal',
      answering({ success: false, error: { code: 'internal', message: '?' } }, 403), 'bad_response'],
    ['is a failure of a proxy', faults.badGateway, 'unavailable'],
    ['is a failure with a binary body', answering('\u0000\u0001', 500), 'unavailable'],
    ['is a proxy\'s limit', answering('Slow down', 429), 'unavailable'],
    ['has an unknown status', answering('{}', 399), 'bad_response'],
  ];
  for (const [what, fault, code] of invalid) {
    test(`that ${what} is ${code}`, async () => {
      await assertRejects(connectionWith(fault).send(hello), code);
    });
  }

  test('counts only under the id of its request', async () => {
    const cases: readonly (readonly [body: object, status: number, id: string, code: ErrorCode, kind?: FailureKind])[] = [
      [{ success: true }, 200, 'the-id-of-another-request', 'bad_response', 'replayed'],
      [{ success: true }, 200, '', 'bad_response', 'not_invoify'],
      [{ success: false, error: { code: 'unauthorized', message: 'x' } }, 401, 'the-id-of-another-request', 'bad_response', 'not_invoify'],
      [{ success: false, error: { code: 'internal', message: 'x' } }, 500, 'the-id-of-another-request', 'unavailable'],
    ];
    for (const [body, status, id, code, kind] of cases) {
      const error = await assertRejects(connectionWith(answering(body, status, { [requestIdHeader]: id })).send(hello), code);
      assert.equal(error.details.kind, kind);
    }
  });

  describe('with a Retry-After', () => {
    const later = (code: string, status: number, value: string): Fault =>
      answering({ success: false, error: { code, message: 'Later.' } }, status, { 'retry-after': value });
    const waitS = async (fault: Fault): Promise<number | undefined> => {
      const connection = connectionWith(fault);
      const refused = connection.send(hello).then(() => null, (error: unknown) => error);
      const asStream = { ...hello, headers: { accept: 'text/event-stream' } };
      const refusedStream = connection.receive(asStream, () => undefined).then(() => null, (error: unknown) => error);
      const [error, streamError] = [await refused, await refusedStream];
      assert(error instanceof AppError && streamError instanceof AppError);
      assert.equal(error.details.retryAfterS, streamError.details.retryAfterS, 'the same for an event stream');
      return error.details.retryAfterS;
    };

    test('within the protocol\'s limits says how long to wait', async () => {
      for (const seconds of [0, 2, 60]) assert.equal(await waitS(later('unavailable', 503, String(seconds))), seconds);
      for (const seconds of [7, 900]) assert.equal(await waitS(later('too_many_requests', 429, String(seconds))), seconds);
    });

    test('beyond them, or in another form, is ignored', async () => {
      for (const value of ['61', '86400', '1790000000', '-1', '1.5', '1e1', '0x10', 'soon', 'Wed, 21 Oct 2026 07:28:00 GMT', 'Infinity']) {
        assert.equal(await waitS(later('unavailable', 503, value)), undefined, value);
      }
      assert.equal(await waitS(later('too_many_requests', 429, '901')), undefined);
    });

    test('is ignored from anyone but the server, and with any other refusal', async () => {
      for (const status of [429, 502, 503]) assert.equal(await waitS(answering('Later', status, { 'retry-after': '5' })), undefined);
      assert.equal(await waitS(later('unavailable', 404, '5')), undefined);
      assert.equal(await waitS(later('internal', 500, '5')), undefined);
    });
  });

  test('that does not end is rejected', async () => {
    let sentBytes = 0;
    const chunk = new Uint8Array(1024 * 1024).fill(0x20);
    const endless = async (): Promise<Response> => new Response(new ReadableStream<Uint8Array>({
      pull(controller) {
        sentBytes += chunk.length;
        controller.enqueue(chunk);
      },
    }));
    await assertRejects(connectionWith(endless).send(hello), 'bad_response');
    assert(sentBytes < 80 * chunk.length, `${sentBytes} bytes were read`);
  });
});

describe('no answer', () => {
  for (const name of ['refused', 'answerLost', 'resetInBody', 'stalled', 'stalledInBody'] as const) {
    test(`is offline: "${name}"`, async (t) => {
      const { url } = await openStubServer(t, answerJson('{"success":true}'));
      const timers = createTimers();
      const network = createNetwork({ onStall: () => setImmediate(timers.passSilence) });
      network.plan(() => faults[name]);
      const connection = connectTo(url, depsWith({ fetch: network.fetch, setTimer: timers.setTimer }));
      await assertRejects(connection.send(hello), 'offline');
      assert.equal(timers.pending, 0, 'no timer is left');
    });
  }

  test('is not assumed while something arrives now and then', async () => {
    const timers = createTimers();
    const chunks = ['{"success"', ':', 'true', '}'];
    const slow = async (): Promise<Response> => new Response(new ReadableStream<Uint8Array>({
      async pull(controller) {
        const chunk = chunks.shift();
        if (chunk === undefined) return controller.close();
        controller.enqueue(Buffer.from(chunk));
      },
    }, { highWaterMark: 0 }));
    let silences = 0;
    const setTimer = (callback: () => void, delayMs: number): () => void => {
      silences += 1;
      return timers.setTimer(callback, delayMs);
    };
    const network = createNetwork();
    network.plan(() => slow);
    const connection = connectTo('http://localhost:1', depsWith({ fetch: network.fetch, setTimer }));
    assert.equal(String(await connection.send(hello)), '{"success":true}');
    assert.equal(silences, 1 + 1 + 4, 'one before the answer, one for its head, one for each of its parts');
    assert.equal(timers.pending, 0);
  });

  test('without a network says that this computer is offline', async () => {
    const error = await assertRejects(connectionWith(faults.refused, { hasNetwork: () => false }).send(hello), 'offline');
    assert.deepEqual([error.details.kind, /computer is offline/.test(error.message)], [undefined, true]);
  });

  test('after the caller cancels is cancelled', async () => {
    const stopping = new AbortController();
    const sending = connectionWith(faults.silent).send({ ...hello, signal: stopping.signal });
    stopping.abort();
    await assertRejects(sending, 'cancelled');
    await assertRejects(connectionWith(faults.silent).send({ ...hello, signal: AbortSignal.abort() }), 'cancelled');
  });
});

describe('a request', () => {
  test('carries its protocol version, an id, its token, and its body as JSON', async () => {
    const network = createNetwork();
    network.plan(() => answering({ success: true }));
    const connection = connectTo('http://localhost:1', depsWith({ fetch: network.fetch }));
    const headers = { 'if-match': '"x"' };
    await connection.send({ method: 'PATCH', path: '/api/plans/1', token: 'the-token', body: { name: 'é' }, headers });
    await connection.send(hello);
    const [first, second] = network.calls;
    const ids = [first, second].map((call) => call?.headers.get(requestIdHeader) ?? '');
    for (const id of ids) assert.match(id, requestIdPattern);
    assert.equal(new Set(ids).size, 2, 'each request has an id of its own');
    assert.deepEqual(Object.fromEntries(first?.headers ?? []), {
      'x-invoify-protocol': String(protocolVersion.current), 'authorization': 'Bearer the-token',
      'content-type': 'application/json', 'if-match': '"x"', [requestIdHeader]: ids[0],
    });
    assert.deepEqual(Object.fromEntries(second?.headers ?? []), {
      'x-invoify-protocol': String(protocolVersion.current), [requestIdHeader]: ids[1],
    });
  });

  test('whose connection is cut is sent again, once, unless it may have been done', async () => {
    for (const [method, onRepeat, times] of [
      ['GET', undefined, 2], ['POST', undefined, 1], ['DELETE', undefined, 1], ['POST', () => undefined, 2],
    ] as const) {
      const network = createNetwork();
      network.plan(() => () => Promise.reject(networkError('ECONNRESET')));
      const connection = connectTo('http://localhost:1', depsWith({ fetch: network.fetch }));
      await assertRejects(connection.send({ method, path: '/api/plans', ...(onRepeat && { onRepeat }) }), 'offline');
      assert.equal(network.calls.length, times, `${method} ${String(onRepeat)}`);
    }
  });

  test('lets go of its connection where the answer is not read', async () => {
    let signal: AbortSignal | null | undefined;
    const send: typeof fetch = async (_url, init) => {
      signal = init?.signal;
      const id = new Headers(init?.headers).get(requestIdHeader) ?? '';
      return new Response('a page', { headers: { 'content-type': 'text/html', [requestIdHeader]: id } });
    };
    const connection = connectTo('http://localhost:1', depsWith({ fetch: send }));
    assert.equal(await connection.receive({ path: '/', headers: { accept: 'text/plain' } }, () => undefined), false);
    assert.equal(signal?.aborted, true);
  });
});

describe('a stream', () => {
  const streaming = (accept: string): Fault =>
    async () => new Response('one', { headers: { 'content-type': accept } });
  function open(accept: string, onChunk: () => Promise<void>): { delaysMs: Set<number>; ended: Promise<boolean> } {
    const delaysMs = new Set<number>();
    const setTimer: ConnectionDeps['setTimer'] = (_callback, delayMs) => {
      delaysMs.add(delayMs);
      return () => void delaysMs.delete(delayMs);
    };
    const connection = connectionWith(streaming(accept), { setTimer });
    return { delaysMs, ended: connection.receive({ path: '/', headers: { accept } }, onChunk) };
  }

  test('is not taken for silent while what has arrived is still being used', async () => {
    const [arrived, used] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { delaysMs, ended } = open('text/plain', () => {
      arrived.resolve();
      return used.promise;
    });
    assert.deepEqual([...delaysMs], [30_000]);
    await arrived.promise;
    assert.deepEqual([...delaysMs], []);
    used.resolve();
    assert.equal(await ended, true);
  });

  test('of events may be silent for longer than the server\'s comments are apart, twice over', async () => {
    const { delaysMs, ended } = open('text/event-stream', async () => undefined);
    assert.deepEqual([...delaysMs], [60_000]);
    assert.equal(await ended, true);
  });
});

test('an answer is decoded as it arrives, in each of the encodings that are asked for', async (t) => {
  const encoders = { zstd: createZstdCompress, br: createBrotliCompress, gzip: createGzip };
  let onRead = Promise.withResolvers<void>();
  const { url } = await openStubServer(t, ({ url: path = '', headers }, response) => {
    const name = path.slice(1) as keyof typeof encoders;
    assert(headers['accept-encoding']?.split(', ').includes(name));
    response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': name });
    const encoder = encoders[name]();
    encoder.pipe(response);
    encoder.write('one');
    encoder.flush(() => void onRead.promise.then(() => encoder.end('two')));
  });
  const { setTimer } = createTimers();
  const connection = connectTo(url, { ...systemHostDeps(), setTimer });
  for (const name of Object.keys(encoders)) {
    onRead = Promise.withResolvers();
    const chunks: string[] = [];
    const isOfType = await connection.receive({ path: `/${name}`, headers: { accept: 'text/plain' } }, (chunk) => {
      chunks.push(Buffer.from(chunk).toString());
      onRead.resolve();
    });
    assert.deepEqual([isOfType, chunks], [true, ['one', 'two']]);
  }
});
