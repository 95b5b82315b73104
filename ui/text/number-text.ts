// Numbers as text in a form's inputs: formatted for the locale, without grouping or unit so that they are easy to edit, and parsed.
//
// Invariants: parsing is exact, and reads a field's own text as well as whatever is shown anywhere, with its unit, its grouping, its
// digits and its sign. Decimal digits of every script are read, since a keyboard may have others than the window shows. Point and comma
// mean what the locale says. Where it says nothing they are read if there is one way to read them, and refused otherwise: a thousandfold
// amount is never the outcome of a guess.

import { currencyDigits, isCurrency, toDecimal, toMajorUnits } from '../../shared/currency.ts';
import type { NumberText } from '../record/record-draft.ts';
import { moneySeparators, separators } from './format.ts';
import { cached } from './i18n.ts';

export const localNumbers: NumberText = {
  // Until there is a currency, an amount has two decimals, as in most currencies.
  money: (amountMinor, currency) => formatAmount(amountMinor, currency || 'EUR'),
  parseMoney: (text, currency) => parseMoney(text, currency || 'EUR'),
  quantity: (quantityMilli) => format(toDecimal(quantityMilli, 3), 0, 3),
  parseQuantity: (text) => parseDecimal(text, 3),
  rate: (rateBp) => format(toDecimal(rateBp, 2), 0, 2),
  parseRate: parsePercent,
};

/** An amount for a text field: without currency and grouping. */
export function formatAmount(amountMinor: number, currency: string): string {
  const digits = currencyDigits(currency);
  return format(toMajorUnits(amountMinor, currency), digits, digits);
}

function format(value: string, minimumFractionDigits: number, maximumFractionDigits: number): string {
  return cached(`field ${minimumFractionDigits} ${maximumFractionDigits}`, (locale) =>
    new Intl.NumberFormat(locale, { useGrouping: false, minimumFractionDigits, maximumFractionDigits }))
    .format(value as Intl.StringNumericLiteral);
}

/** Parses user input ("1.234,5", "€ 12") into minor units; null if it is not an amount in this currency. */
export function parseMoney(text: string, currency: string): number | null {
  const symbol = cached(`symbol ${currency}`, (locale) => new Intl.NumberFormat(locale, { style: 'currency', currency })
    .formatToParts(0).find(({ type }) => type === 'currency')?.value ?? '');
  return parseDecimal(text, currencyDigits(currency), [symbol, currency, currency.toLowerCase()]);
}

/** Parses "19 %" or "19" into basis points. */
export function parsePercent(text: string): number | null {
  const sign = cached('percent sign', (locale) => new Intl.NumberFormat(locale, { style: 'percent' })
    .formatToParts(0).find(({ type }) => type === 'percentSign')?.value ?? '%');
  return parseDecimal(text, 2, [sign, '%']);
}

/** What a search says as a decimal number such as `2334.15`, whichever currency stands beside it; null if it is not an amount. */
export function searchedAmount(search: string): string | null {
  const number = search.replace(/\p{Sc}/gu, ' ').replace(/\b[A-Z]{3}\b/g, (code) => isCurrency(code) ? ' ' : code);
  const amount = parseDecimal(number, SEARCHED_DIGITS);
  return amount === null ? null : toDecimal(Math.abs(amount), SEARCHED_DIGITS).replace(/\.?0+$/, '');
}

/** No currency has more decimals. */
const SEARCHED_DIGITS = 4;

const pointAndComma = ['.', ','] as const;
/** What groups digits wherever people write so, and is a decimal sign nowhere. */
const groupingAnywhere = [' ', '\''] as const;

/** What keyboards of Arabic script type, with whatever digits: these signs mean one thing only. */
const arabicDecimal = '\u066b';
const arabicGroup = '\u066c';

/**
 * Parses a decimal number exactly into an integer of `digits` implied decimals, or returns null. One of `units` and a minus sign may
 * stand before or after it. In this order:
 *
 * 1. The locale's decimal sign and its grouping signs, those of money among them: in Austria 1.234 and 1 234 are the same.
 * 2. Point or comma groups if the locale's decimal sign follows, or if it stands there twice: 2.345,67 in French.
 * 3. The Arabic decimal and grouping signs.
 * 4. Point or comma is a decimal sign, as typed on a keypad: 1.5 in German. Not if it could as well group: 1.234 in French is refused.
 */
