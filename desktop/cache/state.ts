// The cache's bookkeeping: its owner, cursor, digests and the most recent sync attempts.
//
// Invariant: state saved between `beginChanges` and `commitChanges` commits with the rows, so a cursor is never ahead
// of them.

import type { CollectionDigest, Digest } from '../../shared/digest.ts';
import { AppError, type ErrorCode, type FailureKind } from '../../shared/errors.ts';
import { parseSignedInUser, type SignedInUser } from '../../shared/protocol.ts';
import type { Attempt } from '../../shared/window/views.ts';
import type { CacheReader, CacheWriter, Generation } from './schema.ts';
import { inReadTransaction, inTransaction, prepared, sqliteError } from './sqlite.ts';

/** A rebuild in progress beside the readable generation. */
export interface Rebuild {
  /** A RebuildReason, as it was stored. */
  readonly reason: string;
  /** The scope of its first page; null before that. */
  readonly scope: string | null;
  /** Where it resumes; null before its first committed page. */
  readonly cursor: string | null;
}

/** The digest still differed from the server's after everything had been downloaded. */
export interface Mismatch {
  /** How many downloads in a row have ended this way; at least 1. */
  readonly downloads: number;
  /** When the last of them ended. */
  readonly atMs: number;
  /** What people are told, in English. */
  readonly message: string;
}

export interface CacheState {
  readonly serverOrigin: string | null;
  readonly accountId: string | null;
  readonly userId: string | null;
  readonly user: SignedInUser | null;
  readonly scope: string | null;
  readonly cursor: string | null;
  /** The tables that are read. Changed only by `swapGenerations`. */
  readonly generation: Generation;
  /** Whether the first sync has completed; until then totals are incomplete. */
  readonly isInitialComplete: boolean;
  readonly lastSyncMs: number | null;
  readonly lastVerifiedMs: number | null;
  readonly rebuild: Rebuild | null;
  /** The number of records that the first sync or rebuild in progress downloads; null before its first page. */
  readonly downloadTotal: number | null;
  /** Null once the digests were equal. */
  readonly mismatch: Mismatch | null;
}

export type StateChange = Partial<Omit<CacheState, 'generation'>>;

/** Reads the state as the connection sees it. Throws `cache_unusable` if it is missing or malformed. */
export function readState(reader: CacheReader): CacheState {
  return inReadTransaction(reader.db, 'reading the state', () => {
    const row = prepared(reader.db, 'SELECT * FROM state').get();
    if (!row) {
      throw new AppError('cache_unusable', 'The data on this computer has lost its state. Reset the local data.', { damage: 'file' });
    }
    const reason = text(row['rebuild_reason']);
    return {
      serverOrigin: text(row['server_origin']),
      accountId: text(row['account_id']),
      userId: text(row['user_id']),
      user: parseUser(text(row['user'])),
      scope: text(row['scope']),
      cursor: text(row['cursor']),
      generation: row['generation'] === 'b' ? 'b' : 'a',
      isInitialComplete: row['is_initial_complete'] === 1,
      lastSyncMs: integer(row['last_sync_ms']),
      lastVerifiedMs: integer(row['last_verified_ms']),
      rebuild: reason === null
        ? null
        : { reason, scope: text(row['rebuild_scope']), cursor: text(row['rebuild_cursor']) },
      downloadTotal: integer(row['download_total']),
      mismatch: mismatchOf(integer(row['mismatch_downloads']), integer(row['mismatch_ms']), text(row['mismatch_message'])),
    };
  });
}

/**
 * Updates the given fields of the state. Durable on return; inside `beginChanges` it commits with the changes. Throws
 * `disk_full`, `cache_busy`, `cache_unusable`.
 */
