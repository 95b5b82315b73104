// Finds the focus through nested shadow roots, and moves it when its element goes away.

import type { LitElement } from 'lit';

/** The focused element, followed by its shadow hosts from the inside out. */
export function focusPath(): readonly HTMLElement[] {
  const path: HTMLElement[] = [];
  for (let focused = document.activeElement; focused; focused = focused.shadowRoot?.activeElement ?? null) {
    if (focused instanceof HTMLElement) path.unshift(focused);
  }
  return path;
}

/** Restores focus to the first element of the path that is still connected and can take it. */
export function restoreFocus(path: readonly HTMLElement[]): void {
  path.filter((element) => element.isConnected).some((element) => {
    element.focus();
    return element.matches(':focus-within');
  });
}

/** Focuses the start of the screen, its list or else its heading, because the focused element is gone. */
export async function focusScreen(shell: LitElement): Promise<void> {
  await shell.updateComplete;
  // A notice stands after the screen, or in it.
  const screen = shell.renderRoot.querySelector<LitElement>('main > :first-child');
  await screen?.updateComplete;
  if (screen?.localName === 'invoify-list-screen') screen.focus();
  else screen?.shadowRoot?.querySelector<HTMLElement>('h1')?.focus();
}
