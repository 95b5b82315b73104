// The state machine of editing a record, from opening a form or confirmation to the server's response. One task at a time,
// as a value that the dialogs render. A failure leaves the task open with its input intact.
//
//   open ──▶ submit ──▶ saved: the task is done
//                  ├──▶ rejected: the reason at its fields, or above them
//                  ├──▶ conflict: both versions; the resolution is saved on the current one
//                  └──▶ no response: the next completed sync tells whether it was saved
//
// A new record whose save got no response may exist. So whatever is saved next, that save is first repeated as it was, under the
// form's key, and what was edited since is then saved as a change of the record that it has made.

import type { ReactiveController, ReactiveControllerHost } from 'lit';

import { findCollection, writableFields, type Invoice } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { CallError, Outcome, WindowApi } from '../../shared/window/ipc.ts';
import type { WireRecord } from '../../shared/protocol.ts';
import type { RecordView } from '../../shared/window/views.ts';
import type { Lead } from '../app-state.ts';
import { ask } from '../base/ask.ts';
import { sourceOf } from './record-detail-data.ts';
import type { IssueContext } from '../invoice/issue-warnings.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { editableFields } from './record-actions.ts';
import { isEmpty, isSame, mergePatchBetween } from './record-patch.ts';

/** A form; `record` is the version it was opened with, null for a new record, and `initial` what its fields start with. */
export interface EditTask {
  readonly kind: 'edit';
  readonly collection: string;
  readonly record: RecordView | null;
  readonly initial: JsonObject;
  /** The record was made for this form, and is taken back with it. */
  readonly isMade?: boolean;
  readonly lead?: Lead;
}

/** The confirmation of an action that is not taken lightly, or a payment. */
export interface ActionTask {
  readonly kind: 'action';
  readonly collection: string;
  readonly action: 'issue' | 'void' | 'pay' | 'unpay' | 'delete';
  /** The payment to remove, for `unpay`. */
  readonly paymentId?: string;
  readonly record: RecordView;
  /** What the warnings depend on, for `issue`. */
  readonly context?: IssueContext;
  /** Whether a draft credits this invoice, for `void`. */
  readonly hasCreditDraft?: boolean;
  /** The version first asked about, if someone has changed the record since. */
  readonly before?: RecordView;
}

export type Task = EditTask | ActionTask;

export interface Conflict {
  readonly base: RecordView;
  readonly mine: JsonObject;
  readonly theirs: RecordView;
}

/**
 * Besides the server's errors, `unsaved`: a completed sync has shown that a save without a response was not applied; and `unknown_new`:
 * it is not known yet whether a new record was saved.
 */
export type FlowError = CallError | { readonly code: 'unsaved' | 'unknown_new'; readonly message: string; readonly fields?: never };

export interface FlowState {
  readonly task: Task | null;
  readonly isBusy: boolean;
  readonly error: FlowError | null;
  readonly conflict: Conflict | null;
}

export interface FlowDeps {
  readonly records: WindowApi['records'];
  readonly getRecord: WindowApi['data']['getRecord'];
  /** Reloads the record from the cache; resolves once it is shown. */
  readonly refresh: () => Promise<void>;
  /** Why writing is not possible at the moment. */
  readonly block: () => WriteBlock;
  /** A task is done; `record` is the result, and `next` what the user wants to do with it. */
  readonly onDone: (task: Task, record: WireRecord, next: 'issue' | null) => void;
}

/** The calls of a flow, made by this element. */
export function recordCalls(element: EventTarget): Pick<FlowDeps, 'records' | 'getRecord'> {
  return {
    records: {
      create: (request) => ask(element, 'records.create', request),
      update: (request) => ask(element, 'records.update', request),
      remove: (request) => ask(element, 'records.remove', request),
      removeEntry: (request) => ask(element, 'records.removeEntry', request),
      act: (request) => ask(element, 'records.act', request),
    },
    getRecord: sourceOf(element).getRecord,
  };
}

const idle: FlowState = { task: null, isBusy: false, error: null, conflict: null };

/** The fields that a form may change in the record's current state. */
export function formFieldNames(collection: string, payload: JsonObject): readonly string[] {
  const declared = findCollection(collection);
  return editableFields(collection, payload) ?? Object.keys(declared ? writableFields(declared) : {});
}

