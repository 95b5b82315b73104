// What a printed invoice says: in whose language, about which parties, and what it asks for.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Company, Customer, Invoice } from '../../../shared/collections.ts';
import { computeTotals } from '../../../shared/invoice.ts';
import { paperContent, type Paper, type PaperSource } from '../../../ui/invoice/paper-content.ts';
import { paperPieces } from '../../../ui/invoice/paper-pieces.ts';

const company: Company = {
  name: 'Blaufeder Werkzeuge GmbH', address: { street: 'Am Speicher 12', postalCode: '20457', city: 'Hamburg', country: 'DE' },
  iban: 'DE89370400440532013000', bic: 'COBADEFFXXX', vatId: 'DE123456789', logo: 'data:image/png;base64,iVBORw0KGg==',
};
const customer: Customer = {
  name: 'Harbour & Finch', number: 'K-7', currency: 'EUR', language: 'en', buyerReference: 'Desk 4',
  address: { street: '12 Quay Street', postalCode: 'BS1 4QA', city: 'Bristol', country: 'GB' },
};
const lines: Invoice['lines'] = [
  { description: 'Screws', quantityMilli: 250_000, unit: 'pcs', unitPriceMinor: 1250, priceQuantity: 100, taxRateBp: 1900 },
  { description: 'Fitting', quantityMilli: 1_500, unit: 'h', unitPriceMinor: 800_000, taxRateBp: 1900 },
];
const draft = {
  kind: 'invoice', customerId: '0'.repeat(24), customerName: 'Harbour & Finch', status: 'draft', issueDate: '2026-11-24', currency: 'EUR',
  lines, paidMinor: 0, creditedMinor: 0, payments: [],
} as const;

function paper(fields: Partial<Invoice> = {}, source: Partial<PaperSource> = {}): Paper {
  const invoice: Invoice = { ...draft, ...fields, ...computeTotals(fields.lines ?? lines) };
  return paperContent({ invoice, company, customer, credited: null, ...source });
}

const issued = { status: 'open', number: 'INV-2026-00007', dueDate: '2026-12-08' } as const;
const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');
const factOf = ({ facts }: Paper, label: string): string | undefined => facts.find(([name]) => name === label)?.[1];

