// How the sync's status is displayed: every state, what is held back, and what is announced to screen readers.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import type { Attempt, Status, SyncState } from '../../../shared/window/views.ts';
import { attemptText } from '../../../ui/text/call-error-text.ts';
import { loadLaterTexts, setLocale } from '../../../ui/text/i18n.ts';
import {
  blockText, nextChangeMs, rememberStatus, shownState, viewSync, writeBlock, type SyncMemory, type SyncView,
} from '../../../ui/sync/sync-view.ts';

before(() => setLocale({ language: 'en', format: 'en-GB' }));
const now = new Date(2026, 2, 1, 14, 5).getTime();
const minute = 60_000;

function synced(ageMs: number): Pick<Status, 'lastSync'> {
  return { lastSync: { timestamp: new Date(now - ageMs).toISOString(), ageMs, changes: 0 } };
}

function statusOf(state: SyncState, changes: Partial<Status> = {}): Status {
  return {
    initialized: true, ...synced(3 * minute), isOnline: true, state,
    error: null, progress: null, partial: 0, cursor: null, writes: 0, notice: null, server: 'https://invoices.acme.lan',
    user: { id: '1', email: 'a@example.com', name: 'Ada', role: 'owner', accountId: '1' }, ...changes,
  };
}

function view(state: SyncState, changes: Partial<Status> = {}, wallMs = now): SyncView {
  return viewSync(rememberStatus(null, statusOf(state, changes), 0), 0, wallMs);
}

