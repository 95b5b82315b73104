// Asks for confirmation before an invoice is issued or voided, or a payment or record removed: says what it does, and whether it can
// be undone. If the record has changed since, lists the changes and asks again.
//
//   <invoify-confirm-dialog .task .error .isBusy .block .userId @confirm @leave @mend @serve-on-issue @credit>
//
// `mend` carries a warning whose field the user wants to fill in; `serve-on-issue`: the day of service is that of issue; `credit`: what
// is about to be voided is to be credited instead.

import { LitElement, css, html, type TemplateResult } from 'lit';

import { authorField, type Invoice } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { isActionAllowed } from '../../shared/invoice.ts';
import { controls } from '../base/controls.ts';
import { creditLimitText } from '../invoice/credit-limit.ts';
import { isAboutCompany, isAboutCustomer, issueWarnings, type IssueContext, type IssueWarning } from '../invoice/issue-warnings.ts';
import { meanwhileText } from './author.ts';
import { findDifferences, type Difference } from './conflict.ts';
import { unbroken } from '../base/unbroken.ts';
import { formStyles, refusalText } from './form-parts.ts';
import { formatDateLong, formatMoney } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { fieldLabel } from '../text/messages.ts';
import type { ActionTask, FlowError } from './record-flow.ts';
import { recordActions } from './record-actions.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { valueText } from './value-text.ts';
import '../base/sheet.ts';
import '../base/write-button.ts';

export class InvoifyConfirmDialog extends LitElement {
  static override properties = {
    task: { attribute: false },
    error: { attribute: false },
    isBusy: { attribute: false },
    block: { attribute: false },
    userId: { attribute: false },
  };

  static override styles = [controls, formStyles, css`
    p { margin: 0; }
    .texts { display: grid; gap: var(--space-2); }
    .ways .link { padding-inline: 0; }
    .ways { display: flex; flex-wrap: wrap; gap: var(--space-1) var(--space-4); margin-block-start: var(--space-1); }
    ul { margin: 0; padding-inline-start: var(--space-4); white-space: pre-line; overflow-wrap: anywhere; }
  `];

  declare task: ActionTask;
  declare error: FlowError | null;
  declare isBusy: boolean;
  declare block: WriteBlock;
  /** The signed-in user. */
  declare userId: string;

  constructor() {
    super();
    this.task = { kind: 'action', collection: '', action: 'delete', record: { id: '', updatedAt: '', payload: {} } };
    this.error = null;
    this.isBusy = false;
    this.block = null;
    this.userId = '';
  }

