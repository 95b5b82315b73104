// What the disk and SQLite allow without a network, a protocol or a second process: the measure for everything else.
//
// Floors use the cache's own pragmas (desktop/sqlite.ts) and are durable, as the cache is.

import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { applyChanges, beginChanges, closeCache, commitChanges, openCache } from '../../desktop/cache.ts';
import { openWriter, type WriteDb } from '../../desktop/sqlite.ts';
import type { WireChange } from '../../shared/feed.ts';
import { median } from './figures.ts';

const PAGE = 5000;
const bareTable = 'CREATE TABLE record (rowid INTEGER PRIMARY KEY, id TEXT NOT NULL, updated_at TEXT NOT NULL, payload TEXT NOT NULL)';
const insert = 'INSERT INTO record (id, updated_at, payload) VALUES (?, ?, ?)';

export interface Floor {
  readonly perSecond: number;
  /** Processor time of one run. */
  readonly cpuMs: number;
}

/** Records into one bare table, 5,000 in a transaction; the median of `runs`. */
export function measureBareTable(folder: string, changes: readonly WireChange[], runs: number): Floor {
  return middle(Array.from({ length: runs }, () => inFreshFile(folder, (file) => {
    const db = openBare(file);
    const statement = db.prepare(insert);
    return finishing(db, () => measure(changes.length, () => inPages(changes, (page) => {
      db.exec('BEGIN IMMEDIATE');
      for (const { id, updatedAt, payload } of page) statement.run(id, updatedAt, payload);
      db.exec('COMMIT');
    })));
  })));
}

/** Records into the cache's own tables, as a first sync writes them but without a server. */
export function measureCacheTables(folder: string, changes: readonly WireChange[], runs: number): Floor {
  return middle(Array.from({ length: runs }, () => inFreshFile(folder, (file) => {
    const cache = openCache(file);
    try {
      return measure(changes.length, () => inPages(changes, (page) => {
        beginChanges(cache.writer);
        applyChanges(cache.writer, 'a', page);
        commitChanges(cache.writer);
      }));
    } finally {
      closeCache(cache);
    }
  })));
}

/** Rows into the bare table where each is a transaction of its own: what one durable write after another can be. */
export function measureSingleWrites(folder: string, changes: readonly WireChange[]): Floor {
  const some = changes.slice(0, 2000);
  return inFreshFile(folder, (file) => {
    const db = openBare(file);
    const statement = db.prepare(insert);
    return finishing(db, () => measure(some.length, () => {
      for (const { id, updatedAt, payload } of some) statement.run(id, updatedAt, payload);
    }));
  });
}

function openBare(file: string): WriteDb {
  const db = openWriter(file, 2000, () => {});
  db.exec(bareTable);
  return db;
}

function inPages(changes: readonly WireChange[], write: (page: readonly WireChange[]) => void): void {
  for (let start = 0; start < changes.length; start += PAGE) write(changes.slice(start, start + PAGE));
}

function measure(count: number, run: () => void): Floor {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return { perSecond: count / (performance.now() - startedMs) * 1000, cpuMs: (user + system) / 1000 };
}

function middle(floors: readonly Floor[]): Floor {
  return { perSecond: median(floors.map((floor) => floor.perSecond)), cpuMs: median(floors.map((floor) => floor.cpuMs)) };
}

function finishing<T>(db: WriteDb, run: () => T): T {
  try {
    return run();
  } finally {
    db.close();
  }
}

function inFreshFile<T>(folder: string, run: (file: string) => T): T {
  const file = join(folder, 'floor.sqlite');
  const clear = (): void => ['', '-wal', '-shm'].forEach((end) => rmSync(file + end, { force: true }));
  clear();
  try {
    return run(file);
  } finally {
    clear();
  }
}
