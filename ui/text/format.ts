// Formats numbers, money, dates and durations in the current locale, using Intl. Amounts are integers (minor units, thousandths,
// basis points) and never pass through a rounded number. What is shown can be typed (number-text.ts).

import { currencyDigits, toDecimal, toMajorUnits } from '../../shared/currency.ts';
import { localDay } from '../../shared/days.ts';
import { cached, currentLocale, formatNumber } from './i18n.ts';

export { currencyDigits, formatNumber };

/** "€1,234.56" for an amount in minor units; a dash for null. */
export function formatMoney(amountMinor: number | null, currency: string): string {
  if (amountMinor === null) return '–';
  const digits = currencyDigits(currency);
  const format = cached(`money ${currency}`, (locale) => new Intl.NumberFormat(locale, {
    style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits,
  }));
  const { decimal, group } = moneySeparators();
  // From a string, because a large amount divided into a fraction would lose its last digit.
  return format.formatToParts(toMajorUnits(amountMinor, currency) as Intl.StringNumericLiteral)
    .map(({ type, value }) => {
      if (type === 'decimal') return decimal;
      if (type === 'group') return group;
      // Cape Verde writes its currency as the decimal sign, which is not used here, and else as nothing that can be seen.
      return type === 'currency' && value === '\u200b' ? currency : value;
    }).join('');
}

/** "1.5" for 1500 thousandths. */
export function formatQuantity(milli: number): string {
  return cached('quantity', (locale) => new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }))
    .format(toDecimal(milli, 3) as Intl.StringNumericLiteral);
}

/** "19%" for 1900 basis points. */
export function formatPercent(basisPoints: number): string {
  return cached('percent', (locale) => new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 }))
    .format(basisPoints / 10_000);
}

/** A date (YYYY-MM-DD) in digits of fixed width, for columns. Other text is returned unchanged. */
export function formatDate(date: string): string {
  return formatDay(date, 'date', { year: 'numeric', month: '2-digit', day: '2-digit' });
}

/** A date as in a letter: "24 November 2026". */
export function formatDateLong(date: string): string {
  return formatDay(date, 'long date', { dateStyle: 'long' }, formatWithWords());
}

/** A month (YYYY-MM) in words: "November 2026". */
export function formatMonth(month: string): string {
  return formatDay(`${month}-01`, 'month', { year: 'numeric', month: 'long' }, formatWithWords());
}

/** The short name of a month (YYYY-MM) without its year: "Nov". */
export function formatMonthName(month: string): string {
  return formatDay(`${month}-01`, 'month name', { month: 'short' }, formatWithWords());
}

/** The days from one date to another: "1–30 November 2026". */
export function formatDateRange(from: string, to: string): string {
  const [start, end] = [from, to].map((date) => Date.parse(`${date}T00:00:00Z`));
  if (start === undefined || end === undefined || Number.isNaN(start) || Number.isNaN(end) || end < start) return `${from} – ${to}`;
  return cached('long range', (locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }), formatWithWords())
    .formatRange(start, end);
}

function formatDay(date: string, key: string, options: Intl.DateTimeFormatOptions, format?: string): string {
  const instant = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(instant)) return date;
  return cached(key, (locale) => new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' }), format).format(instant);
}

/** The format of dates whose months are words: in the language of the texts, also if the system's format is in another one. */
function formatWithWords(): string {
  const { language, format } = currentLocale();
  return format.split('-', 1)[0] === language ? format : international(language);
}

/** A language without a region. English alone would be American. */
function international(language: string): string {
  return language === 'en' ? 'en-GB' : language;
}

/** An instant in full, in the local time zone. */
export function formatDateTime(instant: string | number): string {
  return cached('instant', (locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }), formatWithWords())
    .format(new Date(instant));
}

/** An instant's local day and time, the day relative if it is near: "today 14:02", "yesterday 14:02". */
export function formatWhen(instant: string | number, nowMs: number): string {
  const then = new Date(instant);
  const time = cached('time', (locale) => new Intl.DateTimeFormat(locale, { timeStyle: 'short' })).format(then);
  const day = localDay(then);
  const ageDays = (Date.parse(localDay(nowMs)) - Date.parse(day)) / 86_400_000;
  const isNear = ageDays === 0 || ageDays === 1;
  return `${isNear ? relativeFormat('long').format(-ageDays, 'day') : formatDate(day)} ${time}`;
}

/** "3 min ago" in the current language; "now" below a minute. */
export function formatRelative(ageMs: number): string {
  return relativeText(ageMs, 'short');
}

/** "3 minutes ago", where there is room for the words. */
export function formatAgo(ageMs: number): string {
  return relativeText(ageMs, 'long');
}

function relativeText(ageMs: number, style: 'long' | 'short'): string {
  const minutes = Math.max(0, Math.floor(ageMs / 60_000));
  const format = relativeFormat(style);
  if (minutes < 1) return format.format(0, 'second');
  if (minutes < 60) return format.format(-minutes, 'minute');
  if (minutes < 48 * 60) return format.format(-Math.floor(minutes / 60), 'hour');
  return format.format(-Math.floor(minutes / (24 * 60)), 'day');
}

function relativeFormat(style: 'long' | 'short'): Intl.RelativeTimeFormat {
  // American English would abbreviate as "min." even within a sentence.
  return cached(`relative ${style}`, (locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style }),
    international(currentLocale().language));
}

/** A text that stands at the beginning of a line: "Today 14:02". */
export function atStart(text: string): string {
  const [first = '', ...rest] = text;
  return first.toLocaleUpperCase(currentLocale().language) + rest.join('');
}

/** "40 ms", "0.4 s", "12 s", "3 min". */
export function formatDuration(durationMs: number): string {
  const [value, unit] = durationMs < 100 ? [durationMs, 'millisecond']
    : durationMs < 120_000 ? [durationMs / 1000, 'second'] : [durationMs / 60_000, 'minute'];
  const digits = unit !== 'millisecond' && value < 10 ? 1 : 0;
  return cached(`${unit} ${digits}`, (locale) => new Intl.NumberFormat(locale, {
    style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits,
  })).format(value);
}

/** "3.4 MB": decimal units, named by Intl. */
export function formatBytes(sizeBytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, sizeBytes)) / 3)));
  const unit = units[step] ?? 'byte';
  return cached(unit, (locale) => new Intl.NumberFormat(locale, {
    style: 'unit', unit, unitDisplay: unit === 'byte' ? 'long' : 'short', maximumFractionDigits: step === 0 ? 0 : 1,
  })).format(sizeBytes / 1000 ** step);
}

interface Separators {
  readonly decimal: string;
  readonly group: string;
}

/** Those of numbers that are not money. */
export function separators(): Separators {
  return cached('separators', (locale) => separatorsOf(new Intl.NumberFormat(locale)));
}

/**
 * Those of money, which Austrians group in another way than other numbers (1.234,50 but 1 234,5). Those of other numbers where
 * the decimal sign would differ, and in English, since Intl's English of Germany would write 1.234,5 but €1,234.50.
 */
export function moneySeparators(): Separators {
  return cached('money separators', (locale) => {
    const ofMoney = separatorsOf(new Intl.NumberFormat(locale, { style: 'currency', currency: 'EUR' }));
    return locale.startsWith('en') || ofMoney.decimal !== separators().decimal ? separators() : ofMoney;
  });
}

function separatorsOf(format: Intl.NumberFormat): Separators {
  const parts = format.formatToParts(12_345_678.9);
  const find = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  return { decimal: find('decimal') || '.', group: find('group') };
}
