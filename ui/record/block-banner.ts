// Says in a form or dialog why saving is not possible now and, if that is because of the session, leads to the sign-in: a sheet
// is modal, so the notice and the status bar that offer it otherwise are out of reach.
//
//   <invoify-block-banner .block .hasInput>
//
// If it disappears while it has the focus, or the sign-in for which it disappeared ends, the sheet around it takes the focus.

import { LitElement, html, nothing, type TemplateResult } from 'lit';

import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { icon } from '../base/icons.ts';
import { blockText, type WriteBlock } from '../sync/sync-view.ts';
import { actionLabel } from '../sync/sync-action.ts';
import { t } from '../text/i18n.ts';
import { formStyles } from './form-parts.ts';

export class InvoifyBlockBanner extends LitElement {
  static override properties = {
    block: { attribute: false },
    hasInput: { attribute: false },
  };

  static override styles = [controls, formStyles];

  declare block: WriteBlock;
  /** Something may have been typed, which is kept. */
  declare hasInput: boolean;
  #hadFocus = false;

  constructor() {
    super();
    this.block = null;
    this.hasInput = false;
    this.setAttribute('role', 'status');
  }

  protected override willUpdate(): void {
    this.#hadFocus = this.matches(':focus-within');
  }

  protected override updated(): void {
    if (this.#hadFocus && !this.matches(':focus-within')) this.focus();
  }

  override focus(): void {
    const target = this.renderRoot.querySelector('button') ?? this.closest<HTMLElement>('invoify-sheet');
    target?.focus();
  }

  override render(): TemplateResult | typeof nothing {
    if (this.block === null) return nothing;
    const isSignedOut = this.block === 'signed_out';
    const isChecking = this.block === 'checking';
    const isAway = this.block === 'offline' || this.block === 'unreachable';
    const ofInput = isSignedOut ? t('form.signedOut') : isChecking ? t('form.checking') : isAway ? t('form.offline') : null;
    const text = this.hasInput && ofInput !== null ? ofInput : blockText(this.block);
    return html`
      <div class="banner warn">${icon(isSignedOut || isChecking ? 'lock' : 'offline')}<span>${text}</span>
        ${isSignedOut || isChecking ? html`
          <button type="button" class="link" @click=${() => emit(this, 'sign-in')}>${actionLabel('sign-in')}</button>` : ''}
      </div>`;
  }
}

customElements.define('invoify-block-banner', InvoifyBlockBanner);
