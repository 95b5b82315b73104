// Cursors that expire because tombstones are pruned between two pages. A reader that cannot continue restarts, and ends
// with an exact cache.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { instantFromMs } from '../../shared/clock.ts';
import { passThrough } from '../network.ts';
import { stores } from '../server/harness.ts';
import { openBooks, type Books } from './books.ts';
import { openDesk } from './desk.ts';
import { assertExact } from './exact.ts';
import { finish, Reader } from './reader.ts';
import { openSite, type Site } from './site.ts';

const DAY_MS = 86_400_000;

for (const testStore of stores) {
  describe(`when tombstones are pruned between two pages, on ${testStore.kind}`, { skip: testStore.skip }, () => {
    let site: Site;
    before(async () => { site = await openSite(testStore); });
    after(() => site.stop());

    /** Prunes all tombstones. */
    const prune = (books: Books): Promise<void> => site.store.write(books.owner.accountId, (transaction) =>
      transaction.prune(instantFromMs(site.clock.ms), 0));

    const removeSome = async (books: Books): Promise<void> => {
      for (const { id } of books.model.present('plans').slice(0, 2)) await books.remove('plans', id);
      site.clock.ms += DAY_MS;
    };

    for (const wasPruned of [false, true]) {
      test(`a first pull ends exact in an account that ${wasPruned ? 'was' : 'was never'} pruned before`, async () => {
        const books = await openBooks(site);
        await books.addPlans(12);
        if (wasPruned) {
          await removeSome(books);
          await prune(books);
        }
        const reader = new Reader(books.owner.client, 4);
        let boundary = 0;
        await reader.catchUp(async () => {
          if (boundary++ !== 1) return;
          await removeSome(books);
          await prune(books);
          await books.addPlans(2);
        });
        finish(books.model, reader);
        // Deletes since the start of the pull are gone from the feed, so the pull cannot continue.
        assert.equal(reader.restarts, 1);
      });
    }

    for (const wasPruned of [false, true]) {
      const which = wasPruned ? 'not for the first time' : 'the first ones ever';
      test(`a first pull continues if only older tombstones are pruned, ${which}`, async () => {
        const books = await openBooks(site);
        await books.addPlans(12);
        await removeSome(books);
        if (wasPruned) {
          await prune(books);
          await removeSome(books);
        }
        const reader = new Reader(books.owner.client, 3);
        let boundary = 0;
        await reader.catchUp(async () => {
          if (boundary++ === 1) await prune(books);
        });
        finish(books.model, reader);
        assert.equal(reader.restarts, 0);
      });
    }

    test('a catch-up with an older cursor restarts', async () => {
      const books = await openBooks(site);
      await books.addPlans(12);
      const reader = new Reader(books.owner.client, 3);
      await reader.catchUp();
      for (const { id } of books.model.present('plans')) await books.change('plans', id);
      let boundary = 0;
      await reader.catchUp(async () => {
        if (boundary++ !== 1) return;
        await removeSome(books);
        await prune(books);
      });
      finish(books.model, reader);
      assert.equal(reader.restarts, 1);
    });

    for (const phase of ['first sync', 'catch-up', 'rebuild'] as const) {
      test(`a desktop's ${phase} ends exact`, async (t) => {
        const books = await openBooks(site);
        await books.addPlans(12);
        const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => 3 });
        if (phase !== 'first sync') await desk.sync();
        if (phase === 'catch-up') for (const { id } of books.model.present('plans')) await books.change('plans', id);
        if (phase === 'rebuild') {
          await removeSome(books);
          await prune(books);
        }
        desk.network.plan(({ page }) => async (exchange) => {
          if (page === 2) {
            await removeSome(books);
            await prune(books);
          }
          return passThrough(exchange);
        });
        const { rebuilt } = await desk.sync();
        assert.equal(rebuilt, 'cursor_ended');
        await assertExact(desk, books.owner.client);
        books.model.assertHeldBy(desk.rows());
      });
    }
  });
}
