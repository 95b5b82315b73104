// The UBL 2.1 document of a prepared invoice that has no problems: `Invoice` (type 380) or `CreditNote` (381), with its elements in
// the order of the schemas. Terms of EN 16931 are cited by their ids.

import type { Invoice } from '../collections.ts';
import { currencyDigits, toMajorUnits } from '../currency.ts';
import { categoryOf, lineNetMinor } from '../invoice.ts';
import { exemptionCodes, unitCode } from './codes.ts';
import type { ElectronicAddress, Prepared } from './prepared.ts';
import { element, given, leaf, type Child, type Element } from './xml.ts';

const ublNamespace = 'urn:oasis:names:specification:ubl:schema:xsd:';
/** BT-24. */
const specifications = {
  xrechnung: 'urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0',
  peppol: 'urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0',
} as const;
/** BT-23. */
const businessProcess = 'urn:fdc:peppol.eu:2017:poacc:billing:01:1.0';

export function buildUbl(prepared: Prepared): Element {
  const { invoice, profile, buyerReference, payableMinor } = prepared;
  const isCredit = invoice.kind === 'credit_note';
  const { servicePeriod } = invoice;
  const children = [
    leaf('cbc:CustomizationID', specifications[profile]),
    leaf('cbc:ProfileID', businessProcess),
    leaf('cbc:ID', invoice.number),
    leaf('cbc:IssueDate', invoice.issueDate),
    isCredit || payableMinor <= 0 ? null : leaf('cbc:DueDate', invoice.dueDate),
    isCredit ? leaf('cbc:CreditNoteTypeCode', '381') : leaf('cbc:InvoiceTypeCode', '380'),
    leaf('cbc:Note', noteText(invoice.note)),
    leaf('cbc:DocumentCurrencyCode', invoice.currency),
    leaf('cbc:BuyerReference', buyerReference),
    servicePeriod?.to === undefined ? null : element('cac:InvoicePeriod', [
      leaf('cbc:StartDate', servicePeriod.from), leaf('cbc:EndDate', servicePeriod.to),
    ]),
    element('cac:OrderReference', [leaf('cbc:ID', invoice.orderNumber)]),
    billingReference(prepared),
    element('cac:AccountingSupplierParty', [seller(prepared)]),
    element('cac:AccountingCustomerParty', [buyer(prepared)]),
    delivery(prepared),
    paymentMeans(prepared),
    paymentTerms(prepared),
    taxTotal(invoice),
    monetaryTotal(prepared),
    ...invoice.lines.map((line, index) => invoiceLine(line, index, invoice)),
  ];
  const name = isCredit ? 'CreditNote' : 'Invoice';
  const attributes = {
    'xmlns': `${ublNamespace}${name}-2`,
    'xmlns:cac': `${ublNamespace}CommonAggregateComponents-2`,
    'xmlns:cbc': `${ublNamespace}CommonBasicComponents-2`,
  };
  return { name, attributes, content: children.filter((child) => child !== null) };
}

/** BT-22. UBL would read `#ABC#` as the note's subject (BR-CL-08), so a note with that sign states its subject: general information. */
function noteText(note: string | undefined): string | undefined {
  return note?.includes('#') ? `#AAI#${note.trim()}` : note;
}

/** BG-3. */
function billingReference({ credited }: Prepared): Child {
  const reference = given(credited?.number) === undefined ? null : element('cac:InvoiceDocumentReference', [
    leaf('cbc:ID', credited?.number), leaf('cbc:IssueDate', credited?.issueDate),
  ]);
  return element('cac:BillingReference', [reference]);
}

/** BG-4. */
function seller({ seller: party, sellerVatId, sellerAddress, isOutsideVat }: Prepared): Child {
  const vatId = isOutsideVat ? undefined : sellerVatId;
  // BR-CO-26 does not count a tax number: a seller with nothing else is identified by it (BT-29).
  const identifier = given(vatId ?? party.registration) === undefined ? party.taxNumber : undefined;
  return element('cac:Party', [
    endpoint(sellerAddress),
    element('cac:PartyIdentification', [leaf('cbc:ID', identifier)]),
    postalAddress('cac:PostalAddress', party.address),
    taxScheme(vatId, 'VAT'),
    taxScheme(party.taxNumber, 'FC'),
    element('cac:PartyLegalEntity', [leaf('cbc:RegistrationName', party.name), leaf('cbc:CompanyID', party.registration)]),
    element('cac:Contact', [
      leaf('cbc:Name', party.name), leaf('cbc:Telephone', party.phone), leaf('cbc:ElectronicMail', party.email),
    ]),
  ]);
}

