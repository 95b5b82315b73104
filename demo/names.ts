// Names and addresses of the sample company's customers in five countries.
//
// They are random combinations of common surnames, trades and places; any resemblance to a real business is coincidental.
// E-mail addresses end in `.example` (RFC 2606), telephone numbers are from the ranges that the German, British and French
// regulators reserve for films, and tax numbers begin with zeros, as no real one does.

export type Language = 'de' | 'en' | 'fr';

export interface Region {
  readonly country: 'DE' | 'AT' | 'CH' | 'GB' | 'FR';
  readonly language: Language;
  /** Share of the customers. */
  readonly weight: number;
  readonly currency: 'EUR' | 'CHF' | 'GBP';
  readonly standardRateBp: number;
  readonly reducedRateBp: number;
  readonly givenNames: readonly string[];
  readonly surnames: readonly string[];
  /** Trades placed before a surname, as in `Tischlerei Größl`; empty where that is not customary. */
  readonly trades: readonly string[];
  /** Lines of business placed after it, as in `Größl Fördertechnik`. */
  readonly fields: readonly string[];
  readonly legalForms: readonly string[];
  readonly streets: readonly string[];
  readonly places: readonly (readonly [postalCode: string, city: string, region?: string])[];
  /** True if the house number comes before the street. */
  readonly numberFirst: boolean;
  /** In a country with numbers reserved for films: the digits before the last three. */
  readonly phonePrefixes: readonly string[];
  /** The prefix before the last seven digits. */
  readonly vatIdPrefix: string;
}

const germanGivenNames = [
  'Anneliese', 'Björn', 'Christiane', 'Dörte', 'Fabian', 'Günther', 'Hannah', 'Ingrid', 'Jörg', 'Käthe', 'Lukas', 'Mareike',
  'Nils', 'Öykü', 'Paul', 'Renate', 'Sören', 'Tobias', 'Ulrike', 'Wiebke',
];
const germanSurnames = [
  'Bäcker', 'Böhm', 'Brückner', 'Dörfler', 'Färber', 'Fröhlich', 'Gärtner', 'Größl', 'Günther', 'Häußler', 'Höfer', 'Jäger',
  'Köhler', 'König', 'Krämer', 'Kühn', 'Lößner', 'Möller', 'Müller', 'Pfäffle', 'Rößler', 'Schäfer', 'Schönfeld', 'Schütz',
  'Seidel', 'Straßer', 'Thürmer', 'Vogt', 'Weiß', 'Zöllner',
];
const germanTrades = [
  'Tischlerei', 'Bäckerei', 'Malerbetrieb', 'Gärtnerei', 'Metallbau', 'Druckerei', 'Autohaus', 'Steuerkanzlei', 'Zahnarztpraxis',
  'Architekturbüro', 'Buchhandlung', 'Möbelhaus', 'Kaffeerösterei',
];
const germanFields = [
  'Fördertechnik', 'Gebäudetechnik', 'Logistik', 'Kältetechnik', 'Messgeräte', 'Verpackungen', 'Medien', 'Maschinenbau', 'Holzbau',
];

