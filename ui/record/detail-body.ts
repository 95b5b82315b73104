// What a detail shows of its record: the view of its collection, or why there is none.

import { html, type TemplateResult } from 'lit';

import type { JsonObject } from '../../shared/fields.ts';
import type { CallError } from '../../shared/window/ipc.ts';
import type { SignedInUser } from '../../shared/protocol.ts';
import { callErrorText } from '../text/call-error-text.ts';
import './customer-view.ts';
import { t } from '../text/i18n.ts';
import '../invoice/invoice-view.ts';
import './plan-view.ts';
import type { Detail } from './record-detail-data.ts';
import './record-view.ts';
import './user-view.ts';

/** `detail`: null where the copy does not have it, undefined until it is read. */
export function detailBody(detail: Detail | null | undefined, failure: CallError | null, user: SignedInUser | null): TemplateResult {
  if (failure) return html`<p class="quiet" role="alert">${callErrorText(failure)}</p>`;
  if (detail === undefined) return html`<p class="quiet">${t('detail.loading')}</p>`;
  if (detail === null) return html`<p class="quiet" role="status">${t('detail.gone')}</p>`;
  switch (detail.collection) {
    case 'invoices': return html`<invoify-invoice-view .detail=${detail}></invoify-invoice-view>`;
    case 'customers': return html`<invoify-customer-view .detail=${detail}></invoify-customer-view>`;
    case 'plans': return html`<invoify-plan-view .detail=${detail}></invoify-plan-view>`;
    case 'users': return html`<invoify-user-view .detail=${detail} .userId=${user?.id ?? ''}></invoify-user-view>`;
    default: return html`<invoify-record-view .detail=${detail}></invoify-record-view>`;
  }
}

/** A record's own name. */
export function titleOf(payload: JsonObject): string {
  return String(payload['number'] ?? payload['name'] ?? t('detail.draftInvoice'));
}
