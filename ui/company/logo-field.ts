// Chooses the logo from a file, or removes it. A file that cannot be one is refused with the reason; the present logo stays.
//
//   <invoify-logo-field .path .label .value .problem .task @field-input>
//
// With another `task`, the record that its form was filled from, nothing is left of an earlier choice.

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import { controls } from '../base/controls.ts';
import { icon } from '../base/icons.ts';
import { latestOnly } from '../base/latest.ts';
import { t } from '../text/i18n.ts';
import type { FieldInput } from '../record/field.ts';
import type { EditTask } from '../record/record-flow.ts';
import { maxLogoBytes, maxLogoSide, readLogo, type LogoProblem } from './logo-file.ts';

export class InvoifyLogoField extends LitElement {
  static override properties = {
    path: { attribute: false },
    label: { attribute: false },
    value: { attribute: false },
    problem: { attribute: false },
    task: { attribute: false },
    _refusal: { state: true },
  };

  static override styles = [controls, css`
    :host { display: block; }
    .logo-row { display: flex; flex-wrap: wrap; align-items: center; gap: var(--space-2); }
    /* On white, as on paper. */
    img { block-size: 64px; max-inline-size: 200px; padding: var(--space-1); border: 1px solid var(--color-line);
      border-radius: var(--radius-small); background: white; object-fit: contain; }
    .hint, .problem { margin: 0; }
    .problem { display: flex; gap: var(--space-1); }
  `];

  declare path: string;
  declare label: string;
  /** A data URL, or ''. */
  declare value: string;
  declare problem: string | null;
  declare task: EditTask | null;
  /** Why the file that was chosen last is not used. */
  declare _refusal: string | null;
  readonly #startChoice = latestOnly();

  constructor() {
    super();
    this.path = '';
    this.label = '';
    this.value = '';
    this.problem = null;
    this.task = null;
    this._refusal = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('task')) return;
    this.#startChoice();
    this._refusal = null;
  }

  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector('button')?.focus(options);
  }

  #choose(): void {
    this.renderRoot.querySelector('input')?.click();
  }

  async #onChange({ target }: Event): Promise<void> {
    const input = target as HTMLInputElement;
    const [file] = input.files ?? [];
    if (!file) return;
    // So that the same file can be chosen again.
    input.value = '';
    const isLatest = this.#startChoice();
    const read = await readLogo(file, canDraw);
    if (!isLatest()) return;
    this._refusal = 'url' in read ? null : logoProblemText(read, file);
    if ('url' in read) this.#emit(read.url);
  }

  #remove(): void {
    this.#startChoice();
    this._refusal = null;
    this.#emit('');
    this.focus();
  }

  #emit(value: string): void {
    this.dispatchEvent(new CustomEvent<FieldInput>('field-input', { detail: { path: this.path, value }, bubbles: true, composed: true }));
  }

  override render(): TemplateResult {
    const problem = this._refusal ?? this.problem;
    return html`
      <div class="field" role="group" aria-labelledby="label" aria-describedby="help">
        <span class="label" id="label">${this.label}</span>
        <div class="logo-row">
          ${this.value ? html`<img src=${this.value} alt=${this.label}>` : ''}
          <button class="button choose" type="button" @click=${this.#choose}
            >${t(this.value ? 'company.logoReplace' : 'company.logoChoose')}</button>
          ${this.value ? html`<button class="button quiet" type="button" @click=${this.#remove}>${t('company.logoRemove')}</button>` : ''}
          <input hidden type="file" accept="image/png,image/jpeg" @change=${this.#onChange}>
        </div>
        <div id="help" role="status">${problem === null
          ? html`<p class="hint">${t('company.logoHint', { max: kib(maxLogoBytes) })}</p>`
          : html`<p class="problem">${icon('warn')}${problem}</p>`}</div>
      </div>`;
  }
}

function logoProblemText(refusal: LogoProblem, { size }: File): string {
  switch (refusal.problem) {
    case 'type': return t('company.logoType');
    case 'size': return t('company.logoSize', { size: kib(size), max: kib(maxLogoBytes) });
    case 'pixels': return t('company.logoPixels', { width: refusal.width, height: refusal.height, max: maxLogoSide });
    case 'unreadable': return t('company.logoUnreadable');
  }
}

/** Rounded up, so that a file that is too large never has the size that it may have. */
function kib(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 1024);
}

async function canDraw(file: Blob): Promise<boolean> {
  const image = await createImageBitmap(file).catch(() => null);
  image?.close();
  return image !== null;
}

customElements.define('invoify-logo-field', InvoifyLogoField);
