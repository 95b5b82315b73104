// Records a payment, by default of the full open amount, today; where more was paid than is owed, a refund. Shows what would remain
// open as the amount is typed.
//
//   <invoify-payment-dialog .task .error .isBusy .block @confirm @leave>
//
// `confirm` carries { amountMinor, paidOn, method?, reference? }. If someone else changes the invoice, the input stays and the open
// amount is updated.

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import type { Invoice } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import { openMinorOf } from '../../shared/invoice.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { Problems } from '../../shared/problems.ts';
import { controls } from '../base/controls.ts';
import { meanwhileText } from '../record/author.ts';
import type { FieldInput } from '../record/field.ts';
import { askToDiscard, firstProblem, focusField, formStyles, isSubmitKey, refusalText, withoutProblem } from '../record/form-parts.ts';
import { formatMoney } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { unbroken } from '../base/unbroken.ts';
import { Unsaved } from '../base/unsaved.ts';
import { fieldLabel, problemMessage } from '../text/messages.ts';
import { localNumbers } from '../text/number-text.ts';
import { fromPaymentDraft, newPayment, type PaymentDraft } from './payment-draft.ts';
import type { ActionTask, FlowError } from '../record/record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import '../record/field.ts';
import '../base/sheet.ts';
import '../base/write-button.ts';

const paths = ['amountMinor', 'paidOn', 'method', 'reference'] as const;

export class InvoifyPaymentDialog extends LitElement {
  static override properties = {
    task: { attribute: false },
    error: { attribute: false },
    isBusy: { attribute: false },
    block: { attribute: false },
    _draft: { state: true },
    _problems: { state: true },
  };

  static override styles = [controls, formStyles, css`
    p { margin: 0; }
    .rest { min-block-size: 1lh; color: var(--color-muted); }
  `];

  declare task: ActionTask;
  declare error: FlowError | null;
  declare isBusy: boolean;
  declare block: WriteBlock;
  declare _draft: PaymentDraft | null;
  declare _problems: Problems;
  /** As it was proposed. */
  #begun: typeof this._draft = null;

  constructor() {
    super();
    this.task = { kind: 'action', collection: 'invoices', action: 'pay', record: { id: '', updatedAt: '', payload: {} } };
    this.error = null;
    this.isBusy = false;
    this.block = null;
    this._draft = null;
    this._problems = {};
    new Unsaved(this, () => this.#isChanged);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('task')) this._draft ??= this.#begun = newPayment(this.#openMinor, this.#currency, localDay(Date.now()), localNumbers);
    if (changed.has('error') && this.error?.fields) this._problems = { ...this.error.fields };
  }

  get #isChanged(): boolean {
    return JSON.stringify(this._draft) !== JSON.stringify(this.#begun);
  }

  get #invoice(): Invoice {
    return this.task.record.payload as JsonObject & Invoice;
  }

  get #openMinor(): number {
    return openMinorOf(this.#invoice);
  }

