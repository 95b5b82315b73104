// The currencies, and amounts as exact decimal numbers with the decimal places of ISO 4217.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { currencies, currencyDigits, isCurrency, toDecimal, toMajorUnits } from '../../shared/currency.ts';

test('the currencies are the active ones of ISO 4217 that have a minor unit, whatever this runtime knows', () => {
  assert.deepEqual(currencies, [...new Set(currencies)].toSorted());
  assert.ok(currencies.every((code) => /^[A-Z]{3}$/.test(code) && isCurrency(code)));
  // Some are newer than some runtimes, are units of account, or are no currency of a country.
  for (const code of ['EUR', 'XCG', 'VED', 'VES', 'CLF', 'CHE', 'CHW', 'COU', 'MXV', 'UYW', 'USN', 'XAD', 'ZWG', 'SLE']) {
    assert.ok(isCurrency(code), code);
  }
  // Replaced, without a minor unit, or no code at all.
  for (const code of ['DEM', 'HRK', 'BGN', 'ANG', 'CUC', 'SLL', 'VEF', 'ZWL', 'XAU', 'XDR', 'XTS', 'eur', 'EURO', '', 'toString']) {
    assert.equal(isCurrency(code), false, code);
  }
});

test('a currency has the decimal places of ISO 4217, not those that prices are shown with', () => {
  const digits = { EUR: 2, USD: 2, HUF: 2, ALL: 2, RSD: 2, JPY: 0, KRW: 0, ISK: 0, IQD: 3, KWD: 3, TND: 3, CLF: 4, constructor: 2 };
  for (const [currency, expected] of Object.entries(digits)) assert.equal(currencyDigits(currency), expected, currency);
});

test('an amount is formatted exactly, however large or small', () => {
  const cases: readonly (readonly [amountMinor: number, currency: string, text: string])[] = [
    [0, 'EUR', '0.00'], [5, 'EUR', '0.05'], [-5, 'EUR', '-0.05'], [123456, 'EUR', '1234.56'], [-123456, 'EUR', '-1234.56'],
    [1234, 'JPY', '1234'], [-1, 'JPY', '-1'], [1, 'KWD', '0.001'], [1234567, 'CLF', '123.4567'],
    [Number.MAX_SAFE_INTEGER, 'EUR', '90071992547409.91'], [-0, 'EUR', '0.00'],
  ];
  for (const [amountMinor, currency, text] of cases) assert.equal(toMajorUnits(amountMinor, currency), text);
  assert.equal(toMajorUnits(123456, 'EUR', ','), '1234,56');
});

test('an integer of implied decimals is formatted exactly', () => {
  fc.assert(fc.property(fc.maxSafeInteger(), fc.nat(4), fc.constantFrom('.', ','), (scaled, digits, point) => {
    const text = toDecimal(scaled, digits, point);
    assert.match(text, new RegExp(`^-?(0|[1-9]\\d*)${digits === 0 ? '' : `\\${point}\\d{${digits}}`}$`));
    assert.equal(Number(text.replace(point, '')), scaled === 0 ? 0 : scaled);
  }), { numRuns: 100 });
  assert.deepEqual([toDecimal(1500, 3), toDecimal(-7, 2), toDecimal(Number.MAX_SAFE_INTEGER, 3)], ['1.500', '-0.07', '9007199254740.991']);
});
