// What cannot be timed over HTTP: the user changes while the password is being checked, the database answers late, and who has
// a place among those who wait.

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test, type TestContext } from 'node:test';

import { createOwner, resetPassword } from '../../server/admin.ts';
import { createAuth, type Auth, type Origin } from '../../server/auth.ts';
import { createPasswords } from '../../server/passwords.ts';
import type { Store } from '../../server/store.ts';
import { embedded, openStore, prepare, startMs, stores, type TestStore } from './harness.ts';
import { cheapest } from './samples.ts';

const email = 'owner@first.test';
const nowMs = (): number => startMs;
const passwords = createPasswords(cheapest);
const from: Origin = { peer: '192.0.2.1', requestId: 'request-1' };

function requestWith(token: string): IncomingMessage {
  return { headers: { authorization: `Bearer ${token}` } } as IncomingMessage;
}

/** A separate database for one test. */
async function newStore(t: TestContext, kind: TestStore): Promise<Store> {
  const installation = await prepare(kind);
  const store = await openStore(installation, nowMs);
  t.after(async () => {
    await store.close();
    await installation.remove();
  });
  return store;
}

/** Sign-in on a store of which some members are replaced. */
function authOn(store: Store, replaced: Partial<Store>): Auth {
  const observed = new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(replaced, name)) return Reflect.get(replaced, name);
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return createAuth(observed, { secrets: ['x'.repeat(32)], tokenTtlMs: 3_600_000, passwordCost: cheapest }, nowMs, () => {});
}

for (const kind of stores) {
  describe(`signing in while the user changes, on ${kind.kind}`, { skip: kind.skip }, () => {
    for (const [when, isBefore] of [['just before', true], ['just after', false]] as const) {
      test(`fails if the password changes ${when} the session opens`, async (t) => {
        const store = await newStore(t, kind);
        await createOwner(store, passwords, email, 'the first password');
        const auth = authOn(store, {
          async openSession(session) {
            if (isBefore) await resetPassword(store, passwords, email, 'the second password');
            await store.openSession(session);
            if (!isBefore) await resetPassword(store, passwords, email, 'the second password');
          },
        });
        await assert.rejects(auth.login({ email, password: 'the first password' }, from, null), { code: 'unauthorized' });
      });
    }

    test('yields an invalid token if the user is disabled meanwhile', async (t) => {
      const store = await newStore(t, kind);
      await createOwner(store, passwords, email, 'the first password');
      const auth = authOn(store, {
        async openSession(session) {
          await store.write(session.accountId, async (transaction) => {
            const user = await transaction.get('users', session.userId);
            assert.ok(user);
            const payload = JSON.stringify({ ...JSON.parse(user.payload) as object, disabled: true });
            transaction.put('users', user.id, { ...user, payload }, user);
            transaction.endSessionsOf(user.id);
          });
          await store.openSession(session);
        },
      });
      const { token } = await auth.login({ email, password: 'the first password' }, from, null);
      await assert.rejects(auth.identify(requestWith(token), from), { code: 'unauthorized' });
    });

    test('yields a valid token if nothing changes', async (t) => {
      const store = await newStore(t, kind);
      await createOwner(store, passwords, email, 'the first password');
      const auth = authOn(store, {});
      const { token, user } = await auth.login({ email, password: 'the first password' }, from, null);
      const caller = await auth.identify(requestWith(token), from);
      assert.deepEqual(caller.user, user);
      assert.deepEqual(caller.from, from);
    });
  });

  describe(`a change of the user's own password, on ${kind.kind}`, { skip: kind.skip }, () => {
    test('fails if somebody else has set another one since the old one was checked', async (t) => {
      const store = await newStore(t, kind);
      await createOwner(store, passwords, email, 'the first password');
      const auth = authOn(store, {});
      const { token } = await auth.login({ email, password: 'the first password' }, from, null);
      const caller = await auth.identify(requestWith(token), from);
      const late = authOn(store, {
        async write(accountId, change) {
          await resetPassword(store, passwords, email, 'the second password');
          return store.write(accountId, change);
        },
      });
      const body = { current: 'the first password', next: 'the third password' };
      await assert.rejects(late.changePassword(caller, body), { code: 'invalid_request' });
      assert.equal((await auth.login({ email, password: 'the second password' }, from, null)).user.email, email);
    });
  });
}

describe('while the database keeps sign-ins waiting', () => {
  const pending = (): Promise<never> => new Promise(() => {});

  test('no attempt keeps a place at the hash', async (t) => {
    assert(embedded);
    const store = await newStore(t, embedded);
    const auth = authOn(store, { counters: { ...store.counters, take: pending } });
    for (let index = 0; index < 5; index += 1) {
      void auth.login({ email: `${index}@first.test`, password: 'wrong' }, from, null).catch(() => {});
    }
    assert.match(await auth.passwords.hash('a password'), /^\$argon2id/);
  });

  test('whose password could not be checked is told so before the attempt is uncounted', async (t) => {
    assert(embedded);
    const store = await newStore(t, embedded);
    await createOwner(store, passwords, email, 'the password');
    const auth = authOn(store, { counters: { ...store.counters, reset: () => Promise.reject(new Error('locked')), giveBack: pending } });
    await assert.rejects(auth.login({ email, password: 'the password' }, from, null), { message: 'locked' });
  });
});

describe('while more sign-ins wait than may', () => {
  /** Sign-ins with a database that keeps those of strangers waiting, and an owner who has been signed in before. */
  async function flooded(t: TestContext) {
    assert(embedded);
    const store = await newStore(t, embedded);
    await createOwner(store, passwords, email, 'the password');
    let isHeld = false;
    const held = Promise.withResolvers<void>();
    const auth = authOn(store, {
      counters: {
        ...store.counters,
        async take(limits) {
          if (isHeld) await held.promise;
          return store.counters.take(limits);
        },
      },
    });
    const { token } = await auth.login({ email, password: 'the password' }, from, null);
    isHeld = true;
    const stranger = (index: number, bearer: string | null = null, isGone = () => false) => auth.login(
      { email: `${index}@first.test`, password: 'wrong' }, { ...from, peer: `198.51.${index >> 8}.${index & 255}` }, bearer, isGone,
    );
    const strangers = Array.from({ length: 220 }, (_, index) => stranger(index).catch((error: unknown) => error));
    const owner = (peer: string, bearer: string | null) => auth.login({ email, password: 'the password' }, { ...from, peer }, bearer);
    return { token, stranger, strangers, owner, release: held.resolve };
  }

  test('the user\'s device and network have places of their own', async (t) => {
    const { token, strangers, owner, release } = await flooded(t);
    await Promise.race(strangers);
    const known = [owner('203.0.113.9', token), owner(from.peer, null)];
    release();
    for (const { user } of await Promise.all(known)) assert.equal(user.email, email);
    await Promise.all(strangers);
  });

  test('a token is of no use for the address of somebody else, and one device has two places', async (t) => {
    const { token, stranger, strangers, owner, release } = await flooded(t);
    await Promise.race(strangers);
    const foreign = Array.from({ length: 220 }, (_, index) => stranger(1000 + index, token).catch((error: unknown) => error));
    assert.equal((await Promise.race(foreign) as { code: string }).code, 'too_many_requests');
    const own = Array.from({ length: 5 }, () => owner('203.0.113.9', token));
    await assert.rejects(Promise.race(own), { code: 'too_many_requests' });
    release();
    const outcomes = await Promise.allSettled(own);
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 2);
    await Promise.all([...strangers, ...foreign]);
  });
});
