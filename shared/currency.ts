// The decimal places of a currency by ISO 4217, and amounts in minor units as decimal numbers.
//
// `Intl` does not do: CLDR says how prices are usually written, which for some currencies has fewer decimals than
// their minor unit (none for HUF and IQD, which have two and three in ISO 4217).

/** ISO 4217, list one; all other currencies have two. */
const digitsOf: Readonly<Record<string, number>> = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0,
  XAF: 0, XOF: 0, XPF: 0,
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
  CLF: 4, UYW: 4,
};

/** The decimal places of a currency's minor unit: 2 for EUR, 0 for JPY, 3 for KWD. */
export function currencyDigits(currency: string): number {
  return Object.hasOwn(digitsOf, currency) ? digitsOf[currency] ?? 2 : 2;
}

/** An amount in major units, exact: 123456 for EUR is `1234.56`. `amountMinor` is an integer. */
export function toMajorUnits(amountMinor: number, currency: string, decimalPoint = '.'): string {
  const digits = currencyDigits(currency);
  const text = BigInt(Math.abs(amountMinor)).toString().padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  return (amountMinor < 0 ? '-' : '') + (digits === 0 ? whole : `${whole}${decimalPoint}${text.slice(-digits)}`);
}
