// The toolbar above a list: title, search, filters, and actions on the whole list. Filters that do not fit as they are, with all of
// their labels, go behind one button, so that nothing is clipped and nothing wraps.

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import type { Collection } from '../../shared/collections.ts';
import { controls } from '../base/controls.ts';
import './date-filter.ts';
import { emit } from '../base/events.ts';
import { icon } from '../base/icons.ts';
import { placePopover } from '../base/popover.ts';
import { t, tryText } from '../text/i18n.ts';
import { choicesOf, choose, type Choice, type DateFilter, type ListState } from './list-state.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import '../base/write-button.ts';

/**
 * @fires state-change - search or filters changed: a ListState
 * @fires search-enter - Enter in the search
 * @fires save-csv - save the list as a CSV file
 */
export class InvoifyListToolbar extends LitElement {
  static override properties = {
    collection: { attribute: false },
    state: { attribute: false },
    currencies: { attribute: false },
    today: {},
    mayWrite: { type: Boolean },
    blocked: { attribute: false },
    syncing: { type: Boolean },
  };

  static override styles = [controls, css`
    :host { display: block; container-type: inline-size; }
    .bar {
      display: flex;
      align-items: center;
      gap: var(--space-2);
      min-block-size: var(--size-toolbar);
      padding: var(--space-1) var(--space-4);
    }
    .bar > *, .filters > * { flex: none; }
    h1 { margin: 0; margin-inline-end: var(--space-2); font-size: var(--text-large); font-weight: var(--weight-strong); }
    .search { position: relative; flex: 4 1 104px; max-inline-size: 320px; min-inline-size: 96px; }
    .search .icon { position: absolute; inset-block-start: 6px; inset-inline-start: var(--space-2);
      color: var(--color-muted); pointer-events: none; }
    .search .input { padding-inline: 30px; }
    .search .input::-webkit-search-cancel-button { display: none; }
    .search .icon-button { position: absolute; inset-block-start: 2px; inset-inline-end: 2px; min-block-size: 24px; min-inline-size: 24px; }
    .search .icon-button .icon { position: static; inline-size: 12px; block-size: 12px; }
    .filters { display: flex; gap: var(--space-2); }
    select.input { inline-size: auto; }
    .bar:not(.tight) .show { display: none; }
    .filters[popover] { display: none; }
    .filters:popover-open { display: grid; gap: var(--space-3); min-inline-size: 220px; }
    .filters:popover-open > * { inline-size: 100%; }
    select.set, .set.show, .given { border-color: var(--color-accent); background: var(--color-info-back); }
    .bar > .given { flex: 0 1 auto; min-inline-size: 48px; max-inline-size: 220px; }
    .given > span { overflow: hidden; text-overflow: ellipsis; }
    .given .icon { inline-size: 12px; block-size: 12px; }
    .end { display: flex; flex: none; gap: var(--space-1); margin-inline-start: auto; }
    .refresh .icon { transform-origin: center; }
    .refresh[aria-busy='true'] .icon { animation: turn 1s linear infinite; }
    @keyframes turn { to { transform: rotate(1turn); } }
    @media (prefers-reduced-motion: reduce) { .refresh[aria-busy='true'] .icon { animation: none; opacity: 0.6; } }
    @container (inline-size < 600px) {
      h1 { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
      .bar { padding-inline: var(--space-3); }
      .end { gap: var(--space-1); }
    }
    @media (forced-colors: active) { select.set, .set.show, .given { outline: 2px solid Highlight; outline-offset: -2px; } }
  `];

  declare collection: Collection;
  declare state: ListState;
  declare currencies: readonly string[];
  declare today: string;
  declare mayWrite: boolean;
  declare blocked: WriteBlock;
  declare syncing: boolean;
  readonly #resizeObserver = new ResizeObserver(() => this.#fit());

  constructor() {
    super();
    this.currencies = [];
    this.today = '';
    this.mayWrite = false;
    this.blocked = null;
    this.syncing = false;
  }

  protected override firstUpdated(): void {
    const bar = this.#find('.bar');
    if (bar) this.#resizeObserver.observe(bar);
  }

  override disconnectedCallback(): void {
    this.#resizeObserver.disconnect();
    super.disconnectedCallback();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const bar = this.#find('.bar');
    if (bar) this.#resizeObserver.observe(bar);
  }

  protected override updated(): void {
    // What is being used stays where it is until that ends.
    if (this.#find('.filters')?.matches(':focus-within, :popover-open') !== true) this.#fit();
  }

  #find(selector: string): HTMLElement | null {
    return this.renderRoot?.querySelector<HTMLElement>(selector) ?? null;
  }

