// A digest that downloading everything does not make equal: downloads become rare, changes are applied all the same, and
// people see that the data is not proved until it is.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import { alterText, type Fault } from '../../network.ts';
import { embedded } from '../../server/harness.ts';
import { NaiveCache } from '../../server/naive-cache.ts';
import { plan } from '../../server/samples.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact, assertSameRows } from '../../sync/exact.ts';
import { openSite, type Site } from '../../sync/site.ts';

const HOUR_MS = 3_600_000;
const PAGE = 4;

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

const altering = (alter: (text: string) => string): Fault => ({ forward }) => alterText(forward(), alter);
/** A server whose digest of the plans no client will ever have. */
const wrongDigest = altering((text) => text.replace(/("plans":\{"count":\d+,"sum":)(\d+)/, '$1999'));

async function open(t: TestContext): Promise<{ books: Books; desk: Desk }> {
  const books = await openBooks(site);
  await books.addPlans(10);
  return { books, desk: await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => PAGE }) };
}

/** Applies a fault to every page from now on, and forgets the pulls so far. */
function corrupt(desk: Desk, fault: Fault | null): void {
  desk.network.plan(({ page }) => page === null ? null : fault);
}

/** The number of downloads from the start since the last `corrupt`. */
const downloads = (desk: Desk): number => desk.network.pulls().filter(({ since }) => since === null).length;

/** Pulls as the triggers do, and asserts that the data is there and not proved. */
async function pullUnproved(desk: Desk, books: Books): Promise<void> {
  const { lastSync } = await desk.host.getStatus();
  const { outcome, error } = await desk.host.pullFromServer();
  assert.deepEqual([outcome, error?.code], ['failed', 'digest_mismatch']);
  books.model.assertHeldBy(desk.rows());
  const status = await desk.host.getStatus();
  assert.deepEqual([status.state, status.error?.code], ['error', 'digest_mismatch']);
  assert.deepEqual(status.lastSync, lastSync);
}

describe('a digest that never matches', () => {
  for (const phase of ['first sync', 'catch-up'] as const) {
    test(`stops the downloads of a ${phase} after three, and everything is readable`, async (t) => {
      const { books, desk } = await open(t);
      if (phase === 'catch-up') {
        await desk.sync();
        await books.addPlans(3);
      }
      corrupt(desk, wrongDigest);
      await pullUnproved(desk, books);
      assert(downloads(desk) <= 3);
      const { partial, notice } = await desk.host.getStatus();
      assert.deepEqual([partial, notice], [0, null], 'nothing is under way any more');
      await desk.idle();
      const { total } = await desk.host.data.listPage({ collection: 'plans', search: 'Plan 9' });
      assert.equal(total, 1, 'the lists are indexed');
    });
  }

  test('is downloaded for again after an hour, then two, up to a day, whatever restarts and pulls come in between', async (t) => {
    const { books, desk } = await open(t);
    corrupt(desk, wrongDigest);
    await pullUnproved(desk, books);
    corrupt(desk, wrongDigest);
    for (const hours of [1, 2, 4, 8, 16, 24, 24]) {
      desk.clock.ms += hours * HOUR_MS - 1;
      await desk.reopen();
      for (let pulls = 0; pulls < 3; pulls += 1) {
        await books.addPlans(1);
        await pullUnproved(desk, books);
      }
      assert.equal(downloads(desk), 0, `not before ${hours} hours`);
      desk.clock.ms += 1;
      await pullUnproved(desk, books);
      assert.equal(downloads(desk), 1, `after ${hours} hours`);
      corrupt(desk, wrongDigest);
    }
  });

  test('is downloaded for again, once, if the clock has been set back', async (t) => {
    const { books, desk } = await open(t);
    corrupt(desk, wrongDigest);
    await pullUnproved(desk, books);
    desk.clock.ms -= 1;
    corrupt(desk, wrongDigest);
    await pullUnproved(desk, books);
    assert.equal(downloads(desk), 1);
    await pullUnproved(desk, books);
    assert.equal(downloads(desk), 1);
  });

  test('is not downloaded for twice if the download of the hour is interrupted', async (t) => {
    const { books, desk } = await open(t);
    corrupt(desk, wrongDigest);
    await pullUnproved(desk, books);
    desk.clock.ms += HOUR_MS;
    desk.network.plan(({ page }) => page === 2 ? async () => Response.json({}) : page === null ? null : wrongDigest);
    await desk.host.pullFromServer();
    assert.equal(downloads(desk), 1);
    corrupt(desk, wrongDigest);
    await pullUnproved(desk, books);
    assert.equal(downloads(desk), 0);
  });

  test('is downloaded for once more when a person asks', async (t) => {
    const { books, desk } = await open(t);
    corrupt(desk, wrongDigest);
    await pullUnproved(desk, books);
    corrupt(desk, wrongDigest);
    assert.equal((await desk.host.refresh()).error?.code, 'digest_mismatch');
    assert.equal(downloads(desk), 1);
    await pullUnproved(desk, books);
    assert.equal(downloads(desk), 1, 'the next pull was not asked for');
  });

  test('still says so after a restart, and no longer once it matches, without a download', async (t) => {
    const { books, desk } = await open(t);
    corrupt(desk, wrongDigest);
    await pullUnproved(desk, books);
    await desk.reopen();
    const { state, error } = await desk.host.getStatus();
    assert.deepEqual([state, error?.code], ['error', 'digest_mismatch']);
    corrupt(desk, null);
    await desk.sync();
    assert.equal(downloads(desk), 0);
    assert.equal((await desk.host.getStatus()).state, 'up_to_date');
    await desk.reopen();
    assert.equal((await desk.host.getStatus()).error, null);
    await assertExact(desk, books.owner.client);
  });
});

