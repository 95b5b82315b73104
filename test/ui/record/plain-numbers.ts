// A NumberText with plain decimals, for tests of forms that do not depend on a locale.

import type { NumberText } from '../../../ui/record/record-draft.ts';

const digits = (currency: string): number => (currency === 'JPY' ? 0 : 2);

export const plainNumbers: NumberText = {
  money: (amountMinor, currency) => (amountMinor / 10 ** digits(currency)).toFixed(digits(currency)),
  parseMoney: (text, currency) => parse(text, digits(currency)),
  quantity: (quantityMilli) => String(quantityMilli / 1000),
  parseQuantity: (text) => parse(text, 3),
  rate: (rateBp) => String(rateBp / 100),
  parseRate: (text) => parse(text, 2),
};

function parse(text: string, decimals: number): number | null {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text.trim());
  if (!match || (match[2] ?? '').length > decimals) return null;
  return Math.round(Number(text) * 10 ** decimals);
}
