// Writes changes into a generation: rows, list, full-text index and digest together.
//
// Invariants: nothing written here is readable or survives a crash before it commits; the digest commits with the rows
// it describes. Payloads pass through as the bytes that arrived; only SQLite parses them. A change that cannot be read is
// left out and named, and stops nothing behind it.

import type { StatementSync } from 'node:sqlite';

import { parseInstant } from '../../shared/clock.ts';
import type { Collection, Column } from '../../shared/collections.ts';
import { addCrc, emptyDigest, recordCrc, subtractCrc, type CollectionDigest } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import type { WireChange } from '../../shared/feed.ts';
import { badResponse } from '../../shared/protocol.ts';
import { readWordsTo } from './indexes.ts';
import {
  hasOtherEntries, listComparison, listInsert, listTable, listUpdate, quoteAll, recordsTable, searchedColumns, wordsColumns,
  wordsSelect, wordsTable, wrongKind, type CacheWriter, type Generation,
} from './schema.ts';
import { readDigest, saveDigest } from './state.ts';
import { inTransaction, prepared, sqliteError } from './sqlite.ts';

const operation = 'writing changes';

const OPENING_BRACE = 0x7b;

/** Why a change is refused. */
const notJson = 'it is not a JSON object';
const wrongColumn = 'a value in it is of the wrong kind';

export interface ApplyCounts {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Replays, changes older than the existing record, and deletes of absent records. */
  readonly ignored: number;
  /** Left out. The record keeps the version that it had, if any, so the digest will differ from the server's. */
  readonly refused: readonly RefusedChange[];
}

export interface RefusedChange {
  readonly collection: string;
  readonly id: string;
  /** Completes "This record cannot be read: …". */
  readonly reason: string;
}

/** Page cache. A download appends; 1,000 changes touch pages all over the file, and what they change would be written twice with 4 MiB. */
const [APPEND_KIB, CHANGE_KIB] = [2048, 12_288];

/**
 * Begins the write transaction. It may stay open across awaits, so that a catch-up of several pages becomes visible in
 * one commit; until it ends, every other write of this process joins it. If it `canResume`, its commit does not wait for the disk:
 * a power cut may undo it, together with everything after it, until the next commit that does. Throws `cache_busy` if another
 * process is writing.
 */
export function beginChanges(writer: CacheWriter, canResume = false): void {
  try {
    writer.db.exec(`PRAGMA synchronous = ${canResume ? 'NORMAL' : 'FULL'}; PRAGMA cache_size = -${canResume ? APPEND_KIB : CHANGE_KIB}`);
    writer.db.exec('BEGIN IMMEDIATE');
  } catch (error) {
    rollbackChanges(writer);
    throw sqliteError(error, 'starting to write');
  }
}

/**
 * Commits everything since `beginChanges`: visible when it returns, and durable unless it can resume. If it throws, all of it is
 * undone.
 */
export function commitChanges(writer: CacheWriter): void {
  try {
    writer.db.exec('COMMIT');
  } catch (error) {
    throw sqliteError(error, 'saving the changes');
  } finally {
    rollbackChanges(writer);
  }
}

/** Discards everything since `beginChanges`. Does nothing outside a transaction, except that the next commit is durable. */
export function rollbackChanges(writer: CacheWriter): void {
  if (writer.db.isTransaction) writer.db.exec('ROLLBACK');
  writer.db.exec('PRAGMA synchronous = FULL');
}

/**
 * Writes changes into a generation. Changes older than the existing record and replays are ignored.
 *
 * Inside `beginChanges` the changes become durable with `commitChanges`, and an error rolls back the whole
 * transaction. Otherwise they are all durable on return, or none of them if it throws. 1,000 changes take about 8 ms:
 * a caller that shares its thread should pass a page in slices and yield between them.
 *
 * A change of an unknown collection, or whose payload is not a JSON object or has the wrong kind of value for a column of the
 * list, is refused. Throws `disk_full`, `cache_busy`, `cache_unusable`.
 */
