// Draws what a person is doing to a record (record-flow.ts): its form, its question, or both versions where someone
// else was faster.
//
//   <invoify-task-dialogs .flow .state .present .block .userId @leave>
//
// `leave`: the person wants to close the form or question.

import { LitElement, html, type TemplateResult } from 'lit';

import type { JsonObject } from '../../shared/fields.ts';
import type { RecordView } from '../../shared/window/views.ts';
import type { ActTask, EditTask, FlowState, RecordFlow } from './record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import './act-dialog.ts';
import './conflict-dialog.ts';
import '../invoice/invoice-form.ts';
import '../invoice/payment-dialog.ts';
import './record-form.ts';

type Form = LitElement & { canLeave(): Promise<boolean> };

export class InvoifyTaskDialogs extends LitElement {
  static override properties = {
    flow: { attribute: false },
    state: { attribute: false },
    present: { attribute: false },
    block: { attribute: false },
    userId: { attribute: false },
  };

  declare flow: RecordFlow | null;
  declare state: FlowState;
  /** The record as the copy has it now. */
  declare present: RecordView | null;
  declare block: WriteBlock;
  declare userId: string;

  constructor() {
    super();
    this.flow = null;
    this.state = { task: null, isBusy: false, error: null, conflict: null };
    this.present = null;
    this.block = null;
    this.userId = '';
  }

  /** Asks where something typed would be lost. */
  async canLeave(): Promise<boolean> {
    return await this.renderRoot.querySelector<Form>('#form')?.canLeave() ?? true;
  }

  #leave(): void {
    this.dispatchEvent(new CustomEvent('leave'));
  }

  override render(): TemplateResult {
    const { task } = this.state;
    if (!task) return html``;
    return task.kind === 'edit' ? this.#renderEdit(task) : this.#renderAct(task);
  }

  #renderEdit(task: EditTask): TemplateResult {
    const { isBusy, conflict } = this.state;
    const error = conflict ? null : this.state.error;
    // While it is being saved a newer version may be the one that it became.
    const isNewer = !isBusy && this.present?.id === task.record?.id && this.present?.updatedAt !== task.record?.updatedAt;
    const save = (event: CustomEvent<JsonObject>): void => void this.flow?.save(event.detail);
    return html`
      ${task.collection === 'invoices' ? html`
        <invoify-invoice-form id="form" .task=${task} .error=${error} .isBusy=${isBusy} .block=${this.block} .isNewer=${isNewer}
          @form-save=${save} @form-close=${this.#leave}></invoify-invoice-form>` : html`
        <invoify-record-form id="form" .task=${task} .error=${error} .isBusy=${isBusy} .block=${this.block} .isNewer=${isNewer}
          @form-save=${save} @form-close=${this.#leave}></invoify-record-form>`}
      ${conflict ? html`
        <invoify-conflict-dialog .collection=${task.collection} .conflict=${conflict} .error=${this.state.error}
          .isBusy=${isBusy} .block=${this.block}
          @resolve=${(event: CustomEvent<JsonObject>) => void this.flow?.resolve(event.detail)}
          @leave=${() => this.flow?.dismissConflict()}></invoify-conflict-dialog>` : ''}`;
  }

  #renderAct(task: ActTask): TemplateResult {
    const { isBusy, error } = this.state;
    return task.action === 'pay' ? html`
      <invoify-payment-dialog .task=${task} .error=${error} .isBusy=${isBusy} .block=${this.block}
        @confirm=${(event: CustomEvent<JsonObject>) => void this.flow?.confirm(event.detail)}
          @leave=${this.#leave}></invoify-payment-dialog>` : html`
      <invoify-act-dialog .task=${task} .error=${error} .isBusy=${isBusy} .block=${this.block} .userId=${this.userId}
        @confirm=${() => void this.flow?.confirm()} @leave=${this.#leave}></invoify-act-dialog>`;
  }
}

customElements.define('invoify-task-dialogs', InvoifyTaskDialogs);
