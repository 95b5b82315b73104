// The sync clock: its text form, what it parses, and that it never goes back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { EPOCH, formatInstant, instantFromMs, parseInstant, tick, type Instant } from '../../shared/clock.ts';

/** The range in which a number holds microseconds exactly: the years 1684 to 2255. */
const instant = fc.maxSafeInteger().map((micros) => micros as Instant);

describe('an instant as text', () => {
  test('has six fractional digits and parses back to the same instant', () => {
    assert.equal(formatInstant(EPOCH), '1970-01-01T00:00:00.000000Z');
    assert.equal(formatInstant(1_767_268_800_000_412 as Instant), '2026-01-01T12:00:00.000412Z');
    fc.assert(fc.property(instant, (value) => {
      const text = formatInstant(value);
      assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      assert.equal(parseInstant(text), value);
    }));
  });

  test('sorts in the order of the instants', () => {
    fc.assert(fc.property(instant, instant, (a, b) => assert.equal(formatInstant(a) < formatInstant(b), a < b)));
  });

  test('is parsed as Date parses it, in every zone', () => {
    const zone = fc.tuple(fc.constantFrom('+', '-'), fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }));
    const date = fc.date({ min: new Date('1970-01-03T00:00:00Z'), max: new Date('2200-01-01T00:00:00Z'), noInvalidDate: true });
    fc.assert(fc.property(date, zone, (at, [sign, hours, minutes]) => {
      const pad = (part: number) => String(part).padStart(2, '0');
      const text = `${at.toISOString().slice(0, -1)}${sign}${pad(hours)}:${pad(minutes)}`;
      assert.equal(parseInstant(text), Date.parse(text) * 1000);
    }));
  });

  test('is parsed in either case, with up to nine fractional digits, of which six count', () => {
    const noon = Date.UTC(2026, 0, 1, 12) * 1000;
    for (const [text, micros] of [
      ['2026-01-01T12:00:00Z', 0], ['2026-01-01t12:00:00z', 0], ['2026-01-01T12:00:00.5Z', 500_000],
      ['2026-01-01T12:00:00.000001z', 1], ['2026-01-01T12:00:00.000001999Z', 1], ['2026-01-01T12:00:00.999999999Z', 999_999],
      ['2026-01-01T13:00:00+01:00', 0], ['2026-01-01T06:30:00-05:30', 0], ['2026-01-01T12:00:00-00:00', 0],
    ] as const) assert.equal(parseInstant(text), noon + micros, text);
  });

  test('is parsed in every zone of RFC 3339 and in no other', () => {
    const pad = (part: number) => String(part).padStart(2, '0');
    const noonMs = Date.UTC(2026, 0, 1, 12);
    for (const sign of ['+', '-']) {
      for (let minutes = 0; minutes < 100 * 60; minutes += 1) {
        const text = `2026-01-01T12:00:00${sign}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
        const offsetMs = (sign === '+' ? minutes : -minutes) * 60_000;
        assert.equal(parseInstant(text), minutes < 24 * 60 ? (noonMs - offsetMs) * 1000 : null, text);
      }
    }
  });

  test('is the next second if it is a leap second, which only the last minute of a day in UTC has', () => {
    for (const [text, same] of [
      ['1990-12-31T23:59:60Z', '1991-01-01T00:00:00Z'], ['1990-12-31T15:59:60-08:00', '1991-01-01T00:00:00Z'],
      ['2016-12-31t23:59:60.25z', '2017-01-01T00:00:00.25Z'], ['2017-01-01T05:29:60+05:30', '2017-01-01T00:00:00Z'],
      ['2016-12-31T23:59:60-00:00', '2017-01-01T00:00:00Z'],
    ] as const) {
      assert.notEqual(parseInstant(text), null, text);
      assert.equal(parseInstant(text), parseInstant(same), text);
    }
    for (const text of ['1990-12-31T23:58:60Z', '1990-12-31T22:59:60Z', '1990-12-31T23:59:60+01:00', '1990-12-31T23:59:61Z']) {
      assert.equal(parseInstant(text), null, text);
    }
  });

  test('is parsed on a leap day and rejected with an impossible day, hour or zone', () => {
    assert.notEqual(parseInstant('2024-02-29T00:00:00Z'), null);
    assert.notEqual(parseInstant('0000-02-29T00:00:00Z'), null);
    for (const text of [
      '', 'Z', '2026', '2026-01-01', '2026-01-01T12', '2026-01-01T12:00', '2026-01-01T12:00Z', '2026-01-01T12:00:00',
      '2026-1-1T12:00:00Z', '2026-01-01 12:00:00Z', '2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-04-31T00:00:00Z',
      '2026-00-01T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T23:60:00Z',
      '2026-01-01T12:00:00.Z', '2026-01-01T12:00:00,5Z', '2026-01-01T12:00:00.0000000001Z', '2026-01-01T12:00:00+24:00',
      '2026-01-01T12:00:00+01:60', '2026-01-01T12:00:00+1', '2026-01-01T12:00:00+01', '2026-01-01T12:00:00+0100',
      '2026-01-01T12:00:00+', '2026-01-01T12:00:00Zulu', ' 2026-01-01T12:00:00Z', '2026-01-01T12:00:00Z\n',
      '+12026-01-01T12:00:00Z', '-2026-01-01T12:00:00Z', '2026-01-01T12:00:00.12 Z', '20260101T120000Z',
    ]) assert.equal(parseInstant(text), null, JSON.stringify(text));
  });

  // The cases of the JSON Schema Test Suite (optional/format/date-time.json), written anew. Of a fraction it takes more digits.
  test('is valid where the JSON Schema Test Suite takes a date-time, and nowhere else', () => {
    for (const text of [
      '1964-05-20T09:31:07.123456Z', '1964-05-20T09:31:07Z', '1938-02-02T13:01:28.95+00:20', '1991-11-30T16:58:51.987-08:00',
      '1998-12-31T23:59:60Z', '1998-12-31T15:59:60.456-08:00', '1964-05-20t09:31:07.123456z', '2022-02-28T01:02:03Z',
      '2024-02-29T00:00:00Z', '0800-02-29T00:00:00Z', '1986-03-13T01:59:59.999999999Z',
    ]) assert.notEqual(parseInstant(text), null, text);
    for (const text of [
      '1998-12-31T23:59:61Z', '1998-12-31T23:57:60Z', '1998-12-31T21:59:60Z', '1991-11-30T24:00:00Z', '1991-11-30T16:60:00Z',
      '1991-11-30T10:00:00+10:60', '1991-02-31T16:58:51.987-08:00', '1991-11-30T16:58:51-24:00', '1964-05-20T09:31:07.12345+01:00Z',
      '05/20/1964 09:31:07 PST', '2014-350T02:02:02', '1964-5-20T09:31:07.123456Z', '1964-05-2T09:31:07.123456Z',
      '1964-05-2\u09eaT00:00:00Z', '1964-05-20T0\u09ea:00:00Z', '+11964-05-20T09:31:07.123456Z', '1986-03-13T22:21:51+01',
      '2016-12-31T24:59:60+01:00', '1986-03-13T22:21:51Z\n', '1986-03-13T22:21Z', '1986-03-13T22:21:51Zend', '1986-03-13T22:60:00+00:01',
      '2024-02-30T00:00:00Z', '2022-02-29T00:00:00Z', '0200-02-29T00:00:00Z', '2200-02-29T00:00:00Z',
    ]) assert.equal(parseInstant(text), null, JSON.stringify(text));
  });

  test('is rejected if it is any other text', () => {
    fc.assert(fc.property(fc.string(), (text) => assert.equal(parseInstant(text), null)));
  });
});

describe('the clock of an account', () => {
  test('gives every change a distinct instant, never before the machine\'s time', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 4e12, noNaN: true }), { minLength: 1 }), (times) => {
      let last = EPOCH;
      for (const nowMs of times) {
        const next = tick(last, nowMs);
        assert.ok(next > last && next >= instantFromMs(nowMs) && Number.isSafeInteger(next));
        last = next;
      }
    }));
  });

  test('advances by a microsecond if the machine\'s time stands still or steps back', () => {
    const first = tick(EPOCH, 1000);
    assert.deepEqual([first, tick(first, 1000), tick(first, 0)], [1_000_000, 1_000_001, 1_000_001]);
    assert.equal(tick(first, 1000.0029), 1_000_002);
  });
});