export const regions: readonly Region[] = [
  {
    country: 'DE',
    language: 'de',
    weight: 52,
    currency: 'EUR',
    standardRateBp: 1900,
    reducedRateBp: 700,
    givenNames: germanGivenNames,
    surnames: germanSurnames,
    trades: germanTrades,
    fields: germanFields,
    legalForms: ['GmbH', 'GmbH', 'GmbH & Co. KG', 'KG', 'OHG', 'e. K.', 'AG'],
    streets: ['Hauptstraße', 'Bahnhofstraße', 'Gartenweg', 'Mühlgasse', 'Am Güterbahnhof', 'Lindenallee', 'Schloßplatz', 'Industriestraße'],
    places: [
      ['10437', 'Berlin'], ['80331', 'München', 'Bayern'], ['50667', 'Köln', 'Nordrhein-Westfalen'], ['20095', 'Hamburg'],
      ['70173', 'Stuttgart', 'Baden-Württemberg'], ['99084', 'Erfurt', 'Thüringen'], ['97070', 'Würzburg', 'Bayern'],
      ['33602', 'Bielefeld', 'Nordrhein-Westfalen'], ['23552', 'Lübeck', 'Schleswig-Holstein'], ['01067', 'Dresden', 'Sachsen'],
    ],
    numberFirst: false,
    phonePrefixes: ['+49 30 23125 ', '+49 89 99998 ', '+49 221 4710 ', '+49 40 66969 '],
    vatIdPrefix: 'DE00',
  },
  {
    country: 'AT',
    language: 'de',
    weight: 14,
    currency: 'EUR',
    standardRateBp: 2000,
    reducedRateBp: 1000,
    givenNames: germanGivenNames,
    surnames: [
      'Aigner', 'Brandstätter', 'Egger', 'Höllwarth', 'Kößler', 'Lechner', 'Mühlbacher', 'Pichler', 'Reiterer', 'Schwaiger', 'Stöckl',
    ],
    trades: germanTrades,
    fields: germanFields,
    legalForms: ['GmbH', 'GmbH', 'KG', 'OG', 'e.U.'],
    streets: ['Landstraße', 'Kirchengasse', 'Mariahilfer Zeile', 'Salzachweg', 'Grazer Straße', 'Am Mühlbach'],
    places: [
      ['1070', 'Wien'], ['5020', 'Salzburg'], ['8010', 'Graz', 'Steiermark'],
      ['6020', 'Innsbruck', 'Tirol'], ['4020', 'Linz', 'Oberösterreich'],
    ],
    numberFirst: false,
    phonePrefixes: [],
    vatIdPrefix: 'ATU0',
  },
  {
    country: 'CH',
    language: 'de',
    weight: 14,
    currency: 'CHF',
    standardRateBp: 810,
    reducedRateBp: 260,
    givenNames: ['Beat', 'Corinne', 'Reto', 'Ursina', 'Urs', 'Noëmi', 'Andrin', 'Ladina', 'Jürg', 'Hélène'],
    surnames: ['Aebischer', 'Bühler', 'Caduff', 'Dällenbach', 'Favre', 'Gerber', 'Hürlimann', 'Käser', 'Lüthi', 'Rüegg', 'Zürcher'],
    trades: ['Schreinerei', 'Zimmerei', 'Käserei', 'Treuhand', 'Arztpraxis', 'Architekturbüro', 'Velogeschäft', 'Bäckerei'],
    fields: ['Holzbau', 'Präzisionsteile', 'Treuhand', 'Haustechnik', 'Medizinaltechnik', 'Transporte'],
    legalForms: ['AG', 'AG', 'GmbH', 'Sàrl'],
    streets: ['Bahnhofstrasse', 'Dorfstrasse', 'Seestrasse', 'Rue du Lac', 'Bernstrasse', 'Mühleweg'],
    places: [
      ['8004', 'Zürich', 'ZH'], ['3011', 'Bern', 'BE'], ['6003', 'Luzern', 'LU'],
      ['1204', 'Genève', 'GE'], ['7000', 'Chur', 'GR'],
    ],
    numberFirst: false,
    phonePrefixes: [],
    vatIdPrefix: 'CHE00',
  },
  {
    country: 'GB',
    language: 'en',
    weight: 10,
    currency: 'GBP',
    standardRateBp: 2000,
    reducedRateBp: 500,
    givenNames: ['Alice', 'Callum', 'Eleanor', 'Fergus', 'Harriet', 'Imogen', 'Oliver', 'Priya', 'Rhys', 'Siân'],
    surnames: ['Ashworth', 'Bellamy', 'Cartwright', 'Dunmore', 'Ellery', 'Fairclough', 'Hargreaves', 'Llewellyn', "O'Rourke", 'Whitfield'],
    trades: [],
    fields: ['Joinery', 'Brewing', 'Dental Care', 'Architects', 'Freight', 'Printworks', 'Instruments', 'Bakery', 'Garden Design'],
    legalForms: ['Ltd', 'Ltd', 'LLP', 'plc'],
    streets: ['High Street', 'Mill Lane', 'Station Road', 'Church Walk', 'Canal Wharf', "St Mary's Close"],
    places: [
      ['LS1 4DL', 'Leeds'], ['BS1 5TR', 'Bristol'], ['EH1 1YZ', 'Edinburgh', 'Scotland'],
      ['CF10 1EP', 'Cardiff', 'Wales'], ['YO1 7HH', 'York'],
    ],
    numberFirst: true,
    phonePrefixes: ['+44 20 7946 0', '+44 113 496 0', '+44 117 496 0', '+44 131 496 0'],
    vatIdPrefix: 'GB00',
  },
  {
    country: 'FR',
    language: 'fr',
    weight: 10,
    currency: 'EUR',
    standardRateBp: 2000,
    reducedRateBp: 550,
    givenNames: ['Amélie', 'Benoît', 'Chloé', 'Françoise', 'Gaël', 'Jérôme', 'Loïc', 'Maëlle', 'Noël', 'Zoé'],
    surnames: ['Béranger', 'Chénier', 'Delâge', 'Fournier', 'Gauthier', 'Hébrard', 'Lefèvre', 'Mérieu', 'Pélissier', 'Thévenot'],
    trades: ['Menuiserie', 'Boulangerie', 'Librairie', 'Cabinet', 'Atelier', 'Pépinière', 'Fromagerie', 'Imprimerie'],
    fields: ['Électricité', 'Bâtiment', 'Logistique', 'Mécanique', 'Conseil', 'Énergies'],
    legalForms: ['SARL', 'SARL', 'SAS', 'SA', 'EURL'],
    streets: ['rue de la République', 'avenue de la Gare', 'place du Marché', 'quai Saint-Michel', 'chemin des Écoliers'],
    places: [
      ['69002', 'Lyon'], ['33000', 'Bordeaux'], ['67000', 'Strasbourg', 'Grand Est'],
      ['35000', 'Rennes', 'Bretagne'], ['38000', 'Grenoble'],
    ],
    numberFirst: true,
    phonePrefixes: ['+33 1 99 00 1', '+33 2 61 91 1', '+33 4 65 71 1'],
    vatIdPrefix: 'FR0000',
  },
];