  get #currency(): string {
    return this.#invoice.currency;
  }

  #change({ path, value }: FieldInput): void {
    if (!this._draft) return;
    this._draft = { ...this._draft, [path]: String(value) };
    this._problems = withoutProblem(this._problems, path);
  }

  async #submit(): Promise<void> {
    if (this.block !== null || this.isBusy || !this._draft) return;
    const { value, problems } = fromPaymentDraft(this._draft, this.#openMinor, this.#currency, localNumbers);
    this._problems = problems;
    if (Object.keys(problems).length === 0) {
      this.dispatchEvent(new CustomEvent('confirm', { detail: value }));
      return;
    }
    await this.updateComplete;
    focusField(this.renderRoot, firstProblem(problems, paths));
  }

  async #leave(): Promise<void> {
    if (!this.#isChanged || await askToDiscard(this, this.error)) this.dispatchEvent(new CustomEvent('leave'));
  }

  #onKeydown(event: KeyboardEvent): void {
    if (!isSubmitKey(event)) return;
    event.preventDefault();
    void this.#submit();
  }

  override render(): TemplateResult {
    const isOpen = this.#openMinor !== 0;
    const isRefund = this.#openMinor < 0;
    const name = this.#invoice.number ?? '';
    const amount = formatMoney(Math.abs(this.#openMinor), this.#currency);
    // Money cannot have been received in the future: the year is wrong.
    const isLater = (this._draft?.paidOn ?? '') > localDay(Date.now());
    const submit = t(isRefund ? 'pay.submitRefund' : 'pay.submit');
    return html`
      <invoify-sheet placement="centre" .heading=${t(isRefund ? 'pay.titleRefund' : 'pay.title')}
        .isBusy=${this.isBusy} @sheet-close=${this.#leave}>
        <form novalidate @submit=${(event: Event) => event.preventDefault()} @keydown=${this.#onKeydown}
          @field-input=${(event: CustomEvent<FieldInput>) => this.#change(event.detail)}>
          <p>${unbroken(t(isRefund ? 'pay.overpaid' : 'pay.open', { name, amount }))}</p>
          ${isOpen ? html`
            <div class="row">${this.#renderField('amountMinor')}${this.#renderField('paidOn')}</div>
            <div class="row">${this.#renderField('method')}${this.#renderField('reference')}</div>
            <p class="rest" role="status">${this.#remainderText}</p>
            <p class="rest" role="status">${isLater ? t('pay.future') : ''}</p>` : html`<p>${t('confirm.impossible')}</p>`}
        </form>
        <div slot="notice">
          <div role="alert">${this.#renderBanner()}</div>
          <invoify-block-banner .block=${this.block} .hasInput=${true}></invoify-block-banner>
        </div>
        <button slot="actions" type="button" class="button" ?disabled=${this.isBusy} @click=${this.#leave}>${t('word.cancel')}</button>
        ${isOpen ? html`
          <invoify-write-button slot="actions" look="primary" .blocked=${this.block}
            .label=${this.isBusy ? t('form.saving') : submit} @activate=${this.#submit}></invoify-write-button>` : ''}
      </invoify-sheet>`;
  }

  #renderBanner(): TemplateResult | string {
    const text = this.error && !this.error.fields ? refusalText(this.error) : this.task.before ? meanwhileText(this.task.record) : '';
    return text ? html`<div class="banner ${this.error ? '' : 'warn'}">${icon('warn')}<span>${text}</span></div>` : '';
  }

  #renderField(path: (typeof paths)[number]): TemplateResult {
    const reason = this._problems[path];
    const isAmount = path === 'amountMinor';
    const isRefund = this.#openMinor < 0;
    const kind = isAmount ? 'amount' : path === 'paidOn' ? 'date' : 'text';
    return html`
      <invoify-field data-path=${path} ?autofocus=${isAmount} .path=${path} .kind=${kind}
        .label=${fieldLabel(path === 'paidOn' && isRefund ? 'refundedOn' : path)} .unit=${isAmount ? this.#currency : ''}
        .value=${this._draft?.[path] ?? ''} .isOptional=${path === 'method' || path === 'reference'}
        .maxLength=${path === 'method' ? 100 : path === 'reference' ? 200 : null}
        .problem=${reason === undefined ? null : problemMessage(path, reason, this.#currency)}></invoify-field>`;
  }

  get #remainderText(): string {
    const amount = localNumbers.parseMoney(this._draft?.amountMinor ?? '', this.#currency);
    const openMinor = Math.abs(this.#openMinor);
    if (amount === null || amount < 1 || amount > openMinor) return '';
    if (amount === openMinor) return this.#openMinor < 0 ? '' : t('pay.settles');
    return t('pay.rest', { amount: formatMoney(openMinor - amount, this.#currency) });
  }
}

customElements.define('invoify-payment-dialog', InvoifyPaymentDialog);
