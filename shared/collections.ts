// The synced collections, one declaration each: fields and their checks, the roles that see and write them, and the
// columns that their list shows, sorts, filters and searches. Server, cache and window all derive from these
// declarations: to add a collection, declare it here. The sync knows none of them by name.

import { MAX_INTEGER, type Fields, type Shape } from './fields.ts';

export const roles = ['owner', 'editor', 'viewer'] as const;
export type Role = (typeof roles)[number];

/**
 * A list column: the payload's field of the same name, or the difference of two integer fields, which is zero unless
 * the field in `where` has one of its values.
 */
export interface Column {
  readonly name: string;
  readonly type: 'text' | 'integer';
  readonly difference?: {
    readonly of: string;
    readonly minus: string;
    readonly where: { readonly field: string; readonly values: readonly string[] };
  };
  /** Offered in the list; other columns serve filters only. */
  readonly shown?: true;
  readonly sorted?: true;
  readonly filtered?: true;
  readonly searched?: true;
}

export interface Collection {
  readonly name: string;
  readonly fields: Fields;
  readonly sees: readonly Role[];
  readonly writes: readonly Role[];
  readonly columns: readonly Column[];
  readonly defaultSort: { readonly column: string; readonly descending: boolean };
}

const everyone = roles;
const staff = ['owner', 'editor'] as const;
const money = { kind: 'integer', min: 0, max: MAX_INTEGER } as const;
const signedMoney = { kind: 'integer', min: -MAX_INTEGER, max: MAX_INTEGER } as const;
const rateBp = { kind: 'integer', min: 0, max: 100_000 } as const;

/** What a password must be when it is set; the server refuses common ones, too. */
export const newPassword = { kind: 'text', min: 10, max: 1024, length: 'password' } as const;

const userFields = {
  email: { kind: 'email' },
  name: { kind: 'text', max: 200 },
  role: { kind: 'choice', values: roles },
  disabled: { kind: 'boolean' },
  password: { ...newPassword, private: true, optional: true },
} as const satisfies Fields;

const planFields = {
  name: { kind: 'text', max: 200 },
  priceMinor: money,
  currency: { kind: 'currency' },
  interval: { kind: 'choice', values: ['month', 'year', 'once'] },
  active: { kind: 'boolean' },
} as const satisfies Fields;

const line = { kind: 'text', max: 200, optional: true } as const;

const customerFields = {
  name: { kind: 'text', max: 200 },
  contact: line,
  email: { kind: 'email', optional: true },
  phone: { kind: 'text', max: 50, optional: true },
  address: {
    kind: 'object',
    optional: true,
    fields: { street: line, city: line, postalCode: line, region: line, country: { kind: 'country', optional: true } },
  },
  taxId: { kind: 'text', max: 50, optional: true },
  currency: { kind: 'currency' },
  planId: { kind: 'reference', to: 'plans', optional: true },
  notes: { kind: 'text', max: 10_000, multiline: true, optional: true },
} as const satisfies Fields;

export const invoiceStatuses = ['draft', 'sent', 'paid', 'void'] as const;
export type InvoiceStatus = (typeof invoiceStatuses)[number];

const invoiceFields = {
  number: { kind: 'text', max: 40, optional: true, server: true },
  customerId: { kind: 'reference', to: 'customers' },
  customerName: { kind: 'text', max: 200, server: true },
  status: { kind: 'choice', values: invoiceStatuses, server: true },
  issueDate: { kind: 'date' },
  dueDate: { kind: 'date' },
  currency: { kind: 'currency' },
  lines: {
    kind: 'list',
    max: 1000,
    of: {
      kind: 'object',
      fields: {
        description: { kind: 'text', max: 1000, multiline: true },
        quantityMilli: { kind: 'integer', min: 0, max: MAX_INTEGER },
        unit: { kind: 'text', max: 50, optional: true },
        unitPriceMinor: signedMoney,
        taxRateBp: rateBp,
      },
    },
  },
  notes: { kind: 'text', max: 10_000, multiline: true, optional: true },
  subtotalMinor: { ...signedMoney, server: true },
  taxes: {
    kind: 'list',
    max: 1000,
    server: true,
    of: {
      kind: 'object',
      fields: { rateBp, netMinor: signedMoney, taxMinor: signedMoney },
    },
  },
  totalMinor: { ...money, server: true },
  paidMinor: { ...money, server: true },
  payments: {
    kind: 'list',
    max: 10_000,
    server: true,
    of: { kind: 'object', fields: { amountMinor: { ...money, min: 1 }, paidOn: { kind: 'date' } } },
  },
} as const satisfies Fields;

