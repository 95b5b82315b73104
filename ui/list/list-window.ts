// The arithmetic of a list that draws only what is in view: rows of one height, and a handful of elements that are used
// over and over.

export const rowPx = 32;
/** Rows drawn beyond each edge, so that a frame that comes late shows rows and not a gap. */
const overscan = 12;

export interface RowWindow {
  /** The first and the last row to draw; the last is before the first where there is none. */
  readonly first: number;
  readonly last: number;
}

/** The rows in view, and some around them. */
export function rowWindow(scrollPx: number, viewPx: number, total: number): RowWindow {
  const first = Math.max(0, Math.floor(scrollPx / rowPx) - overscan);
  const last = Math.min(total - 1, Math.ceil((scrollPx + viewPx) / rowPx) + overscan);
  return { first: Math.min(first, Math.max(0, last)), last };
}

/** How many elements hold any window of a view of this height. */
export function poolSize(viewPx: number): number {
  return Math.ceil(viewPx / rowPx) + 2 * overscan + 2;
}

/**
 * The row that each of `pool` elements draws. A row keeps its element as long as it is drawn, so scrolling by one row
 * changes one element. An element without a row has null.
 */
export function assignRows({ first, last }: RowWindow, pool: number): readonly (number | null)[] {
  const base = first - (first % pool);
  return Array.from({ length: pool }, (_, element) => {
    const index = base + element < first ? base + pool + element : base + element;
    return index <= last ? index : null;
  });
}

/** Where to scroll so that a row is wholly in view, moving as little as possible. */
export function scrollToShow(index: number, scrollPx: number, viewPx: number): number {
  const top = index * rowPx;
  if (top < scrollPx) return top;
  return Math.max(scrollPx, top + rowPx - viewPx);
}

/** The row that a key leads to from `index` (-1: none yet), or null for any other key. */
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
