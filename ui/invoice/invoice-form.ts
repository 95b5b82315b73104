// The form of an invoice or credit note: customer, dates, references, lines with live totals, and two notes, of which one is printed;
// once it has been issued, only due date and internal note. The totals are a preview; the server computes the final ones.
//
// The terms and defaults of the customer, its plan and the company are filled in, as long as nobody has entered anything else.
//
//   <invoify-invoice-form .task .error .isBusy .block .news @form-save @form-close>   as invoify-record-form
//
// `form-save-issue` is like `form-save`, where the invoice is to be issued then.

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import {
  findCollection, maxCreditNotes, storedFields, writableFields, type Customer, type Invoice, type Plan,
} from '../../shared/collections.ts';
import { isDate, type Fields, type JsonObject } from '../../shared/fields.ts';
import { creditableOf, creditProblem, type Creditable, type Totals } from '../../shared/invoice.ts';
import { problem as toProblem, type Problem, type Problems } from '../../shared/problems.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import type { FieldInput } from '../record/field.ts';
import { controlKind, isOptionalField, optionsOf } from '../record/field-kinds.ts';
import {
  askToDiscard, firstProblem, focusField, formFrame, formStyles, isSubmitKey, leadField, withoutProblem,
} from '../record/form-parts.ts';
import { formatDate, formatMoney } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { unbroken } from '../base/unbroken.ts';
import { latestOnly } from '../base/latest.ts';
import { creditLimitText } from './credit-limit.ts';
import { usualReason } from './exemption-reasons.ts';
import { paperLocale } from './paper-format.ts';
import {
  addLine, atShownLines, fromInvoiceDraft, invoiceDefaults, isBlankLine, isSameInvoiceDraft, lineCategory, lineOrder, needsReason,
  previewTotals, toInvoiceDraft, withCustomer, withIssueDate, withoutBlankLines, type InvoiceDefaults, type InvoiceDraft, type LineDraft,
  type TotalsPreview,
} from './invoice-draft.ts';
import { isEarlier } from './issue-warnings.ts';
import { fieldLabel, problemMessage } from '../text/messages.ts';
import { localNumbers } from '../text/number-text.ts';
import type { Picked } from '../record/picker.ts';
import { Unsaved } from '../base/unsaved.ts';
import { findCompany, sourceOf } from '../record/record-detail-data.ts';
import { formFields } from '../record/record-draft.ts';
import { formFieldNames, type EditTask, type FlowError } from '../record/record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { totalsList, totalsStyles } from './totals.ts';
import '../record/field.ts';
import './invoice-lines.ts';
import '../record/new-customer.ts';
import '../record/picker.ts';

export class InvoifyInvoiceForm extends LitElement {
  static override properties = {
    task: { attribute: false },
    error: { attribute: false },
    isBusy: { attribute: false },
    block: { attribute: false },
    news: { attribute: false },
    _draft: { state: true },
    _problems: { state: true },
    _newCustomer: { state: true },
    _credited: { state: true },
  };

  static override styles = [controls, formStyles, totalsStyles, css`
    .head { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: var(--space-3); align-items: start; }
    .head > .to, [data-path='customerId'], [data-path='buyerReference'] { grid-column: span 2; }
    .to p { margin: 0; }
    .foot { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 320px); gap: var(--space-6); align-items: start; }
    .foot .problem { display: flex; gap: var(--space-1); margin: var(--space-2) 0 0; }
    .notes { display: grid; gap: var(--space-3); }
    .internal { padding: var(--space-3); border-radius: var(--radius); background: var(--color-plain-back); }

    @media (max-width: 760px) {
      .head { grid-template-columns: repeat(2, minmax(0, 1fr)); }
      [data-path='buyerReference'] { grid-column: auto; }
      .foot { grid-template-columns: minmax(0, 1fr); }
    }
  `];

