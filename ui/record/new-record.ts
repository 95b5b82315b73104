// What a new record starts with, so that a person types only what nobody can know.

import type { JsonObject } from '../../shared/fields.ts';
import type { Outcome } from '../../shared/window/ipc.ts';
import type { CurrencyTotals, ListSelection } from '../../shared/window/views.ts';
import { newInvoice } from '../invoice/invoice-draft.ts';

type AskTotals = (selection: ListSelection) => Promise<Outcome<readonly CurrencyTotals[]>>;

/** `today` as YYYY-MM-DD. The currency is the one that most invoices are in. */
export async function newRecord(askTotals: AskTotals, collection: string, today: string): Promise<JsonObject> {
  switch (collection) {
    case 'invoices': return newInvoice(today, await usualCurrency(askTotals));
    case 'customers': return { currency: await usualCurrency(askTotals) };
    case 'plans': return { currency: await usualCurrency(askTotals), interval: 'month', active: true };
    case 'users': return { role: 'viewer', disabled: false };
    default: return {};
  }
}

async function usualCurrency(askTotals: AskTotals): Promise<string> {
  const outcome = await askTotals({ collection: 'invoices' });
  const [most] = outcome.ok ? outcome.value.toSorted((a, b) => b.count - a.count) : [];
  return most?.currency ?? 'EUR';
}
