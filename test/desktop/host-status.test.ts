// The sync status that people see: every state, reached for real, with its details.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { eventsRequest } from '../../desktop/sync/nudges.ts';
import { MAX_ATTEMPTS } from '../../desktop/sync/retry.ts';
import { STALE_AFTER_MS } from '../../shared/window/stale.ts';
import { answerJson, faults, openStubServer, passThrough } from '../network.ts';
import { embedded } from '../server/harness.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { openBooks, type Books } from '../sync/books.ts';
import { openDesk, type Desk } from '../sync/desk.ts';
import { openSite, type Site } from '../sync/site.ts';
import type { Status } from '../../shared/window/views.ts';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

async function synced(t: TestContext): Promise<{ books: Books; desk: Desk }> {
  const books = await openBooks(site);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => 2 });
  await desk.sync();
  return { books, desk };
}

async function ageAndState(desk: Desk): Promise<[ageMs: number | null | undefined, state: Status['state']]> {
  const { lastSync, state } = await desk.host.getStatus();
  return [lastSync?.ageMs, state];
}

/** The reported states in order, without repetitions. */
function told(statuses: readonly Status[]): string[] {
  return statuses.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1]);
}

describe('the state', () => {
  test('goes from never_synced through first_sync to up_to_date', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => 2 });
    const status = await desk.host.getStatus();
    assert.deepEqual(
      [status.state, status.initialized, status.lastSync, status.isOnline, status.error, status.progress, status.user],
      ['never_synced', true, null, false, null, null, null],
    );
    await desk.sync();
    // Everything is there once the last page is committed; the run still has to report it.
    assert.deepEqual(told(desk.statuses).filter((state) => state !== 'syncing'), ['first_sync', 'up_to_date']);
    const progress = desk.statuses.flatMap((told) => told.progress?.changes ?? []);
    assert.deepEqual([...new Set(progress)], [0, 2, 4, 5]);
    const last = await desk.host.getStatus();
    assert.deepEqual(
      [last.lastSync, last.isOnline, last.user?.id, last.server],
      [{ timestamp: new Date(desk.clock.ms).toISOString(), ageMs: 0, changes: 5 }, true, books.owner.userId, site.server.url],
    );
  });

  test('is syncing while a catch-up runs', async (t) => {
    const { books, desk } = await synced(t);
    await books.addPlans(3);
    desk.statuses.length = 0;
    await desk.sync();
    assert.deepEqual(told(desk.statuses), ['syncing', 'up_to_date']);
    assert.equal((await desk.host.getStatus()).lastSync?.changes, 3);
  });

  test('is stale once the last sync is more than 15 minutes old', async (t) => {
    const { desk } = await synced(t);
    desk.clock.monotonicMs += STALE_AFTER_MS;
    assert.equal((await desk.host.getStatus()).state, 'up_to_date');
    desk.clock.monotonicMs += 1;
    assert.equal((await desk.host.getStatus()).state, 'stale');
    await desk.sync();
    assert.equal((await desk.host.getStatus()).state, 'up_to_date');
  });

  test('counts the age of the last sync by no clock that can be changed, and after a restart not at all if it was', async (t) => {
    const { desk } = await synced(t);
    const days = 400 * 86_400_000;
    desk.clock.ms += days;
    await desk.sync();
    desk.clock.ms -= days;
    desk.clock.monotonicMs += 60_000;
    assert.deepEqual(await ageAndState(desk), [60_000, 'up_to_date']);
    await desk.reopen();
    assert.deepEqual(await ageAndState(desk), [null, 'stale']);
    await desk.host.getOnlineStatus();
    assert.deepEqual(await ageAndState(desk), [null, 'stale']);
    await desk.sync();
    assert.deepEqual(await ageAndState(desk), [0, 'up_to_date']);
    desk.clock.ms += 120_000;
    await desk.reopen();
    assert.deepEqual(await ageAndState(desk), [120_000, 'stale']);
  });

  test('is offline without a network, and unreachable with one', async (t) => {
    const { desk } = await synced(t);
    desk.network.plan(() => faults.refused);
    await desk.host.pullFromServer();
    const unreachable = await desk.host.getStatus();
    assert.deepEqual([unreachable.state, unreachable.isOnline, unreachable.error?.code], ['unreachable', false, 'offline']);
    assert.equal((await desk.host.data.attempts())[0]?.kind, 'refused');
    assert.deepEqual([unreachable.error?.kind, /127\.0\.0\.1.* refuses/.test(unreachable.error?.message ?? '')], ['refused', true]);
    desk.machine.hasNetwork = false;
    assert.equal((await desk.host.getStatus()).state, 'offline');
    desk.clock.monotonicMs += 2 * STALE_AFTER_MS;
    assert.equal((await desk.host.getStatus()).state, 'offline', 'rather than stale');
    desk.network.plan(null);
    await desk.sync();
    assert.equal((await desk.host.getStatus()).state, 'up_to_date');
  });

  test('is unreachable for the latest reason, also one that only a small request met', async (t) => {
    const { desk } = await synced(t);
    const reason = async (name: string): Promise<unknown> => {
      desk.network.plan(() => async () => {
        throw new TypeError(`net::${name}`);
      });
      await assertRejects(desk.host.probe(new AbortController().signal), 'offline');
      const { state, error } = await desk.host.getStatus();
      return [state, error?.kind];
    };
    assert.deepEqual(await reason('ERR_NAME_NOT_RESOLVED'), ['unreachable', 'name_not_found']);
    assert.deepEqual(await reason('ERR_CERT_DATE_INVALID'), ['unreachable', 'certificate_date']);
    desk.network.plan(null);
    await desk.host.probe(new AbortController().signal);
    const { state, error } = await desk.host.getStatus();
    assert.deepEqual([state, error], ['up_to_date', null]);
  });

  test('is session_expired when the server has ended the session', async (t) => {
    const books = await openBooks(site);
    const person = await books.owner.signIn(books.owner.userId);
    const desk = await openDesk(t, { url: site.server.url, token: person.token });
    await desk.sync();
    await person.client.post('/api/auth/logout');
    assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
    desk.timers.passSilence();
    const status = await desk.until(({ state }) => state === 'session_expired');
    assert.deepEqual([status.isOnline, status.user?.id], [true, person.userId]);
    assert.notEqual(status.lastSync, null);
    await desk.reopen();
    assert.equal((await desk.host.getStatus()).state, 'session_expired');
  });

  test('is error, with a message, when the server fails', async (t) => {
    const { desk } = await synced(t);
    desk.network.plan(() => faults.internal);
    await desk.host.pullFromServer();
    const status = await desk.host.getStatus();
    assert.deepEqual([status.state, status.isOnline, status.error?.code], ['error', true, 'internal']);
  });

  test('is update_required when the server no longer supports this version', async (t) => {
    const message = 'Update Invoify: this server speaks protocol 9 and later.';
    const refusal = { success: false, error: { code: 'upgrade_required', message } };
    const stub = await openStubServer(t, answerJson(JSON.stringify(refusal), 426));
    const desk = await openDesk(t, { url: stub.url, token: 'a-token' });
    assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
    const status = await desk.host.getStatus();
    assert.deepEqual([status.state, status.error?.message], ['update_required', message]);
  });

  test('is restored after a restart without a network, with everything readable', async (t) => {
    const { desk } = await synced(t);
    await desk.reopen();
    desk.network.plan(() => faults.refused);
    desk.machine.hasNetwork = false;
    const before = await desk.host.getStatus();
    assert.deepEqual([before.state, before.isOnline], ['stale', false], 'nobody has asked the server yet');
    await desk.host.pullFromServer();
    const status = await desk.host.getStatus();
    assert.deepEqual([status.state, status.lastSync?.timestamp], ['offline', before.lastSync?.timestamp]);
    assert.equal((await desk.host.data.listPage({ collection: 'invoices' })).total, 1);
    assert.deepEqual(await desk.host.data.counts(), { company: 1, users: 1, plans: 1, customers: 1, invoices: 1 });
  });
});

