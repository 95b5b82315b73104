// What the window asks for before an invoice may be issued.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { companyGaps, companyOmissions } from '../../../ui/company/company-gaps.ts';

test('a company lacks its name and its address until both are filled in', () => {
  const address = { street: 'Hafenstraße 5', city: 'Hamburg' };
  assert.deepEqual(companyGaps(null), ['name', 'address']);
  assert.deepEqual(companyGaps({ name: '' }), ['name', 'address']);
  assert.deepEqual(companyGaps({ name: 'Nordwind GmbH', address: { country: 'DE' } }), ['address']);
  assert.deepEqual(companyGaps({ name: 'Nordwind GmbH', address: { street: 'Hafenstraße 5', city: ' ' } }), ['address']);
  assert.deepEqual(companyGaps({ name: ' ', address }), ['name']);
  assert.deepEqual(companyGaps({ name: 'Nordwind GmbH', address }), []);
});

test('its documents omit a VAT ID and tax number, and an account, until one of each is filled in', () => {
  assert.deepEqual(companyOmissions(null), ['taxId', 'iban']);
  assert.deepEqual(companyOmissions({ vatId: ' ', taxNumber: '27/123', iban: '' }), ['iban']);
  assert.deepEqual(companyOmissions({ vatId: 'DE123456789' }), ['iban']);
  assert.deepEqual(companyOmissions({ iban: 'DE89 3704 0044 0532 0130 00' }), ['taxId']);
});
