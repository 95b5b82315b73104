// Sessions and sign-in counters in the embedded database. The store runs the writing functions inside its batches.

import type { SQLInputValue, StatementSync } from 'node:sqlite';

import type { Instant } from '../../shared/clock.ts';
import type { CounterLimit, Counters, FullCounter, Renewal, Session, SessionNote } from '../store.ts';
import { integer, text, type Row } from './rows.ts';

/** Prepares a statement on the connection that writes. */
export type Prepare = (sql: string) => StatementSync;

export const selectSession = 'SELECT * FROM session WHERE account_id = ? AND session_id = ?';

export function toSession(row: Row): Session {
  return {
    accountId: text(row, 'account_id'),
    sessionId: text(row, 'session_id'),
    userId: text(row, 'user_id'),
    device: row['device'] === null ? null : text(row, 'device'),
    createdAtMs: integer(row, 'created_at_ms'),
    expiresAtMs: integer(row, 'expires_at_ms'),
    lastSeenAtMs: integer(row, 'last_seen_at_ms'),
    syncedTo: integer(row, 'synced_to') as Instant,
    tokenId: text(row, 'token_id'),
    isTokenUsed: integer(row, 'is_token_used') === 1,
    previousTokenId: row['previous_token_id'] === null ? null : text(row, 'previous_token_id'),
    previousEndsAtMs: integer(row, 'previous_ends_at_ms'),
    fullPullFrom: integer(row, 'full_pull_from') as Instant,
  };
}

export function openSession(prepare: Prepare, session: Session, nowMs: number): void {
  prepare('DELETE FROM session WHERE account_id = ? AND expires_at_ms <= ?').run(session.accountId, nowMs);
  prepare(`INSERT INTO session (
      account_id, session_id, user_id, device, created_at_ms, expires_at_ms, last_seen_at_ms, synced_to, token_id, is_token_used,
      previous_token_id, previous_ends_at_ms, full_pull_from
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    .run(
      session.accountId, session.sessionId, session.userId, session.device, session.createdAtMs, session.expiresAtMs, session.lastSeenAtMs,
      session.syncedTo, session.tokenId, Number(session.isTokenUsed), session.previousTokenId, session.previousEndsAtMs,
      session.fullPullFrom,
    );
}

export function renewSession(prepare: Prepare, accountId: string, sessionId: string, renewal: Renewal): Session | null {
  prepare(`UPDATE session SET token_id = ?, is_token_used = 0, expires_at_ms = ?, previous_token_id = token_id, previous_ends_at_ms = ?
    WHERE account_id = ? AND session_id = ? AND token_id = ?`)
    .run(renewal.to, renewal.expiresAtMs, renewal.previousEndsAtMs, accountId, sessionId, renewal.from);
  const row = prepare(selectSession).get(accountId, sessionId);
  return row ? toSession(row) : null;
}

export function noteSession(prepare: Prepare, { accountId, sessionId, lastSeenAtMs, syncedTo, tokenId }: SessionNote): void {
  prepare(`UPDATE session SET last_seen_at_ms = ?, synced_to = coalesce(?, synced_to), is_token_used = is_token_used OR token_id IS ?
    WHERE account_id = ? AND session_id = ?`)
    .run(lastSeenAtMs, syncedTo, tokenId, accountId, sessionId);
}

export function endSessionsOf(prepare: Prepare, accountId: string, userId: string, keep: string | null): void {
  prepare('DELETE FROM session WHERE account_id = ? AND user_id = ? AND session_id IS NOT ?').run(accountId, userId, keep);
}

export interface CountersDeps {
  readonly prepare: Prepare;
  /** Runs in the next batch. */
  readonly enqueue: <T>(run: () => Promise<T>) => Promise<T>;
  /** Reads outside a batch. */
  readonly get: (sql: string, ...parameters: SQLInputValue[]) => Promise<Row | undefined>;
  readonly nowMs: () => number;
}

export function createCounters({ prepare, enqueue, get, nowMs }: CountersDeps): Counters {
  return {
    take: (limits) => enqueue(async () => takeCounters(prepare, limits, nowMs())),
    giveBack: (keys) => enqueue(async () => {
      for (const key of keys) prepare('UPDATE sign_in_counter SET count = count - 1 WHERE key = ? AND count > 0').run(key);
    }),
    reset: (keys) => enqueue(async () => {
      for (const key of keys) prepare('DELETE FROM sign_in_counter WHERE key = ?').run(key);
    }),
    isRunning: async (key) => await get('SELECT 1 FROM sign_in_counter WHERE key = ? AND ends_at_ms > ?', key, nowMs()) !== undefined,
    prune: () => enqueue(async () => {
      prepare('DELETE FROM sign_in_counter WHERE ends_at_ms <= ?').run(nowMs());
    }),
  };
}

function takeCounters(prepare: Prepare, limits: readonly CounterLimit[], nowMs: number): FullCounter | null {
  const find = prepare('SELECT count, ends_at_ms FROM sign_in_counter WHERE key = ? AND ends_at_ms > ?');
  for (const { key, max } of limits) {
    const row = find.get(key, nowMs);
    if (row && integer(row, 'count') >= max) return { key, endsAtMs: integer(row, 'ends_at_ms') };
  }
  const add = prepare(`INSERT INTO sign_in_counter (key, count, ends_at_ms) VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET
      count = CASE WHEN ends_at_ms > ?3 THEN count + 1 ELSE 1 END,
      ends_at_ms = CASE WHEN ends_at_ms > ?3 THEN ends_at_ms ELSE excluded.ends_at_ms END`);
  for (const { key, endsAtMs } of limits) add.run(key, endsAtMs, nowMs);
  return null;
}
