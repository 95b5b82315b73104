// Signing in and out, and whose copy it is: one user of one server, and nothing of anyone else's.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { createTokens } from '../../server/tokens.ts';
import { assertRejects } from '../server/store-bench.ts';
import { firstOwner, password, stores } from '../server/harness.ts';
import { user } from '../server/samples.ts';
import { openBooks } from '../sync/books.ts';
import { openDesk, type Desk } from '../sync/desk.ts';
import { assertExact, assertSameRows } from '../sync/exact.ts';
import { faults } from '../sync/network.ts';
import { openSite, type Site } from '../sync/site.ts';
import { openStranger } from '../sync/stranger.ts';

const isDone = ({ state }: { state: string }): boolean => state === 'up_to_date';
const DAY_MS = 86_400_000;

let site: Site;
before(async () => {
  const [embedded] = stores;
  assert(embedded);
  site = await openSite(embedded);
});
after(() => site.stop());

function filesOf(desk: Desk): string[] {
  const folder = dirname(desk.file);
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe('signing in', () => {
  test('brings the account by itself', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    assert.equal((await desk.host.getStatus()).state, 'never_synced');
    const who = await desk.host.signIn(firstOwner, password);
    assert.deepEqual([who.email, who.role], [firstOwner, 'owner']);
    const status = await desk.until(isDone);
    assert.equal(status.user?.email, firstOwner);
    await assertExact(desk, site.server.owner);
    assert.match((await desk.vault.load())?.token ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  test('with a wrong password is refused and changes nothing, also for someone who is signed in', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    await assertRejects(desk.host.signIn(firstOwner, 'wrong password'), 'unauthorized');
    assert.equal((await desk.host.getStatus()).state, 'never_synced');
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    const kept = await desk.vault.load();
    await assertRejects(desk.host.signIn('someone@else.test', 'wrong password'), 'unauthorized');
    assert.deepEqual(await desk.vault.load(), kept);
    await desk.sync();
    assert.equal(desk.network.calls.find(({ path }) => path === '/api/auth/login')?.headers.get('authorization'), null);
  });

  test('without a network says so', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    desk.network.plan(() => faults.refused);
    desk.machine.hasNetwork = false;
    const { message } = await assertRejects(desk.host.signIn(firstOwner, password), 'offline');
    assert.match(message, /This computer is offline/);
  });

  test('again as the same user keeps the copy and goes on from it', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    desk.network.plan(null);
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    assert.notEqual(desk.network.pulls()[0]?.since, null);
  });
});

describe('someone else on the same computer', () => {
  test('finds nothing of the one before, not even while the first sync runs', async (t) => {
    const books = await openBooks(site);
    await books.addPlans(5);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    const email = 'second@people.test';
    await site.server.owner.create('users', user(email, { role: 'viewer', password }));
    desk.network.plan(({ page }) => page === null ? null : faults.silent);
    await desk.host.signIn(email, password);
    assert.deepEqual(await desk.host.counts(), { users: 0, plans: 0, customers: 0, invoices: 0 });
    assert.equal(desk.rows().size, 0);
    assert.deepEqual((await desk.host.attempts()), []);
    await desk.host.cancelPull();
    desk.network.plan(null);
    await desk.sync();
    assert.equal((await desk.host.getStatus()).user?.email, email);
    for (const key of desk.rows().keys()) assert(!books.model.present('plans').some(({ id }) => key.endsWith(id)));
  });

  test('whose token comes from the window replaces the copy as soon as the server has said whose it is', async (t) => {
    const [mine, theirs] = [await openBooks(site), await openBooks(site)];
    const desk = await openDesk(t, { url: site.server.url, token: mine.owner.token });
    await desk.sync();
    await desk.host.setAuthToken(theirs.owner.token);
    await desk.until((status) => isDone(status) && status.user?.id === theirs.owner.userId);
    await assertExact(desk, theirs.owner.client);
  });

  test('of the same account has a copy of their own, too', async (t) => {
    const books = await openBooks(site);
    const viewer = await books.owner.hire('viewer');
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    desk.network.plan(null);
    await desk.host.setAuthToken(viewer.token);
    await desk.until((status) => isDone(status) && status.user?.id === viewer.userId);
    assert.equal(desk.network.pulls()[0]?.since, null);
    await assertExact(desk, viewer.client);
  });
});

