// What is warned of before an invoice is issued.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Invoice } from '../../../shared/collections.ts';
import { issueWarnings } from '../../../ui/invoice/issue-warnings.ts';

const company = { vatId: 'DE123456789', iban: 'DE02120300000000202051' };
const line = { description: 'Work', quantityMilli: 1000, unitPriceMinor: 10_000, taxRateBp: 1900 };

function warnings(fields: Partial<Invoice>, { issuer = company as object | null, creditedOn = '' } = {}): readonly string[] {
  const draft = { kind: 'invoice', issueDate: '2026-11-24', lines: [line], totalMinor: 11_900, ...fields } as Invoice;
  return issueWarnings(draft, { company: issuer, credited: creditedOn === '' ? null : { issueDate: creditedOn } });
}

describe('the warnings before issuing', () => {
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
    const served = { servicePeriod: { from: '2026-11-20' } };
    assert.deepEqual(warnings(served, { issuer: null }), ['taxId', 'iban']);
    assert.deepEqual(warnings({ ...served, totalMinor: 0 }, { issuer: null }), ['taxId']);
  });

  test('name a due date before that of the invoice', () => {
    const served = { servicePeriod: { from: '2026-11-20' } };
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
