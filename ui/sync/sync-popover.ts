// The status bar's popover: the latest sync attempts, and a button that copies the report.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import type { Attempt } from '../../shared/window/views.ts';
import { healthScreen } from '../app-state.ts';
import { ask } from '../base/ask.ts';
import { attemptText, callErrorText } from '../text/call-error-text.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { latestOnly } from '../base/latest.ts';
import { atStart, formatBytes, formatDuration, formatWhen } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { actionLabel, runSyncAction } from './sync-action.ts';
import type { SyncView } from './sync-view.ts';

const shownAttempts = 5;

/**
 * @fires loaded - the attempts have loaded and the popover has its final height
 */
export class InvoifySyncPopover extends LitElement {
  static override properties = {
    view: { attribute: false },
    attempts: { state: true },
  };

  static override styles = [controls, css`
    :host { display: grid; gap: var(--space-3); padding: var(--space-4); }
    h2 { margin: 0; font-size: var(--text-body); font-weight: var(--weight-strong); }
    .now { color: var(--color-muted); }
    ol { display: grid; margin: 0; padding: 0; list-style: none; border-block: 1px solid var(--color-line); }
    li { display: grid; grid-template-columns: 1fr auto; align-items: center; gap: 0 var(--space-3); padding-block: var(--space-2); }
    li { font-variant-numeric: tabular-nums; }
    li > :first-child::first-letter { text-transform: uppercase; }
    li + li { border-block-start: 1px solid var(--color-line); }
    .more { grid-column: 1 / -1; color: var(--color-muted); font-size: var(--text-small); }
    .muted { color: var(--color-muted); }
    .do { display: flex; flex-wrap: wrap; gap: var(--space-2); }
  `];

  declare view: SyncView;
  declare attempts: readonly Attempt[] | null;
  readonly #latestRead = latestOnly();

  constructor() {
    super();
    this.attempts = null;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const before = changed.get('view');
    if (changed.has('view') && before?.state !== this.view.state) void this.#read();
  }

  async #read(): Promise<void> {
    const isLatest = this.#latestRead();
    const outcome = await ask(this, 'data.health');
    if (!isLatest()) return;
    this.attempts = outcome.ok ? outcome.value.attempts : [];
    await this.updateComplete;
    this.dispatchEvent(new CustomEvent('loaded'));
  }

  async #copyReport(): Promise<void> {
    const report = await ask(this, 'data.report');
    const copied = report.ok ? await ask(this, 'app.copyText', { text: report.value }) : report;
    emit(this, 'toast', copied.ok ? { text: t('sync.reportCopied'), tone: 'ok' } : { text: callErrorText(copied.error), tone: 'bad' });
  }

  #attempt(attempt: Attempt): TemplateResult {
    const { startedMs, durationMs, changes, bytes, outcome } = attempt;
    const reason = attemptText(attempt);
    const [tone, word] = outcome === 'completed' ? ['ok', t('sync.completed')]
      : outcome === 'failed' ? ['bad', t('sync.failedShort')] : ['muted', t('sync.cancelled')];
    return html`<li>
      <span>${atStart(formatWhen(startedMs, Date.now()))}</span>
      <span class="badge" data-tone=${tone}>${word}</span>
      <span class="more">${t('sync.changes', { count: changes })}&nbsp;· ${formatBytes(bytes)}&nbsp;· ${formatDuration(durationMs)}</span>
      ${outcome !== 'cancelled' && reason ? html`<span class="more">${reason}</span>` : nothing}
    </li>`;
  }

  override render(): TemplateResult {
    const { action, text, instant, reason } = this.view;
    const offered = action === 'details' || action === null ? 'refresh' : action;
    return html`
      <div>
        <h2>${text}</h2>
        ${reason ? html`<div>${reason}</div>` : nothing}
        ${instant ? html`<div class="now">${instant}</div>` : nothing}
      </div>
      <h2>${t('sync.attempts')}</h2>
      ${this.attempts === null ? nothing : this.attempts.length === 0 ? html`<p class="muted">${t('sync.noAttempts')}</p>`
        : html`<ol>${this.attempts.slice(0, shownAttempts).map((attempt) => this.#attempt(attempt))}</ol>`}
      <div class="do">
        <button class="button" @click=${() => runSyncAction(this, offered)}>${icon('refresh')}${actionLabel(offered)}</button>
        <button class="button" @click=${this.#copyReport}>${icon('copy')}${t('sync.copyReport')}</button>
        <button class="link" @click=${() => emit(this, 'navigate', { screen: healthScreen })}>${t('sync.health')}</button>
      </div>`;
  }
}

customElements.define('invoify-sync-popover', InvoifySyncPopover);
