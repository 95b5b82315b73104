// An invoice's totals as a list: net, tax by category and rate, total, and what has been credited and paid.
// Shared by the detail and the form.

import { css, html, type TemplateResult } from 'lit';

import type { Totals } from '../../shared/invoice.ts';
import { formatMoney, formatPercent } from '../text/format.ts';
import { t, tryText } from '../text/i18n.ts';

export const totalsStyles = css`
  .totals { display: grid; grid-template-columns: 1fr auto; gap: var(--space-1) 0; margin: 0; }
  .totals dt { color: var(--color-muted); }
  .totals dd { margin: 0; padding-inline-start: var(--space-4); text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .totals .sum { padding-block-start: var(--space-1); border-block-start: 1px solid var(--color-line); color: var(--color-text);
    font-weight: var(--weight-strong); }
`;

/** `balance` null leaves out what has been credited and paid. */
export function totalsList(
  totals: Totals, currency: string,
  balance: { readonly paidMinor: number; readonly creditedMinor: number; readonly openMinor: number } | null, isCreditNote: boolean,
): TemplateResult {
  const money = (amountMinor: number): string => formatMoney(amountMinor, currency);
  return html`
    <dl class="totals">
      <dt>${t('totals.subtotal')}</dt><dd>${money(totals.subtotalMinor)}</dd>
      ${totals.taxes.map(({ category, rateBp, netMinor, taxMinor }) => html`
        <dt>${category === 'S' || category === 'Z' ? t('totals.tax', { rate: formatPercent(rateBp), net: money(netMinor) })
          : t('totals.exempt', { category: tryText('taxCategory', category), net: money(netMinor) })}</dt><dd>${money(taxMinor)}</dd>`)}
      <dt class="sum">${t(isCreditNote ? 'totals.creditSum' : 'totals.sum')}</dt><dd class="sum">${money(totals.totalMinor)}</dd>
      ${balance ? html`
        ${balance.creditedMinor === 0 ? '' : html`<dt>${t('totals.credited')}</dt><dd>${money(-balance.creditedMinor)}</dd>`}
        <dt>${t('totals.paid')}</dt><dd>${money(-balance.paidMinor)}</dd>
        <dt class="sum">${t('totals.balance')}</dt><dd class="sum">${money(balance.openMinor)}</dd>` : ''}
    </dl>`;
}
