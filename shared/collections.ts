// The synced collections, one declaration each: fields and their checks, the roles that see and write them, and the
// columns that their list shows, sorts, filters and searches. Server, cache and window all derive from these
// declarations: to add a collection, declare it here. The sync knows none of them by name.

import type { Fields, Shape } from './fields.ts';

export const roles = ['owner', 'editor', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** A condition on a field of a payload. */
interface Where {
  readonly field: string;
  readonly values: readonly string[];
}

/**
 * A list column: the payload's field of the same name; an integer field less others, which is zero unless the condition in `where`
 * holds; or the greatest value that a field has among the entries of a list, null without any.
 */
export interface Column {
  readonly name: string;
  readonly type: 'text' | 'integer';
  readonly difference?: { readonly of: string; readonly minus: readonly string[]; readonly where: Where };
  readonly greatest?: { readonly of: string; readonly field: string };
  /** Where the integer counts as negative. */
  readonly negative?: Where;
  /** A column of the list, which may leave it out where another one says it, and of the CSV; others serve filters only. */
  readonly shown?: true;
  readonly sorted?: true;
  readonly filtered?: true;
  readonly searched?: true;
  /** The column that equal values are sorted by; among those still equal, the record made first comes first. */
  readonly ties?: string;
  /** A name in some language: sorted by its letters, whatever their case and accents. */
  readonly named?: true;
}

export interface Collection {
  readonly name: string;
  readonly fields: Fields;
  readonly sees: readonly Role[];
  readonly writes: readonly Role[];
  readonly columns: readonly Column[];
  /** A text in every entry of a list, which a search covers, too. */
  readonly searchedEntries?: { readonly list: string; readonly field: string };
  /** What the cache adds up from the open invoices of each record, in the record's currency. */
  readonly balances?: readonly Column[];
  readonly defaultSort: { readonly column: string; readonly descending: boolean };
  /** Every account has exactly one record, which is made with it, and can be changed but neither added nor removed. */
  readonly single?: true;
}

const everyone = roles;
const staff = ['owner', 'editor'] as const;
/** What JavaScript's numbers hold exactly. */
const maxAmount = Number.MAX_SAFE_INTEGER;
const money = { kind: 'integer', min: 0, max: maxAmount } as const;
const signedMoney = { kind: 'integer', min: -maxAmount, max: maxAmount } as const;
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

const line = { kind: 'text', max: 200, optional: true } as const;
const code = { kind: 'text', max: 50, optional: true } as const;
const longText = { kind: 'text', max: 10_000, multiline: true, optional: true } as const;
const termsDays = { kind: 'integer', min: 0, max: 999, optional: true } as const;

const address = {
  kind: 'object',
  optional: true,
  fields: { street: line, city: line, postalCode: line, region: line, country: { kind: 'country', optional: true } },
} as const;

/** An address for e-invoices: a scheme of the EAS code list, such as `0204` or `EM`, and what it identifies. */
const electronicAddress = {
  kind: 'object',
  optional: true,
  fields: { scheme: { kind: 'text', max: 10 }, value: { kind: 'text', max: 200 } },
} as const;

/** Who issues an invoice, as its record keeps it. The logo is only in the company: it may have 256 KiB. */
export const sellerFields = {
  /** Empty until an owner has entered it. */
  name: { kind: 'text', min: 0, max: 200 },
  address,
  vatId: code,
  taxNumber: code,
  registration: line,
  email: { kind: 'email', optional: true },
  phone: code,
  website: line,
  iban: { kind: 'iban', optional: true },
  bic: { kind: 'text', max: 11, optional: true },
  bankName: line,
  accountHolder: line,
  footer: { kind: 'text', max: 2000, multiline: true, optional: true },
} as const satisfies Fields;

/** A number is read aloud, typed and searched for, so every character of its prefix must be visible. */
const prefix = { kind: 'text', max: 20, printable: true, optional: true } as const;

const companyFields = {
  ...sellerFields,
  paymentTermsDays: termsDays,
  taxRateBp: { ...rateBp, optional: true },
  logo: { kind: 'image', max: 256 * 1024, maxSide: 4000, optional: true },
  invoicePrefix: prefix,
  creditNotePrefix: prefix,
} as const satisfies Fields;

const planFields = {
  name: { kind: 'text', max: 200 },
  priceMinor: money,
  currency: { kind: 'currency' },
  interval: { kind: 'choice', values: ['month', 'year', 'once'] },
  taxRateBp: { ...rateBp, optional: true },
  unit: code,
  active: { kind: 'boolean' },
} as const satisfies Fields;

/** Whom an invoice is for, as its record keeps it. */
export const buyerFields = {
  name: { kind: 'text', max: 200 },
  number: code,
  contact: line,
  address,
  vatId: code,
  language: { kind: 'language', optional: true },
  buyerReference: line,
  electronicAddress,
} as const satisfies Fields;

const customerFields = {
  ...buyerFields,
  email: { kind: 'email', optional: true },
  phone: code,
  currency: { kind: 'currency' },
  paymentTermsDays: termsDays,
  planId: { kind: 'reference', to: 'plans', optional: true },
  internalNote: longText,
} as const satisfies Fields;

export const invoiceKinds = ['invoice', 'credit_note'] as const;
export const invoiceStatuses = ['draft', 'open', 'paid', 'void'] as const;
export type InvoiceStatus = (typeof invoiceStatuses)[number];
/** Categories of UNTDID 5305: standard, zero rated, exempt, reverse charge, intra-community, export, outside the scope of VAT. */
export const taxCategories = ['S', 'Z', 'E', 'AE', 'K', 'G', 'O'] as const;
export type TaxCategory = (typeof taxCategories)[number];
const taxCategory = { kind: 'choice', values: taxCategories } as const;
/** The most payments of one invoice. */
export const maxPayments = 10_000;
/** The most credit notes of one invoice, drafts included. */
export const maxCreditNotes = 100;

const invoiceFields = {
  kind: { kind: 'choice', values: invoiceKinds, server: true },
  creditedId: { kind: 'reference', to: 'invoices', optional: true, server: true },
  number: { kind: 'text', max: 40, optional: true, server: true },
  customerId: { kind: 'reference', to: 'customers' },
  customerName: { kind: 'text', max: 200, server: true },
  status: { kind: 'choice', values: invoiceStatuses, server: true },
  issueDate: { kind: 'date' },
  dueDate: { kind: 'date', optional: true },
  servicePeriod: { kind: 'object', optional: true, fields: { from: { kind: 'date' }, to: { kind: 'date', optional: true } } },
  buyerReference: line,
  orderNumber: line,
  currency: { kind: 'currency' },
  lines: {
    kind: 'list',
    max: 1000,
    of: {
      kind: 'object',
      fields: {
        description: { kind: 'text', max: 1000, multiline: true },
        quantityMilli: { kind: 'integer', min: -maxAmount, max: maxAmount },
        unit: code,
        unitPriceMinor: signedMoney,
        priceQuantity: { kind: 'integer', min: 1, max: 100_000, optional: true },
        taxRateBp: rateBp,
        taxCategory: { ...taxCategory, optional: true },
      },
    },
  },
  taxExemptionReason: { kind: 'text', max: 1000, optional: true },
  note: longText,
  internalNote: longText,
  seller: { kind: 'object', optional: true, server: true, fields: sellerFields },
  buyer: { kind: 'object', optional: true, server: true, fields: buyerFields },
  subtotalMinor: { ...signedMoney, server: true },
  taxes: {
    kind: 'list',
    max: 1000,
    server: true,
    of: {
      kind: 'object',
      fields: { category: taxCategory, rateBp, netMinor: signedMoney, taxMinor: signedMoney },
    },
  },
  totalMinor: { ...money, server: true },
  paidMinor: { ...money, server: true },
  creditedMinor: { ...money, server: true },
  payments: {
    kind: 'list',
    max: maxPayments,
    server: true,
    of: {
      kind: 'object',
      fields: {
        id: { kind: 'text', max: 24 },
        amountMinor: { ...signedMoney, nonZero: true },
        paidOn: { kind: 'date' },
        method: { kind: 'text', max: 100, optional: true },
        reference: { kind: 'text', max: 200, optional: true },
      },
    },
  },
} as const satisfies Fields;

export type Company = Shape<typeof companyFields>;
export type Seller = Shape<typeof sellerFields>;
export type Buyer = Shape<typeof buyerFields>;
export type User = Shape<Omit<typeof userFields, 'password'>>;
export type Plan = Shape<typeof planFields>;
export type Customer = Shape<typeof customerFields>;
export type Invoice = Shape<typeof invoiceFields>;

const text = { type: 'text', shown: true, sorted: true } as const;
const named = { ...text, searched: true, named: true } as const;
const integer = { type: 'integer', shown: true, sorted: true } as const;

const declared: readonly Collection[] = [
  {
    name: 'company',
    fields: companyFields,
    sees: everyone,
    writes: ['owner'],
    columns: [{ name: 'name', ...text }],
    defaultSort: { column: 'name', descending: false },
    single: true,
  },
  {
    name: 'users',
    fields: userFields,
    sees: ['owner'],
    writes: ['owner'],
    columns: [
      { name: 'name', ...named },
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
      { name: 'name', ...named },
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
      { name: 'name', ...named },
      { name: 'number', ...text, searched: true },
      { name: 'contact', ...named },
      { name: 'email', ...text, searched: true },
      { name: 'currency', ...text, filtered: true },
      { name: 'planId', type: 'text', filtered: true },
    ],
    balances: [
      { name: 'openMinor', ...integer },
      { name: 'overdueMinor', ...integer },
      { name: 'oldestDue', ...text },
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
      { name: 'customerName', ...named },
      { name: 'issueDate', ...text, ties: 'number' },
      { name: 'dueDate', ...text, ties: 'number' },
      { name: 'status', ...text, filtered: true },
      { name: 'totalMinor', ...integer, negative: { field: 'kind', values: ['credit_note'] } },
      {
        name: 'openMinor',
        ...integer,
        difference: { of: 'totalMinor', minus: ['creditedMinor', 'paidMinor'], where: { field: 'status', values: ['open'] } },
      },
      { name: 'kind', type: 'text', shown: true, filtered: true },
      { name: 'creditedId', type: 'text', filtered: true },
      { name: 'currency', type: 'text', shown: true, filtered: true },
      { name: 'customerId', type: 'text', filtered: true },
      { name: 'lastPaidOn', type: 'text', greatest: { of: 'payments', field: 'paidOn' } },
      // What was paid of open invoices: few are partly paid, so an index finds them.
      { name: 'partPaidMinor', type: 'integer', filtered: true,
        difference: { of: 'paidMinor', minus: [], where: { field: 'status', values: ['open'] } } },
    ],
    searchedEntries: { list: 'lines', field: 'description' },
    defaultSort: { column: 'issueDate', descending: true },
  },
];

/** The last field of every collection: who wrote the record last, under the name of that time; absent if nobody signed in did. */
export const authorField = 'changedBy';
const author = {
  kind: 'object', optional: true, server: true, fields: { id: { kind: 'text', max: 24 }, name: userFields.name },
} as const;
export type Authored = Shape<{ readonly [authorField]: typeof author }>;

export const collections: readonly Collection[] = declared.map((collection) => ({
  ...collection, fields: { ...collection.fields, [authorField]: author },
}));

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

/**
 * These fields as a record that was written earlier may have them: currencies are retired, logos were not measured, and records stay as
 * they are.
 */
export function storedFields(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) =>
    [name, field.kind === 'currency' || field.kind === 'image' ? { ...field, stored: true } : field]));
}

function pick(collection: Collection, accept: (field: Fields[string]) => boolean): Fields {
  return Object.fromEntries(Object.entries(collection.fields).filter(([, field]) => accept(field)));
}
