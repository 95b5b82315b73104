// Everything that the embedded database keeps of an account, for the commands that check and copy it.
//
// Invariant: nothing but the addresses is read in one piece, and text that somebody has damaged is handed on, not thrown.

import type { DatabaseSync } from 'node:sqlite';

import type { Instant } from '../../shared/clock.ts';
import type { HeldAccount } from '../held-account.ts';
import type { HeldRecord, Holdings } from '../store.ts';
import { toEntry } from './audit.ts';
import { integer, text, toReply, type Row } from './rows.ts';

const BATCH_SIZE = 500;
const BATCH_BYTES = 1024 * 1024;

/** Needs an open read transaction on `db` for as long as it is used. */
export function readHoldings(db: DatabaseSync, { account, unreadable }: HeldAccount): Holdings {
  const { accountId } = account;
  const find = db.prepare('SELECT 1 FROM record WHERE account_id = ? AND collection = ? AND id = ? AND payload IS NOT NULL');
  return {
    account,
    unreadable,
    records: () => batches(
      db.prepare(`SELECT ${heldColumns} FROM record WHERE account_id = ? ORDER BY record.at`).iterate(accountId),
      toHeldRecord,
    ),
    existing: async (collection, ids) => new Set(ids.filter((id) => find.get(accountId, collection, id) !== undefined)),
    async misfiledReferences() {
      const { missing, stray } = db.prepare(countMisfiled).get(accountId) ?? {};
      return Number(missing) + Number(stray);
    },
    addresses: async () => db.prepare('SELECT email, user_id FROM directory WHERE account_id = ? ORDER BY email').all(accountId)
      .map((row) => ({ email: text(row, 'email'), userId: text(row, 'user_id') })),
    replies: () => batches(db.prepare('SELECT * FROM answer WHERE account_id = ? ORDER BY key').iterate(accountId), toReply),
    async lastEntry() {
      return integer(db.prepare('SELECT coalesce(max(number), 0) AS last FROM audit WHERE account_id = ?').get(accountId) ?? {}, 'last');
    },
    entries: () => batches(
      db.prepare('SELECT number, at, entry FROM audit WHERE account_id = ? ORDER BY number').iterate(accountId), toEntry,
    ),
  };
}

/** The columns of a record, with 0 for an instant that the feed could not send. */
export const heldColumns = `collection, id, CASE WHEN at BETWEEN 1 AND ${Number.MAX_SAFE_INTEGER} THEN at ELSE 0 END AS at,
  payload, secret, refs`;

/** Accounts without a row and how many records each has; not those being imported. */
export const selectOrphans = `SELECT account_id, sum(records) AS records FROM (
    SELECT account_id, count(payload) AS records FROM record GROUP BY account_id
    UNION ALL SELECT DISTINCT account_id, 0 FROM directory
    UNION ALL SELECT DISTINCT account_id, 0 FROM answer
    UNION ALL SELECT DISTINCT account_id, 0 FROM audit
  ) kept
  WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.account_id = kept.account_id)
    AND NOT EXISTS (SELECT 1 FROM setting WHERE name = 'import:' || kept.account_id)
  GROUP BY account_id ORDER BY account_id`;

/** The references of each record, as (collection, target_id, id). */
const recordReferences = `SELECT r.collection, j.value AS target_id, r.id
  FROM record r, json_each(CASE WHEN json_valid(r.refs) THEN r.refs ELSE '[]' END) j WHERE r.account_id = ?1 AND r.payload IS NOT NULL`;

const countMisfiled = `SELECT
  (SELECT count(*) FROM (${recordReferences}) k WHERE NOT EXISTS (SELECT 1 FROM reference f
     WHERE f.account_id = ?1 AND f.collection = k.collection AND f.target_id = k.target_id AND f.id = k.id)) AS missing,
  (SELECT count(*) FROM reference f WHERE f.account_id = ?1 AND NOT EXISTS (
     SELECT 1 FROM record r, json_each(CASE WHEN json_valid(r.refs) THEN r.refs ELSE '[]' END) j
     WHERE r.account_id = ?1 AND r.collection = f.collection AND r.id = f.id AND r.payload IS NOT NULL
       AND j.value = f.target_id)) AS stray`;

/** Rebuilds the index of an account's references. */
export const clearReferences = 'DELETE FROM reference WHERE account_id = ?1';
export const fileReferences = `INSERT OR IGNORE INTO reference (account_id, collection, target_id, id)
  SELECT ?1, collection, target_id, id FROM (${recordReferences})`;

export function toHeldRecord(row: Row): HeldRecord {
  const at = integer(row, 'at');
  return {
    collection: text(row, 'collection'),
    id: text(row, 'id'),
    at: at > 0 ? at as Instant : null,
    payload: row['payload'] === null ? null : text(row, 'payload'),
    secret: row['secret'] === null ? null : text(row, 'secret'),
    references: toReferences(text(row, 'refs')),
  };
}

function toReferences(json: string): readonly string[] {
  try {
    const found: unknown = JSON.parse(json);
    return Array.isArray(found) ? found.filter((target) => typeof target === 'string') : [];
  } catch {
    return [];
  }
}

async function* batches<T extends object>(rows: Iterable<Row>, convert: (row: Row) => T): AsyncGenerator<readonly T[]> {
  let batch: T[] = [];
  let size = 0;
  for (const row of rows) {
    const item = convert(row);
    batch.push(item);
    size += 'payload' in item && typeof item.payload === 'string' ? item.payload.length : 0;
    if (batch.length < BATCH_SIZE && size < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (batch.length > 0) yield batch;
}
