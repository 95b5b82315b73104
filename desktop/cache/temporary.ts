// Temporary tables of a connection that reads, in memory: what takes long to compute, kept until a commit may have changed it.
//
// Invariant: a table is what its filling yields in the snapshot that is read. Rolling back a transaction undoes what it has
// filled, together with the note of it.

import type { ReadDb } from './sqlite.ts';

/** How many rows a connection has written to temporary tables, which do not count as changes of the data. */
const writtenRows = new WeakMap<ReadDb, number>();

/**
 * Fills a temporary table that has these columns, with statements of `fill`, unless it was filled in the same snapshot with the
 * same `key`. Call it inside a read transaction.
 */
export function fillTemporary(db: ReadDb, table: string, columns: string, key: string, fill: () => void): void {
  // A connection that also writes does not notice its own changes by the version.
  const asOf = JSON.stringify([read(db, 'PRAGMA main.data_version'), totalChanges(db) - (writtenRows.get(db) ?? 0), key]);
  db.exec('CREATE TEMP TABLE IF NOT EXISTS filled (name TEXT PRIMARY KEY, as_of TEXT NOT NULL)');
  if (db.prepare('SELECT as_of FROM temp.filled WHERE name = ?').get(table)?.['as_of'] === asOf) return;
  writeTemporary(db, () => {
    db.prepare('DELETE FROM temp.filled WHERE name = ?').run(table);
    db.exec(`DROP TABLE IF EXISTS temp.${table}; CREATE TEMP TABLE ${table} (${columns})`);
    fill();
    db.prepare('INSERT INTO temp.filled VALUES (?, ?)').run(table, asOf);
  });
}

/** Runs statements that write to temporary tables alone. */
export function writeTemporary(db: ReadDb, write: () => void): void {
  const before = totalChanges(db);
  try {
    write();
  } finally {
    writtenRows.set(db, (writtenRows.get(db) ?? 0) + totalChanges(db) - before);
  }
}

function totalChanges(db: ReadDb): number {
  return Number(read(db, 'SELECT total_changes()'));
}

function read(db: ReadDb, sql: string): unknown {
  return Object.values(db.prepare(sql).get() ?? {})[0];
}
