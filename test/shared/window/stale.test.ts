// When data counts as stale.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isStale, STALE_AFTER_MS } from '../../../shared/window/stale.ts';

test('data is stale once the last sync is more than 15 minutes ago', () => {
  assert.equal(STALE_AFTER_MS, 900_000);
  assert.deepEqual([0, 899_999, 900_000, 900_001].map((ageMs) => isStale(1000, 1000 + ageMs)), [false, false, false, true]);
});

test('data stays fresh when the clock is set back', () => {
  assert.equal(isStale(10_000_000, 1000), false);
});
