// The embedded database file: files of earlier versions are brought up to date with their data, and foreign or newer ones are
// left alone.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test, type TestContext } from 'node:test';

import type { Instant } from '../../../shared/clock.ts';
import { backUp } from '../../../server/embedded/backup.ts';
import { openEmbeddedStore } from '../../../server/embedded/store.ts';
import type { Log } from '../../../server/log.ts';
import { runServer } from '../harness.ts';
import { fillEmbedded, firstAccount, secondAccount } from '../protocol-1/database.ts';
import { assertConsistent, assertRejects, create, depsOf, newAccount, readAll, START_MS } from '../store/fixture.ts';

const plan = '69a42ab80000000000000004';
/** The tables as version 1 made them, with one account that has a plan. */
const version1 = `
  CREATE TABLE account (
    account_id TEXT PRIMARY KEY, clock INTEGER NOT NULL, horizon INTEGER NOT NULL, digest TEXT NOT NULL, numbers TEXT NOT NULL
  ) STRICT;
  CREATE TABLE record (
    row_id INTEGER PRIMARY KEY, account_id TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL,
    payload TEXT, secret TEXT, refs TEXT NOT NULL, UNIQUE (account_id, collection, id)
  ) STRICT;
  CREATE UNIQUE INDEX record_feed ON record (account_id, at);
  CREATE INDEX record_tombstone ON record (account_id, at) WHERE payload IS NULL;
  CREATE TABLE reference (
    account_id TEXT NOT NULL, collection TEXT NOT NULL, target_id TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (account_id, collection, target_id, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE directory (email TEXT PRIMARY KEY, account_id TEXT NOT NULL, user_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE session (
    account_id TEXT NOT NULL, session_id TEXT NOT NULL, user_id TEXT NOT NULL, expires_at_ms INTEGER NOT NULL,
    full_pull_from INTEGER NOT NULL, PRIMARY KEY (account_id, session_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE answer (
    account_id TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, body TEXT NOT NULL, kept_at_ms INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX answer_age ON answer (account_id, kept_at_ms);
  INSERT INTO account VALUES ('a1', 7, 0, '{"plans":{"count":1,"sum":5}}', '{"INV-2026":3}');
  INSERT INTO record (account_id, collection, id, at, payload, refs) VALUES ('a1', 'plans', '${plan}', 7, '{"name":"kept"}', '[]');
  PRAGMA application_id = ${0x496e7673};
  PRAGMA user_version = 1;
`;

const deps = depsOf({ nowMs: START_MS });

function fileWith(t: TestContext, sql: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-schema-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'invoify.sqlite');
  edit(file, sql);
  return file;
}

function edit(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

function versionOf(file: string): unknown {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db.prepare('PRAGMA user_version').get()?.['user_version'];
  } finally {
    db.close();
  }
}

