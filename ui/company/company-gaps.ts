// What the company lacks before an invoice may be issued in its name.

import type { Company } from '../../shared/collections.ts';

export type CompanyGap = 'name' | 'address';

/** The missing parts, in the order of the form. An address has at least a street or post box, and a city; null lacks everything. */
export function companyGaps(company: Partial<Pick<Company, CompanyGap>> | null): readonly CompanyGap[] {
  const { name, address } = company ?? {};
  const isPostal = isFilled(address?.street) && isFilled(address?.city);
  return [...isFilled(name) ? [] : ['name' as const], ...isPostal ? [] : ['address' as const]];
}

function isFilled(text: unknown): boolean {
  return typeof text === 'string' && text.trim() !== '';
}