  /** Puts the filters behind their button if they do not fit beside the rest. Changes elements directly: only laying out tells. */
  #fit(): void {
    const [bar, filters] = [this.#find('.bar'), this.#find('.filters')];
    if (!bar || !filters) return;
    const [hadFocus, wasOpen] = [filters.matches(':focus-within'), filters.matches(':popover-open')];
    const focused = this.shadowRoot?.activeElement;
    bar.classList.remove('tight');
    filters.popover = null;
    filters.classList.remove('popover');
    filters.style.cssText = '';
    if (bar.scrollWidth > bar.clientWidth) {
      bar.classList.add('tight');
      filters.classList.add('popover');
      filters.popover = 'auto';
      if (wasOpen) filters.showPopover();
    }
    if (hadFocus) (wasOpen || !filters.popover ? focused as HTMLElement | null : this.#find('.show'))?.focus();
  }

  #onToggle(event: ToggleEvent): void {
    const [filters, button] = [this.#find('.filters'), this.#find('.show')];
    button?.setAttribute('aria-expanded', String(event.newState === 'open'));
    if (event.newState === 'closed') this.#fit();
    else if (filters && button) placePopover(filters, button);
  }

  #onFocusOut({ relatedTarget, currentTarget }: FocusEvent): void {
    const stays = relatedTarget instanceof Node && (currentTarget as HTMLElement).contains(relatedTarget);
    if (!stays && !this.#find('.filters')?.matches(':popover-open')) this.#fit();
  }

  focusSearch(): void {
    this.renderRoot.querySelector<HTMLInputElement>('input[type=search]')?.select();
  }

  #change(state: ListState): void {
    this.dispatchEvent(new CustomEvent<ListState>('state-change', { detail: state }));
  }

  #onSearchInput(event: Event): void {
    this.#change({ ...this.state, search: (event.target as HTMLInputElement).value });
  }

  #onSearchKeydown(event: KeyboardEvent): void {
    // Enter also ends the composition of a character.
    if (event.key === 'Enter' && !event.isComposing) this.dispatchEvent(new CustomEvent('search-enter'));
    if (event.key !== 'Escape' || this.state.search === '') return;
    event.stopPropagation();
    this.#change({ ...this.state, search: '' });
  }

  #clearSearch(): void {
    this.#change({ ...this.state, search: '' });
    this.focusSearch();
  }

  #choice({ column, values }: Choice): TemplateResult {
    const chosen = this.state.choices[column] ?? '';
    const name = tryText('filter', column);
    return html`<select class="input ${chosen === '' ? '' : 'set'}" aria-label=${name} data-filter=${column}
      @change=${(event: Event) => this.#change(choose(this.state, column, (event.target as HTMLSelectElement).value))}>
      <option value="" ?selected=${chosen === ''}>${chosen === '' ? name : t('filter.any')}</option>
      ${values.map((value) => html`<option value=${value} ?selected=${value === chosen}>${tryText(column, value)}</option>`)}
    </select>`;
  }

  override render(): TemplateResult {
    const { name } = this.collection;
    const title = tryText('collection', name);
    const { choices, dates } = this.state;
    const chosen = Object.keys(choices).length + (dates.from === null && dates.to === null ? 0 : 1);
    const hasDates = this.collection.columns.some((column) => column.name === 'issueDate');
    return html`<div class="bar">
      <h1>${title}</h1>
      <div class="search" role="search">
        ${icon('search')}
        <input class="input" type="search" .value=${this.state.search} placeholder=${t('list.search')} spellcheck="false" autocomplete="off"
          aria-label=${t('list.searchIn', { collection: title })} aria-keyshortcuts="Control+F" @input=${this.#onSearchInput}
            @keydown=${this.#onSearchKeydown}>
        ${this.state.search === '' ? nothing : html`<button class="icon-button" aria-label=${t('list.clearSearch')}
          @click=${this.#clearSearch}>${icon('close')}</button>`}
      </div>
      <button class="button show ${chosen > 0 ? 'set' : ''}" popovertarget="filters" aria-haspopup="dialog" aria-expanded="false">
        ${icon('filter')}<span>${chosen > 0 ? t('filter.allSet', { count: chosen }) : t('filter.all')}</span></button>
      <div id="filters" class="filters" role="group" aria-label=${t('filter.all')} @toggle=${this.#onToggle}
        @focusout=${this.#onFocusOut}>
        ${choicesOf(this.collection, this.currencies).map((choice) => this.#choice(choice))}
        ${hasDates ? html`<invoify-date-filter .dates=${this.state.dates} .today=${this.today}
          @dates-change=${(event: CustomEvent<DateFilter>) => this.#change({ ...this.state, dates: event.detail })}
        ></invoify-date-filter>` : nothing}
      </div>
      ${this.state.given ? html`<button class="button given" title=${t('filter.customerOf', { name: this.state.given.label })}
        @click=${() => this.#change({ ...this.state, given: null })}>
        <span>${t('filter.customerOf', { name: this.state.given.label })}</span>${icon('close')}</button>` : nothing}
      <div class="end">
        <button class="icon-button" aria-label=${t('list.csv')} title=${t('list.csv')}
          @click=${() => this.dispatchEvent(new CustomEvent('save-csv'))}>${icon('download')}</button>
        <button class="icon-button refresh" aria-label=${t('list.refresh')} title="${t('list.refresh')} (F5)" aria-keyshortcuts="F5"
          aria-busy=${this.syncing ? 'true' : 'false'} @click=${() => emit(this, 'refresh')}
        >${icon('refresh')}</button>
        ${this.mayWrite ? html`<invoify-write-button look="primary" icon="plus" .blocked=${this.blocked} .short=${t('list.new.short')}
          .label=${tryText('list.new', name)}
            @activate=${() => emit(this, 'new-record', { collection: name })}></invoify-write-button>` : nothing}
      </div>
    </div>`;
  }
}

customElements.define('invoify-list-toolbar', InvoifyListToolbar);
