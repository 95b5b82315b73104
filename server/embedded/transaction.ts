// One write inside a transaction of the embedded database: its reads, and how its changes are applied. The store runs both in its
// batches, each write in a savepoint.

import type { SQLInputValue } from 'node:sqlite';

import { EPOCH, type Instant } from '../../shared/clock.ts';
import type { PendingWrite, TransactionReads } from '../pending-write.ts';
import { addressTaken, pruneBatchSize } from '../store.ts';
import type { StoredRecord } from '../store.ts';
import { insertEntry, pruneEntries } from './audit.ts';
import { clearReferences, fileReferences, heldColumns, toHeldRecord } from './holdings.ts';
import { integer, selectRecord, toRecord, toReply } from './rows.ts';
import { endSessionsOf, type Prepare } from './sessions.ts';

const selectHeldRecord = `SELECT ${heldColumns} FROM record WHERE account_id = ? AND collection = ? AND id = ? AND payload IS NOT NULL`;

/** The reading half of a Transaction, and `prune`. */
export function transactionReads(prepare: Prepare, accountId: string, pending: PendingWrite): TransactionReads {
  return {
    async get(collection, id) {
      const row = prepare(selectRecord).get(accountId, collection, id);
      return row ? toRecord(row) : null;
    },
    async list(collection) {
      return prepare('SELECT * FROM record WHERE account_id = ? AND collection = ? AND payload IS NOT NULL ORDER BY id')
        .all(accountId, collection).map(toRecord);
    },
    async referrers(collection, id, limit) {
      return prepare(`SELECT r.* FROM reference f JOIN record r USING (account_id, collection, id)
          WHERE account_id = ? AND collection = ? AND target_id = ? AND payload IS NOT NULL LIMIT ?`)
        .all(accountId, collection, id, limit).map(toRecord);
    },
    async findReply(key) {
      const row = prepare('SELECT * FROM answer WHERE account_id = ? AND key = ?').get(accountId, key);
      return row ? toReply(row) : null;
    },
    async prune(until, repliesBeforeMs, entriesBefore = EPOCH) {
      const newest = prepare(`SELECT max(at) AS at FROM (
          SELECT at FROM record WHERE account_id = ? AND payload IS NULL AND at <= ? ORDER BY at LIMIT ?)`)
        .get(accountId, until, pruneBatchSize)?.['at'];
      if (typeof newest === 'number') {
        prepare('DELETE FROM record WHERE account_id = ? AND payload IS NULL AND at <= ?').run(accountId, newest);
        pending.account = { ...pending.account, horizon: newest as Instant };
      }
      prepare(`DELETE FROM answer WHERE (account_id, key) IN (
          SELECT account_id, key FROM answer WHERE account_id = ? AND kept_at_ms < ? LIMIT ?)`)
        .run(accountId, repliesBeforeMs, pruneBatchSize);
      pruneEntries(prepare, accountId, entriesBefore);
    },
    async held(collection, id) {
      const row = prepare(selectHeldRecord).get(accountId, collection, id);
      return row ? toHeldRecord(row) : null;
    },
    async heldAfter(after, limit) {
      return prepare('SELECT * FROM record WHERE account_id = ? AND at > ? AND at <= ? ORDER BY at LIMIT ?')
        .all(accountId, after, Number.MAX_SAFE_INTEGER, limit).map(toHeldRecord);
    },
    async newestUpTo(until) {
      const row = prepare('SELECT coalesce(max(at), 0) AS at FROM record WHERE account_id = ? AND at <= ?').get(accountId, until) ?? {};
      return integer(row, 'at') as Instant;
    },
    async lastEntry() {
      return integer(prepare('SELECT coalesce(max(number), 0) AS last FROM audit WHERE account_id = ?').get(accountId) ?? {}, 'last');
    },
    async newestReplyMs() {
      const row = prepare('SELECT min(max(kept_at_ms), ?) AS newest FROM answer WHERE account_id = ?')
        .get(Number.MAX_SAFE_INTEGER, accountId) ?? {};
      return row['newest'] === null ? null : integer(row, 'newest');
    },
  };
}

