// E-invoices as another program reads them: parsed by an XML parser, checked against the rules of EN 16931, XRechnung and Peppol that
// follow from what is written, and against the order of elements in the schemas of UBL 2.1.

import assert from 'node:assert/strict';

import { DOMParser, type Document as XmlDocument, type Element as XmlElement } from '@xmldom/xmldom';

import { isIban } from '../../shared/fields.ts';

export const names = {
  ubl: 'urn:oasis:names:specification:ubl:schema:xsd:',
  xrechnung: 'urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0',
  peppol: 'urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0',
} as const;

/** Children of each element that is written, in the order of the schemas. */
const sequences: Readonly<Record<string, string>> = {
  'Invoice': 'CustomizationID ProfileID ID IssueDate DueDate InvoiceTypeCode Note DocumentCurrencyCode BuyerReference InvoicePeriod '
    + 'OrderReference BillingReference AccountingSupplierParty AccountingCustomerParty Delivery PaymentMeans PaymentTerms TaxTotal '
    + 'LegalMonetaryTotal InvoiceLine',
  'CreditNote': 'CustomizationID ProfileID ID IssueDate CreditNoteTypeCode Note DocumentCurrencyCode BuyerReference InvoicePeriod '
    + 'OrderReference BillingReference AccountingSupplierParty AccountingCustomerParty Delivery PaymentMeans PaymentTerms TaxTotal '
    + 'LegalMonetaryTotal CreditNoteLine',
  'InvoicePeriod': 'StartDate EndDate',
  'OrderReference': 'ID',
  'BillingReference': 'InvoiceDocumentReference',
  'InvoiceDocumentReference': 'ID IssueDate',
  'AccountingSupplierParty': 'Party',
  'AccountingCustomerParty': 'Party',
  'Party': 'EndpointID PartyIdentification PostalAddress PartyTaxScheme PartyLegalEntity Contact',
  'PartyIdentification': 'ID',
  'PostalAddress': 'StreetName CityName PostalZone CountrySubentity Country',
  'Address': 'StreetName CityName PostalZone CountrySubentity Country',
  'Country': 'IdentificationCode',
  'PartyTaxScheme': 'CompanyID TaxScheme',
  'TaxScheme': 'ID',
  'PartyLegalEntity': 'RegistrationName CompanyID',
  'Contact': 'Name Telephone ElectronicMail',
  'Delivery': 'ActualDeliveryDate DeliveryLocation',
  'DeliveryLocation': 'Address',
  'PaymentMeans': 'PaymentMeansCode PaymentID PayeeFinancialAccount',
  'PayeeFinancialAccount': 'ID Name FinancialInstitutionBranch',
  'FinancialInstitutionBranch': 'ID',
  'PaymentTerms': 'Note',
  'TaxTotal': 'TaxAmount TaxSubtotal',
  'TaxSubtotal': 'TaxableAmount TaxAmount TaxCategory',
  'TaxCategory': 'ID Percent TaxExemptionReasonCode TaxExemptionReason TaxScheme',
  'LegalMonetaryTotal': 'LineExtensionAmount TaxExclusiveAmount TaxInclusiveAmount PrepaidAmount PayableAmount',
  'InvoiceLine': 'ID Note InvoicedQuantity LineExtensionAmount Item Price',
  'CreditNoteLine': 'ID Note CreditedQuantity LineExtensionAmount Item Price',
  'Item': 'Description Name ClassifiedTaxCategory',
  'ClassifiedTaxCategory': 'ID Percent TaxScheme',
  'Price': 'PriceAmount BaseQuantity',
};
const repeated = new Set(['InvoiceLine', 'CreditNoteLine', 'TaxSubtotal', 'PartyTaxScheme']);

export function parse(xml: string): XmlElement {
  const onError = (level: string, message: string): void => assert.equal(level, 'warning', message);
  const document: XmlDocument = new DOMParser({ onError }).parseFromString(xml, 'text/xml');
  assert.ok(document.documentElement);
  return document.documentElement;
}

function children(parent: XmlElement): XmlElement[] {
  return [...parent.childNodes].filter((node) => node.nodeType === 1) as XmlElement[];
}

/** The elements at a path of local names, such as `TaxTotal/TaxSubtotal`. */
export function all(from: XmlElement, path: string): XmlElement[] {
  return path.split('/').reduce((found, name) =>
    found.flatMap((parent) => children(parent).filter((child) => child.localName === name)), [from]);
}

export function text(from: XmlElement, path: string): string | null {
  const found = all(from, path);
  assert.ok(found.length <= 1, `${path} is there more than once`);
  return found[0]?.textContent ?? null;
}

