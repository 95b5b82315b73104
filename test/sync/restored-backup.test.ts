// A server restored from a backup: writes since then are lost, and caches that have them must drop them.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { start, type Running } from '../../server.ts';
import { readConfig } from '../../server/config.ts';
import type { Store } from '../../server/store.ts';
import { createClient } from '../client.ts';
import { prepare, startMs, stores, type TestStore } from '../server/harness.ts';
import { takeBackup } from './backup.ts';
import { Books } from './books.ts';
import { openDesk, type Desk } from './desk.ts';
import { assertExact } from './exact.ts';
import { Model } from './model.ts';
import { finish, Reader } from './reader.ts';
import { newAccount, openStoreOf, secret } from './site.ts';

for (const testStore of stores) {
  describe(`a restored backup, on ${testStore.kind}`, { skip: testStore.skip }, () => {
    test('is detected by a reader that has seen more, because the clock went back', async (t) => {
      const { reader, desk, books, restore } = await loseWrites(t, testStore);
      await restore(0);
      await reader.catchUp();
      const outcome = await desk.sync();
      assert.equal(outcome.rebuilt, 'cursor_ended');
      await finishAll(reader, desk, books);
      assert.equal(reader.restarts, 1);
    });

    test('is detected by the digest if new writes have moved the clock past the old cursors', async (t) => {
      const { reader, desk, books, restore } = await loseWrites(t, testStore);
      await restore(60_000);
      await books.addPlans(2);
      await assert.rejects(reader.catchUp(), /cache and server differ/);
      const outcome = await desk.sync();
      assert.equal(outcome.rebuilt, 'cache_differed');
      reader.cursor = null;
      reader.cache.records.clear();
      await reader.catchUp();
      await finishAll(reader, desk, books);
    });

    test('that was announced makes a desktop rebuild its cache once, wherever its cursor stands', async (t) => {
      const { desk, books, restore } = await loseWrites(t, testStore);
      await restore(60_000, (store) => store.renewEpochs());
      await books.addPlans(2);
      assert.equal((await desk.sync()).rebuilt, 'scope_changed');
      books.model.assertHeldBy(desk.rows());
      await books.addPlans(1);
      assert.equal((await desk.sync()).rebuilt, null);
      books.model.assertHeldBy(desk.rows());
      await assertExact(desk, books.owner.client);
    });
  });
}

/**
 * A reader and a desktop that have seen writes that `restore` undoes; it moves the server's clock forward by `stepMs`, and runs
 * `announce` before the server starts again.
 */
async function loseWrites(t: TestContext, testStore: TestStore): Promise<{
  reader: Reader; desk: Desk; books: Books; restore: (stepMs: number, announce?: (store: Store) => Promise<void>) => Promise<void>;
}> {
  const { env, remove } = await prepare(testStore, { JWT_SECRET: secret });
  const clock = { ms: startMs };
  const deps = { nowMs: () => clock.ms, monotonicMs: () => performance.now(), trustsClock: true, write: () => undefined };
  let running: Running | null = await start(readConfig(env), deps);
  const currentUrl = (): string => running?.url ?? '';
  t.after(async () => {
    await running?.close();
    await remove();
  });
  const whileDown = async <T>(run: () => Promise<T>): Promise<T> => {
    await running?.close();
    const result = await run();
    running = await start(readConfig(env), deps);
    return result;
  };
  const client = createClient(() => ({ url: currentUrl() }));
  const store = await openStoreOf(env, () => clock.ms);
  const owner = await newAccount(store, () => clock.ms, client);
  await store.close();
  const before = new Books(owner, await new Model().begin(owner.client));
  const desk = await openDesk(t, { url: 'http://127.0.0.1:1', currentUrl, token: owner.token, pageLimit: () => 2 });
  await before.addPlans(6);
  await desk.sync();
  const backup = await whileDown(() => takeBackup(env));

  await before.addPlans(3);
  const plans = before.model.present('plans');
  for (const { id } of plans.slice(0, 2)) await before.change('plans', id);
  for (const { id } of plans.slice(3, 5)) await before.remove('plans', id);
  const reader = new Reader(owner.client, 3);
  await reader.catchUp();
  await desk.sync();
  finish(before.model, reader);

  const books = new Books(owner, new Model());
  return {
    reader, desk, books,
    async restore(stepMs, announce = async () => undefined) {
      await whileDown(async () => {
        await backup.restore();
        const restored = await openStoreOf(env, () => clock.ms);
        await announce(restored);
        await restored.close();
      });
      clock.ms += stepMs;
      await books.model.begin(owner.client);
    },
  };
}

async function finishAll(reader: Reader, desk: Desk, books: Books): Promise<void> {
  books.model.assertHeldBy(reader.cache.records);
  books.model.assertHeldBy(desk.rows());
  await assertExact(desk, books.owner.client);
}
