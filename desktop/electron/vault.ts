// The token between two runs of the program, encrypted by the system through Electron's safeStorage: on Windows only
// this user of this machine can read it.
//
// What always holds: it is on the disk encrypted or not at all; where the system cannot encrypt, or would only pretend to
// (`basic_text` on Linux), it is held in memory until the program ends. A file that is missing, cut, of another user or
// another machine is no token, and so means signing in again. One operation follows the other.

import { readFile, rm } from 'node:fs/promises';

import type { SafeStorage } from 'electron';

import { hasSystemCode } from '../../shared/errors.ts';
import { isObject } from '../../shared/fields.ts';
import type { Facts } from '../files/redact.ts';
import { replaceFile, type ReplaceDeps } from '../files/replace-file.ts';
import type { StoredToken, TokenVault } from '../session/token-vault.ts';

export interface SafeVaultDeps extends ReplaceDeps {
  readonly safeStorage: Pick<
    SafeStorage, 'isAsyncEncryptionAvailable' | 'encryptStringAsync' | 'decryptStringAsync' | 'getSelectedStorageBackend'
  >;
  readonly platform: NodeJS.Platform;
  readonly log: (event: string, facts?: Facts) => void;
}

export interface SafeVault extends TokenVault {
  /** Whether a token would outlive the program. */
  isLasting(): Promise<boolean>;
}

/** No token of ours is near this long; bounds what a foreign file can make us read. */
const MAX_FILE_BYTES = 64 * 1024;

/** The vault whose file is `path`. To be used only when Electron is ready. */
export function createSafeVault(path: string, deps: SafeVaultDeps): SafeVault {
  /** Kept in this run; undefined: nothing was, so the file counts. */
  let held: StoredToken | null | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = last.then(action);
    last = done.catch(() => undefined);
    return done;
  }

  return {
    isLasting: () => canEncrypt(deps),
    load: () => inTurn(async () => held ??= await loadFile(path, deps)),
    save: (kept) => inTurn(async () => {
      held = kept;
      if (await canEncrypt(deps)) await writeEncrypted(path, await deps.safeStorage.encryptStringAsync(JSON.stringify(kept)), deps);
      // A token of an earlier run must not come back in its place.
      else await rm(path, { force: true });
    }),
    clear: () => inTurn(async () => {
      held = null;
      await rm(path, { force: true });
    }),
  };
}

async function canEncrypt({ safeStorage, platform, log }: SafeVaultDeps): Promise<boolean> {
  try {
    if (!await safeStorage.isAsyncEncryptionAvailable()) return false;
    return platform !== 'linux' || !['basic_text', 'unknown'].includes(safeStorage.getSelectedStorageBackend());
  } catch (error) {
    log('whether the system can encrypt is not known, so the token is not kept', { error });
    return false;
  }
}

async function loadFile(path: string, deps: SafeVaultDeps): Promise<StoredToken | null> {
  try {
    const encrypted = await readFile(path);
    if (encrypted.length === 0 || encrypted.length > MAX_FILE_BYTES || !await canEncrypt(deps)) return null;
    const { result, shouldReEncrypt } = await deps.safeStorage.decryptStringAsync(encrypted);
    const kept = parseKept(result);
    if (kept && shouldReEncrypt) await reEncrypt(path, result, deps);
    return kept;
  } catch (error) {
    if (!hasSystemCode(error, 'ENOENT')) deps.log('the kept token cannot be read, so people sign in again', { error });
    return null;
  }
}

/** The system has a new key: the old file stays until what is to replace it has been read back. */
async function reEncrypt(path: string, text: string, deps: SafeVaultDeps): Promise<void> {
  try {
    const encrypted = await deps.safeStorage.encryptStringAsync(text);
    if ((await deps.safeStorage.decryptStringAsync(encrypted)).result !== text) throw new Error('what was encrypted reads differently');
    await writeEncrypted(path, encrypted, deps);
  } catch (error) {
    deps.log('the kept token was not encrypted anew', { error });
  }
}

async function writeEncrypted(path: string, encrypted: Buffer, deps: ReplaceDeps): Promise<void> {
  await replaceFile(path, async (file) => void await file.writeFile(encrypted), deps);
}

function parseKept(text: string): StoredToken | null {
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || typeof value['token'] !== 'string' || typeof value['origin'] !== 'string') return null;
  return { token: value['token'], origin: value['origin'] };
}
