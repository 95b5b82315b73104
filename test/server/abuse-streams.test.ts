// Clients that ask for streams and do not read them: the server holds little for each, cuts them, and ends when it is told to.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';

import { peakMib, probeHealth, requestText, startAttacked } from './abuse.ts';
import { firstOwner, password, stores } from './harness.ts';

const MAX_GROWTH_MIB = 120;
const SESSIONS = 8;

for (const store of stores) {
  describe(`streams that nobody reads, on ${store.kind}`, { skip: store.skip }, () => {
    test('hold a bounded buffer, end with their session, and hold up no shutdown', async (t) => {
      const { server, owner, attack, relent, stop } = await startAttacked(store, 6000);
      t.after(stop);
      const accept = 'Accept: application/x-ndjson';
      const ask = (token: string | null): string => requestText('GET', '/api/sync/pull', [`Authorization: Bearer ${token}`, accept]);
      assert.equal((await owner.pull('?limit=5000')).status, 200);
      const beforeMib = peakMib(server.child, true);
      const probe = probeHealth(server.url);
      const leaver = await owner.as(null).login(firstOwner, password);
      const ended = attack(ask(leaver.token));
      await once(ended, 'readable');
      // Two streams are at work for each session, and two more are refused.
      for (let count = 0; count < SESSIONS; count += 1) {
        const { token } = await owner.as(null).login(firstOwner, password);
        for (let times = 0; times < 4; times += 1) attack(ask(token));
      }
      assert.equal((await leaver.post('/api/auth/logout')).status, 200);
      const received: Buffer[] = [];
      ended.on('data', (chunk: Buffer) => received.push(chunk));
      ended.resume();
      await once(ended, 'close');
      const text = Buffer.concat(received).toString();
      assert.match(text, /^HTTP\/1\.1 200 [^]*"type":"start"/);
      assert.doesNotMatch(text, /"type":"end"/);
      const waitsMs = await probe.end();
      const grownMib = peakMib(server.child) - beforeMib;
      t.diagnostic(`grown by ${grownMib.toFixed()} MiB; health p99 ${waitsMs[Math.floor(waitsMs.length * 0.99)]?.toFixed()} ms`);
      assert(grownMib < MAX_GROWTH_MIB, `${grownMib} MiB`);
      relent();
      await once(attack(ask(owner.token)), 'readable');
      assert.equal(await server.end('SIGTERM'), 0);
    });
  });
}
