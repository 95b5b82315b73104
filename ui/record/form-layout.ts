// The layout of each collection's form, as sections of rows. Declared fields that have no place here come last, one per
// row, so that a new field can be filled in without a change to this file.

import type { FormField } from './record-draft.ts';

export interface Section {
  /** The path whose label is the section's heading, or null. */
  readonly title: string | null;
  readonly rows: readonly (readonly FormField[])[];
}

const layouts: Readonly<Record<string, readonly { readonly title: string | null; readonly rows: readonly (readonly string[])[] }[]>> = {
  customers: [
    { title: null, rows: [['name'], ['number', 'vatId'], ['contact'], ['email', 'phone']] },
    {
      title: 'address',
      rows: [['address.street'], ['address.postalCode', 'address.city'], ['address.region', 'address.country']],
    },
    { title: 'billing', rows: [['currency', 'language'], ['paymentTermsDays', 'buyerReference'], ['planId']] },
    { title: 'electronicAddress', rows: [['electronicAddress.scheme', 'electronicAddress.value']] },
    { title: null, rows: [['internalNote']] },
  ],
  plans: [{ title: null, rows: [['name'], ['priceMinor', 'currency'], ['interval', 'unit'], ['taxRateBp'], ['active']] }],
  company: [
    { title: null, rows: [['name']] },
    {
      title: 'address',
      rows: [['address.street'], ['address.postalCode', 'address.city'], ['address.region', 'address.country']],
    },
    { title: 'companyContact', rows: [['phone', 'email'], ['website']] },
    { title: 'companyBank', rows: [['iban'], ['bic', 'bankName'], ['accountHolder']] },
    { title: 'companyTax', rows: [['vatId', 'taxNumber'], ['registration']] },
    { title: 'companyTerms', rows: [['paymentTermsDays', 'taxRateBp']] },
    { title: 'companyNumbers', rows: [['invoicePrefix', 'creditNotePrefix']] },
    { title: 'companyPaper', rows: [['logo'], ['footer']] },
  ],
  users: [{ title: null, rows: [['name'], ['email'], ['role'], ['password'], ['disabled']] }],
};

export function layoutOf(collection: string, fields: readonly FormField[]): readonly Section[] {
  const byPath = new Map(fields.map((field) => [field.path, field]));
  const sections = (layouts[collection] ?? []).map(({ title, rows }) => ({
    title,
    rows: rows.map((paths) => paths.flatMap((path) => byPath.get(path) ?? [])),
  }));
  const placed = new Set(sections.flatMap(({ rows }) => rows.flat()));
  const rest = fields.filter((field) => !placed.has(field));
  return rest.length === 0 ? sections : [...sections, { title: null, rows: rest.map((field) => [field]) }];
}
