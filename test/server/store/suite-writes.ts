// Store suite: the effects of a write, what it sees, and concurrent writes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EPOCH, instantFromMs } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import type { StoredRecord } from '../../../server/store.ts';
import {
  assertConsistent, assertRejects, assertRising, content, create, readAll, newAccount, newId, newSession, remove, replace, START_MS,
  type Fixture,
} from './fixture.ts';

export function writeTests(fixture: Fixture): void {
  test('a new account is empty and its clock is the current time', async () => {
    const accountId = await newAccount(fixture.store);
    const { account, changes } = await readAll(fixture.store, accountId);
    const { epoch, ...rest } = account;
    assert.deepEqual(rest, { accountId, clock: instantFromMs(START_MS), horizon: EPOCH, digest: {}, numbers: {}, audited: 0, pausedMs: 0 });
    assert.match(epoch, /^[\w-]{16}$/);
    assert.deepEqual(changes, []);
    assert((await fixture.store.listAccounts()).includes(accountId));
  });

  test('every change has a distinct instant even if the clock stands still', async () => {
    const accountId = await newAccount(fixture.store);
    const instants = await fixture.store.write(accountId, async (transaction) => (
      ['plans', 'customers', 'plans'].map((collection) => transaction.put(collection, newId(), content({}), null))
    ));
    instants.push((await create(fixture.store, accountId, 'plans')).at);
    const first = instantFromMs(START_MS);
    assert.deepEqual(instants, [first + 1, first + 2, first + 3, first + 4]);
    const { account, changes } = await readAll(fixture.store, accountId);
    assert.deepEqual(changes.map(({ at }) => at), instants);
    assert.equal(account.clock, instants.at(-1));
  });

  test('a change is stamped with the clock, to the microsecond', async (t) => {
    const { store, clock } = fixture;
    const accountId = await newAccount(store);
    t.after(() => { clock.nowMs = START_MS; });
    clock.nowMs = START_MS + 60_000.25;
    assert.equal((await create(store, accountId, 'plans')).at, (START_MS + 60_000) * 1000 + 250);
  });

  test('instants keep rising when the clock steps back an hour', async (t) => {
    const { store, clock } = fixture;
    const accountId = await newAccount(store);
    t.after(() => { clock.nowMs = START_MS; });
    clock.nowMs = START_MS + 3_600_000;
    const before = await create(store, accountId, 'plans');
    clock.nowMs = START_MS;
    const created = await create(store, accountId, 'customers');
    const replaced = await replace(store, accountId, before, { name: 'later' });
    const removed = await remove(store, accountId, created);
    assertRising([before.at, created.at, replaced, removed]);
    assertConsistent(await readAll(store, accountId));
  });

  test('the digest matches the records after creating, replacing and removing', async () => {
    const accountId = await newAccount(fixture.store);
    const records: StoredRecord[] = [];
    for (const collection of ['users', 'plans', 'customers', 'invoices', 'plans']) {
      records.push(await create(fixture.store, accountId, collection, { name: 'Grüße – 請求書 🧾', collection }));
    }
    const [user, plan, customer] = records;
    assert(user && plan && customer);
    await replace(fixture.store, accountId, plan, { name: 'replaced' });
    await replace(fixture.store, accountId, plan, { name: 'replaced again' });
    await remove(fixture.store, accountId, customer);
    const seen = await readAll(fixture.store, accountId);
    assertConsistent(seen);
    assert.equal(seen.account.digest['plans']?.count, 2);
    assert.equal(seen.account.digest['customers']?.count, 0);
  });

  test('a record that is put back as it was read, with another secret, is a change with an instant of its own', async () => {
    const accountId = await newAccount(fixture.store);
    const before = await create(fixture.store, accountId, 'users');
    await fixture.store.write(accountId, async (transaction) =>
      transaction.put('users', before.id, { ...before, secret: '{"passwordHash":"new"}' }, before));
    const seen = await readAll(fixture.store, accountId);
    assertConsistent(seen);
    assertRising([before.at, ...seen.changes.map(({ at }) => at)]);
  });

  test('a record is stored byte for byte', async () => {
    const accountId = await newAccount(fixture.store);
    const payload = `{"name":"\\u00e9 é \\ud83e\\uddfe 🧾 \\"q\\" \\n","order":{"b":1,"a":2},"long":"${'ß'.repeat(300_000)}"}`;
    const given = { payload, secret: '{"passwordHash":"h"}', references: [newId(), newId()] };
    const id = newId();
    const at = await fixture.store.write(accountId, async (transaction) => transaction.put('customers', id, given, null));
    assert.deepEqual(await fixture.store.get(accountId, 'customers', id), { collection: 'customers', id, at, ...given });
    const [change] = (await readAll(fixture.store, accountId)).changes;
    // Compared as text: printing the difference between two long buffers takes minutes.
    assert.deepEqual({ ...change, payload: String(change?.payload) }, { collection: 'customers', id, at, payload });
  });

  test('a write that throws leaves nothing behind', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const kept = await create(store, accountId, 'plans');
    const removed = await create(store, accountId, 'plans');
    const userId = newId();
    const email = `${userId}@example.com`;
    await store.openSession(newSession({ accountId, userId }));
    const before = await readAll(store, accountId);
    await assertRejects(store.write(accountId, async (transaction) => {
      transaction.put('plans', kept.id, content({ name: 'changed' }), kept);
      transaction.put('customers', newId(), content({}), null);
      transaction.remove(removed);
      transaction.nextNumber('INV-2026');
      transaction.claimAddress(email, userId);
      transaction.endSessionsOf(userId);
      transaction.saveReply({ key: 'k', fingerprint: 'f', body: 'b', keptAtMs: 1 });
      await transaction.prune(before.account.clock, START_MS);
      throw new AppError('precondition_failed', 'no');
    }), 'precondition_failed');
    assert.deepEqual(await readAll(store, accountId), before);
    assert.equal(await store.findAddress(email), null);
    assert.equal(await store.write(accountId, (transaction) => transaction.findReply('k')), null);
    assert.equal(await store.write(accountId, async (transaction) => transaction.nextNumber('INV-2026')), 1);
  });

  test('an unknown error is passed on unchanged', async () => {
    const accountId = await newAccount(fixture.store);
    const thrown = new TypeError('a bug');
    await assert.rejects(fixture.store.write(accountId, async () => { throw thrown; }), (error) => error === thrown);
  });

  test('in a batch of writes only the failing ones are undone', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, (_, index) => store.write(accountId, async (transaction) => {
      const number = transaction.nextNumber('S');
      const at = transaction.put('plans', newId(), content({ index, number }), null);
      if (index % 3 === 1) throw new AppError('conflict', `number ${index} fails`);
      return { number, at };
    })));
    const kept = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    assert.deepEqual(outcomes.map(({ status }) => status === 'rejected'), outcomes.map((_, index) => index % 3 === 1));
    assert.deepEqual(kept.map(({ number }) => number).sort((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8]);
    const seen = await readAll(store, accountId);
    assertConsistent(seen);
    assert.deepEqual(seen.changes.map(({ at }) => at), kept.map(({ at }) => at).sort((a, b) => a - b));
  });

  test('20 concurrent writers get distinct instants and numbers without gaps', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const results = (await Promise.all(Array.from({ length: 20 }, async (_, writer) => {
      const mine = [];
      for (let round = 0; round < 5; round += 1) {
        mine.push(await store.write(accountId, async (transaction) => {
          const number = transaction.nextNumber('INV-2026');
          return { number, at: transaction.put('invoices', newId(), content({ writer, round, number }), null) };
        }));
      }
      assertRising(mine.map(({ at }) => at));
      return mine;
    }))).flat().sort((a, b) => a.at - b.at);
    assertRising(results.map(({ at }) => at));
    assert.deepEqual(results.map(({ number }) => number), results.map((_, index) => index + 1));
    const seen = await readAll(store, accountId);
    assertConsistent(seen);
    assert.equal(seen.changes.length, 100);
    assert.deepEqual(seen.account.numbers, { 'INV-2026': 100 });
  });

  test('no update is lost when 20 concurrent writers read and replace one record', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const { id } = await create(store, accountId, 'plans', { count: 0 });
    await Promise.all(Array.from({ length: 20 }, () => store.write(accountId, async (transaction) => {
      const record = await transaction.get('plans', id);
      assert(record);
      const { count } = JSON.parse(record.payload) as { count: number };
      transaction.put('plans', id, content({ count: count + 1 }), record);
    })));
    assert.equal((await store.get(accountId, 'plans', id))?.payload, '{"count":20}');
    assertConsistent(await readAll(store, accountId));
  });

  test('each of several writes that queue sees what those before it did, although they are committed together', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const customer = await create(store, accountId, 'customers');
    const [id, other, key] = [newId(), newId(), newId()];
    const reply = { key, fingerprint: 'f', body: 'b', keptAtMs: START_MS };
    const reads = { reply: key, records: [['customers', customer.id], ['invoices', id]] } as const;
    const look = (): Promise<unknown> => store.write(accountId, async (transaction) => [
      (await transaction.get('invoices', id))?.payload, (await transaction.get('invoices', other))?.payload,
      (await transaction.referrers('invoices', customer.id, 1)).length > 0, (await transaction.list('invoices')).length,
      (await transaction.findReply(key))?.body, (await transaction.get('customers', customer.id))?.payload,
    ], reads);
    const putInvoice = (of: string, payload: object) => store.write(accountId, async (transaction) =>
      transaction.put('invoices', of, content(payload, [customer.id]), await transaction.get('invoices', of)), reads);
    const removeInvoice = (of: string) => store.write(accountId, async (transaction) => {
      const record = await transaction.get('invoices', of);
      assert(record);
      return transaction.remove(record);
    }, reads);
    const seen = await Promise.all([
      look(),
      putInvoice(id, { put: 1 }),
      store.write(accountId, async (transaction) => transaction.saveReply(reply), reads),
      look(),
      putInvoice(id, { put: 2 }),
      removeInvoice(id),
      putInvoice(other, { put: 3 }),
      putInvoice(other, { put: 4 }),
      store.write(accountId, async (transaction) => transaction.prune(EPOCH, START_MS + 1), reads),
      look(),
      putInvoice(other, { put: 5 }),
      removeInvoice(other),
      look(),
    ]);
    const name = '{"name":"n"}';
    assert.deepEqual([0, 3, 9, 12].map((index) => seen[index]), [
      [undefined, undefined, false, 0, undefined, name], ['{"put":1}', undefined, true, 1, 'b', name],
      [undefined, '{"put":4}', true, 1, undefined, name], [undefined, undefined, false, 0, undefined, name],
    ]);
    const after = await readAll(store, accountId);
    assertConsistent(after);
    assert.equal(after.account.clock, seen[11]);
  });

  test('a write sees the state before it and not its own changes', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const plan = await create(store, accountId, 'plans', { name: 'before' });
    const { clock } = (await readAll(store, accountId)).account;
    await store.write(accountId, async (transaction) => {
      transaction.put('plans', plan.id, content({ name: 'after' }), plan);
      transaction.put('plans', newId(), content({ name: 'new' }), null);
      assert.equal(transaction.accountId, accountId);
      assert.equal(transaction.account.clock, clock);
      assert.deepEqual(await transaction.get('plans', plan.id), plan);
      assert.deepEqual(await transaction.list('plans'), [plan]);
    });
    assert.equal((await store.get(accountId, 'plans', plan.id))?.payload, '{"name":"after"}');
  });

  test('a write may read concurrently', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const plans = await Promise.all(Array.from({ length: 8 }, (_, index) => create(store, accountId, 'plans', { index })));
    const found = await store.write(accountId, async (transaction) => {
      const [listed, ...each] = await Promise.all([transaction.list('plans'), ...plans.map(({ id }) => transaction.get('plans', id))]);
      return { listed, each };
    });
    assert.deepEqual(found.each, plans);
    assert.deepEqual(new Set(found.listed.map(({ id }) => id)), new Set(plans.map(({ id }) => id)));
  });

  test('a removed record is absent from every read', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const plan = await create(store, accountId, 'plans');
    await remove(store, accountId, plan);
    assert.equal(await store.get(accountId, 'plans', plan.id), null);
    await store.write(accountId, async (transaction) => {
      assert.equal(await transaction.get('plans', plan.id), null);
      assert.deepEqual(await transaction.list('plans'), []);
    });
  });

  test('records refer to another for as long as they say so', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const target = newId();
    const referrers = async (): Promise<readonly string[]> =>
      (await store.write(accountId, (transaction) => transaction.referrers('invoices', target, 2))).map(({ id }) => id).sort();
    const first = await create(store, accountId, 'invoices', {}, [newId(), target]);
    const second = await create(store, accountId, 'invoices', {}, [target]);
    await create(store, accountId, 'customers', {}, [newId()]);
    assert.deepEqual(await referrers(), [first.id, second.id].sort());
    assert.equal((await store.write(accountId, (transaction) => transaction.referrers('invoices', target, 1))).length, 1);
    assert.deepEqual(await store.write(accountId, (transaction) => transaction.referrers('customers', target, 1)), []);
    await replace(store, accountId, first, {});
    assert.deepEqual(await referrers(), [second.id]);
    await remove(store, accountId, second);
    assert.deepEqual(await referrers(), []);
  });

  test('number series are independent', async () => {
    const accountId = await newAccount(fixture.store);
    const numbers = await fixture.store.write(accountId, async (transaction) => (
      ['INV-2025', 'INV-2026', 'INV-2026', 'INV-2025'].map((series) => transaction.nextNumber(series))
    ));
    assert.deepEqual(numbers, [1, 1, 2, 2]);
  });

  test('one write can put 2,000 records', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    await store.write(accountId, async (transaction) => {
      for (let index = 0; index < 2000; index += 1) {
        transaction.put(index % 2 === 0 ? 'customers' : 'invoices', newId(), content({ index, text: 'x'.repeat(500) }), null);
      }
    });
    const seen = await readAll(store, accountId);
    assert.equal(seen.changes.length, 2000);
    assertConsistent(seen);
  });

  test('writers of different accounts do not affect each other', async () => {
    const { store } = fixture;
    const accounts = await Promise.all(Array.from({ length: 5 }, () => newAccount(store)));
    await Promise.all(accounts.flatMap((accountId) => [1, 2, 3, 4, 5, 6].map((index) => create(store, accountId, 'plans', { index }))));
    for (const accountId of accounts) {
      const seen = await readAll(store, accountId);
      assert.equal(seen.changes.length, 6);
      assertConsistent(seen);
    }
  });

  test('an unknown account is rejected as unauthorized', async () => {
    await assertRejects(fixture.store.write(newId(), async () => {}), 'unauthorized');
    await assertRejects(fixture.store.snapshot(newId(), async () => {}), 'unauthorized');
    await assertRejects(fixture.store.latestClock(newId()), 'unauthorized');
  });
}
