// The sync clock: instants in whole microseconds since 1970-01-01T00:00Z, and how an account's clock advances.
//
// Invariants: no two changes of an account share an instant, and instants never go back, whatever the machine's clock
// does. A number holds microseconds exactly until the year 2255.

import { isDate } from './fields.ts';

declare const instantBrand: unique symbol;

/** Microseconds since 1970-01-01T00:00Z; a whole number. */
export type Instant = number & { readonly [instantBrand]: true };

export const EPOCH = 0 as Instant;

/** `date-time` of RFC 3339, 5.6, with at most nine digits of a fraction. */
const instantPattern =
  /^(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/i;

/** The instant of an account's next change: now, or one microsecond after the last one, whichever is later. */
export function tick(last: Instant, nowMs: number): Instant {
  return Math.max(Math.floor(nowMs * 1000), last + 1) as Instant;
}

export function instantFromMs(ms: number): Instant {
  return Math.floor(ms * 1000) as Instant;
}

/** The length of every instant from 1970 to 2255 as text. */
export const instantLength = 27;

/** An instant as text on the wire: UTC, always six fractional digits. */
export function formatInstant(instant: Instant): string {
  return createInstantFormat()(instant);
}

/** As `formatInstant`, for many instants in order: those of the same second take a tenth of the time. */
export function createInstantFormat(): (instant: Instant) => string {
  let second = NaN;
  let start = '';
  return (instant) => {
    const inSecond = Math.floor(instant / 1_000_000);
    if (inSecond !== second) {
      second = inSecond;
      start = new Date(second * 1000).toISOString().slice(0, -4);
    }
    return `${start}${String(instant - second * 1_000_000).padStart(6, '0')}Z`;
  };
}

/**
 * Parses an RFC 3339 date-time with up to nine fractional digits; null for anything else. A leap second, which only the
 * last minute of a day in UTC can have, is read as the next second. Truncates to microseconds, which is safe for a cursor:
 * no change lies between two microseconds.
 */
export function parseInstant(text: string): Instant | null {
  const parts = instantPattern.exec(text);
  if (!parts) return null;
  const [, date = '', time, second, fraction = '', sign, zoneHour = '0', zoneMinute = '0'] = parts;
  if (!isDate(date)) return null;
  const offsetMs = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000 * (sign === '-' ? -1 : 1);
  const minuteMs = Date.parse(`${date}T${time}Z`) - offsetMs;
  const minute = new Date(minuteMs);
  if (second === '60' && (minute.getUTCHours() !== 23 || minute.getUTCMinutes() !== 59)) return null;
  const micros = Number(fraction.padEnd(6, '0').slice(0, 6));
  return ((minuteMs + Number(second) * 1000) * 1000 + micros) as Instant;
}
