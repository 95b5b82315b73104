// The schema of a cache, read from one that the desktop has filled: so the floor always has the same tables, indexes and
// full-text indexes as the cache, whatever these are.

import { DatabaseSync } from 'node:sqlite';

export interface CacheTable {
  readonly name: string;
  /** The table of records that it belongs to, or is. */
  readonly records: string;
  readonly columns: readonly string[];
}

export interface CacheSchema {
  /** The statements that create the empty tables, without indexes. */
  readonly create: readonly string[];
  readonly tables: readonly CacheTable[];
  /** The statements that build the indexes and fill the full-text indexes. */
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
    const words = ofRecords.filter((entry) => entry.type === 'table' && isWords(entry)).map(({ name }) => {
      const columns = ['rowid', ...columnsOf(name).map((column) => `"${column}"`)];
      // The one column that is not in the list has the texts of an invoice's lines.
      const values = columns.map((column) => column !== '"_entries"' ? column
        : `(SELECT group_concat(value ->> '$.description', ' ') FROM json_each(payload, '$.lines'))`);
      const list = name.replace(/_words$/, '_list');
      const from = columns.includes('"_entries"') ? `"${list}" JOIN "${name.replace(/_words$/, '')}" USING (rowid)` : `"${list}"`;
      return `INSERT INTO "${name}" (${columns.join(', ')}) SELECT ${values.join(', ')} FROM ${from}`;
    });
    if (tables.length === 0) throw new Error(`${cacheFile} has no tables of records`);
    return {
      create: ofRecords.filter(({ type }) => type === 'table').map(({ sql }) => sql),
      tables: tables.toSorted((a, b) => a.records.localeCompare(b.records) || a.name.length - b.name.length),
      finish: [...ofRecords.filter(({ type }) => type === 'index').map(({ sql }) => sql), ...words],
    };
  } finally {
    db.close();
  }
}
