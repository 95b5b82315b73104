// The customer's language and formats, for what is printed for a customer: independent of the window's.

import type { Buyer, Seller } from '../../shared/collections.ts';
import { currencyDigits, toDecimal, toMajorUnits } from '../../shared/currency.ts';
import { paperWords, type PaperWords } from '../text/paper-text.ts';

type Party = Pick<Buyer, 'language' | 'address'>;

export interface PaperFormat {
  /** The language of the words. */
  readonly language: keyof typeof paperWords;
  readonly words: PaperWords;
  money(amountMinor: number, currency: string): string;
  quantity(milli: number): string;
  rate(basisPoints: number): string;
  /** "24 November 2026" for a date as YYYY-MM-DD; a range if there is a later end. */
  date(from: string, to?: string): string;
  country(code: string): string;
}

/** The countries whose customers get German unless another language is given for them. */
const germanSpeaking = ['DE', 'AT', 'CH', 'LI'];

/**
 * A BCP 47 tag for the words and formats of what a customer gets: German where the customer's language is a German one, otherwise
 * English. For a customer without a language it follows from the customer's country or, without one, from the seller's.
 */
export function paperLocale(buyer: Party, seller: Pick<Seller, 'address'>): string {
  const country = buyer.address?.country ?? seller.address?.country ?? '';
  const tag = new Intl.Locale(buyer.language ?? (germanSpeaking.includes(country) ? `de-${country}` : 'en'));
  if (tag.language === 'de' || (tag.language === 'en' && tag.region !== undefined)) return tag.baseName;
  // English alone would be American.
  return 'en-GB';
}

export function createPaperFormat(locale: string): PaperFormat {
  const language = locale.startsWith('de') ? 'de' : 'en';
  const days = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });
  // Amounts and quantities are formatted from strings: a large one divided into a fraction would lose its last digit.
  const quantities = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 });
  const rates = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 });
  const countries = new Intl.DisplayNames(language, { type: 'region' });
  return {
    language,
    words: paperWords[language],
    money(amountMinor, currency) {
      const digits = currencyDigits(currency);
      return new Intl.NumberFormat(locale, {
        style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits,
      }).format(toMajorUnits(amountMinor, currency) as Intl.StringNumericLiteral);
    },
    quantity: (milli) => quantities.format(toDecimal(milli, 3) as Intl.StringNumericLiteral),
    rate: (basisPoints) => rates.format(basisPoints / 10_000),
    date: (from, to) => (to === undefined || to <= from ? days.format(noon(from)) : days.formatRange(noon(from), noon(to))),
    country: (code) => countries.of(code) ?? code,
  };
}

function noon(date: string): Date {
  return new Date(`${date}T12:00:00Z`);
}

/** An IBAN in groups of four, as it is printed (ISO 13616). */
export function groupIban(iban: string): string {
  return iban.replaceAll(' ', '').replace(/.{4}(?=.)/g, '$& ');
}
