// What an e-invoice must have, and what its record lacks or contradicts: the fatal rules of EN 16931 (BR-*), XRechnung (BR-DE-*,
// and two of its warnings) and Peppol BIS Billing (PEPPOL-*, DE-R-*), as far as our fields can break them.

import { currencyDigits } from '../currency.ts';
import { countries, isIban } from '../fields.ts';
import { categoryOf, divideRounded, lineNetMinor, type Tax } from '../invoice.ts';
import { addProblem, noProblems, problem, type Problem, type Problems } from '../problems.ts';
import { exemptionCodes, isAddressScheme } from './codes.ts';
import { isAddressValue } from './identifiers.ts';
import type { Prepared } from './prepared.ts';
import { given } from './xml.ts';

/** Problems of e-invoices alone, which no server reports. */
const phrases = {
  issued: 'must be an invoice that was issued and not voided',
  decimals: 'has amounts with more than two decimals, which no e-invoice can state',
  tax_rounding: 'has a tax that was rounded by a whole unit of its currency, which no e-invoice can state',
  tax_mix: 'must not mix what is outside the scope of VAT with anything else',
  vat_id: 'must begin with the code of its country, such as DE',
  phone: 'must have at least three digits',
  address_scheme: 'must be a code of the list of electronic address schemes (EAS), such as 0204 or EM',
  address_value: 'must have the form and the check digits of its scheme',
} as const;
export type EInvoiceProblemCode = keyof typeof phrases;

/** Problems by field path, at most `maxProblems`. What another field would mend as well has that field's name as `params.or`. */
export function findProblems(prepared: Prepared): Problems {
  const problems = noProblems();
  const need = (path: string, value: string | undefined, or?: string): void => {
    if (given(value) === undefined) addProblem(problems, path, either(or));
  };
  const refuse = (path: string, code: EInvoiceProblemCode): void => addProblem(problems, path, own(code));
  checkInvoice(prepared, need, refuse, problems);
  checkSeller(prepared, need, refuse, problems);
  checkBuyer(prepared, need, refuse);
  return problems;
}

function own(code: EInvoiceProblemCode): Problem {
  return { code, message: phrases[code] };
}

/** A field that is missing, or `or` in its place. */
function either(or: string | undefined): Problem {
  const required = problem('required');
  return or === undefined ? required : { ...required, message: `${required.message}, or ${or}`, params: { or } };
}

type Need = (path: string, value: string | undefined, or?: string) => void;
type Refuse = (path: string, code: EInvoiceProblemCode) => void;

function checkInvoice(prepared: Prepared, need: Need, refuse: Refuse, problems: Problems): void {
  const { invoice, profile, isGerman, isInGermany, buyerReference, payableMinor } = prepared;
  if (invoice.status !== 'open' && invoice.status !== 'paid') refuse('invoice.status', 'issued');
  need('invoice.number', invoice.number);
  // BR-DE-15; PEPPOL-EN16931-R003.
  need('invoice.buyerReference', buyerReference ?? (profile === 'peppol' && !isGerman ? invoice.orderNumber : undefined),
    profile === 'peppol' ? 'orderNumber' : isInGermany ? undefined : 'electronicAddress');
  // BR-CO-25. A credit note's terms are written for it.
  if (payableMinor > 0 && invoice.kind === 'invoice') need('invoice.dueDate', invoice.dueDate);
  // BR-16.
  if (invoice.lines.length === 0) addProblem(problems, 'invoice.lines', problem('required'));
  // BR-25.
  invoice.lines.forEach(({ description }, index) => need(`invoice.lines.${index}.description`, description));
  checkTaxes(prepared, need, refuse, problems);
  // BR-DEC-*. Prices may have more.
  const unit = 10 ** Math.max(0, currencyDigits(invoice.currency) - 2);
  const amounts = [
    ...invoice.lines.map(lineNetMinor), ...invoice.taxes.flatMap(({ netMinor, taxMinor }) => [netMinor, taxMinor]),
    invoice.totalMinor, payableMinor,
  ];
  if (amounts.some((amount) => amount % unit !== 0)) refuse('invoice.currency', 'decimals');
}

function checkTaxes({ invoice }: Prepared, need: Need, refuse: Refuse, problems: Problems): void {
  const categories = new Set(invoice.lines.map(categoryOf));
  // BR-O-11, BR-O-12.
  if (categories.has('O') && categories.size > 1) refuse('invoice.lines', 'tax_mix');
  // BR-CO-17, BR-S-09: the last of several credit notes takes what the rounding of the others has left.
  const isFar = ({ netMinor, rateBp, taxMinor }: Tax): boolean =>
    Math.abs(taxMinor - Number(divideRounded(BigInt(netMinor) * BigInt(rateBp), 10_000n))) >= 10 ** currencyDigits(invoice.currency);
  if (invoice.taxes.some(isFar)) refuse('invoice.currency', 'tax_rounding');
  invoice.lines.forEach((line, index) => {
    // BR-S-05; BR-Z-05 and so on.
    const isStandard = categoryOf(line) === 'S';
    if (isStandard === (line.taxRateBp > 0)) return;
    addProblem(problems, `invoice.lines.${index}.taxRateBp`, isStandard ? problem('min', { min: 1 }) : problem('zero_rate'));
  });
  // BR-E-10. The others have a code.
  const needsText = [...categories].some((category) => category !== 'S' && category !== 'Z' && exemptionCodes[category] === undefined);
  if (needsText) need('invoice.taxExemptionReason', invoice.taxExemptionReason);
  // BR-IC-11.
  if (categories.has('K')) need('invoice.servicePeriod', invoice.servicePeriod?.from);
}

