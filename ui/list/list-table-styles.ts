// How the grid of a list looks: rows of one height, numbers at the end, what is in view and nothing else laid out.

import { css } from 'lit';

export const tableStyles = css`
  :host { display: block; position: relative; min-block-size: 0; }
  .grid { position: absolute; inset: 0; overflow: auto; contain: strict; background: var(--color-surface); scrollbar-gutter: stable; }
  .grid:focus-visible { outline: none; }
  .grid:focus-visible:not([aria-activedescendant]) .head { outline: var(--focus); outline-offset: -2px; }
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
  .cell .badge { vertical-align: 1px; }
  [aria-selected='true'] .badge:is([data-tone='info'], [data-tone='plain']) { background: var(--color-surface); }
  .cell.muted { color: var(--color-muted); }
  .sort {
    display: inline-flex;
    align-items: center;
    gap: var(--space-half);
    max-inline-size: calc(100% + 2 * var(--space-1));
    min-block-size: var(--size-target);
    margin-inline: calc(-1 * var(--space-1));
    padding: 0 var(--space-1);
    border: 0;
    border-radius: var(--radius-small);
    background: none;
    cursor: default;
  }
  .sort > span { overflow: hidden; text-overflow: ellipsis; }
  .sort:hover, [aria-sort] .sort { color: var(--color-text); }
  [aria-sort] .sort { font-weight: var(--weight-strong); }
  .sort .icon { inline-size: 12px; block-size: 12px; }
  .number .sort { flex-direction: row-reverse; }
  .bar { display: block; inline-size: 60%; block-size: 8px; border-radius: var(--radius-small); background: var(--color-skeleton); }
  .number .bar { margin-inline-start: auto; }
  .waiting { animation: appear 120ms 150ms backwards; }
  @keyframes appear { from { opacity: 0; } }
  @media (prefers-reduced-motion: reduce) { .waiting { animation-duration: 1ms; } }
  @media (forced-colors: active) {
    .bar { background: GrayText; }
    .sheet > .row[aria-selected='true'] { outline: 2px solid Highlight; outline-offset: -2px; }
  }
`;
