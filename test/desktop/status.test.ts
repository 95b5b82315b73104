// The sync state as a table: the facts it is derived from, and their precedence.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { deriveState, type SyncFacts } from '../../desktop/status.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { STALE_AFTER_MS } from '../../shared/window/stale.ts';
import type { SyncState } from '../../shared/window/views.ts';

const calm: SyncFacts = {
  isRunning: false, isComplete: true, partial: 0, isSignedIn: true, hasNetwork: true, isOnline: true, error: null,
  hasSynced: true, lastSyncAgeMs: 60_000,
};
const error = (code: ErrorCode): Pick<SyncFacts, 'error'> => ({ error: { code, message: 'A sentence.' } });
const nothingHere = { isComplete: false, hasSynced: false, lastSyncAgeMs: null } as const;

const table: readonly (readonly [title: string, facts: Partial<SyncFacts>, state: SyncState])[] = [
  ['all is well', {}, 'up_to_date'],
  ['nothing was ever synced', nothingHere, 'never_synced'],
  ['nobody is signed in and the cache is empty', { ...nothingHere, isSignedIn: false }, 'never_synced'],
  ['nobody is signed in and the cache has data', { isSignedIn: false }, 'session_expired'],
  ['a first sync completed but its time was never stored', { hasSynced: false, lastSyncAgeMs: null, isSignedIn: false }, 'session_expired'],
  ['a first sync was stopped halfway', { ...nothingHere, partial: 3000 }, 'never_synced'],
  ['the session ended halfway through a first sync', { ...nothingHere, partial: 3000, isSignedIn: false, ...error('signed_out') },
    'session_expired'],
  ['a first sync runs', { ...nothingHere, isRunning: true }, 'first_sync'],
  ['a later sync runs', { isRunning: true }, 'syncing'],
  ['a sync runs after a failed one', { isRunning: true, isOnline: false, ...error('offline') }, 'syncing'],
  ['a sync runs in an ended session', { isRunning: true, isSignedIn: false, ...error('signed_out') }, 'syncing'],
  ['the last sync is 15 minutes ago', { lastSyncAgeMs: STALE_AFTER_MS }, 'up_to_date'],
  ['the last sync is over 15 minutes ago', { lastSyncAgeMs: STALE_AFTER_MS + 1 }, 'stale'],
  ['the clock was changed since the last sync', { lastSyncAgeMs: null }, 'stale'],
  ['the server has not been contacted since the start', { isOnline: null }, 'stale'],
  ['the server does not answer', { isOnline: false, ...error('offline') }, 'unreachable'],
  ['there is no network', { isOnline: false, hasNetwork: false, ...error('offline') }, 'offline'],
  ['the last sync is long ago and the server does not answer', { isOnline: false, lastSyncAgeMs: 1e9, ...error('offline') }, 'unreachable'],
  ['the server did not answer a request other than a sync', { isOnline: false }, 'unreachable'],
  ['such a request failed without a network', { isOnline: false, hasNetwork: false }, 'offline'],
  ['the server answers although the system reports no network', { hasNetwork: false }, 'up_to_date'],
  ['the cache is empty and the server does not answer', { ...nothingHere, isOnline: false, ...error('offline') }, 'unreachable'],
  ['the session has ended', { isSignedIn: false, ...error('signed_out') }, 'session_expired'],
  ['the session has ended and no server answers', { isSignedIn: false, isOnline: false, ...error('signed_out') }, 'session_expired'],
  ['a token was rejected and the cache is empty', { ...nothingHere, isSignedIn: false, ...error('signed_out') }, 'never_synced'],
  ['the server does not accept the session it has just given', { isSignedIn: false, ...error('session_refused') }, 'session_expired'],
  ['the stored token is locked', { isSignedIn: false, ...error('sign_in_locked') }, 'session_expired'],
  ['the stored token is locked and the cache is empty', { ...nothingHere, isSignedIn: false, ...error('sign_in_locked') }, 'never_synced'],
  ['a refusal has not been confirmed yet', error('unauthorized'), 'error'],
  ['the server fails', error('internal'), 'error'],
  ['the server is unavailable', { isOnline: false, ...error('unavailable') }, 'error'],
  ['the response is not from an Invoify server', { isOnline: false, ...error('bad_response') }, 'error'],
  ['the digests differ', error('digest_mismatch'), 'error'],
  ['the disk is full', error('disk_full'), 'error'],
  ['the cache is damaged', { ...nothingHere, ...error('cache_unusable') }, 'error'],
  ['a sync was cancelled', error('cancelled'), 'up_to_date'],
  ['the server is too old for this desktop', error('server_outdated'), 'update_required'],
  ['one side is too old', error('upgrade_required'), 'update_required'],
  ['one side is too old for a first sync', { ...nothingHere, ...error('upgrade_required') }, 'update_required'],
];

for (const [title, facts, state] of table) {
  test(`the state is ${state} when ${title}`, () => assert.equal(deriveState({ ...calm, ...facts }), state));
}
