// A modal sheet: at the window's end edge for forms, centred for questions. A native <dialog>, so everything below is
// inert; the status bar stays visible, because saving depends on the connection.
//
//   <invoify-sheet heading="…" placement="side | wide | centre" @sheet-close>
//     content, slot="notice" for what may appear at any time, and slot="actions" for the buttons in the footer
//
// Esc and the close button only fire `sheet-close`; the owner decides, and closes the sheet by removing it. Focus moves to
// the first element with `autofocus`, or the heading, and back to the opener on close. If the focused element is removed or
// disabled, because the content has been replaced, it goes to the field that had it last, or else there again. Notices stand
// below the content, which therefore stays where it is.

import { LitElement, css, html, type TemplateResult } from 'lit';

import { controls } from './controls.ts';
import { focusPath, restoreFocus } from './focus.ts';
import { t } from '../text/i18n.ts';
import { unbroken } from './unbroken.ts';
import { icon } from './icons.ts';

export class InvoifySheet extends LitElement {
  static override properties = {
    heading: {},
    placement: { reflect: true },
    isBusy: { attribute: false },
  };

  static override styles = [controls, css`
    dialog {
      display: flex;
      flex-direction: column;
      box-sizing: border-box;
      padding: 0;
      border: 0;
      background: var(--color-raised);
      color: var(--color-text);
      box-shadow: var(--shadow);
      overflow: hidden;
    }

    dialog:not([open]) { display: none; }
    dialog::backdrop { background: var(--color-scrim); }

    :host([placement='side']) dialog,
    :host([placement='wide']) dialog {
      inset-block: 0 var(--size-status);
      inset-inline: auto 0;
      margin: 0;
      inline-size: min(480px, 100vw);
      max-inline-size: 100vw;
      block-size: calc(100% - var(--size-status));
      max-block-size: none;
      animation: arrive var(--motion);
    }

    :host([placement='wide']) dialog { inline-size: min(940px, 100vw); }

    :host([placement='centre']) dialog {
      inline-size: min(440px, calc(100vw - var(--space-8)));
      max-block-size: calc(88vh - var(--space-8));
      /* Not in the middle: what it says at its end then moves nothing above. */
      margin: 12vh auto auto;
      border-radius: var(--radius-large);
    }

    header {
      display: flex;
      align-items: center;
      gap: var(--space-2);
      min-block-size: var(--size-toolbar);
      padding-inline: var(--space-5) var(--space-2);
      border-block-end: 1px solid var(--color-line);
      flex: none;
    }

    :host([placement='centre']) header { border-block-end: 0; padding-block-start: var(--space-3); }

    h2 {
      flex: 1;
      margin: 0;
      font-size: var(--text-large);
      font-weight: var(--weight-strong);
      line-height: var(--line-tight);
      overflow-wrap: anywhere;
    }

    h2:focus { outline: none; }

    .body {
      flex: 1;
      min-block-size: 0;
      overflow: auto;
      padding: var(--space-4) var(--space-5);
      overscroll-behavior: contain;
    }

    :host([placement='centre']) .body { padding-block-start: var(--space-1); }

    .notice { flex: none; max-block-size: 40%; padding-inline: var(--space-5); overflow: auto; }
    :host([placement='centre']) .notice { padding-block-end: var(--space-2); }

    footer {
      display: flex;
      flex-wrap: wrap;
      align-items: center;
      justify-content: flex-end;
      gap: var(--space-2);
      padding: var(--space-3) var(--space-5);
      border-block-start: 1px solid var(--color-line);
      flex: none;
    }

    :host([placement='centre']) footer { border-block-start: 0; padding-block-end: var(--space-5); }

    @keyframes arrive {
      from { opacity: 0; translate: var(--space-4) 0; }
    }

    @media (forced-colors: active) {
      dialog { border: 1px solid CanvasText; }
    }
  `];

  declare heading: string;
  declare placement: 'side' | 'wide' | 'centre';
  /** A busy sheet cannot be closed. */
  declare isBusy: boolean;
  #openers: readonly HTMLElement[] = [];
  /** What last had the focus in the sheet, with its shadow hosts. */
  #focused: readonly EventTarget[] = [];
  /** The same for its content, without notices and buttons. */
  #field: readonly HTMLElement[] = [];
  /** A notice leaves less room for the content. */
  readonly #roomObserver = new ResizeObserver(() => {
    if (this.matches(':focus-within')) focusPath()[0]?.scrollIntoView({ block: 'nearest' });
  });
  readonly #contentObserver = new MutationObserver(() => this.#keepFocus());

  constructor() {
    super();
    this.heading = '';
    this.placement = 'side';
    this.isBusy = false;
    this.addEventListener('focusin', (event) => {
      this.#focused = event.composedPath();
      if (this.#focused.some((target) => target === this.#body)) this.#field = focusPath();
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#openers = focusPath();
    this.#contentObserver.observe(this, { subtree: true, childList: true, attributeFilter: ['disabled', 'hidden'] });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#contentObserver.disconnect();
    this.#roomObserver.disconnect();
    this.#dialog?.close();
    restoreFocus(this.#openers);
  }

  protected override firstUpdated(): void {
    this.#dialog?.showModal();
    if (this.#body) this.#roomObserver.observe(this.#body);
    void this.#focusInitial();
  }

  /** Focuses the field that had the focus last, or else what had it at first. */
  override focus(): void {
    restoreFocus(this.#field.slice(0, 1));
    if (!this.#body?.matches(':focus-within')) void this.#focusInitial();
  }

  #keepFocus(): void {
    const isLost = this.#focused.some((target) => target instanceof HTMLElement
      && (!target.isConnected || target.matches(':disabled') || target.hidden));
    if (isLost) this.focus();
  }

  /** Slotted content is outside the dialog's tree, so the dialog's own autofocus does not find it. */
  async #focusInitial(): Promise<void> {
    const first = this.querySelector<HTMLElement>('[autofocus]:not(:disabled)');
    if (first instanceof LitElement) await first.updateComplete;
    (first ?? this.renderRoot.querySelector('h2'))?.focus();
  }

  get #body(): HTMLElement | null {
    return this.renderRoot.querySelector('.body');
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('dialog');
  }

  #requestClose(): void {
    if (!this.isBusy) this.dispatchEvent(new CustomEvent('sheet-close', { bubbles: true }));
  }

  #onKeydown(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    // The dialog itself would close on the second Esc without asking.
    event.preventDefault();
    event.stopPropagation();
    this.#requestClose();
  }

  #onCancel(event: Event): void {
    event.preventDefault();
    this.#requestClose();
  }

  override render(): TemplateResult {
    return html`
      <dialog aria-labelledby="heading" aria-busy=${this.isBusy} @keydown=${this.#onKeydown} @cancel=${this.#onCancel}>
        <header>
          <h2 id="heading" tabindex="-1">${unbroken(this.heading)}</h2>
          ${this.placement === 'centre' ? '' : html`
            <button class="icon-button" type="button" aria-label=${t('word.close')} @click=${this.#requestClose}>${icon('close')}</button>`}
        </header>
        <div class="body"><slot></slot></div>
        <div class="notice"><slot name="notice"></slot></div>
        <footer><slot name="actions"></slot></footer>
      </dialog>`;
  }
}

customElements.define('invoify-sheet', InvoifySheet);
