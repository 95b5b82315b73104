// What a statement of account says: what is open in one currency, in the customer's language.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Company, Customer } from '../../../shared/collections.ts';
import { paperPieces } from '../../../ui/invoice/paper-pieces.ts';
import { statementContent, type StatementSource } from '../../../ui/invoice/statement.ts';

const company: Company = { name: 'Blaufeder Werkzeuge GmbH', iban: 'DE89370400440532013000', address: { city: 'Hamburg', country: 'DE' } };
const customer: Customer = {
  name: 'Kiefernhof KG', number: 'K-7', currency: 'EUR', language: 'de', address: { city: 'Kiel', country: 'DE' },
};
const row = (number: number, dueDate: string | null, openMinor: number): StatementSource['invoices'][number] => ({
  id: String(number), updatedAt: '', columns: { number: `INV-${number}`, issueDate: '2026-01-05', dueDate, totalMinor: 10_000, openMinor },
});
const statement = (invoices: StatementSource['invoices'], source: Partial<StatementSource> = {}) =>
  statementContent({ customer, company, invoices, currency: 'EUR', today: '2026-02-01', ...source });
const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('a statement of account', () => {
  test('lists what is open and adds it up, and what of it is overdue', () => {
    const paper = statement([row(1, '2026-01-31', 2500), row(2, '2026-02-01', 10_000), row(3, null, -500)]);
    assert.deepEqual([paper.heading, paper.corrects], ['Kontoauszug', 'Offene Rechnungen in EUR zum 1. Februar 2026']);
    assert.deepEqual(paper.lines.map(({ description, price, amount, carried }) => [description, price, plain(amount), plain(carried)]), [
      ['INV-1\n5. Januar 2026', '31. Januar 2026', '25,00 €', '25,00 €'],
      ['INV-2\n5. Januar 2026', '1. Februar 2026', '100,00 €', '125,00 €'],
      ['INV-3\n5. Januar 2026', '', '-5,00 €', '120,00 €'],
    ]);
    assert.deepEqual(paper.totals.map(({ label, amount }) => [label, plain(amount)]),
      [['Davon überfällig', '25,00 €'], ['Offener Betrag', '120,00 €']]);
    assert.match(plain(paper.request), /120,00 €.*K-7/);
    assert.deepEqual(paper.bank.map(([label]) => label), ['Kontoinhaber', 'IBAN', 'Verwendungszweck']);
    assert.deepEqual(paper.recipient, ['Kiefernhof KG', 'Kiel']);
    assert.equal(paperPieces(paper).pieces.filter(({ part }) => part === 'line').length, 3);
  });

  test('is in the customer\'s language, and asks for nothing that is to be refunded', () => {
    const paper = statement([row(1, '2026-01-31', -2500)], { customer: { ...customer, language: 'en' } });
    assert.equal(paper.heading, 'Statement of account');
    assert.deepEqual(paper.totals.map(({ label, amount }) => [label, amount]), [['To be refunded', '€25.00']]);
    assert.deepEqual([paper.request, paper.bank], ['We will refund you €25.00.', []]);
  });

  test('is not made of sums that are not exact', () => {
    const most = row(1, null, Number.MAX_SAFE_INTEGER);
    assert.throws(() => statement([most, most]), RangeError);
  });
});
