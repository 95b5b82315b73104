// Sign-in races that cannot be timed over HTTP: the user changes while the password is being checked.

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test, type TestContext } from 'node:test';

import { createOwner, resetPassword } from '../../server/admin.ts';
import { createAuth, type Auth, type Origin } from '../../server/auth.ts';
import { createPasswords } from '../../server/passwords.ts';
import type { Store } from '../../server/store.ts';
import { openStore, prepare, startMs, stores, type TestStore } from './harness.ts';
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

/** Sign-in on a store with a hook on the opening of a session. */
function authOn(store: Store, openSession: Store['openSession']): Auth {
  const observed = new Proxy(store, {
    get(target, name) {
      if (name === 'openSession') return openSession;
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
        const auth = authOn(store, async (session) => {
          if (isBefore) await resetPassword(store, passwords, email, 'the second password');
          await store.openSession(session);
          if (!isBefore) await resetPassword(store, passwords, email, 'the second password');
        });
        await assert.rejects(auth.login({ email, password: 'the first password' }, from, null), { code: 'unauthorized' });
      });
    }

    test('yields an invalid token if the user is disabled meanwhile', async (t) => {
      const store = await newStore(t, kind);
      await createOwner(store, passwords, email, 'the first password');
      const auth = authOn(store, async (session) => {
        await store.write(session.accountId, async (transaction) => {
          const user = await transaction.get('users', session.userId);
          assert.ok(user);
          const payload = JSON.stringify({ ...JSON.parse(user.payload) as object, disabled: true });
          transaction.put('users', user.id, { ...user, payload }, user);
          transaction.endSessionsOf(user.id);
        });
        await store.openSession(session);
      });
      const { token } = await auth.login({ email, password: 'the first password' }, from, null);
      await assert.rejects(auth.identify(requestWith(token), from), { code: 'unauthorized' });
    });

    test('yields a valid token if nothing changes', async (t) => {
      const store = await newStore(t, kind);
      await createOwner(store, passwords, email, 'the first password');
      const auth = authOn(store, (session) => store.openSession(session));
      const { token, user } = await auth.login({ email, password: 'the first password' }, from, null);
      const caller = await auth.identify(requestWith(token), from);
      assert.deepEqual(caller.user, user);
      assert.deepEqual(caller.from, from);
    });
  });
}
