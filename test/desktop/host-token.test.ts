// The token: accepted from the window, stored, rejected, and sent only to the server that issued it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createTokens } from '../../server/tokens.ts';
import { faults, openStubServer } from '../network.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { embedded, firstOwner, password } from '../server/harness.ts';
import { openBooks } from '../sync/books.ts';
import { openDesk, type Desk } from '../sync/desk.ts';
import { assertExact, assertSameRows } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';

const isDone = ({ state }: { state: string }): boolean => state === 'up_to_date';
const DAY_MS = 86_400_000;

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

describe('a token from the window', () => {
  test('starts a sync', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url });
    await desk.host.setAuthToken(books.owner.token);
    await desk.until(isDone);
    await assertExact(desk, books.owner.client);
  });

  test('is rejected if malformed, and changes nothing', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    for (const garbage of ['', 'two words', 'line\nbreak', 'ünicode', 'x'.repeat(9000)]) {
      await assertRejects(desk.host.setAuthToken(garbage), 'invalid_request');
    }
    assert.equal((await desk.vault.load())?.token, books.owner.token);
    await desk.sync();
  });

  test('that the server rejects asks to sign in again and leaves the cache readable', async (t) => {
    const books = await openBooks(site);
    const expired = createTokens(['another secret of more than thirty-two bytes'], () => site.clock.ms)
      .sign({
        accountId: books.owner.accountId, userId: books.owner.userId, sessionId: 'none', tokenId: '', expiresAtMs: site.clock.ms + DAY_MS,
      });
    for (const token of ['garbage', expired]) {
      const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
      await desk.sync();
      const rows = desk.rows();
      await desk.host.setAuthToken(token);
      const status = await desk.until(({ state }) => state === 'session_expired');
      assert.equal(status.error?.code, 'signed_out');
      assert.equal(await desk.vault.load(), null);
      assertSameRows(desk.rows(), rows);
      assert.equal((await desk.host.data.listPage({ collection: 'plans' })).total, 1);
      await desk.host.setAuthToken(books.owner.token);
      await desk.until(isDone);
    }
  });
});

