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
const row = (number: number, dueDate: string | null, openMinor: number, creditedMinor = 0): StatementSource['invoices'][number] => ({
  id: String(number),
  updatedAt: '',
  columns: {
    number: `INV-${number}`, issueDate: '2026-01-05', dueDate, totalMinor: 10_000, openMinor,
    partPaidMinor: 10_000 - creditedMinor - openMinor,
  },
});
const statement = (invoices: StatementSource['invoices'], source: Partial<StatementSource> = {}) =>
  statementContent({ customer, company, invoices, currency: 'EUR', today: '2026-02-01', ...source });
const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('a statement of account', () => {
  test('lists what is open and adds it up, and what of it is overdue', () => {
    const paper = statement([row(1, '2026-01-31', 2500, 5000), row(2, '2026-02-01', 10_000), row(3, null, -500)]);
    assert.deepEqual([paper.heading, paper.corrects], ['Offene Posten', 'Offene Rechnungen in EUR zum 1. Februar 2026']);
    const texts = paper.lines.map(({ description, price, amount, carried }) => [description, price, amount, carried].map(plain));
    assert.deepEqual(texts, [
      ['INV-1\n5. Januar 2026\nBisher bezahlt: 25,00 €\nGutgeschrieben: 50,00 €', '31. Januar 2026', '25,00 €', '25,00 €'],
      ['INV-2\n5. Januar 2026', '1. Februar 2026', '100,00 €', '125,00 €'],
      ['INV-3\n5. Januar 2026\nBisher bezahlt: 105,00 €', '', '-5,00 €', '120,00 €'],
    ]);
    assert.deepEqual(paper.totals.map(({ label, amount }) => [label, plain(amount)]),
      [['Davon überfällig', '25,00 €'], ['Offener Betrag', '120,00 €']]);
    assert.equal(plain(paper.request), 'Bitte überweisen Sie 120,00 € mit dem Verwendungszweck INV-1, INV-2.');
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

  test('names the invoices as the reference, or where there are many, the payee\'s own number for the customer', () => {
    const many = [1, 2, 3, 4].map((number) => row(number, null, 100));
    const { number: _none, ...unnumbered } = customer;
    const requests = [statement(many), statement(many, { customer: unnumbered })].map(({ request, bank }) => [plain(request), bank.at(-1)]);
    assert.deepEqual(requests, [
      ['Bitte überweisen Sie 4,00 € mit dem Verwendungszweck K-7.', ['Verwendungszweck', 'K-7']],
      ['Bitte überweisen Sie 4,00 €.', ['IBAN', 'DE89 3704 0044 0532 0130 00']],
    ]);
  });

  test('is not made of sums that are not exact', () => {
    const most = row(1, null, Number.MAX_SAFE_INTEGER);
    assert.throws(() => statement([most, most]), RangeError);
  });
});
