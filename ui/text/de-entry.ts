// The German texts for entering invoices quickly and working on several at once, with the keys of the English ones.

import type { Translation } from './catalogue.ts';
import type { enEntry } from './en-entry.ts';

export const deEntry: Translation<typeof enEntry> = {
  'lines.suggestions': 'Frühere Positionen und Tarife',
  'lines.suggested': { one: '{count} Vorschlag', other: '{count} Vorschläge' },
  'picker.new': 'Neuer Kunde „{name}“',
  'picker.newUnnamed': 'Neuer Kunde',
  'form.saveIssue': 'Speichern und ausstellen',

  'selection.label': 'Ausgewählte Zeilen',
  'selection.count': { one: '{count} ausgewählt', other: '{count} ausgewählt' },
  'selection.most': { one: '{count} ausgewählt, mehr geht nicht auf einmal', other: '{count} ausgewählt, mehr geht nicht auf einmal' },
  'selection.issue': { one: '{count} Entwurf ausstellen', other: '{count} Entwürfe ausstellen' },
  'selection.pdf': 'PDFs speichern',
  'selection.csv': 'CSV speichern',
  'selection.clear': 'Auswahl aufheben',

  'bulk.issueTitle': { one: '{count} Entwurf ausstellen?', other: '{count} Entwürfe ausstellen?' },
  'bulk.issueText': 'Jeder bekommt seine Nummer, und seine Positionen stehen dann fest. Invoify verschickt nichts per E-Mail.',
  'bulk.dated': { one: 'Das Datum von {count} Entwurf liegt vor heute.', other: 'Das Datum von {count} Entwürfen liegt vor heute.' },
  'bulk.issuing': { one: '{count} Entwurf wird ausgestellt', other: '{count} Entwürfe werden ausgestellt' },
  'bulk.pdfTitle': { one: '{count} PDF wird gespeichert', other: '{count} PDFs werden gespeichert' },
  'bulk.progress': '{done} von {total}',
  'bulk.done': 'Fertig',
  'bulk.issued': { one: '{count} ausgestellt.', other: '{count} ausgestellt.' },
  'bulk.saved': { one: '{count} PDF in {path} gespeichert.', other: '{count} PDFs in {path} gespeichert.' },
  'bulk.failed': { one: '{count} ließ sich nicht erledigen:', other: '{count} ließen sich nicht erledigen:' },
  'bulk.untried': { one: '{count} wurde nicht versucht.', other: '{count} wurden nicht versucht.' },
  'bulk.noDraft': 'Das ist kein Entwurf mehr.',

  'menu.label': 'Menü zu {name}',
  'menu.copyNumber': 'Nummer kopieren',
  'menu.copyAmount': 'Betrag kopieren',
  'menu.openCustomer': 'Kunden öffnen',
  'menu.copied': 'Kopiert: {text}',
};
