// How far a run says it is: out of how many records, counted from where, and what becomes of it where that cannot be known.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import { stores } from '../../server/harness.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { faults, letThrough, refuse, type Fault } from '../../sync/network.ts';
import { openSite, type Site } from '../../sync/site.ts';

const PAGE = 4;
const events = '/api/sync/events';

for (const store of stores) {
  describe(`a first sync, on ${store.kind},`, { skip: store.skip }, () => {
    let site: Site;
    let books: Books;
    /** All that this person may see. */
    let count = 0;
    before(async () => {
      site = await openSite(store);
      books = await openBooks(site);
      await books.addPlans(14);
      count = (await books.owner.client.pull()).body.count;
      assert(count > 3 * PAGE);
    });
    after(() => site.stop());

    const open = (t: TestContext): Promise<Desk> =>
      openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => PAGE });

    test('says out of how many, as soon as it is known', async (t) => {
      const desk = await open(t);
      // The second page waits for the total, which is asked for beside it.
      desk.network.plan(({ page }) => page === 1 ? async (exchange) => {
        assert.equal((await desk.until(({ progress }) => progress?.total != null)).progress?.total, count);
        return letThrough(exchange);
      } : null);
      await desk.sync();
      const told = desk.statuses.flatMap(({ progress }) => progress?.total == null ? [] : [progress.changes]);
      assert.deepEqual(told, told.toSorted((a, b) => a - b));
      assert.equal(told.at(-1), count);
      await assertExact(desk, books.owner.client);
    });

    test('counts what an earlier run brought, and that much stays readable', async (t) => {
      const desk = await open(t);
      desk.network.plan(({ page }) => page !== null && page >= 2 ? faults.upgradeRequired : null);
      assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
      assert.equal((await desk.host.getStatus()).partial, 2 * PAGE);
      await desk.reopen();
      assert.equal((await desk.host.getStatus()).partial, 2 * PAGE);
      desk.network.plan(null);
      desk.statuses.length = 0;
      await desk.sync();
      const told = [...new Set(desk.statuses.flatMap(({ progress }) => progress?.changes ?? []))];
      assert.deepEqual(told.slice(0, 3), [0, 2 * PAGE, 3 * PAGE]);
      assert.equal(told.at(-1), count);
      assert.equal((await desk.host.getStatus()).partial, 0);
    });

    const unknown: readonly (readonly [title: string, fault: Fault])[] = [
      ['the server does not answer that', faults.refused],
      ['the server knows no such address', async () => refuse(404, 'not_found')],
      ['what answers is not ours', faults.captivePortal],
      ['something on the way holds the stream back', faults.silent],
      ['the stream ends without an event', async () => new Response('', { headers: { 'content-type': 'text/event-stream' } })],
      ['the clock is none', async () => new Response('event: change\ndata: {"serverTime":"noon"}\n\n', {
        headers: { 'content-type': 'text/event-stream' },
      })],
    ];
    for (const [title, fault] of unknown) {
      test(`is completed without a total where ${title}`, async (t) => {
        const desk = await open(t);
        desk.network.plan(({ path }) => path === events ? fault : null);
        await desk.sync();
        assert(desk.network.calls.some(({ path }) => path === events), 'it was asked for');
        assert(desk.statuses.every(({ progress }) => progress === null || progress.total === null));
        await assertExact(desk, books.owner.client);
      });
    }

    test('of one page asks for no total, and a later sync neither', async (t) => {
      const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
      await desk.sync();
      await books.addPlans(1);
      await desk.sync();
      count += 1;
      assert(!desk.network.calls.some(({ path }) => path === events));
    });
  });
}
