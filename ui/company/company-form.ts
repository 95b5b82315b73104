// The form of the company's record, with a preview of its paper beside it that follows what is typed.
//
//   <invoify-company-form .task .error .isBusy .block .news @form-save @form-reset>
//
// `form-save` carries the new fields; it fires only if they are valid and writing is possible. Input survives a lost connection and
// changes to the record; `form-reset` asks for the record as it is now.

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import { findCollection, writableFields } from '../../shared/collections.ts';
import { countries, isIban, type Fields, type JsonObject } from '../../shared/fields.ts';
import { problem, type Problems } from '../../shared/problems.ts';
import { controls } from '../base/controls.ts';
import { goBack } from '../base/events.ts';
import { icon } from '../base/icons.ts';
import { autocompleteOf, controlKind, optionsOf, type Option } from '../record/field-kinds.ts';
import type { FieldInput } from '../record/field.ts';
import { firstProblem, focusField, formStyles, isSubmitKey, leadField, renderBanners, withoutProblem } from '../record/form-parts.ts';
import { layoutOf, type Section } from '../record/form-layout.ts';
import { formFields, fromDraft, isSameDraft, toDraft, type Draft, type DraftValue, type FormField } from '../record/record-draft.ts';
import type { EditTask, FlowError } from '../record/record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { currentLocale, t, tryText } from '../text/i18n.ts';
import { fieldLabel, problemMessage } from '../text/messages.ts';
import { localNumbers } from '../text/number-text.ts';
import { groupIban } from '../invoice/paper-format.ts';
import { companyGaps } from './company-gaps.ts';
import { plainIban, typedIban } from './iban-text.ts';
import { Unsaved } from '../base/unsaved.ts';
import '../base/write-button.ts';
import '../record/block-banner.ts';
import '../record/field.ts';
import './company-preview.ts';
import './logo-field.ts';
import { companyStyles } from './company-styles.ts';

const company = findCollection('company');
const declared: Fields = company ? writableFields(company) : {};
const fields: readonly FormField[] = formFields(declared);
const sections: readonly Section[] = layoutOf('company', fields);
const order = sections.flatMap(({ rows }) => rows.flat()).map(({ path }) => path);

export class InvoifyCompanyForm extends LitElement {
  static override properties = {
    task: { attribute: false },
    error: { attribute: false },
    isBusy: { attribute: false },
    block: { attribute: false },
    news: { attribute: false },
    _draft: { state: true },
    _problems: { state: true },
  };

  static override styles = [controls, formStyles, companyStyles, css`
    :host { display: flex; flex-direction: column; min-block-size: 0; }
    .notice { flex: none; max-block-size: 40%; padding-inline: var(--space-4); overflow: auto; }
    footer { display: flex; flex: none; flex-wrap: wrap; justify-content: flex-end; gap: var(--space-2);
      padding: var(--space-2) var(--space-4); border-block-start: 1px solid var(--color-line); }
  `];

  declare task: EditTask;
  declare error: FlowError | null;
  declare isBusy: boolean;
  declare block: WriteBlock;
  /** What has happened to the record since the form was filled from it; empty if nothing has. */
  declare news: string;
  declare _draft: Draft;
  declare _problems: Problems;
  #initialDraft: Draft = {};

  constructor() {
    super();
    this.task = { kind: 'edit', collection: 'company', record: null, initial: {} };
    this.error = null;
    this.isBusy = false;
    this.block = null;
    this.news = '';
    this._draft = {};
    this._problems = {};
    new Unsaved(this, () => this.isChanged);
  }

  /** Whether there is unsaved input. */
  get isChanged(): boolean {
    return !isSameDraft(this.#initialDraft, this._draft);
  }

  /** What the screen was opened for has the focus. */
  protected override firstUpdated(): void {
    const field = leadField(this.task.lead, order);
    if (field !== null) void this.updateComplete.then(() => focusField(this.renderRoot, field));
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('task')) this.#fill();
    if (changed.has('error') && this.error?.fields) {
      this._problems = { ...this.error.fields };
      void this.#focusProblem();
    }
  }

