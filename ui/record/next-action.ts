// What the toast after an action offers: the paper of what was issued, or to take back what was just recorded. By then the detail may
// show something else, so that nothing here depends on it.

import type { LitElement } from 'lit';

import type { Invoice } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { RecordVersion } from '../../shared/window/ipc.ts';
import type { WireRecord } from '../../shared/protocol.ts';
import { ask } from '../base/ask.ts';
import { emit, type ToastText } from '../base/events.ts';
import { exportInvoice } from '../invoice/invoice-page.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { t } from '../text/i18n.ts';
import type { Detail } from './record-detail-data.ts';
import type { ActionTask } from './record-flow.ts';

/** What is likely to be wanted after an action with this result; `detail` shows the record. */
export function nextAction(
  { action, collection }: ActionTask, record: WireRecord, detail: Detail | null, canPdf: boolean,
): ToastText['action'] | null {
  if (action === 'issue' && detail) {
    const to = canPdf ? 'pdf' : 'print';
    return { label: t(`action.${to}`), run: (element) => void exportTo(element, detail, to) };
  }
  const payment = action === 'pay' ? (record.payload as (JsonObject & Invoice) | undefined)?.payments.at(-1) : undefined;
  return payment ? { label: t('word.undo'), run: (element) => void takeBack(element, collection, record, payment.id) } : null;
}

/** Prints an invoice or saves it as a PDF; a toast says what became of it. */
export async function exportTo(element: LitElement, detail: Detail, to: 'print' | 'pdf'): Promise<void> {
  const outcome = await exportInvoice(element, detail, to);
  if (!outcome.ok) emit(element, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
  else if (outcome.value) emit(element, 'toast', { text: t('done.pdf', { path: outcome.value.path }), tone: 'ok' });
}

/** Takes back a payment that was just recorded, unless the invoice has changed since. */
async function takeBack(element: LitElement, collection: string, record: WireRecord, paymentId: string): Promise<void> {
  const outcome = await ask(element, 'records.removeEntry', { ...versionOf(collection, record), list: 'payments', entry: paymentId });
  emit(element, 'toast', outcome.ok ? { text: t('done.undone'), tone: 'ok' } : { text: callErrorText(outcome.error), tone: 'bad' });
}

/** Removes a draft that was just made, unless it has changed since; resolves with whether it is gone. A toast says so. */
export async function takeBackDraft(element: LitElement, collection: string, record: WireRecord): Promise<boolean> {
  const outcome = await ask(element, 'records.remove', versionOf(collection, record));
  emit(element, 'toast', outcome.ok ? { text: t('done.undone'), tone: 'ok' } : { text: callErrorText(outcome.error), tone: 'bad' });
  return outcome.ok;
}

export function versionOf(collection: string, { id, updatedAt }: WireRecord): RecordVersion {
  return { collection, id, updatedAt };
}
