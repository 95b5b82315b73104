// The keyboard in a menu, as the WAI-ARIA menu pattern has it: arrows, Home and End move from item to item, Esc and Tab leave it.
//
// A menu is an element with the role `menu`; its items are buttons with the role `menuitem`, or write buttons that look like them.

import { css } from 'lit';

/** As wide as its longest item. */
export const menuStyles = css`
  [role='menu'] { inline-size: max-content; min-inline-size: 180px; max-inline-size: calc(100vw - var(--space-4));
    padding: var(--space-1); }
  [role='menu']:popover-open { display: grid; }
`;

function itemsOf(menu: Element): readonly HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>('[role=menuitem], invoify-write-button')];
}

export function focusFirstItem(menu: Element): void {
  itemsOf(menu)[0]?.focus();
}

/** Moves the focus, or calls `leave`, which takes it back to where the menu was opened. Does nothing for other keys. */
export function onMenuKeydown(event: KeyboardEvent, menu: Element, leave: () => void): void {
  const items = itemsOf(menu);
  const at = items.indexOf((menu.getRootNode() as ShadowRoot).activeElement as HTMLElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (event.key === 'Escape' || event.key === 'Tab') leave();
  else if (next !== undefined) items.at(next % items.length)?.focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
