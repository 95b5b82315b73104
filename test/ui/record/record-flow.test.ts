// RecordFlow: what each task sends, how it handles every kind of response, and that no input is lost.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import { problem } from '../../../shared/problems.ts';
import { mergePatch, type JsonObject } from '../../../shared/fields.ts';
import { toOutcome } from '../../../shared/window/ipc.ts';
import type { WireRecord } from '../../../shared/protocol.ts';
import type { RecordView } from '../../../shared/window/views.ts';
import { RecordFlow, type FlowDeps, type Task } from '../../../ui/record/record-flow.ts';
import type { WriteBlock } from '../../../ui/sync/sync-view.ts';

const id = 'a'.repeat(24);
const customer: JsonObject = { name: 'Café Müller', currency: 'EUR', phone: '1' };

/**
 * A flow on a fake server that holds one record and checks versions, with everything that was sent to it, but for the keys: a
 * create that is repeated under its key is done once, and another under the same key is refused.
 */
function createServer(payload: JsonObject) {
  let stored: RecordView | null = { id, updatedAt: 'v1', payload };
  let fault: { code: ErrorCode; isApplied: boolean } | null = null;
  const sent: unknown[] = [];
  const done: { task: Task; record: WireRecord; next: 'issue' | null; shown: RecordView | null; isOpen: boolean }[] = [];
  let shown: RecordView | null = null;
  const write = (request: object, updatedAt: string | null, next: () => RecordView | null) => toOutcome(async () => {
    sent.push(request);
    const failing = fault;
    fault = null;
    if (failing && !failing.isApplied) throw new AppError(failing.code, 'Refused.', { fields: { name: problem('required') } });
    if (updatedAt !== null && updatedAt !== stored?.updatedAt) throw new AppError('precondition_failed', 'Changed.', { current: stored });
    const answer = next();
    if (failing) throw new AppError(failing.code, 'No answer.');
    return answer ?? { id, updatedAt: 'gone' };
  }, () => undefined);
  let made: { key: string; fields: JsonObject; record: RecordView } | null = null;
  const create = (fields: JsonObject, key: string | undefined): RecordView => {
    assert(key, 'a new record has a key');
    if (made?.key === key) {
      assert.deepEqual(fields, made.fields, 'the key was used with other fields');
      return made.record;
    }
    created += 1;
    made = { key, fields, record: { id, updatedAt: 'v1', payload: fields } };
    stored = made.record;
    return made.record;
  };
  let created = 0;
  let block: WriteBlock = null;
  const version = () => `v${Number(stored?.updatedAt.slice(1) ?? 0) + 1}`;
  const deps: { -readonly [K in keyof FlowDeps]: FlowDeps[K] } = {
    records: {
      create: ({ key, ...request }) => write(request, null, () => create(request.fields, key)),
      update: (request) => write(request, request.updatedAt, () =>
        stored = { id, updatedAt: version(), payload: mergePatch(stored?.payload, request.patch) as JsonObject }),
      remove: (request) => write(request, request.updatedAt, () => stored = null),
      removeEntry: (request) => write(request, request.updatedAt, () =>
        stored = { id, updatedAt: version(), payload: { ...stored?.payload, [request.list]: [] } }),
      act: (request) => write(request, request.updatedAt, () =>
        stored = { id, updatedAt: version(), payload: { ...stored?.payload, status: request.action } }),
    },
    getRecord: async () => ({ ok: true, value: stored }),
    refresh: async () => {
      assert(flow.state.isBusy, 'the form cannot be saved again meanwhile');
      await setImmediate();
      shown = stored;
    },
    block: () => block,
    onDone: (task, record, next) => done.push({ task, record, next, shown, isOpen: flow.state.task !== null }),
  };
  const requestUpdate = (): void => void setImmediate().then(() => flow.hostUpdate());
  const flow = new RecordFlow({ addController: () => undefined, requestUpdate } as never, deps);
  const view = (): RecordView => {
    assert.ok(stored);
    return stored;
  };
  return {
    flow, deps, sent, done, view,
    get created() { return created; },
    /** Changes the status, of which the window is told later. */
    setBlock: (next: WriteBlock) => { block = next; },
    become: (next: WriteBlock) => {
      block = next;
      flow.hostUpdate();
    },
    edit: () => flow.open({ kind: 'edit', collection: 'customers', record: view(), initial: view().payload }),
    colleagueSaves: (change: JsonObject) => { stored = { id, updatedAt: version(), payload: { ...stored?.payload, ...change } }; },
    fail: (code: ErrorCode, isApplied = false) => { fault = { code, isApplied }; },
  };
}

