// Renders the state of a RecordFlow (record-flow.ts): its form, its confirmation, or the conflict if someone else saved
// first.
//
//   <invoify-task-dialogs .flow .state .current .block .userId @leave @mend @serve-on-issue @credit>
//
// `leave`: the user wants to close the form or dialog. The other events are those of confirm-dialog.ts.

import { LitElement, html, type TemplateResult } from 'lit';

import type { JsonObject } from '../../shared/fields.ts';
import type { RecordView } from '../../shared/window/views.ts';
import { newsText } from './form-parts.ts';
import type { IssueWarning } from '../invoice/issue-warnings.ts';
import type { ActionTask, EditTask, FlowState, RecordFlow } from './record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { t } from '../text/i18n.ts';
import './block-banner.ts';
import './confirm-dialog.ts';
import './conflict-dialog.ts';
import '../invoice/invoice-form.ts';
import '../invoice/payment-dialog.ts';
import './record-form.ts';

type Form = LitElement & { canLeave(): Promise<boolean> };

export class InvoifyTaskDialogs extends LitElement {
  static override properties = {
    flow: { attribute: false },
    state: { attribute: false },
    current: { attribute: false },
    isGone: { attribute: false },
    block: { attribute: false },
    userId: { attribute: false },
  };

  declare flow: RecordFlow | null;
  declare state: FlowState;
  /** The record as the cache holds it now. */
  declare current: RecordView | null;
  /** The cache does not hold it any more. */
  declare isGone: boolean;
  declare block: WriteBlock;
  declare userId: string;

  constructor() {
    super();
    this.flow = null;
    this.state = { task: null, isBusy: false, error: null, conflict: null };
    this.current = null;
    this.isGone = false;
    this.block = null;
    this.userId = '';
  }

  /** Whether the form may be closed; asks first if unsaved input would be lost. */
  async canLeave(): Promise<boolean> {
    return await this.renderRoot.querySelector<Form>('#form')?.canLeave() ?? true;
  }

  #leave(): void {
    this.dispatchEvent(new CustomEvent('leave'));
  }

  override render(): TemplateResult {
    const { task } = this.state;
    if (!task) return html``;
    return task.kind === 'edit' ? this.#renderEdit(task) : this.#renderAction(task);
  }

  #renderEdit(task: EditTask): TemplateResult {
    const { isBusy, conflict } = this.state;
    const error = conflict ? null : this.state.error;
    // While saving, a newer version may be the result of that very save.
    const news = isBusy || !task.record ? '' : this.#newsOf(task.record);
    const save = (event: CustomEvent<JsonObject>): void => void this.flow?.save(event.detail);
    const saveAndIssue = (event: CustomEvent<JsonObject>): void => void this.flow?.save(event.detail, 'issue');
    return html`
      ${task.collection === 'invoices' ? html`
        <invoify-invoice-form id="form" .task=${task} .error=${error} .isBusy=${isBusy} .block=${this.block} .news=${news}
          @form-save=${save} @form-save-issue=${saveAndIssue} @form-close=${this.#leave}></invoify-invoice-form>` : html`
        <invoify-record-form id="form" .task=${task} .error=${error} .isBusy=${isBusy} .block=${this.block} .news=${news}
          @form-save=${save} @form-close=${this.#leave}></invoify-record-form>`}
      ${conflict ? html`
        <invoify-conflict-dialog .collection=${task.collection} .conflict=${conflict} .error=${this.state.error}
          .isBusy=${isBusy} .block=${this.block}
          @resolve=${(event: CustomEvent<JsonObject>) => void this.flow?.resolve(event.detail)}
          @leave=${() => this.flow?.dismissConflict()}></invoify-conflict-dialog>` : ''}`;
  }

  /** What has happened to a record since its form was opened. */
  #newsOf(record: RecordView): string {
    if (this.isGone) return t('form.gone');
    return this.current?.id === record.id ? newsText(this.current, record) : '';
  }

  #renderAction(task: ActionTask): TemplateResult {
    const { isBusy, error } = this.state;
    return task.action === 'pay' ? html`
      <invoify-payment-dialog .task=${task} .error=${error} .isBusy=${isBusy} .block=${this.block}
        @confirm=${(event: CustomEvent<JsonObject>) => void this.flow?.confirm(event.detail)}
          @leave=${this.#leave}></invoify-payment-dialog>` : html`
      <invoify-confirm-dialog .task=${task} .error=${error} .isBusy=${isBusy} .block=${this.block} .userId=${this.userId}
        @mend=${(event: CustomEvent<IssueWarning>) => this.dispatchEvent(new CustomEvent('mend', { detail: event.detail }))}
        @serve-on-issue=${() => this.dispatchEvent(new CustomEvent('serve-on-issue'))}
        @credit=${() => this.dispatchEvent(new CustomEvent('credit'))}
        @confirm=${() => void this.flow?.confirm()} @leave=${this.#leave}></invoify-confirm-dialog>`;
  }
}

customElements.define('invoify-task-dialogs', InvoifyTaskDialogs);