/** Applies a write's changes. Throws `conflict` if an address is taken; the caller then undoes the rest. */
export function applyWrite(prepare: Prepare, accountId: string, pending: PendingWrite): void {
  const run = runner(prepare);
  for (const email of pending.releases) run('DELETE FROM directory WHERE email = ? AND account_id = ?', email, accountId);
  for (const claim of pending.claims) claimAddress(prepare, accountId, claim.email, claim.userId);
  for (const record of pending.puts) put(prepare, accountId, record);
  for (const { record, at } of pending.removals) {
    setReferences(prepare, accountId, record.collection, record.id, []);
    run(
      `UPDATE record SET at = ?, payload = NULL, secret = NULL, refs = '[]' WHERE account_id = ? AND collection = ? AND id = ?`,
      at, accountId, record.collection, record.id,
    );
  }
  for (const sessionId of pending.endedSessions) {
    run('DELETE FROM session WHERE account_id = ? AND session_id = ?', accountId, sessionId);
  }
  for (const { userId, keep } of pending.signOuts) endSessionsOf(prepare, accountId, userId, keep);
  for (const { key, fingerprint, body, keptAtMs } of pending.replies) {
    run('INSERT OR REPLACE INTO answer (account_id, key, fingerprint, body, kept_at_ms) VALUES (?, ?, ?, ?, ?)',
      accountId, key, fingerprint, body, Math.floor(keptAtMs));
  }
  for (const { number, at, entry } of pending.entries) run(insertEntry, accountId, number, at, JSON.stringify(entry));
  for (const { record, at } of pending.restamps) {
    run('UPDATE record SET at = ? WHERE account_id = ? AND collection = ? AND id = ?', at, accountId, record.collection, record.id);
  }
  // A dropped tombstone is gone already: its record has its row.
  if (pending.refilesReferences) {
    run(clearReferences, accountId);
    run(fileReferences, accountId);
  }
  const { clock, horizon, digest, numbers, epoch, audited, pausedMs } = pending.account;
  run('UPDATE account SET clock = ?, horizon = ?, digest = ?, numbers = ?, epoch = ?, audited = ?, paused_ms = ? WHERE account_id = ?',
    clock, horizon, JSON.stringify(digest), JSON.stringify(numbers), epoch, audited, pausedMs, accountId);
}

function claimAddress(prepare: Prepare, accountId: string, email: string, userId: string): void {
  const added = runner(prepare)(
    `INSERT INTO directory (email, account_id, user_id) VALUES (?, ?, ?) ON CONFLICT (email)
     DO UPDATE SET user_id = excluded.user_id WHERE account_id = excluded.account_id AND user_id = excluded.user_id`,
    email, accountId, userId,
  );
  if (added === 0) throw addressTaken();
}

function put(prepare: Prepare, accountId: string, record: StoredRecord): void {
  setReferences(prepare, accountId, record.collection, record.id, record.references);
  runner(prepare)(
    `INSERT INTO record (account_id, collection, id, at, payload, secret, refs) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (account_id, collection, id) DO UPDATE SET
       at = excluded.at, payload = excluded.payload, secret = excluded.secret, refs = excluded.refs`,
    accountId, record.collection, record.id, record.at, record.payload, record.secret, JSON.stringify(record.references),
  );
}

function setReferences(prepare: Prepare, accountId: string, collection: string, id: string, targets: readonly string[]): void {
  const run = runner(prepare);
  const row = prepare(selectHeldRecord).get(accountId, collection, id);
  const existing = row ? toHeldRecord(row).references : [];
  for (const target of existing.filter((candidate) => !targets.includes(candidate))) {
    run('DELETE FROM reference WHERE account_id = ? AND collection = ? AND target_id = ? AND id = ?',
      accountId, collection, target, id);
  }
  for (const target of targets.filter((candidate) => !existing.includes(candidate))) {
    run('INSERT OR IGNORE INTO reference (account_id, collection, target_id, id) VALUES (?, ?, ?, ?)',
      accountId, collection, target, id);
  }
}

/** Runs a statement and returns the number of changed rows. */
function runner(prepare: Prepare): (sql: string, ...parameters: SQLInputValue[]) => number {
  return (sql, ...parameters) => Number(prepare(sql).run(...parameters).changes);
}
