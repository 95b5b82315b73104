// Every way a request, a sync or a cache can fail, as one list of codes and one error class.
//
// The code is for machines and never changes its meaning; the message is for the person at the screen and says
// what was tried, on what, and what to do next. An error of any other class is `internal`: its text stays in the log.

import type { Problems } from './problems.ts';

/** Codes that travel on the wire, as the table of the wire contract lists them. */
export const wireErrorCodes = [
  'invalid_request', 'unauthorized', 'forbidden', 'not_found', 'method_not_allowed', 'conflict', 'resync_required',
  'precondition_failed', 'payload_too_large', 'unsupported_media_type', 'upgrade_required', 'too_many_requests',
  'internal', 'unavailable',
] as const;

/** Codes that arise on the desktop and are never sent by a server. */
export const desktopErrorCodes = [
  'offline',           // the server cannot be asked, so a write was not attempted
  'outcome_unknown',   // a write was sent and no answer arrived
  'signed_out',        // no token, or the server ended it
  'server_outdated',   // the server speaks only protocols that are too old for this desktop
  'bad_response',      // the answer is not in the protocol's form
  'digest_mismatch',   // the cache differs from the server's records
  'cancelled',         // a person or a shutdown stopped it
  'cache_unusable',    // the local database does not open, is not ours, or is damaged
  'cache_busy',        // another process holds the local database
  'disk_full',         // the local disk has no room
] as const;

export type WireErrorCode = (typeof wireErrorCodes)[number];
export type DesktopErrorCode = (typeof desktopErrorCodes)[number];
export type ErrorCode = WireErrorCode | DesktopErrorCode;

export interface ErrorDetails {
  /** The error underneath, for the log. */
  readonly cause?: unknown;
  /** What is wrong with which fields, with `invalid_request` and `conflict`. */
  readonly fields?: Readonly<Problems>;
  /** The current record, with `precondition_failed`. */
  readonly current?: unknown;
  /** How long to wait, with `too_many_requests` and `unavailable`. */
  readonly retryAfterS?: number;
  /** The allowed methods, with `method_not_allowed`. */
  readonly allow?: readonly string[];
}

export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : {});
    this.code = code;
    this.details = details;
  }
}

export function isWireErrorCode(value: unknown): value is WireErrorCode {
  return wireErrorCodes.some((code) => code === value);
}

/** The code of any thrown value: an AppError's own, `internal` for everything else. */
export function errorCode(error: unknown): ErrorCode {
  return error instanceof AppError ? error.code : 'internal';
}

/** Whether a thrown value is Node's error for one of these failed system calls (`ENOENT`, `EBUSY` …). */
export function hasSystemCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}
