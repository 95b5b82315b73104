// The detail of a record beside its list, and every form and question about it: one element, so that the window has
// one place to ask whether anything typed would be lost.
//
//   <invoify-detail .collection .recordId .from .status .user .info .revision .overlay>
//
// `recordId` null is a new record, begun with `from`: then only its form is drawn. When `revision` changes, the record
// is read again; a form that is open stays as it is.

import { LitElement, html, type PropertyValues, type TemplateResult } from 'lit';

import type { JsonObject } from '../../shared/fields.ts';
import type { AppInfo, CallError } from '../../shared/window/ipc.ts';
import type { SignedInUser, WireRecord } from '../../shared/protocol.ts';
import type { Status } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { controls } from '../base/controls.ts';
import { detailBody, titleOf } from './detail-body.ts';
import { detailPaneStyles } from './detail-styles.ts';
import { emit } from '../base/events.ts';
import { localDay } from '../text/format.ts';
import { t, tryText } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { duplicateInvoice, newInvoiceFor } from '../invoice/invoice-draft.ts';
import { newRecord } from './new-record.ts';
import { exportInvoice } from '../invoice/paper.ts';
import { mayWrite, recordActions } from './record-actions.ts';
import type { BarAction } from './record-bar.ts';
import { loadDetail, type Detail } from './record-detail-data.ts';
import { recordBadge } from './record-badge.ts';
import { RecordFlow, type Task } from './record-flow.ts';
import { writeBlock } from '../sync/sync-view.ts';
import './record-bar.ts';
import './task-dialogs.ts';
import type { InvoifyTaskDialogs } from './task-dialogs.ts';

export class InvoifyDetail extends LitElement {
  static override properties = {
    collection: { attribute: false },
    recordId: { attribute: false },
    from: { attribute: false },
    status: { attribute: false },
    user: { attribute: false },
    info: { attribute: false },
    revision: { attribute: false },
    overlay: { type: Boolean, reflect: true },
    mode: { reflect: true },
    _detail: { state: true },
    _failure: { state: true },
  };

  static override styles = [controls, detailPaneStyles];

