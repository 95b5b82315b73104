// The dialog to sign in again, over a window that stays as it is.

import { LitElement, css, html, type TemplateResult } from 'lit';

import type { SignedInUser } from '../../shared/protocol.ts';
import { controls } from '../base/controls.ts';
import { focusPath, restoreFocus } from '../base/focus.ts';
import { t } from '../text/i18n.ts';
import './sign-in.ts';

/**
 * @fires close - signed in or cancelled
 */
export class InvoifySignInDialog extends LitElement {
  static override properties = {
    server: { attribute: false },
    user: { attribute: false },
    reason: { attribute: false },
    memoryOnly: { attribute: false },
  };

  static override styles = [controls, css`
    dialog { inline-size: 400px; max-inline-size: calc(100vw - var(--space-8)); margin-block-start: 12vh; padding: 0;
      border: 1px solid transparent;
      border-radius: var(--radius-large); background: var(--color-raised); color: var(--color-text); box-shadow: var(--shadow); }
    dialog::backdrop { background: var(--color-scrim); }
  `];

  declare server: string | null;
  declare user: SignedInUser | null;
  declare reason: string | null;
  declare memoryOnly: boolean;

  #openers: readonly HTMLElement[] = [];

  constructor() {
    super();
    this.server = null;
    this.user = null;
    this.reason = null;
    this.memoryOnly = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#openers = focusPath();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.renderRoot.querySelector('dialog')?.close();
    restoreFocus(this.#openers);
  }

  protected override firstUpdated(): void {
    this.renderRoot.querySelector('dialog')?.showModal();
  }

  #close(): void {
    this.dispatchEvent(new CustomEvent('close'));
  }

  override render(): TemplateResult {
    return html`<dialog aria-label=${t('signIn.again')} @close=${this.#close}>
      <invoify-sign-in again .server=${this.server} .user=${this.user} .reason=${this.reason} .memoryOnly=${this.memoryOnly}
        @signed-in=${this.#close} @cancel=${this.#close}></invoify-sign-in>
    </dialog>`;
  }
}

customElements.define('invoify-sign-in-dialog', InvoifySignInDialog);
