// The audit trail of a store: entries commit with their change, are numbered without gaps, and leave from the oldest end only.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EPOCH, instantFromMs, type Instant } from '../../../shared/clock.ts';
import { pruneBatchSize, type AuditEntry, type Store, type StoredEntry } from '../../../server/store.ts';
import { content, depsOf, newAccount, newId, START_MS, type Fixture, type TestDatabase } from './fixture.ts';

export function auditTests(fixture: Fixture, newDatabase: () => Promise<TestDatabase>): void {
  test('an entry commits with its change and has its instant; a failed write leaves no entry and no gap', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const at = await createAudited(store, accountId, 'first');
    const failed = store.write(accountId, async (transaction) => {
      transaction.put('plans', newId(), content({}), null);
      transaction.audit(entryNamed('failed'));
      throw new Error('refused');
    });
    await assert.rejects(failed, /refused/);
    const last = await createAudited(store, accountId, 'second');
    assert.deepEqual(await store.auditEntries(accountId, 0, 10), [
      { number: 1, at, entry: entryNamed('first') }, { number: 2, at: last, entry: entryNamed('second') },
    ]);
  });

  test('an entry without a change has the time, but none before the newest change, and does not move the clock', async () => {
    const { store, clock } = fixture;
    const accountId = await newAccount(store);
    const at = await createAudited(store, accountId, 'a change');
    const audit = (name: string): Promise<void> => store.write(accountId, async (transaction) => transaction.audit(entryNamed(name)));
    clock.nowMs -= 60_000;
    await audit('behind');
    clock.nowMs += 120_000;
    await audit('ahead');
    const now = instantFromMs(clock.nowMs);
    clock.nowMs -= 60_000;
    assert.deepEqual((await store.auditEntries(accountId, 1, 10)).map((entry) => entry.at), [at, now]);
    assert.equal(await store.latestClock(accountId), at);
  });

  test('pages read while others write have every entry once, in order, and none of another account', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let round = 0; round < 10; round += 1) {
        await createAudited(store, accountId, `${writer}-${round}`);
        await createAudited(store, otherId, 'of another account');
      }
    });
    const written = Promise.all(writers);
    const read: StoredEntry[] = [];
    for (let isLast = false, isWritten = false; !isLast;) {
      const page = await store.auditEntries(accountId, read.at(-1)?.number ?? 0, 7);
      read.push(...page);
      isLast = isWritten && page.length === 0;
      isWritten ||= await Promise.race([written.then(() => true), new Promise<false>((resolve) => setImmediate(resolve, false))]);
    }
    assert.deepEqual(read.map(({ number }) => number), Array.from({ length: 40 }, (_, index) => index + 1));
    assert.equal(new Set(read.map(({ entry }) => entry.action)).size, 40);
    assert.ok(read.every(({ at }, index) => index === 0 || at > (read[index - 1]?.at ?? EPOCH)));
  });

  test('the oldest entries are pruned in batches, up to the first that is young enough; numbers go on', async () => {
    const { store, clock } = fixture;
    const accountId = await newAccount(store);
    await store.write(accountId, async (transaction) => {
      for (let index = 0; index <= pruneBatchSize; index += 1) transaction.audit(entryNamed(String(index)));
    });
    const old = (await store.auditEntries(accountId, 0, 1))[0]?.at ?? EPOCH;
    clock.nowMs += 1000;
    await createAudited(store, accountId, 'young');
    const prune = (before: Instant): Promise<void> => store.write(accountId, (transaction) => transaction.prune(EPOCH, 0, before));
    const remaining = async (): Promise<number[]> => (await store.auditEntries(accountId, 0, 10)).map(({ number }) => number);

    assert.equal(await store.isPruneDue(accountId, EPOCH, 0), false);
    assert.equal(await store.isPruneDue(accountId, EPOCH, 0, old), false);
    await prune(old);
    assert.equal((await remaining())[0], 1);
    const after = old + 1 as Instant;
    assert.equal(await store.isPruneDue(accountId, EPOCH, 0, after), true);
    await prune(after);
    assert.deepEqual(await remaining(), [pruneBatchSize + 1, pruneBatchSize + 2]);
    await prune(after);
    assert.equal(await store.isPruneDue(accountId, EPOCH, 0, after), false);
    await createAudited(store, accountId, 'next');
    assert.deepEqual(await remaining(), [pruneBatchSize + 2, pruneBatchSize + 3]);
  });

  test('a committed entry is reported once, and that of a failed write is not', async (t) => {
    const database = await newDatabase();
    const reported: string[] = [];
    const store = await database.open({ ...depsOf({ nowMs: START_MS }), onAudited: ({ action }) => void reported.push(action) });
    t.after(async () => {
      await store.close();
      await database.remove();
    });
    const accountId = await newAccount(store);
    await Promise.allSettled([
      createAudited(store, accountId, 'first'),
      store.write(accountId, async (transaction) => {
        transaction.audit(entryNamed('failed'));
        throw new Error('refused');
      }),
      createAudited(store, accountId, 'second'),
    ]);
    assert.deepEqual(reported, ['first', 'second']);
  });
}

function createAudited(store: Store, accountId: string, action: string): Promise<Instant> {
  return store.write(accountId, async (transaction) => {
    const at = transaction.put('plans', newId(), content({}), null);
    transaction.audit(entryNamed(action));
    return at;
  });
}

function entryNamed(action: string): AuditEntry {
  return {
    action, actor: 'u1', email: 'ä@example.com', session: 's1', peer: '192.0.2.1', request: 'r1', collection: 'plans', record: 'p1',
    fields: ['name'],
  };
}
