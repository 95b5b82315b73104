// Numbers as text in a form's inputs: formatted for the locale, without grouping or unit so that they are easy to edit,
// and parsed by the same rules as everywhere else (ui/text/format.ts).

import { formatAmount, parseMoney, parsePercent, parseQuantity } from './format.ts';
import { currentLocale } from './i18n.ts';
import type { NumberText } from '../record/record-draft.ts';

export const localNumbers: NumberText = {
  // Until there is a currency, an amount has two decimals, as in most currencies.
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
