// The form of a new customer above another form, whose input stays as it is.
//
//   <invoify-new-customer .name .block @created @leave>
//
// `name` is what was typed so far; `created` carries the customer's id.

import { LitElement, html, type TemplateResult } from 'lit';

import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { emit } from '../base/events.ts';
import { t } from '../text/i18n.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { newRecord } from './new-record.ts';
import { sourceOf } from './record-detail-data.ts';
import { recordCalls, RecordFlow } from './record-flow.ts';
import type { InvoifyRecordForm } from './record-form.ts';
import './record-form.ts';

export class InvoifyNewCustomer extends LitElement {
  static override properties = {
    name: { attribute: false },
    block: { attribute: false },
  };

  declare name: string;
  declare block: WriteBlock;
  readonly #flow = new RecordFlow(this, {
    ...recordCalls(this),
    refresh: async () => undefined,
    block: () => this.block,
    onDone: (_task, { id }) => {
      emit(this, 'toast', { text: t('done.created.customers'), tone: 'ok' });
      this.dispatchEvent(new CustomEvent<string>('created', { detail: id }));
    },
  });

  constructor() {
    super();
    this.name = '';
    this.block = null;
  }

  protected override firstUpdated(): void {
    void this.#open();
  }

  async #open(): Promise<void> {
    const collection = 'customers';
    const fields = await newRecord(sourceOf(this), collection, localDay(Date.now()));
    if (this.isConnected) this.#flow.open({ kind: 'edit', collection, record: null, initial: { ...fields, name: this.name } });
  }

  async #leave(): Promise<void> {
    const form = this.renderRoot.querySelector<InvoifyRecordForm>('invoify-record-form');
    if (!this.#flow.state.isBusy && await form?.canLeave()) this.dispatchEvent(new CustomEvent('leave'));
  }

  override render(): TemplateResult {
    const { task, error, isBusy } = this.#flow.state;
    return task?.kind !== 'edit' ? html`` : html`
      <invoify-record-form .task=${task} .error=${error} .isBusy=${isBusy} .block=${this.block}
        @form-save=${(event: CustomEvent<JsonObject>) => void this.#flow.save(event.detail)} @form-close=${this.#leave}
      ></invoify-record-form>`;
  }
}

customElements.define('invoify-new-customer', InvoifyNewCustomer);
