// Store suite: opening, closing and reopening.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EPOCH } from '../../../shared/clock.ts';
import type { Session, Store } from '../../../server/store.ts';
import {
  assertRejects, collect, content, create, readAll, newAccount, newId, newSession, openFixture, remove, START_MS,
  type Fixture, type TestDatabase,
} from './fixture.ts';

export function lifecycleTests(fixture: Fixture, newDatabase: () => Promise<TestDatabase>): void {
  test('an open store passes its checks', async () => {
    await fixture.store.check();
    await fixture.store.checkClock();
  });

  test('all data is still there after reopening the store', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const { store } = await openFixture(database);
    const accountId = await newAccount(store);
    const { id: userId } = await create(store, accountId, 'users');
    const session = newSession({ accountId, userId });
    await store.openSession(session);
    await remove(store, accountId, await create(store, accountId, 'plans'));
    await remove(store, accountId, await create(store, accountId, 'plans'));
    await store.write(accountId, async (transaction) => {
      transaction.claimAddress('ada@example.com', userId);
      transaction.nextNumber('INV-2026');
      transaction.saveReply({ key: 'k', fingerprint: 'f', body: 'b', keptAtMs: START_MS });
      await transaction.prune(transaction.account.clock, 0);
    });
    const before = await everythingOf(store, session);
    await store.close();

    const { store: again } = await openFixture(database);
    t.after(() => again.close());
    assert.deepEqual(await everythingOf(again, session), before);
    assert.equal(await again.write(accountId, async (transaction) => transaction.nextNumber('INV-2026')), 2);
  });

  test('renewing epochs changes the epoch of every account and nothing else, for all who read it', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const [{ store }, { store: other }] = [await openFixture(database), await openFixture(database)];
    t.after(() => Promise.all([store.close(), other.close()]));
    const accounts = [await newAccount(store), await newAccount(store)];
    for (const accountId of accounts) await create(store, accountId, 'plans');
    const before = await Promise.all(accounts.map((accountId) => readAll(other, accountId)));
    await store.renewEpochs();
    const after = await Promise.all(accounts.map((accountId) => readAll(other, accountId)));
    for (const [index, { account, changes }] of after.entries()) {
      assert.notEqual(account.epoch, before[index]?.account.epoch);
      assert.deepEqual({ account: { ...account, epoch: before[index]?.account.epoch }, changes }, before[index]);
    }
  });

  test('every connection to a database has the same key for fingerprints, and every database another one', async (t) => {
    const [database, foreign] = [await newDatabase(), await newDatabase()];
    t.after(() => Promise.all([database.remove(), foreign.remove()]));
    const opened = await Promise.all([database, database, foreign].map((one) => openFixture(one)));
    t.after(() => Promise.all(opened.map(({ store }) => store.close())));
    const [one, same, another] = opened.map(({ store }) => store.fingerprintKey);
    assert.match(one ?? '', /^[\w-]{43}$/);
    assert.equal(same, one);
    assert.notEqual(another, one);
  });

  test('a closed store rejects every call as unavailable', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const { store } = await openFixture(database);
    const accountId = await newAccount(store);
    const session = newSession({ accountId, userId: newId() });
    await store.close();
    await store.close();
    const calls: readonly (() => Promise<unknown>)[] = [
      () => store.check(),
      () => store.checkClock(),
      () => store.acceptClock(),
      () => store.createAccount(newId()),
      () => store.listAccounts(),
      () => store.renewEpochs(),
      () => store.findAddress('a@example.com'),
      () => store.openSession(session),
      () => store.renewSession(accountId, session.sessionId, { from: 'a', to: 'b', expiresAtMs: 0, previousEndsAtMs: 0 }),
      () => store.noteSessions([{ ...session, syncedTo: null }]),
      () => store.listSessions(accountId),
      () => store.counters.take([{ key: 'k', max: 1, endsAtMs: START_MS }]),
      () => store.noteFullPull(accountId, session.sessionId, EPOCH),
      () => store.identify(accountId, session.sessionId, session.userId),
      () => store.get(accountId, 'plans', newId()),
      () => store.snapshot(accountId, async () => {}),
      () => store.latestClock(accountId),
      () => store.isPruneDue(accountId, EPOCH, 0),
      () => store.write(accountId, async () => {}),
    ];
    for (const call of calls) await assertRejects(call(), 'unavailable');
  });

  test('closing waits for earlier writes', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const { store } = await openFixture(database);
    const accountId = await newAccount(store);
    const writes = Promise.all(Array.from({ length: 10 }, (_, index) => (
      store.write(accountId, async (transaction) => transaction.put('plans', newId(), content({ index }), null))
    )));
    await store.close();
    const instants = await writes;
    const { store: again } = await openFixture(database);
    t.after(() => again.close());
    assert.deepEqual((await readAll(again, accountId)).changes.map(({ at }) => at), instants.sort((a, b) => a - b));
  });

  test('closing waits for a snapshot that is being read', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const { store } = await openFixture(database);
    const accountId = await newAccount(store);
    await create(store, accountId, 'plans');
    let closing: Promise<void> | undefined;
    const seen = await store.snapshot(accountId, async (snapshot) => {
      closing = store.close();
      return collect(snapshot);
    });
    assert.equal(seen.length, 1);
    await closing;
  });
}

async function everythingOf(store: Store, { accountId, sessionId, userId }: Session): Promise<unknown> {
  return {
    accounts: await store.listAccounts(),
    fingerprintKey: store.fingerprintKey,
    seen: await readAll(store, accountId),
    address: await store.findAddress('ada@example.com'),
    identity: await store.identify(accountId, sessionId, userId),
    answer: await store.write(accountId, (transaction) => transaction.findReply('k')),
  };
}
