// Replaces an empty or unreadable list: says why, and offers what to do next. An owner of an account in which nothing can be issued yet
// is led to the company first. Loaded when it is first needed.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import { companyScreen } from '../app-state.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { isKey, loadLaterTexts, t, tryText } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import type { Emptiness } from './list-state.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import '../base/write-button.ts';

/**
 * @fires clear - clear the filters
 * @fires retry - read the list again
 */
export class InvoifyListEmpty extends LitElement {
  static override properties = {
    kind: {},
    hasSearch: { attribute: false },
    hasFilters: { attribute: false },
    collection: {},
    mayWrite: { type: Boolean },
    isOwner: { attribute: false },
    _lacksCompany: { state: true },
    blocked: { attribute: false },
    reason: {},
  };

  static override styles = [controls, css`
    :host {
      position: absolute;
      inset: var(--size-row) 0 0;
      display: grid;
      place-content: center;
      justify-items: center;
      gap: var(--space-2);
      padding: var(--space-6);
      background: var(--color-surface);
      text-align: center;
      overflow: auto;
    }
    h2 { margin: 0; font-size: var(--text-large); font-weight: var(--weight-strong); }
    p { max-inline-size: 44ch; margin: 0; color: var(--color-muted); }
    .mark { display: grid; place-content: center; inline-size: var(--space-12);
      block-size: var(--space-12); border-radius: var(--radius-round);
      background: var(--color-plain-back); color: var(--color-muted); }
    .do { margin-block-start: var(--space-2); }
  `];

  declare kind: Emptiness;
  declare hasSearch: boolean;
  /** Whether there are filters besides the search. */
  declare hasFilters: boolean;
  declare collection: string;
  declare mayWrite: boolean;
  declare isOwner: boolean;
  declare _lacksCompany: boolean;
  declare blocked: WriteBlock;
  declare reason: string | null;

  constructor() {
    super();
    this.kind = 'none';
    this.hasSearch = false;
    this.hasFilters = false;
    this.collection = '';
    this.mayWrite = false;
    this.isOwner = false;
    this._lacksCompany = false;
    this.blocked = null;
    this.reason = null;
  }

  protected override updated(changed: PropertyValues): void {
    const isFirst = this.kind === 'none' && this.isOwner && ['invoices', 'customers'].includes(this.collection);
    if (isFirst && (changed.has('kind') || changed.has('isOwner'))) void this.#readCompany();
  }

  async #readCompany(): Promise<void> {
    const [{ findCompany, sourceOf }, { companyGaps }] = await Promise.all([
      import('../record/record-detail-data.ts'), import('../company/company-gaps.ts'), loadLaterTexts(),
    ]);
    const company = await findCompany(sourceOf(this));
    this._lacksCompany = company.ok && companyGaps(company.value?.payload ?? null).length > 0;
  }

  /** How to make the first one, for those who may. */
  get #noneHint(): string {
    const key = `list.first.${this.collection}`;
    return this.mayWrite && isKey(key) ? tryText('list.first', this.collection) : t('list.noneHint');
  }

  get #noMatchHint(): string {
    if (!this.hasFilters) return t('list.noMatchSearch');
    return t(this.hasSearch ? 'list.noMatchHint' : 'list.noMatchFilters');
  }

  #send(name: 'clear' | 'retry'): void {
    this.dispatchEvent(new CustomEvent(name));
  }

  override render(): TemplateResult {
    switch (this.kind) {
      case 'failed': return this.#message(icon('warn'), t('list.failed'), this.reason ?? '',
        html`<button class="button" @click=${() => this.#send('retry')}>${t('word.tryAgain')}</button>`);
      case 'no-data': return this.#message(icon('download'), t('list.noData'), t('list.noDataHint'),
        html`<button class="button primary" @click=${() => emit(this, 'refresh')}>${t('sync.now')}</button>`);
      case 'filling': return this.#message(icon('download'), t('list.filling'), t('list.fillingHint'));
      case 'no-match': return this.#message(icon('search'), t('list.noMatch'), this.#noMatchHint,
        html`<button class="button" @click=${() => this.#send('clear')}>${t(this.hasFilters ? 'list.clearFilters' : 'list.clearSearch')
        }</button>`);
      case 'none': return this._lacksCompany ? this.#message(icon('company'), t('list.begin'), t('list.beginHint'),
        html`<button class="button primary"
          @click=${() => emit(this, 'navigate', { screen: companyScreen })}>${t('list.beginDo')}</button>`)
        : this.#message(icon('invoices'), tryText('list.none', this.collection), this.#noneHint,
        this.mayWrite ? html`<invoify-write-button look="primary" icon="plus" .blocked=${this.blocked}
          .label=${tryText('list.new', this.collection)}
          @activate=${() => emit(this, 'new-record', { collection: this.collection })}></invoify-write-button>` : nothing);
    }
  }

  #message(mark: TemplateResult, title: string, text: string, action: TemplateResult | typeof nothing = nothing): TemplateResult {
    return html`<div class="mark">${mark}</div><h2>${title}</h2><p>${text}</p><div class="do">${action}</div>`;
  }
}

customElements.define('invoify-list-empty', InvoifyListEmpty);
