// From opening a form to the server's answer: what is sent, what comes back, and that nothing typed is lost on the way.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import { mergePatch, type JsonObject } from '../../../shared/fields.ts';
import { toOutcome } from '../../../shared/window/ipc.ts';
import type { WireRecord } from '../../../shared/protocol.ts';
import type { RecordView } from '../../../shared/window/views.ts';
import { RecordFlow, type FlowDeps, type Task } from '../../../ui/record/record-flow.ts';

const id = 'a'.repeat(24);
const customer: JsonObject = { name: 'Café Müller', currency: 'EUR', phone: '1' };

/** One record on a server that checks versions, and what was sent to it. */
function createOffice(payload: JsonObject) {
  let held: RecordView | null = { id, updatedAt: 'v1', payload };
  let fault: { code: ErrorCode; isDone: boolean } | null = null;
  const sent: unknown[] = [];
  const done: { task: Task; record: WireRecord; shown: RecordView | null; isOpen: boolean }[] = [];
  let shown: RecordView | null = null;
  const write = (request: object, updatedAt: string | null, next: () => RecordView | null) => toOutcome(async () => {
    sent.push(request);
    const failing = fault;
    fault = null;
    if (failing && !failing.isDone) throw new AppError(failing.code, 'Refused.', { fields: { name: 'is required' } });
    if (updatedAt !== null && updatedAt !== held?.updatedAt) throw new AppError('precondition_failed', 'Changed.', { current: held });
    held = next();
    if (failing) throw new AppError(failing.code, 'No answer.');
    return held ?? { id, updatedAt: 'gone' };
  }, () => undefined);
  const version = () => `v${Number(held?.updatedAt.slice(1) ?? 0) + 1}`;
  const deps: FlowDeps = {
    records: {
      create: (request) => write(request, null, () => ({ id, updatedAt: 'v1', payload: request.fields })),
      update: (request) => write(request, request.updatedAt, () =>
        ({ id, updatedAt: version(), payload: mergePatch(held?.payload, request.patch) as JsonObject })),
      remove: (request) => write(request, request.updatedAt, () => null),
      act: (request) => write(request, request.updatedAt, () =>
        ({ id, updatedAt: version(), payload: { ...held?.payload, status: request.action } })),
    },
    getRecord: async () => ({ ok: true, value: held }),
    refresh: async () => {
      assert(flow.state.isBusy, 'meanwhile it could be saved again');
      await setImmediate();
      shown = held;
    },
    done: (task, record) => done.push({ task, record, shown, isOpen: flow.state.task !== null }),
  };
  const flow = new RecordFlow({ addController: () => undefined, requestUpdate: () => undefined } as never, deps);
  const view = (): RecordView => {
    assert.ok(held);
    return held;
  };
  return {
    flow, sent, done, view,
    edit: () => flow.open({ kind: 'edit', collection: 'customers', record: view(), start: view().payload }),
    colleagueSaves: (change: JsonObject) => { held = { id, updatedAt: version(), payload: { ...held?.payload, ...change } }; },
    fail: (code: ErrorCode, isDone = false) => { fault = { code, isDone }; },
  };
}

describe('a task that is done', () => {
  const draft: JsonObject = { status: 'draft', notes: 'a' };
  const change = (record: RecordView): Task => ({ kind: 'edit', collection: 'invoices', record, start: record.payload });
  const action = (record: RecordView): Task => ({ kind: 'act', collection: 'invoices', action: 'send', record });
  for (const begin of [change, action]) {
    test(`is open until what it made is shown: ${begin.name}`, async () => {
      const { flow, done, view } = createOffice(draft);
      flow.open(begin(view()));
      const working = begin === change ? flow.save({ notes: 'b' }) : flow.confirm();
      while (done.length === 0) {
        assert(flow.state.isBusy, 'it was left before');
        await setImmediate();
      }
      await working;
      assert.deepEqual(done.map(({ shown, isOpen }) => ({ shown, isOpen })), [{ shown: view(), isOpen: false }]);
    });
  }

  test('does not wait for a record to be shown that was not there before, or is gone', async () => {
    const { flow, done, view } = createOffice(draft);
    flow.open({ kind: 'act', collection: 'invoices', action: 'delete', record: view() });
    await flow.confirm();
    flow.open({ kind: 'edit', collection: 'invoices', record: null, start: {} });
    await flow.save(draft);
    assert.deepEqual(done.map(({ shown }) => shown), [null, null]);
  });
});

