// The detail of an invoice: open amount and due date, lines, totals, payments and notes.

import { LitElement, css, html, type TemplateResult } from 'lit';

import type { Invoice } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { lineNetMinor, openMinorOf } from '../../shared/invoice.ts';
import { controls } from '../base/controls.ts';
import { detailStyles, facts, section } from '../record/detail-parts.ts';
import { emit } from '../base/events.ts';
import { formatDateLong, formatMoney, formatPercent, formatQuantity, localDay } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { daysUntil } from './invoice-draft.ts';
import { fieldLabel } from '../text/messages.ts';
import type { Detail } from '../record/record-detail-data.ts';
import { totalsList, totalsStyles } from './totals.ts';

export class InvoifyInvoiceView extends LitElement {
  static override properties = { detail: { attribute: false } };

  static override styles = [controls, detailStyles, totalsStyles, css`
    .figure { margin-block-start: var(--space-2); }
    .figure > span { color: var(--color-muted); font-size: var(--text-body); font-weight: var(--weight-body); }
  `];

  declare detail: Detail | null;

  constructor() {
    super();
    this.detail = null;
  }

  override render(): TemplateResult {
    if (!this.detail) return html``;
    const invoice = this.detail.record.payload as JsonObject & Invoice;
    const money = (amountMinor: number): string => formatMoney(amountMinor, invoice.currency);
    const openMinor = openMinorOf(invoice);
    const hasPayments = invoice.payments.length > 0;
    return html`
      <section>
        <button class="link" type="button" @click=${this.#openCustomer}>${invoice.customerName}</button>
        ${openMinor > 0 ? html`
          <p class="figure">${money(openMinor)} <span>${t('detail.openOf', { total: money(invoice.totalMinor) })}</span></p>
          ${this.#renderDue(invoice)}` : html`
          <p class="figure">${money(invoice.totalMinor)}</p>
          <p class="figure-note">${t('detail.inTotal')}</p>`}
      </section>
      ${section('', facts([
        [fieldLabel('issueDate'), formatDateLong(invoice.issueDate)],
        [fieldLabel('dueDate'), formatDateLong(invoice.dueDate)],
      ]))}
      ${section(fieldLabel('lines'), invoice.lines.length === 0 ? html`<p class="quiet">${t('detail.noLines')}</p>` : html`
        <ul class="rows">${invoice.lines.map((line) => html`
          <li>
            <span class="main">${line.description}</span><span class="amount">${money(lineNetMinor(line))}</span>
            <span class="aside">${quantityText(line)} × ${money(line.unitPriceMinor)}&nbsp;· ${formatPercent(line.taxRateBp)}</span>
          </li>`)}</ul>`)}
      ${section('', totalsList(invoice, invoice.currency,
        hasPayments || invoice.status === 'sent' ? { paidMinor: invoice.paidMinor, openMinor } : null))}
      ${hasPayments ? section(fieldLabel('payments'), html`
        <ul class="rows">${invoice.payments.map(({ amountMinor, paidOn }) => html`
          <li><span>${formatDateLong(paidOn)}</span><span class="amount">${money(amountMinor)}</span></li>`)}</ul>`) : ''}
      ${section(fieldLabel('notes'), invoice.notes ? html`<p class="text">${invoice.notes}</p>` : '')}`;
  }

  #renderDue({ dueDate }: Invoice): TemplateResult {
    const days = daysUntil(dueDate, localDay(Date.now()));
    const due = days < 0 ? t('detail.overdue', { count: -days }) : days === 0 ? t('detail.dueToday') : t('detail.dueIn', { count: days });
    return html`<p class="figure-note ${days < 0 ? 'bad' : ''}">${due}</p>`;
  }

  #openCustomer(): void {
    const id = this.detail?.record.payload['customerId'];
    if (typeof id === 'string') emit(this, 'open-record', { collection: 'customers', id });
  }
}

function quantityText({ quantityMilli, unit }: Invoice['lines'][number]): string {
  return [formatQuantity(quantityMilli), unit].filter(Boolean).join('\u00a0');
}

customElements.define('invoify-invoice-view', InvoifyInvoiceView);
