// Signing in and out, and cache ownership: a cache belongs to one user of one server.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test, type TestContext } from 'node:test';

import { eventsRequest } from '../../desktop/sync/nudges.ts';
import { protocolVersion } from '../../shared/protocol.ts';
import { faults } from '../network.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { embedded, firstOwner, password } from '../server/harness.ts';
import { user } from '../server/samples.ts';
import { openBooks } from '../sync/books.ts';
import { openDesk, type Desk } from '../sync/desk.ts';
import { assertExact } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';

const isDone = ({ state }: { state: string }): boolean => state === 'up_to_date';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

/** Keeps a file open, so that Windows cannot delete it. Returns how to release it. */
function holdOpen(file: string): () => void {
  const other = new DatabaseSync(file);
  other.exec('SELECT 1 FROM sqlite_schema');
  return () => other.close();
}

/** On other systems an open file can be deleted, but not a folder in its place. */
function putFolderInPlace(file: string): () => void {
  renameSync(file, `${file}.away`);
  mkdirSync(file);
  return () => {
    rmdirSync(file);
    renameSync(`${file}.away`, file);
  };
}

function filesOf(desk: Desk): string[] {
  const folder = dirname(desk.file);
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** What a server with an incompatible protocol, newer or older, says about itself. */
const oldServer = async (): Promise<Response> =>
  Response.json({ name: 'invoify', version: '0.0.1', protocol: { current: protocolVersion.oldest - 1, oldest: 0 } });

describe('signing in', () => {
  test('downloads the account automatically', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    assert.equal((await desk.host.getStatus()).state, 'never_synced');
    const who = await desk.host.signIn(firstOwner, password);
    assert.deepEqual([who.email, who.role], [firstOwner, 'owner']);
    const status = await desk.until(isDone);
    assert.equal(status.user?.email, firstOwner);
    await assertExact(desk, site.server.owner);
    assert.match((await desk.vault.load())?.token ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  test('with a wrong password is refused and changes nothing, even while signed in', async (t) => {
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

  test('to an outdated server says whom to ask and sends no password', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    desk.network.plan(({ path }) => path === '/api/meta' ? oldServer : null);
    await assertRejects(desk.host.signIn(firstOwner, password), 'server_outdated');
    await assertRejects(desk.host.testConnection(site.server.url), 'server_outdated');
    assert.deepEqual(desk.network.calls.map(({ path }) => path), ['/api/meta', '/api/meta']);
  });

  test('to something that is not an Invoify server sends no password', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    for (const fault of [faults.captivePortal, faults.garbage, async () => Response.json({ name: 'else', version: '1' })]) {
      desk.network.plan(({ path }) => path === '/api/meta' ? fault : null);
      await assertRejects(desk.host.signIn(firstOwner, password), 'bad_response');
    }
    assert(desk.network.calls.every(({ path }) => path === '/api/meta'));
  });

  test('in an earlier session stops syncing once the server is replaced by an outdated one', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    await desk.reopen();
    desk.network.plan(({ path }) => path === '/api/meta' ? oldServer : null);
    assert.equal((await desk.host.pullFromServer()).error?.code, 'server_outdated');
    assert.equal((await desk.host.getStatus()).state, 'update_required');
    assert.equal(desk.network.pulls().length, 0);
    desk.network.plan(null);
    await desk.sync();
    assert.equal((await desk.host.getStatus()).state, 'up_to_date');
  });

  test('without a network says that the computer is offline', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    desk.network.plan(() => faults.refused);
    desk.machine.hasNetwork = false;
    const { message } = await assertRejects(desk.host.signIn(firstOwner, password), 'offline');
    assert.match(message, /This computer is offline/);
  });

  test('again as the same user keeps the cache and continues from it', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    desk.network.plan(null);
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    assert.notEqual(desk.network.pulls()[0]?.since, null);
  });
});

