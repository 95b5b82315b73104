// The screen of one collection: toolbar, summary, list and totals, and the queries behind them. Ignores stale responses.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import type { Collection } from '../../shared/collections.ts';
import type { CurrencySummary, CurrencyTotals, ListRow, Status } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { countText, currentLocale, loadLaterTexts, t, tryText } from '../text/i18n.ts';
import { listColumns } from './list-columns.ts';
import { ListRows } from './list-rows.ts';
import { chooseAge, clearFilters, emptiness, hasFilters, selectionOf, showsDue, sortBy, type Age, type ListState } from './list-state.ts';
import './list-summary.ts';
import { InvoifyListTable, type RowMenu } from './list-table.ts';
import './list-toolbar.ts';
import { InvoifyListToolbar } from './list-toolbar.ts';
import './list-totals.ts';
import { latestOnly } from '../base/latest.ts';
import type { OpenMenu } from './row-menu.ts';
import { noSelection, pickedRange, withPick, withRows, type RowPick, type RowSelection } from './row-selection.ts';
import type { InvoifySelectionBar } from './selection-bar.ts';
import type { WriteBlock } from '../sync/sync-view.ts';

/**
 * @fires list-state - search, filters or sort order changed: a ListState
 * @fires record-unlisted - search or filters have left the selected record out: its id
 * @fires record-enter - the keyboard goes on into the selected record: its id
 * @fires record-move - the keyboard moved to a record: its id
 */
export class InvoifyListScreen extends LitElement {
  static override properties = {
    collection: { attribute: false },
    state: { attribute: false },
    status: { attribute: false },
    revision: {},
    today: {},
    selectedId: { attribute: false },
    mayWrite: { type: Boolean },
    blocked: { attribute: false },
    syncing: { type: Boolean },
    currencies: { state: true },
    summaries: { state: true },
    totals: { state: true },
    version: { state: true },
    selection: { state: true },
    menu: { state: true },
  };

  static override styles = [controls, css`
    :host { display: flex; flex-direction: column; min-block-size: 0; min-inline-size: 0; background: var(--color-surface); }
    .list { position: relative; display: flex; flex: 1; min-block-size: 0; border-block-start: 1px solid var(--color-line); }
    invoify-list-summary + .list { border-block-start: 0; }
    invoify-list-table { flex: 1; }
  `];

  declare collection: Collection;
  declare state: ListState;
  declare status: Status;
  declare revision: string;
  declare today: string;
  declare selectedId: string | null;
  declare mayWrite: boolean;
  declare blocked: WriteBlock;
  declare syncing: boolean;
  declare currencies: readonly string[];
  declare summaries: readonly CurrencySummary[] | null;
  declare totals: readonly CurrencyTotals[] | null;
  declare version: number;
  declare selection: RowSelection;
  /** The row whose menu is open, and where. */
  declare menu: OpenMenu | null;

