// When the window shows nothing but the sign-in form, which screens a role may open, and what keys do.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ErrorCode } from '../../shared/errors.ts';
import type { Status } from '../../shared/window/views.ts';
import { allowedScreen, commandOfKey, companyScreen, computersScreen, needsSignIn } from '../../ui/app-state.ts';

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

test('a screen that does not exist, or is not for the role, is the first list instead', () => {
  const open = (screen: string): readonly string[] =>
    ([null, 'viewer', 'editor', 'owner'] as const).map((role) => allowedScreen(screen, role));
  assert.deepEqual(open(companyScreen), ['company', 'company', 'company', 'company']);
  assert.deepEqual(open(computersScreen), ['invoices', 'invoices', 'invoices', 'computers']);
  assert.deepEqual(open('users'), ['invoices', 'invoices', 'invoices', 'users']);
  assert.deepEqual(open('__proto__'), ['invoices', 'invoices', 'invoices', 'invoices']);
});

test('a key is a command only with exactly its modifiers', () => {
  const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
  const command = (key: string, pressed: Partial<typeof none> = {}): string | null => commandOfKey({ key, ...none, ...pressed });
  assert.deepEqual(['f', 'N', 'p', 'x'].map((key) => command(key, { ctrlKey: true })), ['search', 'new', 'print', null]);
  assert.deepEqual([command('n', { metaKey: true }), command('n'), command('F5')], ['new', null, 'refresh']);
  for (const other of ['altKey', 'shiftKey'] as const) {
    assert.deepEqual([command('n', { ctrlKey: true, [other]: true }), command('F5', { [other]: true })], [null, null], other);
  }
});
