// Styles of buttons, fields, badges and popovers, shared by every component: `static styles = [controls, css`…`]`.
// Sizes and colours come from tokens; no target is smaller than 24 px, and keyboard focus is always visible.

import { css } from 'lit';

export const controls = css`
  *, ::before, ::after { box-sizing: border-box; }

  :host([hidden]), [hidden] { display: none !important; }

  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  .icon {
    inline-size: var(--size-icon);
    block-size: var(--size-icon);
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.4;
    stroke-linecap: round;
    stroke-linejoin: round;
  }

  button, input, select, textarea { font: inherit; color: inherit; letter-spacing: inherit; }

  :focus { outline: none; }
  :focus-visible { outline: var(--focus); outline-offset: var(--focus-offset); }

  .button, .icon-button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: var(--space-1);
    min-block-size: var(--size-control);
    min-inline-size: var(--size-control);
    margin: 0;
    padding: 0 var(--space-3);
    border: 1px solid var(--color-control);
    border-radius: var(--radius);
    background: var(--color-surface);
    color: var(--color-text);
    font-weight: var(--weight-body);
    text-decoration: none;
    white-space: nowrap;
    cursor: default;
    user-select: none;
    transition: background-color var(--motion);
  }
  .button:has(> .icon:first-child) { padding-inline-start: var(--space-2); }
  .button:hover, .icon-button:hover { background: var(--color-hover); }
  .button:active, .icon-button:active, [aria-pressed='true'].button { background: var(--color-pressed); }

  .button.primary {
    border-color: var(--color-accent);
    background: var(--color-accent);
    color: var(--color-on-accent);
    font-weight: var(--weight-strong);
  }
  .button.primary:hover { border-color: var(--color-accent-hover); background: var(--color-accent-hover); }

  .button.danger { border-color: var(--color-bad); color: var(--color-bad); }
  .button.danger:hover { background: var(--color-bad-back); }

  .button.quiet, .icon-button { border-color: transparent; background: transparent; }
  .button.quiet:hover, .icon-button:hover { background: var(--color-hover); }
  .icon-button { padding: 0; }

  .button.menu {
    justify-content: flex-start;
    inline-size: 100%;
    border-color: transparent;
    background: transparent;
  }

  .button[aria-disabled='true'], .button[aria-disabled='true']:hover, .icon-button[aria-disabled='true'] {
    border-color: var(--color-line);
    background: var(--color-plain-back);
    color: var(--color-muted);
    font-weight: var(--weight-body);
  }
  .icon-button[aria-disabled='true'], .button.quiet[aria-disabled='true'], .button.menu[aria-disabled='true'] {
    border-color: transparent;
    background: transparent;
  }

  .button:disabled, .icon-button:disabled { border-color: transparent; background: none; color: var(--color-control); }

  .link {
    min-block-size: var(--size-target);
    padding: 0 var(--space-1);
    border: 0;
    border-radius: var(--radius-small);
    background: none;
    color: var(--color-accent);
    text-decoration: underline;
    text-underline-offset: 2px;
    cursor: default;
  }
  .link:hover { color: var(--color-accent-hover); }

  .input {
    min-block-size: var(--size-control);
    inline-size: 100%;
    padding: 0 var(--space-2);
    border: 1px solid var(--color-control);
    border-radius: var(--radius);
    background: var(--color-surface);
  }
  textarea.input { padding-block: var(--space-1); line-height: var(--line-body); resize: vertical; }
  select.input { padding-inline-end: var(--space-1); }
  .input::placeholder { color: var(--color-muted); opacity: 1; }
  .input[aria-invalid='true'] { border-color: var(--color-bad); }
  /* While a date field's calendar button has focus, the field itself matches only :focus-within. */
  .input[type='date']:focus-within { outline: var(--focus); }
  .input:focus-visible, .input[type='date']:focus-within { outline-offset: -1px; border-color: var(--color-accent); }
  .input:read-only:not(select) { background: var(--color-back); }

  .field { display: flex; flex-direction: column; gap: var(--space-1); min-inline-size: 0; }
  .field > label, .label { color: var(--color-muted); font-size: var(--text-small); }
  /* The mark is for the eye only: screen readers are told by the control. */
  .required::after { content: ' *' / ''; }
  .unbroken { white-space: nowrap; }
  .hint { color: var(--color-muted); font-size: var(--text-small); }
  .problem { color: var(--color-bad); font-size: var(--text-small); }

  .badge {
    display: inline-block;
    padding: 0 var(--space-2);
    border: 1px solid transparent;
    border-radius: var(--radius-round);
    background: var(--color-plain-back);
    color: var(--color-text);
    font-size: var(--text-small);
    line-height: 18px;
    white-space: nowrap;
  }
  .badge[data-tone='ok'] { background: var(--color-ok-back); color: var(--color-ok); }
  .badge[data-tone='warn'] { background: var(--color-warn-back); color: var(--color-warn); }
  .badge[data-tone='bad'] { background: var(--color-bad-back); color: var(--color-bad); }
  .badge[data-tone='info'] { background: var(--color-info-back); color: var(--color-accent); }
  .badge[data-tone='muted'] { background: none; border-color: var(--color-line); color: var(--color-muted); }

  .popover {
    position: fixed;
    inset: auto;
    margin: 0;
    padding: var(--space-3);
    border: 1px solid transparent;
    border-radius: var(--radius-large);
    background: var(--color-raised);
    color: var(--color-text);
    box-shadow: var(--shadow);
  }

  .logo { fill: var(--color-accent); }
  .logo .sheet { fill: var(--color-on-accent); }
  .logo .tick { fill: none; stroke: var(--color-accent); stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }

  .number { font-variant-numeric: tabular-nums; text-align: end; }

  @media (forced-colors: active) {
    .icon { color: inherit !important; }
    .logo { fill: CanvasText; }
    .logo .sheet { fill: Canvas; }
    .logo .tick { stroke: CanvasText; }
    .badge { border-color: CanvasText; forced-color-adjust: auto; }
    .button.primary { border-width: 2px; }
    .button[aria-disabled='true'], .icon-button[aria-disabled='true'] { color: GrayText; border-color: GrayText; }
    .popover { border-color: CanvasText; }
  }
`;
