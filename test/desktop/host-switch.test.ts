// Switching between people, servers and accounts: what names the session (settings, token, cache) agrees at every start or
// counts for nothing, the session that is replaced ends, and a readable cache is not given up for an account that is new.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';

import { openDesk as openWholeDesk } from '../../desktop/desk.ts';
import { createMemoryVault, type StoredToken, type TokenVault } from '../../desktop/session/token-vault.ts';
import { systemDeskDeps } from '../../desktop/system-deps.ts';
import { openStubServer } from '../network.ts';
import { embedded, firstOwner, password } from '../server/harness.ts';
import { user } from '../server/samples.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { openBooks, type Books } from '../sync/books.ts';
import { editDatabase, openDesk, type Desk } from '../sync/desk.ts';
import { assertExact, assertSameRows } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';

const isDone = ({ state }: { state: string }): boolean => state === 'up_to_date';

let site: Site;
before(async () => {
  assert(embedded);
  site = await openSite(embedded);
});
after(() => site.stop());

/** A vault that neither saves nor removes anything, as if another program held its file. */
function brokenVault(stored: StoredToken): TokenVault {
  const fail = (): Promise<never> => Promise.reject(Object.assign(new Error('EBUSY'), { code: 'EBUSY' }));
  return { load: async () => stored, save: fail, clear: fail };
}

describe('what names the session disagrees at the start:', () => {
  test('a token of someone other than the owner of the cache signs nobody in, and is removed', async (t) => {
    const [owner, viewer] = [await openBooks(site), await openBooks(site)];
    const desk = await openDesk(t, { url: site.server.url, token: viewer.owner.token });
    await desk.sync();
    const rows = desk.rows();
    await desk.close();
    await desk.vault.save({ token: owner.owner.token, origin: site.server.url, userId: owner.owner.userId });
    desk.network.plan(null);
    await desk.open();
    assert.equal((await desk.host.pullFromServer()).error?.code, 'signed_out');
    const status = await desk.host.getStatus();
    assert.deepEqual([status.state, status.user?.id], ['session_expired', viewer.owner.userId]);
    assertSameRows(desk.rows(), rows);
    assert.equal(await desk.vault.load(), null);
  });

  test('a token of another server than the cache\'s signs nobody in', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    await desk.close();
    const stub = await openStubServer(t, (_request, response) => void response.end('{}'));
    await desk.vault.save({ token: books.owner.token, origin: stub.url });
    await desk.open();
    assert.equal((await desk.host.pullFromServer()).error?.code, 'signed_out');
    assert.equal((await desk.host.getStatus()).server, site.server.url);
    assert.deepEqual(stub.requests, []);
  });

  test('an earlier server in the settings is not shown with the rows of the one signed in to', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-switch-'));
    const settingsFile = join(folder, 'settings.json');
    const earlier = await openStubServer(t, (_request, response) => void response.end('{}'));
    writeFileSync(settingsFile, JSON.stringify({ server: earlier.url, theme: 'dark' }));
    const logged: string[] = [];
    const deps = { ...systemDeskDeps(), vault: createMemoryVault(), log: (event: string) => void logged.push(event) };
    let whole = await openWholeDesk({ dataFolder: folder, version: '0' }, deps);
    t.after(async () => {
      await whole.close();
      rmSync(folder, { recursive: true, force: true });
    });
    renameSync(settingsFile, `${settingsFile}.away`);
    mkdirSync(settingsFile);
    await whole.handlers['auth.signIn']({ server: site.server.url, email: firstOwner, password });
    rmdirSync(settingsFile);
    renameSync(`${settingsFile}.away`, settingsFile);
    assert(logged.includes('server not saved in the settings'));
    await whole.close();

    whole = await openWholeDesk({ dataFolder: folder, version: '0' }, deps);
    const status = await whole.handlers['sync.getStatus'](undefined);
    assert.deepEqual([status.server, status.user?.email], [site.server.url, firstOwner]);
    assert.equal((await whole.handlers['sync.pullFromServer'](undefined)).outcome, 'completed');
    assert.deepEqual(earlier.requests, []);
    // The start has stored what the sign-in could not; a further change waits for that.
    await whole.handlers['app.saveSettings']({});
    assert.deepEqual(Object.entries(JSON.parse(readFileSync(settingsFile, 'utf8'))).filter(([name]) => name !== 'syncEveryMinutes').sort(),
      [['language', 'system'], ['server', site.server.url], ['theme', 'dark']]);
  });
});

test('signing out says so if the stored token cannot be removed', async (t) => {
  const books = await openBooks(site);
  const { token } = await books.owner.signIn(books.owner.userId);
  const desk = await openDesk(t, { url: site.server.url, deps: { vault: brokenVault({ token, origin: site.server.url }) } });
  await desk.sync();
  const { message } = await assertRejects(desk.host.signOut(), 'cache_busy');
  assert.match(message, /signed out, but Invoify could not remove the stored sign-in/);
  assert.equal((await desk.host.pullFromServer()).error?.code, 'signed_out');
  assert.equal(desk.network.calls.at(-1)?.path, '/api/auth/logout', 'the session is ended all the same');
});

