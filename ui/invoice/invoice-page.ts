// The printable invoice, and how it is printed or saved as a PDF. Laid out for A4: the table header repeats on every
// page, and neither a line nor the totals break across pages. Page numbers are in the margin (@page in ui/tokens.css).
//
//   <invoify-invoice-page .invoice .customer>

import { LitElement, css, html, type TemplateResult } from 'lit';

import type { Customer, Invoice } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { lineNetMinor, openMinorOf } from '../../shared/invoice.ts';
import type { Outcome, SavedFile } from '../../shared/window/ipc.ts';
import { ask } from '../base/ask.ts';
import { addressLines } from '../record/address.ts';
import { formatDateLong, formatMoney, formatPercent, formatQuantity } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import type { Detail } from '../record/record-detail-data.ts';
import { fieldLabel } from '../text/messages.ts';

export class InvoifyInvoicePage extends LitElement {
  static override properties = {
    invoice: { attribute: false },
    customer: { attribute: false },
  };

  static override styles = css`
    :host {
      display: block;
      color-scheme: light;
      background: var(--color-surface);
      color: var(--color-text);
      font-family: var(--font);
      font-size: 10pt;
      line-height: var(--line-body);
      print-color-adjust: exact;
    }

    h1, h2, p, address, dl, dd { margin: 0; }
    address { font-style: normal; }

    .head { display: grid; grid-template-columns: 1fr auto; gap: 12mm; align-items: start; min-block-size: 52mm; padding-block-start: 8mm; }
    .to { padding-block-start: 14mm; }
    .label { color: var(--color-muted); font-size: 8pt; }
    .name { font-weight: var(--weight-strong); }
    h1 { font-size: 20pt; font-weight: var(--weight-strong); line-height: var(--line-tight); text-align: end; }
    .meta { display: grid; grid-template-columns: auto auto; gap: 1mm 6mm; margin-block-start: 5mm; }
    .meta dt { color: var(--color-muted); }
    .meta dd { text-align: end; font-variant-numeric: tabular-nums; }
    .stamp { margin-block-start: 2mm; color: var(--color-bad); font-weight: var(--weight-strong);
      text-align: end; text-transform: uppercase;
      letter-spacing: 0.06em; }

    table { inline-size: 100%; margin-block-start: 8mm; border-collapse: collapse; }
    th { padding: 0 0 1.5mm; border-block-end: 0.35mm solid var(--color-text); font-size: 8pt; font-weight: var(--weight-strong);
      text-align: start; }
    td { padding: 2mm 0; border-block-end: 0.15mm solid var(--color-line); vertical-align: top; }
    tr { break-inside: avoid; }
    :is(th, td).number { padding-inline-start: 4mm; text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
    .position { inline-size: 8mm; color: var(--color-muted); }
    .description { white-space: pre-line; overflow-wrap: anywhere; }

    .totals { display: grid; grid-template-columns: auto auto; gap: 1.5mm 0; inline-size: fit-content; margin-block-start: 5mm;
      margin-inline-start: auto; break-inside: avoid; }
    .totals dd { padding-inline-start: 8mm; text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
    .totals .sum { padding-block-start: 1.5mm; border-block-start: 0.35mm solid var(--color-text); font-size: 12pt;
      font-weight: var(--weight-strong); }
    .totals .paid { color: var(--color-muted); }
    .foot { display: grid; gap: 4mm; margin-block-start: 10mm; break-inside: avoid; }
    .notes { white-space: pre-line; overflow-wrap: anywhere; }
  `;

  declare invoice: Invoice | null;
  /** The customer's current payload; null if the cache does not hold the customer. */
  declare customer: JsonObject | null;

  constructor() {
    super();
    this.invoice = null;
    this.customer = null;
  }

  override render(): TemplateResult {
    const { invoice } = this;
    if (!invoice) return html``;
    return html`
      <article>
        ${this.#renderHead(invoice)}
        ${this.#renderLines(invoice)}
        ${this.#renderTotals(invoice)}
        ${this.#renderFoot(invoice)}
      </article>`;
  }

