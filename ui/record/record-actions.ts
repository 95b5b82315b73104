// The actions offered on a record. An action that the user's role forbids is left out; one that the record's state forbids
// is left out too, or offered with the reason if that helps. Being offline is not considered here: every write control
// handles it.

import { findCollection, writableFields, type Invoice, type Role } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { editableInvoiceFields, isActionAllowed } from '../../shared/invoice.ts';
import type { ListPage, RecordView } from '../../shared/window/views.ts';
import { mayWrite } from '../app-state.ts';

const recordActionNames = ['edit', 'issue', 'redate', 'pay', 'credit', 'duplicate', 'void', 'delete'] as const;
export type RecordActionName = (typeof recordActionNames)[number];

/** Why an action is not possible now; the text is `refusal.<name>` in the catalogue. */
export type Refusal = 'noLines' | 'notCreditable' | 'hasInvoices' | 'hasCustomers' | 'lastOwner';

export interface RecordAction {
  readonly name: RecordActionName;
  readonly refusal: Refusal | null;
}

/** Facts about related records from the cache; null if not queried. */
export interface RecordContext {
  /** How many records reference this one. */
  readonly references: number | null;
  /** How many other enabled owners there are, for a user. */
  readonly otherOwners: number | null;
  /** The invoice that a credit note corrects. */
  readonly credited?: RecordView | null;
  /** The credit notes of an invoice. */
  readonly credits?: ListPage | null;
}

/** The actions to offer on a record as of `today` (YYYY-MM-DD), most important first. */
export function recordActions(
  collection: string, record: RecordView, role: Role, { references, otherOwners, credited = null, credits = null }: RecordContext,
  today: string,
): readonly RecordAction[] {
  if (!mayWrite(collection, role)) return [];
  const edit = offered('edit');
  switch (collection) {
    case 'invoices': return invoiceActions(record.payload as JsonObject & Invoice, credited, credits, today);
    case 'customers': return [edit, offered('delete', references ? 'hasInvoices' : null)];
    case 'plans': return [edit, offered('delete', references ? 'hasCustomers' : null)];
    case 'users': return [edit, offered('delete', isLastOwner(record, otherOwners) ? 'lastOwner' : null)];
    default: return [edit, offered('delete')];
  }
}

/**
 * The fields that may still change, or null for all: of an issued invoice only due date and internal note. A credit note's customer
 * and currency are those of the invoice, and it is not due.
 */
export function editableFields(collection: string, payload: JsonObject): readonly string[] | null {
  const declared = collection === 'invoices' ? findCollection(collection) : undefined;
  if (!declared) return null;
  const editable = editableInvoiceFields(String(payload['status'] ?? 'draft'));
  if (payload['kind'] !== 'credit_note') return editable;
  return (editable ?? Object.keys(writableFields(declared))).filter((name) => !['customerId', 'currency', 'dueDate'].includes(name));
}

function invoiceActions(
  invoice: Invoice, credited: RecordView | null, credits: ListPage | null, today: string,
): readonly RecordAction[] {
  const names = ['issue', 'pay', 'edit', 'redate', 'credit', 'duplicate', 'void', 'delete'] as const;
  const isCorrected = invoice.totalMinor === 0 && credits?.rows.some(({ columns }) => columns['status'] !== 'draft') === true;
  const isOffered = (name: (typeof names)[number]): boolean => {
    if (name === 'duplicate') return invoice.kind === 'invoice';
    // For an invoice that comes to 0, the amounts do not say whether it has been corrected.
    if ((name === 'credit' || name === 'void') && isCorrected) return false;
    if (name === 'redate') return invoice.status === 'draft' && invoice.issueDate < today;
    return isActionAllowed(invoice, name);
  };
  const isCreditable = credited === null || isActionAllowed(credited.payload as JsonObject & Invoice, 'credit');
  const refusal = !isCreditable ? 'notCreditable' : invoice.lines.length === 0 ? 'noLines' : null;
  return names.filter(isOffered).map((name) => offered(name, name === 'issue' ? refusal : null));
}

function isLastOwner({ payload }: RecordView, otherOwners: number | null): boolean {
  return payload['role'] === 'owner' && payload['disabled'] !== true && otherOwners === 0;
}

function offered(name: RecordActionName, refusal: Refusal | null = null): RecordAction {
  return { name, refusal };
}
