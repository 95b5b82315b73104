// Settings survive any damage to their file.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fs, { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { defaultSettings, openSettings, type SettingsFile } from '../../../desktop/files/settings.ts';
import { assertRejects } from '../../server/store/fixture.ts';

interface Fixture {
  readonly path: string;
  readonly logged: string[];
  write(text: string | Uint8Array): void;
  open(): SettingsFile;
}

function createFixture(t: TestContext): Fixture {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-settings-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'Invoify', 'settings.json');
  const logged: string[] = [];
  return {
    path, logged,
    write(text) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    },
    open: () => openSettings(path, {
      newId: randomUUID,
      setTimer: () => assert.fail('nothing is retried'),
      log: (event) => void logged.push(event),
    }),
  };
}

test('without a file, the defaults apply and nothing is logged', (t) => {
  const { open, logged, path } = createFixture(t);
  assert.deepEqual(open().settings, defaultSettings);
  assert.deepEqual(logged, []);
  assert.throws(() => readFileSync(path));
});

test('saved settings are there after a restart, and other fields are unchanged', async (t) => {
  const { open, path } = createFixture(t);
  const file = open();
  await file.save({ syncEveryMinutes: 30, theme: 'dark' });
  const expected = { ...defaultSettings, syncEveryMinutes: 30, theme: 'dark', server: 'https://invoices.test' };
  assert.deepEqual(await file.save({ server: 'https://invoices.test' }), expected);
  assert.deepEqual(file.settings, expected);
  assert.deepEqual(open().settings, expected);
  assert.deepEqual(readdirSync(dirname(path)), ['settings.json']);
});

test('an unreadable file gives the defaults and a log line, and the next save replaces it', async (t) => {
  const half = '{"syncEveryMinutes": 30, "the';
  for (const text of ['', half, 'null', '[]', '"text"', '\0\0\0\0', Buffer.from([0xff, 0xfe, 0x7b]), '{}'.padStart(5) + 'x']) {
    const { open, write, logged } = createFixture(t);
    write(text);
    const file = open();
    assert.deepEqual(file.settings, defaultSettings);
    assert.equal(logged.length, 1, JSON.stringify(text));
    await file.save({ language: 'de' });
    assert.deepEqual(open().settings, { ...defaultSettings, language: 'de' });
  }
});

test('a folder in place of the file gives the defaults, and saving says what is wrong', async (t) => {
  const { open, path } = createFixture(t);
  mkdirSync(join(path, 'inner'), { recursive: true });
  const file = open();
  assert.deepEqual(file.settings, defaultSettings);
  assert.match((await assertRejects(file.save({ theme: 'dark' }), 'invalid_request')).message, /a folder has this name/);
  assert.deepEqual(file.settings, defaultSettings);
});

test('a file that cannot be read at the start is not overwritten with defaults', async (t) => {
  const { open, write, path } = createFixture(t);
  write('{"server":"https://invoices.test","theme":"dark","later":1}');
  const { mock } = t.mock.method(fs, 'readFileSync', () => {
    throw Object.assign(new Error('EBUSY'), { code: 'EBUSY' });
  });
  syncBuiltinESMExports();
  const file = open();
  assert.deepEqual(file.settings, defaultSettings);
  await assertRejects(file.save({ theme: 'light' }), 'invalid_request');
  mock.restore();
  syncBuiltinESMExports();
  await file.save({ syncEveryMinutes: 30 });
  assert.deepEqual(file.settings, { ...defaultSettings, server: 'https://invoices.test', theme: 'dark', syncEveryMinutes: 30 });
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).later, 1);
});

test('an invalid field gets its default and does not affect the others', (t) => {
  const good = { server: 'https://invoices.test', syncEveryMinutes: 60, theme: 'light', language: 'de' };
  const wrong = {
    server: [1, '', 'http://invoices.test', 'ftp://invoices.test', 'https://user:secret@invoices.test', ['https://invoices.test']],
    syncEveryMinutes: [0, 61, -5, 1.5, '5', null, 1e999],
    theme: ['pink', 1, null, {}],
    language: ['fr', '', 3],
  } as const;
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      const { open, write } = createFixture(t);
      write(JSON.stringify({ ...good, [field]: value }));
      assert.deepEqual(open().settings, { ...good, [field]: defaultSettings[field as keyof typeof wrong] }, `${field} ${String(value)}`);
    }
  }
});

test('fields of newer versions are preserved, and a byte order mark is ignored', async (t) => {
  const { open, write, path } = createFixture(t);
  write(`\uFEFF${JSON.stringify({ theme: 'dark', density: 'compact', windows: [{ x: 1 }] })}`);
  const file = open();
  assert.equal(file.settings.theme, 'dark');
  await file.save({ theme: 'light' });
  await file.save({ syncEveryMinutes: 7 });
  const { density, windows, theme, syncEveryMinutes } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  assert.deepEqual([density, windows, theme, syncEveryMinutes], ['compact', [{ x: 1 }], 'light', 7]);
});

test('concurrent saves run one after the other', async (t) => {
  const { open } = createFixture(t);
  const file = open();
  await Promise.all(Array.from({ length: 20 }, (_, index) => file.save(index % 2 ? { syncEveryMinutes: index } : { theme: 'dark' })));
  assert.deepEqual(open().settings, { ...defaultSettings, theme: 'dark', syncEveryMinutes: 19 });
});
