// Answers that something in between has remembered, or that a server gives from the past: none of them counts as a sync.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import { alterText, passThrough, type Fault } from '../../network.ts';
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

/** A desk that is up to date, with the clock moved on, so that a sync would change the time of the last one. */
async function openSynced(t: TestContext): Promise<{ books: Books; desk: Desk }> {
  const books = await openBooks(site);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
  await desk.sync();
  await desk.idle();
  desk.clock.ms += 60_000;
  return { books, desk };
}

/** Answers every pull as the first one was answered, under the id of each request. */
function remembering(alter: (text: string, nonce: string) => string): Fault {
  let first: string | null = null;
  return async (exchange) => {
    const { nonce } = exchange.call;
    first ??= await (await passThrough(exchange)).text();
    return alterText(passThrough(exchange), () => alter(first ?? '', nonce ?? ''));
  };
}

/** Pulls and asserts that this does not count. */
async function assertRefused(desk: Desk, code: string): Promise<void> {
  const { lastSync } = await desk.host.getStatus();
  const { outcome, error } = await desk.host.pullFromServer();
  assert.deepEqual([outcome, error?.code], ['failed', code]);
  const status = await desk.host.getStatus();
  assert.deepEqual([status.state, status.lastSync], ['error', lastSync]);
}

describe('an answer to another pull', () => {
  for (const [what, alter] of Object.entries<(text: string) => string>({
    'bears the nonce of that pull': (text) => text,
    'bears no nonce': (text) => text.replace(/,"nonce":"[^"]*"/, ''),
  })) {
    test(`is refused because it ${what}`, async (t) => {
      const { books, desk } = await openSynced(t);
      const fault = remembering(alter);
      desk.network.plan(({ page }) => page === null ? null : fault);
      if (what.endsWith('that pull')) await desk.sync();
      await books.addPlans(2);
      await assertRefused(desk, 'bad_response');
      assert.equal((await desk.host.getStatus()).error?.kind, 'replayed');
      desk.network.plan(null);
      await desk.sync();
      await assertExact(desk, books.owner.client);
    });
  }
});

describe('an answer from before what the server has already said', () => {
  const fromThePast = (): Fault => remembering((text, nonce) => text.replace(/"nonce":"[^"]*"/, `"nonce":"${nonce}"`));

  test('in a nudge does not count', async (t) => {
    const { books, desk } = await openSynced(t);
    const past = fromThePast();
    desk.network.plan(({ page }) => page === null ? null : past);
    await desk.sync();
    const [added] = await books.addPlans(1);
    assert(added);
    desk.host.noteInstant(added.updatedAt);
    await assertRefused(desk, 'stale_answer');
    desk.network.plan(null);
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  test('to a write of this desktop does not count', async (t) => {
    const { books, desk } = await openSynced(t);
    const past = fromThePast();
    desk.network.plan(({ page }) => page === null ? null : past);
    await desk.sync();
    const { id } = await desk.host.records.create('plans', { ...plan() });
    await desk.until(({ error }) => error?.code === 'stale_answer');
    assert.equal((await desk.host.data.getRecord('plans', id))?.id, id, 'what was acknowledged stays readable');
    desk.network.plan(null);
    await desk.sync();
    await assertExact(desk, books.owner.client);
  });

  test('keeps the pages before it', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => 4 });
    await desk.sync();
    await books.addPlans(10);
    desk.host.noteInstant('2026-12-31T00:00:00.000000Z');
    await assertRefused(desk, 'stale_answer');
    desk.network.plan(null);
    await assertRefused(desk, 'stale_answer');
    assert.equal(desk.network.pulls().length, 1);
  });
});

test('an instant that arrives while the last page is on its way does not make that page stale', async (t) => {
  const { books, desk } = await openSynced(t);
  desk.network.plan(({ page }) => page !== 0 ? null : async (exchange) => {
    const response = await passThrough(exchange);
    const [added] = await books.addPlans(1);
    desk.host.noteInstant(added?.updatedAt ?? '');
    return response;
  });
  await desk.sync();
  await desk.sync();
  await assertExact(desk, books.owner.client);
});

test('a server that starts over may be behind what it said before', async (t) => {
  const { books, desk } = await openSynced(t);
  desk.host.noteInstant('2026-12-31T00:00:00.000000Z');
  desk.network.plan(({ page }) => page === null ? null : ({ forward }) =>
    alterText(forward(), (text) => text.replaceAll(/"scope":"[^"]*"/g, '"scope":"another"')));
  const { rebuilt } = await desk.sync();
  assert.equal(rebuilt, 'scope_changed');
  books.model.assertHeldBy(desk.rows());
});

test('what one account\'s server said concerns no other account', async (t) => {
  const { desk } = await openSynced(t);
  desk.host.noteInstant('2026-12-31T00:00:00.000000Z');
  const other = await openBooks(site);
  await desk.host.setAuthToken(other.owner.token);
  await desk.until(({ state }) => state === 'up_to_date');
  await assertExact(desk, other.owner.client);
});
