// Converts what protocol 1 kept of a customer or an invoice, and its names in a mapping file, to protocol 2: for the migration of a
// database.
//
// Invariants: pure. The same text gives the same result, ids of payments included, and a converted text stays as it is, so a migration
// can be killed and repeated. Nothing gets lost: what cannot be read stays as it is, and unknown members follow the others; `verify`
// names both. Names and their order are those that protocol 2 began with; they are never edited.

import { createHash } from 'node:crypto';

import { isObject, type Json, type JsonObject } from '../shared/fields.ts';

/** The payload of the company that an account gets. */
export const firstCompany = '{"name":""}';

const customerKeys = [
  'name', 'number', 'contact', 'address', 'vatId', 'language', 'buyerReference', 'electronicAddress', 'email', 'phone', 'currency',
  'paymentTermsDays', 'planId', 'internalNote',
];
/** What a customer of protocol 1 has of an invoice's `buyer`, except the name. */
const buyerKeys = ['contact', 'address', 'vatId'];
const invoiceKeys = [
  'kind', 'creditedId', 'number', 'customerId', 'customerName', 'status', 'issueDate', 'dueDate', 'servicePeriod', 'buyerReference',
  'orderNumber', 'currency', 'lines', 'taxExemptionReason', 'note', 'internalNote', 'seller', 'buyer', 'subtotalMinor', 'taxes',
  'totalMinor', 'paidMinor', 'creditedMinor', 'payments',
];

export interface OldRecord {
  readonly collection: string;
  readonly id: string;
  readonly payload: string;
}

/**
 * The payload's text. An issued invoice now keeps its buyer: the customer as it is now, which is what has been printed until now,
 * under the name that the invoice had. `findCustomer` returns the payload of a customer, converted or not.
 */
export function migratePayload({ collection, id, payload: text }: OldRecord, findCustomer: (id: string) => string | null): string {
  const payload = parse(text);
  if (payload === null) return text;
  if (collection === 'customers') return JSON.stringify(migrateCustomer(payload));
  if (collection !== 'invoices' || Object.hasOwn(payload, 'kind')) return text;
  const customerId = payload['customerId'];
  const customer = payload['status'] !== 'draft' && typeof customerId === 'string' ? parse(findCustomer(customerId) ?? '') : null;
  return JSON.stringify(migrateInvoice(id, payload, customer && migrateCustomer(customer)));
}

function migrateCustomer({ notes, taxId, ...rest }: JsonObject): JsonObject {
  return ordered(customerKeys, { ...rest, ...given('internalNote', notes), ...given('vatId', taxId) });
}

function migrateInvoice(id: string, { notes, status, taxes, payments, ...rest }: JsonObject, customer: JsonObject | null): JsonObject {
  return ordered(invoiceKeys, {
    ...rest,
    kind: 'invoice',
    ...given('status', status === 'sent' ? 'open' : status),
    ...given('note', notes),
    ...(customer && { buyer: buyerOf(rest['customerName'], customer) }),
    ...given('taxes', each(taxes, (tax) => ({ category: tax['rateBp'] === 0 ? 'Z' : 'S', ...tax }))),
    creditedMinor: 0,
    ...given('payments', each(payments, (payment, index) => ({ id: paymentId(id, index), ...payment }))),
  });
}

function buyerOf(customerName: Json | undefined, customer: JsonObject): JsonObject {
  const known = buyerKeys.flatMap((key) => (customer[key] === undefined ? [] : [[key, customer[key]] as const]));
  return { ...given('name', customerName ?? customer['name']), ...Object.fromEntries(known) };
}

/** A mapping file's text (mapping.ts), with the names of fields and states that protocol 2 has. */
export function migrateMapping(text: string): string {
  const mapping = parse(text);
  const { customers, invoices, ...others } = objectIn(mapping?.['collections']) ?? {};
  const inFields = (mapped: Json | undefined, names: Readonly<Record<string, string>>): JsonObject | null => {
    const fields = objectIn(objectIn(mapped)?.['fields']);
    if (!fields) return null;
    const renamed = Object.entries(fields).map(([name, rule]) => [names[name] ?? name, name === 'status' ? migrateStatus(rule) : rule]);
    return { ...objectIn(mapped), fields: Object.fromEntries(renamed) as JsonObject };
  };
  const changed = {
    ...given('customers', inFields(customers, { taxId: 'vatId', notes: 'internalNote' }) ?? customers),
    ...given('invoices', inFields(invoices, { notes: 'note' }) ?? invoices),
  };
  return mapping && Object.keys(changed).length > 0 ? JSON.stringify({ ...mapping, collections: { ...others, ...changed } }) : text;
}

function migrateStatus(rule: Json): Json {
  const open = (status: Json): Json => (status === 'sent' ? 'open' : status);
  const members = typeof rule === 'string' ? { from: rule } : objectIn(rule);
  if (!members) return rule;
  const values = objectIn(members['values'] ?? (members['from'] === undefined ? undefined : sameStates));
  return {
    ...Object.fromEntries(Object.entries(members).map(([name, member]) => [name, open(member)])),
    ...(values && { values: Object.fromEntries(Object.entries(values).map(([name, status]) => [name, open(status)])) }),
  };
}

const sameStates = { draft: 'draft', sent: 'open', paid: 'paid', void: 'void' };

function objectIn(value: Json | undefined): JsonObject | null {
  return isObject(value) ? value as JsonObject : null;
}

/** 24 hexadecimal digits, as any id. */
function paymentId(invoiceId: string, index: number): string {
  return createHash('sha256').update(`${invoiceId}\n${index}`).digest('hex').slice(0, 24);
}

function each(list: Json | undefined, convert: (entry: JsonObject, index: number) => JsonObject): Json | undefined {
  return Array.isArray(list) ? list.map((entry: Json, index) => (isObject(entry) ? convert(entry as JsonObject, index) : entry)) : list;
}

function given(key: string, value: Json | undefined): JsonObject {
  return value === undefined ? {} : { [key]: value };
}

/** The members in this order, then the others. */
function ordered(keys: readonly string[], payload: JsonObject): JsonObject {
  const known = keys.filter((key) => Object.hasOwn(payload, key));
  return { ...Object.fromEntries(known.map((key) => [key, payload[key] ?? null])), ...payload };
}

function parse(text: string): JsonObject | null {
  try {
    const payload: unknown = JSON.parse(text);
    return isObject(payload) ? payload as JsonObject : null;
  } catch {
    return null;
  }
}
