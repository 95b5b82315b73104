// A virtually scrolled grid. Only rows in view have elements, positioned on a sheet as tall as all rows; ListRows fetches
// the others as they scroll into view. The keyboard's row is the grid's active descendant: focus stays on the grid, so it
// is not lost when the row scrolls away. The column headings are one tab stop, with arrow keys from one to the next.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import type { ListRow, ListSort } from '../../shared/window/views.ts';
import { controls } from '../base/controls.ts';
import { icon } from '../base/icons.ts';
import { fittingColumns, type Cell, type ListColumn } from './list-columns.ts';
import type { ListRows } from './list-rows.ts';
import type { RowPick } from './row-selection.ts';
import { assignRows, layOut, poolSize, rowAfterKey, rowPx, rowWindow, scrollToShow, type RowWindow } from './virtual-rows.ts';

/** Where on the screen the menu of a row is asked for. */
export interface RowMenu {
  readonly row: ListRow;
  readonly x: number;
  readonly y: number;
}

/** How long the first page may take before placeholders are drawn. */
const placeholderDelayMs = 150;

/**
 * @fires sort - the user chose a column to sort by: its name
 * @fires row-open - the user opened a row: its id
 * @fires row-enter - Enter or the right arrow on the selected row: its id
 * @fires row-move - the keyboard moved to a row: its id
 * @fires row-pick - the user selects rows: a RowPick
 * @fires row-menu - the user asks for a row's menu: a RowMenu
 */
export class InvoifyListTable extends LitElement {
  static override properties = {
    columns: { attribute: false },
    kept: { attribute: false },
    rows: { attribute: false },
    version: { attribute: false },
    sort: { attribute: false },
    selectedId: { attribute: false },
    picked: { attribute: false },
    label: {},
    today: {},
    _showPlaceholders: { state: true },
  };

  static override styles = [controls, css`
    :host { display: block; position: relative; min-block-size: 0; }
    .grid { position: absolute; inset: 0; overflow: auto; contain: strict; background: var(--color-surface); scrollbar-gutter: stable;
      /* The rows keep their places here; what the browser would add for elements that are reused is wrong. */
      overflow-anchor: none; }
    .grid:focus-visible { outline: none; }
    .grid[aria-busy='false']:focus-visible:not([aria-activedescendant]) .head { outline: var(--focus); outline-offset: -2px; }
    .row { display: grid; align-items: center; block-size: var(--size-row); padding-inline: var(--space-2); }
    .head {
      position: sticky;
      inset-block-start: 0;
      z-index: 1;
      background: var(--color-surface);
      border-block-end: 1px solid var(--color-line);
      color: var(--color-muted);
      font-size: var(--text-small);
    }
    .sheet { position: relative; contain: strict; overflow: clip; }
    .sheet > .row {
      position: absolute;
      inset-block-start: 0;
      inset-inline: 0;
      border-block-end: 1px solid var(--color-line);
      contain: strict;
      cursor: default;
      user-select: none;
    }
    .sheet > .row:hover { background: var(--color-hover); }
    .sheet > .row[aria-selected='true'] { background: var(--color-selected); }
    .grid:focus-visible .row.active { outline: var(--focus); outline-offset: -2px; border-radius: var(--radius-small); }
    .cell { min-inline-size: 0; padding-inline: var(--space-2); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .cell.number { justify-self: stretch; }
    .cell.number { padding-inline-start: var(--space-1); }
    /* A badge has its own end. */
    .cell.state { padding-inline-end: 0; text-overflow: clip; }
    .cell.date { padding-inline-end: var(--space-1); }
    .cell .badge { vertical-align: 1px; }
    [aria-selected='true'] .badge:is([data-tone='info'], [data-tone='plain']) { background: var(--color-surface); }
    .cell.muted { color: var(--color-muted); }
    /* The border is part of the height. */
    .head .row { block-size: calc(var(--size-row) - 1px); }
    .head .cell:has(> .sort) { align-self: stretch; padding-inline: 0; }
    .sort {
      display: flex;
      align-items: center;
      gap: var(--space-half);
      inline-size: 100%;
      block-size: 100%;
      padding: 0 var(--space-2);
      border: 0;
      border-radius: var(--radius-small);
      background: none;
      cursor: default;
    }
    /* Two lines fit. */
    .head .cell { white-space: normal; line-height: 14px; hyphens: manual; }
    .sort { text-align: inherit; }
    .sort > span { min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; }
    .sort:hover, [aria-sort] .sort { color: var(--color-text); }
    .sort .icon { inline-size: 12px; block-size: 12px; }
    .number .sort { flex-direction: row-reverse; }
    .date .sort { text-wrap: balance; }
    .date .sort .icon { vertical-align: -2px; }
    .sort:focus-visible { outline-offset: -2px; }
    .bar { display: block; inline-size: 60%; block-size: 8px; border-radius: var(--radius-small); background: var(--color-skeleton); }
    .number .bar { margin-inline-start: auto; }
    .waiting { animation: appear 120ms 150ms backwards; }
    @keyframes appear { from { opacity: 0; } }
    @media (prefers-reduced-motion: reduce) { .waiting { animation-duration: 1ms; } }
    @media (forced-colors: active) {
      .bar { background: GrayText; }
      .sheet > .row[aria-selected='true'] { outline: 2px solid Highlight; outline-offset: -2px; }
    }
  `];