test('a token that could not be stored is stored later', async (t) => {
  const books = await openBooks(site);
  const desk = await openDesk(t, { url: site.server.url });
  const save = desk.vault.save.bind(desk.vault);
  desk.vault.save = () => Promise.reject(new Error('the key store is busy'));
  await desk.host.setAuthToken(books.owner.token);
  await desk.until(isDone);
  assert.equal(await desk.vault.load(), null);
  desk.vault.save = save;
  await desk.sync();
  assert.equal((await desk.vault.load())?.token, books.owner.token);
});

describe('the session that another one replaces', () => {
  test('is ended on the server when someone else signs in', async (t) => {
    const books = await openBooks(site);
    const person = await books.owner.signIn(books.owner.userId);
    const desk = await openDesk(t, { url: site.server.url, token: person.token });
    await desk.sync();
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    await untilEnded(desk);
    assert.equal((await person.client.get('/api/auth/me')).status, 401);
  });

  test('is ended once the server has named another owner of a token from the window', async (t) => {
    const [mine, theirs] = [await openBooks(site), await openBooks(site)];
    const person = await mine.owner.signIn(mine.owner.userId);
    const desk = await openDesk(t, { url: site.server.url, token: person.token });
    await desk.sync();
    await desk.host.setAuthToken(theirs.owner.token);
    await desk.until((status) => isDone(status) && status.user?.id === theirs.owner.userId);
    await untilEnded(desk);
    assert.equal((await person.client.get('/api/auth/me')).status, 401);
  });

  test('is left alone if the token from the window is of the same person, as it may be of the same session', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    site.clock.ms += 1000;
    const { token } = (await books.owner.client.post('/api/auth/refresh')).body;
    await desk.host.setAuthToken(token);
    await desk.until(isDone);
    await desk.idle();
    // The token before that may have ended, as tokens do that were renewed.
    const session = books.owner.client.as(token, books.owner.userId);
    assert.equal((await session.get('/api/auth/me')).status, 200);
    assert(desk.network.calls.every(({ path }) => path !== '/api/auth/logout'));
  });

  test('may be out of reach, which changes nothing', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    desk.network.plan(({ path }) => path === '/api/auth/logout' ? () => Promise.reject(new TypeError('fetch failed')) : null);
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    await untilEnded(desk);
    assert(desk.logged.some((line) => line.startsWith('session not ended on the server')));
  });
});

/** Resolves once the desktop has tried to end the session. */
async function untilEnded(desk: Desk): Promise<void> {
  while (!desk.network.calls.some(({ path }) => path === '/api/auth/logout')) await desk.idle();
  await desk.idle();
}

describe('the check of a cache', () => {
  for (const how of ['a sign-in', 'a token from the window'] as const) {
    test(`lets go of the file before ${how} of someone else removes it`, async (t) => {
      const [mine, theirs] = [await openBooks(site), await openBooks(site)];
      const held: number[] = [];
      const desk = await openDesk(t, {
        url: site.server.url, token: mine.owner.token,
        deps: {
          checkCache: () => ({
            result: new Promise(() => undefined),
            stop: async () => void held.push(desk.rows().size),
          }),
        },
      });
      await desk.sync();
      const rows = desk.rows().size;
      await desk.reopen();
      held.length = 0;
      if (how === 'a sign-in') await desk.host.signIn(firstOwner, password);
      else await desk.host.setAuthToken(theirs.owner.token);
      await desk.until((status) => isDone(status) && status.user !== null && status.user.id !== mine.owner.userId);
      assert.deepEqual(held, [rows]);
    });
  }

  test('says nothing about the cache that replaces the one that it read', async (t) => {
    const [mine, theirs] = [await openBooks(site), await openBooks(site)];
    const { promise: result, resolve: end } = Promise.withResolvers<'damaged'>();
    const checkCache = () => ({ result, stop: async () => end('damaged') });
    const desk = await openDesk(t, { url: site.server.url, token: mine.owner.token, deps: { checkCache } });
    await desk.sync();
    await desk.reopen();
    desk.statuses.length = 0;
    await desk.host.setAuthToken(theirs.owner.token);
    await desk.until((status) => isDone(status) && status.user?.id === theirs.owner.userId);
    assert.equal(await result, 'damaged');
    assert.deepEqual(desk.statuses.filter(({ notice }) => notice !== null), []);
  });
});

