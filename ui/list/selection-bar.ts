// What can be done with the selected rows of a list, in the place of its totals: issue drafts, save PDFs into a folder, save a CSV file.
//
//   <invoify-selection-bar .collection .rows .sort .mayWrite .isOwner .blocked @selection-clear @focus-lost>

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import type { Collection } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import type { ListRow, ListSort } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { icon, type IconName } from '../base/icons.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { countText, currentLocale, t } from '../text/i18n.ts';
import { selectionText } from './bulk.ts';
import type { BulkJob } from './bulk-dialog.ts';
import { csvColumns, csvFileName } from './list-csv.ts';
import { maxSelected } from './row-selection.ts';
import '../base/write-button.ts';
import './bulk-dialog.ts';

/** What can be done with the selected rows, here and in their menu. */
export interface SelectionAction {
  readonly icon: IconName;
  readonly label: string;
  readonly isWrite: boolean;
  readonly run: () => void;
}

export class InvoifySelectionBar extends LitElement {
  static override properties = {
    collection: { attribute: false },
    rows: { attribute: false },
    sort: { attribute: false },
    mayWrite: { attribute: false },
    isOwner: { attribute: false },
    blocked: { attribute: false },
    _job: { state: true },
    _canPdf: { state: true },
  };

  static override styles = [controls, css`
    :host {
      display: flex;
      align-items: center;
      gap: var(--space-2);
      block-size: var(--size-row);
      padding-inline: var(--space-4) var(--space-2);
      border-block-start: 1px solid var(--color-line);
      background: var(--color-selected);
      font-variant-numeric: tabular-nums;
      white-space: nowrap;
      overflow: hidden;
    }
    .count { flex: 0 1 auto; margin-inline-end: auto; overflow: hidden; text-overflow: ellipsis; }
    .button, invoify-write-button, .icon-button { flex: none; }
    @media (forced-colors: active) { :host { border: 1px solid Highlight; } }
  `];

  declare collection: Collection;
  declare rows: ReadonlyMap<string, ListRow>;
  declare sort: ListSort;
  declare mayWrite: boolean;
  declare isOwner: boolean;
  declare blocked: WriteBlock;
  declare _job: BulkJob | null;
  /** Whether this shell saves PDFs. */
  declare _canPdf: boolean;

  #hadFocus = false;

  constructor() {
    super();
    this._job = null;
    this._canPdf = false;
    this.setAttribute('role', 'group');
  }

  protected override willUpdate(): void {
    this.setAttribute('aria-label', t('selection.label'));
    this.#hadFocus = this.matches(':focus-within');
  }

  protected override updated(): void {
    if (this.#hadFocus && !this.matches(':focus-within')) this.dispatchEvent(new CustomEvent('focus-lost'));
  }

  protected override firstUpdated(): void {
    void ask(this, 'app.getInfo').then((info) => { this._canPdf = info.ok && !info.value.lacks.includes('pdf'); });
  }

  get #rows(): readonly ListRow[] {
    return [...this.rows.values()];
  }

  /** The oldest first, because they get their numbers in this order. */
  get #drafts(): readonly ListRow[] {
    return this.#rows.filter(({ columns }) => columns['status'] === 'draft')
      .toSorted((a, b) => String(a.columns['issueDate']).localeCompare(String(b.columns['issueDate'])));
  }

  /** How many rows are selected, and what invoices add up to. */
  get #text(): string {
    const { size } = this.rows;
    const count = size === maxSelected ? t('selection.most', { count: size }) : t('selection.count', { count: size });
    return this.collection.name === 'invoices' ? selectionText(count, this.#rows) : count;
  }

  get actions(): readonly SelectionAction[] {
    const isInvoices = this.collection.name === 'invoices';
    const drafts = this.#drafts;
    return [
      ...isInvoices && this.mayWrite && drafts.length > 0 ? [{
        icon: 'check', label: t('selection.issue', { count: drafts.length }), isWrite: true,
        run: () => { this._job = { kind: 'issue', rows: drafts }; },
      } as const] : [],
      ...isInvoices && this._canPdf ? [{
        icon: 'pdf', label: t('selection.pdf'), isWrite: false, run: () => void this.#savePdfs(),
      } as const] : [],
      { icon: 'download', label: t('selection.csv'), isWrite: false, run: () => void this.#saveCsv() },
    ];
  }

  async #savePdfs(): Promise<void> {
    const folder = await ask(this, 'app.chooseFolder');
    if (!folder.ok) emit(this, 'toast', { text: callErrorText(folder.error), tone: 'bad' });
    else if (folder.value !== null) this._job = { kind: 'pdf', rows: this.#rows, folder: folder.value };
  }

  async #saveCsv(): Promise<void> {
    const { collection, sort, rows } = this;
    const outcome = await ask(this, 'app.exportCsv', {
      name: csvFileName(collection), selection: { collection: collection.name, filters: { id: [...rows.keys()] } }, sort,
      columns: csvColumns(collection), today: localDay(Date.now()), locale: currentLocale().format,
    });
    if (!outcome.ok) return emit(this, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
    const count = countText(collection.name, rows.size);
    if (outcome.value) emit(this, 'toast', { text: t('list.csvSaved', { count, path: outcome.value.path }), tone: 'ok' });
  }

  override render(): TemplateResult {
    return html`
      <span class="count" role="status" title=${this.#text}>${this.#text}</span>
      ${this.actions.map(({ icon: name, label, isWrite, run }) => (isWrite
        ? html`<invoify-write-button look="quiet" .icon=${name} .label=${label} .blocked=${this.blocked}
          @activate=${run}></invoify-write-button>`
        : html`<button class="button quiet" type="button" @click=${run}>${icon(name)}${label}</button>`))}
      <button class="icon-button" type="button" aria-label=${t('selection.clear')} title=${t('selection.clear')}
        @click=${() => this.dispatchEvent(new CustomEvent('selection-clear'))}>${icon('close')}</button>
      ${this._job ? html`<invoify-bulk-dialog .job=${this._job} .isOwner=${this.isOwner} .block=${this.blocked}
        @leave=${() => { this._job = null; }}></invoify-bulk-dialog>` : nothing}`;
  }
}

customElements.define('invoify-selection-bar', InvoifySelectionBar);
