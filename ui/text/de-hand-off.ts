// The German texts for handing an invoice on, as an e-invoice or by e-mail.

import type { Translation } from './catalogue.ts';
import type { enHandOff } from './en-hand-off.ts';

export const deHandOff: Translation<typeof enHandOff> = {
  'action.email': 'PDF speichern und E-Mail öffnen',
  'action.emailOnly': 'E-Mail öffnen',
  'action.eInvoice': 'XRechnung (XML) exportieren',
  'email.failed': 'Es ließ sich kein E-Mail-Programm öffnen. Wählen Sie eines in den Systemeinstellungen unter Standard-Apps, und '
    + 'versuchen Sie es noch einmal.',
  'done.email': 'Gespeichert unter {path}. Hängen Sie die Datei an die E-Mail an.',

  'eInvoice.title': 'Für eine E-Rechnung unvollständig',
  'eInvoice.text': 'Die Regeln für E-Rechnungen (EN 16931, XRechnung, Peppol) verlangen außerdem:',
  'eInvoice.company': 'Firma',
  'eInvoice.customer': 'Kunde',
  'eInvoice.invoice': 'Rechnung',
  'eInvoice.askOwner': 'Die Angaben zur Firma kann ein Inhaber ergänzen.',
  'eInvoice.fixed': 'Positionen und Referenzen einer ausgestellten Rechnung ändern sich nicht mehr. '
    + 'Korrigieren Sie sie mit einer Gutschrift, und stellen Sie eine neue aus.',
  'eInvoice.openCompany': 'Firmenangaben ergänzen',
  'eInvoice.openCustomer': 'Kunden bearbeiten',
  'eInvoice.openInvoice': 'Fälligkeit ändern',
  'eInvoice.orOrderNumber': '{field}, sofern die Rechnung nicht mit einer Bestellnummer ausgestellt wurde',

  'hint.buyerReference': 'Bei Behörden die Leitweg-ID, sonst eine Angabe, die Sie mit dem Kunden vereinbaren.',
  'hint.scheme': 'Zum Beispiel EM für eine E-Mail-Adresse, 0204 für eine Leitweg-ID, 9930 für eine deutsche USt-IdNr.',

  'problem.issued': 'Nur für Rechnungen, die ausgestellt und nicht storniert sind.',
  'problem.decimals': 'Enthält Beträge mit mehr als zwei Nachkommastellen, die eine E-Rechnung nicht angeben kann.',
  'problem.tax_rounding': 'Die Steuer ist um eine ganze Währungseinheit gerundet. Das kann eine E-Rechnung nicht angeben.',
  'problem.tax_mix': 'Nicht steuerbare Positionen stehen neben anderen.',
  'problem.vat_id': 'Muss mit dem Kürzel des Landes beginnen, zum Beispiel DE.',
  'problem.phone': 'Muss mindestens drei Ziffern haben.',
  'problem.address_scheme': 'Muss ein Code der EAS-Liste sein, zum Beispiel 0204 oder EM.',
  'problem.address_value': 'Muss Form und Prüfziffern seines Schemas haben.',
};
