// The list of the window's keyboard shortcuts, for the settings.

import { html, type TemplateResult } from 'lit';

import { t } from '../text/i18n.ts';
import { keysText } from '../text/keys-text.ts';

/** The text of each, and its keys as `aria-keyshortcuts` names them, with alternatives. */
const shortcuts = [
  ['shortcut.search', 'Control+F'],
  ['shortcut.new', 'Control+N'],
  ['shortcut.refresh', 'F5'],
  ['shortcut.print', 'Control+P'],
  ['shortcut.open', 'Enter'],
  ['shortcut.back', 'Escape'],
  ['shortcut.select', 'Shift+↓', 'Control+Space', 'Control+A'],
  ['shortcut.menu', 'Shift+F10'],
  ['shortcut.save', 'Control+S', 'Control+Enter'],
  ['shortcut.saveIssue', 'Control+Shift+Enter'],
] as const;

export function shortcutList(): TemplateResult {
  return html`<dl class="shortcuts">${shortcuts.map(([text, ...keys]) => html`
    <div class="setting"><dt class="what">${t(text)}</dt><dd>${keys.map((key) => html`<kbd>${keysText(key)}</kbd>`)}</dd></div>`)}</dl>`;
}