test('the copy of another server is removed before anything of this one is kept', async (t) => {
  const books = await openBooks(site);
  const first = await openDesk(t, { url: site.server.url, token: books.owner.token });
  await first.sync();
  await first.close();
  const elsewhere = site.server.url.replace('127.0.0.1', 'localhost');
  const desk = await openDesk(t, { url: elsewhere, copyOf: first.file, token: books.owner.token, place: () => site.server.url });
  desk.network.plan(null);
  await desk.sync();
  assert.equal(desk.network.pulls()[0]?.since, null);
  assert.equal((await desk.host.getStatus()).server, elsewhere);
});

describe('a token from the window', () => {
  test('starts a sync', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url });
    await desk.host.setAuthToken(books.owner.token);
    await desk.until(isDone);
    await assertExact(desk, books.owner.client);
  });

  test('that is no token is refused and changes nothing', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    for (const garbage of ['', 'two words', 'line\nbreak', 'ünicode', 'x'.repeat(9000)]) {
      await assertRejects(desk.host.setAuthToken(garbage), 'invalid_request');
    }
    assert.equal((await desk.vault.load())?.token, books.owner.token);
    await desk.sync();
  });

  test('that the server does not take asks to sign in again; what is here stays readable', async (t) => {
    const books = await openBooks(site);
    const expired = createTokens(['another secret of more than thirty-two bytes'], () => site.clock.ms)
      .sign({ accountId: books.owner.accountId, userId: books.owner.userId, sessionId: 'none', expiresAtMs: site.clock.ms + DAY_MS });
    for (const token of ['garbage', expired]) {
      const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
      await desk.sync();
      const rows = desk.rows();
      await desk.host.setAuthToken(token);
      const status = await desk.until(({ state }) => state === 'session_expired');
      assert.equal(status.error?.code, 'signed_out');
      assert.equal(await desk.vault.load(), null);
      assertSameRows(desk.rows(), rows);
      assert.equal((await desk.host.listPage({ collection: 'plans' })).total, 1);
      await desk.host.setAuthToken(books.owner.token);
      await desk.until(isDone);
    }
  });
});

test('a session that ends in the middle of a pull asks to sign in again; what is here stays readable', async (t) => {
  const books = await openBooks(site);
  await books.addPlans(8);
  for (const page of [0, 1, 2]) {
    const person = await books.owner.signIn(books.owner.userId);
    const desk = await openDesk(t, { url: site.server.url, token: person.token, pageLimit: () => 3 });
    desk.network.plan((call) => async ({ forward }) => {
      if (call.page === page) await person.client.post('/api/auth/logout');
      return forward();
    });
    assert.equal((await desk.host.pullFromServer()).error?.code, 'unauthorized');
    assert.equal((await desk.host.getStatus()).error?.code, 'signed_out');
    assert.equal(await desk.vault.load(), null);
    assert.equal(desk.rows().size, page * 3);
    const before = desk.network.calls.length;
    assert.equal((await desk.host.pullFromServer()).error?.code, 'signed_out');
    assert.equal(desk.network.calls.length, before, 'nothing is asked without a token');
    await desk.host.setAuthToken(books.owner.token);
    await desk.until(isDone);
    await assertExact(desk, books.owner.client);
  }
});

test('who signs in is who it is from then on, however long the token takes to be kept', async (t) => {
  const [mine, theirs] = [await openBooks(site), await openBooks(site)];
  const desk = await openDesk(t, { url: site.server.url, token: mine.owner.token });
  await desk.sync();
  const { promise: isSaving, resolve: begin } = Promise.withResolvers<void>();
  const { promise: isSaved, resolve: finish } = Promise.withResolvers<void>();
  desk.vault.save = () => {
    begin();
    return isSaved;
  };
  const adopting = desk.host.setAuthToken(theirs.owner.token);
  await isSaving;
  await desk.sync();
  assert.equal((await desk.host.getStatus()).user?.id, theirs.owner.userId);
  await assertExact(desk, theirs.owner.client);
  finish();
  await adopting;
});

test('a refusal of the token before does not end the session of the new one', async (t) => {
  const books = await openBooks(site);
  const before = await books.owner.signIn(books.owner.userId);
  const desk = await openDesk(t, { url: site.server.url, token: before.token });
  await desk.sync();
  const { rows: [row] } = await desk.host.listPage({ collection: 'plans' });
  const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
  const { promise: isRefused, resolve: refused } = Promise.withResolvers<void>();
  desk.network.plan(({ method }) => method === 'PATCH' ? async ({ forward }) => {
    await before.client.post('/api/auth/logout');
    const response = await forward();
    refused();
    await isReleased;
    return response;
  } : null);
  const writing = assertRejects(desk.host.updateRecord('plans', row?.id ?? '', row?.updatedAt ?? '', { name: 'Too late' }), 'unauthorized');
  await isRefused;
  await desk.host.setAuthToken(books.owner.token);
  release();
  await writing;
  await desk.sync();
  assert.equal((await desk.host.getStatus()).state, 'up_to_date');
});

