// Puts the drawn rows of a list in their places. It goes through each style's own object, for the content security policy
// forbids the attribute.

import { leastWidthPx, type ListColumn } from './list-columns.ts';
import { rowPx } from './list-window.ts';

export function layOutList(grid: HTMLElement, columns: readonly ListColumn[], total: number): void {
  const tracks = columns.map(({ track }) => track).join(' ');
  const sheet = grid.querySelector<HTMLElement>('.sheet');
  setStyle(sheet, 'block-size', `${total * rowPx}px`);
  for (const part of [sheet, grid.querySelector<HTMLElement>('.head')]) setStyle(part, 'min-inline-size', `${leastWidthPx(columns)}px`);
  for (const row of grid.querySelectorAll<HTMLElement>('.row')) {
    setStyle(row, 'grid-template-columns', tracks);
    const index = row.dataset['index'];
    if (index !== undefined) setStyle(row, 'transform', `translateY(${Number(index) * rowPx}px)`);
  }
}

function setStyle(element: HTMLElement | null, name: string, value: string): void {
  if (element && element.style.getPropertyValue(name) !== value) element.style.setProperty(name, value);
}
