// Maps rows of the embedded database to the types of the Store contract, and reads the change feed.

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';

import type { Instant } from '../../shared/clock.ts';
import { collections } from '../../shared/collections.ts';
import type { Change } from '../../shared/feed.ts';
import { holdAccount, requireReadable, type HeldAccount } from '../held-account.ts';
import type { Account, ChangeRange, StoredReply, StoredRecord } from '../store.ts';

export type Row = Record<string, SQLOutputValue>;

/** A batch of the feed ends at this many changes, or once it has this many bytes. */
const FEED_BATCH_SIZE = 500;
const FEED_BATCH_BYTES = 256 * 1024;

export const selectAccount = 'SELECT * FROM account WHERE account_id = ?';
/** As `selectAccount`, with null for integers that JavaScript cannot hold. */
export const selectHeldAccount = `SELECT account_id, digest, numbers, epoch,
    CASE WHEN abs(clock / 2) < ${2 ** 52} THEN clock END AS clock, CASE WHEN abs(horizon / 2) < ${2 ** 52} THEN horizon END AS horizon,
    CASE WHEN abs(paused_ms / 2) < ${2 ** 52} THEN paused_ms END AS paused_ms,
    CASE WHEN abs(audited / 2) < ${2 ** 52} THEN audited END AS audited
  FROM account WHERE account_id = ?`;
export const selectRecord = 'SELECT * FROM record WHERE account_id = ? AND collection = ? AND id = ? AND payload IS NOT NULL';

/** An account's changes in batches. Needs an open read transaction on `db` while it is consumed. */
export async function* readChanges(db: DatabaseSync, accountId: string, range: ChangeRange): AsyncGenerator<readonly Change[]> {
  const statement = db.prepare(`
    SELECT collection, id, at, CAST(payload AS BLOB) AS payload FROM record
    WHERE account_id = ? AND at > ? AND collection IN (${range.collections.map(() => '?').join(', ')})
      AND (payload IS NOT NULL OR at > ?)
    ORDER BY at LIMIT ?`);
  const tombstonesAfter = range.tombstonesAfter ?? Number.MAX_SAFE_INTEGER;
  let batch: Change[] = [];
  let sizeBytes = 0;
  for (const row of statement.iterate(accountId, range.after, ...range.collections, tombstonesAfter, range.limit)) {
    const change = toChange(row);
    batch.push(change);
    sizeBytes += change.payload?.length ?? 0;
    if (batch.length === FEED_BATCH_SIZE || sizeBytes >= FEED_BATCH_BYTES) {
      yield batch;
      batch = [];
      sizeBytes = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

/** Counted in the index of the feed, less the few records of other collections: looking up the collection of each takes much longer. */
export function countChanges(db: DatabaseSync, accountId: string, after: Instant, visible: readonly string[]): number {
  const hidden = collections.map(({ name }) => name).filter((name) => !visible.includes(name));
  const row = db.prepare(`
    SELECT (SELECT count(*) FROM record WHERE account_id = ?1 AND at > ?2)
      - (SELECT count(*) FROM record WHERE account_id = ?1 AND collection IN (${hidden.map(() => '?').join(', ')}) AND +at > ?2) AS count
  `).get(accountId, after, ...hidden) ?? {};
  return integer(row, 'count');
}

/** The payload stays bytes, as the page consists of bytes: decoding and encoding it again would cost a third more. */
function toChange({ collection, id, at, payload }: Row): Change {
  const bytes = payload instanceof Uint8Array ? Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength) : null;
  return { collection: String(collection), id: String(id), at: Number(at) as Instant, payload: bytes };
}

/** Throws `internal` if somebody has changed the row so that it cannot be read. */
export function toAccount(row: Row): Account {
  return requireReadable(toHeldAccount(row));
}

export function toHeldAccount(row: Row): HeldAccount {
  return holdAccount(text(row, 'account_id'), {
    clock: row['clock'], horizon: row['horizon'], digest: parse(row['digest']), numbers: parse(row['numbers']), epoch: row['epoch'],
    pausedMs: row['paused_ms'], audited: row['audited'],
  });
}

function parse(json: SQLOutputValue | undefined): unknown {
  try {
    return JSON.parse(String(json)) as unknown;
  } catch {
    return null;
  }
}

export function toRecord(row: Row): StoredRecord {
  return {
    collection: text(row, 'collection'),
    id: text(row, 'id'),
    at: integer(row, 'at') as Instant,
    payload: text(row, 'payload'),
    secret: row['secret'] === null ? null : text(row, 'secret'),
    references: JSON.parse(text(row, 'refs')) as string[],
  };
}

export function toReply(row: Row): StoredReply {
  return {
    key: text(row, 'key'),
    fingerprint: text(row, 'fingerprint'),
    body: text(row, 'body'),
    keptAtMs: integer(row, 'kept_at_ms'),
  };
}

/** The value of a text column. Throws `TypeError` for any other type. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`the column ${column} is not text`);
  return value;
}

/** The value of an integer column. Throws `TypeError` for any other type. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`the column ${column} is not an integer`);
  return value;
}
