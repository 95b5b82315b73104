// The sync health screen: the state of the cache and recent sync attempts, for diagnosis and for the report to support.
//
//   <invoify-health .status .revision>

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import type { CallError, SyncHealth } from '../../shared/window/ipc.ts';
import { ageByClock } from '../../shared/window/stale.ts';
import type { Attempt, Status } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { attemptText, callErrorText, cacheNoticeText } from '../text/call-error-text.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { formatBytes, formatDuration, formatDateTime, formatNumber } from '../text/format.ts';
import { t, tryText } from '../text/i18n.ts';
import { latestOnly } from '../base/latest.ts';
import { icon } from '../base/icons.ts';
import { screenStyles } from '../base/screen-styles.ts';

const shownAttempts = 50;
const tones = { completed: 'ok', failed: 'bad', cancelled: 'muted' } as const;

export class InvoifyHealth extends LitElement {
  static override properties = {
    status: { attribute: false },
    revision: { attribute: false },
    _health: { state: true },
    _failure: { state: true },
  };

  static override styles = [controls, screenStyles, css`
    .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: var(--space-4); margin: 0; }
    .facts dt { color: var(--color-muted); font-size: var(--text-small); }
    .facts dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
    .scroll { overflow-x: auto; }
    table { inline-size: 100%; border-collapse: collapse; }
    th { padding: 0 var(--space-3) var(--space-1) 0; color: var(--color-muted); font-size: var(--text-small);
      font-weight: var(--weight-body); text-align: start; }
    td { padding: var(--space-1) var(--space-3) var(--space-1) 0; border-block-start: 1px solid var(--color-line);
      vertical-align: baseline; }
    td.nowrap { white-space: nowrap; }
    th.number, td.number { text-align: end; white-space: nowrap; }
    .detail { color: var(--color-muted); overflow-wrap: anywhere; }
  `];

  declare status: Status | null;
  declare revision: string;
  declare _health: SyncHealth | null;
  declare _failure: CallError | null;
  readonly #latestLoad = latestOnly();

  constructor() {
    super();
    this.status = null;
    this.revision = '';
    this._health = null;
    this._failure = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    // A failed attempt changes the state but not the revision.
    const hasNewState = changed.has('status') && changed.get('status')?.state !== this.status?.state;
    if (changed.has('revision') || hasNewState) void this.#load();
  }

  async #load(): Promise<void> {
    const isLatest = this.#latestLoad();
    const outcome = await ask(this, 'data.health');
    if (!isLatest()) return;
    this._failure = outcome.ok ? null : outcome.error;
    if (outcome.ok) this._health = outcome.value;
  }

  async #copy(): Promise<void> {
    const report = await ask(this, 'data.report');
    const outcome = report.ok ? await ask(this, 'app.copyText', { text: report.value }) : report;
    emit(this, 'toast', outcome.ok ? { text: t('done.copied'), tone: 'ok' } : { text: callErrorText(outcome.error), tone: 'bad' });
  }

  override render(): TemplateResult {
    return html`
      <header>
        <h1 tabindex="-1">${t('health.title')}</h1>
        <button class="button" type="button" data-action="copy" title=${t('health.copyHint')} @click=${this.#copy}>
          ${icon('copy')}${t('health.copy')}</button>
      </header>
      <div class="page">
        <div class="column wide">
          ${this._failure ? html`<p class="quiet" role="alert">${callErrorText(this._failure)}</p>` : ''}
          ${this._health ? html`${this.#renderState(this._health)}
            ${this.#renderHoldings(this._health)}${this.#renderAttempts(this._health)}` : ''}
        </div>
      </div>`;
  }

  #renderState(health: SyncHealth): TemplateResult {
    const { lastSync = null, notice = null } = this.status ?? {};
    const isEqual = lastSync !== null && Object.keys(health.digest).length > 0;
    const isUnknown = lastSync !== null && ageByClock(Date.parse(lastSync.timestamp), Date.now()) === null;
    const instant = (value: string | number | null, none: string): string => (value === null ? none : formatDateTime(value));
    return html`
      <section>
        <h2>${t('health.state')}</h2>
        <dl class="facts">
          <div><dt>${t('health.lastSync')}</dt><dd>${isUnknown ? t('health.clockChanged')
            : instant(lastSync?.timestamp ?? null, t('health.never'))}</dd></div>
          <div><dt>${t('health.digest')}</dt><dd>${t(isEqual ? 'health.digestEqual' : 'health.digestOpen')}</dd></div>
          <div><dt>${t('health.verified')}</dt><dd>${instant(health.lastVerifiedMs, t('health.never'))}</dd></div>
          <div><dt>${t('health.size')}</dt><dd>${formatBytes(health.sizeBytes)}</dd></div>
          ${notice === null ? '' : html`<div><dt>${t('health.notice')}</dt><dd>${cacheNoticeText(notice)}</dd></div>`}
        </dl>
      </section>`;
  }

  #renderHoldings({ counts, digest }: SyncHealth): TemplateResult {
    // Until the first sync completes, the digest covers only what has arrived.
    const isVerified = this.status !== null && this.status.lastSync !== null;
    return html`
      <section>
        <h2>${t('health.holdings')}</h2>
        <table>
          <thead><tr>
            <th scope="col">${t('health.collection')}</th>
            <th scope="col" class="number">${t('health.records')}</th>
            <th scope="col" class="number">${t('health.proved')}</th>
          </tr></thead>
          <tbody>${Object.entries(counts).map(([name, count]) => html`
            <tr>
              <td>${tryText('collection', name)}</td>
              <td class="number">${formatNumber(count)}</td>
              <td class="number">${isVerified && digest[name] ? formatNumber(digest[name].count) : '–'}</td>
            </tr>`)}
          </tbody>
        </table>
      </section>`;
  }

  #renderAttempts({ attempts }: SyncHealth): TemplateResult {
    if (attempts.length === 0) return html`<section><h2>${t('health.attempts')}</h2><p
      class="quiet">${t('health.noAttempts')}</p></section>`;
    return html`
      <section>
        <h2>${t('health.attempts')}</h2>
        <div class="scroll" tabindex="0" role="region" aria-label=${t('health.attempts')}>
          <table>
            <thead><tr>
              <th scope="col">${t('health.started')}</th>
              <th scope="col" class="number">${t('health.duration')}</th>
              <th scope="col" class="number">${t('health.changes')}</th>
              <th scope="col" class="number">${t('health.bytes')}</th>
              <th scope="col">${t('health.result')}</th>
            </tr></thead>
            <tbody>${attempts.slice(0, shownAttempts).map((attempt) => this.#renderAttempt(attempt))}</tbody>
          </table>
        </div>
        ${attempts.length > shownAttempts ? html`<p class="quiet">${t('health.showing', { count: shownAttempts })}</p>` : ''}
      </section>`;
  }

  #renderAttempt(attempt: Attempt): TemplateResult {
    const { startedMs, durationMs, changes, bytes, outcome, code } = attempt;
    return html`
      <tr>
        <td class="nowrap">${formatDateTime(startedMs)}</td>
        <td class="number">${formatDuration(durationMs)}</td>
        <td class="number">${formatNumber(changes)}</td>
        <td class="number">${formatBytes(bytes)}</td>
        <td>
          <span class="badge" data-tone=${tones[outcome]}>${t(`health.${outcome}`)}</span>
          <span class="detail">${[code, attemptText(attempt)].filter((part) => part !== null).join('\u00a0· ')}</span>
        </td>
      </tr>`;
  }
}

customElements.define('invoify-health', InvoifyHealth);
