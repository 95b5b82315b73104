// Formatting and parsing of numbers, money, dates and durations, in the locales that differ most.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import {
  formatAmount, formatBytes, formatDate, formatDateLong, formatDuration, formatMoney, formatPercent, formatQuantity, formatRelative,
  formatWhen, localDay, parseDecimal, parseMoney, parsePercent, parseQuantity,
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

  test('is parsed as typed in the locale, without rounding', async () => {
    await inLocale('de-DE');
    assert.deepEqual(['1.234,5', '1234,50', '€ 12', '12 EUR', '-3', '0,05', '1.5', '1.234'].map((text) => parseMoney(text, 'EUR')),
      [123_450, 123_450, 1200, 1200, -300, 5, 150, 123_400]);
    assert.deepEqual(['1,234', '', '-', ',', '12x', '1.2.3', '1,2,3', '--1'].map((text) => parseMoney(text, 'EUR')),
      Array.from({ length: 8 }, () => null));
    await inLocale('en-GB');
    assert.deepEqual(['1,234.5', '1,5', '$7'].map((text) => parseMoney(text, 'USD')), [123_450, 150, null]);
    await inLocale('de-CH');
    assert.equal(parseMoney('CHF 1’234.50', 'CHF'), 123_450);
    await inLocale('de-AT');
    assert.equal(plain(formatMoney(123_450, 'EUR')), '€ 1.234,50');
    assert.deepEqual(['1.234,50', '1 234,50', '1.234'].map((text) => parseMoney(text, 'EUR')), [123_450, 123_450, 123_400]);
  });

  test('has the separators of other numbers in the English of a European region', async () => {
    await inLocale('en-DE');
    assert.deepEqual([formatMoney(123_450, 'EUR'), formatMoney(123_456, 'JPY'), formatAmount(123_450, 'EUR')],
      ['€1.234,50', 'JP¥123.456', '1234,50']);
    assert.equal(parseMoney('1.234', 'EUR'), 123_400);
    await inLocale('en-CH');
    assert.equal(formatMoney(123_450, 'EUR'), '€1\'234.50');
  });

  const locales = [
    'en-US', 'en-DE', 'en-CH', 'de-DE', 'de-AT', 'de-CH', 'fr-FR', 'pt-PT', 'hi-IN', 'pt-CV-u-ca-gregory-nu-latn',
    'ne-NP-u-ca-gregory-nu-latn',
  ];
  for (const locale of locales) {
    test(`of any size survives being shown, or formatted for a field, and parsed back in ${locale}`, async () => {
      await inLocale(locale, 'en');
      fc.assert(fc.property(fc.maxSafeInteger(), fc.constantFrom('EUR', 'JPY', 'KWD', 'CLF'), (minor, currency) => {
        assert.equal(parseMoney(formatAmount(minor, currency), currency), minor);
        assert.equal(parseMoney(formatMoney(minor, currency), currency), minor);
      }));
    });
  }
});

describe('other numbers', () => {
  test('are thousandths and basis points only internally', async () => {
    await inLocale('de-DE');
    assert.deepEqual([formatQuantity(1500), plain(formatPercent(1950))], ['1,5', '19,5 %']);
    assert.deepEqual([parseQuantity('0,125'), parseQuantity('1,2345'), parsePercent('19 %'), parsePercent('7,7')], [125, null, 1900, 770]);
    assert.equal(parseDecimal('99999999999999999', 2), null);
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

  test('are relative when they are near', async () => {
    await inLocale('en-GB');
    const now = new Date(2026, 2, 1, 14, 2).getTime();
    assert.equal(formatWhen(now, now), 'today 14:02');
    assert.equal(formatWhen(now - 86_400_000, now), 'yesterday 14:02');
    assert.equal(formatWhen(now - 3 * 86_400_000, now), '26/02/2026 14:02');
    assert.equal(localDay(now), '2026-03-01');
  });

  test('in the past are given in minutes, hours and days, in the language of the texts', async () => {
    await inLocale('fr-FR', 'en');
    assert.deepEqual([0, 180_000, 7_200_000, 3 * 86_400_000].map(formatRelative), ['now', '3 min ago', '2 hr ago', '3 days ago']);
    await inLocale('de-DE');
    assert.deepEqual([0, 180_000, 7_200_000].map(formatRelative), ['jetzt', 'vor 3 Min.', 'vor 2 Std.']);
  });
});
