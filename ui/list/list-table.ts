// A list as a grid of any length. Only the rows in view are elements, each at its place on a sheet as high as all rows;
// the others come from ListRows as they are scrolled to. The keyboard's row is an active descendant: the focus stays on
// the grid, so it is never lost with a row that scrolls away.

import { LitElement, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import type { ListSort } from '../../shared/window/views.ts';
import { controls } from '../base/controls.ts';
import { icon } from '../base/icons.ts';
import { listCell } from './list-cell.ts';
import { fittingColumns, type ListColumn } from './list-columns.ts';
import { layOutList } from './list-layout.ts';
import type { ListRows } from './list-rows.ts';
import { tableStyles } from './list-table-styles.ts';
import { assignRows, poolSize, rowAfterKey, rowPx, rowWindow, scrollToShow, type RowWindow } from './list-window.ts';

/** How long nothing is drawn for rows that are not here. */
const lateMs = 150;

/**
 * @fires sort - a person chose a column to sort by: its name
 * @fires row-open - a person opened a row: its id
 * @fires row-move - the keyboard moved to a row: its id
 */
export class InvoifyListTable extends LitElement {
  static override properties = {
    columns: { attribute: false },
    rows: { attribute: false },
    version: { attribute: false },
    sort: { attribute: false },
    selectedId: { attribute: false },
    label: {},
    today: {},
    _isLate: { state: true },
  };

  static override styles = [controls, tableStyles];

  declare columns: readonly ListColumn[];
  declare rows: ListRows;
  /** Counts what has changed in the rows. */
  declare version: number;
  declare sort: ListSort;
  declare selectedId: string | null;
  declare label: string;
  declare today: string;

  /** The first answer takes long enough that rows to come are drawn in its place. */
  declare _isLate: boolean;
  #lateness: ReturnType<typeof setTimeout> | undefined;
  #window: RowWindow = { first: 0, last: -1 };
  #viewPx = 640;
  #widthPx = 960;
  /** Those of the columns that there is room for. */
  #fitting: readonly ListColumn[] = [];
  /** What is seen at the top, and where it stood. */
  #top: { readonly id: string; readonly index: number } | null = null;
  #active = -1;
  #activeId: string | null = null;
  readonly #sizes = new ResizeObserver(() => this.#measure());

  constructor() {
    super();
    this.columns = [];
    this.version = 0;
    this.selectedId = null;
    this.label = '';
    this.today = '';
    this._isLate = false;
  }

  override disconnectedCallback(): void {
    this.#sizes.disconnect();
    clearTimeout(this.#lateness);
    super.disconnectedCallback();
  }

  /** Shows the rows from the top, as another list's have to be. */
  scrollToTop(): void {
    this.#active = -1;
    this.#activeId = null;
    this.#grid?.scrollTo({ top: 0 });
    this.#move();
  }

  override focus(): void {
    this.#grid?.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    this.#fitting = fittingColumns(this.columns, this.#widthPx, this.sort.column);
    if (!changed.has('version') && !changed.has('_isLate')) return;
    // A record keeps the keyboard's place wherever it now stands.
    const index = this.#activeId === null ? -1 : this.rows.indexOf(this.#activeId);
    if (index >= 0) this.#active = index;
    this.#active = Math.min(this.#active, this.#total - 1);
    if (this.#activeId === null) this.#arrive();
    if (this.#grid?.matches(':focus')) this.#begin();
    this.#window = rowWindow((this.#grid?.scrollTop ?? 0) + this.#shiftPx, this.#viewPx, this.#total);
  }

  /** How far what was at the top has moved because rows came or went above it; it stays where it is seen. */
  get #shiftPx(): number {
    const index = this.#top === null || !this.#grid?.scrollTop ? -1 : this.rows.indexOf(this.#top.id);
    return index < 0 || !this.#top ? 0 : (index - this.#top.index) * rowPx;
  }

  /** The keyboard was ahead of the rows; now its row may be here. */
  #arrive(): void {
    this.#activeId = this.rows.row(this.#active)?.id ?? null;
    if (this.#activeId !== null) this.#send('row-move', this.#activeId);
  }

  protected override firstUpdated(): void {
    if (this.#grid) this.#sizes.observe(this.#grid);
    this.#lateness = setTimeout(() => { this._isLate = true; }, lateMs);
  }

  protected override updated(): void {
    const grid = this.#grid;
    if (!grid) return;
    layOutList(grid, this.#fitting, this.#total);
    const shiftPx = this.#shiftPx;
    if (shiftPx !== 0) grid.scrollTop += shiftPx;
    this.#keepTop();
  }

  #keepTop(): void {
    const index = Math.floor((this.#grid?.scrollTop ?? 0) / rowPx);
    const id = this.rows.row(index)?.id;
    this.#top = id === undefined ? null : { id, index };
  }

  get #grid(): HTMLElement | null {
    return this.renderRoot.querySelector('.grid');
  }

  /** Where it is not known how many there are, as many as there is room for. */
  get #total(): number {
    return this.rows.total ?? (this._isLate ? Math.floor(this.#viewPx / rowPx) : 0);
  }

  #measure(): void {
    const { clientHeight = 0, clientWidth = 0 } = this.#grid ?? {};
    const viewPx = clientHeight - rowPx;
    if (viewPx <= 0 || (viewPx === this.#viewPx && clientWidth === this.#widthPx)) return;
    this.#viewPx = viewPx;
    this.#widthPx = clientWidth;
    this.#move();
    this.requestUpdate();
  }

  /** Draws what is in view now, and asks for what is not here. */
  #move(): void {
    const scrollPx = this.#grid?.scrollTop ?? 0;
    const first = Math.floor(scrollPx / rowPx);
    if (this.rows.total !== null) this.rows.need(first, first + Math.ceil(this.#viewPx / rowPx));
    const next = rowWindow(scrollPx, this.#viewPx, this.#total);
    this.#keepTop();
    if (next.first === this.#window.first && next.last === this.#window.last) return;
    this.#window = next;
    this.requestUpdate();
  }

  #key(event: KeyboardEvent): void {
    if (event.target !== this.#grid || event.ctrlKey || event.altKey || event.metaKey) return;
    const row = this.rows.row(this.#active);
    if (event.key === 'Enter' || event.key === ' ') {
      if (row) this.#send('row-open', row.id);
    } else {
      const index = rowAfterKey(event.key, this.#active, this.rows.total ?? 0, this.#viewPx);
      if (index === null || index < 0) return;
      this.#goTo(index);
    }
    event.preventDefault();
  }

  #goTo(index: number): void {
    this.#active = index;
    const grid = this.#grid;
    if (grid) grid.scrollTop = scrollToShow(index, grid.scrollTop, this.#viewPx);
    this.#arrive();
    this.#move();
    this.requestUpdate();
  }

  /** The keyboard's first row: the selected one where it is here, or the first in view. */
  #begin(): void {
    if (this.#active >= 0 || this.#total === 0) return;
    const selected = this.selectedId === null ? -1 : this.rows.indexOf(this.selectedId);
    this.#active = selected >= 0 ? selected : Math.ceil((this.#grid?.scrollTop ?? 0) / rowPx);
    this.#activeId = this.rows.row(this.#active)?.id ?? null;
    this.requestUpdate();
  }

  #open(index: number): void {
    const row = this.rows.row(index);
    if (!row) return;
    this.#active = index;
    this.#activeId = row.id;
    this.#send('row-open', row.id);
    this.requestUpdate();
  }

  #send(name: 'sort' | 'row-open' | 'row-move', detail: string): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #headerCell(column: ListColumn): TemplateResult {
    const isSorted = this.sort.column === column.name;
    const direction = this.sort.descending ? 'descending' : 'ascending';
    return html`<div role="columnheader" class="cell ${column.isNumber ? 'number' : ''}" aria-colindex=${column.position}
      aria-sort=${isSorted ? direction : nothing}>
      ${column.isSortable ? html`<button class="sort" @click=${() => this.#send('sort', column.name)}>
        <span>${column.title}</span>${isSorted ? icon(this.sort.descending ? 'sortDown' : 'sortUp') : nothing}
      </button>` : column.title}
    </div>`;
  }

  /** One template for every row, there or not: scrolling changes texts and makes no elements. */
  #row(index: number | null): TemplateResult {
    const row = index === null ? undefined : this.rows.row(index);
    return html`<div role="row" class="row ${index === this.#active ? 'active' : ''} ${row ? '' : 'waiting'}" ?hidden=${index === null}
      id=${index === null ? nothing : `row-${index}`} aria-rowindex=${index === null ? nothing : index + 2}
      aria-selected=${row !== undefined && row.id === this.selectedId ? 'true' : 'false'}
      data-index=${index ?? nothing} @click=${() => index !== null && this.#open(index)}
    >${this.#fitting.map((column) => listCell(column, row, this.today))}</div>`;
  }

  override render(): TemplateResult {
    const { total } = this.rows;
    const { first, last } = this.#window;
    const isActiveDrawn = this.#active >= first && this.#active <= last;
    return html`
      <div class="grid" role="grid" tabindex="0" aria-label=${this.label} aria-rowcount=${total === null ? -1 : total + 1}
        aria-colcount=${this.columns.length} aria-busy=${total === null ? 'true' : 'false'}
        aria-activedescendant=${isActiveDrawn ? `row-${this.#active}` : nothing}
        @scroll=${this.#move} @keydown=${this.#key} @focus=${this.#begin}
      >
        <div role="rowgroup" class="head">
          <div role="row" class="row" aria-rowindex="1">${this.#fitting.map((column) => this.#headerCell(column))}</div>
        </div>
        <div role="rowgroup" class="sheet">${assignRows(this.#window, poolSize(this.#viewPx)).map((index) => this.#row(index))}</div>
      </div>`;
  }
}

customElements.define('invoify-list-table', InvoifyListTable);
