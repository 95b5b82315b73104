// The German texts for entering invoices quickly and working on several at once, with the keys of the English ones.

import type { Translation } from './catalogue.ts';
import type { enEntry } from './en-entry.ts';

export const deEntry: Translation<typeof enEntry> = {
  'lines.suggestions': 'Frühere Positionen und Tarife',
  'lines.suggested': { one: '{count} Vorschlag', other: '{count} Vorschläge' },
  'picker.new': 'Neuer Kunde „{name}“',
  'picker.newUnnamed': 'Neuer Kunde',
  'form.saveIssue': 'Speichern und ausstellen',
};