describe('signing in to a server that came back empty', () => {
  /** A desk with rows of an account whose address now has another one. */
  async function openBefore(t: TestContext): Promise<{ readonly desk: Desk; readonly next: Site }> {
    assert(embedded);
    let current = site;
    const desk = await openDesk(t, { url: site.server.url, currentUrl: () => current.server.url });
    await desk.host.signIn(firstOwner, password);
    await desk.until(isDone);
    await desk.idle();
    const next = await openSite(embedded);
    t.after(() => next.stop());
    current = next;
    return { desk, next };
  }

  test('asks before the old cache is given up, and sets it aside once that is confirmed', async (t) => {
    const { desk, next } = await openBefore(t);
    const rows = desk.rows();
    const before = await desk.host.getStatus();
    await assertRejects(desk.host.signIn(firstOwner.toUpperCase(), password), 'account_changed');
    await untilEnded(desk);
    assertSameRows(desk.rows(), rows);
    assert.equal((await desk.host.getStatus()).user?.accountId, before.user?.accountId);
    assert.equal((await next.server.client.as(tokenOf(desk)).get('/api/auth/me')).status, 401, 'the new session is ended');

    const who = await desk.host.signIn(firstOwner, password, undefined, true);
    assert.notEqual(who.accountId, before.user?.accountId);
    await desk.until((status) => isDone(status) && status.user?.id === who.id);
    const folder = dirname(desk.file);
    assert(readdirSync(folder).some((name) => /^invoify\.sqlite\.former-[\dTZ-]+$/.test(name)), readdirSync(folder).join());
    await desk.host.signOut();
    assert(readdirSync(folder).every((name) => !name.includes('damaged')), 'signing out removes that, too');
  });

  test('as someone else removes the cache without a question, as on any computer that changes hands', async (t) => {
    const { desk, next } = await openBefore(t);
    await next.server.owner.create('users', user('other@people.test', { role: 'viewer', password }));
    await desk.host.signIn('other@people.test', password);
    await desk.until((status) => isDone(status) && status.user?.email === 'other@people.test');
    assert(readdirSync(dirname(desk.file)).every((name) => !name.includes('damaged')));
  });
});

/** The last token that the desktop has sent. */
function tokenOf(desk: Desk): string {
  const header = desk.network.calls.findLast(({ headers }) => headers.has('authorization'))?.headers.get('authorization');
  return header?.replace('Bearer ', '') ?? '';
}

describe('a damaged cache that does not say whose it is', () => {
  const damages: readonly (readonly [what: string, damage: (file: string) => void])[] = [
    ['cannot be opened', (file) => writeFileSync(file, readFileSync(file).fill(0xff, 0, 8192))],
    ['has lost its state', (file) => editDatabase(file, (db) => db.exec('DELETE FROM state'))],
  ];
  const setAside = (desk: Desk): string[] => readdirSync(dirname(desk.file)).filter((name) => name.includes('.damaged-'));
  /** The files in which plans of the first account can be read. */
  const filesOf = (desk: Desk): string[] =>
    readdirSync(dirname(desk.file)).filter((name) => readFileSync(join(dirname(desk.file), name)).includes('"name":"Plan 4"'));

  /** A closed desk with a synced cache of some plans. */
  async function closedCache(t: TestContext): Promise<{ books: Books; desk: Desk }> {
    const books = await openBooks(site);
    await books.addPlans(5);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
    await desk.sync();
    await desk.idle();
    await desk.close();
    return { books, desk };
  }

  for (const [what, damage] of damages) {
    test(`is removed when somebody signs in, as it may be someone else's, if it ${what}`, async (t) => {
      const { desk } = await closedCache(t);
      damage(desk.file);
      await desk.vault.clear();
      await desk.open();
      assert.deepEqual(filesOf(desk), ['invoify.sqlite'], 'nothing is removed before the server has answered');
      const theirs = await openBooks(site);
      await desk.host.setAuthToken(theirs.owner.token);
      await desk.until(isDone);
      await desk.idle();
      assert.deepEqual([filesOf(desk).length, setAside(desk)], [0, []]);
      await assertExact(desk, theirs.owner.client);
    });
  }

  test('is removed with what was set aside before, if someone else signs in while it is in use', async (t) => {
    const { books, desk } = await closedCache(t);
    damages[0]?.[1](desk.file);
    await desk.open();
    await desk.sync();
    assert.equal(setAside(desk).length > 0, true);
    await assertExact(desk, books.owner.client);
    editDatabase(desk.file, (db) => db.exec('DROP TABLE state'));
    const theirs = await openBooks(site);
    await desk.host.setAuthToken(theirs.owner.token);
    await desk.until(isDone);
    await desk.idle();
    assert.deepEqual([filesOf(desk).length, setAside(desk)], [0, []]);
  });

  test('is removed also if it was set aside before a crash', async (t) => {
    const { desk } = await closedCache(t);
    renameSync(desk.file, `${desk.file}.damaged-2026-01-01T00-00-00-000Z`);
    await desk.vault.clear();
    await desk.open();
    await desk.host.setAuthToken((await openBooks(site)).owner.token);
    await desk.until(isDone);
    assert.deepEqual(filesOf(desk), []);
  });

  test('is set aside if it is another program\'s, which is nobody\'s to delete', async (t) => {
    const { desk } = await closedCache(t);
    editDatabase(desk.file, (db) => db.exec('PRAGMA application_id = 12345'));
    await desk.vault.clear();
    await desk.open();
    await desk.host.setAuthToken((await openBooks(site)).owner.token);
    await desk.until(isDone);
    assert.equal(setAside(desk).length > 0, true);
  });
});
