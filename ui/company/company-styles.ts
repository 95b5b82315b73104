// The layout of the company's screen: its fields, and the paper beside them where there is room, else below.

import { css } from 'lit';

export const companyStyles = css`
  .page { flex: 1; min-block-size: 0; overflow: auto; container-type: size; }
  .columns { display: grid; gap: var(--space-8); max-inline-size: 1280px; padding: var(--space-4); }
  .columns > * { min-inline-size: 0; }
  form { gap: var(--space-6); }
  .banner { margin-block-end: var(--space-4); }
  @container (min-width: 720px) {
    /* As much of the paper as the height has room for. */
    .columns { grid-template-columns: minmax(0, 1fr) clamp(280px, (100cqb - 60px) * 210 / 297, 46cqi); align-items: start; }
    invoify-company-preview { position: sticky; inset-block-start: var(--space-4); }
  }
  invoify-company-preview { max-inline-size: 620px; }
`;
