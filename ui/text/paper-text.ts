// The words on the printed invoice. They are in the customer's language, whatever the window's is, and are loaded with the paper.

import type { TaxCategory } from '../../shared/collections.ts';

const en = {
  invoice: 'Invoice',
  creditNote: 'Credit note',
  draft: 'Draft',
  void: 'Void',
  correctsInvoice: (number: string, date: string) => `for invoice ${number} of ${date}`,

  number: 'Invoice number',
  creditNoteNumber: 'Credit note number',
  invoiceDate: 'Invoice date',
  date: 'Date',
  serviceDate: 'Date of service',
  servicePeriod: 'Period of service',
  dueDate: 'Due date',
  customerNumber: 'Customer number',
  customerVatId: 'Your VAT ID',
  buyerReference: 'Your reference',
  orderNumber: 'Your order',

  position: 'No.',
  description: 'Description',
  quantity: 'Quantity',
  price: 'Unit price',
  tax: 'VAT',
  amount: 'Amount',
  pricePer: (price: string, units: string) => `${price} per\u00a0${units}`,
  carriedForward: 'Carried forward',
  broughtForward: 'Brought forward',

  subtotal: 'Subtotal',
  taxes: {
    S: 'VAT {rate} on {net}',
    Z: 'VAT {rate} on {net}',
    E: 'Exempt from VAT (E), {rate} on {net}',
    AE: 'Reverse charge (AE), {rate} on {net}',
    K: 'Intra-Community supply (K), {rate} on {net}',
    G: 'Export, exempt from VAT (G), {rate} on {net}',
    O: 'Not subject to VAT (O), {net}',
  } satisfies Record<TaxCategory, string> as Record<TaxCategory, string>,
  total: 'Total',
  creditedTotal: 'Total credited',
  credited: 'Credited by credit note',
  received: (date: string) => `Received on ${date}`,
  refunded: (date: string) => `Refunded on ${date}`,
  amountDue: 'Amount due',
  overpaid: 'To be refunded',
  exemption: 'Reason for the tax exemption: ',

  pay: (amount: string, date: string, number: string) =>
    `Please pay ${amount}${date && ` by ${date}`}${number && `, quoting ${number}`}.`,
  paid: 'Paid in full. Thank you.',
  nothingDue: 'No payment is due.',
  refund: (amount: string) => `We will refund you ${amount}.`,
  credit: (amount: string) => `We credit you with ${amount}.`,
  accountHolder: 'Account holder',
  bank: 'Bank',
  reference: 'Reference',

  phone: 'Phone',
  vatId: 'VAT ID',
  taxNumber: 'Tax number',
  page: (page: number, of: number) => `Page ${page} of ${of}`,
};

export type PaperWords = typeof en;

const de: PaperWords = {
  invoice: 'Rechnung',
  creditNote: 'Rechnungskorrektur',
  draft: 'Entwurf',
  void: 'Storniert',
  correctsInvoice: (number, date) => `zu Rechnung ${number} vom ${date}`,

  number: 'Rechnungsnummer',
  creditNoteNumber: 'Nummer',
  invoiceDate: 'Rechnungsdatum',
  date: 'Datum',
  serviceDate: 'Leistungsdatum',
  servicePeriod: 'Leistungszeitraum',
  dueDate: 'Fällig am',
  customerNumber: 'Kundennummer',
  customerVatId: 'Ihre USt-IdNr.',
  buyerReference: 'Ihre Referenz',
  orderNumber: 'Ihre Bestellung',

  position: 'Pos.',
  description: 'Beschreibung',
  quantity: 'Menge',
  price: 'Einzelpreis',
  tax: 'USt.',
  amount: 'Betrag',
  pricePer: (price, units) => `${price} je\u00a0${units}`,
  carriedForward: 'Übertrag',
  broughtForward: 'Übertrag',

  subtotal: 'Zwischensumme',
  taxes: {
    S: 'USt. {rate} auf {net}',
    Z: 'USt. {rate} auf {net}',
    E: 'Steuerbefreit (E), {rate} auf {net}',
    AE: 'Steuerschuldnerschaft des Leistungsempfängers (AE), {rate} auf {net}',
    K: 'Innergemeinschaftliche Lieferung (K), {rate} auf {net}',
    G: 'Steuerfreie Ausfuhrlieferung (G), {rate} auf {net}',
    O: 'Nicht steuerbar (O), {net}',
  },
  total: 'Gesamtbetrag',
  creditedTotal: 'Korrekturbetrag',
  credited: 'Durch Rechnungskorrektur gutgeschrieben',
  received: (date) => `Zahlung vom ${date}`,
  refunded: (date) => `Erstattung vom ${date}`,
  amountDue: 'Offener Betrag',
  overpaid: 'Zu erstatten',
  exemption: 'Grund der Steuerbefreiung: ',

  pay: (amount, date, number) =>
    `Bitte überweisen Sie ${amount}${date && ` bis zum ${date}`}${number && ` mit dem Verwendungszweck ${number}`}.`,
  paid: 'Vollständig bezahlt. Vielen Dank.',
  nothingDue: 'Es ist nichts zu zahlen.',
  refund: (amount) => `Wir erstatten Ihnen ${amount}.`,
  credit: (amount) => `Wir schreiben Ihnen ${amount} gut.`,
  accountHolder: 'Kontoinhaber',
  bank: 'Bank',
  reference: 'Verwendungszweck',

  phone: 'Tel.',
  vatId: 'USt-IdNr.',
  taxNumber: 'Steuernummer',
  page: (page, of) => `Seite ${page} von ${of}`,
};

export const paperWords = { en, de } as const;
