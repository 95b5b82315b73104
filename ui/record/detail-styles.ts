// How the detail beside a list is divided: title, actions, and the record below, which scrolls.

import { css } from 'lit';

export const detailPaneStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    block-size: 100%;
    background: var(--color-surface);
    color: var(--color-text);
  }

  :host([mode='create']) { display: contents; }

  header {
    display: flex;
    align-items: center;
    gap: var(--space-2);
    min-block-size: var(--size-toolbar);
    padding-inline: var(--space-4) var(--space-2);
    flex: none;
  }

  h2 {
    min-inline-size: 0;
    margin: 0;
    font-size: var(--text-large);
    font-weight: var(--weight-strong);
    line-height: var(--line-tight);
    overflow: hidden;
    text-overflow: ellipsis;
  }

  .close { margin-inline-start: auto; }
  .bar { padding: 0 var(--space-4) var(--space-3); border-block-end: 1px solid var(--color-line); flex: none; }
  .body { flex: 1; min-block-size: 0; overflow: auto; padding: var(--space-3) var(--space-4) var(--space-6);
    overscroll-behavior: contain; }
  .quiet { margin: 0; color: var(--color-muted); }
`;