describe('an error', () => {
  for (const [code, during] of [['unauthorized', 'checking'], ['offline', 'unreachable'], ['signed_out', 'signed_out']] as const) {
    test(`is gone once its cause has changed: ${code}`, async () => {
      const { flow, edit, fail, become, setBlock } = createServer({ note: 'a' });
      edit();
      fail(code);
      await flow.save({ note: 'b' });
      await setImmediate();
      assert.equal(flow.state.error?.code, code);
      become(during);
      assert.equal(flow.state.error, null);
      fail(code);
      await flow.save({ note: 'b' });
      await setImmediate();
      assert.equal(flow.state.error, null, 'the block says it');
      // As while a sync runs, between two of which the window shows nothing new.
      setBlock(null);
      fail(code);
      await flow.save({ note: 'b' });
      setBlock(during);
      await setImmediate();
      assert.equal(flow.state.error, null, 'the block was gone only for a moment');
      become(null);
      assert.deepEqual([flow.state.error, flow.state.task?.kind], [null, 'edit']);
    });
  }

  test('stays if it says what became of the save', async () => {
    for (const code of ['outcome_unknown', 'conflict', 'forbidden'] as const) {
      const { flow, edit, fail, become } = createServer({ note: 'a' });
      edit();
      fail(code);
      await flow.save({ note: 'b' });
      become('checking');
      become(null);
      assert.equal(flow.state.error?.code, code);
    }
  });
});

describe('a completed task', () => {
  test('says what the user wants to do next, also once a save has failed or met a conflict', async () => {
    const { flow, done, edit, fail, colleagueSaves } = createServer({ note: 'a', city: 'b' });
    edit();
    fail('offline');
    await flow.save({ note: 'b' }, 'issue');
    await flow.save({ note: 'b' });
    edit();
    colleagueSaves({ city: 'x' });
    await flow.save({ note: 'c' }, 'issue');
    assert.ok(flow.state.conflict);
    await flow.resolve({ note: 'c' });
    assert.deepEqual(done.map(({ next }) => next), [null, 'issue']);
  });

  const draft: JsonObject = { status: 'draft', note: 'a' };
  const change = (record: RecordView): Task => ({ kind: 'edit', collection: 'invoices', record, initial: record.payload });
  const action = (record: RecordView): Task => ({ kind: 'action', collection: 'invoices', action: 'issue', record });
  for (const begin of [change, action]) {
    test(`stays open until its result is shown: ${begin.name}`, async () => {
      const { flow, done, view } = createServer(draft);
      flow.open(begin(view()));
      const working = begin === change ? flow.save({ note: 'b' }) : flow.confirm();
      while (done.length === 0) {
        assert(flow.state.isBusy, 'it was closed too early');
        await setImmediate();
      }
      await working;
      assert.deepEqual(done.map(({ shown, isOpen }) => ({ shown, isOpen })), [{ shown: view(), isOpen: false }]);
    });
  }

  test('does not wait for a record that is new or deleted to be shown', async () => {
    const { flow, done, view } = createServer(draft);
    flow.open({ kind: 'action', collection: 'invoices', action: 'delete', record: view() });
    await flow.confirm();
    flow.open({ kind: 'edit', collection: 'invoices', record: null, initial: {} });
    await flow.save(draft);
    assert.deepEqual(done.map(({ shown }) => shown), [null, null]);
  });
});

