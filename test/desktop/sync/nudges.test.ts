// The server's nudges as the desktop hears them: the stream taken apart, and asked for again when it ends.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, test, type TestContext } from 'node:test';

import { connectTo } from '../../../desktop/session/server-connection.ts';
import { createEventParser, listenForNudges, type ServerEvent } from '../../../desktop/sync/nudges.ts';
import { AppError } from '../../../shared/errors.ts';
import { openStranger, type Stranger } from '../../sync/stranger.ts';
import { Machine } from './machine.ts';

function parse(chunks: readonly (string | Uint8Array)[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  const take = createEventParser((event) => events.push(event));
  for (const chunk of chunks) take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return events;
}

describe('a stream of events', () => {
  const sample = '\uFEFF: hello\n\nevent: change\ndata: {"serverTime":"Łódź 🙂"}\n\nid: 7\nretry: 10\ndata:one\ndata: two\ndata\n\n'
    + 'event: empty\n\ndata:  a blank kept\nunknown: x\n\nevent: cut\ndata: unfinished\n';
  const expected = [
    { type: 'change', data: '{"serverTime":"Łódź 🙂"}' },
    { type: 'message', data: 'one\ntwo\n' },
    { type: 'message', data: ' a blank kept' },
  ];
  for (const [name, lineEnd] of [['LF', '\n'], ['CR LF', '\r\n'], ['CR', '\r']] as const) {
    test(`is read however it is cut, with lines ending in ${name}`, () => {
      const bytes = Buffer.from(sample.replaceAll('\n', lineEnd));
      assert.deepEqual(parse([bytes]), expected);
      assert.deepEqual(parse([...bytes].map((byte) => Uint8Array.of(byte))), expected);
      for (let cut = 1; cut < bytes.length; cut += 1) assert.deepEqual(parse([bytes.subarray(0, cut), bytes.subarray(cut)]), expected);
      assert.deepEqual(parse([bytes.subarray(0, 20), new Uint8Array(), bytes.subarray(20)]), expected);
    });
  }

  test('is given up when an event does not end, in one line or in many', () => {
    const refused = (error: unknown): boolean => error instanceof AppError && error.code === 'bad_response';
    const long = 'x'.repeat(10_000);
    assert.throws(() => parse(Array.from({ length: 10 }, () => long)), refused);
    assert.throws(() => parse(Array.from({ length: 10 }, () => `data: ${long}\n`)), refused);
    assert.throws(() => parse([`event: ${'x'.repeat(70_000)}\n`]), refused);
    assert.throws(() => parse(Array.from({ length: 70_000 }, () => 'data\n')), refused);
    // What is long in all may come in many events, and comments count for nothing.
    assert.equal(parse(Array.from({ length: 10 }, () => `: ${long}\ndata: ${long}\n\n`)).length, 10);
  });
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Bench {
  readonly machine: Machine;
  readonly stranger: Stranger;
  readonly clocks: readonly string[];
  /** How often a stream was lost. */
  readonly losses: () => number;
  /** Resolves once so many requests have been answered and their end was noticed; pauses in between are over at once. */
  requests(count: number): Promise<void>;
  readonly logged: string[];
  readonly stop: () => void;
}

/** A desktop that listens to a server that answers one request after the other as the test says, the last answer for ever. */
async function listen(t: TestContext, answers: readonly Answer[]): Promise<Bench> {
  let served = 0;
  const stranger = await openStranger(t, (request, response) => {
    const answer = answers[Math.min(served, answers.length - 1)];
    served += 1;
    answer?.(request, response);
  });
  const machine = new Machine();
  const connection = connectTo(stranger.url, { fetch, setTimer: machine.setTimer, hasNetwork: () => true });
  const clocks: string[] = [];
  const logged: string[] = [];
  let losses = 0;
  let happened = Promise.withResolvers<void>();
  const tell = (): void => {
    happened.resolve();
    happened = Promise.withResolvers();
  };
  const stop = listenForNudges({ receive: (request, take) => connection.receive({ ...request, token: 'a-token' }, take) }, {
    onNudge: (serverTime) => {
      clocks.push(serverTime);
      tell();
    },
    onLost: () => {
      losses += 1;
      tell();
    },
  }, {
    setTimer: machine.setTimer, monotonicMs: () => machine.monotonicMs, random: () => 0.5,
    log: (event, facts) => {
      logged.push(`${event}: ${String(facts?.['error'])}`);
      tell();
    },
  });
  t.after(stop);
  return {
    machine, stranger, clocks, logged, stop, losses: () => losses,
    async requests(count) {
      for (let ended = losses + logged.length; ended < count; ended = losses + logged.length) {
        const next = happened.promise;
        if (ended > 0 && ended === stranger.requests.length) machine.passToNext();
        await next;
        // What tells of the end sets the pause right after it.
        await machine.settle();
      }
    },
  };
}

const stream: Readonly<Record<string, string>> = { 'content-type': 'text/event-stream; charset=utf-8' };
const change = (serverTime: string): string => `event: change\ndata: ${JSON.stringify({ serverTime })}\n\n`;
const ending: Answer = (_request, response) => void response.writeHead(200, stream).end(change('t'));
const refusing = (status: number, code: string, headers: Readonly<Record<string, string>> = {}): Answer => (_request, response) =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ success: false, error: { code, message: 'The test says so.' } }));

