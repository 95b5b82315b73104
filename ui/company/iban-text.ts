// An IBAN while it is typed.

import { groupIban } from '../invoice/paper-format.ts';

/** What the field shows: groups of four as long as something is added at the end, so that the caret stays where it is elsewhere. */
export function typedIban(before: string, typed: string): string {
  const [known, now] = [plainIban(before), plainIban(typed)];
  return now.length > known.length && now.startsWith(known) ? groupIban(now) : typed.toUpperCase();
}

/** Without spaces, as it is stored. */
export function plainIban(text: string): string {
  return text.replaceAll(/\s/g, '').toUpperCase();
}
