// The races that "changed since" cursors are prone to, staged one by one on both stores: nothing may be missed or
// invented, and no cursor may go back.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { newId, toContent } from '../../server/records.ts';
import { findCollection } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { stores } from '../server/harness.ts';
import { customer, invoice, plan } from '../server/samples.ts';
import { openBooks } from './books.ts';
import { finish, Reader } from './reader.ts';
import { openSite, type Site, type TestAccount } from './site.ts';

const HOUR_MS = 3_600_000;
/** The number of records in a new account. */
const RECORDS = 5;

for (const testStore of stores) {
  describe(`on ${testStore.kind}`, { skip: testStore.skip }, () => {
    let site: Site;
    before(async () => { site = await openSite(testStore); });
    after(() => site.stop());

    test('a change that commits after a reader has passed its time is in the next pull', async () => {
      const { owner, model } = await openBooks(site);
      const reader = new Reader(owner.client, 2);
      await reader.catchUp();

      const held = holdWrite(site, owner);
      await held.isHeld;
      // The change already has its instant; the clock moves past it.
      site.clock.ms += 60_000;
      await reader.catchUp();
      const passed = reader.cursor ?? '';
      await Promise.all([new Reader(owner.client, 1).catchUp(), new Reader(owner.client, 100).catchUp()]);
      held.release();
      const record = model.hold('plans', await held.committed);

      await reader.catchUp();
      assert(record.updatedAt > passed, 'it committed behind a cursor');
      assert(reader.cache.records.has(`plans ${record.id}`));
      finish(model, reader);
    });

    test('writers queued behind a held one commit after it and are read in that order', async () => {
      const { owner, model } = await openBooks(site);
      const reader = new Reader(owner.client, 3);
      await reader.catchUp();
      const held = holdWrite(site, owner);
      await held.isHeld;
      const queued = Array.from({ length: 5 }, () => {
        site.clock.ms += 1000;
        return putPlan(site, owner);
      });
      await reader.catchUp();
      assert.equal(reader.received.length, RECORDS, 'uncommitted changes are not read');
      held.release();
      const records = await Promise.all([held.committed, ...queued]);
      for (const record of records) model.hold('plans', record);
      await reader.catchUp();
      assert.deepEqual(reader.received.slice(RECORDS).map(({ mongoId }) => mongoId), records.map(({ id }) => id));
      finish(model, reader);
    });

    test('changes made at the same clock time are told apart at every page boundary', async () => {
      const books = await openBooks(site);
      const { model, owner: { client } } = books;
      for (let round = 0; round < 6; round += 1) {
        const { id: customerId } = await books.create('customers', customer());
        await books.create('invoices', invoice(customerId));
        const { id } = await books.create('plans', plan());
        await (round % 3 === 0 ? books.remove('plans', id) : books.change('plans', id));
      }
      const feed = (await client.pull('?since=1970-01-01T00:00:00Z')).body.changes;
      assert.equal(new Set(feed.map(({ updatedAt }) => updatedAt.slice(0, 23))).size, 1, 'the clock stood still');
      for (const limit of [1, 2, 3, 5]) {
        const reader = new Reader(client, limit);
        await reader.catchUp();
        finish(model, reader);
        // Every change ends some page.
        for (const [index, { updatedAt }] of feed.entries()) {
          const { body } = await client.pull(`?limit=${limit}&since=${updatedAt}`);
          const rest = feed.slice(index + 1);
          assert.deepEqual([body.changes, body.hasMore], [rest.slice(0, limit), rest.length > limit]);
        }
      }
    });

    test('thousands of changes made at the same clock time arrive once each, whatever the page size', async () => {
      const { owner, model } = await openBooks(site);
      const ids = Array.from({ length: 1200 }, () => newId(Date.now()));
      const instants = await site.store.write(owner.accountId, async (transaction) =>
        ids.map((id) => transaction.put('plans', id, contentOf(plan({ name: id })), null)));
      assert.equal(new Set(instants).size, ids.length);
      const expected = new Set([...ids, ...model.present('plans').map(({ id }) => id)]);
      for (const limit of [499, 500, 501, 1199, 1300]) {
        const reader = new Reader(owner.client, limit);
        await reader.catchUp();
        const plans = reader.received.filter(({ collection }) => collection === 'plans');
        assert.deepEqual(new Set(plans.map(({ mongoId }) => mongoId)), expected);
        assert.equal(plans.length, expected.size, 'no change arrives twice');
      }
    });

    test('a clock that steps back an hour hides no change', async () => {
      const books = await openBooks(site);
      const readers = [1, 3, 1000].map((limit) => new Reader(books.owner.client, limit));
      const instants: string[] = [];
      const write = async (): Promise<void> => void instants.push((await books.create('plans', plan())).updatedAt);
      for (const stepMs of [0, 1000, -HOUR_MS, 1, -HOUR_MS, 0.25, HOUR_MS, -1, 3 * HOUR_MS]) {
        site.clock.ms += stepMs;
        await write();
        await readers[1]?.page();
        await write();
        for (const reader of readers) await reader.catchUp();
      }
      assert.deepEqual(instants, [...instants].sort(), 'instants do not go back');
      for (const reader of readers) finish(books.model, reader);
    });

    test('a page mixes collections in the order of their changes', async () => {
      const books = await openBooks(site);
      const [{ id: customerId } = { id: '' }] = books.model.present('customers');
      const expected: string[] = [];
      for (let round = 0; round < 6; round += 1) {
        for (const [collection, fields] of [['plans', plan()], ['customers', customer()], ['invoices', invoice(customerId)]] as const) {
          expected.push((await books.create(collection, fields)).id);
        }
      }
      for (const limit of [2, 4, 5, 9, 100]) {
        const reader = new Reader(books.owner.client, limit);
        await reader.catchUp();
        assert.deepEqual(reader.received.slice(RECORDS).map(({ mongoId }) => mongoId), expected);
        finish(books.model, reader);
      }
    });
  });
}

interface Put {
  readonly id: string;
  readonly updatedAt: string;
  readonly payload: JsonObject;
}

/** Writes a plan directly to the store; `hold` delays the commit once the write has its instant. */
async function putPlan(site: Site, owner: TestAccount, hold: () => Promise<unknown> = async () => undefined): Promise<Put> {
  const id = newId(Date.now());
  const payload = plan({ name: `Plan ${id}` }) as JsonObject;
  await site.store.write(owner.accountId, async (transaction) => {
    transaction.put('plans', id, contentOf(payload), null);
    await hold();
  });
  const { body } = await owner.client.get(`/api/plans/${id}`);
  return { id, updatedAt: body.record.updatedAt, payload };
}

/** A write that has its instant and commits only when released. */
function holdWrite(site: Site, owner: TestAccount): { isHeld: Promise<void>; release: () => void; committed: Promise<Put> } {
  const { promise: isHeld, resolve: enter } = Promise.withResolvers<void>();
  const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
  const committed = putPlan(site, owner, () => {
    enter();
    return isReleased;
  });
  return { isHeld, release, committed };
}

function contentOf(payload: object): ReturnType<typeof toContent> {
  const plans = findCollection('plans');
  assert(plans);
  return toContent(plans, payload as JsonObject, null);
}
