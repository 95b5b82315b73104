// One run at a time: joining it, what follows it, what stops it, and the order in which its end becomes visible.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { faults, passThrough } from '../../network.ts';
import { embedded } from '../../server/harness.ts';
import { plan } from '../../server/samples.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { openSite, type Site } from '../../sync/site.ts';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

async function openSynced(t: TestContext): Promise<{ books: Books; desk: Desk }> {
  const books = await openBooks(site);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
  await desk.sync();
  await desk.idle();
  // The next run renews the stored token; the tests are about what follows.
  await desk.sync();
  desk.network.plan(null);
  return { books, desk };
}

/** Holds the next pull until it is released. */
function holdPull(desk: Desk): { isHeld: Promise<void>; release: () => void } {
  const { promise: isHeld, resolve: enter } = Promise.withResolvers<void>();
  const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
  desk.network.plan(({ page }) => page === 0 ? async (exchange) => {
    // The server has answered, and the answer is in transit.
    const response = await passThrough(exchange);
    enter();
    await isReleased;
    return response;
  } : null);
  return { isHeld, release };
}

test('a second request joins the current run', async (t) => {
  const { desk } = await openSynced(t);
  const held = holdPull(desk);
  const first = desk.host.pullFromServer();
  await held.isHeld;
  const second = desk.host.pullFromServer();
  held.release();
  assert.equal(await first, await second);
  assert.equal(desk.network.pulls().length, 1);
  assert.notEqual(await desk.host.pullFromServer(), await first, 'a later request starts another run');
});

test('a write during a run is answered at once and triggers another run', async (t) => {
  const { books, desk } = await openSynced(t);
  const held = holdPull(desk);
  const run = desk.host.pullFromServer();
  await held.isHeld;
  const { id } = await desk.host.records.create('plans', { ...plan() });
  assert(await desk.host.data.getRecord('plans', id), 'the record can be read');
  held.release();
  assert.equal((await run).changes, 0, 'that run had pulled before the write');
  await desk.idle();
  assert.equal(desk.network.pulls().length, 2);
  await assertExact(desk, books.owner.client);
});

test('concurrent writes share runs', async (t) => {
  const { books, desk } = await openSynced(t);
  const held = holdPull(desk);
  const run = desk.host.pullFromServer();
  await held.isHeld;
  const writing = Array.from({ length: 8 }, (_, index) =>
    desk.host.records.create('plans', { ...plan({ name: `One of eight ${index}` }) }));
  const isSent = (): boolean => desk.network.calls.filter(({ method, path }) => method === 'POST' && path === '/api/plans').length === 8;
  while (!isSent()) await nextTurn();
  held.release();
  await run;
  const records = await Promise.all(writing);
  for (const { id } of records) assert(await desk.host.data.getRecord('plans', id));
  await desk.idle();
  assert(desk.network.pulls().length <= 9);
  await assertExact(desk, books.owner.client);
});

test('no run follows a cancelled one, even if a write asked for one', async (t) => {
  const { desk } = await openSynced(t);
  desk.network.plan(({ page }) => page === 0 ? faults.silent : null);
  const run = desk.host.pullFromServer();
  while (desk.network.pulls().length === 0) await nextTurn();
  await desk.host.records.create('plans', { ...plan() });
  await desk.host.cancelPull();
  assert.equal((await run).outcome, 'cancelled');
  await desk.idle();
  assert.equal(desk.network.pulls().length, 1);
  assert.notEqual((await desk.host.getStatus()).state, 'syncing');
});

test('switching users cancels the run of the previous user', async (t) => {
  const { books, desk } = await openSynced(t);
  const other = await books.owner.hire('viewer');
  desk.network.plan(({ page }) => page === 0 ? faults.silent : null);
  const run = desk.host.pullFromServer();
  while (desk.network.pulls().length === 0) await nextTurn();
  await desk.host.records.create('plans', { ...plan() });
  await desk.host.setAuthToken(other.token);
  assert.equal((await run).outcome, 'cancelled');
  await desk.until(({ state }) => state === 'up_to_date');
  await assertExact(desk, other.client);
  assert.equal((await desk.host.getStatus()).user?.id, other.userId);
});

test('rows and the time of the last sync are visible by the time the run is reported as over', async (t) => {
  const { books, desk } = await openSynced(t);
  const added = await books.create('plans', plan());
  desk.clock.ms += 60_000;
  const seen: string[] = [];
  const stop = desk.host.onStatus(({ state, lastSync }) => {
    seen.push(`${state} ${desk.rows().has(`plans ${added.id}`)} ${lastSync?.timestamp === new Date(desk.clock.ms).toISOString()}`);
  });
  await desk.sync();
  stop();
  assert.deepEqual([...new Set(seen)], ['syncing false false', 'up_to_date true true']);
});

test('the daily check is due, too, once the clock has been set back', async (t) => {
  const { desk } = await openSynced(t);
  desk.clock.ms -= 60_000;
  await desk.sync();
  await desk.idle();
  assert.equal((await desk.host.data.health()).lastVerifiedMs, desk.clock.ms);
});

