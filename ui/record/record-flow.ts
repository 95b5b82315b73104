// What a person is doing to a record, from opening a form or a question to the answer of the server: one task at a
// time, as a value that the dialogs are drawn from. Whatever goes wrong leaves the task open with what was typed.
//
//   open ──▶ submit ──▶ saved: the task is done
//                  ├──▶ refused: the reason at its fields, or above them
//                  ├──▶ changed meanwhile: both versions; the choice is saved on the present one
//                  └──▶ no answer: the next completed sync says whether it was saved

import type { ReactiveController, ReactiveControllerHost } from 'lit';

import { findCollection, writableFields } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { CallError, Outcome, WindowApi } from '../../shared/window/ipc.ts';
import type { WireRecord } from '../../shared/protocol.ts';
import type { RecordView } from '../../shared/window/views.ts';
import { editableFields } from './record-actions.ts';
import { isEmpty, mergePatchBetween } from './record-patch.ts';

/** A form; `record` is the version it began with, null for a new one that begins with `start`. */
export interface EditTask {
  readonly kind: 'edit';
  readonly collection: string;
  readonly record: RecordView | null;
  readonly start: JsonObject;
}

/** A question before something that cannot be taken back, or a payment. */
export interface ActTask {
  readonly kind: 'act';
  readonly collection: string;
  readonly action: 'send' | 'void' | 'pay' | 'delete';
  readonly record: RecordView;
  /** The version that was first asked about, where someone changed it meanwhile. */
  readonly before?: RecordView;
}

export type Task = EditTask | ActTask;

export interface Conflict {
  readonly base: RecordView;
  readonly mine: JsonObject;
  readonly theirs: RecordView;
}

/** `unsaved`: a completed sync has shown that a save without an answer was not made. */
export type FlowError = CallError | { readonly code: 'unsaved'; readonly message: string; readonly fields?: never };

export interface FlowState {
  readonly task: Task | null;
  readonly isBusy: boolean;
  readonly error: FlowError | null;
  readonly conflict: Conflict | null;
}

export interface FlowDeps {
  readonly records: WindowApi['records'];
  readonly getRecord: WindowApi['data']['getRecord'];
  /** Shows the record as the copy has it now; resolves when it is shown. */
  readonly refresh: () => Promise<void>;
  /** A task is done; `record` is what the server made of it. */
  readonly done: (task: Task, record: WireRecord) => void;
}

const idle: FlowState = { task: null, isBusy: false, error: null, conflict: null };

/** The fields of a record that a form may change now. */
export function formFieldNames(collection: string, payload: JsonObject): readonly string[] {
  const declared = findCollection(collection);
  return editableFields(collection, payload) ?? Object.keys(declared ? writableFields(declared) : {});
}

