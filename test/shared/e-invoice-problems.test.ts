// What keeps an invoice from being an e-invoice, by field; and that nothing is written then.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AppError } from '../../shared/errors.ts';
import type { Problem } from '../../shared/problems.ts';
import { eInvoiceProblems, writeEInvoice, type EInvoiceInput } from '../../shared/e-invoice.ts';
import { buyer, creditNote, input, line, peppolBuyer, seller } from './e-invoices.ts';

function codes(some: EInvoiceInput): Record<string, string> {
  const problems = eInvoiceProblems(some);
  if (Object.keys(problems).length > 0) {
    assert.throws(() => writeEInvoice(some), (error) =>
      error instanceof AppError && error.code === 'invalid_request' && error.details.fields !== undefined);
  }
  return Object.fromEntries(Object.entries(problems).map(([path, { code }]) => [path, code]));
}

/** Without the optional fields named. */
function without<T extends object>(whole: T, ...fields: (keyof T)[]): T {
  return Object.fromEntries(Object.entries(whole).filter(([key]) => !fields.includes(key as keyof T))) as T;
}

/** The invoice with other parties, then and now. */
function between(from: typeof seller, to: typeof buyer, fields: object = {}, lines = [line()]): EInvoiceInput {
  return { invoice: { ...input({}, lines).invoice, seller: from, buyer: to, ...fields }, company: from, customer: to };
}

const reachable = { ...buyer, electronicAddress: { scheme: 'EM', value: 'a@kunde.test' } };

