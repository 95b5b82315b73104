// The toolbar above a list: title, search, filters, and actions on the whole list.

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import type { Collection } from '../../shared/collections.ts';
import { controls } from '../base/controls.ts';
import './date-filter.ts';
import { emit } from '../base/events.ts';
import { t, tryText } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
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
      flex-wrap: wrap;
      align-items: center;
      gap: var(--space-2);
      min-block-size: var(--size-toolbar);
      padding: var(--space-1) var(--space-4);
    }
    h1 { margin: 0; margin-inline-end: var(--space-2); font-size: var(--text-large); font-weight: var(--weight-strong); }
    .search { position: relative; flex: 4 1 104px; max-inline-size: 320px; min-inline-size: 96px; }
    .search .icon { position: absolute; inset-block-start: 6px; inset-inline-start: var(--space-2);
      color: var(--color-muted); pointer-events: none; }
    .search .input { padding-inline: 30px; }
    .search .input::-webkit-search-cancel-button { display: none; }
    .search .icon-button { position: absolute; inset-block-start: 2px; inset-inline-end: 2px; min-block-size: 24px; min-inline-size: 24px; }
    .search .icon-button .icon { position: static; inline-size: 12px; block-size: 12px; }
    /* The filters take what room there is, so that nothing but the list's far end moves when a record opens beside it. */
    select.input, invoify-date-filter { flex: 1 1 76px; inline-size: auto; min-inline-size: 0; max-inline-size: 150px; }
    invoify-date-filter { flex-basis: 92px; max-inline-size: 190px; }
    select.set, .given { border-color: var(--color-accent); background: var(--color-info-back); }
    .given > span { max-inline-size: 160px; overflow: hidden; text-overflow: ellipsis; }
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
    @media (forced-colors: active) { select.set, .given { outline: 2px solid Highlight; outline-offset: -2px; } }
  `];

  declare collection: Collection;
  declare state: ListState;
  declare currencies: readonly string[];
  declare today: string;
  declare mayWrite: boolean;
  declare blocked: WriteBlock;
  declare syncing: boolean;

  constructor() {
    super();
    this.currencies = [];
    this.today = '';
    this.mayWrite = false;
    this.blocked = null;
    this.syncing = false;
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
      ${choicesOf(this.collection, this.currencies).map((choice) => this.#choice(choice))}
      ${hasDates ? html`<invoify-date-filter .dates=${this.state.dates} .today=${this.today}
        @dates-change=${(event: CustomEvent<DateFilter>) => this.#change({ ...this.state, dates: event.detail })}
      ></invoify-date-filter>` : nothing}
      ${this.state.given ? html`<button class="button given" @click=${() => this.#change({ ...this.state, given: null })}>
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
