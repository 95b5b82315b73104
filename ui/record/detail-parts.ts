// The building blocks of every detail view: facts, sections, and their styles.

import { css, html, type TemplateResult } from 'lit';

export const detailStyles = css`
  :host { display: block; }
  section { padding-block: var(--space-4); border-block-start: 1px solid var(--color-line); }
  section:first-of-type { border-block-start: 0; padding-block-start: var(--space-1); }

  h3 {
    margin: 0 0 var(--space-2);
    color: var(--color-muted);
    font-size: var(--text-small);
    font-weight: var(--weight-strong);
  }

  .facts { display: grid; grid-template-columns: 124px minmax(0, 1fr); gap: var(--space-1) var(--space-3); margin: 0; }
  .facts dt { color: var(--color-muted); }
  .facts dd { margin: 0; overflow-wrap: anywhere; }
  .facts .lines { white-space: pre-line; }
  .facts .link { min-block-size: 0; }
  .figure { margin: 0; font-size: var(--text-title); font-weight: var(--weight-strong);
    line-height: var(--line-tight); font-variant-numeric: tabular-nums; }
  .figure-note { margin: 0; color: var(--color-muted); }
  .figure-note.bad { color: var(--color-bad); }
  .quiet { margin: 0; color: var(--color-muted); }
  .text { margin: 0; white-space: pre-line; overflow-wrap: anywhere; }
  .rows { margin: 0; padding: 0; list-style: none; }
  .rows > li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 var(--space-3); padding-block: var(--space-1); }
  .rows .main { overflow-wrap: anywhere; white-space: pre-line; }
  .rows .aside { color: var(--color-muted); font-size: var(--text-small); }
  .amount { font-variant-numeric: tabular-nums; text-align: end; white-space: nowrap; }

  .link { padding: 0; text-align: start; text-decoration-color: transparent; overflow-wrap: anywhere; }
  .link:hover { text-decoration-color: currentColor; }
`;

export type Fact = readonly [label: string, value: string | TemplateResult];

/** A description list of labels and values, without blank values; '' if all are blank. */
export function facts(entries: readonly Fact[]): TemplateResult | string {
  const filled = entries.filter(([, value]) => value !== '');
  if (filled.length === 0) return '';
  return html`<dl class="facts">${filled.map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>`;
}

/** A section with an optional heading; '' if there is no content. */
export function section(title: string, content: TemplateResult | string): TemplateResult | string {
  return content === '' ? '' : html`<section>${title === '' ? '' : html`<h3>${title}</h3>`}${content}</section>`;
}
