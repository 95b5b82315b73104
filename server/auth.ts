// Sign-in: issues tokens, and checks on every request whether a token is still valid.
//
// A token names a session in the database, and every request looks up the session with its user. So signing out, a new
// password, a lesser role or disabling the user takes effect at the next request, on every server process.
//
// Refreshing replaces a session's token. The old one is accepted for a minute more, because other requests may be on
// their way with it. After that it only refreshes, and only while no request has come with the new one: whoever never
// received the answer is not signed out.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { formatInstant, instantFromMs, EPOCH, type Instant } from '../shared/clock.ts';
import { roles, type Role, type User } from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import { isObject, type Shape } from '../shared/fields.ts';
import { problem } from '../shared/problems.ts';
import {
  loginFields, parseInput, passwordFields, type LoginAnswer, type SessionEntry, type SignedInUser,
} from '../shared/protocol.ts';
import { entryOf, type Subject } from './audit.ts';
import { withSecret } from './author.ts';
import { invalid, readBearer } from './http.ts';
import type { Log } from './log.ts';
import { networkOf, unknownPeer } from './peer.ts';
import { requireGoodPassword } from './password-rules.ts';
import { createPasswords, type PasswordCost, type Passwords } from './passwords.ts';
import { createSessionNotes } from './session-notes.ts';
import type { Account, Identity, Session, Store, StoredRecord } from './store.ts';
import { createThrottle } from './throttle.ts';
import { createTokens, type Claims } from './tokens.ts';
import type { Lane, Waiter } from './turns.ts';

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

/** How long a session lives, however often it is renewed. */
const MAX_SESSION_MS = 180 * 86_400_000;
/** How long a token is accepted after it was refreshed. */
const GRACE_MS = 60_000;
/** How many sign-ins of one device wait at a time. */
const MAX_WAITING_PER_DEVICE = 2;

export interface AuthOptions {
  readonly secrets: readonly string[];
  readonly tokenTtlMs: number;
  /** Called for a token that this server signed and no longer accepts. */
  readonly onTokenRefused?: (from: Origin, holder: Claims) => void;
  /** Lower in tests only. */
  readonly passwordCost?: PasswordCost;
}

export interface Auth {
  readonly passwords: Passwords;
  /**
   * A token for an e-mail address and password. `bearer` is an earlier token of the device, if it sends one. Throws `unauthorized`,
   * `too_many_requests`, and `ClientGone` if the client has gone while it waited.
   */
  login(body: unknown, from: Origin, bearer: string | null, isGone?: () => boolean): Promise<LoginAnswer>;
  /** Extends the session of a request and returns its next token. Throws like `identify`. */
  refresh(request: IncomingMessage, from: Origin): Promise<LoginAnswer>;
  logout(caller: Caller): Promise<void>;
  /** The caller behind a request; throws `unauthorized`, or `unavailable` if the session has ended only by a clock that may be wrong. */
  identify(request: IncomingMessage, from: Origin): Promise<Caller>;
  /** Sets the caller's password and ends their other sessions. Throws `invalid_request` (also for a wrong one), `too_many_requests`. */
  changePassword(caller: Caller, body: unknown): Promise<void>;
  /** The caller's sessions, or the account's; throws `forbidden`. */
  listSessions(caller: Caller, ofAll: boolean): Promise<readonly SessionEntry[]>;
  /** Ends a session of the caller, or of the account if the caller is an owner; throws `not_found`. */
  endSession(caller: Caller, sessionId: string): Promise<void>;
  /** Notes that the caller has pulled everything up to this cursor. */
  noteSynced(caller: Caller, cursor: Instant): void;
  /** Saves what was noted of sessions. Never rejects. */
  saveNotes(): Promise<void>;
}

interface FoundUser {
  readonly accountId: string;
  readonly stored: StoredRecord;
  readonly payload: User;
}

/** A password that somebody tries. */
interface Guess {
  readonly peer: string;
  readonly address: string;
  readonly password: string;
  /** The session that the client proves it is or was in, if any. */
  readonly device: Pick<Claims, 'userId' | 'sessionId'> | null;
}

