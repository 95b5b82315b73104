// The notice above a list: a problem that needs attention, or news about the cache. Drawn only if there is a notice; screen
// readers hear it through the window's live region.

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import { controls } from '../base/controls.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { actionLabel, runSyncAction } from './sync-action.ts';
import type { Notice, SyncView } from './sync-view.ts';

/**
 * @fires dismiss - the user dismissed the notice
 */
export class InvoifyNoticeBar extends LitElement {
  static override properties = {
    notice: { attribute: false },
    progress: { attribute: false },
    dismissible: { type: Boolean },
  };

  static override styles = [controls, css`
    :host { display: block; }
    .notice {
      position: relative;
      display: flex;
      align-items: center;
      gap: var(--space-2);
      min-block-size: var(--size-notice);
      padding-inline: var(--space-4) var(--space-2);
      border-block-start: 1px solid var(--color-line);
      background: var(--color-info-back);
    }
    .text { flex: 1; min-inline-size: 0; padding-block: var(--space-1); font-variant-numeric: tabular-nums; }
    [data-tone='warn'] { background: var(--color-warn-back); }
    [data-tone='warn'] > .icon { color: var(--color-warn); }
    [data-tone='bad'] { background: var(--color-bad-back); }
    [data-tone='bad'] > .icon { color: var(--color-bad); }
    [data-tone='info'] > .icon { color: var(--color-accent); }
    progress { position: absolute; inset-block-end: 0; inset-inline: 0; inline-size: 100%; block-size: 2px;
      border: 0; background: var(--color-line); appearance: none; }
    progress::-webkit-progress-bar { background: var(--color-line); }
    progress::-webkit-progress-value { background: var(--color-accent); }
    progress:indeterminate { background: linear-gradient(90deg, var(--color-line) 30%, var(--color-accent) 50%, var(--color-line) 70%)
      0 / 200% 100%;
      animation: sweep 1.6s linear infinite; }
    progress:indeterminate::-webkit-progress-bar { background: transparent; }
    @keyframes sweep { from { background-position: 200% 0; } to { background-position: 0 0; } }
    @media (prefers-reduced-motion: reduce) { progress:indeterminate { animation: none; } }
    @media (forced-colors: active) { .notice { border-block: 1px solid CanvasText;
      } progress::-webkit-progress-value { background: Highlight; } }
  `];

  declare notice: Notice | null;
  declare progress: SyncView['progress'];
  declare dismissible: boolean;

  constructor() {
    super();
    this.notice = null;
    this.progress = null;
    this.dismissible = false;
  }

  override render(): TemplateResult | typeof nothing {
    const { notice, progress } = this;
    if (!notice) return nothing;
    const { action } = notice;
    return html`<div class="notice" data-tone=${notice.tone}>
      ${icon(notice.tone === 'info' ? 'info' : 'warn')}<span class="text">${notice.text}</span>
      ${action ? html`<button class="link" @click=${() => runSyncAction(this, action)}>${actionLabel(action)}</button>` : nothing}
      ${this.dismissible ? html`<button class="icon-button" aria-label=${t('word.dismiss')}
        @click=${() => this.dispatchEvent(new CustomEvent('dismiss'))}>${icon('close')}</button>` : nothing}
      ${progress ? html`<progress aria-label=${t('sync.progress')} max="1" value=${progress.ratio ?? nothing}></progress>` : nothing}
    </div>`;
  }
}

customElements.define('invoify-notice-bar', InvoifyNoticeBar);
