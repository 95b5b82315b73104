// The gate before the routes, without a server: connections and responses are small stand-ins (but real ones for TLS), and time is
// the test's.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';

import { createAdmission, type Admission, type Visit } from '../../server/admission.ts';
import { errorCode } from '../../shared/errors.ts';

const MIB = 1024 * 1024;
const proxy = '198.51.100.1';

/** A socket as far as the gate looks at it. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number;
  readonly localAddress = '127.0.0.1';
  readonly localPort = 4380;
  writable = true;
  isCut = false;

  constructor(remoteAddress: string | undefined, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(): void {
    if (this.isCut) return;
    this.reset();
    this.emit('close');
  }

  /** As `destroy`, before those who listen have heard of it. */
  reset(): void {
    this.isCut = true;
    this.writable = false;
  }
}

interface Gate extends Admission {
  clockMs: number;
  open(address?: string, port?: number): FakeSocket;
  /** Sends a request, which has arrived `complete` or not; `visit` is null until it is its turn. */
  ask(socket: FakeSocket | Socket, complete?: boolean): { visit: Visit | null; readonly answered: () => Promise<void> };
  /** A request on a connection of its own whose turn has come. */
  visit(owner: string): Promise<{ readonly visit: Visit; readonly answered: () => Promise<void> }>;
}

function openGate(): Gate {
  let ports = 0;
  const gate: Gate = {
    clockMs: 0,
    ...createAdmission({ monotonicMs: () => gate.clockMs, isProxy: (address) => address === proxy }),
    open(address = '192.0.2.1', port = ports += 1) {
      const socket = new FakeSocket(address, port);
      gate.connect(socket as EventEmitter as Socket);
      return socket;
    },
    ask(socket, complete = true) {
      const response = new EventEmitter();
      const asked: ReturnType<Gate['ask']> = {
        visit: null,
        async answered() {
          response.emit('close');
          await nextTurn();
        },
      };
      const request = { socket, complete } as unknown as IncomingMessage;
      void gate.enter(request, response as ServerResponse).then((visit) => { asked.visit = visit; });
      return asked;
    },
    async visit(owner) {
      const asked = gate.ask(gate.open());
      await nextTurn();
      assert(asked.visit);
      asked.visit.countFor(owner);
      return { visit: asked.visit, answered: asked.answered };
    },
  };
  return gate;
}

