// Writes between two pages of a pull, to records already delivered and to records still to come.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { passThrough } from '../network.ts';
import type { WireRecord } from '../client.ts';
import { stores } from '../server/harness.ts';
import { plan } from '../server/samples.ts';
import { openBooks, type Books } from './books.ts';
import { openDesk } from './desk.ts';
import { assertExact } from './exact.ts';
import { finish, Reader } from './reader.ts';
import { openSite, type Site } from './site.ts';

const PAGE = 2;

/** A write between two pages. */
type Interference = (books: Books, id: string) => Promise<unknown>;

const interferences: Readonly<Record<string, Interference>> = {
  'a record changed': (books, id) => books.change('plans', id),
  async 'a record changed twice'(books, id) {
    await books.change('plans', id);
    await books.change('plans', id);
  },
  'a record deleted': (books, id) => books.remove('plans', id),
  async 'a record changed and deleted'(books, id) {
    await books.change('plans', id);
    await books.remove('plans', id);
  },
  async 'a record added and deleted'(books) {
    const { id } = await books.create('plans', plan());
    await books.remove('plans', id);
  },
};

for (const testStore of stores) {
  describe(`on ${testStore.kind}`, { skip: testStore.skip }, () => {
    let site: Site;
    before(async () => { site = await openSite(testStore); });
    after(() => site.stop());

    for (const [what, interfere] of Object.entries(interferences)) {
      for (const isFirst of [true, false]) {
        const pull = isFirst ? 'a first pull' : 'a catch-up';
        test(`${what} between any two pages of ${pull} ends up in its final state`, async () => {
          const books = await openBooks(site);
          const reader = new Reader(books.owner.client, PAGE);
          const records = await prepare(books, reader, isFirst);
          let boundary = 0;
          await reader.catchUp(() => disturb(books, interfere, records, boundary++));
          assert(boundary >= 4, `${boundary} boundaries are enough`);
          finish(books.model, reader);
          // Deleted records are gone although the pages of a first pull carry no tombstones.
          await reader.catchUp();
          finish(books.model, reader);
        });
      }

      // A desktop sees nothing of the store but the pages.
      if (testStore.kind === 'mongodb') continue;
      test(`${what} between any two pages does not disturb a desktop's first sync and catch-up`, async (t) => {
        const books = await openBooks(site);
        const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => PAGE });
        for (const isFirst of [true, false]) {
          const added = await books.addPlans(10);
          desk.network.plan(null);
          if (!isFirst) await desk.sync();
          const records = isFirst ? added : await changeAll(books);
          let boundary = 0;
          desk.network.plan(({ page }) => async (exchange) => {
            if (page !== null && page > 0 && boundary < 4) await disturb(books, interfere, records, boundary++);
            return passThrough(exchange);
          });
          await desk.sync();
          assert(boundary >= 4);
          await assertExact(desk, books.owner.client);
          books.model.assertHeldBy(desk.rows());
        }
        assert.equal((await desk.host.data.attempts()).filter(({ detail }) => detail !== null).length, 0, 'no rebuild was needed');
      });
    }
  });
}

/** Ten plans, in the order in which the next pull delivers them. */
async function prepare(books: Books, reader: Reader, isFirst: boolean): Promise<readonly WireRecord[]> {
  const records = await books.addPlans(10);
  if (isFirst) return records;
  await reader.catchUp();
  return changeAll(books);
}

async function changeAll(books: Books): Promise<readonly WireRecord[]> {
  const changed: WireRecord[] = [];
  for (const { id } of books.model.present('plans')) changed.push(await books.change('plans', id));
  return changed;
}

/** Interferes with one record that was already delivered and one that is still to come. */
async function disturb(books: Books, interfere: Interference, records: readonly WireRecord[], page: number): Promise<void> {
  for (const record of [records[page], records[records.length - 1 - page]]) {
    if (record && books.model.present('plans').some(({ id }) => id === record.id)) await interfere(books, record.id);
  }
}
