// Open amounts by how long they have been overdue, in one currency at a time: the one that the list is filtered by, or else the one
// in which most is open. Currencies are never added together. Each cell filters the list below.

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import type { CurrencySummary } from '../../shared/window/views.ts';
import { controls } from '../base/controls.ts';
import { formatMoney, formatNumber } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import type { Age } from './list-state.ts';

const ages: readonly Age[] = ['open', 'days1to30', 'days31to60', 'days61to90', 'over90'];

/**
 * @fires age-choose - a cell was chosen: { age, currency }
 */
export class InvoifyListSummary extends LitElement {
  static override properties = {
    summaries: { attribute: false },
    currency: {},
    age: { attribute: false },
  };

  static override styles = [controls, css`
    :host {
      display: block;
      container-type: inline-size;
      border-block: 1px solid var(--color-line);
      background: var(--color-surface);
    }
    .cells { display: flex; overflow: auto hidden; scrollbar-width: none; min-block-size: calc(var(--size-summary) - 2px); }
    .cell {
      display: flex;
      flex: 1 0 auto;
      flex-direction: column;
      align-items: flex-start;
      justify-content: center;
      min-inline-size: 96px;
      min-block-size: 44px;
      padding: 0 var(--space-3);
      border: 0;
      border-inline-start: 1px solid var(--color-line);
      background: none;
      text-align: start;
      line-height: var(--line-tight);
      cursor: default;
      transition: background-color var(--motion);
    }
    .cell:first-child { border-inline-start: 0; padding-inline-start: var(--space-4); }
    button:hover { background: var(--color-hover); }
    .cell[aria-pressed='true'] { background: var(--color-selected); box-shadow: inset 0 -2px var(--color-accent); }
    .cell:focus-visible { outline-offset: -2px; }
    .name { color: var(--color-muted); font-size: var(--text-small); line-height: var(--line-body); white-space: nowrap; }
    .amount { font-variant-numeric: tabular-nums; font-weight: var(--weight-strong); white-space: nowrap; }
    .late .amount { color: var(--color-bad); }
    .none .amount { color: var(--color-muted); font-weight: var(--weight-body); }
    .count { color: var(--color-muted); font-weight: var(--weight-body); font-size: var(--text-small); }
    @container (inline-size < 900px) {
      .count { display: none; }
      .cell { padding-inline: calc(var(--space-1) + var(--space-half)); }
      /* The only name longer than its amount. */
      .cell[data-age='days1to30'] { flex-grow: 2; }
      .name { inline-size: 0; min-inline-size: 100%; overflow: hidden; text-overflow: ellipsis; }
    }
    @container (inline-size < 600px) {
      .cells { display: grid; grid-template-columns: repeat(3, 1fr); }
      .cells > :nth-child(n + 4) { border-block-start: 1px solid var(--color-line); }
      .cells > :nth-child(3n + 1) { border-inline-start: 0; padding-inline-start: var(--space-4); }
    }
    @container (inline-size < 420px) {
      .cells { grid-template-columns: repeat(2, 1fr); }
      .cells > :nth-child(n + 3) { border-block-start: 1px solid var(--color-line); }
      .cells > :nth-child(even) { border-inline-start: 1px solid var(--color-line); padding-inline-start: var(--space-2); }
      .cells > :nth-child(odd) { border-inline-start: 0; padding-inline-start: var(--space-4); }
    }
    .bar { display: block; inline-size: 84px; block-size: 10px; margin-block: 3px;
      border-radius: var(--radius-small); background: var(--color-skeleton); }
    @media (forced-colors: active) { .cell[aria-pressed='true'] { outline: 2px solid Highlight; outline-offset: -2px; } }
  `];

  /** Null until loaded. */
  declare summaries: readonly CurrencySummary[] | null;
  declare currency: string;
  declare age: Age | null;

  constructor() {
    super();
    this.summaries = null;
    this.currency = '';
    this.age = null;
    this.setAttribute('role', 'group');
  }

  protected override willUpdate(): void {
    this.setAttribute('aria-label', t('summary.label'));
  }

  #cell(age: Age): TemplateResult {
    const summary = this.summaries?.find(({ currency }) => currency === this.currency);
    const sum = age === 'open' ? summary?.open : summary?.buckets[age];
    const count = sum?.count ?? 0;
    const isLate = age !== 'open' && count > 0;
    // With nothing open there may be no currency to format an amount in.
    const amountMinor = sum ? sum.openMinor : this.currency === '' ? null : 0;
    return html`<button class="cell ${isLate ? 'late' : ''} ${count === 0 ? 'none' : ''}" data-age=${age}
      aria-pressed=${this.age === age ? 'true' : 'false'} ?disabled=${this.summaries === null}
      @click=${() => this.dispatchEvent(new CustomEvent('age-choose', { detail: { age, currency: this.currency } }))}>
      <span class="name">${t(`summary.${age}`)}</span>
      ${this.summaries === null ? html`<span class="bar"></span>` : html`<span class="amount">${formatMoney(amountMinor, this.currency)}
        ${count === 0 ? nothing : html`<span class="count" aria-hidden="true">· ${formatNumber(count)}</span>`}
        <span class="visually-hidden">, ${t('count.invoices', { count })}</span></span>`}
    </button>`;
  }

  override render(): TemplateResult {
    const others = (this.summaries ?? []).filter(({ currency, open }) => currency !== this.currency && open.count > 0);
    const currencies = others.map(({ currency }) => currency).join(', ');
    return html`<div class="cells">${ages.map((age) => this.#cell(age))}
      ${currencies && html`<div class="cell"><span class="name">${t('summary.others')}</span><span>${currencies}</span></div>`}</div>`;
  }
}

customElements.define('invoify-list-summary', InvoifyListSummary);
