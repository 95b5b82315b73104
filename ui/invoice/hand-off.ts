// Hands an issued invoice on: as an e-invoice in a file, or with an e-mail that the user's own program opens; and a customer's
// statement of account, on paper or as a PDF. Loaded when it is first asked for.

import type { LitElement } from 'lit';

import type { Company, Customer, Invoice } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { Problems } from '../../shared/problems.ts';
import type { RecordView } from '../../shared/window/views.ts';
import { companyScreen, type Lead } from '../app-state.ts';
import { ask } from '../base/ask.ts';
import { emit } from '../base/events.ts';
import type { Detail } from '../record/record-detail-data.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { t } from '../text/i18n.ts';
import type { InvoifyEInvoiceDialog } from './e-invoice-dialog.ts';
import type { Gap } from './e-invoice-gaps.ts';
import { invoiceMail } from './email-text.ts';
import { exportInvoice } from './invoice-page.ts';
import { exportStatement } from './statement.ts';
import './e-invoice-dialog.ts';

export interface HandOffRights {
  readonly isOwner: boolean;
  readonly isWriter: boolean;
  /** Whether this shell can save a PDF. */
  readonly canPdf: boolean;
}

/** Saves the e-invoice, or says what is missing; a toast says what became of it. Once something missing is entered, it goes on. */
export async function exportEInvoice(host: LitElement, { record, customer }: Detail, rights: HandOffRights): Promise<void> {
  const outcome = await ask(host, 'app.exportEInvoice', { id: record.id });
  if (outcome.ok) {
    if (outcome.value) emit(host, 'toast', { text: t('done.pdf', { path: outcome.value.path }), tone: 'ok' });
    return;
  }
  const { code, fields } = outcome.error;
  if (code !== 'invalid_request' || !fields) return emit(host, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
  const gap = await showGaps(host, fields, String(record.payload['currency']), rights);
  if (!gap) return;
  const lead: Lead = { field: gap.field, back: { collection: 'invoices', id: record.id, act: 'eInvoice' } };
  switch (gap.place) {
    case 'company': return emit(host, 'navigate', { screen: companyScreen, lead });
    case 'customer': return customer === null ? undefined
      : emit(host, 'open-record', { collection: 'customers', id: customer.id, act: 'edit', lead });
    case 'invoice': return emit(host, 'open-record', { collection: 'invoices', id: record.id, act: 'edit', lead });
  }
}

/** Shows what is missing, and resolves with what the user wants to enter. */
async function showGaps(host: LitElement, problems: Problems, currency: string, rights: HandOffRights): Promise<Gap | null> {
  const dialog = document.createElement('invoify-e-invoice-dialog') as InvoifyEInvoiceDialog;
  Object.assign(dialog, { problems, currency, isOwner: rights.isOwner, isWriter: rights.isWriter });
  const { promise, resolve } = Promise.withResolvers<Gap | null>();
  dialog.addEventListener('lead', (event) => resolve((event as CustomEvent<Gap>).detail));
  dialog.addEventListener('leave', () => resolve(null));
  host.renderRoot.append(dialog);
  try {
    return await promise;
  } finally {
    dialog.remove();
  }
}

/** Saves the PDF, where that is possible, then opens the e-mail; if the user cancels the first, nothing more happens. */
export async function openEmail(host: LitElement, detail: Detail, { canPdf }: HandOffRights): Promise<void> {
  const saved = canPdf ? await exportInvoice(host, detail, 'pdf') : null;
  if (saved && !saved.ok) return emit(host, 'toast', { text: callErrorText(saved.error), tone: 'bad' });
  if (saved && saved.value === null) return;
  const mail = invoiceMail({
    invoice: detail.record.payload as JsonObject & Invoice,
    company: payloadOf<Company>(detail.company),
    customer: payloadOf<Customer>(detail.customer),
    credited: payloadOf<Invoice>(detail.credited),
  });
  const opened = await ask(host, 'app.openEmail', mail);
  if (!opened.ok) {
    const text = opened.error.code === 'internal' ? t('email.failed') : callErrorText(opened.error);
    return emit(host, 'toast', { text, tone: 'bad' });
  }
  emit(host, 'toast', { text: saved?.value ? t('done.email', { path: saved.value.path }) : t('done.emailOnly'), tone: 'ok' });
}

/** Prints a customer's statement of account; a toast says why, if that fails. */
export const printStatement = (host: LitElement, detail: Detail): Promise<void> => openStatement(host, detail, 'print');

/** Saves a customer's statement of account as a PDF; a toast says what became of it. */
export const saveStatement = (host: LitElement, detail: Detail): Promise<void> => openStatement(host, detail, 'pdf');

async function openStatement(host: LitElement, detail: Detail, to: 'print' | 'pdf'): Promise<void> {
  const outcome = await exportStatement(host, detail, to, localDay(Date.now()));
  if (!outcome.ok) emit(host, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
  else if (outcome.value) emit(host, 'toast', { text: t('done.pdf', { path: outcome.value.path }), tone: 'ok' });
}

function payloadOf<T>(record: RecordView | null): (JsonObject & T) | null {
  return (record?.payload ?? null) as (JsonObject & T) | null;
}
