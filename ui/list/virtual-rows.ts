// Virtual scrolling: rows of one height, drawn by a small pool of elements that is reused.

import { minWidthPx, type ListColumn } from './list-columns.ts';

export const rowPx = 32;
/** Rows drawn beyond each edge, so that a late frame shows rows rather than a gap. */
const overscan = 12;

export interface RowWindow {
  /** The first and last row to draw; `last` is less than `first` if there are none. */
  readonly first: number;
  readonly last: number;
}

/** The rows in view, plus overscan. */
export function rowWindow(scrollPx: number, viewPx: number, total: number): RowWindow {
  const first = Math.max(0, Math.floor(scrollPx / rowPx) - overscan);
  const last = Math.min(total - 1, Math.ceil((scrollPx + viewPx) / rowPx) + overscan);
  return { first: Math.min(first, Math.max(0, last)), last };
}

/** How many elements suffice for any window of this height. */
export function poolSize(viewPx: number): number {
  return Math.ceil(viewPx / rowPx) + 2 * overscan + 2;
}

/**
 * The row drawn by each of `pool` elements, or null for an unused one. A row keeps its element for as long as it is
 * drawn, so scrolling by one row changes one element.
 */
export function assignRows({ first, last }: RowWindow, pool: number): readonly (number | null)[] {
  const base = first - (first % pool);
  return Array.from({ length: pool }, (_, element) => {
    const index = base + element < first ? base + pool + element : base + element;
    return index <= last ? index : null;
  });
}

/** The nearest scroll position at which a row is fully visible. */
export function scrollToShow(index: number, scrollPx: number, viewPx: number): number {
  const top = index * rowPx;
  if (top < scrollPx) return top;
  return Math.max(scrollPx, top + rowPx - viewPx);
}

/** The row that a key moves to from `index` (-1 for none), or null for any other key. */
export function rowAfterKey(key: string, index: number, total: number, viewPx: number): number | null {
  const step = Math.max(1, Math.floor(viewPx / rowPx) - 1);
  const clamp = (row: number): number => Math.max(0, Math.min(total - 1, row));
  switch (key) {
    case 'ArrowDown': return clamp(index + 1);
    case 'ArrowUp': return clamp(index < 0 ? 0 : index - 1);
    case 'PageDown': return clamp(index + step);
    case 'PageUp': return clamp(index - step);
    case 'Home': return clamp(0);
    case 'End': return clamp(total - 1);
    default: return null;
  }
}

/**
 * Positions the drawn rows, and gives their cells the columns' widths. Sets properties of `style`, because the content security
 * policy forbids the attribute.
 */
export function layOut(grid: HTMLElement, columns: readonly ListColumn[], total: number): void {
  const tracks = columns.map(({ track }) => track).join(' ');
  const sheet = grid.querySelector<HTMLElement>('.sheet');
  setStyle(sheet, 'block-size', `${total * rowPx}px`);
  for (const part of [sheet, grid.querySelector<HTMLElement>('.head')]) setStyle(part, 'min-inline-size', `${minWidthPx(columns)}px`);
  for (const row of grid.querySelectorAll<HTMLElement>('.row')) {
    setStyle(row, 'grid-template-columns', tracks);
    const index = row.dataset['index'];
    if (index !== undefined) setStyle(row, 'transform', `translateY(${Number(index) * rowPx}px)`);
  }
}

function setStyle(element: HTMLElement | null, name: string, value: string): void {
  if (element && element.style.getPropertyValue(name) !== value) element.style.setProperty(name, value);
}
