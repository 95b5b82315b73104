// How many decimals a currency has, by ISO 4217, and an amount of minor units as a decimal number.
//
// `Intl` cannot be asked: it knows how people write prices, which for some currencies is without the decimals that
// amounts are counted in (CLDR has none for HUF or IQD, where ISO 4217 has two and three).

/** ISO 4217, list one; every currency that is not here has two. */
const digitsOf: Readonly<Record<string, number>> = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0,
  XAF: 0, XOF: 0, XPF: 0,
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
  CLF: 4, UYW: 4,
};

/** The decimals of a currency's minor unit: 2 for EUR, 0 for JPY, 3 for KWD. */
export function currencyDigits(currency: string): number {
  return Object.hasOwn(digitsOf, currency) ? digitsOf[currency] ?? 2 : 2;
}

/** An amount in major units, exactly: 123456 EUR is `1234.56`. `amountMinor` is an integer. */
export function toMajorUnits(amountMinor: number, currency: string, decimalPoint = '.'): string {
  const digits = currencyDigits(currency);
  const text = BigInt(Math.abs(amountMinor)).toString().padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  return (amountMinor < 0 ? '-' : '') + (digits === 0 ? whole : `${whole}${decimalPoint}${text.slice(-digits)}`);
}