export function createAuth(store: Store, options: AuthOptions, nowMs: () => number, log: Log): Auth {
  const passwords = createPasswords(options.passwordCost);
  const tokens = createTokens(options.secrets, nowMs);
  const throttle = createThrottle(store, nowMs);
  let isProxyReported = false;
  const warnOfProxy = (): void => {
    if (isProxyReported) return;
    isProxyReported = true;
    log('warn', 'proxy names no client', { missing: 'X-Forwarded-For', consequence: 'guesses at passwords are limited per account only' });
  };
  const notes = createSessionNotes(store, nowMs, log);

  const answer = (user: SignedInUser, { sessionId, tokenId, expiresAtMs }: Session): LoginAnswer => ({
    token: tokens.sign({ accountId: user.accountId, userId: user.id, sessionId, tokenId, expiresAtMs }),
    expiresAt: formatInstant(instantFromMs(expiresAtMs)),
    user,
  });
  // A JWT's expiry is in whole seconds; the session expires in the same second. Under a clock that cannot be right a session
  // might never end, and opening it would remove all others as expired.
  const newExpiryMs = async (createdAtMs: number): Promise<number> => {
    await store.checkClock();
    return Math.floor(Math.min(nowMs() + options.tokenTtlMs, createdAtMs + MAX_SESSION_MS) / 1000) * 1000;
  };

  const readToken = async (
    request: IncomingMessage, from: Origin, isToRefresh: boolean,
  ): Promise<{ claims: Claims; identity: Identity }> => {
    const claims = tokens.verify(readBearer(request) ?? '');
    if (!claims) throw notSignedIn();
    const refused = (): AppError => {
      options.onTokenRefused?.(from, claims);
      return notSignedIn();
    };
    const identity = await store.identify(claims.accountId, claims.sessionId, claims.userId);
    if (!identity) throw refused();
    const { session } = identity;
    if (Math.min(claims.expiresAtMs, session.expiresAtMs) <= nowMs()) {
      // On `unauthorized` a desktop forgets its token for good, which a clock that jumped for a moment must not cause.
      await store.checkClock();
      throw refused();
    }
    if (!isAccepted(session, claims.tokenId, nowMs(), isToRefresh)) throw refused();
    if (parseUser(identity.user).disabled) throw refused();
    notes.seen(session, claims.tokenId);
    return { claims, identity };
  };

  /**
   * The enabled user whom `find` returns, if it has this password; otherwise null. Throws `too_many_requests` if too many wrong
   * ones were tried for the address, or too many attempts wait for their turn. Devices and networks in which this user has been
   * signed in wait apart from strangers.
   */
  const checkPassword = async (
    { peer, address, password, device }: Guess, find: () => Promise<FoundUser | null>, isGone?: () => boolean,
  ): Promise<FoundUser | null> => {
    const deviceOf = (found: FoundUser | null): Guess['device'] => device !== null && device.userId === found?.stored.id ? device : null;
    const own = device && deviceOf(await find());
    const lane: Lane = own ? [own.userId, own.sessionId] : [networkOf(peer), address];
    const waiter: Waiter = own ? { isKnown: true, most: MAX_WAITING_PER_DEVICE } : { isKnown: await throttle.knows({ peer, address }) };
    return passwords.inTurn(lane, async (verify) => {
      const found = await find();
      const admitted = await throttle.admit({ peer, address, device: deviceOf(found)?.sessionId ?? null });
      try {
        const isCorrect = await verify(password, found && passwordHash(found.stored));
        if (!isCorrect || found?.payload.disabled) return null;
        await admitted.succeeded();
        return found;
      } catch (error) {
        // Not awaited: a database that is failing would take as long again. If this is lost, there is one guess fewer for a while.
        admitted.inconclusive().catch(() => {});
        throw error;
      }
    }, { ...waiter, ...(isGone ? { isGone } : {}) });
  };

  return {
    passwords,

    async login(body, from, bearer, isGone) {
      const { email, password, device = null } = parseInput(loginFields, body) as unknown as Shape<typeof loginFields>;
      const address = addressKey(email);
      // The signature of a token that has ended still proves that this device has been signed in before.
      const earlier = tokens.verify(bearer ?? '');
      if (from.peer === unknownPeer) warnOfProxy();
      const guess = { peer: from.peer, address, password, device: earlier };
      const record = await checkPassword(guess, () => findUser(store, address), isGone);
      if (!record) throw wrongPassword();
      const { accountId } = record;
      const user = toSignedInUser(accountId, record.stored);
      const createdAtMs = Math.floor(nowMs());
      const session: Session = {
        accountId, sessionId: randomBytes(16).toString('hex'), userId: user.id, device,
        createdAtMs, expiresAtMs: await newExpiryMs(createdAtMs), lastSeenAtMs: createdAtMs, syncedTo: EPOCH,
        tokenId: newTokenId(), isTokenUsed: true, previousTokenId: null, previousEndsAtMs: 0, fullPullFrom: EPOCH,
      };
      await store.openSession(session);
      // The password may have changed since it was read. Changing it locks the account and ends the user's sessions, so
      // that change has either ended this session too, or it is seen here.
      const isUnchanged = await store.write(accountId, async (transaction) => {
        const isSame = (await transaction.get('users', user.id))?.secret === record.stored.secret;
        if (isSame) transaction.audit(entryOf({ user, session, from }, 'sign-in', sessionSubject(session.sessionId)));
        else transaction.endSession(session.sessionId);
        return isSame;
      });
      if (!isUnchanged) throw wrongPassword();
      return answer(user, session);
    },

    async refresh(request, from) {
      const { claims, identity: { session, user } } = await readToken(request, from, true);
      const renewed = await store.renewSession(session.accountId, session.sessionId, {
        from: claims.tokenId,
        to: newTokenId(),
        expiresAtMs: await newExpiryMs(session.createdAtMs),
        previousEndsAtMs: Math.floor(nowMs() + GRACE_MS),
      });
      if (!renewed) throw notSignedIn();
      return answer(toSignedInUser(session.accountId, user), renewed);
    },

    async logout(caller) {
      const { accountId, sessionId } = caller.session;
      await store.write(accountId, async (transaction) => {
        transaction.endSession(sessionId);
        transaction.audit(entryOf(caller, 'sign-out', sessionSubject(sessionId)));
      });
    },

    async identify(request, from) {
      const { session, user, account } = (await readToken(request, from, false)).identity;
      return { from, user: toSignedInUser(session.accountId, user), session, account };
    },

    async changePassword(caller, body) {
      const { user, session } = caller;
      const { current, next } = parseInput(passwordFields, body) as unknown as Shape<typeof passwordFields>;
      requireGoodPassword('next', next, user.email);
      const guess = { peer: caller.from.peer, address: addressKey(user.email), password: current, device: session };
      const found = await checkPassword(guess, () => getUser(store, user.accountId, user.id));
      if (!found) throw wrongCurrentPassword();
      const secret = secretOf(await passwords.hash(next, laneOf(caller)));
      await store.write(user.accountId, async (transaction) => {
        const record = await transaction.get('users', user.id);
        if (!record) throw notSignedIn();
        if (record.secret !== found.stored.secret) throw wrongCurrentPassword();
        transaction.put('users', record.id, withSecret(user, record, secret), record);
        transaction.endSessionsOf(record.id, session.sessionId);
        transaction.audit(entryOf(caller, 'update', { collection: 'users', record: record.id, fields: ['password'] }));
      });
    },

    async listSessions({ user, session: own }, ofAll) {
      if (ofAll && user.role !== 'owner') throw new AppError('forbidden', 'Your role may not see the sessions of others. Ask an owner.');
      await notes.save();
      const sessions = await store.listSessions(user.accountId);
      return sessions
        .filter(({ userId, expiresAtMs }) => (ofAll || userId === user.id) && expiresAtMs > nowMs())
        .map(({ sessionId, userId, device, createdAtMs, lastSeenAtMs, syncedTo }) => ({
          id: sessionId,
          userId,
          device,
          createdAt: formatInstant(instantFromMs(createdAtMs)),
          lastSeenAt: formatInstant(instantFromMs(lastSeenAtMs)),
          syncedTo: syncedTo === EPOCH ? null : formatInstant(syncedTo),
          current: sessionId === own.sessionId,
        }));
    },

    async endSession(caller, sessionId) {
      const { user } = caller;
      const session = (await store.listSessions(user.accountId)).find((candidate) => candidate.sessionId === sessionId);
      const mayEnd = session && (user.role === 'owner' || session.userId === user.id);
      if (!mayEnd) throw new AppError('not_found', 'There is no such session. It may have ended already.');
      await store.write(user.accountId, async (transaction) => {
        transaction.endSession(sessionId);
        transaction.audit(entryOf(caller, 'session-ended', sessionSubject(sessionId)));
      });
    },

    noteSynced: ({ session }, cursor) => notes.synced(session, cursor),
    saveNotes: () => notes.save(),
  };
}

