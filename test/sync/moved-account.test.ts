// An account that moves from the embedded database to MongoDB, with `export` and `import`, and the caches that have it.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';

import { exportAccount } from '../../server/export.ts';
import { importAccount } from '../../server/import.ts';
import { stores } from '../server/harness.ts';
import { plan } from '../server/samples.ts';
import { openBooks } from './books.ts';
import { openDesk, type Desk } from './desk.ts';
import { assertExact } from './exact.ts';
import { openSession, openSite, type Person } from './site.ts';

const [embedded, mongodb] = stores;
assert.ok(embedded && mongodb);

describe('an account that goes from the embedded database to MongoDB', { skip: mongodb.skip }, () => {
  test('is continued by a desktop from its cursor, if it was moved', async (t) => {
    const { desk, person, behind } = await move(t, true);
    const outcome = await desk.sync();
    assert.deepEqual([outcome.rebuilt, outcome.changes], [null, behind]);
    await assertExact(desk, person.client);
    const { id } = await person.client.create('plans', plan({ name: 'New' }));
    assert.equal((await desk.sync()).changes, 1);
    assert.ok(desk.rows().has(`plans ${id}`));
    await assertExact(desk, person.client);
  });

  test('is pulled once more by a desktop if it was only copied, and can be read meanwhile', async (t) => {
    const { desk, person } = await move(t, false);
    const held = desk.rows().size;
    const readable: number[] = [];
    desk.network.plan(() => {
      readable.push(desk.rows().size);
      return null;
    });
    assert.equal((await desk.sync()).rebuilt, 'scope_changed');
    assert.ok(readable.length > 2 && readable.every((size) => size === held), String(readable));
    await assertExact(desk, person.client);
    assert.equal((await desk.sync()).rebuilt, null);
  });
});

/** A desktop of an account that has gone to MongoDB, after changes (`behind`) that the desktop has not pulled. */
async function move(t: TestContext, moves: boolean): Promise<{ desk: Desk; person: Person; behind: number }> {
  assert.ok(embedded && mongodb);
  const [from, to] = [await openSite(embedded), await openSite(mongodb)];
  t.after(() => from.stop());
  t.after(() => to.stop());
  const books = await openBooks(from);
  const { owner } = books;
  await books.addPlans(5);
  let url = from.server.url;
  const desk = await openDesk(t, { url: 'http://127.0.0.1:1', currentUrl: () => url, token: owner.token, pageLimit: () => 3 });
  await desk.sync();
  const [first, second] = books.model.present('plans');
  assert.ok(first && second);
  await books.change('plans', first.id);
  await books.remove('plans', second.id);
  await books.addPlans(2);

  const pieces: string[] = [];
  const { accountId } = owner;
  await exportAccount(from.store, { account: accountId, file: null, moves }, () => from.clock.ms, async (text) => void pieces.push(text));
  await importAccount(to.store, Readable.from(pieces.map((text) => Buffer.from(text))), () => to.clock.ms);
  url = to.server.url;
  const person = await openSession(to.store, () => to.clock.ms, to.server.client, owner);
  await desk.storeToken(person.token);
  await desk.reopen();
  return { desk, person, behind: 4 };
}
