// A button for whatever writes. While writing is not possible it stays where it is and can be focused, says why, and
// does nothing, however it is activated: `activate` is fired only when it may act, so nothing else has to ask.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import { controls } from './controls.ts';
import { icon, type IconName } from './icons.ts';
import { blockText, type WriteBlock } from '../sync/sync-view.ts';

/**
 * @fires activate - a person (or a script) has activated it, and writing is possible
 */
export class InvoifyWriteButton extends LitElement {
  static override properties = {
    blocked: { attribute: false },
    busy: { type: Boolean },
    icon: {},
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
  /** Its work is under way. */
  declare busy: boolean;
  declare icon: IconName | null;
  declare label: string;
  declare look: '' | 'primary' | 'danger' | 'quiet' | 'menu' | 'icon';
  /** Why the record itself does not allow it now, whatever the connection. */
  declare refusal: string | null;
  /** What is shown where there is no room for the label, which then is its name. */
  declare short: string | null;

  constructor() {
    super();
    this.blocked = null;
    this.busy = false;
    this.icon = null;
    this.label = '';
    this.look = '';
    this.refusal = null;
    this.short = null;
    // A click on the element itself, as a script makes it, has come past no check.
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
    return html`
      <button type="button" data-write class=${isIcon ? 'icon-button' : `button ${this.look}`}
        aria-disabled=${this.#isInert ? 'true' : 'false'}
        aria-describedby=${reason === null ? nothing : 'reason'} aria-label=${isIcon || this.short ? this.label : nothing}
        title=${reason ?? (isIcon ? this.label : nothing)} @click=${this.#activate}
      >${this.icon ? icon(this.icon) : nothing}${isIcon ? nothing : html`<span>${this.short ?? this.label}</span>`}</button>
      ${reason === null ? nothing : html`<span id="reason" class="visually-hidden">${reason}</span>`}`;
  }
}

customElements.define('invoify-write-button', InvoifyWriteButton);
