// A rebuild: the whole account again, beside the copy that stays readable, and then in its place in one commit.
//
//   startRebuild ─▶ pages into otherGeneration(state.generation), each commit with state.rebuild.cursor
//                ─▶ buildNext until it says done ─▶ swapGenerations ─▶ dropInactive
//
// What always holds: `state.generation` names tables that are whole. A crash before the swap leaves the old copy and
// a rebuild that goes on from its cursor; one after it the new copy, and old tables that the next opening drops.

import { createTables, dropTables } from './layout.ts';
import { otherGeneration, type CacheWriter } from './schema.ts';
import { readState, saveState, type StateChange } from './state.ts';
import { inTransaction } from './sqlite.ts';

/** Begins (again) with empty tables beside the readable ones. Durable when it returns. `reason` is for people. */
export function startRebuild(writer: CacheWriter, reason: string): void {
  inTransaction(writer.db, 'starting the rebuild', () => {
    const beside = otherGeneration(readState(writer).generation);
    dropTables(writer, beside);
    createTables(writer, beside);
    saveState(writer, { rebuild: { reason, scope: null, cursor: null } });
  });
}

/**
 * Makes the rebuilt tables the ones that are read, takes over their scope and cursor, and sets what else is given; a
 * reader sees all of the old copy or all of the new one. Durable when it returns. The old tables stay until
 * `dropInactive`, which is the slow part. Throws a TypeError where no rebuild has a cursor.
 */
export function swapGenerations(writer: CacheWriter, change: StateChange = {}): void {
  inTransaction(writer.db, 'bringing in the rebuilt copy', () => {
    const { generation, rebuild } = readState(writer);
    if (rebuild === null || rebuild.cursor === null) throw new TypeError('There is no rebuild to bring in.');
    const { scope, cursor } = rebuild;
    saveState(writer, { scope, cursor, isInitialComplete: true, ...change, rebuild: null });
    writer.db.prepare('UPDATE state SET generation = ?').run(otherGeneration(generation));
  });
}

/** Drops the tables that are neither read nor being rebuilt; about 0.1 s per 100,000 records. Durable at once. */
export function dropInactive(writer: CacheWriter): void {
  inTransaction(writer.db, 'removing what is left of a rebuild', () => {
    const { generation, rebuild } = readState(writer);
    if (rebuild === null) dropTables(writer, otherGeneration(generation));
  });
}
