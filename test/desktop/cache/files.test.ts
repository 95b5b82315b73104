// Removing the cache and moving a damaged one aside: all of its files or an error, and never another program's files.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';

import {
  cacheSizeBytes, closeCache, counts, finishRemoval, moveCacheAside, removeCacheFiles, removeSets,
} from '../../../desktop/cache/cache.ts';
import { failsWith, fill, invoice, temporaryCache, temporaryPath, upsert } from './fixtures.ts';

function names(path: string): string[] {
  return readdirSync(dirname(path)).sort();
}

function writeSet(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  for (const suffix of ['', '-wal', '-shm']) writeFileSync(path + suffix, text + suffix);
}

describe('removing the cache', () => {
  test('deletes the database and its logs, and nothing else', (t) => {
    const path = temporaryPath(t);
    const cache = temporaryCache(t, {}, path);
    fill(cache, [upsert('invoices', 1, invoice(1))]);
    closeCache(cache);
    writeSet(path, 'logs left by a crash');
    writeFileSync(join(dirname(path), 'settings.json'), '{}');
    removeCacheFiles(path);
    assert.deepEqual(names(path), ['settings.json']);
    assert.equal(cacheSizeBytes(path), 0);
    removeCacheFiles(path);
    assert.deepEqual(counts(temporaryCache(t, {}, path).reader), { company: 0, users: 0, plans: 0, customers: 0, invoices: 0 });
  });

  test('deletes sets moved aside earlier, but neither folders nor databases marked by another program', (t) => {
    const path = temporaryPath(t);
    const own = temporaryCache(t, {}, path);
    fill(own, [upsert('invoices', 1, invoice(1))]);
    closeCache(own);
    moveCacheAside(path, Date.UTC(2026, 0, 1), 'damaged');
    const other = new DatabaseSync(path);
    other.exec('PRAGMA application_id = 12345; CREATE TABLE notes (text TEXT)');
    other.close();
    const kept = moveCacheAside(path, Date.UTC(2026, 0, 2), 'damaged');
    mkdirSync(path);
    const folder = moveCacheAside(path, Date.UTC(2026, 0, 3), 'damaged');
    writeSet(path, 'in use');
    removeCacheFiles(path);
    assert.deepEqual(names(path), [kept, folder].map((name) => basename(name ?? '')));
  });

  test('is completed after an interruption', (t) => {
    const path = temporaryPath(t);
    mkdirSync(path, { recursive: true });
    failsWith('cache_unusable', () => removeCacheFiles(path));
    rmSync(path, { recursive: true });
    writeSet(path, 'of someone who has signed out');
    finishRemoval(path);
    assert.deepEqual(names(path), []);
    writeSet(path, 'of someone who is signed in');
    finishRemoval(path);
    assert.equal(names(path).length, 3);
  });

  test('names the file that it could not delete', (t) => {
    const path = temporaryPath(t);
    mkdirSync(path, { recursive: true });
    const { message } = failsWith('cache_unusable', () => removeCacheFiles(path));
    assert.ok(message.includes(path));
  });

  const onWindows = process.platform === 'win32';
  const isRoot = process.getuid?.() === 0;
  const cannotHold = isRoot && spawnSync('chattr', ['-V']).error !== undefined && 'no file can be held here';
  test('retries for a while if a file is held', { skip: cannotHold }, (t) => {
    const path = temporaryPath(t);
    writeSet(path, 'held');
    // Windows does not delete a file that a connection has open; elsewhere permissions or attributes simulate that.
    const holder = onWindows ? new DatabaseSync(path) : null;
    const hold = (isHeld: boolean): boolean => holder ? (isHeld || holder.close(), true) : isRoot
      ? spawnSync('chattr', [isHeld ? '+i' : '-i', path]).status === 0
      : (chmodSync(dirname(path), isHeld ? 0o500 : 0o700), true);
    if (!hold(true)) return t.skip('no file can be held here');
    try {
      failsWith('cache_busy', () => removeCacheFiles(path));
    } finally {
      hold(false);
    }
    assert.ok(existsSync(path));
    removeCacheFiles(path);
    assert.deepEqual(names(path), []);
  });
});

describe('moving the cache aside', () => {
  const at = (second: number): number => Date.UTC(2026, 0, 1, 12, 0, second);

  test('moves the three files together to a timestamped name', (t) => {
    const path = temporaryPath(t);
    writeSet(path, 'damaged');
    const target = moveCacheAside(path, at(5), 'damaged');
    assert.equal(target, `${path}.damaged-2026-01-01T12-00-05-000Z`);
    assert.deepEqual(names(path), ['', '-shm', '-wal'].map((suffix) => basename(`${target}${suffix}`)));
    assert.equal(readFileSync(`${target}-wal`, 'utf8'), 'damaged-wal');
    assert.deepEqual(counts(temporaryCache(t, {}, path).reader), { company: 0, users: 0, plans: 0, customers: 0, invoices: 0 });
  });

  test('keeps only the newest three sets', (t) => {
    const path = temporaryPath(t);
    for (const second of [1, 2, 3, 4, 5]) {
      writeSet(path, String(second));
      moveCacheAside(path, at(second), 'damaged');
    }
    const sets = names(path).filter((name) => name.endsWith('Z'));
    assert.deepEqual(sets.map((name) => readFileSync(join(dirname(path), name), 'utf8')), ['3', '4', '5']);
    assert.equal(names(path).length, 9);
  });

  test('keeps a former account\'s set until the user signs out, whatever is deleted to make room', (t) => {
    const path = temporaryPath(t);
    writeSet(path, 'former');
    const former = moveCacheAside(path, at(1), 'former');
    writeSet(path, 'damaged');
    moveCacheAside(path, at(2), 'damaged');
    assert.equal(removeSets(path, 'damaged'), true);
    assert.equal(removeSets(path, 'damaged'), false);
    assert.deepEqual(names(path), ['', '-shm', '-wal'].map((suffix) => basename(`${former}${suffix}`)));
    removeCacheFiles(path);
    assert.deepEqual(names(path), []);
  });

  test('moves a folder found at the path of the file', (t) => {
    const path = temporaryPath(t);
    mkdirSync(join(path, 'inner'), { recursive: true });
    moveCacheAside(path, at(1), 'damaged');
    assert.equal(existsSync(path), false);
    temporaryCache(t, {}, path);
  });

  test('moves a link to nothing found at the path of the file', (t) => {
    const path = temporaryPath(t);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(`${path}.elsewhere`, path);
    assert.equal(moveCacheAside(path, at(1), 'damaged'), `${path}.damaged-2026-01-01T12-00-01-000Z`);
    temporaryCache(t, {}, path);
    assert.equal(existsSync(`${path}.elsewhere`), false);
  });

  test('only deletes orphaned logs if there is no database', (t) => {
    const path = temporaryPath(t);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}-wal`, 'left over');
    assert.equal(moveCacheAside(path, at(1), 'damaged'), null);
    assert.deepEqual(names(path), []);
  });
});