describe('each state of the sync', () => {
  const nothing = { lastSync: null };
  const progress = (changes: number, total: number | null): Partial<Status> => ({ ...nothing, progress: { changes, total, bytes: 0 } });
  const failed: Partial<Status> = { error: { code: 'digest_mismatch', message: 'The cache differs.' } };
  const old: Partial<Status> = { error: { code: 'upgrade_required', message: 'Update Invoify: this server speaks protocol 2.' } };
  const rows: readonly (readonly [SyncState, Partial<Status>, string, SyncView['tone'], SyncView['action'], string | null])[] = [
    ['never_synced', nothing, 'No data on this computer yet', 'plain', 'sync-now', null],
    ['never_synced', { ...nothing, partial: 3000 }, 'Download stopped at 3,000 · Totals incomplete', 'warn', 'sync-now',
      'Download stopped at 3,000 · Totals incomplete'],
    ['first_sync', progress(0, null), 'Downloading… · Totals incomplete', 'busy', 'cancel', 'Downloading… · Totals incomplete'],
    ['first_sync', progress(12_400, 48_210), 'Downloading – 12,400 of 48,210 · Totals incomplete', 'busy', 'cancel',
      'Downloading – 12,400 of 48,210 · Totals incomplete'],
    ['first_sync', progress(12_400, null), 'Downloading – 12,400 · Totals incomplete', 'busy', 'cancel',
      'Downloading – 12,400 · Totals incomplete'],
    ['syncing', {}, 'Syncing…', 'busy', null, null],
    ['up_to_date', {}, 'Online · Last synced 3 min ago', 'ok', 'refresh', null],
    ['stale', synced(120 * minute),
      'Last synced 2 hr ago', 'warn', 'refresh', null],
    ['offline', { isOnline: false }, 'Offline · Showing data from today 14:02. You can view and export.', 'plain', 'try-again',
      'Showing data from today 14:02. You can view and export.'],
    ['unreachable', { isOnline: false }, 'Can’t reach invoices.acme.lan', 'bad', 'details',
      'Can’t reach invoices.acme.lan. Showing data from today 14:02. You can view and export.'],
    ['offline', { ...nothing, isOnline: false, partial: 3000 }, 'Offline · 3,000 records downloaded so far; totals are incomplete.',
      'plain', 'try-again', '3,000 records downloaded so far; totals are incomplete.'],
    ['unreachable', { ...nothing, isOnline: false, partial: 1 }, 'Can’t reach invoices.acme.lan', 'bad', 'details',
      'Can’t reach invoices.acme.lan. 1 record downloaded so far; totals are incomplete.'],
    ['session_expired', {}, 'Sign in again to sync · Last synced 3 min ago', 'warn', 'sign-in',
      'Sign in again to sync. Showing data from today 14:02. You can view and export.'],
    ['session_expired', { ...nothing, partial: 3000 }, 'Sign in again to sync', 'warn', 'sign-in',
      'Sign in again to sync. 3,000 records downloaded so far; totals are incomplete.'],
    ['session_expired', { error: { code: 'session_refused', message: 'The server does not accept the session.' } },
      'Sign in again to sync · Last synced 3 min ago', 'warn', 'sign-in',
      'The server does not accept the session. Showing data from today 14:02. You can view and export.'],
    ['session_expired', { error: { code: 'sign_in_locked', message: 'Windows cannot unlock it.' } },
      'Sign in again to sync · Last synced 3 min ago', 'warn', 'sign-in',
      'Windows cannot unlock it. Showing data from today 14:02. You can view and export.'],
    // A refusal that has not been confirmed is no fault yet.
    ['error', { error: { code: 'unauthorized', message: 'Not accepted just now.' } }, 'Checking your sign-in… · Last synced 3 min ago',
      'warn', 'sign-in', 'Checking your sign-in… Showing data from today 14:02. You can view and export.'],
    ['error', failed, 'Sync failed · Last synced today 14:02', 'bad', 'details', 'Sync failed: The cache differs.'],
    ['update_required', old, 'Update Invoify · Last synced 3 min ago', 'warn', null,
      'Update Invoify: this server speaks protocol 2. Showing data from today 14:02. You can view and export.'],
    ['update_required', { error: { code: 'server_outdated', message: 'Ask your administrator to do that.' } },
      'Ask your administrator to update the server · Last synced 3 min ago', 'warn', null,
      'Ask your administrator to do that. Showing data from today 14:02. You can view and export.'],
  ];
  for (const [state, changes, text, tone, action, notice] of rows) {
    test(`${state} is shown as "${text}"`, () => {
      const seen = view(state, changes);
      assert.deepEqual([seen.text.replaceAll('.', ''), seen.tone, seen.action, seen.notice?.text ?? null],
        [text.replaceAll('.', ''), tone, action, notice]);
    });
  }

  test('explains a failed sync in the language of the user', async () => {
    await setLocale({ language: 'de', format: 'de' });
    const { notice } = view('error', { error: { code: 'disk_full', message: 'This disk is full.' } });
    await setLocale({ language: 'en', format: 'en-GB' });
    assert.equal(notice?.text, 'Synchronisierung fehlgeschlagen: Der Datenträger dieses Computers ist voll. '
      + 'Geben Sie Speicherplatz frei und versuchen Sie es noch einmal.');
  });

  test('says why the server cannot be reached, in the language of the user', async () => {
    const error = { code: 'offline', kind: 'certificate_expired', message: 'The certificate of invoices.acme.lan has expired.' } as const;
    const english = view('unreachable', { isOnline: false, error });
    await loadLaterTexts();
    await setLocale({ language: 'de', format: 'de' });
    const german = view('unreachable', { isOnline: false, error });
    const attempt: Attempt = {
      startedMs: now, durationMs: 1, changes: 0, bytes: 0, outcome: 'failed', code: error.code, kind: error.kind, detail: error.message,
    };
    assert.match(attemptText(attempt) ?? '', /^Das Zertifikat des Servers ist abgelaufen\./);
    const unknown = view('unreachable', { isOnline: false, error: { code: 'offline', message: 'No answer.' } });
    await setLocale({ language: 'en', format: 'en-GB' });
    assert.deepEqual([english.text, english.reason], ['Can’t reach invoices.acme.lan', error.message]);
    assert.equal(english.notice?.text, `${error.message} Showing data from today 14:02. You can view and export.`);
    assert.match(german.notice?.text ?? '', /^Das Zertifikat des Servers ist abgelaufen\..* Stand der Daten: /);
    assert.match(unknown.notice?.text ?? '', /^invoices\.acme\.lan ist nicht erreichbar\. Stand der Daten: /);
  });

  test('shows the dot only if it is known whether the server answers', () => {
    const dots = Object.fromEntries(rows.map(([state, changes]) => [state, view(state, changes).dot]).filter(([, dot]) => dot !== null));
    assert.deepEqual(dots, { up_to_date: 'online', offline: 'offline', unreachable: 'offline' });
  });

  test('shows a progress bar for the first sync, indeterminate while the total is unknown', () => {
    assert.deepEqual(view('first_sync', progress(12_400, 49_600)).progress, { ratio: 0.25 });
    assert.deepEqual(view('first_sync', progress(10, null)).progress, { ratio: null });
    assert.equal(view('syncing').progress, null);
  });
});

