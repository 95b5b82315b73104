// Formatting of numbers, money, dates and durations, in the locales that differ most.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { currencies } from '../../../shared/currency.ts';
import {
  atStart, formatBytes, formatDate, formatDateLong, formatDateRange, formatDuration, formatMoney, formatPercent, formatQuantity,
  formatRelative, formatWhen,
} from '../../../ui/text/format.ts';
import { setLocale, type Language } from '../../../ui/text/i18n.ts';

function inLocale(format: string, language: Language = format.startsWith('de') ? 'de' : 'en'): Promise<void> {
  return setLocale({ language, format });
}

/** Replaces the non-breaking spaces that Intl writes. */
const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, ' ');

describe('money', () => {
  test('is formatted with the number of decimals that ISO 4217 gives its currency', async () => {
    await inLocale('en-US');
    assert.deepEqual([['EUR', 123_456], ['JPY', 123_456], ['KWD', 123_456], ['HUF', 123_456], ['EUR', -5]].map(([currency, minor]) =>
      plain(formatMoney(Number(minor), String(currency)))), ['€1,234.56', '¥123,456', 'KWD 123.456', 'HUF 1,234.56', '-€0.05']);
  });

  test('keeps its last digit for the largest amounts', async () => {
    await inLocale('de-DE');
    assert.equal(plain(formatMoney(Number.MAX_SAFE_INTEGER, 'EUR')), '90.071.992.547.409,91 €');
    assert.equal(formatMoney(null, 'EUR'), '–');
  });

  test('has the separators of other numbers in the English of a European region', async () => {
    await inLocale('en-DE');
    assert.deepEqual([formatMoney(123_450, 'EUR'), formatMoney(123_456, 'JPY')], ['€1.234,50', 'JP¥123.456']);
    await inLocale('en-CH');
    assert.equal(formatMoney(123_450, 'EUR'), '€1\'234.50');
    await inLocale('de-AT');
    assert.equal(plain(formatMoney(123_450, 'EUR')), '€ 1.234,50');
  });

  test('always names its currency', async () => {
    await inLocale('pt-CV', 'en');
    assert.equal(plain(formatMoney(123_450, 'CVE')), '1234,50 CVE');
    for (const currency of currencies) assert.match(formatMoney(1, currency), /[\p{L}\p{Sc}]/u, currency);
  });
});

describe('other numbers', () => {
  test('are thousandths and basis points only internally', async () => {
    await inLocale('de-DE');
    assert.deepEqual([formatQuantity(1500), plain(formatPercent(1950))], ['1,5', '19,5 %']);
    assert.equal(formatQuantity(Number.MAX_SAFE_INTEGER), '9.007.199.254.740,991');
  });

  test('of bytes and milliseconds are shown in familiar units', async () => {
    await inLocale('en-US');
    assert.deepEqual([0, 999, 34_000, 3_400_000].map(formatBytes), ['0 bytes', '999 bytes', '34 kB', '3.4 MB']);
    assert.deepEqual([40, 420, 12_300, 180_000].map(formatDuration), ['40 ms', '0.4 sec', '12 sec', '3 min']);
  });
});

describe('dates and instants', () => {
  test('have a fixed width, and do not depend on the time zone', async () => {
    await inLocale('de-DE');
    assert.equal(formatDate('2026-03-01'), '01.03.2026');
    await inLocale('en-US');
    assert.equal(formatDate('2026-03-01'), '03/01/2026');
    assert.equal(formatDate('not a day'), 'not a day');
  });

  test('follow the region in its order and the texts in their words', async () => {
    for (const [format, short, long] of [
      ['en-DE', '29/11/2026', '29 November 2026'], ['en-US', '11/29/2026', 'November 29, 2026'],
      ['pt-BR-u-ca-gregory-nu-latn', '29/11/2026', '29 November 2026'], ['th-TH-u-ca-gregory-nu-latn', '29/11/2026', '29 November 2026'],
    ] as const) {
      await inLocale(format, 'en');
      assert.deepEqual([formatDate('2026-11-29'), formatDateLong('2026-11-29')], [short, long]);
    }
  });

  test('from one to another say once what they share', async () => {
    await inLocale('en-GB');
    assert.match(formatDateRange('2026-11-01', '2026-11-30'), /^1\s?–\s?30 November 2026$/);
    await inLocale('de-DE');
    assert.match(formatDateRange('2026-10-31', '2026-11-01'), /^31\. Oktober\s–\s1\. November 2026$/);
    assert.equal(formatDateRange('2026-11-02', '2026-11-01'), '2026-11-02 – 2026-11-01');
  });

  test('are relative when they are near', async () => {
    await inLocale('en-GB');
    const now = new Date(2026, 2, 1, 14, 2).getTime();
    assert.equal(formatWhen(now, now), 'today 14:02');
    assert.equal(formatWhen(now - 86_400_000, now), 'yesterday 14:02');
    assert.equal(formatWhen(now - 3 * 86_400_000, now), '26/02/2026 14:02');
    assert.equal(atStart(formatWhen(now, now)), 'Today 14:02');
  });

  test('in the past are given in minutes, hours and days, in the language of the texts', async () => {
    await inLocale('fr-FR', 'en');
    assert.deepEqual([0, 180_000, 7_200_000, 3 * 86_400_000].map(formatRelative), ['now', '3 min ago', '2 hr ago', '3 days ago']);
    await inLocale('de-DE');
    assert.deepEqual([0, 180_000, 7_200_000].map(formatRelative), ['jetzt', 'vor 3 Min.', 'vor 2 Std.']);
  });
});