  declare task: EditTask;
  declare error: FlowError | null;
  declare isBusy: boolean;
  declare block: WriteBlock;
  /** What has happened to the record meanwhile. */
  declare news: string;
  declare _draft: InvoiceDraft;
  declare _problems: Problems;
  /** The name of a customer who is being entered; null if none is. */
  declare _newCustomer: string | null;
  /** What a credit note corrects, and what is left of that; null for an invoice, and until that is known. */
  declare _credited: { readonly invoice: Invoice; readonly left: Creditable } | null;
  #initialDraft: InvoiceDraft = { values: {}, lines: [] };
  /** What the present customer and the company have filled in. */
  #defaults: InvoiceDefaults = invoiceDefaults(null, null, null, '');
  /** In which language the invoice is going to be printed. */
  #language = '';
  readonly #latestDefaults = latestOnly();
  /** The last valid issue date. */
  #datedBefore = '';
  /** The index on screen of each line that was sent. */
  #shownAt: readonly number[] = [];

  constructor() {
    super();
    this.task = { kind: 'edit', collection: 'invoices', record: null, initial: {} };
    this.error = null;
    this.isBusy = false;
    this.block = null;
    this.news = '';
    this._draft = this.#initialDraft;
    this._problems = {};
    this._newCustomer = null;
    this._credited = null;
    new Unsaved(this, () => this.#isChanged);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('task')) this.#reset();
    if (changed.has('error') && this.error?.fields) {
      this._problems = atShownLines(this.error.fields, this.#shownAt);
      void this.#focusProblem();
    }
  }

  /** Whether the form may be closed; asks first if unsaved input would be lost. */
  async canLeave(): Promise<boolean> {
    return !this.#isChanged || askToDiscard(this, this.error);
  }

  get #isChanged(): boolean {
    return !isSameInvoiceDraft(this.#initialDraft, this._draft);
  }

  /** The fields that may change: all of a draft, two of an issued invoice. */
  get #declared(): Fields {
    const collection = findCollection('invoices');
    const names = formFieldNames('invoices', this.#payload);
    const fields = collection ? Object.entries(storedFields(writableFields(collection))) : [];
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
    this.#datedBefore = String(this._draft.values['issueDate'] ?? '');
    this._problems = {};
    this.#defaults = invoiceDefaults(null, null, null, String(draft.values['currency'] ?? ''));
    void this.#loadCredited();
    // What is in an old draft or a copy has been decided, and stays.
    void this.#loadDefaults(String(draft.values['customerId'] ?? ''), this.task.record === null && draft.lines.length === 0);
  }

  /** Reads the invoice that a credit note corrects, as it is now. */
  async #loadCredited(): Promise<void> {
    const { task } = this;
    this._credited = null;
    const id = this.#payload['creditedId'];
    if (typeof id !== 'string') return;
    const notes = { collection: 'invoices', filters: { creditedId: id }, limit: maxCreditNotes };
    const [found, listed] = await Promise.all([
      ask(this, 'data.getRecord', { collection: 'invoices', id }), ask(this, 'data.listPage', notes),
    ]);
    const ids = listed.ok ? listed.value.rows.filter(({ columns }) => columns['status'] !== 'draft').map((row) => row.id) : [];
    const issued = await Promise.all(ids.map((note) => ask(this, 'data.getRecord', { collection: 'invoices', id: note })));
    if (!found.ok || !found.value || this.task !== task) return;
    const invoice = found.value.payload as JsonObject & Invoice;
    const taken = issued.flatMap((note) => note.ok && note.value ? [note.value.payload as JsonObject & Invoice] : []);
    this._credited = { invoice, left: creditableOf(invoice, taken) };
  }

  #preview(lines: readonly LineDraft[]): TotalsPreview {
    return previewTotals(lines, this.#currency, localNumbers, this._credited?.left);
  }

  /** Why a credit note cannot be issued as it is: it is not a part of what is left of the invoice. */
  #overcredit(totals: Totals | null): Problem | undefined {
    return (this._credited && totals && creditProblem(totals, this._credited.left)) ?? undefined;
  }

