// Inspects a cache's tables directly and asserts that everything derived matches the records.

import assert from 'node:assert/strict';

import { readDigest, type Cache } from '../../../desktop/cache/cache.ts';
import { readWordsTo } from '../../../desktop/cache/indexes.ts';
import {
  keyOf, listSelect, listTable, listValues, namedColumns, quoteAll, recordsTable, searchedColumns, wordsTable, type Generation,
} from '../../../desktop/cache/schema.ts';
import { addCrc, emptyDigest, recordCrc, type Digest } from '../../../shared/digest.ts';

export interface Row {
  readonly id: string;
  readonly updatedAt: string;
  readonly payload: string;
}

/** The records of a collection as stored, ordered by id. */
export function recordRows(cache: Cache, generation: Generation, name: string): Row[] {
  return cache.reader.db.prepare(`SELECT id, updated_at, payload FROM ${recordsTable(name, generation)} ORDER BY id`)
    .all().map((row) => ({ id: String(row['id']), updatedAt: String(row['updated_at']), payload: String(row['payload']) }));
}

/** Asserts that the digest, lists and full-text indexes of a generation match its records exactly. */
export function assertConsistent(cache: Cache, generation: Generation): void {
  const { db, layout } = cache.reader;
  const computed: Record<string, Digest[string]> = {};
  for (const collection of layout.collections.values()) {
    const { name } = collection;
    const rows = recordRows(cache, generation, name);
    if (rows.length > 0) {
      computed[name] = rows.reduce(
        (digest, row) => addCrc(digest, recordCrc(row.id, row.updatedAt, row.payload)), emptyDigest);
    }
    const list = listTable(name, generation);
    assert.deepEqual(
      db.prepare(`SELECT ${quoteAll(['rowid', ...listValues(collection).map((value) => value.name)])} FROM ${list} ORDER BY rowid`).all(),
      db.prepare(`${listSelect(collection, generation)} ORDER BY rowid`).all().map((row, index) => {
        const names = ['rowid', ...listValues(collection).map((value) => value.name)];
        assert.equal(names.length, Object.keys(row).length, `${name} row ${index}`);
        return Object.setPrototypeOf(Object.fromEntries(Object.values(row).map((value, at) => [names[at], value])), null) as unknown;
      }), `the list of ${name}`);
    for (const column of namedColumns(collection)) {
      const wrong = db.prepare(`SELECT "${column}" FROM ${list} WHERE "${keyOf(column)}" IS NOT sort_key("${column}")`).all();
      assert.deepEqual(wrong, [], `the keys of ${name}`);
    }
    if (!layout.hasFullText || searchedColumns(collection).length === 0) continue;
    const words = wordsTable(name, generation);
    const indexed = db.prepare(`SELECT id AS rowid FROM ${words.slice(0, -1)}_docsize" ORDER BY id`).all();
    const expected = db.prepare(`SELECT rowid FROM ${list} WHERE rowid <= ? ORDER BY rowid`)
      .all(readWordsTo(cache.reader, generation, collection));
    assert.deepEqual(indexed.map((row) => row['rowid']), expected.map((row) => row['rowid']), `the full-text index of ${name}`);
  }
  const stored = Object.fromEntries(Object.entries(readDigest(cache.reader, generation)).filter(([, { count }]) => count > 0));
  assert.deepEqual(stored, computed);
}
