// Styles of the report: its choices, its chart and its tables.

import { css } from 'lit';

export const reportStyles = css`
  .choices { display: flex; flex-wrap: wrap; gap: var(--space-3) var(--space-4); }
  .choices .field { min-inline-size: 132px; }
  .incomplete { margin: 0; color: var(--color-warn); }
  .none { display: grid; justify-items: center; gap: var(--space-2); padding-block: var(--space-8); text-align: center; }
  .none h2 { margin: 0; }

  figure { margin: 0; min-inline-size: 0; }
  figcaption { display: flex; align-items: center; gap: var(--space-3); min-block-size: var(--size-control);
    margin-block-end: var(--space-3); }
  figcaption h2 { margin: 0; }
  figcaption select.input { inline-size: auto; }
  .chart svg { display: block; inline-size: 100%; block-size: 140px; overflow: visible; }
  .chart rect { fill: var(--color-control); }
  .chart rect.shown { fill: color-mix(in srgb, var(--color-accent) 75%, var(--color-surface)); }
  .chart line { stroke: var(--color-control); vector-effect: non-scaling-stroke; }
  .scale { min-block-size: var(--space-5); color: var(--color-muted); font-size: var(--text-small); font-variant-numeric: tabular-nums; }
  .chart ol { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); margin: var(--space-1) 0 0; padding: 0; list-style: none; }
  .chart li { position: relative; overflow: hidden; color: var(--color-muted); font-size: var(--text-small); text-align: center; }

  .scroll { overflow-x: auto; }
  table { inline-size: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th { font-weight: var(--weight-body); text-align: start; white-space: nowrap; }
  thead th { padding: 0 var(--space-3) var(--space-1) 0; color: var(--color-muted); font-size: var(--text-small); }
  tbody th, td { padding: var(--space-half) var(--space-3) var(--space-half) 0; }
  thead th.number, td.number { text-align: end; white-space: nowrap; }
  th:last-child, td:last-child { padding-inline-end: var(--space-1); }
  tbody tr:first-child > * { border-block-start: 1px solid var(--color-line); }
  tbody th .link { padding-inline: 0; color: var(--color-text); text-decoration: none; }
  tbody th .link:hover { text-decoration: underline; }
  .tax > * { color: var(--color-muted); font-size: var(--text-small); }
  .tax th { padding-inline-start: var(--space-4); }
  .total tr:first-child > * { border-block-start: 1px solid var(--color-control); font-weight: var(--weight-strong); }

  @media (forced-colors: active) {
    .chart rect { fill: GrayText; }
    .chart rect.shown { fill: CanvasText; }
    .chart line { stroke: CanvasText; }
  }
`;