/** BG-7. */
function buyer({ buyer: party, buyerVatId, buyerAddress, isOutsideVat }: Prepared): Child {
  return element('cac:Party', [
    endpoint(buyerAddress),
    element('cac:PartyIdentification', [leaf('cbc:ID', party.number)]),
    postalAddress('cac:PostalAddress', party.address),
    taxScheme(isOutsideVat ? undefined : buyerVatId, 'VAT'),
    element('cac:PartyLegalEntity', [leaf('cbc:RegistrationName', party.name)]),
    element('cac:Contact', [leaf('cbc:Name', party.contact)]),
  ]);
}

function endpoint(address: ElectronicAddress | undefined): Child {
  return leaf('cbc:EndpointID', address?.value, { schemeID: address?.scheme.trim() ?? '' });
}

function postalAddress(name: string, address: Prepared['buyer']['address']): Child {
  return element(name, [
    leaf('cbc:StreetName', address?.street),
    leaf('cbc:CityName', address?.city),
    leaf('cbc:PostalZone', address?.postalCode),
    leaf('cbc:CountrySubentity', address?.region),
    element('cac:Country', [leaf('cbc:IdentificationCode', address?.country)]),
  ]);
}

function taxScheme(id: string | undefined, scheme: 'VAT' | 'FC'): Child {
  return given(id) === undefined ? null : element('cac:PartyTaxScheme', [
    leaf('cbc:CompanyID', id), element('cac:TaxScheme', [leaf('cbc:ID', scheme)]),
  ]);
}

/** BG-13: the day of the supply (BT-72), and where an intra-community supply goes (BR-IC-12). */
function delivery({ invoice, buyer: party }: Prepared): Child {
  const { servicePeriod } = invoice;
  const isIntraCommunity = invoice.lines.some((line) => categoryOf(line) === 'K');
  return element('cac:Delivery', [
    servicePeriod?.to === undefined ? leaf('cbc:ActualDeliveryDate', servicePeriod?.from) : null,
    isIntraCommunity ? element('cac:DeliveryLocation', [postalAddress('cac:Address', party.address)]) : null,
  ]);
}

/** BG-16: a SEPA credit transfer (58), another one (30), or, without an account, no means in particular (1). */
function paymentMeans({ invoice, isGerman, seller: party }: Prepared): Child {
  const iban = given(party.iban?.replaceAll(' ', ''));
  if (iban === undefined && !isGerman) return null;
  return element('cac:PaymentMeans', [
    leaf('cbc:PaymentMeansCode', iban === undefined ? '1' : invoice.currency === 'EUR' ? '58' : '30'),
    leaf('cbc:PaymentID', invoice.number),
    iban === undefined ? null : element('cac:PayeeFinancialAccount', [
      leaf('cbc:ID', iban),
      leaf('cbc:Name', given(party.accountHolder) ?? party.name),
      element('cac:FinancialInstitutionBranch', [leaf('cbc:ID', party.bic?.replaceAll(' ', ''))]),
    ]),
  ]);
}

/** BT-20: UBL's credit notes have no due date, and BR-CO-25 wants either. */
function paymentTerms({ invoice, isGerman, buyer: party, credited }: Prepared): Child {
  if (invoice.kind !== 'credit_note') return null;
  const number = given(credited?.number);
  const language = given(party.language);
  const german = number === undefined ? 'Wird verrechnet oder erstattet.' : `Wird mit Rechnung ${number} verrechnet oder erstattet.`;
  const english = number === undefined ? 'To be offset or refunded.' : `To be offset against invoice ${number} or refunded.`;
  const isInGerman = language === undefined ? isGerman : /^de\b/i.test(language);
  return element('cac:PaymentTerms', [leaf('cbc:Note', isInGerman ? german : english)]);
}

/** BG-23. */
function taxTotal({ taxes, currency, subtotalMinor, totalMinor, taxExemptionReason }: Invoice): Child {
  return element('cac:TaxTotal', [
    amount('cbc:TaxAmount', totalMinor - subtotalMinor, currency),
    ...taxes.map(({ category, rateBp, netMinor, taxMinor }) => element('cac:TaxSubtotal', [
      amount('cbc:TaxableAmount', netMinor, currency),
      amount('cbc:TaxAmount', taxMinor, currency),
      element('cac:TaxCategory', [
        leaf('cbc:ID', category),
        leaf('cbc:Percent', decimal(rateBp, 2)),
        leaf('cbc:TaxExemptionReasonCode', exemptionCodes[category]),
        category === 'S' || category === 'Z' ? null : leaf('cbc:TaxExemptionReason', taxExemptionReason),
        vat(),
      ]),
    ])),
  ]);
}

