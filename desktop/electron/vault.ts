// Stores the token between runs, encrypted by the system through Electron's safeStorage: on Windows only this user on
// this machine can decrypt it.
//
// Invariants: the token is on disk encrypted or not at all; if the system cannot encrypt, or only obfuscates (`basic_text`
// on Linux), it is held in memory until the program ends. A file that is missing, truncated or from another user or
// machine counts as no token, so the user signs in again. One that cannot be decrypted now stays, usually until the next start: within
// one run Electron asks for the key only once, and it comes late or never. A token that was to be removed or replaced is never
// loaded again, although the file could not be removed (session/token-file.ts). Operations run one after the other, and none waits for
// the key store for ever.
//
// Whether the system can encrypt is found out by trying: `isAsyncEncryptionAvailable` says yes on every Windows.

import { readFile } from 'node:fs/promises';

import type { SafeStorage } from 'electron';

import { AppError, hasSystemCode } from '../../shared/errors.ts';
import type { Facts } from '../files/redact.ts';
import { replaceFile, type ReplaceDeps } from '../files/replace-file.ts';
import { isMarked, parseStoredToken, removeTokenFile, unmark } from '../session/token-file.ts';
import type { StoredToken, TokenVault } from '../session/token-vault.ts';

export interface SafeVaultDeps extends ReplaceDeps {
  readonly safeStorage: Pick<SafeStorage, 'encryptStringAsync' | 'decryptStringAsync' | 'getSelectedStorageBackend'>;
  readonly platform: NodeJS.Platform;
  readonly log: (event: string, facts?: Facts) => void;
}

export interface SafeVault extends TokenVault {
  /** Whether a token outlives the program: whether the system can encrypt, and the last one saved is stored. */
  isPersistent(): Promise<boolean>;
}

/** Far longer than any token; limits what is read of a foreign file. */
const MAX_FILE_BYTES = 64 * 1024;
/** How long the key store may take for one operation; meanwhile the window waits. */
const KEY_STORE_TIMEOUT_MS = 10_000;

/** A vault that stores to the file `path`. Use it only once Electron is ready. */
export function createSafeVault(path: string, given: SafeVaultDeps): SafeVault {
  const deps = { ...given, safeStorage: withDeadline(given) };
  /** The token in this run; undefined until it is loaded, saved or cleared. */
  let held: Promise<StoredToken | null> | undefined;
  let canEncrypt: Promise<boolean> | undefined;
  let isUnsaved = false;
  let last: Promise<unknown> = Promise.resolve();

  function enqueue<T>(action: () => Promise<T>): Promise<T> {
    const done = last.then(action);
    last = done.catch(() => undefined);
    return done;
  }

  /** Rejects if the key store has not answered. Only an answer counts for the whole run: it may encrypt later. */
  async function isAble(): Promise<boolean> {
    try {
      return await (canEncrypt ??= tryToEncrypt(deps));
    } catch (error) {
      canEncrypt = undefined;
      throw error;
    }
  }

  /** Whether it is stored; rejects if that may work later. */
  async function write(stored: StoredToken): Promise<boolean> {
    if (!await isAble()) {
      await removeTokenFile(path);
      return false;
    }
    await writeEncrypted(path, await deps.safeStorage.encryptStringAsync(JSON.stringify(stored)), deps);
    await unmark(path);
    return true;
  }

  return {
    isPersistent: async () => await isAble().catch(() => false) && !isUnsaved,
    load: () => enqueue(async () => {
      try {
        return await (held ??= loadFile(path, deps));
      } catch (error) {
        held = undefined;
        throw error;
      }
    }),
    save: (stored) => enqueue(async () => {
      held = Promise.resolve(stored);
      try {
        isUnsaved = !await write(stored);
      } catch (error) {
        isUnsaved = true;
        // The next start must not find an older token.
        await removeTokenFile(path).catch((cause: unknown) => deps.log('older token cannot be removed', { error: cause }));
        throw error;
      }
    }),
    clear: () => enqueue(async () => {
      held = Promise.resolve(null);
      isUnsaved = false;
      await removeTokenFile(path);
    }),
  };
}

/** The same operations, rejected if the system does not answer. */
function withDeadline({ safeStorage, setTimer }: SafeVaultDeps): SafeVaultDeps['safeStorage'] {
  const inTime = <T>(answer: Promise<T>): Promise<T> => new Promise((resolve, reject) => {
    const late = new Error(`temporarily unavailable: the key store has not answered for ${KEY_STORE_TIMEOUT_MS / 1000} s`);
    const cancel = setTimer(() => reject(late), KEY_STORE_TIMEOUT_MS);
    void answer.then(resolve, reject).finally(cancel);
  });
  return {
    getSelectedStorageBackend: () => safeStorage.getSelectedStorageBackend(),
    encryptStringAsync: (text) => inTime(safeStorage.encryptStringAsync(text)),
    decryptStringAsync: (encrypted) => inTime(safeStorage.decryptStringAsync(encrypted)),
  };
}

/** Rejects if the key store has not answered. */
async function tryToEncrypt({ safeStorage, platform, log }: SafeVaultDeps): Promise<boolean> {
  try {
    if (platform === 'linux' && ['basic_text', 'unknown'].includes(safeStorage.getSelectedStorageBackend())) return false;
    await safeStorage.encryptStringAsync('probe');
    return true;
  } catch (error) {
    log('the system cannot encrypt', { error });
    if (isTemporary(error)) throw error;
    return false;
  }
}

async function loadFile(path: string, deps: SafeVaultDeps): Promise<StoredToken | null> {
  try {
    if (await isMarked(path)) {
      await removeTokenFile(path);
      return null;
    }
    const encrypted = await readFile(path);
    if (encrypted.length === 0 || encrypted.length > MAX_FILE_BYTES) return null;
    const { result, shouldReEncrypt } = await deps.safeStorage.decryptStringAsync(encrypted);
    const stored = parseStoredToken(result);
    if (stored && shouldReEncrypt) await reEncrypt(path, result, deps);
    return stored;
  } catch (error) {
    if (!hasSystemCode(error, 'ENOENT')) deps.log('stored token cannot be read', { error });
    if (!isTemporary(error)) return null;
    throw new AppError('sign_in_locked', 'Windows cannot unlock the stored sign-in now. Restart Invoify, or sign in again.');
  }
}

/** Only the message tells it from a permanent failure. */
function isTemporary(error: unknown): boolean {
  return /temporarily unavailable/i.test(String(error));
}

/** For a new system key: replaces the file only after the new ciphertext decrypts to the same text. */
async function reEncrypt(path: string, text: string, deps: SafeVaultDeps): Promise<void> {
  try {
    const encrypted = await deps.safeStorage.encryptStringAsync(text);
    const { result } = await deps.safeStorage.decryptStringAsync(encrypted);
    if (result !== text) throw new Error('the new ciphertext decrypts to something else');
    await writeEncrypted(path, encrypted, deps);
  } catch (error) {
    deps.log('stored token cannot be re-encrypted', { error });
  }
}

async function writeEncrypted(path: string, encrypted: Buffer, deps: ReplaceDeps): Promise<void> {
  await replaceFile(path, async (file) => void await file.writeFile(encrypted), deps);
}
