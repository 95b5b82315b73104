// What the company lacks: before an invoice may be issued in its name, and what its paper then cannot show.

import type { Company } from '../../shared/collections.ts';

export type CompanyGap = 'name' | 'address';

/** The missing parts, in the order of the form. An address has at least a street or post box, and a city; null lacks everything. */
export function companyGaps(company: Partial<Pick<Company, CompanyGap>> | null): readonly CompanyGap[] {
  return [...isFilled(company?.name) ? [] : ['name' as const], ...hasPostalAddress(company ?? {}) ? [] : ['address' as const]];
}

/** Whether a letter would arrive. */
export function hasPostalAddress({ address }: Partial<Pick<Company, 'address'>>): boolean {
  return isFilled(address?.street) && isFilled(address?.city);
}

/** What no document that is issued now will ever show, as it keeps the company as it is: a VAT ID or tax number, and an account. */
export type CompanyOmission = 'taxId' | 'iban';

export function companyOmissions(company: Partial<Pick<Company, 'vatId' | 'taxNumber' | 'iban'>> | null): readonly CompanyOmission[] {
  const { vatId, taxNumber, iban } = company ?? {};
  return [...isFilled(vatId) || isFilled(taxNumber) ? [] : ['taxId' as const], ...isFilled(iban) ? [] : ['iban' as const]];
}

function isFilled(text: unknown): boolean {
  return typeof text === 'string' && text.trim() !== '';
}
