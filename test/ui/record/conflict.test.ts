// Edit conflicts: the three-way comparison, the proposed choices, and the merged result.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';

import type { JsonObject } from '../../../shared/fields.ts';
import { chooseAll, findDifferences, proposedChoices, resolveConflict, countUndecided } from '../../../ui/record/conflict.ts';

const fields = ['name', 'phone', 'address', 'notes', 'lines'];
const base: JsonObject = { name: 'Café Müller', address: { street: 'Am Markt 1', city: 'Wismar' }, notes: 'old' };
const mine: JsonObject = { name: 'Café Müller & Co.', address: { street: 'Am Markt 2', city: 'Wismar' } };
const theirs: JsonObject = { name: 'Müller', address: { street: 'Am Markt 1', city: 'Rostock' }, notes: 'old', phone: '+49 3841 1' };

describe('differences', () => {
  test('are found field by field, and come with a proposed side', () => {
    const found = findDifferences(fields, { base, mine, theirs }).map(({ path, proposed }) => [path, proposed]);
    assert.deepEqual(found, [
      ['name', null], ['phone', 'theirs'], ['address', null], ['notes', 'mine'],
    ]);
  });

  test('exclude identical changes and fields outside the form', () => {
    assert.deepEqual(findDifferences(fields, { base, mine: { ...theirs, status: 'draft' }, theirs: { ...theirs, status: 'open' } }), []);
  });

  test('treat a list as one field', () => {
    const [difference] = findDifferences(fields, { base: { lines: [1] }, mine: { lines: [2] }, theirs: { lines: [3] } });
    assert.deepEqual(difference, { path: 'lines', base: [1], mine: [2], theirs: [3], isFixed: false, proposed: null });
  });

  test('treat an address as one field, so that no street comes to be in the city of another', () => {
    const found = findDifferences(fields, { base: { name: 'A' }, mine: { name: 'A', address: { city: 'Ulm' } }, theirs: { name: 'A' } });
    assert.deepEqual(found.map(({ path, mine: value, proposed }) => [path, value, proposed]), [['address', { city: 'Ulm' }, 'mine']]);
    const [both] = findDifferences(['address'], { base, mine, theirs });
    assert.deepEqual([both?.mine, both?.theirs, both?.proposed], [mine['address'], theirs['address'], null]);
  });
});

describe('resolving a conflict', () => {
  const differences = findDifferences(fields, { base, mine, theirs });

  test('needs a choice only where both sides changed a field', () => {
    const proposed = proposedChoices(differences);
    assert.equal(countUndecided(differences, proposed), 2);
    assert.equal(countUndecided(differences, { ...proposed, name: 'theirs', address: 'mine' }), 0);
  });

  test('merges changes that each side made to different fields', () => {
    const chosen = { ...proposedChoices(differences), name: 'mine', address: 'mine' } as const;
    assert.deepEqual(resolveConflict(fields, differences, chosen, theirs), {
      name: 'Café Müller & Co.', address: { street: 'Am Markt 2', city: 'Wismar' }, phone: '+49 3841 1',
    });
  });

  test('keeps what was chosen by hand where only they have changed something, if all of mine is chosen', () => {
    assert.deepEqual(chooseAll(differences, 'mine', { phone: 'mine', name: 'theirs' }),
      { name: 'mine', phone: 'mine', address: 'mine', notes: 'mine' });
    assert.equal(chooseAll(differences, 'mine')['phone'], 'theirs');
    assert.equal(chooseAll(differences, 'theirs', { phone: 'mine' })['phone'], 'theirs');
  });

  test('keeps theirs where the current version can no longer change', () => {
    const found = findDifferences(fields, { base, mine, theirs }, ['notes']);
    assert.deepEqual(found.filter(({ isFixed }) => isFixed).map(({ path }) => path), ['name', 'phone', 'address']);
    const { notes: _mineIsEmpty, ...kept } = theirs;
    assert.deepEqual(resolveConflict(fields, found, chooseAll(found, 'mine'), theirs), kept);
  });

  test('saves what I changed if all of mine is chosen, and changes nothing if all of theirs is', () => {
    fc.assert(fc.property(versions(), versions(), versions(), (a, b, c) => {
      const found = findDifferences(fields, { base: a, mine: b, theirs: c });
      const merged = resolveConflict(fields, found, chooseAll(found, 'mine'), c);
      for (const field of fields) assert.deepEqual(merged[field], isDeepStrictEqual(b[field], a[field]) ? c[field] : b[field]);
      assert.deepEqual(resolveConflict(fields, found, chooseAll(found, 'theirs'), { ...c, status: 'open' }), c);
    }));
  });
});

/** Versions of a record as forms make them: no empty objects, one kind of value per field. */
function versions(): fc.Arbitrary<JsonObject> {
  const text = fc.constantFrom('a', 'b', 'c');
  const address = fc.record({ street: text, city: text }, { requiredKeys: [] }).filter((value) => Object.keys(value).length > 0);
  return fc.record({ name: text, phone: text, address, lines: fc.array(text, { maxLength: 2 }) }, { requiredKeys: ['name'] })
    .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
}
