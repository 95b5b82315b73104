// Two versions of a record side by side, to choose from field by field or all at once. Nothing is saved until every field
// that both sides changed has a choice; leaving goes back to the form with its input intact.
//
//   <invoify-conflict-dialog .collection .conflict .error .isBusy .block @resolve @leave>
//
// `resolve` carries the merged fields, to be saved on the current version.

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import type { Json } from '../../shared/fields.ts';
import { ask } from '../base/ask.ts';
import { authorOf } from './author.ts';
import {
  chooseAll, countUndecided, findDifferences, proposedChoices, resolveConflict, type Choices, type Difference, type Side,
} from './conflict.ts';
import { controls } from '../base/controls.ts';
import { formStyles, refusalText } from './form-parts.ts';
import { isSame } from './record-patch.ts';
import { formatAgo, formatWhen } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { fieldLabel } from '../text/messages.ts';
import { formFieldNames, type Conflict, type FlowError } from './record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { valueText } from './value-text.ts';
import '../base/sheet.ts';
import '../base/write-button.ts';

export class InvoifyConflictDialog extends LitElement {
  static override properties = {
    collection: { attribute: false },
    conflict: { attribute: false },
    error: { attribute: false },
    isBusy: { attribute: false },
    block: { attribute: false },
    _choices: { state: true },
    _names: { state: true },
  };

  static override styles = [controls, formStyles, css`
    .intro { margin: 0; }
    .all { display: flex; flex-wrap: wrap; gap: var(--space-2); margin-block: var(--space-3); }
    fieldset.difference { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
      gap: var(--space-1) var(--space-2); margin-block-end: var(--space-4); }
    legend { float: inline-start; grid-column: 1 / -1; inline-size: 100%; margin: 0; }

    label.side {
      display: grid;
      grid-template-columns: auto minmax(0, 1fr);
      gap: var(--space-half) var(--space-2);
      padding: var(--space-2);
      border: 1px solid var(--color-control);
      border-radius: var(--radius);
      align-items: start;
      cursor: default;
    }

    label.side:has(:checked) { border-color: var(--color-accent); background: var(--color-selected); }
    label.side:has(:focus-visible) { outline: var(--focus); outline-offset: var(--focus-offset); }
    label.side.fixed { border-color: var(--color-line); color: var(--color-muted); }
    label.side input { margin: 2px 0 0; accent-color: var(--color-accent); outline: none; }
    .whose { color: var(--color-muted); font-size: var(--text-small); }
    .value { grid-column: 2; white-space: pre-line; overflow-wrap: anywhere; }
    .value.empty { color: var(--color-muted); font-style: italic; }
    .value.empty::first-letter { text-transform: uppercase; }
    .before { grid-column: 1 / -1; margin: 0; color: var(--color-muted); font-size: var(--text-small);
      white-space: pre-line; overflow-wrap: anywhere; }
    .left { margin-inline-end: auto; color: var(--color-warn); }

    @media (max-width: 560px) {
      fieldset.difference { grid-template-columns: minmax(0, 1fr); }
    }
  `];

  declare collection: string;
  declare conflict: Conflict;
  declare error: FlowError | null;
  declare isBusy: boolean;
  declare block: WriteBlock;
  declare _choices: Choices;
  /** Names of the referenced records, by id. */
  declare _names: Readonly<Record<string, string>>;
  #fields: readonly string[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #differences: readonly Difference[] = [];

  constructor() {
    super();
    const empty = { id: '', updatedAt: '', payload: {} };
    this.collection = '';
    this.conflict = { base: empty, mine: {}, theirs: empty };
    this.error = null;
    this.isBusy = false;
    this.block = null;
    this._choices = {};
    this._names = {};
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // How long ago they changed it.
    this.#timer = setInterval(() => this.requestUpdate(), 30_000);
  }

  override disconnectedCallback(): void {
    clearInterval(this.#timer);
    super.disconnectedCallback();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('conflict')) return;
    const { base, mine, theirs } = this.conflict;
    this.#fields = formFieldNames(this.collection, base.payload);
    const editable = formFieldNames(this.collection, theirs.payload);
    this.#differences = findDifferences(this.#fields, { base: base.payload, mine, theirs: theirs.payload }, editable);
    this._choices = proposedChoices(this.#differences);
    void this.#loadNames();
  }

  async #loadNames(): Promise<void> {
    const references = this.#differences.filter(({ path }) => path.endsWith('Id'));
    for (const { path, base, mine, theirs } of references) {
      const collection = path === 'planId' ? 'plans' : 'customers';
      for (const id of [base, mine, theirs]) {
        const outcome = typeof id === 'string' ? await ask(this, 'data.getRecord', { collection, id }) : null;
        const name = outcome?.ok ? outcome.value?.payload['name'] : undefined;
        if (typeof id === 'string' && typeof name === 'string') this._names = { ...this._names, [id]: name };
      }
    }
  }

