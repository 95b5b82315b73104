// A postal address in the order that its country uses.

import type { Customer } from '../../shared/collections.ts';
import { currentLocale } from '../text/i18n.ts';

/** Countries that put the postal code after the city. */
const postalCodeLast = new Set(['US', 'CA', 'GB', 'IE', 'AU', 'NZ', 'IN', 'ZA']);

/** The lines of an address, without the name; empty if there is none. `nameOf` names the country, by default in the window's language. */
export function addressLines({ address }: Pick<Customer, 'address'>, nameOf: (country: string) => string = countryName): readonly string[] {
  if (!address) return [];
  const { street = '', city = '', postalCode = '', region = '', country = '' } = address;
  const locality = postalCodeLast.has(country)
    ? joinNonEmpty([joinNonEmpty([city, region], ', '), postalCode], ' ')
    : joinNonEmpty([joinNonEmpty([postalCode, city], ' '), region], ', ');
  return [street, locality, country === '' ? '' : nameOf(country)].filter((line) => line !== '');
}

export function countryName(code: string): string {
  return new Intl.DisplayNames(currentLocale().language, { type: 'region' }).of(code) ?? code;
}

function joinNonEmpty(parts: readonly string[], separator: string): string {
  return parts.filter((part) => part !== '').join(separator);
}
