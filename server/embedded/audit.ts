// The audit trail's table in the embedded database: appended to, read by number, and pruned from its oldest end.

import type { StatementSync } from 'node:sqlite';

import type { Instant } from '../../shared/clock.ts';
import { pruneBatchSize, type AuditEntry, type StoredEntry } from '../store.ts';
import { integer, text, type Row } from './rows.ts';

export const insertEntry = 'INSERT INTO audit (account_id, number, at, entry) VALUES (?, ?, ?, ?)';
export const selectEntries = 'SELECT number, at, entry FROM audit WHERE account_id = ? AND number > ? ORDER BY number LIMIT ?';
/** True for the oldest entry, if it is from before an instant. */
export const isOldestEntryDue = 'coalesce((SELECT at FROM audit WHERE account_id = ? ORDER BY number LIMIT 1) < ?, FALSE)';

/** Removes the oldest entries that are from before `before`, at most `pruneBatchSize`. */
export function pruneEntries(statement: (sql: string) => StatementSync, accountId: string, before: Instant): void {
  const oldest = statement(selectEntries).all(accountId, 0, pruneBatchSize).map(toEntry);
  const remaining = oldest.findIndex(({ at }) => at >= before);
  const last = oldest.at(remaining < 0 ? -1 : remaining - 1);
  if (remaining === 0 || !last) return;
  statement('DELETE FROM audit WHERE account_id = ? AND number <= ?').run(accountId, last.number);
}

export function toEntry(row: Row): StoredEntry {
  return {
    number: integer(row, 'number'), at: integer(row, 'at') as Instant, entry: JSON.parse(text(row, 'entry')) as AuditEntry,
  };
}
