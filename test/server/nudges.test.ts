// Event streams whose client does not read or has vanished: they cost no memory and are disconnected. Coalescing,
// ended sessions and database failures.

import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';

import type { Caller } from '../../server/auth.ts';
import { createNudges } from '../../server/nudges.ts';
import type { Account, Store } from '../../server/store.ts';
import type { Instant } from '../../shared/clock.ts';
import type { Change } from '../../shared/feed.ts';
import { AppError } from '../../shared/errors.ts';

/** A connection whose remote end can stop reading. */
class Peer extends Duplex {
  isReading = true;
  readonly received: string[] = [];
  #resume: (() => void) | null = null;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const receive = (): void => {
      this.received.push(chunk.toString());
      done();
    };
    if (this.isReading) receive();
    else this.#resume = receive;
  }

  resumeReading(): void {
    this.isReading = true;
    this.#resume?.();
    this.#resume = null;
  }
}

interface Setup {
  readonly peer: Peer;
  readonly response: ServerResponse;
  /** Moves the clock, by a change to a user or to something else, and notifies the watchers. */
  move(isUser?: boolean): void;
  /** Makes every database read throw from now on; null ends that. */
  fail(error: Error | null): void;
  /** Opens another stream of the same account and session. */
  another(): Promise<Peer>;
  /** The number of clock reads and of session lookups so far. */
  readonly looks: () => readonly [clock: number, session: number];
  readonly watchers: () => number;
  readonly close: () => void;
  /** Advances the timers and lets everything they triggered run. */
  pass(ms: number): Promise<void>;
}

async function open(t: TestContext): Promise<Setup> {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const watching = new Set<() => void>();
  let clock = 1_000_000 as Instant;
  let userClock = 0 as Instant;
  let failure: Error | null = null;
  const looks: [number, number] = [0, 0];
  const store: Pick<Store, 'watch' | 'snapshot'> = {
    watch(_accountId, onMoved) {
      watching.add(onMoved);
      return () => void watching.delete(onMoved);
    },
    async snapshot(_accountId, read) {
      looks[0] += 1;
      if (failure) throw failure;
      return read({
        account: { clock } as Account,
        count: async () => 0,
        async* changes({ after, collections }): AsyncGenerator<readonly Change[]> {
          assert.deepEqual(collections, ['users']);
          if (userClock > after) yield [{ collection: 'users', id: 'u', at: userClock, payload: Buffer.from('{}') }];
        },
      });
    },
  };
  let sessions = 0;
  const callerNow = (): Caller => ({ session: { accountId: 'a', sessionId: `s${sessions += 1}` }, account: { clock } }) as Caller;
  const nudges = createNudges(store, {
    async identify() {
      looks[1] += 1;
      if (failure) throw failure;
      return callerNow();
    },
  }, (level) => assert.equal(level, 'debug'));
  const listen = (): { peer: Peer; response: ServerResponse } => {
    const peer = new Peer({ writableHighWaterMark: 1 });
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    // A response can be written to any duplex stream.
    response.assignSocket(peer as Duplex as Socket);
    peer.once('close', () => {
      response.destroyed = true;
      response.emit('close');
    });
    nudges.open(request, callerNow()).follow(response);
    return { peer, response };
  };
  const { peer, response } = listen();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  };
  await settle();
  return {
    peer, response, looks: () => [...looks] as const, watchers: () => watching.size, close: () => nudges.close(),
    fail(error) { failure = error; },
    async another() {
      const other = listen();
      await settle();
      return other.peer;
    },
    move(isUser = false) {
      clock = (clock + 1_000_000) as Instant;
      if (isUser) userClock = clock;
      for (const wake of watching) wake();
    },
    async pass(ms) {
      t.mock.timers.tick(ms);
      await settle();
    },
  };
}

function clocksIn(peer: Peer): string[] {
  return [...peer.received.join('').matchAll(/"serverTime":"([^"]+)"/g)].map(([, clock = '']) => clock);
}

test('a client that does not read has at most one event buffered, and gets the newest clock once it reads again', async (t) => {
  const { peer, response, move, pass } = await open(t);
  peer.isReading = false;
  await pass(200);
  let most = 0;
  for (let index = 0; index < 100; index += 1) {
    move();
    await pass(200);
    most = Math.max(most, response.writableLength);
  }
  assert(most > 0 && most < 500, `${most} bytes are buffered`);
  peer.resumeReading();
  await pass(0);
  await pass(200);
  const clocks = clocksIn(peer);
  assert.equal(clocks.length, 3);
  assert.equal(clocks.at(-1), '1970-01-01T00:01:41.000000Z');
});

test('a client that has read nothing for 30 seconds is cut off and cleaned up', async (t) => {
  const { peer, response, move, pass, watchers } = await open(t);
  await pass(200);
  peer.isReading = false;
  move();
  await pass(200);
  await pass(29_000);
  assert.equal(response.destroyed, false);
  await pass(1000);
  assert.equal(peer.destroyed, true);
  assert.equal(watchers(), 0);
});

test('moves in quick succession share one event and one clock read for all streams of an account', async (t) => {
  const { peer, another, move, pass, looks } = await open(t);
  const others = await Promise.all(Array.from({ length: 7 }, another));
  await pass(200);
  const [[clockLooks, sessionLooks], heard] = [looks(), clocksIn(peer).length];
  for (let index = 0; index < 1000; index += 1) move();
  await pass(0);
  await pass(200);
  assert(clocksIn(peer).length <= heard + 2, 'the first immediately, the others together');
  for (const other of others) assert.equal(clocksIn(other).at(-1), '1970-01-01T00:16:41.000000Z');
  assert(looks()[0] <= clockLooks + 2, `${looks()[0] - clockLooks} looks`);
  assert.equal(looks()[1], sessionLooks);
});

test('after a change to a user no event is sent before the session is rechecked, and none if it has ended', async (t) => {
  const { peer, response, fail, move, pass, looks } = await open(t);
  await pass(200);
  const [, sessionLooks] = looks();
  move(true);
  await pass(200);
  assert.equal(looks()[1], sessionLooks + 1);
  assert.equal(clocksIn(peer).at(-1), '1970-01-01T00:00:02.000000Z');
  const heard = peer.received.length;
  move(true);
  fail(new AppError('unavailable', 'The database does not answer.'));
  await pass(200);
  fail(new AppError('unauthorized', 'The session has ended.'));
  await pass(25_000);
  assert.equal(peer.received.slice(heard).join(''), ':\n\n');
  assert.equal(response.writableEnded, true);
});

test('a temporary database failure neither ends the stream nor loses the move', async (t) => {
  const { peer, response, fail, move, pass } = await open(t);
  await pass(200);
  fail(new AppError('unavailable', 'The database does not answer.'));
  move();
  await pass(200);
  await pass(200);
  assert.equal(clocksIn(peer).length, 1);
  assert.equal(response.writableEnded, false);
  fail(null);
  await pass(25_000);
  assert.equal(clocksIn(peer).at(-1), '1970-01-01T00:00:02.000000Z');
});

test('closing the server does not wait for clients, even if they do not read', async (t) => {
  const { peer, close, move, pass, watchers } = await open(t);
  await pass(200);
  peer.isReading = false;
  move();
  await pass(200);
  close();
  await pass(0);
  await pass(500);
  assert.equal(peer.destroyed, true);
  assert.equal(watchers(), 0);
});
