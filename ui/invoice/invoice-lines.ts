// The editable table of an invoice's lines: add, remove, move, with the net amount beside each line.
//
//   <invoify-invoice-lines .lines .nets .currency .taxRateBp .problems @lines-change>
//
// `lines-change` carries the new lines. What few invoices need is below a cell, and shown when it is in use or asked for: the number
// of units that a price is for, and the VAT category, also wherever the rate is 0.
//
// Enter moves to the same cell of the next line, and adds a line after the last; Alt+Up and Alt+Down move a line, and the focus
// moves with it. While a description is typed, earlier lines and plans are offered (line-suggestions.ts).

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';

import { taxCategories, type TaxCategory } from '../../shared/collections.ts';
import type { Problems } from '../../shared/problems.ts';
import { controls } from '../base/controls.ts';
import { formatMoney } from '../text/format.ts';
import { t, tryText } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import {
  addLine, changeLine, lineCategory, lineFieldNames, moveLine, removeLine, withCategory, withSuggestion,
  type LineDraft, type LineField,
} from './invoice-draft.ts';
import { LineSuggestions, suggestionStyles } from './line-suggestions.ts';
import { fieldLabel, problemMessage } from '../text/messages.ts';
import { localNumbers } from '../text/number-text.ts';

const columns: readonly LineField[] = ['description', 'quantity', 'unit', 'unitPrice', 'taxRate'];
const numeric: readonly LineField[] = ['quantity', 'unitPrice', 'priceQuantity', 'taxRate'];

export class InvoifyInvoiceLines extends LitElement {
  static override properties = {
    lines: { attribute: false },
    nets: { attribute: false },
    currency: { attribute: false },
    problems: { attribute: false },
    taxRateBp: { attribute: false },
    _asked: { state: true },
    _announcement: { state: true },
  };

  static override styles = [controls, suggestionStyles, css`
    :host { display: block; min-inline-size: 0; }
    .scroll { overflow-x: auto; margin-inline: calc(-1 * var(--space-1)); padding-inline: var(--space-1); }
    table { inline-size: 100%; min-inline-size: 720px; border-collapse: collapse; table-layout: fixed; }

    th {
      padding: 0 var(--space-1) var(--space-1);
      color: var(--color-muted);
      font-size: var(--text-small);
      font-weight: var(--weight-body);
      text-align: start;
    }

    td { padding: var(--space-half) var(--space-1); vertical-align: top; }
    th:first-child, td:first-child { padding-inline-start: 0; }
    .quantity { inline-size: 76px; }
    .unit { inline-size: 72px; }
    .unitPrice { inline-size: 108px; }
    .taxRate { inline-size: 64px; }
    .net { inline-size: 112px; }
    .tools { inline-size: 84px; }
    th.number { text-align: end; }
    textarea.input { field-sizing: content; min-block-size: var(--size-control); max-block-size: 160px; resize: none; }
    td.net { padding-block-start: var(--space-2); white-space: nowrap; }
    td.tools { white-space: nowrap; }
    .problem { margin: var(--space-half) 0 0; }
    .below { display: flex; align-items: center; gap: var(--space-2); margin-block-start: var(--space-1); color: var(--color-muted);
      font-size: var(--text-small); }
    .below > :last-child { flex: 1; min-inline-size: 0; }
    .below select { max-inline-size: 240px; color: var(--color-text); }
    .buttons .quiet[aria-pressed='true'] { background: var(--color-pressed); }
    .buttons { display: flex; flex-wrap: wrap; gap: var(--space-2); margin-block-start: var(--space-2); }

    /* Without room for the columns each line wraps onto several rows, with a label above every cell. */
    @media (max-width: 780px) {
      table, tbody { display: block; min-inline-size: 0; }
      thead { display: none; }
      tr { display: grid; grid-template-columns: 1fr 1fr 1.4fr 1fr; padding-block: var(--space-2);
        border-block-end: 1px solid var(--color-line); }
      td { padding-inline: 0 var(--space-2); }
      td::before { content: attr(data-label); display: block; color: var(--color-muted); font-size: var(--text-small); text-align: start; }
      .description { grid-column: 1 / -1; }
      .quantity, .unit, .unitPrice, .taxRate, .net, .tools { inline-size: auto; }
      .net { grid-column: 1 / 3; text-align: start; }
      .tools { grid-column: 3 / -1; align-self: end; text-align: end; }
    }
  `];