export function saveState(writer: CacheWriter, change: StateChange): void {
  const values = new Map<string, string | number | null>();
  if (change.serverOrigin !== undefined) values.set('server_origin', change.serverOrigin);
  if (change.accountId !== undefined) values.set('account_id', change.accountId);
  if (change.userId !== undefined) values.set('user_id', change.userId);
  if (change.user !== undefined) values.set('user', change.user === null ? null : JSON.stringify(change.user));
  if (change.scope !== undefined) values.set('scope', change.scope);
  if (change.cursor !== undefined) values.set('cursor', change.cursor);
  if (change.isInitialComplete !== undefined) values.set('is_initial_complete', Number(change.isInitialComplete));
  if (change.lastSyncMs !== undefined) values.set('last_sync_ms', change.lastSyncMs);
  if (change.lastVerifiedMs !== undefined) values.set('last_verified_ms', change.lastVerifiedMs);
  if (change.rebuild !== undefined) {
    values.set('rebuild_reason', change.rebuild?.reason ?? null);
    values.set('rebuild_scope', change.rebuild?.scope ?? null);
    values.set('rebuild_cursor', change.rebuild?.cursor ?? null);
  }
  if (change.downloadTotal !== undefined) values.set('download_total', change.downloadTotal);
  if (change.mismatch !== undefined) {
    values.set('mismatch_downloads', change.mismatch?.downloads ?? null);
    values.set('mismatch_ms', change.mismatch?.atMs ?? null);
    values.set('mismatch_message', change.mismatch?.message ?? null);
  }
  if (values.size === 0) return;
  const assignments = [...values.keys()].map((column) => `${column} = ?`).join(', ');
  inTransaction(writer.db, 'saving the state', () => {
    prepared(writer.db, `UPDATE state SET ${assignments}`).run(...values.values());
  });
}

/** The digest stored with the rows of a generation, by collection. */
export function readDigest(reader: CacheReader, generation: Generation): Digest {
  return inReadTransaction(reader.db, 'reading the digest', () => {
    const rows = prepared(reader.db, 'SELECT collection, count, sum FROM digest WHERE generation = ?').all(generation);
    return Object.fromEntries(rows.map((row) =>
      [String(row['collection']), { count: Number(row['count']), sum: Number(row['sum']) }]));
  });
}

/** Saves one collection's digest. Call it in the transaction that changes the rows. */
export function saveDigest(
  writer: CacheWriter, generation: Generation, collection: string, digest: CollectionDigest,
): void {
  prepared(writer.db, 'INSERT OR REPLACE INTO digest (generation, collection, count, sum) VALUES (?, ?, ?, ?)')
    .run(generation, collection, digest.count, digest.sum);
}

const maxAttempts = 200;

/**
 * Records a sync attempt, together with a change of the state, and deletes all but the newest 200 attempts, without waiting for the
 * disk: until the next commit that does, a power cut may undo it, and the last sync then seems older than it was. Not to be called
 * inside a transaction. Throws `disk_full`, `cache_busy`, `cache_unusable`.
 */
export function recordAttempt(writer: CacheWriter, attempt: Attempt, change: StateChange = {}): void {
  const { startedMs, durationMs, changes, bytes, outcome, code, kind = null, detail } = attempt;
  try {
    writer.db.exec('PRAGMA synchronous = NORMAL');
    inTransaction(writer.db, 'recording the attempt', () => {
      prepared(writer.db, 'INSERT INTO attempts (started_ms, duration_ms, changes, bytes, outcome, code, kind, detail) '
        + 'VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(startedMs, durationMs, changes, bytes, outcome, code, kind, detail);
      prepared(writer.db, 'DELETE FROM attempts WHERE id <= (SELECT max(id) FROM attempts) - ?').run(maxAttempts);
      saveState(writer, change);
    });
  } catch (error) {
    throw sqliteError(error, 'recording the attempt');
  } finally {
    if (writer.db.isOpen && !writer.db.isTransaction) writer.db.exec('PRAGMA synchronous = FULL');
  }
}

/** Sync attempts, newest first, at most 200. */
export function listAttempts(reader: CacheReader, limit = maxAttempts): Attempt[] {
  return inReadTransaction(reader.db, 'reading the attempts', () =>
    reader.db.prepare('SELECT * FROM attempts ORDER BY id DESC LIMIT ?').all(limit).map((row) => ({
      startedMs: Number(row['started_ms']),
      durationMs: Number(row['duration_ms']),
      changes: Number(row['changes']),
      bytes: Number(row['bytes']),
      // Written only by `recordAttempt`.
      outcome: String(row['outcome']) as Attempt['outcome'],
      code: text(row['code']) as ErrorCode | null,
      ...(row['kind'] === null ? {} : { kind: String(row['kind']) as FailureKind }),
      detail: text(row['detail']),
    })));
}

function parseUser(json: string | null): SignedInUser | null {
  if (json === null) return null;
  try {
    return parseSignedInUser({ user: JSON.parse(json) });
  } catch (error) {
    throw new AppError('cache_unusable', 'The data on this computer does not say whose it is. Reset the local data.', {
      cause: error, damage: 'file',
    });
  }
}

function mismatchOf(downloads: number | null, atMs: number | null, message: string | null): Mismatch | null {
  return downloads === null || atMs === null || message === null ? null : { downloads, atMs, message };
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function integer(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