  declare columns: readonly ListColumn[];
  /** The columns that are shown however narrow the list is, besides the sorted one. */
  declare kept: readonly string[];
  declare rows: ListRows;
  /** Incremented whenever `rows` changes. */
  declare version: number;
  declare sort: ListSort;
  declare selectedId: string | null;
  /** The selected rows, by id, if something is to be done with several. */
  declare picked: ReadonlyMap<string, ListRow>;
  declare label: string;
  declare today: string;

  /** The first page is slow enough for placeholders to be drawn. */
  declare _showPlaceholders: boolean;
  #placeholderTimer: ReturnType<typeof setTimeout> | undefined;
  #window: RowWindow = { first: 0, last: -1 };
  #viewPx = 640;
  #widthPx = 960;
  /** The columns that fit. */
  #fitting: readonly ListColumn[] = [];
  /** The topmost visible record and its index when it was last drawn. */
  #top: { readonly id: string; readonly index: number } | null = null;
  /** The column whose heading is the tab stop; null for the sorted one. */
  #headStop: string | null = null;
  #active = -1;
  #activeId: string | null = null;
  readonly #resizeObserver = new ResizeObserver(() => this.#measure());

  constructor() {
    super();
    this.columns = [];
    this.kept = [];
    this.version = 0;
    this.selectedId = null;
    this.picked = new Map();
    this.label = '';
    this.today = '';
    this._showPlaceholders = false;
  }

