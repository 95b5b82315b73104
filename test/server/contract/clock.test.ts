// The wire contract: a server whose clock cannot be right answers 503 to what it would stamp, sign or end by it, and says so.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { start, type Running } from '../../../server.ts';
import { readConfig } from '../../../server/config.ts';
import { assertError, createClient, type Client } from '../../client.ts';
import { firstOwner, password, prepare, stores, type Installation } from '../harness.ts';
import { plan } from '../samples.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

for (const store of stores) {
  describe(`a server with a wrong clock, on ${store.kind}`, { skip: store.skip }, () => {
    const clock = { skewMs: 0 };
    const lines: string[] = [];
    let installation: Installation;
    let running: Running;
    let owner: Client;
    before(async () => {
      installation = await prepare(store, { ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password, TOKEN_TTL: '30d' });
      const nowMs = (): number => Date.now() + clock.skewMs;
      const write = (line: string): void => void lines.push(line);
      running = await start(readConfig(installation.env), { nowMs, monotonicMs: () => performance.now(), trustsClock: false, write });
      owner = await createClient(() => ({ url: running.url })).login(firstOwner, password);
    });
    after(async () => {
      await running.close();
      await installation.remove();
    });

    const withClock = async (skewMs: number, run: () => Promise<void>): Promise<void> => {
      clock.skewMs = skewMs;
      try {
        await run();
      } finally {
        clock.skewMs = 0;
      }
    };
    const ready = async (): Promise<{ status: number; checks: Readonly<Record<string, string>> }> => {
      const { status, body } = await owner.get('/api/ready');
      return { status, checks: (body as unknown as { checks: Record<string, string> }).checks };
    };

    test('stamps no write, signs nobody in and renews no token, and goes on when its clock is right again', async () => {
      const made = await owner.create('plans', plan());
      const { serverTime } = (await owner.pull()).body;
      await withClock(400 * DAY_MS, async () => {
        for (const reply of [
          await owner.post('/api/plans', plan()), await owner.patch(`/api/plans/${made.id}`, made.updatedAt, { name: 'x' }),
          await owner.remove(`/api/plans/${made.id}`, made.updatedAt), await owner.post('/api/auth/refresh'),
          await owner.as(null).post('/api/auth/login', { email: firstOwner, password }),
        ]) {
          assertError(reply, 'unavailable');
          assert.match(reply.body.error.message, /^The server's clock shows \d{4}-/);
        }
      });
      assert.equal((await owner.pull()).body.serverTime, serverTime);
      const { updatedAt } = await owner.change('plans', made, { name: 'y' });
      assert.ok(Date.parse(updatedAt) < Date.now() + MINUTE_MS);
    });

    test('does not tell a desktop that its token has ended', async () => {
      await withClock(400 * DAY_MS, async () => {
        for (const reply of [await owner.get('/api/auth/me'), await owner.pull()]) assertError(reply, 'unavailable');
        assertError(await owner.as('not a token').get('/api/auth/me'), 'unauthorized');
      });
      assert.equal((await owner.get('/api/auth/me')).status, 200);
    });

    test('is not ready, and says why', async () => {
      assert.deepEqual(await ready(), { status: 200, checks: { reads: 'ok', writes: 'ok', disk: 'ok', clock: 'ok', integrity: 'ok' } });
      await withClock(400 * DAY_MS, async () => {
        const { status, checks } = await ready();
        assert.equal(status, 503);
        assert.equal(checks['reads'], 'ok');
        assert.match(checks['clock'] ?? '', /^The server's clock shows .*nothing can be changed\.$/);
      });
      assert.equal((await ready()).status, 200);
      assert.ok(lines.some((line) => line.includes("The server's clock shows")));
    });

    if (store.kind === 'embedded') {
      test('may be up to 5 minutes before the newest change, and no more', async () => {
        await owner.create('plans', plan());
        await withClock(-4 * MINUTE_MS, async () => assert.equal((await owner.post('/api/plans', plan())).status, 201));
        await withClock(-6 * MINUTE_MS, async () => {
          assertError(await owner.post('/api/plans', plan()), 'unavailable');
          assert.match((await ready()).checks['clock'] ?? '', /before the newest change/);
        });
      });
    } else {
      test('may be up to 5 minutes before or after the database, and no more', async () => {
        for (const [minutes, status] of [[-6, 503], [-4, 201], [4, 201], [6, 503]] as const) {
          await withClock(minutes * MINUTE_MS, async () => {
            assert.equal((await owner.post('/api/plans', plan())).status, status, `${minutes} minutes`);
          });
        }
      });
    }
  });
}
