// What to print as the reason for an exemption by default: the usual sentence for a VAT category, in the language of the
// invoice. Exemptions as such (E) have none: each has its own legal ground.

import type { TaxCategory } from '../../shared/collections.ts';

const reasons: Readonly<Record<'en' | 'de', Readonly<Partial<Record<TaxCategory, string>>>>> = {
  en: {
    AE: 'Reverse charge: VAT is payable by the recipient.',
    K: 'VAT-exempt intra-Community supply.',
    G: 'VAT-exempt export outside the EU.',
    O: 'Not subject to VAT.',
  },
  de: {
    AE: 'Steuerschuldnerschaft des Leistungsempfängers (Reverse Charge).',
    K: 'Steuerfreie innergemeinschaftliche Lieferung.',
    G: 'Steuerfreie Ausfuhrlieferung.',
    O: 'Nicht steuerbar.',
  },
};

/** The sentence for the first of the categories that has one, or ''. `language` is a tag of BCP 47; all but German get English. */
export function usualReason(categories: readonly (TaxCategory | null)[], language: string): string {
  const texts = reasons[language.toLowerCase().split('-')[0] === 'de' ? 'de' : 'en'];
  return categories.map((category) => (category === null ? undefined : texts[category])).find((text) => text !== undefined) ?? '';
}
