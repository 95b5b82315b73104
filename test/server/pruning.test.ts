// Pruning: in short writes, only where something is due, and past an account that fails.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { instantFromMs } from '../../shared/clock.ts';
import { adminEntry } from '../../server/audit.ts';
import { pruneAccounts, startPruning, type PruningDeps } from '../../server/pruning.ts';
import { pruneBatchSize, type Store } from '../../server/store.ts';
import { openStore, prepare, stores, type TestStore } from './harness.ts';
import { content, create, newAccount, newId, readAll, remove, START_MS } from './store/fixture.ts';

const DAY_MS = 86_400_000;
const never = (): boolean => false;

async function openEmpty(t: TestContext, testStore: TestStore): Promise<{ store: Store; clock: { ms: number } }> {
  const installation = await prepare(testStore);
  const clock = { ms: START_MS };
  const store = await openStore(installation, () => clock.ms);
  t.after(async () => {
    await store.close();
    await installation.remove();
  });
  return { store, clock };
}

/** Counts the writes of each account; those of `failing` are rejected. */
function pruningDeps(store: Store, nowMs: () => number, failing: string | null = null): {
  deps: PruningDeps; writes: string[]; logged: { readonly accountId?: unknown; readonly error?: unknown }[];
} {
  const writes: string[] = [];
  const logged: { readonly accountId?: unknown; readonly error?: unknown }[] = [];
  const deps: PruningDeps = {
    store: {
      checkClock: () => store.checkClock(),
      counters: store.counters,
      listAccounts: () => store.listAccounts(),
      snapshot: (...read) => store.snapshot(...read),
      isPruneDue: (...due) => store.isPruneDue(...due),
      async write(accountId, change) {
        writes.push(accountId);
        if (accountId === failing) throw new Error('this account cannot be written');
        return store.write(accountId, change);
      },
    },
    tombstoneDays: 90, auditDays: 3650, nowMs, log: (_level, _event, facts = {}) => void logged.push(facts),
  };
  return { deps, writes, logged };
}

for (const testStore of stores) {
  describe(`pruning, on ${testStore.kind}`, { skip: testStore.skip }, () => {
    test('goes on with the other accounts when one of them fails, and reports that one', async (t) => {
      const { store, clock } = await openEmpty(t, testStore);
      const accounts = [await newAccount(store), await newAccount(store), await newAccount(store)].sort();
      for (const accountId of accounts) await remove(store, accountId, await create(store, accountId, 'plans'));
      clock.ms += 91 * DAY_MS;
      const [failing = '', ...others] = accounts;
      const { deps, writes, logged } = pruningDeps(store, () => clock.ms, failing);
      await pruneAccounts(deps, never);
      assert.deepEqual(writes, accounts);
      assert.deepEqual(logged.map(({ accountId }) => accountId), [failing]);
      for (const accountId of others) assert.deepEqual((await readAll(store, accountId)).changes, []);
      assert.equal((await readAll(store, failing)).changes.length, 1);
    });

    test('writes nothing to an account where nothing is due', async (t) => {
      const { store, clock } = await openEmpty(t, testStore);
      const [idle, recent, due] = [await newAccount(store), await newAccount(store), await newAccount(store)];
      await remove(store, due, await create(store, due, 'plans'));
      clock.ms += 91 * DAY_MS;
      await remove(store, recent, await create(store, recent, 'plans'));
      const { deps, writes } = pruningDeps(store, () => clock.ms);
      await pruneAccounts(deps, never);
      assert.deepEqual(writes, [due]);
      await pruneAccounts(deps, never);
      assert.deepEqual(writes, [due]);
      assert.equal((await readAll(store, idle)).account.horizon, 0);
    });

    test('removes a mass deletion in several writes, between which others are accepted', async (t) => {
      const { store, clock } = await openEmpty(t, testStore);
      const accountId = await newAccount(store);
      await store.write(accountId, async (transaction) => {
        for (let index = 0; index <= pruneBatchSize; index += 1) transaction.put('plans', newId(), content({ index }), null);
      });
      await store.write(accountId, async (transaction) => {
        for (const record of await transaction.list('plans')) transaction.remove(record);
      });
      clock.ms += 91 * DAY_MS;
      const { deps, writes } = pruningDeps(store, () => clock.ms);
      let kept: string | null = null;
      await pruneAccounts({
        ...deps,
        store: {
          ...deps.store,
          async isPruneDue(...due) {
            if (writes.length === 1) kept = (await create(store, accountId, 'plans')).id;
            return store.isPruneDue(...due);
          },
        },
      }, never);
      assert.deepEqual(writes, [accountId, accountId]);
      const { account, changes } = await readAll(store, accountId);
      assert.deepEqual(changes.map(({ id }) => id), [kept]);
      assert.ok(account.horizon > 0 && account.horizon <= instantFromMs(START_MS) + 2 * (pruneBatchSize + 1));
    });

    test('removes audit entries that are older than they are kept', async (t) => {
      const { store, clock } = await openEmpty(t, testStore);
      const accountId = await newAccount(store);
      const audit = (action: string): Promise<void> =>
        store.write(accountId, async (transaction) => transaction.audit(adminEntry(action)));
      await audit('old');
      clock.ms += 3650 * DAY_MS;
      await audit('young');
      clock.ms += 1;
      const { deps } = pruningDeps(store, () => clock.ms);
      await pruneAccounts(deps, never);
      assert.deepEqual((await store.auditEntries(accountId, 0, 10)).map(({ number, entry }) => [number, entry.action]), [[2, 'young']]);
    });

    test('stops between two batches when the server is closing', async (t) => {
      const { store, clock } = await openEmpty(t, testStore);
      for (const accountId of [await newAccount(store), await newAccount(store)]) {
        await remove(store, accountId, await create(store, accountId, 'plans'));
      }
      clock.ms += 91 * DAY_MS;
      const { deps, writes } = pruningDeps(store, () => clock.ms);
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = startPruning({
        ...deps,
        store: {
          ...deps.store,
          async write(accountId, change) {
            stop();
            try {
              return await deps.store.write(accountId, change);
            } finally {
              setImmediate(resolve);
            }
          },
        },
      });
      await promise;
      assert.equal(writes.length, 1);
    });
  });
}
