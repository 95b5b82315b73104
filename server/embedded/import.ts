// An account on its way into the embedded database. Its rows have no account yet, so no query finds them; a setting marks the import
// until the account is published, and names the one process that may go on with it.

import type { SQLInputValue } from 'node:sqlite';

import { accountExists, addressTaken, importTakenOver, newEpoch, recordTaken } from '../store.ts';
import type { Importing } from '../store.ts';
import { insertEntry } from './audit.ts';
import type { Prepare } from './sessions.ts';
import { text, type Row } from './rows.ts';

export interface ImportDeps {
  /** Prepares a statement on the connection that writes. */
  readonly prepare: Prepare;
  /** Runs in the next batch. */
  readonly enqueue: <T>(run: () => Promise<T>) => Promise<T>;
  /** Reads outside a batch. */
  readonly all: (sql: string, ...parameters: SQLInputValue[]) => Promise<Row[]>;
}

const PREFIX = 'import:';
/** Rows that are removed at a time. */
const BATCH_SIZE = 5000;

export async function listImports({ all }: Pick<ImportDeps, 'all'>): Promise<readonly string[]> {
  return (await all('SELECT name FROM setting WHERE name GLOB ?', `${PREFIX}*`)).map((row) => text(row, 'name').slice(PREFIX.length));
}

export async function beginImport({ prepare, enqueue, all }: ImportDeps, accountId: string): Promise<Importing> {
  const name = PREFIX + accountId;
  const token = newEpoch();
  const run = (sql: string, ...parameters: SQLInputValue[]): number => Number(prepare(sql).run(...parameters).changes);
  /** One transaction of this import. */
  const step = <T>(change: () => T): Promise<T> => enqueue(async () => {
    if (prepare('SELECT 1 FROM setting WHERE name = ? AND value = ?').get(name, token) === undefined) throw importTakenOver(accountId);
    return change();
  });
  const clear = async (): Promise<void> => {
    for (const sql of [
      'DELETE FROM record WHERE row_id IN (SELECT row_id FROM record WHERE account_id = ?1 LIMIT ?2)',
      `DELETE FROM reference WHERE (account_id, collection, target_id, id) IN (
         SELECT account_id, collection, target_id, id FROM reference WHERE account_id = ?1 LIMIT ?2)`,
      'DELETE FROM answer WHERE (account_id, key) IN (SELECT account_id, key FROM answer WHERE account_id = ?1 LIMIT ?2)',
      `DELETE FROM audit WHERE account_id = ?1 AND number <= (
         SELECT max(number) FROM (SELECT number FROM audit WHERE account_id = ?1 ORDER BY number LIMIT ?2))`,
    ]) while (await step(() => run(sql, accountId, BATCH_SIZE)) > 0);
  };
  await enqueue(async () => {
    if (prepare('SELECT 1 FROM account WHERE account_id = ?').get(accountId) !== undefined) throw accountExists(accountId);
    run('INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)', name, token);
  });
  await clear();
  return {
    addRecords: (records) => step(() => {
      for (const { collection, id, at, payload, secret, references } of records) {
        const added = run(`INSERT INTO record (account_id, collection, id, at, payload, secret, refs) VALUES (?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT DO NOTHING`, accountId, collection, id, at, payload, secret, JSON.stringify(references));
        if (added === 0) throw recordTaken();
        const index = 'INSERT OR IGNORE INTO reference (account_id, collection, target_id, id) VALUES (?, ?, ?, ?)';
        for (const target of references) run(index, accountId, collection, target, id);
      }
    }),
    addReplies: (replies) => step(() => {
      for (const { key, fingerprint, body, keptAtMs } of replies) {
        run('INSERT INTO answer (account_id, key, fingerprint, body, kept_at_ms) VALUES (?, ?, ?, ?, ?)',
          accountId, key, fingerprint, body, Math.floor(keptAtMs));
      }
    }),
    addEntries: (entries) => step(() => {
      for (const { number, at, entry } of entries) run(insertEntry, accountId, number, at, JSON.stringify(entry));
    }),
    async existing(collection, ids) {
      const found = await all(
        `SELECT id FROM record WHERE account_id = ? AND collection = ? AND payload IS NOT NULL AND id IN (SELECT value FROM json_each(?))`,
        accountId, collection, JSON.stringify(ids),
      );
      return new Set(found.map((row) => text(row, 'id')));
    },
    publish: ({ clock, horizon, digest, numbers, epoch, audited, pausedMs }, addresses) => step(() => {
      run('INSERT INTO account (account_id, clock, horizon, digest, numbers, epoch, audited, paused_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        accountId, clock, horizon, JSON.stringify(digest), JSON.stringify(numbers), epoch, audited, pausedMs);
      for (const { email, userId } of addresses) {
        const claim = 'INSERT INTO directory (email, account_id, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
        if (run(claim, email, accountId, userId) === 0) throw addressTaken();
      }
      run('DELETE FROM setting WHERE name = ?', name);
    }),
    async discard() {
      await clear();
      await step(() => run('DELETE FROM setting WHERE name = ?', name));
    },
  };
}
