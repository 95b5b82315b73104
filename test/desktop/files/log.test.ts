// The local log, in real files: its lines, their rotation, redaction, and what happens while it cannot be written.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { openLog } from '../../../desktop/files/log.ts';
import { AppError } from '../../../shared/errors.ts';

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-logs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'logs');
}

/** The parsed lines of a log file. */
function linesOf(folder: string, name = 'invoify.log'): Record<string, unknown>[] {
  return readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
}

/** A fact as it appears in the log. */
function logged(t: TestContext, fact: unknown): unknown {
  const folder = temporaryFolder(t);
  openLog({ folder }, () => nowMs)('tested', { fact });
  return linesOf(folder)[0]?.['fact'];
}

describe('the log', () => {
  test('has a line of JSON with the time for each event', (t) => {
    const folder = temporaryFolder(t);
    const log = openLog({ folder }, () => nowMs);
    log('started');
    log('synced', { rows: 5, isFirst: true, since: null, text: 'two\nlines' });
    assert.deepEqual(linesOf(folder), [
      { time: '2026-01-02T03:04:05.000Z', event: 'started' },
      { time: '2026-01-02T03:04:05.000Z', event: 'synced', rows: 5, isFirst: true, since: null, text: 'two\nlines' },
    ]);
  });

  test('continues after a restart and keeps the latest lines in five files of bounded size', (t) => {
    const folder = temporaryFolder(t);
    const maxBytes = 500;
    for (let from = 0; from < 100; from += 10) {
      const log = openLog({ folder, maxBytes }, () => nowMs);
      for (let number = from; number < from + 10; number += 1) log('counted', { number });
    }
    const names = ['invoify.4.log', 'invoify.3.log', 'invoify.2.log', 'invoify.1.log', 'invoify.log'];
    assert.deepEqual(readdirSync(folder).sort(), [...names].sort());
    const lineBytes = 80;
    for (const name of names) assert(readFileSync(join(folder, name)).length < maxBytes + lineBytes, `${name} is too large`);
    const kept = names.flatMap((name) => linesOf(folder, name).map(({ number }) => Number(number)));
    assert(kept.length > 4 * Math.floor(maxBytes / lineBytes), 'all files but the current one are full');
    assert.deepEqual(kept, kept.map((_, index) => 100 - kept.length + index));
  });

  test('loses no line if another process writes to it, and stays within its bounds', (t) => {
    const folder = temporaryFolder(t);
    const maxBytes = 500;
    const logs = [openLog({ folder, maxBytes }, () => nowMs), openLog({ folder, maxBytes }, () => nowMs)];
    for (let number = 0; number < 24; number += 1) logs[number % 2]?.('counted', { number });
    const names = ['invoify.2.log', 'invoify.1.log', 'invoify.log'];
    assert.deepEqual(names.flatMap((name) => linesOf(folder, name).map(({ number }) => number)), [...Array(24).keys()]);
    for (const name of names) assert(readFileSync(join(folder, name)).length < maxBytes + 80, `${name} is too large`);
  });

  test('never throws if it cannot be written; the next line written says how many were lost', (t) => {
    const folder = temporaryFolder(t);
    const log = openLog({ folder }, () => nowMs);
    log('before');
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'in the way');
    log('lost');
    log('lost too');
    rmSync(folder);
    log('after');
    log('later');
    assert.deepEqual(linesOf(folder).map(({ event, lostLines }) => [event, lostLines]), [['after', 2], ['later', undefined]]);
  });
});

describe('a line of the log', () => {
  test('has the code and message of an AppError, and the stack of any other error', (t) => {
    assert.equal(logged(t, new AppError('disk_full', 'The disk is full.')), 'disk_full: The disk is full.');
    assert.match(String(logged(t, new TypeError('a bug'))), /^TypeError: a bug\n +at .*log\.test\.ts/);
  });

  test('has other values as text of bounded length', (t) => {
    const circle: Record<string, unknown> = {};
    circle['itself'] = circle;
    assert.equal(logged(t, { rows: [1, 2] }), '{"rows":[1,2]}');
    assert.equal(logged(t, undefined), 'undefined');
    assert.equal(logged(t, circle), '(not serializable)');
    assert.equal(logged(t, 10n), '(not serializable)');
    assert.equal(logged(t, 'x'.repeat(5000)), 'x'.repeat(2000));
    // With quadratic matching the test would not finish on texts of this length.
    for (const part of ['x', '/', '\\', '@', 'a-', 'eyJ-', 'key ', "key'", '/home/', '/home/a ']) {
      assert.equal(String(logged(t, part.repeat(200_000))).length, 2000, part);
    }
  });

  test('contains no token, password, address or user folder, wherever they occur', (t) => {
    const token = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from('{"sub":"1"}').toString('base64url')}.c2ln`;
    const samples: readonly [text: string, redacted: string][] = [
      [`refused ${token} twice`, 'refused (token) twice'],
      [`Authorization: Bearer ${token}`, 'Authorization: Bearer (token)'],
      ['Authorization: Bearer opaque', 'Authorization: Bearer (secret)'],
      ['Authorization: Basic opaque', 'Authorization: Basic (secret)'],
      ['password=opaque&name=x', 'password=(secret)'],
      ['{"password":"opa\\que","name":"x"}', '{"password":"(secret)","name":"x"}'],
      ['http://127.0.0.1:1/?key=opaque', 'http://127.0.0.1:1/?key=(secret)'],
      ['no account of someone.else+x@example.com here', 'no account of (address) here'],
      ['C:\\Users\\Some One\\AppData\\x.sqlite', 'C:\\Users\\(user)\\AppData\\x.sqlite'],
      ['at /home/someone/invoify/main.js:3', 'at /home/(user)/invoify/main.js:3'],
      ['file:///Users/someone/x', 'file:///Users/(user)/x'],
    ];
    const secrets = [token, 'opa', 'que', 'someone', 'Some', 'One', 'example.com'];
    for (const [text, redacted] of samples) {
      assert.equal(logged(t, text), redacted);
      assert.equal(logged(t, redacted), redacted, 'redaction is idempotent');
      for (const fact of [{ nested: text }, { nested: JSON.stringify({ deep: text }) }, new Error(text)]) {
        const line = String(logged(t, fact)).split('\n', 1)[0] ?? '';
        for (const secret of secrets) assert(!line.includes(secret), `${secret} occurs in ${line}`);
      }
    }
    assert.equal(logged(t, `${'x'.repeat(1990)} someone@example.com`), `${'x'.repeat(1990)} (address)`.slice(0, 2000));
  });
});
