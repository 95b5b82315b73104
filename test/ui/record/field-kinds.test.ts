// The choices of a form's fields.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { collections } from '../../../shared/collections.ts';
import { currencies } from '../../../shared/currency.ts';
import { checkFields } from '../../../shared/fields.ts';
import { noProblems } from '../../../shared/problems.ts';
import { optionsOf } from '../../../ui/record/field-kinds.ts';
import { setLocale } from '../../../ui/text/i18n.ts';

test('the currencies to choose from are those that can be saved, also where this runtime has no name for one', async () => {
  await setLocale({ language: 'de', format: 'de-DE' });
  const options = optionsOf({ kind: 'currency' }, (value) => value);
  assert.deepEqual(options.map(({ value }) => value), currencies);
  assert.equal(options.find(({ value }) => value === 'EUR')?.label, 'EUR – Euro');
  for (const { value, label } of options) assert.match(label, new RegExp(`^${value}( – .+)?$`));
  const currency = collections.find(({ name }) => name === 'plans')?.fields['currency'];
  for (const { value } of options) {
    const problems = noProblems();
    checkFields({ currency: currency ?? assert.fail() }, { currency: value }, problems);
    assert.deepEqual({ ...problems }, {}, value);
  }
});
