// The action bar of a record: the primary action first, the common ones beside it, the rest in the "more" menu. An action
// that the record's state forbids gives the reason; writing is disabled while offline.
//
//   <invoify-record-bar .actions .collection .block @act>
//
// `act` carries the name of an action of the record, or `print`, `pdf`, `email`, `eInvoice`, `newInvoice`, `statement` or
// `statementPdf`.

import { LitElement, css, html, type TemplateResult } from 'lit';

import { controls } from '../base/controls.ts';
import { t, tryText } from '../text/i18n.ts';
import { icon, type IconName } from '../base/icons.ts';
import { focusFirstItem, menuStyles, onMenuKeydown } from '../base/menu.ts';
import type { RecordAction, RecordActionName } from './record-actions.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import '../base/write-button.ts';

export type BarAction = RecordActionName | 'print' | 'pdf' | 'email' | 'eInvoice' | 'newInvoice' | 'statement' | 'statementPdf';

/** Also those of a row's menu. */
export const actionIcons: Readonly<Record<BarAction, IconName>> = {
  edit: 'edit', issue: 'check', redate: 'calendar', pay: 'payment', credit: 'credit', duplicate: 'copy', void: 'ban',
  delete: 'trash', print: 'print', pdf: 'pdf', email: 'mail', eInvoice: 'download', newInvoice: 'plus',
  statement: 'print', statementPdf: 'pdf',
};

export class InvoifyRecordBar extends LitElement {
  static override properties = {
    actions: { attribute: false },
    collection: { attribute: false },
    block: { attribute: false },
    canPdf: { attribute: false },
    isIssued: { attribute: false },
    isRefund: { attribute: false },
    owes: { attribute: false },
  };

  static override styles = [controls, menuStyles, css`
    :host { display: flex; flex-wrap: wrap; gap: var(--space-2); }
    .more { anchor-name: --more; }

    #menu {
      position-anchor: --more;
      inset: auto;
      position-area: block-end span-inline-start;
      position-try-fallbacks: flip-inline;
      margin-block: var(--space-1);
    }

    hr { margin: var(--space-1) 0; border: 0; border-block-start: 1px solid var(--color-line); }
  `];

  declare actions: readonly RecordAction[];
  declare collection: string;
  declare block: WriteBlock;
  declare canPdf: boolean;
  /** An invoice that was issued and not voided. */
  declare isIssued: boolean;
  /** What is to be paid is a refund. */
  declare isRefund: boolean;
  /** A customer with anything open. */
  declare owes: boolean;
  #hadFocus = false;

  constructor() {
    super();
    this.actions = [];
    this.collection = '';
    this.block = null;
    this.canPdf = true;
    this.isIssued = false;
    this.isRefund = false;
    this.owes = false;
  }

  protected override willUpdate(): void {
    this.#hadFocus = this.matches(':focus-within');
  }

  /** If the focused action disappeared, the first remaining one takes the focus. */
  protected override updated(): void {
    if (this.#hadFocus && !this.matches(':focus-within')) this.focus();
  }

  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector<HTMLElement>('invoify-write-button, button')?.focus(options);
  }

  get #menu(): HTMLElement | null {
    return this.renderRoot.querySelector('#menu');
  }

  #leaveMenu(): void {
    this.#menu?.hidePopover();
    this.renderRoot.querySelector<HTMLElement>('.more')?.focus();
  }

  #act(name: BarAction): void {
    // Whatever the action opens gives the focus back to what has it now.
    if (this.#menu?.matches(':popover-open')) this.#leaveMenu();
    this.dispatchEvent(new CustomEvent<BarAction>('act', { detail: name }));
  }

  override render(): TemplateResult {
    const isInvoice = this.collection === 'invoices';
    const find = (name: RecordActionName): RecordAction | undefined => this.actions.find((action) => action.name === name);
    const first = find('issue') ?? find('pay');
    const edit = find('edit');
    const rest = (['redate', 'credit', 'duplicate', 'void', 'delete'] as const).flatMap((name) => find(name) ?? []);
    const hasPdf = isInvoice && this.canPdf;
    const canBill = this.collection === 'customers' && this.actions.length > 0;
    return html`
      ${first ? this.#renderWrite(first.name, 'primary', first) : ''}
      ${canBill ? this.#renderWrite('newInvoice', 'primary') : ''}
      ${edit ? this.#renderWrite('edit', '', edit) : ''}
      ${isInvoice ? html`<button class="icon-button" type="button" data-action="print" aria-label=${t('action.print')}
        title=${t('action.print')} @click=${() => this.#act('print')}>${icon('print')}</button>` : ''}
      ${this.owes ? html`<button class="icon-button" type="button" data-action="statement" aria-label=${t('action.statement')}
        title=${t('action.statement')} @click=${() => this.#act('statement')}>${icon('print')}</button>` : ''}
      ${hasPdf || this.owes || this.isIssued || rest.length > 0 ? html`
        <button class="icon-button more" type="button" popovertarget="menu" aria-haspopup="menu" aria-label=${t('detail.more')}
          title=${t('detail.more')}>${icon('more')}</button>
        <div id="menu" class="popover" popover role="menu" aria-label=${t('detail.more')}
          @toggle=${(event: ToggleEvent) => { if (event.newState === 'open' && this.#menu) focusFirstItem(this.#menu); }}
          @keydown=${(event: KeyboardEvent) => { if (this.#menu) onMenuKeydown(event, this.#menu, () => this.#leaveMenu()); }}>
          ${hasPdf ? this.#renderExport('pdf', t('action.pdf')) : ''}
          ${this.owes ? html`
            ${this.#renderExport('statement', t('action.statement'))}
            ${this.canPdf ? this.#renderExport('statementPdf', t('action.statementPdf')) : ''}` : ''}
          ${this.isIssued ? html`
            ${this.#renderExport('email', t(hasPdf ? 'action.email' : 'action.emailOnly'))}
            ${this.#renderExport('eInvoice', t('action.eInvoice'))}` : ''}
          ${rest.map((action) => this.#renderWrite(action.name, 'menu', action))}
        </div>` : ''}`;
  }

  #renderExport(name: BarAction, label: string): TemplateResult {
    return html`<button class="button menu" type="button" role="menuitem" tabindex="-1" data-action=${name}
      @click=${() => this.#act(name)}>${icon(actionIcons[name])}${label}</button>`;
  }

  #renderWrite(name: BarAction, look: 'primary' | '' | 'menu', action?: RecordAction): TemplateResult {
    const refusal = action?.refusal ? tryText('refusal', action.refusal) : null;
    const label = name === 'pay' && this.isRefund ? t('action.refund') : tryText('action', name);
    return html`
      <invoify-write-button data-action=${name} .look=${look} .icon=${actionIcons[name]} .label=${label}
        .blocked=${this.block} .refusal=${refusal} @activate=${() => this.#act(name)}></invoify-write-button>`;
  }
}

customElements.define('invoify-record-bar', InvoifyRecordBar);
