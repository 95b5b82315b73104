// The bytes of the floor: the rows of a filled cache with their columns already split, in blocks. Nothing on the way has to
// parse JSON, look anything up or convert more than a column's bytes to a value.
//
//   block:  u32 size of what follows, u32 number of records, rows
//   row:    u8 table, u8 number of values, values
//   value:  u8 kind (0 null, 1 integer as f64, 2 text, 3 bytes), text and bytes: u32 size, UTF-8 or bytes

import { closeSync, openSync, writeSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';

import type { CacheSchema } from './cache-schema.ts';

export interface Rows {
  readonly table: number;
  readonly values: readonly SQLInputValue[];
}

const BLOCK_RECORDS = 40;
const HEADER_BYTES = 8;

export interface Frames {
  readonly records: number;
  readonly sizeBytes: number;
}

/** Writes the rows of a cache to a file: every `step`-th record, the rows of one block after those of the block before. */
export function writeFrames(cacheFile: string, { tables }: CacheSchema, file: string, step = 1): Frames {
  const db = new DatabaseSync(cacheFile, { readOnly: true });
  const output = openSync(file, 'w', 0o600);
  let [records, sizeBytes] = [0, 0];
  try {
    for (const group of Map.groupBy(tables.entries(), ([, { records: name }]) => name).values()) {
      const statements = group.map(([table, { name, columns }]) => {
        const statement = db.prepare(`SELECT ${columns.map((column) => `"${column}"`).join(', ')} FROM "${name}" `
          + `WHERE rowid > ? AND rowid <= ? AND rowid % ${step} = 0 ORDER BY rowid`);
        statement.setReturnArrays(true);
        return { table, statement };
      });
      const last = Number(db.prepare(`SELECT max(rowid) AS last FROM "${group[0]?.[1].name}"`).get()?.['last'] ?? 0);
      for (let from = 0; from < last; from += BLOCK_RECORDS * step) {
        const rows = statements.map(({ table, statement }) =>
          (statement.all(from, from + BLOCK_RECORDS * step) as unknown as SQLInputValue[][]).map((values) => encodeRow(table, values)));
        const count = rows[0]?.length ?? 0;
        if (count === 0) continue;
        const body = Buffer.concat(rows.flat());
        const header = Buffer.alloc(HEADER_BYTES);
        header.writeUInt32LE(body.length);
        header.writeUInt32LE(count, 4);
        writeSync(output, Buffer.concat([header, body]));
        records += count;
        sizeBytes += HEADER_BYTES + body.length;
      }
    }
    return { records, sizeBytes };
  } finally {
    closeSync(output);
    db.close();
  }
}

function encodeRow(table: number, values: readonly SQLInputValue[]): Buffer {
  return Buffer.concat([Buffer.from([table, values.length]), ...values.map(encodeValue)]);
}

function encodeValue(value: SQLInputValue): Buffer {
  if (value === null) return Buffer.from([0]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9, 1);
    bytes.writeDoubleLE(value, 1);
    return bytes;
  }
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw new TypeError(`a cache has no ${typeof value}`);
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(5, typeof value === 'string' ? 2 : 3);
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** The end of the block at `start`, or null if not all of it is there. */
export function blockEnd(bytes: Buffer, start: number): number | null {
  if (start + HEADER_BYTES > bytes.length) return null;
  const end = start + HEADER_BYTES + bytes.readUInt32LE(start);
  return end > bytes.length ? null : end;
}

/** The number of records of the block at `start`. */
export function blockRecords(bytes: Buffer, start: number): number {
  return bytes.readUInt32LE(start + 4);
}

/** A text this long is passed on as bytes; decoding it would cost more than the statement's CAST. */
const LONG_TEXT_BYTES = 128;

/** Calls back with each row of the block from `start` to `end`. Bytes and long texts are views into the bytes. */
export function readRows(bytes: Buffer, start: number, end: number, onRow: (table: number, values: SQLInputValue[]) => void): void {
  for (let at = start + HEADER_BYTES; at < end;) {
    const table = bytes[at] ?? 0;
    const values: SQLInputValue[] = new Array<SQLInputValue>(bytes[at + 1] ?? 0);
    at += 2;
    for (let index = 0; index < values.length; index += 1) {
      const kind = bytes[at];
      at += 1;
      if (kind === 0) {
        values[index] = null;
      } else if (kind === 1) {
        values[index] = bytes.readDoubleLE(at);
        at += 8;
      } else {
        const size = bytes.readUInt32LE(at);
        at += 4;
        values[index] = kind === 3 || size > LONG_TEXT_BYTES ? bytes.subarray(at, at + size) : bytes.toString('utf8', at, at + size);
        at += size;
      }
    }
    onRow(table, values);
  }
}
