// Searching with and without a full-text index: what matches, that results are never stale, and that no input is an
// error.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { applyChanges, buildNext, isBuilt, listPage, type Cache } from '../../../desktop/cache/cache.ts';
import { fill, invoice, temporaryCache, tombstone, upsert } from './fixtures.ts';

const customers = [
  'Müller Logistics GmbH', 'Mulder & Söhne', 'Nord-Bau AG', 'ÖKO Energie', 'O’Neil "Quotes" (Ltd)', 'Łódź Textil', '100 % Print_Shop',
  'back\\slash',
];

function found(cache: Cache, search: string): number[] {
  const { rows, total } = listPage(cache.reader, { collection: 'invoices', search, sort: { column: 'number' }, limit: 500 });
  assert.equal(rows.length, total);
  return rows.map(({ id }) => Number.parseInt(id, 16));
}

for (const hasFullText of [true, false]) {
  describe(hasFullText ? 'with a full-text index' : 'without a full-text index', () => {
    const make = (t: Parameters<typeof temporaryCache>[0]): Cache => {
      const cache = temporaryCache(t, { hasFullText });
      fill(cache, customers.map((customerName, index) => upsert('invoices', index, invoice(index, { customerName }))));
      return cache;
    };

    test('every word must match in any searched column, ignoring case', (t) => {
      const cache = make(t);
      assert.deepEqual(found(cache, 'logistics'), [0]);
      assert.deepEqual(found(cache, 'LOGI gmb'), [0]);
      assert.deepEqual(found(cache, 'gmbh inv-2025-00000'), [0]);
      assert.deepEqual(found(cache, 'gmbh inv-2025-00001'), []);
      assert.deepEqual(found(cache, '  bau\t'), [2]);
      assert.deepEqual(found(cache, 'nowhere'), []);
    });

    test('an invoice number is found by its beginning and by its last part', (t) => {
      const cache = make(t);
      assert.deepEqual(found(cache, 'INV-2025-0000'), [0, 1, 2, 3, 4, 5, 6, 7]);
      assert.deepEqual(found(cache, '00003'), [3]);
      assert.deepEqual(found(cache, 'inv-2025-00003'), [3]);
    });

    test('a search without letters or digits matches everything', (t) => {
      const cache = make(t);
      for (const search of ['', ' ', '-', '%', '"', '* ^ :', '\u0000', '()', '\\', "'"]) {
        assert.equal(found(cache, search).length, customers.length, search);
      }
    });

    test('SQL and full-text syntax is matched literally', (t) => {
      const cache = make(t);
      assert.deepEqual(found(cache, 'back\\slash'), [7]);
      assert.deepEqual(found(cache, '"Quotes"'), [4]);
      assert.deepEqual(found(cache, 'Print_Shop'), [6]);
      assert.deepEqual(found(cache, 'Pr%nt'), []);
      assert.deepEqual(found(cache, 'Pr_nt'), []);
      assert.deepEqual(found(cache, 'nord OR müller'), []);
      assert.deepEqual(found(cache, 'nord NOT energie'), []);
      assert.deepEqual(found(cache, 'customerName:nord'), []);
    });

    test('a change is immediately found by its new text only', (t) => {
      const cache = make(t);
      applyChanges(cache.writer, 'a', [
        upsert('invoices', 0, invoice(0, { customerName: 'Renamed' }), 100), tombstone('invoices', 1, 100),
        upsert('invoices', 20, invoice(20, { customerName: 'Brandnew' }), 100),
      ]);
      const words = ['logistics', 'renamed', 'mulder', 'brandnew'];
      assert.deepEqual(words.map((word) => found(cache, word)), [[], [0], [], [20]]);
    });

    test('a search combines with filters', (t) => {
      const cache = make(t);
      applyChanges(cache.writer, 'a', [upsert('invoices', 30, invoice(30, { customerName: 'Nord-Bau AG', status: 'paid' }), 100)]);
      const { rows, total } = listPage(cache.reader, { collection: 'invoices', search: 'bau', filters: { status: 'paid' } });
      assert.deepEqual([rows.length, total], [1, 1]);
    });

    test('no input is an error', (t) => {
      const cache = make(t);
      const syntax = fc.constantFrom(
        '"', "'", '*', '^', ':', '(', ')', '+', '-', '%', '_', '\\', 'AND', 'OR', 'NOT', 'NEAR(', '{', '}', ' ', '\u0000', 'ü', '\ud800',
      );
      const text = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 400 }), fc.string({ unit: 'grapheme' }), fc.array(syntax).map((parts) => parts.join('')),
        fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
      );
      fc.assert(fc.property(text, (search) => {
        found(cache, search);
      }), { numRuns: 500 });
      found(cache, 'a'.repeat(100_000));
      found(cache, 'a '.repeat(50_000));
    });
  });
}

test('the full-text index ignores accents', (t) => {
  const cache = temporaryCache(t);
  fill(cache, customers.map((customerName, index) => upsert('invoices', index, invoice(index, { customerName }))));
  assert.deepEqual([found(cache, 'muller'), found(cache, 'MÜLLER'), found(cache, 'oko'), found(cache, 'sohne')], [[0], [0], [3], [1]]);
});

test('searches are complete while the index is being built, including changes made meanwhile', (t) => {
  const cache = temporaryCache(t);
  const COUNT = 12_000;
  applyChanges(cache.writer, 'a', Array.from({ length: COUNT }, (_, index) =>
    upsert('invoices', index, invoice(index, { customerName: `Name${index}` }))));
  const check = (): void => {
    assert.equal(listPage(cache.reader, { collection: 'invoices', search: 'inv-2025' }).total, COUNT);
    assert.deepEqual([found(cache, 'name4321.'), found(cache, 'Name11999'), found(cache, 'changed')], [[4321], [11_999], [5, 11_000]]);
  };
  const renamed = { customerName: 'Changed' };
  let steps = 0;
  while (!isBuilt(cache.reader, 'a')) {
    buildNext(cache.writer, 'a');
    steps += 1;
    if (steps === 1) {
      applyChanges(cache.writer, 'a', [
        upsert('invoices', 5, invoice(5, renamed), 20_000), upsert('invoices', 11_000, invoice(11_000, renamed), 20_000),
      ]);
    }
    const second = 20_000 + steps;
    applyChanges(cache.writer, 'a', [
      tombstone('invoices', 7000, second), upsert('invoices', 7000, invoice(7000, { customerName: `Name7000x${steps}` }), second),
      tombstone('invoices', 30, second), upsert('invoices', 30, invoice(30, { customerName: 'Name30' }), second),
    ]);
    check();
  }
  check();
  assert.deepEqual(found(cache, `Name7000x${steps}`), [7000]);
});
