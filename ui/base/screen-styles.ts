// Styles shared by the settings and health screens: toolbar height, one readable column, sections.

import { css } from 'lit';

export const screenStyles = css`
  :host { display: flex; flex-direction: column; min-block-size: 0; block-size: 100%; background: var(--color-surface); }

  header {
    display: flex;
    align-items: center;
    gap: var(--space-2);
    min-block-size: var(--size-toolbar);
    padding-inline: var(--space-4);
    border-block-end: 1px solid var(--color-line);
    flex: none;
  }

  h1 { flex: 1; margin: 0; font-size: var(--text-large); font-weight: var(--weight-strong); }
  h2 { margin: 0 0 var(--space-3); font-size: var(--text-body); font-weight: var(--weight-strong); }
  .page { flex: 1; min-block-size: 0; overflow: auto; }
  .column { display: grid; gap: var(--space-6); max-inline-size: 720px; padding: var(--space-5) var(--space-4) var(--space-12); }
  .wide { max-inline-size: 960px; }
  section { min-inline-size: 0; }
  .quiet { margin: 0; color: var(--color-muted); }

  .setting {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: var(--space-half) var(--space-4);
    align-items: center;
    padding-block: var(--space-3);
    border-block-start: 1px solid var(--color-line);
  }

  .setting > .what { min-inline-size: 0; }
  .setting > .what p { margin: 0; color: var(--color-muted); font-size: var(--text-small); overflow-wrap: anywhere; }

  @media (max-width: 640px) {
    .setting { grid-template-columns: minmax(0, 1fr); }
    .setting > :not(.what) { justify-self: start; }
  }
`;
