// The sample company, and what it sells: IT support for small firms in five countries, invoiced in each country's language. Plans
// are subscriptions; articles appear on the lines of invoices.

import type { Company, Plan } from '../shared/collections.ts';
import type { Language } from './names.ts';

type Text = Readonly<Record<Language, string>>;

export interface Article {
  readonly weight: number;
  readonly description: Text;
  readonly unit: Text;
  readonly unitPriceMinor: number;
  /** Typical quantities, in thousandths. */
  readonly quantityMilli: { readonly min: number; readonly max: number; readonly step: number };
  /** Taxed at the reduced rate if the country has one for it. */
  readonly isReduced?: true;
}

/** The company itself. Its VAT id and IBAN are published examples; the telephone number is reserved for films. */
export const profile: Company = {
  name: 'Musterwerk IT-Betreuung GmbH',
  address: { street: 'Musterallee 12', postalCode: '10437', city: 'Berlin', country: 'DE' },
  vatId: 'DE123456788',
  taxNumber: '99/999/99999',
  registration: 'Amtsgericht Musterstadt, HRB 000000',
  email: 'rechnung@musterwerk.example',
  phone: '+49 30 23125 000',
  website: 'https://www.musterwerk.example',
  iban: 'DE89 3704 0044 0532 0130 00',
  bic: 'COBADEFFXXX',
  bankName: 'Musterbank',
  paymentTermsDays: 14,
  taxRateBp: 1900,
};

export const plans: readonly Plan[] = [
  { name: 'Werkstatt', priceMinor: 2900, currency: 'EUR', interval: 'month', taxRateBp: 1900, unit: 'Monat', active: true },
  { name: 'Werkstatt, jährlich', priceMinor: 29_900, currency: 'EUR', interval: 'year', taxRateBp: 1900, unit: 'Jahr', active: true },
  { name: 'Büro', priceMinor: 8900, currency: 'EUR', interval: 'month', taxRateBp: 1900, unit: 'Monat', active: true },
  { name: 'Büro, jährlich', priceMinor: 89_900, currency: 'EUR', interval: 'year', taxRateBp: 1900, unit: 'Jahr', active: true },
  { name: 'Betrieb', priceMinor: 24_900, currency: 'EUR', interval: 'month', taxRateBp: 1900, unit: 'Monat', active: true },
  { name: 'Büro Schweiz', priceMinor: 9500, currency: 'CHF', interval: 'month', active: true },
  { name: 'Office UK', priceMinor: 7900, currency: 'GBP', interval: 'month', active: true },
  { name: 'Einrichtung vor Ort', priceMinor: 49_000, currency: 'EUR', interval: 'once', active: false },
];

const hour: Text = { de: 'Std.', en: 'h', fr: 'h' };
const piece: Text = { de: 'Stk.', en: 'pcs', fr: 'pce' };
const month: Text = { de: 'Monat', en: 'month', fr: 'mois' };
const hours = (min: number, max: number) => ({ min: min * 1000, max: max * 1000, step: 250 });
const pieces = (min: number, max: number) => ({ min: min * 1000, max: max * 1000, step: 1000 });

