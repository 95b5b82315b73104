// Transactions, and the mapping of SQLite errors.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { test, type TestContext } from 'node:test';

import {
  damageOf, inReadTransaction, inTransaction, openReader, openWriter, sqliteError, type WriteDb,
} from '../../../desktop/cache/sqlite.ts';
import { AppError, errorCode } from '../../../shared/errors.ts';
import { cleanUp, failsWith, temporaryPath } from './fixtures.ts';

function open(t: TestContext): { db: WriteDb; path: string } {
  const path = temporaryPath(t);
  mkdirSync(dirname(path), { recursive: true });
  const db = openWriter(path, 50, () => undefined);
  cleanUp(t, () => db.close());
  db.exec('CREATE TABLE numbers (number INTEGER PRIMARY KEY)');
  return { db, path };
}

const add = (db: WriteDb, number: number): unknown => db.prepare('INSERT INTO numbers VALUES (?)').run(number);
const all = (db: WriteDb): unknown[] => db.prepare('SELECT number FROM numbers').all().map(({ number }) => number);

test('a transaction is atomic, and a nested one rolls back on its own', (t) => {
  const { db } = open(t);
  assert.equal(inTransaction(db, 'testing', () => (add(db, 1), 'result')), 'result');
  assert.throws(() => inTransaction(db, 'testing', () => {
    add(db, 2);
    throw new RangeError('own');
  }), RangeError);
  inTransaction(db, 'testing', () => {
    add(db, 3);
    assert.throws(() => inTransaction(db, 'testing', () => {
      add(db, 4);
      inTransaction(db, 'testing', () => add(db, 5));
      throw new RangeError('own');
    }), RangeError);
    inTransaction(db, 'testing', () => add(db, 6));
  });
  assert.deepEqual(all(db), [1, 3, 6]);
  assert.equal(db.isTransaction, false);
});

test('a transaction rejects a promise and rolls back', (t) => {
  const { db, path } = open(t);
  assert.throws(() => inTransaction(db, 'testing', () => {
    add(db, 1);
    return Promise.resolve();
  }), TypeError);
  const reader = openReader(path, 50);
  cleanUp(t, () => reader.close());
  assert.throws(() => inReadTransaction(reader, 'testing', async () => undefined), TypeError);
  assert.deepEqual([all(db), db.isTransaction, reader.isTransaction], [[], false, false]);
});

test('a transaction that fails to begin leaves none open', (t) => {
  const { db, path } = open(t);
  const other = openWriter(path, 50, () => undefined);
  cleanUp(t, () => other.close());
  db.exec('BEGIN IMMEDIATE');
  failsWith('cache_busy', () => inTransaction(other, 'testing', () => undefined));
  assert.equal(other.isTransaction, false);
  db.exec('ROLLBACK');
  inTransaction(other, 'testing', () => undefined);
});

test('SQLite errors map to AppErrors by result code, never by text, and only some prove damage', () => {
  const sqliteFailure = (errcode: number): Error =>
    Object.assign(new Error('text that must not matter: disk is full, malformed'), { errcode });
  const codes: readonly (readonly [number, string, damage?: string])[] = [
    [13, 'disk_full'], [4874, 'disk_full'], [5, 'cache_busy'], [6, 'cache_busy'], [261, 'cache_busy'], [517, 'cache_busy'],
    [15, 'cache_busy'],
    [11, 'cache_unusable', 'file'], [267, 'cache_unusable', 'file'], [24, 'cache_unusable', 'file'], [26, 'cache_unusable', 'file'],
    [14, 'cache_unusable'], [10, 'cache_unusable'], [266, 'cache_unusable'], [3082, 'cache_unusable'], [7, 'cache_unusable'],
    [8, 'cache_unusable'], [776, 'cache_unusable'], [3, 'cache_unusable'],
    [1, 'internal', 'contents'], [19, 'internal', 'contents'], [21, 'internal'],
  ];
  for (const [errcode, code, damage] of codes) {
    const error = sqliteError(sqliteFailure(errcode), 'testing');
    assert.deepEqual([errorCode(error), damageOf(error)], [code, damage ?? null], String(errcode));
    assert.ok(error instanceof AppError && !error.message.includes('malformed') && error.cause instanceof Error);
  }
  assert.equal(errorCode(sqliteError(Object.assign(new Error(), { code: 'ENOSPC' }), 'testing')), 'disk_full');
  const denied = sqliteError(Object.assign(new Error(), { code: 'EACCES', syscall: 'stat' }), 'testing');
  assert.deepEqual([errorCode(denied), damageOf(denied)], ['cache_unusable', null]);
  const own = new AppError('cancelled', 'Stopped.');
  assert.equal(sqliteError(own, 'testing'), own);
  const other = new RangeError('other');
  assert.equal(sqliteError(other, 'testing'), other);
});