  #renderHead(invoice: Invoice): TemplateResult {
    const customer = this.customer as (JsonObject & Customer) | null;
    const stamp = invoice.status === 'draft' ? t('page.draft') : invoice.status === 'void' ? t('page.void') : '';
    return html`
      <div class="head">
        <div class="to">
          <p class="label">${t('page.billTo')}</p>
          <address>
            <span class="name">${invoice.customerName}</span>
            ${[...(customer?.contact ? [customer.contact] : []), ...(customer ? addressLines(customer) : [])]
              .map((line) => html`<br>${line}`)}
          </address>
          ${customer?.taxId ? html`<p class="label">${t('page.customerTaxId')}: ${customer.taxId}</p>` : ''}
        </div>
        <div>
          <h1>${t('page.title')}</h1>
          ${stamp ? html`<p class="stamp">${stamp}</p>` : ''}
          <dl class="meta">
            ${invoice.number ? html`<dt>${t('page.number')}</dt><dd>${invoice.number}</dd>` : ''}
            <dt>${t('page.issued')}</dt><dd>${formatDateLong(invoice.issueDate)}</dd>
            <dt>${t('page.due')}</dt><dd>${formatDateLong(invoice.dueDate)}</dd>
          </dl>
        </div>
      </div>`;
  }

  #renderLines({ lines, currency }: Invoice): TemplateResult {
    return html`
      <table>
        <thead>
          <tr>
            <th scope="col">${t('page.position')}</th>
            <th scope="col">${fieldLabel('description')}</th>
            <th scope="col" class="number">${fieldLabel('quantityMilli')}</th>
            <th scope="col" class="number">${fieldLabel('unitPriceMinor')}</th>
            <th scope="col" class="number">${t('page.tax')}</th>
            <th scope="col" class="number">${t('page.amount')}</th>
          </tr>
        </thead>
        <tbody>${lines.map((line, index) => html`
          <tr>
            <td class="position">${index + 1}</td>
            <td class="description">${line.description}</td>
            <td class="number">${[formatQuantity(line.quantityMilli), line.unit].filter(Boolean).join('\u00a0')}</td>
            <td class="number">${formatMoney(line.unitPriceMinor, currency)}</td>
            <td class="number">${formatPercent(line.taxRateBp)}</td>
            <td class="number">${formatMoney(lineNetMinor(line), currency)}</td>
          </tr>`)}
        </tbody>
      </table>`;
  }

  #renderTotals(invoice: Invoice): TemplateResult {
    const money = (amountMinor: number): string => formatMoney(amountMinor, invoice.currency);
    const isPartlyPaid = invoice.payments.length > 0 && invoice.status !== 'void';
    return html`
      <dl class="totals">
        <dt>${t('totals.subtotal')}</dt><dd>${money(invoice.subtotalMinor)}</dd>
        ${invoice.taxes.map(({ rateBp, netMinor, taxMinor }) => html`
          <dt>${t('totals.tax', { rate: formatPercent(rateBp), net: money(netMinor) })}</dt><dd>${money(taxMinor)}</dd>`)}
        <dt class="sum">${t('totals.sum')}</dt><dd class="sum">${money(invoice.totalMinor)}</dd>
        ${isPartlyPaid ? html`
          ${invoice.payments.map(({ amountMinor, paidOn }) => html`
            <dt class="paid">${t('page.received', { date: formatDateLong(paidOn) })}</dt><dd class="paid">${money(-amountMinor)}</dd>`)}
          <dt class="sum">${t('page.toPay')}</dt><dd class="sum">${money(openMinorOf(invoice))}</dd>` : ''}
      </dl>`;
  }

  #renderFoot(invoice: Invoice): TemplateResult {
    const request = invoice.status === 'paid' ? t('page.paid') : invoice.status === 'sent' ? t('page.payBy', {
      amount: formatMoney(openMinorOf(invoice), invoice.currency), date: formatDateLong(invoice.dueDate), number: invoice.number ?? '',
    }) : '';
    return html`
      <div class="foot">
        ${request ? html`<p>${request}</p>` : ''}
        ${invoice.notes ? html`<p class="notes">${invoice.notes}</p>` : ''}
      </div>`;
  }
}

/**
 * Prints the invoice of a detail, or saves it as a PDF: the value is then the file, or null if the user cancelled. The page
 * is in the document only while it prints; the print rules in ui/tokens.css hide everything else.
 */
export async function exportInvoice(host: EventTarget, detail: Detail, to: 'print' | 'pdf'): Promise<Outcome<SavedFile | null>> {
  const page = new InvoifyInvoicePage();
  page.invoice = detail.record.payload as JsonObject & Invoice;
  page.customer = detail.customer?.payload ?? null;
  document.body.append(page);
  try {
    await page.updateComplete;
    return to === 'print' ? await ask(host, 'app.print') : await ask(host, 'app.exportPdf', { name: fileName(page.invoice) });
  } finally {
    page.remove();
  }
}

function fileName({ number, customerName }: Invoice): string {
  return number ?? `${t('detail.draft')} ${customerName}`;
}

customElements.define('invoify-invoice-page', InvoifyInvoicePage);
