// The detail of a customer: open balance, contact, plan, and open and latest invoices.

import { LitElement, css, html, type TemplateResult } from 'lit';

import type { Customer, Plan } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { isOverdue } from '../../shared/invoice.ts';
import type { Outcome } from '../../shared/window/ipc.ts';
import { phoneLink } from '../../shared/window/phone.ts';
import type { ListRow } from '../../shared/window/views.ts';
import { addressLines } from './address.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { detailStyles, facts, section } from './detail-parts.ts';
import { emit } from '../base/events.ts';
import { statusCell } from '../list/list-columns.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { formatDate, formatMoney } from '../text/format.ts';
import { t, tryText } from '../text/i18n.ts';
import { fieldLabel } from '../text/messages.ts';
import type { Detail } from './record-detail-data.ts';
import { languageName, usualLanguageText } from './value-text.ts';

export class InvoifyCustomerView extends LitElement {
  static override properties = { detail: { attribute: false } };

  static override styles = [controls, detailStyles, css`
    .rows > li { align-items: baseline; }
    .all { margin-block-start: var(--space-2); }
    .rows .late { color: var(--color-bad); }
  `];

  declare detail: Detail | null;

  constructor() {
    super();
    this.detail = null;
  }

  override render(): TemplateResult {
    if (!this.detail) return html``;
    const { record, plan, totals } = this.detail;
    const customer = record.payload as JsonObject & Customer;
    return html`
      <section>
        ${totals.length === 0 ? html`<p class="figure">${formatMoney(0, customer.currency)}</p>`
          : totals.map(({ currency, openMinor }) => html`
          <p class="figure">${formatMoney(openMinor, currency)}</p>`)}
        <p class="figure-note">${t('detail.openBalance')}${totals.map(({ currency, totalMinor }) => html`&nbsp;·
          ${t('detail.billed', { amount: formatMoney(totalMinor, currency) })}`)}</p>
      </section>
      ${section('', facts([
        [fieldLabel('contact'), customer.contact ?? ''],
        [fieldLabel('email'), customer.email ? this.#renderLink(customer.email, 'mail', (to) =>
          ask(this, 'app.openEmail', { to, subject: '', text: '' })) : ''],
        [fieldLabel('phone'), this.#renderPhone(customer.phone ?? '')],
        [fieldLabel('address'), addressText(customer)],
        [fieldLabel('number'), customer.number ?? ''],
        [fieldLabel('vatId'), customer.vatId ?? ''],
        [fieldLabel('currency'), customer.currency],
        [fieldLabel('language'), customer.language === undefined ? usualLanguageText(customer.address?.country ?? '')
          : languageName(customer.language)],
        [t('detail.terms'), customer.paymentTermsDays === undefined ? '' : t('detail.days', { count: customer.paymentTermsDays })],
        [fieldLabel('buyerReference'), customer.buyerReference ?? ''],
        [fieldLabel('electronicAddress'), customer.electronicAddress ? Object.values(customer.electronicAddress).join(': ') : ''],
        [fieldLabel('planId'), plan ? this.#renderPlan(plan.id, plan.payload as JsonObject & Plan) : ''],
      ]))}
      ${section(t('detail.openInvoices'), this.#renderOpen())}
      ${section(t('detail.latestInvoices'), this.#renderInvoices())}
      ${section(fieldLabel('internalNote'), customer.internalNote ? html`<p class="text">${customer.internalNote}</p>` : '')}`;
  }

  #renderPlan(id: string, plan: Plan): TemplateResult {
    return html`<button class="link" type="button"
      @click=${() => emit(this, 'open-record', { collection: 'plans', id })}>${plan.name}</button>
      <p class="quiet">${formatMoney(plan.priceMinor, plan.currency)}&nbsp;· ${tryText('interval', plan.interval)}</p>`;
  }

  #renderPhone(phone: string): TemplateResult | string {
    return phoneLink(phone) === null ? phone : this.#renderLink(phone, 'phone', (number) => ask(this, 'app.openPhone', { number }));
  }

  /** An address that another program opens. */
  #renderLink(text: string, kind: 'mail' | 'phone', open: (text: string) => Promise<Outcome<null>>): TemplateResult {
    const follow = async (): Promise<void> => {
      const outcome = await open(text);
      if (!outcome.ok) emit(this, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
    };
    return html`<button class="link" type="button" data-link=${kind} @click=${follow}>${text}</button>`;
  }

  #renderOpen(): TemplateResult | string {
    const { rows, total } = this.detail?.open ?? { rows: [], total: 0 };
    if (total === 0) return '';
    return html`
      <ul class="rows" data-open>${rows.map((row) => this.#renderOpenInvoice(row))}</ul>
      ${total > rows.length ? html`<button class="link all" type="button"
        @click=${() => this.#showList({ status: 'open' })}>${t('detail.allOpen', { count: total })}</button>` : ''}`;
  }

  #renderOpenInvoice({ id, columns }: ListRow): TemplateResult {
    const { number, dueDate, openMinor, currency } = columns;
    const due = typeof dueDate === 'string' ? dueDate : null;
    const isLate = isOverdue({ dueDate: due, openMinor: Number(openMinor) }, localDay(Date.now()));
    const note = Number(openMinor) < 0 ? t('detail.overpaid') : due === null ? ''
      : t(isLate ? 'detail.overdueSince' : 'detail.dueOn', { date: formatDate(due) });
    return html`
      <li>
        <span>
          <button class="link" type="button" @click=${() => emit(this, 'open-record', { collection: 'invoices', id })}>${number}</button>
          ${note === '' ? '' : html`<span class="aside ${isLate ? 'late' : ''}">${note}</span>`}
        </span>
        <span class="amount">${formatMoney(Number(openMinor), String(currency))}</span>
      </li>`;
  }

  #renderInvoices(): TemplateResult {
    const { rows, total } = this.detail?.invoices ?? { rows: [], total: 0 };
    if (total === 0) return html`<p class="quiet">${t('detail.noInvoices')}</p>`;
    return html`
      <ul class="rows">${rows.map((row) => this.#renderInvoice(row))}</ul>
      <button class="link all" type="button" @click=${() => this.#showList({})}>${t('detail.allInvoices', { count: total })}</button>`;
  }

  #renderInvoice(row: ListRow): TemplateResult {
    const { id, columns: { number, kind, issueDate, totalMinor, currency } } = row;
    const { text, badge = 'plain' } = statusCell(row, localDay(Date.now()));
    return html`
      <li>
        <span>
          <button class="link" type="button"
            @click=${() => emit(this, 'open-record', { collection: 'invoices', id })}>${
              number ?? t(kind === 'credit_note' ? 'status.credit_note' : 'detail.draft')}</button>
          <span class="aside">${formatDate(String(issueDate))}</span>
          <span class="badge" data-tone=${badge}>${text}</span>
        </span>
        <span class="amount">${formatMoney(Number(totalMinor), String(currency))}</span>
      </li>`;
  }

  #showList(filters: Readonly<Record<string, string>>): void {
    const record = this.detail?.record;
    if (!record) return;
    const label = String(record.payload['name']);
    emit(this, 'show-list', { collection: 'invoices', filters: { customerId: record.id, ...filters }, label });
  }
}

function addressText(customer: Customer): TemplateResult | string {
  const lines = addressLines(customer);
  return lines.length === 0 ? '' : html`<span class="lines">${lines.join('\n')}</span>`;
}

customElements.define('invoify-customer-view', InvoifyCustomerView);