  declare collection: string;
  declare recordId: string | null;
  declare from: JsonObject | null;
  declare status: Status | null;
  declare user: SignedInUser | null;
  declare info: AppInfo | null;
  declare revision: string;
  declare overlay: boolean;
  declare mode: 'view' | 'edit' | 'create';
  /** Null: the copy does not have it; undefined: not read yet. */
  declare _detail: Detail | null | undefined;
  declare _failure: CallError | null;
  readonly #flow = new RecordFlow(this, {
    records: {
      create: (request) => ask(this, 'records.create', request),
      update: (request) => ask(this, 'records.update', request),
      remove: (request) => ask(this, 'records.remove', request),
      act: (request) => ask(this, 'records.act', request),
    },
    getRecord: (request) => ask(this, 'data.getRecord', request),
    refresh: () => this.#read(),
    done: (task, record) => this.#done(task, record),
  });
  /** Reads of the record: how many were begun, and which of them is shown. */
  #asked = 0;
  #shown = 0;

  constructor() {
    super();
    this.collection = '';
    this.recordId = null;
    this.from = null;
    this.status = null;
    this.user = null;
    this.info = null;
    this.revision = '';
    this.overlay = false;
    this.mode = 'view';
    this._detail = undefined;
    this._failure = null;
    this.addEventListener('keydown', (event) => this.#onKeydown(event));
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('collection') || changed.has('recordId') || changed.has('from')) this.#show();
    else if (changed.has('revision')) void this.#read();
    if (changed.has('status')) this.#noticeSync(changed.get('status'));
    const { task } = this.#flow.state;
    this.mode = this.recordId === null ? 'create' : task?.kind === 'edit' ? 'edit' : 'view';
  }

  // ------------------------------------------------------------------------------------------------ for the window

  /** Resolves with whether something else may take this one's place; asks where something typed would be lost. */
  async canLeave(): Promise<boolean> {
    if (!this.#flow.state.task) return true;
    const dialogs = this.renderRoot.querySelector<InvoifyTaskDialogs>('invoify-task-dialogs');
    if (this.#flow.state.isBusy || !(await dialogs?.canLeave() ?? true)) return false;
    this.#flow.close();
    return true;
  }

  edit(): void {
    this.#act('edit');
  }

  print(): void {
    this.#act('print');
  }

  focusStart(): void {
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('h2')?.focus());
  }

  // ------------------------------------------------------------------------------------------------------ the record

  #show(): void {
    this._detail = undefined;
    this._failure = null;
    if (this.recordId === null) void this.#begin();
    else {
      this.#flow.close();
      void this.#read();
    }
  }

  async #begin(): Promise<void> {
    const { collection, from } = this;
    const start = from ?? await newRecord((request) => ask(this, 'data.selectionTotals', request), collection, localDay(Date.now()));
    if (this.recordId !== null || this.collection !== collection || this.from !== from) return;
    this.#flow.open({ kind: 'edit', collection, record: null, start });
  }

  async #read(): Promise<void> {
    const { collection, recordId } = this;
    if (recordId === null) return;
    const question = this.#asked += 1;
    const outcome = await loadDetail({
      getRecord: (request) => ask(this, 'data.getRecord', request),
      listPage: (request) => ask(this, 'data.listPage', request),
      selectionTotals: (request) => ask(this, 'data.selectionTotals', request),
    }, collection, recordId);
    if (this.collection !== collection || this.recordId !== recordId || question < this.#shown) return;
    this.#shown = question;
    this._failure = outcome.ok ? null : outcome.error;
    if (outcome.ok) this._detail = outcome.value;
  }

  /** What a save without an answer came to shows with the next completed sync. */
  #noticeSync(before: Status | null | undefined): void {
    const now = this.status?.lastSync?.timestamp;
    if (now !== undefined && now !== before?.lastSync?.timestamp) void this.#flow.syncCompleted();
  }

  // ------------------------------------------------------------------------------------------------------ the actions

  #act(name: BarAction): void {
    const record = this._detail?.record;
    if (!record || this.#flow.state.task) return;
    const { collection } = this;
    switch (name) {
      case 'print':
      case 'pdf': return void this.#export(name);
      case 'newInvoice': return emit(this, 'new-record', { collection: 'invoices', from: newInvoiceFor(record, localDay(Date.now())) });
      case 'duplicate':
        return emit(this, 'new-record', { collection, from: duplicateInvoice(record.payload as never, localDay(Date.now())) });
      case 'edit':
        if (this.user && mayWrite(collection, this.user.role)) this.#flow.open({ kind: 'edit', collection, record, start: record.payload });
        return;
      default: this.#flow.open({ kind: 'act', collection, action: name, record });
    }
  }

  async #export(to: 'print' | 'pdf'): Promise<void> {
    const detail = this._detail;
    if (detail?.collection !== 'invoices') return;
    const outcome = await exportInvoice(this, detail, to);
    if (!outcome.ok) emit(this, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
    else if (outcome.value) emit(this, 'toast', { text: t('done.pdf', { path: outcome.value.path }), tone: 'ok' });
  }

  #done(task: Task, record: WireRecord): void {
    const text = task.kind === 'edit' ? t(task.record ? 'done.saved' : 'done.created')
      : tryText('done', task.action).replace('{name}', String(record.payload?.['number'] ?? ''));
    emit(this, 'toast', { text, tone: 'ok' });
    if (task.kind === 'edit' && task.record === null) emit(this, 'open-record', { collection: task.collection, id: record.id });
    else if (task.kind === 'act' && task.action === 'delete') emit(this, 'close-detail');
  }

  async #closeForm(): Promise<void> {
    if (await this.canLeave() && this.recordId === null) emit(this, 'close-detail');
  }

  #onKeydown(event: KeyboardEvent): void {
    const isInside = this.renderRoot.querySelector('invoify-record-bar')?.shadowRoot?.querySelector(':popover-open');
    if (event.key !== 'Escape' || event.defaultPrevented || isInside || this.#flow.state.task) return;
    event.preventDefault();
    emit(this, 'close-detail');
  }

  // --------------------------------------------------------------------------------------------------------- drawing

  override render(): TemplateResult {
    return html`
      ${this.recordId === null ? '' : this.#renderPane()}
      <invoify-task-dialogs .flow=${this.#flow} .state=${this.#flow.state} .present=${this._detail?.record ?? null}
        .block=${this.status ? writeBlock(this.status) : 'offline'} .userId=${this.user?.id ?? ''}
          @leave=${this.#closeForm}></invoify-task-dialogs>`;
  }

  #renderPane(): TemplateResult {
    const detail = this._detail;
    return html`
      <header>
        <h2 tabindex="-1">${detail ? titleOf(detail.record.payload) : ''}</h2>
        ${detail ? recordBadge(detail) : ''}
        <button class="icon-button close" type="button" aria-label=${t('word.close')} title=${t('word.close')}
          @click=${() => emit(this, 'close-detail')}>${icon('close')}</button>
      </header>
      ${detail ? this.#renderBar(detail) : ''}
      <div class="body" aria-busy=${detail === undefined && !this._failure}>${detailBody(detail, this._failure, this.user)}</div>`;
  }

  #renderBar(detail: Detail): TemplateResult {
    const role = this.user?.role ?? 'viewer';
    const isWriter = mayWrite(detail.collection, role);
    return html`
      <div class="bar">
        <invoify-record-bar .actions=${recordActions(detail.collection, detail.record, role, detail)} .collection=${detail.collection}
          .block=${this.status ? writeBlock(this.status) : 'offline'} .canPdf=${!this.info?.lacks.includes('pdf')}
          @act=${(event: CustomEvent<BarAction>) => this.#act(event.detail)}></invoify-record-bar>
        ${isWriter ? '' : html`<p class="quiet">${t('detail.viewOnly')}</p>`}
      </div>`;
  }
}

customElements.define('invoify-detail', InvoifyDetail);