describe('saving a form', () => {
  test('creates a record and completes the task', async () => {
    const { flow, sent, done } = createServer({});
    flow.open({ kind: 'edit', collection: 'customers', record: null, initial: {} });
    await flow.save(customer);
    assert.deepEqual(sent, [{ collection: 'customers', fields: customer }]);
    assert.equal(done[0]?.record.updatedAt, 'v1');
    assert.equal(flow.state.task, null);
  });

  test('sends only what changed, with the version that the form was opened with', async () => {
    const { flow, sent, edit } = createServer(customer);
    edit();
    const { phone: _gone, ...rest } = customer;
    await flow.save({ ...rest, name: 'Müller' });
    assert.deepEqual(sent, [{ collection: 'customers', id, updatedAt: 'v1', patch: { name: 'Müller', phone: null } }]);
  });

  test('sends nothing if nothing changed', async () => {
    const { flow, sent, done, edit } = createServer(customer);
    edit();
    await flow.save(customer);
    assert.deepEqual(sent, []);
    assert.equal(done.length, 1);
  });

  test('keeps the form open with the reason if the server rejects it, and can be retried', async () => {
    const { flow, edit, fail, done } = createServer(customer);
    edit();
    fail('invalid_request');
    await flow.save({ ...customer, name: '' });
    assert.deepEqual(flow.state.error?.fields, { name: problem('required') });
    assert.equal(flow.state.isBusy, false);
    await flow.save({ ...customer, name: 'Müller' });
    assert.equal(done.length, 1);
  });

  test('saves once if it is triggered twice', async () => {
    const { flow, sent, done, edit } = createServer(customer);
    edit();
    await Promise.all([flow.save({ ...customer, name: 'A' }), flow.save({ ...customer, name: 'A' }, 'issue')]);
    assert.deepEqual([sent.length, done.map(({ next }) => next)], [1, [null]]);
  });

  test('sends only the fields of an issued invoice that may still change', async () => {
    const { flow, sent, view } = createServer({
      status: 'open', dueDate: '2026-01-01', internalNote: 'old', issueDate: '2025-12-01', lines: [],
    });
    flow.open({ kind: 'edit', collection: 'invoices', record: view(), initial: view().payload });
    await flow.save({ dueDate: '2026-02-01' });
    assert.deepEqual(sent, [{ collection: 'invoices', id, updatedAt: 'v1', patch: { internalNote: null, dueDate: '2026-02-01' } }]);
  });
});

describe('a concurrent change by someone else', () => {
  test('shows both versions and keeps the form; the resolution is saved on the current version', async () => {
    const { flow, edit, colleagueSaves, sent, view } = createServer(customer);
    edit();
    colleagueSaves({ phone: '2' });
    await flow.save({ ...customer, name: 'Müller' });
    assert.deepEqual(flow.state.conflict?.mine, { ...customer, name: 'Müller' });
    assert.deepEqual(flow.state.conflict?.theirs.payload, { ...customer, phone: '2' });
    await flow.resolve({ ...customer, name: 'Müller', phone: '2' });
    assert.deepEqual(sent.at(-1), { collection: 'customers', id, updatedAt: 'v2', patch: { name: 'Müller' } });
    assert.deepEqual(view().payload, { ...customer, name: 'Müller', phone: '2' });
  });

  test('made while the conflict is open compares with the newest version', async () => {
    const { flow, edit, colleagueSaves } = createServer(customer);
    edit();
    colleagueSaves({ phone: '2' });
    await flow.save({ ...customer, name: 'Müller' });
    colleagueSaves({ phone: '3' });
    await flow.resolve({ ...customer, name: 'Müller', phone: '2' });
    assert.equal(flow.state.conflict?.base.payload['phone'], '2');
    assert.equal(flow.state.conflict?.theirs.payload['phone'], '3');
  });

  test('can be dismissed: the form stays open, and saving it again shows the conflict again', async () => {
    const { flow, edit, colleagueSaves } = createServer(customer);
    edit();
    colleagueSaves({ phone: '2' });
    await flow.save({ ...customer, name: 'Müller' });
    flow.dismissConflict();
    assert.equal(flow.state.task?.kind, 'edit');
    await flow.save({ ...customer, name: 'Müller' });
    assert.ok(flow.state.conflict);
  });

  test('makes the removal of a payment ask again about the current version', async () => {
    const { flow, colleagueSaves, view, sent, done } = createServer({ status: 'paid', payments: [{ id: 'p1' }] });
    flow.open({ kind: 'action', collection: 'invoices', action: 'unpay', record: view(), paymentId: 'p1' });
    colleagueSaves({ internalNote: 'b' });
    await flow.confirm();
    assert.equal(done.length, 0);
    await flow.confirm();
    assert.deepEqual(sent, ['v1', 'v2'].map((updatedAt) => ({ collection: 'invoices', id, updatedAt, list: 'payments', entry: 'p1' })));
    assert.equal(done.length, 1);
  });

  test('makes an action ask again about the current version', async () => {
    const { flow, colleagueSaves, view, done } = createServer({ status: 'draft', note: 'a' });
    const first = view();
    flow.open({ kind: 'action', collection: 'invoices', action: 'issue', record: first });
    for (const note of ['b', 'c']) {
      colleagueSaves({ note });
      await flow.confirm();
    }
    const { task } = flow.state;
    assert.ok(task?.kind === 'action');
    assert.equal(task.before, first);
    assert.equal(task.record.updatedAt, 'v3');
    await flow.confirm();
    assert.equal(done.length, 1);
  });
});

