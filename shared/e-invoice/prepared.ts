// An invoice together with everything that its e-invoice says and its record does not hold in so many words: the profile, the
// parties, their identifiers and electronic addresses, and what is still to be paid.
//
// Parties are as they were when the invoice was issued. What they did not have then (a telephone number, a postal code) comes from
// the present company and customer, so that it can be added later; nothing that was kept is replaced.

import type { Buyer, Invoice, Seller } from '../collections.ts';
import { categoryOf } from '../invoice.ts';
import { isPeppolScheme, vatScheme } from './codes.ts';
import { isLeitwegId } from './identifiers.ts';
import { given } from './xml.ts';

export interface EInvoiceInput {
  readonly invoice: Invoice;
  /** The present company. */
  readonly company?: Partial<Seller>;
  /** The present customer. */
  readonly customer?: Partial<Buyer> & { readonly email?: string };
  /** What a credit note corrects (BG-3). */
  readonly credited?: Pick<Invoice, 'number' | 'issueDate'>;
}

export interface ElectronicAddress {
  readonly scheme: string;
  readonly value: string;
}

export interface Prepared {
  readonly profile: 'xrechnung' | 'peppol';
  /** Whether the rules for Germany hold: XRechnung's BR-DE-*, or Peppol's DE-R-* where both parties are in Germany. */
  readonly isGerman: boolean;
  /** Both parties are in Germany. */
  readonly isInGermany: boolean;
  readonly invoice: Invoice;
  readonly credited: EInvoiceInput['credited'];
  readonly seller: Partial<Seller>;
  readonly buyer: Partial<Buyer>;
  /** Without spaces and punctuation. Undefined if there is none. */
  readonly sellerVatId: string | undefined;
  readonly buyerVatId: string | undefined;
  /** Undefined if none is known. */
  readonly sellerAddress: ElectronicAddress | undefined;
  readonly buyerAddress: ElectronicAddress | undefined;
  /** BT-10. */
  readonly buyerReference: string | undefined;
  /** Outside the scope of VAT, so that no VAT identifier may be written (BR-O-02). */
  readonly isOutsideVat: boolean;
  /** BT-115: what is open of an invoice, negative where a refund is due; a credit note's total. */
  readonly payableMinor: number;
}

export function prepare({ invoice, company = {}, customer = {}, credited }: EInvoiceInput): Prepared {
  const { email, ...presentBuyer } = customer;
  const seller = completeSeller(invoice.seller, company);
  const buyer: Partial<Buyer> = complete(invoice.buyer, presentBuyer);
  const reference = given(invoice.buyerReference) ?? given(buyer.buyerReference);
  const address = given(buyer.electronicAddress?.value) === undefined ? undefined : buyer.electronicAddress;
  const isForAuthority = reference !== undefined && isLeitwegId(reference);
  const profile = !isForAuthority && address !== undefined && isPeppolScheme(address.scheme) ? 'peppol' : 'xrechnung';
  const isInGermany = seller.address?.country === 'DE' && buyer.address?.country === 'DE';
  const isGerman = profile === 'xrechnung' || isInGermany;
  const sellerVatId = compact(seller.vatId);
  return {
    profile,
    isGerman,
    isInGermany,
    invoice,
    credited,
    seller,
    buyer,
    sellerVatId,
    buyerVatId: compact(buyer.vatId),
    sellerAddress: profile === 'xrechnung' ? mail(seller.email) : vatAddress(sellerVatId),
    buyerAddress: address ?? mail(email),
    // Peppol takes an order's number instead; the rules for Germany (DE-R-015) want it here as well.
    buyerReference: reference ?? (profile === 'peppol' && isGerman ? given(invoice.orderNumber) : undefined),
    isOutsideVat: invoice.lines.some((line) => categoryOf(line) === 'O'),
    payableMinor: invoice.totalMinor - invoice.creditedMinor - invoice.paidMinor,
  };
}

function compact(vatId: string | undefined): string | undefined {
  return given(vatId?.replace(/[\s./-]/g, '').toUpperCase());
}

function mail(email: string | undefined): ElectronicAddress | undefined {
  const value = given(email);
  return value === undefined ? undefined : { scheme: 'EM', value };
}

/** In the Peppol network, the seller is known by its VAT identifier: the company has no other address, and `EM` is not one in Peppol. */
function vatAddress(vatId: string | undefined): ElectronicAddress | undefined {
  const scheme = vatId === undefined ? null : vatScheme(vatId);
  return vatId === undefined || scheme === null ? undefined : { scheme, value: vatId };
}

interface Party {
  readonly name: string;
  readonly address?: Readonly<Record<string, string | undefined>>;
}

/** What was kept, completed from what there is now; if nothing was kept, all of what there is now. */
function complete<P extends Partial<Party>>(kept: P | undefined, present: P): P {
  if (kept === undefined) return present;
  const own = Object.fromEntries(Object.entries(kept).filter(([, value]) => typeof value !== 'string' || given(value) !== undefined));
  const address = { ...kept.address };
  // One address, not parts of two.
  const isSame = Object.entries(address).every(([key, value]) => given(value) === undefined || value === present.address?.[key]);
  return { ...present, ...own, address: isSame ? { ...present.address } : address };
}

const accountFields = ['iban', 'bic', 'bankName', 'accountHolder'];

function completeSeller(kept: Seller | undefined, present: Partial<Seller>): Partial<Seller> {
  // One account, not parts of two.
  const account: Partial<Seller> = given(kept?.iban) === undefined || kept === undefined ? present : kept;
  const others = Object.entries(complete<Partial<Seller>>(kept, present)).filter(([key]) => !accountFields.includes(key));
  return Object.fromEntries([...others, ...Object.entries(account).filter(([key]) => accountFields.includes(key))]);
}
