// Store suite: sign-in addresses, sessions, idempotency replies, and the isolation of accounts.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EPOCH, type Instant } from '../../../shared/clock.ts';
import type { Session, Store } from '../../../server/store.ts';
import {
  assertConsistent, assertRejects, content, create, readAll, newAccount, newId, remove, replace, START_MS, type Fixture,
} from './fixture.ts';

export function sessionTests(fixture: Fixture): void {
  test('an address belongs to the user who claimed it until it is released', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const [userId, email] = [newId(), newAddress()];
    assert.equal(await store.findAddress(email), null);
    await claim(store, accountId, email, userId);
    assert.deepEqual(await store.findAddress(email), { accountId, userId });
    await store.write(accountId, async (transaction) => transaction.releaseAddress(email));
    assert.equal(await store.findAddress(email), null);
  });

  test('claiming the address of another user fails the whole write', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const [userId, email] = [newId(), newAddress()];
    await claim(store, accountId, email, userId);
    for (const claimant of [accountId, otherId]) {
      const before = await readAll(store, claimant);
      await assertRejects(store.write(claimant, async (transaction) => {
        transaction.put('users', newId(), content({ email }), null);
        transaction.claimAddress(newAddress(), newId());
        transaction.claimAddress(email, newId());
      }), 'conflict');
      assert.deepEqual(await readAll(store, claimant), before);
    }
    assert.deepEqual(await store.findAddress(email), { accountId, userId });
  });

  test('claiming an address again for the same user changes nothing', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const [userId, email] = [newId(), newAddress()];
    await claim(store, accountId, email, userId);
    await claim(store, accountId, email, userId);
    assert.deepEqual(await store.findAddress(email), { accountId, userId });
  });

  test('one write can release an address and claim it for another user', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const [first, second, email] = [newId(), newId(), newAddress()];
    await claim(store, accountId, email, first);
    await store.write(accountId, async (transaction) => {
      transaction.releaseAddress(email);
      transaction.claimAddress(email, second);
    });
    assert.deepEqual(await store.findAddress(email), { accountId, userId: second });
  });

  test('an account cannot release the address of another', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const [userId, email] = [newId(), newAddress()];
    await claim(store, accountId, email, userId);
    await store.write(otherId, async (transaction) => transaction.releaseAddress(email));
    assert.deepEqual(await store.findAddress(email), { accountId, userId });
  });

  test('when several accounts claim an address concurrently, exactly one gets it', async () => {
    const { store } = fixture;
    for (let round = 0; round < 5; round += 1) {
      const accounts = await Promise.all(Array.from({ length: 4 }, () => newAccount(store)));
      const email = newAddress();
      const outcomes = await Promise.all(accounts.map((accountId) => {
        const userId = newId();
        return store.write(accountId, async (transaction) => {
          transaction.put('users', userId, content({ email }), null);
          transaction.claimAddress(email, userId);
        }).then(() => ({ accountId, userId }), (error: unknown) => ({ accountId, error }));
      }));
      const winners = outcomes.filter((outcome) => !('error' in outcome));
      assert.deepEqual(winners, [await store.findAddress(email)]);
      for (const outcome of outcomes) {
        if ('error' in outcome) await assertRejects(Promise.reject(outcome.error), 'conflict');
        const seen = await readAll(store, outcome.accountId);
        assertConsistent(seen);
        assert.equal(seen.changes.length, 'error' in outcome ? 0 : 1);
      }
    }
  });

  test('a session is returned with the current state of its user and account', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const userId = newId();
    const given = { payload: '{"name":"Ada"}', secret: '{"passwordHash":"x"}', references: [] };
    await store.write(accountId, async (transaction) => transaction.put('users', userId, given, null));
    const session = await openSession(store, { accountId, userId });
    const later = await store.write(accountId, async (transaction) => (
      transaction.put('users', userId, { ...given, payload: '{"name":"Ada L."}' }, await transaction.get('users', userId))
    ));
    const identity = await store.identify(accountId, session.sessionId);
    assert.deepEqual(identity, {
      session,
      user: { collection: 'users', id: userId, at: later, ...given, payload: '{"name":"Ada L."}' },
      account: (await readAll(store, accountId)).account,
    });
  });

  test('no one is identified without a session, with another account, or once the user is gone', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const user = await create(store, accountId, 'users');
    const { sessionId } = await openSession(store, { accountId, userId: user.id });
    assert(await store.identify(accountId, sessionId));
    assert.equal(await store.identify(accountId, newId()), null);
    assert.equal(await store.identify(otherId, sessionId), null);
    const foreign = await openSession(store, { accountId: otherId, userId: user.id });
    assert.equal(await store.identify(otherId, foreign.sessionId), null);
    await remove(store, accountId, user);
    assert.equal(await store.identify(accountId, sessionId), null);
  });

  test('a session can be extended, marked with a full pull, and ended', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const { id: userId, at } = await create(store, accountId, 'users');
    const session = await openSession(store, { accountId, userId });
    const found = async (): Promise<Session | undefined> => (await store.identify(accountId, session.sessionId))?.session;
    assert.equal(await store.extendSession(accountId, session.sessionId, START_MS + 9000), true);
    assert.equal(await store.extendSession(accountId, session.sessionId, START_MS + 9000), true);
    await store.noteFullPull(accountId, session.sessionId, at);
    assert.deepEqual(await found(), { ...session, expiresAtMs: START_MS + 9000, fullPullFrom: at });
    await store.endSession(accountId, session.sessionId);
    assert.equal(await found(), undefined);
    assert.equal(await store.extendSession(accountId, session.sessionId, START_MS + 9000), false);
    await store.endSession(accountId, session.sessionId);
  });

  test('opening a session removes expired sessions of the same account', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const expired = await openSession(store, { accountId, userId: newId(), expiresAtMs: START_MS });
    const live = await openSession(store, { accountId, userId: newId(), expiresAtMs: START_MS + 1 });
    const foreign = await openSession(store, { accountId: otherId, userId: newId(), expiresAtMs: START_MS });
    await openSession(store, { accountId, userId: newId() });
    const exists = ({ accountId: owner, sessionId }: Session): Promise<boolean> => store.extendSession(owner, sessionId, START_MS + 1);
    assert.deepEqual([await exists(expired), await exists(live), await exists(foreign)], [false, true, true]);
  });

  test("a write can end one user's sessions and no others", async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const userId = newId();
    const mine = [await openSession(store, { accountId, userId }), await openSession(store, { accountId, userId })];
    const others = [await openSession(store, { accountId, userId: newId() }), await openSession(store, { accountId: otherId, userId })];
    await store.write(accountId, async (transaction) => transaction.endSessionsOf(userId));
    const exists = ({ accountId: owner, sessionId }: Session): Promise<boolean> => store.extendSession(owner, sessionId, START_MS + 1);
    assert.deepEqual(await Promise.all(mine.map(exists)), [false, false]);
    assert.deepEqual(await Promise.all(others.map(exists)), [true, true]);
  });

  test('a reply is saved with the write, per account, replaced by a later one, and pruned by age', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const reply = { key: 'user key-1', fingerprint: 'f', body: '{"a":"ä"}', keptAtMs: START_MS };
    const saved = (owner: string): Promise<unknown> => store.write(owner, (transaction) => transaction.findReply(reply.key));
    await store.write(accountId, async (transaction) => transaction.saveReply(reply));
    assert.deepEqual(await saved(accountId), reply);
    assert.equal(await saved(otherId), null);
    const newer = { ...reply, body: '{}', keptAtMs: START_MS + 5 };
    await store.write(accountId, async (transaction) => transaction.saveReply(newer));
    assert.deepEqual(await saved(accountId), newer);
    assert.equal(await store.isPruneDue(accountId, EPOCH, newer.keptAtMs), false);
    await store.write(accountId, (transaction) => transaction.prune(EPOCH, newer.keptAtMs));
    assert.deepEqual(await saved(accountId), newer);
    assert.equal(await store.isPruneDue(accountId, EPOCH, newer.keptAtMs + 1), true);
    assert.equal(await store.isPruneDue(otherId, EPOCH, newer.keptAtMs + 1), false);
    await store.write(accountId, (transaction) => transaction.prune(EPOCH, newer.keptAtMs + 1));
    assert.equal(await saved(accountId), null);
  });

  test('accounts do not see each other\'s data', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const target = newId();
    const record = await create(store, accountId, 'customers', { name: 'ours' }, [target]);
    const gone = await create(store, accountId, 'customers');
    await remove(store, accountId, gone);
    const ours = await readAll(store, accountId);
    const theirs = await create(store, otherId, 'customers', { name: 'theirs' });

    assert.equal(await store.get(otherId, 'customers', record.id), null);
    assert.deepEqual((await readAll(store, otherId)).changes.map(({ id }) => id), [theirs.id]);
    await store.write(otherId, async (transaction) => {
      assert.equal(await transaction.get('customers', record.id), null);
      assert.deepEqual((await transaction.list('customers')).map(({ id }) => id), [theirs.id]);
      assert.equal(await transaction.isReferenced('customers', target), false);
      await transaction.prune(Number.MAX_SAFE_INTEGER as Instant, Number.MAX_SAFE_INTEGER);
    });
    await replace(store, otherId, theirs, { name: 'changed' });
    assert.deepEqual(await readAll(store, accountId), ours);
  });

  test('a record of another account cannot be overwritten by reusing its id', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const record = await create(store, accountId, 'customers', { name: 'ours' });
    // A store may reject the id or keep two records with it.
    await store.write(otherId, async (transaction) => transaction.put('customers', record.id, content({ name: 'theirs' }), null))
      .catch(() => undefined);
    assert.deepEqual(await store.get(accountId, 'customers', record.id), record);
    for (const each of [accountId, otherId]) assertConsistent(await readAll(store, each));
  });
}

function newAddress(): string {
  return `${newId()}@example.com`;
}

function claim(store: Store, accountId: string, email: string, userId: string): Promise<void> {
  return store.write(accountId, async (transaction) => transaction.claimAddress(email, userId));
}

async function openSession(store: Store, of: Pick<Session, 'accountId' | 'userId'> & Partial<Session>): Promise<Session> {
  const session = { sessionId: newId(), expiresAtMs: START_MS + 60_000, fullPullFrom: EPOCH, ...of };
  await store.openSession(session);
  return session;
}
