// Bringing the tables of a file to what the declarations say now.
//
// The records are never rewritten: where a declaration or this SQLite differs from what built the lists, the lists are
// computed again from the payloads, in one transaction and without the network. A collection that is new gets empty
// tables; one that is gone loses them.

import { AppError } from '../../shared/errors.ts';
import {
  createStatements, listSelect, listTable, otherGeneration, type CacheReader, type CacheWriter, type Generation,
} from './schema.ts';
import { readState } from './state.ts';
import { inTransaction } from './sqlite.ts';

/**
 * Makes the tables fit the layout; nothing to do when they do. 100,000 records take about half a second; a crash
 * leaves the former tables. Afterwards indexes are missing until `buildNext` has made them.
 */
export function syncLayout(writer: CacheWriter): void {
  const { db, layout } = writer;
  const found = db.prepare('SELECT fingerprint FROM state').get()?.['fingerprint'];
  if (found === layout.fingerprint) return;
  inTransaction(db, 'fitting the local copy to this version', () => {
    for (const table of collectionTables(writer)) {
      if (table.kind !== 'records' || !layout.collections.has(table.collection)) dropTable(writer, table);
    }
    const { generation, rebuild } = readState(writer);
    createTables(writer, generation);
    if (rebuild) createTables(writer, otherGeneration(generation));
    db.exec('DELETE FROM build');
    db.prepare('DELETE FROM digest WHERE collection NOT IN (SELECT value FROM json_each(?))')
      .run(JSON.stringify([...layout.collections.keys()]));
    db.prepare('UPDATE state SET fingerprint = ?').run(layout.fingerprint);
  });
}

/** Throws `cache_unusable` where the tables are not the layout's: then they can be read only once they fit. */
export function requireSameLayout({ db, layout }: CacheReader): void {
  if (db.prepare('SELECT fingerprint FROM state').get()?.['fingerprint'] === layout.fingerprint) return;
  throw new AppError('cache_unusable', 'The local copy does not fit this version of Invoify and cannot be changed here. '
    + 'Check who may write in its folder.');
}

/** Makes what is missing of a generation's tables, lists filled from the records there are. */
export function createTables(writer: CacheWriter, generation: Generation): void {
  for (const collection of writer.layout.collections.values()) {
    for (const sql of createStatements(collection, generation, writer.layout.hasFullText)) writer.db.exec(sql);
    writer.db.exec(`INSERT INTO ${listTable(collection.name, generation)} ${listSelect(collection, generation)}`);
  }
}

/** Drops every table of a generation and what is noted about them. */
export function dropTables(writer: CacheWriter, generation: Generation): void {
  for (const table of collectionTables(writer)) {
    if (table.generation === generation) dropTable(writer, table);
  }
  writer.db.prepare('DELETE FROM digest WHERE generation = ?').run(generation);
  writer.db.prepare('DELETE FROM build WHERE generation = ?').run(generation);
}

interface CollectionTable {
  readonly name: string;
  readonly collection: string;
  readonly generation: string;
  readonly kind: 'records' | 'list' | 'words';
}

/** The collections' tables in the file, also of collections that are declared no more. */
function collectionTables(writer: CacheWriter): CollectionTable[] {
  return writer.db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all().flatMap((row) => {
    const name = String(row['name']);
    const [, collection = '', generation = '', kind] = /^([a-zA-Z0-9]+)_([ab])(?:_(list|words))?$/.exec(name) ?? [];
    if (generation === '') return [];
    return [{ name, collection, generation, kind: kind === 'list' || kind === 'words' ? kind : 'records' }];
  });
}

/** Without FTS5 its tables cannot even be dropped; they stay unused until a SQLite that has it opens the file. */
function dropTable(writer: CacheWriter, table: CollectionTable): void {
  if (table.kind === 'words' && !writer.layout.hasFullText) return;
  writer.db.exec(`DROP TABLE "${table.name}"`);
}
