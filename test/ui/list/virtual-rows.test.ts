// The arithmetic of virtual scrolling: which rows are drawn, by which elements, and where a key moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { assignRows, poolSize, rowAfterKey, rowPx, rowWindow, scrollToShow } from '../../../ui/list/virtual-rows.ts';

const view = fc.record({ scrollPx: fc.nat(4_000_000), viewPx: fc.integer({ min: 1, max: 2000 }), total: fc.nat(100_000) });

test('every row in view is drawn exactly once, by an element of the pool', () => {
  fc.assert(fc.property(view, ({ scrollPx, viewPx, total }) => {
    const drawn = assignRows(rowWindow(scrollPx, viewPx, total), poolSize(viewPx)).filter((index) => index !== null);
    assert.equal(new Set(drawn).size, drawn.length);
    for (let index = Math.floor(scrollPx / rowPx); index * rowPx < scrollPx + viewPx && index < total; index += 1) {
      assert(drawn.includes(index), `row ${index}`);
    }
    assert(drawn.every((index) => index >= 0 && index < total));
  }));
});

test('a row keeps its element for as long as it is drawn', () => {
  fc.assert(fc.property(view, fc.integer({ min: -300, max: 300 }), ({ scrollPx, viewPx, total }, byPx) => {
    const pool = poolSize(viewPx);
    const before = assignRows(rowWindow(scrollPx, viewPx, total), pool);
    const after = assignRows(rowWindow(Math.max(0, scrollPx + byPx), viewPx, total), pool);
    for (const [element, index] of after.entries()) {
      if (index !== null && before.includes(index)) assert.equal(before[element], index);
    }
  }));
});

test('a row is scrolled into view by the shortest distance', () => {
  assert.equal(scrollToShow(2, 0, 320), 0);
  assert.equal(scrollToShow(10, 0, 320), rowPx);
  assert.equal(scrollToShow(1, 320, 320), rowPx);
});

test('keys move between rows and stop at both ends', () => {
  const after = (key: string, index: number): number | null => rowAfterKey(key, index, 100, 10 * rowPx);
  assert.deepEqual(['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End'].map((key) => after(key, 50)), [51, 49, 59, 41, 0, 99]);
  assert.deepEqual([after('ArrowDown', 99), after('ArrowUp', 0), after('ArrowDown', -1), after('a', 5)], [99, 0, 0, null]);
});