  #hasUpdated = false;
  /** The first hit is to be opened once it has been found. */
  #isToOpen = false;
  /** Another selection is being loaded, which the selected record may not be in. */
  #isNarrowing = false;
  /** The selected rows are to be read again, once the list has been. */
  #isSelectionStale = false;
  #isReadingSelection = false;
  readonly #latestPick = latestOnly();
  readonly #latestMenu = latestOnly();
  readonly #latestTotals = latestOnly();
  readonly #latestSummary = latestOnly();
  readonly #latestCurrencies = latestOnly();
  readonly #rows = new ListRows({
    fetchPage: (query) => ask(this, 'data.listPage', query),
    onChange: (isNew) => this.#onRowsChange(isNew),
  });

  constructor() {
    super();
    this.currencies = [];
    this.summaries = null;
    this.totals = null;
    this.version = 0;
    this.selection = noSelection;
    this.menu = null;
    this.selectedId = null;
    this.blocked = null;
  }

  focusSearch(): void {
    this.renderRoot.querySelector<InvoifyListToolbar>('invoify-list-toolbar')?.focusSearch();
  }

  override focus(): void {
    this.#table?.focus();
  }

  /** Focuses the list, on the row of this record if it is loaded. */
  focusRecord(id: string): void {
    this.#table?.focusRecord(id);
  }

  get #table(): InvoifyListTable | null {
    return this.renderRoot.querySelector<InvoifyListTable>('invoify-list-table');
  }

  get #hasAmounts(): boolean {
    return this.collection.name === 'invoices';
  }

  protected override updated(changed: PropertyValues<this>): void {
    const isFirst = !this.#hasUpdated;
    this.#hasUpdated = true;
    const isOtherList = isFirst || (changed.has('state') && changed.get('state') !== this.state) || changed.has('today');
    if (isOtherList) this.#isNarrowing ||= !isFirst;
    if (isOtherList) this.#rows.show({ selection: selectionOf(this.collection, this.state, this.today), sort: this.state.sort });
    else if (changed.has('revision')) this.#rows.refresh();
    if (isOtherList) this.#select(noSelection);
    else if (changed.has('revision')) this.#isSelectionStale = true;
    if (!this.#hasAmounts) {
      if (isFirst || changed.has('revision')) void this.#readCurrencies();
      return;
    }
    if (isOtherList || changed.has('revision')) void this.#readTotals();
    if (isFirst || changed.has('revision') || changed.has('today')) void this.#readSummary();
  }

  /** Selects rows, reading those that are not loaded. */
  async #pick(pick: RowPick): Promise<void> {
    const isLatest = this.#latestPick();
    const [first, last] = pickedRange(pick, this.selection.anchor, this.#rows.total ?? 0);
    const loaded = pick.how === 'none' ? [] : Array.from({ length: last - first + 1 }, (_, at) => this.#rows.row(first + at));
    const open = this.selectedId === null ? undefined : this.#rows.row(this.#rows.indexOf(this.selectedId));
    const select = (rows: readonly ListRow[]): void => this.#select(withPick(this.selection, pick, rows, open));
    const rows = loaded.filter((row) => row !== undefined);
    if (rows.length === loaded.length) return select(rows);
    const { revision, state: { sort } } = this;
    const query = { ...selectionOf(this.collection, this.state, this.today), sort, offset: first, limit: loaded.length };
    const outcome = await ask(this, 'data.listPage', query);
    if (!isLatest() || !outcome.ok) return;
    select(outcome.value.rows);
    this.#isSelectionStale ||= this.revision !== revision;
    void this.#refreshSelection();
  }

  #select(selection: RowSelection): void {
    this.#latestPick();
    this.selection = selection;
    // The element becomes the bar once it and its texts have been loaded.
    if (selection.rows.size > 0) void loadLaterTexts().then(() => import('./selection-bar.ts'));
  }

  /** Not before the list itself has been read again: until then, rows may be selected as they were. */
  async #refreshSelection(): Promise<void> {
    if (this.#isReadingSelection) return;
    this.#isReadingSelection = true;
    while (this.#isSelectionStale && this.#rows.isSettled) {
      this.#isSelectionStale = false;
      const id = [...this.selection.rows.keys()];
      if (id.length === 0) continue;
      const outcome = await ask(this, 'data.listPage', { collection: this.collection.name, filters: { id }, limit: id.length });
      if (outcome.ok) this.selection = withRows(this.selection, id, outcome.value.rows);
    }
    this.#isReadingSelection = false;
  }

  /** The menu of the selected rows if this is one of several, or else of this row alone, which the selection then gives way to. */
  async #openMenu(menu: RowMenu): Promise<void> {
    const isLatest = this.#latestMenu();
    if (!this.selection.rows.has(menu.row.id)) this.#select(noSelection);
    await loadLaterTexts();
    const { readMenu } = await import('./row-menu.ts');
    const read = await readMenu(this, this.collection.name, menu);
    if (isLatest()) this.menu = read;
  }

  get #selectionActions(): InvoifySelectionBar['actions'] | null {
    const bar = this.renderRoot.querySelector<InvoifySelectionBar>('invoify-selection-bar');
    return this.selection.rows.size > 1 ? bar?.actions ?? null : null;
  }

  #onRowsChange(isNew: boolean): void {
    this.version += 1;
    void this.#refreshSelection();
    if (!isNew) return;
    if (this.#isToOpen) this.#openFirst();
    else if (this.#isNarrowing) void this.#checkSelected();
    this.#isNarrowing = false;
    void this.updateComplete.then(() => this.#table?.scrollToTop());
    if (this.#rows.total !== null && hasFilters(this.state)) emit(this, 'announce', { text: this.#count(this.#rows.total) });
  }

  /** Opens the first row that the search has found, or will have found. */
  #openFirst(): void {
    this.#isToOpen = !this.#rows.isSettled;
    const first = this.#rows.row(0);
    if (!this.#isToOpen && first) emit(this, 'open-record', { collection: this.collection.name, id: first.id });
  }

  /** The record beside the list must be in the list. One that a write or a pull has left out stays, though. */
  async #checkSelected(): Promise<void> {
    const id = this.selectedId;
    if (id === null || this.#rows.indexOf(id) >= 0) return;
    const selection = selectionOf(this.collection, this.state, this.today);
    const found = await ask(this, 'data.listPage', { ...selection, filters: { ...selection.filters, id }, limit: 1 });
    if (found.ok && found.value.total === 0) this.dispatchEvent(new CustomEvent('record-unlisted', { detail: id }));
  }

  async #readTotals(): Promise<void> {
    const isLatest = this.#latestTotals();
    const outcome = await ask(this, 'data.selectionTotals', selectionOf(this.collection, this.state, this.today));
    if (isLatest() && outcome.ok) this.totals = outcome.value;
  }

  async #readSummary(): Promise<void> {
    const isLatest = this.#latestSummary();
    const [summary] = await Promise.all([ask(this, 'data.summary', { today: this.today }), this.#readCurrencies()]);
    if (isLatest() && summary.ok) this.summaries = summary.value;
  }

  /** The currencies in use, most frequent first. */
  async #readCurrencies(): Promise<void> {
    const isLatest = this.#latestCurrencies();
    const outcome = await ask(this, 'data.selectionTotals', { collection: 'invoices' });
    if (isLatest() && outcome.ok) this.currencies = outcome.value.toSorted((a, b) => b.count - a.count).map(({ currency }) => currency);
  }

  async #saveCsv(): Promise<void> {
    const selection = selectionOf(this.collection, this.state, this.today);
    await loadLaterTexts();
    const { csvColumns, csvFileName } = await import('./list-csv.ts');
    const outcome = await ask(this, 'app.exportCsv', {
      name: csvFileName(this.collection), selection, sort: this.state.sort, columns: csvColumns(this.collection),
      today: this.today, locale: currentLocale().format,
    });
    if (!outcome.ok) emit(this, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
    else if (outcome.value) {
      const count = this.#count(this.#rows.total ?? 0);
      emit(this, 'toast', { text: t('list.csvSaved', { count, path: outcome.value.path }), tone: 'ok' });
    }
  }

  /** An open detail does not follow the keyboard while rows are selected. */
  #onRowMove(id: string): void {
    if (this.selection.rows.size === 0) this.dispatchEvent(new CustomEvent('record-move', { detail: id }));
  }

  #set(state: ListState): void {
    this.dispatchEvent(new CustomEvent<ListState>('list-state', { detail: state }));
  }

  #open(event: CustomEvent<string>): void {
    emit(event.target ?? this, 'open-record', { collection: this.collection.name, id: event.detail });
  }

  /** Drafts and void invoices are added up only where the list is of them. */
  get #totalsLabel(): string {
    return t(['draft', 'void'].includes(this.state.choices['status'] ?? '') ? 'totals.total' : 'totals.invoiced');
  }

  #count(count: number): string {
    return countText(this.collection.name, count);
  }

  #summary(): TemplateResult {
    const open = this.summaries?.toSorted((a, b) => b.open.count - a.open.count)[0]?.currency;
    const currency = this.state.choices['currency'] ?? open ?? this.currencies[0] ?? '';
    return html`<invoify-list-summary .summaries=${this.summaries} .currency=${currency} .age=${this.state.age}
      @age-choose=${({ detail: { age, currency } }: CustomEvent<{ age: Age; currency: string }>) =>
        this.#set(chooseAge(this.state, age, currency))}></invoify-list-summary>`;
  }

  override render(): TemplateResult {
    const { total } = this.#rows;
    const { state, partial } = this.status;
    const empty = emptiness({ error: this.#rows.error, total, hasFilters: hasFilters(this.state), state, partial });
    if (empty !== null) void import('./list-empty.ts');
    return html`
      <invoify-list-toolbar .collection=${this.collection} .state=${this.state} .currencies=${this.currencies} .today=${this.today}
        .mayWrite=${this.mayWrite} .blocked=${this.blocked} .syncing=${this.syncing}
        @state-change=${({ detail }: CustomEvent<ListState>) => this.#set(detail)} @save-csv=${this.#saveCsv}
        @search-enter=${() => { if (this.state.search.trim() !== '') this.#openFirst(); }}></invoify-list-toolbar>
      <slot name="notice"></slot>
      ${this.#hasAmounts ? this.#summary() : nothing}
      <div class="list">
        <invoify-list-table .columns=${listColumns(this.collection)} .kept=${showsDue(this.state) ? ['dueDate'] : []} .rows=${this.#rows}
          .version=${this.version} .sort=${this.state.sort} .selectedId=${this.selectedId}
          .picked=${this.selection.rows} .today=${this.today}
          .label=${t('list.table', { collection: tryText('collection', this.collection.name), count: total ?? 0 })}
          @sort=${({ detail }: CustomEvent<string>) => this.#set({ ...this.state, sort: sortBy(this.state.sort, detail) })}
          @row-open=${this.#open}
          @row-enter=${({ detail }: CustomEvent<string>) => this.dispatchEvent(new CustomEvent('record-enter', { detail }))}
          @row-move=${({ detail }: CustomEvent<string>) => this.#onRowMove(detail)}
          @row-pick=${({ detail }: CustomEvent<RowPick>) => void this.#pick(detail)}
          @row-menu=${({ detail }: CustomEvent<RowMenu>) => void this.#openMenu(detail)}
        ></invoify-list-table>
        ${this.menu === null ? nothing : html`<invoify-row-menu .collection=${this.collection.name} .menu=${this.menu}
          .selected=${this.#selectionActions} .mayWrite=${this.mayWrite} .role=${this.status.user?.role ?? 'viewer'}
          .blocked=${this.blocked}
          @menu-close=${() => { this.menu = null; }}></invoify-row-menu>`}
        ${empty === null ? nothing : html`<invoify-list-empty .kind=${empty}
          .hasSearch=${this.state.search.trim() !== ''} .hasFilters=${hasFilters({ ...this.state, search: '' })}
          .collection=${this.collection.name} .mayWrite=${this.mayWrite}
          .isOwner=${this.status.user?.role === 'owner'} .blocked=${this.blocked}
          .reason=${this.#rows.error ? callErrorText(this.#rows.error) : null}
          @clear=${() => this.#set(clearFilters(this.state))} @retry=${() => this.#rows.refresh()}></invoify-list-empty>`}
      </div>
      ${this.#footer(total)}`;
  }

  /** What can be done with the selected rows, or else the totals. */
  #footer(total: number | null): TemplateResult {
    const { state, partial } = this.status;
    if (this.selection.rows.size > 0) {
      return html`<invoify-selection-bar .collection=${this.collection} .rows=${this.selection.rows} .mayWrite=${this.mayWrite}
        .isOwner=${this.status.user?.role === 'owner'} .blocked=${this.blocked} .sort=${this.state.sort}
        @focus-lost=${this.focus}
        @selection-clear=${() => { this.#select(noSelection); this.focus(); }}></invoify-selection-bar>`;
    }
    return html`
      <invoify-list-totals .label=${this.#totalsLabel} .count=${total === null ? '' : this.#count(total)}
        .totals=${this.#hasAmounts ? this.totals : null}
        .incomplete=${state === 'first_sync' || partial > 0}></invoify-list-totals>`;
  }
}

customElements.define('invoify-list-screen', InvoifyListScreen);
