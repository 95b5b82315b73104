// Code lists of EN 16931 as far as invoices need them: units, schemes of electronic addresses, reasons of exemption.

import type { TaxCategory } from '../collections.ts';

/** Codes of UN/ECE Recommendation 20 and the words that people write for them, in the form of `plainUnit`. */
const wordsByUnit: Readonly<Record<string, string>> = {
  H87: 'h87 stück stücke stueck stk stck st pcs pc piece pieces ea each item items unit units einheit einheiten',
  HUR: 'hur std stunde stunden h hr hrs hour hours arbeitsstunde arbeitsstunden',
  MIN: 'min minute minuten minutes mins',
  SEC: 'sec sek sekunde sekunden s second seconds',
  DAY: 'day days tag tage tg d arbeitstag arbeitstage manntag manntage personentag personentage pt',
  WEE: 'wee woche wochen week weeks wk',
  MON: 'mon monat monate month months mt mo',
  QAN: 'qan quartal quartale quarter quarters',
  ANN: 'ann jahr jahre year years yr',
  KGM: 'kgm kg kilo kilogramm kilogram kilograms',
  GRM: 'grm g gr gramm gram grams',
  TNE: 'tne t tonne tonnen tonnes ton tons',
  MTR: 'mtr m lfm lfdm meter metre metres meters laufmeter',
  CMT: 'cmt cm zentimeter centimetre centimeter',
  MMT: 'mmt mm millimeter millimetre',
  KMT: 'kmt km kilometer kilometre kilometres kilometers',
  MTK: 'mtk m2 qm quadratmeter sqm squaremeter squaremetre squaremeters squaremetres',
  MTQ: 'mtq m3 cbm kubikmeter cubicmeter cubicmetre cubicmeters cubicmetres',
  LTR: 'ltr l liter litre litres liters',
  MLT: 'mlt ml milliliter millilitre',
  KWH: 'kwh kilowattstunde kilowattstunden',
  LS: 'ls pauschal pauschale psch pausch lumpsum flat fixed flatrate',
  SET: 'set satz sets',
  PR: 'pr paar pair pairs',
  E48: 'e48 leistung leistungen service services',
  P1: 'p1 % prozent percent',
};
const unitByWord: ReadonlyMap<string, string> = new Map(
  Object.entries(wordsByUnit).flatMap(([code, words]) => words.split(' ').map((word) => [word, code] as const)),
);

/** In lower case, without spaces, periods, hyphens, signs of a power, and an ending in brackets: `tag` for `Tag(e)`, `m2` for `m^2`. */
function plainUnit(unit: string): string {
  return unit.normalize('NFKC').toLowerCase().replace(/\(\p{L}+\)$/u, '').replace(/[\s.^-]/g, '');
}

/** The code of a unit in people's words; `C62` (one) for none and for a word that is not known. */
export function unitCode(unit: string | undefined): { readonly code: string; readonly isKnown: boolean } {
  const word = plainUnit(unit ?? '');
  if (word === '' || word === 'c62') return { code: 'C62', isKnown: true };
  const code = unitByWord.get(word);
  return code === undefined ? { code: 'C62', isKnown: false } : { code, isKnown: true };
}

/** Schemes of electronic addresses (EAS) that identify a receiver in the Peppol network. */
const peppolSchemes: ReadonlySet<string> = new Set((
  '0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0147 0151 0154 0158 0170 0177 0183 0184 0188 0190 0191 0192 0193 0194 '
  + '0195 0196 0198 0199 0200 0201 0202 0203 0204 0205 0208 0209 0210 0211 0212 0213 0215 0216 0217 0218 0221 0225 0230 0235 0240 '
  + '9910 9913 9914 9915 9918 9919 9920 9922 9923 9924 9925 9926 9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 '
  + '9940 9941 9942 9943 9944 9945 9946 9947 9948 9949 9950 9951 9952 9953 9957 9959'
).split(' '));
/** The rest of the EAS list: newer codes, e-mail, and what serves X.400 and AS2. */
const otherSchemes: ReadonlySet<string> = new Set('0219 0220 0242 0244 0245 0246 0248 AN AQ AS AU EM'.split(' '));

export function isPeppolScheme(scheme: string): boolean {
  return peppolSchemes.has(scheme);
}

/** Whether a scheme is on the EAS list (BR-CL-25). */
export function isAddressScheme(scheme: string): boolean {
  return peppolSchemes.has(scheme) || otherSchemes.has(scheme);
}

/** The EAS scheme under which a VAT identifier is an electronic address, by the two letters that it begins with. */
const schemeByVatPrefix: Readonly<Record<string, string>> = {
  AD: '9922', AL: '9923', AT: '9914', BA: '9924', BE: '9925', BG: '9926', CH: '9927', CY: '9928', CZ: '9929', DE: '9930', EE: '9931',
  EL: '9933', ES: '9920', FR: '9957', GB: '9932', HR: '9934', HU: '9910', IE: '9935', IT: '0211', LI: '9936', LT: '9937', LU: '9938',
  LV: '9939', MC: '9940', ME: '9941', MK: '9942', MT: '9943', NL: '9944', PL: '9945', PT: '9946', RO: '9947', RS: '9948', SI: '9949',
  SK: '9950', SM: '9951', TR: '9952', VA: '9953',
};

/** The scheme of a VAT identifier without spaces; null where the list has none. */
export function vatScheme(vatId: string): string | null {
  return schemeByVatPrefix[vatId.slice(0, 2)] ?? null;
}

/** Codes of the VATEX list. An exemption (`E`) has many; the text alone says which. */
export const exemptionCodes: { readonly [C in TaxCategory]?: string } = {
  AE: 'VATEX-EU-AE', K: 'VATEX-EU-IC', G: 'VATEX-EU-G', O: 'VATEX-EU-O',
};