describe('a record that cannot be read', () => {
  const spoilt: Readonly<Record<string, (text: string) => string>> = {
    'is not JSON': (text) => text.replace('{"name":"Bad"', '{"name"::"Bad"'),
    'is not an object': (text) => text.replace(/\{"name":"Bad"[^}]*\}/, '["Bad"]'),
    'has text for a number in its list': (text) => text.replace('{"name":"Bad","priceMinor":1900', '{"name":"Bad","priceMinor":"much"'),
    'is of a collection that nobody knows': (text) =>
      text.replace(/"collection":"plans"(,[^{]*\{"name":"Bad")/, '"collection":"planets"$1'),
  };
  for (const [what, spoil] of Object.entries(spoilt)) {
    for (const phase of ['first sync', 'catch-up', 'catch-up that changes it'] as const) {
      test(`because it ${what} is named and left out of a ${phase}, and all behind it is applied`, async (t) => {
        const { books, desk } = await open(t);
        const isChanged = phase === 'catch-up that changes it';
        const [first] = books.model.present('plans');
        assert(first);
        if (phase !== 'first sync') await desk.sync();
        await desk.idle();
        const old = desk.rows();
        const { id } = await (isChanged ? books.change('plans', first.id, { name: 'Bad' }) : books.create('plans', plan({ name: 'Bad' })));
        await books.addPlans(2 * PAGE);
        corrupt(desk, altering(spoil));
        const { outcome, error } = await desk.host.pullFromServer();
        assert.deepEqual([outcome, error?.code], ['failed', 'digest_mismatch']);
        assert.match(error?.message ?? '', new RegExp(`plan(et)?s/${id}`));
        assert.match(desk.logged.join('\n'), /changes refused/);
        assert.equal(downloads(desk), phase === 'first sync' ? 1 : 0, 'another download would bring it again');
        const { records } = await served(books);
        const expected = new Map([...records].filter(([key]) => key !== `plans ${id}`));
        const kept = old.get(`plans ${id}`);
        if (kept) expected.set(`plans ${id}`, kept);
        assertSameRows(desk.rows(), expected);
        const { total } = await desk.host.data.listPage({ collection: 'plans' });
        assert.equal(total, books.model.present('plans').length - (isChanged ? 0 : 1));
        await desk.reopen();
        assert.match((await desk.host.getStatus()).error?.message ?? '', new RegExp(id), 'it is named after a restart, too');

        corrupt(desk, null);
        await books.change('plans', id);
        await desk.sync();
        await assertExact(desk, books.owner.client);
      });
    }
  }
});

/** The records as the server has them. */
async function served(books: Books): Promise<NaiveCache> {
  const cache = new NaiveCache();
  for (const page of (await books.owner.client.pullAll('limit=5000')).pages) cache.apply(page);
  return cache;
}
