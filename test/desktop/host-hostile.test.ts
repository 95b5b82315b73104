// A server that violates the protocol: whatever it answers, and whether Node's fetch or Electron's brings it, the run ends
// soon and the cache stays intact.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import { createFetch } from '../../desktop/electron/fetch.ts';
import { pageFrame, type Page } from '../../shared/feed.ts';
import { requestIdHeader } from '../../shared/protocol.ts';
import { alterText, answerJson, openStubServer, type Fault, type StubAnswer } from '../network.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { embedded, firstOwner, password } from '../server/harness.ts';
import { plan } from '../server/samples.ts';
import { openBooks, type Books } from '../sync/books.ts';
import { openDesk, type Desk } from '../sync/desk.ts';
import { assertExact, assertSameRows } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';
import { net } from './electron/stand-in/utility.ts';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

/** Runs `ask` with each of the ways in which a desktop sends its requests. */
async function overEach(ask: () => Promise<void>): Promise<void> {
  for (const way of [fetch, createFetch(net.request)]) {
    transport = way;
    await ask();
  }
}
let transport = fetch;
const send = (url: string, init: RequestInit): Promise<Response> => transport(url, init);

async function synced(t: TestContext): Promise<{ books: Books; desk: Desk }> {
  const books = await openBooks(site);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => 3, send });
  await desk.sync();
  await desk.sync();
  await books.addPlans(4);
  return { books, desk };
}

/** Alters the text of the response. */
const altering = (alter: (text: string) => string): Fault => ({ forward }) => alterText(forward(), alter);

/** Replaces some members of a page; the layout stays the protocol's. */
const page = (members: object): Fault => altering((text) => layOut({ ...JSON.parse(text), ...members } as Members));

type Members = Readonly<Record<string, unknown>> & { readonly count: number; readonly changes: readonly object[] };
function layOut({ changes, count, ...frame }: Members): string {
  const { head, tail } = pageFrame(frame as unknown as Page, count);
  return head + changes.map((one) => JSON.stringify(one)).join(',\n') + tail;
}

const change = {
  type: 'upsert', collection: 'plans', mongoId: '0123456789abcdef01234567', updatedAt: '2026-03-01T12:00:00.999999Z', payload: {},
};
/** The members of a last page with this change only. */
const only = (one: object) => ({ changes: [one], count: 1, hasMore: false, serverTime: change.updatedAt, digest: {} });
const changes = (one: object): Fault => page(only(one));
const deep = `{"name":${'['.repeat(5000)}${']'.repeat(5000)}}`;

