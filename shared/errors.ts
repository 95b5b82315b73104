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
  'outcome_unknown',   // a write was sent, and no answer told whether it was done
  'signed_out',        // no token, or the server ended it
  'session_refused',   // the server refused the session that it had just given
  'sign_in_locked',    // the system does not decrypt the stored token in this run of the program
  'account_changed',   // the same address has another account than the one whose cache is here; replacing it must be confirmed
  'server_outdated',   // the server speaks only protocols that are too old for this desktop
  'bad_response',      // the answer is not in the protocol's form
  'stale_answer',      // the answer is older than what the server had already said
  'digest_mismatch',   // the cache differs from the server's records
  'cancelled',         // a person or a shutdown stopped it
  'cache_unusable',    // the local database does not open, is not ours, or is damaged
  'cache_busy',        // another process holds the local database
  'disk_full',         // the local disk has no room
] as const;

export type WireErrorCode = (typeof wireErrorCodes)[number];
export type DesktopErrorCode = (typeof desktopErrorCodes)[number];
export type ErrorCode = WireErrorCode | DesktopErrorCode;

/** Why no answer from our server arrived, with `offline` and `bad_response`. */
export const failureKinds = [
  'name_not_found',
  'refused',
  'timed_out',                  // nothing arrived, or there is no way to the address
  'interrupted',                // the connection was cut
  'not_https',                  // the peer offers no secure connection, or none that this side accepts
  'certificate_untrusted',      // self-signed, of an authority that this computer does not know, or too weak
  'certificate_revoked',
  'certificate_expired',
  'certificate_not_yet_valid',
  'certificate_date',           // one of the two: Chromium does not say which
  'certificate_wrong_name',
  'redirected',
  'client_certificate',         // the peer asks for one, and a desktop has none
  'blocked',                    // a program on this computer does not let the request out
  'proxy_password',             // a proxy asks for its password
  'proxy_failed',               // a proxy cannot be reached, or does not let the request through
  'broken_encoding',            // the answer cannot be decompressed
  'not_invoify',                // something else answers at this address
  'replayed',                   // something in between gave the answer to another request
] as const;

export type FailureKind = (typeof failureKinds)[number];

/** `contents`: a rebuild beside the readable tables replaces them. `file`: the file itself must be replaced. */
export type CacheDamage = 'contents' | 'file';

export interface ErrorDetails {
  /** The error underneath, for the log. */
  readonly cause?: unknown;
  /** Which part of the desktop's cache it proves damaged; absent for a failure that may pass by itself. */
  readonly damage?: CacheDamage;
  /** Why no answer from our server arrived, where that is known. */
  readonly kind?: FailureKind;
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
