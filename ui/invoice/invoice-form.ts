// The form of an invoice: customer, dates, lines with live totals, notes; of a sent invoice only due date and notes. The
// totals are a preview; the server computes the final ones.
//
//   <invoify-invoice-form .task .error .isBusy .block .isNewer @form-save @form-close>   as invoify-record-form

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import { findCollection, writableFields, type Invoice } from '../../shared/collections.ts';
import type { Field, Fields, JsonObject } from '../../shared/fields.ts';
import type { Problems } from '../../shared/problems.ts';
import { controls } from '../base/controls.ts';
import type { FieldInput } from '../record/field.ts';
import { controlKind, optionsOf } from '../record/field-kinds.ts';
import { firstProblem, focusField, formFrame, formStyles, isSubmitKey, withoutProblem } from '../record/form-parts.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import {
  addLine, fromInvoiceDraft, isBlankLine, isSameInvoiceDraft, lineOrder, previewTotals, toInvoiceDraft, withCustomer, withIssueDate,
  type InvoiceDraft, type LineDraft,
} from './invoice-draft.ts';
import { fieldLabel, problemMessage } from '../text/messages.ts';
import { localNumbers } from '../text/number-text.ts';
import type { Picked } from '../record/picker.ts';
import { askQuestion } from '../base/question.ts';
import { formFields, type FormField } from '../record/record-draft.ts';
import { formFieldNames, type EditTask, type FlowError } from '../record/record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { totalsList, totalsStyles } from './totals.ts';
import '../record/field.ts';
import './invoice-lines.ts';
import '../record/picker.ts';

export class InvoifyInvoiceForm extends LitElement {
  static override properties = {
    task: { attribute: false },
    error: { attribute: false },
    isBusy: { attribute: false },
    block: { attribute: false },
    isNewer: { attribute: false },
    _draft: { state: true },
    _problems: { state: true },
  };

  static override styles = [controls, formStyles, totalsStyles, css`
    .head { display: grid; grid-template-columns: minmax(0, 2fr) repeat(3, minmax(0, 1fr)); gap: var(--space-3); align-items: start; }
    .foot { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 320px); gap: var(--space-6); align-items: start; }
    .preview { margin: var(--space-2) 0 0; color: var(--color-muted); font-size: var(--text-small); text-align: end; }

    @media (max-width: 760px) {
      .head, .foot { grid-template-columns: minmax(0, 1fr); }
    }
  `];

  declare task: EditTask;
  declare error: FlowError | null;
  declare isBusy: boolean;
  declare block: WriteBlock;
  declare isNewer: boolean;
  declare _draft: InvoiceDraft;
  declare _problems: Problems;
  #initialDraft: InvoiceDraft = { values: {}, lines: [] };

  constructor() {
    super();
    this.task = { kind: 'edit', collection: 'invoices', record: null, initial: {} };
    this.error = null;
    this.isBusy = false;
    this.block = null;
    this.isNewer = false;
    this._draft = this.#initialDraft;
    this._problems = {};
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
    if (isSameInvoiceDraft(this.#initialDraft, this._draft)) return true;
    return askQuestion(this, {
      heading: t('form.leaveTitle'), text: t('form.leaveText'), yes: t('form.leave'), no: t('form.stay'), isDanger: true,
    });
  }

  /** The fields that may change: all of a draft, two of a sent invoice. */
  get #declared(): Fields {
    const collection = findCollection('invoices');
    const names = formFieldNames('invoices', this.#payload);
    const fields = collection ? Object.entries(writableFields(collection)) : [];
    return Object.fromEntries(fields.filter(([name]) => names.includes(name)));
  }

  get #payload(): JsonObject {
    return this.task.record?.payload ?? {};
  }

  get #hasLines(): boolean {
    return this.#declared['lines'] !== undefined;
  }

