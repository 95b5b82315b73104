// The server's files: readable by nobody but the user it runs as, whatever that user's umask, and the generated secret.
//
// Invariants: a new file has its mode from the moment it exists. An existing file or folder of the server that others can use is
// tightened with a warning that names it; what belongs to an administrator (`*_FILE`, `TLS_KEY`) only gets the warning. A file
// system that has no modes, and Windows, where the folder's own access list counts, keep nothing from starting.

import { randomBytes } from 'node:crypto';
import {
  chmodSync, closeSync, existsSync, fchmodSync, fsyncSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync,
  renameSync, rmSync, statSync, writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { AppError, hasSystemCode } from '../shared/errors.ts';
import { ConfigError, MIN_SECRET_BYTES, type Config } from './config.ts';
import type { Log } from './log.ts';
import type { Store } from './store.ts';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** The database with its logs, backups beside it, and the secret. */
const ownName = /^(?:jwt-secret|invoify.*\.sqlite)/;

/** Protects the data folder, if there is one, and warns of an administrator's files. Throws like `openDataFolder`. */
export function protectFiles({ secretFiles, mongodbUrl, dataDir }: Config, log: Log): void {
  for (const { variable, file } of secretFiles) warnIfOpenToOthers(variable, file, log);
  if (mongodbUrl === null) openDataFolder(dataDir, log);
}

/**
 * Creates the data folder for this user only. An existing one is tightened, and so are the server's files in it; a folder that
 * holds anything else is left as it is, with a warning. Throws `unavailable` with a sentence if it cannot be created or read.
 */
function openDataFolder(folder: string, log: Log): void {
  let names: string[];
  try {
    // Tells a new folder, whose mode the umask may have cut, from an existing one.
    if (makeFolder(folder)) chmodSync(folder, FOLDER_MODE);
    names = readdirSync(folder);
  } catch (error) {
    throw unusableFolder(folder, error);
  }
  const own = names.filter((name) => ownName.test(name));
  if (own.length === names.length) tighten(folder, FOLDER_MODE, log);
  else if (isLoose(folder)) log('warn', 'DATA_DIR is open to other users: give the server a folder of its own', { file: folder });
  for (const name of own) tighten(join(folder, name), FILE_MODE, log);
}

/**
 * Creates a folder for this user only, and those above it that are missing; false if there is something of that name. Node's own
 * `recursive` never returns where the system says `ENOENT` for a folder that exists (`/proc`).
 */
export function makeFolder(folder: string): boolean {
  if (existsSync(folder)) return false;
  if (!existsSync(dirname(folder))) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: FOLDER_MODE });
    return true;
  } catch (error) {
    // Another process was faster.
    if (hasSystemCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/**
 * Creates an empty file with mode 0600 unless there is one. SQLite gives the mode of its file to `-wal`, `-shm` and journals. An
 * existing file is never opened: closing it again would release the locks that SQLite has on it in this process (POSIX).
 */
export function createPrivateFile(file: string): void {
  try {
    closeSync(openNew(file));
  } catch (error) {
    if (!hasSystemCode(error, 'EEXIST')) throw error;
  }
}

/**
 * Returns a check that throws `unavailable` if the path of an open database, or of its log, no longer names the file that was opened: what
 * is written then is lost. Compares inodes, as SQLite's `fileHasMoved` (os_unix.c) does before it begins a rollback journal, though not in
 * WAL mode. Windows keeps an open file in its place.
 */
export function requireInPlace(file: string): () => void {
  if (process.platform === 'win32') return () => {};
  const inodeOf = (path: string): bigint | null => statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
  const opened = new Map<string, bigint>();
  return () => {
    for (const path of [file, `${file}-wal`]) {
      const [known, inode] = [opened.get(path), inodeOf(path)];
      if (known !== undefined && inode !== known) throw new AppError('unavailable', inode === null ? movedAway : replaced);
      // The log is made with the first write.
      if (inode !== null) opened.set(path, inode);
    }
  };
}

const movedAway = 'A file of the server\'s database is not in its place. If it was moved, move it back, and the server goes on. If it was '
  + 'deleted, it is lost once the server stops: restore a backup then.';
const replaced = 'Another file is in the place of one of the server\'s database. Move the right one back, and the server goes on; or stop '
  + 'the server and start it again to use the other one.';

/** Opens a file that does not exist yet. */
function openNew(file: string): number {
  const descriptor = openSync(file, 'wx', FILE_MODE);
  try {
    // A umask may have taken rights from the owner.
    fchmodSync(descriptor, FILE_MODE);
    return descriptor;
  } catch (error) {
    if (isModeless(error)) return descriptor;
    closeSync(descriptor);
    throw error;
  }
}

/** Warns if other users can read or change an administrator's file. Its group may: it is often `root`'s, and shared that way. */
function warnIfOpenToOthers(variable: string, file: string, log: Log): void {
  if (process.platform === 'win32' || (statSync(file, { throwIfNoEntry: false })?.mode ?? 0) % 8 === 0) return;
  log('warn', `${variable} names a file that every user of this machine can use: take that right away with chmod o-rwx`, { file });
}

/**
 * The signing secret in the data folder, generated at the first start: written and flushed under another name, then linked,
 * so that it is complete or not there. A crash leaves at most a file of that other name, which nothing reads.
 *
 * A missing file is generated, with a warning if `hasSessions` says that there are tokens that needed it.
 *
 * A file that is too short was left by a crash or a full disk. It is replaced, with a warning, only if `hasSessions` says that
 * no token depends on it; otherwise it may be a damaged one that signed tokens: that throws `ConfigError`.
 */
export async function loadOrCreateSecret(folder: string, hasSessions: () => Promise<boolean>, log: Log): Promise<string> {
  const file = join(folder, 'jwt-secret');
  try {
    const existing = readSecret(file) ?? await replaceMissing(file, hasSessions, log);
    if (isLongEnough(existing)) return existing;
    if (await hasSessions()) {
      throw new ConfigError(`${file} is damaged: put it back from a backup, or remove it to generate a new one, after which everybody `
        + 'has to sign in again.');
    }
    log('warn', 'an unfinished secret was replaced', { file });
    rmSync(file, { force: true });
    return createSecret(file);
  } catch (error) {
    throw error instanceof ConfigError ? error : unusableFolder(folder, error);
  }
}

async function replaceMissing(file: string, hasSessions: () => Promise<boolean>, log: Log): Promise<string> {
  if (await hasSessions()) log('warn', 'the secret was missing and a new one was generated: everybody has to sign in again', { file });
  return createSecret(file);
}

/** Whether a token may be in use, and so the secret that signed it. */
export async function hasSessions(store: Store): Promise<boolean> {
  for (const accountId of await store.listAccounts()) if ((await store.listSessions(accountId)).length > 0) return true;
  return false;
}

/** Returns the secret that the file has afterwards: another process may be faster. */
function createSecret(file: string): string {
  const part = `${file}.${randomBytes(6).toString('hex')}.part`;
  try {
    const descriptor = openNew(part);
    try {
      writeSync(descriptor, `${randomBytes(48).toString('base64url')}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    publish(part, file);
  } finally {
    rmSync(part, { force: true });
  }
  syncFolder(dirname(file));
  return readSecret(file) ?? '';
}

/** Gives a finished file its name as well; false if that name is taken. The caller removes the other name. */
export function publish(part: string, file: string): boolean {
  try {
    linkSync(part, file);
    return true;
  } catch (error) {
    if (hasSystemCode(error, 'EEXIST')) return false;
    // File systems without hard links.
    if (!hasSystemCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
    if (existsSync(file)) return false;
    renameSync(part, file);
    return true;
  }
}

/** Makes new names in a folder durable; Windows does so by itself and opens no folders. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readSecret(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return null;
    throw error;
  }
}

function isLongEnough(secret: string): boolean {
  return Buffer.byteLength(secret) >= MIN_SECRET_BYTES;
}

function isLoose(path: string): boolean {
  return process.platform !== 'win32' && ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0;
}

function tighten(path: string, mode: number, log: Log): void {
  if (!isLoose(path)) return;
  try {
    chmodSync(path, mode);
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return;
    if (!isModeless(error)) throw unusableFolder(dirname(path), error);
  }
  const kind = mode === FOLDER_MODE ? 'folder' : 'file';
  log('warn', isLoose(path) ? `other users can use this ${kind}, and its mode cannot be changed`
    : `other users could use this ${kind}: its mode is now 0${mode.toString(8)}`, { file: path });
}

/** The file system has no modes, or the file belongs to another user who lets this one use it. */
function isModeless(error: unknown): boolean {
  return hasSystemCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EROFS');
}

function unusableFolder(folder: string, error: unknown): AppError {
  const reason = hasSystemCode(error, 'EEXIST', 'ENOTDIR') ? 'a file is in its place'
    : hasSystemCode(error, 'ENOSPC', 'EDQUOT') ? 'the disk is full'
      : hasSystemCode(error, 'EACCES', 'EPERM') ? 'this user may not use it'
        : hasSystemCode(error, 'EROFS') ? 'the disk is read-only'
          : error instanceof Error && 'code' in error ? String(error.code) : null;
  if (reason === null) throw error;
  return new AppError('unavailable', `DATA_DIR=${folder} cannot be used, because ${reason}: set it to a folder where this user may write.`,
    { cause: error });
}