  #save(): void {
    if (this.block !== null || this.isBusy || countUndecided(this.#differences, this._choices) > 0) {
      this.renderRoot.querySelector<HTMLElement>('fieldset:not(:has(:checked)) input')?.focus();
      return;
    }
    const { theirs } = this.conflict;
    const editable = formFieldNames(this.collection, theirs.payload).filter((name) => this.#fields.includes(name));
    const value = resolveConflict(editable, this.#differences, this._choices, theirs.payload);
    this.dispatchEvent(new CustomEvent('resolve', { detail: value }));
  }

  override render(): TemplateResult {
    const failure = this.error ? refusalText(this.error) : '';
    const openCount = countUndecided(this.#differences, this._choices);
    const name = authorOf(this.conflict.theirs.payload);
    const heading = name === null ? t('conflict.title') : t('conflict.titleBy', { name });
    return html`
      <invoify-sheet placement="wide" .heading=${heading} .isBusy=${this.isBusy} @sheet-close=${this.#leave}>
        <p class="intro">${this.#differences.length > 0 ? t('conflict.text') : t('conflict.same')}</p>
        ${this.#differences.length > 1 ? html`
          <div class="all">
            <button type="button" class="button" @click=${() => this.#chooseAll('mine')}>${t('conflict.allMine')}</button>
            <button type="button" class="button" @click=${() => this.#chooseAll('theirs')}>${t('conflict.allTheirs')}</button>
          </div>` : html`<div class="all"></div>`}
        ${this.#differences.map((difference) => this.#renderDifference(difference))}
        <div slot="notice">
          <div role="alert">
            ${failure ? html`<div class="banner">${icon('warn')}<span>${failure}</span></div>` : ''}
          </div>
          <invoify-block-banner .block=${this.block} .hasInput=${true}></invoify-block-banner>
        </div>
        <span slot="actions" class="left" role="status">${openCount > 0 ? t('conflict.undecided', { count: openCount }) : ''}</span>
        <button slot="actions" type="button" class="button" ?disabled=${this.isBusy} @click=${this.#leave}>${t('conflict.back')}</button>
        <invoify-write-button slot="actions" look="primary" .blocked=${this.block}
          .label=${this.isBusy ? t('form.saving') : t('conflict.save')} @activate=${this.#save}></invoify-write-button>
      </invoify-sheet>`;
  }

  #leave(): void {
    this.dispatchEvent(new CustomEvent('leave'));
  }

  #chooseAll(side: Side): void {
    this._choices = chooseAll(this.#differences, side, this._choices);
  }

  #renderDifference(difference: Difference): TemplateResult {
    const { path, base } = difference;
    const before = this.#text(path, base, this.conflict.base.payload['currency']);
    return html`
      <fieldset class="difference">
        <legend>${fieldLabel(path)}</legend>
        ${this.#renderSide(difference, 'mine', t('conflict.mine'))}
        ${this.#renderSide(difference, 'theirs', this.#theirs)}
        <p class="before">${difference.isFixed ? t('conflict.fixed') : t('conflict.before', { value: before || t('conflict.empty') })}</p>
      </fieldset>`;
  }

  /** Whose the current version is, and since when. */
  get #theirs(): string {
    const { payload, updatedAt } = this.conflict.theirs;
    const name = authorOf(payload);
    if (name === null) return t('conflict.theirs', { when: formatWhen(updatedAt, Date.now()) });
    const ageMs = Date.now() - Date.parse(updatedAt);
    return ageMs < 60_000 ? t('conflict.theirsNow', { name }) : t('conflict.theirsBy', { name, when: formatAgo(ageMs) });
  }

  #renderSide(difference: Difference, side: Side, heading: string): TemplateResult {
    const { path, isFixed } = difference;
    const record = side === 'mine' ? this.conflict.mine : this.conflict.theirs.payload;
    const text = this.#text(path, difference[side], record['currency'] ?? this.conflict.theirs.payload['currency']);
    const isDisabled = isFixed && side === 'mine';
    return html`
      <label class="side ${isDisabled ? 'fixed' : ''}">
        <input type="radio" name=${path} value=${side} ?disabled=${isDisabled} .checked=${this._choices[path] === side}
          @change=${() => { this._choices = { ...this._choices, [path]: side }; }}>
        <span class="whose">${isSame(difference[side], difference.base) ? t('conflict.unchanged') : heading}</span>
        <span class="value ${text === '' ? 'empty' : ''}">${text || t('conflict.empty')}</span>
      </label>`;
  }

  #text(path: string, value: Json | undefined, currency: Json | undefined): string {
    return valueText(path, value, typeof currency === 'string' ? currency : 'EUR', (id) => this._names[id] ?? null);
  }
}

customElements.define('invoify-conflict-dialog', InvoifyConflictDialog);
