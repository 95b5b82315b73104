// Issues several drafts, or saves several invoices as PDFs: asks first where it cannot be undone, shows how far it is, can be
// cancelled, and lists what did not work.
//
//   <invoify-bulk-dialog .job .isOwner .block @leave>

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import type { Invoice } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { Outcome } from '../../shared/window/ipc.ts';
import type { ListRow } from '../../shared/window/views.ts';
import { companyScreen } from '../app-state.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { Unsaved } from '../base/unsaved.ts';
import { companyGaps, companyOmissions, type CompanyGap, type CompanyOmission } from '../company/company-gaps.ts';
import { exportInvoice } from '../invoice/invoice-page.ts';
import { issueWarnings } from '../invoice/issue-warnings.ts';
import { findCompany, loadDetail, sourceOf } from '../record/record-detail-data.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { currentLocale, t } from '../text/i18n.ts';
import { fieldLabel } from '../text/messages.ts';
import { failureText, itemName, numbersText, runBulk, sumsText, type BulkResult } from './bulk.ts';
import '../base/sheet.ts';
import '../base/write-button.ts';
import '../record/block-banner.ts';

export type BulkJob =
  | { readonly kind: 'issue'; readonly rows: readonly ListRow[] }
  | { readonly kind: 'pdf'; readonly rows: readonly ListRow[]; readonly folder: string };

/** The warnings about single drafts; what the company omits is said once. */
const ofDrafts = ['service', 'due', 'zeroRated', 'address', 'buyerVatId', 'sellerVatId'] as const;

export class InvoifyBulkDialog extends LitElement {
  static override properties = {
    job: { attribute: false },
    isOwner: { attribute: false },
    block: { attribute: false },
    _gaps: { state: true },
    _finished: { state: true },
    _result: { state: true },
    _isCancelled: { state: true },
  };

  static override styles = [controls, css`
    /* Unlike in the bar that it belongs to. */
    :host { white-space: normal; }
    .texts { display: grid; gap: var(--space-2); }
    p, ul { margin: 0; }
    ul { padding-inline-start: var(--space-4); max-block-size: 300px; overflow: auto; overflow-wrap: anywhere; }
    progress { inline-size: 100%; accent-color: var(--color-accent); }
  `];

  declare job: BulkJob;
  declare isOwner: boolean;
  declare block: WriteBlock;
  /** What the company lacks to issue anything; null until that is known. */
  declare _gaps: readonly CompanyGap[] | null;
  /** How many of the rows have been worked on; null before it begins. */
  declare _finished: number | null;
  declare _result: BulkResult<ListRow> | null;
  declare _isCancelled: boolean;
  /** Why the window itself refused a row, by its id. */
  readonly #reasons = new Map<string, string>();
  /** The numbers that were given. */
  readonly #numbers: string[] = [];
  #omissions: readonly CompanyOmission[] = [];
  /** How many of the drafts have each of the warnings. */
  #warned: readonly (readonly [warning: (typeof ofDrafts)[number], count: number])[] = [];

  constructor() {
    super();
    this.isOwner = false;
    this.block = null;
    this._gaps = null;
    this._finished = null;
    this._result = null;
    this._isCancelled = false;
    new Unsaved(this, () => this._finished !== null && this._result === null);
  }

  protected override firstUpdated(): void {
    if (this.job.kind === 'pdf') void this.#run();
    else void this.#readCompany();
  }

