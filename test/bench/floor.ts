// The floor of a sync: what remains if the server looks nothing up and the desktop computes nothing. One process sends rows
// that are ready (feeder.ts), from memory or while it reads the same records with MongoDB's raw cursors; this one inserts
// them into the cache's own schema, and then builds the same indexes, and full-text indexes of the same texts, which are ready.
//
// Floors use the cache's own pragmas (desktop/cache/sqlite.ts) and are durable, as the cache is.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { join } from 'node:path';

import { openWriter, type WriteDb } from '../../desktop/cache/sqlite.ts';
import { readSchema, writeTexts, type CacheSchema } from './cache-schema.ts';
import { processorTimeMs } from './figures.ts';
import { blockEnd, blockRecords, readRows, writeFrames, type Frames } from './frames.ts';

export interface Floor {
  readonly records: number;
  /** Until the last row is committed. */
  readonly rowsMs: number;
  /** Until the indexes are built, too. */
  readonly finishedMs: number;
  /** CPU time of the receiving process, in all. */
  readonly cpuMs: number;
  /** CPU time of the sending process; 0 where it cannot be measured. */
  readonly feederCpuMs: number;
  /** The same for one record in a hundred, which are there already: rows received, updated and committed. */
  readonly changedMs: number;
}

export interface MongoSource {
  readonly url: string;
  readonly database: string;
  readonly accountId: string;
}

/** Rows per transaction. */
const BATCH_RECORDS = 5000;

export interface FloorSource {
  measure(): Promise<Floor>;
  close(): Promise<void>;
}

/** Makes ready what the floor sends: the records of a filled cache. Measures it as often as asked. */
export async function openFloor(folder: string, cacheFile: string, mongo: MongoSource | null): Promise<FloorSource> {
  const schema = readSchema(cacheFile);
  const [all, some, texts] = [join(folder, 'all.frames'), join(folder, 'some.frames'), join(folder, 'texts.sqlite')];
  const frames = writeFrames(cacheFile, schema, all);
  writeFrames(cacheFile, schema, some, 100);
  writeTexts(cacheFile, schema, texts);
  const source = mongo ? [mongo.url, mongo.database, mongo.accountId] : [];
  const feeders = [startFeeder([all, ...source]), startFeeder([some, ...source])] as const;
  const ports = await Promise.all(feeders.map(async (feeder) => Number((await once(feeder, 'message'))[0])));
  return {
    async measure() {
      const senderMs = (): number => processorTimeMs(feeders[0].pid ?? 0) ?? 0;
      const beforeMs = senderMs();
      const floor = await fillOnce(join(folder, 'floor.sqlite'), schema, frames, texts, ports);
      return { ...floor, feederCpuMs: senderMs() - beforeMs };
    },
    async close() {
      await Promise.all(feeders.map(async (feeder) => {
        feeder.disconnect();
        await once(feeder, 'exit');
      }));
      for (const file of [all, some, texts]) rmSync(file, { force: true });
    },
  };
}

function startFeeder(parameters: readonly string[]): ChildProcess {
  return fork(join(import.meta.dirname, 'feeder.ts'), parameters);
}

async function fillOnce(
  file: string, schema: CacheSchema, { records }: Frames, texts: string, [all = 0, some = 0]: readonly number[],
): Promise<Omit<Floor, 'feederCpuMs'>> {
  const db = openFresh(file);
  try {
    for (const sql of schema.create) db.exec(sql);
    db.prepare('ATTACH ? AS texts').run(texts);
    const inserts = schema.tables.map(({ name, columns }) => db.prepare(
      `INSERT INTO "${name}" (${columns.map((column) => `"${column}"`).join(', ')}) VALUES (${columns.map(placeholder).join(', ')})`));
    const startedMs = performance.now();
    const before = process.cpuUsage();
    const received = await receive(db, all, (table, values) => inserts[table]?.run(...values));
    const rowsMs = performance.now() - startedMs;
    for (const sql of schema.finish) db.exec(sql);
    const finishedMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(before);
    if (received !== records) throw new Error(`the floor received ${received} records instead of ${records}`);
    return { records, rowsMs, finishedMs, cpuMs: (user + system) / 1000, changedMs: await changeSome(db, schema, some) };
  } finally {
    db.close();
  }
}

/** Writes the records that are sent over those that are there, but none of what is derived from them. */
async function changeSome(db: WriteDb, { tables }: CacheSchema, port: number): Promise<number> {
  const updates = tables.map(({ name, records, columns }): StatementSync | null => {
    const set = columns.map((column, index) => `"${column}" = ${placeholder(column, index)}`).slice(1).join(', ');
    return name === records ? db.prepare(`UPDATE "${name}" SET ${set} WHERE rowid = ?1`) : null;
  });
  const startedMs = performance.now();
  await receive(db, port, (table, values) => updates[table]?.run(...values));
  return performance.now() - startedMs;
}

function placeholder(column: string, index: number): string {
  return column === 'payload' ? `CAST(?${index + 1} AS TEXT)` : `?${index + 1}`;
}

/** Receives all rows of a feeder in transactions; resolves to the number of records, once they are durable. */
async function receive(db: WriteDb, port: number, write: (table: number, values: SQLInputValue[]) => void): Promise<number> {
  const socket = connect({ host: '127.0.0.1', port });
  let rest: Buffer = Buffer.alloc(0);
  let [received, inBatch] = [0, 0];
  db.exec('BEGIN IMMEDIATE');
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = blockEnd(bytes, start); end !== null; end = blockEnd(bytes, start)) {
      readRows(bytes, start, end, write);
      inBatch += blockRecords(bytes, start);
      start = end;
    }
    rest = bytes.subarray(start);
    if (inBatch < BATCH_RECORDS) continue;
    db.exec('COMMIT; BEGIN IMMEDIATE');
    received += inBatch;
    inBatch = 0;
  }
  db.exec('COMMIT');
  return received + inBatch;
}

/** Durable writes of one small row each, one transaction after the other, per second. */
export function measureSingleWrites(folder: string, count = 2000): number {
  const db = openFresh(join(folder, 'floor.sqlite'));
  try {
    db.exec('CREATE TABLE record (rowid INTEGER PRIMARY KEY, id TEXT NOT NULL, payload TEXT NOT NULL)');
    const insert = db.prepare('INSERT INTO record (id, payload) VALUES (?, ?)');
    const payload = 'x'.repeat(900);
    const startedMs = performance.now();
    for (let index = 0; index < count; index += 1) insert.run(String(index), payload);
    return count / (performance.now() - startedMs) * 1000;
  } finally {
    db.close();
  }
}

function openFresh(file: string): WriteDb {
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
  return openWriter(file, 2000, () => {});
}
