// The default values of a new record.

import type { JsonObject } from '../../shared/fields.ts';
import type { Outcome } from '../../shared/window/ipc.ts';
import type { CurrencyTotals, ListSelection } from '../../shared/window/views.ts';
import { newInvoice } from '../invoice/invoice-draft.ts';

type AskTotals = (selection: ListSelection) => Promise<Outcome<readonly CurrencyTotals[]>>;

/** `today` as YYYY-MM-DD. The default currency is the one that most invoices are in, or EUR. */
export async function newRecord(askTotals: AskTotals, collection: string, today: string): Promise<JsonObject> {
  switch (collection) {
    case 'invoices': return newInvoice(today, await defaultCurrency(askTotals));
    case 'customers': return { currency: await defaultCurrency(askTotals) };
    case 'plans': return { currency: await defaultCurrency(askTotals), interval: 'month', active: true };
    case 'users': return { role: 'viewer', disabled: false };
    default: return {};
  }
}

async function defaultCurrency(askTotals: AskTotals): Promise<string> {
  const outcome = await askTotals({ collection: 'invoices' });
  const [mostUsed] = outcome.ok ? outcome.value.toSorted((a, b) => b.count - a.count) : [];
  return mostUsed?.currency ?? 'EUR';
}
