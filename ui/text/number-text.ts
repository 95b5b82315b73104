// Numbers as they stand in a form's inputs: written as the person's locale does, without grouping and without a unit,
// so that they can be edited; read by the same rules as everywhere (ui/text/format.ts).

import { formatAmount, parseMoney, parsePercent, parseQuantity } from './format.ts';
import { currentLocale } from './i18n.ts';
import type { NumberText } from '../record/record-draft.ts';

export const localNumbers: NumberText = {
  // An amount without a currency yet is one of two places, as most are.
  money: (amountMinor, currency) => formatAmount(amountMinor, currency || 'EUR'),
  parseMoney: (text, currency) => parseMoney(text, currency || 'EUR'),
  quantity: (quantityMilli) => decimal(quantityMilli / 1000, 3),
  parseQuantity,
  rate: (rateBp) => decimal(rateBp / 100, 2),
  parseRate: parsePercent,
};

function decimal(value: number, places: number): string {
  return new Intl.NumberFormat(currentLocale().format, { useGrouping: false, maximumFractionDigits: places }).format(value);
}
