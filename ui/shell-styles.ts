// How the window is divided: sidebar, main area, the detail beside it or over it, and the status bar along the foot.

import { css } from 'lit';

export const shellStyles = css`
  :host {
    position: relative;
    display: grid;
    grid-template: minmax(0, 1fr) auto / var(--size-sidebar) minmax(0, 1fr) auto;
    block-size: 100%;
    background: var(--color-back);
  }
  * { box-sizing: border-box; }
  main { display: flex; flex-direction: column; min-block-size: 0; min-inline-size: 0; background: var(--color-surface); }
  main > :not([slot]) { flex: 1; min-block-size: 0; }
  main > invoify-notice-bar { flex: none; }
  footer { grid-column: 1 / -1; min-inline-size: 0; }
  aside { min-block-size: 0; min-inline-size: 0; }
  aside.new { display: contents; }
  .beside { inline-size: var(--size-detail); border-inline-start: 1px solid var(--color-line); }
  .over {
    position: absolute;
    inset-block: 0 var(--size-status);
    inset-inline-end: 0;
    z-index: 2;
    inline-size: min(var(--size-detail), 100%);
    background: var(--color-surface);
    box-shadow: var(--shadow);
    animation: slide var(--motion);
  }
  .scrim { position: absolute; inset: 0 0 var(--size-status); z-index: 1; background: var(--color-scrim); }
  @keyframes slide { from { opacity: 0; transform: translateX(var(--space-4)); } }
  @media (prefers-reduced-motion: reduce) { .over { animation: none; } }
  @media (max-width: 860px) { :host { grid-template-columns: var(--size-sidebar-narrow) minmax(0, 1fr) auto; } }
`;
