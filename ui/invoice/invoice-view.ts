// The detail of an invoice or credit note: open amount and due date, what corrects or is corrected by it, lines, totals, payments and
// notes.
//
//   <invoify-invoice-view .detail .block .canUnpay @remove-payment>
//
// `remove-payment` carries the id of the payment.

import { LitElement, css, html, type TemplateResult } from 'lit';

import type { Invoice } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { categoryOf, lineNetMinor, openMinorOf } from '../../shared/invoice.ts';
import { controls } from '../base/controls.ts';
import { detailStyles, facts, section } from '../record/detail-parts.ts';
import { emit } from '../base/events.ts';
import { formatDateLong, formatDateRange, formatMoney, formatPercent, formatQuantity } from '../text/format.ts';
import { t, tryText } from '../text/i18n.ts';
import { daysUntil } from './invoice-draft.ts';
import { fieldLabel } from '../text/messages.ts';
import type { Detail } from '../record/record-detail-data.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { totalsList, totalsStyles } from './totals.ts';
import '../base/write-button.ts';

export class InvoifyInvoiceView extends LitElement {
  static override properties = {
    detail: { attribute: false },
    block: { attribute: false },
    canUnpay: { attribute: false },
  };

  static override styles = [controls, detailStyles, totalsStyles, css`
    .figure { margin-block-start: var(--space-2); }
    .payments > li { grid-template-columns: minmax(0, 1fr) auto auto; align-items: center; }
    .figure > span { color: var(--color-muted); font-size: var(--text-body); font-weight: var(--weight-body); }
  `];

  declare detail: Detail | null;
  declare block: WriteBlock;
  /** The user may remove payments. */
  declare canUnpay: boolean;

  constructor() {
    super();
    this.detail = null;
    this.block = null;
    this.canUnpay = false;
  }

  override render(): TemplateResult {
    if (!this.detail) return html``;
    const invoice = this.detail.record.payload as JsonObject & Invoice;
    const money = (amountMinor: number): string => formatMoney(amountMinor, invoice.currency);
    const openMinor = openMinorOf(invoice);
    const { paidMinor, creditedMinor, servicePeriod } = invoice;
    const isCreditNote = invoice.kind === 'credit_note';
    const hasBalance = !isCreditNote && (invoice.status === 'open' || paidMinor !== 0 || creditedMinor !== 0);
    return html`
      <section>
        <button class="link" type="button" @click=${this.#openCustomer}>${invoice.customerName}</button>
        ${openMinor > 0 ? html`
          <p class="figure">${openMinor === invoice.totalMinor ? money(openMinor)
            : t('detail.openOf', { open: money(openMinor), total: money(invoice.totalMinor) })}</p>
          ${this.#renderDue(invoice)}` : openMinor < 0 ? html`
          <p class="figure">${money(-openMinor)}</p>
          <p class="figure-note bad">${t('detail.overpaid')}</p>` : html`
          <p class="figure">${money(invoice.totalMinor)}</p>
          <p class="figure-note">${t(!isCreditNote ? 'detail.inTotal'
            : invoice.status === 'draft' ? 'detail.toCredit' : 'totals.credited')}</p>`}
      </section>
      ${section('', facts([
        [t('detail.corrects'), this.#renderCredited()],
        [fieldLabel(isCreditNote ? 'creditDate' : 'issueDate'), formatDateLong(invoice.issueDate)],
        [fieldLabel('dueDate'), invoice.dueDate === undefined ? '' : formatDateLong(invoice.dueDate)],
        [fieldLabel(isPeriod(servicePeriod) ? 'servicePeriod' : 'serviceDate'), servicePeriod ? periodText(servicePeriod) : ''],
        [fieldLabel('buyerReference'), invoice.buyerReference ?? ''],
        [fieldLabel('orderNumber'), invoice.orderNumber ?? ''],
      ]))}
      ${section(fieldLabel('lines'), invoice.lines.length === 0 ? html`<p class="quiet">${t('detail.noLines')}</p>` : html`
        <ul class="rows">${invoice.lines.map((line) => html`
          <li>
            <span class="main">${line.description}</span><span class="amount">${money(lineNetMinor(line))}</span>
            <span class="aside">${priceText(line, invoice.currency)}&nbsp;· ${taxText(line)}</span>
          </li>`)}</ul>`)}
      ${section('', html`
        ${totalsList(invoice, invoice.currency, hasBalance ? { paidMinor, creditedMinor, openMinor } : null, isCreditNote)}
        ${invoice.taxExemptionReason ? html`<p class="quiet">${invoice.taxExemptionReason}</p>` : ''}`)}
      ${section(fieldLabel('payments'), this.#renderPayments(invoice))}
      ${section(t('detail.creditNotes'), this.#renderCredits())}
      ${section(fieldLabel(isCreditNote ? 'creditText' : 'note'), invoice.note ? html`<p class="text">${invoice.note}</p>` : '')}
      ${section(fieldLabel('internalNote'), invoice.internalNote ? html`<p class="text">${invoice.internalNote}</p>` : '')}`;
  }

  #renderDue({ dueDate }: Invoice): TemplateResult | string {
    if (dueDate === undefined) return '';
    const days = daysUntil(dueDate, localDay(Date.now()));
    const due = days < 0 ? t('detail.overdue', { count: -days }) : days === 0 ? t('detail.dueToday') : t('detail.dueIn', { count: days });
    return html`<p class="figure-note ${days < 0 ? 'bad' : ''}">${due}</p>`;
  }

