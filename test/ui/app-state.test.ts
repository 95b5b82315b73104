// When the window shows nothing but the sign-in form.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ErrorCode } from '../../shared/errors.ts';
import type { Status } from '../../shared/window/views.ts';
import { needsSignIn } from '../../ui/app-state.ts';

const user = { id: '1', email: 'a@example.com', name: 'Ada', role: 'owner', accountId: '1' } as const;

function needs(state: Status['state'], code: ErrorCode | null, of: Status['user'] = user): boolean {
  return needsSignIn({
    initialized: true, lastSync: null, isOnline: true, state, error: code && { code, message: '' }, progress: null, partial: 0,
    cursor: null, writes: 0, notice: null, user: of, server: 'https://books.test',
  });
}

test('the window asks for sign-in alone where no cache was ever filled and there is no session to fill it', () => {
  for (const code of ['signed_out', 'unauthorized', 'session_refused', 'sign_in_locked'] as const) {
    assert.deepEqual([needs('never_synced', code), needs('session_expired', code)], [true, false], code);
  }
  assert.equal(needs('never_synced', null), false);
  assert.deepEqual([needs('never_synced', null, null), needs('session_expired', null, null)], [true, true]);
});
