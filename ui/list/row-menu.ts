// The menu of a list's row, where the pointer or the keyboard asked for it.
//
//   <invoify-row-menu .collection .menu .selected .mayWrite .role .blocked @menu-close>
//
// What it offers on an invoice is what its detail offers, which then does it; on several selected rows, what their bar offers.

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import type { Role } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { icon, type IconName } from '../base/icons.ts';
import { focusFirstItem, menuStyles, onMenuKeydown } from '../base/menu.ts';
import { newInvoiceFor } from '../invoice/invoice-draft.ts';
import { recordActions } from '../record/record-actions.ts';
import { actionIcons } from '../record/record-bar.ts';
import { loadDetail, sourceOf, type Detail } from '../record/record-detail-data.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { t, tryText } from '../text/i18n.ts';
import { localNumbers } from '../text/number-text.ts';
import type { RowMenu } from './list-table.ts';
import type { SelectionAction } from './selection-bar.ts';

/** A menu with what its items depend on. */
export interface OpenMenu extends RowMenu {
  /** The row's invoice. */
  readonly invoice: Detail | null;
  readonly canPdf: boolean;
}

/** Reads what the items depend on. */
export async function readMenu(element: EventTarget, collection: string, menu: RowMenu): Promise<OpenMenu> {
  const [found, info] = await Promise.all([
    collection === 'invoices' ? loadDetail(sourceOf(element), collection, menu.row.id) : null, ask(element, 'app.getInfo'),
  ]);
  return { ...menu, invoice: found?.ok ? found.value : null, canPdf: info.ok && !info.value.lacks.includes('pdf') };
}

export class InvoifyRowMenu extends LitElement {
  static override properties = {
    collection: { attribute: false },
    menu: { attribute: false },
    selected: { attribute: false },
    mayWrite: { attribute: false },
    role: { attribute: false },
    blocked: { attribute: false },
  };

  static override styles = [controls, menuStyles, css`
    invoify-write-button { max-inline-size: 320px; }
  `];

  declare collection: string;
  declare menu: OpenMenu;
  /** What can be done with the selected rows, if the menu is of several. */
  declare selected: readonly SelectionAction[] | null;
  /** Whether the user may make invoices. */
  declare mayWrite: boolean;
  declare role: Role;
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
    focusFirstItem(popover);
  }

  #close(): void {
    this.dispatchEvent(new CustomEvent('menu-close'));
  }

  #onToggle(event: ToggleEvent): void {
    if (event.newState === 'closed') this.#close();
  }

  #onKeydown(event: KeyboardEvent): void {
    onMenuKeydown(event, event.currentTarget as HTMLElement, () => this.#leave());
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
    const name = String(columns['number'] ?? columns['customerName'] ?? columns['name']);
    return html`
      <div class="popover" popover role="menu" aria-label=${this.selected ? t('menu.selection') : t('menu.label', { name })}
        @toggle=${this.#onToggle} @keydown=${this.#onKeydown}>
        ${this.selected ? this.selected.map((action) => this.#selectionItem(action))
          : this.collection === 'invoices' ? this.#invoiceItems() : this.#namedItems()}
      </div>`;
  }

  #item(name: IconName, label: string, run: () => void): TemplateResult {
    return html`<button class="button menu" type="button" role="menuitem" tabindex="-1" @click=${run}>${icon(name)}${label}</button>`;
  }

  #writeItem(name: IconName, label: string, run: () => void, refusal: string | null = null): TemplateResult {
    return html`<invoify-write-button look="menu" .icon=${name} .label=${label} .blocked=${this.blocked} .refusal=${refusal}
      @activate=${run}></invoify-write-button>`;
  }

  #selectionItem({ icon: name, label, isWrite, run }: SelectionAction): TemplateResult {
    const leaveAndRun = (): void => { this.#leave(); run(); };
    return isWrite ? this.#writeItem(name, label, leaveAndRun) : this.#item(name, label, leaveAndRun);
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
        () => emit(this.#closed(), 'open-record', { collection: 'customers', id: customerId })) : nothing}
      ${this.menu.invoice ? this.#invoiceActions(this.menu.invoice) : nothing}`;
  }

  #invoiceActions(invoice: Detail): TemplateResult {
    const { collection, menu: { row: { id, columns }, canPdf } } = this;
    const act = (name: 'issue' | 'pay' | 'print' | 'pdf'): void => emit(this.#closed(), 'open-record', { collection, id, act: name });
    const actions = recordActions(collection, invoice.record, this.role, invoice, localDay(Date.now()));
    return html`
      ${(['issue', 'pay'] as const).map((name) => {
        const action = actions.find((one) => one.name === name);
        if (!action) return nothing;
        const label = name === 'pay' && Number(columns['openMinor']) < 0 ? t('action.refund') : t(`action.${name}`);
        return this.#writeItem(actionIcons[name], label, () => act(name), action.refusal && tryText('refusal', action.refusal));
      })}
      ${this.#item(actionIcons.print, t('action.print'), () => act('print'))}
      ${canPdf ? this.#item(actionIcons.pdf, t('action.pdf'), () => act('pdf')) : nothing}`;
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
    return this.#writeItem('plus', t('menu.newInvoice', { name }), () =>
      emit(this.#closed(), 'new-record', { collection: 'invoices', from }));
  }
}

customElements.define('invoify-row-menu', InvoifyRowMenu);