test('a sign-in takes effect immediately, however long the token takes to store', async (t) => {
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

test('a rejection of the previous token does not end the new session', async (t) => {
  const books = await openBooks(site);
  const before = await books.owner.signIn(books.owner.userId);
  const desk = await openDesk(t, { url: site.server.url, token: before.token });
  await desk.sync();
  const { rows: [row] } = await desk.host.data.listPage({ collection: 'plans' });
  const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
  const { promise: isRefused, resolve: refused } = Promise.withResolvers<void>();
  desk.network.plan(({ method }) => method === 'PATCH' ? async ({ forward }) => {
    await before.client.post('/api/auth/logout');
    const response = await forward();
    refused();
    await isReleased;
    return response;
  } : null);
  const { id = '', updatedAt = '' } = row ?? {};
  const writing = assertRejects(desk.host.records.update('plans', id, updatedAt, { name: 'Too late' }), 'unauthorized');
  await isRefused;
  await desk.host.setAuthToken(books.owner.token);
  release();
  await writing;
  await desk.idle();
  assert.equal((await desk.host.getStatus()).state, 'up_to_date');
});

describe('the token', () => {
  test('is not sent along a redirect', async (t) => {
    const recorder = await openStubServer(t, (_request, response) => void response.end('{}'));
    const redirecting = await openStubServer(t, (request, response) =>
      void response.writeHead(request.method === 'POST' ? 307 : 302, { location: recorder.url + request.url }).end());
    const desk = await openDesk(t, { url: redirecting.url, token: 'a-token' });
    assert.equal((await desk.host.pullFromServer()).error?.code, 'offline');
    await assertRejects(desk.host.signIn(firstOwner, password), 'offline');
    assert.equal(await desk.host.getOnlineStatus(), false);
    assert(redirecting.requests.length >= 3);
    assert.deepEqual(recorder.requests, []);
  });

  test('and the password are never sent over plain HTTP to another machine', async (t) => {
    await assertRejects(openDesk(t, { url: 'http://invoices.acme.lan' }), 'invalid_request');
  });

  test('is not sent to the previous server, which has refused an earlier one of the same user', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    await desk.host.signIn(firstOwner, password);
    await desk.sync();
    const { rows: [row] } = await desk.host.data.listPage({ collection: 'users' });
    const [refused, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    desk.network.plan(({ method, headers }) => method === 'PATCH' ? async ({ forward }) => {
      await site.server.client.as(headers.get('authorization')?.replace('Bearer ', '') ?? '').post('/api/auth/logout');
      const response = await forward();
      refused.resolve();
      await released.promise;
      return response;
    } : null);
    const { id = '', updatedAt = '' } = row ?? {};
    const writing = assertRejects(desk.host.records.update('users', id, updatedAt, { name: 'Too late' }), 'unauthorized');
    await refused.promise;
    // The same server, and so the same user, at what counts as another one.
    await desk.host.signIn(firstOwner, password, site.server.url.replace('127.0.0.1', 'localhost'));
    await desk.until(({ state }) => state === 'up_to_date');
    released.resolve();
    await writing;
    assert.equal(desk.network.calls.filter(({ method }) => method === 'PATCH').length, 1);
  });

  test('that has ended is shown to its own server at the next sign-in, and to no other', async (t) => {
    for (const isOther of [false, true]) {
      const desk = await openDesk(t, { url: site.server.url });
      await desk.host.signIn(firstOwner, password);
      await desk.sync();
      desk.network.plan(() => faults.unauthorized);
      await desk.host.pullFromServer();
      await desk.until(({ error }) => error?.code === 'signed_out');
      desk.network.plan(() => faults.refused);
      await desk.host.probe(new AbortController().signal).catch(() => undefined);
      desk.network.plan(({ page }) => page === null ? null : faults.silent);
      await desk.host.signIn(firstOwner, password, isOther ? site.server.url.replace('127.0.0.1', 'localhost') : undefined);
      assert.equal((await desk.host.getStatus()).isOnline, true);
      const login = desk.network.calls.findLast(({ path }) => path === '/api/auth/login');
      assert.equal(login?.headers.has('authorization'), !isOther);
      await desk.host.cancelPull();
    }
  });

  test('and the password are shown again only to a server that has identified itself once more', async (t) => {
    const [mine, theirs] = [await openBooks(site), await openBooks(site)];
    const ways: readonly ((desk: Desk) => Promise<unknown>)[] = [
      (desk) => assertRejects(desk.host.signIn(firstOwner, password), 'bad_response'),
      async (desk) => {
        await desk.host.setAuthToken(theirs.owner.token);
        assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
      },
    ];
    for (const begin of ways) {
      const desk = await openDesk(t, { url: site.server.url, token: mine.owner.token });
      await desk.sync();
      const before = desk.network.calls.length;
      desk.network.plan(({ path }) => path === '/api/meta' ? faults.captivePortal : null);
      await begin(desk);
      assert.deepEqual([...new Set(desk.network.calls.slice(before).map(({ path }) => path))], ['/api/meta']);
    }
  });

  test('is not sent to another server, and removed', async (t) => {
    const books = await openBooks(site);
    const stub = await openStubServer(t, (_request, response) => void response.end('{}'));
    const desk = await openDesk(t, { url: stub.url });
    await desk.vault.save({ token: books.owner.token, origin: site.server.url });
    await desk.reopen();
    assert.equal((await desk.host.pullFromServer()).error?.code, 'signed_out');
    await desk.host.getOnlineStatus();
    assert.deepEqual(stub.requests.map(({ token }) => token), [undefined]);
    assert.equal(await desk.vault.load(), null);
  });
});
