// Fields read from raw BSON, against documents that the driver's own library serialised.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BSON } from 'mongodb';

import { readInt64, readString } from '../../../server/mongo/bson.ts';

/** The document by itself, and as the middle one of a reply, where its bytes start at an offset in their buffer. */
function* bytesOf(document: BSON.Document): Generator<Buffer> {
  yield Buffer.from(BSON.serialize(document));
  const reply = BSON.serialize({ firstBatch: [{ before: 'x' }, document, { after: 'y' }], ok: 1 });
  yield BSON.deserialize(reply, { fieldsAsRaw: { firstBatch: true } })['firstBatch'][1];
}

const at = (value: bigint): BSON.Document => ({ at: BSON.Long.fromBigInt(value) });

test('a string is read byte for byte, wherever its field stands in the document', () => {
  for (const text of ['', 'plain', 'Grüße, 世界 𝄞', 'a\u0000b', 'x'.repeat(100_000)]) {
    for (const document of [{ payload: text, _id: 'id', sync: at(1n) }, { sync: at(1n), _id: '', payload: text }, { payload: text }]) {
      for (const bytes of bytesOf(document)) assert.equal(readString(bytes, 'payload').toString(), text);
    }
  }
});

test('a string is a view into the document, not a copy', () => {
  for (const bytes of bytesOf({ payload: 'abc' })) {
    const text = readString(bytes, 'payload');
    bytes.write('d', bytes.indexOf('abc'));
    assert.equal(text.toString(), 'dbc');
  }
});

test('integers are exact throughout the safe range', () => {
  for (const value of [0n, 1n, -1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, -(2n ** 32n) - 1n, 2n ** 53n - 1n, -(2n ** 53n) + 1n]) {
    for (const bytes of bytesOf({ at: 'not this one', sync: { other: 'x', ...at(value) } })) {
      assert.equal(readInt64(bytes, 'sync', 'at'), Number(value));
    }
  }
});

test('a field that is missing, of another type or unsupported is rejected by name', () => {
  const refused: readonly [document: BSON.Document, read: (bytes: Buffer) => unknown, message: RegExp][] = [
    [{}, (bytes) => readString(bytes, 'payload'), /no field payload/],
    [{ payloads: 'x', payloa: 'x' }, (bytes) => readString(bytes, 'payload'), /no field payload/],
    [{ payload: at(1n) }, (bytes) => readString(bytes, 'payload'), /payload has the BSON type 3/],
    [{ sync: 'x' }, (bytes) => readInt64(bytes, 'sync', 'at'), /sync has the BSON type 2/],
    [{ sync: { at: 1.5 } }, (bytes) => readInt64(bytes, 'sync', 'at'), /at has the BSON type 1/],
    [{ sync: {}, at: BSON.Long.ONE }, (bytes) => readInt64(bytes, 'sync', 'at'), /no field at/],
    [{ flag: true, payload: 'x' }, (bytes) => readString(bytes, 'payload'), /a field has the BSON type 8/],
  ];
  for (const [document, read, message] of refused) {
    for (const bytes of bytesOf(document)) assert.throws(() => read(bytes), message);
  }
});
