// Clients that make the server hold as much as they can, all at once: its memory stays bounded, and others are served.
//
// The time that others wait is measured and printed; asserted is only a bound far above it, because the machine is shared.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';

import { peakMib, probeHealth, requestText, startAttacked, type AttackedServer } from './abuse.ts';
import { stores } from './harness.ts';
import { plan } from './samples.ts';

const MAX_GROWTH_MIB = 120;
/** On an idle machine the 99th percentile is below 50 ms. */
const MAX_WAIT_MS = 2000;
const MIB = 1024 * 1024;

for (const store of stores) {
  describe(`a server on ${store.kind}`, { skip: store.skip }, () => {
    test('neither grows nor stops serving others, whatever clients send and do not read', async (t) => {
      const attacked = await startAttacked(store, 6000);
      t.after(() => attacked.stop());
      const { server, owner } = attacked;
      for (let page = 0; page < 3; page += 1) assert.equal((await owner.pull('?limit=5000')).status, 200);
      const beforeMib = peakMib(server.child, true);
      const probe = probeHealth(server.url);
      const slow = attackWithEverything(attacked);
      // What takes too long to arrive is cut, which is also how long the attack lasts.
      await Promise.all(slow.map((socket) => once(socket, 'close')));
      const timesMs = await probe.end();
      const grownMib = peakMib(server.child) - beforeMib;
      const [median, p99] = [0.5, 0.99].map((share) => timesMs[Math.floor(timesMs.length * share)] ?? Infinity);
      const waits = `${timesMs.length} answers, median ${median?.toFixed(1)} ms, p99 ${p99?.toFixed(1)} ms`;
      t.diagnostic(`grown by ${grownMib.toFixed()} MiB; ${waits}`);
      assert(grownMib < MAX_GROWTH_MIB, `${grownMib} MiB`);
      assert(median !== undefined && median < MAX_WAIT_MS, `${median} ms`);
      attacked.relent();
      assert.equal((await owner.pull('?limit=5000')).status, 200);
    });
  });
}

/** Returns the connections that the server has to cut by itself. */
function attackWithEverything({ owner, attack }: AttackedServer): ReturnType<AttackedServer['attack']>[] {
  const auth = [`Authorization: Bearer ${owner.token}`];
  const json = (sizeBytes: number): string[] => ['Content-Type: application/json', `Content-Length: ${sizeBytes}`];
  const times = <T>(count: number, run: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => run(index));
  const pull = requestText('GET', '/api/sync/pull?limit=5000', auth);
  attack(pull.repeat(50));
  times(100, () => attack(pull));
  times(50, () => {
    const socket = attack(pull).resume();
    socket.once('data', () => socket.pause());
  });
  times(20, () => attack(requestText('GET', '/api/sync/events', auth)));
  const almost = ' '.repeat(MIB - 1);
  times(300, () => attack(requestText('POST', '/api/auth/login', json(MIB)) + almost));
  times(50, () => attack(requestText('POST', '/api/plans', [...auth, ...json(MIB)]) + almost));
  const unknown = JSON.stringify(Object.fromEntries(times(60_000, (index) => [`k${index}`, 1])));
  times(10, () => attack(requestText('POST', '/api/plans', [...auth, ...json(unknown.length)]) + unknown));
  const created = JSON.stringify(plan());
  times(300, () => attack(requestText('POST', '/api/plans', [...auth, ...json(created.length)]) + created));
  return times(1000, () => attack('GET /api/health HTTP/1.1\r\nHost: server\r\nX-Slow: ').resume());
}