  #fill(): void {
    const draft = toDraft(fields, withCountry(this.task.initial), localNumbers);
    this.#initialDraft = { ...draft, iban: groupIban(String(draft['iban'] ?? '')) };
    this._draft = this.#initialDraft;
    this._problems = {};
  }

  #change({ path, value }: FieldInput): void {
    const shown: DraftValue = path === 'iban' ? typedIban(this.#text('iban'), String(value)) : value;
    this._draft = { ...this._draft, [path]: shown };
    this._problems = withoutProblem(this._problems, path);
  }

  /** An IBAN is checked at the latest when its field is left. */
  #leaveIban(): void {
    const iban = plainIban(this.#text('iban'));
    this._draft = { ...this._draft, iban: groupIban(iban) };
    if (iban !== '' && !isIban(iban)) this._problems = { ...this._problems, iban: problem('iban') };
  }

  /** An IBAN is stored without spaces, but not changed for that alone. */
  #parse(): ReturnType<typeof fromDraft> {
    const stored = String(this.task.initial['iban'] ?? '');
    const typed = plainIban(this.#text('iban'));
    return fromDraft(declared, fields, { ...this._draft, iban: typed === plainIban(stored) ? stored : typed }, localNumbers);
  }

  #submit(): void {
    if (this.block !== null || this.isBusy) return;
    const { value, problems } = this.#parse();
    this._problems = problems;
    if (Object.keys(problems).length > 0) void this.#focusProblem();
    else this.dispatchEvent(new CustomEvent('form-save', { detail: value }));
  }

  async #focusProblem(): Promise<void> {
    await this.updateComplete;
    focusField(this.renderRoot, firstProblem(this._problems, order));
  }

  #goBack(): void {
    if (this.task.lead) goBack(this, this.task.lead);
  }

  #onKeydown(event: KeyboardEvent): void {
    if (!isSubmitKey(event)) return;
    event.preventDefault();
    this.#submit();
  }

  #text(path: string): string {
    return String(this._draft[path] ?? '');
  }

  /** What is missing before an invoice can be issued. */
  #renderGaps(value: JsonObject): TemplateResult | string {
    const gaps = companyGaps(value).map((gap) => fieldLabel(`company.${gap}`));
    if (gaps.length === 0) return '';
    const missing = new Intl.ListFormat(currentLocale().language).format(gaps);
    return html`<div class="banner info">${icon('info')}<span>${t('company.missing', { fields: missing })}</span></div>`;
  }

  override render(): TemplateResult {
    const { value } = this.#parse();
    const { error, isBusy, block, news, _problems: problems } = this;
    return html`
      <div class="page">
        <div class="columns">
          <div>
            ${this.#renderGaps(value)}
            ${this.task.lead ? html`<div class="banner info">${icon('info')}<span>${t('company.thenBack')}</span>
              <button class="link" type="button" @click=${this.#goBack}>${t('company.back')}</button></div>` : ''}
            <form novalidate @keydown=${this.#onKeydown} @submit=${(event: Event) => event.preventDefault()}
              @field-input=${(event: CustomEvent<FieldInput>) => this.#change(event.detail)}>
              ${sections.map(({ title, rows }) => html`
                <fieldset>
                  ${title ? html`<legend>${fieldLabel(title)}</legend>` : ''}
                  ${rows.map((row) => html`<div class="row">${row.map((field) => this.#renderField(field))}</div>`)}
                </fieldset>`)}
            </form>
          </div>
          <invoify-company-preview .fields=${value}></invoify-company-preview>
        </div>
      </div>
      <div class="notice">${renderBanners({ error, problems, shown: order, news, block })}</div>
      <footer>
        <button type="button" class="button" ?disabled=${isBusy || !this.isChanged}
          @click=${() => this.dispatchEvent(new CustomEvent('form-reset'))}>${t('company.reset')}</button>
        <invoify-write-button look="primary" .blocked=${block} .label=${isBusy ? t('form.saving') : t('word.save')}
          @activate=${this.#submit}></invoify-write-button>
      </footer>`;
  }

  #renderField(formField: FormField): TemplateResult {
    const { path, field } = formField;
    const refusal = this._problems[path];
    const message = refusal ? problemMessage(path, refusal, '') : null;
    const kind = controlKind(formField);
    if (field.kind === 'image' || kind === 'reference') {
      return html`<invoify-logo-field data-path=${path} .path=${path} .label=${fieldLabel(path)} .value=${this.#text(path)}
        .problem=${message} .task=${this.task}></invoify-logo-field>`;
    }
    return html`
      <invoify-field data-path=${path} .path=${path} .kind=${kind} .problem=${message} .label=${fieldLabel(path)}
        .value=${this._draft[path] ?? ''} .hint=${this.#hint(path)} .options=${optionsFor(formField)} .isOptional=${field.optional === true}
        .autocomplete=${autocompleteOf(formField)} @focusout=${path === 'iban' ? this.#leaveIban : undefined}></invoify-field>`;
  }

  #hint(path: string): string {
    const typed = this.#text(path).trim();
    switch (path) {
      case 'iban': return typed === '' ? '' : t(isIban(plainIban(typed)) ? 'company.ibanChecked' : 'company.ibanTyping');
      case 'invoicePrefix': return t('company.number', { number: numberAfter(typed || 'INV-') });
      case 'creditNotePrefix': return t('company.number', { number: numberAfter(typed || 'CN-') });
      case 'footer': return t('company.footerHint');
      default: return '';
    }
  }
}

/** A company of which nothing is known yet gets the country of this computer's format. */
function withCountry(payload: JsonObject): JsonObject {
  const { region } = new Intl.Locale(currentLocale().format);
  const isNew = payload['name'] === '' && payload['address'] === undefined;
  return isNew && region !== undefined && countries.has(region) ? { ...payload, address: { country: region } } : payload;
}

function numberAfter(prefix: string): string {
  return `${prefix}${new Date().getFullYear()}-00001`;
}

function optionsFor({ path, field }: FormField): readonly Option[] {
  const options = optionsOf(field, (value) => tryText(path, value));
  return options.length === 0 ? [] : [{ value: '', label: t('form.none') }, ...options];
}

customElements.define('invoify-company-form', InvoifyCompanyForm);
