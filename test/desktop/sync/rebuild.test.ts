// The cache is rebuilt beside the readable tables: when the user's rights have changed, when the cursor has expired, when
// the cache differs from the server, and when its rows differ from their digest.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import { faults, passThrough } from '../../network.ts';
import { embedded } from '../../server/harness.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { editDatabase, openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact, assertSameRows } from '../../sync/exact.ts';
import { openSite, type Person, type Site } from '../../sync/site.ts';

const DAY_MS = 86_400_000;
const PAGE = 4;

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

/** A desk that has synced an account of eighteen records. */
async function openSynced(t: TestContext, who: (books: Books) => Promise<Person> | Person = ({ owner }) => owner): Promise<{
  books: Books; desk: Desk; person: Person;
}> {
  const books = await openBooks(site);
  await books.addPlans(14);
  const person = await who(books);
  const desk = await openDesk(t, { url: site.server.url, token: person.token, pageLimit: () => PAGE });
  await desk.sync();
  await assertExact(desk, person.client);
  desk.network.plan(null);
  return { books, desk, person };
}

/** Runs a sync and checks within every request that all of the old data is readable. */
async function syncWatched(desk: Desk): Promise<void> {
  const old = desk.rows();
  const plans = [...old.values()].filter(({ collection }) => collection === 'plans').length;
  let requests = 0;
  desk.network.plan(() => async (exchange) => {
    requests += 1;
    assertSameRows(desk.rows(), old);
    assert.equal((await desk.host.data.listPage({ collection: 'plans' })).total, plans);
    const { total } = await desk.host.data.listPage({ collection: 'plans', search: 'Plan 13' });
    assert(total > 0, 'the old data can be searched');
    return passThrough(exchange);
  });
  await desk.sync();
  assert(requests >= 4, `${requests} requests were checked`);
  desk.network.plan(null);
}

describe('a catch-up', () => {
  test('of many pages becomes visible all at once', async (t) => {
    const { books, desk, person } = await openSynced(t);
    for (const { id } of books.model.present('plans')) await books.change('plans', id, { priceMinor: 1 });
    await syncWatched(desk);
    await assertExact(desk, person.client);
    assert.equal((await desk.host.getStatus()).notice, null);
  });
});

describe('a changed role', () => {
  test('that adds rights downloads everything beside the old data', async (t) => {
    const { books, desk, person } = await openSynced(t, ({ owner }) => owner.hire('viewer'));
    // Renews the token now, as that would reveal the new role.
    await desk.sync();
    assert.equal((await desk.host.data.counts())['users'], 0);
    const { body } = await books.owner.client.get(`/api/users/${person.userId}`);
    const reply = await books.owner.client.patch(`/api/users/${person.userId}`, body.record.updatedAt, { role: 'owner' });
    assert.equal(reply.status, 200);
    await syncWatched(desk);
    await assertExact(desk, books.owner.client);
    assert.equal((await desk.host.data.counts())['users'], 2);
    const status = await desk.host.getStatus();
    assert.match(status.notice?.message ?? '', /What you may see has changed/);
    assert.equal((await desk.host.data.attempts())[0]?.detail, status.notice?.code);
    await desk.sync();
    assert.equal((await desk.host.getStatus()).user?.role, 'owner', 'the next run looks the user up again');
  });

  test('that removes rights ends the session, and the next sign-in removes the rest from the cache', async (t) => {
    const { books, desk, person } = await openSynced(t, ({ owner }) => owner.hire('owner'));
    const { body } = await books.owner.client.get(`/api/users/${person.userId}`);
    await books.owner.client.patch(`/api/users/${person.userId}`, body.record.updatedAt, { role: 'viewer' });
    assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
    desk.timers.passSilence();
    await desk.until(({ state }) => state === 'session_expired');
    assert.equal((await desk.host.data.counts())['users'], 2);

    const again = await books.owner.signIn(person.userId);
    await desk.host.setAuthToken(again.token);
    await desk.until(({ state }) => state === 'up_to_date');
    assert.equal((await desk.host.data.counts())['users'], 0);
    await assertExact(desk, again.client);
  });

  test('that adds rights is known as soon as it is noticed', async (t) => {
    const { books, desk, person } = await openSynced(t, ({ owner }) => owner.hire('viewer'));
    const { body } = await books.owner.client.get(`/api/users/${person.userId}`);
    await books.owner.client.patch(`/api/users/${person.userId}`, body.record.updatedAt, { role: 'editor' });
    assert.equal((await desk.sync()).rebuilt, 'scope_changed');
    await desk.until(({ state, user }) => state === 'up_to_date' && user?.role === 'editor');
  });

  test('is detected between two pages of a first sync', async (t) => {
    const books = await openBooks(site);
    await books.addPlans(14);
    const person = await books.owner.hire('viewer');
    const desk = await openDesk(t, { url: site.server.url, token: person.token, pageLimit: () => PAGE });
    desk.network.plan(({ page }) => async (exchange) => {
      if (page === 2) {
        const { body } = await books.owner.client.get(`/api/users/${person.userId}`);
        await books.owner.client.patch(`/api/users/${person.userId}`, body.record.updatedAt, { role: 'owner' });
      }
      return passThrough(exchange);
    });
    const { rebuilt } = await desk.sync();
    assert.equal(rebuilt, 'scope_changed');
    await assertExact(desk, books.owner.client);
  });
});

