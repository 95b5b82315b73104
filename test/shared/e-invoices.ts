// Invoices for the tests of e-invoices: complete parties, an issued invoice over given lines, and arbitrary ones that the rules allow.

import fc from 'fast-check';

import { taxCategories, type Buyer, type Invoice, type Seller } from '../../shared/collections.ts';
import { computeTotals, needsExemptionReason } from '../../shared/invoice.ts';
import type { EInvoiceInput } from '../../shared/e-invoice.ts';

export const seller: Seller = {
  name: 'Beispielwerk GmbH', address: { street: 'Am Testplatz 1', city: 'Musterstadt', postalCode: '12345', country: 'DE' },
  vatId: 'DE 123 456 789', taxNumber: '12/345/67890', registration: 'HRB 99999, Amtsgericht Musterstadt', email: 'rechnung@werk.test',
  phone: '+49 555 12345', iban: 'DE89 3704 0044 0532 0130 00', bic: 'COBADEFFXXX', bankName: 'Musterbank',
};

export const buyer: Buyer = {
  name: 'Musterkunde AG', number: 'K-1', contact: 'Einkauf', vatId: 'ATU12345678', language: 'de',
  address: { street: 'Kundenweg 2', city: 'Kundenort', postalCode: '1010', country: 'AT' },
};

/** A buyer whose address is in the Peppol network. */
export const peppolBuyer: Buyer = { ...buyer, electronicAddress: { scheme: '9914', value: 'ATU12345678' } };

type Line = Invoice['lines'][number];

export function line(fields: Partial<Line> = {}): Line {
  return { description: 'Beratung', quantityMilli: 1500, unit: 'Std.', unitPriceMinor: 9950, taxRateBp: 1900, ...fields };
}

/** An open invoice over these lines, with its totals. */
export function invoice(fields: Partial<Invoice> = {}, lines: readonly Line[] = [line()]): Invoice {
  return {
    kind: 'invoice', number: 'INV-2026-00001', customerId: 'c'.repeat(24), customerName: buyer.name, status: 'open',
    issueDate: '2026-01-15', dueDate: '2026-02-14', currency: 'EUR', buyerReference: '04011000-12345-03', lines, seller, buyer,
    paidMinor: 0, creditedMinor: 0, payments: [], ...computeTotals(lines),
    ...(needsExemptionReason(lines) ? { taxExemptionReason: 'Reason of the exemption' } : {}), ...fields,
  };
}

/** What the desktop passes with an invoice. */
export function input(fields: Partial<Invoice> = {}, lines?: readonly Line[]): EInvoiceInput {
  return { invoice: invoice(fields, lines), company: seller, customer: { ...buyer, email: 'einkauf@kunde.test' } };
}

export const creditNote = { kind: 'credit_note', number: 'CN-2026-00001', status: 'paid', creditedId: 'd'.repeat(24) } as const;
export const credited = { number: 'INV-2026-00001', issueDate: '2026-01-15' };

/** Text that XML has to survive. Nothing else than white space would be no description. */
export const hostileText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .map((text) => `${text} <&>"']]>&#0; \u202eעברית 🧾\uffff`);

/** Lines of one invoice: all outside the scope of VAT, or none. */
const lines = fc.boolean().chain((isOutside) => fc.array(
  fc.constantFrom(...taxCategories.filter((category) => (category === 'O') === isOutside)).chain((taxCategory) => fc.record({
    description: hostileText,
    quantityMilli: fc.oneof(fc.integer({ min: -3000, max: 100_000 }), fc.constantFrom(0, 1000, 2000)),
    unit: fc.constantFrom('Std.', 'pcs', 'Palette <x>', ''),
    unitPriceMinor: fc.integer({ min: -5000, max: 1_000_000 }),
    priceQuantity: fc.constantFrom(1, 3, 100, 1000),
    taxRateBp: taxCategory === 'S' ? fc.constantFrom(700, 1900, 1925, 2550) : fc.constant(0),
    taxCategory: fc.constant(taxCategory),
  })), { minLength: 1, maxLength: 6 },
));

/** Issued invoices and credit notes with all that an e-invoice needs, XRechnung and Peppol, some in part paid or credited. */
export const eInvoiceInputs: fc.Arbitrary<EInvoiceInput> = fc.record({
  lines: lines.filter((some) => isPositive(some)),
  isCredit: fc.boolean(),
  isPeppol: fc.boolean(),
  currency: fc.constantFrom('EUR', 'USD', 'JPY'),
  paidShare: fc.constantFrom(0, 0.3, 1),
  creditedShare: fc.constantFrom(0, 0.3, 1),
  note: fc.option(hostileText, { nil: undefined }),
  to: fc.option(fc.constant('2026-01-31'), { nil: undefined }),
}).map(({ lines: some, isCredit, isPeppol, currency, paidShare, creditedShare, note, to }) => {
  const { totalMinor } = computeTotals(some);
  const share = (part: number): number => (isCredit ? 0 : Math.floor(totalMinor * part));
  const fields = {
    currency, paidMinor: share(paidShare), creditedMinor: share(creditedShare),
    orderNumber: 'B-77', servicePeriod: { from: '2026-01-01', ...(to === undefined ? {} : { to }) },
    ...(note === undefined ? {} : { note }), ...(isCredit ? creditNote : {}), ...(isPeppol ? { buyer: peppolBuyer } : {}),
  };
  const { dueDate, buyerReference, ...rest } = invoice(fields, some);
  return {
    invoice: { ...rest, ...(isCredit || dueDate === undefined ? {} : { dueDate }), ...(isPeppol ? {} : { buyerReference }) } as Invoice,
    company: seller, customer: { ...buyer, email: 'einkauf@kunde.test' }, ...(isCredit ? { credited } : {}),
  };
});

function isPositive(some: readonly Line[]): boolean {
  try {
    return computeTotals(some).totalMinor >= 0;
  } catch {
    return false;
  }
}
