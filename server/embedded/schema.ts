// The embedded database file: its tables and pragmas, and the mapping of SQLite errors to `AppError`.

import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { AppError } from '../../shared/errors.ts';
import { SYNC_WAIT_MS, waitWhileBusy } from './busy.ts';
import { createPrivateFile, makeFolder } from '../files.ts';
import type { Log } from '../log.ts';
import { newEpoch, newFingerprintKey } from '../store.ts';
import { migrateRecords } from './migrate-records.ts';

/** "Invs" in ASCII: identifies this file among SQLite databases. */
const APPLICATION_ID = 0x496e7673;
/** The setting that holds `Store.fingerprintKey`. */
export const FINGERPRINT_KEY = 'fingerprint_key';
/** The setting that holds the newest change at the time when an administrator accepted the clock. */
export const ACCEPTED_CLOCK = 'accepted_clock';
/** Older versions can corrupt a WAL database that several connections use. */
const MIN_SQLITE = [3, 51, 3] as const;

/** Step n brings a database from version n to version n + 1; a step that a database has taken is never edited. */
const steps: readonly ((db: DatabaseSync) => void)[] = [
  createTables, addEpochsAndSettings, addAuditTrail, addSessionDetails, addPauses, indexClocks, migrateRecords,
];

function createTables(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE account (
      account_id TEXT PRIMARY KEY,
      clock INTEGER NOT NULL,
      horizon INTEGER NOT NULL,
      digest TEXT NOT NULL,
      numbers TEXT NOT NULL
    ) STRICT;

    CREATE TABLE record (
      row_id INTEGER PRIMARY KEY,
      account_id TEXT NOT NULL,
      collection TEXT NOT NULL,
      id TEXT NOT NULL,
      at INTEGER NOT NULL,
      payload TEXT,
      secret TEXT,
      refs TEXT NOT NULL,
      UNIQUE (account_id, collection, id)
    ) STRICT;
    CREATE UNIQUE INDEX record_feed ON record (account_id, at);
    CREATE INDEX record_tombstone ON record (account_id, at) WHERE payload IS NULL;

    CREATE TABLE reference (
      account_id TEXT NOT NULL,
      collection TEXT NOT NULL,
      target_id TEXT NOT NULL,
      id TEXT NOT NULL,
      PRIMARY KEY (account_id, collection, target_id, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE directory (
      email TEXT PRIMARY KEY,
      account_id TEXT NOT NULL,
      user_id TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE session (
      account_id TEXT NOT NULL,
      session_id TEXT NOT NULL,
      user_id TEXT NOT NULL,
      expires_at_ms INTEGER NOT NULL,
      full_pull_from INTEGER NOT NULL,
      PRIMARY KEY (account_id, session_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE answer (
      account_id TEXT NOT NULL,
      key TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      body TEXT NOT NULL,
      kept_at_ms INTEGER NOT NULL,
      PRIMARY KEY (account_id, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX answer_age ON answer (account_id, kept_at_ms);
  `);
}

function addEpochsAndSettings(db: DatabaseSync): void {
  db.exec(`
    ALTER TABLE account ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `);
  db.prepare('UPDATE account SET epoch = ?').run(newEpoch());
  db.prepare('INSERT INTO setting (name, value) VALUES (?, ?)').run(FINGERPRINT_KEY, newFingerprintKey());
}

/** The trail is append-only for every program on this file: only the oldest entries can be removed. */
function addAuditTrail(db: DatabaseSync): void {
  db.exec(`
    ALTER TABLE account ADD COLUMN audited INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE audit (
      account_id TEXT NOT NULL,
      number INTEGER NOT NULL,
      at INTEGER NOT NULL,
      entry TEXT NOT NULL,
      PRIMARY KEY (account_id, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT raise(ABORT, 'audit entries are never changed'); END;
    CREATE TRIGGER audit_loses_the_oldest_only BEFORE DELETE ON audit
    WHEN OLD.number > (SELECT min(number) FROM audit WHERE account_id = OLD.account_id)
    BEGIN SELECT raise(ABORT, 'only the oldest audit entries are removed'); END;
  `);
}

/** Tokens that were issued before have no id. */
function addSessionDetails(db: DatabaseSync): void {
  db.exec(`
    ALTER TABLE session ADD COLUMN device TEXT;
    ALTER TABLE session ADD COLUMN created_at_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE session ADD COLUMN last_seen_at_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE session ADD COLUMN synced_to INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE session ADD COLUMN token_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE session ADD COLUMN is_token_used INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE session ADD COLUMN previous_token_id TEXT;
    ALTER TABLE session ADD COLUMN previous_ends_at_ms INTEGER NOT NULL DEFAULT 0;
    UPDATE session SET created_at_ms = unixepoch() * 1000, last_seen_at_ms = unixepoch() * 1000;
    CREATE TABLE sign_in_counter (
      key TEXT PRIMARY KEY,
      count INTEGER NOT NULL,
      ends_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
  `);
}

function addPauses(db: DatabaseSync): void {
  db.exec('ALTER TABLE account ADD COLUMN paused_ms INTEGER NOT NULL DEFAULT 0');
}

/** Each write asks for the newest change of all accounts, which took 3.5 ms with 10,000 accounts. */
function indexClocks(db: DatabaseSync): void {
  db.exec('CREATE INDEX account_clock ON account (clock)');
}

/**
 * Opens the file for writing; creates it for this user only, and its folder, if missing, brings a file of an older version up to
 * date, and makes dropped indexes and triggers again. Throws `unavailable` if it cannot be opened, belongs to another program, was
 * written by a newer version, lacks a table, or has rows that forbid an index. A crash leaves the file as it was, or complete.
 */
export async function openEmbeddedFile(file: string, log: Log): Promise<DatabaseSync> {
  requireRecentSqlite();
  try {
    makeFolder(dirname(file));
    createPrivateFile(file);
    // SQLite falls back to reading only, and would stay read-only even when the disk can be written again.
    accessSync(file, constants.W_OK);
    const db = new DatabaseSync(file, { timeout: SYNC_WAIT_MS });
    try {
      await waitWhileBusy(() => prepareFile(db, file, log), new AbortController().signal);
    } catch (error) {
      db.close();
      throw error;
    }
    return db;
  } catch (error) {
    throw sqliteError(`The database ${file}`, error);
  }
}

/** `unavailable` with a sentence that begins with `what` if the machine or the file is the cause; otherwise the error itself. */
export function sqliteError(what: string, error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const reason = reasonOf(error);
  return reason === null ? error : new AppError('unavailable', `${what} ${reason}.`, { cause: error, retryAfterS: 5 });
}

/** Throws `unavailable`, with a sentence that begins with `what`, unless the file is sound and this server's. Takes seconds per GB. */
export function requireSound(db: DatabaseSync, what: string): void {
  if (pragma(db, 'application_id') !== APPLICATION_ID) throw new AppError('unavailable', `${what} belongs to another program.`);
  const [first] = Object.values(db.prepare('PRAGMA integrity_check(1)').get() ?? {});
  if (first !== 'ok') {
    throw new AppError('unavailable', `${what} is damaged: restore it from a backup.`, { cause: new Error(String(first)) });
  }
  requireTables(missingParts(db), what);
}

/** Throws `unavailable` if a table is missing: to SQLite, a dropped one is not damage. */
function requireTables(parts: readonly Part[], what: string): void {
  const missing = parts.filter(({ type }) => type === 'table').map(({ name }) => name);
  if (missing.length === 0) return;
  const are = missing.length === 1 ? `table ${missing.join()} is` : `tables ${missing.join(', ')} are`;
  throw new AppError('unavailable', `${what} is damaged: its ${are} missing; restore it from a backup.`);
}

/** Makes dropped indexes and triggers again, which hold nothing that the tables do not. Throws `unavailable` if the rows forbid it. */
function restoreIndexes(db: DatabaseSync, file: string, log: Log): void {
  db.exec('BEGIN IMMEDIATE');
  // Another process may have been faster.
  const missing = missingParts(db);
  for (const { name, sql } of missing) {
    try {
      db.exec(sql);
    } catch (error) {
      if (!isRefused(error)) throw error;
      const sentence = `The database ${file} is damaged: its index ${name} cannot be made again; restore it from a backup.`;
      throw new AppError('unavailable', sentence, { cause: error });
    }
  }
  db.exec('COMMIT');
  if (missing.length === 0) return;
  log('warn', 'missing indexes or triggers of the database were made again', { file, names: missing.map(({ name }) => name) });
}

/** Whether the rows or columns do not admit a statement: SQLITE_ERROR or SQLITE_CONSTRAINT. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && [1, 19].includes(Number(error.errcode) & 0xff);
}

interface Part {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

/** What a file of this version has and this one lacks. */
function missingParts(db: DatabaseSync): readonly Part[] {
  // Read first: another process may be making the tables, and commits them together with it.
  const version = pragma(db, 'user_version');
  const present = new Set(partsOf(db).map(({ name }) => name));
  const model = new DatabaseSync(':memory:');
  try {
    for (const takeStep of steps.slice(0, version)) takeStep(model);
    return partsOf(model).filter(({ name }) => !present.has(name));
  } finally {
    model.close();
  }
}

/** Without the indexes that SQLite makes itself. */
function partsOf(db: DatabaseSync): readonly Part[] {
  return db.prepare('SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name').all()
    .map(({ type, name, sql }) => ({ type: String(type), name: String(name), sql: String(sql) }));
}

function prepareFile(db: DatabaseSync, file: string, log: Log): void {
  // Read first: another process may be creating the tables, and commits them together with the other two.
  const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  const applicationId = pragma(db, 'application_id');
  const version = pragma(db, 'user_version');
  if (!isEmpty && applicationId !== APPLICATION_ID) {
    throw new AppError('unavailable', `${file} is a database of another program: set DATA_DIR to a different folder.`);
  }
  if (version > steps.length) {
    throw new AppError('unavailable', `${file} was written by a newer version of this server: update the server, or restore an older `
      + 'backup.');
  }
  const missing = missingParts(db);
  requireTables(missing, `The database ${file}`);
  // The page size must be set before the first page is written. WAL lets pulls read while a write commits. FULL makes a
  // commit durable before it is acknowledged.
  if (isEmpty) db.exec('PRAGMA page_size = 8192');
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY');
  if (missing.length > 0) restoreIndexes(db, file, log);
  if (version === steps.length) return;
  // Last of what may be refused because the file is busy: all of this is then done again.
  db.exec('BEGIN IMMEDIATE');
  // Another process may have been faster, of this version or of a newer one.
  if (pragma(db, 'user_version') !== version) {
    db.exec('ROLLBACK');
    return prepareFile(db, file, log);
  }
  for (const takeStep of steps.slice(version)) takeStep(db);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${steps.length}; COMMIT`);
  if (version > 0) log('info', 'the database of an earlier version was brought up to date', { file, from: version, to: steps.length });
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

function requireRecentSqlite(): void {
  const found = process.versions.sqlite ?? '0';
  const parts = found.split('.').map(Number);
  const older = MIN_SQLITE.findIndex((part, index) => (parts[index] ?? 0) !== part);
  if (older >= 0 && (parts[older] ?? 0) < (MIN_SQLITE[older] ?? 0)) {
    throw new AppError('unavailable', `SQLite ${found} is too old; run Node 24.15 or later, which has ${MIN_SQLITE.join('.')}.`);
  }
}

/** Explains file system errors and SQLite's primary result codes (sqlite.org/rescode.html) that the machine or the file causes. */
function reasonOf(error: Error): string | null {
  if ('code' in error && (error.code === 'EEXIST' || error.code === 'ENOTDIR')) {
    return 'cannot be created, because a file is where its folder should be; set DATA_DIR to a folder';
  }
  if ('code' in error && (error.code === 'EACCES' || error.code === 'EROFS' || error.code === 'EPERM' || error.code === 'ENOSPC')) {
    return `cannot be written (${error.code}); check the folder's permissions and the disk's free space`;
  }
  if ('code' in error && error.code === 'ERR_OUT_OF_RANGE') {
    return 'holds a number that cannot be read; run node server.ts verify --fix';
  }
  if (!('errcode' in error) || typeof error.errcode !== 'number') return null;
  switch (error.errcode & 0xff) {
    case 5: case 6: return 'is busy in another process; try again';
    case 8: return 'is read-only; check the permissions of its folder';
    case 10: return 'could not be read or written; check the disk';
    case 11: case 26: return 'is damaged or not a database; restore it from a backup';
    case 13: return 'is on a full disk; free some space';
    case 14: return 'cannot be opened; check that DATA_DIR is a folder that this user may write to';
    default: return null;
  }
}
