// What a person may do with a record, decided once: what their role does not allow is not offered at all, what the
// record's state does not allow is offered only where a reason helps, and then with that reason. Being offline is not
// decided here: every write control knows that by itself.

import { findCollection, type Invoice, type Role } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { RecordView } from '../../shared/window/views.ts';

export const recordActionNames = ['edit', 'send', 'pay', 'duplicate', 'void', 'delete'] as const;
export type RecordActionName = (typeof recordActionNames)[number];

/** Why an action is not possible now; a key of the catalogue below `refusal.`. */
export type Refusal = 'noLines' | 'hasInvoices' | 'hasCustomers' | 'lastOwner';

export interface RecordAction {
  readonly name: RecordActionName;
  readonly refusal: Refusal | null;
}

/** What the copy knows of a record's surroundings, as far as it has been asked. */
export interface Surroundings {
  /** How many records refer to this one. */
  readonly references: number | null;
  /** How many other owners are enabled, for a user. */
  readonly otherOwners: number | null;
}

/** The actions to offer on a record, in the order of their weight. */
export function recordActions(
  collection: string, record: RecordView, role: Role, { references, otherOwners }: Surroundings,
): readonly RecordAction[] {
  if (!mayWrite(collection, role)) return [];
  const edit = offered('edit');
  switch (collection) {
    case 'invoices': return invoiceActions(record.payload as JsonObject & Invoice);
    case 'customers': return [edit, offered('delete', references ? 'hasInvoices' : null)];
    case 'plans': return [edit, offered('delete', references ? 'hasCustomers' : null)];
    case 'users': return [edit, offered('delete', isLastOwner(record, otherOwners) ? 'lastOwner' : null)];
    default: return [edit, offered('delete')];
  }
}

export function mayWrite(collection: string, role: Role): boolean {
  return findCollection(collection)?.writes.includes(role) ?? false;
}

/** The fields that may still change: once an invoice was sent, its due date and its notes. Null: all of them. */
export function editableFields(collection: string, payload: JsonObject): readonly string[] | null {
  return collection === 'invoices' && payload['status'] !== undefined && payload['status'] !== 'draft' ? ['dueDate', 'notes'] : null;
}

function invoiceActions({ status, lines }: Invoice): readonly RecordAction[] {
  switch (status) {
    case 'draft':
      return [offered('send', lines.length === 0 ? 'noLines' : null), offered('edit'), offered('duplicate'), offered('delete')];
    case 'sent': return [offered('pay'), offered('edit'), offered('duplicate'), offered('void')];
    case 'paid': return [offered('edit'), offered('duplicate'), offered('void')];
    case 'void': return [offered('edit'), offered('duplicate')];
  }
}

function isLastOwner({ payload }: RecordView, otherOwners: number | null): boolean {
  return payload['role'] === 'owner' && payload['disabled'] !== true && otherOwners === 0;
}

function offered(name: RecordActionName, refusal: Refusal | null = null): RecordAction {
  return { name, refusal };
}
