// Where the focus is, through the shadow roots it is behind, and where it goes when it is lost.

import type { LitElement } from 'lit';

export function focusedElement(): HTMLElement | null {
  let focused = document.activeElement;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  return focused instanceof HTMLElement ? focused : null;
}

/** Puts the keyboard where a screen begins, because what had it is gone: in its list, or at its heading. */
export async function focusScreen(shell: LitElement): Promise<void> {
  await shell.updateComplete;
  const screen = shell.renderRoot.querySelector<LitElement>('invoify-list-screen, invoify-settings, invoify-health');
  await screen?.updateComplete;
  if (screen?.localName === 'invoify-list-screen') screen.focus();
  else screen?.shadowRoot?.querySelector<HTMLElement>('h1')?.focus();
}
