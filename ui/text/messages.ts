// Why a field was refused, in the language of the person where the catalogue knows it and in the server's words where
// those say more.

import { formatMoney, formatNumber } from './format.ts';
import { isKey, t, tryText } from './i18n.ts';
import { localNumbers } from './number-text.ts';
import { problemText } from './problem-text.ts';

/** What a field is called, by its path. */
export function fieldLabel(path: string): string {
  return tryText('field', path);
}

/** The message for a reason; amounts are said in `currency`. */
export function problemMessage(path: string, reason: string, currency: string): string {
  const known = problemText(reason);
  if (!known) return reason;
  const { max, min } = known.params;
  switch (known.key) {
    case 'problem.amount': return t('problem.amount', { example: localNumbers.money(123_456, currency) });
    case 'problem.max': return path === 'amountMinor' ? t('problem.open', { amount: formatMoney(Number(max), currency) })
      : t('problem.max', { max: boundText(path, Number(max), currency) });
    case 'problem.min': return t('problem.min', { min: boundText(path, Number(min), currency) });
    default: return isKey(known.key) ? t(known.key as 'problem.longer', known.params as { max: number }) : reason;
  }
}

function boundText(path: string, bound: number, currency: string): string {
  if (path.endsWith('Minor')) return localNumbers.money(bound, currency);
  if (path.endsWith('Milli')) return localNumbers.quantity(bound);
  return path.endsWith('Bp') ? localNumbers.rate(bound) : formatNumber(bound);
}