function sessionSubject(sessionId: string): Subject {
  return { collection: 'sessions', record: sessionId };
}

/** Whether a token of the session is still accepted. */
function isAccepted(session: Session, tokenId: string, nowMs: number, isToRefresh: boolean): boolean {
  if (tokenId === session.tokenId) return true;
  if (tokenId !== session.previousTokenId) return false;
  return nowMs < session.previousEndsAtMs || (isToRefresh && !session.isTokenUsed);
}

function newTokenId(): string {
  return randomBytes(9).toString('base64url');
}

function wrongCurrentPassword(): AppError {
  return invalid('current', problem('wrong_password'));
}

/** The lookup key of an e-mail address: addresses that differ only in case are equal. */
export function addressKey(email: string): string {
  return email.normalize('NFC').toLowerCase();
}

/** The lane in which a signed-in caller waits for password hashing: that of the whole account. */
export function laneOf({ user }: Caller): Lane {
  return [user.accountId, user.id];
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

async function findUser(store: Store, address: string): Promise<FoundUser | null> {
  const entry = await store.findAddress(address);
  return entry && getUser(store, entry.accountId, entry.userId);
}

async function getUser(store: Store, accountId: string, userId: string): Promise<FoundUser | null> {
  const stored = await store.get(accountId, 'users', userId);
  return stored && { accountId, stored, payload: parseUser(stored) };
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
