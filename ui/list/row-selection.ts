// Which rows of a list are selected, to do something with all of them. Immutable values: every change makes a new one.
//
// Invariants: rows are known by their ids, so that a selection survives rows that arrive or move. It is bounded, because every row
// of it is read.

import type { ListRow } from '../../shared/window/views.ts';

/** The most rows that can be selected. */
export const maxSelected = 500;

/** What the user does: adds or removes a row, selects up to a row from where the selection began, all rows, or none. */
export interface RowPick {
  readonly how: 'toggle' | 'range' | 'all' | 'none';
  readonly index: number;
}

export interface RowSelection {
  /** By id, in the order in which they were selected. */
  readonly rows: ReadonlyMap<string, ListRow>;
  /** Where a range begins; -1 without a selection. */
  readonly anchor: number;
}

export const noSelection: RowSelection = { rows: new Map(), anchor: -1 };

/** The first and last index that a pick selects, at most `maxSelected` apart, beginning at its anchor. */
export function pickedRange({ how, index }: RowPick, anchor: number, total: number): readonly [first: number, last: number] {
  if (how === 'all') return [0, Math.min(total, maxSelected) - 1];
  if (how !== 'range' || anchor < 0) return [index, index];
  return index < anchor ? [Math.max(index, anchor - maxSelected + 1), anchor] : [anchor, Math.min(index, anchor + maxSelected - 1)];
}

/** The selection after a pick, whose rows have been read. `open` is the record beside the list, which counts as selected first. */
export function withPick(selection: RowSelection, pick: RowPick, rows: readonly ListRow[], open?: ListRow): RowSelection {
  const { how, index } = pick;
  if (how === 'none') return noSelection;
  if (how !== 'toggle') {
    const anchor = how === 'all' ? 0 : selection.anchor < 0 ? index : selection.anchor;
    return { rows: new Map(rows.map((row) => [row.id, row])), anchor };
  }
  const [row] = rows;
  if (!row) return selection;
  const kept = new Map(selection.rows.size === 0 && open && open.id !== row.id ? [[open.id, open]] : selection.rows);
  if (!kept.delete(row.id) && kept.size < maxSelected) kept.set(row.id, row);
  return kept.size === 0 ? noSelection : { rows: kept, anchor: index };
}

/**
 * The selection with the rows in `asked` as they are now; those that are gone leave it. Others were selected meanwhile, and stay.
 */
export function withRows(selection: RowSelection, asked: readonly string[], rows: readonly ListRow[]): RowSelection {
  const now = new Map(rows.map((row) => [row.id, row]));
  const kept = new Map(selection.rows);
  for (const id of asked) {
    const row = now.get(id);
    if (!row) kept.delete(id);
    else if (kept.has(id)) kept.set(id, row);
  }
  return kept.size === 0 ? noSelection : { ...selection, rows: kept };
}