describe('online', () => {
  test('means that the Invoify server answered, not just any server', async (t) => {
    const { desk } = await synced(t);
    assert.equal(await desk.host.getOnlineStatus(), true);
    for (const fault of ['captivePortal', 'badGateway', 'unavailable', 'empty', 'refused', 'stalled'] as const) {
      await desk.reopen();
      desk.network.plan(() => faults[fault]);
      assert.equal(await desk.host.getOnlineStatus(), false, fault);
      assert.equal((await desk.host.getStatus()).state, 'unreachable', fault);
    }
  });

  test('is checked while unknown, and then remembered', async (t) => {
    const { desk } = await synced(t);
    await desk.reopen();
    const asked = desk.network.calls.length;
    assert.equal(await desk.host.getOnlineStatus(), true);
    assert.equal(await desk.host.getOnlineStatus(), true);
    assert.deepEqual(desk.network.calls.slice(asked).map(({ path }) => path), ['/api/health']);
  });

  test('ends with a run that is cancelled while the server cannot be reached', async (t) => {
    const { desk } = await synced(t);
    desk.network.plan(() => faults.refused);
    desk.timers.hold(true);
    const run = desk.host.pullFromServer();
    while (desk.timers.pauses.length === 0) await nextTurn();
    await desk.host.cancelPull();
    assert.equal((await run).outcome, 'cancelled');
    const status = await desk.host.getStatus();
    assert.deepEqual([status.state, status.isOnline], ['unreachable', false], 'nothing is up to date that cannot be reached');
    desk.timers.hold(false);
  });

  test('is of the server signed in to, whatever becomes of a sign-in to another one', async (t) => {
    const { desk } = await synced(t);
    const stub = await openStubServer(t, answerJson('{}', 404));
    await assertRejects(desk.host.signIn('nobody@people.test', 'a password', stub.url), 'bad_response');
    const { state, isOnline, server } = await desk.host.getStatus();
    assert.deepEqual([state, isOnline, server], ['up_to_date', true, site.server.url]);
  });

  test('a run that failed offline leaves no error if another request was answered since', async (t) => {
    const { desk } = await synced(t);
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const events = writable.getWriter();
    const answerEvent = (): void => void events.write(Buffer.from(':\n\n'));
    let failed = 0;
    desk.network.plan(({ page }) => async () => {
      if (page === null) return new Response(readable, { headers: { 'content-type': 'text/event-stream' } });
      failed += 1;
      if (failed === MAX_ATTEMPTS) {
        answerEvent();
        await desk.until(({ isOnline }) => isOnline);
        const stop = desk.host.onStatus(() => {
          stop();
          answerEvent();
        });
      }
      return faults.refused();
    });
    void desk.host.receive(eventsRequest, () => undefined).catch(() => undefined);
    const run = desk.host.pullFromServer();
    assert.equal((await run).error?.code, 'offline');
    const { state, isOnline, error } = await desk.until((status) => status.isOnline);
    assert.deepEqual([state, isOnline, error], ['up_to_date', true, null]);
  });

  test('is restored by the first response', async (t) => {
    const { desk } = await synced(t);
    desk.network.plan(() => faults.refused);
    await desk.host.pullFromServer();
    const { promise: isAsked, resolve: ask } = Promise.withResolvers<void>();
    desk.network.plan(({ page }) => page !== null ? (exchange) => {
      ask();
      return faults.silent(exchange);
    } : passThrough);
    await desk.host.signIn('nobody@people.test', 'a wrong password').catch(() => undefined);
    const status = await desk.host.getStatus();
    assert.deepEqual([status.isOnline, status.error], [true, null], 'whatever it answered');
    void desk.host.pullFromServer();
    await isAsked;
    assert.equal((await desk.host.getStatus()).state, 'syncing');
    await desk.host.cancelPull();
  });
});

test('a cache is behind what the server has done since it was synced, if its download was complete', async (t) => {
  const { books, desk } = await synced(t);
  const { cursor } = await desk.host.getStatus();
  assert.deepEqual([cursor ?? '', '2999-01-01T00:00:00Z', 'soon'].map((time) => desk.host.isBehind(time)), [false, true, false]);
  const other = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => 1 });
  other.network.plan(({ page }) => page === 1 ? faults.silent : null);
  const run = other.host.pullFromServer();
  await other.until(({ progress }) => progress?.changes === 1);
  await other.host.cancelPull();
  await run;
  assert.notEqual((await other.host.getStatus()).cursor, null);
  assert.equal(other.host.isBehind('2999-01-01T00:00:00Z'), false, 'a download that was cancelled is not resumed for it');
});
