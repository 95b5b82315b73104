// The progress of a run: its total, its starting count, and what happens if the total is not available.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import { errorResponse, faults, passThrough, type Fault } from '../../network.ts';
import { stores } from '../../server/harness.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { openSite, type Site } from '../../sync/site.ts';

const PAGE = 4;
const events = '/api/sync/events';

for (const store of stores) {
  describe(`a first sync, on ${store.kind},`, { skip: store.skip }, () => {
    let site: Site;
    let books: Books;
    /** The number of records that this user may see. */
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

    test('reports the total as soon as it is known', async (t) => {
      const desk = await open(t);
      // The second page waits for the total, which is requested at the same time.
      desk.network.plan(({ page }) => page === 1 ? async (exchange) => {
        assert.equal((await desk.until(({ progress }) => progress?.total != null)).progress?.total, count);
        return passThrough(exchange);
      } : null);
      await desk.sync();
      const reported = desk.statuses.flatMap(({ progress }) => progress?.total == null ? [] : [progress.changes]);
      assert.deepEqual(reported, reported.toSorted((a, b) => a - b));
      assert.equal(reported.at(-1), count);
      await assertExact(desk, books.owner.client);
    });

    test('includes the records of an earlier run, which stay readable', async (t) => {
      const desk = await open(t);
      desk.network.plan(({ page }) => page !== null && page >= 2 ? faults.upgradeRequired : null);
      assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
      assert.equal((await desk.host.getStatus()).partial, 2 * PAGE);
      await desk.reopen();
      assert.equal((await desk.host.getStatus()).partial, 2 * PAGE);
      desk.network.plan(null);
      desk.statuses.length = 0;
      await desk.sync();
      const reported = [...new Set(desk.statuses.flatMap(({ progress }) => progress?.changes ?? []))];
      assert.deepEqual(reported.slice(0, 3), [0, 2 * PAGE, 3 * PAGE]);
      assert.equal(reported.at(-1), count);
      assert.equal((await desk.host.getStatus()).partial, 0);
    });

    const unknown: readonly (readonly [title: string, fault: Fault])[] = [
      ['the server does not answer that request', faults.refused],
      ['the server has no such route', async () => errorResponse(404, 'not_found')],
      ['the answer is not from an Invoify server', faults.captivePortal],
      ['a proxy buffers the stream', faults.silent],
      ['the stream ends without an event', async () => new Response('', { headers: { 'content-type': 'text/event-stream' } })],
      ['the clock is invalid', async () => new Response('event: change\ndata: {"serverTime":"noon"}\n\n', {
        headers: { 'content-type': 'text/event-stream' },
      })],
    ];
    for (const [title, fault] of unknown) {
      test(`completes without a total if ${title}`, async (t) => {
        const desk = await open(t);
        desk.network.plan(({ path }) => path === events ? fault : null);
        await desk.sync();
        assert(desk.network.calls.some(({ path }) => path === events), 'it was requested');
        assert(desk.statuses.every(({ progress }) => progress === null || progress.total === null));
        await assertExact(desk, books.owner.client);
      });
    }

    test('of one page does not request a total, and neither does a later sync', async (t) => {
      const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
      await desk.sync();
      await books.addPlans(1);
      await desk.sync();
      count += 1;
      assert(!desk.network.calls.some(({ path }) => path === events));
    });
  });
}
