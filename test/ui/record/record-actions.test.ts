// The actions offered on a record, by role and state, with the reason for each that is not possible.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { RecordView } from '../../../shared/window/views.ts';
import { editableFields, recordActions } from '../../../ui/record/record-actions.ts';

const nothingKnown = { references: null, otherOwners: null };
const record = (payload: RecordView['payload']): RecordView => ({ id: 'a'.repeat(24), updatedAt: '', payload });
const today = '2026-03-01';
const invoice = (status: string, fields: object = {}) => record({
  kind: 'invoice', status, issueDate: today, totalMinor: 1000, paidMinor: 0, creditedMinor: 0, lines: [{}], ...fields,
});
const names = (collection: string, view: RecordView, role: 'owner' | 'editor' | 'viewer' = 'editor') =>
  recordActions(collection, view, role, nothingKnown, today).map(({ name }) => name);

describe('the actions of a record', () => {
  test('do not include writes that the role forbids', () => {
    for (const collection of ['invoices', 'customers', 'plans', 'users'])
      assert.deepEqual(names(collection, invoice('draft'), 'viewer'), []);
    assert.deepEqual(names('users', record({}), 'editor'), []);
  });

  test('depend on the state of an invoice', () => {
    assert.deepEqual(names('invoices', invoice('draft')), ['issue', 'edit', 'duplicate', 'delete']);
    assert.deepEqual(names('invoices', invoice('draft', { issueDate: '2026-02-28' })), ['issue', 'edit', 'redate', 'duplicate', 'delete']);
    assert.deepEqual(names('invoices', invoice('open')), ['pay', 'edit', 'credit', 'duplicate', 'void']);
    assert.deepEqual(names('invoices', invoice('open', { paidMinor: 1 })), ['pay', 'edit', 'credit', 'duplicate']);
    assert.deepEqual(names('invoices', invoice('paid', { paidMinor: 1000 })), ['edit', 'credit', 'duplicate']);
    assert.deepEqual(names('invoices', invoice('open', { paidMinor: 1000, creditedMinor: 1000 })), ['pay', 'edit', 'duplicate']);
    assert.deepEqual(names('invoices', invoice('void')), ['edit', 'duplicate']);
  });

  test('of an invoice that comes to 0 depend on its credit notes', () => {
    const offered = (...statuses: string[]): readonly string[] => {
      const rows = statuses.map((status) => ({ id: 'b'.repeat(24), updatedAt: '', columns: { status } }));
      const credits = { rows, total: rows.length };
      const corrected = invoice('paid', { totalMinor: 0 });
      return recordActions('invoices', corrected, 'editor', { ...nothingKnown, credits }, today).map(({ name }) => name);
    };
    assert.deepEqual([offered(), offered('draft'), offered('draft', 'paid')], [
      ['edit', 'credit', 'duplicate', 'void'], ['edit', 'credit', 'duplicate', 'void'], ['edit', 'duplicate'],
    ]);
  });

  test('of a credit note are those of its draft', () => {
    const creditNote = (status: string) => invoice(status, { kind: 'credit_note' });
    assert.deepEqual(names('invoices', creditNote('draft')), ['issue', 'edit', 'delete']);
    assert.deepEqual(names('invoices', creditNote('paid')), ['edit']);
  });

  test('carry a reason if the state forbids them', () => {
    const refusals = (collection: string, view: RecordView, context: object) =>
      recordActions(collection, view, 'owner', { ...nothingKnown, ...context }, today).flatMap(({ refusal }) => refusal ?? []);
    assert.deepEqual(refusals('invoices', invoice('draft', { lines: [] }), {}), ['noLines']);
    const credited = (status: string, creditedMinor = 0) => ({ credited: invoice(status, { creditedMinor }) });
    const creditNote = invoice('draft', { kind: 'credit_note' });
    assert.deepEqual(refusals('invoices', creditNote, credited('paid')), []);
    assert.deepEqual(refusals('invoices', creditNote, credited('void')), ['notCreditable']);
    assert.deepEqual(refusals('invoices', creditNote, credited('paid', 1000)), ['notCreditable']);
    assert.deepEqual(refusals('customers', record({}), { references: 2 }), ['hasInvoices']);
    assert.deepEqual(refusals('customers', record({}), { references: 0 }), []);
    assert.deepEqual(refusals('plans', record({}), { references: 1 }), ['hasCustomers']);
    assert.deepEqual(refusals('users', record({ role: 'owner' }), { otherOwners: 0 }), ['lastOwner']);
    assert.deepEqual(refusals('users', record({ role: 'owner', disabled: true }), { otherOwners: 0 }), []);
    assert.deepEqual(refusals('users', record({ role: 'editor' }), { otherOwners: 0 }), []);
  });

  test('limit editing to due date and internal note once an invoice is issued, and to what a credit note does not inherit', () => {
    assert.equal(editableFields('invoices', {}), null);
    assert.equal(editableFields('invoices', { status: 'draft' }), null);
    assert.deepEqual(editableFields('invoices', { status: 'void' }), ['dueDate', 'internalNote']);
    assert.deepEqual(editableFields('invoices', { status: 'paid', kind: 'credit_note' }), ['internalNote']);
    const ofCreditNote = editableFields('invoices', { status: 'draft', kind: 'credit_note' }) ?? [];
    assert.deepEqual(['lines', 'issueDate', 'customerId', 'currency', 'dueDate'].map((name) => ofCreditNote.includes(name)),
      [true, true, false, false, false]);
    assert.equal(editableFields('customers', {}), null);
  });
});