describe('an expired cursor', () => {
  for (const page of [0, 1, 2]) {
    test(`on page ${page} of a catch-up leads to a rebuild`, async (t) => {
      const { books, desk, person } = await openSynced(t);
      for (const { id } of books.model.present('plans')) await books.change('plans', id);
      desk.network.plan((call) => call.page === page ? faults.cursorEnded : null);
      const { rebuilt } = await desk.sync();
      assert.equal(rebuilt, 'cursor_ended');
      await assertExact(desk, person.client);
      const rebuild = desk.network.pulls()[page + 1];
      assert.equal(rebuild?.since, null, 'it starts over');
    });

    test(`on page ${page} of a rebuild restarts it`, async (t) => {
      const { books, desk, person } = await openSynced(t);
      await books.addPlans(2);
      editDatabase(desk.file, (db) => db.exec(`UPDATE state SET scope = 'another'`));
      const old = desk.rows();
      // Page 0 belongs to the catch-up, which finds the other scope.
      desk.network.plan((call) => call.page === page + 1 ? faults.cursorEnded : null);
      await desk.sync();
      await assertExact(desk, person.client);
      assert.notEqual(desk.rows().size, old.size);
    });
  }

  test('on every attempt is given up after a few, and the data stays readable', async (t) => {
    const { books, desk } = await openSynced(t);
    await books.addPlans(2);
    const old = desk.rows();
    desk.network.plan(({ page, since }) => page === null || since === null ? null : faults.cursorEnded);
    const { error } = await desk.host.pullFromServer();
    assert.equal(error?.code, 'resync_required');
    assert(desk.network.pulls().length < 10);
    assertSameRows(desk.rows(), old);
    assert.equal((await desk.host.getStatus()).state, 'error');
  });
});

describe('a cache that differs from the server', () => {
  /** Changes a row and the digest with it, so that only a comparison with the server shows it. */
  const tamper = (desk: Desk): void => editDatabase(desk.file, (db) => {
    db.exec('UPDATE digest SET sum = sum + 1 WHERE collection = \'plans\'');
    db.exec('UPDATE plans_a SET payload = json_set(payload, \'$.priceMinor\', 999999), crc = crc + 1 WHERE rowid = 3');
  });

  test('is rebuilt, as the sync attempts and a notice say', async (t) => {
    const { desk, person } = await openSynced(t);
    tamper(desk);
    const { rebuilt } = await desk.sync();
    assert.equal(rebuilt, 'cache_differed');
    await assertExact(desk, person.client);
    const status = await desk.host.getStatus();
    assert.deepEqual([status.state, status.notice?.code], ['up_to_date', rebuilt]);
    assert.equal((await desk.host.data.attempts())[0]?.detail, rebuilt);
  });

  test('shows a notice during the rebuild', async (t) => {
    const { desk } = await openSynced(t);
    tamper(desk);
    const notices: (string | null)[] = [];
    desk.network.plan(({ page, since }) => async (exchange) => {
      if (page !== null && since === null) notices.push((await desk.host.getStatus()).notice?.code ?? null);
      return passThrough(exchange);
    });
    await desk.sync();
    assert.equal(notices[0], 'cache_differed');
  });

  test('is readable throughout the rebuild', async (t) => {
    const { desk, person } = await openSynced(t);
    editDatabase(desk.file, (db) => db.exec('UPDATE digest SET sum = sum + 1 WHERE collection = \'plans\''));
    await syncWatched(desk);
    await assertExact(desk, person.client);
  });

});

describe('the daily check', () => {
  test('finds a byte that the disk has changed, and the cache is rebuilt automatically', async (t) => {
    const { desk, person } = await openSynced(t);
    await desk.idle();
    editDatabase(desk.file, (db) => db.exec('UPDATE plans_a SET payload = replace(payload, \'EUR\', \'EUS\') WHERE rowid = 5'));
    await desk.sync();
    await desk.idle();
    await assert.rejects(assertExact(desk, person.client), 'the stored digest does not show it');
    desk.clock.ms += DAY_MS;
    await desk.sync();
    await desk.until(({ state, notice }) => state === 'up_to_date' && /damaged/.test(notice?.message ?? ''));
    await assertExact(desk, person.client);
    assert.match((await desk.host.data.attempts())[0]?.detail ?? '', /damaged/);
  });

  test('runs once a day and not with every pull', async (t) => {
    const { desk } = await openSynced(t);
    await desk.idle();
    const verifiedMs = (): unknown => {
      let found: unknown;
      editDatabase(desk.file, (db) => { found = db.prepare('SELECT last_verified_ms AS ms FROM state').get()?.['ms']; });
      return found;
    };
    assert.equal(verifiedMs(), desk.clock.ms);
    const first = desk.clock.ms;
    desk.clock.ms += DAY_MS - 1;
    await desk.sync();
    await desk.idle();
    assert.equal(verifiedMs(), first);
    desk.clock.ms += 1;
    await desk.sync();
    await desk.idle();
    assert.equal(verifiedMs(), first + DAY_MS);
    desk.clock.ms -= 2 * DAY_MS;
    await desk.sync();
    await desk.idle();
    assert.equal(verifiedMs(), desk.clock.ms, 'a clock set back does not prevent it');
  });
});