describe('signing out', () => {
  for (const isServerUp of [true, false]) {
    test(`removes all three files and the token, with the server ${isServerUp ? 'up' : 'down'}`, async (t) => {
      const books = await openBooks(site);
      const person = await books.owner.signIn(books.owner.userId);
      const desk = await openDesk(t, { url: site.server.url, token: person.token });
      await desk.sync();
      assert.deepEqual(filesOf(desk).sort(), ['invoify.sqlite', 'invoify.sqlite-shm', 'invoify.sqlite-wal']);
      if (!isServerUp) desk.network.plan(() => faults.refused);
      await desk.host.signOut();
      assert.deepEqual(filesOf(desk), []);
      assert.equal(await desk.vault.load(), null);
      const status = await desk.host.getStatus();
      assert.deepEqual([status.initialized, status.state, status.user, status.lastSync], [false, 'never_synced', null, null]);
      await assertRejects(desk.host.listPage({ collection: 'plans' }), 'signed_out');
      assert.equal((await person.client.get('/api/auth/me')).status, isServerUp ? 401 : 200);
      await desk.reopen();
      assert.equal((await desk.host.pullFromServer()).error?.code, 'signed_out');
      assert.equal(desk.rows().size, 0);
    });
  }

  test('in the middle of a pull leaves nothing behind', async (t) => {
    const books = await openBooks(site);
    await books.addPlans(8);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => 3 });
    const { promise: isHeld, resolve: enter } = Promise.withResolvers<void>();
    desk.network.plan(({ page }) => page === 2 ? (exchange) => {
      enter();
      return faults.silent(exchange);
    } : null);
    const run = desk.host.pullFromServer();
    await isHeld;
    await desk.host.signOut();
    assert.equal((await run).outcome, 'cancelled');
    assert.deepEqual(filesOf(desk), []);
  });
});

describe('the token', () => {
  test('follows no redirect', async (t) => {
    const recorder = await openStranger(t, (_request, response) => void response.end('{}'));
    const redirecting = await openStranger(t, (request, response) =>
      void response.writeHead(request.method === 'POST' ? 307 : 302, { location: recorder.url + request.url }).end());
    const desk = await openDesk(t, { url: redirecting.url, token: 'a-token' });
    assert.equal((await desk.host.pullFromServer()).error?.code, 'offline');
    await assertRejects(desk.host.signIn(firstOwner, password), 'offline');
    assert.equal(await desk.host.getOnlineStatus(), false);
    assert(redirecting.requests.length >= 3);
    assert.deepEqual(recorder.requests, []);
  });

  test('and the password are not sent over plain HTTP to another machine', async (t) => {
    await assertRejects(openDesk(t, { url: 'http://invoices.acme.lan' }), 'invalid_request');
  });

  test('is not shown to another server, though it is kept from one', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    await desk.close();
    const stranger = await openStranger(t, (_request, response) => void response.end('{}'));
    const moved = await openDesk(t, { url: stranger.url, copyOf: desk.file });
    await moved.vault.save({ token: books.owner.token, origin: site.server.url });
    await moved.reopen();
    assert.equal((await moved.host.pullFromServer()).error?.code, 'signed_out');
    await moved.host.getOnlineStatus();
    assert.equal((await moved.host.getStatus()).state, 'session_expired');
    assert.deepEqual(stranger.requests.map(({ token }) => token), [undefined]);
  });

  test('is renewed when it is a day old, and after each start of the program', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url });
    await desk.host.setAuthToken(books.owner.token);
    await desk.until(isDone);
    const renewals = (): number => desk.network.calls.filter(({ path }) => path === '/api/auth/refresh').length;
    desk.clock.ms += DAY_MS - 1;
    await desk.sync();
    assert.equal(renewals(), 0);
    desk.clock.ms += 1;
    site.clock.ms += DAY_MS;
    await desk.sync();
    assert.equal(renewals(), 1);
    const renewed = (await desk.vault.load())?.token;
    assert.notEqual(renewed, books.owner.token);
    await desk.sync();
    assert.equal(renewals(), 1);
    assert.equal(desk.network.calls.at(-1)?.headers.get('authorization'), `Bearer ${renewed}`);
    await desk.reopen();
    await desk.sync();
    await desk.sync();
    assert.equal(renewals(), 2);
  });
});
