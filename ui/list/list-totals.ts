// The line below a list: the number of records and, for invoices, their totals per currency.

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import type { CurrencyTotals } from '../../shared/window/views.ts';
import { controls } from '../base/controls.ts';
import { formatMoney } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { placePopover } from '../base/popover.ts';

export class InvoifyListTotals extends LitElement {
  static override properties = {
    totals: { attribute: false },
    count: {},
    label: {},
    incomplete: { type: Boolean },
  };

  static override styles = [controls, css`
    :host {
      display: flex;
      align-items: center;
      gap: var(--space-4);
      block-size: var(--size-row);
      padding-inline: var(--space-4);
      border-block-start: 1px solid var(--color-line);
      background: var(--color-surface);
      font-variant-numeric: tabular-nums;
      white-space: nowrap;
      overflow: hidden;
    }
    :host > * { line-height: 20px; }
    .count { flex: none; color: var(--color-muted); }
    /* An amount that does not fit wraps to a hidden line: a clipped amount would read as a wrong one. */
    .sums, .sum { display: flex; flex-wrap: wrap; min-inline-size: 0; block-size: 20px; overflow: hidden; line-height: 20px; }
    .sums { flex: 1 1 auto; justify-content: flex-end; gap: 0 var(--space-5); }
    .sum { justify-content: flex-end; gap: 0 var(--space-3); }
    .sum > span { display: flex; align-items: baseline; gap: var(--space-2); }
    .label { color: var(--color-muted); font-size: var(--text-small); }
    strong { font-weight: var(--weight-strong); }
    .warn { color: var(--color-warn); }
    table { border-collapse: collapse; }
    th, td { padding: var(--space-1) var(--space-3); text-align: end; font-weight: var(--weight-body); }
    thead th { color: var(--color-muted); font-size: var(--text-small); }
    tbody th { text-align: start; }
  `];

  /** Null if the list has no amounts, or they are not loaded yet. */
  declare totals: readonly CurrencyTotals[] | null;
  /** The number of records, as text. */
  declare count: string;
  /** What the totals are. */
  declare label: string;
  declare incomplete: boolean;

  constructor() {
    super();
    this.totals = null;
    this.count = '';
    this.label = '';
    this.incomplete = false;
    this.setAttribute('role', 'group');
  }

  protected override willUpdate(): void {
    this.setAttribute('aria-label', t('totals.label'));
  }

  #onToggle(event: ToggleEvent): void {
    const popover = event.target as HTMLElement;
    const button = this.renderRoot.querySelector<HTMLElement>('.link');
    if (event.newState === 'open' && button) placePopover(popover, button);
  }

  #sum({ currency, totalMinor, openMinor }: CurrencyTotals): TemplateResult {
    return html`<span class="sum">
      <span><span class="label">${this.label}</span><strong>${formatMoney(totalMinor, currency)}</strong></span>
      <span><span class="label">${t('totals.open')}</span>${formatMoney(openMinor, currency)}</span>
    </span>`;
  }

  override render(): TemplateResult {
    const totals = (this.totals ?? []).toSorted((a, b) => b.count - a.count);
    return html`
      <span class="count">${this.count}${this.incomplete ? html` <span class="warn">· ${t('totals.incomplete')}</span>` : nothing}</span>
      <span class="sums">${totals.map((sum) => this.#sum(sum))}</span>
      ${totals.length > 1 ? html`<button class="link" popovertarget="all">${t('totals.all', { count: totals.length })}</button>
        <div id="all" class="popover" popover @toggle=${this.#onToggle}><table>
          <thead><tr><td></td><th scope="col">${this.label}</th><th scope="col">${t('totals.open')}</th></tr></thead>
          <tbody>${totals.map(({ currency, count, totalMinor, openMinor }) => html`<tr>
            <th scope="row">${currency} · ${t('count.invoices', { count })}</th>
            <td>${formatMoney(totalMinor, currency)}</td><td>${formatMoney(openMinor, currency)}</td></tr>`)}</tbody>
        </table></div>` : nothing}`;
  }
}

customElements.define('invoify-list-totals', InvoifyListTotals);
