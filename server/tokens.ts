// Tokens: JWT (RFC 7519), signed with HS256 only. The algorithm is pinned and never taken from the header. The header's
// key id selects one of the configured secrets; the first one signs and all verify, so that secrets can be rotated.

import { isUtf8 } from 'node:buffer';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import { isObject } from '../shared/fields.ts';

const ISSUER = 'invoify';
const AUDIENCE = 'invoify-desktop';

export interface Claims {
  readonly accountId: string;
  readonly userId: string;
  readonly sessionId: string;
  /** Tells the tokens of a session apart; empty in tokens of an older version. */
  readonly tokenId: string;
  readonly expiresAtMs: number;
}

export interface Tokens {
  sign(claims: Claims): string;
  /** The claims of a valid token whose `nbf` has come, or null. The caller must check its expiry, and whether the session still exists. */
  verify(token: string): Claims | null;
}

/** `secrets` holds at least one secret, each of 32 bytes or more. */
export function createTokens(secrets: readonly string[], nowMs: () => number): Tokens {
  const keys = new Map(secrets.map((secret) => [keyId(secret), secret]));
  const [signingKeyId] = keys.keys();
  if (signingKeyId === undefined) throw new Error('no signing secret');

  return {
    sign({ accountId, userId, sessionId, tokenId, expiresAtMs }) {
      const header = encode({ alg: 'HS256', typ: 'JWT', kid: signingKeyId });
      const payload = encode({
        iss: ISSUER,
        aud: AUDIENCE,
        sub: userId,
        acc: accountId,
        sid: sessionId,
        ...(tokenId === '' ? {} : { jti: tokenId }),
        iat: Math.floor(nowMs() / 1000),
        exp: Math.floor(expiresAtMs / 1000),
      });
      const signed = `${header}.${payload}`;
      return `${signed}.${signature(signed, keys.get(signingKeyId) ?? '').toString('base64url')}`;
    },
    verify(token) {
      const [header, payload, tag, ...rest] = token.split('.');
      if (header === undefined || payload === undefined || tag === undefined || rest.length > 0) return null;
      const { alg, typ, kid, crit } = decode(header) ?? {};
      const secret = typeof kid === 'string' ? keys.get(kid) : undefined;
      // `crit` lists extensions that must be understood (RFC 7515, 4.1.11); here none are.
      if (alg !== 'HS256' || typ !== 'JWT' || crit !== undefined || secret === undefined) return null;
      const expected = signature(`${header}.${payload}`, secret);
      const actual = Buffer.from(tag, 'base64url');
      if (actual.length !== expected.length || !timingSafeEqual(actual, expected) || actual.toString('base64url') !== tag) return null;
      return readClaims(decode(payload), nowMs());
    },
  };
}

function readClaims(payload: Record<string, unknown> | null, nowMs: number): Claims | null {
  if (payload === null || payload['iss'] !== ISSUER || payload['aud'] !== AUDIENCE) return null;
  const { sub, acc, sid, jti = '', exp, nbf = 0 } = payload;
  if (typeof sub !== 'string' || typeof acc !== 'string' || typeof sid !== 'string' || typeof exp !== 'number') return null;
  if (typeof jti !== 'string') return null;
  if (typeof nbf !== 'number' || nbf * 1000 > nowMs) return null;
  return { accountId: acc, userId: sub, sessionId: sid, tokenId: jti, expiresAtMs: exp * 1000 };
}

function keyId(secret: string): string {
  return createHash('sha256').update(`key id ${secret}`).digest('base64url').slice(0, 8);
}

function signature(text: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The JSON object in a part; null for anything else, and for base64url that is padded or not as `encode` writes it. */
function decode(part: string): Record<string, unknown> | null {
  const bytes = Buffer.from(part, 'base64url');
  // Several texts decode to the same bytes, and only one may be valid.
  if (bytes.toString('base64url') !== part || !isUtf8(bytes)) return null;
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
