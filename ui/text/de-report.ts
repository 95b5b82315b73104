// The German texts of the report.

import type { Translation } from './catalogue.ts';
import type { enReport } from './en-report.ts';

export const deReport: Translation<typeof enReport> = {
  'report.period': 'Zeitraum',
  'report.otherMonths': 'Andere Monate',
  'report.from': 'Von Monat',
  'report.to': 'Bis Monat',
  'report.basis': 'Gezählt nach',
  'report.basis.issueDate': 'Rechnungsdatum',
  'report.basis.paidOn': 'Zahlungsdatum',
  'report.per': 'Gruppiert nach',
  'report.per.month': 'Monat',
  'report.per.quarter': 'Quartal',
  'report.hint.issueDate': 'Alles in diesen Monaten Ausgestellte abzüglich Gutschriften; Entwürfe und stornierte Rechnungen zählen nicht. '
    + 'Eingegangen ist, was im Monat gezahlt wurde, abzüglich Rückzahlungen.',
  'report.hint.paidOn': 'Was in diesen Monaten abzüglich Rückzahlungen eingegangen ist, aufgeteilt in Nettobeträge und Steuern im '
    + 'Verhältnis der damit bezahlten Rechnungen.',
  'report.incomplete': 'Der Download ist nicht abgeschlossen, daher sind diese Zahlen unvollständig.',
  'report.net': 'Nettobetrag',
  'report.tax': 'Steuer',
  'report.gross': 'Bruttobetrag',
  'report.received': 'Eingegangen',
  'report.total': 'Summe',
  'report.quarter': 'Q{quarter} {year}',
  'report.netOf': 'Netto {tax}',
  'report.taxOf': 'Steuer {tax}',
  'report.currency': 'Währung',
  'report.table': '{currency}, {from} – {to}',
  'report.showInvoices': 'Rechnungen anzeigen: {period}',
  'report.chart': 'Nettobeträge von zwölf Monaten',
  'report.chartCurrency': 'Währung des Diagramms',
  'report.chartMonth': '{month}: {amount}',
  'report.none': 'Nichts in diesen Monaten',
  'report.noneHint.issueDate': 'In diesen Monaten wurde nichts in Rechnung gestellt, und nichts ist eingegangen. Wählen Sie andere '
    + 'Monate.',
  'report.noneHint.paidOn': 'In diesen Monaten ist keine Zahlung eingegangen. Wählen Sie andere Monate, oder zählen Sie nach '
    + 'Rechnungsdatum.',
  'report.csv': 'Als CSV speichern',
  'report.csvSaved': 'Gespeichert unter {path}',
  'report.fileName': 'auswertung',
};
