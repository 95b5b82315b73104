// An address as it is written on a letter: the order of its parts follows the country it is in.

import type { Customer } from '../../shared/collections.ts';
import { countryName } from './value-text.ts';

/** Countries that write the postal code after the city. */
const codeLast = new Set(['US', 'CA', 'GB', 'IE', 'AU', 'NZ', 'IN', 'ZA']);

/** The lines of a customer's address, without the name; none where there is no address. */
export function addressLines({ address }: Pick<Customer, 'address'>): readonly string[] {
  if (!address) return [];
  const { street = '', city = '', postalCode = '', region = '', country = '' } = address;
  const place = codeLast.has(country)
    ? joined([joined([city, region], ', '), postalCode], ' ')
    : joined([joined([postalCode, city], ' '), region], ', ');
  return [street, place, country === '' ? '' : countryName(country)].filter((line) => line !== '');
}

function joined(parts: readonly string[], separator: string): string {
  return parts.filter((part) => part !== '').join(separator);
}
