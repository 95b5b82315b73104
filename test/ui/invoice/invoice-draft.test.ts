// Invoice and payment forms: editing lines, previewing totals, default values, parsing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { findCollection, writableFields, type Invoice } from '../../../shared/collections.ts';
import { computeTotals, openMinorOf } from '../../../shared/invoice.ts';
import { problem } from '../../../shared/problems.ts';
import {
  addLine, atShownLines, changeLine, duplicateInvoice, fromInvoiceDraft, fromLines, invoiceDefaults, isBlankLine, isSameInvoiceDraft,
  lineCategory, lineOrder, moveLine, needsReason, newInvoice, previewTotals, redated, removeLine, toInvoiceDraft, toLines, withCategory,
  withCustomer, withIssueDate, withoutBlankLines, withSuggestion,
} from '../../../ui/invoice/invoice-draft.ts';
import { fromPaymentDraft, newPayment } from '../../../ui/invoice/payment-draft.ts';
import { formFields, notAnAmount } from '../../../ui/record/record-draft.ts';
import { plainNumbers } from '../record/plain-numbers.ts';

const invoice: Invoice = {
  kind: 'invoice', customerId: 'c'.repeat(24), customerName: 'Café Müller', status: 'open', issueDate: '2026-01-15', dueDate: '2026-02-14',
  currency: 'EUR',
  lines: [
    { description: 'Work', quantityMilli: 1500, unit: 'h', unitPriceMinor: 9600, taxRateBp: 1900 },
    { description: 'Book', quantityMilli: 1000, unitPriceMinor: 2490, taxRateBp: 700 },
  ],
  servicePeriod: { from: '2026-01-01', to: '2026-01-14' }, buyerReference: 'KST 4400', note: 'Thank you', internalNote: 'Pays late',
  number: 'INV-2026-00001', subtotalMinor: 16_890, taxes: [], totalMinor: 19_800, paidMinor: 5000, creditedMinor: 0, payments: [],
};
const lines = toLines(invoice.lines, 'EUR', plainNumbers);