export const articles: readonly Article[] = [
  {
    weight: 14, unit: hour, unitPriceMinor: 9600, quantityMilli: hours(1, 16),
    description: {
      de: 'Systembetreuung vor Ort',
      en: 'On-site system administration',
      fr: 'Administration système sur site',
    },
  },
  {
    weight: 12, unit: hour, unitPriceMinor: 8400, quantityMilli: hours(1, 8),
    description: {
      de: 'Fernwartung und Störungsbehebung',
      en: 'Remote support and fault repair',
      fr: 'Télémaintenance et dépannage',
    },
  },
  {
    weight: 10, unit: month, unitPriceMinor: 1490, quantityMilli: pieces(1, 40),
    description: {
      de: 'Betreuter Arbeitsplatz',
      en: 'Managed workplace',
      fr: 'Poste de travail géré',
    },
  },
  {
    weight: 9, unit: month, unitPriceMinor: 650, quantityMilli: pieces(2, 60),
    description: {
      de: 'E-Mail-Postfach, 50 GB',
      en: 'Mailbox, 50 GB',
      fr: 'Boîte aux lettres, 50 Go',
    },
  },
  {
    weight: 8, unit: month, unitPriceMinor: 3900, quantityMilli: pieces(1, 6),
    description: {
      de: 'Datensicherung, verschlüsselt, 1 TB',
      en: 'Encrypted backup, 1 TB',
      fr: 'Sauvegarde chiffrée, 1 To',
    },
  },
  {
    weight: 6, unit: piece, unitPriceMinor: 124_900, quantityMilli: pieces(1, 5),
    description: {
      de: 'Notebook 14 Zoll, 32 GB, einsatzfertig',
      en: 'Notebook 14 inch, 32 GB, set up',
      fr: 'Portable 14 pouces, 32 Go, configuré',
    },
  },
  {
    weight: 6, unit: piece, unitPriceMinor: 28_950, quantityMilli: pieces(1, 8),
    description: {
      de: 'Bildschirm 27 Zoll, höhenverstellbar',
      en: 'Monitor 27 inch, adjustable',
      fr: 'Écran 27 pouces, réglable en hauteur',
    },
  },
  {
    weight: 5, unit: piece, unitPriceMinor: 8990, quantityMilli: pieces(1, 12),
    description: {
      de: 'Dockingstation USB-C',
      en: 'USB-C docking station',
      fr: "Station d'accueil USB-C",
    },
  },
  {
    weight: 5, unit: piece, unitPriceMinor: 1499, quantityMilli: pieces(1, 25),
    description: {
      de: 'Netzwerkkabel Cat 6A, 3 m',
      en: 'Network cable Cat 6A, 3 m',
      fr: 'Câble réseau Cat 6A, 3 m',
    },
  },
  {
    weight: 5, unit: { de: 'Pauschale', en: 'flat', fr: 'forfait' }, unitPriceMinor: 4500, quantityMilli: pieces(1, 3),
    description: {
      de: 'Anfahrt',
      en: 'Travel',
      fr: 'Déplacement',
    },
  },
  {
    weight: 4, unit: hour, unitPriceMinor: 11_000, quantityMilli: hours(2, 14),
    description: {
      de: 'Schulung: Sicher arbeiten mit E-Mail',
      en: 'Training: working safely with e-mail',
      fr: 'Formation : courriel en toute sécurité',
    },
  },
  {
    weight: 4, unit: { de: 'Tag', en: 'day', fr: 'jour' }, unitPriceMinor: 82_000, quantityMilli: { min: 500, max: 6000, step: 500 },
    description: {
      de: 'Umzug der Server, Planung und Durchführung',
      en: 'Server move, planned and carried out',
      fr: 'Migration des serveurs, étude et réalisation',
    },
  },
  {
    weight: 3, unit: piece, unitPriceMinor: 2490, quantityMilli: pieces(1, 20), isReduced: true,
    description: {
      de: 'Handbuch „Notfallplan für kleine Betriebe“',
      en: 'Handbook “Emergency plan for small firms”',
      fr: 'Manuel « Plan d’urgence pour petites entreprises »',
    },
  },
  {
    weight: 3, unit: { de: 'm', en: 'm', fr: 'm' }, unitPriceMinor: 385, quantityMilli: { min: 5000, max: 180_000, step: 500 },
    description: {
      de: 'Glasfaser verlegt und gemessen',
      en: 'Fibre laid and measured',
      fr: 'Fibre posée et mesurée',
    },
  },
  {
    weight: 2, unit: piece, unitPriceMinor: 39_900, quantityMilli: pieces(1, 4),
    description: {
      de: 'WLAN-Zugangspunkt mit Montage',
      en: 'Wi-Fi access point, fitted',
      fr: 'Point d’accès Wi-Fi, posé',
    },
  },
];

/** Occasionally appended to a description, so that lines vary. */
export const details: Readonly<Record<Language, readonly string[]>> = {
  de: [
    'laut Auftrag vom Vormonat', 'Standort Süd', 'Verwaltung, 2. Obergeschoss', 'nach Aufwand, siehe Stundenzettel',
    'Gerät Nr. 14 bis 18',
  ],
  en: ['as ordered last month', 'north site', 'office, second floor', 'time and material, see sheet', 'devices 14 to 18'],
  fr: ['selon commande du mois dernier', 'site nord', 'bureaux, 2e étage', 'en régie, voir relevé', 'appareils 14 à 18'],
};

export const discount: Text = { de: 'Treuerabatt', en: 'Loyalty discount', fr: 'Remise fidélité' };

export const invoiceNotes: Readonly<Record<Language, readonly string[]>> = {
  de: [
    'Vielen Dank für Ihren Auftrag. Bitte geben Sie bei der Überweisung die Rechnungsnummer an.',
    'Leistungszeitraum ist der Kalendermonat vor dem Rechnungsdatum.',
    'Zahlbar ohne Abzug. Die Ware bleibt bis zur vollständigen Bezahlung unser Eigentum.',
    'Ihre Bestellung: Frau Größl, telefonisch.\nLieferung erfolgte an die Werkstatt.',
  ],
  en: [
    'Thank you for your business. Please quote the invoice number with your payment.',
    'Services were rendered in the calendar month before the date of this invoice.',
    'Payable without deduction. Goods remain our property until paid in full.',
  ],
  fr: [
    'Merci de votre confiance. Veuillez rappeler le numéro de facture lors du règlement.',
    'Prestations réalisées au cours du mois civil précédant la date de facturation.',
    'Pas d’escompte pour règlement anticipé.',
  ],
};

export const customerNotes: Readonly<Record<Language, readonly string[]>> = {
  de: [
    'Rechnungen bitte nur per E-Mail.', 'Ansprechpartner im August nicht erreichbar.',
    'Zahlt zuverlässig, aber spät.\nErst anrufen, dann mahnen.',
  ],
  en: ['Please send invoices by e-mail only.', 'Purchase order number is required.', 'Pays reliably, but late.'],
  fr: ['Envoyer les factures par courriel uniquement.', 'Fermé en août.', 'Règle par virement à 45 jours.'],
};
