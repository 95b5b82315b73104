// A rebuild: downloads the whole account into the inactive generation, then swaps it in with one commit.
//
//   startRebuild ─▶ pages into otherGeneration(state.generation), each committed with state.rebuild.cursor
//                ─▶ buildIndexes ─▶ swapGenerations ─▶ dropInactive
//
// Invariant: `state.generation` names complete tables. A crash before the swap leaves the old data and a rebuild that
// resumes from its cursor; after it, the new data, and old tables that the next `openCache` drops.

import { openBackground } from './background.ts';
import { createTables, dropStatements, dropTables, hasTables, otherGeneration, type CacheWriter } from './schema.ts';
import { dropStage } from './stage.ts';
import { readState, saveState, type StateChange } from './state.ts';
import { inTransaction } from './sqlite.ts';

/**
 * Starts a rebuild, or restarts it, with empty tables, and drops what a catch-up has staged. Durable on return. `reason` is
 * a RebuildReason.
 */
export function startRebuild(writer: CacheWriter, reason: string): void {
  inTransaction(writer.db, 'starting the rebuild', () => {
    const inactive = otherGeneration(readState(writer).generation);
    dropTables(writer, inactive);
    createTables(writer, inactive);
    dropStage(writer);
    saveState(writer, { rebuild: { reason, scope: null, cursor: null }, downloadTotal: null });
  });
}

/**
 * Makes the rebuilt generation the readable one, adopts its scope and cursor, and applies `change` to the state. Readers
 * see either the old data or the new, never a mix. Durable on return. The old tables remain until `dropInactive`, which
 * is the slow part. Throws a TypeError if no rebuild has a cursor.
 */
export function swapGenerations(writer: CacheWriter, change: StateChange = {}): void {
  inTransaction(writer.db, 'swapping in the rebuilt cache', () => {
    const { generation, rebuild } = readState(writer);
    if (rebuild === null || rebuild.cursor === null) throw new TypeError('There is no rebuild to swap in.');
    const { scope, cursor } = rebuild;
    saveState(writer, { scope, cursor, isInitialComplete: true, ...change, rebuild: null });
    writer.db.prepare('UPDATE state SET generation = ?').run(otherGeneration(generation));
  });
}

/**
 * Drops the inactive generation unless it is being rebuilt; about 0.1 s per 100,000 records. Durable on return. Takes no
 * lock where there is nothing to drop.
 */
export function dropInactive(writer: CacheWriter): void {
  if (!hasInactive(writer)) return;
  inTransaction(writer.db, 'removing the remains of a rebuild', () => {
    const { generation, rebuild } = readState(writer);
    if (rebuild === null) dropTables(writer, otherGeneration(generation));
  });
}

/** The same in the background. Nothing else may write meanwhile. */
export async function dropInactiveInBackground(writer: CacheWriter): Promise<void> {
  if (!hasInactive(writer)) return;
  const background = openBackground(writer.file);
  try {
    await background.run(['BEGIN IMMEDIATE', ...dropStatements(writer, otherGeneration(readState(writer).generation)), 'COMMIT']);
  } finally {
    await background.close();
  }
}

function hasInactive(writer: CacheWriter): boolean {
  const { rebuild, generation } = readState(writer);
  return rebuild === null && hasTables(writer, otherGeneration(generation));
}
