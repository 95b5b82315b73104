// The whole way of a nudge, from a colleague's write through the real server to the copy on another desktop. No interval
// ever passes here: the clocks stand still.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';

import { createTriggers } from '../../../desktop/sync/triggers.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import type { Status } from '../../../shared/window/views.ts';
import { stores } from '../../server/harness.ts';
import { plan } from '../../server/samples.ts';
import { openBooks } from '../../sync/books.ts';
import { openDesk, type Desk, type DeskOptions } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { faults, refuse } from '../../sync/network.ts';
import { openSite, type Site } from '../../sync/site.ts';

let site: Site;
before(async () => {
  const [embedded] = stores;
  assert(embedded);
  site = await openSite(embedded);
});
after(() => site.stop());

/** A desk that syncs by itself. */
async function openTriggered(t: TestContext, options: Partial<DeskOptions>): Promise<Desk> {
  const desk = await openDesk(t, { url: site.server.url, place: () => site.server.url, ...options });
  const triggers = createTriggers(desk.host, {
    nowMs: () => desk.clock.ms, monotonicMs: () => 0, setTimer: desk.timers.setTimer, random: () => 0,
    log: (event, facts = {}) => void desk.logged.push(`${event}: ${String(facts['error'] ?? '')}`),
  }, 5);
  t.after(() => triggers.close());
  return desk;
}

/** Resolves when the copy holds a record. */
async function holds(desk: Desk, id: string): Promise<void> {
  await desk.until(({ state }) => state === 'up_to_date' && desk.rows().has(`plans ${id}`));
}

function paths(desk: Desk, path: string): number {
  return desk.network.calls.filter((call) => call.path === path).length;
}

const isUpToDate = ({ state }: Status): boolean => state === 'up_to_date';

test("a colleague's write is on the desktop without waiting for the interval", async (t) => {
  const books = await openBooks(site);
  const colleague = await books.owner.hire('editor');
  const desk = await openTriggered(t, { token: books.owner.token });
  await desk.until(isUpToDate);
  for (let round = 0; round < 3; round += 1) {
    const { id } = await colleague.client.create('plans', plan({ name: `Round ${round}` }));
    await holds(desk, id);
  }
  await assertExact(desk, books.owner.client);
  assert.equal(paths(desk, '/api/sync/events'), 1);
});

test("the desktop's own write is pulled once, though the server nudges for it too", async (t) => {
  const books = await openBooks(site);
  const desk = await openTriggered(t, { token: books.owner.token });
  const other = await openTriggered(t, { token: (await books.owner.hire('viewer')).token });
  await Promise.all([desk.until(isUpToDate), other.until(isUpToDate)]);
  const before = paths(desk, '/api/sync/pull');
  const { id } = await desk.host.records.create('plans', plan() as JsonObject);
  await holds(other, id);
  await desk.idle();
  assert.equal(paths(desk, '/api/sync/pull'), before + 1);
});

test('a colleague on the same server in another company causes no request', async (t) => {
  const [books, others] = [await openBooks(site), await openBooks(site)];
  const desk = await openTriggered(t, { token: books.owner.token });
  const other = await openTriggered(t, { token: others.owner.token });
  await Promise.all([desk.until(isUpToDate), other.until(isUpToDate)]);
  await desk.idle();
  const before = desk.network.calls.length;
  const { id } = await others.create('plans', plan());
  await holds(other, id);
  await desk.idle();
  assert.equal(desk.network.calls.length, before);
});

test('a session that ends on the server is known on the desktop at once', async (t) => {
  const books = await openBooks(site);
  const desk = await openTriggered(t, { token: books.owner.token });
  await desk.until(isUpToDate);
  await books.owner.client.post('/api/auth/logout');
  const status = await desk.until(({ state }) => state === 'session_expired');
  assert.equal(status.error?.code, 'signed_out');
  await desk.idle();
  assert.equal(desk.timers.pending, 0);
});

test('who signs in instead hears of their own company from then on', async (t) => {
  const [before, now] = [await openBooks(site), await openBooks(site)];
  const desk = await openTriggered(t, { token: before.owner.token });
  await desk.until(isUpToDate);
  await desk.host.setAuthToken(now.owner.token);
  await desk.until((status) => isUpToDate(status) && status.user?.accountId === now.owner.accountId);
  const { id } = await now.create('plans', plan());
  await holds(desk, id);
  const calls = desk.network.calls.length;
  await before.create('plans', plan());
  const { id: last } = await now.create('plans', plan());
  await holds(desk, last);
  const tokens = new Set(desk.network.calls.slice(calls).map(({ headers }) => headers.get('authorization')));
  assert.deepEqual([...tokens], [`Bearer ${now.owner.token}`]);
});

test('a server that stops and starts again is found, and what was written meanwhile is there', async (t) => {
  const books = await openBooks(site);
  const desk = await openTriggered(t, { token: books.owner.token });
  await desk.until(isUpToDate);
  desk.network.plan(() => faults.refused);
  await site.server.restart();
  await desk.until(({ isOnline }) => !isOnline);
  desk.network.plan(null);
  const { id } = await books.create('plans', plan());
  await holds(desk, id);
  await desk.until(isUpToDate);
  const { id: next } = await books.create('plans', plan());
  await holds(desk, next);
});

test('an older server that does not nudge is asked once, and its desktop stays online', async (t) => {
  const books = await openBooks(site);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
  desk.network.plan(({ path }) => path === '/api/sync/events' ? async () => refuse(404, 'not_found') : null);
  const triggers = createTriggers(desk.host, {
    nowMs: () => desk.clock.ms, monotonicMs: () => 0, setTimer: desk.timers.setTimer, random: () => 0, log: () => {},
  }, 1);
  t.after(() => triggers.close());
  await desk.until(isUpToDate);
  await desk.idle();
  for (let minute = 0; minute < 3; minute += 1) {
    const { id } = await books.create('plans', plan());
    desk.clock.ms += 60_000;
    desk.timers.passSilence();
    await holds(desk, id);
    await desk.idle();
  }
  assert.equal(paths(desk, '/api/sync/events'), 1);
  assert.equal((await desk.host.getStatus()).isOnline, true);
});
