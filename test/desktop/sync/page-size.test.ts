// How large the pages are that a desktop asks for where it gets no streams: they grow while they arrive quickly, stay small on a
// slow line, and shrink where connections do not last.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';

import { faults, passThrough, type Fault } from '../../network.ts';
import { newId, toContent } from '../../../server/records.ts';
import { findCollection } from '../../../shared/collections.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import { embedded } from '../../server/harness.ts';
import { plan } from '../../server/samples.ts';
import { openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { openSite, type Site, type TestAccount } from '../../sync/site.ts';

let site: Site;
let owner: TestAccount;
before(async () => {
  site = await openSite(embedded);
  owner = await site.newAccount();
  const plans = findCollection('plans');
  assert(plans);
  await site.store.write(owner.accountId, async (transaction) => {
    for (let index = 0; index < 4500; index += 1) {
      transaction.put('plans', newId(Date.now()), toContent(plans, plan({ name: `Plan ${index}` }) as JsonObject, null), null);
    }
  });
});
after(() => site.stop());

const open = (t: TestContext): Promise<Desk> => openDesk(t, { url: site.server.url, token: owner.token, hasStreams: false });

/** Pages of more changes than this are cut. */
const cutAbove = (changes: number, cut: Fault) => ({ limit }: { limit: number | null }): Fault | null =>
  (limit ?? 0) > changes ? cut : null;

/** Of all pages; without the stream that it asked for first. */
const limits = (desk: Desk): number[] => desk.network.pulls().flatMap(({ limit }) => limit ?? []);

test('pages grow while they arrive quickly, and stay small on a slow line', async (t) => {
  const quick = await open(t);
  await quick.sync();
  assert.deepEqual(limits(quick), [1000, 2000, 2000]);
  await assertExact(quick, owner.client);
  const slow = await open(t);
  slow.network.plan(({ page }) => page === null ? null : async (exchange) => {
    slow.clock.monotonicMs += 1100;
    return passThrough(exchange);
  });
  await slow.sync();
  assert.deepEqual(limits(slow), [1000, 1000, 1000, 1000, 1000]);
});

for (const fault of ['resetInBody', 'stalledInBody'] as const) {
  test(`pages shrink within a run where connections end by "${fault}" after some bytes, and grow again only slowly`, async (t) => {
    const desk = await open(t);
    desk.network.plan(cutAbove(300, faults[fault]));
    await desk.sync();
    assert.deepEqual(limits(desk), [
      1000, 500, ...Array<number>(8).fill(250), 500, ...Array<number>(8).fill(250), 500, ...Array<number>(3).fill(250),
    ]);
    await assertExact(desk, owner.client);
  });
}

test('pages shrink from run to run down to twenty changes, and what arrived stays', async (t) => {
  const desk = await open(t);
  desk.network.plan(cutAbove(20, faults.truncated));
  for (let runs = 0; runs < 6; runs += 1) {
    const { error } = await desk.host.pullFromServer();
    assert.equal(error?.code, 'bad_response');
  }
  assert.deepEqual(limits(desk).slice(0, 6), [1000, 500, 250, 125, 62, 31]);
  // The twenty that arrive before pages grow, and are cut, again.
  await desk.host.pullFromServer();
  assert.deepEqual(limits(desk).slice(6), [...Array<number>(8).fill(20), 40]);
  assert.equal((await desk.host.getStatus()).partial, 160);
});

test('pages do not shrink while the server is merely away', async (t) => {
  const desk = await open(t);
  desk.network.plan(() => faults.refused);
  await desk.host.pullFromServer();
  desk.network.plan(({ page }) => page === null ? null : faults.unavailable);
  await desk.host.pullFromServer();
  desk.network.plan(null);
  await desk.sync();
  assert.deepEqual(limits(desk), [1000, 2000, 2000]);
});
