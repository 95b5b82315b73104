// The choices of a form's fields.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { collections, storedFields, writableFields } from '../../../shared/collections.ts';
import { currencies } from '../../../shared/currency.ts';
import { checkFields } from '../../../shared/fields.ts';
import { noProblems } from '../../../shared/problems.ts';
import { optionsOf } from '../../../ui/record/field-kinds.ts';
import { formFields, fromDraft, toDraft } from '../../../ui/record/record-draft.ts';
import { formatMoney } from '../../../ui/text/format.ts';
import { setLocale } from '../../../ui/text/i18n.ts';
import { localNumbers } from '../../../ui/text/number-text.ts';

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

test('a value that is not offered can be chosen where a record has it, and be saved with it', async () => {
  await setLocale({ language: 'en', format: 'en-GB' });
  const offered = (...held: string[]) => optionsOf({ kind: 'currency' }, String, [undefined, '', ...held]);
  assert.deepEqual(offered('BGN').filter(({ value }) => !currencies.includes(value)), [{ value: 'BGN', label: 'BGN – Bulgarian Lev' }]);
  assert.equal(offered('EUR').length, currencies.length);
  assert.deepEqual(optionsOf({ kind: 'language' }, String, ['cy']).find(({ value }) => value === 'cy'), { value: 'cy', label: 'Welsh' });

  const plan = { name: 'Hosting', priceMinor: 123_456, currency: 'BGN', interval: 'month', active: true };
  const fields = storedFields(writableFields(collections.find(({ name }) => name === 'plans') ?? assert.fail()));
  const draft = toDraft(formFields(fields), plan, localNumbers);
  assert.equal(draft['priceMinor'], '1234.56');
  assert.equal(formatMoney(plan.priceMinor, plan.currency).replace('\u00a0', ' '), 'BGN 1,234.56');
  assert.deepEqual(fromDraft(fields, formFields(fields), draft, localNumbers), { value: plan, problems: {} });
});
