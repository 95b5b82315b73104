// The stored token, with Electron's asynchronous safeStorage: encrypted, in memory only, re-encrypted, and unreadable.

import assert from 'node:assert/strict';
import files from 'node:fs/promises';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import type { Facts } from '../../../desktop/files/redact.ts';
import { systemDeskDeps } from '../../../desktop/system-deps.ts';
import { createSafeVault, type SafeVault } from '../../../desktop/electron/vault.ts';
import { StandInSafeStorage } from './stand-in/system.ts';

const stored = { token: 'a.secret.token', origin: 'https://books.test' };

interface Bench {
  readonly file: string;
  readonly safeStorage: StandInSafeStorage;
  readonly events: string[];
  /** A vault as the next run of the program has it. */
  open(): SafeVault;
}

function bench(t: TestContext, platform: NodeJS.Platform = 'win32'): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-vault-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'token.bin');
  const safeStorage = new StandInSafeStorage({ isReady: () => true }, platform);
  const events: string[] = [];
  const log = (event: string, facts: Facts = {}): void => {
    assert(!JSON.stringify(facts).includes(stored.token), 'no token in the log');
    events.push(event);
  };
  return {
    file, safeStorage, events,
    open() {
      safeStorage.startRun();
      return createSafeVault(file, {
        ...systemDeskDeps(), safeStorage, platform, log,
        setTimer: (callback) => {
          const timer = setImmediate(callback);
          return () => clearImmediate(timer);
        },
      });
    },
  };
}

test('a token outlives the program, encrypted on disk', async (t) => {
  const { file, open, events } = bench(t);
  assert.equal(await open().load(), null);
  await open().save(stored);
  assert.deepEqual(await open().load(), stored);
  assert(!readFileSync(file).includes(stored.token));
  assert.deepEqual(readdirSync(join(file, '..')), ['token.bin'], 'no temporary file is left');
  await open().clear();
  assert.equal(existsSync(file), false);
  assert.equal(await open().load(), null);
  assert.deepEqual(events, []);
});

describe('if the system cannot encrypt, the token is held in memory and an older one is removed, when', () => {
  for (const [what, platform, spoil] of [
    ['encryption fails', 'win32', (storage: StandInSafeStorage) => void (storage.isBroken = true)],
    ['the system only obfuscates', 'linux', (storage: StandInSafeStorage) => void (storage.backend = 'basic_text')],
    ['the backend is unknown', 'linux', (storage: StandInSafeStorage) => void (storage.backend = 'unknown')],
  ] as const) {
    test(what, async (t) => {
      const { file, safeStorage, open } = bench(t, platform);
      await open().save({ ...stored, token: 'an older one' });
      assert.equal(existsSync(file), true);
      spoil(safeStorage);
      const vault = open();
      assert.equal(await vault.isPersistent(), false);
      await vault.save(stored);
      assert.deepEqual(await vault.load(), stored);
      assert.equal(existsSync(file), false);
      assert.equal(await vault.isPersistent(), false);
      assert.equal(await open().load(), null);
    });
  }

  test('a real key store on Linux is used', async (t) => {
    const { open } = bench(t, 'linux');
    assert.equal(await open().isPersistent(), true);
    await open().save(stored);
    assert.deepEqual(await open().load(), stored);
  });
});

test('whether the system can encrypt is found out once, by encrypting', async (t) => {
  const { safeStorage, open } = bench(t);
  const vault = open();
  assert.deepEqual(await Promise.all([vault.isPersistent(), vault.isPersistent()]), [true, true]);
  await vault.save(stored);
  assert.equal(await vault.isPersistent(), true);
  assert.equal(safeStorage.encrypted, 2, 'the attempt and the token');
});

