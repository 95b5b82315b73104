// How long a token is kept: renewed in time whatever the clocks do, beside the syncs, and not forgotten for one refusal.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { errorResponse, faults, type Fault } from '../network.ts';
import { embedded, firstOwner, password } from '../server/harness.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { openBooks } from '../sync/books.ts';
import { openDesk, type Desk } from '../sync/desk.ts';
import { openSite, type Site } from '../sync/site.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const isDone = ({ state }: { state: string }): boolean => state === 'up_to_date';

/** Its tokens live an hour. */
let site: Site;
before(async () => {
  site = await openSite(embedded, { TOKEN_TTL: '1h' });
});
after(() => site.stop());

/** A synced desk with a token that the server has just issued. */
async function openFresh(t: TestContext): Promise<{ readonly desk: Desk; readonly token: string }> {
  const books = await openBooks(site);
  const { token } = (await books.owner.client.post('/api/auth/refresh')).body;
  const desk = await openDesk(t, { url: site.server.url });
  desk.clock.ms = site.clock.ms;
  await desk.host.setAuthToken(token);
  await desk.until(isDone);
  return { desk, token };
}

function renewals(desk: Desk): number {
  return desk.network.calls.filter(({ path }) => path === '/api/auth/refresh').length;
}

/** Time passes everywhere. */
function pass(desk: Desk, ms: number): void {
  site.clock.ms += ms;
  desk.clock.ms += ms;
  desk.clock.monotonicMs += ms;
}

/** Holds back the answers to renewals, although the server has given them, until the returned function is called. */
function holdRenewal(desk: Desk): () => void {
  const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
  desk.network.plan(({ path }) => path === '/api/auth/refresh' ? async ({ forward }) => {
    const answer = await forward();
    await isReleased;
    return answer;
  } : null);
  return release;
}

async function untilStored(desk: Desk, token: string): Promise<void> {
  while ((await desk.vault.load())?.token === token) await desk.idle();
}

describe('a token is renewed', () => {
  test('once half of its life is over, so that whoever works for hours stays signed in', async (t) => {
    const { desk, token } = await openFresh(t);
    pass(desk, 30 * MINUTE_MS - 1);
    await desk.sync();
    assert.equal(renewals(desk), 0);
    for (let minutes = 30; minutes < 300; minutes += 20) {
      pass(desk, 20 * MINUTE_MS);
      await desk.sync();
      await desk.idle();
    }
    assert(renewals(desk) >= 7, `${renewals(desk)} renewals in 4.5 hours`);
    assert.notEqual((await desk.vault.load())?.token, token);
    assert.equal((await desk.host.getStatus()).state, 'up_to_date');
  });

  test('although nothing is synced for longer than that', async (t) => {
    const { desk, token } = await openFresh(t);
    pass(desk, 31 * MINUTE_MS);
    desk.timers.passSilence();
    await untilStored(desk, token);
    pass(desk, 31 * MINUTE_MS);
    await desk.sync();
  });

  test('at the same age after a restart, and not at every start', async (t) => {
    const { desk, token } = await openFresh(t);
    pass(desk, 20 * MINUTE_MS);
    await desk.reopen();
    await desk.sync();
    assert.equal(renewals(desk), 0);
    pass(desk, 10 * MINUTE_MS);
    // The monotonic clock starts anew with the machine.
    desk.clock.monotonicMs = 0;
    await desk.reopen();
    await desk.sync();
    await untilStored(desk, token);
  });

  for (const days of [400, -400]) {
    test(`in time, although the computer's clock was ${days} days off when it was received`, async (t) => {
      const { desk } = await openFresh(t);
      desk.clock.ms += days * DAY_MS;
      pass(desk, 31 * MINUTE_MS);
      await desk.sync();
      await desk.idle();
      desk.clock.ms -= days * DAY_MS;
      for (let minutes = 0; minutes < 120; minutes += 20) {
        pass(desk, 20 * MINUTE_MS);
        await desk.reopen();
        await desk.sync();
        await desk.idle();
      }
    });

    test(`in time, although the computer's clock becomes ${days} days off while it is used`, async (t) => {
      const { desk } = await openFresh(t);
      for (let minutes = 0; minutes < 120; minutes += 20) {
        pass(desk, 20 * MINUTE_MS);
        desk.clock.ms += minutes === 60 ? days * DAY_MS : 0;
        await desk.sync();
        await desk.idle();
      }
    });
  }
});

