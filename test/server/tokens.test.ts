// Tokens: only what was signed verifies. The contract tests cover forgeries over HTTP.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { createTokens, type Claims } from '../../server/tokens.ts';

const secrets = ['the first secret of 32 bytes or more', 'the second secret of 32 bytes or more'] as const;
const claims: Claims = {
  accountId: 'a'.repeat(24), userId: 'b'.repeat(24), sessionId: 'c'.repeat(32), tokenId: 'd', expiresAtMs: 2_000_000,
};
const before = (): number => 1_999_999;

describe('a token', () => {
  test('yields its claims with its expiry', () => {
    const tokens = createTokens([secrets[0]], before);
    assert.deepEqual(tokens.verify(tokens.sign(claims)), claims);
  });

  test('is verified with every secret and signed with the first', () => {
    const [first, second, both] = [[secrets[0]], [secrets[1]], secrets].map((some) => createTokens(some, before));
    assert.deepEqual(both?.verify(second?.sign(claims) ?? ''), claims);
    assert.deepEqual(first?.verify(both?.sign(claims) ?? ''), claims);
    assert.equal(second?.verify(both?.sign(claims) ?? ''), null);
  });

  test('is invalid if any character is changed', () => {
    const tokens = createTokens([secrets[0]], before);
    const token = tokens.sign(claims);
    for (let at = 0; at < token.length; at += 1) {
      for (const character of ['A', 'B', '-', '.', '=', ' ']) {
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        if (changed !== token) assert.equal(tokens.verify(changed), null, `${character} at ${at}`);
      }
      assert.equal(tokens.verify(token.slice(0, at)), null);
    }
  });

  test('cannot be produced by random input', () => {
    const tokens = createTokens([secrets[0]], before);
    const part = fc.oneof(fc.base64String(), fc.json().map((text) => Buffer.from(text).toString('base64url')), fc.string());
    const parts = fc.array(part, { maxLength: 5 });
    fc.assert(fc.property(parts, (some) => assert.equal(tokens.verify(some.join('.')), null)), { numRuns: 500 });
  });

  test('requires a secret', () => {
    assert.throws(() => createTokens([], before));
  });
});