describe('the problems of an e-invoice', () => {
  test('are none if nothing is missing', () => {
    assert.deepEqual(codes(input()), {});
    assert.deepEqual(codes(between(seller, reachable)), {});
  });

  test('name all that an old invoice lacks where the company has only a name', () => {
    const { invoice } = input();
    const bare = without(invoice, 'seller', 'buyer', 'buyerReference', 'dueDate');
    assert.deepEqual(codes({ invoice: bare, company: { name: '' }, customer: { name: 'Jemand' } }), {
      'invoice.buyerReference': 'required', 'invoice.dueDate': 'required', 'company.name': 'required',
      'company.address.country': 'required', 'company.address.postalCode': 'required', 'company.address.city': 'required',
      'company.phone': 'required', 'company.email': 'required', 'company.vatId': 'required', 'company.iban': 'required',
      'customer.address.country': 'required', 'customer.address.postalCode': 'required', 'customer.address.city': 'required',
      'customer.electronicAddress': 'required',
    });
  });

  test('name what would do as well', () => {
    const noReference = (some: EInvoiceInput): EInvoiceInput => ({ ...some, invoice: without(some.invoice, 'buyerReference') });
    const bare = { invoice: without(input().invoice, 'seller', 'buyer'), company: { name: 'x' }, customer: { name: 'y' } };
    const problems = eInvoiceProblems(noReference(bare));
    const alternatives = Object.entries(problems).map(([path, { params }]) => [path, params?.['or']]);
    assert.deepEqual(Object.fromEntries(alternatives.filter(([, or]) => or !== undefined)), {
      'invoice.buyerReference': 'electronicAddress', 'company.vatId': 'taxNumber', 'customer.electronicAddress': 'email',
    });
    const reference = (some: EInvoiceInput): Problem | undefined => eInvoiceProblems(noReference(some))['invoice.buyerReference'];
    const german = { ...reachable, address: { ...buyer.address, country: 'DE' } };
    assert.deepEqual(reference(between(seller, german))?.params, undefined, 'in Germany, Peppol wants it as well');
    assert.deepEqual(reference(input({ buyer: peppolBuyer }))?.params, { or: 'orderNumber' }, 'the address is there');
    const inPeppol = { ...german, electronicAddress: { scheme: '9930', value: 'DE123456789' } };
    assert.deepEqual(reference(between(seller, inPeppol))?.params, { or: 'orderNumber' }, 'which is written as the reference, too');
  });

  test('name an electronic address that Peppol\'s fatal rules refuse, and no other', () => {
    const addresses = {
      '0007': ['5560360793', '5560360794 556036079 556036079x'], '0088': ['4012345000009', '4012345000008 not-a-gln'],
      '0151': ['51824753556', '51824753557 5182475355'], '0184': ['12345678 DK12345678', '1234567 SE12345678'],
      '0192': ['923609016', '923609017 000000000 92360901'], '0208': ['0202239951', '0202239952 202239951'],
      '0201': ['x', ''], '0210': ['x', ''], '0211': ['ITx', ''], '9914': ['x', ''],
    };
    for (const [scheme, [good, bad]] of Object.entries(addresses)) {
      const problemsOf = (value: string, buyerReference?: string): Record<string, string> => codes({
        invoice: { ...without(input({ buyer: { ...buyer, electronicAddress: { scheme, value } } }).invoice, 'buyerReference'),
          orderNumber: 'B-77', ...(buyerReference === undefined ? {} : { buyerReference }) },
      });
      for (const value of good?.split(' ') ?? []) assert.deepEqual(problemsOf(value), {}, `${scheme} ${value}`);
      for (const value of bad?.split(' ').filter(Boolean) ?? []) {
        assert.deepEqual(problemsOf(value), { 'customer.electronicAddress.value': 'address_value' }, `${scheme} ${value}`);
        assert.deepEqual(problemsOf(value, '04011000-12345-03'), {}, 'XRechnung has no such rule');
      }
    }
  });

  test('are none for an old invoice whose company and customer are complete', () => {
    assert.deepEqual(codes({ ...input(), invoice: without(input().invoice, 'seller', 'buyer') }), {});
  });

  for (const [name, some, expected] of [
    ['a draft', input({ status: 'draft' }), { 'invoice.status': 'issued' }],
    ['a void invoice', input({ status: 'void' }), { 'invoice.status': 'issued' }],
    ['a third decimal',
      input({ currency: 'KWD' }, [line({ quantityMilli: 1000, unitPriceMinor: 1001 })]), { 'invoice.currency': 'decimals' }],
    ['the tax of a last part, rounded by a whole unit', (() => {
      const { invoice, ...others } = input({ currency: 'JPY' }, [line({ quantityMilli: 1000, unitPriceMinor: 1003, taxRateBp: 1900 })]);
      const taxes = invoice.taxes.map((tax) => ({ ...tax, taxMinor: tax.taxMinor - 1 }));
      return { ...others, invoice: { ...invoice, taxes, totalMinor: invoice.totalMinor - 1 } };
    })(), { 'invoice.currency': 'tax_rounding' }],
    ['what is outside the scope of VAT beside the rest',
      input({}, [line(), line({ taxRateBp: 0, taxCategory: 'O' })]), { 'invoice.lines': 'tax_mix' }],
    ['the standard category without a rate', input({}, [line({ taxRateBp: 0, taxCategory: 'S' })]), { 'invoice.lines.0.taxRateBp': 'min' }],
    ['an exemption without a reason',
      { ...input(), invoice: without(input({}, [line({ taxRateBp: 0, taxCategory: 'E' })]).invoice, 'taxExemptionReason') },
      { 'invoice.taxExemptionReason': 'required' }],
    ['an intra-community supply without its day',
      input({}, [line({ taxRateBp: 0, taxCategory: 'K' })]), { 'invoice.servicePeriod': 'required' }],
    ['a reverse charge to a buyer without a VAT identifier',
      between(seller, without(reachable, 'vatId'), { taxExemptionReason: 'x' }, [line({ taxRateBp: 0, taxCategory: 'AE' })]),
      { 'customer.vatId': 'required' }],
    ['an export by a seller without one',
      between(without(seller, 'vatId'), reachable, { taxExemptionReason: 'x' }, [line({ taxRateBp: 0, taxCategory: 'G' })]),
      { 'company.vatId': 'required' }],
    ['an identifier without its country', between({ ...seller, vatId: '123456789' }, { ...reachable, vatId: '1-2' }),
      { 'company.vatId': 'vat_id', 'customer.vatId': 'vat_id' }],
    ['a telephone number without digits', between({ ...seller, phone: 'auf Anfrage' }, reachable), { 'company.phone': 'phone' }],
    ['an address without a domain', between({ ...seller, email: 'billing@localhost' }, reachable), { 'company.email': 'email' }],
    ['an unknown scheme', between(seller, { ...buyer, electronicAddress: { scheme: 'XX', value: '1' } }),
      { 'customer.electronicAddress.scheme': 'address_scheme' }],
    ['nothing to pay into', between(without(seller, 'iban', 'bic'), reachable), { 'company.iban': 'required' }],
    ['texts that hold nothing XML can',
      between({ ...seller, name: '\ufffe' }, { ...reachable, name: ' \ufffe' }, { number: '\ufffe' }, [line({ description: '\ufffe' })]),
      {
        'invoice.number': 'required', 'invoice.lines.0.description': 'required', 'company.name': 'required', 'customer.name': 'required',
      }],
    ['an address that is none once written', between({ ...seller, email: '\ufffe@werk.test' }, reachable), { 'company.email': 'email' }],
    ['Peppol without any reference', { ...input(), invoice: without(input({ buyer: peppolBuyer }).invoice, 'buyerReference') },
      { 'invoice.buyerReference': 'required' }],
    ['Peppol and a seller without a VAT identifier',
      { invoice: without(input({ seller: without(seller, 'vatId'), buyer: peppolBuyer, orderNumber: '1' }).invoice, 'buyerReference') },
      { 'company.vatId': 'required' }],
  ] as const satisfies readonly (readonly [string, EInvoiceInput, Record<string, string>])[]) {
    test(`name ${name}`, () => assert.deepEqual(codes(some), expected));
  }

  test('are none for what nobody has to pay, without an account and a day', () => {
    const bare = without(seller, 'iban', 'bic');
    const { totalMinor } = input().invoice;
    for (const settled of [
      { status: 'paid', paidMinor: totalMinor }, { status: 'paid', creditedMinor: totalMinor },
      { status: 'paid', paidMinor: totalMinor - 1, creditedMinor: 1 }, { status: 'open', paidMinor: totalMinor, creditedMinor: 1 },
    ]) {
      const some = between(bare, reachable, settled);
      assert.deepEqual(codes({ ...some, invoice: without(some.invoice, 'dueDate') }), {});
    }
    assert.deepEqual(codes(between(bare, reachable, { ...creditNote })), {});
  });
});
