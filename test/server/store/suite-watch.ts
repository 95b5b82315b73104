// Store suite: watching an account's clock.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Store } from '../../../server/store.ts';
import { create, depsOf, readAll, newAccount, openFixture, remove, START_MS, type Fixture, type TestDatabase } from './fixture.ts';

export function watchTests(fixture: Fixture, newDatabase: () => Promise<TestDatabase>): void {
  test('a watcher is called once a change can be read, for every kind of change', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const watched = watch(store, accountId);
    const plan = await create(store, accountId, 'plans');
    await watched.reaches(plan.at);
    await watched.reaches(await remove(store, accountId, plan));
    watched.stop();
  });

  test('a write immediately after the watch began is reported', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    for (let round = 0; round < 5; round += 1) {
      const watched = watch(store, accountId);
      await watched.reaches((await create(store, accountId, 'plans')).at);
      watched.stop();
    }
  });

  test('every watcher of an account is called, but not after it has stopped', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    let calls = 0;
    const count = (): void => { calls += 1; };
    const [one, same] = [store.watch(accountId, count), store.watch(accountId, count)];
    const [first, second] = [watch(store, accountId), watch(store, accountId)];
    const { at } = await create(store, accountId, 'plans');
    await Promise.all([first.reaches(at), second.reaches(at)]);
    assert(calls >= 2);
    one();
    one();
    same();
    first.stop();
    const stoppedAt = [calls, first.calls];
    await second.reaches((await create(store, accountId, 'plans')).at);
    assert.deepEqual([calls, first.calls], stoppedAt);
    second.stop();
  });

  test('a write through another connection to the database is reported', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const { store } = await openFixture(database);
    t.after(() => store.close());
    const other = await database.open(depsOf({ nowMs: START_MS }));
    t.after(() => other.close());
    const accountId = await newAccount(store);
    const watched = watch(store, accountId);
    for (let round = 0; round < 2; round += 1) await watched.reaches((await create(other, accountId, 'plans')).at);
    watched.stop();
  });

  test('closing ends every watch, and a closed store reports nothing', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const { store } = await openFixture(database);
    const accountId = await newAccount(store);
    const watched = watch(store, accountId);
    await watched.reaches((await create(store, accountId, 'plans')).at);
    await store.close();
    const callsAtClose = watched.calls;
    const late = watch(store, accountId);
    const { store: again } = await openFixture(database);
    t.after(() => again.close());
    const onAgain = watch(again, accountId);
    await onAgain.reaches((await create(again, accountId, 'plans')).at);
    onAgain.stop();
    assert.deepEqual([watched.calls, late.calls], [callsAtClose, 0]);
    watched.stop();
    late.stop();
  });
}

export interface Watched {
  readonly calls: number;
  /** Resolves after a call at which the account's clock is `at` or later. */
  reaches(at: number): Promise<void>;
  stop(): void;
}

/** Watches an account and reads its clock at every call. */
export function watch(store: Store, accountId: string): Watched {
  let calls = 0;
  let called = Promise.withResolvers<void>();
  const stop = store.watch(accountId, () => {
    calls += 1;
    called.resolve();
    called = Promise.withResolvers();
  });
  return {
    get calls() { return calls; },
    async reaches(at) {
      for (let looked = 0; ;) {
        while (calls === looked) await called.promise;
        looked = calls;
        if ((await readAll(store, accountId)).account.clock >= at) return;
      }
    },
    stop,
  };
}
