// The window's icons: strokes on a 16-unit grid in the current text colour. Hidden from screen readers; the control
// around an icon has the accessible name.

import { svg, html, type SVGTemplateResult, type TemplateResult } from 'lit';

const shapes = {
  invoices: svg`<path d="M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3M5.5 7.5h5M5.5 10h5M5.5 12.5h3"/>`,
  customers: svg`
    <circle cx="6" cy="5.5" r="2.5"/>
    <path d="M1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 3.2a2.5 2.5 0 0 1 0 4.6M12 9.9c1.5.5 2.5 1.8 2.5 3.6"/>`,
  plans: svg`<path d="M8 1.5l6.5 3.2L8 8 1.5 4.7zM1.5 8L8 11.3 14.5 8M1.5 11.3L8 14.5l6.5-3.2"/>`,
  users: svg`
    <rect x="2" y="2.5" width="12" height="11" rx="1.5"/>
    <circle cx="8" cy="6.5" r="1.8"/>
    <path d="M4.5 13.3c0-2 1.5-3.1 3.5-3.1s3.5 1.1 3.5 3.1"/>`,
  company: svg`<path d="M2.5 14.5v-13h7v13M9.5 6h4v8.5M1 14.5h14M5 4.5h2M5 7.5h2M5 10.5h2"/>`,
  report: svg`<path d="M2 13.5h12M4.5 13.5V9M8 13.5v-11M11.5 13.5V6.5"/>`,
  computers: svg`<rect x="1.5" y="2.5" width="13" height="8.5" rx="1.2"/><path d="M8 11v2.5M5 13.5h6"/>`,
  settings: svg`
    <path d="M1.5 4.5h7M12.5 4.5h2M1.5 11.5h2M7.5 11.5h7"/>
    <circle cx="10.5" cy="4.5" r="2"/>
    <circle cx="5.5" cy="11.5" r="2"/>`,
  health: svg`<path d="M1.5 8.5h3l1.8-5 3 9.5 2-4.5h3.2"/>`,
  search: svg`<circle cx="7" cy="7" r="4.5"/><path d="M10.5 10.5L14 14"/>`,
  filter: svg`<path d="M2 4h12M4.5 8h7M6.5 12h3"/>`,
  refresh: svg`<path d="M13.5 8A5.5 5.5 0 1 1 11.8 4M13.5 1.8v3.2h-3.2"/>`,
  plus: svg`<path d="M8 3v10M3 8h10"/>`,
  close: svg`<path d="M3.5 3.5l9 9M12.5 3.5l-9 9"/>`,
  down: svg`<path d="M4 6l4 4 4-4"/>`,
  up: svg`<path d="M4 10l4-4 4 4"/>`,
  left: svg`<path d="M10 3.5L5.5 8l4.5 4.5"/>`,
  right: svg`<path d="M6 3.5L10.5 8 6 12.5"/>`,
  sortUp: svg`<path d="M8 13V3.5M4.5 7L8 3.5 11.5 7"/>`,
  sortDown: svg`<path d="M8 3v9.5M4.5 9L8 12.5 11.5 9"/>`,
  calendar: svg`<rect x="2" y="3" width="12" height="11" rx="1.5"/><path d="M2 6.5h12M5.5 1.5V4M10.5 1.5V4"/>`,
  download: svg`<path d="M8 2v8M4.8 7L8 10.2 11.2 7M2.5 13.5h11"/>`,
  print: svg`<path d="M4.5 6V2h7v4M4.5 12h-2.5V6.5h12V12h-2.5M4.5 9.5h7v5h-7z"/>`,
  edit: svg`<path d="M2.5 13.5l.7-3L10.5 3.2l2.3 2.3L5.5 12.8zM9 4.7L11.3 7"/>`,
  trash: svg`<path d="M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.6 9.5h6.8L12 4.5M6.7 7v4.5M9.3 7v4.5"/>`,
  credit: svg`<path d="M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3M5.5 9.5h5"/>`,
  payment: svg`<rect x="1.5" y="3.5" width="13" height="9" rx="1.5"/><path d="M1.5 6.5h13M4 10h3"/>`,
  ban: svg`<circle cx="8" cy="8" r="6"/><path d="M3.8 3.8l8.4 8.4"/>`,
  copy: svg`
    <rect x="5.5" y="5.5" width="8.5" height="8.5" rx="1.5"/>
    <path d="M10.5 5.5V3A1 1 0 0 0 9.5 2H3A1 1 0 0 0 2 3v6.5a1 1 0 0 0 1 1h2.5"/>`,
  pdf: svg`<path d="M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3M8 6.5v5M5.8 9.3L8 11.5l2.2-2.2"/>`,
  mail: svg`<path d="M1.5 3.5h13v9h-13zM1.5 4.5L8 9l6.5-4.5"/>`,
  warn: svg`<path d="M8 2L14.5 13.5h-13zM8 6.5v3.2M8 11.6v.2"/>`,
  info: svg`<circle cx="8" cy="8" r="6"/><path d="M8 7.3v3.7M8 5v.2"/>`,
  check: svg`<path d="M3 8.5L6.5 12 13 4.5"/>`,
  offline: svg`<path d="M2 2l12 12M4.7 12.5A3 3 0 0 1 4.5 6.5M6.5 4A4 4 0 0 1 11.5 7a2.7 2.7 0 0 1 1.9 4.6"/>`,
  lock: svg`<rect x="3" y="7" width="10" height="7" rx="1.5"/><path d="M5 7V5a3 3 0 0 1 6 0v2"/>`,
  more: svg`
    <g fill="currentColor" stroke="none">
      <circle cx="3" cy="8" r="1.5"/><circle cx="8" cy="8" r="1.5"/><circle cx="13" cy="8" r="1.5"/>
    </g>`,
  folder: svg`<path d="M1.5 12.5v-9h4.5l1.5 2h7v7z"/>`,
  backup: svg`
    <ellipse cx="8" cy="3.8" rx="5.5" ry="2.3"/>
    <path d="M2.5 3.8v8.4c0 1.3 2.5 2.3 5.5 2.3s5.5-1 5.5-2.3V3.8M2.5 8c0 1.3 2.5 2.3 5.5 2.3s5.5-1 5.5-2.3"/>`,
  signOut: svg`<path d="M9.5 2.5h-7v11h7M6.5 8h8M11.5 5l3 3-3 3"/>`,
} as const satisfies Record<string, SVGTemplateResult>;

export type IconName = keyof typeof shapes;

export function isIcon(name: string): name is IconName {
  return Object.hasOwn(shapes, name);
}

export function icon(name: IconName): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">${shapes[name]}</svg>`;
}

/** The product's logo, as on its icon: a folded invoice with a check mark. */
export function logo(): TemplateResult {
  return html`<svg class="logo" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <rect x="1" width="14" height="16" rx="2.5"/>
    <path class="sheet" d="M4 2h5l3 3v9H4z"/>
    <path class="tick" d="M5.8 9.7l1.6 1.6 3-3"/>
  </svg>`;
}
