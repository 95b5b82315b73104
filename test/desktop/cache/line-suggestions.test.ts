// Earlier lines that are offered while a line is described.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { lineSuggestions } from '../../../desktop/cache/cache.ts';
import { fill, invoice, temporaryCache, upsert } from './fixtures.ts';

const line = (description: string, unitPriceMinor: number, others: object = {}) =>
  ({ description, quantityMilli: 3000, unitPriceMinor, taxRateBp: 1900, ...others });

describe('suggestions for a line', () => {
  test('are the newest lines with a word that begins with the text, descriptions that begin with it first, each once', (t) => {
    const cache = temporaryCache(t);
    fill(cache, [
      upsert('invoices', 1, invoice(1, { lines: [line('Web hosting', 900), line('Café web site', 5000)] })),
      upsert('invoices', 2, invoice(2, { lines: [line('WEB hosting', 1000, { unit: 'month' }), line('Cobweb removal', 100)] })),
      upsert('invoices', 3, invoice(3, { lines: [line('Another web site', 7000)] })),
      upsert('invoices', 4, invoice(4, { currency: 'USD', lines: [line('Web in dollars', 1)] })),
      upsert('invoices', 5, invoice(5, { kind: 'credit_note', lines: [line('Web credited', 1)] })),
    ]);
    const ask = (text: string) => lineSuggestions(cache.reader, { text, currency: 'EUR' }).map(({ description }) => description);
    assert.deepEqual(ask('web'), ['WEB hosting', 'Another web site', 'Café web site']);
    assert.deepEqual(ask('cafe'), ['Café web site']);
    assert.deepEqual(ask('nothing'), []);
    assert.deepEqual(ask('').length, 4);
    assert.deepEqual(lineSuggestions(cache.reader, { text: 'web h', currency: 'EUR' }),
      [{ description: 'WEB hosting', unitPriceMinor: 1000, taxRateBp: 1900, unit: 'month' }]);
  });

  test('begin with the plans that are offered', (t) => {
    const cache = temporaryCache(t);
    const plan = { name: 'Web basic', priceMinor: 1900, currency: 'EUR', interval: 'month', unit: 'months', active: true };
    fill(cache, [
      upsert('plans', 1, plan), upsert('plans', 2, { ...plan, name: 'Web old', active: false }),
      upsert('plans', 3, { ...plan, name: 'Web dollars', currency: 'USD' }),
      upsert('invoices', 4, invoice(4, { lines: [line('Web hosting', 900), line('Web basic', 1)] })),
    ]);
    assert.deepEqual(lineSuggestions(cache.reader, { text: 'web', currency: 'EUR' }), [
      { description: 'Web basic', unitPriceMinor: 1900, unit: 'months', interval: 'month' },
      { description: 'Web hosting', unitPriceMinor: 900, taxRateBp: 1900 },
    ]);
  });

  test('are few, whatever there is', (t) => {
    const cache = temporaryCache(t);
    const lines = Array.from({ length: 50 }, (_, index) => line(`Work ${index}`, index));
    fill(cache, [upsert('invoices', 1, invoice(1, { lines })), upsert('invoices', 2, { ...invoice(2), lines: null })]);
    assert.equal(lineSuggestions(cache.reader, { text: 'work', currency: 'EUR' }).length, 8);
  });
});
