// A stream of the feed as bytes: read as it was written wherever its bytes are cut, in pieces that each could be the last one to
// arrive, and refused if it is not laid out as the protocol says.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { formatInstant, type Instant } from '../../shared/clock.ts';
import type { Digest } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import type { Change, WireChange } from '../../shared/feed.ts';
import {
  readLines, StreamReader, writeChangeLines, writeEnd, writeStart, type PieceLimits, type StreamPiece,
} from '../../shared/feed-stream.ts';
import { releaseBuffer } from '../../shared/heap.ts';

const id = '0123456789abcdef01234567';
const change = (at: number, payload: string | null = `{"at":${at}}`): Change =>
  ({ collection: 'plans', id, at: at as Instant, payload: payload === null ? null : Buffer.from(payload) });
const changes = [
  change(1), change(2, '{"text":"Łódź 🧾 \\n \\"}} \\u0000 {\\"type\\":\\"end\\","}'), change(3, null), change(7, '{}'), change(8, null),
  change(9),
];
const digest: Digest = { plans: { count: 3, sum: 12 } };
const start = writeStart({ total: 6, scope: 'me', nonce: 'n' });
const end = writeEnd({ serverTime: formatInstant(20 as Instant), count: 6, scope: 'me', digest });
const stream = Buffer.concat([start, writeChangeLines(changes), end]);

const large: PieceLimits = { changes: 1000, sizeBytes: 64 * 1024 };
const toWire = (some: readonly Change[]): WireChange[] => some.map(({ collection, id: mongoId, at, payload }) =>
  ({ collection, id: mongoId, updatedAt: formatInstant(at), payload }));

/** All pieces of a stream that arrives in these chunks. */
function readAll(chunks: readonly Uint8Array[], limits = large): StreamPiece[] {
  const reader = new StreamReader(limits);
  const pieces = chunks.flatMap((chunk) => [...reader.read(chunk)]);
  assert.equal(reader.hasEnd, true);
  const last = reader.end();
  return last ? [...pieces, last] : pieces;
}

const refused = (bytes: Buffer | string, limits = large): void => {
  assert.throws(() => readAll([Buffer.from(bytes)], limits), (error) => error instanceof AppError && error.code === 'bad_response');
};

describe('a stream', () => {
  const splits: Readonly<Record<string, (bytes: Buffer) => Uint8Array[][]>> = {
    'in one go': (bytes) => [[bytes]],
    'byte by byte': (bytes) => [[...bytes].map((byte) => Uint8Array.of(byte))],
    'cut at any byte': (bytes) => Array.from(bytes, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]),
  };
  for (const [how, split] of Object.entries(splits)) {
    for (const limits of [large, { changes: 1, sizeBytes: 1 }, { changes: 2, sizeBytes: 4096 }, { changes: 4, sizeBytes: 300 }]) {
      test(`that arrives ${how} is read as it was written, in pieces of ${limits.changes} changes and ${limits.sizeBytes} bytes`, () => {
        for (const chunks of split(stream)) {
          const pieces = readAll(chunks, limits);
          const last = pieces.at(-1)?.page;
          assert.deepEqual(pieces.flatMap(({ page }) => page.changes), toWire(changes));
          assert.deepEqual([last?.serverTime, last?.hasMore, last?.digest], [formatInstant(20 as Instant), false, digest]);
          for (const { page, bytes } of pieces) {
            assert.deepEqual(readLines(bytes), page.changes);
            assert.deepEqual([page.nonce, page.scope], ['n', 'me']);
            assert(page.changes.length <= limits.changes);
            if (page !== last) assert.deepEqual([page.hasMore, page.serverTime], [true, page.changes.at(-1)?.updatedAt]);
          }
          assert.deepEqual(pieces.map(({ page }) => page.total), [6, ...pieces.slice(1).map(() => null)]);
        }
      });
    }
  }

  test('that is cut anywhere has every change that arrived to its end', () => {
    const lineEnds = [...stream].flatMap((byte, at) => byte === 0x0a ? [at + 1] : []);
    for (let length = 0; length < stream.length; length += 1) {
      const reader = new StreamReader({ changes: 4, sizeBytes: 4096 });
      const pieces = [...reader.read(stream.subarray(0, length))];
      const rest = reader.flush();
      assert.equal(reader.hasEnd, false);
      assert.equal(reader.flush(), null);
      const received = [...pieces, ...(rest ? [rest] : [])].flatMap(({ page }) => page.changes);
      const complete = Math.max(0, lineEnds.filter((at) => at <= length).length - 1);
      assert.deepEqual(received, toWire(changes.slice(0, complete)));
    }
  });

  test('without a change is one piece', () => {
    const [only, ...others] = readAll([start, writeEnd({ serverTime: formatInstant(20 as Instant), count: 0, scope: 'me', digest })]);
    assert.deepEqual([only?.page.changes, only?.page.total, only?.bytes.length, others], [[], 6, 0, []]);
  });

  test('that ends although there is more has no piece for its end alone', () => {
    const more = writeEnd({ serverTime: formatInstant(9 as Instant), count: 6, scope: 'me', digest: null });
    for (const size of [3, 4]) {
      const pieces = readAll([start, writeChangeLines(changes), more], { changes: size, sizeBytes: 4096 });
      assert.deepEqual(pieces.map(({ page }) => page.changes.length), size === 3 ? [3, 3] : [4, 2]);
      assert(pieces.every(({ page }) => page.hasMore && page.serverTime === page.changes.at(-1)?.updatedAt));
    }
  });

  test('may have members that are not known yet', () => {
    assert.equal(readAll([Buffer.from(stream.toString().replace('"total"', '"later":{},"total"'))])[0]?.page.total, 6);
  });

  test('releases the memory of a piece', () => {
    const [first] = readAll([stream], { changes: 2, sizeBytes: 4096 });
    first?.release();
    assert.deepEqual([first?.bytes.length, first?.page.changes[0]?.payload?.length], [0, 0]);
  });
});

