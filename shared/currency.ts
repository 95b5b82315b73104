// The active currencies of ISO 4217 with the decimal places of their minor units, and amounts in minor units as decimal numbers.
//
// `Intl` will not do: which currencies it knows depends on the runtime, and CLDR says how prices are usually written, which for
// some currencies has fewer decimals than their minor unit (none for HUF and IQD, which have two and three in ISO 4217).

/** ISO 4217, list one, without codes that have no minor unit: precious metals, XDR, XSU, XUA, and those for tests. */
const codesByDigits: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  2: 'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU '
    + 'CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES '
    + 'KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR '
    + 'NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP '
    + 'TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};
const digitsOf: ReadonlyMap<string, number> = new Map(Object.entries(codesByDigits).flatMap(([digits, codes]) =>
  codes.split(' ').map((code) => [code, Number(digits)] as const)));

/** The codes, in alphabetical order. */
export const currencies: readonly string[] = [...digitsOf.keys()].sort();

export function isCurrency(code: string): boolean {
  return digitsOf.has(code);
}

/** The decimal places of a currency's minor unit: 2 for EUR, 0 for JPY, 3 for KWD; 2 for a code that is not active. */
export function currencyDigits(currency: string): number {
  return digitsOf.get(currency) ?? 2;
}

/** The amounts in minor units that a decimal number such as `2334.15` can be, with the decimals of the currencies that have them. */
export function minorAmounts(decimal: string): readonly { readonly digits: number; readonly amountMinor: number }[] {
  const [whole = '', fraction = ''] = decimal.split('.');
  const kept = fraction.replace(/0+$/, '');
  return Object.keys(codesByDigits).map(Number).filter((digits) => kept.length <= digits)
    .map((digits) => ({ digits, amountMinor: Number(whole + kept.padEnd(digits, '0')) }))
    .filter(({ amountMinor }) => Number.isSafeInteger(amountMinor));
}

/** The currencies whose minor unit has as many decimals as `digits`. */
export function currenciesOf(digits: number): readonly string[] {
  return codesByDigits[digits]?.split(' ') ?? [];
}

/** An amount in major units, exact: 123456 for EUR is `1234.56`. `amountMinor` is an integer. */
export function toMajorUnits(amountMinor: number | bigint, currency: string, decimalPoint = '.'): string {
  return toDecimal(amountMinor, currencyDigits(currency), decimalPoint);
}

/** An integer with `digits` implied decimals as a decimal number, exact: 1500 with 3 is `1.500`. */
export function toDecimal(scaled: number | bigint, digits: number, decimalPoint = '.'): string {
  const value = BigInt(scaled);
  const text = String(value < 0n ? -value : value).padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  return (value < 0n ? '-' : '') + (digits === 0 ? whole : `${whole}${decimalPoint}${text.slice(-digits)}`);
}
