// When data counts as stale, and how old it is.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ageByClock, isStale, STALE_AFTER_MS } from '../../../shared/window/stale.ts';

test('data is stale once it is more than 15 minutes old, or of unknown age', () => {
  assert.equal(STALE_AFTER_MS, 900_000);
  assert.deepEqual([0, 899_999, 900_000, 900_001, null].map(isStale), [false, false, false, true, true]);
});

test('an age is unknown if it ends in the future, unless a time server may have set the clock back a little', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  assert.deepEqual([now - 1000, now, now + 60_000].map((then) => ageByClock(then, now)), [1000, 0, 0]);
  assert.deepEqual([now + 60_001, now + 400 * 86_400_000].map((then) => ageByClock(then, now)), [null, null]);
});
