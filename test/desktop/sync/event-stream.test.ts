// The parser of event streams against the HTML standard: WHATWG HTML, 9.2.5 "Parsing an event stream" and 9.2.6
// "Interpreting an event stream", whose examples are the first four streams. Every stream is given whole, byte by byte, and
// cut at every one and every two positions.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { createEventParser, type ServerEvent } from '../../../desktop/sync/nudges.ts';
import { AppError } from '../../../shared/errors.ts';

function parse(chunks: readonly (string | Uint8Array)[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  const push = createEventParser((event) => events.push(event));
  for (const chunk of chunks) push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return events;
}

/** The data of a `message`, or a type and its data. */
type Expected = string | readonly [type: string, data: string];

const streams: readonly (readonly [title: string, stream: string | Uint8Array, events: readonly Expected[]])[] = [
  ['several lines of data', 'data: YHOO\ndata: +2\ndata: 10\n\n', ['YHOO\n+2\n10']],
  ['a comment, ids, and a third event with a space', ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n'
    + 'data:  third event\n\n', ['first event', 'second event', ' third event']],
  ['data fields without a value, and an event that is not finished', 'data\n\ndata\ndata\n\ndata:', ['', '\n']],
  ['a space after the colon, or none', 'data:test\n\ndata: test\n\n', ['test', 'test']],

  ['LF and LF', 'data:1\n\ndata:2\n\n', ['1', '2']],
  ['CR and CR', 'data:1\r\rdata:2\r\r', ['1', '2']],
  ['CR LF and CR LF', 'data:1\r\n\r\ndata:2\r\n\r\n', ['1', '2']],
  ['CR LF and LF', 'data:1\r\n\ndata:2\r\n\n', ['1', '2']],
  ['CR LF and CR', 'data:1\r\n\rdata:2\r\n\r', ['1', '2']],
  ['LF and CR', 'data:1\n\rdata:2\n\r', ['1', '2']],
  ['LF and CR LF', 'data:1\n\r\ndata:2\n\r\n', ['1', '2']],
  ['CR and CR LF', 'data:1\r\r\ndata:2\r\r\n', ['1', '2']],
  ['many empty lines of all kinds', '\n\r\r\n\n\rdata:1\n\r\n\r\r\n\ndata:2\r\n\n\n', ['1', '2']],
  ['what ends a line elsewhere, but not here', 'data:a\u000bb\u000cc\u0085d\u2028e\u2029f\n\n', ['a\u000bb\u000cc\u0085d\u2028e\u2029f']],

  ['a byte order mark', '\uFEFFdata:1\n\n', ['1']],
  ['a second byte order mark, which belongs to the field\'s name', '\uFEFF\uFEFFdata:1\n\ndata:2\n\n', ['2']],
  ['a byte order mark within the stream', 'data:1\n\n\uFEFFdata:2\n\ndata:\uFEFF3\n\n', ['1', '\uFEFF3']],
  ['characters of two, three and four bytes', 'data:Łódź 漢字 🙂\n\n', ['Łódź 漢字 🙂']],
  ['bytes that are no UTF-8', Buffer.from('data:a\xffb\xc3\n\n', 'latin1'), ['a\uFFFDb\uFFFD']],
  ['NUL in the data', 'data:a\0b\n\n', ['a\0b']],

  ['an event with a type, which the next one does not have', 'event: change\ndata:1\n\ndata:2\n\n', [['change', '1'], '2']],
  ['a type after the data', 'data:1\nevent:change\n\n', [['change', '1']]],
  ['two types, of which the last counts', 'event:a\nevent:b\ndata:1\n\n', [['b', '1']]],
  ['an empty type', 'event:a\nevent\ndata:1\n\nevent:\ndata:2\n\n', ['1', '2']],
  ['a type without data', 'event:lost\n\ndata:1\n\n', ['1']],
  ['ids and retries of all kinds', 'id:1\nretry:10\nid:a\0b\nretry:soon\nid\nretry\n\ndata:1\nid:2\nretry: 3000\n\n', ['1']],
  ['comments before, within and after an event', ':\n: data:no\ndata:1\n:data:no\ndata:2\n\n:no\n\n', ['1\n2']],
  ['names that are not known, or not quite', 'Data:no\n data:no\ndata :no\ndatas:no\nda\ndata:1\n\n', ['1']],
  ['colons and white space in the data', 'data:a:b: c\ndata:\tx \ndata: \ndata::\n\n', ['a:b: c\n\tx \n\n:']],
  ['an event without its empty line at the end', 'data:1\n\ndata:2\n', ['1']],
  ['a line without its end at the end', 'data:1\n\ndata:2\n\ndata:3', ['1', '2']],
];

describe('an event stream is read however it is cut:', () => {
  for (const [title, stream, events] of streams) {
    test(title, () => {
      const bytes = Buffer.from(stream);
      const expected = events.map((event) => {
        const [type, data] = typeof event === 'string' ? ['message', event] : event;
        return { type, data };
      });
      assert.deepEqual(parse([bytes]), expected);
      assert.deepEqual(parse([...bytes].map((byte) => Uint8Array.of(byte))), expected, 'byte by byte');
      for (let first = 0; first <= bytes.length; first += 1) {
        for (let second = first; second <= bytes.length; second += 1) {
          const chunks = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
          assert.deepEqual(parse(chunks), expected, `cut at ${first} and ${second}`);
        }
      }
    });
  }
});

test('random events are read as they were written, whatever ends their lines and wherever they are cut', () => {
  const piece = fc.constantFrom('a', ' ', ':', 'é', '🙂', 'data:', '\t', '\0', '\uFEFF', '{"serverTime":1}');
  const line = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
  const event = fc.record({
    type: fc.constantFrom(null, 'change', 'other'), lines: fc.array(line, { minLength: 1, maxLength: 3 }), comment: fc.option(line),
  });
  const stream = fc.tuple(fc.array(event, { maxLength: 5 }), fc.constantFrom('\n', '\r', '\r\n'), fc.array(fc.nat(999), { maxLength: 9 }));
  fc.assert(fc.property(stream, ([events, end, cuts]) => {
    const text = events.flatMap(({ type, lines, comment }) => [
      ...(comment === null ? [] : [`:${comment}`]), ...(type === null ? [] : [`event: ${type}`]),
      ...lines.map((data) => `data: ${data}`), '',
    ]).map((written) => written + end).join('');
    const bytes = Buffer.from(text);
    const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
    const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
    assert.deepEqual(parse(chunks), events.map(({ type, lines }) => ({ type: type ?? 'message', data: lines.join('\n') })));
  }));
});

test('an event stream is rejected if an event does not end, on one line or on many', () => {
  const refused = (error: unknown): boolean => error instanceof AppError && error.code === 'bad_response';
  const long = 'x'.repeat(10_000);
  assert.throws(() => parse(Array.from({ length: 10 }, () => long)), refused);
  assert.throws(() => parse(Array.from({ length: 10 }, () => `data: ${long}\n`)), refused);
  assert.throws(() => parse([`event: ${'x'.repeat(70_000)}\n`]), refused);
  assert.throws(() => parse(Array.from({ length: 70_000 }, () => 'data\n')), refused);
  // The limit is per event, and comments do not count.
  assert.equal(parse(Array.from({ length: 10 }, () => `: ${long}\ndata: ${long}\n\n`)).length, 10);
});
