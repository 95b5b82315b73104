// Settings survive whatever happens to their file.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { defaultSettings, openSettings, type SettingsFile } from '../../../desktop/files/settings.ts';
import { assertRejects } from '../../server/store/fixture.ts';

interface Bench {
  readonly path: string;
  readonly logged: string[];
  write(text: string | Uint8Array): void;
  open(): SettingsFile;
}

function bench(t: TestContext): Bench {
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
      setTimer: () => assert.fail('nothing is tried again'),
      log: (event) => void logged.push(event),
    }),
  };
}

test('without a file there are defaults, and nothing to log', (t) => {
  const { open, logged, path } = bench(t);
  assert.deepEqual(open().settings, defaultSettings);
  assert.deepEqual(logged, []);
  assert.throws(() => readFileSync(path));
});

test('what is saved is there the next time, and only what was given changes', async (t) => {
  const { open, path } = bench(t);
  const file = open();
  await file.save({ syncEveryMinutes: 30, theme: 'dark' });
  const expected = { ...defaultSettings, syncEveryMinutes: 30, theme: 'dark', server: 'https://invoices.test' };
  assert.deepEqual(await file.save({ server: 'https://invoices.test' }), expected);
  assert.deepEqual(file.settings, expected);
  assert.deepEqual(open().settings, expected);
  assert.deepEqual(readdirSync(dirname(path)), ['settings.json']);
});

test('a file that cannot be read gives defaults and a line in the log, and is replaced by the next save', async (t) => {
  const half = '{"syncEveryMinutes": 30, "the';
  for (const text of ['', half, 'null', '[]', '"text"', '\0\0\0\0', Buffer.from([0xff, 0xfe, 0x7b]), '{}'.padStart(5) + 'x']) {
    const { open, write, logged } = bench(t);
    write(text);
    const file = open();
    assert.deepEqual(file.settings, defaultSettings);
    assert.equal(logged.length, 1, JSON.stringify(text));
    await file.save({ language: 'de' });
    assert.deepEqual(open().settings, { ...defaultSettings, language: 'de' });
  }
});

test('a folder in its place gives defaults, and saving says what is wrong', async (t) => {
  const { open, path } = bench(t);
  mkdirSync(join(path, 'inner'), { recursive: true });
  const file = open();
  assert.deepEqual(file.settings, defaultSettings);
  assert.match((await assertRejects(file.save({ theme: 'dark' }), 'invalid_request')).message, /a folder has this name/);
  assert.deepEqual(file.settings, defaultSettings);
});

test('each field counts for itself: what is wrong gives its default', (t) => {
  const good = { server: 'https://invoices.test', syncEveryMinutes: 60, theme: 'light', language: 'de' };
  const wrong = {
    server: [1, '', 'http://invoices.test', 'ftp://invoices.test', 'https://user:secret@invoices.test', ['https://invoices.test']],
    syncEveryMinutes: [0, 61, -5, 1.5, '5', null, 1e999],
    theme: ['pink', 1, null, {}],
    language: ['fr', '', 3],
  } as const;
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      const { open, write } = bench(t);
      write(JSON.stringify({ ...good, [field]: value }));
      assert.deepEqual(open().settings, { ...good, [field]: defaultSettings[field as keyof typeof wrong] }, `${field} ${String(value)}`);
    }
  }
});

test('what a newer version keeps there stays, and a byte order mark is no trouble', async (t) => {
  const { open, write, path } = bench(t);
  write(`\uFEFF${JSON.stringify({ theme: 'dark', density: 'compact', windows: [{ x: 1 }] })}`);
  const file = open();
  assert.equal(file.settings.theme, 'dark');
  await file.save({ theme: 'light' });
  await file.save({ syncEveryMinutes: 7 });
  const { density, windows, theme, syncEveryMinutes } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  assert.deepEqual([density, windows, theme, syncEveryMinutes], ['compact', [{ x: 1 }], 'light', 7]);
});

test('many saves at once are done one after the other', async (t) => {
  const { open } = bench(t);
  const file = open();
  await Promise.all(Array.from({ length: 20 }, (_, index) => file.save(index % 2 ? { syncEveryMinutes: index } : { theme: 'dark' })));
  assert.deepEqual(open().settings, { ...defaultSettings, theme: 'dark', syncEveryMinutes: 19 });
});