  override disconnectedCallback(): void {
    this.#resizeObserver.disconnect();
    clearTimeout(this.#placeholderTimer);
    super.disconnectedCallback();
  }

  /** Scrolls to the top and forgets the active row, for a different list; the first row is active if the list has the focus. */
  scrollToTop(): void {
    this.#active = -1;
    this.#activeId = null;
    this.#grid?.scrollTo({ top: 0 });
    this.#updateWindow();
    if (this.#grid?.matches(':focus')) this.#activateFirst();
  }

  override focus(): void {
    this.#grid?.focus();
  }

  /** Focuses the list, on the row of this record if it is loaded. */
  focusRecord(id: string): void {
    const index = this.rows.indexOf(id);
    if (index >= 0) this.#goTo(index);
    this.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    this.#fitting = fittingColumns(this.columns, this.#widthPx, [this.sort.column, ...this.kept]);
    if (!changed.has('version') && !changed.has('_showPlaceholders')) return;
    // The active record stays active wherever it has moved to.
    const index = this.#activeId === null ? -1 : this.rows.indexOf(this.#activeId);
    if (index >= 0) this.#active = index;
    this.#active = Math.min(this.#active, this.#total - 1);
    if (this.#activeId === null) this.#activateLoadedRow();
    if (this.#grid?.matches(':focus')) this.#activateFirst();
    this.#window = rowWindow((this.#grid?.scrollTop ?? 0) + this.#shiftPx, this.#viewPx, this.#total);
  }

  /** How far the topmost record has moved because rows were inserted or removed above it; scrolling compensates. */
  get #shiftPx(): number {
    const index = this.#top === null || !this.#grid?.scrollTop ? -1 : this.rows.indexOf(this.#top.id);
    return index < 0 || !this.#top ? 0 : (index - this.#top.index) * rowPx;
  }

  /** The keyboard can move ahead of loaded rows; the active row may have loaded now. */
  #activateLoadedRow(): void {
    this.#activeId = this.rows.row(this.#active)?.id ?? null;
    if (this.#activeId !== null) this.#send('row-move', this.#activeId);
  }

  protected override firstUpdated(): void {
    if (this.#grid) this.#resizeObserver.observe(this.#grid);
    this.#placeholderTimer = setTimeout(() => { this._showPlaceholders = true; }, placeholderDelayMs);
  }

  protected override updated(): void {
    const grid = this.#grid;
    if (!grid) return;
    layOut(grid, this.#fitting, this.#total);
    const shiftPx = this.#shiftPx;
    if (shiftPx !== 0) grid.scrollTop += shiftPx;
    this.#rememberTop();
  }

  #rememberTop(): void {
    const index = Math.floor((this.#grid?.scrollTop ?? 0) / rowPx);
    const id = this.rows.row(index)?.id;
    this.#top = id === undefined ? null : { id, index };
  }

  get #grid(): HTMLElement | null {
    return this.renderRoot.querySelector('.grid');
  }

  /** While the total is unknown, as many placeholders as fit. */
  get #total(): number {
    return this.rows.total ?? (this._showPlaceholders ? Math.floor(this.#viewPx / rowPx) : 0);
  }

  #measure(): void {
    const { clientHeight = 0, clientWidth = 0 } = this.#grid ?? {};
    const viewPx = clientHeight - rowPx;
    if (viewPx <= 0 || (viewPx === this.#viewPx && clientWidth === this.#widthPx)) return;
    this.#viewPx = viewPx;
    this.#widthPx = clientWidth;
    this.#updateWindow();
    this.requestUpdate();
  }

  /** Draws the rows in view and requests the missing ones. */
  #updateWindow(): void {
    const scrollPx = this.#grid?.scrollTop ?? 0;
    const first = Math.floor(scrollPx / rowPx);
    if (this.rows.total !== null) this.rows.setView(first, first + Math.ceil(this.#viewPx / rowPx));
    const next = rowWindow(scrollPx, this.#viewPx, this.#total);
    this.#rememberTop();
    if (next.first === this.#window.first && next.last === this.#window.last) return;
    this.#window = next;
    this.requestUpdate();
  }

  #onKeydown(event: KeyboardEvent): void {
    if (event.target !== this.#grid) return;
    if (this.#pickByKey(event)) return event.preventDefault();
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const row = this.rows.row(this.#active);
    const isSelected = row !== undefined && row.id === this.selectedId;
    if (event.key === 'Enter' || event.key === ' ') {
      if (row) this.#send(isSelected ? 'row-enter' : 'row-open', row.id);
    } else if (event.key === 'ArrowRight') {
      if (isSelected) this.#send('row-enter', row.id);
    } else {
      const index = rowAfterKey(event.key, this.#active, this.rows.total ?? 0, this.#viewPx);
      if (index === null || index < 0) return;
      this.#goTo(index);
    }
    event.preventDefault();
  }

  /** Shift with a key that moves, Ctrl+Space, Ctrl+A, Esc, and the keys of the menu. Returns whether it was one of them. */
  #pickByKey(event: KeyboardEvent): boolean {
    const { key, shiftKey, altKey } = event;
    const isControl = event.ctrlKey || event.metaKey;
    const index = shiftKey && !isControl && !altKey ? rowAfterKey(key, this.#active, this.rows.total ?? 0, this.#viewPx) : null;
    if (index !== null && index >= 0) {
      // Before it moves: the range begins where the keyboard was.
      if (this.picked.size === 0) this.#pick('toggle', Math.max(0, this.#active));
      this.#goTo(index);
      this.#pick('range', index);
    } else if (key === 'ContextMenu' || (key === 'F10' && shiftKey)) {
      const row = this.renderRoot.querySelector(`#row-${this.#active}`)?.getBoundingClientRect();
      if (row) this.#openMenu(this.#active, row.left + rowPx, row.bottom);
    } else if (isControl && !altKey && key === ' ') {
      if (this.#active >= 0) this.#pick('toggle', this.#active);
    } else if (isControl && !altKey && !shiftKey && key.toLowerCase() === 'a') {
      this.#pick('all', this.#active);
    } else if (key === 'Escape' && this.picked.size > 0) {
      event.stopPropagation();
      this.#pick('none', this.#active);
    } else {
      return false;
    }
    return true;
  }

  #pick(how: RowPick['how'], index: number): void {
    this.dispatchEvent(new CustomEvent<RowPick>('row-pick', { detail: { how, index } }));
  }

  #onContextMenu(event: MouseEvent): void {
    event.preventDefault();
    const row = event.composedPath().find((target) => target instanceof HTMLElement && target.dataset['index'] !== undefined);
    if (row) this.#openMenu(Number((row as HTMLElement).dataset['index']), event.clientX, event.clientY);
  }

  #openMenu(index: number, x: number, y: number): void {
    const row = this.rows.row(index);
    if (!row) return;
    this.#active = index;
    this.#activeId = row.id;
    this.requestUpdate();
    this.dispatchEvent(new CustomEvent<RowMenu>('row-menu', { detail: { row, x, y } }));
  }

  #goTo(index: number): void {
    this.#active = index;
    const grid = this.#grid;
    if (grid) grid.scrollTop = scrollToShow(index, grid.scrollTop, this.#viewPx);
    this.#activateLoadedRow();
    this.#updateWindow();
    this.requestUpdate();
  }

  /** Activates the selected row if it is loaded, else the first one in view. */
  #activateFirst(): void {
    if (this.#active >= 0 || this.#total === 0) return;
    const selected = this.selectedId === null ? -1 : this.rows.indexOf(this.selectedId);
    this.#active = selected >= 0 ? selected : Math.ceil((this.#grid?.scrollTop ?? 0) / rowPx);
    this.#activeId = this.rows.row(this.#active)?.id ?? null;
    this.requestUpdate();
  }

  #onClick(event: MouseEvent, index: number): void {
    const row = this.rows.row(index);
    if (!row) return;
    // A range begins where the keyboard was.
    if (event.shiftKey && this.picked.size === 0) this.#pick('toggle', Math.max(0, this.#active));
    this.#active = index;
    this.#activeId = row.id;
    this.requestUpdate();
    if (event.shiftKey) return this.#pick('range', index);
    if (event.ctrlKey || event.metaKey) return this.#pick('toggle', index);
    if (this.picked.size > 0) this.#pick('none', index);
    this.#send('row-open', row.id);
  }

  #onHeadKeydown(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const buttons = [...this.renderRoot.querySelectorAll<HTMLElement>('.sort')];
    buttons[buttons.findIndex((button) => button === event.target) + step]?.focus();
  }

  #onHeadFocus(event: FocusEvent): void {
    this.#headStop = (event.target as HTMLElement).dataset['column'] ?? null;
    this.requestUpdate();
  }

  get #tabStop(): string | undefined {
    const sortable = this.#fitting.filter(({ isSortable }) => isSortable);
    return (sortable.find(({ name }) => name === (this.#headStop ?? this.sort.column)) ?? sortable[0])?.name;
  }

  #send(name: 'sort' | 'row-open' | 'row-enter' | 'row-move', detail: string): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #headerCell(column: ListColumn): TemplateResult {
    const isSorted = this.sort.column === column.name;
    const direction = this.sort.descending ? 'descending' : 'ascending';
    const arrow = isSorted ? icon(this.sort.descending ? 'sortDown' : 'sortUp') : nothing;
    const spoken = column.heading === column.title ? nothing : column.title;
    return html`<div role="columnheader" class="cell ${lookOf(column)}" aria-colindex=${column.position} aria-label=${spoken}
      aria-sort=${isSorted ? direction : nothing}>
      ${column.isSortable ? html`<button class="sort" data-column=${column.name} tabindex=${column.name === this.#tabStop ? 0 : -1}
        aria-label=${spoken} @click=${() => this.#send('sort', column.name)}>
        <span>${column.heading}${column.isDate ? arrow : nothing}</span>${column.isDate ? nothing : arrow}
      </button>` : column.heading}
    </div>`;
  }

  #isSelected(id: string): boolean {
    return this.picked.size === 0 ? id === this.selectedId : this.picked.has(id);
  }

  /** One template for loaded and unloaded rows, so that scrolling creates no elements. */
  #row(index: number | null): TemplateResult {
    const row = index === null ? undefined : this.rows.row(index);
    return html`<div role="row" class="row ${index === this.#active ? 'active' : ''} ${row ? '' : 'waiting'}" ?hidden=${index === null}
      id=${index === null ? nothing : `row-${index}`} aria-rowindex=${index === null ? nothing : index + 2}
      aria-selected=${row !== undefined && this.#isSelected(row.id) ? 'true' : 'false'}
      data-index=${index ?? nothing} @click=${(event: MouseEvent) => index !== null && this.#onClick(event, index)}
    >${this.#fitting.map((column) => listCell(column, row, this.today))}</div>`;
  }

  override render(): TemplateResult {
    const { total } = this.rows;
    const { first, last } = this.#window;
    const isActiveDrawn = this.#active >= first && this.#active <= last;
    return html`
      <div class="grid" role="grid" tabindex="0" aria-multiselectable="true" aria-label=${this.label}
        aria-rowcount=${total === null ? -1 : total + 1}
        aria-colcount=${this.columns.length} aria-busy=${total === null ? 'true' : 'false'}
        aria-activedescendant=${isActiveDrawn ? `row-${this.#active}` : nothing}
        @scroll=${this.#updateWindow} @keydown=${this.#onKeydown} @focus=${this.#activateFirst}
      >
        <div role="rowgroup" class="head" @keydown=${this.#onHeadKeydown} @focusin=${this.#onHeadFocus}>
          <div role="row" class="row" aria-rowindex="1">${this.#fitting.map((column) => this.#headerCell(column))}</div>
        </div>
        <div role="rowgroup" class="sheet" @contextmenu=${this.#onContextMenu}
        >${assignRows(this.#window, poolSize(this.#viewPx)).map((index) => this.#row(index))}</div>
      </div>`;
  }
}

/** A cell. Every value uses the same elements, so that scrolling changes text only. `row`: undefined while it loads. */
function listCell(column: ListColumn, row: ListRow | undefined, today: string): TemplateResult {
  const { text, badge, isMuted }: Cell = row ? column.cell(row, today) : { text: '' };
  const look = !row ? 'bar' : badge === undefined ? '' : 'badge';
  return html`<div role="gridcell" class="cell ${lookOf(column)} ${isMuted ? 'muted' : ''} ${badge === undefined ? '' : 'state'}"
    aria-colindex=${column.position} dir="auto"
    title=${text.length > 16 ? text : nothing}><span class=${look} data-tone=${badge ?? nothing}>${text}</span></div>`;
}

function lookOf({ isNumber, isDate }: ListColumn): string {
  return isNumber ? 'number' : isDate ? 'date' : '';
}

customElements.define('invoify-list-table', InvoifyListTable);