  async #readCompany(): Promise<void> {
    const company = await findCompany(sourceOf(this));
    const payload = company.ok ? company.value?.payload ?? null : null;
    this.#omissions = company.ok ? companyOmissions(payload) : [];
    const found = await Promise.all(this.job.rows.map(({ id }) => ask(this, 'data.getRecord', { collection: 'invoices', id })));
    const drafts = found.flatMap((outcome) => (outcome.ok && outcome.value ? [outcome.value.payload as JsonObject & Invoice] : []));
    const ids = [...new Set(drafts.map(({ customerId }) => customerId))];
    const customers = new Map(await Promise.all(ids.map(async (id) => {
      const customer = await ask(this, 'data.getRecord', { collection: 'customers', id });
      return [id, customer.ok ? customer.value?.payload ?? null : null] as const;
    })));
    const warnings = drafts.flatMap((draft) =>
      issueWarnings(draft, { company: payload, customer: customers.get(draft.customerId) ?? null, credited: null }));
    this.#warned = ofDrafts.map((name) => [name, warnings.filter((warning) => warning === name).length] as const)
      .filter(([, count]) => count > 0);
    this._gaps = company.ok ? companyGaps(payload) : [];
  }

  async #run(): Promise<void> {
    if (this._finished !== null) return;
    this._finished = 0;
    const { job } = this;
    this._result = await runBulk(job.rows, (row) => (job.kind === 'issue' ? this.#issue(row) : this.#savePdf(row.id)), {
      isCancelled: () => this._isCancelled || !this.isConnected,
      onProgress: (finished) => { this._finished = finished; },
    });
  }

  /** Issues a draft only as it was when the user was asked: it may have been changed, issued or deleted since. */
  async #issue({ id, updatedAt }: ListRow): Promise<Outcome<unknown>> {
    const collection = 'invoices';
    const found = await ask(this, 'data.getRecord', { collection, id });
    if (!found.ok) return found;
    if (!found.value) return this.#refuse(id, t('detail.gone'));
    const { status, lines } = found.value.payload;
    if (status !== 'draft') return this.#refuse(id, t('bulk.noDraft'));
    if (!Array.isArray(lines) || lines.length === 0) return this.#refuse(id, t('refusal.noLines'));
    const issued = await ask(this, 'records.act', { collection, id, updatedAt, action: 'issue' });
    if (!issued.ok && issued.error.code === 'precondition_failed') return this.#refuse(id, t('bulk.changed'));
    const number = issued.ok ? issued.value.payload?.['number'] : null;
    if (typeof number === 'string') this.#numbers.push(number);
    return issued;
  }

  async #savePdf(id: string): Promise<Outcome<unknown>> {
    const detail = await loadDetail(sourceOf(this), 'invoices', id);
    if (!detail.ok) return detail;
    return detail.value ? exportInvoice(this, detail.value, 'folder') : this.#refuse(id, t('detail.gone'));
  }

  #refuse(id: string, message: string): Outcome<never> {
    this.#reasons.set(id, message);
    return { ok: false, error: { code: 'conflict', message } };
  }

  /** The drafts are the list to which the company's screen leads back. */
  #openCompany(): void {
    const filters = { id: this.job.rows.map(({ id }) => id) };
    const label = t('selection.count', { count: this.job.rows.length });
    const lead = { field: this._gaps?.[0] ?? 'name', back: { collection: 'invoices', filters, label } };
    emit(this, 'navigate', { screen: companyScreen, lead });
  }

  #leave(): void {
    if (this._finished !== null && this._result === null) this._isCancelled = true;
    else this.dispatchEvent(new CustomEvent('leave'));
  }

  get #heading(): string {
    const count = this.job.rows.length;
    if (this._result) return t('bulk.done');
    if (this.job.kind === 'pdf') return t('bulk.pdfTitle', { count });
    return this._finished === null ? t('bulk.issueTitle', { count }) : t('bulk.issuing', { count });
  }

  override render(): TemplateResult {
    return html`
      <invoify-sheet placement="centre" .heading=${this.#heading} @sheet-close=${this.#leave}>
        <div class="texts">
          ${this._result ? this.#renderResult(this._result) : this._finished === null ? this.#renderQuestion()
            : this.#renderProgress(this._finished)}
        </div>
        ${this._finished === null ? html`
          <div slot="notice"><invoify-block-banner .block=${this.block}></invoify-block-banner></div>` : nothing}
        ${this.#renderActions()}
      </invoify-sheet>`;
  }

  #renderActions(): TemplateResult {
    const isAsking = this._finished === null;
    const canIssue = isAsking && this._gaps?.length === 0;
    const lacksCompany = isAsking && this._gaps !== null && this._gaps.length > 0;
    return html`
      <button slot="actions" type="button" class="button" autofocus
        aria-disabled=${this._isCancelled && !this._result ? 'true' : 'false'}
        @click=${this.#leave}>${t(this._result ? 'word.close' : 'word.cancel')}</button>
      ${canIssue ? html`<invoify-write-button slot="actions" look="primary" .blocked=${this.block}
        .label=${t('action.issue')} @activate=${this.#run}></invoify-write-button>` : nothing}
      ${lacksCompany && this.isOwner ? html`<button slot="actions" type="button" class="button primary"
        @click=${this.#openCompany}>${t('company.open')}</button>` : nothing}`;
  }

  #renderQuestion(): TemplateResult {
    if (this._gaps === null) return html``;
    if (this._gaps.length > 0) {
      const fields = new Intl.ListFormat(currentLocale().language).format(this._gaps.map((gap) => fieldLabel(`company.${gap}`)));
      return html`<p>${t(this.isOwner ? 'company.missing' : 'company.missingForOwner', { fields })}</p>`;
    }
    const today = localDay(Date.now());
    const dated = this.job.rows.filter(({ columns }) => String(columns['issueDate']) < today).length;
    return html`
      <p>${t('bulk.sums', { count: this.job.rows.length, amounts: sumsText(this.job.rows) })}</p>
      <p>${t('bulk.issueText')}</p>
      ${dated > 0 ? html`<p>${t('bulk.dated', { count: dated })}</p>` : nothing}
      ${this.#warned.map(([warning, count]) => html`<p>${t(`bulk.omits.${warning}`, { count })}</p>`)}
      ${this.#omissions.map((name) => html`<p>${t(`confirm.omits.${name}`)}</p>`)}`;
  }

  #renderProgress(finished: number): TemplateResult {
    const total = this.job.rows.length;
    const text = t('bulk.progress', { done: finished, total });
    return html`<p>${text}</p><progress max=${total} .value=${finished} aria-label=${this.#heading}></progress>`;
  }

  #renderResult({ done, failures, untried }: BulkResult<ListRow>): TemplateResult {
    const { job } = this;
    return html`
      <div class="texts" role="status">
        <p>${job.kind === 'pdf' ? t('bulk.saved', { count: done, path: job.folder })
          : done === 0 ? t('bulk.issued', { count: done }) : t('bulk.issuedAs', { count: done, numbers: numbersText(this.#numbers) })}</p>
        ${failures.length > 0 ? html`
          <p>${t('bulk.failed', { count: failures.length })}</p>
          <ul>${failures.map(({ item, error }) => html`
            <li>${itemName(item)}: ${this.#reasons.get(item.id) ?? failureText(error)}</li>`)}</ul>` : nothing}
        ${untried > 0 ? html`<p>${t('bulk.untried', { count: untried })}</p>` : nothing}
      </div>`;
  }
}

customElements.define('invoify-bulk-dialog', InvoifyBulkDialog);
