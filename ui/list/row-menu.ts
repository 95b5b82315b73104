// The menu of a list's row, where the pointer or the keyboard asked for it.
//
//   <invoify-row-menu .collection .menu .mayWrite .blocked @menu-close>

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { icon, type IconName } from '../base/icons.ts';
import { newInvoiceFor } from '../invoice/invoice-draft.ts';
import { blockText, type WriteBlock } from '../sync/sync-view.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { localDay } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { localNumbers } from '../text/number-text.ts';
import type { RowMenu } from './list-table.ts';

export class InvoifyRowMenu extends LitElement {
  static override properties = {
    collection: { attribute: false },
    menu: { attribute: false },
    mayWrite: { attribute: false },
    blocked: { attribute: false },
  };

  static override styles = [controls, css`
    .popover { position: fixed; inset: auto; min-inline-size: 180px; padding: var(--space-1); }
    .popover:popover-open { display: grid; }
    .name { max-inline-size: 280px; overflow: hidden; text-overflow: ellipsis; }
  `];

  declare collection: string;
  declare menu: RowMenu;
  /** Whether the user may make invoices. */
  declare mayWrite: boolean;
  declare blocked: WriteBlock;
  #opener: HTMLElement | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#opener = (this.getRootNode() as ShadowRoot).querySelector<HTMLElement>('invoify-list-table');
  }

  protected override updated(): void {
    const popover = this.renderRoot.querySelector<HTMLElement>('.popover');
    if (!popover) return this.#close();
    if (!popover.matches(':popover-open')) popover.showPopover();
    const fit = (at: number, size: number, room: number): string => `${Math.max(0, Math.min(at, room - size))}px`;
    popover.style.setProperty('left', fit(this.menu.x, popover.offsetWidth, window.innerWidth));
    popover.style.setProperty('top', fit(this.menu.y, popover.offsetHeight, window.innerHeight));
    this.renderRoot.querySelector<HTMLElement>('[role=menuitem]')?.focus();
  }

  #close(): void {
    this.dispatchEvent(new CustomEvent('menu-close'));
  }

  #onToggle(event: ToggleEvent): void {
    if (event.newState === 'closed') this.#close();
  }

  #onKeydown(event: KeyboardEvent): void {
    const items = [...this.renderRoot.querySelectorAll<HTMLElement>('[role=menuitem]')];
    const at = items.findIndex((item) => item === this.shadowRoot?.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    // The list has Esc and Tab for itself.
    if (event.key === 'Escape' || event.key === 'Tab') this.#leave();
    else if (next !== undefined) items.at(next % items.length)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #leave(): void {
    const opener = this.#opener;
    this.renderRoot.querySelector<HTMLElement>('.popover')?.hidePopover();
    opener?.focus();
  }

  async #copy(text: string): Promise<void> {
    const host = this.#closed();
    const outcome = await ask(host, 'app.copyText', { text });
    emit(host, 'toast', outcome.ok ? { text: t('menu.copied', { text }), tone: 'ok' }
      : { text: callErrorText(outcome.error), tone: 'bad' });
  }

  /** Closes the menu. Returns an element that sends events on. */
  #closed(): HTMLElement {
    this.#leave();
    return this.#opener ?? this;
  }

  override render(): TemplateResult {
    const { columns } = this.menu.row;
    return html`
      <div class="popover" popover role="menu" aria-label=${t('menu.label', { name: String(columns['number'] ?? columns['customerName']
        ?? columns['name']) })} @toggle=${this.#onToggle} @keydown=${this.#onKeydown}>
        ${this.collection === 'invoices' ? this.#invoiceItems() : this.#namedItems()}
      </div>`;
  }

  #item(name: IconName, label: string, run: () => void): TemplateResult {
    return html`<button class="button menu" type="button" role="menuitem" tabindex="-1" @click=${run}>${icon(name)}${label}</button>`;
  }

  /** Copies a value; nothing if there is none. */
  #copyItem(label: string, value: unknown): TemplateResult | typeof nothing {
    return typeof value === 'string' && value !== '' ? this.#item('copy', label, () => void this.#copy(value)) : nothing;
  }

  #copyMoneyItem(label: string, amountMinor: unknown): TemplateResult | typeof nothing {
    const currency = String(this.menu.row.columns['currency']);
    return typeof amountMinor === 'number' ? this.#copyItem(label, localNumbers.money(amountMinor, currency)) : nothing;
  }

  #invoiceItems(): TemplateResult {
    const { number, totalMinor, customerId } = this.menu.row.columns;
    return html`
      ${this.#copyItem(t('menu.copyNumber'), number)}
      ${this.#copyMoneyItem(t('menu.copyAmount'), totalMinor)}
      ${typeof customerId === 'string' ? this.#item('customers', t('menu.openCustomer'),
        () => emit(this.#closed(), 'open-record', { collection: 'customers', id: customerId })) : nothing}`;
  }

  /** Of customers, plans and users. */
  #namedItems(): TemplateResult {
    const { collection, menu: { row: { id, columns } } } = this;
    const name = String(columns['name']);
    const show = (list: string, column: string): void =>
      emit(this.#closed(), 'show-list', { collection: list, filters: { [column]: id }, label: name });
    return html`
      ${this.#copyItem(t('menu.copyName'), name)}
      ${this.#copyItem(t('menu.copyEmail'), columns['email'])}
      ${collection === 'plans' ? html`
        ${this.#copyMoneyItem(t('menu.copyPrice'), columns['priceMinor'])}
        ${this.#item('customers', t('menu.showCustomers'), () => show('customers', 'planId'))}` : nothing}
      ${collection === 'customers' ? html`
        ${this.#item('invoices', t('menu.showInvoices'), () => show('invoices', 'customerId'))}
        ${this.mayWrite ? this.#newInvoiceItem(name) : nothing}` : nothing}`;
  }

  #newInvoiceItem(name: string): TemplateResult {
    const { id, updatedAt, columns } = this.menu.row;
    const from = newInvoiceFor({ id, updatedAt, payload: { currency: columns['currency'] ?? '' } }, localDay(Date.now()));
    const reason = blockText(this.blocked);
    return html`<button class="button menu" type="button" role="menuitem" tabindex="-1" aria-disabled=${reason !== null}
      title=${reason ?? nothing} aria-describedby=${reason === null ? nothing : 'reason'}
      @click=${() => { if (reason === null) emit(this.#closed(), 'new-record', { collection: 'invoices', from }); }}
      >${icon('plus')}<span class="name">${t('menu.newInvoice', { name })}</span></button>
      ${reason === null ? nothing : html`<span id="reason" class="visually-hidden">${reason}</span>`}`;
  }
}

customElements.define('invoify-row-menu', InvoifyRowMenu);