describe('a connection', () => {
  test('has one request at work, and the next ones in their order', async () => {
    const gate = openGate();
    const socket = gate.open();
    const [first, second, third] = [gate.ask(socket), gate.ask(socket), gate.ask(socket)];
    const elsewhere = gate.ask(gate.open());
    await nextTurn();
    assert.deepEqual([first, second, third, elsewhere].map(({ visit }) => visit !== null), [true, false, false, true]);
    await first.answered();
    assert.deepEqual([second, third].map(({ visit }) => visit !== null), [true, false]);
    await second.answered();
    assert(third.visit);
  });

  test('handles nothing that was sent ahead once it is gone or ends with an answer', async () => {
    const gate = openGate();
    for (const end of [(socket: FakeSocket) => socket.destroy(), (socket: FakeSocket) => { socket.writable = false; }]) {
      const socket = gate.open();
      const [first, second] = [gate.ask(socket), gate.ask(socket)];
      await nextTurn();
      end(socket);
      await first.answered();
      assert.equal(second.visit, null);
    }
  });

  test('is cut for 257 requests ahead', async () => {
    const gate = openGate();
    const socket = gate.open();
    for (let index = 0; index < 257; index += 1) gate.ask(socket);
    await nextTurn();
    assert.equal(socket.isCut, false);
    gate.ask(socket);
    await nextTurn();
    assert.equal(socket.isCut, true);
  });

  test('is not handed a request that comes once nothing can be sent on it', async () => {
    const gate = openGate();
    const socket = gate.open();
    socket.reset();
    const asked = gate.ask(socket);
    await nextTurn();
    assert.equal(asked.visit, null);
  });

  test('is one of 2,000 per address: for one more, that is closed which has had no request at work for longest', async () => {
    const gate = openGate();
    const other = gate.open('192.0.2.2');
    const sockets = Array.from({ length: 2000 }, () => gate.open());
    const [busy, wasBusy, idle] = sockets;
    assert(busy && wasBusy && idle);
    gate.ask(busy);
    const asked = gate.ask(wasBusy);
    await nextTurn();
    await asked.answered();
    gate.open();
    assert.deepEqual([other, busy, wasBusy, idle].map(({ isCut }) => isCut), [false, false, false, true]);
    assert.equal(cutAmong(sockets), 1);
  });

  test('is counted for its network: an IPv6 client has as many as an IPv4 one, whatever its addresses', () => {
    const gate = openGate();
    const sockets = Array.from({ length: 2000 }, (_, index) => gate.open(`2001:db8:0:1::${(index + 1).toString(16)}`));
    const other = gate.open('2001:db8:0:2::1');
    gate.open('2001:db8::1:2:3:4:5');
    assert.deepEqual([cutAmong(sockets), other.isCut], [1, false]);
  });

  test('is closed for another while its request has not arrived completely', async () => {
    const gate = openGate();
    const sockets = Array.from({ length: 2000 }, () => gate.open());
    for (const socket of sockets) gate.ask(socket, socket !== sockets[1]);
    await nextTurn();
    assert.equal(gate.open().isCut, false);
    assert.deepEqual([cutAmong(sockets), sockets[1]?.isCut], [1, true]);
    assert.equal(gate.open().isCut, false);
    for (const socket of sockets) gate.ask(socket);
  });

  test('of the largest network is closed when there are 4,000 in all, busy or not, and none of a smaller one', async () => {
    const gate = openGate();
    const few = Array.from({ length: 3 }, () => gate.open('192.0.2.1'));
    const large = Array.from({ length: 2000 }, () => gate.open('192.0.2.2'));
    const other = Array.from({ length: 1997 }, () => gate.open('192.0.2.3'));
    const [busy, idle] = large;
    assert(busy && idle);
    for (const socket of [...large, ...other]) if (socket !== idle) gate.ask(socket);
    await nextTurn();
    few.push(gate.open('192.0.2.1'));
    assert.deepEqual([idle.isCut, busy.isCut], [true, false]);
    few.push(gate.open('192.0.2.1'));
    assert.equal(busy.isCut, true);
    // Those of the large networks do not push each other out, nor anybody else.
    assert.equal(gate.open('192.0.2.2').isCut, true);
    assert.equal(gate.open('192.0.2.3').isCut, true);
    for (let index = 0; index < 100; index += 1) few.push(gate.open(`192.0.2.${10 + index}`));
    assert.deepEqual([cutAmong(few), cutAmong([...large, ...other])], [0, 102]);
  });

  test('of a trusted proxy is only one of 4,000 in all, and refused if all others have a request at work', async () => {
    const gate = openGate();
    const sockets = Array.from({ length: 4000 }, () => gate.open(proxy));
    for (const socket of sockets) gate.ask(socket);
    await nextTurn();
    assert.equal(cutAmong(sockets), 0);
    assert.equal(gate.open(proxy).isCut, true);
    sockets[17]?.destroy();
    assert.equal(gate.open(proxy).isCut, false);
  });

  test('is counted once, and its requests ahead too, even if the next one comes from its port before it is closed', async () => {
    const gate = openGate();
    for (let round = 0; round < 2000; round += 1) {
      const sockets = [gate.open('192.0.2.1', 1), gate.open('192.0.2.1', 1)];
      const [asked] = round < 10 ? sockets.flatMap((socket) => Array.from({ length: 257 }, () => gate.ask(socket))) : [];
      for (const socket of sockets) socket.reset();
      for (const socket of sockets) socket.emit('close');
      await asked?.answered();
    }
    const sockets = Array.from({ length: 2000 }, () => gate.open());
    const [first] = sockets;
    assert(first);
    for (let index = 0; index < 257; index += 1) gate.ask(first);
    await nextTurn();
    assert.equal(cutAmong(sockets), 0);
  });

  test('that was reset before it was accepted is cut at once, and not counted', () => {
    const gate = openGate();
    const other = gate.open();
    for (let index = 0; index < 4001; index += 1) {
      const socket = new FakeSocket(undefined, index);
      gate.connect(socket as EventEmitter as Socket);
      assert.equal(socket.isCut, true);
    }
    assert.equal(other.isCut, false);
  });

  test('over TLS is one from its first byte on, and given back once', async (t) => {
    const gate = openGate();
    const psk = Buffer.alloc(32);
    const server = createTlsServer({ ciphers: 'PSK', pskCallback: () => psk });
    t.after(() => server.close());
    server.on('connection', (socket) => gate.connect(socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const open = async (): Promise<[client: Socket, served: Socket]> => {
      const client = connectTls({
        port, host: '127.0.0.1', ciphers: 'PSK', pskCallback: () => ({ psk, identity: 'client' }), checkServerIdentity: () => undefined,
      }).on('error', () => {});
      const [served] = await once(server, 'secureConnection') as [Socket];
      return [client, served.on('error', () => {})];
    };
    for (let round = 0; round < 3; round += 1) {
      const [client, served] = await open();
      const [first, second] = [gate.ask(served), gate.ask(served)];
      await nextTurn();
      assert.deepEqual([first, second].map(({ visit }) => visit !== null), [true, false]);
      client.destroy();
      await new Promise((resolve) => served.once('close', resolve));
      await first.answered();
    }
    const [client] = await open();
    const others = Array.from({ length: 1999 }, () => gate.open('127.0.0.1'));
    assert.deepEqual([client.destroyed, cutAmong(others)], [false, 0]);
    gate.open('127.0.0.1');
    await once(client, 'close');
    assert.equal(cutAmong(others), 0);
  });
});

function cutAmong(sockets: readonly FakeSocket[]): number {
  return sockets.filter(({ isCut }) => isCut).length;
}

describe('what is held', () => {
  test('is bounded per user, so that it takes several to fill the budget, and for all together', async () => {
    const gate = openGate();
    const tooMuch = { code: 'unavailable', details: { retryAfterS: 1 } };
    for (const owner of ['a', 'b', 'c']) {
      const { visit } = await gate.visit(owner);
      visit.holdAnswer(18 * MIB);
      assert.throws(() => visit.holdAnswer(18 * MIB + 1), tooMuch);
      const again = await gate.visit(owner);
      assert.throws(() => again.visit.holdBody(1), tooMuch);
      again.visit.holdAnswer(16 * 1024);
    }
    const { visit, answered } = await gate.visit('d');
    visit.holdAnswer(10 * MIB);
    const other = await gate.visit('e');
    assert.throws(() => other.visit.holdBody(1), tooMuch);
    visit.holdAnswer(9 * MIB);
    other.visit.holdBody(MIB);
    assert.throws(() => other.visit.holdBody(1), tooMuch);
    await answered();
    other.visit.holdBody(9 * MIB);
  });

  test('is given back when the response is closed, and nothing can be held after that', async () => {
    const gate = openGate();
    for (let round = 0; round < 10; round += 1) {
      const { visit, answered } = await gate.visit('a');
      visit.holdBody(MIB);
      visit.holdAnswer(17 * MIB);
      await answered();
      assert.throws(() => visit.holdAnswer(MIB), { name: 'ClientGone' });
    }
  });
});

describe('pulls', () => {
  test('of one session are two at work until their answers are closed; others are not refused for it', async () => {
    const gate = openGate();
    const visits = await Promise.all(['a', 'a', 'a', 'a'].map((owner) => gate.visit(owner)));
    const [first, second, third, elsewhere] = visits;
    assert(first && second && third && elsewhere);
    await first.visit.startPull('s');
    await second.visit.startPull('s');
    first.visit.answerBuilt();
    await assert.rejects(third.visit.startPull('s'), { code: 'too_many_requests', details: { retryAfterS: 1 } });
    await elsewhere.visit.startPull('other session');
    await first.answered();
    second.visit.answerBuilt();
    await third.visit.startPull('s');
  });

  test('are built two at a time, in turn by user however many one has waiting', async () => {
    const gate = openGate();
    const built: string[] = [];
    const begin = async (owner: string, session: string): Promise<Awaited<ReturnType<Gate['visit']>>> => {
      const visited = await gate.visit(owner);
      void visited.visit.startPull(session).then(() => built.push(session));
      return visited;
    };
    const greedy = [await begin('greedy', 'g1'), await begin('greedy', 'g2'), await begin('greedy', 'g3'), await begin('greedy', 'g4')];
    const modest = await begin('modest', 'm');
    await nextTurn();
    assert.deepEqual(built, ['g1', 'g2']);
    greedy[0]?.visit.answerBuilt();
    await nextTurn();
    greedy[1]?.visit.answerBuilt();
    await nextTurn();
    assert.deepEqual(built, ['g1', 'g2', 'g3', 'm']);
    // Whoever leaves while waiting has no turn, and whoever leaves during it makes room.
    const left = await begin('modest', 'left');
    await left.answered();
    await modest.answered();
    await nextTurn();
    assert.deepEqual(built, ['g1', 'g2', 'g3', 'm', 'g4']);
  });
});

test('a session may create 200 records at once and 50 a second, and change four times as many', () => {
  const gate = openGate();
  const count = (session: string, kind: 'create' | 'other'): number => {
    for (let written = 0; ; written += 1) {
      try {
        gate.write(session, kind);
      } catch (error) {
        assert.equal(errorCode(error), 'too_many_requests');
        return written;
      }
    }
  };
  assert.equal(count('a', 'create'), 200);
  assert.equal(count('b', 'other'), 800);
  gate.clockMs += 1000;
  assert.equal(count('a', 'create'), 50);
  gate.clockMs += 3_600_000;
  assert.equal(count('a', 'create'), 200);
  // Those who have not written for a while are forgotten, and are owed no less for it.
  for (let index = 0; index < 1500; index += 1) gate.write(`one of many ${index}`, 'create');
  assert.equal(count('a', 'create'), 0);
});

test('of a user 50,000 answers are kept a day for idempotency keys, and then as many as were forgotten', () => {
  const gate = openGate();
  for (let index = 0; index < 50_000; index += 1) gate.keepAnswer('a');
  assert.throws(() => gate.keepAnswer('a'), { code: 'too_many_requests' });
  gate.keepAnswer('b');
  gate.clockMs += 2000;
  gate.keepAnswer('a');
  assert.throws(() => gate.keepAnswer('a'), { code: 'too_many_requests' });
});
