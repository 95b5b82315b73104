// Issued invoices and credit notes as e-invoices: UBL 2.1 by EN 16931-1 and CEN/TS 16931-3-2, as the CIUS XRechnung 3.0 or, for a
// buyer with an address in the Peppol network whose reference is not a Leitweg-ID, as Peppol BIS Billing 3.
//
// Invariants: nothing is read but the input; amounts are exact. A document is written only if no fatal rule of these standards
// that follows from our fields is broken; what breaks one is named by the field that would mend it. Rules are cited by their ids.

import { AppError } from './errors.ts';
import { prepare, type EInvoiceInput } from './e-invoice/prepared.ts';
import { findProblems } from './e-invoice/requirements.ts';
import { buildUbl } from './e-invoice/ubl.ts';
import { toXml } from './e-invoice/xml.ts';
import type { Problems } from './problems.ts';

export type { EInvoiceInput } from './e-invoice/prepared.ts';

/** What keeps the invoice from being an e-invoice, by field of `invoice`, `company` or `customer`, such as `company.vatId`. */
export function eInvoiceProblems(input: EInvoiceInput): Problems {
  return findProblems(prepare(input));
}

/** The invoice as an XML document in UTF-8. Throws `invalid_request` with `eInvoiceProblems` as its fields, if there are any. */
export function writeEInvoice(input: EInvoiceInput): string {
  const prepared = prepare(input);
  const fields = findProblems(prepared);
  if (Object.keys(fields).length > 0) {
    throw new AppError('invalid_request', 'The invoice lacks what an e-invoice must have. Complete it, then export it again.', { fields });
  }
  return toXml(buildUbl(prepared));
}