  #renderPayments({ payments, currency }: Invoice): TemplateResult | string {
    if (payments.length === 0) return '';
    const removal = (amountMinor: number): string => t(amountMinor < 0 ? 'detail.removeRefund' : 'detail.removePayment', {
      amount: formatMoney(Math.abs(amountMinor), currency),
    });
    return html`<ul class="rows payments">${payments.map(({ id, amountMinor, paidOn, method, reference }) => {
      const amount = formatMoney(amountMinor, currency);
      return html`
        <li>
          <span>${amountMinor < 0 ? t('detail.refund', { date: formatDateLong(paidOn) }) : formatDateLong(paidOn)}
            <span class="aside">${[method, reference].filter(Boolean).join('\u00a0· ')}</span></span>
          <span class="amount">${amount}</span>
          ${this.canUnpay ? html`
            <invoify-write-button look="icon" icon="trash" .blocked=${this.block} .label=${removal(amountMinor)}
              @activate=${() => this.dispatchEvent(new CustomEvent('remove-payment', { detail: id }))}></invoify-write-button>` : ''}
        </li>`;
    })}</ul>`;
  }

  #renderCredited(): TemplateResult | string {
    const credited = this.detail?.credited;
    return credited ? this.#link(credited.id, String(credited.payload['number'] ?? '')) : '';
  }

  #renderCredits(): TemplateResult | string {
    const rows = this.detail?.credits?.rows ?? [];
    return rows.length === 0 ? '' : html`
      <ul class="rows">${rows.map(({ id, columns: { number, issueDate, totalMinor, currency } }) => html`
        <li>
          <span>${this.#link(id, String(number ?? t('detail.draft')))}
            <span class="aside">${formatDateLong(String(issueDate))}</span></span>
          <span class="amount">${formatMoney(Number(totalMinor), String(currency))}</span>
        </li>`)}</ul>`;
  }

  #link(id: string, text: string): TemplateResult {
    const open = (): void => emit(this, 'open-record', { collection: 'invoices', id });
    return html`<button class="link" type="button" @click=${open}>${text}</button>`;
  }

  #openCustomer(): void {
    const id = this.detail?.record.payload['customerId'];
    if (typeof id === 'string') emit(this, 'open-record', { collection: 'customers', id });
  }
}

type Line = Invoice['lines'][number];

/** `2 h × €96.00`, or `250 pcs × €3.20 per 100`. */
function priceText({ quantityMilli, unit, unitPriceMinor, priceQuantity = 1 }: Line, currency: string): string {
  const quantity = [formatQuantity(quantityMilli), unit].filter(Boolean).join('\u00a0');
  const price = formatMoney(unitPriceMinor, currency);
  return `${quantity} × ${priceQuantity === 1 ? price : t('lines.pricePer', { price, count: priceQuantity })}`;
}

/** The rate, or where there is none for a reason, the category. */
function taxText(line: Line): string {
  const category = categoryOf(line);
  return category === 'S' || category === 'Z' ? formatPercent(line.taxRateBp) : tryText('taxCategory', category);
}

function isPeriod(service: Invoice['servicePeriod']): service is { readonly from: string; readonly to: string } {
  return service?.to !== undefined && service.to !== service.from;
}

function periodText(service: NonNullable<Invoice['servicePeriod']>): string {
  return isPeriod(service) ? formatDateRange(service.from, service.to) : formatDateLong(service.from);
}

customElements.define('invoify-invoice-view', InvoifyInvoiceView);
