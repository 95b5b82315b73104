// Store suite: sign-in addresses, sessions, idempotency replies, and the isolation of accounts.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EPOCH, type Instant } from '../../../shared/clock.ts';
import type { Session, Store } from '../../../server/store.ts';
import {
  assertConsistent, assertRejects, content, create, readAll, newAccount, newId, newSession, remove, replace, START_MS, type Fixture,
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
    const identity = await store.identify(accountId, session.sessionId, session.userId);
    assert.deepEqual(identity, {
      session,
      user: { collection: 'users', id: userId, at: later, ...given, payload: '{"name":"Ada L."}' },
      account: (await readAll(store, accountId)).account,
    });
  });

  test('several who are looked up at the same time each get their own session and user', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const users = await Promise.all([1, 2, 3].map((number) => create(store, accountId, 'users', { number })));
    const sessions = await Promise.all([...users, ...users].map(({ id }) => openSession(store, { accountId, userId: id })));
    const found = await Promise.all(sessions.map(({ sessionId, userId }) => store.identify(accountId, sessionId, userId)));
    assert.deepEqual(found.map((identity) => identity?.session), sessions);
    assert.deepEqual(found.map((identity) => identity?.user), [...users, ...users]);
  });

  test('no one is identified without a session, with another account, or once the user is gone', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const user = await create(store, accountId, 'users');
    const { sessionId } = await openSession(store, { accountId, userId: user.id });
    assert(await store.identify(accountId, sessionId, user.id));
    assert.equal(await store.identify(accountId, newId(), user.id), null);
    assert.equal(await store.identify(otherId, sessionId, user.id), null);
    const foreign = await openSession(store, { accountId: otherId, userId: user.id });
    assert.equal(await store.identify(otherId, foreign.sessionId, user.id), null);
    assert.equal(await store.identify(accountId, sessionId, (await create(store, accountId, 'users')).id), null);
    await remove(store, accountId, user);
    assert.equal(await store.identify(accountId, sessionId, user.id), null);
  });

  test('a session can be renewed, marked with a full pull, and ended', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const { id: userId, at } = await create(store, accountId, 'users');
    const session = await openSession(store, { accountId, userId });
    const found = async (): Promise<Session | undefined> => (await store.identify(accountId, session.sessionId, session.userId))?.session;
    const renewed = {
      ...session, tokenId: 'second', isTokenUsed: false, previousTokenId: 'first', previousEndsAtMs: START_MS + 5,
      expiresAtMs: START_MS + 9000,
    };
    assert.deepEqual(await store.renewSession(accountId, session.sessionId, renewal), renewed);
    // It has been done, as for a client that asks again or two that ask at a time.
    const late = { ...renewal, to: 'third', expiresAtMs: START_MS + 9999 };
    assert.deepEqual(await store.renewSession(accountId, session.sessionId, late), renewed);
    await store.noteFullPull(accountId, session.sessionId, at);
    assert.deepEqual(await found(), { ...renewed, fullPullFrom: at });
    const other = await newAccount(store);
    await store.write(other, async (transaction) => transaction.endSession(session.sessionId));
    assert.ok(await found(), 'another account cannot end it');
    await store.write(accountId, async (transaction) => transaction.endSession(session.sessionId));
    assert.equal(await found(), undefined);
    assert.equal(await store.renewSession(accountId, session.sessionId, renewal), null);
    await store.write(accountId, async (transaction) => transaction.endSession(session.sessionId));
  });

  test('opening a session removes expired sessions of the same account', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const expired = await openSession(store, { accountId, userId: newId(), expiresAtMs: START_MS });
    const live = await openSession(store, { accountId, userId: newId(), expiresAtMs: START_MS + 1 });
    const foreign = await openSession(store, { accountId: otherId, userId: newId(), expiresAtMs: START_MS });
    await openSession(store, { accountId, userId: newId() });
    assert.deepEqual([await exists(store, expired), await exists(store, live), await exists(store, foreign)], [false, true, true]);
  });

  test('sessions are listed per account, the oldest first, with what was noted of them', async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const second = await openSession(store, { accountId, userId: newId(), createdAtMs: START_MS + 1, device: 'PC ä, Invoify 1' });
    const first = await openSession(store, { accountId, userId: newId(), isTokenUsed: false });
    await openSession(store, { accountId: otherId, userId: newId() });
    assert.deepEqual(await store.listSessions(accountId), [first, second]);
    const note = { accountId, lastSeenAtMs: START_MS + 7, tokenId: null };
    await store.noteSessions([
      { ...note, sessionId: first.sessionId, syncedTo: 12 as Instant, tokenId: 'first' }, { ...note, sessionId: newId(), syncedTo: null },
      { ...note, accountId: otherId, sessionId: second.sessionId, syncedTo: 13 as Instant },
    ]);
    const noted = { ...first, lastSeenAtMs: START_MS + 7, syncedTo: 12, isTokenUsed: true };
    assert.deepEqual(await store.listSessions(accountId), [noted, second]);
    await store.renewSession(accountId, first.sessionId, renewal);
    await store.noteSessions([{ ...note, sessionId: first.sessionId, syncedTo: null, tokenId: 'first' }]);
    const listed = await store.listSessions(accountId);
    assert.deepEqual(listed.map(({ syncedTo, isTokenUsed }) => [syncedTo, isTokenUsed]), [[12, false], [0, true]]);
  });

  test("a write can end one user's sessions and no others", async () => {
    const { store } = fixture;
    const [accountId, otherId] = [await newAccount(store), await newAccount(store)];
    const userId = newId();
    const mine = [await openSession(store, { accountId, userId }), await openSession(store, { accountId, userId })];
    const others = [await openSession(store, { accountId, userId: newId() }), await openSession(store, { accountId: otherId, userId })];
    await store.write(accountId, async (transaction) => transaction.endSessionsOf(userId));
    assert.deepEqual(await Promise.all(mine.map((one) => exists(store, one))), [false, false]);
    assert.deepEqual(await Promise.all(others.map((one) => exists(store, one))), [true, true]);
  });

  test('a write can end all sessions of a user but one', async () => {
    const { store } = fixture;
    const accountId = await newAccount(store);
    const userId = newId();
    const [kept, ended] = [await openSession(store, { accountId, userId }), await openSession(store, { accountId, userId })];
    await store.write(accountId, async (transaction) => transaction.endSessionsOf(userId, kept.sessionId));
    assert.deepEqual([await exists(store, kept), await exists(store, ended)], [true, false]);
  });

  test('counters count up to their maximum together, however many count in parallel', async () => {
    const { store, clock } = fixture;
    const [one, two] = [newId(), newId()];
    const endsAtMs = clock.nowMs + 1000;
    const take = (max: number) => store.counters.take([{ key: one, max: 100, endsAtMs }, { key: two, max, endsAtMs }]);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => take(5)));
    assert.equal(outcomes.filter((full) => full === null).length, 5);
    assert.deepEqual(outcomes.find((full) => full !== null), { key: two, endsAtMs });
    // What was refused did not count for the other one.
    assert.equal(await store.counters.take([{ key: one, max: 6, endsAtMs }]), null);
    assert.deepEqual(await store.counters.take([{ key: one, max: 6, endsAtMs }]), { key: one, endsAtMs });
    await store.counters.giveBack([one, newId()]);
    assert.equal(await store.counters.take([{ key: one, max: 6, endsAtMs: endsAtMs + 1 }]), null);
    assert.deepEqual(await store.counters.take([{ key: one, max: 6, endsAtMs: endsAtMs + 1 }]), { key: one, endsAtMs });
  });

  test('a counter ends at its time, or when it is reset, and ended ones are removed', async () => {
    const { store, clock } = fixture;
    const key = newId();
    const take = () => store.counters.take([{ key, max: 1, endsAtMs: clock.nowMs + 10 }]);
    const startMs = clock.nowMs;
    assert.equal(await store.counters.isRunning(key), false);
    assert.equal(await take(), null);
    assert.equal(await store.counters.isRunning(key), true);
    clock.nowMs += 9;
    assert.deepEqual(await take(), { key, endsAtMs: startMs + 10 });
    await store.counters.prune();
    assert.equal(await store.counters.isRunning(key), true);
    clock.nowMs += 1;
    assert.equal(await store.counters.isRunning(key), false);
    assert.equal(await take(), null);
    await store.counters.reset([key]);
    assert.equal(await store.counters.isRunning(key), false);
    clock.nowMs = startMs;
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
      assert.deepEqual(await transaction.referrers('customers', target, 1), []);
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

const renewal = { from: 'first', to: 'second', expiresAtMs: START_MS + 9000, previousEndsAtMs: START_MS + 5 };

function newAddress(): string {
  return `${newId()}@example.com`;
}

function claim(store: Store, accountId: string, email: string, userId: string): Promise<void> {
  return store.write(accountId, async (transaction) => transaction.claimAddress(email, userId));
}

async function exists(store: Store, { accountId, sessionId }: Session): Promise<boolean> {
  return (await store.listSessions(accountId)).some((session) => session.sessionId === sessionId);
}

async function openSession(store: Store, of: Pick<Session, 'accountId' | 'userId'> & Partial<Session>): Promise<Session> {
  const session = newSession(of);
  await store.openSession(session);
  return session;
}
