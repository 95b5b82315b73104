// The badge beside a record's title: the state that it is in, as word and colour, never colour alone.

import { html, type TemplateResult } from 'lit';

import type { Invoice } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { displayStatus, openMinorOf } from '../../shared/invoice.ts';
import { statusTone } from '../list/list-columns.ts';
import { t, tryText } from '../text/i18n.ts';
import type { Detail } from './record-detail-data.ts';

/** '' for a record that is in no particular state. */
export function stateBadge({ collection, record: { payload } }: Detail): TemplateResult | string {
  if (collection === 'invoices') return invoiceBadge(payload as JsonObject & Invoice);
  const isRetired = collection === 'plans' && payload['active'] === false;
  if (isRetired) return html`<span class="badge" data-tone="muted">${t('active.no')}</span>`;
  const isDisabled = collection === 'users' && payload['disabled'] === true;
  return isDisabled ? html`<span class="badge" data-tone="bad">${t('disabled.yes')}</span>` : '';
}

function invoiceBadge(invoice: Invoice): TemplateResult {
  const facts = { ...invoice, openMinor: openMinorOf(invoice), hasPayments: invoice.payments.length > 0 };
  const status = displayStatus(facts, localDay(Date.now()));
  // A draft's title says that it is a credit note.
  return invoice.kind === 'credit_note' && status !== 'draft' ? html`<span class="badge">${t('status.credit_note')}</span>`
    : html`<span class="badge" data-tone=${statusTone(status)}>${tryText('status', status)}</span>`;
}