describe('a write without a response', () => {
  test('completes with the next sync if it was applied', async () => {
    const { flow, edit, fail, done } = createServer(customer);
    edit();
    fail('outcome_unknown', true);
    await flow.save({ ...customer, name: 'Müller' });
    assert.equal(flow.state.error?.code, 'outcome_unknown');
    await flow.syncCompleted();
    assert.equal(done.length, 1);
    assert.equal(flow.state.task, null);
  });

  test('is reported as unsaved with the next sync if it was not applied, and can be retried', async () => {
    const { flow, edit, fail, done } = createServer(customer);
    edit();
    fail('outcome_unknown');
    await flow.save({ ...customer, name: 'Müller' });
    await flow.syncCompleted();
    assert.equal(flow.state.error?.code, 'unsaved');
    await flow.save({ ...customer, name: 'Müller' });
    assert.equal(done.length, 1);
    const issuing = createServer({ status: 'draft' });
    issuing.flow.open({ kind: 'action', collection: 'invoices', action: 'issue', record: issuing.view() });
    issuing.fail('outcome_unknown');
    await issuing.flow.confirm();
    await issuing.flow.syncCompleted();
    assert.deepEqual([issuing.done.length, issuing.flow.state.error?.code], [0, 'unsaved']);
  });

  test('is still open if it was saved again, differently, while a sync was being checked', async () => {
    const { flow, deps, edit, fail, done, view } = createServer(customer);
    edit();
    fail('outcome_unknown', true);
    await flow.save({ ...customer, name: 'Müller' });
    deps.getRecord = async () => {
      fail('outcome_unknown');
      await flow.save({ ...customer, name: 'Meier' });
      return { ok: true, value: view() };
    };
    await flow.syncCompleted();
    assert.deepEqual([done.length, flow.state.error?.code], [0, 'outcome_unknown']);
  });

  test('completes a delete if the record is gone', async () => {
    const { flow, fail, done, view } = createServer(customer);
    flow.open({ kind: 'action', collection: 'customers', action: 'delete', record: view() });
    fail('outcome_unknown', true);
    await flow.confirm();
    await flow.syncCompleted();
    assert.equal(done.length, 1);
  });

  test('is the only thing a completed sync checks: other tasks stay as they are', async () => {
    const { flow, edit } = createServer(customer);
    edit();
    await flow.syncCompleted();
    assert.equal(flow.state.error, null);
    assert.equal(flow.state.task?.kind, 'edit');
  });
});