/** A decimal in millionths. */
function decimal(from: XmlElement, path: string): bigint {
  const value = text(from, path) ?? '';
  assert.match(value, /^-?\d+(\.\d{1,6})?$/, path);
  const [whole = '', fraction = ''] = value.replace('-', '').split('.');
  const magnitude = BigInt(whole + fraction.padEnd(6, '0'));
  return value.startsWith('-') ? -magnitude : magnitude;
}

const MILLION = 1_000_000n;
const abs = (value: bigint): bigint => value < 0n ? -value : value;
const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n);

export function lines(root: XmlElement): XmlElement[] {
  return [...all(root, 'InvoiceLine'), ...all(root, 'CreditNoteLine')];
}

function quantity(of: XmlElement): bigint {
  return decimal(of, all(of, 'InvoicedQuantity').length > 0 ? 'InvoicedQuantity' : 'CreditedQuantity');
}

/** What UBL and the common rules of EN 16931, XRechnung and Peppol demand of every document. */
export function checkRules(root: XmlElement): void {
  checkOrder(root);
  checkMandatory(root);
  checkSums(root);
  checkTaxes(root);
  checkParties(root);
  checkPayment(root);
}

function checkOrder(parent: XmlElement): void {
  const order = sequences[parent.localName ?? '']?.split(' ');
  const within = children(parent);
  if (within.length === 0) {
    // PEPPOL-EN16931-R008.
    assert.notEqual(parent.textContent?.trim(), '', `${parent.localName} is empty`);
    return;
  }
  assert.ok(order, `${parent.localName} is not in the table`);
  const positions = within.map((child) => order.indexOf(child.localName ?? ''));
  within.forEach((child, index) => {
    assert.notEqual(positions[index], -1, `${child.localName} in ${parent.localName}`);
    const [before = -1, here = -1] = [positions[index - 1], positions[index]];
    assert.ok(before < here || (before === here && repeated.has(child.localName ?? '')), `${child.localName} is out of order`);
    const isAggregate = children(child).length > 0;
    assert.equal(child.namespaceURI, `${names.ubl}Common${isAggregate ? 'Aggregate' : 'Basic'}Components-2`);
    checkOrder(child);
  });
}

function checkMandatory(root: XmlElement): void {
  const isCredit = root.localName === 'CreditNote';
  assert.equal(root.namespaceURI, `${names.ubl}${root.localName}-2`);
  // BR-01 to BR-05 (BT-24, BT-1, BT-2, BT-3, BT-5), BR-DE-17, BR-DE-21, BT-23.
  assert.ok([names.xrechnung, names.peppol].includes(text(root, 'CustomizationID') as typeof names.peppol));
  assert.equal(text(root, 'ProfileID'), 'urn:fdc:peppol.eu:2017:poacc:billing:01:1.0');
  assert.ok(text(root, 'ID'));
  assert.match(text(root, 'IssueDate') ?? '', /^\d{4}-\d\d-\d\d$/);
  assert.equal(text(root, isCredit ? 'CreditNoteTypeCode' : 'InvoiceTypeCode'), isCredit ? '381' : '380');
  const currency = text(root, 'DocumentCurrencyCode');
  assert.match(currency ?? '', /^[A-Z]{3}$/);
  // BR-CL-03 and PEPPOL-EN16931-R051: one currency.
  for (const element of root.getElementsByTagName('*')) {
    if (element.localName?.endsWith('Amount')) assert.equal(element.getAttribute('currencyID'), currency);
  }
  // BR-16; BR-21 to BR-28 (BT-126, BT-129 to BT-131, BT-153, BT-146).
  assert.ok(lines(root).length > 0);
  lines(root).forEach((one, index) => {
    assert.equal(text(one, 'ID'), String(index + 1));
    const [counted] = [...all(one, 'InvoicedQuantity'), ...all(one, 'CreditedQuantity')];
    assert.match(counted?.getAttribute('unitCode') ?? '', /^[A-Z0-9]{2,3}$/);
    assert.ok(text(one, 'Item/Name'));
    assert.ok(decimal(one, 'Price/PriceAmount') >= 0n);
    // PEPPOL-EN16931-R121, PEPPOL-EN16931-R130.
    for (const base of all(one, 'Price/BaseQuantity')) {
      assert.ok(decimal(one, 'Price/BaseQuantity') > 0n);
      assert.equal(base.getAttribute('unitCode'), counted?.getAttribute('unitCode'));
    }
  });
  // BR-29.
  const [start, end] = [text(root, 'InvoicePeriod/StartDate'), text(root, 'InvoicePeriod/EndDate')];
  if (start !== null && end !== null) assert.ok(start <= end);
}

