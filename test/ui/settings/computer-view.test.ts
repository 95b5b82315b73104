// What is shown of a session: who keeps up, who does not, and by whose clock.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { SessionEntry } from '../../../shared/protocol.ts';
import { viewComputers } from '../../../ui/settings/computer-view.ts';

const nowMs = Date.parse('2031-05-20T12:00:00Z');
const DAY_MS = 86_400_000;
/** An instant so many days ago, with a few microseconds. */
const ago = (days: number, micros = 0): string =>
  new Date(nowMs - days * DAY_MS).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);

function session(id: string, overrides: Partial<SessionEntry> = {}): SessionEntry {
  return {
    id, userId: 'u', device: 'FRONT-DESK, Invoify 1.2.0', createdAt: ago(30), lastSeenAt: ago(0), syncedTo: ago(1), current: false,
    ...overrides,
  };
}

describe('a computer', () => {
  test('is named, with its version, as it said at sign-in', () => {
    const named = (device: string | null) =>
      viewComputers([session('a', { device })], null).map(({ computer, version }) => [computer, version])[0];
    assert.deepEqual(named('FRONT-DESK, Invoify 1.2.0'), ['FRONT-DESK', '1.2.0']);
    assert.deepEqual(named('Desk, at the window, Invoify 1.2.0-beta.1'), ['Desk, at the window', '1.2.0-beta.1']);
    assert.deepEqual(named('Invoify 1.2.0'), [null, '1.2.0']);
    assert.deepEqual(named('nightly export'), ['nightly export', null]);
    assert.deepEqual(named(null), [null, null]);
  });

  test('is up to date if nothing is newer than what it has, however old that is', () => {
    const views = viewComputers([session('a', { syncedTo: ago(40, 5) }), session('b', { syncedTo: ago(40, 5) })], ago(40, 5));
    assert.deepEqual(views.map(({ behindMs, late }) => [behindMs, late]), [[0, null], [0, null]]);
  });

  test('is behind by a microsecond as well as by weeks, whoever has the newer data', () => {
    const behind = (syncedTo: string | null, cursor: string | null, other: string | null) =>
      viewComputers([session('a', { syncedTo }), session('z', { syncedTo: other })], cursor).find(({ id }) => id === 'a');
    assert.equal(behind(ago(1, 4), ago(1, 5), null)?.behindMs, DAY_MS);
    assert.equal(behind(ago(3), null, ago(1))?.behindMs, 3 * DAY_MS);
    assert.equal(behind(ago(3), null, ago(1))?.late, null);
    assert.equal(behind(ago(8), ago(0), null)?.late, 'behind');
  });

  test('that has not been seen, or has had nothing, for more than a week is late and comes first', () => {
    const views = viewComputers([
      session('fine', { lastSeenAt: ago(0) }),
      session('lost', { lastSeenAt: ago(7.1), syncedTo: ago(7.1) }),
      session('idle', { lastSeenAt: ago(6.9), syncedTo: ago(6.9) }),
      session('never', { createdAt: ago(8), syncedTo: null }),
      session('new', { createdAt: ago(6), syncedTo: null, lastSeenAt: ago(0.1) }),
    ], ago(1));
    assert.deepEqual(views.map(({ id, late }) => [id, late]),
      [['never', 'behind'], ['lost', 'unseen'], ['fine', null], ['new', null], ['idle', null]]);
    assert.equal(views[0]?.behindMs, null);
  });
});

test('no computer gives an empty list', () => {
  assert.deepEqual(viewComputers([], ago(1)), []);
});
