// What e-invoices say: that they keep the rules, whatever was invoiced, and what each term is taken from.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Element as XmlElement } from '@xmldom/xmldom';
import fc from 'fast-check';

import type { Seller } from '../../shared/collections.ts';
import { toMajorUnits } from '../../shared/currency.ts';
import { writeEInvoice, type EInvoiceInput } from '../../shared/e-invoice.ts';
import { all, checkRules, lines, names, parse, text, vatId } from './e-invoice-rules.ts';
import { buyer, credited, creditNote, eInvoiceInputs, input, line, peppolBuyer, seller } from './e-invoices.ts';

function write(some: EInvoiceInput): XmlElement {
  return parse(writeEInvoice(some));
}

/** BT-115 is what the record has open, and asks for a day only where that is to be paid. */
function checkBalance(root: XmlElement, { kind, totalMinor, paidMinor, creditedMinor, currency }: EInvoiceInput['invoice']): void {
  const openMinor = totalMinor - creditedMinor - paidMinor;
  assert.equal(text(root, 'LegalMonetaryTotal/PayableAmount'), toMajorUnits(openMinor, currency));
  assert.equal(text(root, 'DueDate') !== null, kind === 'invoice' && openMinor > 0);
}

describe('an e-invoice', () => {
  test('keeps the rules, whatever was invoiced', () => {
    fc.assert(fc.property(eInvoiceInputs, (some) => {
      const root = write(some);
      checkRules(root);
      assert.equal(lines(root).length, some.invoice.lines.length);
      lines(root).forEach((one, index) => {
        const { description = '' } = some.invoice.lines[index] ?? {};
        assert.equal(text(one, 'Item/Name'), description.replace(/\uffff/g, '').trim());
      });
      checkBalance(root, some.invoice);
      const { note } = some.invoice;
      if (note !== undefined) assert.ok(text(root, 'Note')?.endsWith(note.replace(/\uffff/g, '').trim()));
    }), { numRuns: 100 });
  });

  test('says what the record says, term by term', () => {
    const root = write(input({
      servicePeriod: { from: '2026-01-01', to: '2026-01-31' }, orderNumber: 'B-77', note: 'Danke', paidMinor: 10_000,
    }, [line(), line({
      description: 'Lizenz\nfür zwei Plätze', quantityMilli: 2000, unit: 'Palette', unitPriceMinor: 1234, priceQuantity: 100,
    })]));
    checkRules(root);
    const expected = {
      'CustomizationID': names.xrechnung, 'ID': 'INV-2026-00001', 'IssueDate': '2026-01-15', 'DueDate': '2026-02-14', 'Note': 'Danke',
      'BuyerReference': '04011000-12345-03', 'InvoicePeriod/StartDate': '2026-01-01', 'InvoicePeriod/EndDate': '2026-01-31',
      'OrderReference/ID': 'B-77', 'AccountingSupplierParty/Party/EndpointID': seller.email,
      'AccountingSupplierParty/Party/PartyLegalEntity/CompanyID': seller.registration,
      'AccountingCustomerParty/Party/EndpointID': 'einkauf@kunde.test', 'AccountingCustomerParty/Party/PartyIdentification/ID': 'K-1',
      'AccountingCustomerParty/Party/Contact/Name': 'Einkauf', 'PaymentMeans/PaymentMeansCode': '58',
      'PaymentMeans/PayeeFinancialAccount/ID': 'DE89370400440532013000', 'PaymentMeans/PayeeFinancialAccount/Name': seller.name,
      'PaymentMeans/PayeeFinancialAccount/FinancialInstitutionBranch/ID': 'COBADEFFXXX',
      'LegalMonetaryTotal/LineExtensionAmount': '149.50', 'TaxTotal/TaxAmount': '28.41', 'LegalMonetaryTotal/TaxInclusiveAmount': '177.91',
      'LegalMonetaryTotal/PrepaidAmount': '100.00', 'LegalMonetaryTotal/PayableAmount': '77.91',
    };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((path) => [path, text(root, path)])), expected);
    assert.equal(vatId(root, 'AccountingSupplierParty'), 'DE123456789');
    const [, second] = lines(root);
    assert.ok(second);
    assert.deepEqual(
      ['Item/Name', 'Item/Description', 'Note', 'InvoicedQuantity', 'Price/PriceAmount', 'Price/BaseQuantity', 'LineExtensionAmount']
        .map((path) => text(second, path)),
      ['Lizenz', 'für zwei Plätze', '2 Palette', '2', '12.34', '100', '0.25'],
    );
  });

  test('counts what was credited as paid, exactly', () => {
    const huge = Number.MAX_SAFE_INTEGER;
    for (const [fields, amounts] of [
      [{ creditedMinor: 7761 }, ['77.61', '100.00']],
      [{ creditedMinor: 17_761, status: 'paid' }, ['177.61', '0.00']],
      [{ creditedMinor: 7761, paidMinor: 17_761 }, ['255.22', '-77.61']],
      [{ creditedMinor: huge, paidMinor: huge - 1, totalMinor: huge }, ['180143985094819.81', '-90071992547409.90']],
    ] as const) {
      const root = write(input(fields));
      assert.deepEqual(['PrepaidAmount', 'PayableAmount'].map((name) => text(root, `LegalMonetaryTotal/${name}`)), amounts);
    }
  });

  test('names each line by what XML can hold of its description', () => {
    const [first] = lines(write(input({}, [line({ description: '\ufffe\nfoo\nbar' })])));
    assert.ok(first);
    assert.deepEqual(['Item/Name', 'Item/Description'].map((path) => text(first, path)), ['foo', 'bar']);
  });

  test('has the codes of known units, in English and German', () => {
    const codes = {
      'Stück': 'H87', 'pcs': 'H87', 'Std.': 'HUR', 'h': 'HUR', 'hours': 'HUR', 'Tage': 'DAY', 'day': 'DAY', 'Monat': 'MON', 'kg': 'KGM',
      'm': 'MTR', 'm²': 'MTK', 'km': 'KMT', 'l': 'LTR', 'pauschal': 'LS', 'lump sum': 'LS', 'Palette': 'C62', '': 'C62',
      'Stunden': 'HUR', 'Std': 'HUR', 'Stunde(n)': 'HUR', 'hrs.': 'HUR', 'Stk.': 'H87', 'Stu\u0308ck': 'H87', 'St.': 'H87', 'Stck.': 'H87',
      'pieces': 'H87', 'Tag(e)': 'DAY', 'days': 'DAY', 'PT': 'DAY', 'Min.': 'MIN', 'Wochen': 'WEE', 'Monate': 'MON', 'months': 'MON',
      'Jahr': 'ANN', 'qm': 'MTK', 'm^2': 'MTK', 'sq. m': 'MTK', 'm³': 'MTQ', 'lfd. m': 'MTR', 'g': 'GRM', 't': 'TNE', 'cm': 'CMT',
      'mm': 'MMT', 'kWh': 'KWH', 'Liter': 'LTR', 'psch.': 'LS', 'Pauschale': 'LS', 'flat rate': 'LS', 'Satz': 'SET', 'Paar': 'PR',
      '%': 'P1', 'HUR': 'HUR', 'C62': 'C62',
    };
    const root = write(input({}, Object.keys(codes).map((unit) => line({ unit }))));
    const written = lines(root).map((one) => all(one, 'InvoicedQuantity')[0]?.getAttribute('unitCode'));
    assert.deepEqual(written, Object.values(codes));
  });

  test('turns a negative price into a negative quantity', () => {
    const root = write(input({}, [line(), line({ description: 'Rabatt', unitPriceMinor: -500, quantityMilli: 2000 })]));
    checkRules(root);
    const [, second] = lines(root);
    assert.ok(second);
    const paths = ['InvoicedQuantity', 'Price/PriceAmount', 'LineExtensionAmount'];
    assert.deepEqual(paths.map((path) => text(second, path)), ['-2', '5.00', '-10.00']);
  });

  test('is a credit note with a reference to what it corrects', () => {
    const root = write({ ...input({ ...creditNote }), credited });
    checkRules(root);
    assert.equal(root.localName, 'CreditNote');
    const expected = {
      'CreditNoteTypeCode': '381', 'BillingReference/InvoiceDocumentReference/ID': 'INV-2026-00001',
      'BillingReference/InvoiceDocumentReference/IssueDate': '2026-01-15', 'LegalMonetaryTotal/PayableAmount': '177.61',
      'PaymentTerms/Note': 'Wird mit Rechnung INV-2026-00001 verrechnet oder erstattet.',
    };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((path) => [path, text(root, path)])), expected);
  });

  test('is an XRechnung for a reference that is a Leitweg-ID, and of Peppol for any other of a buyer in its network', () => {
    const profile = (buyerReference: string, to = peppolBuyer): string | null => {
      const root = write(input({ buyer: to, buyerReference }));
      checkRules(root);
      assert.equal(text(root, 'BuyerReference'), buyerReference);
      return text(root, 'CustomizationID');
    };
    for (const leitwegId of ['04011000-12345-03', '991-33333TEST-33', '991-33333test-33', '992-90009-96']) {
      assert.equal(profile(leitwegId), names.xrechnung, leitwegId);
    }
    for (const other of ['Einkauf Wien', '04011000-12345-34', '4711', '08-A-18', '12-34', '1234567890123-1-23']) {
      assert.equal(profile(other), names.peppol, other);
      assert.equal(profile(other, buyer), names.xrechnung, 'by e-mail');
      assert.equal(profile(other, { ...buyer, electronicAddress: { scheme: 'EM', value: 'a@kunde.test' } }), names.xrechnung);
    }
  });

  test('is of Peppol for a buyer in its network that gave no reference', () => {
    const { invoice: { buyerReference: _none, ...rest } } = input({ buyer: peppolBuyer, orderNumber: 'B-77' });
    const root = write({ invoice: rest });
    checkRules(root);
    const supplier = all(root, 'AccountingSupplierParty/Party/EndpointID')[0];
    assert.deepEqual([text(root, 'CustomizationID'), supplier?.getAttribute('schemeID'), supplier?.textContent],
      [names.peppol, '9930', 'DE123456789']);
    assert.equal(text(write(input({ buyer: peppolBuyer })), 'CustomizationID'), names.xrechnung);
  });

  test('has the decimals of the currency, and two at most', () => {
    const amounts = (currency: string, unitPriceMinor: number, quantityMilli: number): (string | null)[] => {
      const root = write(input({ currency }, [line({ unitPriceMinor, quantityMilli, taxRateBp: 1000 })]));
      checkRules(root);
      const [first] = lines(root);
      return ['LegalMonetaryTotal/TaxInclusiveAmount', 'PaymentMeans/PaymentMeansCode'].map((path) => text(root, path))
        .concat(first ? ['Price/PriceAmount', 'Price/BaseQuantity'].map((path) => text(first, path)) : []);
    };
    assert.deepEqual(amounts('JPY', 1001, 1500), ['1652', '30', '1502', '1.5']);
    assert.deepEqual(amounts('JPY', 1000, 1500), ['1650', '30', '1000', null]);
    assert.deepEqual(amounts('KWD', 12_300, 1000), ['13.53', '30', '12.300', null]);
    assert.deepEqual(amounts('EUR', 1001, 1500), ['16.52', '58', '10.01', null]);
  });

  test('identifies a seller with nothing but a tax number by that', () => {
    const { vatId: _vatId, registration: _registration, ...own } = seller;
    for (const taxCategory of ['E', 'O'] as const) {
      const root = write({ ...input({ seller: own }, [line({ taxRateBp: 0, taxCategory })]), company: own });
      checkRules(root);
      assert.equal(text(root, 'AccountingSupplierParty/Party/PartyIdentification/ID'), seller.taxNumber);
    }
  });

  test('keeps the parties as they were, and completes what they did not have', () => {
    const { phone: _phone, iban: _iban, bic: _bic, ...kept } = seller;
    const company: Seller = { ...seller, name: 'Later Name', phone: '030 1234567', iban: 'AT61 1904 3002 3457 3201', bic: 'OPSKATWW' };
    const root = write({
      ...input({
        seller: { ...kept, address: { ...seller.address, postalCode: '' } },
        buyer: { ...buyer, address: { city: 'Altstadt', country: 'AT' } },
      }),
      company: { ...company, address: { ...seller.address, postalCode: '54321' } },
      customer: { ...buyer, address: { city: 'Altstadt', postalCode: '2020', country: 'AT', street: 'Neuer Weg' }, email: 'a@kunde.test' },
    });
    checkRules(root);
    const paths = ['PartyLegalEntity/RegistrationName', 'Contact/Telephone', 'PostalAddress/PostalZone'];
    assert.deepEqual(paths.map((path) => text(root, `AccountingSupplierParty/Party/${path}`)), [seller.name, '030 1234567', '54321']);
    assert.equal(text(root, 'AccountingCustomerParty/Party/PostalAddress/PostalZone'), '2020');
    assert.equal(text(root, 'PaymentMeans/PayeeFinancialAccount/ID'), 'AT611904300234573201');
    assert.equal(text(root, 'PaymentMeans/PayeeFinancialAccount/FinancialInstitutionBranch/ID'), 'OPSKATWW');
  });

  test('does not take a note for its subject', () => {
    assert.equal(text(write(input({ note: 'see #abc#' })), 'Note'), '#AAI#see #abc#');
  });
});
