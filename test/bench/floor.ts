// What disk and SQLite allow without a network, a protocol or a second process: the baseline for all other figures.
//
// Floors use the cache's own pragmas (desktop/cache/sqlite.ts) and are durable, as the cache is.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { applyChanges, beginChanges, closeCache, commitChanges, openCache } from '../../desktop/cache/cache.ts';
import { openWriter, type WriteDb } from '../../desktop/cache/sqlite.ts';
import { EPOCH, parseInstant } from '../../shared/clock.ts';
import { pageFrame, readPage, writeChanges, type Change, type WireChange } from '../../shared/feed.ts';
import { median } from './figures.ts';

const PAGE = 1000;
const bareTable = 'CREATE TABLE record (rowid INTEGER PRIMARY KEY, id TEXT NOT NULL, updated_at TEXT NOT NULL, payload TEXT NOT NULL)';
const insertBytes = 'INSERT INTO record (id, updated_at, payload) VALUES (?, ?, CAST(? AS TEXT))';

export interface Floor {
  readonly perSecond: number;
  /** CPU time of one run. */
  readonly cpuMs: number;
}

/** Writes records to one plain table, 1,000 per transaction; the median of `runs`. */
export function measureBareTable(folder: string, changes: readonly WireChange[], runs: number): Floor {
  return middle(Array.from({ length: runs }, () => inFreshFile(folder, (file) => {
    const db = openBare(file);
    const statement = db.prepare(insertBytes);
    return finishing(db, () => measure(changes.length, () => inPages(changes, (page) => {
      db.exec('BEGIN IMMEDIATE');
      for (const { id, updatedAt, payload } of page) statement.run(id, updatedAt, payload);
      db.exec('COMMIT');
    })));
  })));
}

/** Writes records to the cache's own tables as a first sync does, but without a server. */
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

/**
 * Sends finished pages from one process to another, slices them and writes them to the plain table: the limit for pages if
 * the server looks nothing up and the desktop computes nothing. Resolves to the median of `runs`.
 */
export async function measurePages(folder: string, changes: readonly WireChange[], runs: number): Promise<Floor> {
  const pages = join(folder, 'pages');
  const count = writePages(pages, changes);
  const server = fork(join(import.meta.dirname, 'page-server.ts'), [pages]);
  try {
    const [url] = await once(server, 'message') as [string];
    const floors: Floor[] = [];
    for (let run = 0; run < runs; run += 1) {
      floors.push(await inFreshFile(folder, (file) => receivePages(file, url, count, changes.length)));
    }
    return middle(floors);
  } finally {
    server.disconnect();
    await once(server, 'exit');
    rmSync(pages, { recursive: true, force: true });
  }
}

/** Writes the pages that a server would send, one file each; returns how many. */
function writePages(folder: string, changes: readonly WireChange[]): number {
  mkdirSync(folder, { recursive: true });
  let count = 0;
  inPages(changes, (page) => {
    const frame = { serverTime: page.at(-1)?.updatedAt ?? '', nonce: null, hasMore: true, scope: 'floor', total: null, digest: null };
    const { head, tail } = pageFrame(frame, page.length);
    const pieces = [Buffer.from(head), writeChanges(page.map(toChange), true), Buffer.from(tail)];
    writeFileSync(join(folder, String(count)), Buffer.concat(pieces));
    count += 1;
  });
  return count;
}

function toChange({ collection, id, updatedAt, payload }: WireChange): Change {
  return { collection, id, at: parseInstant(updatedAt) ?? EPOCH, payload: payload && Buffer.from(payload) };
}

async function receivePages(file: string, url: string, count: number, records: number): Promise<Floor> {
  const db = openBare(file);
  const statement = db.prepare(insertBytes);
  const ask = async (page: number): Promise<Buffer> => Buffer.from(await (await fetch(`${url}/${page}`)).arrayBuffer());
  try {
    const done = startMeasure(records);
    let asked = ask(0);
    for (let page = 0; page < count; page += 1) {
      const bytes = await asked;
      if (page + 1 < count) asked = ask(page + 1);
      db.exec('BEGIN IMMEDIATE');
      for (const { id, updatedAt, payload } of readPage(bytes).changes) statement.run(id, updatedAt, payload);
      db.exec('COMMIT');
    }
    return done();
  } finally {
    db.close();
  }
}

/** Writes rows to the plain table, one transaction each: the limit for consecutive durable writes. */
export function measureSingleWrites(folder: string, changes: readonly WireChange[]): Floor {
  const some = changes.slice(0, 2000);
  return inFreshFile(folder, (file) => {
    const db = openBare(file);
    const statement = db.prepare(insertBytes);
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
  const done = startMeasure(count);
  run();
  return done();
}

function startMeasure(count: number): () => Floor {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { perSecond: count / (performance.now() - startedMs) * 1000, cpuMs: (user + system) / 1000 };
  };
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

/** Runs `run` on a file that does not exist yet. */
function inFreshFile<T>(folder: string, run: (file: string) => T): T {
  const file = join(folder, 'floor.sqlite');
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
  return run(file);
}
