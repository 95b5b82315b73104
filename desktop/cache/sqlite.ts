// The only door to node:sqlite on the desktop: connections that say in their type whether they can write, the pragmas
// with their reasons, transactions, and the map from SQLite's result codes to ours.
//
// What always holds: a ReadDb cannot change a file, because SQLite opened it read-only; nothing here waits or reads a
// clock; and what leaves `inTransaction` and `inReadTransaction` as an error is an AppError or a defect in our code.

import { DatabaseSync } from 'node:sqlite';

import { AppError, hasSystemCode } from '../../shared/errors.ts';

declare const readable: unique symbol;
declare const writable: unique symbol;

/** A connection that may be read. */
export type ReadDb = DatabaseSync & { readonly [readable]: true };
/** A connection that may also be written. */
export type WriteDb = ReadDb & { readonly [writable]: true };

/** An older SQLite can corrupt a WAL database when one connection checkpoints while another resets the log. */
const oldestSqlite = '3.51.3';

/** Throws `cache_unusable` where the SQLite inside this runtime is too old for a WAL database. */
export function requireSqlite(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const [needMajor = 0, needMinor = 0, needPatch = 0] = oldestSqlite.split('.').map(Number);
  const difference = major - needMajor || minor - needMinor || patch - needPatch;
  if (difference >= 0) return;
  throw new AppError('cache_unusable', `The local copy needs SQLite ${oldestSqlite} or later and this is `
    + `${version}. Install the current version of Invoify.`);
}

/**
 * Opens (and creates) a file for writing. `accept` looks at what is there and throws to refuse it, before anything is
 * changed. The WAL mode stays in the file.
 */
export function openWriter(path: string, busyTimeoutMs: number, accept: (db: ReadDb) => void): WriteDb {
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
  try {
    accept(db as ReadDb);
    // Fewer, larger pages: a record is about 1 KiB and the index trees stay one level lower than with 4 KiB pages.
    // It takes effect only while the file is empty.
    db.exec('PRAGMA page_size = 8192');
    // Readers keep their view while a pull is written.
    db.exec('PRAGMA journal_mode = WAL');
    // A cursor that survives a power cut must never be ahead of its rows; NORMAL could lose the last commits.
    db.exec('PRAGMA synchronous = FULL');
    // 4 MiB holds what a page of 1,000 records changes; 64 MiB made no measurable difference.
    db.exec('PRAGMA cache_size = -4096');
    // Checkpoints at 8 MiB of log: later ones were no faster and let the log grow.
    db.exec('PRAGMA wal_autocheckpoint = 1000');
    // One large catch-up must not leave a log of its size behind for ever.
    db.exec('PRAGMA journal_size_limit = 16777216');
    return db as WriteDb;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens an existing file read-only; a URL may carry SQLite's own parameters. */
export function openReader(path: string | URL, busyTimeoutMs: number): ReadDb {
  const db = new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
  try {
    // The system's own cache holds the file; with this, scrolling through 100,000 invoices keeps 60 frames a second.
    db.exec('PRAGMA cache_size = -8192');
    // A list's sort holds at most one page of rows plus their keys; no business data in temporary files.
    db.exec('PRAGMA temp_store = MEMORY');
    // Mapped files cannot be shortened on Windows, turn a disk error into a crash, and measured 2 % faster at best.
    db.exec('PRAGMA mmap_size = 0');
    return db as ReadDb;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Runs `run` in a transaction: all of it is durable when this returns, none of it happened when it throws, also after
 * a crash. Inside another transaction it is a savepoint, and durable when that one commits. `doing` completes "…
 * failed while" in messages. Throws what `toAppError` makes of an error, and a TypeError for a promise, because
 * other work would slip in between.
 */
export function inTransaction<T>(db: WriteDb, doing: string, run: () => T): T {
  const isInner = db.isTransaction;
  try {
    db.exec(isInner ? 'SAVEPOINT inner' : 'BEGIN IMMEDIATE');
    const result = run();
    refusePromise(result);
    db.exec(isInner ? 'RELEASE inner' : 'COMMIT');
    return result;
  } catch (error) {
    rollBack(db, isInner ? 'ROLLBACK TO inner; RELEASE inner' : 'ROLLBACK');
    throw toAppError(error, doing);
  }
}

/** Runs reads that must all see the same instant of the file. Inside a transaction it sees what that one sees. */
export function inReadTransaction<T>(db: ReadDb, doing: string, run: () => T): T {
  if (db.isTransaction) return run();
  try {
    db.exec('BEGIN');
    const result = run();
    refusePromise(result);
    db.exec('COMMIT');
    return result;
  } catch (error) {
    rollBack(db, 'ROLLBACK');
    throw toAppError(error, doing);
  }
}

/** SQLite itself ends the transaction on a full disk or an I/O error; then there is nothing left to roll back. */
function rollBack(db: ReadDb, sql: string): void {
  if (db.isTransaction) db.exec(sql);
}

function refusePromise(result: unknown): void {
  if (result instanceof Promise) throw new TypeError('A transaction cannot wait for a promise.');
}

/** Result codes of SQLite: the low byte of the extended code. https://sqlite.org/rescode.html */
const ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
/** Too many processes tried to lock the log at once. */
const PROTOCOL = 15;
const FULL = 13;
/** The log's index could not be made larger, which only a full disk does. */
const IOERR_SHMSIZE = 4874;
/** PERM, READONLY, IOERR, CORRUPT, CANTOPEN, FORMAT, NOTADB. */
const unusable: readonly number[] = [3, 8, 10, 11, 14, 24, 26];

/** SQLite's extended result code, or null where the error is not SQLite's. */
export function sqliteCode(error: unknown): number | null {
  const isOurs = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
  return isOurs ? error.errcode as number : null;
}

/**
 * What an error means to a person: `disk_full`, `cache_busy`, `cache_unusable`, or `internal` for statements that
 * are wrong. AppErrors and errors of other kinds come back as they are, except a full disk met outside SQLite.
 */
export function toAppError(error: unknown, doing: string): unknown {
  if (error instanceof AppError) return error;
  const code = sqliteCode(error);
  const primary = code === null ? null : code & 0xff;
  if (primary === FULL || code === IOERR_SHMSIZE || hasSystemCode(error, 'ENOSPC')) {
    return new AppError('disk_full', `The disk is full: ${doing} failed. What was there before is unchanged; `
      + 'free some space and try again.', { cause: error });
  }
  if (primary === null) return error;
  if (primary === BUSY || primary === LOCKED || primary === PROTOCOL) {
    return new AppError('cache_busy', `Another program is using the local copy: ${doing} failed. `
      + 'Close the other program and try again.', { cause: error });
  }
  if (unusable.includes(primary)) {
    return new AppError('cache_unusable', `The local copy cannot be used: ${doing} failed. `
      + 'It can be downloaded again from the server.', { cause: error });
  }
  const reason = primary === ERROR ? 'a statement failed' : `result ${primary}`;
  return new AppError('internal', `Something went wrong: ${doing} failed (${reason}).`, { cause: error });
}
