// Form drafts and merge patches: formatting and parsing round-trip, and a patch holds only what changed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { collections, findCollection, writableFields, type Collection } from '../../../shared/collections.ts';
import { mergePatch, type JsonObject } from '../../../shared/fields.ts';
import { problem } from '../../../shared/problems.ts';
import { formFields, fromDraft, isSameDraft, notAnAmount, toDraft, tooEarly, valueAt } from '../../../ui/record/record-draft.ts';
import { isEmpty, mergePatchBetween } from '../../../ui/record/record-patch.ts';
import { loadLaterTexts, loadTexts } from '../../../ui/text/i18n.ts';
import { problemMessage } from '../../../ui/text/messages.ts';
import { plainNumbers } from './plain-numbers.ts';

const customer: JsonObject = {
  name: 'Café Müller', email: 'post@example.test', address: { street: 'Am Markt 1', city: 'Wismar', country: 'DE' }, currency: 'EUR',
};
const plan: JsonObject = { name: 'Hosting', priceMinor: 1900, currency: 'EUR', interval: 'month', active: true };

function requireCollection(name: string): Collection {
  const collection = findCollection(name);
  assert.ok(collection);
  return collection;
}

test('a tax rate above 100 % is a slip', () => {
  const problemOf = (taxRateBp: string) => read('plans', { taxRateBp }).problems['taxRateBp'];
  assert.deepEqual([problemOf('100'), problemOf('190')], [undefined, problem('max', { max: 10_000 })]);
});

function read(name: string, draft: Record<string, string | boolean>) {
  const fields = writableFields(requireCollection(name));
  return fromDraft(fields, formFields(fields), draft, plainNumbers);
}

function write(name: string, payload: JsonObject) {
  return toDraft(formFields(writableFields(requireCollection(name))), payload, plainNumbers);
}

describe('a draft', () => {
  test('flattens objects into paths and leaves out lists', () => {
    const paths = formFields(writableFields(requireCollection('customers'))).map(({ path }) => path);
    assert.ok(paths.includes('address.postalCode'));
    assert.ok(!formFields(writableFields(requireCollection('invoices'))).some(({ path }) => path.startsWith('lines')));
  });

  test('parses back to the record it was made from', () => {
    assert.deepEqual(read('customers', write('customers', customer)), { value: customer, problems: {} });
    assert.deepEqual(read('plans', write('plans', plan)), { value: plan, problems: {} });
  });

  test('formats and parses money by its currency', () => {
    assert.equal(write('plans', plan)['priceMinor'], '19.00');
    assert.equal(write('plans', { ...plan, currency: 'JPY' })['priceMinor'], '1900');
    assert.equal(read('plans', { ...write('plans', plan), priceMinor: '24.5' }).value['priceMinor'], 2450);
  });

  test('reports a path that does not parse along with all other problems', () => {
    const { problems } = read('plans', { ...write('plans', plan), name: '  ', priceMinor: 'a lot' });
    assert.deepEqual({ ...problems }, { name: problem('required'), priceMinor: notAnAmount });
  });

  test('reads a year of two digits as one of this century, and refuses one that nobody means', () => {
    const declared = { paidOn: { kind: 'date' } } as const;
    const read = (paidOn: string) => fromDraft(declared, formFields(declared), { paidOn }, plainNumbers);
    assert.deepEqual(read('0026-12-31'), { value: { paidOn: '2026-12-31' }, problems: {} });
    for (const date of ['0126-12-31', '1899-12-31']) assert.deepEqual({ ...read(date).problems }, { paidOn: tooEarly });
  });

  test('treats blank input as absent and trims it, except in a password', () => {
    const { value } = read('customers', { ...write('customers', customer), name: ' Café Müller ', email: ' ',
      'address.street': '', 'address.city': '', 'address.country': '' });
    assert.deepEqual(value, { name: 'Café Müller', currency: 'EUR' });
    const user = { email: 'a@example.test', name: 'A', role: 'viewer', disabled: false, password: ' eight chars ' };
    assert.equal(read('users', user).value['password'], ' eight chars ');
  });

  test('equals another draft with the same text, whether absent or blank', () => {
    assert.ok(isSameDraft({ a: '' }, {}));
    assert.ok(!isSameDraft({ a: '' }, { a: ' ' }));
    assert.ok(!isSameDraft({ on: false }, { on: true }));
  });

  test('yields undefined for a path that does not exist', () => {
    assert.equal(valueAt(customer, 'address.city'), 'Wismar');
    assert.equal(valueAt(customer, 'name.city'), undefined);
    assert.equal(valueAt({}, 'address.city'), undefined);
  });
});

describe('a patch', () => {
  test('holds only what changed, and null for what was removed', () => {
    const after = { name: 'Café Müller', address: { street: 'Am Markt 2', city: 'Wismar' }, currency: 'EUR', notes: 'Pays late' };
    assert.deepEqual(mergePatchBetween(customer, after),
      { email: null, address: { street: 'Am Markt 2', country: null }, notes: 'Pays late' });
    assert.ok(isEmpty(mergePatchBetween(customer, { ...customer, address: { country: 'DE', city: 'Wismar', street: 'Am Markt 1' } })));
  });

  test('turns any version into any other', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(),
      fc.array(fc.record({ a: fc.integer() }, { requiredKeys: [] }), { maxLength: 3 }));
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const record = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf, { minKeys: 1 })))
      .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
    fc.assert(fc.property(record, record, (before, after) => {
      assert.deepEqual(mergePatch(before, mergePatchBetween(before, after)), after);
    }));
  });
});

describe('a reason', () => {
  test('has a message for everything that the declarations can refuse', async () => {
    const recordTexts = await loadTexts.en.later();
    for (const collection of collections) {
      const fields = writableFields(collection);
      const empty = Object.fromEntries(formFields(fields).map(({ path }) => [path, '']));
      const wrong = Object.fromEntries(formFields(fields).map(({ path, field }) =>
        [path, field.kind === 'boolean' ? true : '\u0001'.repeat(11_000)]));
      for (const draft of [empty, wrong]) {
        const problems = Object.values(fromDraft(fields, formFields(fields), draft, plainNumbers).problems);
        // A choice or a list offers only what is accepted.
        const unworded = problems.filter(({ code }) =>
          !Object.hasOwn(recordTexts, `problem.${code}`) && code !== 'choice' && code !== 'list');
        assert.deepEqual(unworded, []);
      }
    }
  });

  test('is worded by its code with its bounds, and in the server\'s words if the code is not known', async () => {
    await loadLaterTexts();
    assert.equal(problemMessage('name', problem('too_long', { max: 200 }), 'EUR'), 'Must have at most 200 characters.');
    assert.equal(problemMessage('issueDate', problem('min', { min: '1900-01-01' }), 'EUR'), 'Must be 01/01/1900 or later.');
    assert.equal(problemMessage('lines', { code: 'rhyme', message: 'rhymes badly' }, 'EUR'), 'rhymes badly');
  });
});
