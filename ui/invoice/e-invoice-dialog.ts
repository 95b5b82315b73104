// Says what an invoice lacks to be an e-invoice, by field, and leads to where that can be entered.
//
//   <invoify-e-invoice-dialog .problems .currency .isOwner .isWriter @lead @leave>
//
// `lead` carries the first of what is missing in the company, the customer or the invoice.

import { LitElement, css, html, type TemplateResult } from 'lit';

import type { Problems } from '../../shared/problems.ts';
import { controls } from '../base/controls.ts';
import { currentLocale, t, tryText } from '../text/i18n.ts';
import { fieldLabel, problemMessage } from '../text/messages.ts';
import { findGaps, type Gap, type GapPlace } from './e-invoice-gaps.ts';
import '../base/sheet.ts';

export class InvoifyEInvoiceDialog extends LitElement {
  static override properties = {
    problems: { attribute: false },
    currency: { attribute: false },
    isOwner: { attribute: false },
    isWriter: { attribute: false },
  };

  static override styles = [controls, css`
    p { margin: 0; }
    ul { margin: 0; padding-inline-start: var(--space-4); overflow-wrap: anywhere; }
    .content { display: grid; gap: var(--space-2); }
  `];

  declare problems: Problems;
  declare currency: string;
  declare isOwner: boolean;
  declare isWriter: boolean;

  constructor() {
    super();
    this.problems = {};
    this.currency = '';
    this.isOwner = false;
    this.isWriter = false;
  }

  #lead(gap: Gap): void {
    this.dispatchEvent(new CustomEvent<Gap>('lead', { detail: gap }));
  }

  override render(): TemplateResult {
    const gaps = findGaps(this.problems);
    const firstIn = (place: GapPlace): readonly Gap[] => gaps.filter((gap) => gap.place === place && !gap.isFixed).slice(0, 1);
    const ways: readonly (readonly [Gap, string])[] = [
      ...this.isOwner ? firstIn('company').map((gap) => [gap, t('eInvoice.openCompany')] as const) : [],
      ...this.isWriter ? firstIn('customer').map((gap) => [gap, t('eInvoice.openCustomer')] as const) : [],
      ...this.isWriter ? firstIn('invoice').map((gap) => [gap, t('eInvoice.openInvoice')] as const) : [],
    ];
    return html`
      <invoify-sheet placement="centre" .heading=${t('eInvoice.title')} @sheet-close=${() => this.dispatchEvent(new CustomEvent('leave'))}>
        <div class="content">
          <p>${t('eInvoice.text')}</p>
          <ul>${gaps.map((gap) => html`<li><span>${this.#describe(gap)}</span>${
            gap.field === 'buyerReference' ? html`<br><span class="hint">${t('hint.buyerReference')}</span>` : ''}</li>`)}</ul>
          ${firstIn('company').length > 0 && !this.isOwner ? html`<p>${t('eInvoice.askOwner')}</p>` : ''}
          ${gaps.some(({ isFixed }) => isFixed) ? html`<p>${t('eInvoice.fixed')}</p>` : ''}
        </div>
        <button slot="actions" type="button" class="button" autofocus
          @click=${() => this.dispatchEvent(new CustomEvent('leave'))}>${t('word.close')}</button>
        ${ways.map(([gap, label], index) => html`
          <button slot="actions" type="button" class="button ${index === 0 ? 'primary' : ''}" data-place=${gap.place}
            @click=${() => this.#lead(gap)}>${label}</button>`)}
      </invoify-sheet>`;
  }

  #describe({ place, field, problem, isFixed }: Gap): string {
    const { or } = problem.params ?? {};
    const name = field.startsWith('electronicAddress') ? 'electronicAddress' : field;
    const either = [name, ...typeof or === 'string' ? [or] : []].map(fieldLabel);
    const fields = or === 'orderNumber' ? t('eInvoice.orOrderNumber', { field: fieldLabel(name) })
      : new Intl.ListFormat(currentLocale().language, { type: 'disjunction' }).format(either);
    const label = `${tryText('eInvoice', place)}: ${fields}`;
    return problem.code === 'required' && !isFixed ? label : `${label} – ${problemMessage(field, problem, this.currency)}`;
  }
}

customElements.define('invoify-e-invoice-dialog', InvoifyEInvoiceDialog);
