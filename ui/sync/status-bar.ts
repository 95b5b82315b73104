// The status bar: the sync's state with its action, always visible; a click opens the latest attempts. The far end shows
// the number of records and the app's version.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import { companyScreen, type Screen } from '../app-state.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { latestOnly } from '../base/latest.ts';
import { countText, t } from '../text/i18n.ts';
import { placePopover } from '../base/popover.ts';
import { actionLabel, runSyncAction } from './sync-action.ts';
import type { SyncView } from './sync-view.ts';

export class InvoifyStatusBar extends LitElement {
  static override properties = {
    view: { attribute: false },
    screen: {},
    revision: {},
    version: {},
    open: { state: true },
    counts: { state: true },
  };

  static override styles = [controls, css`
    :host {
      display: flex;
      align-items: center;
      gap: var(--space-1);
      block-size: var(--size-status);
      padding-inline: var(--space-1) var(--space-3);
      border-block-start: 1px solid var(--color-line);
      background: var(--color-back);
      font-size: var(--text-small);
      font-variant-numeric: tabular-nums;
      white-space: nowrap;
    }
    .state {
      display: flex;
      flex: 0 1 auto;
      align-items: center;
      gap: var(--space-2);
      min-block-size: var(--size-target);
      min-inline-size: 0;
      padding: 0 var(--space-2);
      border: 0;
      border-radius: var(--radius-small);
      background: none;
      cursor: default;
    }
    .state:hover { background: var(--color-pressed); }
    .state:focus-visible, .link:focus-visible { outline-offset: -2px; }
    .state > span { overflow: hidden; text-overflow: ellipsis; }
    .dot { flex: none; inline-size: 8px; block-size: 8px; border-radius: var(--radius-round); background: var(--color-muted); }
    [data-dot='online'] .dot { background: var(--color-ok); }
    [data-dot='offline'] .dot { border: 2px solid var(--color-muted); background: none; }
    [data-tone='warn'] { color: var(--color-warn); }
    [data-tone='bad'] { color: var(--color-bad); }
    [data-tone='bad'] .dot { border-color: var(--color-bad); }
    .link { flex: none; font-size: var(--text-small); }
    .end { margin-inline-start: auto; padding-inline-start: var(--space-3); color: var(--color-muted); }
    .popover { inline-size: 420px; max-inline-size: calc(100vw - var(--space-4)); padding: 0;
      font-size: var(--text-body); white-space: normal; }
    @media (forced-colors: active) { .dot { forced-color-adjust: none; background: CanvasText; } }
  `];

  declare view: SyncView;
  /** The current screen; only lists have a count. */
  declare screen: Screen;
  /** Changes when the counts may have changed. */
  declare revision: string;
  declare version: string;
  declare open: boolean;
  /** The number of records per collection. */
  declare counts: Readonly<Record<string, number>>;
  readonly #latestCounts = latestOnly();

  constructor() {
    super();
    this.screen = '';
    this.revision = '';
    this.version = '';
    this.open = false;
    this.counts = {};
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('revision')) void this.#loadCounts();
  }

  async #loadCounts(): Promise<void> {
    const isLatest = this.#latestCounts();
    const outcome = await ask(this, 'data.counts');
    if (isLatest() && outcome.ok) this.counts = outcome.value;
  }

  #onToggle(event: ToggleEvent): void {
    this.open = event.newState === 'open';
    void this.updateComplete.then(() => this.#place());
  }

  #place(): void {
    const button = this.renderRoot.querySelector<HTMLElement>('.state');
    const popover = this.renderRoot.querySelector<HTMLElement>('.popover');
    if (this.open && button && popover) placePopover(popover, button);
  }

  #close(): void {
    this.renderRoot.querySelector<HTMLElement>('.popover')?.hidePopover();
  }

  override render(): TemplateResult {
    const { text, tone, dot, action, instant, state } = this.view;
    const count = this.screen === companyScreen ? undefined : this.counts[this.screen];
    return html`
      <button class="state" popovertarget="attempts" aria-haspopup="dialog"
        aria-expanded=${this.open ? 'true' : 'false'} data-state=${state}
        data-tone=${tone} data-dot=${dot ?? nothing} title=${instant ?? nothing}>
        ${dot === null ? nothing : html`<span class="dot"></span>`}<span>${text}</span>
      </button>
      ${action ? html`<button class="link" @click=${() => runSyncAction(this, action)}>${actionLabel(action)}</button>` : nothing}
      <span class="end">${count === undefined ? '' : `${countText(this.screen, count)} · `}<span
        title=${t('sync.version', { version: this.version })}>v${this.version}</span></span>
      <div id="attempts" class="popover" popover role="dialog" aria-label=${t('sync.popover')} @toggle=${this.#onToggle}
        @navigate=${this.#close} @sign-in=${this.#close}>
        ${this.open ? html`<invoify-sync-popover .view=${this.view} @loaded=${this.#place}></invoify-sync-popover>` : nothing}
      </div>`;
  }
}

customElements.define('invoify-status-bar', InvoifyStatusBar);
