// CSV as written and read: any text survives, and any file can be read.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { csvText, readCsv, readCsvText } from '../../shared/csv.ts';

const piece = fc.constantFrom(
  '', ' ', '"', '""', "'", '=', '+1', '-', '@', ',', ';', '\t', '\r', '\n', '\r\n', '\u00a0', '\uff1d', 'a', 'ö', '🧾',
);
const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
const delimiter = fc.constantFrom(',', ';', '\t');
const lineEnd = fc.constantFrom('\r\n', '\n', '\r');

test('a table of any texts reads back as it was written, with the line of each row', () => {
  // A row of one empty value is an empty line, which is left out.
  const rows = fc.integer({ min: 2, max: 4 })
    .chain((length) => fc.array(fc.array(text, { minLength: length, maxLength: length }), { maxLength: 8 }));
  fc.assert(fc.property(rows, delimiter, lineEnd, fc.boolean(), (table, separator, end, endsWithLine) => {
    const lines = table.map((row) => row.map((value) => csvText(value, { delimiter: separator })).join(separator));
    const file = lines.join(end) + (endsWithLine ? end : '');
    const read = [...readCsv(file, separator)];
    assert.deepEqual(read.map(({ values, fault }) => [fault, values.map(readCsvText)]), table.map((row) => [null, row]));
    let line = 1;
    for (const [index, row] of read.entries()) {
      assert.equal(row.line, line);
      line += (lines[index]?.match(/\r\n|\n|\r/g)?.length ?? 0) + 1;
    }
  }), { numRuns: 100 });
});

test('any text is read to its end, in rows whose lines only grow, whatever is wrong with it', () => {
  fc.assert(fc.property(text, text, text, delimiter, (first, second, third, separator) => {
    const file = first + second + third;
    const rows = [...readCsv(file, separator)];
    assert.deepEqual(rows.map(({ line }) => line), [...new Set(rows.map(({ line }) => line))].sort((a, b) => a - b));
    assert.ok(rows.every(({ values, fault }) => values.length > 0 && [null, 'unclosed', 'quote'].includes(fault)));
    const left = (of: string): string => of.replace(/["\r\n]/g, '').replaceAll(separator, '');
    assert.equal(left(rows.flatMap(({ values }) => values).join('')), left(file), 'nothing but quotes and ends is lost');
  }), { numRuns: 100 });
});
