// What the window asks for before an invoice may be issued.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { companyGaps } from '../../../ui/company/company-gaps.ts';

test('a company lacks its name and its address until both are filled in', () => {
  const address = { street: 'Hafenstraße 5', city: 'Hamburg' };
  assert.deepEqual(companyGaps(null), ['name', 'address']);
  assert.deepEqual(companyGaps({ name: '' }), ['name', 'address']);
  assert.deepEqual(companyGaps({ name: 'Nordwind GmbH', address: { country: 'DE' } }), ['address']);
  assert.deepEqual(companyGaps({ name: 'Nordwind GmbH', address: { street: 'Hafenstraße 5', city: ' ' } }), ['address']);
  assert.deepEqual(companyGaps({ name: ' ', address }), ['name']);
  assert.deepEqual(companyGaps({ name: 'Nordwind GmbH', address }), []);
});
