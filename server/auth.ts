// Sign-in: issues tokens, and checks on every request whether a token is still valid.
//
// A token names a session in the database, and every request looks up the session with its user. So signing out, a new
// password, a lesser role or disabling the user takes effect at the next request, on every server process.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { formatInstant, instantFromMs, EPOCH } from '../shared/clock.ts';
import { roles, type Role, type User } from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import { isObject } from '../shared/fields.ts';
import { loginFields, parseInput, type LoginAnswer, type SignedInUser } from '../shared/protocol.ts';
import { readBearer } from './http.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import type { Account, Session, Store, StoredRecord } from './store.ts';
import { createThrottle } from './throttle.ts';
import { createTokens } from './tokens.ts';

/** Where a request came from: the client's network address, and the request's id as in the log and in `X-Request-Id`. */
export interface Origin {
  readonly peer: string;
  readonly requestId: string;
}

/** The signed-in user behind a request, as the database has it now. */
export interface Caller {
  readonly from: Origin;
  readonly user: SignedInUser;
  readonly session: Session;
  /** The account as it was when the session was read. */
  readonly account: Account;
}

export interface AuthOptions {
  readonly secrets: readonly string[];
  readonly tokenTtlMs: number;
}

export interface Auth {
  readonly passwords: Passwords;
  /** A token for an e-mail address and password. Throws `unauthorized`, `too_many_requests`. */
  login(body: unknown, from: Origin): Promise<LoginAnswer>;
  /** Extends the session and returns a new token for it; the old one stays valid until it expires. */
  refresh(caller: Caller): Promise<LoginAnswer>;
  logout(caller: Caller): Promise<void>;
  /** The caller behind a request; throws `unauthorized`, or `unavailable` if only a clock that may be wrong says so. */
  identify(request: IncomingMessage, from: Origin): Promise<Caller>;
}

export function createAuth(store: Store, options: AuthOptions, nowMs: () => number): Auth {
  const passwords = createPasswords();
  const tokens = createTokens(options.secrets, nowMs);
  const throttle = createThrottle(nowMs);

  const answer = (user: SignedInUser, sessionId: string, expiresAtMs: number): LoginAnswer => ({
    token: tokens.sign({ accountId: user.accountId, userId: user.id, sessionId, expiresAtMs }),
    expiresAt: formatInstant(instantFromMs(expiresAtMs)),
    user,
  });
  // A JWT's expiry is in whole seconds; the session expires in the same second. Under a clock that cannot be right a session
  // might never end, and opening it would remove all others as expired.
  const newExpiryMs = async (): Promise<number> => {
    await store.checkClock();
    return Math.floor((nowMs() + options.tokenTtlMs) / 1000) * 1000;
  };

  /** The enabled user with this address and password, or null. */
  const checkPassword = async (address: string, password: string): ReturnType<typeof findUser> => {
    const record = await findUser(store, address);
    const isCorrect = await passwords.verify(password, record ? passwordHash(record.stored) : null);
    return record && isCorrect && !record.payload.disabled ? record : null;
  };

  return {
    passwords,

    async login(body, { peer }) {
      const { email, password } = parseInput(loginFields, body) as { email: string; password: string };
      const address = addressKey(email);
      throttle.admit(peer, address);
      const record = await checkPassword(address, password).catch((error: unknown) => {
        throttle.inconclusive(peer, address);
        throw error;
      });
      if (!record) throw wrongPassword();
      throttle.succeeded(peer, address);
      const user = toSignedInUser(record.accountId, record.stored);
      const sessionId = randomBytes(16).toString('hex');
      const expiresAtMs = await newExpiryMs();
      await store.openSession({ accountId: record.accountId, sessionId, userId: user.id, expiresAtMs, fullPullFrom: EPOCH });
      // The password may have changed since it was read. Changing it locks the account and ends the user's sessions, so
      // that change has either ended this session too, or it is seen here.
      const isUnchanged = await store.write(record.accountId, async (transaction) =>
        (await transaction.get('users', user.id))?.secret === record.stored.secret);
      if (!isUnchanged) {
        await store.endSession(record.accountId, sessionId);
        throw wrongPassword();
      }
      return answer(user, sessionId, expiresAtMs);
    },

    async refresh(caller) {
      const expiresAtMs = await newExpiryMs();
      const { accountId, sessionId } = caller.session;
      if (!await store.extendSession(accountId, sessionId, expiresAtMs)) throw notSignedIn();
      return answer(caller.user, sessionId, expiresAtMs);
    },

    async logout(caller) {
      await store.endSession(caller.session.accountId, caller.session.sessionId);
    },

    async identify(request, from) {
      const claims = tokens.verify(readBearer(request) ?? '');
      const identity = claims && await store.identify(claims.accountId, claims.sessionId);
      if (!identity || identity.session.userId !== claims.userId) throw notSignedIn();
      if (Math.min(claims.expiresAtMs, identity.session.expiresAtMs) <= nowMs()) {
        // A desktop forgets its token for good when it is told so, and must not be by a clock that jumped for a moment.
        await store.checkClock();
        throw notSignedIn();
      }
      if (parseUser(identity.user).disabled) throw notSignedIn();
      const user = toSignedInUser(claims.accountId, identity.user);
      return { from, user, session: identity.session, account: identity.account };
    },
  };
}

/** The lookup key of an e-mail address: addresses that differ only in case are equal. */
export function addressKey(email: string): string {
  return email.normalize('NFC').toLowerCase();
}

/** The published fields of a user's record. */
export function parseUser(record: StoredRecord): User {
  return JSON.parse(record.payload) as User;
}

/** The unpublished part of a user's record. */
export function secretOf(hash: string): string {
  return JSON.stringify({ passwordHash: hash });
}

/** True if the change of role takes rights away. */
export function removesRights(before: Role, after: Role): boolean {
  return roles.indexOf(after) > roles.indexOf(before);
}

function passwordHash(record: StoredRecord): string | null {
  const secret: unknown = record.secret === null ? null : JSON.parse(record.secret);
  return isObject(secret) && typeof secret['passwordHash'] === 'string' ? secret['passwordHash'] : null;
}

async function findUser(store: Store, address: string): Promise<{ accountId: string; stored: StoredRecord; payload: User } | null> {
  const entry = await store.findAddress(address);
  const stored = entry && await store.get(entry.accountId, 'users', entry.userId);
  return stored ? { accountId: entry.accountId, stored, payload: parseUser(stored) } : null;
}

function toSignedInUser(accountId: string, record: StoredRecord): SignedInUser {
  const { email, name, role } = parseUser(record);
  return { id: record.id, email, name, role, accountId };
}

function wrongPassword(): AppError {
  return new AppError('unauthorized', 'The e-mail address or the password is wrong.');
}

function notSignedIn(): AppError {
  return new AppError('unauthorized', 'You are not signed in, or your session has ended. Sign in again.');
}
