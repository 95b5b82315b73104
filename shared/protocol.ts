// The messages of the wire and their parsers. docs/protocol.md is the contract and this file its vocabulary: both halves
// build and read messages with it, and a test hashes `wireSchema()`, so that the wire cannot change unnoticed.
//
//   desktop                                server
//     POST /api/auth/login  ───────────────▶  token, user
//     GET  /api/sync/pull   ───────────────▶  the whole account, a page at a time, oldest change first
//     GET  /api/sync/pull?since=<cursor> ──▶  what changed since, … hasMore: false with scope and digest
//     POST|PATCH|DELETE /api/<collection> ─▶  the record as written, durable
//     GET  /api/sync/pull?since=<cursor> ──▶  the same record, now in the cache

import { collections, newPassword, publishedFields, roles, writableFields } from './collections.ts';
import { AppError, isWireErrorCode, wireErrorCodes, type WireErrorCode } from './errors.ts';
import { MAX_INTEGER, checkFields, isObject, type Fields, type JsonObject, type Shape } from './fields.ts';
import { noProblems, problemCodes, type Problem, type Problems } from './problems.ts';

/** The version this code speaks, and the oldest that its server still answers and its desktop still asks. */
export const protocolVersion = { current: 2, oldest: 2 } as const;
export const protocolHeader = 'x-invoify-protocol';

/** What an `Idempotency-Key` may be: 1 to 128 visible ASCII characters. */
export const idempotencyKeyPattern = /^[\x21-\x7e]{1,128}$/;

/** What a pull's `nonce` may be. */
export const noncePattern = /^[A-Za-z0-9_-]{1,64}$/;

export const requestIdHeader = 'x-request-id';
/** The request ids that come back as they were sent. */
export const requestIdPattern = /^[A-Za-z0-9-]{8,64}$/;

/** The longest wait, in seconds, that an answer with this code may ask for in `Retry-After`; any other is ignored. */
export const maxRetryAfterS = { too_many_requests: 900, unavailable: 60 } as const;

export const pageLimit = { default: 1000, max: 5000, maxBytes: 8 * 1024 * 1024 } as const;
export const maxBodyBytes = 1024 * 1024;
/** Of a sign-in, which anybody can send. */
export const maxSignInBytes = 4096;

export const loginFields = {
  email: { kind: 'text', max: 320 },
  password: { kind: 'text', max: 1024 },
  /** The computer and the program, for the list of sessions. */
  device: { kind: 'text', max: 100, optional: true },
} as const satisfies Fields;

/** A user's change of their own password. */
export const passwordFields = {
  current: { kind: 'text', max: 1024 },
  next: newPassword,
} as const satisfies Fields;

/** A payment, or with a negative amount a refund. */
export const paymentFields = {
  amountMinor: { kind: 'integer', min: -MAX_INTEGER, max: MAX_INTEGER, nonZero: true },
  paidOn: { kind: 'date' },
  method: { kind: 'text', max: 100, optional: true },
  reference: { kind: 'text', max: 200, optional: true },
} as const satisfies Fields;

/** What a credit note's draft can begin with. */
export const creditFields = {
  /** Without it the server's day, in UTC. */
  issueDate: { kind: 'date', optional: true },
} as const satisfies Fields;

const userFields = {
  id: { kind: 'text', max: 24 },
  email: { kind: 'text', max: 320 },
  name: { kind: 'text', max: 200 },
  role: { kind: 'choice', values: roles },
  accountId: { kind: 'text', max: 24 },
} as const satisfies Fields;

/** The signed-in user, as `login` and `me` answer. */
export type SignedInUser = Shape<typeof userFields>;

export interface LoginAnswer {
  readonly token: string;
  /** ISO-8601 instant at which the token ends. */
  readonly expiresAt: string;
  readonly user: SignedInUser;
}

/** A session in the answer of `/api/auth/sessions`. */
export interface SessionEntry {
  readonly id: string;
  readonly userId: string;
  readonly device: string | null;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  /** The last cursor that was pulled to its end. */
  readonly syncedTo: string | null;
  /** Whether it is the one that asks. */
  readonly current: boolean;
}

/** A record in the answer to a write; a deleted one has no payload. */
export interface WireRecord {
  readonly id: string;
  readonly updatedAt: string;
  readonly payload?: JsonObject;
}

export interface WireError {
  readonly code: WireErrorCode;
  readonly message: string;
  readonly fields?: Readonly<Problems>;
  readonly current?: WireRecord;
}

/** Checks an input against fields; throws `invalid_request` with a problem per field. */
export function parseInput(fields: Fields, input: unknown): JsonObject {
  const problems = noProblems();
  const value = checkFields(fields, input, problems);
  refuseProblems(problems);
  return value;
}

/** Throws `invalid_request` with all problems, its message naming the first; does nothing if there are none. */
export function refuseProblems(problems: Problems): void {
  const [first] = Object.entries(problems);
  if (!first) return;
  const [path, { message }] = first;
  const subject = path === '.' ? 'The body' : path || 'A field without a name';
  throw new AppError('invalid_request', `${subject} ${message}.`, { fields: problems });
}

