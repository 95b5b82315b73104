// The progress of a run: how much has arrived, out of how much, also of what earlier runs have received.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import { faults } from '../../network.ts';
import { embedded } from '../../server/harness.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { editDatabase, openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { openSite, type Site } from '../../sync/site.ts';

const PAGE = 4;

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

/** An account of nineteen records and a desk that has none of them. */
async function open(t: TestContext): Promise<{ books: Books; desk: Desk; count: number }> {
  const books = await openBooks(site);
  await books.addPlans(14);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => PAGE });
  return { books, desk, count: 19 };
}

/** What the desk has reported since the last time, without repetitions. */
function reported(desk: Desk): [changes: number, total: number | null][] {
  const all = desk.statuses.splice(0).flatMap(({ progress }): [number, number | null][] =>
    progress ? [[progress.changes, progress.total]] : []);
  return all.filter(([changes], index) => changes !== all[index - 1]?.[0]);
}

describe('a first sync', () => {
  test('reports the total with its first page, and asks for nothing else', async (t) => {
    const { books, desk, count } = await open(t);
    await desk.sync();
    assert.deepEqual(reported(desk), [[0, null], ...[4, 8, 12, 16, 19].map((changes): [number, number] => [changes, count])]);
    assert.deepEqual(desk.network.calls.filter(({ path }) => path === '/api/sync/events'), []);
    await assertExact(desk, books.owner.client);
  });

  test('includes the records of an earlier run, which stay readable', async (t) => {
    const { desk, count } = await open(t);
    desk.network.plan(({ page }) => page !== null && page >= 2 ? faults.upgradeRequired : null);
    assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
    await desk.reopen();
    assert.equal((await desk.host.getStatus()).partial, 2 * PAGE);
    desk.network.plan(null);
    reported(desk);
    await desk.sync();
    assert.deepEqual(reported(desk), [[0, null], ...[8, 12, 16, 19].map((changes): [number, number] => [changes, count])]);
    assert.equal((await desk.host.getStatus()).partial, 0);
  });

  test('drops a total that changes made meanwhile have exceeded', async (t) => {
    const { books, desk, count } = await open(t);
    desk.network.plan(({ page }) => page !== 1 ? null : async ({ forward }) => {
      await books.addPlans(1);
      return forward();
    });
    await desk.sync();
    assert.deepEqual(reported(desk).at(-1), [count + 1, null]);
  });
});

test('a rebuild reports the total, too', async (t) => {
  const { desk, count } = await open(t);
  await desk.sync();
  editDatabase(desk.file, (db) => db.exec(`UPDATE state SET scope = 'another'`));
  reported(desk);
  await desk.sync();
  assert.deepEqual(reported(desk), [[0, null], ...[4, 8, 12, 16, 19].map((changes): [number, number] => [changes, count])]);
});

test('a catch-up includes the pages that an earlier run has kept', async (t) => {
  const { books, desk } = await open(t);
  await desk.sync();
  await books.addPlans(10);
  desk.network.plan(({ page }) => page === 2 ? faults.upgradeRequired : null);
  await desk.host.pullFromServer();
  await desk.reopen();
  desk.network.plan(null);
  reported(desk);
  await desk.sync();
  assert.deepEqual(reported(desk), [[0, null], [8, null], [10, null]]);
});