describe('a stream is refused', () => {
  const text = stream.toString();
  const lines = text.split('\n');
  const without = (line: number): string => lines.filter((_, index) => index !== line).join('\n');
  const bad: Readonly<Record<string, Buffer | string>> = {
    'without its start': without(0),
    'with a second start': text.replace('\n', `\n${start}`),
    'with another start at its end': text.replace(end.toString(), start.toString()),
    'whose start says nothing of the total': text.replace('"total":6,', ''),
    'whose start has no scope': text.replace(',"scope":"me"', ''),
    'whose total is no number': text.replace('"total":6', '"total":-1'),
    'whose nonce is no text': text.replace('"nonce":"n"', '"nonce":1'),
    'that lacks a change': without(2),
    'that ends with another count': text.replace('"count":6', '"count":7'),
    'that ends without a count': text.replace('"count":6,', ''),
    'that ends without an instant': text.replace(/"serverTime":"[^"]*",/, ''),
    'that ends with another scope': text.replace('"count":6,"scope":"me"', '"count":6,"scope":"you"'),
    'that ends with a malformed digest': text.replace('"sum":12', '"sum":"12"'),
    'that has more, but none of it': Buffer.concat([
      start, writeEnd({ serverTime: formatInstant(9 as Instant), count: 0, scope: 'me', digest: null }),
    ]),
    'with a change after its end': text + writeChangeLines([change(30)]),
    'with half a line after its end': `${text}{`,
    'with an empty line after its end': `${text}\n`,
    'with two changes out of order': Buffer.concat([start, writeChangeLines([change(2), change(1)])]),
    'with two changes of one instant': Buffer.concat([start, writeChangeLines([change(2), change(2, null)])]),
    'with an empty line': text.replace('\n', '\n\n'),
    'with white space between tokens': text.replace('{"type":"upsert",', '{"type": "upsert",'),
    'with lines that end like those of Windows': text.replaceAll('\n', '\r\n'),
    'with the commas of a page': text.replace('}\n{"type":"upsert"', '},\n{"type":"upsert"'),
    'with a change of an unknown type': text.replace('{"type":"delete"', '{"type":"replace"'),
    'with a NUL in a name': text.replace('"plans"', '"pla\u0000s"'),
    'with a NUL in an id': text.replace(id, `\u0000${id.slice(1)}`),
    'that is all NUL': Buffer.alloc(4096).fill('\n', 4000, 4001),
    'with half a character': Buffer.from(text.replace('{"at":1}', '{"at":"\xf0\x9f"}').replace(/Łódź 🧾/, 'a'), 'latin1'),
    'with bytes that are no text': Buffer.from(text.replace('Łódź', 'L\u00f6dz'), 'latin1'),
    'with bytes that are no text in its start': Buffer.from(text.replace('"me"', '"m\u00e9"'), 'latin1'),
    'with a byte order mark': `\uFEFF${text}`,
    'that is a page': '{"success":true,"serverTime":"2026-01-01T00:00:00.000000Z","count":0,"hasMore":true,"scope":"s","changes":[\n\n]}\n',
    'that is an error': '{"success":false,"error":{"code":"internal","message":"The test answers."}}\n',
    'that is HTML': '<!doctype html>\n<title>Hotel</title>\n',
    'whose start is not JSON': text.replace('"total":6', '"total":06'),
    'whose end is not JSON': text.replace('"count":6', '"count":06'),
    'whose end is an object in another form': text.replace('{"type":"end"', '{"type":"everything"'),
  };
  for (const [what, bytes] of Object.entries(bad)) test(what, () => refused(bytes));

  test('with a line that does not end, before it fills the memory', () => {
    const reader = new StreamReader(large);
    const endless = Buffer.alloc(1024 * 1024, 'x');
    let sizeBytes = 0;
    assert.throws(() => {
      for ([...reader.read(start)]; sizeBytes < 64 * 1024 * 1024; sizeBytes += endless.length) [...reader.read(endless)];
    }, /too long/);
    assert(sizeBytes <= 17 * 1024 * 1024, `${sizeBytes} bytes`);
  });
});

test('a line far longer than a piece is read', () => {
  const long = change(5, `{"logo":"${'x'.repeat(3_000_000)}"}`);
  const lines = writeChangeLines([change(1), long, change(6)]);
  const last = writeEnd({ serverTime: formatInstant(6 as Instant), count: 3, scope: 'me', digest });
  const pieces = readAll([start, lines, last], { changes: 1000, sizeBytes: 4096 });
  assert.deepEqual(pieces.flatMap(({ page }) => page.changes), toWire([change(1), long, change(6)]));
});

test('the memory that a stream takes does not grow with it', () => {
  const reader = new StreamReader({ changes: 2000, sizeBytes: 1024 * 1024 });
  const payload = Buffer.from(`{"text":"${'x'.repeat(800)}"}`);
  [...reader.read(start)];
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let at = 1; at < 100_000; at += 1000) {
    const lines = writeChangeLines(Array.from({ length: 1000 }, (_, index) => ({ ...change(at + index, null), payload })));
    for (const { release } of reader.read(lines)) {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      release();
    }
    releaseBuffer(lines);
  }
  assert(most < 8 * 1024 * 1024, `${most} bytes of about 90 million`);
});
