// Store suite: snapshots, the order of changes across collections, tombstones and pruning.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { EPOCH, type Instant } from '../../../shared/clock.ts';
import type { Change } from '../../../shared/feed.ts';
import { pruneBatchSize, type Store } from '../../../server/store.ts';
import {
  assertConsistent, assertSameChanges, collect, content, create, everything, newAccount, newId, readAll, remove, replace, START_MS,
  type Fixture,
} from './fixture.ts';

export function feedTests(fixture: Fixture): void {
  test('a snapshot does not see writes that commit while it is read', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    await fill(store, accountId, 1200, ['plans', 'customers', 'invoices']);
    const before = await readAll(store, accountId);
    const seen = await store.snapshot(accountId, async (snapshot) => {
      const changes: Change[] = [];
      for await (const batch of snapshot.changes(everything)) {
        if (changes.length === 0) await disturb(store, accountId, before.changes);
        changes.push(...batch.map((change) => ({ ...change })));
      }
      return { account: snapshot.account, changes };
    });
    assert.deepEqual(seen.account, before.account);
    assertSameChanges(seen.changes, before.changes);
    assertConsistent(seen);
    const after = await readAll(store, accountId);
    assertConsistent(after);
    assert.equal(after.account.clock, before.account.clock + 3);
  });

  test('several reads of one snapshot see the same state', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    await fill(store, accountId, 10, ['plans', 'customers']);
    const [first, second] = await store.snapshot(accountId, async (snapshot) => {
      const before = await collect(snapshot);
      await disturb(store, accountId, before);
      return [before, await collect(snapshot)];
    });
    assert.equal(first?.length, 10);
    assertSameChanges(second ?? [], first ?? []);
  });

  test('every snapshot taken during concurrent writes is consistent', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    let isWriting = true;
    const writers = Promise.all(Array.from({ length: 4 }, async (_, writer) => {
      for (let round = 0; round < 10; round += 1) {
        const record = await create(store, accountId, writer % 2 === 0 ? 'plans' : 'customers', { writer, round });
        if (round % 2 === 0) await remove(store, accountId, record);
        else await replace(store, accountId, record, { writer, round, replaced: true });
      }
    })).finally(() => { isWriting = false; });
    let clock: Instant = EPOCH;
    while (isWriting) {
      const seen = await readAll(store, accountId);
      // The embedded store answers within one turn of the event loop, so yield to the writers.
      await setImmediate();
      assertConsistent(seen);
      assert(seen.account.clock >= clock, 'the clock went back');
      clock = seen.account.clock;
    }
    await writers;
  });

  test('a snapshot sees every write acknowledged before it', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    for (let round = 0; round < 10; round += 1) {
      const { at } = await create(store, accountId, 'plans', { round });
      assert.equal((await readAll(store, accountId, { after: (at - 1) as Instant })).changes[0]?.at, at);
    }
  });

  test('changes come oldest first across all collections', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const written = await fill(store, accountId, 1300, ['invoices', 'plans', 'users', 'customers', 'invoices']);
    const { changes } = await readAll(store, accountId);
    assertSameChanges(changes, written);
  });

  test('a page holds the oldest changes after its cursor, for any limit', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const written = await fill(store, accountId, 1300, ['invoices', 'plans', 'customers']);
    for (const limit of [1, 2, 99, 100, 101, 499, 500, 501, 1000, 1299, 1300, 1301]) {
      assertSameChanges((await readAll(store, accountId, { limit })).changes, written.slice(0, limit));
    }
    const cursor = written[612]?.at ?? EPOCH;
    assertSameChanges((await readAll(store, accountId, { after: cursor, limit: 300 })).changes, written.slice(613, 913));
  });

  test('pages of any size add up to the whole feed', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const written = await fill(store, accountId, 500, ['plans', 'customers', 'plans']);
    const paged: Change[] = [];
    for (let limit = 1; paged.length < written.length; limit += 7) {
      paged.push(...(await readAll(store, accountId, { after: paged.at(-1)?.at ?? EPOCH, limit })).changes);
    }
    assertSameChanges(paged, written);
  });

  test('no change is skipped where the reads of a source end, whether of many records, few records or tombstones', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const removed = await fill(store, accountId, 45, ['customers']);
    await fill(store, accountId, 513, ['invoices']);
    await fill(store, accountId, 512, ['plans']);
    await store.write(accountId, async (transaction) => {
      for (const { collection, id } of removed) {
        const record = await transaction.get(collection, id);
        assert(record);
        transaction.remove(record);
      }
    });
    await fill(store, accountId, 3, ['users']);
    const whole = await readAll(store, accountId);
    assert.equal(whole.changes.length, 513 + 512 + 45 + 3);
    assert.equal(whole.changes.filter(({ payload }) => payload === null).length, 45);
    assertConsistent(whole);
    for (const limit of [20, 45, 512, 513, 1025, 1026]) {
      const paged: Change[] = [];
      while (paged.length < whole.changes.length) {
        const { changes } = await readAll(store, accountId, { after: paged.at(-1)?.at ?? EPOCH, limit });
        assert.equal(changes.length, Math.min(limit, whole.changes.length - paged.length));
        paged.push(...changes);
      }
      assertSameChanges(paged, whole.changes);
    }
  });

  test('records so large that only a few fit into one database reply are all returned', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const text = 'x'.repeat(200_000);
    for (let round = 0; round < 6; round += 1) {
      await store.write(accountId, async (transaction) => {
        for (let index = 0; index < 25; index += 1) {
          transaction.put(index % 5 === 0 ? 'plans' : 'invoices', newId(), content({ text, index }), null);
        }
      });
    }
    const all = await readAll(store, accountId);
    assert.equal(all.changes.length, 150);
    assertConsistent(all);
  });

  test('there are no changes after the newest one', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    await fill(store, accountId, 3, ['plans']);
    const { account } = await readAll(store, accountId);
    assert.deepEqual((await readAll(store, accountId, { after: account.clock })).changes, []);
  });

  test('only the requested collections are returned', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const plan = await create(store, accountId, 'plans');
    const user = await create(store, accountId, 'users');
    const gone = await create(store, accountId, 'users');
    await remove(store, accountId, gone);
    const { changes } = await readAll(store, accountId, { collections: ['plans', 'customers', 'invoices'] });
    assert.deepEqual(changes.map(({ id }) => id), [plan.id]);
    const { changes: users } = await readAll(store, accountId, { collections: ['users'] });
    assert.deepEqual(users.map(({ id }) => id), [user.id, gone.id]);
  });

  test('a record appears in the feed once, at its last change', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const first = await create(store, accountId, 'plans', { name: 'first' });
    const second = await create(store, accountId, 'customers', { name: 'second' });
    const at = await replace(store, accountId, first, { name: 'changed' });
    assert.deepEqual((await readAll(store, accountId)).changes, [
      { collection: 'customers', id: second.id, at: second.at, payload: Buffer.from(second.payload) },
      { collection: 'plans', id: first.id, at, payload: Buffer.from('{"name":"changed"}') },
    ]);
  });

  test('a removed record leaves a tombstone, which is returned only on request', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const gone = await create(store, accountId, 'plans');
    const stays = await create(store, accountId, 'plans');
    const at = await remove(store, accountId, gone);
    const { changes: newer } = await readAll(store, accountId, { after: stays.at });
    assert.deepEqual(newer, [{ collection: 'plans', id: gone.id, at, payload: null }]);
    const { changes } = await readAll(store, accountId, { tombstonesAfter: null });
    assert.deepEqual(changes.map(({ id }) => id), [stays.id]);
  });

  test('pruning removes old tombstones and raises the horizon to the newest of them', async (t) => {
    const { store, clock } = fixture;
    const accountId = await newAccount(store);
    const records = await Promise.all([1, 2, 3].map((index) => create(store, accountId, 'plans', { index })));
    t.after(() => { clock.nowMs = START_MS; });
    const instants: Instant[] = [];
    for (const record of records) {
      clock.nowMs += 60_000;
      instants.push(await remove(store, accountId, record));
    }
    const stays = await create(store, accountId, 'customers');
    const before = await readAll(store, accountId);
    const [, second = EPOCH, third = EPOCH] = instants;
    const until = (third - 1) as Instant;
    await store.write(accountId, (transaction) => transaction.prune(until, 0));
    const after = await readAll(store, accountId);
    assert.deepEqual(after.changes.map(({ at }) => at), [third, stays.at]);
    assert.deepEqual(after.account, { ...before.account, horizon: second });
    assertConsistent(after);
  });

  test('pruning includes a tombstone of exactly the given instant, and never lowers the horizon', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const at = await remove(store, accountId, await create(store, accountId, 'plans'));
    for (const until of [at, EPOCH, at]) {
      await store.write(accountId, (transaction) => transaction.prune(until, 0));
      assert.equal((await readAll(store, accountId)).account.horizon, at);
    }
  });

  test('pruning removes a batch at a time, the oldest tombstones first, until nothing is due', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const count = 2 * pruneBatchSize + 1;
    await fill(store, accountId, count, ['plans']);
    const removed = await store.write(accountId, async (transaction) =>
      (await transaction.list('plans')).map((record) => transaction.remove(record)));
    const stays = await create(store, accountId, 'plans');
    const isDue = (until: Instant): Promise<boolean> => store.isPruneDue(accountId, until, 0);
    assert.equal(await isDue((Math.min(...removed) - 1) as Instant), false);
    for (const left of [pruneBatchSize + 1, 1, 0]) {
      assert.equal(await isDue(stays.at), true);
      await store.write(accountId, (transaction) => transaction.prune(stays.at, 0));
      const { account, changes } = await readAll(store, accountId);
      assert.deepEqual(changes.map(({ at }) => at), [...removed.slice(count - left), stays.at]);
      assert.equal(account.horizon, removed[count - left - 1]);
    }
    assert.equal(await isDue(stays.at), false);
  });

  test('pruning without old tombstones changes nothing', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const record = await create(store, accountId, 'plans');
    await remove(store, accountId, record);
    const before = await readAll(store, accountId);
    await store.write(accountId, (transaction) => transaction.prune(record.at, START_MS));
    assert.deepEqual(await readAll(store, accountId), before);
  });

  test('fifty readers in a row may stop in the middle', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const written = await fill(store, accountId, 1200, ['plans', 'customers', 'invoices']);
    for (let round = 0; round < 50; round += 1) {
      const first = await store.snapshot(accountId, async (snapshot) => {
        for await (const batch of snapshot.changes(everything)) return batch[0];
        return undefined;
      });
      assert.equal(first?.at, written[0]?.at);
    }
  });

  test('an error thrown by a reader is passed on, and the store stays usable', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    await fill(store, accountId, 10, ['plans']);
    const thrown = new RangeError('reader');
    await assert.rejects(store.snapshot(accountId, async (snapshot) => {
      for await (const _ of snapshot.changes(everything)) throw thrown;
    }), (error) => error === thrown);
    assertConsistent(await readAll(store, accountId));
  });

  test('the linearizable clock is that of the last write', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const { at } = await create(store, accountId, 'plans');
    assert.equal(await store.latestClock(accountId), at);
  });
}

/** Puts records in one write, cycling through the collections, and returns them as the feed should. */
async function fill(store: Store, accountId: string, count: number, into: readonly string[]): Promise<Change[]> {
  return store.write(accountId, async (transaction) => Array.from({ length: count }, (_, index) => {
    const collection = into[index % into.length] ?? 'plans';
    const id = newId();
    const { payload, ...rest } = content({ index, text: 'x'.repeat(index % 300) });
    return { collection, id, at: transaction.put(collection, id, { payload, ...rest }, null), payload: Buffer.from(payload) };
  }));
}

/** Creates a record, and removes and replaces one each from the end of the feed. */
async function disturb(store: Store, accountId: string, changes: readonly Change[]): Promise<void> {
  const [replaced, removed] = changes.slice(-2);
  assert(replaced && removed);
  await store.write(accountId, async (transaction) => {
    const [old, gone] = [await transaction.get(replaced.collection, replaced.id), await transaction.get(removed.collection, removed.id)];
    assert(old && gone);
    transaction.put(old.collection, old.id, content({ replaced: true }), old);
    transaction.remove(gone);
    transaction.put('customers', newId(), content({ added: true }), null);
  });
}
