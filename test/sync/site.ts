// A test's server: the real one over HTTP, a second connection to its database, and accounts whose users get sessions
// without a password, since hashing one takes a second.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { initialCompany } from '../../server/company.ts';
import { openEmbeddedStore } from '../../server/embedded/store.ts';
import type { Store } from '../../server/store.ts';
import { newId, toContent } from '../../server/records.ts';
import { createTokens } from '../../server/tokens.ts';
import { EPOCH } from '../../shared/clock.ts';
import { findCollection, type Role } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { Client } from '../client.ts';
import { startServer, type Environment, type TestServer, type TestStore } from '../server/harness.ts';
import { user } from '../server/samples.ts';
import { keepFilesInMemory } from '../memory-files.ts';

keepFilesInMemory();

/** Signs the tokens of every server that the sync is tested against. */
export const secret = 'the secret of every server that the sync is tested against';
const SESSION_MS = 3650 * 86_400_000;

export interface Person {
  readonly userId: string;
  readonly token: string;
  readonly client: Client;
}

export interface TestAccount extends Person {
  readonly accountId: string;
  /** Adds a user to the account. */
  hire(role: Role): Promise<Person>;
  /** Opens a new session for a user. */
  signIn(userId: string): Promise<Person>;
}

export interface Site {
  readonly server: TestServer;
  readonly store: Store;
  readonly clock: { ms: number };
  /** Creates an account and signs in its owner. */
  newAccount(): Promise<TestAccount>;
  stop(): Promise<void>;
}

export async function openSite(testStore: TestStore, env: Environment = {}): Promise<Site> {
  const server = await startServer(testStore, { JWT_SECRET: secret, ...env });
  const { clock } = server;
  const store = await openStoreOf(server.env, () => clock.ms);
  return {
    server, store, clock,
    newAccount: () => newAccount(store, () => clock.ms, server.client),
    async stop() {
      await store.close();
      await server.stop();
    },
  };
}

/** A second connection to the environment's database. */
export async function openStoreOf(env: Environment, nowMs: () => number): Promise<Store> {
  const deps = { nowMs, trustsClock: true, log: () => undefined };
  const { MONGODB_URL, MONGODB_DB, DATA_DIR } = env;
  if (MONGODB_URL === undefined) return openEmbeddedStore(join(DATA_DIR ?? '', 'invoify.sqlite'), deps);
  const { openMongoStore } = await import('../../server/mongo/store.ts');
  return openMongoStore(MONGODB_URL, MONGODB_DB ?? '', deps);
}

export async function newAccount(store: Store, nowMs: () => number, anyone: Client): Promise<TestAccount> {
  const [users, company] = ['users', 'company'].map(findCollection);
  assert(users && company);
  const accountId = newId(nowMs());
  await store.createAccount(accountId);
  await store.write(accountId, async (transaction) => {
    transaction.put('company', newId(nowMs()), toContent(company, initialCompany(), null), null);
  });
  const signIn = (userId: string): Promise<Person> => openSession(store, nowMs, anyone, { accountId, userId });
  const hire = async (role: Role): Promise<Person> => {
    const userId = newId(nowMs());
    const email = `${userId}@people.test`;
    await store.write(accountId, async (transaction) => {
      transaction.claimAddress(email, userId);
      transaction.put('users', userId, toContent(users, user(email, { role }) as JsonObject, null), null);
    });
    return signIn(userId);
  };
  return { ...await hire('owner'), accountId, hire, signIn };
}

/** Opens a session for a user. */
export async function openSession(
  store: Store, nowMs: () => number, anyone: Client, { accountId, userId }: Pick<TestAccount, 'accountId' | 'userId'>,
): Promise<Person> {
  const sessionId = newId(nowMs());
  const expiresAtMs = Math.floor((nowMs() + SESSION_MS) / 1000) * 1000;
  const tokenId = 'first';
  await store.openSession({
    accountId, sessionId, userId, device: null, createdAtMs: Math.floor(nowMs()), expiresAtMs, lastSeenAtMs: Math.floor(nowMs()),
    syncedTo: EPOCH, tokenId, isTokenUsed: true, previousTokenId: null, previousEndsAtMs: 0, fullPullFrom: EPOCH,
  });
  const token = createTokens([secret], nowMs).sign({ accountId, userId, sessionId, tokenId, expiresAtMs });
  return { userId, token, client: anyone.as(token, userId) };
}
