// The sync clock: instants in whole microseconds since 1970-01-01T00:00Z, and how an account's clock advances.
//
// Invariants: no two changes of an account share an instant, and instants never go back, whatever the machine's clock
// does. A number holds microseconds exactly until the year 2255.

declare const instantBrand: unique symbol;

/** Microseconds since 1970-01-01T00:00Z; a whole number. */
export type Instant = number & { readonly [instantBrand]: true };

export const EPOCH = 0 as Instant;

const instantPattern =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)$/;

/** The instant of an account's next change: now, or one microsecond after the last one, whichever is later. */
export function tick(last: Instant, nowMs: number): Instant {
  return Math.max(Math.floor(nowMs * 1000), last + 1) as Instant;
}

export function instantFromMs(ms: number): Instant {
  return Math.floor(ms * 1000) as Instant;
}

/** An instant as text on the wire: UTC, always six fractional digits. */
export function formatInstant(instant: Instant): string {
  const ms = Math.floor(instant / 1000);
  const micros = instant - ms * 1000;
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

/**
 * Parses an ISO-8601 instant with a zone and up to nine fractional digits; null for anything else. Truncates to
 * microseconds, which is safe for a cursor: no change lies between two microseconds.
 */
export function parseInstant(text: string): Instant | null {
  const parts = instantPattern.exec(text);
  if (!parts) return null;
  const [, year, month, day, hour, minute, second = '0', fraction = '', sign, zoneHour = '0', zoneMinute = '0'] = parts;
  const ms = Date.UTC(2000, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const local = new Date(ms);
  local.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isReal = local.getUTCMonth() + 1 === Number(month) && local.getUTCDate() === Number(day)
    && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60
    && Number(zoneHour) < 24 && Number(zoneMinute) < 60;
  if (!isReal) return null;
  const offsetMs = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000 * (sign === '-' ? -1 : 1);
  const micros = Number(fraction.padEnd(6, '0').slice(0, 6));
  return ((local.getTime() - offsetMs) * 1000 + micros) as Instant;
}
