// Records as the server acknowledged them, until a pull has brought them into the cache: people read what they have saved,
// however long the pull takes.
//
// Invariants: nothing here is stored or outlives the session. A record is read from here only while the cache's cursor is
// before its version, and from the cache from then on. Lists keep the cache's selection and order: the row of a changed
// record shows its new columns in its old place, that of a deleted one is left out, and a new one appears with the pull. Totals and
// balances are those of the cache, too.

import { parseInstant, type Instant } from '../../shared/clock.ts';
import type { WireRecord } from '../../shared/protocol.ts';
import type { ListPage, ListQuery, RecordView } from '../../shared/window/views.ts';
import { getRecord, listedColumns, listPage } from './queries.ts';
import type { CacheReader } from './schema.ts';
import { readState } from './state.ts';
import { inReadTransaction } from './sqlite.ts';

interface Acknowledged {
  readonly collection: string;
  /** Without a payload if it was deleted. */
  readonly record: WireRecord;
  readonly at: Instant;
}

export class AcknowledgedRecords {
  readonly #records = new Map<string, Acknowledged>();

  /** Adds a record as the server wrote it. Answers may arrive in any order, so an older version of it is ignored. */
  add(collection: string, record: WireRecord): void {
    const at = parseInstant(record.updatedAt);
    if (at === null) throw new TypeError(`${record.updatedAt} is not an instant`);
    const key = keyOf(collection, record.id);
    if ((this.#records.get(key)?.at ?? -Infinity) < at) this.#records.set(key, { collection, record, at });
  }

  /** Forgets all records, because the session has ended or the cache is removed. */
  clear(): void {
    this.#records.clear();
  }

  /** Like the cache's `getRecord`; null also for a record that has been deleted. */
  getRecord(reader: CacheReader, collection: string, id: string): RecordView | null {
    return this.#read(reader, () => {
      const { record } = this.#records.get(keyOf(collection, id)) ?? {};
      if (!record) return getRecord(reader, collection, id);
      return record.payload ? { id, updatedAt: record.updatedAt, payload: record.payload } : null;
    });
  }

  /** Like the cache's `listPage`. */
  listPage(reader: CacheReader, query: ListQuery): ListPage {
    return this.#read(reader, () => {
      const records = [...this.#records.values()].flatMap(({ collection, record }) => (collection === query.collection ? [record] : []));
      const deleted = records.filter(({ payload }) => !payload).map(({ id }) => id);
      const { rows, total } = listPage(reader, query, deleted);
      return {
        total,
        rows: rows.map((row) => {
          const written = records.find(({ id }) => id === row.id);
          if (!written?.payload) return row;
          // Balances stay as they are.
          const columns = { ...row.columns, ...listedColumns(reader, query.collection, written.payload) };
          return { id: row.id, updatedAt: written.updatedAt, columns };
        }),
      };
    });
  }

  /** Runs reads on one snapshot, after dropping the records that it contains. */
  #read<T>(reader: CacheReader, read: () => T): T {
    if (this.#records.size === 0) return read();
    return inReadTransaction(reader.db, 'reading records', () => {
      const cursor = parseInstant(readState(reader).cursor ?? '') ?? -Infinity;
      for (const [key, { at }] of this.#records) {
        if (at <= cursor) this.#records.delete(key);
      }
      return read();
    });
  }
}

function keyOf(collection: string, id: string): string {
  return `${collection} ${id}`;
}