describe('the paper', () => {
  test('is in the customer\'s language, with its formats', () => {
    const english = paper(issued);
    assert.equal(english.heading, 'Invoice INV-2026-00007');
    assert.equal(factOf(english, 'Invoice date'), '24 November 2026');
    assert.deepEqual(english.lines.map(({ amount }) => amount), ['€31.25', '€12,000.00']);
    assert.equal(plain(english.lines[0]?.price ?? ''), '€12.50 per 100 pcs');

    const german = paper(issued, { customer: { ...customer, language: 'de-AT' } });
    assert.equal(german.heading, 'Rechnung INV-2026-00007');
    assert.equal(factOf(german, 'Rechnungsdatum'), '24. November 2026');
    assert.equal(plain(german.lines[1]?.amount ?? ''), '€ 12.000,00');
    assert.equal(plain(german.lines[0]?.price ?? ''), '€ 12,50 je 100 pcs');

    assert.equal(paper(issued, { customer: { ...customer, language: 'fr' } }).heading, 'Invoice INV-2026-00007');
    assert.equal(factOf(paper(issued, { customer: { ...customer, language: 'en-US' } }), 'Invoice date'), 'November 24, 2026');
  });

  test('is in the language of the customer\'s country, or the seller\'s, if no language is known', () => {
    const { language: _none, ...silent } = customer;
    assert.equal(paper(issued, { customer: silent }).heading, 'Invoice INV-2026-00007');
    assert.equal(paper(issued, { customer: { ...silent, address: { city: 'Wien', country: 'AT' } } }).heading, 'Rechnung INV-2026-00007');
    assert.equal(paper(issued, { customer: { ...silent, address: { city: 'Kiel' } } }).heading, 'Rechnung INV-2026-00007');
  });

  test('has the minor units of its currency', () => {
    const sums = (currency: string): string => plain(paper({ ...issued, currency }).totals.at(-1)?.amount ?? '');
    assert.equal(sums('JPY'), 'JP¥1,431,719');
    assert.equal(sums('KWD'), 'KWD 1,431.719');
    assert.equal(sums('HUF'), 'HUF 14,317.19');
  });

  test('has the digits of quantities, however many', () => {
    const grains = { description: 'Grains', quantityMilli: Number.MAX_SAFE_INTEGER, unitPriceMinor: 0, taxRateBp: 0 };
    assert.equal(paper({ ...issued, lines: [grains] }).lines[0]?.quantity, '9,007,199,254,740.991');
  });

  test('names the parties as they were when it was issued, or as they are if that was not kept', () => {
    const buyer = { name: 'Finch', language: 'en', address: { city: 'Bath' } };
    const kept = paper({ ...issued, seller: { name: 'Blaufeder OHG' }, buyer });
    assert.deepEqual([kept.seller, kept.recipient], ['Blaufeder OHG', ['Finch', 'Bath']]);
    assert.equal(kept.logo, company.logo);
    const now = paper({ ...issued, customerName: 'Harbour & Finch (old)' });
    assert.equal(now.sender, 'Blaufeder Werkzeuge GmbH · Am Speicher 12 · 20457 Hamburg');
    assert.deepEqual(now.recipient, ['Harbour & Finch (old)', '12 Quay Street', 'Bristol BS1 4QA', 'UNITED KINGDOM']);
    assert.equal(factOf(now, 'Your reference'), 'Desk 4');
    assert.equal(paper(issued, { company: null, customer: null }).sender, '');
  });

  test('leaves out the country of a letter within it', () => {
    const home = paper(issued, { customer: { ...customer, address: { city: 'Kiel', country: 'DE' } } });
    assert.deepEqual(home.recipient, ['Harbour & Finch', 'Kiel']);
  });

  test('says how and until when to pay, and where', () => {
    const open = paper(issued);
    assert.equal(open.request, 'Please pay €14,317.19 by 8 December 2026, quoting INV-2026-00007.');
    assert.deepEqual(open.bank, [
      ['Account holder', company.name], ['IBAN', 'DE89 3704 0044 0532 0130 00'], ['BIC', 'COBADEFFXXX'], ['Reference', 'INV-2026-00007'],
    ]);
    const { dueDate: _none, ...undated } = issued;
    assert.equal(paper(undated).request, 'Please pay €14,317.19, quoting INV-2026-00007.');
    assert.equal(plain(paper(issued, { customer: { ...customer, language: 'de' } }).request),
      'Bitte überweisen Sie 14.317,19 € bis zum 8. Dezember 2026 mit dem Verwendungszweck INV-2026-00007.');
  });

  test('says what was paid and credited, and what is left', () => {
    const payments = [
      { id: 'a', amountMinor: 1_000_000, paidOn: '2026-11-26', method: 'Transfer', reference: 'TX 1' },
      { id: 'b', amountMinor: -100, paidOn: '2026-11-27' },
    ];
    const partly = paper({ ...issued, payments, paidMinor: 999_900, creditedMinor: 1719 });
    assert.deepEqual(partly.settlement.map(({ label, amount }) => [label, amount]), [
      ['Credited by credit note', '-€17.19'], ['Received on 26 November 2026, Transfer, TX 1', '-€10,000.00'],
      ['Refunded on 27 November 2026', '€1.00'], ['Amount due', '€4,301.00'],
    ]);
    assert.match(partly.request, /^Please pay €4,301\.00 by/);

    const since = { today: '2026-11-30', creditNotes: ['CN-1', 'CN-2'] };
    const now = paper({ ...issued, creditedMinor: 1719 }, { since });
    assert.deepEqual([now.settlementTitle, now.settlement[0]?.label], ['As of 30 November 2026', 'Credited by credit note CN-1, CN-2']);
    const parts = paperPieces(now).pieces.flatMap((piece) => (piece.part === 'text' ? [piece.text] : []));
    assert.deepEqual(parts, ['As of 30 November 2026', now.request]);

    const over = paper({ ...issued, payments, paidMinor: 1_431_719, creditedMinor: 1719 });
    assert.deepEqual([over.settlement.at(-1)?.label, over.request, over.bank], ['To be refunded', 'We will refund you €17.19.', []]);
    const paid = paper({ ...issued, status: 'paid', payments, paidMinor: 1_431_719 });
    assert.equal(paid.request, 'Paid in full. Thank you.');
    assert.equal(paper({ ...issued, status: 'paid', lines: [] }).request, 'No payment is due.');
    const credited = paper({ ...issued, status: 'paid', creditedMinor: 1_431_719 });
    assert.deepEqual(credited.settlement.map(({ label, amount }) => [label, amount]),
      [['Credited by credit note', '-€14,317.19'], ['Amount due', '€0.00']]);
    assert.deepEqual([credited.request, credited.bank], ['No payment is due.', []]);
    const repaid = [{ id: 'a', amountMinor: 1_431_719, paidOn: '2026-11-26' }, { id: 'b', amountMinor: -1_431_719, paidOn: '2026-11-27' }];
    assert.equal(paper({ ...issued, status: 'paid', creditedMinor: 1_431_719, payments: repaid }).request, 'No payment is due.');
    assert.deepEqual([paper({ ...issued, status: 'void' }).request, paper({ ...issued, status: 'void' }).bank], ['', []]);
  });

  test('gives totals by category and rate, and the reason of an exemption', () => {
    const exempt = paper({
      ...issued, taxExemptionReason: 'Article 138 of Directive 2006/112/EC', customerName: 'Finch',
      lines: [...lines, { description: 'Goods', quantityMilli: 1000, unitPriceMinor: 10_000, taxRateBp: 0, taxCategory: 'K' }],
    });
    assert.deepEqual(exempt.totals.map(({ label, amount }) => [label, amount]), [
      ['Subtotal', '€12,131.25'], ['Intra-Community supply (K), 0% on €100.00', '€0.00'], ['VAT 19% on €12,031.25', '€2,285.94'],
      ['Total', '€14,417.19'],
    ]);
    assert.equal(plain(exempt.lines[2]?.tax ?? ''), '0% K');
    assert.equal(exempt.exemption, 'Reason for the tax exemption: Article 138 of Directive 2006/112/EC');
  });

  test('of a credit note names the invoice that it corrects', () => {
    const credited = { number: 'INV-2026-00007', issueDate: '2026-11-24' };
    const note = { kind: 'credit_note', status: 'paid', number: 'CN-2026-00001' } as const;
    const german = paper(note, { credited, customer: { ...customer, language: 'de' } });
    assert.equal(german.heading, 'Rechnungskorrektur CN-2026-00001');
    assert.equal(german.corrects, 'zu Rechnung INV-2026-00007 vom 24. November 2026');
    assert.equal(plain(german.request), 'Wir schreiben Ihnen 14.317,19 € gut.');
    assert.equal(paper(note, { credited }).corrects, 'for invoice INV-2026-00007 of 24 November 2026');
    assert.equal(factOf(paper(note, { credited }), 'Invoice number'), 'INV-2026-00007');
  });

  test('of a draft or a void invoice says so', () => {
    assert.deepEqual([paper().heading, paper().stamp], ['Invoice (Draft)', 'Draft']);
    assert.deepEqual([paper({ ...issued, status: 'void' }).heading, paper({ ...issued, status: 'void' }).stamp],
      ['Invoice INV-2026-00007 (Void)', 'Void']);
    assert.equal(paper(issued).stamp, '');
  });

  test('names the day or the period of the service', () => {
    assert.equal(factOf(paper({ ...issued, servicePeriod: { from: '2026-11-20' } }), 'Date of service'), '20 November 2026');
    const period = factOf(paper({ ...issued, servicePeriod: { from: '2026-11-01', to: '2026-11-30' } }), 'Period of service');
    assert.equal(period?.replaceAll(/\s/g, ' '), '1 – 30 November 2026');
  });

  test('consists of pieces that fit on a page, without losing text', () => {
    const description = Array.from({ length: 40 }, (_, index) => `Row ${index}`).join('\n');
    const note = 'A long sentence about nothing in particular. '.repeat(200);
    const line = { description, quantityMilli: 1000, unitPriceMinor: 100, taxRateBp: 1900 };
    const { pieces, groups } = paperPieces(paper({ ...issued, note, lines: [line] }));
    assert.equal(groups.reduce((sum, count) => sum + count, 0), pieces.length);
    const rows = pieces.filter((piece) => piece.part === 'line');
    assert.deepEqual(rows.map((row) => [row.isFirst, row.isLast]),
      [[true, false], [false, false], [false, false], [false, false], [false, true]]);
    assert.equal(rows.map((row) => row.description).join('\n'), description);
    const notes = pieces.flatMap((piece) => (piece.part === 'text' && piece.look !== 'text' ? [piece.text] : []));
    assert.equal(notes.join(''), note);
    assert(notes.every((text) => text.length <= 1001));
  });
});
