// Why a field was refused, worded by its code in the person's language. A code that the catalogue does not know, such
// as a later server's, is shown in the server's own words, to those who read English.

import type { Problem } from '../../shared/problems.ts';
import { formatDate, formatMoney, formatNumber } from './format.ts';
import { currentLocale, isKey, t, tryText } from './i18n.ts';
import { localNumbers } from './number-text.ts';

/** What a field is called, by its path. */
export function fieldLabel(path: string): string {
  return tryText('field', path);
}

/** The message for a problem; its amounts are in `currency`. */
export function problemMessage(path: string, { code, message, params }: Problem, currency: string): string {
  const bound = (name: 'min' | 'max'): string => boundText(path, params?.[name] ?? '', currency);
  switch (code) {
    case 'amount': return t('problem.amount', { example: localNumbers.money(123_456, currency) });
    case 'min': return t(typeof params?.['min'] === 'string' ? 'problem.earliest' : 'problem.min', { min: bound('min') });
    case 'max': return path === 'amountMinor' ? t('problem.open', { amount: formatMoney(Number(params?.['max']), currency) })
      : t('problem.max', { max: bound('max') });
    default: {
      const key = `problem.${code}`;
      if (isKey(key)) return t(key as 'problem.too_long', params as { max: number });
      return currentLocale().language === 'en' ? message : t('problem.invalid');
    }
  }
}

function boundText(path: string, bound: number | string, currency: string): string {
  if (typeof bound === 'string') return formatDate(bound);
  if (path.endsWith('Minor')) return localNumbers.money(bound, currency);
  if (path.endsWith('Milli')) return localNumbers.quantity(bound);
  return path.endsWith('Bp') ? localNumbers.rate(bound) : formatNumber(bound);
}
