// The log on this computer, in real files: its lines, their rotation, what is taken out of them, and what happens while
// it cannot be written.

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

/** What a file of the log holds, a value a line. */
function linesOf(folder: string, name = 'invoify.log'): Record<string, unknown>[] {
  return readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
}

/** One fact as the log tells it. */
function told(t: TestContext, fact: unknown): unknown {
  const folder = temporaryFolder(t);
  openLog({ folder }, () => nowMs)('told', { fact });
  return linesOf(folder)[0]?.['fact'];
}

describe('the log', () => {
  test('has a line of JSON for each event, with when it was', (t) => {
    const folder = temporaryFolder(t);
    const log = openLog({ folder }, () => nowMs);
    log('started');
    log('synced', { rows: 5, isFirst: true, since: null, text: 'two\nlines' });
    assert.deepEqual(linesOf(folder), [
      { time: '2026-01-02T03:04:05.000Z', event: 'started' },
      { time: '2026-01-02T03:04:05.000Z', event: 'synced', rows: 5, isFirst: true, since: null, text: 'two\nlines' },
    ]);
  });

  test('goes on where it was left, in five files of bounded size of which the last hold the latest', (t) => {
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
    assert(kept.length > 4 * Math.floor(maxBytes / lineBytes), 'the files before the last are full');
    assert.deepEqual(kept, kept.map((_, index) => 100 - kept.length + index));
  });

  test('that cannot be written stops nothing; the next line that can says how many were lost', (t) => {
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
  test('tells an error of ours by its code and sentence, and where all others came from', (t) => {
    assert.equal(told(t, new AppError('disk_full', 'The disk is full.')), 'disk_full: The disk is full.');
    assert.match(String(told(t, new TypeError('a bug'))), /^TypeError: a bug\n +at .*logs\.test\.ts/);
  });

  test('tells what is no plain value as text, and no more of it than anyone reads', (t) => {
    const circle: Record<string, unknown> = {};
    circle['itself'] = circle;
    assert.equal(told(t, { rows: [1, 2] }), '{"rows":[1,2]}');
    assert.equal(told(t, undefined), 'undefined');
    assert.equal(told(t, circle), '(not serializable)');
    assert.equal(told(t, 10n), '(not serializable)');
    assert.equal(told(t, 'x'.repeat(5000)), 'x'.repeat(2000));
    // Of a few megabytes nothing takes a time that grows with their square: the test would not end.
    for (const part of ['x', '/', '\\', '@', 'a-', 'eyJ-', 'key ', "key'", '/home/', '/home/a ']) {
      assert.equal(String(told(t, part.repeat(1_000_000))).length, 2000, part);
    }
  });

  test('holds no token, no password, no address and no name of a person\'s folder, wherever they stand', (t) => {
    const token = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from('{"sub":"1"}').toString('base64url')}.c2ln`;
    const telling: readonly [text: string, kept: string][] = [
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
    for (const [text, kept] of telling) {
      assert.equal(told(t, text), kept);
      assert.equal(told(t, kept), kept, 'a second time it changes nothing');
      for (const fact of [{ nested: text }, { nested: JSON.stringify({ deep: text }) }, new Error(text)]) {
        const line = String(told(t, fact)).split('\n', 1)[0] ?? '';
        for (const secret of secrets) assert(!line.includes(secret), `${secret} stands in ${line}`);
      }
    }
    assert.equal(told(t, `${'x'.repeat(1990)} someone@example.com`), `${'x'.repeat(1990)} (address)`.slice(0, 2000));
  });
});