describe('a stored token stays for the next start, and whoever asks is told to wait for it or to sign in, if the key store', () => {
  const advice = 'Windows cannot unlock the stored sign-in now. Restart Invoify, or sign in again.';
  for (const [what, state] of [['has no key for this run', 'isLocked'], ['does not answer', 'isSilent']] as const) {
    test(what, async (t) => {
      const { file, safeStorage, open, events } = bench(t);
      await open().save(stored);
      safeStorage[state] = true;
      const vault = open();
      await assert.rejects(vault.load(), { code: 'sign_in_locked', message: advice });
      assert.deepEqual([events, existsSync(file)], [['stored token cannot be read'], true]);
      safeStorage[state] = false;
      // Electron asks for the key once in a run, and uses it as soon as it has it.
      if (state === 'isLocked') await assert.rejects(vault.load(), { code: 'sign_in_locked' });
      else assert.deepEqual(await vault.load(), stored);
      assert.deepEqual(await open().load(), stored);
    });
  }

  test('has no key for this run, until the person signs in', async (t) => {
    const { safeStorage, open } = bench(t);
    await open().save({ ...stored, token: 'an older one' });
    safeStorage.isLocked = true;
    const vault = open();
    await assert.rejects(vault.load(), { code: 'sign_in_locked' });
    await vault.save(stored);
    assert.deepEqual([await vault.load(), await vault.isPersistent()], [stored, true]);
    safeStorage.isLocked = false;
    assert.deepEqual(await open().load(), stored);
  });
});

test('a key store that does not answer cannot encrypt for now, and keeps nobody waiting', async (t) => {
  const { file, safeStorage, open, events } = bench(t);
  safeStorage.isSilent = true;
  const vault = open();
  assert.equal(await vault.isPersistent(), false);
  await assert.rejects(vault.save(stored), /has not answered/, 'whoever saves is told to try again');
  assert.deepEqual([await vault.load(), existsSync(file)], [stored, false]);
  assert.deepEqual(events, Array.from(events, () => 'the system cannot encrypt'));
  safeStorage.isSilent = false;
  assert.equal(await vault.isPersistent(), false, 'the token is not stored');
  await vault.save(stored);
  assert.deepEqual([await vault.isPersistent(), await open().load()], [true, stored], 'once it does answer, it encrypts');
});

describe('a new system key', () => {
  test('re-encrypts the token, once', async (t) => {
    const { file, safeStorage, open } = bench(t);
    await open().save(stored);
    const before = readFileSync(file);
    safeStorage.rotateKey();
    assert.deepEqual(await open().load(), stored);
    assert.notDeepEqual(readFileSync(file), before);
    const { encrypted } = safeStorage;
    assert.deepEqual(await open().load(), stored);
    assert.equal(safeStorage.encrypted, encrypted);
  });

  test('that fails leaves the file unchanged and the token usable', async (t) => {
    const { file, safeStorage, open, events } = bench(t);
    await open().save(stored);
    const before = readFileSync(file);
    safeStorage.rotateKey();
    safeStorage.encryptStringAsync = () => Promise.reject(new Error('the key store is busy'));
    assert.deepEqual(await open().load(), stored);
    assert.deepEqual(readFileSync(file), before);
    assert.deepEqual(events, ['stored token cannot be re-encrypted']);
  });

  test('whose ciphertext decrypts differently is not used', async (t) => {
    const { file, safeStorage, open, events } = bench(t);
    await open().save(stored);
    const before = readFileSync(file);
    safeStorage.rotateKey();
    const encrypt = safeStorage.encryptStringAsync.bind(safeStorage);
    safeStorage.encryptStringAsync = (text) => encrypt(`${text} `);
    assert.deepEqual(await open().load(), stored);
    assert.deepEqual(readFileSync(file), before);
    assert.deepEqual(events, ['stored token cannot be re-encrypted']);
  });
});

describe('the user signs in again if the file is', () => {
  for (const [what, spoil] of [
    ['empty', (file: string) => writeFileSync(file, '')],
    ['truncated', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 20))],
    ['overwritten', (file: string) => writeFileSync(file, Buffer.alloc(200, 7))],
    ['too long', (file: string) => writeFileSync(file, Buffer.alloc(70_000))],
  ] as const) {
    test(what, async (t) => {
      const { file, open } = bench(t);
      await open().save(stored);
      spoil(file);
      const vault = open();
      assert.equal(await vault.load(), null);
      await vault.save(stored);
      assert.deepEqual(await open().load(), stored);
    });
  }

  test('a folder', async (t) => {
    const { file, open, events } = bench(t);
    mkdirSync(file);
    assert.equal(await open().load(), null);
    assert.deepEqual(events, ['stored token cannot be read']);
  });

  test('from another user or another computer', async (t) => {
    const { safeStorage, open, events } = bench(t);
    await open().save(stored);
    safeStorage.loseKeys();
    assert.equal(await open().load(), null);
    assert.deepEqual(events, ['stored token cannot be read']);
  });

  test('encrypted, but not a token', async (t) => {
    const { file, safeStorage, open } = bench(t);
    for (const text of ['null', '7', '{}', '{"token":7,"origin":"x"}', '{"token":"x"}', 'no JSON']) {
      writeFileSync(file, await safeStorage.encryptStringAsync(text));
      assert.equal(await open().load(), null, text);
    }
  });
});

