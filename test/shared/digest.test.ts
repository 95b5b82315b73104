// The digest that proves a cache equal to the server.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { addCrc, digestDifferences, emptyDigest, recordCrc, subtractCrc, type CollectionDigest } from '../../shared/digest.ts';

const crc = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const sumOf = (crcs: readonly number[]): CollectionDigest => crcs.reduce(addCrc, emptyDigest);

/** CRC-32 as in ISO 3309, bit by bit. */
function crcBitByBit(text: string): number {
  let register = 0xffff_ffff;
  for (const byte of Buffer.from(text)) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit += 1) register = (register >>> 1) ^ (register & 1 ? 0xedb8_8320 : 0);
  }
  return (register ^ 0xffff_ffff) >>> 0;
}

describe('a digest', () => {
  test('adds each record\'s CRC-32 over its id, its instant and its payload in UTF-8', () => {
    assert.equal(crcBitByBit('123456789'), 0xcbf4_3926);
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.string({ unit: 'grapheme' }), (id, updatedAt, payload) =>
      assert.equal(recordCrc(id, updatedAt, payload), crcBitByBit(`${id}\n${updatedAt}\n${payload}`))));
  });

  test('does not depend on the order of the records', () => {
    fc.assert(fc.property(fc.array(crc), fc.array(crc), (a, b) => assert.deepEqual(sumOf([...a, ...b]), sumOf([...b, ...a]))));
  });

  test('is the same after a record is added and removed as before', () => {
    fc.assert(fc.property(fc.array(crc), crc, (rest, gone) => assert.deepEqual(subtractCrc(sumOf([gone, ...rest]), gone), sumOf(rest))));
  });

  test('stays exact past 2^48', () => {
    const full: CollectionDigest = { count: 70_000, sum: 2 ** 48 - 1 };
    assert.deepEqual(addCrc(full, 2 ** 32 - 1), { count: 70_001, sum: 2 ** 32 - 2 });
    assert.deepEqual(subtractCrc(addCrc(full, 2 ** 32 - 1), 2 ** 32 - 1), full);
  });

  test('differs in the collections whose count or sum differs, counting a missing one as empty', () => {
    const [one, two] = [sumOf([1]), sumOf([2])];
    assert.deepEqual(digestDifferences({ a: one, b: one, c: one }, { a: one, b: two, d: two }), ['b', 'c', 'd']);
    assert.deepEqual(digestDifferences({ a: one }, { a: { ...one, count: 2 } }), ['a']);
    assert.deepEqual(digestDifferences({ a: emptyDigest }, {}), []);
  });
});
