// Puts an invoice on paper: the printable page stands beside the window for as long as it is printed or saved, and the
// rules for print in ui/tokens.css leave nothing else on the sheet.

import type { Invoice } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { Outcome, SavedFile } from '../../shared/window/ipc.ts';
import { ask } from '../base/ask.ts';
import { t } from '../text/i18n.ts';
import { InvoifyInvoicePage } from './invoice-page.ts';
import type { Detail } from '../record/record-detail-data.ts';

/** Prints the invoice of a detail, or saves it as a PDF: then where to, or null where the person changed their mind. */
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
