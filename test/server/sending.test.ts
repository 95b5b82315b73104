// Sending an answer to clients that read slowly, not at all, or leave.

import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { sendReply, type Held } from '../../server/http.ts';
import { sendChunks } from '../../server/sending.ts';

/** A connection whose remote end takes as many writes as the test says. */
class Peer extends Duplex {
  receivedBytes = 0;
  #waiting: (() => void)[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#waiting.push(() => {
      this.receivedBytes += chunk.length;
      done();
    });
  }

  async accept(writes: number): Promise<void> {
    for (let taken = 0; taken < writes; taken += 1) {
      await settle();
      this.#waiting.shift()?.();
    }
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
}

function open(t: TestContext): { peer: Peer; response: ServerResponse } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const opened = connectPeer();
  opened.response.writeHead(200, { 'Content-Length': 300_000 });
  return opened;
}

function connectPeer(): { peer: Peer; response: ServerResponse } {
  const peer = new Peer({ writableHighWaterMark: 1 });
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  // A response can be written to any duplex stream.
  response.assignSocket(peer as Duplex as Socket);
  peer.once('close', () => {
    response.destroyed = true;
    response.emit('close');
  });
  return { peer, response };
}

test('a small answer is one write, however many chunks it has', async () => {
  const { peer, response } = connectPeer();
  response.writeHead(200, { 'Content-Length': 6 });
  let sentBytes = 0;
  const sending = sendChunks(response, ['ab', 'c', 'def'].map((text) => Buffer.from(text)), (sizeBytes) => { sentBytes += sizeBytes; });
  // The head is one of its own where writes cannot be joined.
  await peer.accept(2);
  assert.equal(sentBytes, 6);
  assert.equal(await sending, true);
});

test('an answer of which nothing could be sent for 30 seconds is cut, and one that progresses slowly is not', async (t) => {
  const { peer, response } = open(t);
  const sent = sendChunks(response, [Buffer.alloc(300_000)]);
  // The head.
  await peer.accept(1);
  for (let slices = 0; slices < 3; slices += 1) {
    t.mock.timers.tick(29_000);
    await peer.accept(1);
    assert.equal(peer.destroyed, false);
  }
  t.mock.timers.tick(29_999);
  await settle();
  assert.equal(peer.destroyed, false);
  t.mock.timers.tick(1);
  assert.equal(await sent, false);
  assert.equal(peer.destroyed, true);
});

test('a large chunk is freed as soon as it is sent, and its size reported', async (t) => {
  const { peer, response } = open(t);
  const chunks = [Buffer.alloc(100_000), Buffer.alloc(200_000)];
  const sizes: number[] = [];
  const sent = sendChunks(response, chunks, (sizeBytes) => sizes.push(sizeBytes));
  // The head, and two slices of the first chunk.
  await peer.accept(3);
  assert.deepEqual(sizes, [100_000]);
  assert.deepEqual(chunks.map(({ length }) => length), [0, 200_000]);
  await peer.accept(10);
  assert.equal(await sent, true);
  assert.deepEqual(sizes, [100_000, 200_000]);
});

test('an answer to a client that has left is given up at once', async (t) => {
  const { peer, response } = open(t);
  const sent = sendChunks(response, [Buffer.alloc(300_000)]);
  await peer.accept(1);
  peer.destroy();
  assert.equal(await sent, false);
  assert.equal(await sendChunks(response, [Buffer.alloc(10)]), false);
});

test('what happens once an answer is sent does not happen for one that is cut, nor for a head alone', async () => {
  const held: Held = { holdBody() {}, holdAnswer() {}, answerBuilt() {} };
  for (const [method, isCut, expected] of [['GET', false, 1], ['GET', true, 0], ['HEAD', false, 0]] as const) {
    const { peer, response } = connectPeer();
    const request = Object.assign(new IncomingMessage(new Socket()), { method, complete: true });
    let count = 0;
    const reply = { status: 200, body: [Buffer.alloc(300_000)], onSent: () => count += 1 };
    const sent = sendReply(request, response, reply, held, { mayCompress: false, isLast: false });
    // All but the last slice.
    await peer.accept(5);
    assert.equal(count, 0);
    if (isCut) peer.destroy();
    else await peer.accept(2);
    await sent;
    assert.equal(count, expected, method);
  }
});

test('an answer that waits for something has given its turn back, and is sent afterwards', async () => {
  const { peer, response } = connectPeer();
  const request = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', complete: true });
  const waited = Promise.withResolvers<void>();
  let isBuilt = false;
  const held: Held = { holdBody() {}, holdAnswer() {}, answerBuilt() { isBuilt = true; } };
  const reply = { status: 200, body: 'answer', sentAfter: waited.promise };
  const sent = sendReply(request, response, reply, held, { mayCompress: false, isLast: false });
  await peer.accept(2);
  assert.deepEqual([isBuilt, peer.receivedBytes], [true, 0]);
  waited.resolve();
  await peer.accept(2);
  await sent;
  assert(peer.receivedBytes > 0);
});
