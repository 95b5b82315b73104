// Numbers typed into a field: what is shown reads back as the same number in every locale, and nothing is read by guessing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { currencies } from '../../../shared/currency.ts';
import { formatMoney, formatNumber, formatPercent, formatQuantity } from '../../../ui/text/format.ts';
import { chooseLocale, setLocale } from '../../../ui/text/i18n.ts';
import { localNumbers, parseMoney, searchedAmount } from '../../../ui/text/number-text.ts';

const { parseQuantity, parseRate } = localNumbers;

/** Locales of every kind of digits, separators, grouping and signs that CLDR has. */
const locales = Intl.NumberFormat.supportedLocalesOf((
  'af-ZA am-ET ar-AE ar-DZ ar-EG ar-IQ ar-MA ar-SA as-IN az-AZ be-BY bg-BG bn-BD bn-IN br-FR bs-BA ca-ES ckb-IQ cs-CZ cv-RU cy-GB da-DK '
  + 'de-AT de-CH de-DE de-IT de-LI de-LU dz-BT el-GR en-AT en-AU en-BE en-CA en-CH en-DE en-DK en-FI en-GB en-HK en-IE en-IN en-MT en-NL '
  + 'en-NZ en-SE en-SG en-US en-ZA es-419 es-AR es-BO es-CL es-CO es-CR es-DO es-EC es-ES es-GT es-MX es-PE es-PY es-US es-UY es-VE et-EE '
  + 'eu-ES fa-AF fa-IR ff-Adlm-GN fi-FI fil-PH fo-FO fr-BE fr-CA fr-CH fr-FR fr-LU fr-MA fy-NL ga-IE gl-ES gsw-CH gu-IN he-IL hi-IN hr-HR '
  + 'hu-HU hy-AM id-ID is-IS it-CH it-IT ja-JP ka-GE kk-KZ km-KH kn-IN ko-KR ks-IN ky-KG lb-LU lo-LA lrc-IR lt-LT lv-LV mk-MK ml-IN mn-MN '
  + 'mni-IN mr-IN ms-MY mt-MT my-MM mzn-IR nb-NO ne-NP nl-BE nl-NL nn-NO nqo-GN or-IN pa-IN pa-PK pl-PL ps-AF pt-BR pt-CH pt-CV pt-PT '
  + 'rm-CH ro-RO ru-RU sa-IN sat-IN sd-PK se-NO si-LK sk-SK sl-SI so-SO sq-AL sr-RS sv-SE sw-KE sw-TZ ta-IN te-IN tg-TJ th-TH tk-TM tr-TR '
  + 'ug-CN uk-UA ur-IN ur-PK uz-Arab-AF uz-UZ vi-VN wo-SN xh-ZA yo-NG yue-HK zgh-MA zh-CN zh-HK zh-TW zu-ZA '
  + 'ar-u-nu-latn pt-CV-u-ca-gregory-nu-latn ne-NP-u-ca-gregory-nu-latn th-TH-u-nu-thai hi-IN-u-nu-deva zh-u-nu-hanidec'
).split(' '));

describe('what is shown', () => {
  test('reads back as the same number, with its unit, its grouping and its digits, as does the text of a field', async () => {
    assert.ok(locales.length >= 150, `${locales.length} locales`);
    for (const locale of locales) {
      await setLocale({ language: 'en', format: locale });
      const amount = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -10_000_000, max: 10_000_000 }));
      const currencyOfEachKind = fc.constantFrom('EUR', 'USD', 'CHF', 'JPY', 'KWD', 'CLF', 'CVE', 'XOF');
      fc.assert(fc.property(amount, fc.nat(100_000), currencyOfEachKind, (value, rate, currency) => {
        const same = (text: string, parse: (text: string) => number | null, expected: number): void =>
          assert.equal(parse(text), expected === 0 ? 0 : expected, `${locale}: ${text}`);
        const parse = (text: string): number | null => parseMoney(text, currency);
        same(formatMoney(value, currency), parse, value);
        same(localNumbers.money(value, currency), parse, value);
        same(formatQuantity(value), parseQuantity, value);
        same(localNumbers.quantity(value), parseQuantity, value);
        same(formatPercent(rate), parseRate, rate);
        same(localNumbers.rate(rate), parseRate, rate);
        if (Number.isSafeInteger(rate * 1000)) same(formatNumber(rate), parseQuantity, rate * 1000);
      }), { numRuns: 12 });
    }
  });

  test('is read in every currency there is', async () => {
    for (const locale of ['en-US', 'de-DE', 'da-DK', 'es-PA', 'ar-EG', 'fr-CI', 'fa-IR', 'ja-JP', 'ka-GE']) {
      await setLocale({ language: 'en', format: locale });
      for (const currency of currencies) {
        const text = formatMoney(-1_234_567, currency);
        assert.equal(parseMoney(text, currency), -1_234_567, `${locale}: ${text}`);
      }
    }
  });
});

