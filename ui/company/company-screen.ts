// The company's own record: who issues the invoices. An owner edits it, others see it; both see how it appears on paper.
//
//   <invoify-company .status .revision .user .lead>
//
// A new revision reloads the record. Unsaved input stays; on saving, the change that it would overwrite is shown.

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import { findCollection, writableFields } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { SignedInUser } from '../../shared/protocol.ts';
import type { CallError } from '../../shared/window/ipc.ts';
import type { RecordView, Status } from '../../shared/window/views.ts';
import { controls } from '../base/controls.ts';
import { emit, goBack } from '../base/events.ts';
import { latestOnly } from '../base/latest.ts';
import { screenStyles } from '../base/screen-styles.ts';
import { askToDiscard, newsText } from '../record/form-parts.ts';
import '../record/conflict-dialog.ts';
import { detailStyles, facts, section } from '../record/detail-parts.ts';
import { layoutOf } from '../record/form-layout.ts';
import { mayWrite, type Lead } from '../app-state.ts';
import { findCompany, sourceOf } from '../record/record-detail-data.ts';
import { formFields, valueAt } from '../record/record-draft.ts';
import { recordCalls, RecordFlow } from '../record/record-flow.ts';
import { valueText } from '../record/value-text.ts';
import { writeBlock } from '../sync/sync-view.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { t } from '../text/i18n.ts';
import { fieldLabel } from '../text/messages.ts';
import './company-form.ts';
import type { InvoifyCompanyForm } from './company-form.ts';
import './company-preview.ts';
import { companyStyles } from './company-styles.ts';

export class InvoifyCompany extends LitElement {
  static override properties = {
    status: { attribute: false },
    revision: { attribute: false },
    user: { attribute: false },
    lead: { attribute: false },
    _record: { state: true },
    _failure: { state: true },
  };

  static override styles = [controls, detailStyles, screenStyles, companyStyles, css`
    .message { padding: var(--space-3) var(--space-4) 0; }
    invoify-company-form { flex: 1; min-block-size: 0; }
  `];

  declare status: Status | null;
  declare revision: string;
  declare user: SignedInUser | null;
  /** The field that the screen was opened for, and where to go once it is saved. */
  declare lead: Lead | null;
  /** Null: not in the cache; undefined: not loaded yet. */
  declare _record: RecordView | null | undefined;
  declare _failure: CallError | null;
  readonly #latestLoad = latestOnly();
  readonly #flow = new RecordFlow(this, {
    ...recordCalls(this),
    refresh: () => this.#load(),
    block: () => (this.status ? writeBlock(this.status) : 'unreachable'),
    onDone: () => {
      emit(this, 'toast', { text: t('done.saved'), tone: 'ok' });
      // With no form open, nothing is asked before leaving.
      if (this.lead) goBack(this, this.lead);
      this.#fillForm();
      // As after every save, also from the dialog of a conflict, which gives the focus back first.
      void this.updateComplete.then(() => this.renderRoot.querySelector('h1')?.focus());
    },
  });

  constructor() {
    super();
    this.status = null;
    this.revision = '';
    this.user = null;
    this.lead = null;
    this._record = undefined;
    this._failure = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('revision')) void this.#load();
    const now = this.status?.lastSync?.timestamp;
    const isSynced = changed.has('status') && now !== undefined && now !== changed.get('status')?.lastSync?.timestamp;
    // It tells whether a save without a response was applied.
    if (isSynced) void this.#flow.syncCompleted();
  }

  /** Whether another screen may be shown; asks first if unsaved input would be lost. */
  async canLeave(): Promise<boolean> {
    if (this.#flow.state.isBusy) return false;
    return !this.#flow.state.task || !this.#form?.isChanged || askToDiscard(this, this.#flow.state.error);
  }

  get #form(): InvoifyCompanyForm | null {
    return this.renderRoot.querySelector<InvoifyCompanyForm>('invoify-company-form');
  }

  get #isWriter(): boolean {
    return this.user !== null && mayWrite('company', this.user.role);
  }

  async #load(): Promise<void> {
    const isLatest = this.#latestLoad();
    const outcome = await findCompany(sourceOf(this));
    if (!isLatest()) return;
    this._failure = outcome.ok ? null : outcome.error;
    if (!outcome.ok) return;
    this._record = outcome.value;
    const { task, isBusy } = this.#flow.state;
    const isShown = task?.record?.id === outcome.value?.id && task?.record?.updatedAt === outcome.value?.updatedAt;
    if (!isShown && !isBusy && !this.#form?.isChanged) this.#fillForm();
  }

  /** Fills the form with the record as it is now. */
  #fillForm(): void {
    const record = this._record;
    if (!record || !this.#isWriter) return;
    const lead = this.lead && { lead: this.lead };
    this.#flow.open({ kind: 'edit', collection: 'company', record, initial: record.payload, ...lead });
  }

  override render(): TemplateResult {
    return html`
      <header><h1 tabindex="-1">${t('collection.company')}</h1></header>
      <p class="quiet message">${t('company.intro')} ${this.#isWriter ? '' : t('company.viewOnly')}</p>
      ${this.#renderBody()}`;
  }

  #renderBody(): TemplateResult {
    const record = this._record;
    if (this._failure) return html`<p class="quiet message" role="alert">${callErrorText(this._failure)}</p>`;
    if (record === undefined) return html`<p class="quiet message">${t('detail.loading')}</p>`;
    if (record === null) return html`<p class="quiet message" role="status">${t('company.none')}</p>`;
    return this.#isWriter && this.#flow.state.task?.kind === 'edit' ? this.#renderForm(record) : renderFacts(record.payload);
  }

  #renderForm(record: RecordView): TemplateResult {
    const { task, isBusy, error, conflict } = this.#flow.state;
    const block = this.status ? writeBlock(this.status) : 'unreachable';
    return html`
      <invoify-company-form .task=${task} .error=${conflict ? null : error} .isBusy=${isBusy} .block=${block}
        .news=${isBusy || !task?.record ? '' : newsText(record, task.record)}
        @form-save=${(event: CustomEvent<JsonObject>) => void this.#flow.save(event.detail)}
        @form-reset=${this.#fillForm}></invoify-company-form>
      ${conflict ? html`
        <invoify-conflict-dialog .collection=${'company'} .conflict=${conflict} .error=${error} .isBusy=${isBusy} .block=${block}
          @resolve=${(event: CustomEvent<JsonObject>) => void this.#flow.resolve(event.detail)}
          @leave=${() => this.#flow.dismissConflict()}></invoify-conflict-dialog>` : ''}`;
  }
}

/** What others than owners see. */
function renderFacts(payload: JsonObject): TemplateResult {
  const declared = findCollection('company');
  const sections = layoutOf('company', declared ? formFields(writableFields(declared)) : []).map(({ title, rows }) =>
    section(title ? fieldLabel(title) : '', facts(rows.flat().filter(({ path }) => path !== 'logo')
      .map(({ path }) => [fieldLabel(path), valueText(path, valueAt(payload, path), 'EUR')]))));
  const isEmpty = sections.every((content) => content === '');
  return html`
    <div class="page">
      <div class="columns">
        <div>${isEmpty ? html`<p class="quiet">${t('company.nothing')}</p>` : sections}</div>
        <invoify-company-preview .fields=${payload}></invoify-company-preview>
      </div>
    </div>`;
}

customElements.define('invoify-company', InvoifyCompany);