export function applyChanges(
  writer: CacheWriter, generation: Generation, changes: readonly WireChange[],
): ApplyCounts {
  if (!writer.db.isTransaction) return inTransaction(writer.db, operation, () => writeChanges(writer, generation, changes));
  // No savepoint: it would copy every page it touches, and a catch-up that lost a slice must not be committed anyway.
  try {
    return writeChanges(writer, generation, changes);
  } catch (error) {
    rollbackChanges(writer);
    throw sqliteError(error, operation);
  }
}

function writeChanges(writer: CacheWriter, generation: Generation, changes: readonly WireChange[]): ApplyCounts {
  const digest = readDigest(writer, generation);
  const appliers = new Map<string, Applier>();
  const unknown: RefusedChange[] = [];
  for (const change of changes) {
    let applier = appliers.get(change.collection);
    if (!applier) {
      const collection = writer.layout.collections.get(change.collection);
      if (!collection) {
        unknown.push({ collection: change.collection, id: change.id, reason: 'this version of Invoify does not know its collection' });
        continue;
      }
      applier = new Applier(writer, generation, collection, digest[change.collection] ?? emptyDigest);
      appliers.set(change.collection, applier);
    }
    applier.apply(change);
  }
  for (const applier of appliers.values()) applier.finish();
  return sumCounts([...appliers.values()].map((applier) => applier.counts), unknown);
}

function sumCounts(all: readonly ApplyCounts[], unknown: readonly RefusedChange[]): ApplyCounts {
  return all.reduce((sum, counts) => ({
    inserted: sum.inserted + counts.inserted,
    updated: sum.updated + counts.updated,
    deleted: sum.deleted + counts.deleted,
    ignored: sum.ignored + counts.ignored,
    refused: [...sum.refused, ...counts.refused],
  }), { inserted: 0, updated: 0, deleted: 0, ignored: 0, refused: unknown });
}

interface ExistingRecord {
  readonly rowid: number;
  readonly updatedAt: string;
  readonly crc: number;
}

/**
 * Applies one collection's changes; call `finish` before the transaction ends. What is derived from new rows is computed for
 * all of them at once in `finish`.
 */
class Applier {
  readonly counts = { inserted: 0, updated: 0, deleted: 0, ignored: 0, refused: [] as RefusedChange[] };
  readonly #writer: CacheWriter;
  readonly #generation: Generation;
  readonly #collection: Collection;
  readonly #insert: StatementSync;
  readonly #find: StatementSync;
  /** The last rowid in the full-text index. */
  readonly #wordsTo: number;
  /**
   * The lowest rowid inserted in this slice. SQLite assigns the highest rowid plus one, so every row from here on is
   * new and is derived in `finish`.
   */
  #newFrom = Infinity;
  #digest: CollectionDigest;
  #statements: ChangeStatements | null = null;
  /** By their SQL. Kept no longer than this, since there may be one for every set of columns. */
  readonly #listUpdates = new Map<string, StatementSync>();
  /** Whether the next change is tried as an insert before it is looked up: changes of one kind come together. */
  #expectsNew = true;