describe('the passing of time', () => {
  test('changes the text, but not the announcement', () => {
    const [early, late] = [view('up_to_date'), view('up_to_date', synced(8 * minute))];
    assert.notEqual(early.text, late.text);
    assert.equal(early.announcement, late.announcement);
    for (const state of ['session_expired', 'update_required'] as const) {
      assert.equal(view(state).announcement, view(state, synced(8 * minute)).announcement);
    }
    const downloads = [10_000, 20_000].map((changes) => view('first_sync', { progress: { changes, total: 50_000, bytes: 0 } }));
    assert.equal(new Set(downloads.map(({ announcement }) => announcement)).size, 1);
  });

  test('turns the state stale after 15 minutes without a new status', () => {
    const memory = rememberStatus(null, statusOf('up_to_date'), now);
    assert.equal(shownState(memory, now + 12 * minute), 'up_to_date');
    assert.equal(shownState(memory, now + 12 * minute + 1), 'stale');
    assert.equal(viewSync(memory, now + 20 * minute, now + 20 * minute).tone, 'warn');
    const redrawn = rememberStatus(memory, memory.latest, now + 10 * minute);
    assert.equal(shownState(redrawn, now + 12 * minute + 1), 'stale', 'what is drawn again is no newer');
  });
});

describe('a computer whose clock is changed', () => {
  const year = 366 * 24 * 60 * minute;
  const unknown: Partial<Status> = { lastSync: { timestamp: new Date(now + year).toISOString(), ageMs: null, changes: 0 } };

  test('does not claim to know when the last sync was', async () => {
    const sentence = 'Last synced: unknown, this computer’s clock was changed';
    const stale = view('stale', unknown);
    assert.deepEqual([stale.text, stale.tone, stale.instant], [sentence, 'warn', null]);
    assert.equal(view('up_to_date', unknown).state, 'stale');
    assert.equal(view('error', unknown).text, `Sync failed · ${sentence}`);
    assert.equal(view('offline', { ...unknown, isOnline: false }).notice?.text, `${sentence}. You can view and export.`);
    assert.equal(view('unreachable', { ...unknown, isOnline: false }).notice?.text,
      `Can’t reach invoices.acme.lan. ${sentence}. You can view and export.`);
    await setLocale({ language: 'de', format: 'de' });
    const german = view('stale', unknown).text;
    await setLocale({ language: 'en', format: 'en-GB' });
    assert.equal(german, 'Zuletzt synchronisiert: unbekannt, die Uhr dieses Computers wurde verstellt');
  });

  test('still knows how long ago it last synced in the same run, and when that was by the clock as it is now', () => {
    for (const wallMs of [now + year, now - year]) {
      const { text, instant } = view('up_to_date', {}, wallMs);
      assert.equal(text.replace('.', ''), 'Online · Last synced 3 min ago');
      assert.match(instant ?? '', new RegExp(String(new Date(wallMs).getFullYear())));
      assert.match(view('offline', { isOnline: false }, wallMs).text, /from today 14:02/);
    }
  });
});

