// Says why a credit note cannot be issued: it is for more than is left of its invoice, in total or at a tax rate.

import type { Problem } from '../../shared/problems.ts';
import { formatMoney, formatPercent } from '../text/format.ts';
import { t } from '../text/i18n.ts';

/** The text for a `creditProblem` of shared/invoice.ts; `number` is the invoice's. */
export function creditLimitText({ params }: Problem, currency: string, number: string): string {
  const { max, rateBp, category } = params ?? {};
  const amount = formatMoney(Number(max), currency);
  if (rateBp === undefined) return t('form.creditMax', { amount, number });
  const rate = [formatPercent(Number(rateBp)), ...category === 'S' || category === 'Z' ? [] : [String(category)]].join('\u00a0');
  return max === 0 ? t('form.creditNoRate', { rate, number }) : t('form.creditRateMax', { amount, rate, number });
}