describe('another user on the same computer', () => {
  test('sees none of the previous user\'s data, not even during the first sync', async (t) => {
    const books = await openBooks(site);
    await books.addPlans(5);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    const email = 'second@people.test';
    await site.server.owner.create('users', user(email, { role: 'viewer', password }));
    desk.network.plan(({ page }) => page === null ? null : faults.silent);
    await desk.host.signIn(email, password);
    assert.deepEqual(await desk.host.data.counts(), { company: 0, users: 0, plans: 0, customers: 0, invoices: 0 });
    assert.equal(desk.rows().size, 0);
    assert.deepEqual((await desk.host.data.attempts()), []);
    await desk.host.cancelPull();
    desk.network.plan(null);
    await desk.sync();
    assert.equal((await desk.host.getStatus()).user?.email, email);
    for (const key of desk.rows().keys()) assert(!books.model.present('plans').some(({ id }) => key.endsWith(id)));
  });

  test('whose token comes from the window replaces the cache once the server has identified them', async (t) => {
    const [mine, theirs] = [await openBooks(site), await openBooks(site)];
    const desk = await openDesk(t, { url: site.server.url, token: mine.owner.token });
    await desk.sync();
    await desk.host.setAuthToken(theirs.owner.token);
    await desk.until((status) => isDone(status) && status.user?.id === theirs.owner.userId);
    await assertExact(desk, theirs.owner.client);
  });

  test('of the same account also gets a cache of their own', async (t) => {
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

test('another server\'s cache is removed before anything from this one is stored', async (t) => {
  const books = await openBooks(site);
  const first = await openDesk(t, { url: site.server.url, token: books.owner.token });
  await first.sync();
  await first.close();
  const elsewhere = site.server.url.replace('127.0.0.1', 'localhost');
  const desk = await openDesk(t, { url: site.server.url, cacheFrom: first.file, currentUrl: () => site.server.url });
  desk.network.plan(null);
  await desk.host.signIn(firstOwner, password, elsewhere);
  await desk.until(isDone);
  assert.equal(desk.network.pulls()[0]?.since, null);
  assert.equal((await desk.host.getStatus()).server, elsewhere);
});

test('a session that ends during a pull asks to sign in again and leaves the cache readable', async (t) => {
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
    desk.timers.passSilence();
    await desk.until(({ error }) => error?.code === 'signed_out');
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

test('the streams of a session end with it, whether its user signs out or someone else takes over', async (t) => {
  const books = await openBooks(site);
  for (const leave of [(desk: Desk) => desk.host.signOut(), (desk: Desk) => desk.host.setAuthToken(books.owner.token)]) {
    const person = await books.owner.signIn(books.owner.userId);
    const desk = await openDesk(t, { url: site.server.url, token: person.token });
    await desk.sync();
    const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
    const receiving = assertRejects(desk.host.receive(eventsRequest, () => open()), 'cancelled');
    await isOpen;
    // The server would end them, too.
    desk.network.plan(({ path }) => path === '/api/auth/logout' ? faults.refused : null);
    await leave(desk);
    await receiving;
  }
});

describe('after a session has ended', () => {
  async function openEnded(t: TestContext): Promise<Desk> {
    const books = await openBooks(site);
    const person = await books.owner.signIn(books.owner.userId);
    const desk = await openDesk(t, { url: site.server.url, token: person.token });
    await desk.sync();
    await person.client.post('/api/auth/logout');
    await desk.host.pullFromServer();
    desk.timers.passSilence();
    await desk.until(({ error }) => error?.code === 'signed_out');
    return desk;
  }

  test('a cache that is thrown away names nobody any more', async (t) => {
    const desk = await openEnded(t);
    await desk.host.resetLocalData();
    const { state, user } = await desk.host.getStatus();
    assert.deepEqual([state, user], ['never_synced', null]);
  });

  test('nothing is wrong any more once somebody has signed in, before anything is synced', async (t) => {
    const desk = await openEnded(t);
    desk.network.plan(({ page }) => page === null ? null : faults.silent);
    await desk.host.signIn(firstOwner, password);
    const { state, error } = await desk.host.getStatus();
    assert.deepEqual([state, error], ['first_sync', null]);
    await desk.host.cancelPull();
  });
});

describe('signing out', () => {
  for (const isServerUp of [true, false]) {
    test(`removes the database's files and the token, with the server ${isServerUp ? 'up' : 'down'}`, async (t) => {
      const books = await openBooks(site);
      const person = await books.owner.signIn(books.owner.userId);
      const desk = await openDesk(t, { url: site.server.url, token: person.token });
      await desk.sync();
      assert.deepEqual(filesOf(desk).sort(), ['invoify.sqlite', 'invoify.sqlite-shm', 'invoify.sqlite-wal', 'invoify.sqlite.lock']);
      if (!isServerUp) desk.network.plan(() => faults.refused);
      await desk.host.signOut();
      assert.deepEqual(filesOf(desk), []);
      assert.equal(await desk.vault.load(), null);
      const status = await desk.host.getStatus();
      assert.deepEqual([status.initialized, status.state, status.user, status.lastSync], [false, 'never_synced', null, null]);
      await assertRejects(desk.host.data.listPage({ collection: 'plans' }), 'signed_out');
      assert.equal((await person.client.get('/api/auth/me')).status, isServerUp ? 401 : 200);
      await desk.reopen();
      assert.equal((await desk.host.pullFromServer()).error?.code, 'signed_out');
      assert.equal(desk.rows().size, 0);
    });
  }

  test('that cannot remove the cache hides it immediately, and removes it at the next start', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    const release = process.platform === 'win32' ? holdOpen(desk.file) : putFolderInPlace(desk.file);
    await assertRejects(desk.host.signOut(), process.platform === 'win32' ? 'cache_busy' : 'cache_unusable');
    assert.equal(await desk.vault.load(), null);
    await assertRejects(desk.host.data.listPage({ collection: 'plans' }), 'signed_out');
    release();
    await desk.reopen();
    assert.equal(desk.rows().size, 0);
    assert.equal((await desk.host.getStatus()).user, null);
  });

  test('during a pull leaves nothing behind', async (t) => {
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
