// Forms as text: what is typed survives, what is read is what the server accepts, and a save says only what changed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { collections, findCollection, writableFields, type Collection } from '../../../shared/collections.ts';
import { mergePatch, type JsonObject } from '../../../shared/fields.ts';
import { formFields, fromDraft, isSameDraft, toDraft, valueAt } from '../../../ui/record/record-draft.ts';
import { isEmpty, mergePatchBetween } from '../../../ui/record/record-patch.ts';
import { problemText } from '../../../ui/text/problem-text.ts';
import { plainNumbers } from './number-text.ts';

const customer: JsonObject = {
  name: 'Café Müller', email: 'post@example.test', address: { street: 'Am Markt 1', city: 'Wismar', country: 'DE' }, currency: 'EUR',
};
const plan: JsonObject = { name: 'Hosting', priceMinor: 1900, currency: 'EUR', interval: 'month', active: true };

function requireCollection(name: string): Collection {
  const collection = findCollection(name);
  assert.ok(collection);
  return collection;
}

function read(name: string, draft: Record<string, string | boolean>) {
  const fields = writableFields(requireCollection(name));
  return fromDraft(fields, formFields(fields), draft, plainNumbers);
}

function write(name: string, payload: JsonObject) {
  return toDraft(formFields(writableFields(requireCollection(name))), payload, plainNumbers);
}

describe('a draft', () => {
  test('opens objects up into paths and leaves lists to those who know them', () => {
    const paths = formFields(writableFields(requireCollection('customers'))).map(({ path }) => path);
    assert.ok(paths.includes('address.postalCode'));
    assert.ok(!formFields(writableFields(requireCollection('invoices'))).some(({ path }) => path.startsWith('lines')));
  });

  test('reads back as the record it was made of', () => {
    assert.deepEqual(read('customers', write('customers', customer)), { value: customer, problems: {} });
    assert.deepEqual(read('plans', write('plans', plan)), { value: plan, problems: {} });
  });

  test('shows money in its currency and reads it the same way', () => {
    assert.equal(write('plans', plan)['priceMinor'], '19.00');
    assert.equal(write('plans', { ...plan, currency: 'JPY' })['priceMinor'], '1900');
    assert.equal(read('plans', { ...write('plans', plan), priceMinor: '24.5' }).value['priceMinor'], 2450);
  });

  test('says at which path something cannot be read, and keeps the other reasons', () => {
    const { problems } = read('plans', { ...write('plans', plan), name: '  ', priceMinor: 'a lot' });
    assert.deepEqual({ ...problems }, { name: 'is required', priceMinor: 'must be an amount' });
  });

  test('takes blank for absent and cuts what surrounds a line, but not inside a password', () => {
    const { value } = read('customers', { ...write('customers', customer), name: ' Café Müller ', email: ' ',
      'address.street': '', 'address.city': '', 'address.country': '' });
    assert.deepEqual(value, { name: 'Café Müller', currency: 'EUR' });
    const user = { email: 'a@example.test', name: 'A', role: 'viewer', disabled: false, password: ' eight chars ' };
    assert.equal(read('users', user).value['password'], ' eight chars ');
  });

  test('is the same as another where the text is, whether absent or blank', () => {
    assert.ok(isSameDraft({ a: '' }, {}));
    assert.ok(!isSameDraft({ a: '' }, { a: ' ' }));
    assert.ok(!isSameDraft({ on: false }, { on: true }));
  });

  test('finds values by path without tripping over what is not there', () => {
    assert.equal(valueAt(customer, 'address.city'), 'Wismar');
    assert.equal(valueAt(customer, 'name.city'), undefined);
    assert.equal(valueAt({}, 'address.city'), undefined);
  });
});

describe('a patch', () => {
  test('holds only what changed, and null for what is gone', () => {
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
  test('has a message for everything that the declarations can refuse', () => {
    for (const collection of collections) {
      const fields = writableFields(collection);
      const empty = Object.fromEntries(formFields(fields).map(({ path }) => [path, '']));
      const wrong = Object.fromEntries(formFields(fields).map(({ path, field }) =>
        [path, field.kind === 'boolean' ? true : '\u0001'.repeat(11_000)]));
      for (const draft of [empty, wrong]) {
        const reasons = Object.values(fromDraft(fields, formFields(fields), draft, plainNumbers).problems);
        // A choice comes from a list that a person cannot leave.
        const unknown = reasons.filter((reason) => problemText(reason) === null && !reason.startsWith('must be one of'));
        assert.deepEqual(unknown.filter((reason) => reason !== 'must be a list'), []);
      }
    }
  });

  test('carries its bounds as numbers and is null where it is not known', () => {
    assert.deepEqual(problemText('must have at most 200 characters'), { key: 'problem.longer', params: { max: 200 } });
    assert.deepEqual(problemText('must be at most 4200'), { key: 'problem.max', params: { max: 4200 } });
    assert.equal(problemText('rhymes badly'), null);
  });
});
