// Where the drawn rows of a virtually scrolled list are, and how wide their cells.

import { minWidthPx, type ListColumn } from './list-columns.ts';
import { rowPx } from './virtual-rows.ts';

/** Positions the drawn rows. Sets properties of `style`, because the content security policy forbids the attribute. */
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
