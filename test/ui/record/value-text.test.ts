// The generic display text of a record's fields.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loadLaterTexts, setLocale } from '../../../ui/text/i18n.ts';
import { fieldTexts } from '../../../ui/record/value-text.ts';

test('formats the fields of any collection by their kind and leaves out blank ones', async () => {
  await setLocale({ language: 'en', format: 'en-GB' });
  await loadLaterTexts();
  const texts = fieldTexts({
    name: 'Van', priceMinor: 1250, currency: 'CHF', boughtDate: '2026-03-01', active: false,
    notes: '', address: { city: 'Chur', country: 'CH' },
  });
  assert.deepEqual(texts, [
    ['name', 'Van'], ['priceMinor', 'CHF\u00a012.50'], ['currency', 'CHF'], ['boughtDate', '01/03/2026'], ['active', 'No'],
    ['address.city', 'Chur'], ['address.country', 'Switzerland'],
  ]);
});
