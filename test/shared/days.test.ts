// Days of the calendar: counted over leap days and years, and the one that an instant is on here.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { addDays, inFullYear, localDay } from '../../shared/days.ts';

describe('days', () => {
  test('are counted over leap days and years', () => {
    assert.equal(addDays('2024-02-28', 1), '2024-02-29');
    assert.equal(addDays('2023-02-28', 1), '2023-03-01');
    assert.equal(addDays('2026-01-01', -1), '2025-12-31');
    const day = fc.date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10));
    fc.assert(fc.property(day, fc.integer({ min: -2000, max: 2000 }), (from, days) =>
      assert.equal(addDays(addDays(from, days), -days), from)));
  });

  test('have the century that is meant where a year was typed with two digits', () => {
    for (const [typed, meant] of [['0026-12-31', '2026-12-31'], ['0126-12-31', '0126-12-31'], ['2026-12-31', '2026-12-31'], ['', '']]) {
      assert.equal(inFullYear(typed ?? ''), meant);
    }
  });

  test('are those of the computer\'s time zone', (t) => {
    const { TZ } = process.env;
    t.after(() => {
      if (TZ === undefined) delete process.env['TZ'];
      else process.env['TZ'] = TZ;
    });
    const lateEvening = Date.UTC(2026, 1, 28, 23, 30);
    for (const [zone, expected] of [['UTC', '2026-02-28'], ['Europe/Berlin', '2026-03-01'], ['America/New_York', '2026-02-28']]) {
      process.env['TZ'] = zone;
      assert.equal(localDay(lateEvening), expected, zone);
    }
  });
});
