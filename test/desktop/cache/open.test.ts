// Opening and closing the cache: how a new file is set up, and every kind of unusable file. A rejected file is left
// unchanged.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test, type TestContext } from 'node:test';

import {
  applyChanges, cacheSizeBytes, closeCache, getRecord, moveCacheAside, openCache, readState, removeCacheFiles, saveState,
} from '../../../desktop/cache/cache.ts';
import { migrations } from '../../../desktop/cache/migrations.ts';
import { failsWith, fill, invoice, recordId, temporaryCache, temporaryPath, upsert } from './fixtures.ts';

describe('a new cache', () => {
  test('has the pragmas that its durability depends on', (t) => {
    const { writer } = temporaryCache(t);
    const pragma = (name: string): unknown => Object.values(writer.db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    assert.equal(pragma('page_size'), 4096);
    assert.equal(pragma('journal_mode'), 'wal');
    assert.equal(pragma('synchronous'), 2);
    assert.equal(pragma('application_id'), 0x496e766f);
    assert.equal(pragma('user_version'), migrations.length);
  });

  test('is empty and belongs to nobody', (t) => {
    const state = readState(temporaryCache(t).reader);
    assert.deepEqual(state, {
      serverOrigin: null, accountId: null, userId: null, user: null, scope: null, cursor: null, generation: 'a',
      isInitialComplete: false, lastSyncMs: null, lastVerifiedMs: null, rebuild: null, downloadTotal: null, mismatch: null,
    });
  });

  test('cannot be written through the query connection', (t) => {
    const { reader } = temporaryCache(t);
    assert.throws(() => reader.db.exec('DELETE FROM state'), { errcode: 8 });
  });

  test('replaces a file left by a crash before the first commit', (t) => {
    const path = temporaryPath(t);
    mkdirSync(dirname(path), { recursive: true });
    const stub = new DatabaseSync(path);
    stub.exec('PRAGMA page_size = 8192; PRAGMA journal_mode = WAL');
    stub.close();
    assert.equal(readState(temporaryCache(t, {}, path).reader).cursor, null);
  });

  test('ignores logs left over from a deleted database', (t) => {
    const path = temporaryPath(t);
    const first = temporaryCache(t, {}, path);
    fill(first, [upsert('invoices', 1, invoice(1))]);
    const log = readFileSync(`${path}-wal`);
    closeCache(first);
    const second = temporaryPath(t);
    mkdirSync(dirname(second), { recursive: true });
    writeFileSync(`${second}-wal`, log);
    writeFileSync(`${second}-shm`, 'left over');
    const cache = temporaryCache(t, {}, second);
    assert.equal(getRecord(cache.reader, 'invoices', recordId(1)), null);
  });
});

describe('a reopened cache', () => {
  test('contains everything that was committed', (t) => {
    const path = temporaryPath(t);
    const first = temporaryCache(t, {}, path);
    fill(first, [upsert('invoices', 1, invoice(1))]);
    const user = { id: recordId(1), email: 'a@b.test', name: 'A', role: 'owner', accountId: recordId(2) } as const;
    saveState(first.writer, { cursor: 'c', scope: 's', user, userId: user.id, lastSyncMs: 5, isInitialComplete: true });
    closeCache(first);
    assert.equal(existsSync(`${path}-wal`), false, 'the last connection checkpoints and deletes the log');
    const { reader } = temporaryCache(t, {}, path);
    assert.deepEqual(getRecord(reader, 'invoices', recordId(1))?.payload, invoice(1));
    const { cursor, scope, lastSyncMs, isInitialComplete, ...state } = readState(reader);
    assert.deepEqual([cursor, scope, lastSyncMs, isInitialComplete], ['c', 's', 5, true]);
    assert.deepEqual(state.user, user);
  });

  test('has rolled back a transaction that was open on close, and can be closed twice', (t) => {
    const path = temporaryPath(t);
    const first = temporaryCache(t, {}, path);
    first.writer.db.exec('BEGIN IMMEDIATE');
    applyChanges(first.writer, 'a', [upsert('invoices', 1, invoice(1))]);
    closeCache(first);
    closeCache(first);
    assert.equal(getRecord(temporaryCache(t, {}, path).reader, 'invoices', recordId(1)), null);
  });

  test('reports its size on disk', (t) => {
    const path = temporaryPath(t);
    assert.equal(cacheSizeBytes(path), 0);
    const cache = temporaryCache(t, {}, path);
    assert.ok(cacheSizeBytes(path) > 0);
    const before = cacheSizeBytes(path);
    fill(cache, Array.from({ length: 200 }, (_, index) => upsert('invoices', index, invoice(index))));
    assert.ok(cacheSizeBytes(path) > before);
  });
});

describe('an unusable file is rejected and left unchanged:', () => {
  const unusable: readonly (readonly [title: string, make: (path: string) => void])[] = [
    ['garbage', (path) => writeFileSync(path, 'This is a text of some length.\n'.repeat(1000))],
    ['a few bytes of garbage', (path) => writeFileSync(path, 'no')],
    ['a database of another program', (path) => {
      const db = new DatabaseSync(path);
      db.exec('CREATE TABLE notes (text)');
      db.close();
    }],
    ['a database marked by another program', (path) => {
      const db = new DatabaseSync(path);
      db.exec('PRAGMA application_id = 7; CREATE TABLE notes (text)');
      db.close();
    }],
    ['a cache of a newer version', (path) => {
      closeCache(openCache(path));
      const db = new DatabaseSync(path);
      db.exec('PRAGMA user_version = 999');
      db.close();
    }],
    ['a cache truncated in the middle', (path) => {
      const cache = openCache(path);
      fill(cache, Array.from({ length: 300 }, (_, index) => upsert('invoices', index, invoice(index))));
      closeCache(cache);
      truncateSync(path, Math.floor(readFileSync(path).length / 2));
    }],
    ['a cache truncated to its header', (path) => {
      closeCache(openCache(path));
      truncateSync(path, 100);
    }],
    ['a cache whose first page is overwritten', (path) => {
      closeCache(openCache(path));
      const bytes = readFileSync(path);
      bytes.fill(0x5a, 100, 8192);
      writeFileSync(path, bytes);
    }],
  ];
  for (const [title, make] of unusable) {
    test(title, (t) => {
      const path = temporaryPath(t);
      mkdirSync(dirname(path), { recursive: true });
      make(path);
      const before = readFileSync(path);
      const { details } = failsWith('cache_unusable', () => openCache(path, { busyTimeoutMs: 50 }));
      assert.equal(details.damage, title.includes('newer version') ? undefined : 'file');
      assert.ok(before.equals(readFileSync(path)), 'the file is unchanged');
    });
  }

  test('a folder, or a link to nothing', (t) => {
    const path = temporaryPath(t);
    mkdirSync(path, { recursive: true });
    assert.equal(failsWith('cache_unusable', () => openCache(path)).details.damage, 'file');
    rmdirSync(path);
    symlinkSync(`${path}.elsewhere`, path);
    assert.equal(failsWith('cache_unusable', () => openCache(path)).details.damage, 'file');
    assert.equal(existsSync(`${path}.elsewhere`), false);
  });

  test('a path whose parent is a file', (t) => {
    const path = temporaryPath(t);
    mkdirSync(dirname(dirname(path)), { recursive: true });
    writeFileSync(dirname(path), 'a file');
    failsWith('cache_unusable', () => openCache(path));
  });

  test('any file, if SQLite is too old for a WAL database', (t) => {
    const path = temporaryPath(t);
    for (const sqliteVersion of ['3.51.2', '3.50.9', '2.99.99', '0']) {
      failsWith('cache_unusable', () => openCache(path, { sqliteVersion }));
    }
    assert.equal(existsSync(path), false);
    for (const sqliteVersion of ['3.51.3', '3.52.0', '4.0.0']) closeCache(openCache(path, { sqliteVersion }));
  });
});

test('a cache that another process is writing opens without waiting for it', (t) => {
  const path = temporaryPath(t);
  closeCache(openCache(path));
  const holder = new DatabaseSync(path);
  holder.exec('BEGIN IMMEDIATE; UPDATE state SET cursor = 1');
  const cache = temporaryCache(t, { busyTimeoutMs: 0 }, path);
  assert.equal(readState(cache.reader).cursor, null);
  holder.exec('COMMIT');
  holder.close();
  assert.equal(readState(cache.reader).cursor, '1');
});

test('a cache locked by another process is busy, and opens once that process has exited', async (t) => {
  const path = temporaryPath(t);
  closeCache(openCache(path));
  const holder = spawn(process.execPath, ['-e', `
    const db = new (require('node:sqlite').DatabaseSync)(${JSON.stringify(path)});
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; UPDATE state SET cursor = 1; COMMIT');
    console.log('locked');
    process.stdin.resume();
  `], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  failsWith('cache_busy', () => openCache(path, { busyTimeoutMs: 50 }));
  const exited = once(holder, 'exit');
  holder.kill('SIGKILL');
  await exited;
  assert.equal(readState(temporaryCache(t, {}, path).reader).cursor, '1');
});

test('of two processes one writes the cache; the other reads what it commits, and can write once the first has closed it', async (t) => {
  const path = temporaryPath(t);
  const cache = temporaryCache(t, {}, path);
  const other = startOther(t, path);
  saveState(cache.writer, { cursor: 'one' });
  assert.equal(await other.ask('open'), 'cache_busy');
  assert.equal(await other.ask('read'), 'one');
  cache.writer.db.exec('BEGIN IMMEDIATE');
  saveState(cache.writer, { cursor: 'two' });
  assert.equal(await other.ask('read'), 'one', 'uncommitted changes are invisible');
  cache.writer.db.exec('COMMIT');
  assert.equal(await other.ask('read'), 'two');
  closeCache(cache);
  assert.equal(await other.ask('open'), 'opened');
  failsWith('cache_busy', () => openCache(path));
  failsWith('cache_busy', () => moveCacheAside(path, 0, 'damaged'));
  failsWith('cache_busy', () => removeCacheFiles(path));
  await other.kill();
  assert.equal(readState(temporaryCache(t, {}, path).reader).cursor, 'two', 'a process that was killed has nothing locked');
});

test('processes that create a cache at the same time have it or are told that it is busy', async (t) => {
  const path = temporaryPath(t);
  const others = [1, 2, 3].map(() => startOther(t, path));
  await Promise.all(others.map((other) => other.ask('read')));
  for (let round = 0; round < 10; round += 1) {
    const answers = await Promise.all(others.map((other) => other.ask('open')));
    assert.deepEqual(answers.sort(), ['cache_busy', 'cache_busy', 'opened']);
    await Promise.all(others.map((other) => other.ask('close')));
    removeCacheFiles(path);
  }
});

interface OtherProcess {
  ask(command: 'open' | 'read' | 'close'): Promise<string>;
  kill(): Promise<void>;
}

/** Another process on the cache at `path`; an error is answered with its code. */
function startOther(t: TestContext, path: string): OtherProcess {
  const module = import.meta.resolve('../../../desktop/cache/cache.ts');
  const child = spawn(process.execPath, ['--input-type=module', '-e', `
    import { createInterface } from 'node:readline';
    const { openCache, openCacheReadOnly, closeCache, readState } = await import(${JSON.stringify(module)});
    let cache;
    const commands = {
      open() {
        cache = openCache(${JSON.stringify(path)});
        return 'opened';
      },
      close() {
        if (cache) closeCache(cache);
        return 'closed';
      },
      read() {
        const readable = openCacheReadOnly(${JSON.stringify(path)});
        try {
          return readState(readable.reader).cursor;
        } finally {
          closeCache(readable);
        }
      },
    };
    const attempt = (run) => { try { return run(); } catch (error) { return error.code ?? String(error); } };
    for await (const line of createInterface({ input: process.stdin })) console.log(attempt(commands[line]));
  `], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  // Windows cannot delete a file that the process has open.
  t.after(kill);
  return {
    async ask(command) {
      child.stdin.write(`${command}\n`);
      const [answer] = await once(child.stdout, 'data') as [Buffer];
      return answer.toString().trim();
    },
    kill,
  };
}