export class RecordFlow implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #deps: FlowDeps;
  #state = idle;
  /** The fields of a write that got no response. */
  #unconfirmed: JsonObject | null = null;
  /** The key of the record that a form makes. */
  #key = '';
  /** The record that an earlier save of this form has made. */
  #created: RecordView | null = null;
  #next: 'issue' | null = null;
  #block: WriteBlock = null;

  constructor(host: ReactiveControllerHost, deps: FlowDeps) {
    this.#host = host;
    this.#deps = deps;
    host.addController(this);
  }

  /** Drops an error that is due to the connection or the session, once a block says so instead or the block has changed. */
  hostUpdate(): void {
    const block = this.#deps.block();
    const isOver = block !== null || block !== this.#block;
    this.#block = block;
    if (isOver && this.#state.error && isTemporary(this.#state.error)) this.#state = { ...this.#state, error: null };
  }

  get state(): FlowState {
    return this.#state;
  }

  /** Starts a task, replacing an open one: the caller has made sure that no unsaved input is lost. */
  open(task: Task): void {
    this.#unconfirmed = this.#created = null;
    this.#key = crypto.randomUUID();
    this.#set({ ...idle, task });
  }

  close(): void {
    this.#unconfirmed = this.#created = null;
    this.#set(idle);
  }

  /** Goes back to the form. */
  dismissConflict(): void {
    this.#set({ ...this.#state, conflict: null });
  }

  /** Saves a form's fields: creates a record, or sends what changed since the version it was opened with. */
  async save(value: JsonObject, next: 'issue' | null = null): Promise<void> {
    const { task } = this.#state;
    if (task?.kind !== 'edit') return;
    if (!this.#state.isBusy) this.#next = next;
    const record = task.record ?? this.#created;
    await (record ? this.#update(task, record, value) : this.#send(task, () => this.#create(task, value), value));
  }

  /** Saves the merged fields on the current version. */
  async resolve(value: JsonObject): Promise<void> {
    const { task, conflict } = this.#state;
    if (task?.kind === 'edit' && conflict) await this.#update(task, conflict.theirs, value);
  }

  /** Performs the confirmed action. */
  async confirm(body?: JsonObject): Promise<void> {
    const { task } = this.#state;
    if (task?.kind !== 'action') return;
    const version = { collection: task.collection, id: task.record.id, updatedAt: task.record.updatedAt };
    const { records } = this.#deps;
    await this.#send(task, () => {
      switch (task.action) {
        case 'delete': return records.remove(version);
        case 'unpay': return records.removeEntry({ ...version, list: 'payments', entry: task.paymentId ?? '' });
        default: return records.act({ ...version, action: task.action === 'pay' ? 'payments' : task.action, ...(body && { body }) });
      }
    });
  }

  /** After a completed sync the cache tells whether a write without a response was applied. */
  async syncCompleted(): Promise<void> {
    const { task } = this.#state;
    const sent = this.#unconfirmed;
    if (!task?.record || sent === null) return;
    const outcome = await this.#deps.getRecord({ collection: task.collection, id: task.record.id });
    if (!outcome.ok || this.#state.task !== task || this.#unconfirmed !== sent) return;
    const current = outcome.value;
    this.#unconfirmed = null;
    if (isApplied(task, sent, current)) await this.#finish(task, current ?? { id: task.record.id, updatedAt: '' });
    else this.#set({ ...this.#state, error: { code: 'unsaved', message: '' } });
  }

  /** Creates a record. If an earlier save got no response, what became of that comes first. */
  async #create(task: EditTask, value: JsonObject): Promise<Outcome<WireRecord>> {
    const create = (fields: JsonObject) => this.#deps.records.create({ collection: task.collection, fields, key });
    const [earlier, key] = [this.#unconfirmed, this.#key];
    if (earlier !== null && !isSame(earlier, value)) {
      const made = await create(earlier);
      if (this.#state.task !== task || (!made.ok && !isRefusal(made.error))) return made;
      this.#unconfirmed = null;
      this.#created = made.ok ? toView(made.value) : null;
      if (this.#created) return isEmpty(patchOf(task, this.#created, value)) ? made : this.#change(task, this.#created, value);
    }
    return create(value);
  }

  async #update(task: EditTask, base: RecordView, value: JsonObject): Promise<void> {
    if (isEmpty(patchOf(task, base, value))) await this.#finish(task, base);
    else await this.#send(task, () => this.#change(task, base, value), value);
  }

  async #change(task: EditTask, base: RecordView, value: JsonObject): Promise<Outcome<WireRecord>> {
    const version = { collection: task.collection, id: base.id, updatedAt: base.updatedAt };
    return this.#deps.records.update({ ...version, patch: patchOf(task, base, value) });
  }

  async #send(task: Task, write: () => Promise<Outcome<WireRecord>>, value: JsonObject = {}): Promise<void> {
    if (this.#state.isBusy) return;
    this.#set({ ...this.#state, isBusy: true, error: null });
    const outcome = await write();
    if (this.#state.task !== task) return;
    if (outcome.ok) return this.#finish(task, outcome.value);
    const { error } = outcome;
    const isNew = task.record === null && this.#created === null;
    // Only a refusal says that an earlier save of a new record made none.
    if (error.code === 'outcome_unknown') this.#unconfirmed = isNew ? this.#unconfirmed ?? value : value;
    else if (isRefusal(error)) this.#unconfirmed = null;
    const theirs = error.code === 'precondition_failed' ? toView(error.current) : null;
    if (!theirs) {
      const isUnknownNew = isNew && error.code === 'outcome_unknown';
      this.#set({ ...this.#state, isBusy: false, error: isUnknownNew ? { code: 'unknown_new', message: '' } : error });
    } else if (task.kind === 'action') {
      this.#set({ ...idle, task: { ...task, record: theirs, before: task.before ?? task.record } });
    } else {
      const base = this.#state.conflict?.theirs ?? task.record ?? this.#created ?? theirs;
      this.#set({ ...this.#state, isBusy: false, conflict: { base, mine: value, theirs } });
    }
  }

  /** Refreshes first: a task that is opened next, on the old version, would take this one's change for a conflict. */
  async #finish(task: Task, record: WireRecord): Promise<void> {
    const stays = task.record !== null && !(task.kind === 'action' && task.action === 'delete');
    if (stays) {
      this.#set({ ...this.#state, isBusy: true });
      await this.#deps.refresh();
    }
    if (this.#state.task !== task) return;
    const next = task.kind === 'edit' ? this.#next : null;
    this.close();
    this.#deps.onDone(task, record, next);
  }

  #set(state: FlowState): void {
    this.#state = state;
    this.#host.requestUpdate();
  }
}

/** What was done, as in the catalogue's `done`: money that was paid back is a refund. */
export function doneKey(task: ActionTask, result: WireRecord): string {
  const { action, paymentId } = task;
  if (action !== 'pay' && action !== 'unpay') return action;
  const payments = ((action === 'pay' ? result : task.record).payload as Partial<Invoice> | undefined)?.payments ?? [];
  const payment = action === 'pay' ? payments.at(-1) : payments.find(({ id }) => id === paymentId);
  return (payment?.amountMinor ?? 0) < 0 ? `${action}Refund` : action;
}

/** Whether a write without a response is visible in the cache; ignores passwords, which are never published. */
function isApplied(task: Task, sent: JsonObject, current: RecordView | null): boolean {
  if (task.kind === 'action' && task.action === 'delete') return current === null;
  if (!current || current.updatedAt === task.record?.updatedAt) return false;
  const { password: _unpublished, ...visible } = sent;
  return task.kind === 'action' || isEmpty(mergePatchBetween(editableValues(task.collection, current.payload), visible));
}

/** Whether the server says that a write, under whatever key it was sent before, was not done. */
function isRefusal({ code }: CallError): boolean {
  return ['invalid_request', 'not_found', 'conflict', 'precondition_failed'].includes(code);
}

/** Whether a save failed only because of the connection or the session as it was then. */
function isTemporary({ code }: FlowError): boolean {
  return ['offline', 'unauthorized', 'signed_out', 'upgrade_required', 'server_outdated'].includes(code);
}

/** What a form has changed of a version. */
function patchOf({ collection }: EditTask, base: RecordView, value: JsonObject): JsonObject {
  return mergePatchBetween(editableValues(collection, base.payload), value);
}

/** The values of the fields that a form may change. */
function editableValues(collection: string, payload: JsonObject): JsonObject {
  const names = formFieldNames(collection, payload);
  return Object.fromEntries(Object.entries(payload).filter(([name]) => names.includes(name)));
}

function toView(record: WireRecord | undefined): RecordView | null {
  return record?.payload ? { id: record.id, updatedAt: record.updatedAt, payload: record.payload } : null;
}
