// Invoice and payment forms: editing lines, previewing totals, default values, parsing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { findCollection, writableFields, type Invoice } from '../../../shared/collections.ts';
import { computeTotals, openMinorOf } from '../../../shared/invoice.ts';
import { problem } from '../../../shared/problems.ts';
import {
  addLine, changeLine, duplicateInvoice, fromInvoiceDraft, fromLines, isBlankLine, isSameInvoiceDraft, lineOrder, moveLine, newInvoice,
  previewTotals, removeLine, toInvoiceDraft, toLines, withCustomer, withIssueDate,
} from '../../../ui/invoice/invoice-draft.ts';
import { fromPaymentDraft, newPayment } from '../../../ui/invoice/payment-draft.ts';
import { formFields, notAnAmount } from '../../../ui/record/record-draft.ts';
import { plainNumbers } from '../record/plain-numbers.ts';

const invoice: Invoice = {
  customerId: 'c'.repeat(24), customerName: 'Café Müller', status: 'sent', issueDate: '2026-01-15', dueDate: '2026-02-14',
  currency: 'EUR',
  lines: [
    { description: 'Work', quantityMilli: 1500, unit: 'h', unitPriceMinor: 9600, taxRateBp: 1900 },
    { description: 'Book', quantityMilli: 1000, unitPriceMinor: 2490, taxRateBp: 700 },
  ],
  notes: 'Thank you', number: 'INV-2026-00001', subtotalMinor: 16_890, taxes: [], totalMinor: 19_800, paidMinor: 5000, payments: [],
};
const lines = toLines(invoice.lines, 'EUR', plainNumbers);

describe('lines', () => {
  test('parse back to the lines they were made from', () => {
    assert.deepEqual(fromLines(lines, 'EUR', plainNumbers), { value: invoice.lines, problems: {} });
  });

  test('are added last, with a quantity of one and the unit and tax rate of the line above', () => {
    const added = addLine(lines.map((line) => ({ ...line, unit: 'h' })), plainNumbers).at(-1);
    assert.ok(added);
    assert.deepEqual({ ...added, key: '' }, { key: '', description: '', quantity: '1', unit: 'h', unitPrice: '', taxRate: '7' });
    assert.ok(isBlankLine(added));
    assert.equal(addLine([], plainNumbers).length, 1);
  });

  test('keep their key when moved, and a new line gets an unused key', () => {
    const moved = moveLine(lines, 1, -1);
    assert.deepEqual(moved.map(({ key }) => key), ['1', '0']);
    const keys = addLine(removeLine(addLine(lines, plainNumbers), 0), plainNumbers).map(({ key }) => key);
    assert.equal(new Set(keys).size, keys.length);
  });

  test('do not move past either end', () => {
    assert.equal(moveLine(lines, 0, -1), lines);
    assert.equal(moveLine(lines, 1, 1), lines);
  });

  test('change without affecting other lines', () => {
    const changed = changeLine(lines, 0, 'quantity', '2');
    assert.equal(changed[0]?.quantity, '2');
    assert.equal(changed[1], lines[1]);
  });

  test('report what does not parse by path, and leave out what is blank', () => {
    const { value, problems } = fromLines(changeLine(changeLine(lines, 1, 'unitPrice', 'x'), 0, 'quantity', ''), 'EUR', plainNumbers);
    assert.deepEqual(problems, { 'lines.1.unitPriceMinor': notAnAmount });
    assert.ok(!Object.hasOwn(value[0] as object, 'quantityMilli'));
  });
});

describe('an invoice form', () => {
  const declared = writableFields(findCollection('invoices') ?? assert.fail());
  const fields = formFields(declared);
  const { number: _number, customerName: _name, status: _status, subtotalMinor: _subtotal, taxes: _taxes,
      totalMinor: _total, paidMinor: _paid,
    payments: _payments, ...written } = invoice;

  test('parses back to the invoice it was made from, and detects changes', () => {
    const draft = toInvoiceDraft(fields, { ...written }, plainNumbers);
    assert.deepEqual(fromInvoiceDraft(declared, draft, plainNumbers), { value: written, problems: {} });
    assert.ok(isSameInvoiceDraft(draft, toInvoiceDraft(fields, { ...written }, plainNumbers)));
    assert.ok(!isSameInvoiceDraft(draft, { ...draft, lines: changeLine(draft.lines, 1, 'unit', 'h') }));
    assert.ok(!isSameInvoiceDraft(draft, { ...draft, lines: removeLine(draft.lines, 1) }));
  });

  test('reports every problem at a path that it shows', () => {
    const draft = toInvoiceDraft(fields, { currency: 'EUR', lines: [{ ...invoice.lines[0], description: 'x' }] }, plainNumbers);
    const blank = { ...draft, lines: changeLine(changeLine(draft.lines, 0, 'quantity', ''), 0, 'taxRate', 'none') };
    const { problems } = fromInvoiceDraft(declared, blank, plainNumbers);
    assert.deepEqual(Object.keys(problems).sort(), ['customerId', 'dueDate', 'issueDate', 'lines.0.quantityMilli', 'lines.0.taxRateBp']);
    const shown = [...fields.map(({ path }) => path), ...lineOrder(blank.lines)];
    assert.deepEqual(Object.keys(problems).filter((path) => !shown.includes(path)), []);
  });

  test('parses only the editable fields of a sent invoice', () => {
    const { dueDate, notes } = declared;
    assert.ok(dueDate && notes);
    const open = { dueDate, notes };
    const draft = toInvoiceDraft(formFields(open), { ...written }, plainNumbers);
    assert.deepEqual(fromInvoiceDraft(open, draft, plainNumbers).value, { dueDate: invoice.dueDate, notes: invoice.notes });
  });
});

