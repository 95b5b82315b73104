// The cache's fixed tables, as numbered migrations. `user_version` counts the migrations applied to a file.
//
// Released migrations are never edited; append a new one instead. The collections' tables are not migrated: they are
// derived from the declarations (schema.ts).

import { AppError } from '../../shared/errors.ts';
import { inReadTransaction, inTransaction, type ReadDb, type WriteDb } from './sqlite.ts';

/** Identifies the file as Invoify's: "Invo" in ASCII. */
export const APPLICATION_ID = 0x496e766f;

export type Migration = (db: WriteDb) => void;

export const migrations: readonly Migration[] = [
  function createFixedTables(db) {
    db.exec(`
      CREATE TABLE state (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        fingerprint TEXT,
        server_origin TEXT,
        account_id TEXT,
        user_id TEXT,
        user TEXT,
        scope TEXT,
        cursor TEXT,
        generation TEXT NOT NULL DEFAULT 'a' CHECK (generation IN ('a', 'b')),
        is_initial_complete INTEGER NOT NULL DEFAULT 0,
        last_sync_ms INTEGER,
        last_verified_ms INTEGER,
        rebuild_reason TEXT,
        rebuild_scope TEXT,
        rebuild_cursor TEXT
      ) STRICT;
      INSERT INTO state (only) VALUES (1);

      CREATE TABLE digest (
        generation TEXT NOT NULL,
        collection TEXT NOT NULL,
        count INTEGER NOT NULL,
        sum INTEGER NOT NULL,
        PRIMARY KEY (generation, collection)
      ) STRICT, WITHOUT ROWID;

      -- How far a list's indexes are built: the number of indexes, and the last rowid that the full-text index covers.
      CREATE TABLE build (
        generation TEXT NOT NULL,
        collection TEXT NOT NULL,
        indexes INTEGER NOT NULL,
        words_to INTEGER NOT NULL,
        PRIMARY KEY (generation, collection)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE attempts (
        id INTEGER PRIMARY KEY,
        started_ms INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        changes INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        code TEXT,
        detail TEXT
      ) STRICT;
    `);
  },

  function keepPagesMismatchAndKind(db) {
    db.exec(`
      CREATE TABLE staged (
        seq INTEGER PRIMARY KEY,
        cursor TEXT NOT NULL,
        changes INTEGER NOT NULL,
        page BLOB NOT NULL
      ) STRICT;

      ALTER TABLE state ADD COLUMN download_total INTEGER;
      ALTER TABLE state ADD COLUMN mismatch_downloads INTEGER;
      ALTER TABLE state ADD COLUMN mismatch_ms INTEGER;
      ALTER TABLE state ADD COLUMN mismatch_message TEXT;
      ALTER TABLE attempts ADD COLUMN kind TEXT;
    `);
  },

  function keepHowFarNamesHaveKeys(db) {
    db.exec('ALTER TABLE build ADD COLUMN keys_to INTEGER NOT NULL DEFAULT 0');
  },

  function writeKeysWithTheirNames(db) {
    db.exec('ALTER TABLE build DROP COLUMN keys_to');
  },
];

/**
 * Throws `cache_unusable` for a file of another program, with `details.damage`, and for one of a newer version of Invoify,
 * which is left for that version. Changes nothing.
 */
export function requireCompatible(db: ReadDb, steps: readonly Migration[] = migrations): void {
  // In one transaction: another process may be creating the tables.
  const { isForeign, version } = inReadTransaction(db, 'reading the version of the data', () => {
    const applicationId = readPragma(db, 'application_id');
    return {
      isForeign: applicationId !== APPLICATION_ID && !(applicationId === 0 && isEmpty(db)),
      version: readPragma(db, 'user_version'),
    };
  });
  if (isForeign) {
    throw new AppError('cache_unusable', 'The file where Invoify keeps its data belongs to another program. '
      + 'Move it elsewhere, or choose another folder.', { damage: 'file' });
  }
  if (version > steps.length) {
    throw new AppError('cache_unusable', 'The data on this computer was created by a newer version of Invoify. '
      + 'Install that version, or reset the local data.');
  }
}

/** Throws `cache_unusable` for a file that this version cannot read without migrating it. */
export function requireCurrentVersion(db: ReadDb, steps: readonly Migration[] = migrations): void {
  requireCompatible(db, steps);
  if (readPragma(db, 'user_version') === steps.length) return;
  throw new AppError('cache_unusable', 'The data on this computer is from an older version of Invoify and cannot be updated. '
    + 'Check the write permissions of its folder.');
}

/** What the migrations have created. */
const fixedTables = ['state', 'digest', 'build', 'attempts', 'staged'] as const;

/** Throws `cache_unusable`, with `details.damage`, for a migrated file that has lost a table which no rebuild creates. */
export function requireFixedTables(db: ReadDb): void {
  const names = new Set(db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all().map(({ name }) => name));
  if (fixedTables.every((name) => names.has(name))) return;
  throw new AppError('cache_unusable', 'The data on this computer is incomplete. Reset the local data.', { damage: 'file' });
}

/** Applies the missing migrations, each in its own transaction: a crash leaves the file at a complete version. */
export function migrate(db: WriteDb, steps: readonly Migration[] = migrations): void {
  for (const [index, step] of steps.entries()) {
    if (index < readPragma(db, 'user_version')) continue;
    inTransaction(db, 'preparing the data', () => {
      // Another process may have applied it while this one waited for the lock.
      if (index < readPragma(db, 'user_version')) return;
      step(db);
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1}`);
    });
  }
}

/** After a crash before the first migration commits, the file has no tables and is as good as new. */
function isEmpty(db: ReadDb): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function readPragma(db: ReadDb, name: 'application_id' | 'user_version'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