describe('listening', () => {
  test('asks with the token and the protocol, and hears each change', async (t) => {
    const asked = Promise.withResolvers<IncomingMessage>();
    const { clocks, requests } = await listen(t, [(request, response) => {
      asked.resolve(request);
      response.writeHead(200, stream);
      const others = ': beat\n\nevent: other\ndata: {"serverTime":"no"}\n\nevent: change\ndata: nonsense\n\n';
      response.end(change('one') + others + change('two'));
    }]);
    const { headers } = await asked.promise;
    assert.equal(headers.authorization, 'Bearer a-token');
    assert.equal(headers.accept, 'text/event-stream');
    assert.match(String(headers['x-invoify-protocol']), /^\d+$/);
    await requests(1);
    assert.deepEqual(clocks, ['one', 'two']);
  });

  test('asks again when the stream ends, with pauses that grow', async (t) => {
    const { machine, stranger, requests, losses } = await listen(t, [ending]);
    const begin = machine.monotonicMs;
    for (let count = 1; count <= 8; count += 1) await requests(count);
    assert.equal(stranger.requests.length, 8);
    assert.equal(losses(), 8);
    assert.equal(machine.pending, 1);
    assert(machine.monotonicMs - begin > 0);
    await machine.pass(14_000);
    assert.equal(stranger.requests.length, 8, 'the ninth comes after 15 s');
  });

  const final: readonly (readonly [title: string, answer: Answer])[] = [
    ['an older server that knows no such address', refusing(404, 'not_found')],
    ['a server that ended the session', refusing(401, 'unauthorized')],
    ['a server that forbids it', refusing(403, 'forbidden')],
    ['a server that says it is gone', refusing(410, 'resync_required')],
    ['a server that wants a newer desktop', refusing(426, 'upgrade_required')],
  ];
  for (const [title, answer] of final) {
    test(`does not ask again: ${title}`, async (t) => {
      const { machine, stranger, requests, losses, logged } = await listen(t, [answer]);
      await requests(1);
      await machine.pass(3_600_000);
      assert.equal(stranger.requests.length, 1);
      assert.deepEqual([losses(), logged.length, machine.pending], [0, 1, 0]);
    });
  }

  test('waits as long as the server asks for', async (t) => {
    const { machine, stranger, requests } = await listen(t, [refusing(429, 'too_many_requests', { 'retry-after': '120' }), ending]);
    await requests(1);
    await machine.pass(119_000);
    assert.equal(stranger.requests.length, 1);
    await machine.pass(1000);
    await requests(2);
    assert.equal(stranger.requests.length, 2);
  });

  const mute: readonly (readonly [title: string, answer: Answer])[] = [
    ['a page of a captive portal', (_request, response) => void response.end('<!doctype html>')],
    ['JSON', (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}')],
    ['a redirect, which is not followed', (request, response) =>
      void response.writeHead(302, { location: `http://127.0.0.1:${request.socket.localPort}/elsewhere` }).end()],
    ['a stream without an event', (_request, response) => void response.writeHead(200, stream).end(': nothing\n\n')],
    ['an event without an end', (_request, response) => void response.writeHead(200, stream).end('x'.repeat(100_000))],
  ];
  for (const [title, answer] of mute) {
    test(`gives up after five times ${title}`, async (t) => {
      const { stranger, requests, losses, machine } = await listen(t, [answer]);
      for (let count = 1; count <= 5; count += 1) await requests(count);
      await machine.pass(3_600_000);
      assert.equal(stranger.requests.length, 5);
      assert(stranger.requests.every(({ path }) => path === '/api/sync/events'));
      assert.equal(losses(), 4);
    });
  }

  test('takes a stream that is silent for a minute for dead, and one with comments for alive', async (t) => {
    let response: ServerResponse | undefined;
    const { machine, stranger, clocks, losses } = await listen(t, [(_request, answered) => {
      response = answered;
      answered.writeHead(200, stream).write(change(`t${stranger.requests.length}`));
    }]);
    const arrived = async (count: number): Promise<void> => {
      while (clocks.length < count) await machine.settle();
    };
    await arrived(1);
    for (let beat = 0; beat < 10; beat += 1) {
      await machine.pass(25_000);
      // The event behind the comment says that both have come.
      response?.write(`:\n\n${change('beat')}`);
      await arrived(beat + 2);
    }
    assert.equal(losses(), 0);
    const closed = response ? once(response, 'close') : assert.fail();
    await machine.pass(60_000);
    await closed;
    while (losses() === 0) await machine.settle();
    assert.equal(stranger.requests.length, 1);
    await machine.pass(1000);
    await arrived(12);
    assert.equal(stranger.requests.length, 2);
  });

  test('stops when told to, while it listens and while it pauses', async (t) => {
    const closed = Promise.withResolvers<void>();
    const open = await listen(t, [(_request, response) => {
      response.once('close', closed.resolve).writeHead(200, stream).write(change('one'));
    }]);
    while (open.clocks.length === 0) await open.machine.settle();
    open.stop();
    await closed.promise;
    await open.machine.pass(3_600_000);
    assert.deepEqual([open.stranger.requests.length, open.losses(), open.machine.pending], [1, 0, 0]);

    const pausing = await listen(t, [ending]);
    await pausing.requests(1);
    pausing.stop();
    await pausing.machine.pass(3_600_000);
    assert.deepEqual([pausing.stranger.requests.length, pausing.machine.pending], [1, 0]);
  });
});