describe('a page', () => {
  const layout = /not laid out as the protocol says/;
  const strange: readonly (readonly [what: string, fault: Fault, message: RegExp])[] = [
    ['is a list', altering((text) => `[${text}]`), /not an Invoify server/],
    ['has no changes', altering((text) => text.replace('"changes"', '"changed"')), layout],
    ['has changes that are no list', altering((text) => text.replace(/"changes":.*/s, '"changes":{}}\n')), layout],
    ['is laid out as other JSON', altering((text) => JSON.stringify(JSON.parse(text), null, 2)), layout],
    ['counts wrongly', page({ count: 2 }), /count is not/],
    ['has no cursor', page({ serverTime: null }), /serverTime/],
    ['has a cursor that is no instant', page({ serverTime: 'soon' }), /serverTime/],
    ['has a cursor that goes back', page({ serverTime: '2020-01-01T00:00:00.000000Z' }), /cursor went back/],
    ['has more and brings nothing', page({ changes: [], count: 0, hasMore: true }), /not that of its last change/],
    ['has more and a cursor of no change', page({ hasMore: true, serverTime: '2026-03-01T13:00:00.000000Z' }), /last change/],
    ['has no scope', page({ scope: 7 }), /scope/],
    ['has hasMore as text', page({ hasMore: 'no' }), /hasMore/],
    ['has a digest of another shape', page({ hasMore: false, digest: { plans: { count: '1', sum: null } } }), /digest is malformed/],
    ['is the last and has no digest', page({ hasMore: false, digest: undefined }), /no digest/],
    ['has a change of a collection that nobody knows', changes({ ...change, collection: 'secrets' }), /^secrets.* cannot be read/],
    ['has a change in a collection named like a cache table', changes({ ...change, collection: 'state' }), /^state.* cannot be read/],
    ['has a change whose collection would be SQL', changes({ ...change, collection: 'plans_a"; DROP TABLE state; --' }), layout],
    ['has a change with an invalid id', changes({ ...change, mongoId: '../../etc/passwd' }), layout],
    ['has a change with an invalid time', changes({ ...change, updatedAt: 'yesterday' }), layout],
    ['has a change whose payload is no object', changes({ ...change, payload: [1] }), /^plans.* cannot be read/],
    ['has a change whose payload is deeper than any', altering((text) =>
      layOut({ ...JSON.parse(text), ...only(change) }).replace('"payload":{}', `"payload":${deep}`)), /^plans.* cannot be read/],
    ['has an upsert without payload', changes({ ...change, payload: undefined }), layout],
    ['has a delete with a payload', changes({ ...change, type: 'delete' }), layout],
    ['has a change of a type that nobody knows', changes({ ...change, type: 'drop' }), layout],
  ];
  for (const [what, fault, message] of strange) {
    test(`that ${what} ends the run and changes nothing`, async (t) => {
      const { books, desk } = await synced(t);
      await overEach(async () => {
        await books.addPlans(4);
        const rows = desk.rows();
        desk.network.plan((call) => call.page === null ? null : fault);
        const { outcome, error } = await desk.host.pullFromServer();
        assert.deepEqual([outcome, desk.network.pulls().length < 12], ['failed', true], `${desk.network.pulls().length} requests`);
        assert(['bad_response', 'digest_mismatch', 'resync_required'].includes(error?.code ?? ''), error?.code);
        assert.match(error?.message ?? '', message);
        assertSameRows(desk.rows(), rows);
        assert.equal((await desk.host.getStatus()).state, 'error');
        desk.network.plan(null);
        await desk.sync();
        await assertExact(desk, books.owner.client);
      });
    });
  }

  test('whose scope changes every time ends the run', async (t) => {
    const { desk } = await synced(t);
    let asked = 0;
    desk.network.plan((call) => call.page === null ? null : page({ scope: `scope ${asked++}` }));
    assert.equal((await desk.host.pullFromServer()).error?.code, 'resync_required');
    assert(asked < 12);
  });

  test('whose scope has changed after each download is downloaded twice, and not for ever', async (t) => {
    const { desk } = await synced(t);
    let ended = 0;
    desk.network.plan((call) => call.page === null ? null : altering((text) => {
      const one = JSON.parse(text) as Members;
      const scope = `scope ${ended}`;
      if (one['hasMore'] === false && ended < 10) ended += 1;
      return layOut({ ...one, scope });
    }));
    assert.equal((await desk.host.pullFromServer()).rebuilt, 'scope_changed');
    await desk.idle();
    assert(ended < 6, `${ended} downloads and catch-ups`);
  });
});

