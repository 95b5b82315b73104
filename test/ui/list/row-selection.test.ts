// Selecting rows of a list: single ones, ranges, all of them, and what stays selected when the list changes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { ListRow } from '../../../shared/window/views.ts';
import { maxSelected, noSelection, pickedRange, withPick, withRows, type RowSelection } from '../../../ui/list/row-selection.ts';

const row = (id: string): ListRow => ({ id, updatedAt: '', columns: {} });
const ids = ({ rows }: RowSelection): readonly string[] => [...rows.keys()];

describe('a selection of rows', () => {
  test('takes single rows in and out, beginning with the open record', () => {
    const one = withPick(noSelection, { how: 'toggle', index: 3 }, [row('d')], row('a'));
    assert.deepEqual([ids(one), one.anchor], [['a', 'd'], 3]);
    const two = withPick(one, { how: 'toggle', index: 0 }, [row('a')], row('a'));
    assert.deepEqual(ids(two), ['d']);
    assert.equal(withPick(two, { how: 'toggle', index: 3 }, [row('d')]), noSelection);
    assert.deepEqual(ids(withPick(noSelection, { how: 'toggle', index: 0 }, [row('a')], row('a'))), ['a']);
  });

  test('extends from where it began, and is replaced by another range', () => {
    const start = withPick(noSelection, { how: 'toggle', index: 5 }, [row('f')]);
    assert.deepEqual(pickedRange({ how: 'range', index: 7 }, start.anchor, 100), [5, 7]);
    const range = withPick(start, { how: 'range', index: 7 }, [row('f'), row('g'), row('h')]);
    assert.deepEqual([ids(range), range.anchor], [['f', 'g', 'h'], 5]);
    assert.deepEqual(pickedRange({ how: 'range', index: 4 }, range.anchor, 100), [4, 5]);
    assert.equal(withPick(range, { how: 'none', index: 0 }, []), noSelection);
  });

  test('is bounded', () => {
    assert.deepEqual(pickedRange({ how: 'all', index: 9 }, -1, 3), [0, 2]);
    assert.deepEqual(pickedRange({ how: 'all', index: 9 }, -1, 20_000), [0, maxSelected - 1]);
    assert.deepEqual(pickedRange({ how: 'range', index: 20_000 }, 10, 20_001), [10, 9 + maxSelected]);
    assert.deepEqual(pickedRange({ how: 'range', index: 0 }, 20_000, 20_001), [20_001 - maxSelected, 20_000]);
    const full = { anchor: 0, rows: new Map(Array.from({ length: maxSelected }, (_, n) => [String(n), row(String(n))])) };
    assert.equal(withPick(full, { how: 'toggle', index: 9999 }, [row('new')]).rows.size, maxSelected);
  });

  test('shows rows as they are now, without those that are gone', () => {
    const selection = withPick(noSelection, { how: 'range', index: 0 }, [row('a'), row('b')]);
    const changed = { ...row('b'), updatedAt: 'later' };
    assert.deepEqual([...withRows(selection, ids(selection), [changed]).rows.values()], [changed]);
    assert.equal(withRows(selection, ids(selection), []), noSelection);
    assert.deepEqual(ids(withRows(selection, ['a', 'unselected meanwhile'], [row('unselected meanwhile')])), ['b']);
  });
});
