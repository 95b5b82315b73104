// The report's bars: twelve months, drawn in SVG and stretched to the available width; the months below and the amounts, which
// screen readers read, are text.

import { css, html, nothing, svg, type TemplateResult } from 'lit';

import { formatMoney, formatMonth, formatMonthName } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { bars, type Months } from './report-state.ts';

/** Units of the drawing: each month is this wide, and a bar leaves the rest between two. */
const month = { width: 10, bar: 6 } as const;

export const chartStyles = css`
  .chart svg { display: block; inline-size: 100%; block-size: 140px; overflow: visible; }
  .chart rect { fill: var(--color-control); }
  .chart rect.shown { fill: color-mix(in srgb, var(--color-accent) 75%, var(--color-surface)); }
  .chart line { stroke: var(--color-control); vector-effect: non-scaling-stroke; }
  .scale { min-block-size: var(--space-5); color: var(--color-muted); font-size: var(--text-small); font-variant-numeric: tabular-nums; }
  .chart ol { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); margin: var(--space-1) 0 0; padding: 0; list-style: none; }
  .chart li { position: relative; overflow: hidden; color: var(--color-muted); font-size: var(--text-small); text-align: center; }

  @media (forced-colors: active) {
    .chart rect { fill: GrayText; }
    .chart rect.shown { fill: CanvasText; }
    .chart line { stroke: CanvasText; }
  }
`;

export function reportChart(
  months: readonly string[], amounts: readonly (number | null)[], currency: string, shown: Months,
): TemplateResult {
  const { zero, bars: drawn } = bars(amounts);
  const known = amounts.map((amount) => amount ?? 0);
  const [max, min] = [Math.max(...known), Math.min(...known)];
  const textOf = (index: number): string =>
    t('report.chartMonth', { month: formatMonth(months[index] ?? ''), amount: formatMoney(amounts[index] ?? null, currency) });
  return html`<div class="chart">
    <div class="scale" aria-hidden="true">${max > 0 ? formatMoney(max, currency) : nothing}</div>
    <svg viewBox="0 0 ${month.width * months.length} 100" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      ${drawn.map(({ top, height }, index) => svg`<rect class=${isIn(months[index], shown) ? 'shown' : ''}
        x=${index * month.width + (month.width - month.bar) / 2} y=${top} width=${month.bar} height=${height}>
        <title>${textOf(index)}</title></rect>`)}
      <line x1="0" x2=${month.width * months.length} y1=${zero} y2=${zero}></line>
    </svg>
    ${min < 0 ? html`<div class="scale" aria-hidden="true">${formatMoney(min, currency)}</div>` : nothing}
    <ol>${months.map((name, index) => html`<li title=${textOf(index)}><span aria-hidden="true">${formatMonthName(name)}</span>
      <span class="visually-hidden">${textOf(index)}</span></li>`)}</ol>
  </div>`;
}

function isIn(name: string | undefined, { from, to }: Months): boolean {
  return name !== undefined && name >= from && name <= to;
}
