// One collection's part of a slice of changes, written to its records, list, words and digest.
//
// What always holds: new rows are tried first and looked up only where they turn out not to be new; what is derived
// from them is computed by one statement for all of them; the digest is kept by adding what comes and subtracting what
// goes. Payloads pass through as the bytes that arrived; SQLite alone takes them apart.

import type { StatementSync } from 'node:sqlite';

import { parseInstant } from '../../shared/clock.ts';
import type { Collection } from '../../shared/collections.ts';
import { addCrc, recordCrc, subtractCrc, type CollectionDigest } from '../../shared/digest.ts';
import type { WireChange } from '../../shared/feed.ts';
import { badResponse } from '../../shared/protocol.ts';
import { readWordsTo } from './build.ts';
import {
  listSelect, listTable, quoteAll, recordsTable, searchedColumns, wordsTable, type CacheWriter, type Generation,
} from './schema.ts';
import { saveDigest } from './state.ts';

interface HeldRecord {
  readonly rowid: number;
  readonly updatedAt: string;
  readonly crc: number;
}

/** Applies changes one by one; `finish` must follow before the transaction ends. */
export class Applier {
  readonly counts = { inserted: 0, updated: 0, deleted: 0, ignored: 0 };
  readonly #writer: CacheWriter;
  readonly #generation: Generation;
  readonly #collection: Collection;
  readonly #insert: StatementSync;
  readonly #find: StatementSync;
  /** Rows up to here are kept in the full-text index. */
  readonly #wordsTo: number;
  /**
   * The lowest rowid inserted in this slice. Rowids are given as the highest plus one, so every row from here on is
   * new; their list and words are computed together in `finish`.
   */
  #newFrom = Infinity;
  #digest: CollectionDigest;
  #statements: ChangeStatements | null = null;