describe('a response about the signed-in user', () => {
  const strange: Readonly<Record<string, string>> = {
    'has no user': '{"success":true}',
    'has a user without an id': '{"success":true,"user":{"email":"a@b.test","name":"A","role":"owner","accountId":"x"}}',
    'has a role that nobody knows': '{"success":true,"user":{"id":"a","email":"a@b.test","name":"A","role":"god","accountId":"x"}}',
    'has a user who is a list': '{"success":true,"user":[]}',
  };
  for (const [what, text] of Object.entries(strange)) {
    test(`that ${what} removes nothing`, async (t) => {
      const { desk } = await synced(t);
      await desk.reopen();
      const rows = desk.rows();
      desk.network.plan(({ path }) => path === '/api/auth/me' ? altering(() => text) : null);
      await overEach(async () => {
        assert.equal((await desk.host.pullFromServer()).error?.code, 'bad_response');
        assertSameRows(desk.rows(), rows);
      });
    });
  }

  test('that renews another user\'s token is rejected', async (t) => {
    const { desk } = await synced(t);
    const token = (await desk.vault.load())?.token;
    desk.network.plan(({ path }) => path === '/api/auth/refresh'
      ? altering((text) => text.replace(/"user":\{"id":"[0-9a-f]{24}"/, '"user":{"id":"0123456789abcdef01234567"')) : null);
    // Makes the token due.
    desk.clock.ms -= 1;
    await desk.sync();
    await desk.idle();
    assert(desk.logged.some((line) => line.startsWith('token not renewed: AppError')));
    assert.equal((await desk.vault.load())?.token, token);
  });

  test('to a sign-in without a token signs nobody in', async (t) => {
    const desk = await openDesk(t, { url: site.server.url });
    for (const text of ['{"success":true}', '{"success":true,"token":7,"expiresAt":"2026-01-01T00:00:00Z"}']) {
      desk.network.plan(() => altering(() => text));
      await assertRejects(desk.host.signIn(firstOwner, password), 'bad_response');
    }
    assert.equal(await desk.vault.load(), null);
    assert.equal((await desk.host.getStatus()).state, 'never_synced');
  });
});

describe('a server that is not Invoify\'s', () => {
  const strangers: Readonly<Record<string, StubAnswer>> = {
    'answers with JSON of its own': answerJson('{"status":"UP"}'),
    'says success to everything': answerJson('{"success":true}'),
    'refuses everything': answerJson('{"error":"Not Found"}', 404),
    'answers with a page': (_request, response) => void response.end('<!doctype html><title>Hotel</title>'),
    'has headers beyond Latin-1': (_request, response) =>
      void response.setHeader('x-city', Buffer.from('Łódź').toString('latin1')).end('<!doctype html><title>Hotel</title>'),
  };
  for (const [what, answer] of Object.entries(strangers)) {
    test(`and ${what} is neither online nor shown the token`, async (t) => {
      const { desk } = await synced(t);
      await desk.close();
      const stub = await openStubServer(t, answer);
      const moved = await openDesk(t, {
        url: site.server.url, currentUrl: () => stub.url, cacheFrom: desk.file, token: 'a-secret-token', send,
      });
      for (let round = 0; round < 2; round += 1) {
        await overEach(async () => {
          const { error } = await moved.host.pullFromServer();
          assert.deepEqual([error?.code, error?.kind], ['bad_response', 'not_invoify']);
          assert.equal((await moved.host.getStatus()).isOnline, false);
          await assertRejects(moved.host.records.create('plans', { ...plan() }), 'offline');
        });
      }
      await moved.host.signOut();
      assert.deepEqual([...new Set(stub.requests.map(({ path, token }) => `${path} ${token}`))], ['/api/meta undefined']);
    });
  }

  test('and takes the server\'s place in mid-run is shown the token once at most', async (t) => {
    const { books, desk } = await synced(t);
    const before = desk.network.calls.length;
    desk.network.plan(() => async () => Response.json({ status: 'UP' }));
    for (let round = 0; round < 3; round += 1) {
      assert.equal((await desk.host.pullFromServer()).error?.kind, 'not_invoify');
      assert.equal((await desk.host.getStatus()).isOnline, false);
    }
    const shown = desk.network.calls.slice(before).filter(({ headers }) => headers.has('authorization'));
    assert.equal(shown.length, 1);
    desk.network.plan(null);
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });
});

test('an answer to another request is not the server\'s', async (t) => {
  const { desk } = await synced(t);
  const rows = desk.rows();
  const [first] = desk.network.calls;
  desk.network.plan(() => async ({ forward }) => {
    const response = await forward();
    return new Response(await response.bytes(), { status: response.status, headers: {
      'content-type': 'application/json', [requestIdHeader]: first?.headers.get(requestIdHeader) ?? '',
    } });
  });
  const { error } = await desk.host.pullFromServer();
  assert.deepEqual([error?.code, error?.kind], ['bad_response', 'replayed']);
  assertSameRows(desk.rows(), rows);
  assert.equal((await desk.host.getStatus()).isOnline, false);
});

test('a response to a write that is not a record leaves the outcome unknown', async (t) => {
  const { books, desk } = await synced(t);
  for (const text of ['{"success":true}', '{"success":true,"record":{"id":7}}', '{"success":true,"record":[]}']) {
    desk.network.plan(({ method, path }) => method === 'POST' && path === '/api/plans' ? altering(() => text) : null);
    await overEach(() => assertRejects(desk.host.records.create('plans', { ...plan() }), 'outcome_unknown').then(() => undefined));
  }
  desk.network.plan(null);
  await desk.sync();
  await assertExact(desk, books.owner.client);
});