function checkSums(root: XmlElement): void {
  const total = (name: string): bigint => decimal(root, `LegalMonetaryTotal/${name}`);
  const tax = decimal(root, 'TaxTotal/TaxAmount');
  const subtotals = all(root, 'TaxTotal/TaxSubtotal');
  const paid = all(root, 'LegalMonetaryTotal/PrepaidAmount').length > 0 ? total('PrepaidAmount') : 0n;
  // BR-CO-10, -13 (no allowances and charges: -11, -12), -14, -15, -16.
  assert.equal(total('LineExtensionAmount'), sum(lines(root).map((one) => decimal(one, 'LineExtensionAmount'))));
  assert.equal(total('TaxExclusiveAmount'), total('LineExtensionAmount'));
  assert.equal(tax, sum(subtotals.map((one) => decimal(one, 'TaxAmount'))));
  assert.equal(total('TaxInclusiveAmount'), total('TaxExclusiveAmount') + tax);
  assert.equal(total('PayableAmount'), total('TaxInclusiveAmount') - paid);
  // BR-CO-17, exact but for the rounding to the currency's unit.
  const digits = text(root, 'DocumentCurrencyCode') === 'JPY' ? MILLION : MILLION / 100n;
  for (const one of subtotals) {
    const exact = decimal(one, 'TaxableAmount') * decimal(one, 'TaxCategory/Percent');
    assert.ok(2n * abs(decimal(one, 'TaxAmount') * 100n * MILLION - exact) <= digits * 100n * MILLION);
  }
  // PEPPOL-EN16931-R120: quantity and price give the net of each line, give or take 0.02.
  for (const one of lines(root)) {
    const base = all(one, 'Price/BaseQuantity').length > 0 ? decimal(one, 'Price/BaseQuantity') : MILLION;
    const difference = quantity(one) * decimal(one, 'Price/PriceAmount') - decimal(one, 'LineExtensionAmount') * base;
    assert.ok(abs(difference) * 50n <= MILLION * base);
  }
  // BR-DEC-*: amounts have two decimals at most. Prices may have more.
  for (const element of root.getElementsByTagName('*')) {
    const isAmount = element.localName?.endsWith('Amount') && element.localName !== 'PriceAmount';
    if (isAmount) assert.match(element.textContent ?? '', /^-?\d+(\.\d\d?)?$/);
  }
  // BR-CO-25: what is to be paid is due some day, or on some terms.
  if (total('PayableAmount') > 0n) assert.ok(text(root, 'DueDate') ?? text(root, 'PaymentTerms/Note'));
}

/** BR-S/Z/E/AE/IC/G/O-01 to -10, as far as documents without allowances and charges can break them. */
function checkTaxes(root: XmlElement): void {
  const codes = { AE: 'VATEX-EU-AE', K: 'VATEX-EU-IC', G: 'VATEX-EU-G', O: 'VATEX-EU-O' };
  const subtotals = all(root, 'TaxTotal/TaxSubtotal').map((one) => ({
    one, category: text(one, 'TaxCategory/ID') ?? '', percent: text(one, 'TaxCategory/Percent'),
  }));
  const key = (category: string, percent: string | null): string => `${category} ${category === 'O' ? '0' : percent}`;
  const shown = subtotals.map(({ category, percent }) => key(category, percent));
  assert.equal(new Set(shown).size, shown.length);
  const categoryOf = (one: XmlElement): string =>
    key(text(one, 'Item/ClassifiedTaxCategory/ID') ?? '', text(one, 'Item/ClassifiedTaxCategory/Percent'));
  // BR-*-01: a subtotal for each category of a line, and no other.
  assert.deepEqual(new Set(shown), new Set(lines(root).map(categoryOf)));
  for (const { one, category, percent } of subtotals) {
    const net = sum(lines(root).filter((each) => categoryOf(each) === key(category, percent))
      .map((each) => decimal(each, 'LineExtensionAmount')));
    // BR-*-08, BR-*-09, BR-DE-14.
    assert.equal(decimal(one, 'TaxableAmount'), net);
    assert.notEqual(percent, null);
    if (category === 'S') assert.ok(Number(percent) > 0);
    else assert.deepEqual([Number(percent), decimal(one, 'TaxAmount')], [0, 0n]);
    // BR-*-10.
    const [code, reason] = [text(one, 'TaxCategory/TaxExemptionReasonCode'), text(one, 'TaxCategory/TaxExemptionReason')];
    if (category === 'S' || category === 'Z') assert.deepEqual([code, reason], [null, null]);
    else assert.ok(code === (codes[category as keyof typeof codes] ?? null) && (code ?? reason) !== null);
    assert.equal(text(one, 'TaxCategory/TaxScheme/ID'), 'VAT');
  }
  const vatIds = ['AccountingSupplierParty', 'AccountingCustomerParty'].map((party) => vatId(root, party));
  const [sellerVatId, buyerVatId] = vatIds;
  // BR-O-02, BR-O-05, BR-O-11, BR-O-12.
  if (shown.includes('O 0')) {
    assert.deepEqual([vatIds, shown], [[null, null], ['O 0']]);
    for (const one of lines(root)) assert.equal(text(one, 'Item/ClassifiedTaxCategory/Percent'), null);
  }
  // BR-S-02 and so on, BR-DE-16; BR-AE-02; BR-G-02; BR-IC-02, BR-IC-11, BR-IC-12.
  const has = (category: string): boolean => shown.includes(`${category} 0`);
  if (!has('O')) assert.ok(all(root, 'AccountingSupplierParty/Party/PartyTaxScheme/CompanyID').length > 0);
  if (has('AE') || has('K')) assert.notEqual(buyerVatId, null);
  if (has('G') || has('K')) assert.notEqual(sellerVatId, null);
  if (has('K')) {
    assert.ok(text(root, 'Delivery/ActualDeliveryDate') ?? text(root, 'InvoicePeriod/StartDate'));
    assert.ok(text(root, 'Delivery/DeliveryLocation/Address/Country/IdentificationCode'));
  }
}

