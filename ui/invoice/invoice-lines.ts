// The editable table of an invoice's lines: add, remove, move, with the net amount beside each line.
//
//   <invoify-invoice-lines .lines .nets .currency .problems @lines-change>
//
// `lines-change` carries the new lines. Enter moves to the same cell of the next line, and adds a line after the last;
// Alt+Up and Alt+Down move a line, and the focus moves with it.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';

import type { Problems } from '../../shared/problems.ts';
import { controls } from '../base/controls.ts';
import { formatMoney } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { addLine, changeLine, lineFieldNames, moveLine, removeLine, type LineDraft, type LineField } from './invoice-draft.ts';
import { fieldLabel, problemMessage } from '../text/messages.ts';
import { localNumbers } from '../text/number-text.ts';

const columns: readonly LineField[] = ['description', 'quantity', 'unit', 'unitPrice', 'taxRate'];
const numeric: readonly LineField[] = ['quantity', 'unitPrice', 'taxRate'];

export class InvoifyInvoiceLines extends LitElement {
  static override properties = {
    lines: { attribute: false },
    nets: { attribute: false },
    currency: { attribute: false },
    problems: { attribute: false },
    _announcement: { state: true },
  };

  static override styles = [controls, css`
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
    .add { margin-block-start: var(--space-2); }

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
  /** Announces the last change to screen readers. */
  declare _announcement: string;
  /** Moves the focus once the requested change is rendered. */
  #pendingFocus: (() => void) | null = null;

  constructor() {
    super();
    this.lines = [];
    this.nets = [];
    this.currency = '';
    this.problems = {};
    this._announcement = '';
  }

  /** Focuses in the same update that renders the changed lines, so that no keystroke in between is lost. */
  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has('lines')) return;
    this.#pendingFocus?.();
    this.#pendingFocus = null;
  }

  #focusCell(index: number, field: LineField): void {
    this.renderRoot.querySelector<HTMLElement>(`[data-cell="${index}.${field}"]`)?.focus();
  }

  #change(lines: readonly LineDraft[], path?: string): void {
    this.dispatchEvent(new CustomEvent('lines-change', { detail: { lines, path } }));
  }

  #add(): void {
    this.#pendingFocus = () => this.#focusCell(this.lines.length - 1, 'description');
    this.#change(addLine(this.lines, localNumbers));
  }

  #remove(index: number): void {
    this.#pendingFocus = () => {
      if (this.lines.length === 0) this.renderRoot.querySelector<HTMLElement>('.add')?.focus();
      else this.#focusCell(Math.min(index, this.lines.length - 1), 'description');
    };
    this.#change(removeLine(this.lines, index));
    this._announcement = t('lines.removed');
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
      <button class="button add" type="button" data-path="lines" @click=${this.#add}>${icon('plus')}${t('lines.add')}</button>
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
    const path = `lines.${index}.${name}`;
    const reason = this.problems[path];
    const id = `problem-${index}-${field}`;
    const label = t('lines.label', { field: fieldLabel(name), n: index + 1 });
    const isNumber = numeric.includes(field);
    const described = reason === undefined ? nothing : id;
    const invalid = reason === undefined ? nothing : 'true';
    const onInput = (event: Event): void => {
      this.#change(changeLine(this.lines, index, field, (event.target as HTMLInputElement).value), path);
    };
    const onKeydown = (event: KeyboardEvent): void => this.#onKeydown(event, index, field);
    return html`
      <td class=${field} data-label=${fieldLabel(name)}>
        ${field === 'description' ? html`
          <textarea class="input" rows="1" data-cell="${index}.${field}" data-path=${path} aria-label=${label}
            aria-describedby=${described} aria-invalid=${invalid} .value=${live(line[field])} @input=${onInput}
              @keydown=${onKeydown}></textarea>` : html`
          <input type="text" autocomplete="off" class="input ${isNumber ? 'number' : ''}" inputmode=${isNumber ? 'decimal' : nothing}
            data-cell="${index}.${field}" data-path=${path} aria-label=${label} aria-describedby=${described} aria-invalid=${invalid}
            .value=${live(line[field])} @input=${onInput} @keydown=${onKeydown}>`}
        ${reason === undefined ? '' : html`<p class="problem" id=${id}>${problemMessage(name, reason, this.currency)}</p>`}
      </td>`;
  }
}

customElements.define('invoify-invoice-lines', InvoifyInvoiceLines);
