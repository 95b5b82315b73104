// A button for an action that writes. While writing is blocked it stays focusable, explains why, and does nothing. It
// fires `activate` only when the action is possible, so no listener has to check.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import { controls } from './controls.ts';
import { icon, type IconName } from './icons.ts';
import { blockText, type WriteBlock } from '../sync/sync-view.ts';

/**
 * @fires activate - the button was activated, and writing is possible
 */
export class InvoifyWriteButton extends LitElement {
  static override properties = {
    blocked: { attribute: false },
    busy: { type: Boolean },
    icon: {},
    keys: { attribute: false },
    label: {},
    look: {},
    refusal: { attribute: false },
    short: {},
  };

  static override styles = [controls, css`
    :host { display: inline-flex; min-inline-size: 0; }
    :host([look='menu']) { display: flex; }
    .button { inline-size: 100%; }
  `];

  declare blocked: WriteBlock;
  /** The action is in progress. */
  declare busy: boolean;
  declare icon: IconName | null;
  /** The shortcut that does the same: as `aria-keyshortcuts` names it, and as it is written for people. */
  declare keys: { readonly aria: string; readonly text: string } | null;
  declare label: string;
  declare look: '' | 'primary' | 'danger' | 'quiet' | 'menu' | 'icon';
  /** Why the record's state forbids the action, regardless of the connection. */
  declare refusal: string | null;
  /** A shorter visible text; the label is then the accessible name. */
  declare short: string | null;

  constructor() {
    super();
    this.blocked = null;
    this.busy = false;
    this.icon = null;
    this.keys = null;
    this.label = '';
    this.look = '';
    this.refusal = null;
    this.short = null;
    // A scripted click on the element itself bypasses the check in the inner button.
    this.addEventListener('click', (event) => {
      if (this.#isInert) event.stopImmediatePropagation();
    });
  }

  get #isInert(): boolean {
    return this.blocked !== null || this.busy || this.refusal !== null;
  }

  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector('button')?.focus(options);
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('look') && this.getAttribute('look') !== this.look) this.setAttribute('look', this.look);
  }

  #activate(event: Event): void {
    event.stopPropagation();
    if (this.#isInert) return;
    this.dispatchEvent(new CustomEvent('activate', { bubbles: true, composed: true }));
  }

  override render(): TemplateResult {
    const reason = blockText(this.blocked) ?? this.refusal;
    const isIcon = this.look === 'icon';
    const isItem = this.look === 'menu';
    return html`
      <button type="button" data-write class=${isIcon ? 'icon-button' : `button ${this.look}`}
        role=${isItem ? 'menuitem' : nothing} tabindex=${isItem ? -1 : nothing} aria-disabled=${this.#isInert ? 'true' : 'false'}
        aria-describedby=${reason === null ? nothing : 'reason'} aria-label=${isIcon || this.short ? this.label : nothing}
        aria-keyshortcuts=${this.keys?.aria ?? nothing}
        title=${reason ?? (this.keys ? `${this.label} (${this.keys.text})` : isIcon ? this.label : nothing)} @click=${this.#activate}
      >${this.icon ? icon(this.icon) : nothing}${isIcon ? nothing : html`<span>${this.short ?? this.label}</span>`}</button>
      ${reason === null ? nothing : html`<span id="reason" class="visually-hidden">${reason}</span>`}`;
  }
}

customElements.define('invoify-write-button', InvoifyWriteButton);
