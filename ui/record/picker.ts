// Picks a record of another collection by searching the cache: an editable combobox with a list popup, after the ARIA
// Authoring Practices. Ignores stale responses. Leaving without picking restores the name of the selected record.
//
//   <invoify-picker .collection .recordId .label .problem .filters .isOptional .canCreate @picked @picker-new>
//
// `picked` carries { id, row }; an empty id and a null row if the selection was cleared. `picker-new`, offered with `canCreate`,
// carries the name that was typed for a new record.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';

import type { ListRow, ListSelection } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { formatMoney } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { Unsaved } from '../base/unsaved.ts';

export interface Picked {
  readonly id: string;
  readonly row: ListRow | null;
}

const maxOptions = 12;

export class InvoifyPicker extends LitElement {
  static override shadowRootOptions: ShadowRootInit = { ...LitElement.shadowRootOptions, delegatesFocus: true };

  static override properties = {
    collection: { attribute: false },
    recordId: { attribute: false },
    label: { attribute: false },
    problem: { attribute: false },
    filters: { attribute: false },
    isOptional: { attribute: false },
    canCreate: { attribute: false },
    _text: { state: true },
    _rows: { state: true },
    _total: { state: true },
    _active: { state: true },
    _isOpen: { state: true },
  };

  static override styles = [controls, css`
    :host { display: block; position: relative; min-inline-size: 0; }
    .problem { display: flex; gap: var(--space-1); margin: 0; }
    .box { position: relative; }
    .box .input { padding-inline-end: var(--space-8); }
    .clear { position: absolute; inset-block: 0; inset-inline-end: var(--space-half); margin-block: auto; }

    [role='listbox'] {
      position: absolute;
      z-index: 2;
      inset-inline: 0;
      inset-block-start: calc(100% + var(--space-1));
      max-block-size: 300px;
      overflow: auto;
      margin: 0;
      padding: var(--space-1);
      background: var(--color-raised);
      border-radius: var(--radius);
      box-shadow: var(--shadow);
      list-style: none;
    }

    [role='option'] {
      display: flex;
      justify-content: space-between;
      gap: var(--space-3);
      padding: var(--space-1) var(--space-2);
      border-radius: var(--radius-small);
      cursor: default;
    }

    [role='option'][aria-selected='true'] { background: var(--color-selected); outline: 1px solid transparent; }
    .name { flex: none; max-inline-size: 100%; overflow-wrap: anywhere; }
    .aside { flex: 1; min-inline-size: 0; overflow: hidden; text-align: end; text-overflow: ellipsis; white-space: nowrap;
      color: var(--color-muted); }
    .name .icon { vertical-align: -2px; }
    .note { margin: 0; padding: var(--space-1) var(--space-2); color: var(--color-muted); font-size: var(--text-small); }

    @media (forced-colors: active) {
      [role='listbox'] { border: 1px solid CanvasText; }
      [role='option'][aria-selected='true'] { outline-color: Highlight; }
    }
  `];

  declare collection: string;
  declare recordId: string;
  declare label: string;
  declare problem: string | null;
  declare filters: NonNullable<ListSelection['filters']>;
  declare isOptional: boolean;
  declare canCreate: boolean;
  declare _text: string;
  declare _rows: readonly ListRow[];
  declare _total: number;
  declare _active: number;
  declare _isOpen: boolean;
  /** The name of the selected record. */
  #selectedName = '';
  #latestSearch = 0;
  /** The search whose results `_rows` holds. */
  #shownSearch = 0;

  constructor() {
    super();
    this.collection = '';
    this.recordId = '';
    this.label = '';
    this.problem = null;
    this.filters = {};
    this.isOptional = false;
    this.canCreate = false;
    this._text = '';
    this._rows = [];
    this._total = 0;
    this._active = -1;
    this._isOpen = false;
    new Unsaved(this, () => this.#newName !== '');
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('recordId')) void this.#loadName();
  }

