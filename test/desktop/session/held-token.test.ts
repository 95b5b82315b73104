// When a token is due for renewal, by clocks that may be wrong.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { holdGiven, holdIssued, holdStored, isNew, isOver, untilRenewalMs } from '../../../desktop/session/held-token.ts';
import type { LoginAnswer } from '../../../shared/protocol.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const startMs = Date.parse('2026-03-01T12:00:00Z');
const origin = 'https://books.test';
const user = { id: '0123456789abcdef01234567', email: 'a@books.test', name: 'A', role: 'owner', accountId: '0'.repeat(24) } as const;

/** A token of the server, whose clock shows `startMs`. */
function jwt(lifetimeMs: number): string {
  const claims = { iat: startMs / 1000, exp: (startMs + lifetimeMs) / 1000 };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;
}

function answer(token: string, lifetimeMs: number): LoginAnswer {
  return { token, expiresAt: new Date(startMs + lifetimeMs).toISOString(), user };
}

function createClocks(offMs = 0): { nowMs(): number; monotonicMs(): number; pass(wallMs: number, monotonicMs?: number): void } {
  let [wall, monotonic] = [startMs + offMs, 1000];
  return {
    nowMs: () => wall,
    monotonicMs: () => monotonic,
    pass(wallMs, monotonicMs = wallMs) {
      wall += wallMs;
      monotonic += monotonicMs;
    },
  };
}

describe('half of a token\'s life', () => {
  for (const offMs of [0, 400 * DAY_MS, -400 * DAY_MS]) {
    test(`is by the server's clock, with the computer's ${offMs / DAY_MS} days off`, () => {
      const clocks = createClocks(offMs);
      const held = holdIssued(answer(jwt(HOUR_MS), HOUR_MS), origin, clocks);
      assert.equal(untilRenewalMs(held, clocks), HOUR_MS / 2);
      clocks.pass(HOUR_MS / 2);
      assert.equal(untilRenewalMs(held, clocks), 0);
      assert.equal(isOver(held, clocks), false);
      clocks.pass(HOUR_MS / 2);
      assert.equal(isOver(held, clocks), true);
    });
  }

  test('passes by the clock that advanced further, and is over once the wall clock went back', () => {
    for (const [wallMs, monotonicMs] of [[HOUR_MS / 2, 0], [0, HOUR_MS / 2], [-1, 0]] as const) {
      const clocks = createClocks();
      const held = holdIssued(answer(jwt(HOUR_MS), HOUR_MS), origin, clocks);
      clocks.pass(wallMs, monotonicMs);
      assert.equal(untilRenewalMs(held, clocks), 0);
      assert.equal(isOver(held, clocks), false);
    }
  });

  test('counts what passed before a restart, whatever the monotonic clock then shows', () => {
    const clocks = createClocks();
    const { receivedMonotonicMs: _, ...stored } = holdIssued(answer(jwt(HOUR_MS), HOUR_MS), origin, clocks);
    clocks.pass(HOUR_MS / 4, -1000);
    const held = holdStored(stored, clocks);
    assert.equal(untilRenewalMs(held, clocks), HOUR_MS / 4);
    clocks.pass(0, HOUR_MS / 4);
    assert.equal(untilRenewalMs(held, clocks), 0);
  });

  test('is a day at most for a token that does not say when it was issued', () => {
    for (const [lifetimeMs, halfMs] of [[HOUR_MS, HOUR_MS / 2], [30 * DAY_MS, DAY_MS], [NaN, DAY_MS]] as const) {
      for (const token of ['opaque', 'a.b.c', `e30.${Buffer.from('{"iat":"soon"}').toString('base64url')}.sig`]) {
        const clocks = createClocks();
        const expiresAt = Number.isNaN(lifetimeMs) ? 'later' : answer(token, lifetimeMs).expiresAt;
        assert.equal(untilRenewalMs(holdIssued({ token, expiresAt, user }, origin, clocks), clocks), halfMs);
      }
    }
  });

  test('is over for a stored token of which nothing else is known', () => {
    const clocks = createClocks();
    const held = holdStored({ token: jwt(HOUR_MS), origin }, clocks);
    assert.deepEqual([untilRenewalMs(held, clocks), isOver(held, clocks), isNew(held, clocks)], [0, false, false]);
  });

  test('counts from its issue for a token from elsewhere', () => {
    const clocks = createClocks(HOUR_MS / 4);
    assert.equal(untilRenewalMs(holdGiven(jwt(HOUR_MS), origin, clocks), clocks), HOUR_MS / 4);
    assert.equal(untilRenewalMs(holdGiven('opaque', origin, clocks), clocks), DAY_MS);
  });
});

test('a token is new for a minute', () => {
  const clocks = createClocks();
  const held = holdIssued(answer(jwt(HOUR_MS), HOUR_MS), origin, clocks);
  clocks.pass(400 * DAY_MS, 59_999);
  assert.equal(isNew(held, clocks), true);
  clocks.pass(0, 1);
  assert.equal(isNew(held, clocks), false);
});