export function vatId(root: XmlElement, party: string): string | null {
  const [scheme] = all(root, `${party}/Party/PartyTaxScheme`).filter((one) => text(one, 'TaxScheme/ID') === 'VAT');
  return scheme === undefined ? null : text(scheme, 'CompanyID');
}

function checkParties(root: XmlElement): void {
  const isXRechnung = text(root, 'CustomizationID') === names.xrechnung;
  const [supplier, customer] = ['AccountingSupplierParty/Party', 'AccountingCustomerParty/Party'];
  for (const party of [supplier, customer] as const) {
    // BR-06 to BR-11; BR-CO-09; BR-62, BR-63 and PEPPOL-EN16931-R010, -R020.
    assert.ok(text(root, `${party}/PartyLegalEntity/RegistrationName`));
    assert.match(text(root, `${party}/PostalAddress/Country/IdentificationCode`) ?? '', /^[A-Z]{2}$/);
    assert.match(vatId(root, party.split('/')[0] ?? '') ?? 'DE', /^[A-Z]{2}[^\s]*$/);
    assert.match(all(root, `${party}/EndpointID`)[0]?.getAttribute('schemeID') ?? '', /^(EM|\d{4})$/);
    // BR-DE-3, -4, -8, -9.
    if (isXRechnung) assert.ok(text(root, `${party}/PostalAddress/CityName`) && text(root, `${party}/PostalAddress/PostalZone`));
  }
  // BR-CO-26.
  assert.ok(vatId(root, 'AccountingSupplierParty') ?? text(root, `${supplier}/PartyLegalEntity/CompanyID`)
    ?? text(root, `${supplier}/PartyIdentification/ID`));
  // BR-DE-10, BR-DE-11.
  for (const place of all(root, 'Delivery/DeliveryLocation/Address')) assert.ok(text(place, 'CityName') && text(place, 'PostalZone'));
  if (!isXRechnung) {
    // PEPPOL-EN16931-R003, -CL008.
    assert.ok(text(root, 'BuyerReference') ?? text(root, 'OrderReference/ID'));
    for (const party of [supplier, customer]) assert.notEqual(all(root, `${party}/EndpointID`)[0]?.getAttribute('schemeID'), 'EM');
    return;
  }
  // BR-DE-15; BR-DE-2 and BR-DE-5 to BR-DE-7; BR-DE-27, BR-DE-28.
  assert.ok(text(root, 'BuyerReference'));
  assert.ok(text(root, `${supplier}/Contact/Name`));
  assert.match(text(root, `${supplier}/Contact/Telephone`) ?? '', /\d.*\d.*\d/);
  assert.match(text(root, `${supplier}/Contact/ElectronicMail`) ?? '', /^[^@\s]+@([^@.\s]+\.)+[^@.\s]+$/);
}

function checkPayment(root: XmlElement): void {
  // BR-DE-1; BR-49, BR-50, BR-61; BR-DE-19, BR-DE-23.
  const isXRechnung = text(root, 'CustomizationID') === names.xrechnung;
  const means = all(root, 'PaymentMeans');
  assert.ok(means.length === 1 || (means.length === 0 && !isXRechnung));
  for (const one of means) {
    const code = text(one, 'PaymentMeansCode') ?? '';
    assert.ok(['1', '30', '58'].includes(code));
    assert.equal(text(one, 'PaymentID'), text(root, 'ID'));
    const account = text(one, 'PayeeFinancialAccount/ID');
    assert.equal(account === null, code === '1');
    if (code === '58') assert.ok(isIban(account ?? '') && text(root, 'DocumentCurrencyCode') === 'EUR');
  }
  // BR-55 (BG-3), and BR-DE-18 for the terms.
  for (const one of all(root, 'BillingReference')) assert.ok(text(one, 'InvoiceDocumentReference/ID'));
  assert.doesNotMatch(text(root, 'PaymentTerms/Note') ?? '', /^\s*#/m);
}