  get #currency(): string {
    return String(this._draft.values['currency'] ?? '');
  }

  #reset(): void {
    const draft = toInvoiceDraft(formFields(this.#declared), this.task.initial, localNumbers);
    this.#initialDraft = this.#hasLines && draft.lines.length === 0 ? { ...draft, lines: addLine([], localNumbers) } : draft;
    this._draft = this.#initialDraft;
    this._problems = {};
  }

  #changeValue({ path, value }: FieldInput): void {
    const values = path === 'issueDate' ? withIssueDate(this._draft.values, String(value)) : { ...this._draft.values, [path]: value };
    this._draft = { ...this._draft, values };
    this._problems = withoutProblem(this._problems, path);
  }

  #changeLines({ lines, path }: { lines: readonly LineDraft[]; path?: string }): void {
    this._draft = { ...this._draft, lines };
    // After lines were added, removed or moved, the reasons would be at the wrong lines.
    const kept = Object.entries(this._problems).filter(([problemPath]) =>
      (path === undefined ? !problemPath.startsWith('lines') : problemPath !== path && problemPath !== 'lines'));
    this._problems = Object.fromEntries(kept);
  }

  #pickCustomer({ id, row }: Picked): void {
    const currency = row?.columns['currency'];
    this._draft = withCustomer(this._draft, id, typeof currency === 'string' ? currency : this.#currency);
    this._problems = withoutProblem(this._problems, 'customerId');
  }

  #submit(): void {
    if (this.block !== null || this.isBusy) return;
    this._draft = { ...this._draft, lines: this._draft.lines.filter((line) => !isBlankLine(line)) };
    const { value, problems } = fromInvoiceDraft(this.#declared, this._draft, localNumbers);
    const { problem } = this.#hasLines ? previewTotals(this._draft.lines, this.#currency, localNumbers) : { problem: null };
    this._problems = problem === null ? problems : { ...problems, lines: problem };
    if (Object.keys(this._problems).length > 0) void this.#focusProblem();
    else this.dispatchEvent(new CustomEvent('form-save', { detail: value }));
  }

  async #focusProblem(): Promise<void> {
    await this.updateComplete;
    const path = firstProblem(this._problems, this.#order);
    const lines = this.renderRoot.querySelector<LitElement>('invoify-invoice-lines');
    await lines?.updateComplete;
    focusField(path?.startsWith('lines') && lines ? lines.renderRoot : this.renderRoot, path);
  }

  get #order(): readonly string[] {
    return [...formFields(this.#declared).map(({ path }) => path).filter((path) => path !== 'notes'),
      ...lineOrder(this._draft.lines), 'lines', 'notes'];
  }

  override render(): TemplateResult {
    const { record } = this.task;
    const name = String(this.#payload['number'] ?? '');
    return formFrame({
      heading: record === null ? t('form.new.invoices') : name === '' ? t('form.editDraft') : t('form.edit', { name }),
      placement: this.#hasLines ? 'wide' : 'side',
      error: this.error,
      problems: this._problems,
      shown: this.#order,
      isBusy: this.isBusy,
      isNewer: this.isNewer,
      block: this.block,
      saveLabel: this.#hasLines ? t('form.saveDraft') : t('word.save'),
      onSave: () => this.#submit(),
      onClose: () => this.dispatchEvent(new CustomEvent('form-close')),
      content: html`
        <form novalidate @submit=${(event: Event) => event.preventDefault()} @keydown=${this.#onKeydown}
          @field-input=${(event: CustomEvent<FieldInput>) => this.#changeValue(event.detail)}>
          ${this.#hasLines ? this.#renderDraft() : this.#renderSent()}
        </form>`,
    });
  }

  #onKeydown(event: KeyboardEvent): void {
    if (!isSubmitKey(event)) return;
    event.preventDefault();
    this.#submit();
  }

  #renderSent(): TemplateResult {
    return html`
      <p class="banner info">${icon('info')}<span>${t('form.sentOnly')}</span></p>
      ${this.#renderField('dueDate', true)}
      ${this.#renderField('notes')}`;
  }

  #renderDraft(): TemplateResult {
    const { lines, values } = this._draft;
    const { nets, totals, problem } = previewTotals(lines, this.#currency, localNumbers);
    const reason = problem ?? this._problems['lines'];
    return html`
      <div class="head">
        <invoify-picker autofocus data-path="customerId" collection="customers" .collection=${'customers'}
          .label=${fieldLabel('customerId')}
          .recordId=${String(values['customerId'] ?? '')} .problem=${this.#problemAt('customerId')}
          @picked=${(event: CustomEvent<Picked>) => this.#pickCustomer(event.detail)}></invoify-picker>
        ${this.#renderField('issueDate')}
        ${this.#renderField('dueDate')}
        ${this.#renderField('currency')}
      </div>
      <invoify-invoice-lines .lines=${lines} .nets=${nets} .currency=${this.#currency} .problems=${this._problems}
        @lines-change=${({ detail }: CustomEvent<{ lines: readonly LineDraft[]; path?: string }>) => this.#changeLines(detail)}
      ></invoify-invoice-lines>
      <div class="foot">
        ${this.#renderField('notes')}
        <div>
          ${totals ? totalsList(totals, this.#currency, null) : ''}
          ${reason === undefined ? '' : html`<p class="problem">${icon('warn')}${problemMessage('lines', reason, this.#currency)}</p>`}
          <p class="preview">${t('totals.preview')}</p>
        </div>
      </div>`;
  }

  #renderField(path: keyof Invoice, isFirst = false): TemplateResult {
    const field: Field | undefined = this.#declared[path];
    if (!field || field.kind === 'object' || field.kind === 'list') return html``;
    const formField: FormField = { path, field };
    return html`
      <invoify-field data-path=${path} ?autofocus=${isFirst} .path=${path} .kind=${controlKind(formField)} .label=${fieldLabel(path)}
        .value=${this._draft.values[path] ?? ''} .problem=${this.#problemAt(path)} .options=${optionsOf(field, String)}
        .isOptional=${field.optional === true}></invoify-field>`;
  }

  #problemAt(path: string): string | null {
    const reason = this._problems[path];
    return reason === undefined ? null : problemMessage(path, reason, this.#currency);
  }
}

customElements.define('invoify-invoice-form', InvoifyInvoiceForm);