describe('lines', () => {
  test('that are blank are not sent, and the problems of the others stay at their places', () => {
    const [first, second] = lines;
    assert.ok(first && second);
    const [blank] = addLine([], plainNumbers);
    assert.ok(blank);
    const { draft, shownAt } = withoutBlankLines({ values: {}, lines: [blank, first, blank, { ...second, taxRate: '190' }] });
    assert.deepEqual(draft.lines.map(({ description }) => description), ['Work', 'Book']);
    const { problems } = fromLines(draft.lines, 'EUR', plainNumbers);
    const reason = problem('max', { max: 10_000 });
    assert.deepEqual(atShownLines({ ...problems, lines: reason, note: reason }, shownAt),
      { 'lines.3.taxRateBp': reason, lines: reason, note: reason }, '190 % is a slip');
  });

  test('parse back to the lines they were made from', () => {
    assert.deepEqual(fromLines(lines, 'EUR', plainNumbers), { value: invoice.lines, problems: {} });
  });

  test('are added last, with a quantity of one and the unit and tax rate of the line above', () => {
    const added = addLine(lines.map((line) => ({ ...line, unit: 'h' })), plainNumbers).at(-1);
    assert.ok(added);
    assert.deepEqual({ ...added, key: '' }, {
      key: '', description: '', quantity: '1', unit: 'h', unitPrice: '', priceQuantity: '', taxRate: '7', taxCategory: '',
    });
    assert.ok(isBlankLine(added));
    assert.deepEqual(addLine([], plainNumbers, 1900).map(({ taxRate }) => taxRate), ['19']);
  });

  test('take everything that is suggested but the quantity, and keep their tax rate where none is', () => {
    const [line] = lines;
    assert.ok(line);
    const earlier = { description: 'Screws', unitPriceMinor: 320, priceQuantity: 100, taxRateBp: 0, taxCategory: 'AE' } as const;
    assert.deepEqual(withSuggestion(line, earlier, 'EUR', plainNumbers), {
      key: '0', description: 'Screws', quantity: '1.5', unit: '', unitPrice: '3.20', priceQuantity: '100', taxRate: '0', taxCategory: 'AE',
    });
    const plan = { description: 'Care', unitPriceMinor: 9900, unit: 'months', interval: 'month' } as const;
    assert.deepEqual(withSuggestion(line, plan, 'EUR', plainNumbers), { ...line, description: 'Care', unit: 'months', unitPrice: '99.00' });
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

describe('a line with a price for several units, or in another VAT category', () => {
  const special = toLines([
    { description: 'Screws', quantityMilli: 250_000, unitPriceMinor: 320, priceQuantity: 100, taxRateBp: 1900 },
    { description: 'Repair', quantityMilli: 1000, unitPriceMinor: 5000, taxRateBp: 0, taxCategory: 'AE' },
  ], 'EUR', plainNumbers);
  const [screws, repair] = special;
  assert.ok(screws && repair);

  test('parses back, and is added up by its unit', () => {
    assert.deepEqual(special.map(({ priceQuantity, taxCategory }) => [priceQuantity, taxCategory]), [['100', ''], ['', 'AE']]);
    assert.deepEqual(toLines(fromLines(special, 'EUR', plainNumbers).value as never, 'EUR', plainNumbers), special);
    assert.deepEqual(previewTotals(special, 'EUR', plainNumbers).nets, [800, 5000]);
    for (const units of ['0', '1.5', 'x']) {
      assert.deepEqual(previewTotals(changeLine(special, 0, 'priceQuantity', units), 'EUR', plainNumbers).nets, [null, 5000], units);
    }
  });

  test('has the category of its rate unless another is chosen, which sets the rate to 0', () => {
    assert.deepEqual(special.map((line) => lineCategory(line, plainNumbers)), ['S', 'AE']);
    const exempt = withCategory(screws, 'E', 1900, plainNumbers);
    assert.deepEqual([exempt.taxRate, lineCategory(exempt, plainNumbers)], ['0', 'E']);
    assert.equal(lineCategory(withCategory(repair, 'Z', 1900, plainNumbers), plainNumbers), 'Z');
    assert.deepEqual(changeLine([exempt], 0, 'taxRate', '19').map((line) => lineCategory(line, plainNumbers)), ['S']);
    assert.equal(lineCategory({ ...screws, taxRate: 'x' }, plainNumbers), null);
  });

  test('has the usual rate once its category is the standard one again, or one that is still to be filled in', () => {
    const exempt = withCategory(screws, 'E', 1900, plainNumbers);
    for (const [usualRateBp, text, category] of [[700, '7', 'S'], [0, '', null], [null, '', null]] as const) {
      const again = withCategory(exempt, 'S', usualRateBp, plainNumbers);
      assert.deepEqual([again.taxRate, lineCategory(again, plainNumbers)], [text, category]);
    }
    assert.equal(withCategory(screws, 'S', 700, plainNumbers).taxRate, screws.taxRate);
  });

  test('needs a reason for an exemption, and no other does', () => {
    assert.deepEqual([special, [screws], [withCategory(screws, 'Z', 1900, plainNumbers)]].map((of) => needsReason(of, plainNumbers)),
      [true, false, false]);
  });
});

describe('an invoice form', () => {
  const declared = writableFields(findCollection('invoices') ?? assert.fail());
  const fields = formFields(declared);
  const { kind: _kind, number: _number, customerName: _name, status: _status, subtotalMinor: _subtotal, taxes: _taxes,
    totalMinor: _total, paidMinor: _paid, creditedMinor: _credited, payments: _payments, ...written } = invoice;

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
    assert.deepEqual(Object.keys(problems).sort(), ['customerId', 'issueDate', 'lines.0.quantityMilli', 'lines.0.taxRateBp']);
    const shown = [...fields.map(({ path }) => path), ...lineOrder(blank.lines)];
    assert.deepEqual(Object.keys(problems).filter((path) => !shown.includes(path)), []);
  });

  test('reports what its parts contradict, and keeps a reason for an exemption only where there is one', () => {
    const parse = (of: object, rate: string, category: 'E' | 'S') => {
      const draft = toInvoiceDraft(fields, { ...written, ...of }, plainNumbers);
      const [first] = changeLine(draft.lines, 0, 'taxRate', rate);
      assert.ok(first);
      return fromInvoiceDraft(declared, { ...draft, lines: [{ ...first, taxCategory: category === 'S' ? '' : category }] }, plainNumbers);
    };
    assert.deepEqual(parse({}, '0', 'E').problems, { taxExemptionReason: problem('required') });
    assert.deepEqual(parse({ taxExemptionReason: 'Medical' }, '19', 'E').problems, { 'lines.0.taxRateBp': problem('zero_rate') });
    assert.equal(parse({ taxExemptionReason: 'Medical' }, '0', 'E').value['taxExemptionReason'], 'Medical');
    assert.equal(parse({ taxExemptionReason: 'Medical' }, '19', 'S').value['taxExemptionReason'], undefined);
    assert.deepEqual(parse({ servicePeriod: { from: '2026-01-02', to: '2026-01-01' } }, '19', 'S').problems,
      { 'servicePeriod.to': problem('order', { other: 'from' }) });
    assert.deepEqual(parse({ servicePeriod: { to: '2026-01-01' } }, '19', 'S').problems, { 'servicePeriod.from': problem('required') });
  });

  test('parses only the editable fields of an issued invoice', () => {
    const { dueDate, internalNote } = declared;
    assert.ok(dueDate && internalNote);
    const open = { dueDate, internalNote };
    const draft = toInvoiceDraft(formFields(open), { ...written }, plainNumbers);
    assert.deepEqual(fromInvoiceDraft(open, draft, plainNumbers).value,
      { dueDate: invoice.dueDate, internalNote: invoice.internalNote });
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

  test('copied from another keeps its payment term, but not its number, payments, service period or internal note', () => {
    assert.deepEqual(duplicateInvoice(invoice, '2026-03-01'), {
      customerId: invoice.customerId, issueDate: '2026-03-01', dueDate: '2026-03-31', buyerReference: 'KST 4400', currency: 'EUR',
      lines: invoice.lines, note: 'Thank you',
    });
    const { dueDate: _due, ...undated } = invoice;
    assert.ok(!Object.hasOwn(duplicateInvoice(undated, '2026-03-01'), 'dueDate'));
  });

  test('issued later than it was dated is due as long after', () => {
    assert.deepEqual(redated(invoice, '2026-01-20'), { issueDate: '2026-01-20', dueDate: '2026-02-19' });
    assert.deepEqual(redated({ issueDate: '2026-01-15' }, '2026-01-20'), { issueDate: '2026-01-20' });
  });

  test('keeps its payment term when the issue date changes', () => {
    const dueOf = (issueDate: string, dueDate: string, before: string) => withIssueDate({ dueDate }, issueDate, before)['dueDate'];
    assert.equal(dueOf('2026-01-20', '2026-02-14', '2026-01-15'), '2026-02-19');
    assert.equal(dueOf('2026-01-20', '', '2026-01-15'), '');
    assert.equal(dueOf('', '2026-02-14', '2026-01-15'), '2026-02-14');
    assert.equal(dueOf('2026-01-20', '2026-02-14', ''), '2026-02-14');
  });

  test('takes the terms, reference, currency and tax rate of the customer, its plan and the company, unless something was entered', () => {
    const company = { paymentTermsDays: 30, taxRateBp: 1900 };
    const before = invoiceDefaults(null, null, company, 'EUR');
    assert.deepEqual(before, { currency: 'EUR', termDays: 30, taxRateBp: 1900, buyerReference: '' });
    const customer = { currency: 'CHF', paymentTermsDays: 7, buyerReference: 'B-112' };
    const after = invoiceDefaults(customer, { taxRateBp: 810 }, company, 'EUR');
    assert.deepEqual(after, { currency: 'CHF', termDays: 7, taxRateBp: 810, buyerReference: 'B-112' });
    assert.equal(invoiceDefaults(null, null, null, 'EUR').termDays, 14);

    const values = { customerId: '', currency: 'EUR', issueDate: '2026-01-01', dueDate: '2026-01-31' };
    const filled = withCustomer({ values, lines: addLine([], plainNumbers, 1900) }, 'x', before, after, plainNumbers);
    assert.deepEqual(filled.values,
      { customerId: 'x', currency: 'CHF', issueDate: '2026-01-01', dueDate: '2026-01-08', buyerReference: 'B-112' });
    assert.deepEqual(filled.lines.map(({ taxRate }) => taxRate), ['8.1']);
    const entered = { ...values, dueDate: '2026-02-15', buyerReference: 'own' };
    assert.deepEqual(withCustomer({ values: entered, lines }, 'x', before, after, plainNumbers),
      { values: { ...entered, customerId: 'x' }, lines });
    assert.deepEqual(withCustomer(filled, '', after, before, plainNumbers).values, { ...values, buyerReference: '' });
  });
});

describe('a payment', () => {
  test('defaults to the open amount, today', () => {
    assert.equal(openMinorOf(invoice), 14_800);
    assert.equal(openMinorOf({ ...invoice, status: 'void' }), 0);
    const payment = newPayment(14_800, 'EUR', '2026-03-01', plainNumbers);
    assert.deepEqual(fromPaymentDraft(payment, 14_800, 'EUR', plainNumbers),
      { value: { amountMinor: 14_800, paidOn: '2026-03-01' }, problems: {} });
    const { value } = fromPaymentDraft({ ...payment, method: ' SEPA ', reference: 'INV 1' }, 14_800, 'EUR', plainNumbers);
    assert.deepEqual(value, { amountMinor: 14_800, paidOn: '2026-03-01', method: 'SEPA', reference: 'INV 1' });
  });

  test('has a year of two digits from this century, and no day that nobody means', () => {
    const payment = newPayment(14_800, 'EUR', '0026-11-30', plainNumbers);
    assert.equal(fromPaymentDraft(payment, 14_800, 'EUR', plainNumbers).value.paidOn, '2026-11-30');
    assert.deepEqual(Object.keys(fromPaymentDraft({ ...payment, paidOn: '0126-11-30' }, 14_800, 'EUR', plainNumbers).problems), ['paidOn']);
  });

  test('of more than was owed is refunded: entered as it is paid back, and recorded as negative', () => {
    const refund = newPayment(-1200, 'EUR', '2026-03-01', plainNumbers);
    assert.equal(refund.amountMinor, '12.00');
    assert.deepEqual(fromPaymentDraft(refund, -1200, 'EUR', plainNumbers).value, { amountMinor: -1200, paidOn: '2026-03-01' });
    assert.deepEqual(fromPaymentDraft({ ...refund, amountMinor: '12.01' }, -1200, 'EUR', plainNumbers).problems,
      { amountMinor: problem('max', { max: 1200 }) });
  });

  test('must be positive, at most the open amount, and on a valid date', () => {
    const problems = (amountMinor: string, paidOn = '2026-03-01') =>
      fromPaymentDraft({ amountMinor, paidOn, method: '', reference: '' }, 14_800, 'EUR', plainNumbers).problems;
    assert.deepEqual(problems('148.01'), { amountMinor: problem('max', { max: 14_800 }) });
    assert.deepEqual(problems('0'), { amountMinor: problem('min', { min: 1 }) });
    assert.deepEqual(problems(''), { amountMinor: problem('required') });
    assert.deepEqual(problems('all', '2026-02-30'), { amountMinor: notAnAmount, paidOn: problem('date') });
  });
});
