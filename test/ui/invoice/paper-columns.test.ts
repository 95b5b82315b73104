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

  test('hold what may not break, beside a description, whatever its width', () => {
    const width = fc.double({ min: 0, max: 70, noNaN: true });
    fc.assert(fc.property(
      fc.record({ quantity: width, price: width, tax: width, amount: width }), width, fc.constantFrom(usual, { ...usual, tax: 0 }),
      (kept, description, usualMm) => {
        const { widthsMm, scale } = fitColumns(usualMm.tax === 0 ? { ...kept, tax: 0 } : kept, usualMm, description);
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