  #confirm(): void {
    if (this.block === null && !this.isBusy) this.dispatchEvent(new CustomEvent('confirm'));
  }

  #leave(): void {
    this.dispatchEvent(new CustomEvent('leave'));
  }

  get #heading(): string {
    const { action, record: { payload } } = this.task;
    const name = String(payload['name'] ?? payload['number'] ?? '');
    switch (action) {
      case 'issue': return t(payload['kind'] === 'credit_note' ? 'confirm.issueCreditTitle' : 'confirm.issueTitle');
      case 'unpay': return t(this.#isRefund ? 'confirm.unrefundTitle' : 'confirm.unpayTitle', { name });
      case 'void': return t('confirm.voidTitle', { name });
      default: return name === '' ? t('confirm.deleteDraftTitle') : t('confirm.deleteTitle', { name });
    }
  }

  get #texts(): readonly string[] {
    const { action, collection, record } = this.task;
    switch (action) {
      case 'issue': return this.#issueTexts;
      case 'unpay': return this.#payment ? [t(this.#isRefund ? 'confirm.unrefundText' : 'confirm.unpayText', {
        amount: formatMoney(Math.abs(this.#payment.amountMinor), this.#invoice.currency), date: formatDateLong(this.#payment.paidOn),
      })] : [];
      case 'void': return [t('confirm.voidText')];
      default:
        if (collection !== 'users') return [t('confirm.deleteText')];
        return [record.id === this.userId ? t('confirm.deleteSelf') : t('confirm.deleteUser')];
    }
  }

  get #invoice(): Invoice {
    return this.task.record.payload as JsonObject & Invoice;
  }

  get #payment(): Invoice['payments'][number] | undefined {
    return this.#invoice.payments.find(({ id }) => id === this.task.paymentId);
  }

  get #issueTexts(): readonly string[] {
    const { kind, issueDate, totalMinor } = this.#invoice;
    const isInvoice = kind === 'invoice';
    return [
      t(isInvoice ? 'confirm.issueText' : 'confirm.issueCreditText'),
      ...(issueDate < localDay(Date.now()) ? [t('confirm.issueDated', { date: formatDateLong(issueDate) })] : []),
      ...(isInvoice && totalMinor === 0 ? [t('confirm.issuePaid')] : []),
    ];
  }

  get #isRefund(): boolean {
    return (this.#payment?.amountMinor ?? 0) < 0;
  }

  #renderWarnings(): readonly TemplateResult[] {
    const { action, context } = this.task;
    if (action !== 'issue' || !context) return [];
    return issueWarnings(this.#invoice, context).map((warning) => html`
      <div class="banner warn">${icon('warn')}<div>
        <p>${unbroken(this.#warningText(warning, context))}</p>
        ${isAboutCompany(warning) && !context.isOwner ? '' : html`
          <p class="ways">
            <button class="link" type="button" @click=${() => this.dispatchEvent(new CustomEvent('mend', { detail: warning }))}>${
              t(isAboutCompany(warning) ? 'company.open' : isAboutCustomer(warning) ? 'eInvoice.openCustomer'
                : `confirm.mend.${warning}`)}</button>
            ${warning === 'service' ? html`<button class="link" type="button" ?disabled=${this.block !== null}
              @click=${() => this.dispatchEvent(new CustomEvent('serve-on-issue'))}>${t('confirm.serveOnIssue')}</button>` : ''}
          </p>`}
      </div></div>`);
  }

  #warningText(warning: IssueWarning, { credited }: IssueContext): string {
    const dateText = (date: string | undefined): string => date === undefined ? '' : formatDateLong(date);
    switch (warning) {
      case 'due': return t('confirm.dueEarlier', { date: dateText(this.#invoice.dueDate) });
      case 'earlier': return t('confirm.earlier', { number: credited?.number ?? '', date: dateText(credited?.issueDate) });
      default: return t(`confirm.omits.${warning}`);
    }
  }

  /** Customers who have the invoice already need a credit note, unless one has been begun. */
  #renderInstead(): TemplateResult | string {
    const { action, hasCreditDraft } = this.task;
    if (action !== 'void') return '';
    return html`
      <div class="banner warn">${icon('warn')}<div>
        <p>${t(hasCreditDraft ? 'confirm.voidCredited' : 'confirm.voidSent')}</p>
        ${hasCreditDraft ? '' : html`<p class="ways"><button class="link" type="button" ?disabled=${this.block !== null || this.isBusy}
          @click=${() => this.dispatchEvent(new CustomEvent('credit'))}>${t('action.credit')}</button></p>`}
      </div></div>`;
  }

  /** Whether the current version of the record still allows the action. */
  get #isAllowed(): boolean {
    const { collection, record, action } = this.task;
    if (action === 'unpay') return this.#payment !== undefined && isActionAllowed(this.#invoice, 'unpay');
    const allowed = recordActions(collection, record, 'owner', { references: null, otherOwners: null }, localDay(Date.now()));
    return allowed.some(({ name, refusal }) => name === action && refusal === null);
  }

  override render(): TemplateResult {
    const { action, before } = this.task;
    const failure = this.error ? this.#failureText(this.error) : '';
    return html`
      <invoify-sheet placement="centre" .heading=${this.#heading} .isBusy=${this.isBusy} @sheet-close=${this.#leave}>
        <div class="texts">
          ${this.#isAllowed ? this.#texts.map((text) => html`<p>${unbroken(text)}</p>`) : html`<p>${t('confirm.impossible')}</p>`}
          ${this.#isAllowed ? html`${this.#renderWarnings()}${this.#renderInstead()}` : ''}
        </div>
        <div slot="notice">
          <div role="alert">
            ${failure ? html`<div class="banner">${icon('warn')}<span>${unbroken(failure)}</span></div>` : ''}
            ${before ? html`<div class="banner warn">${icon('warn')}<div>${this.#renderChanges()}</div></div>` : ''}
          </div>
          <invoify-block-banner .block=${this.block}></invoify-block-banner>
        </div>
        <button slot="actions" type="button" class="button" autofocus ?disabled=${this.isBusy}
          @click=${this.#leave}>${t('word.cancel')}</button>
        ${this.#isAllowed ? html`
          <invoify-write-button slot="actions" .look=${action === 'issue' ? 'primary' : 'danger'} .blocked=${this.block}
            .label=${this.isBusy ? t('form.saving') : t(action === 'unpay' && this.#isRefund ? 'action.unrefund' : `action.${action}`)}
            @activate=${this.#confirm}></invoify-write-button>` : ''}
      </invoify-sheet>`;
  }

  /** With the figure, if a credit note is for more than is left. */
  #failureText(error: FlowError): string {
    const reason = error.fields?.['lines'];
    const number = this.task.context?.credited?.number;
    return reason?.code !== 'max' || number === undefined ? refusalText(error)
      : creditLimitText(reason, this.#invoice.currency, number);
  }

  #renderChanges(): TemplateResult {
    return html`
      <p>${meanwhileText(this.task.record)}</p>
      <ul>${this.#changes.map(({ path, base, theirs }) => html`
        <li>${t('confirm.was', { field: fieldLabel(path), before: this.#text(path, base), after: this.#text(path, theirs) })}</li>`)}</ul>`;
  }

  get #changes(): readonly Difference[] {
    const { before, record } = this.task;
    if (!before) return [];
    const fields = [...new Set([...Object.keys(before.payload), ...Object.keys(record.payload)])];
    // Derived fields would only repeat what their sources say.
    const derived = [
      'subtotalMinor', 'taxes', 'paidMinor', 'creditedMinor', 'payments', 'seller', 'buyer', 'customerId', 'creditedId', authorField,
    ];
    const compared = fields.filter((name) => !derived.includes(name));
    return findDifferences(compared, { base: before.payload, mine: before.payload, theirs: record.payload });
  }

  #text(path: string, value: Difference['base']): string {
    return valueText(path, value, String(this.task.record.payload['currency'] ?? 'EUR')) || t('conflict.empty');
  }
}

customElements.define('invoify-confirm-dialog', InvoifyConfirmDialog);
