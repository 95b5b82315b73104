// The form of a record, generated from its collection's declaration and laid out by form-layout.ts. Invoices have their
// own form (invoice-form.ts).
//
//   <invoify-record-form .task .error .isBusy .block .news @form-save @form-close>
//
// `form-save` carries the new fields; it fires only if they are valid and writing is possible. Input survives a lost
// connection and changes to the record.

import { LitElement, html, type PropertyValues, type TemplateResult } from 'lit';

import { findCollection, storedFields, writableFields } from '../../shared/collections.ts';
import type { Fields } from '../../shared/fields.ts';
import { problem, type Problems } from '../../shared/problems.ts';
import { controls } from '../base/controls.ts';
import type { FieldInput } from './field.ts';
import { autocompleteOf, controlKind, isOptionalField, optionsOf, type Option } from './field-kinds.ts';
import {
  askToDiscard, firstProblem, focusField, formFrame, formStyles, isSubmitKey, leadField, withoutProblem,
} from './form-parts.ts';
import { layoutOf, type Section } from './form-layout.ts';
import { t, tryText } from '../text/i18n.ts';
import { fieldLabel, problemMessage } from '../text/messages.ts';
import { localNumbers } from '../text/number-text.ts';
import type { Picked } from './picker.ts';
import { usualLanguageText } from './value-text.ts';
import { Unsaved } from '../base/unsaved.ts';
import { formFields, fromDraft, isSameDraft, toDraft, type Draft, type FormField } from './record-draft.ts';
import type { EditTask, FlowError } from './record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import './field.ts';
import './picker.ts';

export class InvoifyRecordForm extends LitElement {
  static override properties = {
    task: { attribute: false },
    error: { attribute: false },
    isBusy: { attribute: false },
    block: { attribute: false },
    news: { attribute: false },
    _draft: { state: true },
    _problems: { state: true },
  };

  static override styles = [controls, formStyles];

  declare task: EditTask;
  declare error: FlowError | null;
  declare isBusy: boolean;
  declare block: WriteBlock;
  /** What has happened to the record meanwhile. */
  declare news: string;
  declare _draft: Draft;
  declare _problems: Problems;
  #fields: readonly FormField[] = [];
  #initialDraft: Draft = {};

  constructor() {
    super();
    this.task = { kind: 'edit', collection: '', record: null, initial: {} };
    this.error = null;
    this.isBusy = false;
    this.block = null;
    this.news = '';
    this._draft = {};
    this._problems = {};
    new Unsaved(this, () => this.#isChanged);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('task')) this.#reset();
    if (changed.has('error') && this.error?.fields) {
      this._problems = { ...this.error.fields };
      void this.#focusProblem();
    }
  }

  /** Whether the form may be closed; asks first if unsaved input would be lost. */
  async canLeave(): Promise<boolean> {
    return !this.#isChanged || askToDiscard(this, this.error);
  }

  get #isChanged(): boolean {
    return !isSameDraft(this.#initialDraft, this._draft);
  }

  get #declared(): Fields {
    const collection = findCollection(this.task.collection);
    return collection ? storedFields(writableFields(collection)) : {};
  }

  #reset(): void {
    const isHidden = ({ path }: FormField): boolean => this.task.record === null && path === 'disabled';
    const fields = formFields(this.#declared);
    this.#fields = fields.filter((field) => !isHidden(field));
    this.#initialDraft = toDraft(fields, this.task.initial, localNumbers);
    this._draft = this.#initialDraft;
    this._problems = {};
  }

