// Where the pages of a printed invoice break, and which of them carry a total.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { breakPages, type PageRoom, type Piece } from '../../../ui/invoice/paper-pages.ts';

const room: PageRoom = { firstMm: 100, nextMm: 150, headMm: 10, carryMm: 5 };
const rows = (count: number, heightMm = 10): readonly Piece[] => Array.from({ length: count }, () => ({ part: 'line', heightMm }));
const sum: Piece = { part: 'sum', heightMm: 30 };
const text: Piece = { part: 'text', heightMm: 20 };
/** Each piece by itself, but for the last line and the totals. */
const groupsOf = (pieces: readonly Piece[]): readonly number[] => {
  const lines = pieces.filter(({ part }) => part === 'line').length;
  return [...Array.from({ length: lines - 1 }, () => 1), 2, ...pieces.slice(lines + 1).map(() => 1)];
};
const breakAll = (pieces: readonly Piece[]) => breakPages(pieces, groupsOf(pieces), room);

describe('breaking pages', () => {
  test('leaves on one page what it has room for, without a carried total', () => {
    // 10 for the head, 40 for lines, 30 for the totals, 20 for the text.
    assert.deepEqual(breakAll([...rows(4), sum, text]), [{ from: 0, to: 6, isCarriedIn: false, isCarriedOut: false }]);
  });

  test('carries no total over a break after the totals', () => {
    assert.deepEqual(breakAll([...rows(5), sum, text]), [
      { from: 0, to: 6, isCarriedIn: false, isCarriedOut: false }, { from: 6, to: 7, isCarriedIn: false, isCarriedOut: false },
    ]);
  });

  test('keeps the last line with the totals', () => {
    assert.deepEqual(breakAll([...rows(7), sum]), [
      { from: 0, to: 6, isCarriedIn: false, isCarriedOut: true }, { from: 6, to: 8, isCarriedIn: true, isCarriedOut: false },
    ]);
  });

  test('leaves room for the head and the carried totals on every page', () => {
    const pieces = [...rows(40), sum, text];
    const pages = breakAll(pieces);
    // 8 lines on the first (10 + 80 + 5), 13 on the next (10 + 5 + 130 + 5).
    assert.deepEqual(pages.map(({ from, to }) => to - from), [8, 13, 13, 8]);
    assert.deepEqual(pages.map(({ isCarriedIn }) => isCarriedIn), [false, true, true, true]);
    assert.deepEqual(pages.map(({ isCarriedOut }) => isCarriedOut), [true, true, true, false]);
  });

  test('breaks a group only if no page has room for it', () => {
    const part: Piece = { part: 'line', heightMm: 40 };
    assert.deepEqual(breakPages([...rows(5), part, part, sum], [1, 1, 1, 1, 1, 2, 1], room).map(({ to }) => to), [5, 8]);
    assert.deepEqual(breakPages([...rows(3), part, part, part, part, sum], [1, 1, 1, 4, 1], room).map(({ to }) => to), [4, 7, 8]);
  });

  test('leaves the first page without pieces if only the next one has room for the first', () => {
    assert.deepEqual(breakAll([...rows(1, 120), sum]), [
      { from: 0, to: 0, isCarriedIn: false, isCarriedOut: false }, { from: 0, to: 1, isCarriedIn: false, isCarriedOut: true },
      { from: 1, to: 2, isCarriedIn: true, isCarriedOut: false },
    ]);
    assert.deepEqual(breakAll([...rows(1, 80), sum]).map(({ to }) => to), [1, 2]);
  });

  test('loses nothing, whatever the heights are', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      let state = seed;
      const random = (below: number): number => {
        state = (state * 48_271) % 2_147_483_647;
        return state % below;
      };
      const pieces: readonly Piece[] = [
        ...Array.from({ length: 1 + random(60) }, (): Piece => ({ part: 'line', heightMm: 4 + random(200) })), sum, text,
      ];
      const pages = breakAll(pieces);
      assert.deepEqual(pages.map(({ from }) => from), [0, ...pages.slice(0, -1).map(({ to }) => to)], `seed ${seed}`);
      assert.equal(pages.at(-1)?.to, pieces.length, `seed ${seed}`);
      for (const [index, { from, to, isCarriedIn, isCarriedOut }] of pages.entries()) {
        const heightMm = pieces.slice(from, to).reduce((total, piece) => total + piece.heightMm, 0);
        const aroundMm = (isCarriedIn ? 5 : 0) + (isCarriedOut ? 5 : 0);
        assert(to - from <= 1 || heightMm + aroundMm <= (index === 0 ? 100 : 150), `seed ${seed}, page ${index}`);
      }
    }
  });
});