  constructor(writer: CacheWriter, generation: Generation, collection: Collection, digest: CollectionDigest) {
    const { db } = writer;
    const records = recordsTable(collection.name, generation);
    this.#writer = writer;
    this.#generation = generation;
    this.#collection = collection;
    this.#digest = digest;
    this.#insert = prepared(db, `INSERT INTO ${records} (id, updated_at, crc, payload) `
      + 'VALUES (?, ?, ?, CAST(? AS TEXT)) ON CONFLICT DO NOTHING');
    this.#find = prepared(db, `SELECT rowid, updated_at, crc FROM ${records} WHERE id = ?`);
    this.#wordsTo = readWordsTo(writer, generation, collection);
  }

  apply({ id, updatedAt, payload }: WireChange): void {
    if (payload === null) return this.#delete(id, updatedAt);
    if (payload[0] !== OPENING_BRACE) return this.#refuse(id, notJson);
    const crc = recordCrc(id, updatedAt, payload);
    let existing = this.#expectsNew ? null : this.#findExisting(id);
    if (!existing) {
      const inserted = this.#insert.run(id, updatedAt, crc, payload);
      this.#expectsNew = inserted.changes !== 0;
      if (this.#expectsNew) {
        this.#newFrom = Math.min(this.#newFrom, Number(inserted.lastInsertRowid));
        this.#digest = addCrc(this.#digest, crc);
        this.counts.inserted += 1;
        return;
      }
      existing = this.#findExisting(id);
    }
    // The index that enforces the unique id names a row that the table does not have.
    if (!existing) throw new AppError('cache_unusable', 'The data on this computer is damaged.', { damage: 'contents' });
    if (isOlder(updatedAt, existing.updatedAt) || (updatedAt === existing.updatedAt && crc === existing.crc)) {
      this.counts.ignored += 1;
      return;
    }
    const isListed = existing.rowid < this.#newFrom;
    const hasOtherWords = isListed && this.#refreshList(id, existing.rowid, payload);
    if (hasOtherWords === null) return;
    this.#changeStatements().update.run(updatedAt, crc, payload, existing.rowid);
    // Every rewrite grows the full-text index a little.
    if (hasOtherWords && existing.rowid <= this.#wordsTo) this.#changeStatements().words?.refresh.run(existing.rowid);
    this.#digest = addCrc(subtractCrc(this.#digest, existing.crc), crc);
    this.counts.updated += 1;
  }

  #delete(id: string, updatedAt: string): void {
    const existing = this.#findExisting(id);
    if (!existing || isOlder(updatedAt, existing.updatedAt)) {
      this.counts.ignored += 1;
      return;
    }
    const statements = this.#changeStatements();
    statements.remove.run(existing.rowid);
    statements.removeFromList.run(existing.rowid);
    if (existing.rowid <= this.#wordsTo) statements.words?.remove.run(existing.rowid);
    this.#digest = subtractCrc(this.#digest, existing.crc);
    this.counts.deleted += 1;
  }

  /**
   * Derives an existing record's row of the list from its new payload; columns that stay as they are, and the indexes over them, are
   * not touched. Returns whether its searched texts change, or null if the payload is refused, and leaves the row as it was.
   */
  #refreshList(id: string, rowid: number, payload: Uint8Array): boolean | null {
    const { compare, restoreList, isWrong } = this.#changeStatements();
    const row = compare.get(payload, rowid);
    if (!row) {
      this.#refuse(id, notJson);
      return null;
    }
    const columns = this.#collection.columns.filter(({ name }) => row[name] === 0);
    if (columns.length === 0) return hasOtherEntries(row);
    this.#listUpdate(columns).run(payload, rowid);
    const isRefused = isWrong?.get(rowid) !== undefined;
    if (isRefused) restoreList.run(rowid);
    if (!isRefused) return hasOtherEntries(row) || columns.some(({ searched }) => searched);
    this.#refuse(id, wrongColumn);
    return null;
  }

  #refuse(id: string, reason: string): void {
    this.counts.refused.push({ collection: this.#collection.name, id, reason });
  }

  /** Derives the list and full-text rows of the new records, one statement each, and saves the digest. */
  finish(): void {
    const { db } = this.#writer;
    const name = this.#collection.name;
    const list = listTable(name, this.#generation);
    if (this.#newFrom < Infinity) {
      const rows = prepared(db, `SELECT count(*) AS rows FROM ${recordsTable(name, this.#generation)} WHERE rowid >= ?`)
        .get(this.#newFrom)?.['rows'];
      const listed = prepared(db, `${listInsert(this.#collection, this.#generation)} AND rowid >= ?`).run(this.#newFrom).changes;
      if (listed !== rows) this.#removeNew(`NOT IN (SELECT rowid FROM ${list} WHERE rowid >= ?)`, notJson);
      const wrong = wrongKind(this.#collection);
      if (wrong !== null) this.#removeNew(`IN (SELECT rowid FROM ${list} WHERE rowid >= ? AND (${wrong}))`, wrongColumn);
      const words = this.#wordsSql('INSERT');
      if (words !== null) prepared(db, `${words} WHERE list.rowid BETWEEN ? AND ?`).run(this.#newFrom, this.#wordsTo);
    }
    saveDigest(this.#writer, this.#generation, name, this.#digest);
  }

  /** Refuses the new records whose rowids are, or are not, in a list that starts with the first of them. */
  #removeNew(condition: string, reason: string): void {
    const { db } = this.#writer;
    const records = recordsTable(this.#collection.name, this.#generation);
    const found = prepared(db, `SELECT rowid, id, crc FROM ${records} WHERE rowid >= ? AND rowid ${condition}`)
      .all(this.#newFrom, this.#newFrom);
    for (const row of found) {
      this.#changeStatements().remove.run(row['rowid'] ?? null);
      this.#changeStatements().removeFromList.run(row['rowid'] ?? null);
      this.#digest = subtractCrc(this.#digest, Number(row['crc']));
      this.counts.inserted -= 1;
      this.#refuse(String(row['id']), reason);
    }
  }

  #findExisting(id: string): ExistingRecord | null {
    const row = this.#find.get(id);
    return row
      ? { rowid: Number(row['rowid']), updatedAt: String(row['updated_at']), crc: Number(row['crc']) }
      : null;
  }

  /** Prepared lazily: a first sync needs none of them. */
  #changeStatements(): ChangeStatements {
    if (this.#statements) return this.#statements;
    const { db } = this.#writer;
    const name = this.#collection.name;
    const records = recordsTable(name, this.#generation);
    const list = listTable(name, this.#generation);
    const refreshWords = this.#wordsSql('INSERT OR REPLACE');
    const wrong = wrongKind(this.#collection);
    this.#statements = {
      update: prepared(db, `UPDATE ${records} SET updated_at = ?, crc = ?, payload = CAST(? AS TEXT) WHERE rowid = ?`),
      remove: prepared(db, `DELETE FROM ${records} WHERE rowid = ?`),
      compare: prepared(db, listComparison(this.#collection, this.#generation)),
      restoreList: prepared(db, `${listInsert(this.#collection, this.#generation)} AND rowid = ?`),
      isWrong: wrong === null ? null : prepared(db, `SELECT 1 FROM ${list} WHERE rowid = ? AND (${wrong})`),
      removeFromList: prepared(db, `DELETE FROM ${list} WHERE rowid = ?`),
      words: refreshWords === null ? null : {
        refresh: prepared(db, `${refreshWords} WHERE list.rowid = ?`),
        remove: prepared(db, `DELETE FROM ${wordsTable(name, this.#generation)} WHERE rowid = ?`),
      },
    };
    return this.#statements;
  }

  /** Updates these columns of a list's row, from a payload and a rowid. */
  #listUpdate(columns: readonly Column[]): StatementSync {
    const sql = listUpdate(this.#collection, this.#generation, columns);
    const statement = this.#listUpdates.get(sql) ?? this.#writer.db.prepare(sql);
    this.#listUpdates.set(sql, statement);
    return statement;
  }

  #wordsSql(verb: 'INSERT' | 'INSERT OR REPLACE'): string | null {
    if (this.#wordsTo === 0 || searchedColumns(this.#collection).length === 0) return null;
    return `${verb} INTO ${wordsTable(this.#collection.name, this.#generation)} (rowid, ${quoteAll(wordsColumns(this.#collection))}) `
      + wordsSelect(this.#collection, this.#generation);
  }
}

interface ChangeStatements {
  readonly update: StatementSync;
  readonly remove: StatementSync;
  /** Says of each column whether the list's row has what a new payload yields; from the payload and the rowid. */
  readonly compare: StatementSync;
  /** From the record as stored. */
  readonly restoreList: StatementSync;
  /** Finds a row of the list that is of the wrong kind; null if there can be none. */
  readonly isWrong: StatementSync | null;
  readonly removeFromList: StatementSync;
  /** Null without a full-text index. */
  readonly words: { readonly refresh: StatementSync; readonly remove: StatementSync } | null;
}

/** Whether an incoming instant precedes the existing one. Instants in the server's 27-character form compare as text. */
function isOlder(incoming: string, existing: string): boolean {
  if (incoming.length === 27 && existing.length === 27) return incoming < existing;
  const incomingAt = parseInstant(incoming);
  if (incomingAt === null) throw badResponse(`${incoming} is not an instant`);
  const existingAt = parseInstant(existing);
  return existingAt !== null && incomingAt < existingAt;
}
