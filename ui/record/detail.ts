// The pane beside the list that shows a record, with every form and dialog about it: one element, so that the window has
// one place to ask whether unsaved input would be lost.
//
//   <invoify-detail .collection .recordId .from .status .user .info .revision .overlay>
//
// A null `recordId` is a new record with the initial fields `from`: only its form is shown. A new `revision` reloads the
// record; an open form stays as it is.

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import type { Invoice } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { isActionAllowed, openMinorOf } from '../../shared/invoice.ts';
import type { AppInfo, CallError, Outcome } from '../../shared/window/ipc.ts';
import type { SignedInUser, WireRecord } from '../../shared/protocol.ts';
import type { RecordView, Status } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { companyScreen, mayWrite, type Lead, type RecordLink } from '../app-state.ts';
import { askQuestion } from '../base/question.ts';
import { companyGaps, type CompanyGap } from '../company/company-gaps.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { controls } from '../base/controls.ts';
import { emit, goBack } from '../base/events.ts';
import { latestOnly } from '../base/latest.ts';
import { Unsaved } from '../base/unsaved.ts';
import { formatDateTime } from '../text/format.ts';
import { currentLocale, t, tryText } from '../text/i18n.ts';
import { fieldLabel } from '../text/messages.ts';
import { icon } from '../base/icons.ts';
import { duplicateInvoice, newInvoiceFor, redated } from '../invoice/invoice-draft.ts';
import { changedText } from './author.ts';
import { newRecord } from './new-record.ts';
import { isAboutCompany, isAboutCustomer, warningFields, type IssueWarning } from '../invoice/issue-warnings.ts';
import { exportTo, nextAction, takeBackDraft, versionOf } from './next-action.ts';
import { recordActions } from './record-actions.ts';
import type { BarAction } from './record-bar.ts';
import { loadDetail, sourceOf, type Detail } from './record-detail-data.ts';
import { doneKey, recordCalls, RecordFlow, type Task } from './record-flow.ts';
import { stateBadge } from './state-badge.ts';
import { writeBlock, type WriteBlock } from '../sync/sync-view.ts';
import type { InvoifyTaskDialogs } from './task-dialogs.ts';
import './customer-view.ts';
import '../invoice/invoice-view.ts';
import './plan-view.ts';
import './record-bar.ts';
import './record-view.ts';
import './task-dialogs.ts';
import './user-view.ts';

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

  static override styles = [controls, css`
    :host {
      display: flex;
      flex-direction: column;
      min-block-size: 0;
      block-size: 100%;
      background: var(--color-surface);
      color: var(--color-text);
    }

    :host([mode='create']) { display: contents; }

    header { display: flex; align-items: center; gap: var(--space-2); min-block-size: var(--size-toolbar);
      padding-inline: var(--space-4) var(--space-2); flex: none; }

    h2 {
      min-inline-size: 0;
      margin: 0;
      font-size: var(--text-large);
      font-weight: var(--weight-strong);
      line-height: var(--line-tight);
      overflow: hidden;
      text-overflow: ellipsis;
    }

    .close { margin-inline-start: auto; }
    .bar { padding: 0 var(--space-4) var(--space-3); border-block-end: 1px solid var(--color-line); flex: none; }
    .body { flex: 1; min-block-size: 0; overflow: auto; padding: var(--space-3) var(--space-4) var(--space-6);
      overscroll-behavior: contain; }
    .quiet { margin: 0; color: var(--color-muted); }
    .changed { padding-block-start: var(--space-4); border-block-start: 1px solid var(--color-line); font-size: var(--text-small);
      overflow-wrap: anywhere; }
  `];

  declare collection: string;
  declare recordId: string | null;
  declare from: JsonObject | null;
  declare status: Status | null;
  declare user: SignedInUser | null;
  declare info: AppInfo | null;
  declare revision: string;
  declare overlay: boolean;
  declare mode: 'view' | 'edit' | 'create';
  /** Null: not in the cache; undefined: not loaded yet. */
  declare _detail: Detail | null | undefined;
  declare _failure: CallError | null;
  readonly #flow = new RecordFlow(this, {
    ...recordCalls(this),
    refresh: () => this.#load(),
    block: () => this.#block,
    onDone: (task, record, next) => this.#onDone(task, record, next),
  });
  readonly #latestShown = latestOnly();
  /** Numbers of the latest load, and of the one whose result is shown. */
  #latestLoad = 0;
  #shownLoad = 0;
  /** An action that begins as soon as the record has been loaded. */
  #toBegin: { readonly act: NonNullable<RecordLink['act']>; readonly lead: Lead | undefined } | null = null;
  /** A write without a dialog is on its way. */
  #isWriting = false;

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
    new Unsaved(this, () => this.#flow.state.isBusy);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('collection') || changed.has('recordId') || changed.has('from')) this.#showRecord();
    else if (changed.has('revision')) void this.#load();
    if (changed.has('status')) this.#onStatusChange(changed.get('status'));
    const { task } = this.#flow.state;
    this.mode = this.recordId === null ? 'create' : task?.kind === 'edit' ? 'edit' : 'view';
  }

  /** Whether the pane may show something else; asks first if unsaved input would be lost. */
  async canLeave(): Promise<boolean> {
    if (!this.#flow.state.task) return true;
    const dialogs = this.renderRoot.querySelector<InvoifyTaskDialogs>('invoify-task-dialogs');
    if (this.#flow.state.isBusy || !(await dialogs?.canLeave() ?? true)) return false;
    this.#flow.close();
    return true;
  }

  /** Begins an action, once the record has been loaded. */
  begin(act: NonNullable<RecordLink['act']>, lead?: Lead): void {
    this.#toBegin = { act, lead };
    this.#beginIfLoaded();
  }

  print(): void {
    this.#act('print');
  }

  /** Focuses the heading, once what was open has given the focus back. */
  focusStart(): void {
    void this.#closed().then(() => this.renderRoot.querySelector<HTMLElement>('h2')?.focus());
  }

  async #closed(): Promise<void> {
    await this.updateComplete;
    await this.renderRoot.querySelector<InvoifyTaskDialogs>('invoify-task-dialogs')?.updateComplete;
  }

  #beginIfLoaded(): void {
    const beginning = this.#toBegin;
    if (!beginning || !this._detail) return;
    this.#toBegin = null;
    this.#act(beginning.act, beginning.lead);
  }

  #showRecord(): void {
    this._detail = undefined;
    this.#toBegin = null;
    this._failure = null;
    const isLatest = this.#latestShown();
    if (this.recordId === null) void this.#openNewForm(isLatest);
    else {
      this.#flow.close();
      void this.#load();
    }
  }

  async #openNewForm(isLatest: () => boolean): Promise<void> {
    const { collection, from } = this;
    const initial = from ?? await newRecord(sourceOf(this), collection, localDay(Date.now()));
    if (isLatest()) this.#flow.open({ kind: 'edit', collection, record: null, initial });
  }

  async #load(): Promise<void> {
    const { collection, recordId } = this;
    if (recordId === null) return;
    const load = this.#latestLoad += 1;
    const outcome = await loadDetail(sourceOf(this), collection, recordId);
    if (this.collection !== collection || this.recordId !== recordId || load < this.#shownLoad) return;
    this.#shownLoad = load;
    this._failure = outcome.ok ? null : outcome.error;
    if (outcome.ok) this._detail = outcome.value;
    // The focused element goes away with the record.
    if (outcome.ok && !outcome.value && !this.#flow.state.task && this.matches(':focus-within')) this.focusStart();
    this.#beginIfLoaded();
  }

  /** The next completed sync tells whether a save without a response was applied. */
  #onStatusChange(before: Status | null | undefined): void {
    const now = this.status?.lastSync?.timestamp;
    if (now !== undefined && now !== before?.lastSync?.timestamp) void this.#flow.syncCompleted();
  }

  #act(name: BarAction | 'complete', lead?: Lead): void {
    const detail = this._detail;
    if (!detail || this.#flow.state.task) return;
    const { record } = detail;
    const { collection } = this;
    switch (name) {
      case 'print': case 'pdf': return void exportTo(this, detail, name);
      case 'email': case 'statement': case 'statementPdf': case 'eInvoice': return void this.#handOff(detail, name);
      case 'newInvoice': return emit(this, 'new-record', { collection: 'invoices', from: newInvoiceFor(record, localDay(Date.now())) });
      case 'duplicate':
        return emit(this, 'new-record', { collection, from: duplicateInvoice(record.payload as never, localDay(Date.now())) });
      case 'complete': case 'edit':
        if (!this.user || !mayWrite(collection, this.user.role)) return;
        return this.#flow.open({
          kind: 'edit', collection, record, initial: record.payload, isMade: name === 'complete', ...(lead && { lead }),
        });
      case 'redate': {
        const patch = redated(record.payload as JsonObject & Invoice, localDay(Date.now()));
        return void this.#write(() => ask(this, 'records.update', { ...versionOf(collection, record), patch }), t('done.saved'));
      }
      case 'credit': return void this.#write(() => ask(this, 'records.act', {
        ...versionOf(collection, record), action: 'credit', body: { issueDate: localDay(Date.now()) },
      }), t('done.credit'), ({ id }) => emit(this, 'open-record', { collection, id, act: 'complete' }));
      case 'issue': {
        const [company, credited] = [detail.company?.payload ?? null, detail.credited?.payload ?? null];
        const gaps = companyGaps(company);
        if (gaps.length > 0) return void this.#askForCompany(gaps);
        const context = { company, customer: detail.customer?.payload ?? null, credited, isOwner: this.user?.role === 'owner' };
        return this.#flow.open({ kind: 'action', collection, action: name, record, context });
      }
      default: {
        const hasCreditDraft = detail.credits?.rows.some(({ columns }) => columns['status'] === 'draft') === true;
        this.#flow.open({ kind: 'action', collection, action: name, record, hasCreditDraft });
      }
    }
  }

  /** A write that needs no dialog; a toast says what became of it. */
  async #write(send: () => Promise<Outcome<WireRecord>>, text: string, onDone?: (record: WireRecord) => void): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    const outcome = await send();
    this.#isWriting = false;
    if (!outcome.ok) return emit(this, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
    await this.#load();
    emit(this, 'toast', { text, tone: 'ok' });
    this.focusStart();
    onDone?.(outcome.value);
  }

  /** Says what an invoice cannot be issued without, and leads there. */
  async #askForCompany(gaps: readonly CompanyGap[]): Promise<void> {
    const isOwner = this.user?.role === 'owner';
    const fields = new Intl.ListFormat(currentLocale().language).format(gaps.map((gap) => fieldLabel(`company.${gap}`)));
    const isAccepted = await askQuestion(this, {
      heading: t('company.missingTitle'),
      text: t(isOwner ? 'company.missing' : 'company.missingForOwner', { fields }),
      ...(isOwner ? { yes: t('company.open') } : { no: t('word.close') }),
    });
    if (isAccepted) emit(this, 'navigate', { screen: companyScreen, lead: this.#leadTo(gaps[0] ?? 'name') });
  }

  /** A field to be filled in before issuing goes on. */
  #leadTo(field: string): Lead {
    return { field, back: { collection: this.collection, id: this.recordId ?? '', act: 'issue' } };
  }

  #mend(warning: IssueWarning): void {
    this.#flow.close();
    const lead = this.#leadTo(warningFields[warning]);
    const id = this._detail?.customer?.id;
    if (isAboutCompany(warning)) emit(this, 'navigate', { screen: companyScreen, lead });
    else if (isAboutCustomer(warning) && id) emit(this, 'open-record', { collection: 'customers', id, act: 'edit', lead });
    else this.#act('edit', lead);
  }

  /** Puts the day of service on the day of issue, which is what many an invoice needs, and goes on. */
  #serveOnIssue(): void {
    const record = this._detail?.record;
    if (!record) return;
    this.#flow.close();
    const patch = { servicePeriod: { from: (record.payload as JsonObject & Invoice).issueDate } };
    void this.#write(() => ask(this, 'records.update', { ...versionOf(this.collection, record), patch }), t('done.saved'),
      () => this.#act('issue'));
  }

  async #handOff(detail: Detail, name: 'email' | 'eInvoice' | 'statement' | 'statementPdf'): Promise<void> {
    const { exportEInvoice, openEmail, printStatement, saveStatement } = await import('../invoice/hand-off.ts');
    const canPdf = !this.info?.lacks.includes('pdf');
    const rights = { isOwner: this.user?.role === 'owner', isWriter: this.#isWriter, canPdf };
    const hand = { email: openEmail, eInvoice: exportEInvoice, statement: printStatement, statementPdf: saveStatement };
    await hand[name](this, detail, rights);
  }

  #removePayment(paymentId: string): void {
    const record = this._detail?.record;
    if (!record || this.#flow.state.task) return;
    this.#flow.open({ kind: 'action', collection: this.collection, action: 'unpay', record, paymentId });
  }

  #onDone(task: Task, record: WireRecord, next: 'issue' | null): void {
    const text = task.kind === 'edit' ? task.record ? t('done.saved') : tryText('done.created', task.collection)
      : tryText('done', doneKey(task, record)).replace('{name}', String(record.payload?.['number'] ?? ''));
    const action = task.kind === 'action'
      ? nextAction(task, record, this._detail ?? null, !this.info?.lacks.includes('pdf')) : null;
    emit(this, 'toast', { text, tone: 'ok', ...(action && { action }) });
    if (task.kind === 'edit' && task.record === null) {
      emit(this, 'open-record', { collection: task.collection, id: record.id, ...(next && { act: next }) });
    } else if (next) this.#act(next);
    else if (task.kind === 'edit' && task.lead) goBack(this, task.lead);
    else if (task.kind === 'action' && task.action === 'delete') emit(this, 'close-detail');
    else this.focusStart();
  }

  async #closeForm(): Promise<void> {
    const { task } = this.#flow.state;
    if (!await this.canLeave()) return;
    if (this.recordId === null) emit(this, 'close-detail');
    else if (task?.kind === 'edit' && task.record && task.isMade) await this.#takeBack(task.record);
    else if (!this._detail) this.focusStart();
  }

  /** A draft that was made for a form goes with it, and what it was made from is shown again. */
  async #takeBack(draft: RecordView): Promise<void> {
    const id = draft.payload['creditedId'];
    if (await takeBackDraft(this, this.collection, draft) && this.recordId === draft.id && typeof id === 'string') {
      emit(this, 'open-record', { collection: this.collection, id });
    }
  }

  /** Credits an invoice that was about to be voided. */
  #creditInstead(): void {
    this.#flow.close();
    this.#act('credit');
  }

  #onKeydown(event: KeyboardEvent): void {
    const isMenuOpen = this.renderRoot.querySelector('invoify-record-bar')?.shadowRoot?.querySelector(':popover-open');
    const hasModifier = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    const isLeft = event.key === 'ArrowLeft' && !hasModifier && !isTakenByField(event);
    if ((!isLeft && event.key !== 'Escape') || event.defaultPrevented || isMenuOpen || this.#flow.state.task) return;
    event.preventDefault();
    emit(this, isLeft ? 'leave-detail' : 'close-detail');
  }

  override render(): TemplateResult {
    return html`
      ${this.recordId === null ? '' : this.#renderPane()}
      <invoify-task-dialogs .flow=${this.#flow} .state=${this.#flow.state} .current=${this._detail?.record ?? null}
        .isGone=${this._detail === null} .block=${this.#block} .userId=${this.user?.id ?? ''}
        @mend=${(event: CustomEvent<IssueWarning>) => this.#mend(event.detail)} @serve-on-issue=${this.#serveOnIssue}
        @credit=${this.#creditInstead}
        @leave=${this.#closeForm}></invoify-task-dialogs>`;
  }

  #renderPane(): TemplateResult {
    const detail = this._detail;
    return html`
      <header>
        <h2 tabindex="-1" dir="auto">${detail ? titleOf(detail.record.payload) : ''}</h2>
        ${detail ? stateBadge(detail) : ''}
        <button class="icon-button close" type="button" aria-label=${t('word.close')} title=${t('word.close')}
          @click=${() => emit(this, 'close-detail')}>${icon('close')}</button>
      </header>
      ${detail ? this.#renderBar(detail) : ''}
      <div class="body" aria-busy=${detail === undefined && !this._failure}>${this.#renderBody()}
        ${detail && !this._failure ? html`<p class="quiet changed" title=${formatDateTime(detail.record.updatedAt)}>${
          changedText(detail.record, Date.now())}</p>` : ''}</div>`;
  }

  get #block(): WriteBlock {
    return this.status ? writeBlock(this.status) : 'unreachable';
  }

  get #isWriter(): boolean {
    return mayWrite(this.collection, this.user?.role ?? 'viewer');
  }

  #renderBar(detail: Detail): TemplateResult {
    const actions = recordActions(detail.collection, detail.record, this.user?.role ?? 'viewer', detail, localDay(Date.now()));
    return html`
      <div class="bar">
        <invoify-record-bar .actions=${actions} .collection=${detail.collection}
          .block=${this.#block} .canPdf=${!this.info?.lacks.includes('pdf')}
          .isIssued=${detail.collection === 'invoices' && ['open', 'paid'].includes(String(detail.record.payload['status']))}
          .owes=${(detail.open?.total ?? 0) > 0}
          .isRefund=${openMinorOf(detail.record.payload as JsonObject & Invoice) < 0}
          @act=${(event: CustomEvent<BarAction>) => this.#act(event.detail)}></invoify-record-bar>
        ${this.#isWriter ? '' : html`<p class="quiet">${t('detail.viewOnly')}</p>`}
      </div>`;
  }

  /** The view of the record's collection, or why there is nothing to show. */
  #renderBody(): TemplateResult {
    const detail = this._detail;
    if (this._failure) return html`<p class="quiet" role="alert">${callErrorText(this._failure)}</p>`;
    if (detail === undefined) return html`<p class="quiet">${t('detail.loading')}</p>`;
    if (detail === null) return html`<p class="quiet" role="status">${t('detail.gone')}</p>`;
    switch (detail.collection) {
      case 'invoices': return html`<invoify-invoice-view .detail=${detail} .block=${this.#block}
        .canUnpay=${this.#isWriter && isActionAllowed(detail.record.payload as JsonObject & Invoice, 'unpay')}
        @remove-payment=${(event: CustomEvent<string>) => this.#removePayment(event.detail)}></invoify-invoice-view>`;
      case 'customers': return html`<invoify-customer-view .detail=${detail}></invoify-customer-view>`;
      case 'plans': return html`<invoify-plan-view .detail=${detail}></invoify-plan-view>`;
      case 'users': return html`<invoify-user-view .detail=${detail} .userId=${this.user?.id ?? ''}></invoify-user-view>`;
      default: return html`<invoify-record-view .detail=${detail}></invoify-record-view>`;
    }
  }
}

/** Whether an arrow key moves within a control or belongs to a dialog. */
function isTakenByField(event: Event): boolean {
  return event.composedPath().some((target) => target instanceof Element && target.matches('dialog, input, select, textarea'));
}

function titleOf(payload: JsonObject): string {
  const untitled = payload['kind'] === 'credit_note' ? 'status.credit_note' : 'detail.draftInvoice';
  return String(payload['name'] ?? payload['number'] ?? t(untitled));
}

customElements.define('invoify-detail', InvoifyDetail);
