// A labelled form control with its hint and, if its value was rejected, the reason: exposed through aria-invalid and
// aria-describedby, not only by colour.
//
//   <invoify-field .path .kind .label .value .problem .hint .options @field-input>
//
// `field-input` carries { path, value } on every keystroke. Focusing the element focuses the control.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';

import { inFullYear } from '../../shared/days.ts';
import { controls } from '../base/controls.ts';
import type { ControlKind, Option } from './field-kinds.ts';
import { currentLocale } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import type { DraftValue } from './record-draft.ts';

export interface FieldInput {
  readonly path: string;
  readonly value: DraftValue;
}

export class InvoifyField extends LitElement {
  static override shadowRootOptions: ShadowRootInit = { ...LitElement.shadowRootOptions, delegatesFocus: true };

  static override properties = {
    path: { attribute: false },
    kind: { attribute: false },
    label: { attribute: false },
    value: { attribute: false },
    problem: { attribute: false },
    hint: { attribute: false },
    options: { attribute: false },
    unit: { attribute: false },
    isOptional: { attribute: false },
    autocomplete: { attribute: false },
    maxLength: { attribute: false },
  };

  static override styles = [controls, css`
    :host { display: block; min-inline-size: 0; }
    .hint, .problem { margin: 0; }
    .problem { display: flex; gap: var(--space-1); }
    textarea.input { min-block-size: 72px; field-sizing: content; max-block-size: 320px; }
    .with-unit { display: flex; align-items: center; gap: var(--space-2); }
    .with-unit .input { flex: 1; inline-size: auto; min-inline-size: 0; }
    .unit { color: var(--color-muted); }
    .field > label.check {
      display: flex;
      align-items: center;
      gap: var(--space-2);
      min-block-size: var(--size-control);
      color: inherit;
      font-size: inherit;
    }
    .check input { inline-size: 16px; block-size: 16px; margin: 0; accent-color: var(--color-accent); }
  `];

  declare path: string;
  declare kind: Exclude<ControlKind, 'reference'>;
  declare label: string;
  declare value: DraftValue;
  declare problem: string | null;
  declare hint: string;
  declare options: readonly Option[];
  declare unit: string;
  declare isOptional: boolean;
  declare autocomplete: 'off' | 'new-password';
  declare maxLength: number | null;

  constructor() {
    super();
    this.path = '';
    this.kind = 'text';
    this.label = '';
    this.value = '';
    this.problem = null;
    this.hint = '';
    this.options = [];
    this.unit = '';
    this.isOptional = false;
    this.autocomplete = 'off';
    this.maxLength = null;
  }

  protected override updated(changed: PropertyValues): void {
    // A select accepts a value only once its options exist.
    if (this.kind === 'choice' && (changed.has('value') || changed.has('options'))) {
      const select = this.renderRoot.querySelector('select');
      if (select) select.value = String(this.value);
    }
  }

  #emit(value: DraftValue): void {
    this.dispatchEvent(new CustomEvent<FieldInput>('field-input', { detail: { path: this.path, value }, bubbles: true, composed: true }));
  }

  #onInput(event: Event): void {
    this.#emit((event.target as HTMLInputElement).value);
  }

  /** Not before the field is left: while a year is typed, it has two digits for a moment. */
  #onBlur(event: Event): void {
    const { value } = event.target as HTMLInputElement;
    if (this.kind === 'date' && inFullYear(value) !== value) this.#emit(inFullYear(value));
  }

  override render(): TemplateResult {
    if (this.kind === 'boolean') return this.#renderCheck();
    return html`
      <div class="field">
        <label for="control" class=${this.isOptional ? '' : 'required'}>${this.label}</label>
        ${this.#renderControl()}
        ${this.#renderHelp()}
      </div>`;
  }

  #renderControl(): TemplateResult {
    const described = this.#described;
    const invalid = this.problem === null ? nothing : 'true';
    const text = String(this.value);
    switch (this.kind) {
      case 'multiline': return html`
        <textarea id="control" class="input" aria-describedby=${described} aria-invalid=${invalid} maxlength=${this.maxLength ?? nothing}
          .value=${live(text)} @input=${this.#onInput}></textarea>`;
      case 'choice': return html`
        <select id="control" class="input" aria-describedby=${described} aria-invalid=${invalid} @change=${this.#onInput}>
          ${this.options.map(({ value, label }) => html`<option value=${value}>${label}</option>`)}
        </select>`;
      default: return html`
        <div class="with-unit">
          <input id="control" lang=${this.kind === 'date' ? currentLocale().format : nothing} type=${this.#inputType}
            class="input ${this.kind === 'amount' ? 'number' : ''}" autocomplete=${this.autocomplete}
            inputmode=${this.kind === 'amount' ? 'decimal' : nothing} aria-describedby=${described} aria-invalid=${invalid}
            aria-required=${this.isOptional ? nothing : 'true'} spellcheck="false" maxlength=${this.maxLength ?? nothing}
            .value=${live(text)} @input=${this.#onInput} @blur=${this.#onBlur}>
          ${this.unit ? html`<span class="unit">${this.unit}</span>` : ''}
        </div>`;
    }
  }

  #renderCheck(): TemplateResult {
    return html`
      <div class="field">
        <label class="check">
          <input type="checkbox" aria-describedby=${this.#described} .checked=${live(this.value === true)}
            @change=${(event: Event) => this.#emit((event.target as HTMLInputElement).checked)}>
          <span>${this.label}</span>
        </label>
        ${this.#renderHelp()}
      </div>`;
  }

  /** A problem says what to do, so it takes the place of the hint. */
  #renderHelp(): TemplateResult | string {
    if (this.problem !== null) return html`<p class="problem" id="problem">${icon('warn')}${this.problem}</p>`;
    return this.hint ? html`<p class="hint" id="hint">${this.hint}</p>` : '';
  }

  get #described(): string | typeof nothing {
    return this.problem !== null ? 'problem' : this.hint ? 'hint' : nothing;
  }

  get #inputType(): string {
    // Not type=email: the browser would rewrite international domains and apply its own validation.
    return { text: 'text', email: 'text', tel: 'tel', password: 'password', date: 'date', amount: 'text' }[this.kind as string] ?? 'text';
  }
}

customElements.define('invoify-field', InvoifyField);
