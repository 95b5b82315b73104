// Days of the calendar, as YYYY-MM-DD.

/** The day of an instant where this runs: in the time zone of the window's, or the desktop's, computer. */
export function localDay(instant: Date | number): string {
  const date = new Date(instant);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** The day that is meant by one whose year was typed with two digits: 2026-12-31 for 0026-12-31. Any other text stays as it is. */
export function inFullYear(date: string): string {
  return date.replace(/^00(?=\d\d-)/, '20');
}

/** No document of a company is dated earlier: an earlier date was mistyped. */
export const earliestDay = '1900-01-01';

/** The date `days` after `date`, or before it if negative. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