export function parseDecimal(text: string, digits: number, units: readonly string[] = []): number | null {
  const { isNegative, body } = withoutUnit(plain(text).trim(), units.map((unit) => plain(unit).trim()));
  const decimal = plain(separators().decimal);
  const groups = [separators().group, moneySeparators().group].map(plain);
  const foreign = pointAndComma.filter((sign) => sign !== decimal);
  const grouping = foreign.filter((sign) => body.includes(decimal) || body.split(sign).length > 2);
  const match = matchDecimal(body, decimal, [...groups, ...groupingAnywhere])
    ?? matchDecimal(body, decimal, grouping)
    ?? matchDecimal(body, arabicDecimal, [arabicGroup])
    ?? (/^(?!0[.,])\d{1,3}[.,]\d{3}$/.test(body) ? null : firstOf(foreign, (sign) =>
      matchDecimal(body, sign, [...groupingAnywhere, ...foreign.filter((other) => other !== sign)])));
  if (!match) return null;
  const kept = match.fraction.replace(/0+$/, '');
  if (kept.length > digits) return null;
  const value = Number(`${match.whole}${kept.padEnd(digits, '0')}`);
  return Number.isSafeInteger(value) ? (isNegative && value !== 0 ? -value : value) : null;
}

/** Text with Latin digits, one minus sign, one kind of space and of apostrophe, and without marks of direction. */
function plain(text: string): string {
  const digitOf = cached('digits', (locale) => new Map(
    [...new Intl.NumberFormat(locale, { useGrouping: false }).format(9_876_543_210)].map((digit, index) => [digit, String(9 - index)])));
  const shown = text.normalize('NFKC').replace(/\p{Cf}/gu, '').replace(/\s/g, ' ')
    .replace(/[\u2010-\u2013\u2212]/g, '-').replace(/[\u2018\u2019\u02bc]/g, '\'');
  return [...shown].map((character) => digitOf.get(character) ?? digitValue(character) ?? character).join('');
}

/** The value of a decimal digit of any script: Unicode has them ten by ten, in order. */
function digitValue(character: string): string | null {
  const codePoint = character.codePointAt(0) ?? 0;
  const isDigit = (code: number): boolean => /^\p{Nd}$/u.test(String.fromCodePoint(code));
  if (codePoint < 0x80 || !isDigit(codePoint)) return null;
  let before = 0;
  while (isDigit(codePoint - before - 1)) before += 1;
  return String(before % 10);
}

/** A number without its minus sign and without a unit, either of which may stand at either end, the other one outside of it. */
function withoutUnit(text: string, units: readonly string[]): { readonly isNegative: boolean; readonly body: string } {
  const longestFirst = units.toSorted((a, b) => b.length - a.length);
  const takeUnit = (from: string): string | null => firstOf(longestFirst, (unit) => withoutEnd(from, unit));
  const outer = takeUnit(text);
  const unsigned = withoutEnd(outer ?? text, '-');
  const rest = unsigned ?? outer ?? text;
  return { isNegative: unsigned !== null, body: outer === null ? takeUnit(rest) ?? rest : rest };
}

function withoutEnd(text: string, end: string): string | null {
  if (end === '') return null;
  if (text.startsWith(end)) return text.slice(end.length).trimStart();
  return text.endsWith(end) ? text.slice(0, -end.length).trimEnd() : null;
}

interface Digits {
  readonly whole: string;
  readonly fraction: string;
}

/**
 * The digits before and after the decimal sign, if those before it are not grouped, or all by the same one of these signs. No group
 * begins with a zero: 0.250 is a quarter wherever a point groups.
 */
function matchDecimal(text: string, decimal: string, groups: readonly string[]): Digits | null {
  const point = escapeRegExp(decimal);
  return firstOf(['', ...groups], (group) => {
    const sign = escapeRegExp(group);
    const whole = group === '' ? '\\d*' : `[1-9]\\d{0,2}(?:${sign}\\d{2,3})*${sign}\\d{3}`;
    const [all, before = '', fraction = ''] = new RegExp(`^(${whole})(?:${point}(\\d*))?$`).exec(text) ?? [];
    if (all === undefined || before + fraction === '') return null;
    return { whole: group === '' ? before : before.replaceAll(group, ''), fraction };
  });
}

function firstOf<T, R>(values: readonly T[], find: (value: T) => R | null): R | null {
  for (const value of values) {
    const found = find(value);
    if (found !== null) return found;
  }
  return null;
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