function rowsOf(file: string, sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

function recordsOf(file: string): unknown {
  return rowsOf(file, 'SELECT * FROM record ORDER BY row_id');
}

/** A file as this version makes it. */
async function newFile(t: TestContext): Promise<string> {
  const file = fileWith(t, '');
  await (await openEmbeddedStore(file, deps)).close();
  return file;
}

describe('an embedded database file', () => {
  test('lets no program change an entry of the audit trail, nor remove any but the oldest', async (t) => {
    const db = new DatabaseSync(await newFile(t));
    t.after(() => db.close());
    const insert = db.prepare('INSERT INTO audit (account_id, number, at, entry) VALUES (?, ?, 1, ?)');
    for (const [accountId, number] of [['a1', 1], ['a1', 2], ['a1', 3], ['a2', 1]] as const) insert.run(accountId, number, '{}');
    assert.throws(() => db.exec("UPDATE audit SET entry = '[]' WHERE number = 1"), /never changed/);
    assert.throws(() => db.exec("DELETE FROM audit WHERE account_id = 'a1' AND number > 1"), /only the oldest/);
    db.exec("DELETE FROM audit WHERE account_id = 'a1' AND number <= 2");
    assert.deepEqual(db.prepare('SELECT number FROM audit ORDER BY account_id').all().map((row) => row['number']), [3, 1]);
  });

  test('of version 1 keeps its records and numbers, and gets an epoch and a key once', async (t) => {
    const file = fileWith(t, version1);
    const logged: unknown[] = [];
    const log: Log = (level, event, facts) => void logged.push([level, event, facts?.['from']]);
    const first = await openEmbeddedStore(file, { ...deps, log });
    assert.deepEqual(logged, [['info', 'the database of an earlier version was brought up to date', 1]]);
    const { account, changes } = await readAll(first, 'a1');
    assertConsistent({ account, changes });
    assert.deepEqual(changes.map(({ collection, at, payload }) => [collection, at, String(payload)]), [
      ['plans', 7, '{"name":"kept"}'], ['company', 8, '{"name":""}'],
    ]);
    assert.equal(changes[0]?.id, plan);
    const { epoch, digest: _digest, ...rest } = account;
    assert.deepEqual(rest, { accountId: 'a1', clock: 8, horizon: 0, numbers: { 'INV-2026': 3 }, audited: 0, pausedMs: 0 });
    assert.match(epoch, /^[\w-]{16}$/);
    await create(first, 'a1', 'plans');
    await create(first, await newAccount(first), 'plans');
    await first.close();
    assert.equal(versionOf(file), versionOf(await newFile(t)));
    const again = await openEmbeddedStore(file, deps);
    assert.equal((await readAll(again, 'a1')).account.epoch, epoch);
    assert.equal(again.fingerprintKey, first.fingerprintKey);
    await again.close();
  });

  test('of version 2 keeps its sessions, addresses, replies and tombstones', async (t) => {
    const file = fileWith(t, `${version1}
      ALTER TABLE account ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
      INSERT INTO setting VALUES ('fingerprint_key', 'a key');
      UPDATE account SET epoch = 'an epoch';
      INSERT INTO record (account_id, collection, id, at, payload, secret, refs)
        VALUES ('a1', 'users', 'u1', 8, '{"role":"owner"}', 's', '[]');
      INSERT INTO record (account_id, collection, id, at, refs) VALUES ('a1', 'plans', 'p2', 9, '[]');
      INSERT INTO directory VALUES ('u@x.test', 'a1', 'u1');
      INSERT INTO session VALUES ('a1', 's1', 'u1', ${START_MS + 1000}, 3);
      INSERT INTO answer VALUES ('a1', 'k1', 'f1', '{}', ${START_MS});
      PRAGMA user_version = 2;`);
    const store = await openEmbeddedStore(file, deps);
    t.after(() => store.close());
    assert.equal(store.fingerprintKey, 'a key');
    assert.deepEqual(await store.findAddress('u@x.test'), { accountId: 'a1', userId: 'u1' });
    const { session, user, account } = await store.identify('a1', 's1', 'u1') ?? {};
    assert.deepEqual([session?.userId, session?.expiresAtMs, session?.fullPullFrom], ['u1', START_MS + 1000, 3]);
    assert.equal(user?.secret, 's');
    assert.notEqual(account?.epoch, 'an epoch');
    assert.equal((await store.write('a1', async (transaction) => transaction.findReply('k1')))?.fingerprint, 'f1');
    assert.equal(await store.isPruneDue('a1', 9 as Instant, 0), true);
  });

  test('of protocol 1 is as it was when the server is killed before it is up to date', async (t) => {
    const file = fileWith(t, '');
    fillEmbedded(file);
    const other = new DatabaseSync(file);
    other.exec("UPDATE record SET payload = replace(payload, 'INV-2025-00001', 'RE-2025-00041')");
    other.close();
    const before = recordsOf(file);
    const step = new URL('../../../server/embedded/migrate-records.ts', import.meta.url);
    // Too small a cache, so that pages are written before the commit.
    const program = `import { DatabaseSync } from 'node:sqlite';
      import { migrateRecords } from ${JSON.stringify(step)};
      const db = new DatabaseSync(${JSON.stringify(file)});
      db.exec('PRAGMA cache_size = 1; BEGIN IMMEDIATE');
      migrateRecords(db);
      process.kill(process.pid, 'SIGKILL');`;
    assert.equal(spawnSync(process.execPath, ['--input-type=module', '--eval', program]).signal, 'SIGKILL');
    assert.equal(versionOf(file), 6);
    assert.deepEqual(recordsOf(file), before);
    const store = await openEmbeddedStore(file, deps);
    t.after(() => store.close());
    assert.equal(versionOf(file), versionOf(await newFile(t)));
    for (const accountId of [firstAccount, secondAccount]) {
      const seen = await readAll(store, accountId);
      assertConsistent(seen);
      assert.equal(seen.changes.filter(({ collection }) => collection === 'company').length, 1);
      // Numbers of every form make series now.
      assert.equal(seen.account.numbers['RE-2025'], accountId === firstAccount ? 41 : undefined);
    }
  });

  test('that a newer version brings up to date just then is left as that made it', async (t) => {
    const file = fileWith(t, version1);
    const { exec } = DatabaseSync.prototype;
    let isNewer = false;
    t.mock.method(DatabaseSync.prototype, 'exec', function preceded(this: DatabaseSync, sql: string) {
      if (sql.startsWith('BEGIN') && !isNewer) {
        isNewer = true;
        const other = new DatabaseSync(file);
        other.exec('PRAGMA user_version = 99');
        other.close();
      }
      return exec.call(this, sql);
    });
    assert.match((await assertRejects(openEmbeddedStore(file, deps), 'unavailable')).message, /newer version/);
    assert.deepEqual([isNewer, versionOf(file)], [true, 99]);
  });

  test('without a table of its version is damaged, and verify, the server and a backup say so in a sentence', async (t) => {
    const tables = ['account', 'audit', 'answer', 'directory', 'record', 'reference', 'session', 'setting', 'sign_in_counter'];
    for (const table of tables) {
      const file = await newFile(t);
      edit(file, `DROP TABLE ${table}`);
      const { message } = await assertRejects(openEmbeddedStore(file, deps), 'unavailable');
      assert.equal(message, `The database ${file} is damaged: its table ${table} is missing; restore it from a backup.`);
    }
    const file = await newFile(t);
    edit(file, 'DROP TABLE record; DROP TABLE session');
    const sentence = `The database ${file} is damaged: its tables record, session are missing; restore it from a backup.`;
    assert.equal((await assertRejects(backUp(file, `${file}.copy`), 'unavailable')).message, sentence);
    const verified = await runServer(['verify'], { DATA_DIR: dirname(file), LOG_LEVEL: 'error' });
    assert.deepEqual([verified.code, verified.stderr], [2, `${sentence}\n`]);
    const old = fileWith(t, `${version1} DROP TABLE directory`);
    assert.match((await assertRejects(openEmbeddedStore(old, deps), 'unavailable')).message, /its table directory is missing/);
    assert.equal(versionOf(old), 1);
    for (const table of tables) edit(file, `DROP TABLE IF EXISTS ${table}`);
    assert.match((await assertRejects(openEmbeddedStore(file, deps), 'unavailable')).message, /its tables account, answer, audit, .* are/);
  });

  test('without an index or a trigger of its version gets it again, unless its rows forbid that', async (t) => {
    const file = await newFile(t);
    const parts = "SELECT name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY name";
    const before = rowsOf(file, parts);
    assert.equal(before.length, 6);
    for (const { name } of before) edit(file, `DROP ${String(name).startsWith('audit') ? 'TRIGGER' : 'INDEX'} ${String(name)}`);
    const events: unknown[] = [];
    const log: Log = (level, event, facts) => void events.push([level, event, facts?.['names']]);
    await (await openEmbeddedStore(file, { ...deps, log })).close();
    assert.deepEqual(rowsOf(file, parts), before);
    assert.deepEqual(events, [
      ['warn', 'missing indexes or triggers of the database were made again', before.map(({ name }) => name)],
    ]);

    edit(file, `DROP INDEX record_feed; ${['a', 'b'].map((id) =>
      `INSERT INTO record (account_id, collection, id, at, refs) VALUES ('x', 'customers', '${id}', 1, '[]');`).join(' ')}`);
    const { message } = await assertRejects(openEmbeddedStore(file, deps), 'unavailable');
    assert.equal(message, `The database ${file} is damaged: its index record_feed cannot be made again; restore it from a backup.`);
    edit(file, "DELETE FROM record WHERE account_id = 'x'");
    await (await openEmbeddedStore(file, deps)).close();
  });

  test('of a newer version or another program is refused and left as it is', async (t) => {
    for (const [sql, reason] of [
      [`${version1} PRAGMA user_version = 99`, /newer version/], [`${version1} PRAGMA application_id = 5`, /another program/],
    ] as const) {
      const file = fileWith(t, sql);
      const version = versionOf(file);
      const { message } = await assertRejects(openEmbeddedStore(file, deps), 'unavailable');
      assert.match(message, reason);
      assert.match(message, /^[^\n]+\.$/);
      assert.doesNotMatch(message, /\.\s/, 'more than one sentence');
      assert.equal(versionOf(file), version);
    }
  });
});
