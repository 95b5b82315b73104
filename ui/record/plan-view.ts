// The detail of a plan: price, whether it is offered, and how many customers are on it.

import { LitElement, html, type TemplateResult } from 'lit';

import type { Plan } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { controls } from '../base/controls.ts';
import { detailStyles, facts, section } from './detail-parts.ts';
import { emit } from '../base/events.ts';
import { formatMoney, formatPercent } from '../text/format.ts';
import { t, tryText } from '../text/i18n.ts';
import { fieldLabel } from '../text/messages.ts';
import type { Detail } from './record-detail-data.ts';

export class InvoifyPlanView extends LitElement {
  static override properties = { detail: { attribute: false } };
  static override styles = [controls, detailStyles];

  declare detail: Detail | null;

  constructor() {
    super();
    this.detail = null;
  }

  override render(): TemplateResult {
    if (!this.detail) return html``;
    const { record, references } = this.detail;
    const plan = record.payload as JsonObject & Plan;
    return html`
      <section>
        <p class="figure">${formatMoney(plan.priceMinor, plan.currency)}</p>
        <p class="figure-note">${tryText('interval', plan.interval)}</p>
      </section>
      ${section('', facts([
        [fieldLabel('unit'), plan.unit ?? ''],
        [fieldLabel('taxRateBp'), plan.taxRateBp === undefined ? '' : formatPercent(plan.taxRateBp)],
        [fieldLabel('status'), t(plan.active ? 'detail.offered' : 'detail.notOffered')],
        [t('collection.customers'), references === null ? '' : references === 0 ? t('detail.noCustomers') : html`
          <button class="link" type="button" @click=${this.#showCustomers}>${t('detail.customersOn', { count: references })}</button>`],
      ]))}`;
  }

  #showCustomers(): void {
    const record = this.detail?.record;
    if (record) emit(this, 'show-list', { collection: 'customers', filters: { planId: record.id }, label: String(record.payload['name']) });
  }
}

customElements.define('invoify-plan-view', InvoifyPlanView);
