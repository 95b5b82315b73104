// Nudges from end to end: from a colleague's write through the real server into the cache of another desktop. The clocks
// stand still, so the interval never triggers a sync.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';

import { createTriggers } from '../../../desktop/sync/triggers.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import type { Status } from '../../../shared/window/views.ts';
import { errorResponse, faults } from '../../network.ts';
import { embedded } from '../../server/harness.ts';
import { plan } from '../../server/samples.ts';
import { openBooks } from '../../sync/books.ts';
import { openDesk, type Desk, type DeskOptions } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { openSite, type Site } from '../../sync/site.ts';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

/** A desk that syncs automatically. */
async function openTriggered(t: TestContext, options: Partial<DeskOptions>): Promise<Desk> {
  const desk = await openDesk(t, { url: site.server.url, currentUrl: () => site.server.url, ...options });
  const triggers = createTriggers(desk.host, {
    nowMs: () => desk.clock.ms, monotonicMs: () => 0, setTimer: desk.timers.setTimer, random: () => 0,
    log: (event, facts = {}) => void desk.logged.push(`${event}: ${String(facts['error'] ?? '')}`),
  }, 5);
  t.after(() => triggers.close());
  return desk;
}

/** Resolves once the cache has a plan. */
async function untilHere(desk: Desk, id: string): Promise<void> {
  await desk.until(({ state }) => state === 'up_to_date' && desk.rows().has(`plans ${id}`));
}

function requestsTo(desk: Desk, path: string): number {
  return desk.network.calls.filter((call) => call.path === path).length;
}

const isUpToDate = ({ state }: Status): boolean => state === 'up_to_date';

test("a colleague's write arrives without waiting for the interval", async (t) => {
  const books = await openBooks(site);
  const colleague = await books.owner.hire('editor');
  const desk = await openTriggered(t, { token: books.owner.token });
  await desk.until(isUpToDate);
  for (let round = 0; round < 3; round += 1) {
    const { id } = await colleague.client.create('plans', plan({ name: `Round ${round}` }));
    await untilHere(desk, id);
  }
  await assertExact(desk, books.owner.client);
  assert.equal(requestsTo(desk, '/api/sync/events'), 1);
});

test("the desktop's own write is pulled only once, although the server nudges for it, too", async (t) => {
  const books = await openBooks(site);
  const viewer = await books.owner.hire('viewer');
  const desk = await openTriggered(t, { token: books.owner.token });
  const other = await openTriggered(t, { token: viewer.token });
  await Promise.all([desk.until(isUpToDate), other.until(isUpToDate)]);
  const before = requestsTo(desk, '/api/sync/pull');
  const { id } = await desk.host.records.create('plans', plan() as JsonObject);
  await untilHere(other, id);
  await desk.idle();
  assert.equal(requestsTo(desk, '/api/sync/pull'), before + 1);
});

test('a write in another company on the same server causes no request', async (t) => {
  const [books, others] = [await openBooks(site), await openBooks(site)];
  const desk = await openTriggered(t, { token: books.owner.token });
  const other = await openTriggered(t, { token: others.owner.token });
  await Promise.all([desk.until(isUpToDate), other.until(isUpToDate)]);
  await desk.idle();
  const before = desk.network.calls.length;
  const { id } = await others.create('plans', plan());
  await untilHere(other, id);
  await desk.idle();
  assert.equal(desk.network.calls.length, before);
});

test('the desktop notices immediately when its session ends on the server, and asks once more', async (t) => {
  const books = await openBooks(site);
  const desk = await openTriggered(t, { token: books.owner.token });
  await desk.until(isUpToDate);
  await books.owner.client.post('/api/auth/logout');
  await desk.until(({ error }) => error?.code === 'unauthorized');
  desk.timers.passSilence();
  const status = await desk.until(({ state }) => state === 'session_expired');
  assert.equal(status.error?.code, 'signed_out');
  await desk.idle();
  assert.equal(desk.timers.pending, 0);
});

test('after switching users, nudges are those of the new company', async (t) => {
  const [old, current] = [await openBooks(site), await openBooks(site)];
  // Switching ends the old session.
  const desk = await openTriggered(t, { token: (await old.owner.signIn(old.owner.userId)).token });
  await desk.until(isUpToDate);
  await desk.host.setAuthToken(current.owner.token);
  await desk.until((status) => isUpToDate(status) && status.user?.accountId === current.owner.accountId);
  const { id } = await current.create('plans', plan());
  await untilHere(desk, id);
  const calls = desk.network.calls.length;
  await old.create('plans', plan());
  const { id: last } = await current.create('plans', plan());
  await untilHere(desk, last);
  const tokens = new Set(desk.network.calls.slice(calls).map(({ headers }) => headers.get('authorization')));
  assert.deepEqual([...tokens], [`Bearer ${current.owner.token}`]);
});

test('after a server restart the desktop reconnects and has what was written meanwhile', async (t) => {
  const books = await openBooks(site);
  const desk = await openTriggered(t, { token: books.owner.token });
  await desk.until(isUpToDate);
  desk.network.plan(() => faults.refused);
  await site.server.restart();
  await desk.until(({ isOnline }) => !isOnline);
  desk.network.plan(null);
  const { id } = await books.create('plans', plan());
  await untilHere(desk, id);
  await desk.until(isUpToDate);
  const { id: next } = await books.create('plans', plan());
  await untilHere(desk, next);
});

test('an older server without nudges is asked rarely, the desktop stays online, and hears it once it is updated', async (t) => {
  const books = await openBooks(site);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
  desk.network.plan(({ path }) => path === '/api/sync/events' ? async () => errorResponse(404, 'not_found') : null);
  const triggers = createTriggers(desk.host, {
    nowMs: () => desk.clock.ms, monotonicMs: () => 0, setTimer: desk.timers.setTimer, random: () => 0, log: () => {},
  }, 1);
  t.after(() => triggers.close());
  await desk.until(isUpToDate);
  await desk.idle();
  assert.equal(requestsTo(desk, '/api/sync/events'), 1);
  for (let minute = 0; minute < 3; minute += 1) {
    const { id } = await books.create('plans', plan());
    desk.clock.ms += 60_000;
    desk.timers.passSilence();
    await untilHere(desk, id);
    await desk.idle();
  }
  assert(requestsTo(desk, '/api/sync/events') <= 4);
  assert.equal((await desk.host.getStatus()).isOnline, true);
  desk.network.plan(null);
  desk.timers.passSilence();
  const { id } = await books.create('plans', plan());
  await untilHere(desk, id);
});
