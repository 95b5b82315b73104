// The e-mail that accompanies an invoice, and where an e-invoice's gaps are mended.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Company, Customer, Invoice } from '../../../shared/collections.ts';
import { computeTotals } from '../../../shared/invoice.ts';
import { problem } from '../../../shared/problems.ts';
import { mailLink } from '../../../shared/window/mail.ts';
import { findGaps } from '../../../ui/invoice/e-invoice-gaps.ts';
import { invoiceMail } from '../../../ui/invoice/email-text.ts';

const company: Company = { name: 'Beispielwerk GmbH', address: { city: 'Musterstadt', country: 'DE' } };
const customer: Customer = { name: 'Musterkunde AG', currency: 'EUR', language: 'de', email: 'einkauf@kunde.test' };
const lines: Invoice['lines'] = [{ description: 'Work', quantityMilli: 1000, unitPriceMinor: 100_000, taxRateBp: 1900 }];
const invoice: Invoice = {
  kind: 'invoice', number: 'INV-2026-00001', customerId: '0'.repeat(24), customerName: 'Musterkunde AG', status: 'open',
  issueDate: '2026-01-15', dueDate: '2026-02-14', currency: 'EUR', lines, paidMinor: 0, creditedMinor: 0, payments: [],
  ...computeTotals(lines),
};

test('an e-mail is in the customer\'s language, and says what is to be paid until when', () => {
  assert.deepEqual(invoiceMail({ invoice, company, customer, credited: null }), {
    to: 'einkauf@kunde.test',
    subject: 'Rechnung INV-2026-00001 von Beispielwerk GmbH',
    text: 'Guten Tag,\n\nim Anhang erhalten Sie unsere Rechnung INV-2026-00001 vom 15. Januar 2026 über 1.190,00 €.\n'
      + 'Bitte überweisen Sie 1.190,00 € bis zum 14. Februar 2026 mit dem Verwendungszweck INV-2026-00001.\n\n'
      + 'Mit freundlichen Grüßen\nBeispielwerk GmbH',
  });
  const { subject, text } = invoiceMail({ invoice, company, customer: { ...customer, language: 'en' }, credited: null });
  assert.equal(subject, 'Invoice INV-2026-00001 from Beispielwerk GmbH');
  assert.equal(text.split('\n')[2], 'please find attached: Invoice INV-2026-00001 of 15 January 2026 for €1,190.00.');
});

test('an e-mail for a credit note asks for nothing, and a customer without an address leaves the recipient open', () => {
  const { email: _email, ...silent } = customer;
  const note: Invoice = { ...invoice, kind: 'credit_note', number: 'CN-2026-00001', status: 'paid' };
  const mail = invoiceMail({ invoice: note, company, customer: silent, credited: invoice });
  assert.equal(mail.to, '');
  assert.equal(mail.subject, 'Rechnungskorrektur CN-2026-00001 von Beispielwerk GmbH');
  assert(mail.text.includes('Wir schreiben Ihnen 1.190,00 € gut.') && !mail.text.includes('zahlen'));
});

test('an e-mail asks for what is open, and for nothing once nothing is', () => {
  const { totalMinor } = invoice;
  const lastLine = (fields: Partial<Invoice>): string | undefined =>
    invoiceMail({ invoice: { ...invoice, ...fields }, company, customer, credited: null }).text.split('\n\n')[1]?.split('\n')[1];
  assert.equal(lastLine({ creditedMinor: 19_000, paidMinor: 50_000 }),
    'Bitte überweisen Sie 500,00 € bis zum 14. Februar 2026 mit dem Verwendungszweck INV-2026-00001.');
  assert.equal(lastLine({ status: 'paid', paidMinor: totalMinor }), 'Vollständig bezahlt. Vielen Dank.');
  const payments = [
    { id: 'a', amountMinor: totalMinor, paidOn: '2026-02-01' }, { id: 'b', amountMinor: -totalMinor, paidOn: '2026-02-03' },
  ];
  assert.equal(lastLine({ status: 'paid', creditedMinor: totalMinor, payments }), 'Es ist nichts zu zahlen.');
  assert.equal(lastLine({ creditedMinor: 19_000, paidMinor: totalMinor }), 'Wir erstatten Ihnen 190,00 €.');
});

test('an e-mail is complete in its link, however long the names are', () => {
  for (const letter of ['x', 'Ä', '\u4e2d']) {
    const mail = invoiceMail({ invoice, company: { ...company, name: letter.repeat(200) }, customer, credited: null });
    assert(decodeURIComponent(mailLink(mail)).includes('Mit freundlichen Grüßen'), letter);
  }
});

test('gaps of an e-invoice are told apart by where they can be mended', () => {
  const gaps = findGaps({
    'invoice.buyerReference': problem('required'), 'invoice.dueDate': problem('required'), 'company.phone': problem('required'),
    'customer.address.city': problem('required'), 'invoice.lines.2.taxRateBp': problem('zero_rate'),
  });
  assert.deepEqual(gaps.map(({ place, field, isFixed }) => [place, field, isFixed]), [
    ['company', 'phone', false], ['customer', 'buyerReference', false], ['customer', 'address.city', false],
    ['invoice', 'dueDate', false], ['invoice', 'taxRateBp', true],
  ]);
});