/** Makes calls of `node:fs/promises` fail, as when another program holds a file; returns how to end that. */
function failCalls(t: TestContext, code: string, ...names: readonly ('rm' | 'rename' | 'truncate' | 'writeFile')[]): () => void {
  const mocks = names.map((name) => t.mock.method(files, name, () => Promise.reject(Object.assign(new Error(code), { code }))));
  const release = (): void => {
    for (const mock of mocks) mock.mock.restore();
    syncBuiltinESMExports();
  };
  syncBuiltinESMExports();
  t.after(release);
  return release;
}

describe('a token that was cleared is not found by the next start, although', () => {
  for (const [what, code, calls] of [
    ['another program holds the file', 'EBUSY', ['rm', 'truncate']],
    ['the folder may not be written', 'EACCES', ['rm', 'writeFile']],
    ['the file cannot be removed', 'EPERM', ['rm']],
  ] as const) {
    test(what, async (t) => {
      const { file, open } = bench(t);
      await open().save(stored);
      const release = failCalls(t, code, ...calls);
      const vault = open();
      await vault.clear();
      assert.equal(await vault.load(), null);
      assert.equal(await open().load(), null, 'while the call still fails');
      release();
      assert.equal(await open().load(), null);
      await open().save(stored);
      assert.deepEqual(await open().load(), stored, 'the next sign-in is stored');
      assert.deepEqual(readdirSync(join(file, '..')), ['token.bin']);
    });
  }

  test('nothing works, which the caller is told', async (t) => {
    const { open } = bench(t);
    await open().save(stored);
    failCalls(t, 'EBUSY', 'rm', 'truncate', 'writeFile');
    await assert.rejects(open().clear(), { code: 'EBUSY' });
  });
});

describe('if a token cannot be stored, the next start does not find the older one, when', () => {
  const newer = { ...stored, token: 'of.someone.else' };
  for (const [what, spoil] of [
    ['encryption fails once', (_t: TestContext, storage: StandInSafeStorage) => {
      const encrypt = storage.encryptStringAsync.bind(storage);
      storage.encryptStringAsync = async (text) => {
        if (text === 'probe') return encrypt(text);
        storage.encryptStringAsync = encrypt;
        throw new Error('the key store is busy');
      };
    }],
    ['the file cannot be replaced', (t: TestContext) => failCalls(t, 'EBUSY', 'rename')],
    ['it can be neither replaced nor removed', (t: TestContext) => failCalls(t, 'EBUSY', 'rename', 'rm')],
  ] as const) {
    test(what, async (t) => {
      const { safeStorage, open } = bench(t);
      await open().save(stored);
      spoil(t, safeStorage);
      const vault = open();
      await assert.rejects(vault.save(newer));
      assert.deepEqual(await vault.load(), newer, 'it is used until the program ends');
      assert.equal(await vault.isPersistent(), false, 'and the window can say so');
      assert.equal(await open().load(), null);
    });
  }
});

test('whose the token is and how long it lives is stored with it', async (t) => {
  const { open } = bench(t);
  const whole = { ...stored, userId: '0123456789abcdef01234567', receivedMs: 1, lifetimeMs: 2 };
  await open().save(whole);
  assert.deepEqual(await open().load(), whole);
});

test('a token that is stored after one that could not be removed is found by the next start', async (t) => {
  const { file, open } = bench(t);
  writeFileSync(`${file}.removing`, '');
  await open().save(stored);
  assert.deepEqual(await open().load(), stored);
});

test('concurrent operations run one after the other', async (t) => {
  const { file, open } = bench(t);
  const vault = open();
  const saved = vault.save(stored);
  const cleared = vault.clear();
  const savedAgain = vault.save({ ...stored, token: 'the last one' });
  const ended: string[] = [];
  void saved.then(() => ended.push('saved'));
  void cleared.then(() => ended.push('cleared'));
  assert.deepEqual(await vault.load(), { ...stored, token: 'the last one' });
  await Promise.all([saved, cleared, savedAgain]);
  assert.deepEqual(ended, ['saved', 'cleared']);
  assert.deepEqual(await open().load(), { ...stored, token: 'the last one' });
  assert.equal(existsSync(file), true);
});
