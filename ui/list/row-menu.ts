// The menu of a list's row, where the pointer or the keyboard asked for it.
//
//   <invoify-row-menu .collection .menu @menu-close>

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { icon, type IconName } from '../base/icons.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { t } from '../text/i18n.ts';
import { localNumbers } from '../text/number-text.ts';
import type { RowMenu } from './list-table.ts';

export class InvoifyRowMenu extends LitElement {
  static override properties = {
    collection: { attribute: false },
    menu: { attribute: false },
  };

  static override styles = [controls, css`
    .popover { position: fixed; inset: auto; min-inline-size: 180px; padding: var(--space-1); }
    .popover:popover-open { display: grid; }
  `];

  declare collection: string;
  declare menu: RowMenu;
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
    this.#leave();
    const host = this.#opener ?? this;
    const outcome = await ask(host, 'app.copyText', { text });
    emit(host, 'toast', outcome.ok ? { text: t('menu.copied', { text }), tone: 'ok' }
      : { text: callErrorText(outcome.error), tone: 'bad' });
  }

  override render(): TemplateResult {
    if (this.collection !== 'invoices') return html``;
    const { number, totalMinor, currency, customerId, customerName } = this.menu.row.columns;
    const item = (name: IconName, label: string, run: () => void): TemplateResult => html`
      <button class="button menu" type="button" role="menuitem" tabindex="-1" @click=${run}>${icon(name)}${label}</button>`;
    return html`
      <div class="popover" popover role="menu" aria-label=${t('menu.label', { name: String(number ?? customerName) })}
        @toggle=${this.#onToggle} @keydown=${this.#onKeydown}>
        ${typeof number === 'string' ? item('copy', t('menu.copyNumber'), () => void this.#copy(number)) : nothing}
        ${typeof totalMinor === 'number' ? item('copy', t('menu.copyAmount'),
          () => void this.#copy(localNumbers.money(totalMinor, String(currency)))) : nothing}
        ${typeof customerId === 'string' ? item('customers', t('menu.openCustomer'), () => {
          const host = this.#opener ?? this;
          this.#leave();
          emit(host, 'open-record', { collection: 'customers', id: customerId });
        }) : nothing}
      </div>`;
  }
}

customElements.define('invoify-row-menu', InvoifyRowMenu);
