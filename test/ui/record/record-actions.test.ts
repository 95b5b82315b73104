// The actions offered on a record, by role and state, with the reason for each that is not possible.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { RecordView } from '../../../shared/window/views.ts';
import { editableFields, recordActions } from '../../../ui/record/record-actions.ts';

const nothingKnown = { references: null, otherOwners: null };
const record = (payload: RecordView['payload']): RecordView => ({ id: 'a'.repeat(24), updatedAt: '', payload });
const invoice = (status: string, lines: readonly object[] = [{}]) => record({ status, lines: lines as never });
const names = (collection: string, view: RecordView, role: 'owner' | 'editor' | 'viewer' = 'editor') =>
  recordActions(collection, view, role, nothingKnown).map(({ name }) => name);

describe('the actions of a record', () => {
  test('do not include writes that the role forbids', () => {
    for (const collection of ['invoices', 'customers', 'plans', 'users'])
      assert.deepEqual(names(collection, invoice('draft'), 'viewer'), []);
    assert.deepEqual(names('users', record({}), 'editor'), []);
  });

  test('depend on the status of an invoice', () => {
    assert.deepEqual(names('invoices', invoice('draft')), ['send', 'edit', 'duplicate', 'delete']);
    assert.deepEqual(names('invoices', invoice('sent')), ['pay', 'edit', 'duplicate', 'void']);
    assert.deepEqual(names('invoices', invoice('paid')), ['edit', 'duplicate', 'void']);
    assert.deepEqual(names('invoices', invoice('void')), ['edit', 'duplicate']);
  });

  test('carry a reason if the state forbids them', () => {
    const refusals = (collection: string, view: RecordView, context: object) =>
      recordActions(collection, view, 'owner', { ...nothingKnown, ...context }).flatMap(({ refusal }) => refusal ?? []);
    assert.deepEqual(refusals('invoices', invoice('draft', []), {}), ['noLines']);
    assert.deepEqual(refusals('customers', record({}), { references: 2 }), ['hasInvoices']);
    assert.deepEqual(refusals('customers', record({}), { references: 0 }), []);
    assert.deepEqual(refusals('plans', record({}), { references: 1 }), ['hasCustomers']);
    assert.deepEqual(refusals('users', record({ role: 'owner' }), { otherOwners: 0 }), ['lastOwner']);
    assert.deepEqual(refusals('users', record({ role: 'owner', disabled: true }), { otherOwners: 0 }), []);
    assert.deepEqual(refusals('users', record({ role: 'editor' }), { otherOwners: 0 }), []);
  });

  test('limit editing to due date and notes once an invoice is sent', () => {
    assert.equal(editableFields('invoices', {}), null);
    assert.equal(editableFields('invoices', { status: 'draft' }), null);
    assert.deepEqual(editableFields('invoices', { status: 'void' }), ['dueDate', 'notes']);
    assert.equal(editableFields('customers', {}), null);
  });
});
