// What every form looks like inside its sheet.

import { css } from 'lit';

export const formStyles = css`
  form { display: grid; gap: var(--space-4); }
  fieldset { display: grid; gap: var(--space-3); min-inline-size: 0; margin: 0; padding: 0; border: 0; }
  legend { padding: 0; margin-block-end: var(--space-1); font-weight: var(--weight-strong); }
  .row { display: grid; grid-auto-columns: minmax(0, 1fr); grid-auto-flow: column; gap: var(--space-3); align-items: start; }

  .banner {
    display: flex;
    align-items: flex-start;
    gap: var(--space-2);
    margin: 0;
    padding: var(--space-2) var(--space-3);
    border-radius: var(--radius);
    background: var(--color-bad-back);
    color: var(--color-bad);
  }

  [role] > .banner { margin-block-end: var(--space-4); }
  .banner.warn { background: var(--color-warn-back); color: var(--color-warn); }
  .banner.info { background: var(--color-info-back); color: var(--color-text); }

  @media (max-width: 560px) {
    .row { grid-auto-flow: row; }
  }
`;
