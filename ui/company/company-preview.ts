// A sample invoice as it would be printed, at the available width.
//
//   <invoify-company-preview .fields>

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import type { Company } from '../../shared/collections.ts';
import { addDays, localDay } from '../../shared/days.ts';
import type { Json, JsonObject } from '../../shared/fields.ts';
import { computeTotals } from '../../shared/invoice.ts';
import { controls } from '../base/controls.ts';
import { paperContent, type Paper } from '../invoice/paper-content.ts';
import '../invoice/invoice-page.ts';
import { currentLocale, t } from '../text/i18n.ts';

/** Terms and rate of the sample if the company has none. */
const usual = { termsDays: 14, taxRateBp: 1900 } as const;

export class InvoifyCompanyPreview extends LitElement {
  static override properties = { fields: { attribute: false } };

  static override styles = [controls, css`
    :host { display: block; container-type: inline-size; }
    figure { margin: 0; }
    figcaption { margin-block-end: var(--space-2); color: var(--color-muted); font-size: var(--text-small); }
    .frame { position: relative; aspect-ratio: 210 / 297; border: 1px solid var(--color-line); overflow: hidden; }
    /* Only the first page, which has the company's letterhead. */
    invoify-invoice-page { position: absolute; inset: 0 auto auto 0; transform-origin: 0 0; scale: calc(100cqi / 210mm); }
  `];

  /** The company's fields, as far as they are known and valid. */
  declare fields: JsonObject;
  #paper: Paper | null = null;

  constructor() {
    super();
    this.fields = {};
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('fields')) this.#paper = samplePaper(this.fields, localDay(Date.now()));
  }

  override render(): TemplateResult {
    return html`
      <figure>
        <figcaption>${t('company.preview')}</figcaption>
        <div class="frame" aria-hidden="true"><invoify-invoice-page .paper=${this.#paper}></invoify-invoice-page></div>
      </figure>`;
  }
}

/**
 * The sample, from what the company's form holds so far: `fields` may lack some, and hold null for what is not valid yet. `today` is
 * YYYY-MM-DD.
 */
function samplePaper(fields: JsonObject, today: string): Paper {
  const company: Company = { name: '', ...withoutNull(fields) as Partial<Company> };
  const { invoicePrefix = 'INV-', paymentTermsDays = usual.termsDays, taxRateBp = usual.taxRateBp } = company;
  const lines = [
    { description: t('company.sampleWork'), quantityMilli: 8_000, unit: t('company.sampleHours'), unitPriceMinor: 9_500, taxRateBp },
    { description: t('company.sampleGoods'), quantityMilli: 250_000, unitPriceMinor: 1_250, priceQuantity: 100, taxRateBp },
  ];
  const buyer = {
    name: t('company.sampleBuyer'),
    language: currentLocale().language,
    address: { street: t('company.sampleStreet'), city: t('company.sampleCity') },
  };
  return paperContent({
    invoice: {
      kind: 'invoice', status: 'open', number: `${invoicePrefix}${today.slice(0, 4)}-00001`, customerId: '', customerName: buyer.name,
      issueDate: today, dueDate: addDays(today, paymentTermsDays), servicePeriod: { from: today }, currency: 'EUR', lines, buyer,
      ...computeTotals(lines), paidMinor: 0, creditedMinor: 0, payments: [],
    },
    company, customer: null, credited: null,
  });
}

function withoutNull(fields: JsonObject): JsonObject {
  const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
  return Object.fromEntries(Object.entries(fields).flatMap(([name, value]) =>
    (value === null ? [] : [[name, isObject(value) ? withoutNull(value) : value]])));
}

customElements.define('invoify-company-preview', InvoifyCompanyPreview);
