// The token between two runs, under Electron's asynchronous safeStorage: kept encrypted, in memory only, encrypted anew,
// and lost, each with what a person then sees.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import type { Facts } from '../../../desktop/files/redact.ts';
import { systemDeskDeps } from '../../../desktop/system-deps.ts';
import { createSafeVault, type SafeVault } from '../../../desktop/electron/vault.ts';
import type { App } from './stand-in/app.ts';
import { StandInSafeStorage } from './stand-in/system.ts';

const kept = { token: 'a.secret.token', origin: 'https://books.test' };

interface Bench {
  readonly file: string;
  readonly safeStorage: StandInSafeStorage;
  readonly events: string[];
  /** A vault as the next run of the program has it. */
  open(platform?: NodeJS.Platform): SafeVault;
}

function bench(t: TestContext): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-vault-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'token.bin');
  const safeStorage = new StandInSafeStorage({ isReady: () => true } as App);
  const events: string[] = [];
  const log = (event: string, facts: Facts = {}): void => {
    assert(!JSON.stringify(facts).includes(kept.token), 'no token in the log');
    events.push(event);
  };
  return {
    file, safeStorage, events,
    open: (platform = 'win32') => createSafeVault(file, { ...systemDeskDeps(), safeStorage, platform, log }),
  };
}

test('a token outlives the program, and lies on the disk encrypted', async (t) => {
  const { file, open, events } = bench(t);
  assert.equal(await open().load(), null);
  await open().save(kept);
  assert.deepEqual(await open().load(), kept);
  assert(!readFileSync(file).includes(kept.token));
  assert.deepEqual(readdirSync(join(file, '..')), ['token.bin'], 'nothing half-written is left');
  await open().clear();
  assert.equal(existsSync(file), false);
  assert.equal(await open().load(), null);
  assert.deepEqual(events, []);
});

describe('where the system cannot encrypt, the token is held in memory and an older one is gone', () => {
  for (const [what, platform, spoil] of [
    ['encryption is unavailable', 'win32', (storage: StandInSafeStorage) => void (storage.isAvailable = false)],
    ['the system fails', 'win32', (storage: StandInSafeStorage) => void (storage.fault = new Error('no key store'))],
    ['it would only pretend to', 'linux', (storage: StandInSafeStorage) => void (storage.backend = 'basic_text')],
    ['it is not known how', 'linux', (storage: StandInSafeStorage) => void (storage.backend = 'unknown')],
  ] as const) {
    test(what, async (t) => {
      const { file, safeStorage, open } = bench(t);
      await open(platform).save({ ...kept, token: 'an older one' });
      assert.equal(existsSync(file), true);
      spoil(safeStorage);
      const vault = open(platform);
      assert.equal(await vault.load(), null);
      assert.equal(await vault.isLasting(), false);
      await vault.save(kept);
      assert.deepEqual(await vault.load(), kept);
      assert.equal(existsSync(file), false);
      assert.equal(await open(platform).load(), null);
    });
  }

  test('and where a real key store is there, it is used', async (t) => {
    const { open } = bench(t);
    assert.equal(await open('linux').isLasting(), true);
    await open('linux').save(kept);
    assert.deepEqual(await open('linux').load(), kept);
  });
});

describe('a new key of the system', () => {
  test('encrypts the token anew, once', async (t) => {
    const { file, safeStorage, open } = bench(t);
    await open().save(kept);
    const before = readFileSync(file);
    safeStorage.rotateKey();
    assert.deepEqual(await open().load(), kept);
    assert.notDeepEqual(readFileSync(file), before);
    const { encrypted } = safeStorage;
    assert.deepEqual(await open().load(), kept);
    assert.equal(safeStorage.encrypted, encrypted);
  });

  test('that fails leaves the file as it was, and the token usable', async (t) => {
    const { file, safeStorage, open, events } = bench(t);
    await open().save(kept);
    const before = readFileSync(file);
    safeStorage.rotateKey();
    safeStorage.encryptStringAsync = () => Promise.reject(new Error('the key store is busy'));
    assert.deepEqual(await open().load(), kept);
    assert.deepEqual(readFileSync(file), before);
    assert.deepEqual(events, ['the kept token was not encrypted anew']);
  });

  test('that reads back differently is not trusted', async (t) => {
    const { file, safeStorage, open, events } = bench(t);
    await open().save(kept);
    const before = readFileSync(file);
    safeStorage.rotateKey();
    const encrypt = safeStorage.encryptStringAsync.bind(safeStorage);
    safeStorage.encryptStringAsync = (text) => encrypt(`${text} `);
    assert.deepEqual(await open().load(), kept);
    assert.deepEqual(readFileSync(file), before);
    assert.deepEqual(events, ['the kept token was not encrypted anew']);
  });
});

describe('a file that cannot be read means signing in again, and no more', () => {
  for (const [what, spoil] of [
    ['empty', (file: string) => writeFileSync(file, '')],
    ['cut', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 20))],
    ['overwritten', (file: string) => writeFileSync(file, Buffer.alloc(200, 7))],
    ['far too long', (file: string) => writeFileSync(file, Buffer.alloc(70_000))],
  ] as const) {
    test(what, async (t) => {
      const { file, open } = bench(t);
      await open().save(kept);
      spoil(file);
      const vault = open();
      assert.equal(await vault.load(), null);
      await vault.save(kept);
      assert.deepEqual(await open().load(), kept);
    });
  }

  test('a folder in its place', async (t) => {
    const { file, open, events } = bench(t);
    mkdirSync(file);
    assert.equal(await open().load(), null);
    assert.deepEqual(events, ['the kept token cannot be read, so people sign in again']);
  });

  test('of another person or another computer', async (t) => {
    const { safeStorage, open, events } = bench(t);
    await open().save(kept);
    safeStorage.loseKeys();
    assert.equal(await open().load(), null);
    assert.deepEqual(events, ['the kept token cannot be read, so people sign in again']);
  });

  test('that holds something else', async (t) => {
    const { file, safeStorage, open } = bench(t);
    for (const text of ['null', '7', '{}', '{"token":7,"origin":"x"}', '{"token":"x"}', 'no JSON']) {
      writeFileSync(file, await safeStorage.encryptStringAsync(text));
      assert.equal(await open().load(), null, text);
    }
  });
});

test('what is asked at once happens one after the other', async (t) => {
  const { file, open } = bench(t);
  const vault = open();
  const saved = vault.save(kept);
  const cleared = vault.clear();
  const savedAgain = vault.save({ ...kept, token: 'the last one' });
  assert.deepEqual(await vault.load(), { ...kept, token: 'the last one' });
  await Promise.all([saved, cleared, savedAgain]);
  assert.deepEqual(await open().load(), { ...kept, token: 'the last one' });
  assert.equal(existsSync(file), true);
});