test('a failed run does not change the time of the last sync', async (t) => {
  const { desk } = await openSynced(t);
  const { lastSync } = await desk.host.getStatus();
  desk.clock.ms += 60_000;
  desk.network.plan(() => faults.internal);
  assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
  assert.deepEqual((await desk.host.getStatus()).lastSync, lastSync);
});

test('every run is recorded as an attempt, with its changes or its error', async (t) => {
  const { books, desk } = await openSynced(t);
  await books.addPlans(3);
  await desk.sync();
  desk.network.plan(() => faults.refused);
  await desk.host.pullFromServer();
  await desk.reopen();
  await desk.host.pullFromServer();
  desk.network.plan(({ page }) => page === null ? null : faults.silent);
  const run = desk.host.pullFromServer();
  while (desk.network.pulls().length === 0) await nextTurn();
  await desk.host.cancelPull();
  await run;
  const attempts = (await desk.host.data.attempts()).slice(0, 4).map(({ outcome, code, changes }) => [outcome, code, changes]);
  assert.deepEqual(attempts, [
    ['cancelled', 'cancelled', 0], ['failed', 'offline', 0], ['failed', 'offline', 0], ['completed', null, 3],
  ]);
});

test('a listener that throws stops neither the run nor the other listeners', async (t) => {
  const { books, desk } = await openSynced(t);
  await books.addPlans(2);
  const states: string[] = [];
  desk.host.onStatus(() => { throw new Error('the window is gone'); });
  desk.host.onStatus(({ state }) => states.push(state));
  await desk.sync();
  await desk.sync();
  assert.equal(states.at(-1), 'up_to_date');
  assert.match(desk.logged.join(), /the window is gone/);
});

test('nothing starts after the host has been closed', async (t) => {
  const { desk } = await openSynced(t);
  const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
  desk.network.plan(({ method }) => method === 'POST' ? async (exchange) => {
    const response = await passThrough(exchange);
    await isReleased;
    return response;
  } : null);
  const { host } = desk;
  const writing = host.records.create('plans', { ...plan() });
  while (!desk.network.calls.some(({ method, path }) => method === 'POST' && path === '/api/plans')) await nextTurn();
  await desk.close();
  const before = desk.network.calls.length;
  release();
  await writing;
  assert.equal((await host.pullFromServer()).outcome, 'cancelled');
  assert.equal(desk.network.calls.length, before);
  assert.equal((await host.getStatus()).initialized, false);
});

describe('while the desktop is being stopped for it, no run starts', () => {
  /** A desk whose maintenance after a sync is held, so that stopping it takes until `release`. */
  async function openInMaintenance(t: TestContext): Promise<{ books: Books; desk: Desk; release: () => void }> {
    const books = await openBooks(site);
    const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
    let isHeld = false;
    const yieldToEventLoop = async (): Promise<void> => {
      await nextTurn();
      if (isHeld) await isReleased;
    };
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, deps: { yieldToEventLoop } });
    desk.host.onStatus(({ state }) => { isHeld ||= state === 'up_to_date'; });
    await desk.sync();
    desk.network.plan(null);
    return { books, desk, release };
  }

  /** Runs `action` while pulls are asked for, as by a nudge, and returns their outcomes. */
  async function pullDuring(desk: Desk, release: () => void, action: () => Promise<unknown>): Promise<string[]> {
    const done = action();
    await nextTurn();
    const early = desk.host.pullFromServer();
    await nextTurn();
    release();
    const late = desk.host.pullFromServer();
    await done;
    return (await Promise.all([early, late])).map(({ outcome }) => outcome);
  }

  test('a sign-out, after which the former user\'s data is gone for good', async (t) => {
    const { desk, release } = await openInMaintenance(t);
    assert.deepEqual(await pullDuring(desk, release, () => desk.host.signOut()), ['cancelled', 'cancelled']);
    await desk.idle();
    assert.equal(existsSync(desk.file), false);
    assert.equal(desk.network.pulls().length, 0);
  });

  test('a sign-in as someone else, after which only their data is there', async (t) => {
    const { desk, release } = await openInMaintenance(t);
    const other = await openBooks(site);
    assert.deepEqual(await pullDuring(desk, release, () => desk.host.setAuthToken(other.owner.token)), ['cancelled', 'cancelled']);
    await desk.until(({ state }) => state === 'up_to_date');
    await assertExact(desk, other.owner.client);
    assert.deepEqual(desk.network.pulls().map(({ since }) => since), [null]);
  });

  test('a reset, after which everything is downloaded once', async (t) => {
    const { books, desk, release } = await openInMaintenance(t);
    assert.deepEqual(await pullDuring(desk, release, () => desk.host.resetLocalData()), ['cancelled', 'cancelled']);
    await desk.until(({ state }) => state === 'up_to_date');
    await assertExact(desk, books.owner.client);
    assert.deepEqual(desk.network.pulls().map(({ since }) => since), [null]);
  });

  test('a cancellation, after which nothing runs', async (t) => {
    const { desk, release } = await openInMaintenance(t);
    assert.deepEqual(await pullDuring(desk, release, () => desk.host.cancelPull()), ['cancelled', 'cancelled']);
    assert.equal(desk.host.isSyncing, false);
    assert.equal(desk.network.pulls().length, 0);
  });
});