describe('a sync', () => {
  test('is shown after half a second; until then the previous state is', () => {
    const before = rememberStatus(null, statusOf('up_to_date'), now);
    const memory = rememberStatus(before, statusOf('syncing'), now);
    assert.equal(shownState(memory, now + 499), 'up_to_date');
    assert.equal(nextChangeMs(memory, now + 400), 100);
    assert.equal(shownState(memory, now + 500), 'syncing');
    const again = rememberStatus(memory, statusOf('syncing'), now + 300);
    assert.equal(shownState(again, now + 500), 'syncing', 'its age counts from its first status');
    assert.equal(shownState(rememberStatus(again, statusOf('up_to_date'), now + 400), now + 400), 'up_to_date');
  });

  test('changes the revision when it completes', () => {
    const done = view('up_to_date').revision;
    assert.equal(view('syncing').revision, done);
    assert.notEqual(view('up_to_date', { lastSync: { timestamp: '2026-03-01T14:06:00Z', ageMs: 0, changes: 1 } }).revision, done);
  });

  test('changes the revision every half second while it is the first, and again when it ends', () => {
    const revision = (memory: SyncMemory, atMs: number): string => viewSync(memory, atMs, atMs).revision;
    const came = (changes: number): Status => statusOf('first_sync', { progress: { changes, total: 9000, bytes: 1 } });
    const first = rememberStatus(null, came(1000), now);
    const soon = rememberStatus(first, came(2000), now + 100);
    assert.equal(revision(soon, now + 100), revision(first, now));
    assert.equal(nextChangeMs(soon, now + 100), 400);
    // No further status arrives: the window checks again by itself.
    const later = rememberStatus(soon, soon.latest, now + 500);
    assert.notEqual(revision(later, now + 500), revision(first, now));
    const done = rememberStatus(later, statusOf('up_to_date'), now + 501);
    assert.notEqual(revision(done, now + 501), revision(later, now + 500), 'the end is read immediately');
  });
});

describe('writing', () => {
  test('is blocked while offline, signed out or too old, each with its own reason', () => {
    assert.equal(writeBlock(statusOf('up_to_date')), null);
    assert.equal(writeBlock(statusOf('first_sync')), null);
    assert.equal(writeBlock(statusOf('offline', { isOnline: false })), 'offline');
    assert.equal(writeBlock(statusOf('stale', { isOnline: false })), 'unreachable');
    assert.equal(writeBlock(statusOf('unreachable', { isOnline: false })), 'unreachable');
    assert.equal(writeBlock(statusOf('unreachable')), 'unreachable');
    assert.equal(writeBlock(statusOf('session_expired')), 'signed_out');
    const failed = (code: 'unauthorized' | 'disk_full'): Status => statusOf('error', { error: { code, message: '' } });
    assert.deepEqual([writeBlock(failed('unauthorized')), writeBlock(failed('disk_full'))], ['checking', null]);
    const outdated = (code: 'upgrade_required' | 'server_outdated'): Partial<Status> => ({ error: { code, message: '' } });
    assert.equal(writeBlock(statusOf('update_required', outdated('upgrade_required'))), 'update_required');
    assert.equal(writeBlock(statusOf('update_required', outdated('server_outdated'))), 'server_outdated');
    const texts = (['offline', 'unreachable', 'signed_out', 'update_required', 'server_outdated'] as const).map(blockText);
    assert.deepEqual(texts, [
      'Internet connection required', 'Server connection required', 'Sign in again to make changes', 'Update Invoify',
      'Ask your administrator to update the server',
    ]);
    assert.equal(writeBlock(statusOf('never_synced', { user: null })), 'signed_out');
  });
});
