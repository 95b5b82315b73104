// The default values of a new record.

import type { Company } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { newInvoice } from '../invoice/invoice-draft.ts';
import { findCompany, type Source } from './record-detail-data.ts';

/** `today` as YYYY-MM-DD. The default currency is the one that most invoices are in, or EUR; a customer is in the company's country. */
export async function newRecord(source: Source, collection: string, today: string): Promise<JsonObject> {
  switch (collection) {
    case 'invoices': return newInvoice(today, await defaultCurrency(source));
    case 'customers': {
      const [currency, country] = await Promise.all([defaultCurrency(source), ownCountry(source)]);
      return { currency, ...(country !== undefined && { address: { country } }) };
    }
    case 'plans': return { currency: await defaultCurrency(source), interval: 'month', active: true };
    case 'users': return { role: 'viewer', disabled: false };
    default: return {};
  }
}

async function ownCountry(source: Source): Promise<string | undefined> {
  const company = await findCompany(source);
  return company.ok ? (company.value?.payload as (JsonObject & Company) | undefined)?.address?.country : undefined;
}

async function defaultCurrency({ selectionTotals }: Source): Promise<string> {
  const outcome = await selectionTotals({ collection: 'invoices' });
  const [mostUsed] = outcome.ok ? outcome.value.toSorted((a, b) => b.count - a.count) : [];
  return mostUsed?.currency ?? 'EUR';
}