describe('a renewal', () => {
  const failures: readonly (readonly [string, Fault])[] = [
    ['is answered with 503', faults.unavailable],
    ['is answered with 500', faults.internal],
    ['is answered with 403', async () => errorResponse(403, 'forbidden')],
    ['is answered with 411 by something in between', async () => new Response('<html>Length Required</html>', { status: 411 })],
    ['is refused', faults.refused],
    ['is never answered', faults.silent],
  ];
  for (const [what, fault] of failures) {
    test(`that ${what} neither delays nor fails a sync, and is tried again`, async (t) => {
      const { desk, token } = await openFresh(t);
      pass(desk, 40 * MINUTE_MS);
      desk.network.plan(({ path }) => path === '/api/auth/refresh' ? fault : null);
      await desk.sync();
      await desk.idle();
      assert.equal(renewals(desk), 1);
      const { state, isOnline } = await desk.host.getStatus();
      assert.deepEqual([state, isOnline], ['up_to_date', true]);
      desk.network.plan(null);
      await desk.host.abortRequests();
      await desk.idle();
      assert(desk.logged.some((line) => line.startsWith('token not renewed')));
      await desk.sync();
      await untilStored(desk, token);
    });
  }

  test('whose answer was lost is made up for as soon as the old token is refused', async (t) => {
    const { desk } = await openFresh(t);
    let lost = 0;
    desk.network.plan(({ path }) => path === '/api/auth/refresh' && lost++ === 0 ? faults.answerLost : null);
    pass(desk, 40 * MINUTE_MS);
    await desk.sync();
    while (lost === 0) await nextTurn();
    await desk.idle();
    // From now on the old token only renews.
    pass(desk, 2 * MINUTE_MS);
    await desk.host.pullFromServer();
    await desk.until(isDone);
    assert.equal((await desk.host.getStatus()).error, null);
  });

  test('that others overtake with the old token repeats what was refused meanwhile', async (t) => {
    const { desk, token } = await openFresh(t);
    const pulling = Promise.withResolvers<void>();
    const renewed = Promise.withResolvers<void>();
    desk.network.plan(({ page }) => page === 0 ? async () => {
      pulling.resolve();
      await renewed.promise;
      return faults.unauthorized();
    } : null);
    pass(desk, 40 * MINUTE_MS);
    const run = desk.host.pullFromServer();
    await pulling.promise;
    while ((await desk.vault.load())?.token === token) await nextTurn();
    renewed.resolve();
    assert.equal((await run).error, null);
  });

  test('that is answered after the desktop was closed leaves no timer, which would keep its process from ending', async (t) => {
    const { desk, token } = await openFresh(t);
    pass(desk, 40 * MINUTE_MS);
    const release = holdRenewal(desk);
    await desk.sync();
    await desk.close();
    release();
    while ((await desk.vault.load())?.token === token) await nextTurn();
    assert.equal(desk.timers.pending, 0);
  });

  test('is asked for once, however often it is due until it is answered', async (t) => {
    const { desk, token } = await openFresh(t);
    pass(desk, 40 * MINUTE_MS);
    const release = holdRenewal(desk);
    await desk.sync();
    await desk.sync();
    assert.equal(renewals(desk), 1);
    release();
    await untilStored(desk, token);
  });

  test('that is answered after signing out signs nobody in', async (t) => {
    const { desk } = await openFresh(t);
    pass(desk, 40 * MINUTE_MS);
    const release = holdRenewal(desk);
    await desk.sync();
    await desk.host.signOut();
    release();
    await desk.idle();
    assert.equal(await desk.vault.load(), null);
    assert.equal((await desk.host.pullFromServer()).error?.code, 'signed_out');
  });
});

