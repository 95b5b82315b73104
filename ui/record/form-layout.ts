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
    { title: null, rows: [['name'], ['contact'], ['email', 'phone']] },
    {
      title: 'address',
      rows: [['address.street'], ['address.postalCode', 'address.city'], ['address.region', 'address.country']],
    },
    { title: null, rows: [['currency', 'taxId'], ['planId'], ['notes']] },
  ],
  plans: [{ title: null, rows: [['name'], ['priceMinor', 'currency'], ['interval'], ['active']] }],
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
