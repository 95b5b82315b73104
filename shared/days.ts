// Days of the calendar, as YYYY-MM-DD.

/** The day of an instant where this runs: in the time zone of the window's, or the desktop's, computer. */
export function localDay(instant: Date | number): string {
  const date = new Date(instant);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** The date `days` after `date`, or before it if negative. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