  /** Reads what customer, plan and company have defaults for, and with `fills` puts it where nothing else was entered. */
  async #loadDefaults(customerId: string, fills: boolean): Promise<void> {
    const isLatest = this.#latestDefaults();
    const source = sourceOf(this);
    const read = async (collection: string, id: string | undefined): Promise<JsonObject | null> => {
      const found = id ? await source.getRecord({ collection, id }) : null;
      return found?.ok ? found.value?.payload ?? null : null;
    };
    const [customer, company] = await Promise.all([read('customers', customerId), findCompany(source)]);
    const plan = await read('plans', (customer as Partial<Customer> | null)?.planId);
    if (!isLatest()) return;
    const profile = company.ok ? company.value?.payload ?? null : null;
    const before = this.#defaults;
    const usual = this.#usualReason(this._draft.lines);
    this.#language = paperLocale(customer ?? {}, profile ?? {});
    this.#defaults = invoiceDefaults(customer, plan as Partial<Plan> | null, profile, before.currency);
    if (!fills) return;
    const fill = (draft: InvoiceDraft): InvoiceDraft => {
      const { values, lines } = withCustomer(draft, customerId, before, this.#defaults, localNumbers);
      const isUsual = values['taxExemptionReason'] === usual;
      return { lines, values: isUsual ? { ...values, taxExemptionReason: this.#usualReason(lines) } : values };
    };
    if (isSameInvoiceDraft(this._draft, this.#initialDraft)) this.#initialDraft = this._draft = fill(this._draft);
    else this._draft = fill(this._draft);
  }

  #changeValue({ path, value }: FieldInput): void {
    const { values } = this._draft;
    const isIssueDate = path === 'issueDate';
    this._draft = {
      ...this._draft, values: isIssueDate ? withIssueDate(values, String(value), this.#datedBefore) : { ...values, [path]: value },
    };
    // Once the due date has changed, the term is not known until there is an issue date again.
    if (isIssueDate ? isDate(String(value)) : path === 'dueDate') this.#datedBefore = String(this._draft.values['issueDate'] ?? '');
    this._problems = withoutProblem(this._problems, path);
  }

  #changeLines({ lines, path }: { lines: readonly LineDraft[]; path?: string }): void {
    const { taxExemptionReason = '' } = this._draft.values;
    const isUsual = taxExemptionReason === '' || taxExemptionReason === this.#usualReason(this._draft.lines);
    const values = isUsual ? { ...this._draft.values, taxExemptionReason: this.#usualReason(lines) } : this._draft.values;
    this._draft = { values, lines };
    // After lines were added, removed or moved, the reasons would be at the wrong lines.
    const kept = Object.entries(this._problems).filter(([problemPath]) =>
      (path === undefined ? !problemPath.startsWith('lines') : problemPath !== path && problemPath !== 'lines'));
    this._problems = Object.fromEntries(kept);
  }

  /** What is printed as the reason of the lines' exemption unless somebody enters another. */
  #usualReason(lines: readonly LineDraft[]): string {
    return usualReason(lines.map((line) => lineCategory(line, localNumbers)), this.#language);
  }

  #pickCustomer({ id }: Pick<Picked, 'id'>): void {
    this._newCustomer = null;
    this._draft = { ...this._draft, values: { ...this._draft.values, customerId: id } };
    this._problems = withoutProblem(this._problems, 'customerId');
    void this.#loadDefaults(id, true);
    // Everything in between is filled in from the customer.
    const [first] = this._draft.lines;
    if (first && isBlankLine(first)) this.renderRoot.querySelector<HTMLElement>('invoify-invoice-lines')?.focus();
  }

  #submit(andIssue = false): void {
    if (this.block !== null || this.isBusy) return;
    const { draft, shownAt } = withoutBlankLines(this._draft);
    this.#shownAt = shownAt;
    const { value, problems } = fromInvoiceDraft(this.#declared, draft, localNumbers);
    const { problem, totals } = this.#hasLines ? this.#preview(draft.lines) : { problem: null, totals: null };
    const unissuable = this.#hasLines ? this.#overcredit(totals) : undefined;
    const refused = andIssue && unissuable ? unissuable : problem;
    this._problems = atShownLines(refused === null ? problems : { ...problems, lines: refused }, shownAt);
    if (andIssue && draft.lines.length === 0) this.#askForLine();
    if (Object.keys(this._problems).length > 0) void this.#focusProblem();
    else this.dispatchEvent(new CustomEvent(andIssue ? 'form-save-issue' : 'form-save', { detail: value }));
  }

  /** Nothing is issued without a line: the first is to be filled in. */
  #askForLine(): void {
    if (this._draft.lines.length === 0) this._draft = { ...this._draft, lines: addLine([], localNumbers, this.#defaults.taxRateBp) };
    const required = toProblem('required');
    this._problems = { ...this._problems, 'lines.0.description': required, 'lines.0.unitPriceMinor': required };
  }

  async #focusProblem(): Promise<void> {
    await this.updateComplete;
    const path = firstProblem(this._problems, this.#order);
    const lines = this.renderRoot.querySelector<LitElement>('invoify-invoice-lines');
    await lines?.updateComplete;
    focusField(path?.startsWith('lines') && lines ? lines.renderRoot : this.renderRoot, path);
  }

  get #order(): readonly string[] {
    const after = ['taxExemptionReason', 'note', 'internalNote'];
    return [...formFields(this.#declared).map(({ path }) => path).filter((path) => !after.includes(path)),
      ...lineOrder(this._draft.lines), 'lines', ...after];
  }

  /** What is wrong with the lines as a whole, if nothing else is. */
  get #summary(): string {
    const { lines, ...others } = this._problems;
    return lines && Object.keys(others).length === 0 ? this.#linesProblem(lines) : '';
  }

  #linesProblem(reason: Problem): string {
    return reason.code === 'max' && this._credited ? creditLimitText(reason, this.#currency, this._credited.invoice.number ?? '')
      : problemMessage('lines', reason, this.#currency);
  }

  /** A credit note is for the customer, and in the currency, of the invoice. */
  get #isCreditNote(): boolean {
    return this.#payload['kind'] === 'credit_note';
  }

  override render(): TemplateResult {
    const { record } = this.task;
    const name = String(this.#payload['number'] ?? '');
    const form = formFrame({
      heading: record === null ? t('form.new.invoices') : name !== '' ? t('form.edit', { name })
        : t(this.#isCreditNote ? 'form.editCreditNote' : 'form.editDraft'),
      placement: this.#hasLines ? 'wide' : 'side',
      error: this.error,
      problems: this._problems,
      summary: this.#summary,
      shown: this.#order,
      isBusy: this.isBusy,
      news: this.news,
      block: this.block,
      saveLabel: this.#hasLines ? t('form.saveDraft') : t('word.save'),
      onSave: () => this.#submit(),
      alternative: this.#hasLines ? { label: t('form.saveIssue'), keys: 'Control+Shift+Enter', onSave: () => this.#submit(true) } : null,
      onClose: () => this.dispatchEvent(new CustomEvent('form-close')),
      content: html`
        <form novalidate @submit=${(event: Event) => event.preventDefault()} @keydown=${this.#onKeydown}
          @field-input=${(event: CustomEvent<FieldInput>) => this.#changeValue(event.detail)}>
          ${this.#hasLines ? this.#renderDraft() : this.#renderIssued()}
        </form>`,
    });
    return this._newCustomer === null ? form : html`${form}
      <invoify-new-customer .name=${this._newCustomer} .block=${this.block}
        @created=${(event: CustomEvent<string>) => this.#pickCustomer({ id: event.detail })}
        @leave=${() => { this._newCustomer = null; }}></invoify-new-customer>`;
  }

  #onKeydown(event: KeyboardEvent): void {
    if (!isSubmitKey(event)) return;
    event.preventDefault();
    this.#submit(event.shiftKey && event.key === 'Enter' && this.#hasLines);
  }

  #renderIssued(): TemplateResult {
    return html`
      <p class="banner info">${icon('info')}<span>${t(this.#isCreditNote ? 'form.issuedCreditOnly' : 'form.issuedOnly')}</span></p>
      ${this.#renderField('dueDate', true)}
      ${this.#renderField('internalNote', this.#isCreditNote)}`;
  }

  #renderDraft(): TemplateResult {
    const { lines } = this._draft;
    const { nets, totals, problem } = this.#preview(lines);
    const reason = problem ?? this.#overcredit(totals) ?? this._problems['lines'];
    return html`
      <div class="head">
        ${this.#renderCustomer()}
        ${this.#renderField('issueDate', this.#isCreditNote)}
        ${this.#renderField('dueDate')}
        ${this.#renderField('currency')}
        ${this.#renderField('servicePeriod.from')}
        ${this.#renderField('servicePeriod.to')}
        ${this.#renderField('buyerReference')}
        ${this.#renderField('orderNumber')}
      </div>
      <invoify-invoice-lines .lines=${lines} .nets=${nets} .currency=${this.#currency} .problems=${this._problems}
        .taxRateBp=${this.#defaults.taxRateBp}
        @lines-change=${({ detail }: CustomEvent<{ lines: readonly LineDraft[]; path?: string }>) => this.#changeLines(detail)}
      ></invoify-invoice-lines>
      <div class="foot">
        <div class="notes">
          ${needsReason(lines, localNumbers) ? this.#renderField('taxExemptionReason') : ''}
          ${this.#renderField('note')}
        </div>
        <div>
          ${totals ? totalsList(totals, this.#currency, null, this.#isCreditNote) : ''}
          ${reason === undefined ? '' : html`<p class="problem">${icon('warn')}<span>${unbroken(this.#linesProblem(reason))}</span></p>`}
        </div>
      </div>
      <div class="internal">${this.#renderField('internalNote')}</div>`;
  }

  #renderCustomer(): TemplateResult {
    if (this.#isCreditNote) {
      const { invoice, left } = this._credited ?? {};
      return html`
        <div class="field to">
          <span class="label">${fieldLabel('customerId')}</span><p>${this.#payload['customerName']}</p>
          ${invoice && left ? html`<p class="hint">${unbroken(t('form.credits', {
            number: invoice.number ?? '', date: formatDate(invoice.issueDate), amount: formatMoney(left.totalMinor, invoice.currency),
          }))}</p>` : ''}
        </div>`;
    }
    return html`
      <invoify-picker ?autofocus=${!this.task.lead} data-path="customerId" collection="customers" .collection=${'customers'}
        .label=${fieldLabel('customerId')}
        .recordId=${String(this._draft.values['customerId'] ?? '')} .canCreate=${true} .problem=${this.#problemAt('customerId')}
        @picked=${(event: CustomEvent<Picked>) => this.#pickCustomer(event.detail)}
        @picker-new=${(event: CustomEvent<string>) => { this._newCustomer = event.detail; }}></invoify-picker>`;
  }

  #renderField(path: string, isFirst = false): TemplateResult {
    const formField = formFields(this.#declared).find((one) => one.path === path);
    if (!formField) return html``;
    const { field } = formField;
    const lead = leadField(this.task.lead, this.#order);
    return html`
      <invoify-field data-path=${path} ?autofocus=${lead === null ? isFirst : path === lead} .path=${path} .kind=${controlKind(formField)}
        .label=${this.#labelOf(path)} .value=${this._draft.values[path] ?? ''} .problem=${this.#problemAt(path)} .hint=${this.#hintAt(path)}
        .options=${optionsOf(field, String, [this.#initialDraft.values[path], this._draft.values[path]])}
        .isOptional=${isOptionalField(formField) && path !== 'taxExemptionReason'}></invoify-field>`;
  }

  #labelOf(path: string): string {
    const ownWord = this.#isCreditNote ? { issueDate: 'creditDate', note: 'creditText' }[path] : undefined;
    return fieldLabel(ownWord ?? path);
  }

  #hintAt(path: string): string {
    const issueDate = String(this._draft.values['issueDate'] ?? '');
    return path === 'issueDate' && this._credited && isEarlier({ issueDate }, this._credited.invoice)
      ? t('form.creditEarlier', { date: formatDate(this._credited.invoice.issueDate) }) : '';
  }

  #problemAt(path: string): string | null {
    const reason = this._problems[path];
    return reason === undefined ? null : problemMessage(path, reason, this.#currency);
  }
}

customElements.define('invoify-invoice-form', InvoifyInvoiceForm);
