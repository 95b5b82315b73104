// Classifies the driver's errors and maps them to `AppError`. Network failures, elections and an overloaded or full
// database become `unavailable`; other errors pass unchanged and become `internal` further up. No message contains an
// address or a password.

import {
  MongoBulkWriteError, MongoClientClosedError, MongoError, MongoErrorLabel, MongoExpiredSessionError, MongoNetworkError,
  MongoNotConnectedError, MongoServerClosedError, MongoServerError, MongoServerSelectionError, MongoTopologyClosedError,
  MongoWriteConcernError,
} from 'mongodb';

import { AppError, hasSystemCode } from '../../shared/errors.ts';

// Server error codes, named as in src/mongo/base/error_codes.yml of mongodb/mongo.
const NAMESPACE_EXISTS = 48;
const WRITE_CONFLICT = 112;
/** The error of a command that was running when its session was ended. */
const INTERRUPTED = 11601;
const DUPLICATE_KEY = 11000;
const SNAPSHOT_TOO_OLD = 239;
const SNAPSHOT_UNAVAILABLE = 246;
const OUT_OF_DISK_SPACE = 14031;
const UNAUTHORIZED = 13;
const AUTHENTICATION_FAILED = 18;
const temporaryErrors: readonly unknown[] = [
  6 /* HostUnreachable */, 7 /* HostNotFound */, 43 /* CursorNotFound */, 50 /* MaxTimeMSExpired */, 64 /* WriteConcernFailed */,
  89 /* NetworkTimeout */, 91 /* ShutdownInProgress */, 100 /* UnsatisfiableWriteConcern */, WRITE_CONFLICT,
  133 /* FailedToSatisfyReadPreference */, 189 /* PrimarySteppedDown */, 237 /* CursorKilled */, 262 /* ExceededTimeLimit */,
  9001 /* SocketException */, 10107 /* NotWritablePrimary */, 11600 /* InterruptedAtShutdown */,
  11602 /* InterruptedDueToReplStateChange */, 13435 /* NotPrimaryNoSecondaryOk */, 13436 /* NotPrimaryOrSecondary */,
];

/** The connection failed or no member could take the command; the command may or may not have run. */
export function isConnectionError(thrown: unknown): boolean {
  // A bulk write wraps the network error, which loses its class and sometimes its label.
  const error = thrown instanceof MongoBulkWriteError ? thrown.errorResponse : thrown;
  return error instanceof MongoNetworkError || error instanceof MongoServerSelectionError
    || error instanceof MongoNotConnectedError || error instanceof MongoTopologyClosedError
    || error instanceof MongoClientClosedError || error instanceof MongoExpiredSessionError || error instanceof MongoServerClosedError
    // The driver does not export this class.
    || (error instanceof MongoError && error.name === 'MongoPoolClosedError')
    // The driver passes on the socket's own error if a command is written to a connection that is already dead.
    || hasSystemCode(error, 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN');
}

/** True if a transaction that failed with this error before its commit can be retried as a whole. */
export function isTransient(error: unknown): boolean {
  return hasLabel(error, MongoErrorLabel.TransientTransactionError) || isConnectionError(error) || hasCode(error, [INTERRUPTED]);
}

/** Another transaction holds what this one would change. */
export function isWriteConflict(error: unknown): boolean {
  return hasCode(error, [WRITE_CONFLICT]);
}

/** The error of a read beside a transaction, so that `isTransient` is true of a temporary one, as of a read within it. */
export function labelTransient(error: unknown): unknown {
  if (error instanceof MongoError && hasCode(error, temporaryErrors)) error.addErrorLabel(MongoErrorLabel.TransientTransactionError);
  return error;
}

/** True if a commit that failed with this error may have succeeded, so that only the commit may be retried. */
export function isUnknownCommit(error: unknown): boolean {
  return hasLabel(error, MongoErrorLabel.UnknownTransactionCommitResult) || isConnectionError(error) || hasCode(error, [INTERRUPTED]);
}

/** The snapshot's time is not, or no longer, available; a new snapshot may be. */
export function isSnapshotGone(error: unknown): boolean {
  return hasCode(error, [SNAPSHOT_TOO_OLD, SNAPSHOT_UNAVAILABLE]);
}

export function isDuplicateKey(error: unknown): boolean {
  return hasCode(error, [DUPLICATE_KEY]);
}

export function isNamespaceExists(error: unknown): boolean {
  return hasCode(error, [NAMESPACE_EXISTS]);
}

export function isAuthError(error: unknown): boolean {
  return hasCode(error, [UNAUTHORIZED, AUTHENTICATION_FAILED]);
}

/** The error for the store's caller: `unavailable` if the database's state is the cause, otherwise the error itself. */
export function mongoError(error: unknown): unknown {
  if (isConnectionError(error)) return noAnswer(error);
  if (!(error instanceof MongoError)) return error;
  if (hasCode(error, [UNAUTHORIZED])) return unavailable(missingRight(error.message), error);
  if (isAuthError(error)) {
    return unavailable('The database rejects the server. Correct the user and the password in MONGODB_URL.', error);
  }
  if (hasCode(error, [OUT_OF_DISK_SPACE])) return unavailable('The disk of the database is full. Free some space on it.', error);
  if (isSnapshotGone(error)) {
    return unavailable('Reading took longer than the database keeps a snapshot. Continue from the last change that arrived.', error);
  }
  const isTemporary = hasCode(error, temporaryErrors) || error instanceof MongoWriteConcernError
    || isTransient(error) || isUnknownCommit(error);
  return isTemporary ? noAnswer(error) : error;
}

/** The commands of a user who needs no more than the role `read`, as for the database of another program. */
const readingCommands: readonly string[] = ['find', 'aggregate', 'getMore', 'count', 'distinct', 'listCollections', 'listIndexes'];

/** MongoDB's message says what is missing, and mostly on which database; that of a cursor does not. */
function missingRight(message: string): string {
  if (/requires authentication/.test(message)) {
    return 'The database wants a sign-in, and MONGODB_URL names no user: write it as mongodb://user:password@host:27017/?replicaSet=rs0.';
  }
  const [, name, command = ''] = /not authorized on (\S+) to execute command \{ (\w+):/.exec(message) ?? [];
  if (name === undefined) {
    return 'The user in MONGODB_URL lacks a right: grant it the role readWrite on MONGODB_DB, and read on the database of another program.';
  }
  if (readingCommands.includes(command)) {
    return `The user in MONGODB_URL may not read the database ${name}: grant it the role read there, or readWrite if that is MONGODB_DB.`;
  }
  return `The user in MONGODB_URL may not write to the database ${name}: grant it the role readWrite there.`;
}

export function noAnswer(cause: unknown): AppError {
  return unavailable('The database does not answer. Try again in a moment; if that does not help, check that MongoDB is running and '
    + 'has a primary.', cause);
}

export function writeTimedOut(cause: unknown): AppError {
  return unavailable('The database could not accept this change in time, and nothing was changed. Try again in a moment.', cause);
}

export function commitUnknown(cause: unknown): AppError {
  return unavailable('The database did not confirm this change in time; it may have been saved. Check before you repeat it.', cause);
}

function unavailable(message: string, cause?: unknown): AppError {
  return new AppError('unavailable', message, { cause, retryAfterS: 5 });
}

function hasLabel(error: unknown, label: string): boolean {
  return error instanceof MongoError && error.hasErrorLabel(label);
}

function hasCode(error: unknown, codes: readonly unknown[]): boolean {
  return error instanceof MongoServerError && codes.includes(error.code);
}
