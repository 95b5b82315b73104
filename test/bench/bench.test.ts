// The benchmarks' own arithmetic: a figure from a line that is not as slow as it says, or a wrong percentile, would prove
// nothing.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';

import { median, percentile } from './figures.ts';
import { Lane, openLink } from './link.ts';

test('a line takes its delay and the time of all bytes before, and is free again afterwards', () => {
  const lane = new Lane({ delayMs: 25, bytesPerSecond: 1000 });
  assert.equal(lane.send(100, 1000), 1125);
  assert.equal(lane.send(200, 1000), 1325);
  assert.equal(lane.send(100, 1250), 1425);
  assert.equal(lane.send(100, 5000), 5125);
  assert.equal(lane.sentBytes, 500);
});

test('a line without a speed only counts', () => {
  assert.equal(new Lane({ delayMs: 0, bytesPerSecond: Infinity }).send(1e9, 7), 7);
});

test('a line passes on every byte in both directions, and the end', async (t) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    void buffer(socket).then((bytes) => socket.end(bytes.map((byte) => byte ^ 0xff)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const link = await openLink(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { delayMs: 1, bytesPerSecond: 1e8 });
  t.after(() => link.close());
  const sent = Buffer.alloc(700_000).map((_byte, index) => index % 251);
  const client = connect({ port: Number(new URL(link.url).port), allowHalfOpen: true });
  client.end(sent);
  const received = await buffer(client);
  assert.ok(received.equals(sent.map((byte) => byte ^ 0xff)));
  assert.deepEqual([link.upBytes, link.downBytes], [sent.length, sent.length]);
});

test('the median is a value that occurred, and the 99th percentile is not exceeded by more than 1 %', () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 2]), 3);
  const values = Array.from({ length: 200 }, (_, index) => index + 1);
  assert.equal(percentile(values, 0.99), 198);
  assert.throws(() => median([]), RangeError);
});