describe('saving a form', () => {
  test('creates a record and is done', async () => {
    const { flow, sent, done } = createOffice({});
    flow.open({ kind: 'edit', collection: 'customers', record: null, start: {} });
    await flow.save(customer);
    assert.deepEqual(sent, [{ collection: 'customers', fields: customer }]);
    assert.equal(done[0]?.record.updatedAt, 'v1');
    assert.equal(flow.state.task, null);
  });

  test('sends only what changed, on the version that the form began with', async () => {
    const { flow, sent, edit } = createOffice(customer);
    edit();
    const { phone: _gone, ...rest } = customer;
    await flow.save({ ...rest, name: 'Müller' });
    assert.deepEqual(sent, [{ collection: 'customers', id, updatedAt: 'v1', patch: { name: 'Müller', phone: null } }]);
  });

  test('of what nobody changed asks the server nothing', async () => {
    const { flow, sent, done, edit } = createOffice(customer);
    edit();
    await flow.save(customer);
    assert.deepEqual(sent, []);
    assert.equal(done.length, 1);
  });

  test('that is refused stays open with the reason, and can be tried again', async () => {
    const { flow, edit, fail, done } = createOffice(customer);
    edit();
    fail('invalid_request');
    await flow.save({ ...customer, name: '' });
    assert.deepEqual(flow.state.error?.fields, { name: 'is required' });
    assert.equal(flow.state.isBusy, false);
    await flow.save({ ...customer, name: 'Müller' });
    assert.equal(done.length, 1);
  });

  test('twice at once is one save', async () => {
    const { flow, sent, edit } = createOffice(customer);
    edit();
    await Promise.all([flow.save({ ...customer, name: 'A' }), flow.save({ ...customer, name: 'A' })]);
    assert.equal(sent.length, 1);
  });

  test('sends a sent invoice only what may still change', async () => {
    const { flow, sent, view } = createOffice({ status: 'sent', dueDate: '2026-01-01', notes: 'old', issueDate: '2025-12-01', lines: [] });
    flow.open({ kind: 'edit', collection: 'invoices', record: view(), start: view().payload });
    await flow.save({ dueDate: '2026-02-01' });
    assert.deepEqual(sent, [{ collection: 'invoices', id, updatedAt: 'v1', patch: { notes: null, dueDate: '2026-02-01' } }]);
  });
});

describe('a change by someone else meanwhile', () => {
  test('shows both versions and keeps the form; the choice is saved on the present version', async () => {
    const { flow, edit, colleagueSaves, sent, view } = createOffice(customer);
    edit();
    colleagueSaves({ phone: '2' });
    await flow.save({ ...customer, name: 'Müller' });
    assert.deepEqual(flow.state.conflict?.mine, { ...customer, name: 'Müller' });
    assert.deepEqual(flow.state.conflict?.theirs.payload, { ...customer, phone: '2' });
    await flow.resolve({ ...customer, name: 'Müller', phone: '2' });
    assert.deepEqual(sent.at(-1), { collection: 'customers', id, updatedAt: 'v2', patch: { name: 'Müller' } });
    assert.deepEqual(view().payload, { ...customer, name: 'Müller', phone: '2' });
  });

  test('and again while comparing compares with the newest', async () => {
    const { flow, edit, colleagueSaves } = createOffice(customer);
    edit();
    colleagueSaves({ phone: '2' });
    await flow.save({ ...customer, name: 'Müller' });
    colleagueSaves({ phone: '3' });
    await flow.resolve({ ...customer, name: 'Müller', phone: '2' });
    assert.equal(flow.state.conflict?.base.payload['phone'], '2');
    assert.equal(flow.state.conflict?.theirs.payload['phone'], '3');
  });

  test('can be left: the form is still there, and says the same when it is saved again', async () => {
    const { flow, edit, colleagueSaves } = createOffice(customer);
    edit();
    colleagueSaves({ phone: '2' });
    await flow.save({ ...customer, name: 'Müller' });
    flow.dismissConflict();
    assert.equal(flow.state.task?.kind, 'edit');
    await flow.save({ ...customer, name: 'Müller' });
    assert.ok(flow.state.conflict);
  });

  test('asks an action again about the present version', async () => {
    const { flow, colleagueSaves, view, done } = createOffice({ status: 'draft', notes: 'a' });
    const first = view();
    flow.open({ kind: 'act', collection: 'invoices', action: 'send', record: first });
    colleagueSaves({ notes: 'b' });
    await flow.confirm();
    const { task } = flow.state;
    assert.ok(task?.kind === 'act');
    assert.equal(task.before, first);
    assert.equal(task.record.updatedAt, 'v2');
    await flow.confirm();
    assert.equal(done.length, 1);
  });
});

describe('a save without an answer', () => {
  test('that was made is done with the next sync', async () => {
    const { flow, edit, fail, done } = createOffice(customer);
    edit();
    fail('outcome_unknown', true);
    await flow.save({ ...customer, name: 'Müller' });
    assert.equal(flow.state.error?.code, 'outcome_unknown');
    await flow.syncCompleted();
    assert.equal(done.length, 1);
    assert.equal(flow.state.task, null);
  });

  test('that was not made says so with the next sync, and can be made again', async () => {
    const { flow, edit, fail, done } = createOffice(customer);
    edit();
    fail('outcome_unknown');
    await flow.save({ ...customer, name: 'Müller' });
    await flow.syncCompleted();
    assert.equal(flow.state.error?.code, 'unsaved');
    await flow.save({ ...customer, name: 'Müller' });
    assert.equal(done.length, 1);
  });

  test('of a delete is judged by whether the record is gone', async () => {
    const { flow, fail, done, view } = createOffice(customer);
    flow.open({ kind: 'act', collection: 'customers', action: 'delete', record: view() });
    fail('outcome_unknown', true);
    await flow.confirm();
    await flow.syncCompleted();
    assert.equal(done.length, 1);
  });

  test('is left alone by syncs that complete while nothing is in doubt', async () => {
    const { flow, edit } = createOffice(customer);
    edit();
    await flow.syncCompleted();
    assert.equal(flow.state.error, null);
    assert.equal(flow.state.task?.kind, 'edit');
  });
});

test('an answer that comes after the form was closed closes nothing else', async () => {
  const { flow, edit, done } = createOffice(customer);
  edit();
  const saving = flow.save({ ...customer, name: 'Müller' });
  flow.close();
  edit();
  await saving;
  assert.equal(done.length, 0);
  assert.equal(flow.state.task?.kind, 'edit');
});