describe('a new record whose save got no response, and that is edited and saved again', () => {
  const edited = { ...customer, phone: '2' };
  async function saveWithoutResponse(isApplied: boolean) {
    const server = createServer({});
    server.flow.open({ kind: 'edit', collection: 'customers', record: null, initial: {} });
    server.fail('outcome_unknown', isApplied);
    await server.flow.save(customer);
    assert.equal(server.flow.state.error?.code, 'unknown_new');
    return server;
  }
  const repeated = { collection: 'customers', fields: customer };
  const change = { collection: 'customers', id, updatedAt: 'v1', patch: { phone: '2' } };

  for (const isApplied of [true, false]) {
    test(`is one record, with what was edited: ${isApplied ? 'made by the first save' : 'made by its repetition'}`, async () => {
      const server = await saveWithoutResponse(isApplied);
      await server.flow.save(edited);
      assert.deepEqual(server.sent, [repeated, repeated, change]);
      assert.deepEqual([server.created, server.view().payload, server.done.length], [1, edited, 1]);
      assert.equal(server.done[0]?.record.updatedAt, 'v2');
    });
  }

  test('is one record however long there is no response, and whatever was edited meanwhile', async () => {
    const server = await saveWithoutResponse(true);
    for (const code of ['outcome_unknown', 'offline', 'signed_out', 'outcome_unknown'] as const) {
      server.fail(code);
      await server.flow.save({ ...customer, phone: code });
      assert.equal(server.flow.state.error?.code, code === 'outcome_unknown' ? 'unknown_new' : code);
    }
    await server.flow.save(edited);
    assert.deepEqual([server.created, server.view().payload, server.done.length], [1, edited, 1]);
  });

  test('is made anew if the server says that the first was refused', async () => {
    const server = await saveWithoutResponse(false);
    server.fail('invalid_request');
    await server.flow.save(edited);
    assert.deepEqual(server.sent, [repeated, repeated, { collection: 'customers', fields: edited }]);
    assert.deepEqual([server.created, server.view().payload, server.done.length], [1, edited, 1]);
  });

  test('is in conflict if someone has changed the record that the first save made', async () => {
    const server = await saveWithoutResponse(true);
    server.colleagueSaves({ phone: '3' });
    await server.flow.save(edited);
    const { conflict } = server.flow.state;
    assert.deepEqual([conflict?.base.payload, conflict?.mine, conflict?.theirs.updatedAt], [customer, edited, 'v2']);
    await server.flow.resolve(edited);
    assert.deepEqual([server.created, server.view().payload, server.done.length], [1, edited, 1]);
  });

  test('is changed, and not made again, once its record is known', async () => {
    const server = await saveWithoutResponse(true);
    const { update } = server.deps.records;
    server.deps.records = { ...server.deps.records, update: async () => ({ ok: false, error: { code: 'outcome_unknown', message: '' } }) };
    await server.flow.save({ ...customer, phone: '1.5' });
    server.deps.records = { ...server.deps.records, update };
    await server.flow.save(edited);
    assert.deepEqual(server.sent, [repeated, repeated, change]);
    assert.deepEqual([server.created, server.view().payload, server.done.length], [1, edited, 1]);
  });

  test('leaves nothing to the next form, which makes a record of its own', async () => {
    const server = await saveWithoutResponse(true);
    server.deps.records = { ...server.deps.records, update: async () => ({ ok: false, error: { code: 'offline', message: '' } }) };
    await server.flow.save(edited);
    server.flow.open({ kind: 'edit', collection: 'customers', record: null, initial: {} });
    await server.flow.save(edited);
    assert.deepEqual([server.created, server.done.length], [2, 1]);
  });

  test('is left alone if the form was closed meanwhile', async () => {
    const server = await saveWithoutResponse(true);
    const saving = server.flow.save(edited);
    server.flow.close();
    await saving;
    assert.deepEqual([server.sent, server.created], [[repeated, repeated], 1]);
  });
});

test('a response that arrives after the form was closed does not close another one', async () => {
  const { flow, deps, edit, done } = createServer(customer);
  edit();
  const saving = flow.save({ ...customer, name: 'Müller' });
  flow.close();
  edit();
  await saving;
  assert.deepEqual([flow.state.task?.kind, flow.state.isBusy], ['edit', false]);
  deps.refresh = async () => flow.close();
  await flow.save({ ...customer, name: 'Müller' });
  assert.equal(done.length, 0, 'nor is one done that was closed while its result was loaded');
});