function checkSeller(prepared: Prepared, need: Need, refuse: Refuse, problems: Problems): void {
  const { profile, isGerman, invoice, seller, sellerVatId, sellerAddress, isOutsideVat, payableMinor } = prepared;
  need('company.name', seller.name);
  need('company.address.country', seller.address?.country);
  if (isGerman) {
    need('company.address.postalCode', seller.address?.postalCode);
    need('company.address.city', seller.address?.city);
    // BR-DE-6, BR-DE-27.
    need('company.phone', seller.phone);
    if (given(seller.phone) !== undefined && (seller.phone?.match(/\d/g) ?? []).length < 3) refuse('company.phone', 'phone');
  }
  // BR-DE-7, BR-DE-28; and the address of XRechnung's seller (PEPPOL-EN16931-R020).
  if (isGerman) need('company.email', seller.email);
  const email = given(seller.email);
  if (email !== undefined && !/^[^@\s]+@(?:[^@.\s]+\.)+[^@.\s]+$/.test(email)) {
    addProblem(problems, 'company.email', problem('email'));
  }
  const categories = new Set(invoice.lines.map(categoryOf));
  if (isOutsideVat) {
    // BR-CO-26, where no VAT identifier may be written.
    need('company.taxNumber', given(seller.registration) ?? seller.taxNumber, 'registration');
  } else if (categories.has('K') || categories.has('G')) {
    // BR-IC-02, BR-G-02.
    need('company.vatId', sellerVatId);
  } else {
    // BR-CO-26, BR-S-02, BR-DE-16.
    need('company.vatId', sellerVatId ?? seller.taxNumber, profile === 'peppol' ? undefined : 'taxNumber');
  }
  if (sellerVatId !== undefined && !hasCountry(sellerVatId)) refuse('company.vatId', 'vat_id');
  // PEPPOL-EN16931-R020: in Peppol, the seller's address is its VAT identifier.
  else if (profile === 'peppol') need('company.vatId', sellerAddress?.value);
  // BR-DE-23, BR-DE-19.
  if (isGerman && payableMinor > 0 && invoice.kind === 'invoice') need('company.iban', seller.iban);
  const iban = given(seller.iban);
  if (iban !== undefined && !isIban(iban)) addProblem(problems, 'company.iban', problem('iban'));
}

function checkBuyer(prepared: Prepared, need: Need, refuse: Refuse): void {
  const { profile, isGerman, invoice, buyer, buyerVatId, buyerAddress, isOutsideVat } = prepared;
  const categories = new Set(invoice.lines.map(categoryOf));
  need('customer.name', buyer.name);
  need('customer.address.country', buyer.address?.country);
  // BR-DE-8 and BR-DE-9; BR-DE-10 and BR-DE-11 for the place of an intra-community supply.
  if (isGerman) {
    need('customer.address.postalCode', buyer.address?.postalCode);
    need('customer.address.city', buyer.address?.city);
  }
  // BR-AE-02, BR-IC-02.
  if (categories.has('AE') || categories.has('K')) need('customer.vatId', buyerVatId);
  if (buyerVatId !== undefined && !isOutsideVat && !hasCountry(buyerVatId)) refuse('customer.vatId', 'vat_id');
  // PEPPOL-EN16931-R010, BR-CL-25.
  need('customer.electronicAddress', buyerAddress?.value, 'email');
  if (buyerAddress !== undefined && !isAddressScheme(buyerAddress.scheme)) {
    refuse('customer.electronicAddress.scheme', 'address_scheme');
  }
  // PEPPOL-COMMON-R040 to -R050. None of the schemes of VAT identifiers, which the seller's address has, is among them.
  if (profile === 'peppol' && buyerAddress !== undefined && !isAddressValue(buyerAddress.scheme, given(buyerAddress.value) ?? '')) {
    refuse('customer.electronicAddress.value', 'address_value');
  }
}

/** BR-CO-09: the prefix is a country's code, `EL` for Greece or `XI` for Northern Ireland. */
function hasCountry(vatId: string): boolean {
  const prefix = vatId.slice(0, 2);
  return countries.has(prefix) || prefix === 'EL' || prefix === 'XI';
}
