// Writing changes into a generation: rows, list, words and digest together.
//
// What always holds: nothing written here is readable or survives a crash before `commitChanges`, and the digest
// commits with the rows, so that it describes exactly those that are there.

import { emptyDigest } from '../../shared/digest.ts';
import type { WireChange } from '../../shared/feed.ts';
import { badResponse } from '../../shared/protocol.ts';
import { Applier } from './applier.ts';
import type { CacheWriter, Generation } from './schema.ts';
import { readDigest } from './state.ts';
import { inTransaction, toAppError } from './sqlite.ts';

const doing = 'writing changes';

export interface ApplyCounts {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Replays, changes older than what is held, and deletes of what is not there. */
  readonly ignored: number;
}

/**
 * Opens the writing transaction, which may stay open over awaits: a catch-up of several pages becomes visible in one
 * commit. Until it ends every other write of this process joins it. Throws `cache_busy` if another process writes.
 */
export function beginChanges(writer: CacheWriter): void {
  try {
    writer.db.exec('BEGIN IMMEDIATE');
  } catch (error) {
    throw toAppError(error, 'starting to write');
  }
}

/** Makes everything since `beginChanges` durable and visible at once. If it throws, none of it happened. */
export function commitChanges(writer: CacheWriter): void {
  try {
    writer.db.exec('COMMIT');
  } catch (error) {
    rollbackChanges(writer);
    throw toAppError(error, 'saving the changes');
  }
}

/** Forgets everything since `beginChanges`; harmless when nothing is open. */
export function rollbackChanges(writer: CacheWriter): void {
  if (writer.db.isTransaction) writer.db.exec('ROLLBACK');
}

/**
 * Writes changes into a generation. Inside `beginChanges` they become durable with `commitChanges`, and when it throws
 * everything since then is rolled back; otherwise all of them are durable when it returns, or none when it throws. A
 * change older than the record held is ignored, an equal one is a replay. 1,000 changes take about 8 ms, so a caller
 * that shares its thread passes a page in slices and lets others run between. Throws `bad_response` for an unknown
 * collection or a payload that is not JSON, `disk_full`, `cache_busy`, `cache_unusable`.
 */
export function applyChanges(
  writer: CacheWriter, generation: Generation, changes: readonly WireChange[],
): ApplyCounts {
  if (!writer.db.isTransaction) return inTransaction(writer.db, doing, () => writeChanges(writer, generation, changes));
  // No savepoint: it would copy every page it touches, and a catch-up that lost a slice must not be committed.
  try {
    return writeChanges(writer, generation, changes);
  } catch (error) {
    rollbackChanges(writer);
    throw toAppError(error, doing);
  }
}

function writeChanges(writer: CacheWriter, generation: Generation, changes: readonly WireChange[]): ApplyCounts {
  const digest = readDigest(writer, generation);
  const appliers = new Map<string, Applier>();
  for (const change of changes) {
    let applier = appliers.get(change.collection);
    if (!applier) {
      const collection = writer.layout.collections.get(change.collection);
      if (!collection) throw badResponse(`it has a collection called ${change.collection}`);
      applier = new Applier(writer, generation, collection, digest[change.collection] ?? emptyDigest);
      appliers.set(change.collection, applier);
    }
    applier.apply(change);
  }
  for (const applier of appliers.values()) applier.finish();
  return sumCounts([...appliers.values()].map((applier) => applier.counts));
}

function sumCounts(all: readonly ApplyCounts[]): ApplyCounts {
  return all.reduce((sum, counts) => ({
    inserted: sum.inserted + counts.inserted,
    updated: sum.updated + counts.updated,
    deleted: sum.deleted + counts.deleted,
    ignored: sum.ignored + counts.ignored,
  }), { inserted: 0, updated: 0, deleted: 0, ignored: 0 });
}
