// The driver's errors in words of ours. Whatever the network, an election or a full server causes is `unavailable`;
// anything else stays as it is and becomes `internal` further up. No message carries an address or a password.

import {
  MongoBulkWriteError, MongoClientClosedError, MongoError, MongoErrorLabel, MongoExpiredSessionError, MongoNetworkError,
  MongoNotConnectedError, MongoServerError, MongoServerSelectionError, MongoTopologyClosedError, MongoWriteConcernError,
} from 'mongodb';

import { AppError } from '../../shared/errors.ts';

// Server error codes, by the names of mongodb/mongo src/mongo/base/error_codes.yml.
const NAMESPACE_EXISTS = 48;
const DUPLICATE_KEY = 11000;
const SNAPSHOT_TOO_OLD = 239;
const SNAPSHOT_UNAVAILABLE = 246;
const OUT_OF_DISK_SPACE = 14031;
const refusals: readonly unknown[] = [13 /* Unauthorized */, 18 /* AuthenticationFailed */];
const passing: readonly unknown[] = [
  6 /* HostUnreachable */, 7 /* HostNotFound */, 43 /* CursorNotFound */, 50 /* MaxTimeMSExpired */, 64 /* WriteConcernFailed */,
  89 /* NetworkTimeout */, 91 /* ShutdownInProgress */, 100 /* UnsatisfiableWriteConcern */, 112 /* WriteConflict */,
  133 /* FailedToSatisfyReadPreference */, 189 /* PrimarySteppedDown */, 237 /* CursorKilled */, 262 /* ExceededTimeLimit */,
  9001 /* SocketException */, 10107 /* NotWritablePrimary */, 11600 /* InterruptedAtShutdown */,
  11602 /* InterruptedDueToReplStateChange */, 13435 /* NotPrimaryNoSecondaryOk */, 13436 /* NotPrimaryOrSecondary */,
];

/** The connection failed or no member could take the command: the command may or may not have been carried out. */
export function isConnectionError(thrown: unknown): boolean {
  // A bulk write gives what the network threw in a wrapping of its own, without its class and sometimes without its label.
  const error = thrown instanceof MongoBulkWriteError ? thrown.errorResponse : thrown;
  return error instanceof MongoNetworkError || error instanceof MongoServerSelectionError
    || error instanceof MongoNotConnectedError || error instanceof MongoTopologyClosedError
    || error instanceof MongoClientClosedError || error instanceof MongoExpiredSessionError;
}

/** True if a transaction that failed with this before its commit can be run again as a whole. */
export function isTransient(error: unknown): boolean {
  return hasLabel(error, MongoErrorLabel.TransientTransactionError) || isConnectionError(error);
}

/** True if a commit that failed with this may have been carried out, so that only the commit may be repeated. */
export function isUnknownCommit(error: unknown): boolean {
  return hasLabel(error, MongoErrorLabel.UnknownTransactionCommitResult) || isConnectionError(error);
}

/** The snapshot's time is not, or no longer, to be had: a new snapshot may be. */
export function isSnapshotGone(error: unknown): boolean {
  return hasCode(error, [SNAPSHOT_TOO_OLD, SNAPSHOT_UNAVAILABLE]);
}

export function isDuplicateKey(error: unknown): boolean {
  return hasCode(error, [DUPLICATE_KEY]);
}

export function isAlreadyThere(error: unknown): boolean {
  return hasCode(error, [NAMESPACE_EXISTS]);
}

export function isRefusal(error: unknown): boolean {
  return hasCode(error, refusals);
}

/** What the caller of the store gets to see: `unavailable` with a sentence where it is the database's state. */
export function mongoError(error: unknown): unknown {
  if (!(error instanceof MongoError)) return error;
  if (isRefusal(error)) return unavailable('The database refuses the server. Correct the user and the password in MONGODB_URL.', error);
  if (hasCode(error, [OUT_OF_DISK_SPACE])) return unavailable('The database has no room left on its disk. Free some space there.', error);
  if (isSnapshotGone(error)) {
    return unavailable('Reading took longer than the database keeps a snapshot. Continue from the last change that arrived.', error);
  }
  const passes = hasCode(error, passing) || error instanceof MongoWriteConcernError || isTransient(error) || isUnknownCommit(error);
  return passes ? noAnswer(error) : error;
}

export function noAnswer(cause: unknown): AppError {
  return unavailable('The database does not answer at present. Try again in a moment; if that does not help, check that MongoDB runs '
    + 'and has a primary.', cause);
}

export function writeTimedOut(cause: unknown): AppError {
  return unavailable('The database could not take this change in time, and nothing was changed. Try again in a moment.', cause);
}

export function commitUnknown(cause: unknown): AppError {
  return unavailable('The database did not confirm this change in time; it may have been kept. Look before you repeat it.', cause);
}

function unavailable(sentence: string, cause?: unknown): AppError {
  return new AppError('unavailable', sentence, { cause, retryAfterS: 5 });
}

function hasLabel(error: unknown, label: string): boolean {
  return error instanceof MongoError && error.hasErrorLabel(label);
}

function hasCode(error: unknown, codes: readonly unknown[]): boolean {
  return error instanceof MongoServerError && codes.includes(error.code);
}
