// What is warned of before an invoice is issued.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Customer, Invoice } from '../../../shared/collections.ts';
import { issueWarnings } from '../../../ui/invoice/issue-warnings.ts';

const company = {
  vatId: 'DE123456789', iban: 'DE02120300000000202051', address: { street: 'Am Markt 1', city: 'Wismar', country: 'DE' },
};
const line = { description: 'Work', quantityMilli: 1000, unitPriceMinor: 10_000, taxRateBp: 1900 };

function warnings(
  fields: Partial<Invoice>, { issuer = company as object | null, customer = null as Partial<Customer> | null, creditedOn = '' } = {},
): readonly string[] {
  const draft = { kind: 'invoice', issueDate: '2026-11-24', currency: 'EUR', lines: [line], totalMinor: 11_900, ...fields } as Invoice;
  return issueWarnings(draft, { company: issuer, customer, credited: creditedOn === '' ? null : { issueDate: creditedOn } });
}

describe('the warnings before issuing', () => {
  const served = { servicePeriod: { from: '2026-11-20' } };
  test('name a day of service that is said nowhere', () => {
    assert.deepEqual(warnings({}), ['service']);
    assert.deepEqual(warnings({ servicePeriod: { from: '2026-11-20' } }), []);
    for (const note of [
      'Leistungsdatum entspricht Rechnungsdatum', 'Lieferdatum: 20.11.2026', 'Leistungszeitraum November', 'Date of service = invoice date',
      'Supply date: 20 November', 'The period of performance is November.', 'Geliefert am 20.11.',
    ]) assert.deepEqual(warnings({ note }), [], note);
    assert.deepEqual(warnings({ lines: [{ ...line, description: 'Wartung\nLeistungszeitraum: Oktober 2026' }] }), []);
    assert.deepEqual(warnings({ note: 'Our service is always at your service.' }), ['service']);
  });

  test('name what the company omits: an account only where there is something to pay', () => {
    assert.deepEqual(warnings(served, { issuer: null }), ['taxId', 'iban']);
    assert.deepEqual(warnings({ ...served, totalMinor: 0 }, { issuer: null }), ['taxId']);
  });

  const address = (country: string) => ({ street: 'Am Markt 1', city: 'Wismar', country });

  test('name a customer without a full address, unless the invoice is a small one', () => {
    const named = (fields: object, customer: Partial<Customer> | null = {}) => warnings({ ...served, ...fields }, { customer });
    assert.deepEqual(named({ totalMinor: 25_000 }), []);
    assert.deepEqual(named({ totalMinor: 25_001 }), ['address']);
    assert.deepEqual(named({ totalMinor: 25_000, currency: 'CHF' }), ['address']);
    assert.deepEqual(named({ totalMinor: 25_001, kind: 'credit_note' }), ['address']);
    assert.deepEqual(named({ totalMinor: 25_001 }, { address: address('DE') }), []);
    assert.deepEqual(named({ totalMinor: 25_001 }, null), [], 'nothing is known of the customer');
  });

  test('name the VAT IDs that an exemption needs: within the EU, and where the recipient abroad owes the tax', () => {
    const at = (taxCategory: 'K' | 'AE' | 'E', buyer: Partial<Customer>, issuer: object = { ...company, address: address('DE') }) =>
      warnings({ ...served, lines: [{ ...line, taxRateBp: 0, taxCategory }] }, { customer: buyer, issuer });
    const french = { address: address('FR') };
    const taxed = { taxNumber: '12/345/67890', iban: company.iban, address: address('DE') };
    assert.deepEqual(at('K', french), ['buyerVatId']);
    assert.deepEqual(at('K', { ...french, vatId: 'FR32123456789' }, taxed), ['sellerVatId']);
    assert.deepEqual(at('AE', french), ['buyerVatId']);
    assert.deepEqual(at('AE', { address: address('DE') }), []);
    assert.deepEqual(at('E', french, taxed), []);
  });

  test('name a rate of 0 without a reason, in Germany', () => {
    const zero = (country: string) => warnings({ ...served, lines: [line, { ...line, taxRateBp: 0 }] }, {
      issuer: { ...company, address: address(country) },
    });
    assert.deepEqual([zero('DE'), zero('GB'), zero('AT')], [['zeroRated'], [], []]);
  });

  test('name a due date before that of the invoice', () => {
    assert.deepEqual(warnings({ ...served, dueDate: '2026-11-23' }), ['due']);
    assert.deepEqual(warnings({ ...served, dueDate: '2026-11-24' }), []);
    assert.deepEqual(warnings({ kind: 'credit_note', dueDate: '2026-11-23' }), []);
  });

  test('name a credit note that is dated before its invoice, and nothing that its invoice has to say', () => {
    const creditNote = { kind: 'credit_note' } as const;
    assert.deepEqual(warnings(creditNote, { creditedOn: '2026-11-25' }), ['earlier']);
    assert.deepEqual(warnings(creditNote, { creditedOn: '2026-11-24' }), []);
    assert.deepEqual(warnings(creditNote, { issuer: null }), ['taxId']);
  });
});