describe('what is searched for', () => {
  test('is an amount if it reads as one where it is typed, whatever currency stands beside it', async () => {
    const amounts = [
      ['en-GB', '2,334.15', '2334.15'], ['de-DE', '2.334,15 €', '2334.15'], ['de-AT', '€ 2 334,15', '2334.15'], ['fr-FR', '1.234', null],
      ['de-CH', 'CHF 2’334.15', '2334.15'], ['en-GB', '-100.00', '100'], ['en-GB', '7416', '7416'], ['en-GB', '0', '0'],
      ['en-GB', 'INV-7416', null], ['en-GB', '', null], ['en-GB', '1.23456', null], ['ar-EG', '٢٬٣٣٤٫١٥', '2334.15'],
    ] as const;
    for (const [format, search, amount] of amounts) {
      await setLocale({ language: 'en', format });
      assert.equal(searchedAmount(search), amount, `${format} ${search}`);
    }
  });
});

describe('what is typed', () => {
  /** Each text with the amount that it is in euros, or null. */
  const cases: Readonly<Record<string, readonly (readonly [text: string, amountMinor: number | null])[]>> = {
    'de-DE': [
      ['1.234,5', 123_450], ['1234,50', 123_450], ['€ 12', 1200], ['12 EUR', 1200], ['12 eur', 1200], ['-3', -300], ['3-', -300],
      ['€ -3', -300], ['-3 €', -300], ['\u22123,00\u00a0€', -300], ['0,05', 5], [',5', 50], ['5,', 500], ['1.5', 150],
      ['1.23', 123], ['1.234', 123_400], ['1 234,50', 123_450], ['1\'234,50', 123_450], ['1.234.567', 123_456_700], ['\uff11\uff12', 1200],
      ['1,234', null], ['', null], ['-', null], [',', null], ['€', null], ['12x', null], ['1.2.3', null], ['1,2,3', null], ['--1', null],
      ['-1-', null], ['€1€', null], ['1.2345', null], ['12 34', null], ['1.23.456,00', 12_345_600], ['1234.567', null], ['$7', null],
      ['0.250', 25], ['0.125', null], ['00.250', null], ['01.230', null], ['1e3', null], ['0x10', null], ['Infinity', null],
      ['99999999999999999', null],
    ],
    'de-AT': [['2.345,67', 234_567], ['2\u00a0345,67', 234_567], ['2 345,67', 234_567], ['2.345', 234_500], ['2,345', null], ['2.5', 250]],
    'de-CH': [
      ['CHF 1', null], ['2\'345.67', 234_567], ['2\u2019345.67', 234_567], ['2 345.67', 234_567], ['2,345.67', 234_567],
      ['2345,5', 234_550], ['2,345', null], ['2.345', null],
    ],
    'fr-CH': [
      ['2\'345.67', 234_567], ['2\u2019345.67', 234_567], ['2\u202f345.67', 234_567], ['2 345,67', 234_567], ['2.345', null],
      ['2\'345', 234_500],
    ],
    'fr-FR': [
      ['2.345,67', 234_567], ['2.345', null], ['0.345', null], ['2.34', 234], ['1.234.567', 123_456_700], ['1.234.567,8', 123_456_780],
    ],
    'pt-PT': [['2.345,67', 234_567], ['2345,67', 234_567], ['2.345', null]],
    'es-ES': [['2345,67', 234_567], ['2.345', 234_500]],
    'en-GB': [
      ['0,250', 25], ['0,005', null], ['01,230', null],
      ['1,234.5', 123_450], ['1,5', 150], ['1,234', 123_400], ['1.234', null], ['1,234,5', null],
      ['1.234.567', null], ['1.234,5', null],
    ],
    'en-IN': [['12,34,567.80', 123_456_780], ['1,234,567.80', 123_456_780], ['1,23,4', null]],
    'ar-EG': [
      ['\u0662\u066c\u0663\u0664\u0665\u066b\u0666\u0667', 234_567], ['\u061c-\u0661\u0662', -1200], ['12.5', 1250], ['1,234.50', 123_450],
      ['1,234', null], ['1.234', null],
    ],
    'fa-IR': [['\u200e\u2212\u06f1\u06f2\u066b\u06f5', -1250], ['12,5', 1250]],
    'sv-SE': [['\u22121 234,50', -123_450], ['\u20131234,5', -123_450]],
  };

  for (const [locale, texts] of Object.entries(cases)) {
    test(`is read as the locale writes it, or where it can be read in one way only, in ${locale}`, async () => {
      await setLocale({ language: 'en', format: locale });
      assert.deepEqual(texts.map(([text]) => [text, parseMoney(text, 'EUR')]), texts);
    });
  }

  test('is read in any digits, also those that the window itself does not write', async () => {
    for (const system of ['ar-EG', 'fa-IR', 'de-DE', 'hi-IN']) {
      for (const language of ['en', 'de'] as const) {
        await setLocale(chooseLocale(language, [system], system));
        const texts = [
          '\u0662\u066c\u0663\u0664\u0665\u066b\u0666\u0667', '\u06f2\u066c\u06f3\u06f4\u06f5\u066b\u06f6\u06f7', '\u06f2345\u066b67',
        ];
        for (const text of texts) assert.equal(parseMoney(text, 'EUR'), 234_567, `${system} ${language}: ${text}`);
        assert.equal(parseQuantity('\u0968\u0969\u096a'), 234_000, 'Devanagari');
        assert.equal(parseQuantity('\u{1d7d0}\u{1d7d9}'), 21_000, 'mathematical');
        assert.equal(parseQuantity('\u{1e952}'), 2000, 'Adlam');
      }
    }
  });

  test('means the same or nothing in the languages of the window, written in the digits of any locale', async () => {
    for (const locale of locales) {
      const own = new Intl.NumberFormat(locale, { minimumFractionDigits: 2 });
      const text = own.format(1234.5);
      if (!/\p{Nd}/u.test(text) || /[0-9]/.test(text)) continue;
      for (const language of ['en', 'de'] as const) {
        await setLocale(chooseLocale(language, [locale], locale));
        const read = parseMoney(text, 'EUR');
        if (read !== null || text.includes('\u066b')) assert.equal(read, 123_450, `${locale} ${language}: ${text}`);
      }
    }
  });

  test('is never read as a thousand times what it is, or a thousandth, where its separator is not the locale\'s', async () => {
    for (const locale of locales) {
      await setLocale({ language: 'en', format: locale });
      const shown = formatQuantity(1_234_000) + formatMoney(1_234_567, 'EUR');
      for (const [text, sign] of [['1.234', '.'], ['1,234', ',']] as const) {
        if (!shown.includes(sign)) assert.equal(parseQuantity(text), null, `${locale}: ${text}`);
      }
    }
  });

  test('has no more decimals than its unit', async () => {
    await setLocale({ language: 'en', format: 'de-DE' });
    assert.deepEqual(['0,125', '0,1250', '0,1255'].map(parseQuantity), [125, 125, null]);
    assert.deepEqual(['19 %', '%7,7', '7,775'].map(parseRate), [1900, 770, null]);
    assert.deepEqual(['5', '5,5', '5,0'].map((text) => parseMoney(text, 'JPY')), [5, null, 5]);
  });
});
