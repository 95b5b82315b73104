// The schema of a cache, read from one that the desktop has filled: so the floor always has the same tables, indexes and
// full-text indexes as the cache, whatever these are.

import { DatabaseSync } from 'node:sqlite';

import { quoteAll, wordsSelect } from '../../desktop/cache/schema.ts';
import { defineTextFunctions } from '../../desktop/cache/text.ts';
import { collections } from '../../shared/collections.ts';

export interface CacheTable {
  readonly name: string;
  /** The table of records that it belongs to, or is. */
  readonly records: string;
  readonly columns: readonly string[];
}

/** A full-text index. */
interface WordsTable {
  readonly name: string;
  readonly columns: string;
  /** What the cache fills it from. */
  readonly select: string;
}

export interface CacheSchema {
  /** The statements that create the empty tables, without indexes. */
  readonly create: readonly string[];
  readonly tables: readonly CacheTable[];
  readonly words: readonly WordsTable[];
  /** The statements that build the indexes and fill the full-text indexes, from the file of `writeTexts`, attached as `texts`. */
  readonly finish: readonly string[];
}

export function readSchema(cacheFile: string): CacheSchema {
  const db = new DatabaseSync(cacheFile, { readOnly: true });
  try {
    const all = db.prepare('SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rootpage').all()
      .map(({ type, name, sql }) => ({ type: String(type), name: String(name), sql: String(sql) }));
    const ofRecords = all.filter(({ name }) => /^[a-zA-Z0-9]+_[ab](_list|_words|_by_\w+|_of_\w+)?$/.test(name));
    const columnsOf = (name: string): string[] =>
      db.prepare('SELECT name FROM pragma_table_info(?)').all(name).map((column) => String(column['name']));
    const isWords = ({ name }: { name: string }): boolean => name.endsWith('_words');
    const tables = ofRecords.filter((entry) => entry.type === 'table' && !isWords(entry)).map(({ name }) => {
      const columns = columnsOf(name);
      return { name, records: name.replace(/_list$/, ''), columns: columns.includes('rowid') ? columns : ['rowid', ...columns] };
    });
    const words = ofRecords.filter((entry) => entry.type === 'table' && isWords(entry)).map(({ name }): WordsTable => {
      const [, collectionName = '', generation] = /^(\w+)_([ab])_words$/.exec(name) ?? [];
      const collection = collections.find((declared) => declared.name === collectionName);
      if (!collection || (generation !== 'a' && generation !== 'b')) throw new Error(`${name} belongs to no collection`);
      return { name, columns: quoteAll(['rowid', ...columnsOf(name)]), select: wordsSelect(collection, generation) };
    });
    if (tables.length === 0) throw new Error(`${cacheFile} has no tables of records`);
    return {
      create: ofRecords.filter(({ type }) => type === 'table').map(({ sql }) => sql),
      tables: tables.toSorted((a, b) => a.records.localeCompare(b.records) || a.name.length - b.name.length),
      words,
      finish: [
        ...ofRecords.filter(({ type }) => type === 'index').map(({ sql }) => sql),
        ...words.map(({ name, columns }) => `INSERT INTO main."${name}" (${columns}) SELECT ${columns} FROM texts."${name}"`),
      ],
    };
  } finally {
    db.close();
  }
}

/** Writes the texts that the full-text indexes of a cache contain, ends of numbers included, into a new database. */
export function writeTexts(cacheFile: string, { words }: CacheSchema, file: string): void {
  const db = new DatabaseSync(file);
  try {
    defineTextFunctions(db);
    db.prepare('ATTACH ? AS cache').run(cacheFile);
    for (const { name, columns, select } of words) {
      db.exec(`CREATE TABLE main."${name}" (${columns.replace('"rowid"', '"rowid" INTEGER PRIMARY KEY')})`);
      db.exec(`INSERT INTO main."${name}" (${columns}) ${select}`);
    }
  } finally {
    db.close();
  }
}
