// The sign-in throttle: its limits per user and per peer, their expiry, and its bounded memory.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createThrottle, type Throttle } from '../../server/throttle.ts';
import { AppError } from '../../shared/errors.ts';

const WINDOW_MS = 5 * 60_000;

interface Setup {
  readonly throttle: Throttle;
  readonly clock: { ms: number };
  readonly fail: (count: number, peer: string, email: string) => void;
  readonly isAdmitted: (peer: string, email: string) => boolean;
}

function at(startMs: number): Setup {
  const clock = { ms: startMs };
  const throttle = createThrottle(() => clock.ms);
  return {
    throttle, clock,
    fail(count, peer, email) {
      for (let index = 0; index < count; index += 1) throttle.admit(peer, email);
    },
    isAdmitted(peer, email) {
      try {
        throttle.admit(peer, email);
        throttle.inconclusive(peer, email);
        return true;
      } catch (error) {
        assert.ok(error instanceof AppError && error.code === 'too_many_requests');
        assert.ok((error.details.retryAfterS ?? 0) > 0);
        return false;
      }
    },
  };
}

describe('the throttle', () => {
  test('rejects a user at a peer after ten failures, and no one else', () => {
    const { fail, isAdmitted } = at(0);
    fail(9, 'peer', 'a@b.test');
    assert.equal(isAdmitted('peer', 'a@b.test'), true);
    fail(1, 'peer', 'a@b.test');
    assert.equal(isAdmitted('peer', 'a@b.test'), false);
    assert.equal(isAdmitted('peer', 'c@d.test'), true);
    assert.equal(isAdmitted('elsewhere', 'a@b.test'), true);
  });

  test('rejects a peer after a hundred failures across all users', () => {
    const { fail, isAdmitted } = at(0);
    for (let index = 0; index < 100; index += 1) {
      assert.equal(isAdmitted('peer', 'a@b.test'), true);
      fail(1, 'peer', `${index}@b.test`);
    }
    assert.equal(isAdmitted('peer', 'a@b.test'), false);
    assert.equal(isAdmitted('elsewhere', 'a@b.test'), true);
  });

  test('states how long to wait, then admits and starts counting from zero', () => {
    const { throttle, clock, fail, isAdmitted } = at(1_000_000);
    fail(5, 'peer', 'a@b.test');
    clock.ms += 60_000;
    fail(5, 'peer', 'a@b.test');
    assert.throws(() => throttle.admit('peer', 'a@b.test'), (error) =>
      error instanceof AppError && error.details.retryAfterS === WINDOW_MS / 1000 - 60);
    clock.ms += WINDOW_MS - 60_001;
    assert.equal(isAdmitted('peer', 'a@b.test'), false);
    clock.ms += 1;
    assert.equal(isAdmitted('peer', 'a@b.test'), true);
    fail(9, 'peer', 'a@b.test');
    assert.equal(isAdmitted('peer', 'a@b.test'), true);
  });

  test('clears a user\'s failures when they sign in, but not the peer\'s', () => {
    const { throttle, fail, isAdmitted } = at(0);
    for (let round = 0; round < 11; round += 1) {
      fail(9, 'peer', 'a@b.test');
      throttle.admit('peer', 'a@b.test');
      throttle.succeeded('peer', 'a@b.test');
    }
    assert.equal(isAdmitted('peer', 'a@b.test'), true);
    fail(1, 'peer', 'a@b.test');
    assert.equal(isAdmitted('peer', 'a@b.test'), false);
  });

  test('counts neither successful sign-ins nor those that could not be checked', () => {
    const { throttle, isAdmitted } = at(0);
    for (let round = 0; round < 200; round += 1) {
      throttle.admit('peer', 'a@b.test');
      if (round % 2 === 0) throttle.succeeded('peer', 'a@b.test');
      else throttle.inconclusive('peer', 'a@b.test');
    }
    assert.equal(isAdmitted('peer', 'a@b.test'), true);
  });

  test('keeps at most ten thousand counts and drops the oldest first', () => {
    const { fail, isAdmitted } = at(0);
    fail(10, 'first', 'a@b.test');
    for (let index = 0; index < 4000; index += 1) fail(1, `peer ${index}`, 'a@b.test');
    assert.equal(isAdmitted('first', 'a@b.test'), false);
    for (let index = 0; index < 1000; index += 1) fail(1, `other ${index}`, 'a@b.test');
    assert.equal(isAdmitted('first', 'a@b.test'), true);
  });
});
