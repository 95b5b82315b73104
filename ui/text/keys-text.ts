// How shortcuts are written for people: "Ctrl+Shift+Enter".

import { t } from './i18n.ts';

/** A shortcut as `aria-keyshortcuts` names it, in the words on the keys. */
export function keysText(keys: string): string {
  const names: Readonly<Record<string, string>> = {
    Control: t('key.control'), Shift: t('key.shift'), Enter: t('key.enter'), Escape: t('key.escape'), Space: t('key.space'),
  };
  return keys.split('+').map((key) => names[key] ?? key).join('+');
}

/** What a button says of the shortcut that does the same. */
export function shortcutOf(keys: string): { readonly aria: string; readonly text: string } {
  return { aria: keys, text: keysText(keys) };
}
