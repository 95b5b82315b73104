// The desktop's side of nudges: listening to an event stream, and reopening it when it ends.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, test, type TestContext } from 'node:test';

import { connectTo } from '../../../desktop/session/server-connection.ts';
import { listenForNudges } from '../../../desktop/sync/nudges.ts';
import { badResponse } from '../../../shared/protocol.ts';
import { openStubServer, type StubServer } from '../../network.ts';
import { Machine } from './machine.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Bench {
  readonly machine: Machine;
  readonly stub: StubServer;
  readonly clocks: readonly string[];
  /** How often `onLost` was called. */
  readonly lostCount: () => number;
  /** Resolves once this many streams have ended; pauses in between are skipped. */
  requests(count: number): Promise<void>;
  readonly logged: string[];
  readonly stop: () => void;
}

/** Listens to a server that gives these answers in turn, and the last one to all further requests. */
async function listen(t: TestContext, answers: readonly Answer[], onNudge = (_stop: () => void): void => undefined): Promise<Bench> {
  let served = 0;
  const stub = await openStubServer(t, (request, response) => {
    const answer = answers[Math.min(served, answers.length - 1)];
    served += 1;
    answer?.(request, response);
  });
  const machine = new Machine();
  const connection = connectTo(stub.url, {
    fetch, setTimer: machine.setTimer, hasNetwork: () => true, newId: randomUUID, log: () => undefined,
  });
  const clocks: string[] = [];
  const logged: string[] = [];
  let lost = 0;
  let ended = 0;
  let nextEnd = Promise.withResolvers<void>();
  const stop = listenForNudges({
    receive: (request, onChunk) => connection.receive({ ...request, token: 'a-token' }, onChunk).then((isStream) => {
      if (!isStream) throw badResponse('it is not an event stream');
    }).finally(() => {
      ended += 1;
      nextEnd.resolve();
      nextEnd = Promise.withResolvers();
    }),
  }, {
    onNudge(serverTime) {
      clocks.push(serverTime);
      onNudge(stop);
    },
    onLost: () => { lost += 1; },
  }, {
    setTimer: machine.setTimer, monotonicMs: () => machine.monotonicMs, random: () => 0.5,
    log: (event, facts) => void logged.push(`${event}: ${String(facts?.['error'])}`),
  });
  t.after(stop);
  return {
    machine, stub, clocks, logged, stop, lostCount: () => lost,
    async requests(count) {
      while (ended < count) {
        const next = nextEnd.promise;
        if (ended > 0 && ended === stub.requests.length) machine.passToNext();
        await next;
        // The pause starts right after the end.
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

describe('the listener', () => {
  test('sends the token and the protocol, and reports each change', async (t) => {
    const received = Promise.withResolvers<IncomingMessage>();
    const { clocks, requests } = await listen(t, [(request, response) => {
      received.resolve(request);
      response.writeHead(200, stream);
      const others = ': beat\n\nevent: other\ndata: {"serverTime":"no"}\n\nevent: change\ndata: nonsense\n\n';
      response.end(change('one') + others + change('two'));
    }]);
    const { headers } = await received.promise;
    assert.equal(headers.authorization, 'Bearer a-token');
    assert.equal(headers.accept, 'text/event-stream');
    assert.match(String(headers['x-invoify-protocol']), /^\d+$/);
    await requests(1);
    assert.deepEqual(clocks, ['one', 'two']);
  });

  test('reopens the stream when it ends, with growing pauses', async (t) => {
    const { machine, stub, requests, lostCount } = await listen(t, [ending]);
    const begin = machine.monotonicMs;
    for (let count = 1; count <= 8; count += 1) await requests(count);
    assert.equal(stub.requests.length, 8);
    assert.equal(lostCount(), 8);
    assert.equal(machine.pending, 1);
    assert(machine.monotonicMs - begin > 0);
    await machine.pass(14_000);
    assert.equal(stub.requests.length, 8, 'the ninth follows after 15 s');
  });

  const refusals: readonly (readonly [title: string, answer: Answer])[] = [
    ['an older server without the route', refusing(404, 'not_found')],
    ['a server that forbids it', refusing(403, 'forbidden')],
    ['a server that answers 410', refusing(410, 'resync_required')],
    ['a server that requires a newer desktop', refusing(426, 'upgrade_required')],
  ];
  for (const [title, answer] of refusals) {
    test(`asks ${title} again every five minutes, and hears it once it does send nudges`, async (t) => {
      const { machine, stub, clocks, requests, lostCount, logged } = await listen(t, [answer, answer, ending]);
      await requests(1);
      await machine.pass(5 * 60_000 - 1);
      assert.equal(stub.requests.length, 1);
      await requests(2);
      assert.equal(machine.monotonicMs, 5 * 60_000);
      assert.deepEqual([lostCount(), logged.length], [0, 1]);
      await requests(3);
      assert.deepEqual(clocks, ['t']);
    });
  }

  test('goes on soon after its token was refused, which may be renewed meanwhile', async (t) => {
    const { machine, requests } = await listen(t, [refusing(401, 'unauthorized'), ending]);
    await requests(2);
    assert(machine.monotonicMs <= 1000);
  });

  for (const [asked, waitedS] of [['120', 120], ['900', 300]] as const) {
    test(`waits ${waitedS} seconds if the server asks it to wait ${asked}`, async (t) => {
      const { machine, stub, requests } = await listen(t, [refusing(429, 'too_many_requests', { 'retry-after': asked }), ending]);
      await requests(1);
      await machine.pass(waitedS * 1000 - 1);
      assert.equal(stub.requests.length, 1);
      await requests(2);
      assert.equal(machine.monotonicMs, waitedS * 1000);
    });
  }

  const noEvents: readonly (readonly [title: string, answer: Answer])[] = [
    ['a captive portal\'s page', (_request, response) => void response.end('<!doctype html>')],
    ['JSON', (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}')],
    ['a redirect, which is not followed', (request, response) =>
      void response.writeHead(302, { location: `http://127.0.0.1:${request.socket.localPort}/elsewhere` }).end()],
    ['a stream without an event', (_request, response) => void response.writeHead(200, stream).end(': nothing\n\n')],
    ['an event without an end', (_request, response) => void response.writeHead(200, stream).end('x'.repeat(100_000))],
  ];
  for (const [title, answer] of noEvents) {
    test(`goes on asking, less and less often, after answers that are ${title}`, async (t) => {
      const { stub, requests, machine, clocks } = await listen(t, [...Array.from({ length: 20 }, () => answer), ending]);
      let beforeMs = 0;
      for (let count = 1; count <= 20; count += 1) {
        await requests(count);
        assert(machine.monotonicMs - beforeMs <= 5 * 60_000);
        beforeMs = machine.monotonicMs;
      }
      assert(beforeMs > 20 * 60_000, `20 requests within ${beforeMs} ms`);
      await requests(21);
      assert.deepEqual(clocks, ['t']);
      assert(stub.requests.every(({ path }) => path === '/api/sync/events'));
    });
  }

  test('considers a stream dead after a minute of silence, which comments interrupt', async (t) => {
    let response: ServerResponse | undefined;
    const { machine, stub, clocks, lostCount } = await listen(t, [(_request, answered) => {
      response = answered;
      answered.writeHead(200, stream).write(change(`t${stub.requests.length}`));
    }]);
    const arrived = async (count: number): Promise<void> => {
      while (clocks.length < count) await machine.settle();
    };
    await arrived(1);
    for (let beat = 0; beat < 10; beat += 1) {
      await machine.pass(25_000);
      // The event after the comment shows that both have arrived.
      response?.write(`:\n\n${change('beat')}`);
      await arrived(beat + 2);
    }
    assert.equal(lostCount(), 0);
    const closed = response ? once(response, 'close') : assert.fail();
    await machine.pass(60_000);
    await closed;
    while (lostCount() === 0) await machine.settle();
    assert.equal(stub.requests.length, 1);
    await machine.pass(1000);
    await arrived(12);
    assert.equal(stub.requests.length, 2);
  });

  test('can be stopped while listening and while pausing', async (t) => {
    const closed = Promise.withResolvers<void>();
    const open = await listen(t, [(_request, response) => {
      response.once('close', closed.resolve).writeHead(200, stream).write(change('one'));
    }]);
    while (open.clocks.length === 0) await open.machine.settle();
    open.stop();
    await closed.promise;
    await open.machine.pass(3_600_000);
    assert.deepEqual([open.stub.requests.length, open.lostCount(), open.machine.pending], [1, 0, 0]);

    const pausing = await listen(t, [ending]);
    await pausing.requests(1);
    pausing.stop();
    await pausing.machine.pass(3_600_000);
    assert.deepEqual([pausing.stub.requests.length, pausing.machine.pending], [1, 0]);
  });

  test('reports nothing more once it is stopped, not even what has already arrived', async (t) => {
    const { clocks, requests } = await listen(t, [(_request, response) => {
      response.writeHead(200, stream).end(change('one') + change('two'));
    }], (stop) => stop());
    await requests(1);
    assert.deepEqual(clocks, ['one']);
  });

  test('opens no stream if it is stopped right away', async () => {
    const machine = new Machine();
    let streams = 0;
    listenForNudges({
      async receive() {
        streams += 1;
      },
    }, { onNudge: () => undefined, onLost: () => undefined }, {
      setTimer: machine.setTimer, monotonicMs: () => machine.monotonicMs, random: () => 0.5, log: () => undefined,
    })();
    await machine.settle();
    assert.equal(streams, 0);
  });
});
