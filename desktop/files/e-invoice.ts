// E-invoices as files, from the cache alone: shared/e-invoice.ts with the records that it needs.
//
// Invariants: what an invoice lacks is known before anything is written; the file is complete, or it does not exist.

import type { Company, Customer, Invoice } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import { writeEInvoice } from '../../shared/e-invoice.ts';
import type { Reads } from '../cache/reads.ts';
import { replaceFile, type ReplaceDeps } from './replace-file.ts';

export interface EInvoice {
  readonly number: string;
  readonly xml: string;
}

/**
 * The e-invoice of an issued invoice or credit note. Throws `not_found`, `invalid_request` with what is missing as its fields, and
 * what reading the cache throws.
 */
export async function readEInvoice(data: Pick<Reads, 'getRecord' | 'listPage'>, id: string): Promise<EInvoice> {
  // The server has checked all records.
  const read = async <T>(collection: string, recordId: string | undefined): Promise<T | undefined> =>
    recordId === undefined ? undefined : (await data.getRecord(collection, recordId))?.payload as T | undefined;
  const invoice = await read<Invoice>('invoices', id);
  if (!invoice) throw new AppError('not_found', 'The invoice is no longer there, so it cannot be exported.');
  const companies = await data.listPage({ collection: 'company', limit: 1 });
  const company = await read<Company>('company', companies.rows[0]?.id);
  const customer = await read<Customer>('customers', invoice.customerId);
  const credited = await read<Invoice>('invoices', invoice.creditedId);
  const xml = writeEInvoice({ invoice, ...(company && { company }), ...(customer && { customer }), ...(credited && { credited }) });
  return { number: invoice.number ?? '', xml };
}

/** Writes the e-invoice to `path`; durable when it resolves. Throws like `readEInvoice` and `replaceFile`. */
export async function exportEInvoice(
  data: Pick<Reads, 'getRecord' | 'listPage'>, path: string, id: string, deps: ReplaceDeps,
): Promise<void> {
  const { xml } = await readEInvoice(data, id);
  await replaceFile(path, (file) => file.writeFile(xml), deps);
}