describe('a refused token', () => {
  const refuse: Fault = faults.unauthorized;

  test('that has worked is not forgotten, if the server accepts it a minute later', async (t) => {
    for (const isStored of [false, true]) {
      const { desk, token } = await openFresh(t);
      if (isStored) await desk.reopen();
      desk.network.plan(() => refuse);
      desk.timers.hold(true);
      const { error } = await desk.host.pullFromServer();
      assert.equal(error?.code, 'unauthorized');
      const status = await desk.host.getStatus();
      assert.deepEqual([status.state, status.error?.code], ['error', 'unauthorized']);
      assert.match(status.error?.message ?? '', /keeps asking for a minute/);
      assert.equal((await desk.host.pullFromServer()).error?.code, 'unauthorized', 'more refusals within the minute change nothing');
      assert.equal((await desk.vault.load())?.token, token);
      desk.network.plan(null);
      desk.timers.hold(false);
      await desk.until(isDone);
    }
  });

  test('that is still refused after a minute is forgotten', async (t) => {
    const { desk } = await openFresh(t);
    desk.network.plan(() => refuse);
    await desk.host.pullFromServer();
    const { error } = await desk.until(({ state }) => state === 'session_expired');
    assert.equal(error?.code, 'signed_out');
    assert.equal(await desk.vault.load(), null);
    await desk.idle();
    assert.equal(desk.timers.pending, 0);
  });

  test('leaves no timer once the desktop is closed, whether it was refused before or after', async (t) => {
    const { desk: before } = await openFresh(t);
    before.network.plan(() => refuse);
    before.timers.hold(true);
    await before.host.pullFromServer();
    assert.notEqual(before.timers.pending, 0);
    await before.close();
    assert.equal(before.timers.pending, 0);

    const { desk: after } = await openFresh(t);
    const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    after.network.plan(({ path }) => path === '/api/auth/sessions' ? async (exchange) => {
      asked.resolve();
      await released.promise;
      return refuse(exchange);
    } : null);
    const listing = assertRejects(after.host.account.listSessions(false), 'unauthorized');
    await asked.promise;
    after.timers.hold(true);
    await after.close();
    released.resolve();
    await listing;
    assert.equal(after.timers.pending, 0);
  });

  test('stays until somebody answers', async (t) => {
    const { desk } = await openFresh(t);
    desk.timers.hold(true);
    desk.network.plan(() => refuse);
    await desk.host.pullFromServer();
    desk.network.plan(() => faults.refused);
    desk.timers.hold(false);
    await desk.until(({ isOnline }) => !isOnline);
    assert.notEqual(await desk.vault.load(), null);
    desk.network.plan(null);
    await desk.until(isDone);
  });

  test('whose life is over is forgotten at once', async (t) => {
    const { desk } = await openFresh(t);
    pass(desk, 61 * MINUTE_MS);
    await desk.host.pullFromServer();
    assert.equal((await desk.host.getStatus()).state, 'session_expired');
  });

  test('whose life is over still gets its user in while others guess at the password', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    desk.clock.ms = site.clock.ms;
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    pass(desk, 61 * MINUTE_MS);
    await desk.host.pullFromServer();
    assert.equal((await desk.host.getStatus()).state, 'session_expired');
    const guess = () => site.server.client.post('/api/auth/login', { email: firstOwner, password: 'not the password' });
    for (let guesses = 0; guesses < 10; guesses += 1) assert.equal((await guess()).status, 401);
    assert.equal((await guess()).status, 429);
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    pass(desk, 15 * MINUTE_MS);
  });

  test('that the server has just issued says that something in between may remove it', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    desk.network.plan(() => ({ forward }) => forward({ authorization: '' }));
    await desk.host.signIn(firstOwner, password);
    const status = await desk.until(({ state, error }) => state === 'never_synced' && error !== null);
    assert.equal(status.error?.code, 'session_refused');
    assert.match(status.error?.message ?? '', /does not accept the session it has just given\. .*Authorization header/);
    assert.equal(await desk.vault.load(), null);
  });
});
