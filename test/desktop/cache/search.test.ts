// Searching with and without a full-text index: what matches, that results are never stale, and that no input is an
// error.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import {
  applyChanges, beginChanges, buildIndexes, buildNext, isBuilt, listPage, proveRows, rollbackChanges, type Cache,
} from '../../../desktop/cache/cache.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import { buildAll, failsWith, fill, invoice, temporaryCache, tombstone, upsert } from './fixtures.ts';
import { assertConsistent } from './inspect.ts';

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

    test('umlauts are found as ae, oe and ue, and the other way round', (t) => {
      const cache = temporaryCache(t, { hasFullText });
      const names = [
        'Fritz Schröder', 'Fritz Schroeder', 'Neue Bäuerle', 'Neue Baeuerle', 'Große Öfen', 'Grosse Oefen', 'ÜBER', 'Blue Does',
        'Quelle Bauer',
      ];
      fill(cache, names.map((customerName, index) => upsert('invoices', index, invoice(index, { customerName }))));
      for (const search of ['schroeder', 'Schröder', 'Schro\u0308der', 'Schroe fritz', 'schrö']) {
        assert.deepEqual(found(cache, search), [0, 1], search);
      }
      for (const search of ['neue baeuerle', 'Neue Bäuerle']) assert.deepEqual(found(cache, search), [2, 3], search);
      for (const search of ['Oefen', 'Öfen']) assert.deepEqual(found(cache, search), [4, 5], search);
      for (const search of ['blue', 'does', 'Blue DOES']) assert.deepEqual(found(cache, search), [7], search);
      for (const search of ['quelle bauer', 'quell']) assert.deepEqual(found(cache, search), [8], search);
      // Without a full-text index the case counts beyond A–Z.
      for (const [search, ...expected] of [['SCHROEDER', 0, 1], ['ueber', 6], ['oefen', 4, 5]] as const) {
        if (hasFullText) assert.deepEqual(found(cache, search), expected, search);
      }
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

    test('no search text causes an error', (t) => {
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

test('what a search found is found again after each change, also in the transaction that makes it, and after that was undone', (t) => {
  const cache = temporaryCache(t);
  fill(cache, [upsert('invoices', 1, invoice(1)), upsert('invoices', 2, invoice(2))]);
  const totals = (search: string): number[] =>
    [cache.reader, cache.writer].map((reader) => listPage(reader, { collection: 'invoices', search, limit: 1 }).total);
  assert.deepEqual([totals('inv'), totals('inv'), totals('00002'), totals('inv')], [[2, 2], [2, 2], [1, 1], [2, 2]]);
  beginChanges(cache.writer);
  applyChanges(cache.writer, 'a', [upsert('invoices', 3, invoice(3))]);
  assert.deepEqual(totals('inv'), [2, 3]);
  applyChanges(cache.writer, 'a', [tombstone('invoices', 1, 10), tombstone('invoices', 2, 10)]);
  assert.deepEqual([totals('inv'), totals('0')], [[2, 1], [2, 1]]);
  rollbackChanges(cache.writer);
  assert.deepEqual([totals('0'), totals('inv')], [[2, 2], [2, 2]]);
  applyChanges(cache.writer, 'a', [tombstone('invoices', 1, 10)]);
  assert.deepEqual(totals('inv'), [1, 1]);
});

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

describe('what people have in hand is found:', () => {
  const line = (description: string): JsonObject => ({ description, quantityMilli: 1000, unitPriceMinor: 1, taxRateBp: 0 });

  test('the end of a number, and of what has leading zeros', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [7416, 17_416, 42].map((number, index) => upsert('invoices', index, invoice(number))));
    assert.deepEqual(['7416', '416', '17416', '042', '42', '0042', '741'].map((search) => found(cache, search)),
      [[0, 1], [0, 1], [1], [2], [2], [2], [0, 1]]);
    // Years are in every number.
    assert.deepEqual(found(cache, '025'), []);
  });

  test('what is written on the lines, as it is now', async (t) => {
    const cache = temporaryCache(t);
    fill(cache, [
      upsert('invoices', 0, invoice(0, { lines: [line('Roof repair'), line('Gutter, 12 m')] })), upsert('invoices', 1, invoice(1)),
      upsert('invoices', 2, invoice(2, { lines: ['roof', null, { description: 7 }] as never })),
      upsert('invoices', 3, invoice(3, { lines: 'roof' })),
    ]);
    assert.deepEqual([found(cache, 'gutter roof'), found(cache, 'roof customer'), found(cache, 'repair gutter')], [[0], [0], [0]]);
    applyChanges(cache.writer, 'a', [
      upsert('invoices', 0, invoice(0, { lines: [line('Chimney')] }), 100),
      upsert('invoices', 1, invoice(1, { lines: [line('Roof')] }), 100),
      upsert('invoices', 4, invoice(4, { lines: [line('Roof')] }), 100),
    ]);
    assert.deepEqual([found(cache, 'roof'), found(cache, 'chimney')], [[1, 4], [0]]);
    assert.deepEqual(await proveRows(cache.writer, async () => undefined, () => 1), { rows: [], words: [] });
  });

  test('an amount, in each currency with its decimals, whichever column has it', (t) => {
    for (const hasFullText of [true, false]) {
      const cache = temporaryCache(t, { hasFullText });
      fill(cache, [
        upsert('invoices', 0, invoice(0, { totalMinor: 233_415 })), upsert('invoices', 1, invoice(1, { totalMinor: 233_416 })),
        upsert('invoices', 2, invoice(2, { totalMinor: 500_000, paidMinor: 266_585 })),
        upsert('invoices', 3, invoice(3, { totalMinor: 2_334_150, currency: 'KWD' })),
        upsert('invoices', 4, invoice(4, { totalMinor: 233_415, currency: 'JPY' })),
        upsert('invoices', 5, invoice(5, { kind: 'credit_note', status: 'paid', totalMinor: 233_415 })),
        upsert('invoices', 6, invoice(6, { totalMinor: 2334, currency: 'JPY' })),
      ]);
      const find = (search: string, amount: string): number[] => {
        const { rows, total } = listPage(cache.reader, { collection: 'invoices', search, amount, sort: { column: 'number' } });
        assert.equal(rows.length, total);
        return rows.map(({ id }) => Number.parseInt(id, 16));
      };
      assert.deepEqual(find('2,334.15', '2334.15'), [0, 2, 3, 5]);
      assert.deepEqual(find('2.334,150', '2334.150'), [0, 2, 3, 5]);
      assert.deepEqual(find('2334', '2334'), [6]);
      assert.deepEqual(find('233415', '233415'), [4]);
      assert.deepEqual(find('INV-2025-00001', '2334.16'), [1]);
      for (const amount of ['', '1e3', '-1', '1,5', ' 1', '12345678901234567']) {
        failsWith('invalid_request', () => find('x', amount));
      }
    }
  });

  test('any part of a text without spaces, letters with strokes and ligatures, invisible marks, wide letters and emojis', (t) => {
    const cache = temporaryCache(t);
    const names = [
      '株式会社東京商事', 'บริษัทกรุงเทพ', '삼성전자', 'Straße Łódź Øresund', '\u200eNord\u202aWind\u202c', 'Café 🚀 👍🏽', 'ＡＢＣ商店', 'Cafe ☕',
    ];
    fill(cache, names.map((customerName, index) => upsert('invoices', index, invoice(index, { customerName }))));
    const searches = {
      東京: [0], 商: [0, 6], 会社東: [0], 京東: [], กรุง: [1], 전자: [2], strasse: [3], STRASSE: [3], lodz: [3], oresund: [3], 'straße łódź': [3],
      nordwind: [4], 'nord\u200ewind': [4], '🚀': [5], '👍': [5], '👍🏾': [5], 'cafe 🚀': [5], '☕': [7], '🎈': [], abc: [6],
    };
    for (const [search, expected] of Object.entries(searches)) assert.deepEqual(found(cache, search), expected, search);
  });
});

describe('names are sorted by the language', () => {
  const names = ['Zebra', 'Ärmel', 'arm', 'Łom', 'Lot', 'Örtel', '"Otto"', 'Straße', 'Strasser', 'zoo', '東京', '', '!'];
  const sorted = ['', '!', 'arm', 'Ärmel', 'Łom', 'Lot', 'Örtel', '"Otto"', 'Straße', 'Strasser', 'Zebra', 'zoo', '東京'];
  const customers = names.map((name, index) => upsert('customers', index, { name, currency: 'EUR' }));
  const list = (cache: Cache, descending = false): unknown[] =>
    listPage(cache.reader, { collection: 'customers', sort: { column: 'name', descending } }).rows.map(({ columns }) => columns['name']);

  test('before and after the indexes are built', (t) => {
    const cache = temporaryCache(t);
    applyChanges(cache.writer, 'a', customers);
    assert.deepEqual([list(cache), list(cache, true)], [sorted, sorted.toReversed()]);
    buildAll(cache);
    assert.deepEqual([list(cache), list(cache, true)], [sorted, sorted.toReversed()]);
    applyChanges(cache.writer, 'a', [
      upsert('customers', 0, { name: 'Äpfel', currency: 'EUR' }, 100), upsert('customers', 50, { name: 'åren', currency: 'EUR' }, 100),
    ]);
    assert.deepEqual(list(cache).slice(2, 6), ['Äpfel', 'åren', 'arm', 'Ärmel']);
    assertConsistent(cache, 'a');
  });

  test('also in the background, and while rows come and go in the middle of it', async (t) => {
    const cache = temporaryCache(t);
    const many = Array.from({ length: 11_000 }, (_, index) =>
      upsert('customers', index, { name: `${'zäa'[index % 3]} ${index}`, currency: 'EUR' }));
    applyChanges(cache.writer, 'a', many);
    let second = 30_000;
    await buildIndexes(cache.writer, 'a', async () => {
      second += 1;
      applyChanges(cache.writer, 'a', [
        upsert('customers', second % 3, { name: `Ä ${second}`, currency: 'EUR' }, second),
        tombstone('customers', 10_500 + second % 7, second),
        upsert('customers', 40_000 + second, { name: `new ${second}`, currency: 'EUR' }, second),
      ]);
    });
    assertConsistent(cache, 'a');
    const { rows } = listPage(cache.reader, { collection: 'customers', filters: { name: { from: 'a' } }, limit: 500 });
    assert.deepEqual(rows.slice(0, 2).map(({ columns }) => columns['name']), ['ä 10', 'ä 100']);
    const isByLetter = rows.every(({ columns }) => /^[aä] /i.test(String(columns['name'])));
    assert.ok(isByLetter);
  });
});
