// The desktop's only access to node:sqlite: connections typed as readable or writable, pragmas with their reasons,
// transactions, and the mapping from SQLite result codes to AppErrors.
//
// Invariants: a ReadDb cannot change a file, because SQLite opened it read-only; nothing here awaits or reads a clock;
// an error thrown by `inTransaction` or `inReadTransaction` is an AppError or a bug.

import { rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

import { AppError, hasSystemCode, type CacheDamage } from '../../shared/errors.ts';
import { makePrivateFile, tighten } from './private.ts';
import { defineTextFunctions } from './text.ts';

declare const readable: unique symbol;
declare const writable: unique symbol;

/** A read-only connection. */
export type ReadDb = DatabaseSync & { readonly [readable]: true };
/** A read-write connection. */
export type WriteDb = ReadDb & { readonly [writable]: true };

/** Older versions can corrupt a WAL database when one connection checkpoints while another resets the log. */
const minSqliteVersion = '3.51.3';

/** Throws `cache_unusable` if this runtime's SQLite is too old for a WAL database. */
export function requireSqlite(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const [needMajor = 0, needMinor = 0, needPatch = 0] = minSqliteVersion.split('.').map(Number);
  const difference = major - needMajor || minor - needMinor || patch - needPatch;
  if (difference >= 0) return;
  throw new AppError('cache_unusable', `Invoify needs SQLite ${minSqliteVersion} or later, but this is `
    + `${version}. Install the current version of Invoify.`);
}

/**
 * Opens a file for writing, creating it if necessary. `accept` inspects the file before anything is changed and throws
 * to reject it. WAL mode is persistent.
 */
export function openWriter(path: string, busyTimeoutMs: number, accept: (db: ReadDb) => void): WriteDb {
  // SQLite gives the file's mode to a new log.
  makePrivateFile(path);
  for (const suffix of ['-wal', '-shm']) tighten(path + suffix, 0o600);
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
  try {
    accept(db as ReadDb);
    // A change rewrites the page that its record is on: twice as large, a catch-up would write twice as much. Takes effect
    // only while the file is empty; a file with pages of 8 KiB keeps them.
    db.exec('PRAGMA page_size = 4096');
    // Readers keep their snapshot while a pull is being written.
    db.exec('PRAGMA journal_mode = WAL');
    // After a power cut the cursor must never be ahead of its rows; NORMAL could lose the last commits.
    db.exec('PRAGMA synchronous = FULL');
    // Only where `LogKeeper` does not keep the log short, since a checkpoint on this thread keeps readers waiting.
    db.exec('PRAGMA wal_autocheckpoint = 8000');
    // Otherwise one large catch-up would leave a log of its size behind for good.
    db.exec('PRAGMA journal_size_limit = 16777216');
    defineTextFunctions(db);
    return db as WriteDb;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Takes the lock that makes this process the only one that writes the cache at `path`, until the connection is closed or
 * the process ends: transactions alone would let two syncs interleave between their commits. It is a lock on an empty
 * database beside the cache, because a lock on the cache itself would keep its readers out. Throws `cache_busy` if
 * another process has it.
 */
export function lockForWriting(path: string): ReadDb {
  try {
    return takeLock(path);
  } catch (error) {
    // Whatever is in the file says nothing about the cache.
    if (damageOf(sqliteError(error, 'locking the data')) === null) throw error;
    rmSync(lockFile(path), { force: true, recursive: true });
    return takeLock(path);
  }
}

function takeLock(path: string): ReadDb {
  makePrivateFile(lockFile(path));
  const db = new DatabaseSync(lockFile(path), { timeout: 0 });
  try {
    // Nothing is ever written; the journal would be another file.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return db as ReadDb;
  } catch (error) {
    db.close();
    if (((sqliteCode(error) ?? 0) & 0xff) !== BUSY) throw error;
    throw new AppError('cache_busy', 'Another Invoify is using the data on this computer, so that here it can only be read. '
      + 'Close the other one to sync here.', { cause: error });
  }
}

/** The file of `lockForWriting`. */
export function lockFile(path: string): string {
  return `${path}.lock`;
}

/** Opens an existing file read-only. A URL may carry SQLite parameters. */
export function openReader(path: string | URL, busyTimeoutMs: number): ReadDb {
  const db = new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
  try {
    // The OS caches the file itself; with 8 MiB, scrolling through 100,000 invoices stays at 60 frames a second.
    db.exec('PRAGMA cache_size = -8192');
    // Keeps business data out of temporary files. Sorting a list holds at most one page of rows plus their keys.
    db.exec('PRAGMA temp_store = MEMORY');
    // Memory-mapped files cannot be truncated on Windows, turn a disk error into a crash, and were at best 2 % faster.
    db.exec('PRAGMA mmap_size = 0');
    defineTextFunctions(db);
    return db as ReadDb;
  } catch (error) {
    db.close();
    throw error;
  }
}

const preparedOf = new WeakMap<ReadDb, Map<string, StatementSync>>();

/**
 * A statement that is kept for as long as the connection is open: for the few that every slice of a sync repeats, since preparing
 * one takes as long as writing several records. Use it with `get`, `all` and `run`, which leave it ready for the next use. SQLite
 * prepares it again by itself once the tables have changed.
 */
export function prepared(db: ReadDb, sql: string): StatementSync {
  const known = preparedOf.get(db) ?? new Map<string, StatementSync>();
  preparedOf.set(db, known);
  const statement = known.get(sql) ?? db.prepare(sql);
  known.set(sql, statement);
  return statement;
}

/** Opens an empty database in memory. */
export function openScratch(): WriteDb {
  return new DatabaseSync(':memory:') as WriteDb;
}

/**
 * Runs `run` in a transaction: everything is durable on return, nothing happened if it throws or the process crashes.
 * Inside another transaction it is a savepoint, durable when the outer one commits. `operation` completes "… failed" in
 * error messages. Throws the result of `sqliteError`, and a TypeError if `run` returns a promise, because other work
 * would interleave.
 */
export function inTransaction<T>(db: WriteDb, operation: string, run: () => T): T {
  const isInner = db.isTransaction;
  try {
    db.exec(isInner ? 'SAVEPOINT inner' : 'BEGIN IMMEDIATE');
    const result = run();
    refusePromise(result);
    db.exec(isInner ? 'RELEASE inner' : 'COMMIT');
    return result;
  } catch (error) {
    rollBack(db, isInner ? 'ROLLBACK TO inner; RELEASE inner' : 'ROLLBACK');
    throw sqliteError(error, operation);
  }
}

/** Runs reads on one snapshot. Joins an open transaction and then sees what it sees. */
export function inReadTransaction<T>(db: ReadDb, operation: string, run: () => T): T {
  if (db.isTransaction) return run();
  try {
    db.exec('BEGIN');
    const result = run();
    refusePromise(result);
    db.exec('COMMIT');
    return result;
  } catch (error) {
    rollBack(db, 'ROLLBACK');
    throw sqliteError(error, operation);
  }
}

/** On a full disk or an I/O error SQLite has already rolled back. */
function rollBack(db: ReadDb, sql: string): void {
  if (db.isTransaction) db.exec(sql);
}

function refusePromise(result: unknown): void {
  if (result instanceof Promise) throw new TypeError('A transaction cannot await a promise.');
}

/** SQLite primary result codes: the low byte of the extended code. https://sqlite.org/rescode.html */
const ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
const NOMEM = 7;
/** Too many processes raced to lock the log. */
const PROTOCOL = 15;
const FULL = 13;
/** The WAL index could not be enlarged; only a full disk causes that. */
const IOERR_SHMSIZE = 4874;
/** CORRUPT, FORMAT, NOTADB: what the file holds is not a sound database. */
const damaged: readonly number[] = [11, 24, 26];
/** ERROR, CONSTRAINT, MISMATCH: the tables are not those that the statements were written for. */
const inconsistent: readonly number[] = [ERROR, 19, 20];
/** PERM, READONLY, IOERR, CANTOPEN, and no memory: a call failed, which says nothing about the file. */
const failed: readonly number[] = [3, 8, 10, 14, NOMEM];

/** The extended result code of an SQLite error, or null for any other error. */
export function sqliteCode(error: unknown): number | null {
  const isSqlite = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
  return isSqlite ? error.errcode as number : null;
}

/**
 * Maps an SQLite error to an AppError: `disk_full`, `cache_busy`, `cache_unusable`, or `internal` for a faulty
 * statement; `details.damage` says what it proves damaged. A failed system call outside SQLite is `disk_full` or
 * `cache_unusable`. Any other error is returned unchanged.
 */
export function sqliteError(error: unknown, operation: string): unknown {
  if (error instanceof AppError) return error;
  const code = sqliteCode(error);
  const primary = code === null ? null : code & 0xff;
  if (primary === FULL || code === IOERR_SHMSIZE || hasSystemCode(error, 'ENOSPC')) {
    return new AppError('disk_full', `The disk is full: ${operation} failed. The existing data is unchanged; `
      + 'free some space and try again.', { cause: error });
  }
  if (primary === BUSY || primary === LOCKED || primary === PROTOCOL) {
    return new AppError('cache_busy', `Another program is using the data on this computer: ${operation} failed. `
      + 'Close the other program and try again.', { cause: error });
  }
  if (primary === null ? error instanceof Error && 'syscall' in error : failed.includes(primary)) {
    return new AppError('cache_unusable', `The data on this computer cannot be used at the moment: ${operation} failed. `
      + 'Check who may change its folder, and that its drive is connected; the next sync tries again.', { cause: error });
  }
  if (primary === null) return error;
  if (damaged.includes(primary)) {
    return new AppError('cache_unusable', `The data on this computer is damaged: ${operation} failed. `
      + 'It can be downloaded again from the server.', { cause: error, damage: 'file' });
  }
  const reason = primary === ERROR ? 'a statement failed' : `result ${primary}`;
  return new AppError('internal', `Something went wrong: ${operation} failed (${reason}).`, {
    cause: error, ...(inconsistent.includes(primary) ? { damage: 'contents' } : {}),
  });
}

/**
 * Which part of the cache an error proves damaged: `contents` if a rebuild replaces them, `file` if the file itself must be
 * replaced. Null for everything that may pass by itself, such as a locked file.
 */
export function damageOf(error: unknown): CacheDamage | null {
  return (error instanceof AppError && error.details.damage) || null;
}
