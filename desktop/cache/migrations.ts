// The fixed tables of the cache, as numbered migrations. The file's `user_version` is how many it has seen.
//
// A migration is never edited once released: a change to these tables is a new one at the end. The tables of the
// collections are not here: they follow from the declarations (cache-schema.ts).

import { AppError } from '../../shared/errors.ts';
import { inTransaction, type ReadDb, type WriteDb } from './sqlite.ts';

/** Marks the file as ours: "Invo" in ASCII. */
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

      -- How far a list's indexes are built: how many of them, and the rowid up to which (inclusive) every row is in
      -- the full-text index and kept there; after it, none is.
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
];

/** Throws `cache_unusable` for a file that another program made, or a newer version of this one. Changes nothing. */
export function requireOurs(db: ReadDb, steps: readonly Migration[] = migrations): void {
  const applicationId = readPragma(db, 'application_id');
  if (applicationId !== APPLICATION_ID && !(applicationId === 0 && isEmpty(db))) {
    throw new AppError('cache_unusable', 'The file in the place of the local copy belongs to another program. '
      + 'Move it away, or choose another folder.');
  }
  if (readPragma(db, 'user_version') > steps.length) {
    throw new AppError('cache_unusable', 'The local copy was made by a newer version of Invoify. '
      + 'Install that version, or reset the local data.');
  }
}

/** Throws `cache_unusable` for a file that this code cannot read without changing it first. */
export function requireReadable(db: ReadDb, steps: readonly Migration[] = migrations): void {
  requireOurs(db, steps);
  if (readPragma(db, 'user_version') === steps.length) return;
  throw new AppError('cache_unusable', 'The local copy is of an older version of Invoify and cannot be brought up to date here. '
    + 'Check who may write in its folder.');
}

/** Brings the fixed tables to the newest version, one transaction per migration: a crash leaves a whole version. */
export function migrate(db: WriteDb, steps: readonly Migration[] = migrations): void {
  for (const [index, step] of steps.entries()) {
    if (index < readPragma(db, 'user_version')) continue;
    inTransaction(db, 'preparing the local copy', () => {
      // Another process may have come first while this one waited for its turn.
      if (index < readPragma(db, 'user_version')) return;
      step(db);
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1}`);
    });
  }
}

/** A file that a crash left before its first migration committed has no table and is as good as new. */
function isEmpty(db: ReadDb): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function readPragma(db: ReadDb, name: 'application_id' | 'user_version'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
