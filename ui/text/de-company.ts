// The German texts of the company's screen.

import type { Translation } from './catalogue.ts';
import type { enCompany } from './en-company.ts';

export const deCompany: Translation<typeof enCompany> = {
  'field.companyContact': 'Kontakt',
  'field.companyBank': 'Bankverbindung',
  'field.companyTax': 'Steuern und Register',
  'field.companyTerms': 'Vorgaben für neue Rechnungen',
  'field.companyNumbers': 'Nummern',
  'field.companyPaper': 'Papier',
  'field.website': 'Website',
  'field.iban': 'IBAN',
  'field.bic': 'BIC',
  'field.bankName': 'Bank',
  'field.accountHolder': 'Kontoinhaber, falls nicht die Firma',
  'field.taxNumber': 'Steuernummer',
  'field.registration': 'Registereintrag und Geschäftsführung',
  'field.invoicePrefix': 'Präfix der Rechnungsnummern',
  'field.creditNotePrefix': 'Präfix der Gutschriftnummern',
  'field.footer': 'Text am Fuß jeder Seite',
  'field.logo': 'Logo',

  'problem.iban': 'Diese IBAN ist unvollständig oder hat einen Tippfehler.',
  'problem.image': 'Bitte wählen Sie ein Bild als PNG oder JPEG.',

  'company.intro': 'Was auf jeder Rechnung über den Aussteller steht. Bereits ausgestellte Rechnungen behalten, was damals galt.',
  'company.viewOnly': 'Nur Inhaber können dies ändern.',
  'company.none': 'Die Angaben zur Firma sind noch nicht auf diesem Computer.',
  'company.nothing': 'Es ist noch nichts eingetragen.',
  'company.preview': 'Vorschau mit Beispielpositionen',
  'company.thenBack': 'Nach dem Speichern geht es mit der Rechnung weiter.',
  'company.back': 'Zurück zur Rechnung',
  'company.reset': 'Änderungen verwerfen',
  'company.ibanChecked': 'Die Prüfziffern stimmen.',
  'company.ibanTyping': 'Noch unvollständig oder vertippt.',
  'company.number': 'Zum Beispiel {number}',
  'company.logoHint': 'PNG oder JPEG, höchstens {max} KiB. Auf dem Papier bis zu 90 mm breit und 30 mm hoch.',
  'company.logoChoose': 'Bild wählen …',
  'company.logoReplace': 'Anderes Bild wählen …',
  'company.logoRemove': 'Entfernen',
  'company.logoSize': 'Diese Datei hat {size} KiB. Ein Logo darf höchstens {max} KiB haben: Verkleinern Sie das Bild, und wählen Sie '
    + 'es erneut.',
  'company.logoType': 'Diese Datei ist weder ein PNG- noch ein JPEG-Bild. Wählen Sie eine andere.',
  'company.logoUnreadable': 'Dieses Bild ist beschädigt und kann nicht angezeigt werden. Wählen Sie ein anderes.',
  'company.image': 'Bild mit {size}',
  'company.sampleBuyer': 'Musterkunde GmbH',
  'company.sampleStreet': 'Musterstraße 1',
  'company.sampleCity': '12345 Musterstadt',
  'company.sampleWork': 'Beratung',
  'company.sampleHours': 'Std.',
  'company.sampleGoods': 'Schrauben, verzinkt',
};
