// The desktop's HTTP client: which addresses are accepted, what is sent, and how each answer is handled.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { connectTo, parseServerUrl, type ServerConnection } from '../../../desktop/session/server-connection.ts';
import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import { protocolVersion } from '../../../shared/protocol.ts';
import { answerJson, createNetwork, faults, openStubServer, type Fault } from '../../network.ts';
import { assertRejects } from '../../server/store/fixture.ts';
import { createTimers } from '../../sync/timers.ts';

/** A connection over a network with the same fault in every request. */
function connectionWith(fault: Fault, hasNetwork = true): ServerConnection {
  const timers = createTimers();
  const network = createNetwork({ onStall: () => setImmediate(timers.passSilence) });
  network.plan(() => fault);
  return connectTo('http://localhost:1', { fetch: network.fetch, setTimer: timers.setTimer, hasNetwork: () => hasNetwork });
}

async function connectToStub(t: TestContext, text: string, status = 200): Promise<ServerConnection> {
  const { url } = await openStubServer(t, answerJson(text, status));
  return connectTo(url, { fetch, ...createTimers(), hasNetwork: () => true });
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

  test('with a Retry-After header says how long to wait', async () => {
    assert.equal((await assertRejects(connectionWith(faults.unavailable).send(hello), 'unavailable')).details.retryAfterS, 2);
    assert.equal((await assertRejects(connectionWith(faults.badGateway).send(hello), 'unavailable')).details.retryAfterS, undefined);
    for (const value of ['soon', 'Wed, 21 Oct 2026 07:28:00 GMT', 'Infinity']) {
      const answer = async (): Promise<Response> => new Response('{}', { status: 503, headers: { 'retry-after': value } });
      assert.equal((await assertRejects(connectionWith(answer).send(hello), 'unavailable')).details.retryAfterS, undefined);
    }
  });

  const invalid: readonly (readonly [what: string, status: number, text: string, code: ErrorCode])[] = [
    ['is an HTML page', 200, '<html></html>', 'bad_response'],
    ['is empty', 200, '', 'bad_response'],
    ['is an array', 200, '[1, 2]', 'bad_response'],
    ['refuses without an error', 404, 'Not Found', 'bad_response'],
    ['refuses with an unknown code', 400, '{"error":{"code":"teapot","message":"?"}}', 'bad_response'],
    ['refuses with an error of the wrong shape', 400, '{"error":{"code":"conflict","message":7}}', 'bad_response'],
    ['refuses with a code that only the desktop has', 400, '{"error":{"code":"cancelled","message":"?"}}', 'bad_response'],
    ['is a failure of a proxy', 502, '<html>Bad Gateway</html>', 'unavailable'],
    ['is a failure with a binary body', 500, '\u0000\u0001', 'unavailable'],
    ['has an unknown status', 399, '{}', 'bad_response'],
  ];
  for (const [what, status, text, code] of invalid) {
    test(`that ${what} is ${code}`, async () => {
      const answer = async (): Promise<Response> => new Response(text, { status });
      await assertRejects(connectionWith(answer).send(hello), code);
    });
  }

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
      const connection = connectTo(url, { fetch: network.fetch, setTimer: timers.setTimer, hasNetwork: () => true });
      assert.match((await assertRejects(connection.send(hello), 'offline')).message, /^Can't reach 127\.0\.0\.1:\d+\./);
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
    const connection = connectTo('http://localhost:1', { fetch: network.fetch, setTimer, hasNetwork: () => true });
    assert.equal(String(await connection.send(hello)), '{"success":true}');
    assert.equal(silences, 1 + 1 + 4, 'one before the answer, one for its head, one for each of its parts');
    assert.equal(timers.pending, 0);
  });

  test('without a network says that this computer is offline', async () => {
    assert.match((await assertRejects(connectionWith(faults.refused, false).send(hello), 'offline')).message, /computer is offline/);
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
  test('carries its protocol version, its token, and its body as JSON', async () => {
    const network = createNetwork();
    network.plan(() => async () => new Response('{}'));
    const connection = connectTo('http://localhost:1', { fetch: network.fetch, ...createTimers(), hasNetwork: () => true });
    const headers = { 'if-match': '"x"' };
    await connection.send({ method: 'PATCH', path: '/api/plans/1', token: 'the-token', body: { name: 'é' }, headers });
    await connection.send(hello);
    const [first, second] = network.calls;
    assert.deepEqual(Object.fromEntries(first?.headers ?? []), {
      'x-invoify-protocol': String(protocolVersion.current), 'authorization': 'Bearer the-token',
      'content-type': 'application/json', 'if-match': '"x"',
    });
    assert.deepEqual(Object.fromEntries(second?.headers ?? []), { 'x-invoify-protocol': String(protocolVersion.current) });
  });
});
