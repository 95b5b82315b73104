// A date filter: a button that shows the range, and a popover with common periods and two date fields.

import { LitElement, css, html, type TemplateResult } from 'lit';

import { controls } from '../base/controls.ts';
import { formatDate } from '../text/format.ts';
import { currentLocale, t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { periodRange, periods, type DateRange } from './list-state.ts';
import { placePopover } from '../base/popover.ts';

/**
 * @fires range-change - the range changed: a DateRange
 */
export class InvoifyDateFilter extends LitElement {
  static override properties = {
    range: { attribute: false },
    today: {},
  };

  static override styles = [controls, css`
    :host { display: inline-flex; }
    .button { max-inline-size: 220px; }
    .button > span { overflow: hidden; text-overflow: ellipsis; }
    .button.set { border-color: var(--color-accent); background: var(--color-info-back); }
    .popover:popover-open { display: grid; grid-template-columns: 140px 160px; gap: var(--space-4); }
    .periods { display: grid; align-content: start; }
    .periods .button { justify-content: flex-start; padding-inline: var(--space-2); }
    .range { display: grid; align-content: start; gap: var(--space-3); }
  `];

  declare range: DateRange;
  declare today: string;

  constructor() {
    super();
    this.range = { from: null, to: null };
    this.today = '';
  }

  get #popover(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.popover');
  }

  #change(range: DateRange): void {
    this.dispatchEvent(new CustomEvent<DateRange>('range-change', { detail: range }));
  }

  #choosePeriod(range: DateRange): void {
    this.#change(range);
    this.#popover?.hidePopover();
  }

  #onInput(end: 'from' | 'to', event: Event): void {
    const { value, validity } = event.target as HTMLInputElement;
    // A date that is still being typed has no value; to set it to none would remove what is there.
    if (validity.badInput) return;
    this.#change({ ...this.range, [end]: value === '' ? null : value });
  }

  #onToggle(event: ToggleEvent): void {
    const button = this.renderRoot.querySelector('button');
    button?.setAttribute('aria-expanded', String(event.newState === 'open'));
    if (event.newState === 'open' && button && this.#popover) placePopover(this.#popover, button);
  }

  override render(): TemplateResult {
    const { from, to } = this.range;
    const isSet = from !== null || to !== null;
    return html`
      <button class="button ${isSet ? 'set' : ''}" popovertarget="choice" aria-haspopup="dialog" aria-expanded="false">
        ${icon('calendar')}<span>${rangeText(this.range, this.today)}</span>
      </button>
      <div id="choice" class="popover" popover role="dialog" aria-label=${t('filter.issued')} @toggle=${this.#onToggle}>
        <div class="periods">
          ${periods.map((period) => html`<button class="button quiet"
            @click=${() => this.#choosePeriod(periodRange(period, this.today))}>${t(`filter.${period}`)}</button>`)}
          <button class="button quiet" @click=${() => this.#choosePeriod({ from: null, to: null })}>${t('filter.anyTime')}</button>
        </div>
        <div class="range">
          ${this.#end('from', from, { max: to })}
          ${this.#end('to', to, { min: from })}
        </div>
      </div>`;
  }

  #end(end: 'from' | 'to', value: string | null, bounds: { readonly min?: string | null; readonly max?: string | null }): TemplateResult {
    return html`<div class="field">
      <label for=${end}>${t(`filter.${end}`)}</label>
      <input id=${end} class="input" type="date" lang=${currentLocale().format} .value=${value ?? ''}
        min=${bounds.min ?? ''} max=${bounds.max ?? ''} @change=${(event: Event) => this.#onInput(end, event)}>
    </div>`;
  }
}

/** The button's label: the name of the period if the range is one. */
function rangeText({ from, to }: DateRange, today: string): string {
  const period = periods.find((name) => {
    const range = periodRange(name, today);
    return range.from === from && range.to === to;
  });
  if (period) return t(`filter.${period}`);
  if (from !== null && to !== null) return t('filter.range', { from: formatDate(from), to: formatDate(to) });
  if (from !== null) return t('filter.fromDate', { from: formatDate(from) });
  return to === null ? t('filter.issued') : t('filter.toDate', { to: formatDate(to) });
}

customElements.define('invoify-date-filter', InvoifyDateFilter);
