// One cell of a list: the same elements whatever stands in it, so that scrolling changes texts and makes no elements.

import { html, nothing, type TemplateResult } from 'lit';

import type { ListRow } from '../../shared/window/views.ts';
import type { Cell, ListColumn } from './list-columns.ts';

/** `row`: undefined until it is here. */
export function listCell(column: ListColumn, row: ListRow | undefined, today: string): TemplateResult {
  const { text, badge, isMuted }: Cell = row ? column.cell(row, today) : { text: '' };
  const look = !row ? 'bar' : badge === undefined ? '' : 'badge';
  return html`<div role="gridcell" class="cell ${column.isNumber ? 'number' : ''} ${isMuted ? 'muted' : ''}"
    aria-colindex=${column.position}
    title=${text.length > 16 ? text : nothing}><span class=${look} data-tone=${badge ?? nothing}>${text}</span></div>`;
}
