// How wide the columns of the printed table are.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { fitColumns, numberColumns, type ColumnWidths } from '../../../ui/invoice/paper-columns.ts';

const usual: ColumnWidths = { quantity: 24, price: 31, tax: 16, amount: 30 };
const none: ColumnWidths = { quantity: 0, price: 0, tax: 0, amount: 0 };
const total = (widths: ColumnWidths): number => numberColumns.reduce((sum, column) => sum + widths[column], 0);

describe('the columns of the paper', () => {
  test('have their usual width where that is enough', () => {
    assert.deepEqual(fitColumns({ quantity: 10, price: 20, tax: 8, amount: 25 }, usual), { widthsMm: usual, scale: 1 });
  });

  test('take what a wide amount needs from the description first', () => {
    const { widthsMm, scale } = fitColumns({ ...none, amount: 40 }, usual);
    assert.deepEqual([{ ...widthsMm, amount: 0 }, scale], [{ ...usual, amount: 0 }, 1]);
    assert(widthsMm.amount > 42.5 && widthsMm.amount < 44);
  });

  test('are wide enough for every word if that leaves room for the description', () => {
    const { widthsMm, scale } = fitColumns(none, usual, { ...none, quantity: 35 });
    assert.deepEqual([widthsMm, scale], [{ ...usual, quantity: widthsMm.quantity }, 1]);
    assert(widthsMm.quantity > 37.5 && widthsMm.quantity < 39);
    const narrow = fitColumns({ ...none, amount: 40 }, usual, { ...none, quantity: 30, price: 20 });
    assert(narrow.widthsMm.quantity > 32.5 && narrow.widthsMm.price > 22.5 && narrow.widthsMm.amount > 42.5 && narrow.scale === 1);
    assert(total(narrow.widthsMm) <= 165 - 9 - 30);
  });

  test('hold what may not break, beside a description, whatever its width', () => {
    const width = fc.double({ min: 0, max: 70, noNaN: true });
    const each = fc.record({ quantity: width, price: width, tax: width, amount: width });
    fc.assert(fc.property(
      each, each, width, fc.constantFrom(usual, { ...usual, tax: 0 }),
      (kept, words, description, usualMm) => {
        const { widthsMm, scale } = fitColumns(usualMm.tax === 0 ? { ...kept, tax: 0 } : kept, usualMm, words, description);
        assert(scale > 0 && scale <= 1);
        for (const column of numberColumns) {
          if (usualMm[column] > 0) assert(widthsMm[column] - 2.5 > kept[column] * scale, column);
          else assert.equal(widthsMm[column], 0);
        }
        const rest = 165 - 9 - total(widthsMm);
        assert(rest > 29.999 && rest > description * scale, `${rest} mm for the description`);
      },
    ));
  });
});
