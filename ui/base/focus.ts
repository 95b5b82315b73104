// Where the focus is, through the shadow roots it is behind, and where it goes when it is lost.

import type { LitElement } from 'lit';

/** What has the focus, and outwards from there the elements in whose shadow it is. */
export function focusPath(): readonly HTMLElement[] {
  const path: HTMLElement[] = [];
  for (let focused = document.activeElement; focused; focused = focused.shadowRoot?.activeElement ?? null) {
    if (focused instanceof HTMLElement) path.unshift(focused);
  }
  return path;
}

/** Gives the focus back to what had it, or to the nearest around it that is still there and has a place for it. */
export function restoreFocus(path: readonly HTMLElement[]): void {
  path.filter((element) => element.isConnected).some((element) => {
    element.focus();
    return element.matches(':focus-within');
  });
}

/** Puts the keyboard where a screen begins, because what had it is gone: in its list, or at its heading. */
export async function focusScreen(shell: LitElement): Promise<void> {
  await shell.updateComplete;
  const screen = shell.renderRoot.querySelector<LitElement>('invoify-list-screen, invoify-settings, invoify-health');
  await screen?.updateComplete;
  if (screen?.localName === 'invoify-list-screen') screen.focus();
  else screen?.shadowRoot?.querySelector<HTMLElement>('h1')?.focus();
}