export class RecordFlow implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #deps: FlowDeps;
  #state = idle;
  /** What was sent when no answer came. */
  #unanswered: JsonObject | null = null;

  constructor(host: ReactiveControllerHost, deps: FlowDeps) {
    this.#host = host;
    this.#deps = deps;
    host.addController(this);
  }

  hostConnected(): void {
    // There is nothing to start: a task begins when a person opens one.
  }

  get state(): FlowState {
    return this.#state;
  }

  /** Begins a task. A form that is open stays: whoever opens the next one has asked first. */
  open(task: Task): void {
    this.#unanswered = null;
    this.#set({ ...idle, task });
  }

  close(): void {
    this.#unanswered = null;
    this.#set(idle);
  }

  /** Leaves the comparison of versions and goes back to the form. */
  dismissConflict(): void {
    this.#set({ ...this.#state, conflict: null });
  }

  /** Saves a form's fields as they shall be: a new record, or what has changed since the version it began with. */
  async save(value: JsonObject): Promise<void> {
    const { task } = this.#state;
    if (task?.kind !== 'edit') return;
    await (task.record ? this.#update(task, task.record, value) : this.#send(task, () =>
      this.#deps.records.create({ collection: task.collection, fields: value })));
  }

  /** Saves what was chosen between the two versions, on the present one. */
  async resolve(value: JsonObject): Promise<void> {
    const { task, conflict } = this.#state;
    if (task?.kind === 'edit' && conflict) await this.#update(task, conflict.theirs, value);
  }

  /** Does what was asked about. */
  async confirm(body?: JsonObject): Promise<void> {
    const { task } = this.#state;
    if (task?.kind !== 'act') return;
    const version = { collection: task.collection, id: task.record.id, updatedAt: task.record.updatedAt };
    const path = task.action === 'pay' ? 'payments' : task.action;
    await this.#send(task, () => (task.action === 'delete'
      ? this.#deps.records.remove(version)
      : this.#deps.records.act({ ...version, action: path, ...(body && { body }) })));
  }

  /** A sync has completed: a save without an answer can be judged by what the copy holds now. */
  async syncCompleted(): Promise<void> {
    const { task } = this.#state;
    const sent = this.#unanswered;
    if (!task?.record || sent === null) return;
    const outcome = await this.#deps.getRecord({ collection: task.collection, id: task.record.id });
    if (!outcome.ok || this.#state.task !== task || this.#unanswered !== sent) return;
    const present = outcome.value;
    this.#unanswered = null;
    if (isDone(task, sent, present)) await this.#finish(task, present ?? { id: task.record.id, updatedAt: '' });
    else this.#set({ ...this.#state, error: { code: 'unsaved', message: '' } });
  }

  async #update(task: EditTask, base: RecordView, value: JsonObject): Promise<void> {
    const patch = mergePatchBetween(heldFields(task.collection, base.payload), value);
    if (isEmpty(patch)) return this.#finish(task, base);
    const version = { collection: task.collection, id: base.id, updatedAt: base.updatedAt };
    await this.#send(task, () => this.#deps.records.update({ ...version, patch }), value);
  }

  async #send(task: Task, write: () => Promise<Outcome<WireRecord>>, value: JsonObject = {}): Promise<void> {
    if (this.#state.isBusy) return;
    this.#set({ ...this.#state, isBusy: true, error: null });
    const outcome = await write();
    if (this.#state.task !== task) return;
    if (outcome.ok) return this.#finish(task, outcome.value);
    const { error } = outcome;
    this.#unanswered = error.code === 'outcome_unknown' ? value : null;
    const theirs = error.code === 'precondition_failed' ? toView(error.current) : null;
    if (!theirs) {
      this.#set({ ...this.#state, isBusy: false, error });
    } else if (task.kind === 'act') {
      this.#set({ ...idle, task: { ...task, record: theirs, before: task.before ?? task.record } });
    } else {
      const base = this.#state.conflict?.theirs ?? task.record ?? theirs;
      this.#set({ ...this.#state, isBusy: false, conflict: { base, mine: value, theirs } });
    }
  }

  /** The next task begins with the version that is shown: an older one would meet this task's change as someone else's. */
  async #finish(task: Task, record: WireRecord): Promise<void> {
    const stays = task.record !== null && !(task.kind === 'act' && task.action === 'delete');
    if (stays) {
      this.#set({ ...this.#state, isBusy: true });
      await this.#deps.refresh();
    }
    if (this.#state.task !== task) return;
    this.close();
    this.#deps.done(task, record);
  }

  #set(state: FlowState): void {
    this.#state = state;
    this.#host.requestUpdate();
  }
}

/** Whether the copy shows what an unanswered write asked for; what is never published cannot be seen, and does not count. */
function isDone(task: Task, sent: JsonObject, present: RecordView | null): boolean {
  if (task.kind === 'act' && task.action === 'delete') return present === null;
  if (!present || present.updatedAt === task.record?.updatedAt) return false;
  const { password: _unpublished, ...visible } = sent;
  return task.kind === 'act' || isEmpty(mergePatchBetween(heldFields(task.collection, present.payload), visible));
}

/** What a record holds in the fields that a form may change. */
function heldFields(collection: string, payload: JsonObject): JsonObject {
  const names = formFieldNames(collection, payload);
  return Object.fromEntries(Object.entries(payload).filter(([name]) => names.includes(name)));
}

function toView(record: WireRecord | undefined): RecordView | null {
  return record?.payload ? { id: record.id, updatedAt: record.updatedAt, payload: record.payload } : null;
}