  async #loadName(): Promise<void> {
    const id = this.recordId;
    if (id === '') {
      this.#selectedName = '';
      this._text = '';
      return;
    }
    const outcome = await ask(this, 'data.getRecord', { collection: this.collection, id });
    if (this.recordId !== id) return;
    const name = outcome.ok ? outcome.value?.payload['name'] : undefined;
    this.#selectedName = typeof name === 'string' ? name : '';
    if (!this._isOpen) this._text = this.#selectedName;
  }

  async #search(text: string): Promise<void> {
    const search = ++this.#latestSearch;
    const { collection, filters } = this;
    const query = { collection, sort: { column: 'name' }, limit: maxOptions };
    const start = text.trim();
    const [outcome, beginning] = await Promise.all([
      ask(this, 'data.listPage', { ...query, search: text, filters }),
      start === '' ? null
        : ask(this, 'data.listPage', { ...query, filters: { ...filters, name: { from: start, to: `${start}\u{10ffff}` } } }),
    ]);
    if (search !== this.#latestSearch || !this._isOpen) return;
    this.#shownSearch = search;
    // Names that begin with what was typed come first.
    const first = beginning?.ok ? beginning.value.rows : [];
    const found = outcome.ok ? outcome.value.rows : [];
    this._rows = [...first, ...found.filter(({ id }) => !first.some((row) => row.id === id))].slice(0, maxOptions);
    this._total = Math.max(this._rows.length, outcome.ok ? outcome.value.total : 0);
    this._active = this.#optionCount > 0 && start !== '' ? 0 : -1;
  }

  #open(search: string): void {
    this._isOpen = true;
    // Until the response arrives the list shows the previous results, which no key may reach.
    this._active = -1;
    void this.#search(search);
  }

  /** The rows, and what makes a new one. */
  get #optionCount(): number {
    return this._rows.length + (this.canCreate ? 1 : 0);
  }

  /** The name that a new record would have. */
  get #newName(): string {
    return this._text === this.#selectedName ? '' : this._text.trim();
  }

  #create(): void {
    const name = this.#newName;
    this.#close();
    this.dispatchEvent(new CustomEvent<string>('picker-new', { detail: name }));
  }

  #close(): void {
    this._isOpen = false;
    this._active = -1;
    this._text = this.#selectedName;
  }

  #pick(row: ListRow | null): void {
    this.#selectedName = row ? String(row.columns['name'] ?? '') : '';
    this.#close();
    this.dispatchEvent(new CustomEvent<Picked>('picked', { detail: { id: row?.id ?? '', row }, bubbles: true, composed: true }));
  }

  #onInput(event: Event): void {
    this._text = (event.target as HTMLInputElement).value;
    this.#open(this._text);
  }

  #onKeydown(event: KeyboardEvent): void {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      event.preventDefault();
      if (!this._isOpen) this.#open('');
      else this.#move(key === 'ArrowDown' ? 1 : -1);
    } else if (key === 'Enter' && this._isOpen) {
      event.preventDefault();
      const row = this._rows[this._active];
      if (row) this.#pick(row);
      else if (this.canCreate && this._active === this._rows.length) this.#create();
    } else if (key === 'Escape' && this._isOpen) {
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    }
  }

  /** Stays as it is while another window has the focus. */
  #onBlur(): void {
    if (document.hasFocus()) this.#close();
  }

  #move(by: number): void {
    const count = this.#shownSearch === this.#latestSearch ? this.#optionCount : 0;
    if (count > 0) this._active = this._active < 0 ? (by > 0 ? 0 : count - 1) : (this._active + by + count) % count;
    void this.updateComplete.then(() => this.renderRoot.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }));
  }

  #clear(): void {
    this.#pick(null);
    this.focus();
  }

  override render(): TemplateResult {
    const invalid = this.problem === null ? nothing : 'true';
    return html`
      <div class="field">
        <label for="control" class=${this.isOptional ? '' : 'required'}>${this.label}</label>
        <div class="box">
          <input id="control" class="input" type="text" role="combobox" autocomplete="off" spellcheck="false"
            aria-autocomplete="list" aria-haspopup="listbox"
            aria-controls=${this._isOpen ? 'list' : nothing} aria-expanded=${this._isOpen}
            aria-activedescendant=${this._active < 0 ? nothing : `option-${this._active}`} aria-invalid=${invalid}
            aria-required=${this.isOptional ? nothing : 'true'} aria-describedby=${this.problem === null ? nothing : 'problem'}
            placeholder=${t('form.choose')} .value=${live(this._text)}
            @input=${this.#onInput} @keydown=${this.#onKeydown} @click=${() => this._isOpen || this.#open('')} @blur=${this.#onBlur}>
          ${this.isOptional && this.recordId !== '' ? html`
            <button class="icon-button clear" type="button" aria-label=${t('picker.clear')}
              @click=${this.#clear}>${icon('close')}</button>` : ''}
          ${this._isOpen ? this.#renderList() : ''}
        </div>
        ${this.problem === null ? '' : html`<p class="problem" id="problem">${icon('warn')}${this.problem}</p>`}
        <span class="visually-hidden" role="status">${this._isOpen ? t('picker.found', { count: this._total }) : ''}</span>
      </div>`;
  }

  #renderList(): TemplateResult {
    const name = this.#newName;
    // A press must not move the focus out of the input, or the list would close before the click.
    return html`
      <ul id="list" role="listbox" aria-label=${this.label} @mousedown=${(event: Event) => event.preventDefault()}>
        ${this._rows.map((row, index) => html`
          <li id="option-${index}" role="option" aria-selected=${index === this._active} @click=${() => this.#pick(row)}>
            <span class="name">${row.columns['name']}</span><span class="aside">${secondaryText(row)}</span>
          </li>`)}
        ${this._rows.length === 0 ? html`
          <li role="option" aria-disabled="true" aria-selected="false" class="note">${t('picker.nothing')}</li>` : ''}
        ${this._total > this._rows.length ? html`
          <li role="option" aria-disabled="true" aria-selected="false" class="note">
            ${t('picker.more', { count: this._total - this._rows.length })}
          </li>` : ''}
        ${this.canCreate ? html`
          <li id="option-${this._rows.length}" role="option" aria-selected=${this._active === this._rows.length} @click=${this.#create}>
            <span class="name">${icon('plus')} ${name === '' ? t('picker.newUnnamed') : t('picker.new', { name })}</span>
          </li>` : ''}
      </ul>`;
  }
}

/** Tells records of the same name apart: a plan's price, a customer's contact. */
function secondaryText({ columns }: ListRow): string {
  const { priceMinor, currency, contact, email } = columns;
  if (typeof priceMinor === 'number' && typeof currency === 'string') return formatMoney(priceMinor, currency);
  return String(contact ?? email ?? currency ?? '');
}

customElements.define('invoify-picker', InvoifyPicker);