/** The user in an answer; throws `bad_response`. */
export function parseSignedInUser(value: unknown): SignedInUser {
  const user = isObject(value) ? value['user'] : undefined;
  const problems = noProblems();
  const known = isObject(user) ? pickKnown(user, userFields) : user;
  const checked = checkFields(userFields, known, problems);
  if (Object.keys(problems).length > 0) throw badResponse('its user is malformed');
  return checked as unknown as SignedInUser;
}

/** An answer to login or refresh; throws `bad_response`. */
export function parseLoginAnswer(value: unknown): LoginAnswer {
  if (!isObject(value) || typeof value['token'] !== 'string' || typeof value['expiresAt'] !== 'string') {
    throw badResponse('it has no token');
  }
  return { token: value['token'], expiresAt: value['expiresAt'], user: parseSignedInUser(value) };
}

/** The sessions in an answer; throws `bad_response`. */
export function parseSessions(value: unknown): readonly SessionEntry[] {
  const sessions = isObject(value) ? value['sessions'] : undefined;
  if (!Array.isArray(sessions) || !sessions.every(isSessionEntry)) throw badResponse('it has no sessions');
  return sessions;
}

function isSessionEntry(value: unknown): value is SessionEntry {
  if (!isObject(value)) return false;
  const isTextOrNull = (name: string): boolean => value[name] === null || typeof value[name] === 'string';
  return ['id', 'userId', 'createdAt', 'lastSeenAt'].every((name) => typeof value[name] === 'string')
    && isTextOrNull('device') && isTextOrNull('syncedTo') && typeof value['current'] === 'boolean';
}

/** What `/api/meta` says of the server; throws `bad_response` if it is not Invoify's, `server_outdated` if it is too old. */
export function parseMeta(value: unknown): { readonly name: string; readonly version: string } {
  const { name, version, protocol } = isObject(value) ? value : {};
  const spoken = isObject(protocol) ? protocol['current'] : undefined;
  if (name !== 'invoify' || typeof version !== 'string' || !Number.isInteger(spoken)) throw badResponse('it is not from an Invoify server');
  if (Number(spoken) < protocolVersion.oldest) {
    throw new AppError('server_outdated', `Ask your administrator to update the server: it speaks protocol ${spoken}, and this Invoify `
      + `${protocolVersion.oldest} and later.`);
  }
  return { name, version };
}

/** The record in the answer to a write; throws `bad_response`. */
export function parseRecordAnswer(value: unknown): WireRecord {
  const record = isObject(value) ? value['record'] : undefined;
  if (!isWireRecord(record)) throw badResponse('it has no record');
  return record;
}

/** The error in an answer, or null if the body is not in the protocol's form. */
export function parseErrorAnswer(value: unknown): WireError | null {
  const error = isObject(value) && value['success'] === false ? value['error'] : undefined;
  if (!isObject(error) || !isWireErrorCode(error['code']) || typeof error['message'] !== 'string') return null;
  const { fields, current } = error;
  return {
    code: error['code'],
    message: error['message'],
    ...(isProblems(fields) ? { fields } : {}),
    ...(isWireRecord(current) ? { current } : {}),
  };
}

export function badResponse(reason: string, cause?: unknown): AppError {
  return new AppError('bad_response', `The server's answer could not be read: ${reason}. Check the server's address.`, {
    cause,
  });
}

/** Everything that defines the wire, as one canonical text to be hashed. */
export function wireSchema(): string {
  return JSON.stringify({
    errors: wireErrorCodes,
    problems: problemCodes,
    login: loginFields,
    password: passwordFields,
    payment: paymentFields,
    credit: creditFields,
    user: userFields,
    pageLimit,
    maxBodyBytes,
    maxSignInBytes,
    idempotencyKey: idempotencyKeyPattern.source,
    nonce: noncePattern.source,
    requestId: requestIdPattern.source,
    collections: collections.map((collection) => ({
      name: collection.name,
      sees: collection.sees,
      writes: collection.writes,
      accepts: writableFields(collection),
      publishes: publishedFields(collection),
    })),
  });
}

function isWireRecord(value: unknown): value is WireRecord {
  return isObject(value) && typeof value['id'] === 'string' && typeof value['updatedAt'] === 'string'
    && (value['payload'] === undefined || isObject(value['payload']));
}

function isProblems(value: unknown): value is Problems {
  return isObject(value) && Object.values(value).every(isProblem);
}

function isProblem(value: unknown): value is Problem {
  return isObject(value) && typeof value['code'] === 'string' && typeof value['message'] === 'string'
    && (value['params'] === undefined
      || (isObject(value['params']) && Object.values(value['params']).every((param) => ['string', 'number'].includes(typeof param))));
}

function pickKnown(value: Record<string, unknown>, fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => Object.hasOwn(fields, key)));
}