  constructor(writer: CacheWriter, generation: Generation, collection: Collection, digest: CollectionDigest) {
    const { db } = writer;
    const records = recordsTable(collection.name, generation);
    this.#writer = writer;
    this.#generation = generation;
    this.#collection = collection;
    this.#digest = digest;
    this.#insert = db.prepare(`INSERT INTO ${records} (id, updated_at, crc, payload) `
      + 'VALUES (?, ?, ?, CAST(? AS TEXT)) ON CONFLICT DO NOTHING');
    this.#find = db.prepare(`SELECT rowid, updated_at, crc FROM ${records} WHERE id = ?`);
    this.#wordsTo = readWordsTo(writer, generation, collection);
  }

  apply({ id, updatedAt, payload }: WireChange): void {
    if (payload === null) return this.#delete(id, updatedAt);
    const crc = recordCrc(id, updatedAt, payload);
    // Most changes of a first sync are new, and trying costs no look-up.
    const inserted = this.#insert.run(id, updatedAt, crc, payload);
    if (inserted.changes !== 0) {
      this.#newFrom = Math.min(this.#newFrom, Number(inserted.lastInsertRowid));
      this.#digest = addCrc(this.#digest, crc);
      this.counts.inserted += 1;
      return;
    }
    const held = this.#findHeld(id);
    if (!held) throw new TypeError(`${this.#collection.name}/${id} can neither be written nor found`);
    if (isOlder(updatedAt, held.updatedAt) || (updatedAt === held.updatedAt && crc === held.crc)) {
      this.counts.ignored += 1;
      return;
    }
    const { update } = this.#changeStatements();
    update.run(updatedAt, crc, payload, held.rowid);
    if (held.rowid < this.#newFrom) this.#refreshDerived(held.rowid);
    this.#digest = addCrc(subtractCrc(this.#digest, held.crc), crc);
    this.counts.updated += 1;
  }

  #delete(id: string, updatedAt: string): void {
    const held = this.#findHeld(id);
    if (!held || isOlder(updatedAt, held.updatedAt)) {
      this.counts.ignored += 1;
      return;
    }
    const statements = this.#changeStatements();
    statements.remove.run(held.rowid);
    statements.removeFromList.run(held.rowid);
    if (held.rowid <= this.#wordsTo) statements.words?.remove.run(held.rowid);
    this.#digest = subtractCrc(this.#digest, held.crc);
    this.counts.deleted += 1;
  }

  #refreshDerived(rowid: number): void {
    const { refreshList, words } = this.#changeStatements();
    const before = words?.read.get(rowid);
    if (Number(refreshList.run(rowid).changes) === 0) this.#refuseMalformed();
    if (!words || rowid > this.#wordsTo) return;
    // Most changes touch no searched column, and each rewriting leaves the index a little larger.
    const after = words.read.get(rowid);
    if (JSON.stringify(before) !== JSON.stringify(after)) words.refresh.run(rowid);
  }

  /** Computes the list and words of the new rows in one statement each and saves the digest. */
  finish(): void {
    const { db } = this.#writer;
    const name = this.#collection.name;
    const list = listTable(name, this.#generation);
    if (this.#newFrom < Infinity) {
      const rows = db.prepare(`SELECT count(*) AS rows FROM ${recordsTable(name, this.#generation)} WHERE rowid >= ?`)
        .get(this.#newFrom)?.['rows'];
      // REPLACE, though nothing is there to replace: a plain INSERT would keep a journal to undo itself with.
      const listed = db.prepare(`INSERT OR REPLACE INTO ${list} `
        + `${listSelect(this.#collection, this.#generation)} AND rowid >= ?`).run(this.#newFrom).changes;
      if (listed !== rows) this.#refuseMalformed();
      const words = this.#wordsSql('INSERT');
      if (words !== null) db.prepare(`${words} WHERE rowid BETWEEN ? AND ?`).run(this.#newFrom, this.#wordsTo);
    }
    saveDigest(this.#writer, this.#generation, name, this.#digest);
  }

  #findHeld(id: string): HeldRecord | null {
    const row = this.#find.get(id);
    return row
      ? { rowid: Number(row['rowid']), updatedAt: String(row['updated_at']), crc: Number(row['crc']) }
      : null;
  }

  /** Prepared on first use: a first sync needs none of them. */
  #changeStatements(): ChangeStatements {
    if (this.#statements) return this.#statements;
    const { db } = this.#writer;
    const name = this.#collection.name;
    const records = recordsTable(name, this.#generation);
    const list = listTable(name, this.#generation);
    const refreshWords = this.#wordsSql('INSERT OR REPLACE');
    this.#statements = {
      update: db.prepare(`UPDATE ${records} SET updated_at = ?, crc = ?, payload = CAST(? AS TEXT) WHERE rowid = ?`),
      remove: db.prepare(`DELETE FROM ${records} WHERE rowid = ?`),
      refreshList: db.prepare(
        `INSERT OR REPLACE INTO ${list} ${listSelect(this.#collection, this.#generation)} AND rowid = ?`),
      removeFromList: db.prepare(`DELETE FROM ${list} WHERE rowid = ?`),
      words: refreshWords === null ? null : {
        read: db.prepare(`SELECT ${quoteAll(searchedColumns(this.#collection))} FROM ${list} WHERE rowid = ?`),
        refresh: db.prepare(`${refreshWords} WHERE rowid = ?`),
        remove: db.prepare(`DELETE FROM ${wordsTable(name, this.#generation)} WHERE rowid = ?`),
      },
    };
    return this.#statements;
  }

  #wordsSql(verb: 'INSERT' | 'INSERT OR REPLACE'): string | null {
    const searched = searchedColumns(this.#collection);
    if (this.#wordsTo === 0 || searched.length === 0) return null;
    const name = this.#collection.name;
    return `${verb} INTO ${wordsTable(name, this.#generation)} (rowid, ${quoteAll(searched)}) `
      + `SELECT rowid, ${quoteAll(searched)} FROM ${listTable(name, this.#generation)}`;
  }

  /** A payload that is not JSON gives no list row; the message names its record for whoever runs the server. */
  #refuseMalformed(): never {
    const row = this.#writer.db.prepare(`SELECT id FROM ${recordsTable(this.#collection.name, this.#generation)} `
      + 'WHERE NOT json_valid(payload) LIMIT 1').get();
    throw badResponse(`the payload of ${this.#collection.name}/${String(row?.['id'])} is not JSON`);
  }
}

interface ChangeStatements {
  readonly update: StatementSync;
  readonly remove: StatementSync;
  readonly refreshList: StatementSync;
  readonly removeFromList: StatementSync;
  /** Null where no full-text index is kept. */
  readonly words: { readonly read: StatementSync; readonly refresh: StatementSync; readonly remove: StatementSync } | null;
}

/** Whether an arriving instant is before the one held; the server's form compares as text. */
function isOlder(arriving: string, held: string): boolean {
  if (arriving.length === 27 && held.length === 27) return arriving < held;
  const arrivingAt = parseInstant(arriving);
  if (arrivingAt === null) throw badResponse(`${arriving} is not an instant`);
  const heldAt = parseInstant(held);
  return heldAt !== null && arrivingAt < heldAt;
}
