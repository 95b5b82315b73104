// The token: accepted from the window, stored, rejected, and sent only to the server that issued it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createTokens } from '../../server/tokens.ts';
import { openStubServer } from '../network.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { firstOwner, password, stores } from '../server/harness.ts';
import { openBooks } from '../sync/books.ts';
import { openDesk } from '../sync/desk.ts';
import { assertExact, assertSameRows } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';

const isDone = ({ state }: { state: string }): boolean => state === 'up_to_date';
const DAY_MS = 86_400_000;

let site: Site;
before(async () => {
  const [embedded] = stores;
  assert(embedded);
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