  #change(path: string, value: Draft[string]): void {
    this._draft = { ...this._draft, [path]: value };
    this._problems = withoutProblem(this._problems, path);
  }

  #submit(): void {
    if (this.block !== null || this.isBusy) return;
    const { value, problems } = fromDraft(this.#declared, formFields(this.#declared), this._draft, localNumbers);
    // A new user could not sign in without one.
    const isPasswordMissing = this.task.record === null && this.#declared['password'] && value['password'] === undefined;
    this._problems = isPasswordMissing ? { ...problems, password: problem('required') } : problems;
    if (Object.keys(this._problems).length > 0) void this.#focusProblem();
    else this.dispatchEvent(new CustomEvent('form-save', { detail: value }));
  }

  async #focusProblem(): Promise<void> {
    await this.updateComplete;
    focusField(this.renderRoot, firstProblem(this._problems, this.#order));
  }

  get #order(): readonly string[] {
    return this.#sections.flatMap(({ rows }) => rows.flat()).map(({ path }) => path);
  }

  get #sections(): readonly Section[] {
    return layoutOf(this.task.collection, this.#fields);
  }

  #onKeydown(event: KeyboardEvent): void {
    if (!isSubmitKey(event)) return;
    event.preventDefault();
    this.#submit();
  }

  override render(): TemplateResult {
    const { collection, record, initial } = this.task;
    const lead = leadField(this.task.lead, this.#order);
    return formFrame({
      heading: record ? t('form.edit', { name: String(initial['name'] ?? '') }) : tryText('form.new', collection),
      placement: 'side',
      error: this.error,
      problems: this._problems,
      shown: this.#order,
      isBusy: this.isBusy,
      news: this.news,
      block: this.block,
      saveLabel: t('word.save'),
      onSave: () => this.#submit(),
      onClose: () => this.dispatchEvent(new CustomEvent('form-close')),
      content: html`
        <form novalidate @keydown=${this.#onKeydown} @submit=${(event: Event) => event.preventDefault()}
          @field-input=${(event: CustomEvent<FieldInput>) => this.#change(event.detail.path, event.detail.value)}>
          ${this.#sections.map(({ title, rows }, index) => html`
            <fieldset>
              ${title ? html`<legend>${fieldLabel(title)}</legend>` : ''}
              ${rows.map((row, at) => html`<div class="row">
                ${row.map((field) => this.#renderField(field, lead === null ? index === 0 && at === 0 : field.path === lead))}</div>`)}
            </fieldset>`)}
        </form>`,
    });
  }

  #renderField(formField: FormField, isFirst: boolean): TemplateResult {
    const { path, field } = formField;
    const refusal = this._problems[path];
    const message = refusal ? problemMessage(path, refusal, this.#currency) : null;
    const kind = controlKind(formField);
    const isEdit = this.task.record !== null;
    if (kind === 'reference' && field.kind === 'reference') {
      return html`
        <invoify-picker data-path=${path} .collection=${field.to} .recordId=${String(this._draft[path] ?? '')} .label=${fieldLabel(path)}
          .problem=${message} .isOptional=${field.optional === true} .filters=${field.to === 'plans' ? { active: true } : {}}
          @picked=${(event: CustomEvent<Picked>) => this.#change(path, event.detail.id)}></invoify-picker>`;
    }
    const isPassword = kind === 'password';
    return html`
      <invoify-field data-path=${path} ?autofocus=${isFirst} .path=${path} .kind=${kind} .problem=${message}
        .label=${fieldLabel(isPassword && isEdit ? 'newPassword' : path)} .value=${this._draft[path] ?? ''}
        .hint=${isPassword ? isEdit ? t('hint.newPassword') : t('hint.password', { min: minOf(field) }) : hintOf(path)}
        .options=${this.#optionsOf(formField)} .unit=${path.endsWith('Minor') ? this.#currency : ''}
        .isOptional=${isOptionalField(formField) && !(isPassword && !isEdit)} .autocomplete=${autocompleteOf(formField)}></invoify-field>`;
  }

  #optionsOf({ path, field }: FormField): readonly Option[] {
    const options = optionsOf(field, (value) => tryText(path, value), [this.#initialDraft[path], this._draft[path]]);
    if (options.length === 0) return [];
    const isOpen = field.optional === true || this._draft[path] === '';
    return isOpen ? [{ value: '', label: this.#openLabel(path, field.optional === true) }, ...options] : options;
  }

  /** What it means to choose nothing: the language of a customer's paper then follows from the country. */
  #openLabel(path: string, isOptional: boolean): string {
    if (path === 'language') return usualLanguageText(String(this._draft['address.country'] ?? ''));
    return t(isOptional ? 'form.none' : 'form.choose');
  }

  get #currency(): string {
    return String(this._draft['currency'] ?? '');
  }
}

/** What to enter where the label does not tell. */
function hintOf(path: string): string {
  switch (path) {
    case 'buyerReference': return t('hint.buyerReference');
    case 'electronicAddress.scheme': return t('hint.scheme');
    default: return '';
  }
}

function minOf(field: FormField['field']): number {
  return field.kind === 'text' ? field.min ?? 1 : 1;
}

customElements.define('invoify-record-form', InvoifyRecordForm);