/** BG-22, without allowances, charges and rounding. */
function monetaryTotal({ invoice, payableMinor }: Prepared): Child {
  const { currency, subtotalMinor, totalMinor } = invoice;
  // BR-CO-16 has nothing but what was paid (BT-113) between the total and what is due, so credits count as paid.
  const settledMinor = BigInt(invoice.paidMinor) + BigInt(invoice.creditedMinor);
  return element('cac:LegalMonetaryTotal', [
    amount('cbc:LineExtensionAmount', subtotalMinor, currency),
    amount('cbc:TaxExclusiveAmount', subtotalMinor, currency),
    amount('cbc:TaxInclusiveAmount', totalMinor, currency),
    settledMinor === 0n ? null : amount('cbc:PrepaidAmount', settledMinor, currency),
    amount('cbc:PayableAmount', payableMinor, currency),
  ]);
}

/** BG-25. A price is never negative (BR-27): the quantity is instead. */
function invoiceLine(line: Invoice['lines'][number], index: number, { kind, currency }: Invoice): Child {
  const isCredit = kind === 'credit_note';
  const { code, isKnown } = unitCode(line.unit);
  const quantityMilli = line.unitPriceMinor < 0 ? -line.quantityMilli : line.quantityMilli;
  const quantity = decimal(quantityMilli === 0 ? 0 : quantityMilli, 3);
  const category = categoryOf(line);
  const [name = '', ...rest] = (given(line.description) ?? '').split('\n');
  return element(isCredit ? 'cac:CreditNoteLine' : 'cac:InvoiceLine', [
    leaf('cbc:ID', String(index + 1)),
    isKnown ? null : leaf('cbc:Note', `${quantity} ${line.unit ?? ''}`),
    leaf(isCredit ? 'cbc:CreditedQuantity' : 'cbc:InvoicedQuantity', quantity, { unitCode: code }),
    amount('cbc:LineExtensionAmount', lineNetMinor(line), currency),
    element('cac:Item', [
      leaf('cbc:Description', rest.join('\n')),
      leaf('cbc:Name', name),
      element('cac:ClassifiedTaxCategory', [
        leaf('cbc:ID', category),
        // BR-O-05.
        category === 'O' ? null : leaf('cbc:Percent', decimal(line.taxRateBp, 2)),
        vat(),
      ]),
    ]),
    price(line, code, currency),
  ]);
}

/**
 * BG-29. Where the line's net was rounded by more than 0.02, as in a currency without decimals, it is the price of the whole
 * quantity, so that quantity and price still give it (PEPPOL-EN16931-R120).
 */
function price(line: Invoice['lines'][number], unit: string, currency: string): Child {
  const { quantityMilli, unitPriceMinor, priceQuantity = 1 } = line;
  const netMinor = lineNetMinor(line);
  const divisor = 1000n * BigInt(priceQuantity);
  const difference = BigInt(quantityMilli) * BigInt(unitPriceMinor) - BigInt(netMinor) * divisor;
  const isRounded = 50n * (difference < 0n ? -difference : difference) > divisor * 10n ** BigInt(currencyDigits(currency));
  const [amountMinor, baseQuantity] = isRounded
    ? [netMinor, decimal(Math.abs(quantityMilli), 3)] as const : [unitPriceMinor, String(priceQuantity)] as const;
  return element('cac:Price', [
    leaf('cbc:PriceAmount', toMajorUnits(Math.abs(amountMinor), currency), { currencyID: currency }),
    baseQuantity === '1' ? null : leaf('cbc:BaseQuantity', baseQuantity, { unitCode: unit }),
  ]);
}

function vat(): Child {
  return element('cac:TaxScheme', [leaf('cbc:ID', 'VAT')]);
}

/** At most two decimals (BR-DEC-*); what is cut off is zero. */
function amount(name: string, amountMinor: number | bigint, currency: string): Child {
  const text = toMajorUnits(amountMinor, currency);
  const extra = Math.max(0, currencyDigits(currency) - 2);
  return leaf(name, extra === 0 ? text : text.slice(0, -extra), { currencyID: currency });
}

/** `value` / 10^`digits` without trailing zeros: 19 for 1900 and 2. */
function decimal(value: number, digits: number): string {
  const text = String(Math.abs(value)).padStart(digits + 1, '0');
  const [whole, fraction] = [text.slice(0, -digits), text.slice(-digits).replace(/0+$/, '')];
  return `${value < 0 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