describe('the totals preview', () => {
  test('equals what the server computes', () => {
    const { nets, totals } = previewTotals(lines, 'EUR', plainNumbers);
    assert.deepEqual(nets, [14_400, 2490]);
    assert.deepEqual(totals, computeTotals(invoice.lines));
  });

  test('leaves out lines that do not parse yet', () => {
    const { nets, totals } = previewTotals(changeLine(lines, 1, 'unitPrice', ''), 'EUR', plainNumbers);
    assert.deepEqual(nets, [14_400, null]);
    assert.equal(totals?.totalMinor, 17_136);
  });

  test('gives a reason if the total is negative or too large', () => {
    assert.equal(previewTotals(changeLine(lines, 0, 'unitPrice', '-500'), 'EUR', plainNumbers).problem?.code, 'negative_total');
    const huge = changeLine(changeLine(lines, 0, 'unitPrice', '90000000000000'), 0, 'quantity', '900000');
    assert.equal(previewTotals(huge, 'EUR', plainNumbers).problem?.code, 'too_large');
  });
});

describe('a new invoice', () => {
  test('is issued today and due in two weeks', () => {
    assert.deepEqual(newInvoice('2026-12-24', 'EUR'), { issueDate: '2026-12-24', dueDate: '2027-01-07', currency: 'EUR' });
  });

  test('copied from another keeps its payment term, but not its number, payments or status', () => {
    assert.deepEqual(duplicateInvoice(invoice, '2026-03-01'), {
      customerId: invoice.customerId, issueDate: '2026-03-01', dueDate: '2026-03-31', currency: 'EUR',
      lines: invoice.lines, notes: 'Thank you',
    });
  });

  test('keeps its payment term when the issue date changes', () => {
    assert.equal(withIssueDate({ issueDate: '2026-01-15', dueDate: '2026-02-14' }, '2026-01-20')['dueDate'], '2026-02-19');
    assert.equal(withIssueDate({ issueDate: '2026-01-15', dueDate: '' }, '2026-01-20')['dueDate'], '');
    assert.equal(withIssueDate({ issueDate: '2026-01-15', dueDate: '2026-02-14' }, '')['dueDate'], '2026-02-14');
  });

  test("takes the customer's currency unless prices have been entered", () => {
    const values = { customerId: '', currency: 'EUR' };
    assert.equal(withCustomer({ values, lines: addLine([], plainNumbers) }, 'x', 'CHF').values['currency'], 'CHF');
    assert.deepEqual(withCustomer({ values, lines }, 'x', 'CHF').values, { customerId: 'x', currency: 'EUR' });
  });
});

describe('a payment', () => {
  test('defaults to the open amount, today', () => {
    assert.equal(openMinorOf(invoice), 14_800);
    assert.equal(openMinorOf({ ...invoice, status: 'void' }), 0);
    const payment = newPayment(14_800, 'EUR', '2026-03-01', plainNumbers);
    assert.deepEqual(fromPaymentDraft(payment, 14_800, 'EUR', plainNumbers),
      { value: { amountMinor: 14_800, paidOn: '2026-03-01' }, problems: {} });
  });

  test('must be positive, at most the open amount, and on a valid date', () => {
    const problems = (amount: string, paidOn = '2026-03-01') => fromPaymentDraft({ amount, paidOn }, 14_800, 'EUR', plainNumbers).problems;
    assert.deepEqual(problems('148.01'), { amountMinor: problem('max', { max: 14_800 }) });
    assert.deepEqual(problems('0'), { amountMinor: problem('min', { min: 1 }) });
    assert.deepEqual(problems(''), { amountMinor: problem('required') });
    assert.deepEqual(problems('all', '2026-02-30'), { amountMinor: notAnAmount, paidOn: problem('date') });
  });
});
