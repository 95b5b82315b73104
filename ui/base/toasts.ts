// Toasts about what the user has just done. They disappear after a while, but not while hovered or focused; errors stay
// until dismissed, or until what they say stands in the way no longer does. Screen readers announce them.
//
//   <invoify-toasts .block>

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

import { controls } from './controls.ts';
import type { ToastText } from './events.ts';
import { t } from '../text/i18n.ts';
import { icon } from './icons.ts';
import { unbroken } from './unbroken.ts';
import type { WriteBlock } from '../sync/sync-view.ts';

interface Toast extends ToastText {
  readonly id: number;
}

const shownMs = 6000;
/** Time to read, decide and reach the button. */
const shownWithActionMs = 15_000;
const maxShown = 3;

/**
 * @fires focus-lost - a toast that had the focus is gone
 */
export class InvoifyToasts extends LitElement {
  static override properties = { block: { attribute: false }, toasts: { state: true } };

  static override styles = [controls, css`
    :host { position: fixed; inset-block-end: calc(var(--size-status) + var(--size-row) + var(--space-3)); inset-inline: 0; z-index: 3;
      display: grid;
      justify-items: center; gap: var(--space-2); pointer-events: none; }
    .toast { display: flex; align-items: center; gap: var(--space-2);
      max-inline-size: min(560px, calc(100vw - var(--space-8)));
      padding: var(--space-1) var(--space-1) var(--space-1) var(--space-3);
      border-radius: var(--radius-large); background: var(--color-raised); box-shadow: var(--shadow);
      pointer-events: auto; animation: come var(--motion); }
    .toast span { flex: 1; overflow-wrap: anywhere; }
    [data-tone='ok'] > .icon { color: var(--color-ok); }
    [data-tone='bad'] > .icon { color: var(--color-bad); }
    @keyframes come { from { opacity: 0; transform: translateY(var(--space-1)); } }
    @media (prefers-reduced-motion: reduce) { .toast { animation: none; } }
    @media (forced-colors: active) { .toast { border: 1px solid CanvasText; } }
  `];

  /** Why writing is not possible now. */
  declare block: WriteBlock;
  declare toasts: readonly Toast[];
  #nextId = 1;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.block = null;
    this.toasts = [];
    this.setAttribute('role', 'status');
    this.addEventListener('pointerenter', () => clearTimeout(this.#timer));
    this.addEventListener('focusin', () => clearTimeout(this.#timer));
    this.addEventListener('pointerleave', () => this.#scheduleRemoval());
    this.addEventListener('focusout', () => this.#scheduleRemoval());
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('block')) this.toasts = this.toasts.filter(({ block = null }) => block === null || block === this.block);
  }

  override disconnectedCallback(): void {
    clearTimeout(this.#timer);
    super.disconnectedCallback();
  }

  add(toast: ToastText): void {
    // Only the newest success is shown.
    const others = toast.tone === 'ok' ? this.toasts.filter(({ tone }) => tone !== 'ok') : this.toasts;
    this.toasts = [...others, { ...toast, id: this.#nextId }].slice(-maxShown);
    this.#nextId += 1;
    this.#scheduleRemoval();
  }

  #scheduleRemoval(): void {
    clearTimeout(this.#timer);
    const next = this.toasts.find(({ tone }) => tone === 'ok');
    if (next) this.#timer = setTimeout(() => this.#remove(next.id), next.action ? shownWithActionMs : shownMs);
  }

  #act(id: number, action: NonNullable<Toast['action']>): void {
    this.#remove(id);
    action.run(this);
  }

  #remove(id: number): void {
    const hadFocus = this.matches(':focus-within');
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
    if (hadFocus) void this.updateComplete.then(() => this.matches(':focus-within') || this.dispatchEvent(new CustomEvent('focus-lost')));
    this.#scheduleRemoval();
  }

  override render(): TemplateResult {
    return html`${repeat(this.toasts, ({ id }) => id, ({ id, text, tone, action }) => html`<div class="toast" data-tone=${tone}>
      ${icon(tone === 'ok' ? 'check' : 'warn')}<span>${unbroken(text)}</span>
      ${action ? html`<button class="link" @click=${() => this.#act(id, action)}>${action.label}</button>` : ''}
      <button class="icon-button" aria-label=${t('word.dismiss')} @click=${() => this.#remove(id)}>${icon('close')}</button>
    </div>`)}`;
  }
}

customElements.define('invoify-toasts', InvoifyToasts);
