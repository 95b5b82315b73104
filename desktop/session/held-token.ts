// A token in use: how much of its life is over, and so when it is due for renewal.
//
// Invariants: how long a token lives is the difference of two instants of the server's clock (its `iat` and its
// `expiresAt`); this computer's clocks only measure how much of that is over. Of the wall clock, which moves during sleep,
// and the monotonic clock, which is never adjusted, the one that advanced further counts, and a wall clock that went back
// makes the token due. So a clock that is wrong for a while signs nobody out later.

import { isObject } from '../../shared/fields.ts';
import type { LoginAnswer } from '../../shared/protocol.ts';
import type { StoredToken } from './token-vault.ts';

export interface TokenClocks {
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
}

export interface HeldToken extends StoredToken {
  /** The monotonic clock's reading when the token was received, before the start of the program if need be. */
  readonly receivedMonotonicMs: number;
}

/** For tokens that do not say how long they live. */
const ASSUMED_LIFETIME_MS = 2 * 86_400_000;
const NEW_FOR_MS = 60_000;

/** A token that the server has just issued. */
export function holdIssued({ token, expiresAt, user }: LoginAnswer, origin: string, clocks: TokenClocks): HeldToken {
  const issuedMs = instantsOf(token)?.issuedMs;
  // Without an `iat`, this computer's clock has to do; the limit keeps a wrong one from delaying the renewal.
  const lifetimeMs = issuedMs === undefined ? Math.min(Date.parse(expiresAt) - clocks.nowMs(), ASSUMED_LIFETIME_MS)
    : Date.parse(expiresAt) - issuedMs;
  return {
    token, origin, userId: user.id, receivedMs: clocks.nowMs(), receivedMonotonicMs: clocks.monotonicMs(),
    ...(Number.isFinite(lifetimeMs) && { lifetimeMs }),
  };
}

/** A token that came from elsewhere and may have been issued some time ago. */
export function holdGiven(token: string, origin: string, clocks: TokenClocks): HeldToken {
  const instants = instantsOf(token);
  return holdStored({
    token, origin, receivedMs: instants?.issuedMs ?? clocks.nowMs(), ...(instants && { lifetimeMs: instants.lifetimeMs }),
  }, clocks);
}

/** A token that was stored in an earlier run. */
export function holdStored(stored: StoredToken, clocks: TokenClocks): HeldToken {
  const ageMs = Math.max(0, clocks.nowMs() - (stored.receivedMs ?? -Infinity));
  return { ...stored, receivedMonotonicMs: clocks.monotonicMs() - ageMs };
}

/** How long until half of the token's life is over; 0 if it is over, or if that is unknown. */
export function untilRenewalMs(held: HeldToken, clocks: TokenClocks): number {
  return Math.max(0, (held.lifetimeMs ?? ASSUMED_LIFETIME_MS) / 2 - ageMs(held, clocks));
}

/** Whether the token has expired, by this computer's clocks. */
export function isOver(held: HeldToken, clocks: TokenClocks): boolean {
  const age = ageMs(held, clocks);
  return held.lifetimeMs !== undefined && age !== Infinity && age >= held.lifetimeMs;
}

/** Whether the server issued the token less than a minute ago. */
export function isNew({ receivedMonotonicMs }: HeldToken, clocks: TokenClocks): boolean {
  return clocks.monotonicMs() - receivedMonotonicMs < NEW_FOR_MS;
}

/** Infinity if unknown. */
function ageMs({ receivedMs, receivedMonotonicMs }: HeldToken, clocks: TokenClocks): number {
  const byWallMs = clocks.nowMs() - (receivedMs ?? Infinity);
  return byWallMs < 0 ? Infinity : Math.max(byWallMs, clocks.monotonicMs() - receivedMonotonicMs);
}

/** What a JWT (RFC 7519) says of its life; null if it does not, or is not a JWT. */
function instantsOf(token: string): { readonly issuedMs: number; readonly lifetimeMs: number } | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const { iat, exp } = isObject(claims) ? claims : {};
    return typeof iat === 'number' && typeof exp === 'number' ? { issuedMs: iat * 1000, lifetimeMs: (exp - iat) * 1000 } : null;
  } catch {
    return null;
  }
}