  declare lines: readonly LineDraft[];
  declare nets: readonly (number | null)[];
  declare currency: string;
  declare problems: Problems;
  /** The tax rate of the first line, or null. */
  declare taxRateBp: number | null;
  /** What is shown for every line, whether in use or not. */
  declare _asked: readonly ('priceQuantity' | 'taxCategory')[];
  /** Announces the last change to screen readers. */
  declare _announcement: string;
  /** Moves the focus once the requested change is rendered. */
  #pendingFocus: (() => void) | null = null;
  readonly #suggestions = new LineSuggestions(this, {
    currency: () => this.currency,
    onPick: (index, suggestion) => {
      const line = this.lines[index];
      if (!line) return;
      this.#pendingFocus = () => this.#focusCell(index, 'quantity');
      this.#change(this.lines.with(index, withSuggestion(line, suggestion, this.currency, localNumbers)), `lines.${index}.description`);
    },
  });

  constructor() {
    super();
    this.lines = [];
    this.nets = [];
    this.currency = '';
    this.problems = {};
    this.taxRateBp = null;
    this._asked = [];
    this._announcement = '';
  }

  /** Focuses in the same update that renders the changed lines, so that no keystroke in between is lost. */
  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has('lines')) return;
    this.#pendingFocus?.();
    this.#pendingFocus = null;
  }

  /** Focuses the first description. */
  override focus(): void {
    this.#focusCell(0, 'description');
  }

  #focusCell(index: number, field: LineField): void {
    this.renderRoot.querySelector<HTMLElement>(`[data-cell="${index}.${field}"]`)?.focus();
  }

  #change(lines: readonly LineDraft[], path?: string): void {
    this.dispatchEvent(new CustomEvent('lines-change', { detail: { lines, path } }));
  }

  #add(): void {
    this.#pendingFocus = () => this.#focusCell(this.lines.length - 1, 'description');
    this.#change(addLine(this.lines, localNumbers, this.taxRateBp));
  }

  #remove(index: number): void {
    this.#pendingFocus = () => {
      if (this.lines.length === 0) this.renderRoot.querySelector<HTMLElement>('.add')?.focus();
      else this.#focusCell(Math.min(index, this.lines.length - 1), 'description');
    };
    this.#change(removeLine(this.lines, index));
    this._announcement = t('lines.removed');
  }

  #toggle(name: 'priceQuantity' | 'taxCategory'): void {
    this._asked = this._asked.includes(name) ? this._asked.filter((one) => one !== name) : [...this._asked, name];
  }

  /** Moves a line. `field` is the focused cell if a key moved it; otherwise the focus stays on the button. */
  #move(index: number, by: -1 | 1, field?: LineField): void {
    const moved = moveLine(this.lines, index, by);
    if (moved === this.lines) return;
    this.#pendingFocus = () => (field ? this.#focusCell(index + by, field) : this.#focusMoveButton(index + by, by));
    this.#change(moved);
    this._announcement = t('lines.moved', { n: index + by + 1 });
  }

  /** At either end the pressed button becomes disabled, so the opposite one takes the focus. */
  #focusMoveButton(index: number, by: -1 | 1): void {
    const row = this.renderRoot.querySelectorAll('tbody tr')[index];
    const button = row?.querySelector<HTMLButtonElement>(by < 0 ? '.up:enabled' : '.down:enabled')
      ?? row?.querySelector<HTMLButtonElement>('.up, .down');
    if (!row?.matches(':focus-within')) button?.focus();
  }

  #onKeydown(event: KeyboardEvent, index: number, field: LineField): void {
    if (field === 'description' && this.#suggestions.onKeydown(event, index)) return;
    if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      this.#move(index, event.key === 'ArrowUp' ? -1 : 1, field);
    } else if (event.key === 'Enter' && !event.shiftKey && !event.ctrlKey && !event.isComposing) {
      event.preventDefault();
      if (index < this.lines.length - 1) this.#focusCell(index + 1, field);
      else this.#add();
    }
  }

  override render(): TemplateResult {
    return html`
      <div class="scroll">
        <table>
          <thead>
            <tr>
              ${columns.map((field) => html`
                <th class="${field} ${numeric.includes(field) ? 'number' : ''}" scope="col">${fieldLabel(lineFieldNames[field])}</th>`)}
              <th class="net number" scope="col">${fieldLabel('netMinor')}</th>
              <td class="tools"></td>
            </tr>
          </thead>
          <tbody>${repeat(this.lines, ({ key }) => key, (line, index) => this.#renderLine(line, index))}</tbody>
        </table>
      </div>
      <div class="buttons">
        <button class="button add" type="button" data-path="lines" @click=${this.#add}>${icon('plus')}${t('lines.add')}</button>
        ${(['priceQuantity', 'taxCategory'] as const).map((name) => html`
          <button class="button quiet" type="button" aria-pressed=${this._asked.includes(name)}
            @click=${() => this.#toggle(name)}>${fieldLabel(name)}</button>`)}
      </div>
      ${this.#suggestions.render()}
      <span class="visually-hidden" role="status">${this._announcement}</span>`;
  }

  #renderLine(line: LineDraft, index: number): TemplateResult {
    const n = index + 1;
    const net = this.nets[index] ?? null;
    return html`
      <tr>
        ${columns.map((field) => this.#renderCell(line, index, field))}
        <td class="net number" data-label=${fieldLabel('netMinor')}>${net === null ? '–' : formatMoney(net, this.currency)}</td>
        <td class="tools">
          <button class="icon-button up" type="button" aria-label=${t('lines.up', { n })} ?disabled=${index === 0}
            @click=${() => this.#move(index, -1)}>${icon('up')}</button><button class="icon-button down" type="button"
            aria-label=${t('lines.down', { n })} ?disabled=${index === this.lines.length - 1}
            @click=${() => this.#move(index, 1)}>${icon('down')}</button><button class="icon-button" type="button"
            aria-label=${t('lines.remove', { n })} @click=${() => this.#remove(index)}>${icon('trash')}</button>
        </td>
      </tr>`;
  }

  #renderCell(line: LineDraft, index: number, field: LineField): TemplateResult {
    const name = lineFieldNames[field];
    return html`
      <td class=${field} data-label=${fieldLabel(name)}>
        ${this.#renderInput(line, index, field)}
        ${field === 'description' ? this.#renderCategory(line, index) : ''}
        ${field === 'unitPrice' && (line.priceQuantity !== '' || this._asked.includes('priceQuantity')) ? html`
          <div class="below"><span>${t('lines.per')}</span><span>${this.#renderInput(line, index, 'priceQuantity')}</span></div>` : ''}
      </td>`;
  }

  #renderInput(line: LineDraft, index: number, field: LineField): TemplateResult {
    const { path, label, reason, id } = this.#partsOf(index, field);
    const isNumber = numeric.includes(field);
    const described = reason === undefined ? nothing : id;
    const invalid = reason === undefined ? nothing : 'true';
    const onInput = (event: Event): void => {
      const { value } = event.target as HTMLInputElement;
      this.#change(changeLine(this.lines, index, field, value), path);
      if (field === 'description') this.#suggestions.onInput(index, value);
    };
    const { list, active, look } = this.#suggestions.of(index);
    const onKeydown = (event: KeyboardEvent): void => this.#onKeydown(event, index, field);
    return html`
      ${field === 'description' ? html`
        <textarea class="input ${look}" rows="1" data-cell="${index}.${field}" data-path=${path} aria-label=${label}
          aria-autocomplete="list" aria-haspopup="listbox" aria-controls=${list} aria-activedescendant=${active}
          aria-describedby=${described} aria-invalid=${invalid} .value=${live(line[field])} @input=${onInput}
          @keydown=${onKeydown} @blur=${() => this.#suggestions.close()}></textarea>` : html`
        <input type="text" autocomplete="off" class="input ${isNumber ? 'number' : ''}" inputmode=${isNumber ? 'decimal' : nothing}
          data-cell="${index}.${field}" data-path=${path} aria-label=${label} aria-describedby=${described} aria-invalid=${invalid}
          placeholder=${field === 'priceQuantity' ? '1' : nothing} .value=${live(line[field])} @input=${onInput} @keydown=${onKeydown}>`}
      ${this.#renderProblem(index, field)}`;
  }

  #renderCategory(line: LineDraft, index: number): TemplateResult | string {
    const category = lineCategory(line, localNumbers);
    const isUsual = category === null || category === 'S';
    if (isUsual && !this._asked.includes('taxCategory')) return '';
    const { path, label, reason, id } = this.#partsOf(index, 'taxCategory');
    const onChange = (event: Event): void => {
      const chosen = (event.target as HTMLSelectElement).value as TaxCategory;
      this.#change(this.lines.with(index, withCategory(line, chosen, this.taxRateBp, localNumbers)), path);
    };
    return html`
      <div class="below"><span aria-hidden="true">${fieldLabel('taxCategory')}</span>
        <select class="input" data-path=${path} aria-label=${label} aria-describedby=${reason === undefined ? nothing : id}
          @change=${onChange}>
          ${taxCategories.map((value) => html`
            <option value=${value} .selected=${live(value === (category ?? 'S'))}>${tryText('taxCategory', value)}</option>`)}
        </select></div>
      ${this.#renderProblem(index, 'taxCategory')}`;
  }

  #renderProblem(index: number, field: LineField): TemplateResult | string {
    const { reason, id } = this.#partsOf(index, field);
    return reason === undefined ? ''
      : html`<p class="problem" id=${id}>${problemMessage(lineFieldNames[field], reason, this.currency)}</p>`;
  }

  #partsOf(index: number, field: LineField) {
    const name = lineFieldNames[field];
    const path = `lines.${index}.${name}`;
    const label = t('lines.label', { field: fieldLabel(name), n: index + 1 });
    return { path, label, reason: this.problems[path], id: `problem-${index}-${field}` };
  }
}

customElements.define('invoify-invoice-lines', InvoifyInvoiceLines);