export type User = Shape<Omit<typeof userFields, 'password'>>;
export type Plan = Shape<typeof planFields>;
export type Customer = Shape<typeof customerFields>;
export type Invoice = Shape<typeof invoiceFields>;

const text = { type: 'text', shown: true, sorted: true } as const;
const integer = { type: 'integer', shown: true, sorted: true } as const;

export const collections: readonly Collection[] = [
  {
    name: 'users',
    fields: userFields,
    sees: ['owner'],
    writes: ['owner'],
    columns: [
      { name: 'name', ...text, searched: true },
      { name: 'email', ...text, searched: true },
      { name: 'role', ...text, filtered: true },
      { name: 'disabled', type: 'integer', shown: true, sorted: true, filtered: true },
    ],
    defaultSort: { column: 'name', descending: false },
  },
  {
    name: 'plans',
    fields: planFields,
    sees: everyone,
    writes: staff,
    columns: [
      { name: 'name', ...text, searched: true },
      { name: 'priceMinor', ...integer },
      { name: 'currency', ...text, filtered: true },
      { name: 'interval', ...text, filtered: true },
      { name: 'active', type: 'integer', shown: true, sorted: true, filtered: true },
    ],
    defaultSort: { column: 'name', descending: false },
  },
  {
    name: 'customers',
    fields: customerFields,
    sees: everyone,
    writes: staff,
    columns: [
      { name: 'name', ...text, searched: true },
      { name: 'contact', ...text, searched: true },
      { name: 'email', ...text, searched: true },
      { name: 'currency', ...text, filtered: true },
      { name: 'planId', type: 'text', filtered: true },
    ],
    defaultSort: { column: 'name', descending: false },
  },
  {
    name: 'invoices',
    fields: invoiceFields,
    sees: everyone,
    writes: staff,
    columns: [
      { name: 'number', ...text, searched: true },
      { name: 'customerName', ...text, searched: true },
      { name: 'issueDate', ...text },
      { name: 'dueDate', ...text },
      { name: 'status', ...text, filtered: true },
      { name: 'totalMinor', ...integer },
      {
        name: 'openMinor',
        ...integer,
        difference: { of: 'totalMinor', minus: 'paidMinor', where: { field: 'status', values: ['sent'] } },
      },
      { name: 'currency', type: 'text', shown: true, filtered: true },
      { name: 'customerId', type: 'text', filtered: true },
    ],
    defaultSort: { column: 'issueDate', descending: true },
  },
];

export function findCollection(name: string): Collection | undefined {
  return collections.find((collection) => collection.name === name);
}

/** The collections that a role may see, in declaration order. */
export function visibleTo(role: Role): readonly Collection[] {
  return collections.filter((collection) => collection.sees.includes(role));
}

/** The fields that a client may send. */
export function writableFields(collection: Collection): Fields {
  return pick(collection, (field) => !field.server);
}

/** The fields that a payload may contain. */
export function publishedFields(collection: Collection): Fields {
  return pick(collection, (field) => !field.private);
}

function pick(collection: Collection, accept: (field: Fields[string]) => boolean): Fields {
  return Object.fromEntries(Object.entries(collection.fields).filter(([, field]) => accept(field)));
}
