// A date filter: a button that shows the range, and a popover with the kind of date, common periods and two date fields.

import { LitElement, css, html, type TemplateResult } from 'lit';

import { inFullYear } from '../../shared/days.ts';
import { controls } from '../base/controls.ts';
import { formatDate } from '../text/format.ts';
import { currentLocale, t, tryText } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { dateColumns, periodRange, periods, type DateFilter, type DateRange } from './list-state.ts';
import { placePopover } from '../base/popover.ts';

/**
 * @fires dates-change - the range, or the kind of date, changed: a DateFilter
 */
export class InvoifyDateFilter extends LitElement {
  static override properties = {
    dates: { attribute: false },
    today: {},
  };

  static override styles = [controls, css`
    :host { display: inline-flex; }
    .button[popovertarget] { flex: 1; justify-content: flex-start; }
    .button.set { border-color: var(--color-accent); background: var(--color-info-back); }
    @media (forced-colors: active) { .button.set { outline: 2px solid Highlight; outline-offset: -2px; } }
    .popover:popover-open { display: grid; grid-template-columns: 140px 160px; gap: var(--space-4); }
    .kind { grid-column: 1 / -1; }
    .periods { display: grid; align-content: start; }
    .periods .button { justify-content: flex-start; padding-inline: var(--space-2); }
    .range { display: grid; align-content: start; gap: var(--space-3); }
  `];

  declare dates: DateFilter;
  declare today: string;

  constructor() {
    super();
    this.dates = { by: 'issueDate', from: null, to: null };
    this.today = '';
  }

  get #popover(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.popover');
  }

  #change(dates: Partial<DateFilter>): void {
    this.dispatchEvent(new CustomEvent<DateFilter>('dates-change', { detail: { ...this.dates, ...dates } }));
  }

  #choosePeriod(range: DateRange): void {
    this.#change(range);
    this.#popover?.hidePopover();
  }

  #onInput(end: 'from' | 'to', event: Event): void {
    const { value, validity } = event.target as HTMLInputElement;
    // A date that is still being typed has no value; to set it to none would remove what is there.
    if (validity.badInput) return;
    this.#change({ [end]: value === '' ? null : value });
  }

  /** While a year is typed, it has two or three digits for a moment: what is meant counts once the field is left. */
  #onLeave({ currentTarget, relatedTarget }: FocusEvent): void {
    const { from, to } = this.dates;
    const [start, end] = [from, to].map((date) => date && inFullYear(date)) as [typeof from, typeof to];
    // Until both have been left, the other end may still be changed, too.
    const isLeft = !(currentTarget as Element).contains(relatedTarget as Node);
    const range = isLeft && start && end && start > end ? { from: end, to: start } : { from: start, to: end };
    if (range.from !== from || range.to !== to) this.#change(range);
  }

  #onKind(event: Event): void {
    const by = dateColumns.find((name) => name === (event.target as HTMLSelectElement).value);
    if (by) this.#change({ by });
  }

  #onToggle(event: ToggleEvent): void {
    const button = this.renderRoot.querySelector('button');
    button?.setAttribute('aria-expanded', String(event.newState === 'open'));
    if (event.newState === 'open' && button && this.#popover) placePopover(this.#popover, button);
  }

  override render(): TemplateResult {
    const { from, to } = this.dates;
    const text = datesText(this.dates, this.today);
    const isSet = from !== null || to !== null;
    return html`
      <button class="button ${isSet ? 'set' : ''}" popovertarget="choice" aria-haspopup="dialog" aria-expanded="false"
        title=${text}>
        ${icon('calendar')}<span>${text}</span>
      </button>
      <div id="choice" class="popover" popover role="dialog" aria-label=${tryText('filter', this.dates.by)} @toggle=${this.#onToggle}>
        <div class="field kind">
          <label for="by">${t('filter.by')}</label>
          <select id="by" class="input" @change=${this.#onKind}>${dateColumns.map((name) =>
            html`<option value=${name} ?selected=${name === this.dates.by}>${tryText('filter', name)}</option>`)}</select>
        </div>
        <div class="periods">
          ${periods.map((period) => html`<button class="button quiet"
            @click=${() => this.#choosePeriod(periodRange(period, this.today))}>${t(`filter.${period}`)}</button>`)}
          <button class="button quiet" @click=${() => this.#choosePeriod({ from: null, to: null })}>${t('filter.anyTime')}</button>
        </div>
        <div class="range" @focusout=${this.#onLeave}>
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

/** The button's label: which date, and the range. An invoice's own date goes without saying. */
function datesText(dates: DateFilter, today: string): string {
  const date = tryText('filter', dates.by);
  if (dates.from === null && dates.to === null) return date;
  const range = rangeText(dates, today);
  return dates.by === 'issueDate' ? range : t('filter.dateIn', { date, range });
}

/** The name of the period if the range is one. */
function rangeText({ from, to }: DateRange, today: string): string {
  const period = periods.find((name) => {
    const range = periodRange(name, today);
    return range.from === from && range.to === to;
  });
  if (period) return t(`filter.${period}`);
  if (from !== null && to !== null) return t('filter.range', { from: formatDate(from), to: formatDate(to) });
  if (from !== null) return t('filter.fromDate', { from: formatDate(from) });
  return to === null ? t('filter.anyTime') : t('filter.toDate', { to: formatDate(to) });
}

customElements.define('invoify-date-filter', InvoifyDateFilter);
